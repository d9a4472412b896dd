/* SPDX-License-Identifier: MIT */
/*
 * cmd_check - is it held by us or an ancestor, and still valid?
 *
 * The grant is what "run" put into our environment, or, for a name that an
 * ancestor holds further up, what the list of locks says of that process.
 * The daemon is asked about the grant in any case.
 */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/command.h"
#include "client/cli/connect.h"
#include "client/cli/environ.h"
#include "client/cli/exits.h"
#include "client/cli/say.h"

/* No chain of processes is deeper; and a loop cannot be. */
#define ANCESTORS_MAX 1024

struct grant {
	const char *name;
	uint64_t id;
	uint64_t token;
	bool found;
};

static long parent_of(long pid)
{
	char path[40];
	char stat[512];
	const char *end;
	size_t got;
	FILE *file;

	(void)snprintf(path, sizeof path, "/proc/%ld/stat", pid);
	file = fopen(path, "re");
	if (!file)
		return 0;
	got = fread(stat, 1, sizeof stat - 1, file);
	(void)fclose(file);
	stat[got] = '\0';
	end = strrchr(stat, ')');
	return end && strlen(end) > 4 ? strtol(end + 4, NULL, 10) : 0;
}

static bool is_ancestor(long pid)
{
	long one = getpid();

	for (int i = 0; i < ANCESTORS_MAX && one > 0; i++) {
		if (one == pid)
			return true;
		one = parent_of(one);
	}
	return false;
}

static uint64_t number_in(const char *line, const char *key)
{
	char value[32];

	if (zklock_row_value(line, key, value, sizeof value) <= 0)
		return 0;
	return strtoull(value + (value[0] == '@'), NULL, 10);
}

static int take_row(enum zklock_line kind, const char *line, void *userdata)
{
	struct grant *grant = userdata;
	char name[ZKLOCK_NAME_MAX + 1];

	if (kind != ZKLOCK_LINE_ROW || grant->found ||
	    zklock_row_word(line, 0, name, sizeof name) < 0 ||
	    strcmp(name, grant->name) != 0)
		return 0;
	grant->id = number_in(line, "id");
	grant->token = number_in(line, "token");
	grant->found = grant->id && grant->token &&
		       is_ancestor((long)number_in(line, "pid"));
	return 0;
}

static bool look_up(const struct cli_args *args, struct grant *grant,
		    struct cli_fault *fault)
{
	zklock_client *client = cli_connect(args, fault);
	int error;

	if (!client)
		return false;
	error = zklock_list(client, NULL, ZKLOCK_LIST_HELD, take_row, grant);
	if (error != ZKLOCK_OK)
		(void)cli_connect_fault(client, error, "list", fault);
	else if (!grant->found)
		(void)cli_fault_set(fault, CLI_EXIT_NO,
				    "\"%s\" is held by no process of ours",
				    grant->name);
	zklock_close(client);
	return grant->found && error == ZKLOCK_OK;
}

/* "@7": the token is --token, or the environment's if that is its id. */
static bool by_id(const struct cli_args *args, struct grant *grant,
		  struct cli_fault *fault)
{
	char *end = NULL;

	errno = 0;
	grant->id = strtoull(grant->name + 1, &end, 10);
	if (errno != 0 || end == grant->name + 1 || *end != '\0')
		return cli_fault_set(fault, CLI_EXIT_USAGE, "\"%s\" is no id",
				     grant->name);
	grant->token = args->token;
	if (grant->token == 0 && !cli_environ_token(grant->id, &grant->token))
		return cli_fault_set(fault, CLI_EXIT_USAGE,
				     "%s is not that of $ZKLOCK_ID: say "
				     "--token",
				     grant->name);
	return true;
}

static bool find(const struct cli_args *args, struct grant *grant,
		 struct cli_fault *fault)
{
	if (grant->name[0] == '@')
		return by_id(args, grant, fault);
	if (cli_environ_grant(grant->name, &grant->id, &grant->token))
		return true;
	return look_up(args, grant, fault);
}

int cmd_check(struct cli_args *args, int argc, char **argv)
{
	struct grant grant = { .name = argv[0] };
	struct cli_fault fault = { 0 };

	(void)argc;
	if (find(args, &grant, &fault) &&
	    cli_connect_check(args, grant.name, grant.id, grant.token,
			      &fault)) {
		cli_say_verbose(args,
				"%s is held: @%" PRIu64 ", token %" PRIu64,
				grant.name, grant.id, grant.token);
		return CLI_EXIT_OK;
	}
	if (fault.exit == CLI_EXIT_LOST)
		fault.exit = CLI_EXIT_NO;
	fault.expected = fault.exit == CLI_EXIT_NO;
	return cli_say_fault(args, &fault);
}
