/* SPDX-License-Identifier: MIT */
/*
 * cmd_hold - keep locks for somebody else: a script's coprocess, or units
 * that systemd binds to this one.
 */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/clock.h"
#include "client/cli/command.h"
#include "client/cli/connect.h"
#include "client/cli/exits.h"
#include "client/cli/hold.h"
#include "client/cli/json.h"
#include "client/cli/notify.h"
#include "client/cli/say.h"

static void print_json(const struct cli_hold *hold, unsigned at)
{
	const struct cli_grant *grant = &hold->grants[at];
	struct cli_json json;
	char token[24];
	char *text;

	(void)snprintf(token, sizeof token, "%" PRIu64, grant->token);
	cli_json_begin(&json, false);
	cli_json_text(&json, "name", hold->names->words[at]);
	cli_json_text(&json, "mode", cli_hold_mode(hold));
	cli_json_number(&json, "id", (int64_t)grant->id);
	cli_json_number(&json, "token", (int64_t)grant->token);
	cli_json_text(&json, "token_str", token);
	cli_json_span(&json, "waited_s", zklock_waited_ms(hold->locks[at]));
	cli_json_text(&json, "node", zklock_node(hold->locks[at]));
	text = cli_json_end(&json);
	(void)fputs(text ? text : "", stdout);
	free(text);
}

/* A line for each, all at once. */
static void print_lines(const struct cli_args *args,
			const struct cli_hold *hold)
{
	for (unsigned i = 0; i < hold->names->len; i++) {
		if (args->json)
			print_json(hold, i);
		else
			(void)printf("HELD %s id=@%" PRIu64 " token=%" PRIu64
				     " mode=%s waited_ms=%" PRId64 " node=%s",
				     hold->names->words[i], hold->grants[i].id,
				     hold->grants[i].token, cli_hold_mode(hold),
				     zklock_waited_ms(hold->locks[i]),
				     zklock_node(hold->locks[i]));
		(void)putchar('\n');
	}
	(void)fflush(stdout);
}

/* Input has ended; what is written to us is of no interest.  In the
 * background what is typed is another's (TTIN is blocked, so that it is EIO):
 * no reason to end.  Told to continue we look again. */
static bool input_ended(bool *listening)
{
	char chunk[512];
	ssize_t got = read(STDIN_FILENO, chunk, sizeof chunk);

	if (got < 0 && errno == EIO && isatty(STDIN_FILENO)) {
		*listening = false;
		return false;
	}
	return got == 0 || (got < 0 && errno != EINTR && errno != EAGAIN);
}

/* A request to end; a stop from the terminal is obeyed. */
static bool asked_to_end(const struct cli_signals *signals, bool *listening)
{
	struct cli_signal one;

	while (cli_signals_next(signals, &one)) {
		if (one.number == SIGTSTP)
			(void)raise(SIGSTOP);
		if (one.number == SIGCONT) /* to the foreground, perhaps */
			*listening = true;
		if (cli_signal_ends(one.number))
			return true;
	}
	return false;
}

static bool is_lost(const struct cli_args *args, struct cli_hold *hold)
{
	for (;;) {
		switch (cli_hold_news(hold)) {
		case CLI_NEWS_LOST:
			return true;
		case CLI_NEWS_NONE:
			return !cli_hold_is_held(hold);
		case CLI_NEWS_REVOKED:
			cli_say_warning(args, "%s", hold->revoked);
			break;
		case CLI_NEWS_SUSPENDED:
		case CLI_NEWS_RESUMED:
			break;
		}
	}
}

static bool lost_fault(const struct cli_args *args, const struct cli_hold *hold,
		       struct cli_fault *fault)
{
	return cli_fault_set(fault, args->lost_exit, "\"%s\" was lost (%s)",
			     cli_hold_about(hold),
			     hold->reason[0] ? hold->reason : "deadline");
}

/* True when it ended by wish; false with fault when by loss. */
static bool keep(const struct cli_args *args, struct cli_hold *hold,
		 const struct cli_signals *signals, struct cli_fault *fault)
{
	int timer_fd = cli_timer_open();
	bool listening = true;
	bool wished = false;

	if (timer_fd < 0)
		return cli_fault_set(fault, CLI_EXIT_OSERR, "timer: %s",
				     strerror(-timer_fd));
	for (;;) {
		bool lost = is_lost(args, hold);
		int64_t end_ms = cli_hold_until_ms(hold) - args->stop_early_ms;
		struct pollfd wait[] = {
			{ .fd = timer_fd, .events = POLLIN },
			{ .fd = signals->fd, .events = POLLIN },
			cli_hold_pollfd(hold),
			{ .fd = args->notify || !listening ? -1 : STDIN_FILENO,
			  .events = POLLIN },
		};

		if (lost || cli_clock_ms() >= end_ms) {
			(void)lost_fault(args, hold, fault);
			break;
		}
		cli_timer_set(timer_fd, end_ms);
		if (poll(wait, 4, -1) < 0)
			continue;
		wished = asked_to_end(signals, &listening) ||
			 (wait[3].revents && input_ended(&listening));
		if (wished)
			break;
	}
	(void)close(timer_fd);
	return wished;
}

static bool hold_it(const struct cli_args *args, struct cli_hold *hold,
		    const struct cli_signals *signals, struct cli_fault *fault)
{
	if (!cli_hold_connect(hold, args, signals, fault) ||
	    !cli_hold_take(hold, args, signals, fault))
		return false;
	print_lines(args, hold);
	if (args->notify)
		cli_notify("READY=1\nSTATUS=holding the lock");
	if (!keep(args, hold, signals, fault))
		return false;
	if (args->notify)
		cli_notify("STOPPING=1");
	cli_hold_release(hold);
	return true;
}

int cmd_hold(struct cli_args *args, int argc, char **argv)
{
	struct cli_names names;
	struct cli_hold hold = { .names = &names };
	struct cli_signals signals;
	struct cli_fault fault = { 0 };
	char client[ZKLOCK_CLIENT_MAX + 1];
	int error;

	if (!cli_names_read(&names, args, argc, argv, &fault))
		return cli_say_fault(args, &fault);
	cli_hold_sign(args, "zklock hold", names.text, client);
	error = cli_signals_open(&signals);
	if (error < 0)
		(void)cli_fault_set(&fault, CLI_EXIT_OSERR, "signals: %s",
				    strerror(-error));
	else
		(void)hold_it(args, &hold, &signals, &fault);
	cli_hold_end(&hold);
	return cli_say_fault(args, &fault);
}
