/* SPDX-License-Identifier: MIT */
/*
 * main_flags - the command line: one row an option, from which it is read
 * and --help is written.  Does nothing of what it reads.
 */
#ifndef DAEMON_MAIN_FLAGS_H
#define DAEMON_MAIN_FLAGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "daemon/config.h"

/* Keys set on one command line. */
#define MAIN_OVERRIDES_MAX 64

enum main_task {
	MAIN_SERVE,
	MAIN_CHECK_CONFIG,
	MAIN_PRINT_CONFIG,
	MAIN_DUMP_TABLES,
	MAIN_SHOW_VERSION,
	MAIN_SHOW_HELP,
};

struct main_flags {
	enum main_task task;
	bool dev;
	const char *config; /* NULL: the usual file */
	struct config_override overrides[MAIN_OVERRIDES_MAX];
	size_t overrides_len;
};

/* Strings are lent by argv, which is written in.  False when it is wrong and
 * standard error says why. */
bool main_flags_read(struct main_flags *flags, int argc, char **argv);
void main_flags_help(FILE *to);
/* The long names, for --dump-tables; NULL past the end. */
const char *main_flags_name(size_t index);

#endif
