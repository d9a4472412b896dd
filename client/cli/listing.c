/* SPDX-License-Identifier: MIT */
/* listing - see listing.h. */
#include "client/cli/listing.h"

#include <string.h>

#define VALUE_BYTES (ZKLOCK_HOLDER_MAX + 1)

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

static void take_end(struct cli_listing *listing, const char *line)
{
	if (zklock_row_value(line, "next", listing->next,
			     sizeof listing->next) < 0)
		listing->next[0] = '\0';
	if (zklock_row_value(line, "more", listing->more,
			     sizeof listing->more) < 0)
		listing->more[0] = '\0';
}

int cli_listing_take(enum zklock_line kind, const char *line, void *userdata)
{
	struct cli_listing *listing = userdata;
	struct row row = { .line = line };

	if (kind == ZKLOCK_LINE_FINAL)
		take_end(listing, line);
	if (kind != ZKLOCK_LINE_ROW)
		return 0;
	listing->rows++;
	listing->complete = cli_table_add(listing->table, row_get, &row);
	return listing->complete ? 0 : 1;
}
