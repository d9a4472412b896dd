/* SPDX-License-Identifier: MIT */
/* quote - see quote.h. */
#include "client/cli/quote.h"

#include <stdio.h>

/* One byte at its longest, the closing quote and the NUL. */
#define ROOM 6

void cli_quote(const char *text, char *buf, size_t size)
{
	char *end = buf + size;

	*buf++ = '"';
	for (; *text && end - buf >= ROOM; text++) {
		unsigned char c = (unsigned char)*text;

		if (c == '"' || c == '\\')
			*buf++ = '\\';
		if (c >= ' ' && c != 0x7f)
			*buf++ = *text;
		else
			buf += snprintf(buf, ROOM, "\\x%02x", c);
	}
	*buf++ = '"';
	*buf = '\0';
}
