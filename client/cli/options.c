/* SPDX-License-Identifier: MIT */
/* options - see options.h; the tables are in optable.c. */
#include "client/cli/options.h"

#include <assert.h>
#include <getopt.h>
#include <string.h>

#include "client/cli/exits.h"

/* All rows of the fullest command fit; checked when they are gathered. */
#define ROWS_MAX 64

/* getopt_long's values for long options start where letters end. */
#define LONG_BASE 256

#define HELP_COLUMN 32

struct gathered {
	const struct cli_option *rows[ROWS_MAX];
	struct option longs[ROWS_MAX + 1];
	char letters[2 * ROWS_MAX + 3];
	size_t count;
};

static void gather_row(struct gathered *all, const struct cli_option *row)
{
	size_t end = strlen(all->letters);

	assert(all->count < ROWS_MAX);
	all->longs[all->count] = (struct option){
		.name = row->name,
		.has_arg = row->value ? required_argument : no_argument,
		.val = LONG_BASE + (int)all->count,
	};
	all->rows[all->count++] = row;
	if (row->letter) {
		all->letters[end++] = row->letter;
		if (row->value)
			all->letters[end] = ':';
	}
}

/* "+" stops at the first operand; ":" tells a missing value apart. */
static void gather(struct gathered *all, const struct cli_option *const *tables)
{
	memset(all, 0, sizeof *all);
	memcpy(all->letters, "+:", 2);
	for (; *tables; tables++) {
		for (const struct cli_option *row = *tables; row->name; row++)
			gather_row(all, row);
	}
}

static const struct cli_option *row_of(const struct gathered *all, int found)
{
	if (found >= LONG_BASE)
		return all->rows[found - LONG_BASE];
	for (size_t i = 0; i < all->count; i++) {
		if (all->rows[i]->letter == found)
			return all->rows[i];
	}
	return NULL;
}

static bool refuse(int found, char **argv, const struct gathered *all,
		   struct cli_fault *fault)
{
	const char *word = argv[optind - 1];
	const char *what = found == ':' ? "needs a value" : "is not known";
	size_t chars = strcspn(word, "=");

	if (optopt > 0 && optopt < LONG_BASE)
		return cli_fault_set(fault, CLI_EXIT_USAGE, "option -%c %s",
				     optopt, what);
	/* A long option that exists, but was given a value it does not take. */
	if (found != ':' && optopt >= LONG_BASE)
		return cli_fault_set(fault, CLI_EXIT_USAGE,
				     "option --%s takes no value",
				     row_of(all, optopt)->name);
	if (found != ':')
		what = "is not known, or short for several";
	return cli_fault_set(fault, CLI_EXIT_USAGE, "option %.*s %s",
			     (int)chars, word, what);
}

int cli_options_parse(const struct cli_option *const *tables, int argc,
		      char **argv, struct cli_args *args,
		      struct cli_fault *fault)
{
	struct gathered all;
	int found;

	gather(&all, tables);
	opterr = 0;
	optind = 0; /* glibc: begin anew */
	for (;;) {
		const struct cli_option *row;

		found = getopt_long(argc, argv, all.letters, all.longs, NULL);
		if (found == -1)
			return optind;
		if (found == '?' || found == ':') {
			(void)refuse(found, argv, &all, fault);
			return -1;
		}
		row = row_of(&all, found);
		assert(row);
		if (!row->set(args, optarg, fault))
			return -1;
	}
}

void cli_options_help(const struct cli_option *table, FILE *out)
{
	for (const struct cli_option *row = table; row->name; row++) {
		char left[2 * HELP_COLUMN] = "    ";
		int used;

		if (row->letter)
			(void)snprintf(left, sizeof left, "-%c, ", row->letter);
		used = (int)strlen(left);
		(void)snprintf(left + used, sizeof left - (size_t)used,
			       "--%s%s%s", row->name, row->value ? " " : "",
			       row->value ? row->value : "");
		(void)fprintf(out, "  %-*s %s\n", HELP_COLUMN - 3, left,
			      row->help);
	}
}
