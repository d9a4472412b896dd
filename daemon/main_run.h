/* SPDX-License-Identifier: MIT */
/*
 * main_run - the daemon itself: opens the doors, goes round, ends in order.
 */
#ifndef DAEMON_MAIN_RUN_H
#define DAEMON_MAIN_RUN_H

#include <stdbool.h>

#include "daemon/config.h"
#include "daemon/main_exit.h"

struct main_run {
	struct config *config;              /* borrowed; a reload changes it */
	const struct config_source *source; /* to read it again */
	bool dev;
};

/* Serves until it is told to end; everything is closed again. */
enum main_exit main_run(const struct main_run *run);

#endif
