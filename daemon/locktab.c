/* SPDX-License-Identifier: MIT */
/*
 * locktab - events and questions; locktab_i.h says where the rest is.
 */
#include "daemon/locktab.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/locktab_i.h"

#define NOTHING_GRANTED INT64_MIN
/* Tickets with a min_hold, together: they may outlive their connection, so no
 * limit of connections bounds them. */
#define MIN_HOLDS_MAX 1024

struct locktab *locktab_new(const struct locktab_limits *limits)
{
	struct locktab *tab = calloc(1, sizeof *tab);

	if (!tab)
		return NULL;
	tab->limits = *limits;
	tab->grant_until_ms = NOTHING_GRANTED;
	tab->doubt = ZKP_SUSPENDED;
	for (size_t i = 0; i < LOCK_STATES; i++)
		TAILQ_INIT(&tab->states[i]);
	TAILQ_INIT(&tab->dead);
	TAILQ_INIT(&tab->doomed);
	return tab;
}

void locktab_set_limits(struct locktab *tab, const struct locktab_limits *to)
{
	tab->limits = *to;
}

void locktab_tell_moves(struct locktab *tab, bool wanted)
{
	tab->tell_moves = wanted;
}

/* Room for effects is the one allocation that may not fail: losing an effect
 * would lose a lock in silence, and a dead daemon's locks are freed. */
void locktab_emit(struct locktab *tab, struct locktab_effect fx)
{
	struct locktab_effect *more;
	size_t cap;

	if (tab->fx_len == tab->fx_cap) {
		cap = tab->fx_cap ? 2 * tab->fx_cap : 64;
		more = realloc(tab->fx, cap * sizeof *more);
		if (!more)
			abort();
		tab->fx = more;
		tab->fx_cap = cap;
	}
	tab->fx[tab->fx_len++] = fx;
}

bool locktab_next(struct locktab *tab, struct locktab_effect *fx_out)
{
	if (tab->fx_at == tab->fx_len) {
		tab->fx_at = tab->fx_len = 0;
		return false;
	}
	*fx_out = tab->fx[tab->fx_at++];
	return true;
}

void locktab_emit_ticket(struct locktab *tab, enum locktab_effect_type type,
			 struct ticket *t, enum zkp_status status)
{
	struct locktab_effect fx = { .type = type,
				     .status = status,
				     .ticket = t ? &t->pub : NULL };

	locktab_emit(tab, fx);
}

void locktab_done(struct locktab *tab, struct ticket *t, enum zkp_status status)
{
	locktab_emit_ticket(tab, LOCKTAB_FX_DONE, t, status);
}

/* Events from connections */

static uint64_t wanted(const struct locktab_event *ev)
{
	return ev->lock.names_len > 1 ? ev->lock.names_len : 1;
}

/* Which limit of all, or of the connection, a LOCK would pass; NULL: none. */
static const char *over_limit(const struct locktab *tab,
			      const struct locktab_event *ev)
{
	const struct owner *owner = owner_find(tab, ev->conn);
	uint64_t more = wanted(ev);

	if (tab->tickets_len + more > tab->limits.tickets_max ||
	    (owner ? owner->tickets_len : 0) + more >
		tab->limits.tickets_per_conn_max)
		return "locks";
	if (ev->lock.min_hold_ms && tab->min_holds_len + more > MIN_HOLDS_MAX)
		return "min_holds";
	return NULL;
}

/* The same for its user's share of them. */
static const char *over_share(const struct locktab *tab,
			      const struct locktab_event *ev)
{
	uint64_t more = wanted(ev);

	if (!user_fits(ev->lock.user, USER_LOCKS, more,
		       tab->limits.tickets_max))
		return "locks";
	if (ev->lock.min_hold_ms &&
	    !user_fits(ev->lock.user, USER_MIN_HOLDS, more, MIN_HOLDS_MAX))
		return "min_holds";
	return NULL;
}

/* What refuses a LOCK whoever has the lock; its status is OK: nothing does. */
static struct locktab_effect lock_refusal(const struct locktab *tab,
					  const struct locktab_event *ev)
{
	struct locktab_effect fx = { .type = LOCKTAB_FX_DONE,
				     .status = ZKP_OK };

	if (tab->draining) {
		fx.status = ZKP_DRAINING;
	} else if ((fx.which = over_limit(tab, ev))) {
		fx.status = ZKP_LIMIT;
	} else if ((fx.which = over_share(tab, ev))) {
		fx.status = ZKP_LIMIT;
		fx.of_user = true;
	} else if (ev->lock.wait_ms == 0 && !tab->session) {
		fx.status = ZKP_UNAVAILABLE;
	} else if (ev->lock.wait_ms == 0 && ev->now_ms > tab->grant_until_ms) {
		fx.status = tab->doubt;
	}
	return fx;
}

/* What was lost is no more: asking again is taking note of it. */
static bool owner_busy(struct locktab *tab, const struct locktab_event *ev)
{
	const struct owner *owner = owner_find(tab, ev->conn);
	struct ticket *t, *next;

	for (t = owner ? TAILQ_FIRST(&owner->tickets) : NULL; t; t = next) {
		struct lock *lock = t->lock;

		next = TAILQ_NEXT(t, in_owner);
		if (t->pub.state != TICKET_LOST)
			return true;
		ticket_enter(tab, t, TICKET_DEAD); /* may free the owner */
		lock_settle(tab, lock, ev->now_ms);
	}
	return false;
}

/* R16: who holds or waits for anything might close a circle over hosts. */
static void on_lock_several(struct locktab *tab, const struct locktab_event *ev)
{
	bool busy = owner_busy(tab, ev);
	struct locktab_effect refusal = lock_refusal(tab, ev);

	if (busy)
		locktab_done(tab, NULL, ZKP_DEADLOCK);
	else if (refusal.status == ZKP_OK)
		group_lock(tab, ev);
	else
		locktab_emit(tab, refusal);
}

/* R14: held here, or seen held by a listing that is young: that is answered
 * without a write. */
static bool is_busy(const struct locktab *tab, const struct lock *lock,
		    const struct locktab_event *ev)
{
	if (lock)
		return lock_busy(tab, lock, ev->lock.mode, ev->now_ms);
	return !ev->lock.slots && !ev->lock.looking &&
	       recall_holder(tab, ev->lock.name, ev->lock.mode, ev->now_ms);
}

static void on_lock(struct locktab *tab, const struct locktab_event *ev)
{
	const struct locktab_target by_name = { .name = ev->lock.name };
	struct ticket *t = ticket_find(tab, ev->conn, &by_name);
	struct locktab_effect refusal;
	struct lock *lock;

	if (t && t->pub.state == TICKET_LOST) {
		/* Asking again is taking note of the loss. */
		ticket_enter(tab, t, TICKET_DEAD);
		lock_settle(tab, t->lock, ev->now_ms);
	} else if (t) {
		locktab_done(tab, t, ZKP_HELD);
		return;
	}
	refusal = lock_refusal(tab, ev);
	lock = ev->lock.slots ? NULL : lock_find(tab, ev->lock.name);
	if (refusal.status == ZKP_OK && ev->lock.wait_ms == 0 &&
	    is_busy(tab, lock, ev))
		refusal.status = ZKP_BUSY;
	if (refusal.status != ZKP_OK) {
		locktab_emit(tab, refusal);
		return;
	}
	if (ev->lock.wait_ms != 0 && lock &&
	    lock_busy(tab, lock, ev->lock.mode, ev->now_ms) &&
	    cycle_found(tab, lock, ev->conn)) {
		locktab_emit(tab,
			     (struct locktab_effect){ .type = LOCKTAB_FX_DONE,
						      .status = ZKP_DEADLOCK,
						      .which = tab->cycle });
		return;
	}
	t = ticket_new(tab, ev);
	if (!t)
		locktab_done(tab, NULL, ZKP_LIMIT);
	else
		lock_joined(tab, t->lock, t, ev->now_ms);
}

static void on_unlock(struct locktab *tab, const struct locktab_event *ev)
{
	struct ticket *t = ticket_find(tab, ev->conn, &ev->pick.target);
	struct lock *lock;

	if (!t || t->pub.state == TICKET_WAITING ||
	    (ev->pick.token && ev->pick.token != t->pub.token)) {
		locktab_done(tab, NULL, ZKP_NOTHELD);
		return;
	}
	lock = t->lock;
	if (t->pub.state == TICKET_LOST) {
		locktab_done(tab, t, ZKP_LOST);
		ticket_enter(tab, t, TICKET_DEAD);
	} else {
		t->pub.ended_ms = ev->now_ms;
		locktab_done(tab, t, ZKP_OK);
		hold_release(tab, t, ev->now_ms);
	}
	lock_settle(tab, lock, ev->now_ms);
}

/* R5: the node stays and stands against other hosts as before; the hold keeps
 * its token, and tickets of this host that share may join it. */
static void on_downgrade(struct locktab *tab, const struct locktab_event *ev)
{
	struct ticket *t = ticket_find(tab, ev->conn, &ev->pick.target);

	if (!t || t->pub.state == TICKET_WAITING ||
	    (ev->pick.token && ev->pick.token != t->pub.token)) {
		locktab_done(tab, NULL, ZKP_NOTHELD);
	} else if (t->pub.state == TICKET_LOST) {
		locktab_done(tab, t, ZKP_LOST);
	} else if (t->pub.slots) {
		locktab_done(tab, t, ZKP_KIND);
	} else {
		t->bid->downgraded = t->bid->mode == ZKP_MODE_X;
		t->pub.mode = ZKP_MODE_S;
		locktab_done(tab, t, ZKP_OK);
		lock_settle(tab, t->lock, ev->now_ms);
	}
}

static void on_cancel(struct locktab *tab, const struct locktab_event *ev)
{
	struct ticket *t = ticket_find(tab, ev->conn, &ev->pick.target);
	struct lock *lock;

	if (!t || t->pub.state != TICKET_WAITING) {
		locktab_done(tab, NULL, ZKP_NOTFOUND);
		return;
	}
	lock = t->lock;
	tab->counts.cancels++;
	ticket_refuse(tab, t, ZKP_CANCELLED);
	locktab_done(tab, t, ZKP_OK);
	lock_settle(tab, lock, ev->now_ms);
}

static void on_gone(struct locktab *tab, const struct locktab_event *ev)
{
	struct owner *owner = owner_find(tab, ev->conn);

	if (!owner)
		return;
	owner_gone(tab, owner, ev->now_ms);
}

static void wait_over(struct locktab *tab, struct ticket *t, int64_t now_ms)
{
	struct lock *lock = t->lock;

	tab->counts.timeouts++;
	ticket_refuse(tab, t, t->pub.trying ? ZKP_BUSY : ZKP_TIMEOUT);
	lock_settle(tab, lock, now_ms);
}

static void on_tick(struct locktab *tab, int64_t now_ms)
{
	const struct timer *timer;

	while ((timer = timer_first(tab)) && timer->due_ms <= now_ms) {
		if (timer->lock)
			linger_over(tab, timer->lock, now_ms);
		else if (timer->ticket->pub.state == TICKET_WAITING)
			wait_over(tab, timer->ticket, now_ms);
		else
			hold_over(tab, timer->ticket, now_ms);
	}
}

void locktab_step(struct locktab *tab, const struct locktab_event *ev)
{
	assert(tab->fx_at == tab->fx_len);
	tab->fx_at = tab->fx_len = 0;
	ticket_bury_dead(tab);
	switch (ev->type) {
	case LOCKTAB_LOCK:
		if (ev->lock.names_len > 1)
			on_lock_several(tab, ev);
		else
			on_lock(tab, ev);
		break;
	case LOCKTAB_UNLOCK:
		on_unlock(tab, ev);
		break;
	case LOCKTAB_DOWNGRADE:
		on_downgrade(tab, ev);
		break;
	case LOCKTAB_CANCEL:
		on_cancel(tab, ev);
		break;
	case LOCKTAB_GONE:
		on_gone(tab, ev);
		break;
	case LOCKTAB_REVOKE:
		hold_revoke(tab, ev);
		break;
	case LOCKTAB_KICK:
		hold_kick(tab, ev);
		break;
	case LOCKTAB_BID_QUEUED:
	case LOCKTAB_BID_OWNED:
	case LOCKTAB_BID_BEHIND:
	case LOCKTAB_BID_STIRRED:
	case LOCKTAB_BID_REVOKED:
	case LOCKTAB_BID_VANISHED:
	case LOCKTAB_BID_FAILED:
		bid_event(tab, ev);
		break;
	case LOCKTAB_SESSION_UP:
		tab->session = true;
		tab->gen = ev->lease.gen;
		lock_session_up(tab, ev->now_ms);
		break;
	case LOCKTAB_SESSION_END:
		tab->session = false;
		tab->grant_until_ms = NOTHING_GRANTED;
		lock_session_end(tab, ev->lease.reason, ev->now_ms);
		break;
	case LOCKTAB_LEASE:
		tab->grant_until_ms = ev->lease.grant_until_ms;
		tab->doubt =
		    ev->lease.too_short ? ZKP_UNAVAILABLE : ZKP_SUSPENDED;
		lock_lease_moved(tab, ev->now_ms);
		break;
	case LOCKTAB_DRAIN:
		tab->draining = true;
		lock_drain(tab, ev->now_ms);
		break;
	case LOCKTAB_TICK:
		on_tick(tab, ev->now_ms);
		break;
	}
}

/* Questions */

int64_t locktab_wake_ms(const struct locktab *tab)
{
	const struct timer *timer = timer_first(tab);

	return timer ? timer->due_ms : LOCKTAB_NEVER_MS;
}

const struct locktab_ticket *locktab_by_id(const struct locktab *tab,
					   uint64_t id)
{
	struct ticket *t = ticket_by_id(tab, id);

	return t ? &t->pub : NULL;
}

const struct locktab_ticket *locktab_find(const struct locktab *tab,
					  uint64_t conn,
					  const struct locktab_target *target)
{
	struct ticket *t = ticket_find(tab, conn, target);

	return t ? &t->pub : NULL;
}

static void holder_of(const struct lock *lock, struct locktab_holder *out)
{
	const struct ticket *t = lock_holder(lock);
	const struct bid *bid = lock->serving;

	out->ticket = t ? &t->pub : NULL;
	out->text = bid && bid->holder ? bid->holder : "";
}

static unsigned held_len(const struct lock *lock)
{
	return (lock->serving ? lock->serving->held_len : 0) +
	       (lock->next ? lock->next->held_len : 0);
}

void locktab_name_holder(const struct locktab *tab, const char *name,
			 int64_t now_ms, struct locktab_holder *holder_out)
{
	const struct lock *lock = lock_find(tab, name);
	const char *seen;

	*holder_out = (struct locktab_holder){ .text = "" };
	if (lock)
		holder_of(lock, holder_out);
	else if ((seen = recall_holder(tab, name, ZKP_MODE_X, now_ms)))
		holder_out->text = seen;
}

void locktab_holder(const struct locktab *tab,
		    const struct locktab_ticket *ticket,
		    struct locktab_holder *holder_out)
{
	const struct ticket *t, *me;
	const struct lock *lock = lock_find(tab, ticket->name);

	*holder_out = (struct locktab_holder){ .text = "", .pos = 1 };
	if (!lock)
		return;
	holder_of(lock, holder_out);
	holder_out->pos += held_len(lock);
	if (lock->serving)
		holder_out->pos += lock->serving->below;
	me = (const struct ticket *)(const void *)ticket;
	if (ticket->state != TICKET_WAITING)
		return;
	if (ticket->looking) {
		TAILQ_FOREACH(t, &lock->waiting, in_lock)
		holder_out->pos += t->pub.id < ticket->id;
		return;
	}
	/* From the end: those who ask are mostly the newest. */
	holder_out->pos += lock->waiting_len - 1;
	for (t = TAILQ_LAST(&lock->waiting, ticket_list); t && t != me;
	     t = TAILQ_PREV(t, ticket_list, in_lock))
		holder_out->pos--;
}

static void each_held(const struct lock *lock, const struct bid *bid,
		      locktab_row_fn *row, void *ctx)
{
	const struct ticket *t;

	if (!bid)
		return;
	TAILQ_FOREACH(t, &bid->held, in_lock)
	row(ctx, &t->pub, lock->waiting_len);
}

void locktab_each(const struct locktab *tab, locktab_row_fn *row, void *ctx)
{
	const struct lock *lock;
	const struct ticket *t;

	for (lock = tab->locks; lock; lock = lock->by_name.next) {
		each_held(lock, lock->serving, row, ctx);
		each_held(lock, lock->next, row, ctx);
		TAILQ_FOREACH(t, &lock->waiting, in_lock)
		row(ctx, &t->pub, lock->waiting_len);
		TAILQ_FOREACH(t, &lock->looking, in_lock)
		row(ctx, &t->pub, lock->waiting_len);
	}
}

void locktab_counts(const struct locktab *tab,
		    struct locktab_counts *counts_out)
{
	*counts_out = tab->counts;
}

void locktab_free(struct locktab *tab)
{
	if (!tab)
		return;
	ticket_free_all(tab);
	lock_free_all(tab);
	recall_free(tab);
	free(tab->heap);
	free(tab->fx);
	free(tab);
}
