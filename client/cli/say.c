/* SPDX-License-Identifier: MIT */
/* say - see say.h. */
#include "client/cli/say.h"

#include <stdarg.h>
#include <stdio.h>

/* One write a line, so that lines of several wrappers do not mix. */
#define LINE_MAX_BYTES (CLI_FAULT_TEXT + 256)

static const char *name = "zklock";

void cli_say_as(const char *program)
{
	name = program;
}

const char *cli_say_name(void)
{
	return name;
}

static void say(const char *format, va_list args)
    __attribute__((format(printf, 1, 0)));

static void say(const char *format, va_list args)
{
	char line[LINE_MAX_BYTES];

	(void)vsnprintf(line, sizeof line, format, args);
	/* A terminal must not obey what came from elsewhere. */
	for (char *p = line; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	}
	(void)fprintf(stderr, "%s: %s\n", name, line);
}

void cli_say_error(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	say(format, args);
	va_end(args);
}

void cli_say_warning(const struct cli_args *args, const char *format, ...)
{
	va_list list;

	if (args->quiet)
		return;
	va_start(list, format);
	say(format, list);
	va_end(list);
}

void cli_say_verbose(const struct cli_args *args, const char *format, ...)
{
	va_list list;

	if (args->quiet || !args->verbose)
		return;
	va_start(list, format);
	say(format, list);
	va_end(list);
}

int cli_say_fault(const struct cli_args *args, const struct cli_fault *fault)
{
	if (fault->text[0] && !(fault->expected && args->quiet))
		cli_say_error("%s", fault->text);
	return fault->exit;
}
