/* SPDX-License-Identifier: MIT */
/*
 * fence - ends the session of a predecessor that died.
 *
 * A daemon that was killed leaves its session behind, and with it its bids:
 * every lock that it held or waited for stays taken until the session runs
 * out.  Whoever starts in its state folder may end it sooner, but not before
 * the deadline that its holders may still believe: the one in the page that
 * it left behind.  Then the fence takes the session up and closes it, beside
 * the daemon's own session.  It never touches a session that another process
 * may be using: the state folder's lock is held.
 *
 * One thread.
 */
#ifndef DAEMON_FENCE_H
#define DAEMON_FENCE_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/coord_zk.h"

struct event_base;
struct fence; /* private to fence.c */

/* The file with the session's id, 0600, in the state folder. */
#define FENCE_FILE "session"

/* The file's id.  False when there is none that can be read. */
bool fence_load(const char *dir, struct coord_zk_id *id_out);
/* Remember it for a successor; 0 or -errno. */
int fence_save(const char *dir, const struct coord_zk_id *id);
/* Nothing is to be fenced: the session was closed in order. */
void fence_forget(const char *dir);

/*
 * Ends the session after after_ms (CLOCK_BOOTTIME).  settings as for the
 * daemon's own coordinator; resume is filled in here.  NULL when memory is not
 * to be had: the session then runs out by itself.
 */
struct fence *fence_new(struct event_base *base,
			const struct coord_zk_settings *settings,
			const struct coord_zk_id *id, int64_t after_ms);
void fence_free(struct fence *fence); /* NULL is fine */

/* Once a loop turn.  False when it is over: free it. */
bool fence_turn(struct fence *fence, int64_t now_ms);
/* When a turn is due even if nothing happens; INT64_MAX: never. */
int64_t fence_wake_ms(const struct fence *fence);

#endif
