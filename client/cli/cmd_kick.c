/* SPDX-License-Identifier: MIT */
/* cmd_kick - end a hold or a wait of somebody else, by its id. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/command.h"
#include "client/cli/connect.h"
#include "client/cli/duration.h"
#include "client/cli/exits.h"
#include "client/cli/quote.h"
#include "client/cli/say.h"

#define ID_DIGITS_MAX 19

struct kicked {
	char name[ZKLOCK_NAME_MAX + 1];
	int64_t grace_ms;
};

/* "OK name=backup id=@7 grace_ms=3000" */
static int take_line(enum zklock_line kind, const char *line, void *userdata)
{
	struct kicked *kicked = userdata;
	char grace[32];

	if (kind != ZKLOCK_LINE_FINAL)
		return 0;
	if (zklock_row_value(line, "name", kicked->name, sizeof kicked->name) <
	    0)
		kicked->name[0] = '\0';
	if (zklock_row_value(line, "grace_ms", grace, sizeof grace) > 0)
		kicked->grace_ms = strtoll(grace, NULL, 10);
	return 0;
}

static bool is_id(const char *text)
{
	size_t digits = strspn(text + (*text == '@'), "0123456789");

	return *text == '@' && digits > 0 && digits <= ID_DIGITS_MAX &&
	       text[1 + digits] == '\0';
}

static void say_done(const struct cli_args *args, const char *id,
		     const struct kicked *kicked)
{
	char span[CLI_DURATION_TEXT];

	cli_duration_text(kicked->grace_ms, span);
	if (args->quiet)
		return;
	if (kicked->grace_ms)
		(void)printf("%s (%s) is over in %s\n", id, kicked->name, span);
	else
		(void)printf("%s (%s) is over\n", id, kicked->name);
}

int cmd_kick(struct cli_args *args, int argc, char **argv)
{
	char tried[32], line[ZKLOCK_LINE_MAX + 1],
	    reason[CLI_QUOTE_BYTES(ZKLOCK_NOTE_MAX)];
	struct kicked kicked = { .grace_ms = 0 };
	struct cli_fault fault = { 0 };
	zklock_client *client = NULL;
	int error;

	(void)argc;
	if (!is_id(argv[0])) {
		(void)cli_fault_set(&fault, CLI_EXIT_USAGE,
				    "\"%s\" is no id such as @7. Try: zklock "
				    "list -o +ID",
				    argv[0]);
		return cli_say_fault(args, &fault);
	}
	client = cli_connect(args, &fault);
	if (!client)
		return cli_say_fault(args, &fault);
	cli_quote(args->why ? args->why : "", reason, sizeof reason);
	(void)snprintf(line, sizeof line, "KICK %s reason=%s", argv[0], reason);
	(void)snprintf(tried, sizeof tried, "kick %s", argv[0]);
	error = zklock_command(client, line, take_line, &kicked);
	if (error == ZKLOCK_OK)
		say_done(args, argv[0], &kicked);
	else
		(void)cli_connect_fault(client, error, tried, &fault);
	zklock_close(client);
	return cli_say_fault(args, &fault);
}
