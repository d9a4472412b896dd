/* SPDX-License-Identifier: MIT */
/* connect - see connect.h. */
#include "client/cli/connect.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/cli/exits.h"

const char *cli_connect_path(const struct cli_args *args)
{
	const char *path = args->socket;

	if (!path)
		path = getenv("ZKLOCK_SOCKET");
	return path && *path ? path : ZKLOCK_DEFAULT_SOCKET;
}

int cli_connect_try(const struct cli_args *args, int64_t within_ms,
		    zklock_client **client_out)
{
	struct zklock_options options = ZKLOCK_OPTIONS_INIT;

	options.socket = cli_connect_path(args);
	options.client = args->client;
	options.note = args->note;
	options.connect_timeout_ms = within_ms > 0 ? within_ms : 1;
	options.reply_timeout_ms = CLI_REPLY_MS;
	return zklock_open(client_out, &options);
}

int cli_connect_exit(int error)
{
	switch ((enum zklock_error)error) {
	case ZKLOCK_OK:
		return CLI_EXIT_OK;
	case ZKLOCK_E_BUSY:
	case ZKLOCK_E_TIMEOUT:
	case ZKLOCK_E_CANCELLED:
	case ZKLOCK_E_DEADLOCK:
		return CLI_EXIT_BUSY;
	case ZKLOCK_E_DENIED:
		return CLI_EXIT_NOPERM;
	case ZKLOCK_E_NOTFOUND:
		return CLI_EXIT_NO;
	case ZKLOCK_E_NAME:
	case ZKLOCK_E_ARGS:
	case ZKLOCK_E_SYNTAX:
	case ZKLOCK_E_UNKNOWN:
	case ZKLOCK_E_TOOLONG:
	case ZKLOCK_E_KIND:
	case ZKLOCK_E_NOTHELD:
	case ZKLOCK_E_INVAL:
		return CLI_EXIT_USAGE;
	case ZKLOCK_E_LOST:
		return CLI_EXIT_LOST;
	case ZKLOCK_E_SUSPENDED:
	case ZKLOCK_E_UNAVAILABLE:
	case ZKLOCK_E_DRAINING:
	case ZKLOCK_E_LIMIT:
	case ZKLOCK_E_VERSION:
	case ZKLOCK_E_ZK:
	case ZKLOCK_E_DISCONNECTED:
	case ZKLOCK_E_NODAEMON:
	case ZKLOCK_E_NOREPLY:
		return CLI_EXIT_UNAVAILABLE;
	case ZKLOCK_E_NOMEM:
	case ZKLOCK_E_SYS:
		return CLI_EXIT_OSERR;
	case ZKLOCK_E_HELD:
	case ZKLOCK_E_INTERNAL:
	case ZKLOCK_E_PROTOCOL:
	case ZKLOCK_E_FORKED:
		return CLI_EXIT_SOFTWARE;
	}
	return CLI_EXIT_SOFTWARE;
}

bool cli_connect_fault(zklock_client *client, int error, const char *tried,
		       struct cli_fault *fault)
{
	struct zklock_failure failure = ZKLOCK_FAILURE_INIT;
	const char *text = zklock_strerror(error);

	if (zklock_last_failure(client, &failure) == ZKLOCK_OK &&
	    failure.error == error && failure.text[0])
		text = failure.text;
	return cli_fault_set(fault, cli_connect_exit(error), "%s: %s", tried,
			     text);
}

bool cli_connect_unreachable(const struct cli_args *args, int error,
			     struct cli_fault *fault)
{
	int reason = errno;
	int exit = cli_connect_exit(error);
	const char *text = zklock_strerror(error);

	if (error == ZKLOCK_E_NODAEMON || error == ZKLOCK_E_SYS) {
		text = strerror(reason);
		if (reason == EACCES)
			exit = CLI_EXIT_NOPERM;
	}
	return cli_fault_set(fault, exit,
			     "cannot reach zklockd at %s: %s. "
			     "Try: zklock doctor",
			     cli_connect_path(args), text);
}

zklock_client *cli_connect(const struct cli_args *args, struct cli_fault *fault)
{
	zklock_client *client = NULL;
	int error = cli_connect_try(args, CLI_REPLY_MS, &client);

	if (error == ZKLOCK_OK)
		return client;
	(void)cli_connect_unreachable(args, error, fault);
	return NULL;
}

int cli_connect_raw(const struct cli_args *args, struct cli_fault *fault)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	const char *path = cli_connect_path(args);
	int fd;

	if (strlen(path) >= sizeof address.sun_path) {
		(void)cli_fault_set(fault, CLI_EXIT_USAGE,
				    "the path of the socket is too long");
		return -1;
	}
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || connect(fd, (const struct sockaddr *)&address,
			      sizeof address) < 0) {
		(void)cli_connect_unreachable(args, ZKLOCK_E_NODAEMON, fault);
		if (fd >= 0)
			(void)close(fd);
		return -1;
	}
	return fd;
}

struct answer {
	bool held;
	char reason[64];
};

static int take_answer(enum zklock_line kind, const char *line, void *userdata)
{
	struct answer *answer = userdata;
	char held[8];

	if (kind != ZKLOCK_LINE_FINAL)
		return 0;
	answer->held = zklock_row_value(line, "held", held, sizeof held) > 0 &&
		       strcmp(held, "1") == 0;
	if (zklock_row_value(line, "reason", answer->reason,
			     sizeof answer->reason) < 0)
		answer->reason[0] = '\0';
	return 0;
}

static bool ask(zklock_client *client, const char *what, uint64_t id,
		uint64_t token, struct cli_fault *fault)
{
	struct answer answer = { .held = false };
	char line[96];
	int error;

	(void)snprintf(line, sizeof line, "CHECK @%" PRIu64 " token=%" PRIu64,
		       id, token);
	error = zklock_command(client, line, take_answer, &answer);
	if (error == ZKLOCK_OK && answer.held)
		return true;
	if (error == ZKLOCK_OK || error == ZKLOCK_E_NOTFOUND ||
	    error == ZKLOCK_E_NOTHELD || error == ZKLOCK_E_LOST)
		return cli_fault_set(
		    fault, CLI_EXIT_LOST, "%s is not held any more%s%s", what,
		    answer.reason[0] ? ": " : "", answer.reason);
	return cli_connect_fault(client, error, line, fault);
}

bool cli_connect_check(const struct cli_args *args, const char *what,
		       uint64_t id, uint64_t token, struct cli_fault *fault)
{
	zklock_client *client = cli_connect(args, fault);
	bool held = client && ask(client, what, id, token, fault);

	zklock_close(client);
	return held;
}
