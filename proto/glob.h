/* SPDX-License-Identifier: MIT */
/*
 * glob - the patterns of LIST: "*" is any run of bytes (also of "/"), "?" is
 * any one byte, everything else is itself.
 *
 * No recursion and no classes: the work is at most len(pattern) * len(text)
 * steps, whatever a hostile pattern looks like.
 */
#ifndef PROTO_GLOB_H
#define PROTO_GLOB_H

#include <stdbool.h>
#include <stddef.h>

/* An empty pattern matches the empty text only. */
bool zkp_glob_match(const char *pattern, const char *text);

#endif
