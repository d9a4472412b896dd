/* SPDX-License-Identifier: MIT */
/*
 * listener - the socket that clients connect to.
 *
 * It makes the socket, or takes the one that systemd made, and lets in who
 * may come in: a quota a turn, limits by user and in all, and nobody whose
 * user the kernel does not tell.  Out of descriptors it answers with one line
 * and rests, without spinning.  It never reads a request.
 *
 * One thread.
 */
#ifndef DAEMON_LISTENER_H
#define DAEMON_LISTENER_H

#include <stdint.h>
#include <sys/types.h>

#include "daemon/access.h"
#include "daemon/conn.h"

struct event_base;
struct listener; /* private to listener.c */

/* Accepted in one loop turn: a flood of connects leaves time for the rest. */
#define LISTENER_ACCEPTS_PER_TURN 16
/* Waiting in the kernel while the daemon is busy or restarts. */
#define LISTENER_BACKLOG 1024
/* The rest after running out of descriptors: short enough to be back soon,
 * long enough to cost nothing. */
#define LISTENER_REST_MS 50

struct listener_settings {
	const char *path;
	mode_t mode;
	/* A listening socket that was handed over, or -1 to make one at path.
	 * One that was handed over is not ours to remove. */
	int fd;
};

struct listener_counts {
	uint64_t accepted;
	uint64_t refused; /* by a limit, no descriptor, or unknown user */
};

/*
 * 0, or -errno with a line in the log that says what was tried, and nothing
 * left behind.  A socket at path that nobody listens on is replaced; one that
 * is alive gives -EADDRINUSE, and any other kind of file -EEXIST.
 */
int listener_open(struct event_base *base,
		  const struct listener_settings *settings,
		  const struct access *access, struct conns *conns,
		  struct listener **listener_out);
/* Stops listening; removes the socket if it is still the one we made.  NULL
 * is fine. */
void listener_free(struct listener *listener);

void listener_counts(const struct listener *listener,
		     struct listener_counts *counts_out);

#endif
