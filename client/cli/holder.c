/* SPDX-License-Identifier: MIT */
/* holder - see holder.h. */
#include "client/cli/holder.h"

#include <stdio.h>
#include <string.h>

#include "client/cli/duration.h"

#define PID_KEY " pid="

/* The three parts of a holder, each with its length; pid is missing for a
 * foreign one. */
struct parts {
	const char *host;
	const char *pid;
	const char *command;
	int host_len;
	int pid_len;
};

static struct parts split(const char *holder)
{
	const char *key = strstr(holder, PID_KEY);
	struct parts parts = { .host = holder,
			       .host_len = (int)strlen(holder),
			       .pid = "",
			       .command = "" };

	if (!key)
		return parts;
	parts.host_len = (int)(key - holder);
	parts.pid = key + strlen(PID_KEY);
	parts.pid_len = (int)strcspn(parts.pid, " ");
	parts.command = parts.pid + parts.pid_len;
	parts.command += *parts.command == ' ';
	return parts;
}

static void span_of(int64_t held_ms, const char *before,
		    char text[CLI_DURATION_TEXT + 8])
{
	char span[CLI_DURATION_TEXT];

	text[0] = '\0';
	if (held_ms < 0)
		return;
	cli_duration_text(held_ms, span);
	(void)snprintf(text, CLI_DURATION_TEXT + 8, "%sfor %s", before, span);
}

void cli_holder_sentence(const char *holder, int64_t held_ms,
			 char text[CLI_HOLDER_TEXT])
{
	struct parts parts = split(holder);
	char span[CLI_DURATION_TEXT + 8];
	int used;

	text[0] = '\0';
	if (!*holder)
		return;
	span_of(held_ms, ", ", span);
	used = snprintf(text, CLI_HOLDER_TEXT, "held by %.*s", parts.host_len,
			parts.host);
	if (parts.pid_len)
		used += snprintf(text + used, CLI_HOLDER_TEXT - (size_t)used,
				 ", pid %.*s", parts.pid_len, parts.pid);
	if (*parts.command)
		used += snprintf(text + used, CLI_HOLDER_TEXT - (size_t)used,
				 " (%s)", parts.command);
	(void)snprintf(text + used, CLI_HOLDER_TEXT - (size_t)used, "%s", span);
}

void cli_holder_short(const char *holder, int64_t held_ms,
		      char text[CLI_HOLDER_TEXT])
{
	struct parts parts = split(holder);
	char span[CLI_DURATION_TEXT + 8];

	span_of(held_ms, " ", span);
	if (!*holder)
		(void)snprintf(text, CLI_HOLDER_TEXT, "held%s", span);
	else
		(void)snprintf(text, CLI_HOLDER_TEXT,
			       "held by %.*s%s%.*s%s%s%s", parts.host_len,
			       parts.host, parts.pid_len ? ":" : "",
			       parts.pid_len, parts.pid,
			       *parts.command ? " " : "", parts.command, span);
}
