/* SPDX-License-Identifier: MIT */
/*
 * main - from argv to one command.  It only routes: options before the
 * command, then the command's row; zkflock is the same program by its name.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/command.h"
#include "client/cli/exits.h"
#include "client/cli/say.h"

static int usage(const char *what, const char *command)
{
	cli_say_error("%s. Try: zklock help%s%s", what, *command ? " " : "",
		      command);
	return CLI_EXIT_USAGE;
}

int cli_command_main(const struct cli_command *command, struct cli_args *args,
		     int argc, char **argv)
{
	const struct cli_option *tables[CLI_TABLES_MAX + 2] = { NULL };
	struct cli_fault fault = { 0 };
	size_t count = 0;
	int first;

	for (; count < CLI_TABLES_MAX && command->tables[count]; count++)
		tables[count] = command->tables[count];
	tables[count] = cli_options_global;
	first = cli_options_parse(tables, argc, argv, args, &fault);
	if (first < 0)
		return usage(fault.text, command->name);
	if (args->help) {
		cli_help(command, stdout);
		return CLI_EXIT_OK;
	}
	argc -= first;
	argv += first;
	if (argc < command->operands_min)
		return usage("something is missing", command->name);
	if (command->operands_max != CLI_UNSET && argc > command->operands_max)
		return usage("there is too much", command->name);
	return command->run(args, argc, argv);
}

static int zklock_main(int argc, char **argv)
{
	static const struct cli_option *const tables[] = { cli_options_global,
							   NULL };
	const struct cli_command *command;
	struct cli_args args;
	struct cli_fault fault = { 0 };
	char text[256];
	int first;

	cli_args_init(&args);
	first = cli_options_parse(tables, argc, argv, &args, &fault);
	if (first < 0)
		return usage(fault.text, "");
	if (args.version)
		return cmd_version(&args, 0, NULL);
	if (args.help) {
		cli_help(NULL, stdout);
		return CLI_EXIT_OK;
	}
	if (first >= argc)
		return usage("which command is meant", "");
	command = cli_command_find(argv[first]);
	if (!command) {
		(void)snprintf(text, sizeof text, "there is no command \"%s\"",
			       argv[first]);
		return usage(text, "");
	}
	return cli_command_main(command, &args, argc - first, argv + first);
}

/* What was printed must have arrived (a full disk, a closed pipe). */
static int finish(int code)
{
	if (fflush(stdout) == 0 && !ferror(stdout))
		return code;
	if (errno != EPIPE)
		cli_say_error("standard output: %s", strerror(errno));
	return code == CLI_EXIT_OK ? CLI_EXIT_OSERR : code;
}

/* A descriptor of ours must not become the child's standard input. */
static void open_standard(void)
{
	int fd;

	do {
		fd = open("/dev/null", O_RDWR);
	} while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
}

static char *const *words;

char *const *cli_words(void)
{
	return words;
}

int main(int argc, char **argv)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *name = slash ? slash + 1 : argc > 0 ? argv[0] : "zklock";

	words = argv;
	open_standard();
	if (strcmp(name, "zkflock") == 0) {
		cli_say_as("zkflock");
		return finish(cli_flock_main(argc, argv));
	}
	return finish(zklock_main(argc, argv));
}
