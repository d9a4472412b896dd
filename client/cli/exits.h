/* SPDX-License-Identifier: MIT */
/*
 * exits - the exit codes of zklock, said once.
 *
 * A child's own code passes through untouched; these are the codes of zklock
 * itself.  zklock.1 lists them.
 */
#ifndef CLI_EXITS_H
#define CLI_EXITS_H

enum cli_exit {
	CLI_EXIT_OK = 0,
	CLI_EXIT_NO = 1, /* check: not held; kick: no such id; zkflock: busy */
	CLI_EXIT_BROKEN = 2,       /* doctor: something must be mended */
	CLI_EXIT_USAGE = 64,       /* EX_USAGE */
	CLI_EXIT_UNAVAILABLE = 69, /* EX_UNAVAILABLE: daemon, ZooKeeper */
	CLI_EXIT_SOFTWARE = 70,    /* EX_SOFTWARE: our bug */
	CLI_EXIT_OSERR = 71,       /* EX_OSERR: fork, memory */
	CLI_EXIT_BUSY = 75,        /* EX_TEMPFAIL: not acquired (-E) */
	CLI_EXIT_NOPERM = 77,      /* EX_NOPERM */
	CLI_EXIT_LOST = 79,        /* lost while the child ran (-L) */
	CLI_EXIT_NOEXEC = 126,     /* CMD is there but cannot run */
	CLI_EXIT_NOTFOUND = 127,   /* CMD is not there */
	CLI_EXIT_SIGNAL = 128,     /* plus the signal's number */
};

#endif
