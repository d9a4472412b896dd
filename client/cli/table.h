/* SPDX-License-Identifier: MIT */
/*
 * table - rows for people and, from the same description, for programs.
 *
 * Columns name the reply's keys.  --json, --raw, --noheadings and -o are
 * looked after here, and so are colours.
 */
#ifndef CLI_TABLE_H
#define CLI_TABLE_H

#include <stdbool.h>

#include "client/cli/fault.h"
#include "client/cli/options.h"

enum cli_cell {
	CLI_CELL_TEXT,
	CLI_CELL_NUMBER,
	CLI_CELL_STATE, /* text, coloured when it is in doubt */
	CLI_CELL_ID,    /* "@7"; a number in JSON */
	CLI_CELL_SPAN,  /* milliseconds in, "1m12s" or seconds out */
};

/* Rows end with one without a name. */
struct cli_column {
	const char *name; /* heading, and what -o takes */
	const char *json; /* name in JSON */
	const char *key;  /* of the row */
	enum cli_cell cell;
	bool shown; /* without -o; JSON has all */
};

struct cli_table;

/* The value of a key in a row, NULL when it has none; borrowed for the call. */
typedef const char *(*cli_row_get)(void *row, const char *key);

/* plural names the array in JSON; columns are borrowed.  NULL with fault. */
struct cli_table *cli_table_new(const char *plural,
				const struct cli_column *columns,
				const struct cli_args *args,
				struct cli_fault *fault);
void cli_table_free(struct cli_table *table); /* NULL is fine */

bool cli_table_add(struct cli_table *table, cli_row_get get, void *row);

/* To standard output. */
bool cli_table_print(struct cli_table *table);

#endif
