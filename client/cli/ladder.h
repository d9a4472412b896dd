/* SPDX-License-Identifier: MIT */
/*
 * ladder - what must be done to the child, and when.
 *
 * The rungs are: let it run, ask it to end (TERM), end it (KILL).  A loss
 * goes up the ladder; so does the approach of the deadline, early enough that
 * the child has its grace before somebody else may be granted the lock.
 *
 *	deadline - kill_after   TERM    although nobody said anything: the
 *	                                daemon may be frozen or gone
 *	LOST, or connection end TERM    at once
 *	TERM + kill_after       KILL    and never later than the last deadline
 *
 * Pure: sends no signal, reads no clock.  Times are absolute milliseconds of
 * the one clock that the events carry (CLOCK_BOOTTIME).
 */
#ifndef CLI_LADDER_H
#define CLI_LADDER_H

#include <stdbool.h>
#include <stdint.h>

#define CLI_NEVER_MS INT64_MAX

enum cli_on_lost {
	CLI_ON_LOST_TERM,   /* TERM, then KILL */
	CLI_ON_LOST_KILL,   /* KILL at the loss or the deadline */
	CLI_ON_LOST_IGNORE, /* only say so */
};

enum cli_on_suspend {
	CLI_ON_SUSPEND_IGNORE,
	CLI_ON_SUSPEND_STOP,   /* STOP, and CONT when it resumed */
	CLI_ON_SUSPEND_SIGNAL, /* the caller's signal, once each time */
};

enum cli_ladder_cause {
	CLI_CAUSE_NONE,
	CLI_CAUSE_MAX_RUN,  /* the child's time is over, the lock is ours */
	CLI_CAUSE_DEADLINE, /* not proven in time */
	CLI_CAUSE_LOST,     /* told so, or the connection ended */
};

enum cli_ladder_kind {
	CLI_LADDER_LEASE,     /* until_ms is the deadline now */
	CLI_LADDER_SUSPENDED, /* the link is down, the deadline runs */
	CLI_LADDER_RESUMED,
	CLI_LADDER_LOST,
	CLI_LADDER_TICK, /* time has passed */
};

struct cli_ladder_event {
	enum cli_ladder_kind kind;
	int64_t now_ms;
	int64_t until_ms; /* LEASE only */
};

/* What to do now: any of these together, in this order. */
enum cli_ladder_act {
	CLI_DO_TERM = 1,
	CLI_DO_KILL = 2,
	CLI_DO_STOP = 4,
	CLI_DO_CONT = 8,
	CLI_DO_SIGNAL = 16,
};

struct cli_ladder_rules {
	int64_t kill_after_ms;
	int64_t max_run_ms; /* CLI_NEVER_MS: as long as it likes */
	enum cli_on_lost on_lost;
	enum cli_on_suspend on_suspend;
};

struct cli_ladder {
	struct cli_ladder_rules rules;
	enum cli_ladder_cause cause;
	int64_t until_ms; /* the last deadline; frozen by a loss */
	int64_t run_until_ms;
	int64_t kill_ms; /* once asked to end */
	bool termed;
	bool killed;
	bool stopped;
};

/* The child starts; rules are copied. */
void cli_ladder_start(struct cli_ladder *ladder,
		      const struct cli_ladder_rules *rules, int64_t now_ms,
		      int64_t until_ms);

/* One event; the CLI_DO_ bits of what it asks for. */
unsigned cli_ladder_step(struct cli_ladder *ladder,
			 const struct cli_ladder_event *event);

/* When a TICK is due; CLI_NEVER_MS for never. */
int64_t cli_ladder_wake_ms(const struct cli_ladder *ladder);

/* Whether the lock was lost, or given up as lost, by now_ms. */
bool cli_ladder_lost(const struct cli_ladder *ladder, int64_t now_ms);

/*
 * The exit code: the child's own (wait_status as waitpid wrote it), 128+n for
 * signal n; lost_exit if the lock was lost and that was not to be ignored.
 */
int cli_ladder_verdict(int wait_status, bool lost, enum cli_on_lost on_lost,
		       int lost_exit);

#endif
