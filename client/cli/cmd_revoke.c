/* SPDX-License-Identifier: MIT */
/* cmd_revoke - ask whoever holds a lock to give it back; nobody must. */
#include <stdio.h>
#include <stdlib.h>

#include "client/cli/command.h"
#include "client/cli/connect.h"
#include "client/cli/exits.h"
#include "client/cli/quote.h"
#include "client/cli/say.h"

/* "OK asked=2" */
static int take_line(enum zklock_line kind, const char *line, void *userdata)
{
	unsigned long *asked = userdata;
	char number[32];

	if (kind == ZKLOCK_LINE_FINAL &&
	    zklock_row_value(line, "asked", number, sizeof number) > 0)
		*asked = strtoul(number, NULL, 10);
	return 0;
}

static void say_done(const struct cli_args *args, const char *name,
		     unsigned long asked)
{
	if (args->json)
		(void)printf("{\"asked\":%lu}\n", asked);
	else if (!args->quiet)
		(void)printf("%lu %s of \"%s\" asked to let go\n", asked,
			     asked == 1 ? "holder" : "holders", name);
}

int cmd_revoke(struct cli_args *args, int argc, char **argv)
{
	char tried[ZKLOCK_NAME_MAX + 16], line[ZKLOCK_LINE_MAX + 1],
	    name[CLI_QUOTE_BYTES(ZKLOCK_NAME_MAX)],
	    reason[CLI_QUOTE_BYTES(ZKLOCK_NOTE_MAX)];
	struct cli_fault fault = { 0 };
	zklock_client *client = cli_connect(args, &fault);
	unsigned long asked = 0;
	int error;

	(void)argc;
	if (!client)
		return cli_say_fault(args, &fault);
	cli_quote(argv[0], name, sizeof name);
	cli_quote(args->why ? args->why : "", reason, sizeof reason);
	(void)snprintf(line, sizeof line, "REVOKE %s reason=%s", name, reason);
	(void)snprintf(tried, sizeof tried, "revoke %s", argv[0]);
	error = zklock_command(client, line, take_line, &asked);
	if (error == ZKLOCK_OK)
		say_done(args, argv[0], asked);
	else
		(void)cli_connect_fault(client, error, tried, &fault);
	zklock_close(client);
	return cli_say_fault(args, &fault);
}
