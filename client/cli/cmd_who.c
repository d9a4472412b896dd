/* SPDX-License-Identifier: MIT */
/* cmd_who - the whole queue of a lock, over all hosts. */
#include <stdio.h>

#include "client/cli/command.h"
#include "client/cli/connect.h"
#include "client/cli/exits.h"
#include "client/cli/listing.h"
#include "client/cli/quote.h"
#include "client/cli/say.h"

static const struct cli_column columns[] = {
	{ "POS", "pos", "pos", CLI_CELL_NUMBER, true },
	{ "STATE", "state", "state", CLI_CELL_TEXT, true },
	{ "MODE", "mode", "mode", CLI_CELL_TEXT, true },
	{ "WHO", "who", "who", CLI_CELL_TEXT, true },
	{ "HOLDER", "holder", "holder", CLI_CELL_TEXT, true },
	{ "PID", "pid", "pid", CLI_CELL_NUMBER, true },
	{ "AGE", "age_s", "age_ms", CLI_CELL_SPAN, true },
	{ "NOTE", "note", "note", CLI_CELL_TEXT, true },
	{ "HOST", "host", "host", CLI_CELL_TEXT, false },
	{ "UID", "uid", "uid", CLI_CELL_NUMBER, false },
	{ "CMD", "cmd", "cmd", CLI_CELL_TEXT, false },
	{ "NODE", "node", "node", CLI_CELL_TEXT, false },
	{ "NAME", "name", "name", CLI_CELL_TEXT, false },
	{ 0 },
};

static void ask(struct cli_args *args, const char *name,
		struct cli_listing *listing, struct cli_fault *fault)
{
	char quoted[CLI_QUOTE_BYTES(ZKLOCK_NAME_MAX)];
	char line[ZKLOCK_LINE_MAX + 1];
	zklock_client *client = cli_connect(args, fault);
	int error;

	if (!client)
		return;
	cli_quote(name, quoted, sizeof quoted);
	(void)snprintf(line, sizeof line, "WHO %s", quoted);
	error = zklock_command(client, line, cli_listing_take, listing);
	if (error != ZKLOCK_OK)
		(void)cli_connect_fault(client, error, "who", fault);
	else if (!listing->complete)
		(void)cli_fault_set(fault, CLI_EXIT_OSERR, "out of memory");
	zklock_close(client);
}

int cmd_who(struct cli_args *args, int argc, char **argv)
{
	struct cli_listing listing = { .complete = true };
	struct cli_fault fault = { 0 };

	(void)argc;
	listing.table = cli_table_new("queue", columns, args, &fault);
	if (listing.table)
		ask(args, argv[0], &listing, &fault);
	if (fault.exit == 0 && !cli_table_print(listing.table))
		(void)cli_fault_set(&fault, CLI_EXIT_OSERR,
				    "the table could not be printed");
	if (fault.exit == 0 && *listing.more && !args->quiet)
		(void)fprintf(stderr, "zklock: %s more behind them\n",
			      listing.more);
	cli_table_free(listing.table);
	return cli_say_fault(args, &fault);
}
