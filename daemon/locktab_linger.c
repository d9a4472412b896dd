/* SPDX-License-Identifier: MIT */
/*
 * locktab - lingering (R13): an owned bid that nobody wants stays a while, so
 * that the next ticket of this host costs no trip.
 *
 * It costs others one: who comes to a lock that lingers waits for our delete.
 * So a lock that others ask for each time does not (locktab_recall.c).
 */
#include "daemon/locktab_i.h"

int64_t linger_ms(const struct locktab *tab, const struct lock *lock,
		  int64_t now_ms)
{
	int64_t ms = lock->linger_ms ? lock->linger_ms : tab->limits.linger_ms;

	return ms <= 0 || recall_is_stirred(tab, lock, now_ms) ? 0 : ms;
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

uint64_t locktab_shed_linger(struct locktab *tab, const struct user *user,
			     int64_t now_ms)
{
	struct lock *lock = TAILQ_FIRST(&tab->states[LOCK_LINGERING]);
	uint64_t bid;

	if (user && !user_has(user, USER_LINGERS))
		return 0;
	while (lock && user && lock->lingers != user)
		lock = TAILQ_NEXT(lock, home);
	if (!lock)
		return 0;
	bid = lock->serving->id;
	linger_over(tab, lock, now_ms);
	return bid;
}
