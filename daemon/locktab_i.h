/* SPDX-License-Identifier: MIT */
/*
 * locktab's inside.  Nobody else includes this.
 *
 *	locktab.c        events, questions
 *	locktab_ticket.c tickets and their owners
 *	locktab_lock.c   a lock: whose turn is it, which bids are wanted
 *	locktab_bid.c    a bid: opened, owned, left; what contest says of it
 *	locktab_look.c   WAIT: who waits for a lock without taking it
 *	locktab_cycle.c  waits that would be for ever
 *	locktab_group.c  several names: all of them or none
 *	locktab_hold.c   holds that end by themselves
 *	locktab_linger.c bids that stay a while though nobody wants them
 *	locktab_recall.c what is remembered of locks that are others' now
 *	locktab_timer.c  what is due when
 */
#ifndef DAEMON_LOCKTAB_I_H
#define DAEMON_LOCKTAB_I_H

#include <sys/queue.h>

#include "daemon/hash.h"
#include "daemon/locktab.h"
#include <uthash.h>

/* Names of locks in a cycle, for people; what is more is cut. */
#define CYCLE_TEXT_MAX 1024
/* Locks of which something is remembered: what many hosts fight for is few. */
#define RECALL_MAX 256

TAILQ_HEAD(ticket_list, ticket);
TAILQ_HEAD(lock_list, lock);

/* When something is over by itself: of a ticket its wait or its hold, of a lock
 * its linger. */
struct timer {
	size_t at; /* place in the heap; 0: not in it */
	int64_t due_ms;
	uint64_t order;        /* ties in the order of adding */
	struct ticket *ticket; /* whose it is: one of the two */
	struct lock *lock;
};

struct ticket {
	struct locktab_ticket pub; /* first: effects lend it */
	struct lock *lock;
	struct owner *owner; /* NULL: KEPT */
	struct group *group; /* WAITING for several names; NULL: for one */
	TAILQ_ENTRY(ticket) in_group;
	struct bid *bid;       /* HELD KEPT: it is in bid->held */
	char *note;            /* NULL: none */
	char *holder;          /* of pub.holder; NULL: none */
	enum locktab_lost end; /* why it is over at pub.until_ms */
	bool queued_told;
	bool wanted; /* to be told of waiters behind, once */
	bool asked;  /* told that somebody would like to have it */
	struct timer timer;
	TAILQ_ENTRY(ticket)
	in_lock;                      /* waiting or looking in its lock, held
					 on its bid */
	TAILQ_ENTRY(ticket) in_owner; /* every live ticket; the dead likewise */
	UT_hash_handle by_id;
};

/* Several names, all or none (R16). */
struct group {
	uint64_t id;
	unsigned len;
	bool queued_told;
	struct ticket_list tickets; /* all WAITING */
};

/* A connection that has tickets. */
struct owner {
	uint64_t conn;
	unsigned tickets_len;
	unsigned solos_len; /* of them, of locks that no name finds */
	struct ticket_list tickets;
	UT_hash_handle by_conn;
};

/* What a bid serves.  Events find the bid, the bid knows whom they concern. */
enum bid_use {
	BID_QUEUE, /* the lock's queue: it is lock->serving or lock->next */
};

enum bid_state {
	BID_SEEKING, /* on its way to the front */
	BID_OWNED,
};

struct bid {
	uint64_t id;
	enum bid_use use;
	enum bid_state state;
	enum zkp_mode mode; /* of its node: X stands against everybody */
	struct lock *lock;
	struct user *user; /* whose bytes it has: locktab_bid_user() */
	uint64_t base;     /* token of turn 0; 0: not known yet */
	uint32_t turn;     /* the next one */
	uint64_t after;    /* SEEKING: the bid of ours that stands directly and
			      alone before it; 0: none, or not known */
	bool downgraded;   /* R5: an X node that is held shared */
	bool looked;       /* a WAIT was answered by it */
	bool revoked;      /* another program asked for it: no more turns */
	uint64_t period;   /* it was opened in; 0: nobody was known to wait */
	bool next_failed;  /* R8: there is no room for a next one */
	enum locktab_behind behind;
	int64_t behind_ms; /* since when that is known */
	bool unseen;       /* nobody has looked since it was won by waiting */
	unsigned below;    /* SEEKING: contenders before it */
	int64_t ask_ms;    /* SEEKING: no sooner the first is asked again */
	char *holder;      /* the first of them; NULL: not known */
	unsigned held_len;
	struct ticket_list held;
	UT_hash_handle by_id;
};

enum lock_state {                 /* each is a list in struct locktab */
		  LOCK_IDLE,      /* no bid and nobody waits */
		  LOCK_PARKED,    /* tickets wait, no session to bid on */
		  LOCK_SEEKING,   /* the bid is on its way to the front */
		  LOCK_STALLED,   /* owned, and only the lease, or others of
				     several names, forbid the next grant */
		  LOCK_HELD,      /* owned and held */
		  LOCK_LINGERING, /* owned, without a ticket */
		  LOCK_STATES,
};

struct lock {
	enum lock_state state;
	/* It serves one ticket and no other, by a bid of its own: a slot of a
	 * semaphore, or one of several names.  Nobody finds it by name. */
	bool solo;
	unsigned slots; /* of a semaphore; 0: a lock */
	bool retired;   /* solo: in doomed, and still among the locks */
	unsigned waiting_len;
	unsigned looking_len;
	unsigned lost_len; /* lost tickets that still name this lock */
	struct ticket_list waiting;
	struct ticket_list looking; /* WAIT: they stand in nobody's way */
	/* R9: two at most.  next is NULL while serving is. */
	struct bid *serving, *next;
	struct bid *left; /* the last that served, until its delete is seen */
	uint64_t granted_bid; /* R4: the last bid that granted */
	/* R6: the ownership period, over all bids that stand together. */
	struct {
		bool on; /* a waiter behind is known */
		uint32_t turns;
		int64_t start_ms;
		uint64_t number; /* of this one, or of the last */
	} period;
	int64_t linger_ms;      /* as its LOCK event says */
	struct timer timer;     /* in LINGERING */
	struct user *lingers;   /* likewise: for whom; NULL: nobody */
	TAILQ_ENTRY(lock) home; /* the list of its state */
	UT_hash_handle by_name;
	char name[]; /* ends with NUL; a slot's number stands behind it */
};

struct locktab {
	struct locktab_limits limits;
	struct ticket *tickets; /* by id */
	struct owner *owners;   /* by conn */
	struct lock *locks;     /* by name */
	struct bid *bids;       /* by id */
	struct lock_list states[LOCK_STATES];
	struct ticket_list dead; /* freed by the next step */
	struct lock_list doomed; /* likewise */
	uint32_t tickets_len;
	uint32_t min_holds_len; /* of those, with a min_hold */
	uint32_t untold_len;    /* of those that hold: want to hear WANTED */
	uint64_t ticket_last;   /* numbers given so far */
	uint64_t bid_last;
	uint64_t solo_last;
	uint64_t group_last;
	bool session;
	bool draining;
	bool tell_moves;
	/* What a trying ticket is told when nothing can be granted. */
	enum zkp_status doubt;
	uint16_t gen;
	int64_t grant_until_ms; /* INT64_MIN: nothing is granted */
	struct timer **heap;    /* heap[1..heap_len], by due_ms */
	size_t heap_len, heap_cap;
	uint64_t timer_last;
	struct stirred { /* locktab_recall.c */
		uint32_t name;
		unsigned times; /* in a row */
		int64_t last_ms;
	} stirred[RECALL_MAX];
	struct seen {
		char *name;         /* NULL: nothing is remembered */
		enum zkp_mode mode; /* who asked so stood behind others */
		int64_t until_ms;
		char *holder; /* NULL: not known */
	} seen[RECALL_MAX];
	struct locktab_effect *fx; /* fx[fx_at..fx_len] are to be taken */
	size_t fx_at, fx_len, fx_cap;
	struct locktab_counts counts;
	char cycle[CYCLE_TEXT_MAX]; /* the latest that was found */
};

/* locktab.c */
void locktab_emit(struct locktab *tab, struct locktab_effect fx);
void locktab_emit_ticket(struct locktab *tab, enum locktab_effect_type type,
			 struct ticket *t, enum zkp_status status);
/* The answer to the request in hand. */
void locktab_done(struct locktab *tab, struct ticket *t,
		  enum zkp_status status);

/* locktab_cycle.c */
/* Would that connection wait for itself?  Then tab->cycle says how. */
bool cycle_found(struct locktab *tab, const struct lock *lock, uint64_t conn);

/* locktab_hold.c */
/* Granted just now: until when, if nobody gives it back? */
void hold_begin(struct locktab *tab, struct ticket *t, int64_t now_ms);
/* A hold has ended, in whatever way. */
void hold_end(struct locktab *tab, struct ticket *t);
/* Those that asked for it are told of waiters behind them. */
void hold_wanted(struct locktab *tab, const struct lock *lock);
/* Another program asks for what the bid serves. */
void hold_bid_revoked(struct locktab *tab, struct bid *bid);
void hold_revoke(struct locktab *tab, const struct locktab_event *ev);
void hold_kick(struct locktab *tab, const struct locktab_event *ev);
void hold_over(struct locktab *tab, struct ticket *t, int64_t now_ms);
/* Given back, or its connection has ended: dead, or kept for its min_hold. */
void hold_release(struct locktab *tab, struct ticket *t, int64_t now_ms);

/* locktab_look.c */
/* The next one that may be told that the lock is free, told; false: none. */
bool look_answer(struct locktab *tab, struct lock *lock, int64_t now_ms);
/* Is only the lease in the way of that? */
bool look_stalled(const struct lock *lock);
/* Those with wait=0 are told why not. */
void look_trying_end(struct locktab *tab, struct lock *lock,
		     enum zkp_status why);

/* locktab_ticket.c */
struct ticket *ticket_by_id(const struct locktab *tab, uint64_t id);
/* A ticket at the end of its lock's queue; NULL when memory is short. */
struct ticket *ticket_new(struct locktab *tab, const struct locktab_event *ev);
struct ticket *ticket_find(const struct locktab *tab, uint64_t conn,
			   const struct locktab_target *target);
void ticket_queued(struct locktab *tab, struct ticket *t);
/* The one place where a ticket changes its state. */
void ticket_enter(struct locktab *tab, struct ticket *t, enum locktab_state to);
/* WAITING: onto the bid, and granted. */
void ticket_grant(struct locktab *tab, struct ticket *t, struct bid *bid,
		  int64_t now_ms);
void ticket_refuse(struct locktab *tab, struct ticket *t, enum zkp_status why);
void ticket_lose(struct locktab *tab, struct ticket *t, enum locktab_lost why,
		 int64_t now_ms);
struct owner *owner_find(const struct locktab *tab, uint64_t conn);
void owner_gone(struct locktab *tab, struct owner *owner, int64_t now_ms);
void ticket_bury_dead(struct locktab *tab); /* and doomed locks */
void ticket_free_all(struct locktab *tab);

/* locktab_group.c */
void group_lock(struct locktab *tab, const struct locktab_event *ev);
/* What follows for the lock of one that waits with others; true: more may. */
bool group_turn(struct locktab *tab, struct ticket *t, int64_t now_ms);
void group_refuse(struct locktab *tab, struct ticket *t, enum zkp_status why);
/* It waits no more. */
void group_left(struct ticket *t);

/* locktab_lock.c */
struct lock *lock_find(const struct locktab *tab, const char *name);
struct lock *lock_get(struct locktab *tab, const char *name); /* or NULL */
/* For one ticket alone; NULL when memory is short. */
struct lock *lock_solo(struct locktab *tab, const char *name, unsigned slots);
void lock_grant(struct locktab *tab, struct bid *bid, struct ticket *t,
		int64_t now_ms);
/* A ticket was put at the end of the lock's queue. */
void lock_joined(struct locktab *tab, struct lock *lock, struct ticket *t,
		 int64_t now_ms);
/* Everything that may follow from what has just changed: grants, bids opened
 * and left.  A ticket left, a bid moved, the lease moved: call this. */
void lock_settle(struct locktab *tab, struct lock *lock, int64_t now_ms);
/* Would a TRYLOCK of that mode find somebody of this host in its way? */
bool lock_busy(const struct locktab *tab, const struct lock *lock,
	       enum zkp_mode mode, int64_t now_ms);
void lock_queued_all(struct locktab *tab, struct lock *lock);
/* Every ticket that waits is told why it will not be served. */
void lock_refuse_all(struct locktab *tab, struct lock *lock,
		     enum zkp_status why);
/* The first of the tickets that hold it, or NULL. */
struct ticket *lock_holder(const struct lock *lock);
void lock_session_up(struct locktab *tab, int64_t now_ms);
void lock_session_end(struct locktab *tab, enum locktab_lost why,
		      int64_t now_ms);
void lock_lease_moved(struct locktab *tab, int64_t now_ms);
void lock_drain(struct locktab *tab, int64_t now_ms);
void lock_free_all(struct locktab *tab);

/* locktab_bid.c */
struct bid *bid_find(const struct locktab *tab, uint64_t id);
/* A new bid of the lock's queue, said to contest. */
struct bid *bid_open(struct locktab *tab, struct lock *lock,
		     enum zkp_mode mode);
/* Serves nobody any more (R10), said to contest, and freed. */
void bid_leave(struct locktab *tab, struct bid *bid);
/* lock->left need not be listened to any more. */
void bid_forget_left(struct locktab *tab, struct lock *lock);
/* Freed; contest knows already, or the session has ended. */
void bid_drop(struct locktab *tab, struct bid *bid);
/* R8: between two holds, from serving to next. */
bool bid_may_slide(const struct lock *lock);
void bid_slide(struct locktab *tab, struct lock *lock);
/* May the bid serve that ticket now, were the lease fresh? */
bool bid_takes(const struct locktab *tab, const struct bid *bid,
	       const struct ticket *t, int64_t now_ms);
/* R8: how many a bid has. */
uint32_t bid_turns(const struct locktab *tab);
/* R6, and the last turn a token can hold. */
bool bid_spent(const struct locktab *tab, const struct bid *bid,
	       int64_t now_ms);
void bid_event(struct locktab *tab, const struct locktab_event *ev);
void bid_free_all(struct locktab *tab);

/* locktab_linger.c */
/* How long an owned bid of the lock stays when nobody wants it; 0: it goes. */
int64_t linger_ms(const struct locktab *tab, const struct lock *lock,
		  int64_t now_ms);
void linger_over(struct locktab *tab, struct lock *lock, int64_t now_ms);

/* locktab_recall.c */
bool recall_is_stirred(const struct locktab *tab, const struct lock *lock,
		       int64_t now_ms);
/* It lingers, and somebody else has come; it lingered, and that was of use. */
void recall_stirred(struct locktab *tab, const struct lock *lock,
		    int64_t now_ms);
void recall_used(struct locktab *tab, const struct lock *lock);
/* The bid of a trying ticket stands behind somebody who will not go soon. */
void recall_held(struct locktab *tab, const struct bid *bid, int64_t now_ms);
/* A bid of ours is first: whoever was before it is gone. */
void recall_owned(struct locktab *tab, const struct lock *lock);
/* Who it is, "" not known; NULL: nothing is remembered that still counts. */
const char *recall_holder(const struct locktab *tab, const char *name,
			  enum zkp_mode mode, int64_t now_ms);
void recall_free(struct locktab *tab);

/* locktab_timer.c */
/* Room for so many; false: no memory. */
bool timer_room(struct locktab *tab, size_t timers);
/* There is room: ticket_new() has seen to it. */
void timer_add(struct locktab *tab, struct timer *timer, int64_t due_ms);
void timer_remove(struct locktab *tab, struct timer *timer); /* if it is in */
const struct timer *timer_first(const struct locktab *tab);  /* or NULL */

#endif
