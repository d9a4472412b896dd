/* SPDX-License-Identifier: MIT */
/*
 * cmd_shell - the daemon's own protocol, typed by hand.
 *
 * A plain connection: what is typed goes out, what comes in is shown, events
 * and late replies too.  At the end of input the connection is half-closed,
 * so that "echo STATUS | zklock shell" shows the whole answer.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/cli/command.h"
#include "client/cli/connect.h"
#include "client/cli/edit.h"
#include "client/cli/exits.h"
#include "client/cli/say.h"

/* More than one line of the protocol; a longer one arrives in parts. */
#define CHUNK_BYTES 8192

static bool send_all(int fd, const char *bytes, size_t len)
{
	while (len > 0) {
		ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0)
			return false;
		bytes += sent;
		len -= (size_t)sent;
	}
	return true;
}

/* False at the connection's end. */
static bool show(int fd)
{
	char chunk[CHUNK_BYTES];
	ssize_t got = recv(fd, chunk, sizeof chunk, 0);

	if (got < 0 && errno == EINTR)
		return true;
	if (got <= 0)
		return false;
	cli_edit_hide();
	(void)fwrite(chunk, 1, (size_t)got, stdout);
	(void)fflush(stdout);
	cli_edit_show();
	return true;
}

/* A line for the daemon from the editor; NULL is the end of input. */
static void typed(const char *line, void *closure)
{
	int fd = *(int *)closure;

	if (line)
		(void)(send_all(fd, line, strlen(line)) &&
		       send_all(fd, "\n", 1));
	else
		(void)shutdown(fd, SHUT_WR);
}

/* False at the end of input. */
static bool piped(int fd)
{
	char chunk[CHUNK_BYTES];
	ssize_t got = read(STDIN_FILENO, chunk, sizeof chunk);

	if (got < 0 && errno == EINTR)
		return true;
	if (got > 0)
		return send_all(fd, chunk, (size_t)got);
	(void)shutdown(fd, SHUT_WR);
	return false;
}

static void converse(int fd)
{
	bool editing = cli_edit_start("zklock> ", typed, &fd);
	bool input = true;

	for (;;) {
		struct pollfd two[2] = {
			{ .fd = fd, .events = POLLIN },
			{ .fd = input ? STDIN_FILENO : -1, .events = POLLIN },
		};

		if (poll(two, 2, -1) < 0 && errno != EINTR)
			break;
		if (two[0].revents && !show(fd))
			break;
		if (two[1].revents)
			input = editing ? cli_edit_read() : piped(fd);
	}
	cli_edit_end();
}

int cmd_shell(struct cli_args *args, int argc, char **argv)
{
	struct cli_fault fault = { 0 };
	int fd = cli_connect_raw(args, &fault);

	(void)argc;
	(void)argv;
	if (fd < 0)
		return cli_say_fault(args, &fault);
	converse(fd);
	(void)close(fd);
	return CLI_EXIT_OK;
}
