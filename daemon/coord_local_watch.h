/* SPDX-License-Identifier: MIT */
/*
 * coord_local_watch - the watches of one session of coord_local.
 *
 * A watch lives in two places, as with ZooKeeper: the server has it from the
 * call that set it until it fires or the connection ends; the client from the
 * good answer to that call until it hears that it fired.  This room only keeps
 * the two books; nothing is sent from here.
 *
 * One thread.  Memory that is not to be had ends the process.
 */
#ifndef DAEMON_COORD_LOCAL_WATCH_H
#define DAEMON_COORD_LOCAL_WATCH_H

#include <stdbool.h>

#include "daemon/coord.h"
#include "daemon/hash_map.h"

/* Kinds: on a node, on its children. */
#define COORD_LOCAL_NODE     'n'
#define COORD_LOCAL_CHILDREN 'c'

struct coord_local_watch; /* private to coord_local_watch.c */

struct coord_local_watches {
	struct hash_map all; /* private; all zero at first */
};

/* The server has taken the call that sets it. */
void coord_local_watch_serve(struct coord_local_watches *watches, char kind,
			     const char *path);
/* The client has had the good answer. */
void coord_local_watch_answered(struct coord_local_watches *watches, char kind,
				const char *path);
/* A change at the server: whether it had a watch for it, which is spent. */
bool coord_local_watch_fired(struct coord_local_watches *watches,
			     enum coord_watch what, const char *path);
/* The event at the client: whether it knew of a watch, which is spent. */
bool coord_local_watch_heard(struct coord_local_watches *watches,
			     enum coord_watch what, const char *path);
/* The connection has ended, and the server's watches with it. */
void coord_local_watches_unserve(struct coord_local_watches *watches);
void coord_local_watches_clear(struct coord_local_watches *watches);

/* Walk: NULL for the first, NULL after the last. */
const struct coord_local_watch *coord_local_watch_next(
    const struct coord_local_watches *watches,
    const struct coord_local_watch *watch);
const char *coord_local_watch_path(const struct coord_local_watch *watch);
char coord_local_watch_kind(const struct coord_local_watch *watch);

#endif
