/* SPDX-License-Identifier: MIT */
/*
 * names - the locks that one command is about: one, or several that are had
 * together.
 *
 * Only their spelling as operands is judged here, not whether a name is one.
 */
#ifndef CLI_NAMES_H
#define CLI_NAMES_H

#include <stdbool.h>

#include "client/cli/fault.h"
#include "client/cli/options.h"
#include "client/zklock.h"

struct cli_names {
	const char *words[ZKLOCK_NAMES_MAX]; /* borrowed, each once */
	unsigned len;
	/* For people: "a", "a b". */
	char text[ZKLOCK_NAMES_MAX * (ZKLOCK_NAME_MAX + 1)];
};

/* Read count operands; what is said twice counts once.  False with fault: too
 * many, an option among them, or options that go with one name only. */
bool cli_names_read(struct cli_names *names, const struct cli_args *args,
		    int count, char **words, struct cli_fault *fault);

/* Without this one; the rest moves up. */
void cli_names_drop(struct cli_names *names, unsigned index);

#endif
