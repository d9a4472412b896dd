/* SPDX-License-Identifier: MIT */
/*
 * locktab - who waits for whom: a LOCK that would wait for itself is refused.
 *
 * An edge goes from a connection that waits for a lock to each connection of
 * this host that holds it.  A new wait that closes a cycle of such edges is
 * found when it is asked for; holds of other hosts, and cycles that a grant
 * closes (of a connection that waits for several locks at once), are not.
 * A cycle is refused whatever wait= says: somebody must begin.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/locktab_i.h"

/* Connections in a cycle, and tickets looked at for one LOCK: what one
 * request may cost, whatever others have built up.  Past either it waits. */
#define DEPTH_MAX 16
#define LOOKS_MAX 1024

struct search {
	const struct owner *asker;
	const struct lock *path[DEPTH_MAX + 1];
	unsigned path_len;
	unsigned looks;
};

static bool leads_back(struct search *s, const struct lock *lock);

/* Does this holder, by anything it waits for? */
static bool holder_leads_back(struct search *s, const struct owner *holder)
{
	const struct ticket *t;

	TAILQ_FOREACH(t, &holder->tickets, in_owner)
	{
		if (s->looks++ >= LOOKS_MAX)
			return false;
		if (t->pub.state == TICKET_WAITING && !t->pub.slots &&
		    leads_back(s, t->lock))
			return true;
	}
	return false;
}

static bool bid_leads_back(struct search *s, const struct bid *bid)
{
	const struct ticket *t;

	if (!bid)
		return false;
	TAILQ_FOREACH(t, &bid->held, in_lock)
	{
		if (s->looks++ >= LOOKS_MAX)
			return false;
		if (t->pub.state != TICKET_HELD)
			continue; /* KEPT: it ends by itself */
		if (t->owner == s->asker || holder_leads_back(s, t->owner))
			return true;
	}
	return false;
}

static bool leads_back(struct search *s, const struct lock *lock)
{
	if (s->path_len > DEPTH_MAX)
		return false;
	s->path[s->path_len++] = lock;
	if (bid_leads_back(s, lock->serving) || bid_leads_back(s, lock->next))
		return true;
	s->path_len--;
	return false;
}

/* The locks, in the order in which each is waited for: the last one is the
 * asker's. */
static void tell_path(const struct search *s, char *buf, size_t size)
{
	size_t len = 0;

	for (unsigned i = 0; i < s->path_len && len < size; i++)
		len += (size_t)snprintf(buf + len, size - len, "%s%s",
					i ? " " : "", s->path[i]->name);
}

bool cycle_found(struct locktab *tab, const struct lock *lock, uint64_t conn)
{
	struct search s = { .asker = owner_find(tab, conn) };

	if (!s.asker || !leads_back(&s, lock))
		return false;
	tab->counts.deadlocks++;
	tell_path(&s, tab->cycle, sizeof tab->cycle);
	return true;
}
