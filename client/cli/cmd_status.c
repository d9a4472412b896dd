/* SPDX-License-Identifier: MIT */
/*
 * cmd_status - what the daemon says of itself, a key and a value a line: the
 * commands status and stats.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/command.h"
#include "client/cli/connect.h"
#include "client/cli/duration.h"
#include "client/cli/exits.h"
#include "client/cli/json.h"
#include "client/cli/say.h"

#define KEY_BYTES   64
#define KEY_COLUMN  28
#define VALUE_BYTES 1024

/* For people when json is NULL. */
struct listing {
	struct cli_json *json;
};

/* Digits only, and no more than fit; "0x1f" and "007" stay text. */
static void typed(struct cli_json *json, const char *key, const char *value)
{
	char *end = NULL;
	long long number;

	errno = 0;
	number = strtoll(value, &end, 10);
	if (errno == 0 && end != value && *end == '\0' &&
	    (*value != '0' || value[1] == '\0') && *value != ' ' &&
	    *value != '+')
		cli_json_number(json, key, number);
	else
		cli_json_text(json, key, value);
}

/* "key value", where the value may be quoted or several words. */
static bool split(const char *line, char key[KEY_BYTES],
		  char value[VALUE_BYTES])
{
	size_t chars = strcspn(line, " ");

	if (chars == 0 || chars >= KEY_BYTES)
		return false;
	memcpy(key, line, chars);
	key[chars] = '\0';
	line += chars + (line[chars] == ' ');
	if (*line == '"')
		return zklock_row_word(line, 0, value, VALUE_BYTES) >= 0;
	(void)snprintf(value, VALUE_BYTES, "%s", line);
	return true;
}

/* "timeout_ms 12000" is a span: "timeout 12.0s" for people, "timeout_s" and
 * seconds in JSON.  until_ms is a point in time and stays what it is. */
static bool is_span(const char *key, const char *value)
{
	size_t len = strlen(key);

	return len > 3 && strcmp(key + len - 3, "_ms") == 0 &&
	       strcmp(key, "until_ms") != 0 && *value &&
	       value[strspn(value, "0123456789")] == '\0';
}

static void tell_span(const struct listing *listing, char key[KEY_BYTES],
		      const char *value)
{
	int64_t span_ms = strtoll(value, NULL, 10);
	char text[CLI_DURATION_TEXT];

	key[strlen(key) - 2] = 's';
	key[strlen(key) - 1] = '\0';
	if (listing->json) {
		cli_json_span(listing->json, key, span_ms);
		return;
	}
	key[strlen(key) - 2] = '\0';
	cli_duration_text(span_ms, text);
	(void)printf("%-*s %s\n", KEY_COLUMN, key, text);
}

static int take_row(enum zklock_line kind, const char *line, void *userdata)
{
	struct listing *listing = userdata;
	char key[KEY_BYTES];
	char value[VALUE_BYTES];

	if (kind != ZKLOCK_LINE_ROW || !split(line, key, value))
		return 0;
	if (is_span(key, value))
		tell_span(listing, key, value);
	else if (listing->json)
		typed(listing->json, key, value);
	else
		(void)printf("%-*s %s\n", KEY_COLUMN, key, value);
	return 0;
}

static int tell(struct cli_args *args, const char *verb)
{
	struct cli_json json;
	struct listing listing = { .json = args->json ? &json : NULL };
	struct cli_fault fault = { 0 };
	zklock_client *client = cli_connect(args, &fault);
	int error = ZKLOCK_OK;
	char *text;

	cli_json_begin(&json, true);
	if (client)
		error = zklock_command(client, verb, take_row, &listing);
	text = cli_json_end(&json);
	if (error != ZKLOCK_OK)
		(void)cli_connect_fault(client, error, verb, &fault);
	if (!text)
		(void)cli_fault_set(&fault, CLI_EXIT_OSERR, "out of memory");
	if (fault.exit == 0 && args->json)
		(void)puts(text);
	free(text);
	zklock_close(client);
	return cli_say_fault(args, &fault);
}

int cmd_status(struct cli_args *args, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return tell(args, "STATUS");
}

int cmd_stats(struct cli_args *args, int argc, char **argv)
{
	(void)argc;
	(void)argv;
	return tell(args, "STATS");
}
