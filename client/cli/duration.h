/* SPDX-License-Identifier: MIT */
/*
 * duration - lengths of time as people type and read them.
 *
 * Pure: no clock.  A plain number is seconds; units are ms, s, m, h and d.
 */
#ifndef CLI_DURATION_H
#define CLI_DURATION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Ten years: longer than any job, and far from every overflow. */
#define CLI_DURATION_MS_MAX (INT64_C(10) * 365 * 24 * 3600 * 1000)

/* Room for the longest text of cli_duration_text, "3650d00h" and its NUL. */
#define CLI_DURATION_TEXT 24

/*
 * "1.5", "250ms", ".5s", "2m".  A part of a millisecond counts as a whole
 * one, so that a wish to wait never becomes "do not wait".  False, and
 * nothing written, for anything else or above CLI_DURATION_MS_MAX.
 */
bool cli_duration_parse(const char *text, int64_t *ms_out);

/* "250ms", "3.1s", "1m12s", "2h03m", "3d04h" into text; below 0 counts as 0. */
void cli_duration_text(int64_t wait_ms, char text[CLI_DURATION_TEXT]);

#endif
