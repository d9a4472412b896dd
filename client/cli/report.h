/* SPDX-License-Identifier: MIT */
/*
 * report - what became of a run, as one JSON object for programs.
 *
 * It removes the doubt whether an exit code was the child's or zklock's.
 */
#ifndef CLI_REPORT_H
#define CLI_REPORT_H

#include <stdbool.h>
#include <stdint.h>

#include "client/cli/fault.h"
#include "client/cli/hold.h"
#include "client/cli/options.h"

struct cli_report {
	const struct cli_names *names;
	const char *outcome; /* "done", "lost", "busy", ...; see zklock.1 */
	const char *reason;  /* of a loss; NULL: none */
	const char *error;   /* for people; NULL: none */
	const struct cli_grant *grants; /* of names; NULL: never granted */
	int64_t waited_ms;
	int64_t held_ms;
	int exit;
	bool ran; /* wait_status is the child's */
	int wait_status;
};

/*
 * Where the report will go, opened before anything else happens so that a
 * wrong path is found in time: a descriptor, CLI_UNSET when none is wanted,
 * or -1 with fault too (told apart by fault->exit).
 */
int cli_report_open(const struct cli_args *args, struct cli_fault *fault);

/* Writes and closes; a failure is only warned about. */
void cli_report_write(int fd, const struct cli_report *report);

#endif
