/* SPDX-License-Identifier: MIT */
/*
 * once - connect, LOCK, UNLOCK, end: what a script pays for a lock.  Nothing
 * but the C library, so that a new process is all that is measured beside it.
 */
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>

/* False unless the answer begins with word; QUEUED is passed over. */
static int say(int fd, const char *line, const char *word)
{
	char reply[4096];
	ssize_t len;

	if (send(fd, line, strlen(line), MSG_NOSIGNAL) < 0)
		return 0;
	do {
		len = recv(fd, reply, sizeof reply - 1, 0);
		if (len <= 0)
			return 0;
		reply[len] = '\0';
		if (strstr(reply, word))
			return 1;
	} while (strncmp(reply, "QUEUED", 6) == 0);
	(void)fprintf(stderr, "zkl_once: %s", reply);
	return 0;
}

int main(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (argc != 2 || strlen(argv[1]) >= sizeof addr.sun_path || fd < 0)
		return 64;
	(void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s", argv[1]);
	if (connect(fd, (const struct sockaddr *)&addr, sizeof addr) != 0)
		return 69;
	return say(fd, "LOCK once\n", "GRANTED") &&
		       say(fd, "UNLOCK once\n", "RELEASED")
		   ? 0
		   : 75;
}
