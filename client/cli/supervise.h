/* SPDX-License-Identifier: MIT */
/*
 * supervise - from the child's start to its end: signals passed on, the lease
 * watched by a clock of our own, the ladder carried out.
 *
 * It decides nothing (ladder.h does) and prints only what happened.
 */
#ifndef CLI_SUPERVISE_H
#define CLI_SUPERVISE_H

#include <stdbool.h>
#include <sys/types.h>

#include "client/cli/hold.h"
#include "client/cli/ladder.h"
#include "client/cli/options.h"
#include "client/cli/signals.h"

struct cli_supervision {
	const struct cli_args *args;
	const struct cli_signals *signals;
	struct cli_hold *hold; /* NULL: no lock of our own to watch */
	struct cli_ladder_rules rules;
	pid_t child;
	bool own_group;
	int lifeline_fd; /* --wait-all: ends with the last holder; or -1 */
	int timer_fd;    /* there before the child is */
};

struct cli_supervised {
	int wait_status;
	bool lost;
	enum cli_ladder_cause cause;
};

/* Until the child (and with --wait-all its descendants) has ended, and after
 * a loss until nobody of them is left.  The descriptors are closed then. */
void cli_supervise(const struct cli_supervision *how,
		   struct cli_supervised *what_out);

#endif
