/* SPDX-License-Identifier: MIT */
/*
 * coord_zk_i - what the parts of coord_zk know of each other; nobody else
 * includes this.
 *
 *	coord_zk.c        the contract: sessions begin and end, the mailbox
 *	coord_zk_link.c   the handle: socket, timers, servers, back-off
 *	coord_zk_ops.c    rows of operations, the library's calls and answers
 *	coord_zk_multi.c  the memory that a multi's answer is written to
 *	coord_zk_watch.c  which watches are armed, and their bytes
 */
#ifndef DAEMON_COORD_ZK_I_H
#define DAEMON_COORD_ZK_I_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <zookeeper/zookeeper.h>

#include "daemon/coord.h"
#include "daemon/coord_mail.h"
#include "daemon/coord_zk.h"
#include "daemon/hash_map.h"
#include "daemon/resolve.h"

struct event;
struct event_base;

enum zk_phase {
	ZK_IDLE,    /* no session is wanted */
	ZK_OPEN,    /* one is wanted; attached or on the way */
	ZK_CLOSING, /* its end is under way */
};

/* The library's handle and its socket. */
struct zk_link {
	zhandle_t *zh; /* NULL while there is none */
	bool alive;    /* it has a socket */
	bool up;       /* the session is attached: ATTACHED was told */
	bool doomed;   /* to be closed at the end of this turn */
	bool scrub;    /* it holds calls of a lost connection: see link_scrub */
	bool has_id;   /* the session exists: id */
	bool dropped;  /* its socket has been shut down */
	bool associated;     /* connect_ms belongs to this socket */
	int fd;              /* while alive, once interest has told it */
	short wanted;        /* EV_READ, EV_WRITE as armed; 0: not armed */
	unsigned generation; /* of the addresses that the handle has */
	unsigned addrs_len;
	unsigned attempts;  /* that failed since the last back-off */
	unsigned fruitless; /* reads in a row that moved nothing */
	int unread;         /* bytes that waited when they were counted last */
	clientid_t id;
	int64_t timeout_ms; /* negotiated; asked for until then */
	int64_t connect_ms; /* lease.md's s_connect */
	int64_t down_ms;   /* the last link was seen down, or the handle made */
	int64_t socket_ms; /* the socket was made; moved on when shut down */
	int64_t attached_ms;
	int64_t retry_ms;    /* no attempt before this */
	int64_t backoff_ms;  /* the last delay; 0: none yet */
	int64_t patience_ms; /* for a server to accept us */
	struct event *fd_event;
	struct event *timer;
	int64_t timer_ms; /* when it is due; 0: not armed */
};

struct zk_row; /* one operation: private to coord_zk_ops.c */
TAILQ_HEAD(zk_rows, zk_row);

struct zk_multi; /* private to coord_zk_multi.c */
TAILQ_HEAD(zk_multis, zk_multi);

struct zk_ops {
	struct zk_rows sent;   /* in the order of the calls */
	struct zk_rows queued; /* above the cap */
	/* Those that the library may still write to: also after their row was
	 * answered as lost. */
	struct zk_multis multis;
	uint32_t sent_len;
	uint32_t queued_len;
	uint64_t seq;     /* the last call's number */
	uint64_t probe;   /* the call that announces the end; 0: none */
	int64_t probe_ms; /* when it was made */
};

struct zk_watches {
	struct hash_map all;
	uint32_t bytes;
};

struct coord_zk {
	struct coord coord; /* first: the two pointers are one */
	struct coord_zk_settings settings;
	struct event_base *base;
	struct resolve *resolve;
	char *auth;      /* settings.auth */
	unsigned slot;   /* in the table of instances */
	bool in_library; /* completions may only post */
	enum zk_phase phase;
	struct zk_link link;
	struct zk_ops ops;
	struct zk_watches watches;
	struct coord_mailbox mailbox;
	struct coord_zk_counts counts;
};

/* --- coord_zk.c --- */

/* Instances by number: the library is given numbers, never pointers. */
#define ZK_SLOT_BITS 4
#define ZK_SLOTS     (1U << ZK_SLOT_BITS)
struct coord_zk *zk_instance(unsigned slot); /* NULL: gone */

int64_t zk_now_ms(const struct coord_zk *zk);
void zk_log(const struct coord_zk *zk, enum coord_zk_level level,
	    const char *format, ...) __attribute__((format(printf, 3, 4)));

/* The session events, told to the mailbox in the order that coord.h asks for.
 * zk_on_down() may be called when the link is down already. */
void zk_on_attached(struct coord_zk *zk);
void zk_on_down(struct coord_zk *zk);
void zk_on_expired(struct coord_zk *zk);
void zk_on_auth_failed(struct coord_zk *zk);
/* The library's one watcher, for sessions and nodes; posts only. */
void zk_on_library_event(zhandle_t *zh, int type, int state, const char *path,
			 void *ctx);
/* The handle was doomed and has been closed. */
void zk_on_buried(struct coord_zk *zk);

/* --- coord_zk_link.c --- */

bool zk_link_init(struct coord_zk *zk);
void zk_link_fini(struct coord_zk *zk);
/* One turn: give the library its events (0: none), keep the deadlines, ask it
 * what it waits for.  Not from within the library. */
void zk_link_turn(struct coord_zk *zk, int events);
/* After every call of the library: what has become of the socket?  before_ms
 * was read before the call. */
void zk_link_look(struct coord_zk *zk, int64_t before_ms);
/* Shut the socket down; the loop then finds it broken. */
void zk_link_drop(struct coord_zk *zk);
/* The handle is beyond use: close it at the end of the turn, asking no server.
 */
void zk_link_doom(struct coord_zk *zk);
/* The same for a peer that does not behave like a server: it counts as an
 * attempt that failed. */
void zk_link_distrust(struct coord_zk *zk);
/* Close the handle now.  Not from within the library. */
void zk_link_bury(struct coord_zk *zk);
/* A server has accepted us: the next one has a short time again. */
void zk_link_patience_reset(struct zk_link *link);
/* The session never came to anything: the next attempt waits. */
void zk_link_penalty(struct coord_zk *zk);

/* --- coord_zk_ops.c --- */

void zk_ops_init(struct coord_zk *zk);
void zk_ops_submit(struct coord_zk *zk, const struct coord_op *ops, size_t len);
/* Hand queued operations over while there is room. */
void zk_ops_flush(struct coord_zk *zk);
/* The connection is lost: every row is answered. */
void zk_ops_lose(struct coord_zk *zk);
/* When the oldest call is overdue; INT64_MAX: never. */
int64_t zk_ops_due_ms(const struct coord_zk *zk);
/* A write that changes nothing: once it is answered, the session can be ended
 * within a round trip; the handle is doomed then. */
void zk_ops_probe(struct coord_zk *zk);

/* What a completion's code is to the hub: decides what a beat may prove. */
enum coord_result zk_result(int rc);
struct coord_stat zk_stat(const struct Stat *stat);
const struct ACL_vector *zk_acl(const struct coord_zk *zk);
int zk_mode(enum coord_kind kind);

/* --- coord_zk_multi.c --- */

/* The library's call.  The last number given out (zk->ops.seq) is its own. */
int zk_multi_call(struct coord_zk *zk, const struct coord_op *op,
		  void_completion_t done, const void *data);
/* Out of the list, at its completion; NULL: it was never called. */
struct zk_multi *zk_multi_take(struct coord_zk *zk, uint64_t seq);
/* Completes an answer whose result is set; subs has COORD_SUBS_MAX places and
 * borrows from the multi. */
void zk_multi_answer(const struct zk_multi *multi, struct coord_sub *subs,
		     struct coord_event *event);
void zk_multi_free(struct zk_multi *multi); /* NULL is fine */
/* The handle is closed: nobody writes any more. */
void zk_multi_free_all(struct coord_zk *zk);

/* --- coord_zk_watch.c --- */

/* A call that sets a watch is about to be made; false: no room for its path. */
bool zk_watch_ask(struct coord_zk *zk, enum coord_verb verb, const char *path);
/* It was answered (well: armed), or lost. */
void zk_watch_answered(struct coord_zk *zk, enum coord_verb verb,
		       const char *path, bool well);
/* It fired. */
void zk_watch_fired(struct coord_zk *zk, enum coord_watch what,
		    const char *path);
void zk_watch_clear(struct coord_zk *zk);

#endif
