/* SPDX-License-Identifier: MIT */
/*
 * sim - what clients ask and are told, as lines of a history: those of
 * tests/support/historyfile.py, which judges real clusters by them.
 */
#include <stdio.h>

#include "sim.h"

/* Is it of a lock or a semaphore, by one name or several? */
static bool is_lock(const struct sim_ask *ask)
{
	return ask->act <= SIM_ACT_TRY || ask->act == SIM_ACT_MANY;
}

/* How it asks, behind its mode. */
static void put_bounds(struct sim *sim, const struct sim_host *host,
		       const struct sim_ask *ask, char *buf, size_t size)
{
	size_t len = 0;

	*buf = '\0';
	if (ask->act == SIM_ACT_TRY || ask->trying)
		len += (size_t)snprintf(buf, size, " try=1");
	if (ask->due_ms)
		len += (size_t)snprintf(
		    buf + len, size - len, " wait=%.3f",
		    (double)(sim_host_us(sim, host, ask->due_ms) -
			     sim->now_us) /
			1000.0);
	if (ask->slots)
		len += (size_t)snprintf(buf + len, size - len, " slots=%u",
					ask->slots);
	if (ask->many_len)
		(void)snprintf(buf + len, size - len, " several=1");
}

void sim_tell_ask(struct sim *sim, const struct sim_host *host, int n,
		  const struct sim_ask *ask)
{
	char bounds[96];

	if (!sim_telling() || !is_lock(ask))
		return;
	put_bounds(sim, host, ask, bounds, sizeof bounds);
	for (int i = 0; i < sim->weather.names; i++) {
		if (sim_asks_for(ask, i))
			sim_tell(sim, "ask h%d/c%d lock=%s mode=%s tag=%llu%s",
				 host->number, n, sim_name(i),
				 ask->shared ? "s" : "x",
				 (unsigned long long)ask->tag, bounds);
	}
}

void sim_tell_queued(struct sim *sim, const struct sim_host *host, int n,
		     const struct sim_ask *ask)
{
	if (!sim_telling() || !is_lock(ask))
		return;
	for (int i = 0; i < sim->weather.names; i++) {
		if (sim_asks_for(ask, i))
			sim_tell(sim, "queued h%d/c%d lock=%s tag=%llu",
				 host->number, n, sim_name(i),
				 (unsigned long long)ask->tag);
	}
}

void sim_tell_answer(struct sim *sim, const struct sim_host *host, int n,
		     const struct sim_ask *ask, const char *code)
{
	if (!sim_telling() || !is_lock(ask) || host->conns[n].quits)
		return;
	for (int i = 0; i < sim->weather.names; i++) {
		if (sim_asks_for(ask, i))
			sim_tell(sim, "answer h%d/c%d lock=%s code=%s tag=%llu",
				 host->number, n, sim_name(i), code,
				 (unsigned long long)ask->tag);
	}
}

void sim_tell_grant(struct sim *sim, const struct sim_host *host,
		    struct sim_hold *hold, uint64_t tag)
{
	const struct coord_tree_node *node;
	char slots[32] = "";

	if (!sim_telling() || host->conns[hold->conn].quits)
		return; /* it has let go */
	hold->told = true;
	node = coord_tree_find(sim->tree, 0, hold->node);
	if (node)
		sim_tell(sim, "node tree lock=%s path=%s czxid=%llx",
			 sim_name(hold->name), hold->node,
			 (unsigned long long)coord_tree_stat(node).czxid);
	if (hold->slots)
		(void)snprintf(slots, sizeof slots, " slots=%u", hold->slots);
	sim_tell(sim,
		 "grant h%d/c%d lock=%s token=%llu mode=%s gen=%u page=%u "
		 "until=%.3f node=%s tag=%llu%s",
		 host->number, hold->conn, sim_name(hold->name),
		 (unsigned long long)hold->token, hold->shared ? "s" : "x",
		 hold->gen, host->life,
		 (double)sim_host_us(sim, host, hold->until_ms) / 1000.0,
		 hold->node, (unsigned long long)tag, slots);
}

void sim_tell_end(struct sim *sim, const struct sim_host *host,
		  struct sim_hold *hold, const char *how)
{
	if (hold->told)
		sim_tell(sim, "%s h%d/c%d lock=%s", how, host->number,
			 hold->conn, sim_name(hold->name));
	hold->told = false;
}
