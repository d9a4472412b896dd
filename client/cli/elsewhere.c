/* SPDX-License-Identifier: MIT */
/*
 * elsewhere - the commands that print tables or edit lines are another
 * program, zklock-look, which takes our place.
 *
 * The libraries that they need cost more to load than a lock to take, so the
 * program that takes locks does not have them.  zklock-look is linked from the
 * same files with those commands in place of this file.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/cli/command.h"
#include "client/cli/exits.h"
#include "client/cli/say.h"

#define PATH_BYTES 4096
#define LOOK       "zklock-look"

/* In the build tree beside us, installed where CMake has put it from here. */
static const char *const places[] = { LOOK, ZKLOCK_LOOK_FROM_HERE };

static bool beside(const char *place, char path[PATH_BYTES])
{
	ssize_t len = readlink("/proc/self/exe", path, PATH_BYTES);
	char *slash;

	if (len <= 0 || len >= PATH_BYTES)
		return false;
	path[len] = '\0';
	slash = strrchr(path, '/');
	if (!slash || (size_t)(slash - path) + strlen(place) + 2 > PATH_BYTES)
		return false;
	memcpy(slash + 1, place, strlen(place) + 1);
	return access(path, X_OK) == 0;
}

static int elsewhere(void)
{
	char path[PATH_BYTES];
	const char *what = ZKLOCK_LOOK_INSTALLED;

	for (size_t i = 0; i < sizeof places / sizeof *places; i++) {
		if (!beside(places[i], path))
			continue;
		what = path;
		break;
	}
	(void)execv(what, cli_words());
	cli_say_error("cannot run %s: %s", what, strerror(errno));
	return CLI_EXIT_OSERR;
}

#define ELSEWHERE(command)                                        \
	int command(struct cli_args *args, int argc, char **argv) \
	{                                                         \
		(void)args;                                       \
		(void)argc;                                       \
		(void)argv;                                       \
		return elsewhere();                               \
	}

ELSEWHERE(cmd_list)
ELSEWHERE(cmd_who)
ELSEWHERE(cmd_doctor)
ELSEWHERE(cmd_shell)
