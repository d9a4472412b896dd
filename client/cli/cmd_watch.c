/* SPDX-License-Identifier: MIT */
/*
 * cmd_watch - what happens to the locks of this host, a line each, until a
 * signal comes or the daemon goes.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/cli/command.h"
#include "client/cli/connect.h"
#include "client/cli/duration.h"
#include "client/cli/exits.h"
#include "client/cli/holder.h"
#include "client/cli/json.h"
#include "client/cli/say.h"

#define VALUE_BYTES (ZKLOCK_HOLDER_MAX + 1)
#define WORD_BYTES  (ZKLOCK_NAME_MAX + 1)
#define TIME_BYTES  40

struct watching {
	bool json;
	bool failed; /* nobody takes our lines any more */
};

enum kind {
	KIND_TEXT,
	KIND_NUMBER,
	KIND_ID,
	KIND_TOKEN,
	KIND_SPAN,
};

static const struct {
	const char *key;
	const char *json;
	enum kind kind;
} fields[] = {
	{ "id", "id", KIND_ID },
	{ "mode", "mode", KIND_TEXT },
	{ "holder", "holder", KIND_TEXT },
	{ "pid", "pid", KIND_NUMBER },
	{ "uid", "uid", KIND_NUMBER },
	{ "token", "token", KIND_TOKEN },
	{ "reason", "reason", KIND_TEXT },
	{ "held_ms", "held_s", KIND_SPAN },
	{ "waiters", "waiters", KIND_NUMBER },
	{ "note", "note", KIND_TEXT },
};
#define FIELDS (sizeof fields / sizeof *fields)

static void time_now(char text[TIME_BYTES])
{
	time_t now = time(NULL);
	struct tm local;

	text[0] = '\0';
	if (localtime_r(&now, &local))
		(void)strftime(text, TIME_BYTES, "%Y-%m-%dT%H:%M:%S%z", &local);
}

static void add_field(struct cli_json *json, size_t i, const char *value)
{
	long long number = strtoll(value + (*value == '@'), NULL, 10);

	switch (fields[i].kind) {
	case KIND_TEXT:
		cli_json_text(json, fields[i].json, value);
		break;
	case KIND_NUMBER:
	case KIND_ID:
		cli_json_number(json, fields[i].json, number);
		break;
	case KIND_TOKEN: /* past 2^53 some readers lose digits */
		cli_json_number(json, fields[i].json, number);
		cli_json_text(json, "token_str", value);
		break;
	case KIND_SPAN:
		cli_json_span(json, fields[i].json, number);
		break;
	}
}

static void tell_json(const char *line, const char *event, const char *subject)
{
	char value[VALUE_BYTES], now[TIME_BYTES];
	struct cli_json json;
	char *text;

	time_now(now);
	cli_json_begin(&json, false);
	cli_json_text(&json, "time", now);
	cli_json_text(&json, "event", event);
	if (strcmp(event, "DROPPED") == 0)
		cli_json_number(&json, "lines", strtoll(subject, NULL, 10));
	else
		cli_json_text(&json, "name", subject);
	for (size_t i = 0; i < FIELDS; i++) {
		if (zklock_row_value(line, fields[i].key, value,
				     sizeof value) >= 0)
			add_field(&json, i, value);
	}
	text = cli_json_end(&json);
	(void)puts(text ? text : "");
	free(text);
}

/* "" when the line has no such key. */
static void value_of(const char *line, const char *key, char value[VALUE_BYTES])
{
	if (zklock_row_value(line, key, value, VALUE_BYTES) < 0)
		value[0] = '\0';
	/* A terminal must not obey what came from elsewhere. */
	for (char *p = value; *p; p++) {
		if ((unsigned char)*p < ' ' || *p == 0x7f)
			*p = '?';
	}
}

static void tell_waiters(const char *line)
{
	char waiters[VALUE_BYTES];

	value_of(line, "waiters", waiters);
	if (strcmp(waiters, "0") != 0)
		(void)printf(", %s waiting", waiters);
	(void)putchar('\n');
}

static void tell_people(const char *line, const char *event,
			const char *subject)
{
	char one[VALUE_BYTES], two[VALUE_BYTES], now[TIME_BYTES];
	char who[CLI_HOLDER_TEXT], span[CLI_DURATION_TEXT];

	time_now(now);
	if (strcmp(event, "DROPPED") == 0) {
		(void)printf("%s %s lines were left out, we read too slowly. "
			     "Try: zklock list\n",
			     now, subject);
		return;
	}
	(void)printf("%s %-6s %s", now, event, subject);
	if (strcmp(event, "HELD") == 0) {
		value_of(line, "holder", one);
		value_of(line, "token", two);
		cli_holder_short(one, -1, who);
		(void)printf(" %s, token %s", who, two);
	} else if (strcmp(event, "FREED") == 0) {
		value_of(line, "reason", one);
		value_of(line, "held_ms", two);
		cli_duration_text(strtoll(two, NULL, 10), span);
		(void)printf(" %s after %s", one, span);
	} else {
		value_of(line, "waiters", one);
		(void)printf(" %s waiting\n", one);
		return;
	}
	tell_waiters(line);
}

static int take_line(enum zklock_line kind, const char *line, void *userdata)
{
	struct watching *watching = userdata;
	char event[WORD_BYTES], subject[WORD_BYTES];

	if (kind != ZKLOCK_LINE_EVENT ||
	    zklock_row_word(line, 0, event, sizeof event) < 0 ||
	    zklock_row_word(line, 1, subject, sizeof subject) < 0)
		return 0;
	if (watching->json)
		tell_json(line, event, subject);
	else
		tell_people(line, event, subject);
	/* Somebody reads along: each line at once. */
	watching->failed = fflush(stdout) != 0;
	return watching->failed;
}

static void follow(zklock_client *client, const struct watching *watching)
{
	struct pollfd wait = { .fd = zklock_get_fd(client) };

	do {
		if (zklock_process(client) < 0)
			return;
		wait.events = (short)zklock_get_events(client);
		if (poll(&wait, 1, -1) < 0 && errno != EINTR)
			return;
	} while (!watching->failed);
}

int cmd_watch(struct cli_args *args, int argc, char **argv)
{
	struct watching watching = { .json = args->json };
	struct cli_fault fault = { 0 };
	zklock_client *client = cli_connect(args, &fault);
	int error;

	if (!client)
		return cli_say_fault(args, &fault);
	error = zklock_watch(client, argc > 0 ? argv[0] : NULL, take_line,
			     &watching);
	if (error == ZKLOCK_OK) {
		follow(client, &watching);
		if (!watching.failed)
			(void)cli_fault_set(&fault, CLI_EXIT_UNAVAILABLE,
					    "zklockd has gone");
	} else {
		(void)cli_connect_fault(client, error, "watch", &fault);
	}
	zklock_close(client);
	return cli_say_fault(args, &fault);
}
