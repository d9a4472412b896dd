/* SPDX-License-Identifier: MIT */
/*
 * main_exit - how the daemon ends; zklockd(8) and the unit have the same
 * numbers.
 */
#ifndef DAEMON_MAIN_EXIT_H
#define DAEMON_MAIN_EXIT_H

enum main_exit {
	EXIT_FINE = 0,
	EXIT_CUT_SHORT = 1,   /* a second signal: at once, not in order */
	EXIT_BAD_USAGE = 64,  /* the command line */
	EXIT_NO_SOCKET = 69,  /* the socket cannot be had */
	EXIT_INTERNAL = 70,   /* memory, descriptors */
	EXIT_NO_STATE = 73,   /* the state folder or the lease page */
	EXIT_RUNNING = 75,    /* another daemon has this state folder */
	EXIT_TORN = 76,       /* another process uses our session: torn_exit */
	EXIT_BAD_CONFIG = 78, /* the configuration */
};

#endif
