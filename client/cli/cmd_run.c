/* SPDX-License-Identifier: MIT */
/*
 * cmd_run - run CMD while holding NAME, or several.
 *
 * The order of things: report, signals, connection, lock, child; and back.
 * Each has a room of its own; here is only their order, and what an end of
 * each kind means for the exit code.
 */
#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/cli/clock.h"
#include "client/cli/command.h"
#include "client/cli/connect.h"
#include "client/cli/duration.h"
#include "client/cli/environ.h"
#include "client/cli/exits.h"
#include "client/cli/hold.h"
#include "client/cli/report.h"
#include "client/cli/say.h"
#include "client/cli/spawn.h"
#include "client/cli/supervise.h"

/* From TERM to KILL when nothing is said: long enough to write a file out. */
#define KILL_AFTER_MS 2000

/* Everything that one run has in hand. */
struct job {
	const struct cli_args *args;
	struct cli_names names;
	char *const *command;
	char *shell[4]; /* sh -c STR, NULL */
	struct cli_signals signals;
	struct cli_hold hold;
	struct cli_fault fault;
	const char *outcome; /* see report.h */
	int wait_status;
	bool ran;    /* wait_status is the child's */
	bool locked; /* ours to watch and to let go */
	bool joined; /* an ancestor's: nothing to take, nothing to tell */
};

static char *const *shell_command(struct job *job, char *text)
{
	static char shell[] = "/bin/sh";
	static char option[] = "-c";

	job->shell[0] = shell;
	job->shell[1] = option;
	job->shell[2] = text;
	return job->shell;
}

/* How many operands are names: all that stand before a "--", or one. */
static int names_end(const struct cli_args *args, int argc, char **argv)
{
	for (int i = 1; !args->one_name && i < argc; i++) {
		if (strcmp(argv[i], "--") == 0)
			return i;
	}
	return 1;
}

/* "NAME CMD...", "NAME... -- CMD...", "NAME -c STR", "-c STR NAME". */
static bool command_of(struct job *job, int argc, char **argv)
{
	char *text = job->args->command;
	int names = names_end(job->args, argc, argv);
	int at = names;

	if (!cli_names_read(&job->names, job->args, names, argv, &job->fault))
		return false;
	if (argc == 3 &&
	    (strcmp(argv[1], "-c") == 0 || strcmp(argv[1], "--command") == 0)) {
		text = argv[2];
		at = 3;
	}
	if (at < argc && strcmp(argv[at], "--") == 0)
		at++;
	else if (at < argc && argv[at][0] == '-')
		return cli_fault_set(&job->fault, CLI_EXIT_USAGE,
				     "options go before the NAME: %s",
				     argv[at]);
	if (names > 1 && at < argc && argv[at][0] == '-')
		return cli_fault_set(&job->fault, CLI_EXIT_USAGE,
				     "\"%s\" is no command; if the -- before "
				     "it is the command's own, write: %s -- %s",
				     argv[at], argv[0], argv[1]);
	if (text && at < argc)
		return cli_fault_set(&job->fault, CLI_EXIT_USAGE,
				     "-c takes the whole command");
	if (!text && at >= argc)
		return cli_fault_set(&job->fault, CLI_EXIT_USAGE,
				     "which command shall run is missing");
	job->command = text ? shell_command(job, text) : argv + at;
	return true;
}

static bool options_agree(struct job *job)
{
	const struct cli_args *args = job->args;

	if (args->no_fork && args->close)
		return cli_fault_set(&job->fault, CLI_EXIT_USAGE,
				     "--no-fork and --close: nobody would "
				     "keep the lock");
	if (args->no_fork &&
	    (args->report || args->report_fd != CLI_UNSET || args->wait_all ||
	     args->max_run_ms != CLI_NEVER_MS))
		return cli_fault_set(&job->fault, CLI_EXIT_USAGE,
				     "with --no-fork nobody is left for "
				     "--report, --wait-all or --max-run");
	if (args->kill_after_ms != CLI_UNSET && args->max_hold_ms &&
	    args->kill_after_ms >= args->max_hold_ms)
		return cli_fault_set(&job->fault, CLI_EXIT_USAGE,
				     "--kill-after leaves nothing of "
				     "--max-hold to run in");
	return true;
}

/* Where the connection may be inherited, it is told in $ZKLOCK_FD. */
static bool child_inherits(const struct job *job)
{
	return job->locked && !job->args->close;
}

static void describe(const struct job *job, struct cli_spawn *spawn)
{
	*spawn = (struct cli_spawn){
		.argv = job->command,
		.mask = &job->signals.mask,
		.keep_fds = { -1, -1 },
	};
	if (child_inherits(job))
		spawn->keep_fds[0] = cli_hold_fd(&job->hold);
}

static bool wants_own_group(const struct cli_args *args)
{
	int tty;

	switch (args->group) {
	case CLI_GROUP_OWN:
		return true;
	case CLI_GROUP_FOREGROUND:
		return false;
	case CLI_GROUP_AUTO:
		break;
	}
	tty = open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY);
	if (tty >= 0)
		(void)close(tty);
	return tty < 0;
}

/* The grace fits into a quarter of the session (an orderly end of the daemon
 * leaves no more), or is refused with that limit. */
static bool kill_after(struct job *job, struct cli_ladder_rules *rules)
{
	int64_t most_ms = cli_hold_grace_ms_max(&job->hold);
	int64_t wish_ms = job->args->kill_after_ms;
	char wish[CLI_DURATION_TEXT];
	char most[CLI_DURATION_TEXT];

	if (wish_ms == CLI_UNSET) {
		rules->kill_after_ms =
		    most_ms < KILL_AFTER_MS ? most_ms : KILL_AFTER_MS;
		/* Else it would be asked to end before it has begun. */
		if (job->args->max_hold_ms &&
		    rules->kill_after_ms > job->args->max_hold_ms / 2)
			rules->kill_after_ms = job->args->max_hold_ms / 2;
		return true;
	}
	rules->kill_after_ms = wish_ms;
	if (wish_ms <= most_ms)
		return true;
	cli_duration_text(wish_ms, wish);
	cli_duration_text(most_ms, most);
	return cli_fault_set(&job->fault, CLI_EXIT_USAGE,
			     "--kill-after %s is more than %s, a quarter of "
			     "the session timeout",
			     wish, most);
}

/* An ancestor has it: asking for it again would wait for ever. */
static bool join(struct job *job, const char *name)
{
	uint64_t id;
	uint64_t token;

	if (job->args->nested == CLI_NESTED_ERROR)
		return cli_fault_set(&job->fault, CLI_EXIT_USAGE,
				     "\"%s\" is held by a parent of this "
				     "process ($ZKLOCK_HELD): it would wait "
				     "for itself. Try: --nested join",
				     name);
	if (!cli_environ_grant(name, &id, &token))
		return true; /* the parent's wrapper watches over it */
	if (cli_connect_check(job->args, name, id, token, &job->fault))
		return true;
	job->outcome = "lost";
	if (job->fault.exit == CLI_EXIT_LOST)
		job->fault.exit = job->args->lost_exit;
	return false;
}

/* Those that an ancestor has are not asked for; if it has all, nothing is. */
static bool join_held(struct job *job)
{
	struct cli_names *names = &job->names;
	unsigned i = 0;

	while (i < names->len) {
		if (!cli_environ_has(names->words[i])) {
			i++;
			continue;
		}
		if (!join(job, names->words[i]))
			return false;
		job->joined = names->len == 1;
		if (job->joined)
			return true;
		cli_names_drop(names, i);
	}
	return true;
}

/* Take the lock, or find out why there is none to take. */
static bool take(struct job *job, struct cli_ladder_rules *rules)
{
	const struct cli_args *args = job->args;

	job->hold.names = &job->names;
	if (cli_hold_connect(&job->hold, args, &job->signals, &job->fault)) {
		job->outcome = "refused";
		if (!kill_after(job, rules))
			return false;
		if (cli_hold_take(&job->hold, args, &job->signals,
				  &job->fault)) {
			job->locked = true;
			return true;
		}
	}
	job->outcome = job->hold.outcome;
	if (!job->hold.unreachable || !args->if_unavailable_run)
		return false;
	cli_hold_end(&job->hold); /* or it might be granted yet, to nobody */
	cli_say_error("%s; the command runs WITHOUT the lock", job->fault.text);
	job->fault = (struct cli_fault){ 0 };
	return true;
}

/* A pipe that CMD and its descendants hold the other end of. */
static bool lifeline(struct job *job, struct cli_spawn *spawn, int *fd_out)
{
	int ends[2];

	*fd_out = -1;
	if (!job->args->wait_all)
		return true;
	if (pipe2(ends, O_CLOEXEC) < 0)
		return cli_fault_set(&job->fault, CLI_EXIT_OSERR, "pipe: %s",
				     strerror(errno));
	spawn->keep_fds[1] = ends[1];
	*fd_out = ends[0];
	return true;
}

/* The last look before there is a command: we may have been stopped, or have
 * slept, since the grant. */
static bool still_held(struct job *job)
{
	if (!job->locked || cli_hold_is_held(&job->hold))
		return true;
	job->outcome = "lost";
	return cli_fault_set(&job->fault, job->args->lost_exit,
			     "\"%s\" was lost before the command began",
			     cli_hold_about(&job->hold));
}

static bool start(struct job *job, struct cli_supervision *how)
{
	struct cli_spawn spawn;

	describe(job, &spawn);
	if (job->args->no_fork) {
		if (still_held(job))
			cli_spawn_exec(&spawn, &job->fault);
		return false;
	}
	how->own_group = wants_own_group(job->args);
	spawn.own_group = how->own_group;
	/* What can fail does so while there is no child to be watched. */
	how->timer_fd = cli_timer_open();
	if (how->timer_fd < 0)
		return cli_fault_set(&job->fault, CLI_EXIT_OSERR, "timer: %s",
				     strerror(-how->timer_fd));
	if (!lifeline(job, &spawn, &how->lifeline_fd) || !still_held(job))
		return false;
	cli_spawn_adopt_orphans();
	how->child = cli_spawn(&spawn, &job->fault);
	if (spawn.keep_fds[1] >= 0)
		(void)close(spawn.keep_fds[1]);
	return how->child > 0;
}

static const char *outcome_of(const struct job *job,
			      const struct cli_supervised *what)
{
	if (what->lost)
		return "lost";
	if (what->cause == CLI_CAUSE_MAX_RUN)
		return "max_run";
	return job->locked || job->joined ? "done" : "unlocked";
}

static int watch_over(struct job *job, struct cli_supervision *how)
{
	const struct cli_args *args = job->args;
	struct cli_supervised what;

	cli_supervise(how, &what);
	if (job->locked && !what.lost) /* else there is nothing to give back */
		cli_hold_release(&job->hold);
	job->outcome = outcome_of(job, &what);
	job->ran = true;
	job->wait_status = what.wait_status;
	return cli_ladder_verdict(what.wait_status, what.lost, args->on_lost,
				  args->lost_exit);
}

static int run(struct job *job)
{
	struct cli_supervision how = { .args = job->args,
				       .signals = &job->signals,
				       .lifeline_fd = -1 };

	how.rules = (struct cli_ladder_rules){
		.kill_after_ms = KILL_AFTER_MS,
		.max_run_ms = job->args->max_run_ms,
		.on_lost = job->args->on_lost,
		.on_suspend = job->args->on_suspend,
	};
	if (job->args->kill_after_ms != CLI_UNSET)
		how.rules.kill_after_ms = job->args->kill_after_ms;
	if (!join_held(job))
		return job->fault.exit;
	if (!job->joined && !take(job, &how.rules))
		return job->fault.exit;
	if (job->locked &&
	    !cli_environ_tell(&job->hold, job->args, &job->fault))
		return job->fault.exit;
	if (job->locked)
		how.hold = &job->hold;
	job->outcome = "not_started";
	if (!start(job, &how))
		return job->fault.exit;
	return watch_over(job, &how);
}

static void report(struct job *job, int fd, int code)
{
	const struct cli_hold *hold = &job->hold;
	struct cli_report report = {
		.names = &job->names,
		.outcome = job->outcome,
		.exit = code,
		.ran = job->ran,
		.wait_status = job->wait_status,
	};

	if (hold->granted_ms)
		report.grants = hold->grants;
	if (hold->reason[0])
		report.reason = hold->reason;
	if (job->fault.text[0])
		report.error = job->fault.text;
	if (hold->begun_ms)
		report.waited_ms =
		    (report.grants ? hold->granted_ms : cli_clock_ms()) -
		    hold->begun_ms;
	if (report.grants)
		report.held_ms =
		    (hold->released_ms ? hold->released_ms : cli_clock_ms()) -
		    hold->granted_ms;
	cli_report_write(fd, &report);
}

int cmd_run(struct cli_args *args, int argc, char **argv)
{
	struct job job = { .args = args, .outcome = "refused" };
	char client[ZKLOCK_CLIENT_MAX + 1];
	int error;
	int fd;
	int code;

	if (!command_of(&job, argc, argv) || !options_agree(&job))
		return cli_say_fault(args, &job.fault);
	fd = cli_report_open(args, &job.fault);
	if (job.fault.exit)
		return cli_say_fault(args, &job.fault);
	cli_hold_sign(args, "zklock run", job.names.text, client);
	error = cli_signals_open(&job.signals);
	if (error < 0)
		(void)cli_fault_set(&job.fault, CLI_EXIT_OSERR, "signals: %s",
				    strerror(-error));
	code = error < 0 ? job.fault.exit : run(&job);
	(void)cli_say_fault(args, &job.fault);
	report(&job, fd, code);
	cli_hold_end(&job.hold);
	return code;
}
