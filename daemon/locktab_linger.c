/* SPDX-License-Identifier: MIT */
/*
 * locktab - lingering (R13): an owned bid that nobody wants stays a while, so
 * that the next ticket of this host costs no trip.
 *
 * It costs others one: who comes to a lock that lingers waits for our delete.
 * So a lock that others ask for each time that it lingers here does not linger
 * any more, but for one try in a while.
 */
#include <string.h>

#include "daemon/locktab_i.h"

/* Stirred so often in a row, it stops lingering, */
#define STIRRED_ENOUGH 3
/* and is tried again so long after the last time. */
#define STIRRED_MS 10000

static size_t place_of(uint64_t name)
{
	return name % STIRRED_MAX;
}

static uint64_t name_of(const struct lock *lock)
{
	return hash_bytes(lock->name, strlen(lock->name));
}

/* Others take it each time. */
static bool is_wanted_elsewhere(const struct locktab *tab,
				const struct lock *lock, int64_t now_ms)
{
	uint64_t name = name_of(lock);
	const struct stirred *one = &tab->stirred[place_of(name)];

	return one->name == name && one->times >= STIRRED_ENOUGH &&
	       now_ms < one->last_ms + STIRRED_MS;
}

int64_t linger_ms(const struct locktab *tab, const struct lock *lock,
		  int64_t now_ms)
{
	int64_t ms = lock->linger_ms ? lock->linger_ms : tab->limits.linger_ms;

	return ms <= 0 || is_wanted_elsewhere(tab, lock, now_ms) ? 0 : ms;
}

void linger_stirred(struct locktab *tab, const struct lock *lock,
		    int64_t now_ms)
{
	uint64_t name = name_of(lock);
	struct stirred *one = &tab->stirred[place_of(name)];

	if (one->name != name)
		*one = (struct stirred){ .name = name };
	one->times++;
	one->last_ms = now_ms;
}

void linger_used(struct locktab *tab, const struct lock *lock)
{
	uint64_t name = name_of(lock);
	struct stirred *one = &tab->stirred[place_of(name)];

	if (one->name == name)
		*one = (struct stirred){ 0 };
}

void linger_over(struct locktab *tab, struct lock *lock, int64_t now_ms)
{
	lock->serving->behind = BEHIND_UNKNOWN; /* R13: then it may not */
	lock_settle(tab, lock, now_ms);
}

bool locktab_lingers(const struct locktab *tab, uint64_t id)
{
	const struct bid *bid = bid_find(tab, id);

	return bid && bid->lock->state == LOCK_LINGERING &&
	       bid == bid->lock->serving && !bid->lock->next;
}

uint64_t locktab_shed_linger(struct locktab *tab, int64_t now_ms)
{
	struct lock *lock = TAILQ_FIRST(&tab->states[LOCK_LINGERING]);
	uint64_t bid;

	if (!lock)
		return 0;
	bid = lock->serving->id;
	linger_over(tab, lock, now_ms);
	return bid;
}
