/* SPDX-License-Identifier: MIT */
/*
 * signals - what is sent to the wrapper, read in turn from a descriptor.
 *
 * Everything that can be caught is blocked, so that no signal ends the
 * wrapper between two steps; a child gets back the mask we came with.  What
 * was ignored when we were started stays so, and is not read.
 */
#ifndef CLI_SIGNALS_H
#define CLI_SIGNALS_H

#include <signal.h>
#include <stdbool.h>

struct cli_signals {
	int fd;        /* signalfd, close-on-exec */
	sigset_t mask; /* the one we were started with */
};

struct cli_signal {
	int number;
	bool from_tty; /* the kernel's, so the whole foreground group has it */
};

/* 0 or -errno. */
int cli_signals_open(struct cli_signals *signals);
void cli_signals_close(struct cli_signals *signals);

/* The next one, or false. */
bool cli_signals_next(const struct cli_signals *signals,
		      struct cli_signal *signal_out);

/* Whether it ends a process that does nothing about it. */
bool cli_signal_ends(int number);

#endif
