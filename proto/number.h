/* SPDX-License-Identifier: MIT */
/*
 * number - numbers and durations, read strictly.
 *
 * Digits only: no sign, no blank, no "0x", no exponent, no leading zero, no
 * empty text, nothing behind the last digit, nothing that overflows.  What is
 * refused is never taken for another number.
 */
#ifndef PROTO_NUMBER_H
#define PROTO_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All of these write their result only when they return true. */

/* Decimal, 0 .. max. */
bool zkp_u64_read(const char *text, uint64_t max, uint64_t *value_out);
/* Decimal with an optional "-"; "-0" is refused. */
bool zkp_i64_read(const char *text, int64_t *value_out);
/* "0x" and 1 to 16 lower or upper case digits, as sessions are written. */
bool zkp_hex_read(const char *text, uint64_t *value_out);
/*
 * "1500ms" "1.5s" "2" (seconds) "90m" "1h" "1d", at most nine digits behind
 * the point.  A part of a millisecond counts as a whole one, so that only 0
 * is 0.  More than ZKP_WAIT_MS_MAX is refused.
 */
bool zkp_duration_read(const char *text, int64_t *ms_out);

#endif
