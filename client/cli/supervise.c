/* SPDX-License-Identifier: MIT */
/* supervise - see supervise.h. */
#include "client/cli/supervise.h"

#include <errno.h>
#include <poll.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/cli/clock.h"
#include "client/cli/say.h"
#include "client/cli/signame.h"
#include "client/cli/spawn.h"

/* After KILL: how often to look for who was born meanwhile, and when to give
 * up on those that we may not kill (another user's). */
#define SWEEP_MS       20
#define SWEEP_MS_MAX   2000
#define SWEEP_LATER_MS 1000

struct watch {
	const struct cli_supervision *how;
	struct cli_ladder ladder;
	int timer_fd;
	int lifeline_fd; /* -1 once it has ended */
	bool listening;  /* news may still come */
	bool ended;      /* the child is reaped */
	bool alone;      /* there is no descendant left */
	bool lost;
	bool told;
	int wait_status;
	int64_t killed_ms;
};

/* To the child while it lives, then to whoever it left behind. */
static void pass(const struct watch *watch, int number)
{
	if (!watch->ended)
		cli_spawn_signal(watch->how->child, watch->how->own_group,
				 number);
	else if (!watch->alone)
		(void)cli_spawn_signal_descendants(number);
}

/* The deadline that comes is the end of --max-hold, and not of the proof. */
static bool is_max_hold(const struct watch *watch)
{
	return watch->ladder.until_ms ==
	       cli_hold_max_until_ms(watch->how->hold);
}

static void tell(struct watch *watch)
{
	const struct cli_hold *hold = watch->how->hold;
	const char *then = watch->how->rules.on_lost == CLI_ON_LOST_IGNORE
			       ? "the command goes on"
			       : "the command is stopped";

	if (watch->told || watch->ended)
		return;
	switch (watch->ladder.cause) {
	case CLI_CAUSE_NONE:
		return;
	case CLI_CAUSE_MAX_RUN:
		cli_say_warning(watch->how->args,
				"--max-run is over: the command is stopped");
		break;
	case CLI_CAUSE_DEADLINE:
		if (hold->reason[0] || is_max_hold(watch))
			cli_say_error(
			    "\"%s\" is over (%s): %s", cli_hold_about(hold),
			    hold->reason[0] ? hold->reason : "--max-hold",
			    then);
		else
			cli_say_error(
			    "\"%s\" could not be proven ours in time: %s",
			    cli_hold_about(hold), then);
		break;
	case CLI_CAUSE_LOST:
		cli_say_error("\"%s\" was lost (%s): %s", cli_hold_about(hold),
			      hold->reason[0] ? hold->reason : "not proven",
			      then);
		break;
	}
	watch->told = true;
}

static void carry_out(struct watch *watch, unsigned acts, int64_t now_ms)
{
	const struct cli_args *args = watch->how->args;

	tell(watch);
	if (acts & CLI_DO_TERM)
		pass(watch, args->signal);
	if (acts & CLI_DO_KILL) {
		pass(watch, SIGKILL);
		watch->killed_ms = now_ms;
	}
	if (acts & CLI_DO_STOP)
		pass(watch, SIGSTOP);
	if (acts & CLI_DO_CONT)
		pass(watch, SIGCONT);
	if (acts & CLI_DO_SIGNAL)
		pass(watch, args->suspend_signal);
}

static void step(struct watch *watch, enum cli_ladder_kind kind,
		 int64_t until_ms)
{
	struct cli_ladder_event event = { .kind = kind,
					  .now_ms = cli_clock_ms(),
					  .until_ms = until_ms };

	carry_out(watch, cli_ladder_step(&watch->ladder, &event), event.now_ms);
}

static bool is_loss(const struct watch *watch)
{
	return watch->ladder.cause == CLI_CAUSE_LOST ||
	       watch->ladder.cause == CLI_CAUSE_DEADLINE;
}

static void hear(struct watch *watch)
{
	while (watch->how->hold && watch->listening) {
		switch (cli_hold_news(watch->how->hold)) {
		case CLI_NEWS_NONE:
			return;
		case CLI_NEWS_SUSPENDED:
			cli_say_verbose(watch->how->args,
					"ZooKeeper is out of reach; \"%s\" is "
					"still ours for now",
					cli_hold_about(watch->how->hold));
			step(watch, CLI_LADDER_SUSPENDED, 0);
			break;
		case CLI_NEWS_RESUMED:
			cli_say_verbose(watch->how->args,
					"ZooKeeper is back; \"%s\" is ours",
					cli_hold_about(watch->how->hold));
			step(watch, CLI_LADDER_RESUMED, 0);
			break;
		case CLI_NEWS_REVOKED: /* the deadline says the rest */
			cli_say_warning(watch->how->args, "%s",
					watch->how->hold->revoked);
			break;
		case CLI_NEWS_LOST:
			watch->listening = false;
			step(watch, CLI_LADDER_LOST, 0);
			break;
		}
	}
}

/* The first act of every turn: what the clock and the lease page say.  A
 * lease that is over before its time has been lost; the word why follows. */
static void watch_lease(struct watch *watch)
{
	int64_t now_ms = cli_clock_ms();
	int64_t until_ms;

	if (!watch->how->hold || !watch->listening) {
		step(watch, CLI_LADDER_TICK, 0);
		return;
	}
	until_ms = cli_hold_until_ms(watch->how->hold);
	if (until_ms > now_ms) {
		step(watch, CLI_LADDER_LEASE, until_ms);
		return;
	}
	step(watch, CLI_LADDER_TICK, 0);
	hear(watch);
	if (watch->listening && !is_loss(watch)) {
		watch->listening = false;
		step(watch, CLI_LADDER_LOST, 0);
	}
}

static void child_ended(struct watch *watch, int wait_status)
{
	watch->ended = true; /* its number may be another's from now on */
	watch->wait_status = wait_status;
	hear(watch); /* what was said before it ended counts */
	watch->lost = cli_ladder_lost(&watch->ladder, cli_clock_ms());
}

/* Orphans are ours too: reap all there is. */
static void reap(struct watch *watch)
{
	for (;;) {
		int wait_status;
		pid_t pid = waitpid(-1, &wait_status, WNOHANG);

		watch->alone = pid < 0 && errno == ECHILD;
		if (pid <= 0)
			return;
		if (pid == watch->how->child)
			child_ended(watch, wait_status);
	}
}

/* ^Z: the child first, then us; awake again, the turn begins anew with a look
 * at the deadline, and CONT is passed on after that. */
static void suspend_both(const struct watch *watch, bool has_it)
{
	if (!has_it)
		pass(watch, SIGTSTP);
	(void)raise(SIGSTOP);
}

static void pass_signals(struct watch *watch)
{
	struct cli_signal one;

	while (cli_signals_next(watch->how->signals, &one)) {
		/* What was typed, our whole group has got; a hang-up only the
		 * leader of the session. */
		bool has_it = one.from_tty && !watch->how->own_group &&
			      one.number != SIGHUP;

		switch (one.number) {
		case SIGCHLD:
		case SIGPIPE:
		case SIGTTIN:
		case SIGTTOU:
			break;
		case SIGTSTP:
			suspend_both(watch, has_it);
			return;
		default:
			if (!has_it)
				pass(watch, one.number);
			break;
		}
	}
}

/* The command is over, and nobody is left who might act without the lock. */
static bool is_done(const struct watch *watch)
{
	const struct cli_supervision *how = watch->how;

	if (!watch->ended)
		return false;
	if (watch->alone)
		return true;
	if (is_loss(watch) && how->rules.on_lost != CLI_ON_LOST_IGNORE)
		return watch->ladder.killed &&
		       cli_clock_ms() - watch->killed_ms > SWEEP_MS_MAX;
	return !how->args->wait_all || watch->lifeline_fd < 0;
}

static int64_t sweep_ms(const struct watch *watch)
{
	if (cli_clock_ms() - watch->killed_ms > SWEEP_MS_MAX)
		return SWEEP_LATER_MS;
	return SWEEP_MS;
}

static void sleep_and_wake(struct watch *watch)
{
	int64_t wake_ms = cli_ladder_wake_ms(&watch->ladder);
	const struct cli_hold *hold = watch->how->hold;
	struct pollfd wait[] = {
		{ .fd = watch->how->signals->fd, .events = POLLIN },
		{ .fd = watch->timer_fd, .events = POLLIN },
		{ .fd = watch->lifeline_fd, .events = POLLIN },
		{ .fd = -1 },
	};

	if (hold && watch->listening)
		wait[3] = cli_hold_pollfd(hold);
	if (watch->ladder.killed)
		wake_ms = cli_clock_ms() + sweep_ms(watch);
	cli_timer_set(watch->timer_fd, wake_ms);
	if (poll(wait, sizeof wait / sizeof wait[0], -1) < 0)
		return;
	if (wait[2].revents) { /* nothing is ever written: it has ended */
		(void)close(watch->lifeline_fd);
		watch->lifeline_fd = -1;
	}
}

void cli_supervise(const struct cli_supervision *how,
		   struct cli_supervised *what_out)
{
	struct watch watch = { .how = how,
			       .timer_fd = how->timer_fd,
			       .lifeline_fd = how->lifeline_fd,
			       .listening = how->hold != NULL };
	int64_t now_ms = cli_clock_ms();

	cli_ladder_start(&watch.ladder, &how->rules, now_ms,
			 how->hold ? cli_hold_until_ms(how->hold)
				   : CLI_NEVER_MS);
	for (;;) {
		watch_lease(&watch);
		hear(&watch);
		watch_lease(&watch); /* what was said may have moved it */
		pass_signals(&watch);
		reap(&watch);
		if (watch.ladder.killed && !watch.alone)
			(void)cli_spawn_signal_descendants(SIGKILL);
		if (is_done(&watch))
			break;
		sleep_and_wake(&watch);
	}
	(void)close(watch.timer_fd);
	if (watch.lifeline_fd >= 0)
		(void)close(watch.lifeline_fd);
	*what_out =
	    (struct cli_supervised){ .wait_status = watch.wait_status,
				     .lost = watch.lost || is_loss(&watch),
				     .cause = watch.ladder.cause };
}
