/* SPDX-License-Identifier: MIT */
/*
 * contest's inside: shared by contest.c (states, answers) and contest_list.c
 * (what a listing says).  Nobody else includes this.
 */
#ifndef DAEMON_CONTEST_I_H
#define DAEMON_CONTEST_I_H

#include "daemon/contest.h"

enum contest_state {
	CONTEST_CREATE,  /* the node, and a listing behind it */
	CONTEST_PARENT,  /* the lock's own node is missing */
	CONTEST_RECOVER, /* the answer to create was lost: look for our uuid */
	CONTEST_TWIN,    /* two were found: one goes, then look again */
	CONTEST_VERIFY,  /* one was found: is it of our session? */
	CONTEST_LIST,    /* the node is there: who stands where? */
	CONTEST_WATCH_PRED, /* others stand before us */
	CONTEST_OWNED,
	CONTEST_LEAVE, /* delete, until that is certain (R10) */
	CONTEST_GONE,
};

/* What the answer to a question about a node tells. */
enum contest_telling {
	CONTEST_THERE,
	CONTEST_ABSENT,
	CONTEST_ASK_AGAIN, /* nothing: the link broke under the question */
	CONTEST_FORBIDDEN, /* nothing, and the next one would not either */
};

struct contest {
	enum contest_state state;
	enum layout_kind layout;
	enum zkp_mode mode;
	struct layout_uuid uuid;
	int64_t session;
	int64_t floor_zxid;
	bool (*is_own)(void *ctx, const struct layout_uuid *uuid);
	void *ctx;
	struct slots *slots; /* a semaphore's: this contest is only its face */
	unsigned lease_of;   /* this node is a lease of so many; 0: a bid */
	char *parent;
	char *words;
	char *own;      /* our node; NULL: none that we know of */
	char *pred;     /* WATCH_PRED: the one before us; TWIN: the one to go */
	char *first;    /* the first in the queue, when that is not pred; TWIN:
			   the other one */
	int64_t czxid;  /* of own */
	uint32_t visit; /* openings so far: an answer names its own */
	unsigned below; /* contenders before us in the last listing */
	unsigned blocking; /* those of them who end before we begin (R1) */
	uint64_t after;    /* our own bid, directly and alone before us (R8) */
	unsigned parent_tries;
	bool link_up;
	bool redo; /* open the state again: when the link is up, or, after a
		      refusal, at AGAIN */
	bool leaving;
	bool synced;   /* RECOVER: the listing to come is not a lagging one */
	bool watching; /* the watch of this state is armed */
	bool behind;   /* somebody stands behind us, or may */
	bool asked_behind; /* somebody wants to know */
	bool first_seen;   /* holder says who is first */
	bool pred_is_own;  /* a bid of this daemon */
	bool pred_was_own; /* likewise the last that has gone */
	bool kin;          /* all in our way but ours are of one zklockd */
	bool pred_may_downgrade; /* C1 */
	char holder[LAYOUT_HOLDER_MAX];
};

/* contest_life.c */
struct contest *contest_queue_new(const struct contest_setup *setup,
				  bool link_up, struct contest_effects *fx);

/* A step of a bid, or of a lease; adds to fx. */
void contest_queue_step(struct contest *c, const struct contest_event *ev,
			struct contest_effects *fx);
/* The name of our node without its digits. */
void contest_prefix(const struct contest *c, char *buf, size_t size);
bool contest_parse(const struct contest *c, const char *name,
		   struct layout_child *child_out);
/* The watch of a waiting lease, which listens to all of them. */
bool contest_awaits_lease(const struct contest *c);

/* contest_slots.c: both bids of a semaphore, one after the other. */
bool contest_slots_begin(struct contest *face,
			 const struct contest_setup *setup,
			 struct contest_effects *fx);
void contest_slots_step(struct contest *face, const struct contest_event *ev,
			struct contest_effects *fx);
const char *contest_slots_node(const struct contest *face);
const char *contest_slots_watched(const struct contest *face);
/* Its bid while it waits for its turn; NULL: not yet, or no more. */
const struct contest *contest_slots_entry(const struct contest *face);
void contest_slots_free(struct slots *slots);

/* contest.c */
struct contest_effect *contest_emit(struct contest_effects *fx,
				    enum contest_effect_type type);
struct coord_op *contest_op(struct contest *c, struct contest_effects *fx,
			    enum contest_question question,
			    enum coord_verb verb, const char *path);
void contest_enter(struct contest *c, enum contest_state to,
		   struct contest_effects *fx);
void contest_open(struct contest *c, struct contest_effects *fx);
void contest_own(struct contest *c, bool after_own, bool behind_known,
		 struct contest_effects *fx);
void contest_fail(struct contest *c, enum zkp_status status, int zk_rc,
		  const char *why, struct contest_effects *fx);
void contest_vanish(struct contest *c, struct contest_effects *fx);
const char *contest_name_of(const char *path);
enum contest_telling contest_telling(const struct coord_event *ev);

/* contest_guard.c */
void contest_guard(struct contest *c, enum contest_question question,
		   const struct coord_event *ev, struct contest_effects *fx);
void contest_revoke(struct contest *c, struct contest_effects *fx);

/* contest_list.c */
/* Why our node must not serve anybody; NULL: it may. */
const char *contest_unfit(const struct contest *c);
/* A listing made after our node was created: first, or in the queue? */
void contest_judge(struct contest *c, const struct coord_event *ev,
		   struct contest_effects *fx);
/* An answer of an earlier opening: what it may still be good for. */
void contest_late(struct contest *c, const struct contest_event *ev,
		  struct contest_effects *fx);
/* A listing made while owned. */
void contest_judge_owned(struct contest *c, const struct coord_event *ev,
			 struct contest_effects *fx);
/* The node's create answered for its parent too: alone, or list (R15). */
void contest_claimed(struct contest *c, const struct contest_event *ev,
		     struct contest_effects *fx);
void contest_ask_recover(struct contest *c, struct contest_effects *fx);
/* A listing that is not a lagging one: was the create applied? */
void contest_recover(struct contest *c, const struct coord_event *ev,
		     struct contest_effects *fx);

#endif
