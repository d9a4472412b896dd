/* SPDX-License-Identifier: MIT */
/*
 * locktab - several names at once (R16): a ticket and a lock for each, and a
 * bid of its own that serves nobody else.  All are granted in one moment, or
 * none; one that is refused takes the others with it; a bid that vanishes has
 * all of them made again, for only bids that were made together cannot wait
 * in a circle.
 */
#include <assert.h>
#include <stdlib.h>

#include "daemon/locktab_i.h"

void group_left(struct ticket *t)
{
	struct group *group = t->group;

	t->group = NULL;
	TAILQ_REMOVE(&group->tickets, t, in_group);
	if (--group->len == 0)
		free(group);
}

/* Settling a lock settles those of its group: their first ticket knows. */
static void settle_others(struct locktab *tab, const struct group *group,
			  const struct ticket *but, int64_t now_ms)
{
	const struct ticket *t;

	TAILQ_FOREACH(t, &group->tickets, in_group)
	{
		if (t != but)
			lock_settle(tab, t->lock, now_ms);
	}
}

/* The others end in silence: there is one answer to one request. */
void group_refuse(struct locktab *tab, struct ticket *t, enum zkp_status why)
{
	struct group *group = t->group;
	struct ticket *other;
	struct lock *lock;

	while (group->len > 1) {
		other = TAILQ_FIRST(&group->tickets);
		if (other == t)
			other = TAILQ_NEXT(other, in_group);
		lock = other->lock;
		ticket_enter(tab, other, TICKET_DEAD); /* leaves the group */
		lock_settle(tab, lock, t->pub.asked_ms);
	}
	group_left(t);
	ticket_refuse(tab, t, why);
}

/* All that are there go first: what stands together is made together. */
static bool open_all(struct locktab *tab, struct group *group)
{
	struct ticket *t;

	TAILQ_FOREACH(t, &group->tickets, in_group)
	{
		if (t->lock->serving)
			bid_leave(tab, t->lock->serving);
	}
	TAILQ_FOREACH(t, &group->tickets, in_group)
	{
		if (!bid_open(tab, t->lock, ZKP_MODE_X))
			return false;
	}
	return true;
}

static bool all_owned(const struct group *group)
{
	const struct ticket *t;

	TAILQ_FOREACH(t, &group->tickets, in_group)
	{
		if (!t->lock->serving || t->lock->serving->state != BID_OWNED)
			return false;
	}
	return true;
}

static void grant_all(struct locktab *tab, struct group *group, int64_t now_ms)
{
	struct ticket *t;

	for (unsigned left = group->len; left > 0; left--) {
		t = TAILQ_FIRST(&group->tickets);
		lock_grant(tab, t->lock->serving, t, now_ms);
		if (left > 1)
			lock_settle(tab, t->lock, now_ms);
	}
}

bool group_turn(struct locktab *tab, struct ticket *t, int64_t now_ms)
{
	struct group *group = t->group;

	if (!t->lock->serving) {
		if (!tab->session)
			return false;
		if (!open_all(tab, group))
			ticket_refuse(tab, t, ZKP_LIMIT);
		else
			settle_others(tab, group, t, now_ms);
		return true;
	}
	if (!all_owned(group))
		return false;
	if (now_ms <= tab->grant_until_ms) {
		grant_all(tab, group, now_ms);
		return true;
	}
	ticket_queued(tab, t);
	if (!t->pub.trying)
		return false;
	ticket_refuse(tab, t, tab->doubt);
	return true;
}

static struct group *group_new(struct locktab *tab,
			       const struct locktab_event *ev)
{
	struct group *group = calloc(1, sizeof *group);
	struct locktab_event one = *ev;
	struct ticket *t;

	if (!group)
		return NULL;
	group->id = ++tab->group_last;
	TAILQ_INIT(&group->tickets);
	for (size_t i = 0; i < ev->lock.names_len; i++) {
		one.lock.name = ev->lock.names[i];
		t = ticket_new(tab, &one);
		if (!t)
			return group;
		t->pub.of = (unsigned)ev->lock.names_len;
		t->pub.at = (unsigned)i;
		t->group = group;
		TAILQ_INSERT_TAIL(&group->tickets, t, in_group);
		group->len++;
	}
	return group;
}

/* There was not memory enough for all of them. */
static void group_end(struct locktab *tab, struct group *group, int64_t now_ms)
{
	struct ticket *t;
	struct lock *lock;

	for (unsigned left = group->len; left > 0; left--) {
		t = TAILQ_FIRST(&group->tickets);
		lock = t->lock;
		ticket_enter(tab, t, TICKET_DEAD);
		lock_settle(tab, lock, now_ms);
	}
}

void group_lock(struct locktab *tab, const struct locktab_event *ev)
{
	struct group *group = group_new(tab, ev);
	struct ticket *t;

	if (group && group->len == ev->lock.names_len) {
		t = TAILQ_FIRST(&group->tickets);
		lock_settle(tab, t->lock, ev->now_ms);
		if (!tab->session)
			ticket_queued(tab, t);
		return;
	}
	locktab_done(tab, NULL, ZKP_LIMIT);
	if (group && group->len == 0)
		free(group);
	else if (group)
		group_end(tab, group, ev->now_ms);
}
