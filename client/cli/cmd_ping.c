/* SPDX-License-Identifier: MIT */
/* cmd_ping - the commands ping and version: is it there, and what is it? */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "client/cli/command.h"
#include "client/cli/connect.h"
#include "client/cli/exits.h"
#include "client/cli/json.h"
#include "client/cli/say.h"

static int64_t now_us(void)
{
	struct timespec now;

	if (clock_gettime(CLOCK_MONOTONIC, &now) < 0)
		return 0;
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

static void print(struct cli_json *json)
{
	char *text = cli_json_end(json);

	(void)puts(text ? text : "");
	free(text);
}

static void print_answer(const struct zklock_info *info, int64_t took_us)
{
	struct cli_json json;

	cli_json_begin(&json, false);
	cli_json_text(&json, "server", info->server);
	cli_json_text(&json, "state", zklock_strstate(info->state));
	cli_json_span_us(&json, "answer_s", took_us);
	print(&json);
}

int cmd_ping(struct cli_args *args, int argc, char **argv)
{
	struct cli_fault fault = { 0 };
	struct zklock_info info = ZKLOCK_INFO_INIT;
	zklock_client *client = cli_connect(args, &fault);
	int64_t took_us;
	int error;

	(void)argc;
	(void)argv;
	if (!client)
		return cli_say_fault(args, &fault);
	took_us = now_us();
	error = zklock_command(client, "PING", NULL, NULL);
	took_us = now_us() - took_us;
	(void)zklock_info(client, &info);
	if (error != ZKLOCK_OK)
		(void)cli_connect_fault(client, error, "ping", &fault);
	else if (args->json)
		print_answer(&info, took_us);
	else if (!args->quiet)
		(void)printf("%s answers in %.3f ms, %s\n", info.server,
			     (double)took_us / 1e3,
			     zklock_strstate(info.state));
	zklock_close(client);
	return cli_say_fault(args, &fault);
}

/* The daemon's version, "" without a daemon: no error, it may be elsewhere. */
int cmd_version(struct cli_args *args, int argc, char **argv)
{
	struct zklock_info info = ZKLOCK_INFO_INIT;
	zklock_client *client = NULL;
	struct cli_json json;

	(void)argc;
	(void)argv;
	if (cli_connect_try(args, CLI_REPLY_MS, &client) == ZKLOCK_OK)
		(void)zklock_info(client, &info);
	zklock_close(client);
	if (args->json) {
		cli_json_begin(&json, false);
		cli_json_text(&json, "zklock", ZKLOCKD_VERSION);
		cli_json_text(&json, "libzklock", zklock_version_string());
		cli_json_text(&json, "server", info.server);
		print(&json);
		return CLI_EXIT_OK;
	}
	(void)printf("zklock %s\nlibzklock %s\n", ZKLOCKD_VERSION,
		     zklock_version_string());
	if (info.server[0])
		(void)printf("%s\n", info.server);
	return CLI_EXIT_OK;
}
