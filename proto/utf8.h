/* SPDX-License-Identifier: MIT */
/*
 * utf8 - which bytes are characters, and which are safe to show.
 *
 * Knows no words and no lines.  Strict: no overlong forms, no surrogates,
 * nothing past U+10FFFF.
 */
#ifndef PROTO_UTF8_H
#define PROTO_UTF8_H

#include <stdbool.h>
#include <stddef.h>

/* Length (1..4) of the character at bytes[0]; 0 when there is no valid one
 * within len bytes.  NUL and control bytes are characters here. */
size_t zkp_utf8_len(const char *bytes, size_t len);

/* C0 controls and DEL. */
bool zkp_byte_is_control(char c);

/*
 * May the valid character bytes[0..len) go to a terminal as it is?  Not so C0,
 * DEL, C1, line and paragraph separators, and what turns the direction of
 * writing around.
 */
bool zkp_utf8_is_showable(const char *bytes, size_t len);

#endif
