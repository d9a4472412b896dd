/* SPDX-License-Identifier: MIT */
/*
 * locktab - the life of a lock and of the bid that serves it.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/locktab_i.h"
#include "daemon/token.h"

struct lock *lock_find(const struct locktab *tab, const char *name)
{
	struct lock *lock;

	HASH_FIND(by_name, tab->locks, name, strlen(name), lock);
	return lock;
}

struct lock *lock_of_bid(const struct locktab *tab, uint64_t bid)
{
	struct lock *lock;

	HASH_FIND(by_bid, tab->bids, &bid, sizeof bid, lock);
	return lock;
}

struct lock *lock_get(struct locktab *tab, const char *name)
{
	struct lock *lock = lock_find(tab, name);
	size_t len = strlen(name);

	if (lock)
		return lock;
	lock = calloc(1, sizeof *lock + len + 1);
	if (!lock)
		return NULL;
	memcpy(lock->name, name, len + 1);
	TAILQ_INIT(&lock->waiting);
	HASH_ADD(by_name, tab->locks, name, (unsigned)len, lock);
	TAILQ_INSERT_TAIL(&tab->states[LOCK_IDLE], lock, home);
	tab->counts.locks++;
	return lock;
}

static bool lock_may(enum lock_state from, enum lock_state to)
{
	switch (to) {
	case LOCK_IDLE:
		return true; /* the bid was left, or forgotten */
	case LOCK_PARKED:
		return from != LOCK_LINGERING;
	case LOCK_SEEKING:
		return true; /* a first bid, or the next one */
	case LOCK_STALLED:
		return from == LOCK_SEEKING || from == LOCK_HELD ||
		       from == LOCK_LINGERING;
	case LOCK_HELD:
		return from == LOCK_SEEKING || from == LOCK_STALLED ||
		       from == LOCK_HELD || from == LOCK_LINGERING;
	case LOCK_LINGERING:
		return from == LOCK_HELD || from == LOCK_STALLED;
	case LOCK_STATES:
		break;
	}
	return false;
}

/* The one place where a lock changes its state: a state is a list. */
static void lock_enter(struct locktab *tab, struct lock *lock,
		       enum lock_state to)
{
	assert(lock_may(lock->state, to));
	tab->counts.lingering -= lock->state == LOCK_LINGERING;
	tab->counts.lingering += to == LOCK_LINGERING;
	TAILQ_REMOVE(&tab->states[lock->state], lock, home);
	TAILQ_INSERT_TAIL(&tab->states[to], lock, home);
	lock->state = to;
}

static void lock_set_bid(struct locktab *tab, struct lock *lock, uint64_t bid)
{
	if (lock->bid)
		HASH_DELETE(by_bid, tab->bids, lock);
	lock->bid = bid;
	if (bid)
		HASH_ADD(by_bid, tab->bids, bid, sizeof lock->bid, lock);
}

static void lock_set_holder(struct lock *lock, const char *text)
{
	free(lock->holder);
	lock->holder = text && *text ? strdup(text) : NULL;
}

static void bid_effect(struct locktab *tab, struct lock *lock,
		       enum locktab_effect_type type)
{
	struct ticket *first = TAILQ_FIRST(&lock->waiting);
	struct locktab_effect fx = { .type = type,
				     .bid = lock->bid,
				     .name = lock->name,
				     .ticket = first ? &first->pub : NULL };

	locktab_emit(tab, fx);
}

/* Nothing refers to it any more: freed by the next step. */
static void lock_retire(struct locktab *tab, struct lock *lock)
{
	if (lock->state != LOCK_IDLE || lock->lost_len || lock->waiting_len)
		return;
	TAILQ_REMOVE(&tab->states[LOCK_IDLE], lock, home);
	HASH_DELETE(by_name, tab->locks, lock);
	TAILQ_INSERT_TAIL(&tab->doomed, lock, home);
	tab->counts.locks--;
}

static void bid_open(struct locktab *tab, struct lock *lock)
{
	lock_set_bid(tab, lock, ++tab->bid_last);
	lock_set_holder(lock, NULL);
	lock->below = 0;
	lock->behind = BEHIND_UNKNOWN;
	lock_enter(tab, lock, LOCK_SEEKING);
	bid_effect(tab, lock, LOCKTAB_FX_BID_OPEN);
}

static void bid_leave(struct locktab *tab, struct lock *lock)
{
	bid_effect(tab, lock, LOCKTAB_FX_BID_LEAVE);
	lock_set_bid(tab, lock, 0);
	lock_set_holder(lock, NULL);
	lock->below = 0;
	lock_enter(tab, lock, LOCK_IDLE);
	lock_retire(tab, lock);
}

/* The bid is gone already: nothing is to be said to anybody. */
static void bid_forget(struct locktab *tab, struct lock *lock)
{
	lock_set_bid(tab, lock, 0);
	lock_set_holder(lock, NULL);
	lock->below = 0;
	if (!lock->waiting_len) {
		lock_enter(tab, lock, LOCK_IDLE);
		lock_retire(tab, lock);
	} else if (tab->session) {
		bid_open(tab, lock);
	} else {
		lock_enter(tab, lock, LOCK_PARKED);
	}
}

/* R6, or the bid's turns are all used: the next bid goes to the end of the
 * queue, then this one is left.  In this order, so that one flush, and one
 * day one multi, carries both. */
static void bid_replace(struct locktab *tab, struct lock *lock)
{
	struct locktab_effect leave = { .type = LOCKTAB_FX_BID_LEAVE,
					.bid = lock->bid,
					.name = lock->name };

	bid_open(tab, lock);
	locktab_emit(tab, leave);
	tab->counts.yields++;
}

static void queued_all(struct locktab *tab, struct lock *lock)
{
	struct ticket *t;

	TAILQ_FOREACH(t, &lock->waiting, in_lock)
	ticket_queued(tab, t);
}

/* Only the ticket that opened a bid can be a trying one: it stands first.
 * It never waits for a lease or a session. */
static bool trying_ends(struct locktab *tab, struct lock *lock,
			enum zkp_status why)
{
	struct ticket *t = TAILQ_FIRST(&lock->waiting);

	if (!t || !t->pub.trying)
		return false;
	ticket_refuse(tab, t, why);
	return true;
}

static bool budget_spent(const struct locktab *tab, const struct lock *lock,
			 int64_t now_ms)
{
	if (lock->turn > TOKEN_TURN_MAX)
		return true;
	return lock->behind == BEHIND_SOMEBODY &&
	       (lock->period_turns >= tab->limits.turns_max ||
		now_ms - lock->period_start_ms >= tab->limits.turns_ms);
}

static void grant(struct locktab *tab, struct lock *lock, int64_t now_ms)
{
	struct ticket *t = TAILQ_FIRST(&lock->waiting);

	if (lock->turn)
		tab->counts.grants_local++;
	else
		tab->counts.grants_bid++;
	t->pub.token = lock->base + lock->turn++;
	lock->period_turns++;
	t->pub.gen = tab->gen;
	t->pub.bid = lock->bid;
	t->pub.granted_ms = now_ms;
	ticket_enter(tab, t, TICKET_HELD);
	lock_enter(tab, lock, LOCK_HELD);
	locktab_emit(tab, (struct locktab_effect){ .type = LOCKTAB_FX_GRANTED,
						   .ticket = &t->pub });
}

/* An owned bid with no ticket. */
static void rest(struct locktab *tab, struct lock *lock, int64_t now_ms)
{
	if (tab->limits.linger_ms > 0 && lock->behind == BEHIND_NOBODY &&
	    !tab->draining && lock->turn <= TOKEN_TURN_MAX) {
		lock->linger_until_ms = now_ms + tab->limits.linger_ms;
		lock_enter(tab, lock, LOCK_LINGERING);
	} else {
		bid_leave(tab, lock);
	}
}

void lock_serve(struct locktab *tab, struct lock *lock, int64_t now_ms)
{
	assert(lock->bid && !lock->held);
	if (!lock->waiting_len) {
		rest(tab, lock, now_ms);
	} else if (budget_spent(tab, lock, now_ms)) {
		bid_replace(tab, lock);
	} else if (now_ms > tab->grant_until_ms) {
		if (lock->state != LOCK_STALLED)
			lock_enter(tab, lock, LOCK_STALLED);
		queued_all(tab, lock);
		if (trying_ends(tab, lock, tab->doubt))
			lock_left(tab, lock, now_ms);
	} else {
		grant(tab, lock, now_ms);
	}
}

void lock_joined(struct locktab *tab, struct lock *lock, int64_t now_ms)
{
	struct ticket *t = TAILQ_LAST(&lock->waiting, ticket_list);

	switch (lock->state) {
	case LOCK_IDLE:
		if (!tab->session)
			lock_enter(tab, lock, LOCK_PARKED);
		else
			bid_open(tab, lock);
		if (now_ms > tab->grant_until_ms)
			ticket_queued(tab, t);
		break;
	case LOCK_LINGERING:
		lock_serve(tab, lock, now_ms);
		break;
	case LOCK_PARKED:
	case LOCK_SEEKING:
	case LOCK_STALLED:
	case LOCK_HELD:
		ticket_queued(tab, t);
		break;
	case LOCK_STATES:
		assert(false);
		break;
	}
}

void lock_left(struct locktab *tab, struct lock *lock, int64_t now_ms)
{
	switch (lock->state) {
	case LOCK_IDLE:
		lock_retire(tab, lock);
		break;
	case LOCK_PARKED:
		if (!lock->waiting_len) {
			lock_enter(tab, lock, LOCK_IDLE);
			lock_retire(tab, lock);
		}
		break;
	case LOCK_SEEKING:
		if (!lock->waiting_len)
			bid_leave(tab, lock);
		break;
	case LOCK_STALLED:
		if (!lock->waiting_len)
			rest(tab, lock, now_ms);
		break;
	case LOCK_HELD:
		if (!lock->held)
			lock_serve(tab, lock, now_ms);
		break;
	case LOCK_LINGERING:
		break; /* a lost ticket of an earlier session */
	case LOCK_STATES:
		assert(false);
		break;
	}
}

/* Events of the bid */

static void on_queued(struct locktab *tab, struct lock *lock,
		      const struct locktab_event *ev)
{
	struct ticket *t = TAILQ_FIRST(&lock->waiting);
	int64_t until_ms;

	lock->below = ev->bid.below;
	lock_set_holder(lock, ev->bid.holder);
	/* Only the ticket that opened the bid can be a trying one. */
	if (t && t->pub.trying) {
		until_ms = ev->now_ms + tab->limits.try_grace_ms;
		if (!ev->bid.kin || tab->limits.try_grace_ms == 0) {
			ticket_refuse(tab, t, ZKP_BUSY);
			lock_left(tab, lock, ev->now_ms);
			return;
		}
		if (t->timer == 0) {
			t->pub.wait_until_ms = until_ms;
			if (!timer_add(tab, t)) {
				ticket_refuse(tab, t, ZKP_BUSY);
				lock_left(tab, lock, ev->now_ms);
				return;
			}
		}
	}
	queued_all(tab, lock);
}

static void on_owned(struct locktab *tab, struct lock *lock,
		     const struct locktab_event *ev)
{
	bool same_period =
	    ev->bid.after_own && ev->bid.behind == BEHIND_SOMEBODY;

	lock->base = ev->bid.base;
	lock->turn = 0;
	lock->below = 0;
	lock_set_holder(lock, NULL);
	lock->behind = ev->bid.behind;
	if (!same_period) {
		lock->period_turns = 0;
		lock->period_start_ms = ev->now_ms;
	}
	lock_serve(tab, lock, ev->now_ms);
}

static void on_behind(struct locktab *tab, struct lock *lock,
		      const struct locktab_event *ev)
{
	if (ev->bid.behind == BEHIND_SOMEBODY &&
	    lock->behind != BEHIND_SOMEBODY) {
		lock->period_turns = 0;
		lock->period_start_ms = ev->now_ms;
	}
	lock->behind = ev->bid.behind;
	if (lock->state == LOCK_LINGERING && lock->behind != BEHIND_NOBODY)
		bid_leave(tab, lock);
}

static void on_failed(struct locktab *tab, struct lock *lock,
		      const struct locktab_event *ev)
{
	struct ticket *t;

	while ((t = TAILQ_FIRST(&lock->waiting)))
		ticket_refuse(tab, t, ev->bid.status);
	bid_forget(tab, lock);
}

static void on_vanished(struct locktab *tab, struct lock *lock,
			const struct locktab_event *ev)
{
	if (lock->held)
		ticket_lose(tab, lock->held, LOCKTAB_LOST_DELETED, ev->now_ms);
	bid_forget(tab, lock);
}

void lock_bid_event(struct locktab *tab, const struct locktab_event *ev)
{
	struct lock *lock = lock_of_bid(tab, ev->bid.bid);

	if (!lock)
		return; /* a bid that was left, or of a session that ended */
	switch (ev->type) {
	case LOCKTAB_BID_QUEUED:
		on_queued(tab, lock, ev);
		break;
	case LOCKTAB_BID_OWNED:
		on_owned(tab, lock, ev);
		break;
	case LOCKTAB_BID_BEHIND:
		on_behind(tab, lock, ev);
		break;
	case LOCKTAB_BID_STIRRED:
		if (lock->state == LOCK_LINGERING)
			bid_leave(tab, lock);
		break;
	case LOCKTAB_BID_VANISHED:
		on_vanished(tab, lock, ev);
		break;
	case LOCKTAB_BID_FAILED:
		on_failed(tab, lock, ev);
		break;
	case LOCKTAB_LOCK:
	case LOCKTAB_UNLOCK:
	case LOCKTAB_CANCEL:
	case LOCKTAB_GONE:
	case LOCKTAB_SESSION_UP:
	case LOCKTAB_SESSION_END:
	case LOCKTAB_LEASE:
	case LOCKTAB_DRAIN:
	case LOCKTAB_TICK:
		assert(false);
		break;
	}
}

/* Events of the session and of the lease */

void lock_session_up(struct locktab *tab)
{
	struct lock *lock;

	while ((lock = TAILQ_FIRST(&tab->states[LOCK_PARKED])))
		bid_open(tab, lock);
}

void lock_session_end(struct locktab *tab, enum locktab_lost why,
		      int64_t now_ms)
{
	struct lock *lock, *next;

	HASH_ITER(by_name, tab->locks, lock, next)
	{
		if (lock->held)
			ticket_lose(tab, lock->held, why, now_ms);
		if (lock->bid) {
			(void)trying_ends(tab, lock, ZKP_UNAVAILABLE);
			bid_forget(tab, lock);
			queued_all(tab, lock);
		}
	}
}

static void seeking_try_ends(struct locktab *tab, int64_t now_ms)
{
	struct lock *lock, *next;

	for (lock = TAILQ_FIRST(&tab->states[LOCK_SEEKING]); lock;
	     lock = next) {
		next = TAILQ_NEXT(lock, home);
		if (trying_ends(tab, lock, tab->doubt))
			lock_left(tab, lock, now_ms);
	}
}

void lock_lease_moved(struct locktab *tab, int64_t now_ms)
{
	struct lock *lock, *last;

	if (now_ms > tab->grant_until_ms) {
		seeking_try_ends(tab, now_ms);
		return;
	}
	/* Each lock once: serving may stall it again only by a new event. */
	last = TAILQ_LAST(&tab->states[LOCK_STALLED], lock_list);
	while ((lock = TAILQ_FIRST(&tab->states[LOCK_STALLED]))) {
		lock_serve(tab, lock, now_ms);
		if (lock == last)
			break;
	}
}

void lock_drain(struct locktab *tab, int64_t now_ms)
{
	struct lock *lock, *next;
	struct ticket *t;

	HASH_ITER(by_name, tab->locks, lock, next)
	{
		while ((t = TAILQ_FIRST(&lock->waiting)))
			ticket_refuse(tab, t, ZKP_DRAINING);
		if (lock->state == LOCK_LINGERING)
			bid_leave(tab, lock);
		else
			lock_left(tab, lock, now_ms);
	}
}

void lock_linger_tick(struct locktab *tab, int64_t now_ms)
{
	struct lock *lock;

	while ((lock = TAILQ_FIRST(&tab->states[LOCK_LINGERING])) &&
	       lock->linger_until_ms <= now_ms)
		bid_leave(tab, lock);
}

bool locktab_lingers(const struct locktab *tab, uint64_t bid)
{
	const struct lock *lock = lock_of_bid(tab, bid);

	return lock && lock->state == LOCK_LINGERING;
}

bool locktab_shed_linger(struct locktab *tab, int64_t now_ms)
{
	struct lock *lock = TAILQ_FIRST(&tab->states[LOCK_LINGERING]);

	(void)now_ms;
	if (!lock)
		return false;
	bid_leave(tab, lock);
	return true;
}

void lock_free_all(struct locktab *tab)
{
	struct lock *lock, *next;

	HASH_CLEAR(by_bid, tab->bids);
	HASH_ITER(by_name, tab->locks, lock, next)
	{
		HASH_DELETE(by_name, tab->locks, lock);
		free(lock->holder);
		free(lock);
	}
}
