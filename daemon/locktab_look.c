/* SPDX-License-Identifier: MIT */
/*
 * locktab - WAIT: tickets that want to know when a lock is free, and take
 * no turn.
 *
 * They stand beside the queue, in nobody's way: a TRYLOCK does not see them,
 * readers do not queue behind them.  Each is answered when nobody holds the
 * lock and all who asked before it have had their turn.  A lock that is held
 * elsewhere is bid for, exclusively, as if it were to be taken: that it is
 * ours is the proof that it was free (R2), and the queue that ZooKeeper keeps
 * anyway says when.
 */
#include "daemon/locktab_i.h"

/* The first who may be told so, were the lease fresh. */
static struct ticket *ripe(const struct lock *lock)
{
	struct ticket *t = TAILQ_FIRST(&lock->looking);
	const struct ticket *first = TAILQ_FIRST(&lock->waiting);
	const struct bid *bid = lock->serving;

	if (!t || !bid || bid->state != BID_OWNED || bid->mode != ZKP_MODE_X ||
	    lock_holder(lock) || (first && first->pub.id < t->pub.id))
		return NULL;
	return t;
}

bool look_answer(struct locktab *tab, struct lock *lock, int64_t now_ms)
{
	struct ticket *t = ripe(lock);

	if (!t || now_ms > tab->grant_until_ms)
		return false;
	lock->serving->looked = true;
	locktab_emit_ticket(tab, LOCKTAB_FX_FREE, t, ZKP_OK);
	ticket_enter(tab, t, TICKET_DEAD);
	return true;
}

bool look_stalled(const struct lock *lock)
{
	return ripe(lock) != NULL;
}

void look_trying_end(struct locktab *tab, struct lock *lock,
		     enum zkp_status why)
{
	struct ticket *t, *next;

	for (t = TAILQ_FIRST(&lock->looking); t; t = next) {
		next = TAILQ_NEXT(t, in_lock);
		if (t->pub.trying)
			ticket_refuse(tab, t, why);
	}
}
