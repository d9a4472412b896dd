/* SPDX-License-Identifier: MIT */
/*
 * locktab - events and tickets.  The life of a lock and its bid is in
 * locktab_lock.c, the waiting times in locktab_timer.c.
 */
#include "daemon/locktab.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/locktab_i.h"

#define NOTHING_GRANTED INT64_MIN

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

static void emit_ticket(struct locktab *tab, enum locktab_effect_type type,
			struct ticket *t, enum zkp_status status)
{
	struct locktab_effect fx = { .type = type,
				     .status = status,
				     .ticket = t ? &t->pub : NULL };

	locktab_emit(tab, fx);
}

static void done(struct locktab *tab, struct ticket *t, enum zkp_status status)
{
	emit_ticket(tab, LOCKTAB_FX_DONE, t, status);
}

/* Tickets */

static bool ticket_may(enum locktab_state from, enum locktab_state to)
{
	switch (to) {
	case TICKET_WAITING:
		return false; /* only born so */
	case TICKET_HELD:
		return from == TICKET_WAITING;
	case TICKET_LOST:
		return from == TICKET_HELD;
	case TICKET_DEAD:
		return from != TICKET_DEAD;
	}
	return false;
}

/* A snapshot for onlookers; nobody decides by it. */
static void moved(struct locktab *tab, const struct ticket *t,
		  enum locktab_effect_type type)
{
	struct locktab_effect fx = { .type = type,
				     .ticket = &t->pub,
				     .waiters = t->lock->waiting_len,
				     .lost = t->pub.state == TICKET_LOST };

	if (tab->tell_moves)
		locktab_emit(tab, fx);
}

void locktab_tell_moves(struct locktab *tab, bool wanted)
{
	tab->tell_moves = wanted;
}

/* tickets_len counts the tickets, and whoever walks them. */
static void owner_put(struct locktab *tab, struct owner *owner)
{
	if (--owner->tickets_len > 0)
		return;
	HASH_DELETE(by_conn, tab->owners, owner);
	free(owner);
}

static void ticket_bury(struct locktab *tab, struct ticket *t)
{
	struct owner *owner = t->owner;

	HASH_DELETE(by_id, tab->tickets, t);
	TAILQ_REMOVE(&owner->tickets, t, in_owner);
	tab->tickets_len--;
	owner_put(tab, owner);
	t->owner = NULL;
	TAILQ_INSERT_TAIL(&tab->dead, t, in_owner);
}

void ticket_enter(struct locktab *tab, struct ticket *t, enum locktab_state to)
{
	enum locktab_state from = t->pub.state;
	struct lock *lock = t->lock;

	assert(ticket_may(from, to));
	switch (from) {
	case TICKET_WAITING:
		timer_remove(tab, t);
		TAILQ_REMOVE(&lock->waiting, t, in_lock);
		lock->waiting_len--;
		tab->counts.waiting--;
		break;
	case TICKET_HELD:
		lock->held = NULL;
		tab->counts.held--;
		break;
	case TICKET_LOST:
		lock->lost_len--;
		tab->counts.lost--;
		break;
	case TICKET_DEAD:
		break;
	}
	t->pub.state = to;
	switch (to) {
	case TICKET_WAITING:
		break;
	case TICKET_HELD:
		lock->held = t;
		tab->counts.held++;
		break;
	case TICKET_LOST:
		lock->lost_len++;
		tab->counts.lost++;
		break;
	case TICKET_DEAD:
		ticket_bury(tab, t);
		break;
	}
	if (to == TICKET_HELD)
		moved(tab, t, LOCKTAB_FX_MOVED_HELD);
	else if (from == TICKET_HELD)
		moved(tab, t, LOCKTAB_FX_MOVED_FREED);
	else if (from == TICKET_WAITING && t->queued_told)
		moved(tab, t, LOCKTAB_FX_MOVED_QUEUE);
}

void ticket_queued(struct locktab *tab, struct ticket *t)
{
	if (t->queued_told || t->pub.trying)
		return;
	t->queued_told = true;
	emit_ticket(tab, LOCKTAB_FX_QUEUED, t, ZKP_OK);
	moved(tab, t, LOCKTAB_FX_MOVED_QUEUE);
}

void ticket_refuse(struct locktab *tab, struct ticket *t, enum zkp_status why)
{
	/* The lock forgets its holder with the bid, before the effect is
	 * carried out; without memory the answer is only shorter. */
	if (t->lock->holder && (t->holder = strdup(t->lock->holder)))
		t->pub.holder = t->holder;
	emit_ticket(tab, LOCKTAB_FX_REFUSED, t, why);
	ticket_enter(tab, t, TICKET_DEAD);
}

void ticket_lose(struct locktab *tab, struct ticket *t, enum locktab_lost why,
		 int64_t now_ms)
{
	t->pub.lost = why;
	t->pub.ended_ms = now_ms;
	tab->counts.losses++;
	ticket_enter(tab, t, TICKET_LOST);
	emit_ticket(tab, LOCKTAB_FX_LOST, t, ZKP_LOST);
}

static struct owner *owner_get(struct locktab *tab, uint64_t conn)
{
	struct owner *owner;

	HASH_FIND(by_conn, tab->owners, &conn, sizeof conn, owner);
	if (owner)
		return owner;
	owner = calloc(1, sizeof *owner);
	if (!owner)
		return NULL;
	owner->conn = conn;
	TAILQ_INIT(&owner->tickets);
	HASH_ADD(by_conn, tab->owners, conn, sizeof conn, owner);
	return owner;
}

static struct ticket *ticket_find(const struct locktab *tab, uint64_t conn,
				  const struct locktab_target *target)
{
	struct owner *owner;
	struct ticket *t;

	if (target->id) {
		HASH_FIND(by_id, tab->tickets, &target->id, sizeof target->id,
			  t);
		return t && t->pub.conn == conn ? t : NULL;
	}
	HASH_FIND(by_conn, tab->owners, &conn, sizeof conn, owner);
	if (!owner)
		return NULL;
	if (target->name) {
		struct lock *lock = lock_find(tab, target->name);

		if (!lock)
			return NULL;
		if (lock->held && lock->held->owner == owner)
			return lock->held;
		TAILQ_FOREACH(t, &owner->tickets, in_owner)
		if (t->lock == lock)
			return t;
		return NULL;
	}
	TAILQ_FOREACH(t, &owner->tickets, in_owner)
	if (strcmp(t->pub.tag, target->tag) == 0 &&
	    t->pub.state == TICKET_WAITING)
		return t;
	return NULL;
}

/* A ticket at the end of its lock's queue; NULL when memory is short. */
static struct ticket *ticket_new(struct locktab *tab,
				 const struct locktab_event *ev)
{
	struct ticket *t = calloc(1, sizeof *t);
	struct owner *owner = NULL;
	struct lock *lock = NULL;

	if (!t || (ev->lock.note && *ev->lock.note &&
		   !(t->note = strdup(ev->lock.note))))
		goto fail;
	lock = lock_get(tab, ev->lock.name);
	owner = owner_get(tab, ev->conn);
	if (!lock || !owner)
		goto fail;
	t->pub.wait_until_ms = LOCKTAB_NEVER_MS;
	if (ev->lock.wait_ms > 0 &&
	    ev->lock.wait_ms < LOCKTAB_NEVER_MS - ev->now_ms) {
		t->pub.wait_until_ms = ev->now_ms + ev->lock.wait_ms;
		if (!timer_add(tab, t))
			goto fail;
	}
	t->lock = lock;
	t->owner = owner;
	t->pub.id = ++tab->ticket_last;
	t->pub.conn = ev->conn;
	t->pub.trying = ev->lock.wait_ms == 0;
	t->pub.asked_ms = ev->now_ms;
	t->pub.name = lock->name;
	t->pub.note = t->note ? t->note : "";
	t->pub.holder = "";
	strncpy(t->pub.tag, ev->lock.tag ? ev->lock.tag : "", ZKP_TAG_MAX);
	TAILQ_INSERT_TAIL(&lock->waiting, t, in_lock);
	TAILQ_INSERT_TAIL(&owner->tickets, t, in_owner);
	HASH_ADD(by_id, tab->tickets, pub.id, sizeof t->pub.id, t);
	lock->waiting_len++;
	owner->tickets_len++;
	tab->tickets_len++;
	tab->counts.waiting++;
	return t;

fail:
	if (owner && owner->tickets_len == 0) {
		owner->tickets_len = 1;
		owner_put(tab, owner);
	}
	if (lock)
		lock_left(tab, lock, ev->now_ms);
	if (t)
		free(t->note);
	free(t);
	return NULL;
}

static void bury_dead(struct locktab *tab)
{
	struct ticket *t;
	struct lock *lock;

	while ((t = TAILQ_FIRST(&tab->dead))) {
		TAILQ_REMOVE(&tab->dead, t, in_owner);
		free(t->holder);
		free(t->note);
		free(t);
	}
	while ((lock = TAILQ_FIRST(&tab->doomed))) {
		TAILQ_REMOVE(&tab->doomed, lock, home);
		free(lock->holder);
		free(lock);
	}
}

/* Events from connections */

static enum zkp_status lock_refusal(const struct locktab *tab,
				    const struct locktab_event *ev)
{
	struct owner *owner;

	if (tab->draining)
		return ZKP_DRAINING;
	HASH_FIND(by_conn, tab->owners, &ev->conn, sizeof ev->conn, owner);
	if (tab->tickets_len >= tab->limits.tickets_max ||
	    (owner && owner->tickets_len >= tab->limits.tickets_per_conn_max))
		return ZKP_LIMIT;
	if (ev->lock.wait_ms != 0)
		return ZKP_OK;
	if (!tab->session)
		return ZKP_UNAVAILABLE;
	if (ev->now_ms > tab->grant_until_ms)
		return tab->doubt;
	return ZKP_OK;
}

static void on_lock(struct locktab *tab, const struct locktab_event *ev)
{
	const struct locktab_target by_name = { .name = ev->lock.name };
	struct ticket *t = ticket_find(tab, ev->conn, &by_name);
	enum zkp_status status;
	struct lock *lock;

	if (t && t->pub.state == TICKET_LOST) {
		/* Asking again is taking note of the loss. */
		ticket_enter(tab, t, TICKET_DEAD);
		lock_left(tab, t->lock, ev->now_ms);
	} else if (t) {
		done(tab, t, ZKP_HELD);
		return;
	}
	status = lock_refusal(tab, ev);
	lock = lock_find(tab, ev->lock.name);
	if (status == ZKP_OK && ev->lock.wait_ms == 0 && lock &&
	    (lock->held || lock->waiting_len))
		status = ZKP_BUSY;
	if (status != ZKP_OK) {
		done(tab, NULL, status);
		return;
	}
	t = ticket_new(tab, ev);
	if (!t)
		done(tab, NULL, ZKP_LIMIT);
	else
		lock_joined(tab, t->lock, ev->now_ms);
}

static void on_unlock(struct locktab *tab, const struct locktab_event *ev)
{
	struct ticket *t = ticket_find(tab, ev->conn, &ev->pick.target);
	struct lock *lock;

	if (!t || t->pub.state == TICKET_WAITING ||
	    (ev->pick.token && ev->pick.token != t->pub.token)) {
		done(tab, NULL, ZKP_NOTHELD);
		return;
	}
	lock = t->lock;
	if (t->pub.state == TICKET_LOST) {
		done(tab, t, ZKP_LOST);
	} else {
		t->pub.ended_ms = ev->now_ms;
		done(tab, t, ZKP_OK);
	}
	ticket_enter(tab, t, TICKET_DEAD);
	lock_left(tab, lock, ev->now_ms);
}

static void on_cancel(struct locktab *tab, const struct locktab_event *ev)
{
	struct ticket *t = ticket_find(tab, ev->conn, &ev->pick.target);
	struct lock *lock;

	if (!t || t->pub.state != TICKET_WAITING) {
		done(tab, NULL, ZKP_NOTFOUND);
		return;
	}
	lock = t->lock;
	tab->counts.cancels++;
	ticket_refuse(tab, t, ZKP_CANCELLED);
	done(tab, t, ZKP_OK);
	lock_left(tab, lock, ev->now_ms);
}

static void owner_drop(struct locktab *tab, struct owner *owner,
		       bool only_waiting, int64_t now_ms)
{
	struct ticket *t, *next;

	for (t = TAILQ_FIRST(&owner->tickets); t; t = next) {
		next = TAILQ_NEXT(t, in_owner);
		if (only_waiting && t->pub.state != TICKET_WAITING)
			continue;
		ticket_enter(tab, t, TICKET_DEAD);
		lock_left(tab, t->lock, now_ms);
	}
}

static void on_gone(struct locktab *tab, const struct locktab_event *ev)
{
	struct owner *owner;

	HASH_FIND(by_conn, tab->owners, &ev->conn, sizeof ev->conn, owner);
	if (!owner)
		return;
	/* What waits goes before what is held: nothing may be granted to it. */
	owner->tickets_len++;
	owner_drop(tab, owner, true, ev->now_ms);
	owner_drop(tab, owner, false, ev->now_ms);
	owner_put(tab, owner);
}

static void on_tick(struct locktab *tab, int64_t now_ms)
{
	struct ticket *t;

	while ((t = timer_first(tab)) && t->pub.wait_until_ms <= now_ms) {
		struct lock *lock = t->lock;

		tab->counts.timeouts++;
		ticket_refuse(tab, t, t->pub.trying ? ZKP_BUSY : ZKP_TIMEOUT);
		lock_left(tab, lock, now_ms);
	}
	lock_linger_tick(tab, now_ms);
}

void locktab_step(struct locktab *tab, const struct locktab_event *ev)
{
	assert(tab->fx_at == tab->fx_len);
	tab->fx_at = tab->fx_len = 0;
	bury_dead(tab);
	switch (ev->type) {
	case LOCKTAB_LOCK:
		on_lock(tab, ev);
		break;
	case LOCKTAB_UNLOCK:
		on_unlock(tab, ev);
		break;
	case LOCKTAB_CANCEL:
		on_cancel(tab, ev);
		break;
	case LOCKTAB_GONE:
		on_gone(tab, ev);
		break;
	case LOCKTAB_BID_QUEUED:
	case LOCKTAB_BID_OWNED:
	case LOCKTAB_BID_BEHIND:
	case LOCKTAB_BID_STIRRED:
	case LOCKTAB_BID_VANISHED:
	case LOCKTAB_BID_FAILED:
		lock_bid_event(tab, ev);
		break;
	case LOCKTAB_SESSION_UP:
		tab->session = true;
		tab->gen = ev->lease.gen;
		lock_session_up(tab);
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
	const struct lock *linger = TAILQ_FIRST(&tab->states[LOCK_LINGERING]);
	const struct ticket *t = timer_first(tab);
	int64_t wake_ms = t ? t->pub.wait_until_ms : LOCKTAB_NEVER_MS;

	if (linger && linger->linger_until_ms < wake_ms)
		wake_ms = linger->linger_until_ms;
	return wake_ms;
}

const struct locktab_ticket *locktab_by_id(const struct locktab *tab,
					   uint64_t id)
{
	struct ticket *t;

	HASH_FIND(by_id, tab->tickets, &id, sizeof id, t);
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
	out->ticket = lock->held ? &lock->held->pub : NULL;
	out->text = lock->holder ? lock->holder : "";
}

void locktab_name_holder(const struct locktab *tab, const char *name,
			 struct locktab_holder *holder_out)
{
	const struct lock *lock = lock_find(tab, name);

	*holder_out = (struct locktab_holder){ .text = "" };
	if (lock)
		holder_of(lock, holder_out);
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
	holder_out->pos += lock->below + (lock->held ? 1 : 0);
	me = (const struct ticket *)(const void *)ticket;
	if (ticket->state != TICKET_WAITING)
		return;
	/* From the end: those who ask are mostly the newest. */
	holder_out->pos += lock->waiting_len - 1;
	for (t = TAILQ_LAST(&lock->waiting, ticket_list); t && t != me;
	     t = TAILQ_PREV(t, ticket_list, in_lock))
		holder_out->pos--;
}

void locktab_each(const struct locktab *tab, locktab_row_fn *row, void *ctx)
{
	const struct lock *lock;
	const struct ticket *t;

	for (lock = tab->locks; lock; lock = lock->by_name.next) {
		if (lock->held)
			row(ctx, &lock->held->pub, lock->waiting_len);
		TAILQ_FOREACH(t, &lock->waiting, in_lock)
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
	struct ticket *t, *next;
	struct owner *owner, *owner_next;

	if (!tab)
		return;
	bury_dead(tab);
	HASH_ITER(by_id, tab->tickets, t, next)
	{
		HASH_DELETE(by_id, tab->tickets, t);
		free(t->note);
		free(t);
	}
	HASH_ITER(by_conn, tab->owners, owner, owner_next)
	{
		HASH_DELETE(by_conn, tab->owners, owner);
		free(owner);
	}
	lock_free_all(tab);
	free(tab->heap);
	free(tab->fx);
	free(tab);
}
