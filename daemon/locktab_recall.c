/* SPDX-License-Identifier: MIT */
/*
 * locktab - what is remembered of locks that this host has nothing to do with:
 * little, of few, and for a moment.
 *
 * A place is found by the hash of the name, and whatever else had it is
 * forgotten: that costs a linger that is of no use, or a bid.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/locktab_i.h"

/* Stirred so often in a row, it stops lingering, */
#define STIRRED_ENOUGH 3
/* and is tried again so long after the last time. */
#define STIRRED_MS 10000

/* R13: others take it each time that it lingers here. */

bool recall_is_stirred(const struct locktab *tab, const struct lock *lock,
		       int64_t now_ms)
{
	uint32_t name = lock->by_name.hashv;
	const struct stirred *one = &tab->stirred[name % RECALL_MAX];

	return one->name == name && one->times >= STIRRED_ENOUGH &&
	       now_ms < one->last_ms + STIRRED_MS;
}

void recall_stirred(struct locktab *tab, const struct lock *lock,
		    int64_t now_ms)
{
	uint32_t name = lock->by_name.hashv;
	struct stirred *one = &tab->stirred[name % RECALL_MAX];

	if (one->name != name)
		*one = (struct stirred){ .name = name };
	one->times++;
	one->last_ms = now_ms;
}

void recall_used(struct locktab *tab, const struct lock *lock)
{
	uint32_t name = lock->by_name.hashv;
	struct stirred *one = &tab->stirred[name % RECALL_MAX];

	if (one->name == name)
		*one = (struct stirred){ 0 };
}

/* R14: a listing has just shown somebody who holds it and does not linger. */

/* By the name alone: one of several names has another hash in its table. */
static size_t place_of(const char *name)
{
	return hash_bytes(name, strlen(name)) % RECALL_MAX;
}

static void seen_forget(struct seen *one)
{
	free(one->name);
	free(one->holder);
	*one = (struct seen){ 0 };
}

void recall_held(struct locktab *tab, const struct bid *bid, int64_t now_ms)
{
	const struct lock *lock = bid->lock;
	struct seen *one = &tab->seen[place_of(lock->name)];

	if (lock->slots)
		return; /* a semaphore's answer is about one slot */
	seen_forget(one);
	*one = (struct seen){
		/* Without memory it is not remembered, */
		.name = strdup(lock->name),
		.mode = bid->mode,
		.until_ms = now_ms + tab->limits.try_grace_ms,
		/* or the answer is only shorter. */
		.holder = bid->holder ? strdup(bid->holder) : NULL,
	};
}

void recall_owned(struct locktab *tab, const struct lock *lock)
{
	struct seen *one = &tab->seen[place_of(lock->name)];

	if (one->name && strcmp(one->name, lock->name) == 0)
		seen_forget(one);
}

/* Who may not share it may not have it alone; not the other way round. */
const char *recall_holder(const struct locktab *tab, const char *name,
			  enum zkp_mode mode, int64_t now_ms)
{
	const struct seen *one = &tab->seen[place_of(name)];

	if (!one->name || strcmp(one->name, name) != 0 ||
	    now_ms >= one->until_ms ||
	    (mode == ZKP_MODE_S && one->mode != ZKP_MODE_S))
		return NULL;
	return one->holder ? one->holder : "";
}

void recall_free(struct locktab *tab)
{
	for (size_t i = 0; i < RECALL_MAX; i++)
		seen_forget(&tab->seen[i]);
}
