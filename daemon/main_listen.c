/* SPDX-License-Identifier: MIT */
/* main_listen - see main_listen.h. */
#include "daemon/main_listen.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <systemd/sd-daemon.h>
#include <unistd.h>

#include "daemon/log.h"

static int pick(char **names, int n)
{
	for (int i = 0; i < n; i++) {
		if (names && strcmp(names[i], MAIN_LISTEN_NAME) == 0)
			return i;
	}
	return n == 1 ? 0 : -1; /* a single one may be called anything */
}

static void free_names(char **names)
{
	for (size_t i = 0; names && names[i]; i++)
		free(names[i]);
	free(names);
}

int main_listen_take(int *fd_out)
{
	char **names = NULL;
	int n = sd_listen_fds_with_names(1, &names);
	int at = n > 0 ? pick(names, n) : -1;

	for (int i = 0; i < n; i++) {
		if (i != at)
			(void)close(SD_LISTEN_FDS_START + i);
	}
	free_names(names);
	*fd_out = -1;
	if (n <= 0)
		return 0;
	if (at < 0 || sd_is_socket_unix(SD_LISTEN_FDS_START + at, SOCK_STREAM,
					1, NULL, 0) <= 0) {
		log_event(LOG_LEVEL_ERR,
			  "event=listen_failed step=activation fds=%d "
			  "error=\"no listening Unix stream socket named "
			  "client among them\"",
			  n);
		return -EINVAL;
	}
	*fd_out = SD_LISTEN_FDS_START + at;
	return 0;
}
