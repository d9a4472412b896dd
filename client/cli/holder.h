/* SPDX-License-Identifier: MIT */
/*
 * holder - "db2 pid=812 deploy.py", as the daemon says it, for people.
 *
 * Pure text.
 */
#ifndef CLI_HOLDER_H
#define CLI_HOLDER_H

#include <stdint.h>

/* The longest holder, a span and the words around them. */
#define CLI_HOLDER_TEXT 640

/* "held by db2, pid 812 (deploy.py), for 1m12s"; held_ms below 0: not known.
 * Empty when the holder is. */
void cli_holder_sentence(const char *holder, int64_t held_ms,
			 char text[CLI_HOLDER_TEXT]);

/* "held by db2:812 deploy.py for 1m12s"; "held" when nobody is named. */
void cli_holder_short(const char *holder, int64_t held_ms,
		      char text[CLI_HOLDER_TEXT]);

#endif
