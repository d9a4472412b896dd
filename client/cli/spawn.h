/* SPDX-License-Identifier: MIT */
/*
 * spawn - starting CMD, and ending it with everything it started.
 *
 * CMD dies with the wrapper (PDEATHSIG) and, unless -o was given, keeps the
 * connection open, so that the lock lives as long as it does even when the
 * wrapper is killed.  Decides nothing about when.
 */
#ifndef CLI_SPAWN_H
#define CLI_SPAWN_H

#include <signal.h>
#include <stdbool.h>
#include <sys/types.h>

#include "client/cli/fault.h"

struct cli_spawn {
	char *const *argv; /* NULL-ended; argv[0] is searched in PATH */
	const sigset_t *mask;
	int keep_fds[2]; /* not closed by exec; -1: none */
	bool own_group;
};

/* The child's process id; -1 with fault: 126, 127 or 71.  Call it from the
 * main thread: PDEATHSIG is about the thread that forked. */
pid_t cli_spawn(const struct cli_spawn *spawn, struct cli_fault *fault);

/* In our own place; returns only to say why not. */
void cli_spawn_exec(const struct cli_spawn *spawn, struct cli_fault *fault);

/* Adopt what CMD's children leave behind, so that it can be ended too. */
void cli_spawn_adopt_orphans(void);

/* Send to CMD, and to all of its group if that is its own. */
void cli_spawn_signal(pid_t child, bool own_group, int number);

/* Send to every living descendant of this process; how many there were. */
unsigned cli_spawn_signal_descendants(int number);

#endif
