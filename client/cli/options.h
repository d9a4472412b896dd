/* SPDX-License-Identifier: MIT */
/*
 * options - one row per option: the parser, the help, the completions and the
 * docs check read the same table.
 *
 * Parsing stops at the first operand, so a child's options stay the child's.
 * It never prints and never exits.
 */
#ifndef CLI_OPTIONS_H
#define CLI_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "client/cli/fault.h"
#include "client/cli/ladder.h"

#define CLI_WAIT_FOREVER_MS INT64_C(-1)
#define CLI_UNSET           (-1)

enum cli_group {
	CLI_GROUP_AUTO, /* a group of its own when there is no terminal */
	CLI_GROUP_OWN,
	CLI_GROUP_FOREGROUND,
};

enum cli_nested {
	CLI_NESTED_ERROR,
	CLI_NESTED_JOIN,
};

/* Everything that can be said before the operands.  Strings are argv's. */
struct cli_args {
	const char *socket; /* NULL: $ZKLOCK_SOCKET, then the default */
	bool json;
	bool quiet;
	bool verbose;
	bool no_color;
	bool help;
	bool version;

	/* asking for a lock */
	const char *client; /* who asks, for others; NULL: the program */
	int64_t wait_ms;    /* 0: do not wait; CLI_WAIT_FOREVER_MS */
	bool shared;
	unsigned slots; /* of a semaphore; 0: a lock */
	int conflict_exit;
	int lost_exit;
	const char *note;
	int64_t min_hold_ms;        /* 0: none */
	int64_t max_hold_ms;        /* 0: as long as it likes */
	int64_t connect_timeout_ms; /* CLI_UNSET: by wait_ms */

	/* run */
	bool one_name; /* not an option: what follows is CMD, as flock has it */
	char *command; /* -c */
	bool no_fork;
	bool close;
	bool wait_all;
	bool if_unavailable_run;
	int64_t kill_after_ms; /* CLI_UNSET: by the session timeout */
	int64_t max_run_ms;    /* CLI_NEVER_MS */
	int signal;
	int suspend_signal;
	enum cli_on_lost on_lost;
	enum cli_on_suspend on_suspend;
	enum cli_group group;
	enum cli_nested nested;
	const char *report;
	int report_fd; /* CLI_UNSET */

	/* hold */
	bool notify;
	int64_t stop_early_ms;

	/* list */
	bool all;

	/* tables */
	bool raw;
	bool noheadings;
	const char *columns;

	/* kick */
	const char *why; /* NULL: no reason given */

	/* check */
	uint64_t token; /* 0: from the environment */
};

typedef bool (*cli_option_set)(struct cli_args *args, char *value,
			       struct cli_fault *fault);

struct cli_option {
	const char *name;
	char letter;       /* 0: none */
	const char *value; /* its placeholder; NULL: takes none */
	cli_option_set set;
	const char *help;
};

/* Tables end with a row without a name.  More of them never go together. */
#define CLI_TABLES_MAX 4

extern const struct cli_option cli_options_global[];
extern const struct cli_option cli_options_lock[];
extern const struct cli_option cli_options_run[];
extern const struct cli_option cli_options_hold[];
extern const struct cli_option cli_options_list[];
extern const struct cli_option cli_options_table[];
extern const struct cli_option cli_options_wait[];
extern const struct cli_option cli_options_check[];
extern const struct cli_option cli_options_kick[];
extern const struct cli_option cli_options_flock[];

/* What holds when nothing is said. */
void cli_args_init(struct cli_args *args);

/*
 * Read the options of argv[1] and on by these tables (a NULL ends them) into
 * args.  The index of the first operand; -1 with fault set.
 */
int cli_options_parse(const struct cli_option *const *tables, int argc,
		      char **argv, struct cli_args *args,
		      struct cli_fault *fault);

/* One aligned line per option. */
void cli_options_help(const struct cli_option *table, FILE *out);

#endif
