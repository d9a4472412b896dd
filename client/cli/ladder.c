/* SPDX-License-Identifier: MIT */
/* ladder - see ladder.h. */
#include "client/cli/ladder.h"

#include <assert.h>
#include <sys/wait.h>

#include "client/cli/exits.h"

static int64_t earlier(int64_t a_ms, int64_t b_ms)
{
	return a_ms < b_ms ? a_ms : b_ms;
}

static bool is_loss(enum cli_ladder_cause cause)
{
	return cause == CLI_CAUSE_DEADLINE || cause == CLI_CAUSE_LOST;
}

/* a + b without leaving the clock's range; "never" stays so. */
static int64_t later(int64_t at_ms, int64_t wait_ms)
{
	return wait_ms > CLI_NEVER_MS - at_ms ? CLI_NEVER_MS : at_ms + wait_ms;
}

void cli_ladder_start(struct cli_ladder *ladder,
		      const struct cli_ladder_rules *rules, int64_t now_ms,
		      int64_t until_ms)
{
	assert(rules->kill_after_ms >= 0);
	*ladder = (struct cli_ladder){
		.rules = *rules,
		.until_ms = until_ms,
		.run_until_ms = later(now_ms, rules->max_run_ms),
		.kill_ms = CLI_NEVER_MS,
	};
}

/* When the approach of the deadline begins to matter. */
static int64_t warn_ms(const struct cli_ladder *ladder)
{
	if (ladder->until_ms == CLI_NEVER_MS ||
	    ladder->rules.on_lost != CLI_ON_LOST_TERM)
		return ladder->until_ms;
	return ladder->until_ms - ladder->rules.kill_after_ms;
}

/* A deadline only moves down once the child has been asked to end: it was
 * promised to be gone by then. */
static void lease_moved(struct cli_ladder *ladder, int64_t until_ms)
{
	if (!ladder->termed && !is_loss(ladder->cause))
		ladder->until_ms = until_ms;
	else
		ladder->until_ms = earlier(ladder->until_ms, until_ms);
}

static void find_cause(struct cli_ladder *ladder, int64_t now_ms)
{
	/* Once asked to end for another reason, only the deadline itself. */
	int64_t loss_ms = ladder->cause == CLI_CAUSE_NONE ? warn_ms(ladder)
							  : ladder->until_ms;

	if (is_loss(ladder->cause))
		return;
	if (now_ms >= loss_ms)
		ladder->cause = CLI_CAUSE_DEADLINE;
	else if (now_ms >= ladder->run_until_ms)
		ladder->cause = CLI_CAUSE_MAX_RUN;
}

static unsigned climb(struct cli_ladder *ladder, int64_t now_ms)
{
	bool loss = is_loss(ladder->cause);

	if (ladder->killed || ladder->cause == CLI_CAUSE_NONE)
		return 0;
	if (loss && ladder->rules.on_lost == CLI_ON_LOST_IGNORE) {
		if (now_ms < ladder->run_until_ms)
			return 0;
		loss = false; /* but --max-run still holds */
	}
	if (!ladder->termed) {
		ladder->kill_ms = later(now_ms, ladder->rules.kill_after_ms);
		if (loss && ladder->rules.on_lost == CLI_ON_LOST_KILL)
			ladder->kill_ms = now_ms;
	}
	if (loss)
		ladder->kill_ms = earlier(ladder->kill_ms, ladder->until_ms);
	if (now_ms >= ladder->kill_ms) {
		ladder->killed = true;
		return CLI_DO_KILL;
	}
	if (ladder->termed)
		return 0;
	ladder->termed = true;
	return CLI_DO_TERM;
}

static unsigned suspend(struct cli_ladder *ladder)
{
	if (ladder->termed || ladder->killed)
		return 0; /* it has been asked to end: let it */
	switch (ladder->rules.on_suspend) {
	case CLI_ON_SUSPEND_IGNORE:
		return 0;
	case CLI_ON_SUSPEND_STOP:
		ladder->stopped = true;
		return CLI_DO_STOP;
	case CLI_ON_SUSPEND_SIGNAL:
		return CLI_DO_SIGNAL;
	}
	return 0;
}

static unsigned resume(struct cli_ladder *ladder)
{
	if (!ladder->stopped)
		return 0;
	ladder->stopped = false;
	return CLI_DO_CONT;
}

unsigned cli_ladder_step(struct cli_ladder *ladder,
			 const struct cli_ladder_event *event)
{
	unsigned acts = 0;

	switch (event->kind) {
	case CLI_LADDER_LEASE:
		lease_moved(ladder, event->until_ms);
		break;
	case CLI_LADDER_SUSPENDED:
		acts = suspend(ladder);
		break;
	case CLI_LADDER_RESUMED:
		acts = resume(ladder);
		break;
	case CLI_LADDER_LOST:
		ladder->cause = CLI_CAUSE_LOST;
		break;
	case CLI_LADDER_TICK:
		break;
	}
	find_cause(ladder, event->now_ms);
	acts |= climb(ladder, event->now_ms);
	/* A stopped child cannot obey: whoever asks it to end wakes it. */
	if (acts & CLI_DO_TERM) {
		acts &= ~(unsigned)CLI_DO_STOP;
		acts |= CLI_DO_CONT;
		ladder->stopped = false;
	}
	return acts;
}

int64_t cli_ladder_wake_ms(const struct cli_ladder *ladder)
{
	int64_t wake_ms = ladder->run_until_ms;

	if (ladder->killed)
		return CLI_NEVER_MS;
	if (ladder->termed)
		wake_ms = ladder->kill_ms;
	if (is_loss(ladder->cause))
		return wake_ms;
	if (ladder->termed) /* for --max-run: the deadline runs on */
		return earlier(wake_ms, ladder->until_ms);
	return earlier(wake_ms, warn_ms(ladder));
}

bool cli_ladder_lost(const struct cli_ladder *ladder, int64_t now_ms)
{
	return is_loss(ladder->cause) || now_ms >= ladder->until_ms;
}

int cli_ladder_verdict(int wait_status, bool lost, enum cli_on_lost on_lost,
		       int lost_exit)
{
	if (lost && on_lost != CLI_ON_LOST_IGNORE)
		return lost_exit;
	if (WIFSIGNALED(wait_status))
		return CLI_EXIT_SIGNAL + WTERMSIG(wait_status);
	return WEXITSTATUS(wait_status);
}
