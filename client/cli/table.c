/* SPDX-License-Identifier: MIT */
/* table - see table.h. */
#include "client/cli/table.h"

#include <errno.h>
#include <inttypes.h>
#include <libsmartcols.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "client/cli/duration.h"
#include "client/cli/exits.h"

/* More columns than any table here has. */
#define COLUMNS_MAX 32

struct cli_table {
	struct libscols_table *scols;
	const struct cli_column *columns[COLUMNS_MAX];
	size_t count;
	bool json;
};

static const struct cli_column *column_find(const struct cli_column *columns,
					    const char *name, size_t chars)
{
	for (; columns->name; columns++) {
		if (strlen(columns->name) == chars &&
		    strncasecmp(columns->name, name, chars) == 0)
			return columns;
	}
	return NULL;
}

static void choose(struct cli_table *table, const struct cli_column *column)
{
	for (size_t i = 0; i < table->count; i++) {
		if (table->columns[i] == column)
			return;
	}
	if (table->count < COLUMNS_MAX)
		table->columns[table->count++] = column;
}

/* What -o says: a list instead of what is shown, or "+" and some more. */
static bool choose_all(struct cli_table *table,
		       const struct cli_column *columns, const char *list,
		       struct cli_fault *fault)
{
	if (!list || *list == '+') {
		for (const struct cli_column *c = columns; c->name; c++) {
			if (c->shown || (table->json && !list))
				choose(table, c);
		}
	}
	if (list && *list == '+')
		list++;
	while (list && *list) {
		size_t chars = strcspn(list, ",");
		const struct cli_column *c = column_find(columns, list, chars);

		if (!c)
			return cli_fault_set(fault, CLI_EXIT_USAGE,
					     "-o: there is no column \"%.*s\"",
					     (int)chars, list);
		choose(table, c);
		list += chars;
		list += *list == ',';
	}
	if (table->count == 0)
		return cli_fault_set(fault, CLI_EXIT_USAGE,
				     "-o: names no column");
	return true;
}

static bool is_right(enum cli_cell cell)
{
	return cell == CLI_CELL_NUMBER || cell == CLI_CELL_ID ||
	       cell == CLI_CELL_SPAN;
}

static bool columns_make(struct cli_table *table)
{
	for (size_t i = 0; i < table->count; i++) {
		const struct cli_column *c = table->columns[i];
		struct libscols_column *made = scols_table_new_column(
		    table->scols, table->json ? c->json : c->name, 0,
		    is_right(c->cell) ? SCOLS_FL_RIGHT : 0);

		if (!made)
			return false;
		if (is_right(c->cell) &&
		    scols_column_set_json_type(made, SCOLS_JSON_NUMBER) != 0)
			return false;
	}
	return true;
}

static bool wants_colors(const struct cli_args *args)
{
	const char *no = getenv("NO_COLOR");

	return !args->no_color && !(no && *no) && isatty(STDOUT_FILENO) == 1;
}

static bool set_up(struct cli_table *table, const char *plural,
		   const struct cli_args *args)
{
	struct libscols_table *scols = table->scols;

	return scols_table_set_name(scols, plural) == 0 &&
	       scols_table_enable_json(scols, args->json) == 0 &&
	       scols_table_enable_raw(scols, args->raw && !args->json) == 0 &&
	       scols_table_enable_noheadings(scols, args->noheadings) == 0 &&
	       scols_table_enable_colors(scols, wants_colors(args)) == 0 &&
	       columns_make(table);
}

struct cli_table *cli_table_new(const char *plural,
				const struct cli_column *columns,
				const struct cli_args *args,
				struct cli_fault *fault)
{
	struct cli_table *table = calloc(1, sizeof *table);

	if (!table)
		goto fail;
	table->json = args->json;
	if (!choose_all(table, columns, args->columns, fault)) {
		free(table);
		return NULL;
	}
	scols_init_debug(0);
	table->scols = scols_new_table();
	if (table->scols && set_up(table, plural, args))
		return table;
fail:
	cli_table_free(table);
	(void)cli_fault_set(fault, CLI_EXIT_OSERR, "out of memory");
	return NULL;
}

void cli_table_free(struct cli_table *table)
{
	if (!table)
		return;
	scols_unref_table(table->scols);
	free(table);
}

/* How a value looks: in JSON as a number of seconds, else for reading. */
static void span_text(bool json, const char *value, char *text, size_t size)
{
	char human[CLI_DURATION_TEXT];
	int64_t span_ms = strtoll(value, NULL, 10);

	cli_duration_text(span_ms, human);
	if (json)
		(void)snprintf(text, size, "%" PRId64 ".%03d", span_ms / 1000,
			       abs((int)(span_ms % 1000)));
	else
		(void)snprintf(text, size, "%s", human);
}

static bool cell_set(const struct cli_table *table, struct libscols_line *line,
		     size_t i, const char *value)
{
	const struct cli_column *c = table->columns[i];
	char text[2 * CLI_DURATION_TEXT];

	if (!value || !*value)
		return true;
	if (c->cell == CLI_CELL_ID && table->json)
		value += *value == '@';
	if (c->cell == CLI_CELL_SPAN) {
		span_text(table->json, value, text, sizeof text);
		value = text;
	}
	if (c->cell == CLI_CELL_STATE && strcmp(value, "suspended") == 0 &&
	    scols_cell_set_color(scols_line_get_cell(line, i), "yellow") != 0)
		return false;
	return scols_line_set_data(line, i, value) == 0;
}

bool cli_table_add(struct cli_table *table, cli_row_get get, void *row)
{
	struct libscols_line *line = scols_table_new_line(table->scols, NULL);

	if (!line)
		return false;
	for (size_t i = 0; i < table->count; i++) {
		if (!cell_set(table, line, i, get(row, table->columns[i]->key)))
			return false;
	}
	return true;
}

bool cli_table_print(struct cli_table *table)
{
	return scols_print_table(table->scols) == 0;
}
