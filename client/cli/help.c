/* SPDX-License-Identifier: MIT */
/* help - what the tables of commands and options say, for people. */
#include <string.h>

#include "client/cli/command.h"

static void help_all(FILE *out)
{
	(void)fprintf(out,
		      "Usage: zklock [-S SOCKET] [--json] [-q] [-v] "
		      "[--no-color] COMMAND ...\n\n"
		      "One at a time, in the whole cluster.\n\nCommands:\n");
	for (const struct cli_command *row = cli_commands; row->name; row++) {
		char left[64];

		(void)snprintf(left, sizeof left, "%s %s", row->name,
			       row->operands);
		(void)fprintf(out, "  %-30s %s", left, row->summary);
		if (row->alias)
			(void)fprintf(out, " (alias: %s)", row->alias);
		(void)fputc('\n', out);
	}
	(void)fprintf(out, "\nOptions of every command:\n");
	cli_options_help(cli_options_global, out);
	(void)fprintf(out, "\nMore: zklock help COMMAND, and zklock(1).\n");
}

void cli_help(const struct cli_command *command, FILE *out)
{
	if (!command) {
		help_all(out);
		return;
	}
	(void)fprintf(out, "Usage: zklock %s [OPTIONS]%s%s\n\n%s\n\n",
		      command->name, *command->operands ? " " : "",
		      command->operands, command->summary);
	(void)fprintf(out, "Options:\n");
	for (size_t i = 0; i < CLI_TABLES_MAX && command->tables[i]; i++)
		cli_options_help(command->tables[i], out);
	cli_options_help(cli_options_global, out);
}

int cmd_help(struct cli_args *args, int argc, char **argv)
{
	const struct cli_command *command = NULL;

	(void)args;
	if (argc > 0) {
		command = cli_command_find(argv[0]);
		if (!command) {
			(void)fprintf(stderr,
				      "zklock: there is no command \"%s\". "
				      "Try: zklock help\n",
				      argv[0]);
			return 64;
		}
	}
	cli_help(command, stdout);
	return 0;
}
