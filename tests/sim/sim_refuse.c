/* SPDX-License-Identifier: MIT */
/*
 * sim - a server that says no by itself, and one that gives out another
 * session.
 *
 * Such a no is as definite as any, and proves nothing: it is said without a
 * quorum (lease.md F10).  Whoever is told that his session has moved is sent
 * away as well.
 *
 * Another session is ClickHouse Keeper's manner (T12): a reconnect is given a
 * new one, as if it were the old; that one's nodes stay until it runs out.
 */
#include <string.h>

#include "sim.h"

#define RC_NO_AUTH       (-102)
#define RC_SESSION_MOVED (-118)
#define RC_THROTTLED     (-127)

/* One of so many, where not all are refused. */
#define SOME 3

void sim_refuse_act(struct sim *sim, struct sim_link *link,
		    const struct sim_act *act)
{
	static const int codes[] = { RC_NO_AUTH, RC_SESSION_MOVED,
				     RC_THROTTLED };
	struct sim_refusal *refusal = &link->refusal;

	if (act->type == SIM_ACT_EXCHANGE) {
		link->exchange = true;
		sim_link_cut(sim, link->host);
		return;
	}
	refusal->zk_rc = codes[act->salt % (sizeof codes / sizeof *codes)];
	refusal->manner = (enum sim_manner)(act->salt / 16 % SIM_NO_MANNERS);
	refusal->until_us = sim->now_us + act->a_ms * SIM_MS;
	/* Permissions are the tree's: every server has them. */
	refusal->server = refusal->zk_rc == RC_NO_AUTH ? -1 : link->server;
	/* The next one may be long in coming. */
	if (refusal->manner == SIM_NO_ONE)
		refusal->until_us = SIM_NEVER;
}

static void count(struct sim *sim, int zk_rc)
{
	if (zk_rc == RC_NO_AUTH)
		sim->counts.forbidden++;
	else if (zk_rc == RC_SESSION_MOVED)
		sim->counts.moved++;
	else
		sim->counts.throttled++;
}

int sim_refuse(struct sim *sim, struct sim_link *link,
	       const struct sim_request *row)
{
	struct sim_refusal *refusal = &link->refusal;
	int zk_rc = refusal->zk_rc;

	if (!zk_rc)
		return 0;
	if (sim->now_us >= refusal->until_us ||
	    (refusal->server >= 0 && refusal->server != link->server)) {
		refusal->zk_rc = 0;
		return 0;
	}
	if (refusal->manner == SIM_NO_ONE) {
		if (!row->names)
			return 0;
		refusal->zk_rc = 0;
	} else if (refusal->manner == SIM_NO_SOME && !sim_chance(sim, SOME)) {
		return 0;
	}
	count(sim, zk_rc);
	return zk_rc;
}

void sim_refuse_answer(struct sim *sim, struct sim_link *link,
		       const struct sim_request *row, struct coord_event *ev)
{
	struct sim_refusal *refusal = &link->refusal;
	const uint64_t id = ev->answer.id;
	bool lost = ev->answer.result == COORD_MAYBE ||
		    ev->answer.result == COORD_NOT_SENT;

	if (!row->zk_rc || lost) {
		if (refusal->owed && !lost && row->verb == COORD_SET &&
		    row->name < 0)
			refusal->due = true;
		if (refusal->again == id)
			refusal->again = 0;
		return;
	}
	sim_note(sim, "h%d is told no: %d", link->host->number, row->zk_rc);
	memset(&ev->answer, 0, sizeof ev->answer);
	ev->answer.id = id;
	ev->answer.result = COORD_REFUSED;
	ev->answer.zk_rc = row->zk_rc;
	refusal->heard_us = sim->now_us;
	refusal->moved |= row->zk_rc == RC_SESSION_MOVED;
	/* Behind a write of the same turn: that one asks for what was before.
	 */
	refusal->owed = true;
	refusal->due = false;
}

void sim_refuse_turn(struct sim *sim, struct sim_host *host)
{
	struct sim_refusal *refusal = &host->link.refusal;

	if (refusal->due) {
		refusal->owed = refusal->due = false;
		refusal->again = sim_ring_last_id(&host->link.asked);
	}
	if (!refusal->moved)
		return;
	refusal->moved = false;
	sim_link_cut(sim, host);
}

bool sim_refuse_since(const struct sim_host *host, int64_t at_us)
{
	return host->link.refusal.heard_us > at_us;
}

bool sim_refuse_owes(const struct sim_host *host)
{
	const struct sim_refusal *refusal = &host->link.refusal;

	return refusal->owed || refusal->again;
}

void sim_refuse_attached(struct sim_link *link, bool fresh)
{
	struct sim_refusal *refusal = &link->refusal;

	refusal->due = refusal->owed && !fresh;
	refusal->owed = refusal->due;
}

int64_t sim_session(const struct sim_link *link)
{
	return link->exchanged ? link->before
			       : coord_local_session(link->inner);
}

void sim_exchange(struct sim *sim, struct sim_link *link)
{
	if (!link->exchanged)
		link->before = coord_local_session(link->inner);
	sim_note(sim, "h%d is given another session", link->host->number);
	sim->counts.exchanges++;
	link->exchange = false;
	link->exchanged++;
	/* Without a link: nobody hears of the end, the session runs on. */
	link->inner->ops->close(link->inner);
	link->inner->ops->connect(link->inner);
}

bool sim_exchange_event(struct sim_link *link, struct coord_event *ev)
{
	if (ev->type == COORD_EV_CLOSED && link->exchanged) {
		link->exchanged--;
		link->strange = true;
		return false;
	}
	if (ev->type == COORD_EV_ATTACHED) {
		link->bereft = link->strange;
		ev->attached.fresh = ev->attached.fresh && !link->strange;
		link->strange = false;
	}
	return true;
}
