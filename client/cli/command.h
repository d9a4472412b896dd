/* SPDX-License-Identifier: MIT */
/*
 * command - one row per subcommand: what main routes by, and what help,
 * completions and the docs check read.  Each has a file cmd_*.c of its own.
 */
#ifndef CLI_COMMAND_H
#define CLI_COMMAND_H

#include <stdio.h>

#include "client/cli/options.h"

/* argv holds the operands only, NULL-ended; the exit code. */
typedef int (*cli_command_run)(struct cli_args *args, int argc, char **argv);

struct cli_command {
	const char *name;
	const char *alias; /* NULL: none */
	const char *operands;
	const char *summary;
	cli_command_run run;
	int operands_min;
	int operands_max; /* CLI_UNSET: any number */
	const struct cli_option *tables[CLI_TABLES_MAX];
};

/* Ends with a row without a name. */
extern const struct cli_command cli_commands[];

/* By name or alias; NULL: there is none. */
const struct cli_command *cli_command_find(const char *name);

/* What "help" says: NULL for the whole program. */
void cli_help(const struct cli_command *command, FILE *out);

/* Parse the options behind argv[0], check the operands and run. */
int cli_command_main(const struct cli_command *command, struct cli_args *args,
		     int argc, char **argv);

/* What the program was called with, for who goes on in its place. */
char *const *cli_words(void);

/* The program as flock(1): what zkflock does. */
int cli_flock_main(int argc, char **argv);

int cmd_run(struct cli_args *args, int argc, char **argv);
int cmd_hold(struct cli_args *args, int argc, char **argv);
int cmd_list(struct cli_args *args, int argc, char **argv);
int cmd_who(struct cli_args *args, int argc, char **argv);
int cmd_kick(struct cli_args *args, int argc, char **argv);
int cmd_revoke(struct cli_args *args, int argc, char **argv);
int cmd_wait(struct cli_args *args, int argc, char **argv);
int cmd_watch(struct cli_args *args, int argc, char **argv);
int cmd_status(struct cli_args *args, int argc, char **argv);
int cmd_stats(struct cli_args *args, int argc, char **argv);
int cmd_check(struct cli_args *args, int argc, char **argv);
int cmd_ping(struct cli_args *args, int argc, char **argv);
int cmd_version(struct cli_args *args, int argc, char **argv);
int cmd_help(struct cli_args *args, int argc, char **argv);
int cmd_shell(struct cli_args *args, int argc, char **argv);
int cmd_doctor(struct cli_args *args, int argc, char **argv);
int cmd_completion(struct cli_args *args, int argc, char **argv);

#endif
