/* SPDX-License-Identifier: MIT */
/*
 * sim - the promises, judged by what clients were told and by the tree.
 */
#include <stdio.h>
#include <string.h>

#include "daemon/layout.h"
#include "daemon/lease.h"
#include "sim.h"

int64_t sim_believed_ms(const struct sim_host *host,
			const struct sim_hold *hold)
{
	/* The page moves the deadline of every hold of its gen. */
	return host->page_gen == hold->gen ? host->page_ms : hold->until_ms;
}

bool sim_believes(const struct sim *sim, const struct sim_host *host,
		  const struct sim_hold *hold)
{
	return hold->live &&
	       sim_host_ms(sim, host) < sim_believed_ms(host, hold);
}

static const struct coord_tree_node *queue_of(const struct sim *sim, int name)
{
	char path[64];

	(void)snprintf(path, sizeof path, SIM_ROOT "/%s", sim_name(name));
	return coord_tree_find(sim->tree, 0, path);
}

/* --- at a grant --- */

/* P1: nobody else may still believe that it has this lock. */
static void check_alone(struct sim *sim, const struct sim_host *host, int name)
{
	for (int i = 0; i < sim->weather.hosts; i++) {
		const struct sim_host *other = &sim->hosts[i];
		const struct sim_hold *hold = &other->holds[name];

		if (other == host || sim->exempt[name] ||
		    !sim_believes(sim, other, hold))
			continue;
		sim_fail(sim,
			 "P1: %s is granted on h%d while h%d.%d believes it "
			 "until %lld, now %lld",
			 sim_name(name), host->number, other->number,
			 hold->conn, (long long)sim_believed_ms(other, hold),
			 (long long)sim_host_ms(sim, other));
	}
}

/* P2: larger than every token of this name before. */
static void check_token(struct sim *sim, int name, uint64_t token)
{
	if ((token <= sim->token_last[name] && !sim->exempt[name]) ||
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

			if (other->tag && other->act < SIM_ACT_TRY &&
			    other->name == name && other->order < ask->order)
				sim_fail(sim,
					 "P6: #%llu is served before #%llu",
					 (unsigned long long)ask->tag,
					 (unsigned long long)other->tag);
		}
	}
}

/* P6 in the cluster, and the ground of all: the bid's node is there, it is of
 * this session, and nobody stands before it, at the leader, now. */
static void check_node(struct sim *sim, const struct sim_host *host, int name,
		       const char *path)
{
	const struct coord_tree_node *own, *child;
	struct layout_child mine, other;

	if (sim->exempt[name])
		return;
	own = coord_tree_find(sim->tree, 0, path);
	if (!own || coord_tree_stat(own).owner !=
			coord_local_session(host->link.inner)) {
		sim_fail(sim, "P1: %s is granted on h%d without its node %s",
			 sim_name(name), host->number, path);
		return;
	}
	if (!layout_child_parse(strrchr(path, '/') + 1, &mine))
		return;
	for (child = coord_tree_child_first(queue_of(sim, name)); child;
	     child = coord_tree_child_next(child)) {
		if (child != own &&
		    layout_child_parse(coord_tree_name(child), &other) &&
		    layout_child_before(&other, &mine))
			sim_fail(sim, "P6: %s is granted on h%d past %s",
				 sim_name(name), host->number,
				 coord_tree_name(child));
	}
}

/* L-R7, L-R12: a third of T is left, and there is no doubt. */
static void check_lease(struct sim *sim, struct sim_host *host,
			const struct sim_hold *hold)
{
	int64_t now_ms = sim_host_ms(sim, host);

	if (hold->gen != host->page_gen || hold->until_ms != host->page_ms)
		sim_fail(sim, "h%d: GRANTED and the page say different things",
			 host->number);
	if (now_ms >= hold->until_ms)
		sim_fail(sim, "P1: h%d: GRANTED past its deadline",
			 host->number);
	if (host->frozen_us)
		return;
	if (hold->until_ms - now_ms < host->link.told_ms / 3)
		sim_fail(sim, "P1: h%d: GRANTED with only %lld ms left",
			 host->number, (long long)(hold->until_ms - now_ms));
	/* Whoever was told SUSPENDED is told RESUMED in the same turn. */
	for (int i = 0; i < SIM_NAMES_MAX; i++) {
		const struct sim_hold *other = &host->holds[i];

		if (other->live && other->suspended && other->gen == hold->gen)
			host->doubtful = true;
	}
}

void sim_check_grant(struct sim *sim, struct sim_host *host, int name,
		     const struct sim_ask *ask)
{
	const struct sim_hold *hold = &host->holds[name];

	check_lease(sim, host, hold);
	check_alone(sim, host, name);
	check_token(sim, name, hold->token);
	check_arrival(sim, host, name, ask);
	check_node(sim, host, name, hold->node);
	sim_budget_grant(sim, host, name);
}

/* --- at the end of a hold --- */

void sim_check_lost(struct sim *sim, struct sim_host *host, int name,
		    const char *reason)
{
	const struct sim_hold *hold = &host->holds[name];
	/* The page has been emptied by now. */
	int64_t now_ms = sim_host_ms(sim, host);

	if (!reason) {
		sim_fail(sim, "h%d: LOST without a reason", host->number);
	} else if (strcmp(reason, "deadline") == 0) {
		if (now_ms < hold->until_ms)
			sim_fail(sim, "P3: LOST on h%d before the deadline",
				 host->number);
	} else if (strcmp(reason, "expired") == 0) {
		if (sim->sessions[host->link.session].alive)
			sim_fail(sim, "P3: LOST on h%d, but its session lives",
				 host->number);
	} else if (strcmp(reason, "deleted") == 0) {
		if (!sim->exempt[name])
			sim_fail(sim, "P3: nobody deleted %s", hold->node);
	} else if (!host->stopping) {
		sim_fail(sim, "P3: LOST on h%d: %s", host->number, reason);
	}
}

/* L-R4: link-up alone never resumes. */
void sim_check_resumed(struct sim *sim, struct sim_host *host)
{
	host->doubtful = false;
	if (!host->link.proven)
		sim_fail(sim, "P3: RESUMED on h%d, and nothing was committed",
			 host->number);
	if (sim_host_ms(sim, host) >= host->page_ms)
		sim_fail(sim, "P3: RESUMED on h%d after the deadline",
			 host->number);
}

/* --- after each turn of a host --- */

/* P3: the deadline that comes is announced, the one that came is told. */
static void check_notice(struct sim *sim, struct sim_host *host, int name)
{
	struct sim_hold *hold = &host->holds[name];
	int64_t left_ms;

	if (!hold->live)
		return;
	hold->until_ms = sim_believed_ms(host, hold);
	left_ms = hold->until_ms - sim_host_ms(sim, host);
	if (left_ms <= 0)
		sim_fail(sim, "P3: h%d let the deadline of %s pass",
			 host->number, sim_name(name));
	else if (!hold->suspended && !host->stopping &&
		 left_ms <= host->link.told_ms / LEASE_BEATS)
		sim_fail(sim,
			 "P3: h%d: %lld ms before the deadline, and no "
			 "SUSPENDED",
			 host->number, (long long)left_ms);
}

void sim_check_turn(struct sim *sim, struct sim_host *host)
{
	if (host->frozen_us)
		return; /* its first act was before the freeze */
	if (host->doubtful)
		sim_fail(sim, "P1: h%d: GRANTED while suspended", host->number);
	for (int i = 0; i < SIM_NAMES_MAX; i++)
		check_notice(sim, host, i);
	for (int i = 0; i < SIM_CONNS; i++) {
		if (host->conns[i].ended || host->conns[i].quits)
			sim_fail(sim, "P5: h%d.%d has ended and is not closed",
				 host->number, i);
	}
}

/* --- after each change of the tree --- */

/* P1, before anybody else profits: what is believed is there. */
static void check_held(struct sim *sim, const struct sim_host *host, int name)
{
	const struct sim_hold *hold = &host->holds[name];

	if (!sim_believes(sim, host, hold) || sim->exempt[name] ||
	    coord_tree_find(sim->tree, 0, hold->node))
		return;
	sim_fail(sim, "P1: h%d.%d believes in %s until %lld, its node is gone",
		 host->number, hold->conn, sim_name(name),
		 (long long)sim_believed_ms(host, hold));
}

/* P7: what one session's bids have of ephemeral paths, as the ensemble counts
 * them. */
static void check_bytes(struct sim *sim, const struct sim_host *host)
{
	int64_t session = coord_local_session(host->link.inner);
	const struct coord_tree_node *parent, *child;
	size_t bytes = 0;

	if (!session)
		return;
	for (int i = 0; i < sim->weather.names; i++) {
		parent = queue_of(sim, i);
		child = parent ? coord_tree_child_first(parent) : NULL;
		for (; child; child = coord_tree_child_next(child)) {
			if (coord_tree_stat(child).owner == session)
				bytes += 4 + strlen(SIM_ROOT "/a/") +
					 strlen(coord_tree_name(child));
		}
	}
	if (bytes > sim->weather.ephemeral_bytes_max)
		sim_fail(sim, "P7: h%d has %zu bytes of ephemeral paths",
			 host->number, bytes);
}

void sim_check_tree(struct sim *sim)
{
	for (int i = 0; i < sim->weather.hosts; i++) {
		const struct sim_host *host = &sim->hosts[i];

		if (!host->alive)
			continue;
		for (int n = 0; n < sim->weather.names; n++)
			check_held(sim, host, n);
		if (sim->weather.ephemeral_bytes_max < 1024)
			check_bytes(sim, host);
	}
}

/* The theorem: no session ends that its host may still believe. */
void sim_check_expiry(struct sim *sim, int session)
{
	for (int i = 0; i < sim->weather.hosts; i++) {
		const struct sim_host *host = &sim->hosts[i];

		if (!host->alive || coord_local_session(host->link.inner) !=
					sim->sessions[session].id)
			continue;
		sim_note(sim, "it is h%d's, which believes for %lld ms more", i,
			 (long long)(host->page_ms - sim_host_ms(sim, host)));
		if (sim_host_ms(sim, host) < host->page_ms)
			sim_fail(sim,
				 "P1: the session of h%d ends %lld ms before "
				 "its deadline",
				 i,
				 (long long)(host->page_ms -
					     sim_host_ms(sim, host)));
	}
}

/* --- when all is healed and everybody has let go --- */

static void check_answers(struct sim *sim, const struct sim_host *host)
{
	for (int n = 0; n < SIM_CONNS; n++) {
		for (int k = 0; k < SIM_ASKS_MAX; k++) {
			const struct sim_ask *ask = &host->conns[n].asks[k];

			if (ask->tag)
				sim_fail(sim,
					 "P4, P5: h%d.%d: #%llu (%s %s) is not "
					 "answered",
					 host->number, n,
					 (unsigned long long)ask->tag,
					 sim_act_word(ask->act),
					 sim_name(ask->name));
		}
	}
	for (int i = 0; i < SIM_NAMES_MAX; i++) {
		if (host->holds[i].live)
			sim_fail(sim, "P5: h%d.%d cannot let go of %s",
				 host->number, host->holds[i].conn,
				 sim_name(i));
	}
}

static void check_left(struct sim *sim, int name)
{
	const struct coord_tree_node *parent = queue_of(sim, name), *child;

	child = parent ? coord_tree_child_first(parent) : NULL;
	for (; child; child = coord_tree_child_next(child)) {
		for (int i = 0; i < sim->weather.hosts; i++) {
			const struct sim_host *host = &sim->hosts[i];

			if (host->alive &&
			    coord_tree_stat(child).owner ==
				coord_local_session(host->link.inner))
				sim_fail(sim, "P5: h%d left %s behind", i,
					 coord_tree_name(child));
		}
	}
}

void sim_check_rest(struct sim *sim)
{
	struct hub_state state;

	for (int i = 0; i < sim->weather.hosts; i++)
		check_answers(sim, &sim->hosts[i]);
	for (int i = 0; i < sim->weather.names; i++)
		check_left(sim, i);
	for (int i = 0; i < sim->weather.hosts && !*sim->failure; i++) {
		struct sim_host *host = &sim->hosts[i];

		if (!host->alive)
			continue;
		hub_state(host->hub, &state);
		if (state.held || state.waiting)
			sim_fail(sim, "P5: h%d: %llu held, %llu waiting", i,
				 (unsigned long long)state.held,
				 (unsigned long long)state.waiting);
		sim_client_stats(sim, host);
		if (host->ephemeral_bytes != 0)
			sim_fail(sim, "P7: h%d still counts %llu bytes", i,
				 (unsigned long long)host->ephemeral_bytes);
	}
}
