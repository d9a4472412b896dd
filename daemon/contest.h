/* SPDX-License-Identifier: MIT */
/*
 * contest - what one bid must say to the coordinator next.
 *
 * Pure.  A bid is one node in the queue of a lock.  The hub tells a contest
 * what the coordinator answered; the contest tells the hub which operations
 * to hand over, and what it found out: queued behind others, owned, vanished,
 * gone.  A lost answer is recovered here (R11), a hand-over without a listing
 * is decided here (R1), each operation is said again after a broken link.
 *
 * Life of a bid:
 *
 *	CREATE ---> (LIST) ---> WATCH ---> OWNED ---> LEAVE ---> GONE
 *	  |  ^  \                 ^  |                  ^
 *	  v  |   v                |  v                  |
 *	PARENT  RECOVER ---> VERIFY, LIST    (from anywhere, when asked to
 *leave)
 *
 * Rules R1, R2, R10, R11, R12, R19, R20 (daemon/DESIGN.md) live here.
 */
#ifndef DAEMON_CONTEST_H
#define DAEMON_CONTEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/coord.h"
#include "daemon/layout.h"
#include "proto/status.h"

struct contest; /* private to contest.c */

/* Which question an answer belongs to. */
enum contest_question {
	CONTEST_Q_CREATE,
	CONTEST_Q_LIST,   /* who stands where */
	CONTEST_Q_PARENT, /* make the lock's node */
	CONTEST_Q_SYNC,   /* does the server know what has been committed? */
	CONTEST_Q_VERIFY, /* whose is a node with our uuid */
	CONTEST_Q_FIRST,  /* what the first in the queue says of itself */
	CONTEST_Q_PRED,   /* watch the one before us */
	CONTEST_Q_BEHIND, /* owned: watch for others */
	CONTEST_Q_OWN,    /* owned: watch our own node */
	CONTEST_Q_WORDS,  /* owned: our words again, after a revocation */
	CONTEST_Q_REVOKE, /* waiting: ask the first to give way */
	CONTEST_Q_DELETE,
	CONTEST_Q_TWIN, /* delete a second node with our uuid */
	/* of a semaphore: */
	CONTEST_Q_SLOTS_MAKE, /* the node above its two */
	CONTEST_Q_SLOTS_GET,  /* what number does it say? */
	CONTEST_Q_SLOTS_KIND, /* does anybody use the name as a lock? */
	CONTEST_Q_SLOTS_SET,
};

enum contest_effect_type {
	CONTEST_FX_OP, /* hand op over; its answer belongs to (question, visit)
			*/
	CONTEST_FX_ROOT, /* the root may be missing: make it before the next op
			  */
	CONTEST_FX_QUEUED,
	CONTEST_FX_OWNED,
	/* A listing made while owned; or, waiting: a stranger stands between a
	 * bid of ours and this one. */
	CONTEST_FX_BEHIND,
	CONTEST_FX_REVOKED,  /* owned: another program asks for the lock */
	CONTEST_FX_VANISHED, /* somebody deleted our node */
	CONTEST_FX_FAILED,   /* the bid cannot be made or used */
	CONTEST_FX_GONE,     /* the last effect: free the contest */
};

/* Pointers are lent until the contest's next step. */
struct contest_effect {
	enum contest_effect_type type;
	enum contest_question question; /* OP */
	uint32_t visit;                 /* OP */
	struct coord_op op;             /* OP; op.id is the hub's to fill in */
	unsigned below;                 /* QUEUED */
	const char *holder; /* QUEUED: who is first, for people; "" unknown */
	bool kin;       /* QUEUED: all in our way but ours are of one zklockd */
	uint64_t after; /* QUEUED: the bid of this daemon that stands directly
			   and alone before us (R8); 0: none does */
	uint64_t base;  /* QUEUED OWNED: token of turn 0 */
	bool after_own; /* QUEUED OWNED: right after a bid of this daemon */
	bool behind_known;      /* OWNED */
	bool behind;            /* QUEUED OWNED BEHIND */
	enum zkp_status status; /* FAILED */
	int zk_rc;              /* FAILED: the coordinator's code, 0: none */
	const char *why;        /* FAILED: static text */
};

/* No step causes more than this. */
#define CONTEST_EFFECTS_MAX 8

struct contest_effects {
	struct contest_effect fx[CONTEST_EFFECTS_MAX];
	size_t len;
	/* Room for what effects point to. */
	char path[COORD_PATH_MAX];
	char holder[LAYOUT_HOLDER_MAX];
};

/* Strings are copied. */
struct contest_setup {
	const char *parent;      /* the lock's node */
	const char *words;       /* the node's data: LAYOUT_WORDS */
	enum layout_kind layout; /* all but OWN: others take part, and the
				    parent's data is theirs (R20) */
	enum zkp_mode mode;      /* of the node: a reader or a writer */
	struct layout_uuid uuid;
	int64_t session; /* the owner that a node of ours must have */
	/* A transaction that was seen before this session began: a node that
	 * is not younger has a token that has been given.  0: none. */
	int64_t floor_zxid;
	unsigned slots; /* of a semaphore; 0: a lock */
	/* Is this uuid one of this daemon's bids, and does that serve a lock's
	 * queue as this one does?  For after, after_own and behind. */
	bool (*is_own)(void *ctx, const struct layout_uuid *uuid);
	void *ctx;
};

enum contest_event_type {
	CONTEST_EV_ANSWER,
	CONTEST_EV_WATCH,
	CONTEST_EV_LINK_DOWN,
	CONTEST_EV_LINK_UP, /* the same session again */
	CONTEST_EV_REVOKE,  /* waiting: ask the one in front to give way */
	CONTEST_EV_LOOK,    /* list the queue again; owned: who is behind? */
	CONTEST_EV_AGAIN,   /* what a server refused may be asked again */
	CONTEST_EV_VANISH,  /* its node is known to have been deleted */
	CONTEST_EV_LEAVE,   /* serve nobody any more: the node must go */
};

struct contest_event {
	enum contest_event_type type;
	enum contest_question question;  /* ANSWER: as its op had it */
	uint32_t visit;                  /* ANSWER */
	const struct coord_event *coord; /* ANSWER WATCH */
	/* ANSWER to CREATE: it came as {create, set the parent}, with no
	 * listing behind it, and the parent then had so many children.  Never
	 * of an answer that was recovered (R15). */
	bool claimed;
	int32_t children;
};

/* A contest at work; effects_out holds the first operations (none while the
 * link is down).  NULL when memory is not to be had. */
struct contest *contest_new(const struct contest_setup *setup, bool link_up,
			    struct contest_effects *effects_out);
void contest_free(struct contest *contest); /* NULL is fine */

void contest_step(struct contest *contest, const struct contest_event *ev,
		  struct contest_effects *effects_out);

/* The bid's node, or "" before it is known; lent until the next step. */
const char *contest_node(const struct contest *contest);
/* The lock's node; lent for the contest's life. */
const char *contest_parent(const struct contest *contest);
/* The path whose watch is wanted now; NULL: none (R20: one at a time). */
const char *contest_watched(const struct contest *contest);
/* The node whose end it waits for, when its server has shown that node and
 * watches it; NULL: there is none. */
const char *contest_pred(const struct contest *contest);
/* The first in that queue, which nothing is heard of; NULL: it is the same, or
 * contest_pred() is NULL. */
const char *contest_first(const struct contest *contest);
/* Answers to operations of an earlier visit are passed over. */
uint32_t contest_visit(const struct contest *contest);
bool contest_leaving(const struct contest *contest);

#endif
