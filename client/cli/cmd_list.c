/* SPDX-License-Identifier: MIT */
/* cmd_list - the locks that the daemon knows, a line each. */
#include <string.h>

#include "client/cli/command.h"
#include "client/cli/connect.h"
#include "client/cli/exits.h"
#include "client/cli/say.h"
#include "client/cli/table.h"

#define VALUE_BYTES (ZKLOCK_HOLDER_MAX + 1)

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

struct listing {
	struct cli_table *table;
	bool complete;
};

struct row {
	const char *line;
	char value[VALUE_BYTES];
};

/* "db1 pid=4711 socat" is shown as "db1:socat": the pid has a column. */
static void shorten_holder(char *holder)
{
	char *pid = strstr(holder, " pid=");
	char *command;

	if (!pid)
		return;
	*pid = '\0';
	command = strchr(pid + 1, ' ');
	if (!command)
		return;
	*pid = ':';
	memmove(pid + 1, command + 1, strlen(command + 1) + 1);
}

/* The value's room is the row's, lent until the next question. */
static const char *row_get(void *closure, const char *key)
{
	struct row *row = closure;
	int found;

	if (strcmp(key, "name") == 0)
		found = zklock_row_word(row->line, 0, row->value, VALUE_BYTES);
	else
		found =
		    zklock_row_value(row->line, key, row->value, VALUE_BYTES);
	if (found < 0)
		return NULL;
	if (strcmp(key, "holder") == 0)
		shorten_holder(row->value);
	return row->value;
}

static int take_row(enum zklock_line kind, const char *line, void *userdata)
{
	struct listing *listing = userdata;
	struct row row = { .line = line };

	if (kind != ZKLOCK_LINE_ROW)
		return 0;
	listing->complete = cli_table_add(listing->table, row_get, &row);
	return listing->complete ? 0 : 1;
}

static bool list(struct cli_args *args, const char *pattern,
		 struct listing *listing, struct cli_fault *fault)
{
	zklock_client *client = cli_connect(args, fault);
	int error;

	if (!client)
		return false;
	error = zklock_list(client, pattern, 0, take_row, listing);
	if (error != ZKLOCK_OK)
		(void)cli_connect_fault(client, error, "list", fault);
	else if (!listing->complete)
		(void)cli_fault_set(fault, CLI_EXIT_OSERR, "out of memory");
	zklock_close(client);
	return fault->exit == 0;
}

int cmd_list(struct cli_args *args, int argc, char **argv)
{
	struct listing listing = { .complete = true };
	struct cli_fault fault = { 0 };

	listing.table = cli_table_new("locks", columns, args, &fault);
	if (listing.table &&
	    list(args, argc > 0 ? argv[0] : NULL, &listing, &fault) &&
	    !cli_table_print(listing.table))
		(void)cli_fault_set(&fault, CLI_EXIT_OSERR,
				    "the table could not be printed");
	cli_table_free(listing.table);
	return cli_say_fault(args, &fault);
}
