/* SPDX-License-Identifier: MIT */
/*
 * flock - zkflock: the command line of flock(1) 2.38.1, over the cluster.
 *
 * It turns flock's words into those of "run".  A path becomes a name: leading
 * slashes go, so /var/lock/job is the lock "var/lock/job" on every host.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "client/cli/command.h"
#include "client/cli/exits.h"
#include "client/cli/hold.h"
#include "client/cli/say.h"

static void help(void)
{
	(void)printf("Usage:\n"
		     " zkflock [OPTIONS] FILE|DIRECTORY COMMAND [ARG...]\n"
		     " zkflock [OPTIONS] FILE|DIRECTORY -c COMMAND\n\n"
		     "flock(1) for a whole cluster: the path is the lock's "
		     "name, nothing is opened.\n\nOptions:\n");
	cli_options_help(cli_options_flock, stdout);
	(void)printf("\nMore: zklock(1).\n");
}

static int usage(const char *text)
{
	cli_say_error("%s. Try: zkflock --help", text);
	return CLI_EXIT_USAGE;
}

static char *name_of(char *path)
{
	bool rooted = *path == '/';

	while (rooted && *path == '/')
		path++;
	while (strncmp(path, "./", 2) == 0)
		path += 2;
	return path;
}

static bool is_descriptor(const char *text)
{
	return *text && text[strspn(text, "0123456789")] == '\0';
}

int cli_flock_main(int argc, char **argv)
{
	static const struct cli_option *const tables[] = { cli_options_flock,
							   NULL };
	struct cli_args args;
	struct cli_fault fault = { 0 };
	char client[ZKLOCK_CLIENT_MAX + 1];
	int first;

	cli_args_init(&args);
	args.conflict_exit = CLI_EXIT_NO; /* flock's */
	args.one_name = true;
	first = cli_options_parse(tables, argc, argv, &args, &fault);
	if (first < 0)
		return usage(fault.text);
	if (args.help) {
		help();
		return CLI_EXIT_OK;
	}
	if (args.version) {
		(void)printf("zkflock %s\n", ZKLOCKD_VERSION);
		return CLI_EXIT_OK;
	}
	argc -= first;
	argv += first;
	if (argc == 1 && is_descriptor(argv[0]))
		return usage("a file descriptor cannot carry a lock of the "
			     "cluster; see \"zklock hold\"");
	if (argc < 2 && !(argc == 1 && args.command))
		return usage("it takes a path and a command");
	argv[0] = name_of(argv[0]);
	cli_hold_sign(&args, "zkflock", argv[0], client);
	return cmd_run(&args, argc, argv);
}
