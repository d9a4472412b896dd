/* SPDX-License-Identifier: MIT */
/*
 * locktab - a bid: this host's entry in the cluster's queue for a lock.
 * Opened and left here; what contest says of it is heard here.  Which bids a
 * lock wants, and whom they serve, is decided in locktab_lock.c.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/locktab_i.h"
#include "daemon/token.h"

struct bid *bid_find(const struct locktab *tab, uint64_t id)
{
	struct bid *bid;

	HASH_FIND_ID(by_id, tab->bids, id, bid);
	return bid;
}

/* Who wants it first; NULL: nobody does any more. */
static struct ticket *first_of(const struct lock *lock)
{
	struct ticket *t = TAILQ_FIRST(&lock->waiting);

	return t ? t : TAILQ_FIRST(&lock->looking);
}

static void bid_effect(struct locktab *tab, const struct bid *bid,
		       enum locktab_effect_type type)
{
	struct ticket *first = first_of(bid->lock);
	struct locktab_effect fx = { .type = type,
				     .bid = bid->id,
				     .mode = bid->mode,
				     .slots = bid->lock->slots,
				     .name = bid->lock->name,
				     .ticket = first ? &first->pub : NULL };

	if (first && first->group) {
		fx.group = first->group->id;
		fx.of = first->group->len;
	}

	locktab_emit(tab, fx);
}

static void set_holder(struct bid *bid, const char *text)
{
	free(bid->holder);
	bid->holder = text && *text ? strdup(text) : NULL;
}

struct bid *bid_open(struct locktab *tab, struct lock *lock, enum zkp_mode mode)
{
	struct bid *bid = calloc(1, sizeof *bid);

	if (!bid)
		return NULL;
	assert(!lock->next); /* R9 */
	bid->id = ++tab->bid_last;
	bid->mode = mode;
	bid->lock = lock;
	bid->period = lock->period.on ? lock->period.number : 0;
	TAILQ_INIT(&bid->held);
	HASH_ADD_ID(by_id, tab->bids, id, bid);
	if (lock->serving)
		lock->next = bid;
	else
		lock->serving = bid;
	bid_effect(tab, bid, LOCKTAB_FX_BID_OPEN);
	return bid;
}

struct user *locktab_bid_user(struct locktab *tab, uint64_t id)
{
	struct bid *bid = bid_find(tab, id);
	const struct ticket *first = bid ? first_of(bid->lock) : NULL;

	if (!bid)
		return NULL;
	assert(!bid->user); /* a bid is opened once */
	bid->user = first ? first->pub.user : NULL;
	user_take(bid->user, USER_BIDS, 1);
	return bid->user;
}

/* R6: what is known of others behind the bid that serves. */
static void period_hear(struct lock *lock, enum locktab_behind behind,
			int64_t now_ms)
{
	switch (behind) {
	case BEHIND_UNKNOWN:
		break;
	case BEHIND_NOBODY:
		lock->period.on = false;
		break;
	case BEHIND_SOMEBODY:
		if (lock->period.on)
			break;
		lock->period.on = true;
		lock->period.number++;
		lock->period.turns = 0;
		lock->period.start_ms = now_ms;
		break;
	}
}

/* Opened when the waiters behind were known already. */
static bool is_late(const struct lock *lock, const struct bid *bid)
{
	return lock->period.on && bid->period == lock->period.number;
}

/* It serves now.  What it heard while it was the next one counts from then. */
static void promote(struct lock *lock)
{
	struct bid *bid = lock->next;

	lock->serving = bid;
	lock->next = NULL;
	if (!bid || bid->state != BID_OWNED)
		return;
	if (bid->behind == BEHIND_UNKNOWN && lock->period.on &&
	    !is_late(lock, bid))
		bid->behind = BEHIND_SOMEBODY;
	period_hear(lock, bid->behind, bid->behind_ms);
}

static void bid_free(struct locktab *tab, struct bid *bid)
{
	HASH_DELETE(by_id, tab->bids, bid);
	user_give(bid->user, USER_BIDS, 1);
	free(bid->holder);
	free(bid);
}

void bid_drop(struct locktab *tab, struct bid *bid)
{
	struct lock *lock = bid->lock;

	assert(bid->held_len == 0);
	if (lock->serving == bid)
		promote(lock);
	else
		lock->next = NULL;
	bid_free(tab, bid);
}

/* An owned bid learns who stands behind it. */
static void hear(struct bid *bid, enum locktab_behind behind, int64_t now_ms)
{
	/* The first look comes late (R13): who is seen then waits since the
	 * bid was owned, for all that we know. */
	if (bid->behind == BEHIND_UNKNOWN && behind == BEHIND_SOMEBODY &&
	    bid->state == BID_OWNED && bid->lock->state != LOCK_LINGERING &&
	    bid->behind_ms)
		now_ms = bid->behind_ms;
	bid->behind = behind;
	bid->behind_ms = now_ms;
	/* Who waits behind the next one waits for both. */
	if (bid == bid->lock->serving || behind == BEHIND_SOMEBODY)
		period_hear(bid->lock, behind, now_ms);
}

void bid_forget_left(struct locktab *tab, struct lock *lock)
{
	struct bid *left = lock->left;

	if (!left)
		return;
	lock->left = NULL;
	bid_free(tab, left);
}

void bid_leave(struct locktab *tab, struct bid *bid)
{
	struct lock *lock = bid->lock;

	bid_effect(tab, bid, LOCKTAB_FX_BID_LEAVE);
	if (bid != lock->serving || !lock->next) {
		bid_drop(tab, bid);
		return;
	}
	assert(bid->held_len == 0);
	bid_forget_left(tab, lock);
	lock->left = bid;
	promote(lock);
}

/* R6: it serves nobody (R10), but a listing that it had asked for may still
 * tell of a waiter, who stands behind the one that serves now. */
static void left_event(struct lock *lock, const struct locktab_event *ev)
{
	if (ev->type != LOCKTAB_BID_BEHIND ||
	    ev->bid.behind != BEHIND_SOMEBODY || !lock->serving)
		return;
	if (lock->serving->state == BID_OWNED)
		hear(lock->serving, BEHIND_SOMEBODY, ev->now_ms);
	else
		period_hear(lock, BEHIND_SOMEBODY, ev->now_ms);
}

/* R8: the next one stands directly behind, so nobody can come between.  What
 * is behind the one is behind the other: the period goes on (C5).  Never
 * under a hold: its node is the one that GRANTED named (C13). */
bool bid_may_slide(const struct lock *lock)
{
	const struct bid *from = lock->serving, *to = lock->next;

	return from && to && from->state == BID_OWNED &&
	       to->state == BID_SEEKING && from->held_len == 0 &&
	       from->mode == ZKP_MODE_X && to->mode == ZKP_MODE_X &&
	       to->after == from->id && to->base;
}

void bid_slide(struct locktab *tab, struct lock *lock)
{
	struct bid *from = lock->serving, *to = lock->next;

	assert(bid_may_slide(lock));
	to->state = BID_OWNED;
	if (to->behind != BEHIND_SOMEBODY) {
		to->behind = from->behind;
		to->behind_ms = from->behind_ms;
	}
	to->below = 0;
	set_holder(to, NULL);
	tab->counts.slides++;
	bid_leave(tab, from);
}

uint32_t bid_turns(const struct locktab *tab)
{
	uint32_t most = TOKEN_TURN_MAX + 1, wanted = tab->limits.bid_turns;

	return wanted && wanted < most ? wanted : most;
}

bool bid_spent(const struct locktab *tab, const struct bid *bid, int64_t now_ms)
{
	const struct lock *lock = bid->lock;

	if (bid->turn >= bid_turns(tab) ||
	    (bid->revoked && bid->behind == BEHIND_SOMEBODY))
		return true;
	return bid->behind == BEHIND_SOMEBODY && lock->period.on &&
	       (lock->period.turns >= tab->limits.turns_max ||
		now_ms - lock->period.start_ms >= tab->limits.turns_ms);
}

static bool shared_here(const struct bid *bid)
{
	return bid->mode == ZKP_MODE_S || bid->downgraded;
}

/* Does somebody of this host hold the lock alone? */
static bool held_alone(const struct lock *lock)
{
	return lock->serving->held_len && !shared_here(lock->serving);
}

bool bid_takes(const struct locktab *tab, const struct bid *bid,
	       const struct ticket *t, int64_t now_ms)
{
	const struct lock *lock = bid->lock;

	if (bid->state != BID_OWNED || bid_spent(tab, bid, now_ms))
		return false;
	if (shared_here(bid))
		return t->pub.mode == ZKP_MODE_S && !held_alone(lock);
	/* R4: no exclusive grant behind one of a later bid. */
	return t->pub.mode == ZKP_MODE_X && !lock_holder(lock) &&
	       bid->id >= lock->granted_bid;
}

/* What contest says */

/* R14: one kinsman before us, with one bid or two (R8), may only be lingering,
 * and our bid is what ends that. */
static bool try_waits(struct locktab *tab, struct ticket *t,
		      const struct locktab_event *ev)
{
	if (!ev->bid.kin || tab->limits.try_grace_ms == 0)
		return false;
	if (t->timer.at)
		return true;
	t->pub.wait_until_ms = ev->now_ms + tab->limits.try_grace_ms;
	timer_add(tab, &t->timer, t->pub.wait_until_ms);
	return true;
}

/* R14 for those who only look. */
static void look_queued(struct locktab *tab, struct lock *lock,
			const struct locktab_event *ev)
{
	struct ticket *t, *next;

	for (t = TAILQ_FIRST(&lock->looking); t; t = next) {
		next = TAILQ_NEXT(t, in_lock);
		if (t->pub.trying && !try_waits(tab, t, ev))
			ticket_refuse(tab, t, ZKP_BUSY);
	}
	lock_settle(tab, lock, ev->now_ms);
}

static void on_queued(struct locktab *tab, struct bid *bid,
		      const struct locktab_event *ev)
{
	struct lock *lock = bid->lock;
	struct ticket *t = TAILQ_FIRST(&lock->waiting);

	if (bid->state == BID_OWNED)
		return; /* it slid: the delete of the one before is under way */
	bid->below = ev->bid.below;
	bid->after = ev->bid.after;
	bid->base = ev->bid.base;
	set_holder(bid, ev->bid.holder);
	/* R6: who waits behind it waits behind the one before it as well. */
	if (ev->bid.after_own && ev->bid.behind == BEHIND_SOMEBODY) {
		bid->behind = BEHIND_SOMEBODY;
		bid->behind_ms = ev->now_ms;
		period_hear(lock, BEHIND_SOMEBODY, ev->now_ms);
	}
	if (bid == lock->next) {
		lock_settle(tab, lock, ev->now_ms);
		return;
	}
	look_queued(tab, lock, ev);
	if (lock->serving != bid)
		return; /* only such had wanted it */
	/* Only the ticket that opened the bid can be a trying one. */
	if (t && t->pub.trying && !try_waits(tab, t, ev)) {
		recall_held(tab, bid, ev->now_ms);
		ticket_refuse(tab, t, ZKP_BUSY);
		lock_settle(tab, lock, ev->now_ms);
		return;
	}
	lock_queued_all(tab, lock);
}

/* R6: the count goes on over bids of ours that stand together.  A bid opened
 * before the waiters became known has them behind it, seen or not; one opened
 * later has seen that they are gone. */
static enum locktab_behind owned_behind(struct lock *lock,
					const struct bid *bid,
					const struct locktab_event *ev)
{
	enum locktab_behind behind = ev->bid.behind;

	if (bid == lock->next) /* the other one serves, and counts on */
		return behind;
	if (!ev->bid.after_own)
		lock->period.on = false;
	else if (behind == BEHIND_UNKNOWN && is_late(lock, bid))
		lock->period.on = false;
	else if (behind == BEHIND_UNKNOWN && lock->period.on)
		return BEHIND_SOMEBODY;
	return behind;
}

static void on_owned(struct locktab *tab, struct bid *bid,
		     const struct locktab_event *ev)
{
	struct lock *lock = bid->lock;

	if (bid == lock->serving)
		bid_forget_left(tab, lock);
	bid->unseen = ev->bid.behind == BEHIND_UNKNOWN;
	if (bid->state == BID_OWNED) { /* it slid: now contest knows too */
		if (ev->bid.behind != BEHIND_UNKNOWN)
			hear(bid, ev->bid.behind, ev->now_ms);
	} else {
		bid->state = BID_OWNED;
		bid->base = ev->bid.base;
		bid->below = 0;
		set_holder(bid, NULL);
		recall_owned(tab, lock);
		hear(bid, owned_behind(lock, bid, ev), ev->now_ms);
	}
	lock_settle(tab, lock, ev->now_ms);
}

/* There is no room for a bid of that one: the next may have a share. */
static void refuse_first(struct locktab *tab, struct lock *lock, bool of_user)
{
	struct ticket *first = first_of(lock);

	if (!first)
		return;
	first->pub.of_user = of_user;
	ticket_refuse(tab, first, ZKP_LIMIT);
}

static void on_failed(struct locktab *tab, struct bid *bid,
		      const struct locktab_event *ev)
{
	struct lock *lock = bid->lock;

	if (bid == lock->next) /* who waits is served by the other */
		lock->serving->next_failed = true;
	else if (ev->bid.status == ZKP_LIMIT)
		refuse_first(tab, lock, ev->bid.of_user);
	else
		lock_refuse_all(tab, lock, ev->bid.status);
	bid_drop(tab, bid);
	lock_settle(tab, lock, ev->now_ms);
}

static void on_vanished(struct locktab *tab, struct bid *bid,
			const struct locktab_event *ev)
{
	struct lock *lock = bid->lock;
	struct ticket *t;

	while ((t = TAILQ_FIRST(&bid->held)))
		ticket_lose(tab, t, LOCKTAB_LOST_DELETED, ev->now_ms);
	bid_drop(tab, bid);
	lock_settle(tab, lock, ev->now_ms);
}

void bid_event(struct locktab *tab, const struct locktab_event *ev)
{
	struct bid *bid = bid_find(tab, ev->bid.bid);
	struct lock *lock;

	if (!bid)
		return; /* a bid that was left, or of a session that ended */
	lock = bid->lock;
	if (bid == lock->left) {
		left_event(lock, ev);
		return;
	}
	switch (ev->type) {
	case LOCKTAB_BID_QUEUED:
		on_queued(tab, bid, ev);
		break;
	case LOCKTAB_BID_OWNED:
		on_owned(tab, bid, ev);
		break;
	case LOCKTAB_BID_BEHIND:
		bid->unseen = false;
		/* Who stands before the next one waits for the one that
		 * serves, or would not be there. */
		if (bid->state == BID_SEEKING)
			bid = lock->serving;
		if (bid->state == BID_OWNED)
			hear(bid, ev->bid.behind, ev->now_ms);
		lock_settle(tab, lock, ev->now_ms);
		break;
	case LOCKTAB_BID_STIRRED:
		if (lock->state == LOCK_LINGERING) {
			recall_stirred(tab, lock, ev->now_ms);
			bid->behind = BEHIND_UNKNOWN;
		}
		lock_settle(tab, lock, ev->now_ms);
		break;
	case LOCKTAB_BID_REVOKED:
		hold_bid_revoked(tab, bid);
		lock_settle(tab, lock, ev->now_ms);
		break;
	case LOCKTAB_BID_VANISHED:
		on_vanished(tab, bid, ev);
		break;
	case LOCKTAB_BID_FAILED:
		on_failed(tab, bid, ev);
		break;
	case LOCKTAB_LOCK:
	case LOCKTAB_UNLOCK:
	case LOCKTAB_DOWNGRADE:
	case LOCKTAB_CANCEL:
	case LOCKTAB_GONE:
	case LOCKTAB_REVOKE:
	case LOCKTAB_KICK:
	case LOCKTAB_SESSION_UP:
	case LOCKTAB_SESSION_END:
	case LOCKTAB_LEASE:
	case LOCKTAB_DRAIN:
	case LOCKTAB_TICK:
		assert(false);
		break;
	}
}

void bid_free_all(struct locktab *tab)
{
	struct bid *bid, *next;

	HASH_ITER(by_id, tab->bids, bid, next)
	bid_free(tab, bid);
}
