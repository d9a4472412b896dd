/* SPDX-License-Identifier: MIT */
/*
 * cmd_shell - the daemon's own protocol, typed by hand.
 *
 * A plain connection: what is typed goes out, what comes in is shown, events
 * and late replies too.  At the end of input the connection is half-closed,
 * so that "echo STATUS | zklock shell" shows the whole answer.
 *
 * The daemon does not read on from who does not read its answers: what cannot
 * be sent now waits, and is no reason not to read.
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

struct talk {
	int fd;
	bool editing;
	bool input;  /* there may be more */
	bool failed; /* some of it could not be sent */
	char unsent[CHUNK_BYTES];
	size_t unsent_at;
	size_t unsent_len;
};

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
	struct talk *talk = closure;

	if (!line)
		(void)shutdown(talk->fd, SHUT_WR);
	else if (!send_all(talk->fd, line, strlen(line)) ||
		 !send_all(talk->fd, "\n", 1))
		talk->failed = true;
}

/* As much of it as goes without waiting. */
static void send_some(struct talk *talk)
{
	ssize_t sent = send(talk->fd, talk->unsent + talk->unsent_at,
			    talk->unsent_len, MSG_NOSIGNAL | MSG_DONTWAIT);

	if (sent < 0 && (errno == EINTR || errno == EAGAIN))
		return;
	if (sent < 0) { /* what it said before it went is still to be read */
		talk->failed = true;
		talk->input = false;
		sent = (ssize_t)talk->unsent_len;
	}
	talk->unsent_at += (size_t)sent;
	talk->unsent_len -= (size_t)sent;
}

static void piped(struct talk *talk)
{
	ssize_t got = read(STDIN_FILENO, talk->unsent, sizeof talk->unsent);

	if (got < 0 && errno == EINTR)
		return;
	talk->unsent_at = 0;
	talk->unsent_len = got > 0 ? (size_t)got : 0;
	talk->input = got > 0;
	if (talk->input)
		send_some(talk);
	else
		(void)shutdown(talk->fd, SHUT_WR);
}

/* The connection has ended: was there more to be said? */
static bool has_more(struct talk *talk)
{
	struct pollfd more = { .fd = STDIN_FILENO, .events = POLLIN };

	if (talk->input && !talk->editing && !talk->unsent_len &&
	    poll(&more, 1, 0) == 1)
		piped(talk);
	return talk->failed || talk->unsent_len > 0;
}

/* False at the connection's end. */
static bool turn(struct talk *talk)
{
	bool listens = talk->input && !talk->unsent_len;
	struct pollfd two[2] = {
		{ .fd = talk->fd, .events = POLLIN },
		{ .fd = listens ? STDIN_FILENO : -1, .events = POLLIN },
	};

	if (talk->unsent_len)
		two[0].events |= POLLOUT;
	if (poll(two, 2, -1) < 0)
		return errno == EINTR;
	if (two[0].revents & ~POLLOUT && !show(talk->fd))
		return false;
	if (two[0].revents & POLLOUT)
		send_some(talk);
	if (two[1].revents && talk->editing)
		talk->input = cli_edit_read();
	else if (two[1].revents)
		piped(talk);
	return true;
}

int cmd_shell(struct cli_args *args, int argc, char **argv)
{
	struct cli_fault fault = { 0 };
	struct talk talk = { .input = true };

	(void)argc;
	(void)argv;
	talk.fd = cli_connect_raw(args, &fault);
	if (talk.fd < 0)
		return cli_say_fault(args, &fault);
	talk.editing = cli_edit_start("zklock> ", typed, &talk);
	while (turn(&talk))
		;
	cli_edit_end();
	if (has_more(&talk))
		(void)cli_fault_set(&fault, CLI_EXIT_UNAVAILABLE,
				    "the connection ended before all was sent");
	(void)close(talk.fd);
	return cli_say_fault(args, &fault);
}
