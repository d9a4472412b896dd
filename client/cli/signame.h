/* SPDX-License-Identifier: MIT */
/*
 * signame - signals by name and number, as kill(1) takes them.
 *
 * Pure: sends nothing.
 */
#ifndef CLI_SIGNAME_H
#define CLI_SIGNAME_H

#include <stdbool.h>

/* "TERM", "SIGTERM", "term" or "15" (1 to 64); false, nothing written, for
 * anything else. */
bool cli_signal_parse(const char *text, int *signal_out);

/* "TERM"; "?" for a number without a name.  Static text. */
const char *cli_signal_name(int number);

#endif
