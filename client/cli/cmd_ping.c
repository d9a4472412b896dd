/* SPDX-License-Identifier: MIT */
/* cmd_ping - the commands ping and version: is it there, and what is it? */
#include <jansson.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/cli/command.h"
#include "client/cli/connect.h"
#include "client/cli/exits.h"
#include "client/cli/say.h"

static double now_ms(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) < 0)
		return 0;
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void print(json_t *object)
{
	(void)json_dumpf(object, stdout, JSON_COMPACT | JSON_REAL_PRECISION(6));
	(void)putchar('\n');
	json_decref(object);
}

int cmd_ping(struct cli_args *args, int argc, char **argv)
{
	struct cli_fault fault = { 0 };
	struct zklock_info info = ZKLOCK_INFO_INIT;
	zklock_client *client = cli_connect(args, &fault);
	double took_ms;
	int error;

	(void)argc;
	(void)argv;
	if (!client)
		return cli_say_fault(args, &fault);
	took_ms = now_ms();
	error = zklock_command(client, "PING", NULL, NULL);
	took_ms = now_ms() - took_ms;
	(void)zklock_info(client, &info);
	if (error != ZKLOCK_OK)
		(void)cli_connect_fault(client, error, "ping", &fault);
	else if (args->json)
		print(json_pack("{s:s,s:s,s:f}", "server", info.server, "state",
				zklock_strstate(info.state), "answer_s",
				took_ms / 1e3));
	else if (!args->quiet)
		(void)printf("%s answers in %.3f ms, %s\n", info.server,
			     took_ms, zklock_strstate(info.state));
	zklock_close(client);
	return cli_say_fault(args, &fault);
}

/* The daemon's version, "" without a daemon: no error, it may be elsewhere. */
int cmd_version(struct cli_args *args, int argc, char **argv)
{
	struct zklock_info info = ZKLOCK_INFO_INIT;
	zklock_client *client = NULL;

	(void)argc;
	(void)argv;
	if (cli_connect_try(args, CLI_REPLY_MS, &client) == ZKLOCK_OK)
		(void)zklock_info(client, &info);
	zklock_close(client);
	if (args->json) {
		print(json_pack("{s:s,s:s,s:s}", "zklock", ZKLOCKD_VERSION,
				"libzklock", zklock_version_string(), "server",
				info.server));
		return CLI_EXIT_OK;
	}
	(void)printf("zklock %s\nlibzklock %s\n", ZKLOCKD_VERSION,
		     zklock_version_string());
	if (info.server[0])
		(void)printf("%s\n", info.server);
	return CLI_EXIT_OK;
}
