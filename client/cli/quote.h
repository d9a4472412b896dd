/* SPDX-License-Identifier: MIT */
/* quote - a word of somebody's as a word of the protocol.  Judges nothing. */
#ifndef CLI_QUOTE_H
#define CLI_QUOTE_H

#include <stddef.h>

/* Each byte may take four, and there are two quotes and a NUL. */
#define CLI_QUOTE_BYTES(len) (4 * (len) + 3)

/* In double quotes, with what is no letter as \xHH.  What does not fit into
 * buf is left out: the daemon says that it is too long. */
void cli_quote(const char *text, char *buf, size_t size);

#endif
