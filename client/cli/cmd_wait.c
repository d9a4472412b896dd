/* SPDX-License-Identifier: MIT */
/* cmd_wait - until a lock is free, which somebody else may take then. */
#include <stdio.h>

#include "client/cli/command.h"
#include "client/cli/connect.h"
#include "client/cli/exits.h"
#include "client/cli/holder.h"
#include "client/cli/say.h"

static void not_free(const struct cli_args *args, zklock_client *client,
		     const char *name, struct cli_fault *fault)
{
	struct zklock_failure failure = ZKLOCK_FAILURE_INIT;
	char who[CLI_HOLDER_TEXT];

	(void)zklock_last_failure(client, &failure);
	cli_holder_sentence(failure.holder, failure.held_ms, who);
	(void)cli_fault_set(fault, args->conflict_exit,
			    "\"%s\" is not free: %s", name,
			    who[0] ? who : failure.text);
	fault->expected = true;
}

int cmd_wait(struct cli_args *args, int argc, char **argv)
{
	struct cli_fault fault = { 0 };
	zklock_client *client = cli_connect(args, &fault);
	int error;

	(void)argc;
	if (!client)
		return cli_say_fault(args, &fault);
	error = zklock_wait_free(client, argv[0], args->wait_ms);
	if (error != ZKLOCK_OK && cli_connect_exit(error) == CLI_EXIT_BUSY)
		not_free(args, client, argv[0], &fault);
	else if (error != ZKLOCK_OK)
		(void)cli_connect_fault(client, error, "wait", &fault);
	zklock_close(client);
	return cli_say_fault(args, &fault);
}
