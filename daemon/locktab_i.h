/* SPDX-License-Identifier: MIT */
/*
 * locktab's inside: shared by locktab.c (events, tickets), locktab_lock.c (the
 * life of a lock and its bid) and locktab_timer.c (who waits until when).
 * Nobody else includes this.
 */
#ifndef DAEMON_LOCKTAB_I_H
#define DAEMON_LOCKTAB_I_H

#include <sys/queue.h>

#include "daemon/hash.h"
#include "daemon/locktab.h"
#include <uthash.h>

TAILQ_HEAD(ticket_list, ticket);
TAILQ_HEAD(lock_list, lock);

struct ticket {
	struct locktab_ticket pub; /* first: effects lend it */
	struct lock *lock;
	struct owner *owner;
	char *note;   /* NULL: none */
	char *holder; /* of pub.holder; NULL: none */
	bool queued_told;
	size_t timer;                 /* place in the heap; 0: not in it */
	TAILQ_ENTRY(ticket) in_lock;  /* waiting */
	TAILQ_ENTRY(ticket) in_owner; /* every live ticket; the dead likewise */
	UT_hash_handle by_id;
};

/* A connection that has tickets. */
struct owner {
	uint64_t conn;
	unsigned tickets_len;
	struct ticket_list tickets;
	UT_hash_handle by_conn;
};

enum lock_state {                 /* each is a list in struct locktab */
		  LOCK_IDLE,      /* no bid and nobody waits */
		  LOCK_PARKED,    /* tickets wait, no session to bid on */
		  LOCK_SEEKING,   /* the bid is on its way to the front */
		  LOCK_STALLED,   /* owned, tickets wait, the lease allows no
				     grant */
		  LOCK_HELD,      /* owned, and a ticket holds it */
		  LOCK_LINGERING, /* owned, without a ticket */
		  LOCK_STATES,
};

struct lock {
	enum lock_state state;
	unsigned waiting_len;
	unsigned lost_len; /* lost tickets that still name this lock */
	struct ticket_list waiting;
	struct ticket *held;
	uint64_t bid;  /* 0: none */
	uint64_t base; /* token of the bid's turn 0 */
	uint32_t turn; /* the next one */
	enum locktab_behind behind;
	uint32_t period_turns; /* R6: since a waiter behind is known */
	int64_t period_start_ms;
	int64_t linger_until_ms;
	unsigned below;         /* contenders before a seeking bid */
	char *holder;           /* the first of them; NULL: not known */
	TAILQ_ENTRY(lock) home; /* the list of its state */
	UT_hash_handle by_name;
	UT_hash_handle by_bid; /* while bid is not 0 */
	char name[];           /* ends with NUL */
};

struct locktab {
	struct locktab_limits limits;
	struct ticket *tickets; /* by id */
	struct owner *owners;   /* by conn */
	struct lock *locks;     /* by name */
	struct lock *bids;      /* the same, by bid */
	struct lock_list states[LOCK_STATES];
	struct ticket_list dead; /* freed by the next step */
	struct lock_list doomed; /* likewise */
	uint32_t tickets_len;
	uint64_t ticket_last; /* numbers given so far */
	uint64_t bid_last;
	bool session;
	bool draining;
	bool tell_moves;
	/* What a trying ticket is told when nothing can be granted. */
	enum zkp_status doubt;
	uint16_t gen;
	int64_t grant_until_ms; /* INT64_MIN: nothing is granted */
	struct ticket **heap;   /* heap[1..heap_len], by wait_until_ms */
	size_t heap_len, heap_cap;
	struct locktab_effect *fx; /* fx[fx_at..fx_len] are to be taken */
	size_t fx_at, fx_len, fx_cap;
	struct locktab_counts counts;
};

/* locktab.c */
void locktab_emit(struct locktab *tab, struct locktab_effect fx);
void ticket_queued(struct locktab *tab, struct ticket *t);
/* The one place where a ticket changes its state. */
void ticket_enter(struct locktab *tab, struct ticket *t, enum locktab_state to);
void ticket_refuse(struct locktab *tab, struct ticket *t, enum zkp_status why);
void ticket_lose(struct locktab *tab, struct ticket *t, enum locktab_lost why,
		 int64_t now_ms);

/* locktab_lock.c */
struct lock *lock_find(const struct locktab *tab, const char *name);
struct lock *lock_get(struct locktab *tab, const char *name); /* or NULL */
struct lock *lock_of_bid(const struct locktab *tab, uint64_t bid);
/* A ticket was put at the end of the lock's queue. */
void lock_joined(struct locktab *tab, struct lock *lock, int64_t now_ms);
/* A ticket left: the holder, or one that waited. */
void lock_left(struct locktab *tab, struct lock *lock, int64_t now_ms);
/* The next turn, if there may be one. */
void lock_serve(struct locktab *tab, struct lock *lock, int64_t now_ms);
void lock_bid_event(struct locktab *tab, const struct locktab_event *ev);
void lock_session_up(struct locktab *tab);
void lock_session_end(struct locktab *tab, enum locktab_lost why,
		      int64_t now_ms);
void lock_lease_moved(struct locktab *tab, int64_t now_ms);
void lock_drain(struct locktab *tab, int64_t now_ms);
void lock_linger_tick(struct locktab *tab, int64_t now_ms);
void lock_free_all(struct locktab *tab);

/* locktab_timer.c */
bool timer_add(struct locktab *tab, struct ticket *t); /* false: no memory */
void timer_remove(struct locktab *tab, struct ticket *t);
struct ticket *timer_first(const struct locktab *tab); /* or NULL */

#endif
