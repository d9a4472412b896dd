/* SPDX-License-Identifier: MIT */
/*
 * locktab - holds that end by themselves: at their max_hold (R17), or because
 * an administrator took them away; and those that outlive their owner's
 * interest, for their min_hold (R21).
 *
 * The lock is served again only once that moment has come: whoever was told
 * of it may believe in the hold up to then.
 */
#include <assert.h>

#include "daemon/locktab_i.h"

/* A holder elsewhere may not have listened yet, so it may be asked again; but
 * that is a write, and wakes it, however fast somebody types. */
#define ASK_AGAIN_MS 250

/* Earlier only: what was said of an end is never taken back. */
static bool shorten(struct locktab *tab, struct ticket *t, int64_t until_ms,
		    enum locktab_lost why)
{
	if (until_ms >= t->pub.until_ms)
		return false;
	timer_remove(tab, &t->timer);
	t->pub.until_ms = until_ms;
	t->end = why;
	timer_add(tab, &t->timer, until_ms);
	return true;
}

void hold_begin(struct locktab *tab, struct ticket *t, int64_t now_ms)
{
	tab->untold_len += t->wanted;
	t->pub.until_ms = LOCKTAB_NEVER_MS;
	if (t->pub.max_hold_ms > 0 &&
	    t->pub.max_hold_ms < LOCKTAB_NEVER_MS - now_ms)
		(void)shorten(tab, t, now_ms + t->pub.max_hold_ms,
			      LOCKTAB_LOST_MAX_HOLD);
}

void hold_end(struct locktab *tab, struct ticket *t)
{
	timer_remove(tab, &t->timer);
	tab->untold_len -= t->wanted;
	t->wanted = false;
}

static void wanted(struct locktab *tab, struct ticket *t, unsigned waiters)
{
	struct locktab_effect fx = { .type = LOCKTAB_FX_WANTED,
				     .ticket = &t->pub,
				     .waiters = waiters };

	if (t->pub.state != TICKET_HELD || !t->wanted)
		return;
	t->wanted = false; /* once: a crowd that comes and goes is one word */
	tab->untold_len--;
	locktab_emit(tab, fx);
}

static void wanted_on(struct locktab *tab, const struct lock *lock,
		      const struct bid *bid)
{
	unsigned waiters = lock->waiting_len;
	struct ticket *t;

	if (!bid)
		return;
	waiters += bid->behind == BEHIND_SOMEBODY;
	if (!waiters)
		return;
	TAILQ_FOREACH(t, &bid->held, in_lock)
	wanted(tab, t, waiters);
}

void hold_wanted(struct locktab *tab, const struct lock *lock)
{
	if (!tab->untold_len)
		return;
	wanted_on(tab, lock, lock->serving);
	wanted_on(tab, lock, lock->next);
}

/* Those who hold it on that bid; the number of them. */
static unsigned ask(struct locktab *tab, const struct bid *bid)
{
	struct ticket *t;
	unsigned asked = 0;

	if (!bid)
		return 0;
	TAILQ_FOREACH(t, &bid->held, in_lock)
	{
		if (t->pub.state != TICKET_HELD)
			continue;
		asked++;
		if (!t->asked)
			locktab_emit_ticket(tab, LOCKTAB_FX_ASKED, t, ZKP_OK);
		t->asked = true;
	}
	return asked;
}

void hold_bid_revoked(struct locktab *tab, struct bid *bid)
{
	bid->revoked = true;
	(void)ask(tab, bid);
}

static bool may_ask(const struct locktab *tab, const struct locktab_event *ev)
{
	const struct locktab_target by_name = { .name = ev->revoke.name };
	const struct ticket *t = ticket_find(tab, ev->conn, &by_name);

	return ev->revoke.admin || (t && t->pub.state == TICKET_WAITING);
}

static void ask_elsewhere(struct locktab *tab, struct bid *bid, int64_t now_ms)
{
	if (now_ms < bid->ask_ms)
		return;
	bid->ask_ms = now_ms + ASK_AGAIN_MS;
	locktab_emit(tab,
		     (struct locktab_effect){ .type = LOCKTAB_FX_BID_REVOKE,
					      .bid = bid->id,
					      .name = bid->lock->name });
}

void hold_revoke(struct locktab *tab, const struct locktab_event *ev)
{
	struct locktab_effect done = { .type = LOCKTAB_FX_DONE };
	const struct lock *lock = lock_find(tab, ev->revoke.name);
	struct bid *bid = lock ? lock->serving : NULL;

	if (!may_ask(tab, ev)) {
		locktab_done(tab, NULL, ZKP_DENIED);
		return;
	}
	if (lock)
		done.waiters = ask(tab, lock->serving) + ask(tab, lock->next);
	if (bid && bid->state == BID_SEEKING && bid->below) {
		done.waiters = 1;
		ask_elsewhere(tab, bid, ev->now_ms);
	}
	if (!done.waiters)
		done.status = ZKP_NOTFOUND;
	locktab_emit(tab, done);
}

void hold_kick(struct locktab *tab, const struct locktab_event *ev)
{
	struct ticket *t = ticket_by_id(tab, ev->kick.id);

	if (t && t->pub.state == TICKET_WAITING) {
		tab->counts.kicks++;
		ticket_refuse(tab, t, ZKP_CANCELLED);
		locktab_done(tab, t, ZKP_OK);
		lock_settle(tab, t->lock, ev->now_ms);
	} else if (t && t->pub.state == TICKET_HELD) {
		tab->counts.kicks++;
		if (shorten(tab, t, ev->kick.end_ms, LOCKTAB_LOST_KICKED))
			locktab_emit(tab, (struct locktab_effect){
					      .type = LOCKTAB_FX_REVOKE,
					      .ticket = &t->pub });
		locktab_done(tab, t, ZKP_OK);
	} else if (t && t->pub.state == TICKET_KEPT) {
		tab->counts.kicks++;
		locktab_done(tab, t, ZKP_OK);
		hold_over(tab, t, ev->now_ms);
	} else {
		locktab_done(tab, NULL, ZKP_NOTFOUND);
	}
}

void hold_release(struct locktab *tab, struct ticket *t, int64_t now_ms)
{
	if (now_ms >= t->pub.granted_ms + t->pub.min_hold_ms) {
		ticket_enter(tab, t, TICKET_DEAD);
		return;
	}
	ticket_enter(tab, t, TICKET_KEPT);
	t->pub.until_ms = t->pub.granted_ms + t->pub.min_hold_ms;
	timer_add(tab, &t->timer, t->pub.until_ms);
}

void hold_over(struct locktab *tab, struct ticket *t, int64_t now_ms)
{
	struct lock *lock = t->lock;

	if (t->pub.state == TICKET_KEPT)
		ticket_enter(tab, t, TICKET_DEAD);
	else
		ticket_lose(tab, t, t->end, now_ms);
	lock_settle(tab, lock, now_ms);
}
