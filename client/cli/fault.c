/* SPDX-License-Identifier: MIT */
/* fault - see fault.h. */
#include "client/cli/fault.h"

#include <stdarg.h>
#include <stdio.h>

bool cli_fault_set(struct cli_fault *fault, int exit, const char *format, ...)
{
	va_list args;

	fault->exit = exit;
	fault->expected = false;
	va_start(args, format);
	(void)vsnprintf(fault->text, sizeof fault->text, format, args);
	va_end(args);
	return false;
}
