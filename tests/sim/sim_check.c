/* SPDX-License-Identifier: MIT */
/*
 * sim - the promises, judged by what clients were told and by the tree.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/layout.h"
#include "sim.h"

int64_t sim_believed_ms(const struct sim_host *host,
			const struct sim_hold *hold)
{
	/* The page moves the deadline of every hold of its gen. */
	if (host->page_gen == hold->gen && host->page_ms > hold->until_ms)
		return host->page_ms;
	return hold->until_ms;
}

bool sim_exempt(const struct sim *sim, int name)
{
	return sim->now_ms < sim->exempt_ms[name];
}

/* P1: nobody else may still believe that it has this lock. */
static void check_alone(struct sim *sim, const struct sim_host *host, int name)
{
	for (int i = 0; i < sim->hosts_len; i++) {
		const struct sim_host *other = &sim->hosts[i];
		const struct sim_hold *hold = &other->holds[name];

		if (other == host || !hold->live || sim_exempt(sim, name))
			continue;
		if (sim->now_ms < sim_believed_ms(other, hold))
			sim_fail(sim,
				 "P1: %s is granted on h%d while h%d.%d "
				 "believes it until %lld",
				 sim_name(name), host->number, other->number,
				 hold->conn,
				 (long long)sim_believed_ms(other, hold));
	}
}

/* P2: larger than every token of this name before. */
static void check_token(struct sim *sim, int name, uint64_t token)
{
	if ((token <= sim->token_last[name] && !sim_exempt(sim, name)) ||
	    token > INT64_MAX)
		sim_fail(sim, "P2: token %llu of %s after %llu",
			 (unsigned long long)token, sim_name(name),
			 (unsigned long long)sim->token_last[name]);
	if (token > sim->token_last[name])
		sim->token_last[name] = token;
}

/* P6, on the host: nobody who asked earlier waits still. */
static void check_arrival(struct sim *sim, const struct sim_host *host,
			  int name, const struct sim_ask *ask)
{
	for (int n = 0; n < SIM_CONNS; n++) {
		for (int i = 0; i < SIM_ASKS_MAX; i++) {
			const struct sim_ask *other = &host->conns[n].asks[i];

			if (other->tag && other->name == name &&
			    !other->trying && other->order < ask->order)
				sim_fail(sim,
					 "P6: #%llu is served before #%llu",
					 (unsigned long long)ask->tag,
					 (unsigned long long)other->tag);
		}
	}
}

/* P6 in the cluster, and the ground of all: the bid's node is there, and
 * nobody stands before it, at the leader, now. */
static void check_node(struct sim *sim, const struct sim_host *host, int name,
		       const char *node)
{
	const struct coord_tree_node *own, *parent, *child;
	struct layout_child mine, other;
	char path[256];

	if (sim->seed % 8 == 0)
		return; /* an operator may have been there */
	own = coord_tree_find(sim->tree, 0, node);
	if (!own || coord_tree_stat(own).owner != host->session) {
		sim_fail(sim, "%s is granted on h%d without its node %s",
			 sim_name(name), host->number, node);
		return;
	}
	if (!layout_child_parse(strrchr(node, '/') + 1, &mine))
		return;
	(void)snprintf(path, sizeof path, SIM_ROOT "/%s", sim_name(name));
	parent = coord_tree_find(sim->tree, 0, path);
	for (child = coord_tree_child_first(parent); child;
	     child = coord_tree_child_next(child)) {
		if (child != own &&
		    layout_child_parse(coord_tree_name(child), &other) &&
		    layout_child_before(&other, &mine))
			sim_fail(sim, "P6: %s is granted on h%d past %s",
				 sim_name(name), host->number,
				 coord_tree_name(child));
	}
}

/* P6, R6: a host that has been well for a while knows of a waiter that has
 * stood behind its bid for as long, and yields after turns_ms. */
static void check_budget(struct sim *sim, struct sim_host *host, int name,
			 const char *node)
{
	const int64_t since_ms = sim->now_ms - SIM_WELL_MS;
	const struct coord_tree_node *parent, *child;
	bool waiter = false;
	char path[256];

	(void)snprintf(path, sizeof path, SIM_ROOT "/%s", sim_name(name));
	parent = coord_tree_find(sim->tree, 0, path);
	child = parent ? coord_tree_child_first(parent) : NULL;
	for (; child; child = coord_tree_child_next(child)) {
		if (strcmp(coord_tree_name(child), strrchr(node, '/') + 1) &&
		    coord_tree_stat(child).ctime_ms < since_ms)
			waiter = true;
	}
	if (!waiter || host->trouble_ms > since_ms)
		host->streak[name] = 0;
	else if (++host->streak[name] > SIM_STREAK_MAX)
		sim_fail(sim, "P6: h%d goes on with %s past a known waiter",
			 host->number, sim_name(name));
}

void sim_check_grant(struct sim *sim, struct sim_host *host, int name,
		     const struct sim_ask *ask, const char *node)
{
	const struct sim_hold *hold = &host->holds[name];

	if (hold->gen != host->page_gen || hold->until_ms != host->page_ms)
		sim_fail(sim, "h%d: GRANTED and the page say different things",
			 host->number);
	if (sim->now_ms >= hold->until_ms)
		sim_fail(sim, "h%d: GRANTED past its deadline", host->number);
	check_alone(sim, host, name);
	check_token(sim, name, hold->token);
	check_arrival(sim, host, name, ask);
	check_node(sim, host, name, node);
	check_budget(sim, host, name, node);
}

/* P3: SUSPENDED came before the deadline, if the daemon ran at all in the
 * beat before it. */
void sim_check_lost(struct sim *sim, struct sim_host *host, int name,
		    const char *reason)
{
	const struct sim_hold *hold = &host->holds[name];
	int64_t until_ms = hold->until_ms;

	if (!reason || strcmp(reason, "deadline") != 0 || !hold->live)
		return;
	if (host->page_gen == hold->gen && host->page_ms > until_ms)
		until_ms = host->page_ms;
	if (sim->now_ms < until_ms)
		sim_fail(sim, "P3: LOST on h%d before the deadline",
			 host->number);
	if (host->suspended_ms == 0 &&
	    host->ran_ms > until_ms - SIM_TIMEOUT_MS / 12 &&
	    host->ran_ms < until_ms)
		sim_fail(sim, "P3: LOST on h%d without a SUSPENDED before",
			 host->number);
}

/* After each turn of a host: what has passed its deadline was told so. */
void sim_check_turn(struct sim *sim, struct sim_host *host)
{
	for (int i = 0; i < SIM_NAMES; i++) {
		struct sim_hold *hold = &host->holds[i];

		if (!hold->live)
			continue;
		if (host->page_gen == hold->gen &&
		    host->page_ms > hold->until_ms)
			hold->until_ms = host->page_ms;
		if (sim->now_ms >= hold->until_ms)
			sim_fail(sim, "P3: h%d let the deadline of %s pass",
				 host->number, sim_name(i));
	}
	host->ran_ms = sim->now_ms;
}

/* P4 and P5, when all is healed and everybody has let go. */
void sim_check_rest(struct sim *sim)
{
	const struct coord_tree_node *parent, *child;
	struct hub_state state;
	char path[256];

	for (int i = 0; i < sim->hosts_len; i++) {
		struct sim_host *host = &sim->hosts[i];

		for (int n = 0; n < SIM_CONNS; n++) {
			for (int k = 0; k < SIM_ASKS_MAX; k++) {
				if (host->conns[n].asks[k].tag)
					sim_fail(
					    sim,
					    "P4: h%d.%d: #%llu was "
					    "never answered",
					    i, n,
					    (unsigned long long)host->conns[n]
						.asks[k]
						.tag);
			}
		}
		hub_state(host->hub, &state);
		if (state.held || state.waiting)
			sim_fail(sim,
				 "P5: h%d still has %llu held, %llu "
				 "waiting",
				 i, (unsigned long long)state.held,
				 (unsigned long long)state.waiting);
	}
	for (int i = 0; i < SIM_NAMES; i++) {
		(void)snprintf(path, sizeof path, SIM_ROOT "/%s", sim_name(i));
		parent = coord_tree_find(sim->tree, 0, path);
		child = parent ? coord_tree_child_first(parent) : NULL;
		if (child)
			sim_fail(sim, "P5: %s/%s is left behind", path,
				 coord_tree_name(child));
	}
}
