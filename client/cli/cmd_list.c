/* SPDX-License-Identifier: MIT */
/* cmd_list - the locks that the daemon knows, or the cluster's, a line each. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/command.h"
#include "client/cli/connect.h"
#include "client/cli/exits.h"
#include "client/cli/listing.h"
#include "client/cli/quote.h"
#include "client/cli/say.h"

static const struct cli_column columns[] = {
	{ "NAME", "name", "name", CLI_CELL_TEXT, true },
	{ "MODE", "mode", "mode", CLI_CELL_TEXT, true },
	{ "SLOTS", "slots", "slots", CLI_CELL_NUMBER, false },
	{ "STATE", "state", "state", CLI_CELL_STATE, true },
	{ "HOLDER", "holder", "holder", CLI_CELL_TEXT, true },
	{ "PID", "pid", "pid", CLI_CELL_NUMBER, true },
	{ "TOKEN", "token", "token", CLI_CELL_NUMBER, true },
	{ "TOKEN_STR", "token_str", "token", CLI_CELL_TEXT, false },
	{ "WAITERS", "waiters", "waiters", CLI_CELL_NUMBER, true },
	{ "HELD", "held_s", "held_ms", CLI_CELL_SPAN, true },
	{ "WAITED", "waited_s", "waited_ms", CLI_CELL_SPAN, false },
	{ "UID", "uid", "uid", CLI_CELL_NUMBER, false },
	{ "ID", "id", "id", CLI_CELL_ID, false },
	{ "NOTE", "note", "note", CLI_CELL_TEXT, false },
	{ 0 },
};

static const struct cli_column cluster_columns[] = {
	{ "NAME", "name", "name", CLI_CELL_TEXT, true },
	{ "MODE", "mode", "mode", CLI_CELL_TEXT, true },
	{ "BIDS", "bids", "bids", CLI_CELL_NUMBER, true },
	{ "HOLDER", "holder", "holder", CLI_CELL_TEXT, true },
	{ "PID", "pid", "pid", CLI_CELL_NUMBER, true },
	{ "AGE", "age_s", "age_ms", CLI_CELL_SPAN, true },
	{ "WHO", "who", "who", CLI_CELL_TEXT, false },
	{ "HOST", "host", "host", CLI_CELL_TEXT, false },
	{ "UID", "uid", "uid", CLI_CELL_NUMBER, false },
	{ "NOTE", "note", "note", CLI_CELL_TEXT, false },
	{ 0 },
};

/* Page by page until there is no next one. */
static int list_all(zklock_client *client, const char *pattern,
		    struct cli_listing *listing)
{
	char after[CLI_QUOTE_BYTES(ZKLOCK_NAME_MAX)] = "";
	char shown[CLI_QUOTE_BYTES(ZKLOCK_NAME_MAX)] = "";
	char line[ZKLOCK_LINE_MAX + 1];
	int error;

	if (pattern)
		cli_quote(pattern, shown, sizeof shown);
	do {
		(void)snprintf(line, sizeof line, "LIST%s%s scope=cluster%s%s",
			       *shown ? " " : "", shown,
			       *after ? " after=" : "", after);
		error = zklock_command(client, line, cli_listing_take, listing);
		cli_quote(listing->next, after, sizeof after);
	} while (error == ZKLOCK_OK && listing->complete && *listing->next);
	return error;
}

static bool list(struct cli_args *args, const char *pattern,
		 struct cli_listing *listing, struct cli_fault *fault)
{
	zklock_client *client = cli_connect(args, fault);
	int error;

	if (!client)
		return false;
	if (args->all)
		error = list_all(client, pattern, listing);
	else
		error =
		    zklock_list(client, pattern, 0, cli_listing_take, listing);
	if (error != ZKLOCK_OK)
		(void)cli_connect_fault(client, error, "list", fault);
	else if (!listing->complete)
		(void)cli_fault_set(fault, CLI_EXIT_OSERR, "out of memory");
	zklock_close(client);
	return fault->exit == 0;
}

/* Nothing here is not nothing at all: said to a person, never to a script. */
static void hint(const struct cli_args *args, const char *pattern,
		 const struct cli_listing *listing)
{
	if (listing->rows || args->all || args->quiet || args->json ||
	    !isatty(STDOUT_FILENO))
		return;
	(void)fprintf(stderr,
		      "no locks%s%s on this host; other hosts: zklock list "
		      "-a%s%s\n",
		      pattern ? " like " : "", pattern ? pattern : "",
		      pattern ? " " : "", pattern ? pattern : "");
}

int cmd_list(struct cli_args *args, int argc, char **argv)
{
	struct cli_listing listing = { .complete = true };
	const char *pattern = argc > 0 ? argv[0] : NULL;
	struct cli_fault fault = { 0 };

	listing.table = cli_table_new(
	    "locks", args->all ? cluster_columns : columns, args, &fault);
	if (listing.table && list(args, pattern, &listing, &fault)) {
		if (cli_table_print(listing.table))
			hint(args, pattern, &listing);
		else
			(void)cli_fault_set(&fault, CLI_EXIT_OSERR,
					    "the table could not be printed");
	}
	cli_table_free(listing.table);
	return cli_say_fault(args, &fault);
}
