/* SPDX-License-Identifier: MIT */
/*
 * optable - the rows: every option of every command, and what it sets.
 *
 * A row fits one line.  zklock.1 describes each of them; a check compares.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/duration.h"
#include "client/cli/exits.h"
#include "client/cli/options.h"
#include "client/cli/signame.h"
#include "client/zklock.h"

#define NOTE_BYTES_MAX 256 /* the protocol's bound */

void cli_args_init(struct cli_args *args)
{
	*args = (struct cli_args){
		.wait_ms = CLI_WAIT_FOREVER_MS,
		.conflict_exit = CLI_EXIT_BUSY,
		.lost_exit = CLI_EXIT_LOST,
		.connect_timeout_ms = CLI_UNSET,
		.kill_after_ms = CLI_UNSET,
		.max_run_ms = CLI_NEVER_MS,
		.signal = 15, /* TERM */
		.report_fd = CLI_UNSET,
	};
}

static bool number(const char *text, long max, long *number_out)
{
	char *end = NULL;
	long value;

	errno = 0;
	value = strtol(text, &end, 10);
	if (errno != 0 || end == text || *end != '\0' || value < 0 ||
	    value > max)
		return false;
	*number_out = value;
	return true;
}

static bool duration(const char *value, int64_t *ms_out, const char *option,
		     struct cli_fault *fault)
{
	if (cli_duration_parse(value, ms_out))
		return true;
	return cli_fault_set(fault, CLI_EXIT_USAGE,
			     "%s wants a duration such as 1.5, 250ms or 2m, "
			     "not \"%s\"",
			     option, value);
}

static bool exit_code(const char *value, int *exit_out, const char *option,
		      struct cli_fault *fault)
{
	long code;

	if (!number(value, 255, &code))
		return cli_fault_set(fault, CLI_EXIT_USAGE,
				     "%s wants an exit code, 0 to 255, "
				     "not \"%s\"",
				     option, value);
	*exit_out = (int)code;
	return true;
}

static bool slots(const char *value, unsigned *slots_out,
		  struct cli_fault *fault)
{
	long wanted;

	if (!number(value, ZKLOCK_SLOTS_MAX, &wanted) || wanted == 0)
		return cli_fault_set(fault, CLI_EXIT_USAGE,
				     "--slots wants a number from 1 to %d, "
				     "not \"%s\"",
				     ZKLOCK_SLOTS_MAX, value);
	*slots_out = (unsigned)wanted;
	return true;
}

/* The index of value among words (NULL ends them) in choice_out. */
static bool choice(const char *value, const char *const *words, int *choice_out)
{
	for (int i = 0; words[i]; i++) {
		if (strcmp(value, words[i]) == 0) {
			*choice_out = i;
			return true;
		}
	}
	return false;
}

/* A setter of a flag is one assignment, of a value one call. */
#define SET_FLAG(function, assignment)                           \
	static bool function(struct cli_args *args, char *value, \
			     struct cli_fault *fault)            \
	{                                                        \
		(void)value;                                     \
		(void)fault;                                     \
		args->assignment;                                \
		return true;                                     \
	}
#define SET_VALUE(function, call)                                \
	static bool function(struct cli_args *args, char *value, \
			     struct cli_fault *fault)            \
	{                                                        \
		return call;                                     \
	}

SET_FLAG(set_json, json = true)
SET_FLAG(set_quiet, quiet = true)
SET_FLAG(set_verbose, verbose = true)
SET_FLAG(set_no_color, no_color = true)
SET_FLAG(set_help, help = true)
SET_FLAG(set_version, version = true)
SET_FLAG(set_socket, socket = value)
SET_FLAG(set_exclusive, shared = false)
SET_FLAG(set_shared, shared = true)
SET_FLAG(set_nonblock, wait_ms = 0)
SET_FLAG(set_command, command = value)
SET_FLAG(set_no_fork, no_fork = true)
SET_FLAG(set_close, close = true)
SET_FLAG(set_wait_all, wait_all = true)
SET_FLAG(set_own_group, group = CLI_GROUP_OWN)
SET_FLAG(set_foreground, group = CLI_GROUP_FOREGROUND)
SET_FLAG(set_report, report = value)
SET_FLAG(set_notify, notify = true)
SET_FLAG(set_all, all = true)
SET_FLAG(set_raw, raw = true)
SET_FLAG(set_noheadings, noheadings = true)
SET_FLAG(set_columns, columns = value)
SET_FLAG(set_nothing, quiet = args->quiet)

SET_VALUE(set_wait, duration(value, &args->wait_ms, "--wait", fault))
SET_VALUE(set_connect_timeout, duration(value, &args->connect_timeout_ms,
					"--connect-timeout", fault))
SET_VALUE(set_kill_after,
	  duration(value, &args->kill_after_ms, "--kill-after", fault))
SET_VALUE(set_min_hold,
	  duration(value, &args->min_hold_ms, "--min-hold", fault))
SET_VALUE(set_max_hold,
	  duration(value, &args->max_hold_ms, "--max-hold", fault))
SET_VALUE(set_max_run, duration(value, &args->max_run_ms, "--max-run", fault))
SET_VALUE(set_stop_early,
	  duration(value, &args->stop_early_ms, "--stop-early", fault))
SET_VALUE(set_slots, slots(value, &args->slots, fault))
SET_VALUE(set_conflict_exit,
	  exit_code(value, &args->conflict_exit, "--conflict-exit-code", fault))
SET_VALUE(set_lost_exit,
	  exit_code(value, &args->lost_exit, "--lost-exit-code", fault))

static bool set_signal(struct cli_args *args, char *value,
		       struct cli_fault *fault)
{
	if (cli_signal_parse(value, &args->signal))
		return true;
	return cli_fault_set(fault, CLI_EXIT_USAGE,
			     "--signal wants a signal such as TERM or 15, "
			     "not \"%s\"",
			     value);
}

static bool set_on_suspend(struct cli_args *args, char *value,
			   struct cli_fault *fault)
{
	static const char *const words[] = { "ignore", "stop", NULL };
	int index;

	if (choice(value, words, &index)) {
		args->on_suspend = (enum cli_on_suspend)index;
		return true;
	}
	if (!cli_signal_parse(value, &args->suspend_signal))
		return cli_fault_set(fault, CLI_EXIT_USAGE,
				     "--on-suspend wants ignore, stop or a "
				     "signal, not \"%s\"",
				     value);
	args->on_suspend = CLI_ON_SUSPEND_SIGNAL;
	return true;
}

static bool set_on_lost(struct cli_args *args, char *value,
			struct cli_fault *fault)
{
	static const char *const words[] = { "term", "kill", "ignore", NULL };
	int index;

	if (!choice(value, words, &index))
		return cli_fault_set(fault, CLI_EXIT_USAGE,
				     "--on-lost wants term, kill or ignore, "
				     "not \"%s\"",
				     value);
	args->on_lost = (enum cli_on_lost)index;
	return true;
}

static bool set_nested(struct cli_args *args, char *value,
		       struct cli_fault *fault)
{
	static const char *const words[] = { "error", "join", NULL };
	int index;

	if (!choice(value, words, &index))
		return cli_fault_set(fault, CLI_EXIT_USAGE,
				     "--nested wants error or join, not \"%s\"",
				     value);
	args->nested = (enum cli_nested)index;
	return true;
}

static bool set_if_unavailable(struct cli_args *args, char *value,
			       struct cli_fault *fault)
{
	static const char *const words[] = { "fail", "run", NULL };
	int index;

	if (!choice(value, words, &index))
		return cli_fault_set(fault, CLI_EXIT_USAGE,
				     "--if-unavailable wants fail or run, "
				     "not \"%s\"",
				     value);
	args->if_unavailable_run = index == 1;
	return true;
}

static bool set_note(struct cli_args *args, char *value,
		     struct cli_fault *fault)
{
	if (strlen(value) > NOTE_BYTES_MAX)
		return cli_fault_set(fault, CLI_EXIT_USAGE,
				     "--note is longer than %d bytes",
				     NOTE_BYTES_MAX);
	args->note = value;
	return true;
}

static bool set_why(struct cli_args *args, char *value, struct cli_fault *fault)
{
	if (strlen(value) > NOTE_BYTES_MAX)
		return cli_fault_set(fault, CLI_EXIT_USAGE,
				     "--reason is longer than %d bytes",
				     NOTE_BYTES_MAX);
	args->why = value;
	return true;
}

static bool set_report_fd(struct cli_args *args, char *value,
			  struct cli_fault *fault)
{
	long fd;

	if (!number(value, 1 << 20, &fd))
		return cli_fault_set(fault, CLI_EXIT_USAGE,
				     "--report-fd wants a file descriptor, "
				     "not \"%s\"",
				     value);
	args->report_fd = (int)fd;
	return true;
}

static bool set_token(struct cli_args *args, char *value,
		      struct cli_fault *fault)
{
	char *end = NULL;
	unsigned long long token;

	errno = 0;
	token = strtoull(value, &end, 10);
	if (errno != 0 || end == value || *end != '\0' || token == 0 ||
	    token > INT64_MAX)
		return cli_fault_set(fault, CLI_EXIT_USAGE,
				     "--token wants a token, not \"%s\"",
				     value);
	args->token = token;
	return true;
}

const struct cli_option cli_options_global[] = {
	{ "socket", 'S', "PATH", set_socket, "the daemon's socket" },
	{ "json", 'J', NULL, set_json, "data as JSON" },
	{ "quiet", 'q', NULL, set_quiet, "say less on standard error" },
	{ "verbose", 'v', NULL, set_verbose, "say more on standard error" },
	{ "no-color", 0, NULL, set_no_color, "no colour" },
	{ "help", 'h', NULL, set_help, "this text" },
	{ "version", 'V', NULL, set_version, "the version" },
	{ 0 },
};

const struct cli_option cli_options_lock[] = {
	{ "shared", 's', NULL, set_shared, "others may share it" },
	{ "exclusive", 'x', NULL, set_exclusive, "nobody else (default)" },
	{ "slots", 0, "N", set_slots, "one of N slots of a semaphore" },
	{ "nonblock", 'n', NULL, set_nonblock, "fail at once if it is held" },
	{ "wait", 'w', "DUR", set_wait, "wait at most DUR" },
	{ "timeout", 0, "DUR", set_wait, "the same as --wait" },
	{ "conflict-exit-code", 'E', "N", set_conflict_exit,
	  "exit code when it was not to be had (75)" },
	{ "lost-exit-code", 'L', "N", set_lost_exit,
	  "exit code when it was lost (79)" },
	{ "note", 0, "TEXT", set_note, "shown to others in listings" },
	{ "min-hold", 0, "DUR", set_min_hold, "nobody else before DUR" },
	{ "max-hold", 0, "DUR", set_max_hold, "the lock is lost after DUR" },
	{ "connect-timeout", 0, "DUR", set_connect_timeout,
	  "time to find daemon and ZooKeeper (10s; with -w no longer)" },
	{ 0 },
};

const struct cli_option cli_options_run[] = {
	{ "command", 'c', "STR", set_command, "run STR with /bin/sh -c" },
	{ "no-fork", 'F', NULL, set_no_fork, "CMD takes zklock's place" },
	{ "close", 'o', NULL, set_close, "CMD does not keep the lock alive" },
	{ "kill-after", 'k', "DUR", set_kill_after,
	  "from TERM to KILL (2s, at most T/4)" },
	{ "signal", 0, "SIG", set_signal, "asks CMD to end (TERM)" },
	{ "on-suspend", 0, "WHAT", set_on_suspend,
	  "ignore, stop, or a signal" },
	{ "on-lost", 0, "WHAT", set_on_lost, "term, kill or ignore" },
	{ "max-run", 0, "DUR", set_max_run, "stop CMD after DUR" },
	{ "wait-all", 0, NULL, set_wait_all, "until CMD's descendants let go" },
	{ "foreground", 0, NULL, set_foreground, "CMD in our process group" },
	{ "group", 0, NULL, set_own_group, "CMD in a group of its own" },
	{ "nested", 0, "WHAT", set_nested, "held by a parent: error, or join" },
	{ "if-unavailable", 0, "WHAT", set_if_unavailable,
	  "no daemon: fail, or run all the same" },
	{ "report", 0, "FILE", set_report, "write what happened as JSON" },
	{ "report-fd", 0, "N", set_report_fd, "the same, to a descriptor" },
	{ 0 },
};

const struct cli_option cli_options_hold[] = {
	{ "notify", 0, NULL, set_notify, "tell systemd; do not read input" },
	{ "stop-early", 0, "DUR", set_stop_early,
	  "end DUR before the lock may be lost" },
	{ 0 },
};

const struct cli_option cli_options_list[] = {
	{ "all", 'a', NULL, set_all, "every lock of the cluster in use" },
	{ 0 },
};

const struct cli_option cli_options_table[] = {
	{ "raw", 0, NULL, set_raw,
	  "columns apart by one blank, \\x20 in them" },
	{ "noheadings", 0, NULL, set_noheadings, "no heading" },
	{ "output", 'o', "[+]COL,...", set_columns, "these columns" },
	{ 0 },
};

const struct cli_option cli_options_wait[] = {
	{ "nonblock", 'n', NULL, set_nonblock, "is it free now?" },
	{ "wait", 'w', "DUR", set_wait, "wait at most DUR" },
	{ "timeout", 0, "DUR", set_wait, "the same as --wait" },
	{ "conflict-exit-code", 'E', "N", set_conflict_exit,
	  "exit code when it was not free in time (75)" },
	{ 0 },
};

const struct cli_option cli_options_kick[] = {
	{ "reason", 0, "TEXT", set_why, "told to whoever has it, and logged" },
	{ 0 },
};

const struct cli_option cli_options_check[] = {
	{ "token", 0, "N", set_token, "the grant's token (of @ID)" },
	{ 0 },
};

/* All of flock 2.38.1, under its own letters. */
const struct cli_option cli_options_flock[] = {
	{ "shared", 's', NULL, set_shared, "get a shared lock" },
	{ "exclusive", 'x', NULL, set_exclusive, "nobody else (default)" },
	{ "exclusive", 'e', NULL, set_exclusive, "the same as -x" },
	{ "unlock", 'u', NULL, set_nothing, "accepted, does nothing" },
	{ "nonblock", 'n', NULL, set_nonblock, "fail at once if it is held" },
	{ "nb", 0, NULL, set_nonblock, "the same as -n" },
	{ "timeout", 'w', "SECS", set_wait, "wait at most SECS" },
	{ "wait", 0, "SECS", set_wait, "the same as -w" },
	{ "conflict-exit-code", 'E', "N", set_conflict_exit,
	  "exit code when it was not to be had (1)" },
	{ "close", 'o', NULL, set_close,
	  "COMMAND does not keep the lock alive" },
	{ "command", 'c', "STR", set_command, "run STR with /bin/sh -c" },
	{ "no-fork", 'F', NULL, set_no_fork, "COMMAND takes our place" },
	{ "verbose", 0, NULL, set_verbose, "say more" },
	{ "help", 'h', NULL, set_help, "this text" },
	{ "version", 'V', NULL, set_version, "the version" },
	{ 0 },
};
