/* SPDX-License-Identifier: MIT */
/*
 * locktab - who on this host waits for which lock, and who holds it.
 *
 * Pure: it opens nothing, reads no clock and logs nothing; time is a field of
 * the event.  Feed it one event, then take out everything that event caused
 * before feeding the next:
 *
 *	locktab_step(tab, &ev);
 *	while (locktab_next(tab, &fx))
 *		...carry out fx...
 *
 * Words: a ticket is one client's wish for one lock; a bid is this host's
 * entry in the cluster's queue for a lock and serves its tickets in arrival
 * order, one turn each.  What a bid must say to the coordinator is contest's
 * matter; here it is a number that is opened, becomes owned, and is left.
 *
 * Rules R4, R6, R10, R13, R14 of bids and turns (daemon/DESIGN.md) live here.
 *
 * Everything pointed to by an effect is lent until the next locktab_step().
 */
#ifndef DAEMON_LOCKTAB_H
#define DAEMON_LOCKTAB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/user.h"
#include "proto/limits.h"
#include "proto/mode.h"
#include "proto/status.h"

#define LOCKTAB_NEVER_MS INT64_MAX
/* What we say of a holder elsewhere: "host pid=1 command". */
#define LOCKTAB_HOLDER_MAX 256

struct locktab; /* private to locktab*.c */

struct locktab_limits {
	uint32_t tickets_max; /* held and waiting and lost, all together */
	uint32_t tickets_per_conn_max;
	uint32_t turns_max;   /* R6: turns of one period once others wait */
	uint32_t bid_turns;   /* R8: turns of one bid; 0: as many as a token
				 holds, and never more */
	int64_t turns_ms;     /* R6: its length */
	int64_t linger_ms;    /* an owned bid without a ticket; 0: off */
	int64_t try_grace_ms; /* R14: patience of TRYLOCK with a linger */
};

enum locktab_lost {
	LOCKTAB_LOST_DEADLINE, /* the proven deadline passed */
	LOCKTAB_LOST_EXPIRED,  /* the ensemble ended the session */
	LOCKTAB_LOST_DELETED,  /* somebody deleted our node */
	LOCKTAB_LOST_SHUTDOWN, /* the daemon ends */
	LOCKTAB_LOST_KICKED,   /* an administrator took it away */
	LOCKTAB_LOST_MAX_HOLD, /* its longest time was over */
};

enum locktab_state { /* of a ticket */
		     TICKET_WAITING,
		     TICKET_HELD,
		     TICKET_KEPT, /* released: its bid serves nobody until
				     until_ms (R21) */
		     TICKET_LOST, /* kept until its owner takes note of it */
		     TICKET_DEAD, /* answered for the last time */
};

/* A ticket as others may see it.  Read only. */
struct locktab_ticket {
	uint64_t id; /* "@7" on the wire; never used again */
	uint64_t conn;
	struct user *user; /* whose it counts as; NULL: nobody's */
	enum locktab_state state;
	enum locktab_lost lost; /* TICKET_LOST */
	enum zkp_mode mode;     /* a downgrade makes an X an S */
	unsigned slots;         /* of a semaphore; 0: it is of a lock */
	unsigned of, at;        /* R16: number `at` of so many; of 0: alone */
	bool trying;            /* TRYLOCK, or LOCK with wait=0 */
	bool looking;           /* WAIT: until it is free, no turn */
	bool of_user;           /* refused with LIMIT: by its user's share */
	uint16_t gen;           /* the session it was granted under */
	uint64_t bid;           /* the bid it was granted on */
	uint64_t token;         /* TICKET_HELD, TICKET_LOST */
	int64_t asked_ms;
	int64_t wait_until_ms; /* LOCKTAB_NEVER_MS: for ever */
	int64_t min_hold_ms;   /* 0: none */
	int64_t max_hold_ms;   /* 0: as long as it likes */
	int64_t granted_ms;
	int64_t until_ms; /* HELD KEPT: it ends then; LOCKTAB_NEVER_MS */
	int64_t ended_ms; /* released or lost */
	const char *name; /* of the lock */
	/* Refused: who elsewhere had it; "" when not known or held here. */
	const char *holder;
	const char *note;          /* "" for none */
	char tag[ZKP_TAG_MAX + 1]; /* "" for none */
};

enum locktab_event_type {
	/* from a connection */
	LOCKTAB_LOCK,
	LOCKTAB_UNLOCK,
	LOCKTAB_DOWNGRADE, /* R5: an exclusive hold becomes a shared one */
	LOCKTAB_CANCEL,
	LOCKTAB_GONE,   /* the connection ended: all its tickets go */
	LOCKTAB_REVOKE, /* whoever holds it is asked to give it back */
	LOCKTAB_KICK,   /* of an administrator: anybody's ticket */
	/* from contest */
	LOCKTAB_BID_QUEUED, /* others stand before the bid */
	LOCKTAB_BID_OWNED,
	LOCKTAB_BID_BEHIND,   /* what a listing made while owned showed; of the
				 next bid: a stranger stands before it */
	LOCKTAB_BID_STIRRED,  /* a child event while the bid lingers */
	LOCKTAB_BID_REVOKED,  /* another program asks for the lock */
	LOCKTAB_BID_VANISHED, /* somebody deleted the bid's node */
	LOCKTAB_BID_FAILED,   /* the bid cannot be made */
	/* from the lease and the clock */
	LOCKTAB_SESSION_UP,
	LOCKTAB_SESSION_END, /* all holds are lost, all bids forgotten */
	LOCKTAB_LEASE,       /* grants are allowed up to grant_until_ms */
	LOCKTAB_DRAIN,       /* nothing more is granted; who waits is told */
	LOCKTAB_TICK,
};

/* What is known of contenders behind an owned bid. */
enum locktab_behind { BEHIND_UNKNOWN, BEHIND_NOBODY, BEHIND_SOMEBODY };

/* Names a ticket: by id, else by tag, else by name; of the connection. */
struct locktab_target {
	uint64_t id;      /* 0: not by id */
	const char *tag;  /* NULL: not by tag */
	const char *name; /* NULL: not by name */
};

/* Strings are borrowed for the call. */
struct locktab_event {
	enum locktab_event_type type;
	int64_t now_ms; /* every event */
	uint64_t conn;  /* LOCK UNLOCK DOWNGRADE CANCEL GONE */
	union {
		struct {
			const char *name;
			const char *tag;
			const char *note;
			struct user *user;
			enum zkp_mode mode;
			unsigned slots; /* of a semaphore; 0: a lock */
			/* R16: several, sorted, each once; name is the first,
			 * there are no slots, the mode is X.  0: one. */
			const char *const *names;
			size_t names_len;
			int64_t wait_ms;     /* 0: try; < 0: for ever */
			int64_t min_hold_ms; /* R21; 0: none */
			int64_t max_hold_ms; /* R17; 0: none */
			int64_t linger_ms;   /* of this lock; 0: as the limits
						have it; LAYOUT_LINGER_OFF */
			bool looking;        /* WAIT */
			bool wanted;         /* tell it of waiters behind */
		} lock;
		struct {
			const char *name;
			bool admin; /* needs no ticket that waits */
		} revoke;
		struct {
			uint64_t id;
			int64_t end_ms; /* when a hold is over */
		} kick;
		struct {
			struct locktab_target target;
			uint64_t token; /* 0: any; not CANCEL */
		} pick;                 /* UNLOCK DOWNGRADE CANCEL */
		struct {
			uint64_t bid;
			unsigned below;     /* QUEUED: contenders before us */
			const char *holder; /* QUEUED: NULL: not known */
			bool kin;      /* QUEUED: but for ours, only bids of one
					  zklockd stand before us */
			uint64_t base; /* QUEUED OWNED: token of turn 0 */
			uint64_t after; /* QUEUED: alone before us, a bid of
					   this host; 0: it is not so */
			bool after_own; /* QUEUED OWNED: right after a bid of
					   ours */
			enum locktab_behind behind; /* QUEUED OWNED BEHIND */
			enum zkp_status status;     /* FAILED */
			bool of_user; /* FAILED with LIMIT: by a share */
		} bid;
		struct {
			uint16_t gen;             /* SESSION_UP */
			enum locktab_lost reason; /* SESSION_END */
			int64_t grant_until_ms;   /* LEASE */
			bool too_short; /* LEASE: there is none that could grant
					 */
		} lease;
	};
};

enum locktab_effect_type {
	/* The answer to the request in hand; ticket may be NULL. */
	LOCKTAB_FX_DONE,
	/* Of a LOCK that waits: */
	LOCKTAB_FX_QUEUED, /* provisional */
	LOCKTAB_FX_GRANTED,
	LOCKTAB_FX_REFUSED, /* status says why */
	/* Of a WAIT: */
	LOCKTAB_FX_FREE,
	/* Of a hold: */
	LOCKTAB_FX_LOST,
	LOCKTAB_FX_REVOKE, /* it ends at until_ms, sooner than it was told */
	LOCKTAB_FX_ASKED,  /* somebody would like to have it */
	LOCKTAB_FX_WANTED, /* somebody waits behind it */
	/* For onlookers, after locktab_tell_moves(): */
	LOCKTAB_FX_MOVED_HELD,
	LOCKTAB_FX_MOVED_FREED, /* lost says whether by a loss */
	LOCKTAB_FX_MOVED_QUEUE, /* somebody has to wait, or gave up */
	/* To contest: */
	LOCKTAB_FX_BID_OPEN,
	LOCKTAB_FX_BID_LEAVE,
	LOCKTAB_FX_BID_REVOKE, /* ask the one before it to give way */
	LOCKTAB_FX_BID_LOOK,   /* BID_BEHIND is wanted */
};

struct locktab_effect {
	enum locktab_effect_type type;
	enum zkp_status status;              /* DONE REFUSED */
	const struct locktab_ticket *ticket; /* BID_OPEN: who opened it */
	uint64_t bid;                        /* BID_* */
	unsigned slots;                      /* BID_OPEN; 0: a lock */
	uint64_t group;     /* BID_OPEN: made together with `of` others, or 0 */
	unsigned of;        /* likewise, itself counted */
	enum zkp_mode mode; /* BID_OPEN: how it stands */
	const char *name;   /* BID_*: the lock's */
	unsigned waiters;   /* MOVED_* WANTED; DONE of REVOKE: asked */
	bool lost;          /* MOVED_FREED */
	bool of_user;       /* DONE with LIMIT: it is the user's share */
	const char *which; /* DONE with LIMIT: of what; DEADLOCK: which locks */
};

/* Who has a lock, as far as this host knows. */
struct locktab_holder {
	const struct locktab_ticket *ticket; /* held here, or NULL */
	const char *text; /* of a holder elsewhere; "" when not known */
	unsigned pos;     /* R18: 1 + local tickets before + bids below */
};

/* A row for LIST. */
typedef void locktab_row_fn(void *ctx, const struct locktab_ticket *ticket,
			    unsigned waiters);

struct locktab_counts {
	uint64_t held, waiting, lost, locks, lingering, kept;
	uint64_t grants_local, grants_bid; /* turns > 0, first turns */
	uint64_t timeouts, cancels, losses, yields, slides, kicks, deadlocks;
};

/* NULL when memory is not to be had. */
struct locktab *locktab_new(const struct locktab_limits *limits);
void locktab_free(struct locktab *tab); /* NULL is fine */
void locktab_set_limits(struct locktab *tab, const struct locktab_limits *to);

/* Whether MOVED_* effects are wanted; not at first. */
void locktab_tell_moves(struct locktab *tab, bool wanted);

void locktab_step(struct locktab *tab, const struct locktab_event *ev);
bool locktab_next(struct locktab *tab, struct locktab_effect *fx_out);
/* When a LOCKTAB_TICK is due; LOCKTAB_NEVER_MS. */
int64_t locktab_wake_ms(const struct locktab *tab);

/* Questions; answers are lent until the next step.  NULL: no such ticket. */
const struct locktab_ticket *locktab_by_id(const struct locktab *tab,
					   uint64_t id);
const struct locktab_ticket *locktab_find(const struct locktab *tab,
					  uint64_t conn,
					  const struct locktab_target *target);
void locktab_holder(const struct locktab *tab,
		    const struct locktab_ticket *ticket,
		    struct locktab_holder *holder_out);
/* The same for a name without a ticket; pos is 0. */
void locktab_name_holder(const struct locktab *tab, const char *name,
			 int64_t now_ms, struct locktab_holder *holder_out);
/* Who wants that bid first, and is to have its bytes; NULL: nobody. */
struct user *locktab_bid_user(struct locktab *tab, uint64_t bid);
bool locktab_lingers(const struct locktab *tab, uint64_t bid);
/* Do several tickets wait at the lock of that bid? */
bool locktab_crowded(const struct locktab *tab, uint64_t bid);
/* Gives up the bid that has lingered longest, of those that this user opened
 * (NULL: of all), and says which; 0: none. */
uint64_t locktab_shed_linger(struct locktab *tab, const struct user *user,
			     int64_t now_ms);
/* Every ticket that is held or waits, by lock, in order. */
void locktab_each(const struct locktab *tab, locktab_row_fn *row, void *ctx);
void locktab_counts(const struct locktab *tab,
		    struct locktab_counts *counts_out);

#endif
