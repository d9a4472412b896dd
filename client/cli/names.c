/* SPDX-License-Identifier: MIT */
/* names - see names.h. */
#include "client/cli/names.h"

#include <stdio.h>
#include <string.h>

#include "client/cli/exits.h"

static void put_text(struct cli_names *names)
{
	size_t used = 0;

	names->text[0] = '\0';
	for (unsigned i = 0; i < names->len && used < sizeof names->text; i++)
		used += (size_t)snprintf(names->text + used,
					 sizeof names->text - used, "%s%s",
					 i > 0 ? " " : "", names->words[i]);
}

static bool has(const struct cli_names *names, const char *word)
{
	for (unsigned i = 0; i < names->len; i++) {
		if (strcmp(names->words[i], word) == 0)
			return true;
	}
	return false;
}

bool cli_names_read(struct cli_names *names, const struct cli_args *args,
		    int count, char **words, struct cli_fault *fault)
{
	names->len = 0;
	for (int i = 0; i < count; i++) {
		if (i > 0 && words[i][0] == '-')
			return cli_fault_set(fault, CLI_EXIT_USAGE,
					     "options go before the NAME: %s",
					     words[i]);
		if (has(names, words[i]))
			continue;
		if (names->len == ZKLOCK_NAMES_MAX)
			return cli_fault_set(fault, CLI_EXIT_USAGE,
					     "at most %d names go together",
					     ZKLOCK_NAMES_MAX);
		names->words[names->len++] = words[i];
	}
	put_text(names);
	if (names->len > 1 && (args->shared || args->slots))
		return cli_fault_set(fault, CLI_EXIT_USAGE,
				     "several names are had exclusively: "
				     "neither --shared nor --slots");
	return true;
}

void cli_names_drop(struct cli_names *names, unsigned index)
{
	names->len--;
	memmove(&names->words[index], &names->words[index + 1],
		(names->len - index) * sizeof names->words[0]);
	put_text(names);
}
