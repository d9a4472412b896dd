/* SPDX-License-Identifier: MIT */
/*
 * locktab - a lock: whose turn it is, and which bids that takes.
 *
 * One function decides: lock_settle(), called after whatever changed.  It
 * grants while it can, opens the next bid when the first ticket or the turns
 * ask for one, and leaves bids that serve nobody.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/locktab_i.h"

struct lock *lock_find(const struct locktab *tab, const char *name)
{
	struct lock *lock;

	HASH_FIND(by_name, tab->locks, name, strlen(name), lock);
	return lock;
}

static struct lock *lock_new(struct locktab *tab, const char *name,
			     size_t key_len)
{
	struct lock *lock = calloc(1, sizeof *lock + key_len + 1);

	if (!lock)
		return NULL;
	memcpy(lock->name, name, strlen(name) + 1);
	lock->timer.lock = lock;
	TAILQ_INIT(&lock->waiting);
	TAILQ_INIT(&lock->looking);
	TAILQ_INSERT_TAIL(&tab->states[LOCK_IDLE], lock, home);
	tab->counts.locks++;
	return lock;
}

struct lock *lock_get(struct locktab *tab, const char *name)
{
	struct lock *lock = lock_find(tab, name);
	size_t len = strlen(name);

	if (lock || !(lock = lock_new(tab, name, len)))
		return lock;
	HASH_ADD(by_name, tab->locks, name, (unsigned)len, lock);
	return lock;
}

struct lock *lock_solo(struct locktab *tab, const char *name, unsigned slots)
{
	uint64_t number = ++tab->solo_last;
	size_t len = strlen(name) + 1, key_len = len + sizeof number;
	struct lock *lock = lock_new(tab, name, key_len);

	if (!lock)
		return NULL;
	lock->solo = true;
	lock->slots = slots;
	memcpy(lock->name + len, &number, sizeof number);
	HASH_ADD(by_name, tab->locks, name, (unsigned)key_len, lock);
	return lock;
}

struct ticket *lock_holder(const struct lock *lock)
{
	if (lock->serving && lock->serving->held_len)
		return TAILQ_FIRST(&lock->serving->held);
	if (lock->next && lock->next->held_len)
		return TAILQ_FIRST(&lock->next->held);
	return NULL;
}

void lock_queued_all(struct locktab *tab, struct lock *lock)
{
	struct ticket *t;

	TAILQ_FOREACH(t, &lock->waiting, in_lock)
	ticket_queued(tab, t);
	TAILQ_FOREACH(t, &lock->looking, in_lock)
	ticket_queued(tab, t);
}

void lock_refuse_all(struct locktab *tab, struct lock *lock,
		     enum zkp_status why)
{
	struct ticket *t;

	while ((t = TAILQ_FIRST(&lock->waiting)))
		ticket_refuse(tab, t, why);
	while ((t = TAILQ_FIRST(&lock->looking)))
		ticket_refuse(tab, t, why);
}

/* Only the ticket that opened a bid can be a trying one: it stands first.
 * It never waits for a lease or a session. */
static bool trying_ends(struct locktab *tab, struct lock *lock,
			enum zkp_status why)
{
	struct ticket *t = TAILQ_FIRST(&lock->waiting);

	look_trying_end(tab, lock, why);
	if (!t || !t->pub.trying)
		return false;
	ticket_refuse(tab, t, why);
	return true;
}

/* States */

/* The one place where a lock changes its state: a state is a list. */
static void lock_enter(struct locktab *tab, struct lock *lock,
		       enum lock_state to, int64_t now_ms)
{
	if (lock->state == to)
		return;
	if (lock->state == LOCK_LINGERING) {
		tab->counts.lingering--;
		user_give(lock->lingers, USER_LINGERS, 1);
		lock->lingers = NULL;
		timer_remove(tab, &lock->timer);
		if (to == LOCK_HELD)
			recall_used(tab, lock);
	} else if (to == LOCK_LINGERING) {
		tab->counts.lingering++;
		lock->lingers = lock->serving->user;
		user_take(lock->lingers, USER_LINGERS, 1);
		timer_add(tab, &lock->timer,
			  now_ms + linger_ms(tab, lock, now_ms));
	}
	TAILQ_REMOVE(&tab->states[lock->state], lock, home);
	TAILQ_INSERT_TAIL(&tab->states[to], lock, home);
	lock->state = to;
}

/* Nothing refers to it any more: freed by the next step. */
static void lock_retire(struct locktab *tab, struct lock *lock)
{
	bid_forget_left(tab, lock);
	if (lock->lost_len)
		return;
	TAILQ_REMOVE(&tab->states[LOCK_IDLE], lock, home);
	/* The others of a group end while somebody walks the locks. */
	lock->retired = true;
	if (!lock->solo)
		HASH_DELETE(by_name, tab->locks, lock);
	TAILQ_INSERT_TAIL(&tab->doomed, lock, home);
	tab->counts.locks--;
}

/* Could the first ticket be granted but for the lease? */
static struct bid *taker(const struct locktab *tab, const struct lock *lock,
			 int64_t now_ms)
{
	const struct ticket *t = TAILQ_FIRST(&lock->waiting);

	if (t && lock->serving && bid_takes(tab, lock->serving, t, now_ms))
		return lock->serving;
	if (t && lock->next && bid_takes(tab, lock->next, t, now_ms))
		return lock->next;
	return NULL;
}

static enum lock_state state_of(const struct locktab *tab,
				const struct lock *lock, int64_t now_ms)
{
	if (!lock->serving)
		return lock->waiting_len || lock->looking_len ? LOCK_PARKED
							      : LOCK_IDLE;
	if (lock->serving->state == BID_SEEKING)
		return LOCK_SEEKING;
	if (taker(tab, lock, now_ms) || look_stalled(lock))
		return LOCK_STALLED;
	if (lock_holder(lock))
		return LOCK_HELD;
	/* One of several names has no budget to look at: it waits for the
	 * others, however long. */
	return lock->waiting_len ? LOCK_STALLED : LOCK_LINGERING;
}

/* Which next bid is wanted */

/* Will the bid serve that ticket, now or when its holds have ended?  Time and
 * turns that are left are not looked at under an exclusive hold: they are
 * when it ends. */
static bool will_serve(const struct locktab *tab, const struct bid *bid,
		       const struct ticket *t, int64_t now_ms)
{
	if (bid->mode == ZKP_MODE_X && bid->held_len && !bid->downgraded)
		return t->pub.mode == ZKP_MODE_X;
	if (bid->downgraded && t->pub.mode == ZKP_MODE_X)
		return true;
	return bid_takes(tab, bid, t, now_ms);
}

/* R8: from half of its turns on the next bid is made ahead: what is left is
 * time for a round trip at any rate of grants.  R9: for the first ticket only;
 * who comes later waits without a node. */
static bool next_wanted(const struct locktab *tab, const struct lock *lock,
			int64_t now_ms, enum zkp_mode *mode_out)
{
	const struct bid *bid = lock->serving;
	const struct ticket *t = TAILQ_FIRST(&lock->waiting);

	if (bid->state != BID_OWNED || tab->draining || lock->slots)
		return false;
	if (t && !will_serve(tab, bid, t, now_ms)) {
		*mode_out = t->pub.mode;
		return true;
	}
	*mode_out = ZKP_MODE_X;
	return bid->mode == ZKP_MODE_X && bid->turn >= bid_turns(tab) / 2;
}

static void see_to_next(struct locktab *tab, struct lock *lock, int64_t now_ms)
{
	enum zkp_mode mode;
	bool wanted = next_wanted(tab, lock, now_ms, &mode);

	if (lock->next && lock->next->held_len)
		return;
	if (lock->next && (!wanted || lock->next->mode != mode))
		bid_leave(tab, lock->next);
	if (wanted && !lock->next && !lock->serving->next_failed)
		lock->serving->next_failed = !bid_open(tab, lock, mode);
}

/* Turns */

void lock_grant(struct locktab *tab, struct bid *bid, struct ticket *t,
		int64_t now_ms)
{
	struct lock *lock = bid->lock;

	/* R4: tokens must not go back. */
	assert(t->pub.mode == ZKP_MODE_S || bid->id >= lock->granted_bid);
	if (bid->id > lock->granted_bid)
		lock->granted_bid = bid->id;
	if (bid->turn)
		tab->counts.grants_local++;
	else
		tab->counts.grants_bid++;
	t->pub.token = bid->base + bid->turn++;
	lock->period.turns++;
	ticket_grant(tab, t, bid, now_ms);
}

/* How the bid on its way must stand for those who wait; false: nobody does.
 * Who only looks wants to be alone in front. */
static bool sought(const struct lock *lock, enum zkp_mode *mode_out)
{
	const struct ticket *t = TAILQ_FIRST(&lock->waiting);

	*mode_out = t ? t->pub.mode : ZKP_MODE_X;
	return t || lock->looking_len;
}

/* No bid at all: one for the first ticket. */
static bool seek(struct locktab *tab, struct lock *lock)
{
	enum zkp_mode mode;

	if (!sought(lock, &mode) || !tab->session)
		return false;
	if (bid_open(tab, lock, mode))
		return true;
	lock_refuse_all(tab, lock, ZKP_LIMIT);
	return false;
}

/* On its way: for a ticket that it will serve, or not at all. */
static bool seeking(struct locktab *tab, struct lock *lock)
{
	enum zkp_mode mode;

	if (sought(lock, &mode) && mode == lock->serving->mode)
		return false;
	bid_leave(tab, lock->serving);
	return true;
}

/* One that served nobody was for those who only look. */
static bool may_linger(const struct locktab *tab, const struct bid *bid,
		       int64_t now_ms)
{
	return !bid->lock->solo && bid->behind == BEHIND_NOBODY &&
	       !tab->draining && bid->turn < bid_turns(tab) &&
	       (bid->turn > 0 || !bid->looked) && !bid->lock->looking_len &&
	       linger_ms(tab, bid->lock, now_ms) > 0;
}

/* An owned bid with no ticket. */
static bool rest(struct locktab *tab, struct lock *lock, int64_t now_ms)
{
	if (may_linger(tab, lock->serving, now_ms)) {
		see_to_next(tab, lock, now_ms);
		return false;
	}
	if (lock->next)
		bid_leave(tab, lock->next);
	bid_leave(tab, lock->serving);
	return true;
}

/* Somebody waits whom no bid takes now. */
static bool yield(struct locktab *tab, struct lock *lock, int64_t now_ms)
{
	struct bid *bid = lock->serving;

	see_to_next(tab, lock, now_ms);
	if (bid->held_len)
		return false;
	/* R6, R8, or the first ticket wants it another way: the next bid is
	 * there, so that one flush, and one day one multi, carries both. */
	tab->counts.yields++;
	bid_leave(tab, bid);
	return true;
}

/* One change; false when there is nothing more to do. */
static bool turn(struct locktab *tab, struct lock *lock, int64_t now_ms)
{
	struct ticket *t = TAILQ_FIRST(&lock->waiting);
	struct bid *bid;

	if (t && t->group)
		return group_turn(tab, t, now_ms);
	if (!lock->serving)
		return seek(tab, lock);
	if (lock->serving->state == BID_SEEKING)
		return seeking(tab, lock);
	if (bid_may_slide(lock)) {
		bid_slide(tab, lock);
		return true;
	}
	if (look_answer(tab, lock, now_ms))
		return true;
	if (!t && look_stalled(lock)) {
		lock_queued_all(tab, lock);
		look_trying_end(tab, lock, tab->doubt);
		return !look_stalled(lock);
	}
	if (!t && !lock_holder(lock))
		return rest(tab, lock, now_ms);
	bid = taker(tab, lock, now_ms);
	if (bid && now_ms <= tab->grant_until_ms) {
		lock_grant(tab, bid, t, now_ms);
		return true;
	}
	if (bid) {
		lock_queued_all(tab, lock);
		return trying_ends(tab, lock, tab->doubt);
	}
	return yield(tab, lock, now_ms);
}

/* R6: a bid that was won by waiting does not know who came since.  Somebody
 * needs to know when a second ticket of this host might be served past them:
 * one that waits, or, of a shared bid, one that joins it at once (R7).  And one
 * that takes it from the bid before that nobody is there has to hear of those
 * who come. */
static bool must_see(const struct lock *lock, const struct bid *bid)
{
	switch (bid->behind) {
	case BEHIND_UNKNOWN:
		return lock->waiting_len || bid->mode == ZKP_MODE_S ||
		       bid->downgraded;
	case BEHIND_NOBODY:
		return true;
	case BEHIND_SOMEBODY:
		break;
	}
	return false;
}

static void ask_behind(struct locktab *tab, const struct lock *lock,
		       struct bid *bid)
{
	if (!bid || bid->state != BID_OWNED || !bid->unseen || lock->solo ||
	    !must_see(lock, bid))
		return;
	bid->unseen = false;
	locktab_emit(tab, (struct locktab_effect){ .type = LOCKTAB_FX_BID_LOOK,
						   .bid = bid->id,
						   .name = lock->name });
}

void lock_settle(struct locktab *tab, struct lock *lock, int64_t now_ms)
{
	if (lock->retired)
		return;
	while (turn(tab, lock, now_ms))
		;
	ask_behind(tab, lock, lock->serving);
	/* A shared one serves beside the one before it. */
	ask_behind(tab, lock, lock->next);
	hold_wanted(tab, lock);
	lock_enter(tab, lock, state_of(tab, lock, now_ms), now_ms);
	if (lock->state == LOCK_IDLE)
		lock_retire(tab, lock);
}

/* Tickets */

bool lock_busy(const struct locktab *tab, const struct lock *lock,
	       enum zkp_mode mode, int64_t now_ms)
{
	const struct ticket wish = { .pub.mode = mode };

	if (lock->waiting_len)
		return true;
	/* For who only looks: known to stand behind others. */
	if (lock->serving && lock->serving->state == BID_SEEKING &&
	    lock->serving->below)
		return true;
	if (!lock_holder(lock))
		return false;
	return !bid_takes(tab, lock->serving, &wish, now_ms) &&
	       !(lock->next && bid_takes(tab, lock->next, &wish, now_ms));
}

void lock_joined(struct locktab *tab, struct lock *lock, struct ticket *t,
		 int64_t now_ms)
{
	bool fresh = now_ms <= tab->grant_until_ms;
	bool first = lock->state == LOCK_IDLE || lock->state == LOCK_LINGERING;

	lock_settle(tab, lock, now_ms);
	/* With a bid of its own the ticket is told when contest has seen who
	 * stands before it, if anybody does. */
	if (t->pub.state == TICKET_WAITING && !(first && fresh))
		ticket_queued(tab, t);
}

/* Events of the session and of the lease */

void lock_session_up(struct locktab *tab, int64_t now_ms)
{
	struct lock *lock;

	while ((lock = TAILQ_FIRST(&tab->states[LOCK_PARKED])))
		lock_settle(tab, lock, now_ms);
}

static void bid_ends(struct locktab *tab, struct bid *bid,
		     enum locktab_lost why, int64_t now_ms)
{
	struct ticket *t;

	while ((t = TAILQ_FIRST(&bid->held)))
		ticket_lose(tab, t, why, now_ms);
	bid_drop(tab, bid);
}

void lock_session_end(struct locktab *tab, enum locktab_lost why,
		      int64_t now_ms)
{
	struct lock *lock, *next;

	HASH_ITER(by_name, tab->locks, lock, next)
	{
		bool had = lock->serving != NULL;

		if (!had)
			continue;
		while (lock->serving)
			bid_ends(tab, lock->serving, why, now_ms);
		bid_forget_left(tab, lock);
		(void)trying_ends(tab, lock, ZKP_UNAVAILABLE);
		lock_settle(tab, lock, now_ms);
		lock_queued_all(tab, lock);
	}
}

static size_t list_len(const struct lock_list *list)
{
	const struct lock *lock;
	size_t len = 0;

	TAILQ_FOREACH(lock, list, home)
	len++;
	return len;
}

/* The first of them, which goes to the end: each comes to the front once in as
 * many calls as there are.  One of several names stays where it is while others
 * of them are on their way, and takes any of the others with it when they are
 * not: so no lock tells when the round is over, only their number does. */
static struct lock *rotate(struct lock_list *list)
{
	struct lock *lock = TAILQ_FIRST(list);

	if (lock) {
		TAILQ_REMOVE(list, lock, home);
		TAILQ_INSERT_TAIL(list, lock, home);
	}
	return lock;
}

static void seeking_try_ends(struct locktab *tab, int64_t now_ms)
{
	struct lock_list *list = &tab->states[LOCK_SEEKING];
	size_t left = list_len(list);
	struct lock *lock;

	for (; left > 0 && (lock = rotate(list)); left--) {
		if (trying_ends(tab, lock, tab->doubt))
			lock_settle(tab, lock, now_ms);
	}
}

void lock_lease_moved(struct locktab *tab, int64_t now_ms)
{
	struct lock_list *list = &tab->states[LOCK_STALLED];
	size_t left = list_len(list);
	struct lock *lock;

	if (now_ms > tab->grant_until_ms) {
		seeking_try_ends(tab, now_ms);
		return;
	}
	for (; left > 0 && (lock = rotate(list)); left--)
		lock_settle(tab, lock, now_ms);
}

void lock_drain(struct locktab *tab, int64_t now_ms)
{
	struct lock *lock, *next;

	HASH_ITER(by_name, tab->locks, lock, next)
	{
		lock_refuse_all(tab, lock, ZKP_DRAINING);
		lock_settle(tab, lock, now_ms);
	}
}

bool locktab_crowded(const struct locktab *tab, uint64_t id)
{
	const struct bid *bid = bid_find(tab, id);

	return bid && bid->lock->waiting_len > 1;
}

void lock_free_all(struct locktab *tab)
{
	struct lock *lock, *next;

	bid_free_all(tab);
	HASH_ITER(by_name, tab->locks, lock, next)
	{
		HASH_DELETE(by_name, tab->locks, lock);
		free(lock);
	}
}
