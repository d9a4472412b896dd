/* SPDX-License-Identifier: MIT */
/*
 * sim - the semaphore: the last name, in the seeds that have one.
 *
 * In some of them a few clients are mistaken about it: they ask for another
 * number of slots, or for a lock.  Whoever comes first is right for as long as
 * somebody holds it (ERR KIND for the others).
 */
#include <stdio.h>
#include <string.h>

#include "daemon/layout.h"
#include "sim.h"

/* Of a hundred who ask, where anybody is mistaken. */
#define MISTAKEN 12
/* On a quiet day: longer than the trips from a release to the next grant. */
#define FREE_US (700 * SIM_MS)

bool sim_is_pool(const struct sim *sim, int name)
{
	return sim->weather.slots && name == sim->weather.names - 1;
}

bool sim_pool_disputed(const struct sim *sim)
{
	return sim->weather.slots && sim->weather.layout == LAYOUT_OWN &&
	       sim->seed % 7 == 2;
}

unsigned sim_pool_wish(const struct sim *sim, const struct sim_act *act)
{
	unsigned slots = sim->weather.slots;

	if (!sim_pool_disputed(sim) || (act->salt >> 24) % 100 >= MISTAKEN)
		return slots;
	return act->salt >> 50 & 1 ? slots + 1 : 0;
}

/* P1: at most so many at a time, and never together with who means another
 * number, or a lock. */
void sim_pool_granted(struct sim *sim, const struct sim_host *host,
		      const struct sim_hold *hold)
{
	unsigned room = hold->slots;

	for (int i = 0; i < sim->weather.hosts * SIM_HOLDS; i++) {
		const struct sim_host *at = &sim->hosts[i / SIM_HOLDS];
		const struct sim_hold *other = &at->holds[i % SIM_HOLDS];

		if (other == hold || sim->exempt[hold->name] ||
		    other->name != hold->name || !sim_believes(sim, at, other))
			continue;
		if (other->slots != hold->slots)
			sim_fail(sim,
				 "P1: %s is granted with slots=%u on h%d.%d, "
				 "with slots=%u on h%d.%d",
				 sim_name(hold->name), hold->slots,
				 host->number, hold->conn, other->slots,
				 at->number, other->conn);
		else if (room-- <= 1)
			sim_fail(sim,
				 "P1: %s has %u slots, and one more is granted "
				 "on h%d.%d",
				 sim_name(hold->name), hold->slots,
				 host->number, hold->conn);
	}
	sim->counts.slots++;
}

static int64_t written(const struct sim *sim, const char *below,
		       unsigned *children_out)
{
	const struct coord_tree_node *node, *child;
	char path[64];

	*children_out = 0;
	(void)layout_path(sim_queue(sim->weather.names - 1), below, path,
			  sizeof path);
	node = coord_tree_find(sim->tree, 0, path);
	if (!node)
		return 0;
	for (child = coord_tree_child_first(node); child;
	     child = coord_tree_child_next(child))
		++*children_out;
	return coord_tree_stat(node).pzxid;
}

/* Since when does somebody wait, who could be granted but for the queue? */
static int64_t waited_us(const struct sim *sim)
{
	int64_t since_us = SIM_NEVER;

	for (int i = 0; i < sim->weather.hosts * SIM_CONNS; i++) {
		const struct sim_host *host = &sim->hosts[i / SIM_CONNS];
		const struct sim_conn *conn = &host->conns[i % SIM_CONNS];

		for (int k = 0; k < SIM_ASKS_MAX; k++) {
			const struct sim_ask *ask = &conn->asks[k];

			if (ask->tag && ask->act <= SIM_ACT_TRY &&
			    sim_is_pool(sim, ask->name) && host->link.told_up &&
			    !host->stopping && ask->said_us < since_us)
				since_us = ask->said_us;
		}
	}
	return since_us;
}

/* P5: on a quiet day a free slot is granted while somebody waits. */
void sim_pool_turn(struct sim *sim)
{
	struct sim_pool *pool = &sim->pool;
	unsigned leases, entries;
	int64_t zxid, since_us;

	if (!sim->weather.slots || !sim_calm_settled(sim) ||
	    sim_pool_disputed(sim))
		return;
	zxid = written(sim, LAYOUT_SLOTS_LEASES, &leases) +
	       written(sim, LAYOUT_SLOTS_ENTRY, &entries);
	if (zxid != pool->zxid || leases >= sim->weather.slots) {
		pool->zxid = zxid;
		pool->since_us = sim->now_us;
		return;
	}
	since_us = waited_us(sim);
	if (since_us < pool->since_us)
		since_us = pool->since_us;
	if (since_us != SIM_NEVER && sim->now_us > since_us + FREE_US)
		sim_fail(sim,
			 "P5: %u of %u slots are taken, somebody waits, and "
			 "nothing happens for %lld ms",
			 leases, sim->weather.slots,
			 (long long)((sim->now_us - since_us) / SIM_MS));
}
