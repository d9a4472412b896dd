/* SPDX-License-Identifier: MIT */
/*
 * coord_local - a coordinator (coord.h) over a tree in memory.
 *
 * It is one session's client and connection: what is under way to the server,
 * what is under way back, and the watches.  Several of them may share one
 * struct coord_tree, each with its own session.  It opens nothing, knows no
 * libevent and reads no clock but the tree's.
 *
 * Two ways to drive it:
 *  - prompt (`zklockd --dev`): everything is served and answered within
 *    submit(); the mailbox has it at once.  The session never runs out.
 *  - stepped (the simulator): nothing moves but by the calls below.  A cut
 *    link loses answers; what the server had not served by then is served,
 *    or is not, by further calls of coord_local_serve() before the next
 *    coord_local_attach().
 *
 * One thread.
 */
#ifndef DAEMON_COORD_LOCAL_H
#define DAEMON_COORD_LOCAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/coord.h"
#include "daemon/coord_local_tree.h"

struct coord_local_settings {
	int64_t timeout_ms; /* of the sessions that it begins */
	const char *server; /* shown in COORD_EV_ATTACHED; borrowed for ever */
	bool stepped;
};

/* NULL when memory is not to be had.  The tree is borrowed for its life. */
struct coord *coord_local_new(struct coord_tree *tree,
			      const struct coord_local_settings *settings);
/* NULL is fine.  As if the process had died: the session stays in the tree
 * until it runs out. */
void coord_local_free(struct coord *coord);

/* The session; 0 while there is none. */
int64_t coord_local_session(const struct coord *coord);

/* --- for the simulator, stepped only --- */

/* A connection is wanted: connect() was called and no link is up. */
bool coord_local_wants_link(const struct coord *coord);
bool coord_local_attached(const struct coord *coord);
/*
 * The link comes up at a server, which is view `view`.  A first connection
 * begins the session (COORD_EV_ATTACHED, fresh); a later one finds it again,
 * sets the watches anew and tells those that have fired since, or finds it
 * ended (COORD_EV_EXPIRED).  A view that lags behind what the client has seen
 * catches up first.  Requests of the previous connection that were not served
 * are dropped: the session has moved.  connect_ms is lease.md's s_connect.
 * Only when coord_local_wants_link().
 */
void coord_local_attach(struct coord *coord, unsigned view, int64_t connect_ms);
/* The newest zxid that the client has seen: a server whose view is behind it
 * sends the client away. */
int64_t coord_local_zxid_seen(const struct coord *coord);
/*
 * The server of this link has lost its ensemble and does not know it yet: a
 * deposed leader.  What it says of a session is its view's, and it answers a
 * sync by itself; its view must not be behind what the client has seen, and
 * no write may be served.  Set before coord_local_attach(), or while attached.
 */
void coord_local_alone(struct coord *coord, bool alone);
/* The reconnect negotiates another timeout, told in the next ATTACHED. */
void coord_local_timeout_set(struct coord *coord, int64_t timeout_ms);
/*
 * The server takes the next request, writes are committed.  false: there is
 * none, or the one before waits for the view to apply its transaction.  Goes
 * on after a cut with what had reached the server.  A session that has ended
 * loses its link.
 */
bool coord_local_serve(struct coord *coord);
/* The next answer or watch event reaches the client's mailbox. */
bool coord_local_deliver(struct coord *coord);
/* Serve and deliver until nothing is left, the view catching up as needed. */
void coord_local_settle(struct coord *coord);
/* The link breaks: LINK_DOWN, then COORD_MAYBE for all unanswered. */
void coord_local_cut(struct coord *coord);
/* The network swallows everything, unseen: only close() must know. */
void coord_local_stall(struct coord *coord, bool stalled);
/* The credentials are refused: COORD_EV_AUTH_FAILED, the session is unusable.
 */
void coord_local_auth_fail(struct coord *coord);
/* Requests not served yet; answers and watch events under way. */
size_t coord_local_requests(const struct coord *coord);
size_t coord_local_packets(const struct coord *coord);

#endif
