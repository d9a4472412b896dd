/* SPDX-License-Identifier: MIT */
/*
 * main - what was asked on the command line is done here; main_run.c serves.
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <unistd.h>

#include "daemon/main_flags.h"
#include "daemon/main_run.h"
#include "daemon/main_tables.h"
#include "daemon/resolve.h"

/* Without these three the socket of a client could become standard error. */
static void open_standard_fds(void)
{
	int fd;

	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= STDERR_FILENO);
	if (fd >= 0)
		(void)close(fd);
}

static void warn_dev(void)
{
	(void)fputs(
	    "***********************************************************\n"
	    "zklockd --dev: NO ZOOKEEPER.  Locks exclude the processes of\n"
	    "this host only, and end with this process.\n"
	    "***********************************************************\n",
	    stderr);
}

static enum main_exit start(const struct main_flags *flags,
			    const struct config_source *source,
			    struct config *config)
{
	const struct config_values *values = config_values(config);
	const struct main_run run = {
		.config = config,
		.source = source,
		.dev = flags->dev,
	};

	log_open(&(struct log_settings){
	    .sink = (enum log_sink)values->log,
	    .level = (enum log_level)values->log_level,
	    .fd = STDERR_FILENO,
	});
	if (flags->dev)
		warn_dev();
	return main_run(&run);
}

static enum main_exit with_config(const struct main_flags *flags)
{
	const struct config_source source = {
		.path = flags->config,
		.overrides = flags->overrides,
		.overrides_len = flags->overrides_len,
		.servers_check = resolve_check,
	};
	enum main_exit code = EXIT_FINE;
	char problem[CONFIG_PROBLEM_MAX];
	struct config *config;

	if (!config_load(&source, &config, problem)) {
		(void)fprintf(stderr, "zklockd: %s\n", problem);
		return EXIT_BAD_CONFIG;
	}
	if (flags->task == MAIN_PRINT_CONFIG)
		config_print(config, stdout);
	else if (flags->task == MAIN_SERVE)
		code = start(flags, &source, config);
	config_free(config);
	return code;
}

int main(int argc, char **argv)
{
	struct main_flags flags;

	open_standard_fds();
	(void)signal(SIGPIPE, SIG_IGN); /* whoever reads what we say may go */
	if (!main_flags_read(&flags, argc, argv))
		return EXIT_BAD_USAGE;
	switch (flags.task) {
	case MAIN_SERVE:
	case MAIN_CHECK_CONFIG:
	case MAIN_PRINT_CONFIG:
		return (int)with_config(&flags);
	case MAIN_DUMP_TABLES:
		main_tables_dump(stdout);
		break;
	case MAIN_SHOW_VERSION:
		(void)puts("zklockd " ZKLOCKD_VERSION);
		break;
	case MAIN_SHOW_HELP:
		main_flags_help(stdout);
		break;
	}
	return EXIT_FINE;
}
