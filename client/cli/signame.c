/* SPDX-License-Identifier: MIT */
/* signame - see signame.h. */
#include "client/cli/signame.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#define SIGNAL_MAX 64 /* _NSIG of Linux, less the unused 0 */

bool cli_signal_parse(const char *text, int *signal_out)
{
	char *end = NULL;
	long number;

	errno = 0;
	number = strtol(text, &end, 10);
	if (end != text) {
		if (errno != 0 || *end != '\0' || number < 1 ||
		    number > SIGNAL_MAX)
			return false;
		*signal_out = (int)number;
		return true;
	}
	if (strncasecmp(text, "SIG", 3) == 0)
		text += 3;
	for (int i = 1; i <= SIGNAL_MAX; i++) {
		const char *name = sigabbrev_np(i);

		if (name && strcasecmp(text, name) == 0) {
			*signal_out = i;
			return true;
		}
	}
	return false;
}

const char *cli_signal_name(int number)
{
	const char *name = sigabbrev_np(number);

	return name ? name : "?";
}
