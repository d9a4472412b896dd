/* SPDX-License-Identifier: MIT */
/*
 * hub's inside.  Nobody else includes this.
 *
 *	hub.c          birth, the inbox, the drain loop, questions
 *	hub_request.c  what a connection asks
 *	hub_check.c    CHECK: is it still held?
 *	hub_answer.c   what a connection is told
 *	hub_show.c     LIST, STATUS, STATS: what is shown to people
 *	hub_admin.c    REVOKE, KICK: holds that others want ended
 *	hub_watch.c    WATCH: news of locks, for those who asked
 *	hub_cluster.c  WHO, LIST scope=cluster: asking for people
 *	hub_place.c    names of locks and their znodes
 *	hub_bid.c      contests: bids, their operations, their watches
 *	hub_room.c     room for them, under ephemeral_bytes_max
 *	hub_batch.c    what bids want, leaving together
 *	hub_group.c    bids of several names, made together or not at all
 *	hub_session.c  the session and the lease: beats, presence, loss
 *	hub_audit.c    nodes of ours that no bid owns
 *	hub_ghost.c    nodes of others that only our server has
 */
#ifndef DAEMON_HUB_I_H
#define DAEMON_HUB_I_H

#include <sys/queue.h>

#include "daemon/batch.h"
#include "daemon/contest.h"
#include "daemon/coord.h"
#include "daemon/hash.h"
#include "daemon/hub.h"
#include "daemon/lease.h"
#include "daemon/locktab.h"
#include "daemon/user.h"
#include "proto/reply.h"
#include "proto/request.h"
#include <uthash.h>

/* What STATUS shows of the server. */
#define HUB_SERVER_MAX 80
/* One log line. */
#define HUB_LOG_MAX 1024
/* lease.md R11: an end that we choose is this share of the timeout away. */
#define HUB_GRACE_SHARE 4

/* What ERR LIMIT says to a user that has its share (user.h). */
#define HUB_SHARE_TEXT "this user has all of its share (uid_share)"

struct hub_conn {
	uint64_t id;
	struct hub_peer peer;
	struct user *user;
	char client[ZKP_CLIENT_MAX + 1]; /* as claimed in HELLO; "" */
	char *note;                      /* of HELLO; NULL: none */
	bool lease_push;                 /* wants * LEASE */
	bool paused;
	unsigned held;       /* holds that it has been told of */
	unsigned unanswered; /* CHECK sync=1 under way */
	char *pattern;       /* WATCH: "" for all; NULL: does not watch */
	uint64_t dropped;    /* lines left out and not owned up to */
	TAILQ_ENTRY(hub_conn) in_watchers;
	UT_hash_handle hh;
};

/* What a callback noted, in the order of happening. */
enum hub_post_type { HUB_POST_LINE, HUB_POST_OVERLONG, HUB_POST_EOF };

struct hub_post {
	enum hub_post_type type;
	uint64_t conn;
	size_t at, len; /* the line, in hub->lines */
};

/* Contests that wait for a watch on one path (R19). */
struct hub_watch {
	char *path;
	TAILQ_HEAD(, hub_bid) bids;
	UT_hash_handle hh;
};

struct hub_bid {
	uint64_t id;
	struct contest *contest;
	struct hub_watch *watch; /* NULL: none */
	bool slots;              /* of a semaphore: a bid and a lease */
	size_t bytes;            /* reserved of ephemeral_bytes_max */
	struct user *user;       /* whose they are; NULL: nobody's any more */
	bool leaving;            /* they come back soon */
	bool claims;             /* the lock's node is ours to set (R15) */
	bool keeps_parent;       /* that is no container */
	uint64_t group;          /* made with `of` others; 0: alone */
	unsigned of;
	struct {
		uint32_t visit;      /* of the contest, at the last look */
		unsigned looks;      /* since that began */
		unsigned first_rest; /* so many ask about the first too */
	} ghost;                     /* hub_ghost.c */
	TAILQ_ENTRY(hub_bid) in_watch;
	UT_hash_handle hh;
};

/* Whose operation it was. */
enum hub_op_kind {
	HUB_OP_BID,
	HUB_OP_BATCH,    /* of several bids, or one that others wait for */
	HUB_OP_GROUP,    /* of bids that are made together or not at all */
	HUB_OP_ROOT,     /* the nodes above the locks */
	HUB_OP_PRESENCE, /* making the daemon's own node */
	HUB_OP_SYNC,     /* the beat: its sync */
	HUB_OP_SET,      /* the beat: its setData */
	HUB_OP_READ,     /* the beat: a cheap read */
	HUB_OP_CHECK,    /* CHECK sync=1: a setData */
	HUB_OP_FAREWELL, /* the setData before a lapsed session's close */
	HUB_OP_AUDIT_LIST,
	HUB_OP_AUDIT_GET,
	HUB_OP_AUDIT_DELETE,
	HUB_OP_GHOST,     /* checks of nodes that bids wait behind */
	HUB_OP_GHOST_GET, /* text: one that failed */
	HUB_OP_ASK,       /* conn: the question; item: what of it */
};

struct hub_op {
	uint64_t id;
	enum hub_op_kind kind;
	enum coord_verb verb;
	struct lease_mark mark;
	uint64_t bid;                   /* BID, BATCH of one */
	enum contest_question question; /* likewise */
	uint32_t visit;                 /* likewise */
	uint64_t flight;                /* BATCH; GROUP: which */
	bool claimed;                   /* a part of a BATCH: contest.h */
	int32_t children;               /* likewise */
	uint64_t conn;                  /* ASK: the question */
	size_t item;                    /* ASK */
	char *text;                     /* AUDIT: the path */
	UT_hash_handle hh;
};

/* A lock's node to be looked at by the audit. */
struct hub_parent {
	int64_t due_ms;
	TAILQ_ENTRY(hub_parent) in_audit;
	UT_hash_handle hh;
	char path[]; /* ends with NUL */
};

struct hub_counts {
	uint64_t connections, requests, bad_requests;
	uint64_t sessions, disconnects, expirations;
	uint64_t ops, watches_fired;
	uint64_t orphans;
	uint64_t ghosts;
	uint64_t watch_dropped;
	uint64_t multis;
};

/* Where the bids for a lock stand. */
struct hub_place {
	char parent[COORD_PATH_MAX]; /* the lock's node */
	enum layout_kind kind;
};

/* What became of a listing; but for FINE it is which limit. */
enum hub_rows_end { HUB_ROWS_FINE, HUB_ROWS_OUTPUT, HUB_ROWS_TIME };

/* What a bid is made from. */
struct hub_opening {
	uint64_t bid;
	enum zkp_mode mode;
	unsigned slots;
	uint64_t group; /* made with `of` others; 0: alone */
	unsigned of;
	size_t bytes;      /* that it takes of ephemeral_bytes_max */
	struct user *user; /* who has them, once there is room */
	struct hub_place place;
	char words[LAYOUT_WORDS_MAX];
};

struct hub {
	struct hub_settings settings;
	struct hub_doors doors;
	struct coord *coord;
	struct locktab *tab;
	struct lease *lease;
	int64_t now_ms; /* of this step */
	int64_t start_ms;

	struct users *users;
	struct hub_conn *conns;
	uint64_t conn_last;
	struct hub_post *posts; /* posts[post_at..posts_len] are to be done */
	size_t post_at, posts_len, posts_cap;
	char *lines; /* what the posts point into */
	size_t lines_len, lines_cap;

	/* Events that effects caused: stepped after the effects in hand. */
	struct locktab_event *later;
	size_t later_len, later_cap;

	TAILQ_HEAD(, hub_conn) watchers;
	unsigned watchers_len;
	int64_t dropped_ms; /* when to own up to lines left out; 0: never */

	const struct zkp_request *rq; /* in hand, while locktab is stepped */
	uint64_t rq_conn;

	/* R16: what was granted of several names, while locktab is stepped. */
	const struct locktab_ticket *granted[ZKP_NAMES_MAX];

	struct batch *batch;
	struct hub_bid *bids;
	struct hub_group *groups;
	struct hub_watch *watches;
	bool bids_refused; /* some are to be asked again at the next beat */
	size_t ephemeral_bytes;
	size_t leaving_bytes;    /* of them, of bids that are going */
	struct hub_wish *wishes; /* bids that wait for those */
	size_t wished_bytes;
	struct hub_parent *parents;     /* by path */
	TAILQ_HEAD(, hub_parent) audit; /* the same, by due_ms */
	int64_t audit_ms;               /* no listing before */
	int64_t ghost_ms;               /* the next look */
	uint64_t ghost_bid;             /* the last that was asked about */
	struct hub_ghost {
		uint64_t bid;
		bool first; /* of its queue; else the one before it */
		char *path;
	} ghosts[COORD_SUBS_MAX]; /* what is asked about */
	size_t ghosts_len;
	struct hub_op *ops;
	uint64_t op_last;

	TAILQ_HEAD(, hub_check) checks; /* sync=1, in the order of asking */
	uint64_t check_round;           /* writes for them so far */
	bool check_flies;               /* the last one is under way */

	TAILQ_HEAD(, hub_question) questions;
	unsigned questions_len;
	unsigned asks; /* of theirs, under way */
	uint64_t question_last;
	int64_t server_ahead_ms; /* its wall clock before ours; 0: not known */

	uint64_t instance; /* random: names this daemon's bids */
	int64_t session;   /* 0: none */
	/* The latest transaction of ours that was answered, in any session;
	 * and what that was when this session began. */
	int64_t seen_zxid, floor_zxid;
	bool went_back;       /* zxids did, and it was said */
	int64_t attached_ms;  /* this link, or the last one */
	unsigned short_links; /* torn soon after, in a row */
	/* Why the bid in hand failed, for ERR ZK; NULL: none did. */
	const char *refused_why;
	int refused_zk;
	bool link_up;
	bool presence;   /* the node was made */
	bool closing;    /* close() was called, CLOSED has not come */
	bool connecting; /* connect() was called, no session yet */
	bool stopping;
	bool torn;     /* that is why */
	bool draining; /* the end was announced */
	bool drained;  /* stopping, and the session is closed */
	bool attached_once;
	int64_t pushed_ms;       /* when * LEASE was last said, */
	int64_t pushed_until_ms; /* and what it said */
	char server[HUB_SERVER_MAX];
	char presence_path[COORD_PATH_MAX];
	struct hub_counts counts;

	struct zkp_out rows; /* the listing in hand, likewise; grows */
	enum hub_rows_end rows_end;

	/* The line in hand: begun and ended within one call. */
	struct zkp_out out;
	char out_buf[ZKP_REPLY_LINE_MAX];
};

/* hub.c */
struct hub_conn *hub_conn_find(struct hub *hub, uint64_t conn);
/* It ended, or said QUIT: releases all, closes. */
void hub_conn_gone(struct hub *hub, uint64_t conn);
/* Reads the clock; the deadline check is its second act. */
void hub_clock(struct hub *hub);
/* Steps locktab and carries out everything that it caused. */
void hub_step(struct hub *hub, struct locktab_event *ev);
/* The same once the effects in hand are done; no strings in ev. */
void hub_step_later(struct hub *hub, const struct locktab_event *ev);
void hub_log(struct hub *hub, enum hub_level level, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* hub_request.c */
void hub_request(struct hub *hub, uint64_t conn, char *line, size_t len);
/* One question more that is not answered yet, or one less. */
void hub_unanswered(struct hub *hub, struct hub_conn *conn, int more);

/* hub_check.c */
struct locktab_target hub_target(const struct zkp_request *rq);
void hub_check(struct hub *hub, struct hub_conn *conn,
	       const struct zkp_request *rq);
void hub_check_answered(struct hub *hub, bool proven);
void hub_check_free_all(struct hub *hub);

/* hub_answer.c */
void hub_send(struct hub *hub, uint64_t conn); /* hub->out, and empties it */
void hub_err(struct hub *hub, uint64_t conn, const char *tag,
	     enum zkp_status status, const char *text);
void hub_err_limit(struct hub *hub, uint64_t conn, const char *tag,
		   const char *which, const char *text);
void hub_answer(struct hub *hub, const struct locktab_effect *fx);
/* An event line to every connection that holds something. */
void hub_tell_holders(struct hub *hub, enum zkp_event event);
void hub_tell_lease(struct hub *hub);
/* "host pid=1 command" of a ticket of this host. */
void hub_who(struct hub *hub, const struct locktab_ticket *ticket, char *buf,
	     size_t size);
/* When a hold is over if nothing more is heard. */
int64_t hub_until_ms(const struct hub *hub, const struct locktab_ticket *t);
const char *hub_lost_word(enum locktab_lost lost);

/* hub_show.c */
/* A long answer: begin, room for each row before it is written (false: no
 * memory, and send says so), send. */
void hub_rows_begin(struct hub *hub);
bool hub_rows_room(struct hub *hub);
void hub_rows_send(struct hub *hub, uint64_t conn, const char *tag);
void hub_show_list(struct hub *hub, struct hub_conn *conn,
		   const struct zkp_request *rq);
void hub_show_status(struct hub *hub, uint64_t conn, const char *tag);
void hub_show_stats(struct hub *hub, uint64_t conn, const char *tag);

/* hub_admin.c */
void hub_kick(struct hub *hub, struct hub_conn *conn,
	      const struct zkp_request *rq);
void hub_revoke(struct hub *hub, struct hub_conn *conn,
		const struct zkp_request *rq);
void hub_revoke_done(struct hub *hub, const struct locktab_effect *fx);
void hub_say_wanted(struct hub *hub, const struct locktab_effect *fx);
void hub_kick_done(struct hub *hub, const struct locktab_effect *fx);
void hub_say_revoke(struct hub *hub, const struct locktab_effect *fx);
/* "host pid=1 command" of a connection. */
void hub_conn_who(const struct hub *hub, const struct hub_conn *conn, char *buf,
		  size_t size);

/* hub_watch.c */
void hub_watch_begin(struct hub *hub, struct hub_conn *conn,
		     const struct zkp_request *rq);
void hub_watch_off(struct hub *hub, struct hub_conn *conn, const char *tag);
void hub_watch_end(struct hub *hub, struct hub_conn *conn); /* says nothing */
void hub_watch_tell(struct hub *hub, const struct locktab_effect *fx);
void hub_watch_tick(struct hub *hub);
int64_t hub_watch_wake_ms(const struct hub *hub); /* INT64_MAX: never */

/* hub_cluster.c */
void hub_cluster_who(struct hub *hub, struct hub_conn *conn,
		     const struct zkp_request *rq);
void hub_cluster_list(struct hub *hub, struct hub_conn *conn,
		      const struct zkp_request *rq);
void hub_cluster_answer(struct hub *hub, const struct hub_op *op,
			const struct coord_event *ev);
void hub_cluster_conn_gone(struct hub *hub, uint64_t conn);
void hub_cluster_free_all(struct hub *hub);

/* hub_place.c */

/* False, and nothing of use written: a literal name below no share. */
bool hub_place_of(const struct hub *hub, const char *name,
		  struct hub_place *place_out);
/* What its share says of lingering; 0: nothing. */
int64_t hub_place_linger_ms(const struct hub *hub, const char *name);
/* True: the name, or the mode with it, is not to be had, and that was said. */
bool hub_place_refuses(struct hub *hub, uint64_t conn,
		       const struct zkp_request *rq);
/* Makes what is missing above a path. */
void hub_place_make_above(struct hub *hub, const char *path);

/* hub_bid.c */
struct hub_bid *hub_bid_find(struct hub *hub, uint64_t id);
void hub_bid_open(struct hub *hub, const struct locktab_effect *fx);
/* There is room for it. */
void hub_bid_begin(struct hub *hub, const struct hub_opening *opening);
void hub_bid_refuse(struct hub *hub, uint64_t bid, bool of_user);
void hub_bid_leave(struct hub *hub, uint64_t bid);
void hub_bid_revoke(struct hub *hub, uint64_t bid);
void hub_bid_look(struct hub *hub, uint64_t bid); /* it lists again */
/* Its node was deleted by somebody. */
void hub_bid_vanish(struct hub *hub, uint64_t bid);
void hub_bid_answer(struct hub *hub, const struct hub_op *op,
		    const struct coord_event *ev);
/* A write was committed: what servers refused is asked again. */
void hub_bid_again(struct hub *hub);
void hub_bid_watch(struct hub *hub, const struct coord_event *ev);
void hub_bid_link(struct hub *hub, bool up);
void hub_bid_forget_all(struct hub *hub);                /* the session ended */
const char *hub_bid_node(struct hub *hub, uint64_t bid); /* "" unknown */

bool hub_bid_lives(struct hub *hub, uint64_t bid);
/* The node that its own stands below; NULL when it has gone. */
const char *hub_bid_parent(struct hub *hub, uint64_t bid);
void hub_bid_make_parent(struct hub *hub, uint64_t bid);
/* It lives, and an answer of that visit is still for it. */
bool hub_bid_awaits(struct hub *hub, uint64_t bid, uint32_t visit);

/* hub_room.c */

/* LATER: hub_bid_begin() or hub_bid_refuse() follows. */
enum hub_room {
	HUB_ROOM_NOW,
	HUB_ROOM_LATER,
	HUB_ROOM_NONE,
	HUB_ROOM_NO_SHARE, /* for its user */
};

enum hub_room hub_room_ask(struct hub *hub, const struct hub_opening *opening);
void hub_room_leaving(struct hub *hub, struct hub_bid *bid);
/* A bid that still waits for room is not wanted any more. */
void hub_room_forget(struct hub *hub, uint64_t bid);
void hub_room_forget_all(struct hub *hub);
void hub_room_tick(struct hub *hub);

/* hub_batch.c */
void hub_batch_put(struct hub *hub, const struct hub_bid *bid,
		   const struct contest_effect *fx);
/* True when something was handed over. */
bool hub_batch_leave(struct hub *hub);
void hub_batch_answer(struct hub *hub, const struct hub_op *op,
		      const struct coord_event *ev);
/* What has not left is answered so. */
void hub_batch_link_down(struct hub *hub);
void hub_batch_cancel(struct hub *hub, uint64_t bid);

/* hub_group.c: a create of a bid that has a group. */
void hub_group_put(struct hub *hub, const struct hub_bid *bid,
		   const struct contest_effect *fx);
void hub_group_answer(struct hub *hub, const struct hub_op *op,
		      const struct coord_event *ev);
void hub_group_cancel(struct hub *hub, uint64_t id);
void hub_group_link_down(struct hub *hub);
void hub_group_forget_all(struct hub *hub);
/* Looks for those that cannot be made whole any more. */
void hub_group_tick(struct hub *hub);

/* hub_audit.c */
void hub_audit_note(struct hub *hub, const char *parent);
void hub_audit_drop(struct hub *hub, struct hub_parent *one);
void hub_audit_forget_all(struct hub *hub);
int64_t hub_audit_wake_ms(const struct hub *hub); /* INT64_MAX: never */
void hub_audit_tick(struct hub *hub);
void hub_audit_answer(struct hub *hub, const struct hub_op *op,
		      const struct coord_event *ev);

/* hub_ghost.c */
int64_t hub_ghost_wake_ms(const struct hub *hub); /* INT64_MAX: never */
void hub_ghost_tick(struct hub *hub);
void hub_ghost_forget(struct hub *hub);
void hub_ghost_checked(struct hub *hub, const struct coord_event *ev);
void hub_ghost_shown(struct hub *hub, const struct hub_op *op,
		     const struct coord_event *ev);

/* hub_session.c */
void hub_session_start(struct hub *hub);
/* Make the daemon's own node, and whatever is missing above it. */
void hub_session_presence(struct hub *hub);
void hub_session_event(struct hub *hub, const struct coord_event *ev);
/* Takes what the lease wants and does it. */
void hub_session_run(struct hub *hub);
void hub_session_stop(struct hub *hub);
/* Hands one operation over; row is filled by the caller but for id, mark. */
void hub_submit(struct hub *hub, const struct coord_op *op, struct hub_op row);
/* The same for some that leave in one flush: each is enrolled, which gives it
 * its id, and all are handed over at once. */
void hub_enroll(struct hub *hub, struct coord_op *op, struct hub_op row);
void hub_make_root(struct hub *hub);
const char *hub_state_word(const struct hub *hub);

#endif
