/* SPDX-License-Identifier: MIT */
/*
 * locktab - tickets and the connections that own them: born, moved from state
 * to state, buried.  Whose turn it is, is none of their business.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/locktab_i.h"

static bool ticket_may(enum locktab_state from, enum locktab_state to)
{
	switch (to) {
	case TICKET_WAITING:
		return false; /* only born so */
	case TICKET_HELD:
		return from == TICKET_WAITING;
	case TICKET_KEPT:
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

/* tickets_len counts the tickets, and whoever walks them. */
static void owner_put(struct locktab *tab, struct owner *owner)
{
	if (--owner->tickets_len > 0)
		return;
	HASH_DELETE(by_conn, tab->owners, owner);
	spare_put(owner, sizeof *owner);
}

/* Nobody's any more. */
static void disown(struct locktab *tab, struct ticket *t)
{
	struct owner *owner = t->owner;

	if (!owner)
		return;
	TAILQ_REMOVE(&owner->tickets, t, in_owner);
	owner->solos_len -= t->lock->solo;
	owner_put(tab, owner);
	t->owner = NULL;
}

static void ticket_bury(struct locktab *tab, struct ticket *t)
{
	HASH_DELETE(by_id, tab->tickets, t);
	disown(tab, t);
	tab->tickets_len--;
	tab->min_holds_len -= t->pub.min_hold_ms > 0;
	user_give(t->pub.user, USER_MIN_HOLDS, t->pub.min_hold_ms > 0);
	user_give(t->pub.user, USER_LOCKS, 1);
	t->pub.user = NULL;
	TAILQ_INSERT_TAIL(&tab->dead, t, in_owner);
}

/* Off its bid.  R5: what was downgraded stands against all again. */
static void put_down(struct ticket *t)
{
	struct bid *bid = t->bid;

	TAILQ_REMOVE(&bid->held, t, in_lock);
	if (--bid->held_len == 0)
		bid->downgraded = false;
	t->bid = NULL;
}

static void wait_list_add(struct lock *lock, struct ticket *t)
{
	if (t->pub.looking) {
		TAILQ_INSERT_TAIL(&lock->looking, t, in_lock);
		lock->looking_len++;
	} else {
		TAILQ_INSERT_TAIL(&lock->waiting, t, in_lock);
		lock->waiting_len++;
	}
}

static void wait_list_remove(struct lock *lock, struct ticket *t)
{
	if (t->pub.looking) {
		TAILQ_REMOVE(&lock->looking, t, in_lock);
		lock->looking_len--;
	} else {
		TAILQ_REMOVE(&lock->waiting, t, in_lock);
		lock->waiting_len--;
	}
}

void ticket_enter(struct locktab *tab, struct ticket *t, enum locktab_state to)
{
	enum locktab_state from = t->pub.state;
	struct lock *lock = t->lock;

	assert(ticket_may(from, to));
	switch (from) {
	case TICKET_WAITING:
		timer_remove(tab, &t->timer);
		wait_list_remove(lock, t);
		if (t->group)
			group_left(t);
		tab->counts.waiting--;
		break;
	case TICKET_HELD:
		hold_end(tab, t);
		if (to != TICKET_KEPT)
			put_down(t);
		tab->counts.held--;
		break;
	case TICKET_KEPT:
		timer_remove(tab, &t->timer);
		put_down(t);
		tab->counts.kept--;
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
		TAILQ_INSERT_TAIL(&t->bid->held, t, in_lock);
		t->bid->held_len++;
		tab->counts.held++;
		break;
	case TICKET_KEPT:
		disown(tab, t);
		tab->counts.kept++;
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
	else if (from == TICKET_WAITING && t->queued_told && !t->pub.looking)
		moved(tab, t, LOCKTAB_FX_MOVED_QUEUE);
}

void ticket_queued(struct locktab *tab, struct ticket *t)
{
	if (t->queued_told || t->pub.trying ||
	    (t->group && t->group->queued_told))
		return;
	t->queued_told = true;
	if (t->group)
		t->group->queued_told = true;
	locktab_emit_ticket(tab, LOCKTAB_FX_QUEUED, t, ZKP_OK);
	if (!t->pub.looking)
		moved(tab, t, LOCKTAB_FX_MOVED_QUEUE);
}

void ticket_grant(struct locktab *tab, struct ticket *t, struct bid *bid,
		  int64_t now_ms)
{
	t->bid = bid;
	t->pub.gen = tab->gen;
	t->pub.bid = bid->id;
	t->pub.granted_ms = now_ms;
	ticket_enter(tab, t, TICKET_HELD);
	hold_begin(tab, t, now_ms);
	locktab_emit_ticket(tab, LOCKTAB_FX_GRANTED, t, ZKP_OK);
}

void ticket_refuse(struct locktab *tab, struct ticket *t, enum zkp_status why)
{
	const struct bid *bid = t->lock->serving;

	if (t->group) {
		group_refuse(tab, t, why);
		return;
	}
	/* The holder is forgotten with the bid, before the effect is carried
	 * out; without memory the answer is only shorter. */
	if (bid && bid->holder && (t->holder = strdup(bid->holder)))
		t->pub.holder = t->holder;
	locktab_emit_ticket(tab, LOCKTAB_FX_REFUSED, t, why);
	ticket_enter(tab, t, TICKET_DEAD);
}

void ticket_lose(struct locktab *tab, struct ticket *t, enum locktab_lost why,
		 int64_t now_ms)
{
	if (t->pub.state == TICKET_KEPT) { /* nobody is left to be told */
		ticket_enter(tab, t, TICKET_DEAD);
		return;
	}
	t->pub.lost = why;
	t->pub.ended_ms = now_ms;
	tab->counts.losses++;
	ticket_enter(tab, t, TICKET_LOST);
	locktab_emit_ticket(tab, LOCKTAB_FX_LOST, t, ZKP_LOST);
}

struct owner *owner_find(const struct locktab *tab, uint64_t conn)
{
	struct owner *owner;

	HASH_FIND_ID(by_conn, tab->owners, conn, owner);
	return owner;
}

static struct owner *owner_get(struct locktab *tab, uint64_t conn)
{
	struct owner *owner = owner_find(tab, conn);

	if (owner)
		return owner;
	owner = spare_take(sizeof *owner);
	if (!owner)
		return NULL;
	owner->conn = conn;
	TAILQ_INIT(&owner->tickets);
	HASH_ADD_ID(by_conn, tab->owners, conn, owner);
	return owner;
}

/* The holder first: who asks for its own hold is the usual case. */
static struct ticket *find_by_name(const struct locktab *tab,
				   const struct owner *owner, const char *name)
{
	struct lock *lock = lock_find(tab, name);
	struct ticket *t = lock ? lock_holder(lock) : NULL;

	if (t && t->owner == owner)
		return t;
	if (!lock && !owner->solos_len)
		return NULL;
	TAILQ_FOREACH(t, &owner->tickets, in_owner)
	if (t->lock == lock ||
	    (t->lock->solo && strcmp(t->pub.name, name) == 0))
		return t;
	return NULL;
}

struct ticket *ticket_by_id(const struct locktab *tab, uint64_t id)
{
	struct ticket *t;

	HASH_FIND_ID(by_id, tab->tickets, id, t);
	return t;
}

struct ticket *ticket_find(const struct locktab *tab, uint64_t conn,
			   const struct locktab_target *target)
{
	struct owner *owner;
	struct ticket *t;

	if (target->id) {
		t = ticket_by_id(tab, target->id);
		return t && t->owner && t->pub.conn == conn ? t : NULL;
	}
	owner = owner_find(tab, conn);
	if (!owner)
		return NULL;
	if (target->name)
		return find_by_name(tab, owner, target->name);
	TAILQ_FOREACH(t, &owner->tickets, in_owner)
	if (strcmp(t->pub.tag, target->tag) == 0 &&
	    t->pub.state == TICKET_WAITING)
		return t;
	return NULL;
}

struct ticket *ticket_new(struct locktab *tab, const struct locktab_event *ev)
{
	struct ticket *t = spare_take(sizeof *t);
	struct owner *owner = NULL;
	struct lock *lock = NULL;

	if (!t || (ev->lock.note && *ev->lock.note &&
		   !(t->note = strdup(ev->lock.note))))
		goto fail;
	/* A timer each at most: of its wait, then of its hold; of a linger. */
	if (!timer_room(tab, tab->tickets_len + 1 + tab->counts.locks + 1))
		goto fail;
	lock = ev->lock.slots || ev->lock.names_len > 1
		   ? lock_solo(tab, ev->lock.name, ev->lock.slots)
		   : lock_get(tab, ev->lock.name);
	owner = owner_get(tab, ev->conn);
	if (!lock || !owner)
		goto fail;
	t->timer.ticket = t;
	t->pub.wait_until_ms = LOCKTAB_NEVER_MS;
	if (ev->lock.wait_ms > 0 &&
	    ev->lock.wait_ms < LOCKTAB_NEVER_MS - ev->now_ms) {
		t->pub.wait_until_ms = ev->now_ms + ev->lock.wait_ms;
		timer_add(tab, &t->timer, t->pub.wait_until_ms);
	}
	lock->linger_ms = ev->lock.linger_ms;
	t->lock = lock;
	t->owner = owner;
	t->pub.id = ++tab->ticket_last;
	t->pub.conn = ev->conn;
	t->pub.trying = ev->lock.wait_ms == 0;
	t->pub.looking = ev->lock.looking;
	t->pub.mode = ev->lock.mode;
	t->wanted = ev->lock.wanted;
	t->pub.min_hold_ms = ev->lock.min_hold_ms;
	t->pub.slots = lock->slots;
	t->pub.max_hold_ms = ev->lock.max_hold_ms;
	t->pub.asked_ms = ev->now_ms;
	t->pub.name = lock->name;
	t->pub.note = t->note ? t->note : "";
	t->pub.holder = "";
	strncpy(t->pub.tag, ev->lock.tag ? ev->lock.tag : "", ZKP_TAG_MAX);
	wait_list_add(lock, t);
	TAILQ_INSERT_TAIL(&owner->tickets, t, in_owner);
	HASH_ADD_ID(by_id, tab->tickets, pub.id, t);
	owner->tickets_len++;
	owner->solos_len += lock->solo;
	tab->tickets_len++;
	tab->min_holds_len += t->pub.min_hold_ms > 0;
	t->pub.user = ev->lock.user;
	user_take(t->pub.user, USER_LOCKS, 1);
	user_take(t->pub.user, USER_MIN_HOLDS, t->pub.min_hold_ms > 0);
	tab->counts.waiting++;
	return t;

fail:
	if (owner && owner->tickets_len == 0) {
		owner->tickets_len = 1;
		owner_put(tab, owner);
	}
	if (lock)
		lock_settle(tab, lock, ev->now_ms);
	if (t)
		free(t->note);
	spare_put(t, sizeof *t);
	return NULL;
}

void ticket_bury_dead(struct locktab *tab)
{
	struct ticket *t;
	struct lock *lock;

	while ((t = TAILQ_FIRST(&tab->dead))) {
		TAILQ_REMOVE(&tab->dead, t, in_owner);
		free(t->holder);
		free(t->note);
		spare_put(t, sizeof *t);
	}
	while ((lock = TAILQ_FIRST(&tab->doomed))) {
		TAILQ_REMOVE(&tab->doomed, lock, home);
		if (lock->solo)
			HASH_DELETE(by_name, tab->locks, lock);
		free(lock);
	}
}

static void owner_drop(struct locktab *tab, struct owner *owner,
		       bool only_waiting, int64_t now_ms)
{
	struct ticket *t, *next;

	for (t = TAILQ_FIRST(&owner->tickets); t; t = next) {
		next = TAILQ_NEXT(t, in_owner);
		if (only_waiting && t->pub.state != TICKET_WAITING)
			continue;
		if (t->pub.state == TICKET_HELD)
			hold_release(tab, t, now_ms);
		else
			ticket_enter(tab, t, TICKET_DEAD);
		lock_settle(tab, t->lock, now_ms);
	}
}

void owner_gone(struct locktab *tab, struct owner *owner, int64_t now_ms)
{
	/* What waits goes before what is held: nothing may be granted to it. */
	owner->tickets_len++;
	owner_drop(tab, owner, true, now_ms);
	owner_drop(tab, owner, false, now_ms);
	owner_put(tab, owner);
}

void ticket_free_all(struct locktab *tab)
{
	struct ticket *t, *next;
	struct owner *owner, *owner_next;

	ticket_bury_dead(tab);
	HASH_ITER(by_id, tab->tickets, t, next)
	{
		HASH_DELETE(by_id, tab->tickets, t);
		if (t->group)
			group_left(t);
		free(t->note);
		spare_put(t, sizeof *t);
	}
	HASH_ITER(by_conn, tab->owners, owner, owner_next)
	{
		HASH_DELETE(by_conn, tab->owners, owner);
		spare_put(owner, sizeof *owner);
	}
}
