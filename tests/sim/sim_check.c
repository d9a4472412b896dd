/* SPDX-License-Identifier: MIT */
/*
 * sim - the promises, judged by what clients were told and by the tree.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "daemon/layout.h"
#include "daemon/lease.h"
#include "sim.h"

/* The page moves the deadline of every hold of its gen. */
static int64_t proven_ms(const struct sim_host *host,
			 const struct sim_hold *hold)
{
	return host->page_gen == hold->gen ? host->page_ms : hold->until_ms;
}

int64_t sim_believed_ms(const struct sim_host *host,
			const struct sim_hold *hold)
{
	int64_t until_ms = proven_ms(host, hold);

	return hold->max_until_ms && hold->max_until_ms < until_ms
		   ? hold->max_until_ms
		   : until_ms;
}

bool sim_believes(const struct sim *sim, const struct sim_host *host,
		  const struct sim_hold *hold)
{
	return hold->live &&
	       sim_host_ms(sim, host) < sim_believed_ms(host, hold);
}

static const struct coord_tree_node *queue_of(const struct sim *sim, int name)
{
	return coord_tree_find(sim->tree, 0, sim_queue(name));
}

/* --- at a grant --- */

/* What is over on this host was said to be LOST before it is granted again:
 * lines leave in the order in which things happened. */
static void check_told(struct sim *sim, const struct sim_host *host,
		       const struct sim_host *at, const struct sim_hold *other)
{
	if (at == host && !host->frozen_us)
		sim_fail(sim,
			 "P3: h%d grants %s, and h%d.%d is not told LOST yet",
			 host->number, sim_name(other->name), host->number,
			 other->conn);
}

/* P1: nobody else may still believe that it has this lock, unless both share
 * it. */
static void check_alone(struct sim *sim, const struct sim_host *host,
			const struct sim_hold *hold)
{
	for (int i = 0; i < sim->weather.hosts * SIM_HOLDS; i++) {
		const struct sim_host *at = &sim->hosts[i / SIM_HOLDS];
		const struct sim_hold *other = &at->holds[i % SIM_HOLDS];

		if (other == hold || sim->exempt[hold->name] ||
		    other->name != hold->name || !other->live ||
		    (other->shared && hold->shared))
			continue;
		if (!sim_believes(sim, at, other)) {
			check_told(sim, host, at, other);
			continue;
		}
		sim_fail(sim,
			 "P1: %s is granted on h%d.%d while h%d.%d believes it "
			 "until %lld, now %lld",
			 sim_name(hold->name), host->number, hold->conn,
			 at->number, other->conn,
			 (long long)sim_believed_ms(at, other),
			 (long long)sim_host_ms(sim, at));
	}
}

/* P2: those that have ended go into the marks. */
static void sort_out_ended(struct sim *sim, int name)
{
	struct sim_grant *grants = sim->grants[name];
	size_t left = 0;

	for (size_t i = 0; i < sim->grants_len[name]; i++) {
		const struct sim_grant *one = &grants[i];

		if (one->hold->id == one->id &&
		    one->hold->token == one->token &&
		    sim_believes(sim, one->host, one->hold))
			grants[left++] = *one;
		else
			order_ended(&sim->orders[name], one->token,
				    one->shared);
	}
	sim->grants_len[name] = left;
}

static void check_token(struct sim *sim, const struct sim_host *host,
			const struct sim_hold *hold)
{
	const struct order *order = &sim->orders[hold->name];
	size_t *len = &sim->grants_len[hold->name];

	sort_out_ended(sim, hold->name);
	if ((!order_fits(order, hold->token, hold->shared, sim->strict) &&
	     !sim->exempt[hold->name]) ||
	    hold->token > INT64_MAX)
		sim_fail(sim, "P2: %s token %llu of %s after %llu x, %llu s",
			 hold->shared ? "shared" : "exclusive",
			 (unsigned long long)hold->token, sim_name(hold->name),
			 (unsigned long long)order->exclusive,
			 (unsigned long long)order->shared);
	assert(*len < SIM_GRANTS);
	sim->grants[hold->name][(*len)++] =
	    (struct sim_grant){ .hold = hold,
				.host = host,
				.id = hold->id,
				.token = hold->token,
				.shared = hold->shared };
}

/* P6, on the host: nobody who asked earlier waits still. */
static void check_arrival(struct sim *sim, const struct sim_host *host,
			  int name, const struct sim_ask *ask)
{
	for (int n = 0; n < SIM_CONNS; n++) {
		for (int i = 0; i < SIM_ASKS_MAX; i++) {
			const struct sim_ask *other = &host->conns[n].asks[i];

			if (host->conns[n].quits)
				continue; /* it wants nothing any more */
			if (other->tag && other->act < SIM_ACT_TRY &&
			    other->name == name && other->order < ask->order)
				sim_fail(sim,
					 "P6: #%llu is served before #%llu",
					 (unsigned long long)ask->tag,
					 (unsigned long long)other->tag);
		}
	}
}

/* FREE: as if it had been granted, to be let go at once. */
void sim_check_free(struct sim *sim, struct sim_host *host, int conn,
		    const struct sim_ask *ask)
{
	const struct sim_hold nobody = { .name = ask->name, .conn = conn };

	if (ask->act != SIM_ACT_LOOK)
		sim_fail(sim, "P4: h%d.%d: FREE, but it did not WAIT",
			 host->number, conn);
	check_alone(sim, host, &nobody);
	check_arrival(sim, host, ask->name, ask);
	sim_verbs_kept(sim, ask->name, false);
}

/* Does somebody of this host hold on that node? */
static bool held_on(const struct sim *sim, const struct sim_host *host,
		    const char *node_name)
{
	for (int i = 0; i < SIM_HOLDS; i++) {
		const struct sim_hold *hold = &host->holds[i];
		const char *slash = strrchr(hold->node, '/');

		if (slash && sim_believes(sim, host, hold) &&
		    strcmp(slash + 1, node_name) == 0)
			return true;
	}
	return false;
}

/* P6 in the cluster, and the ground of all: the bid's node is there, it is of
 * this session, and nobody whom it excludes stands before it, at the leader,
 * now.  But for the bid that ownership has just slid from (R8): it is of the
 * same session, and held no more. */
static void check_node(struct sim *sim, const struct sim_host *host,
		       const struct sim_hold *hold)
{
	int64_t session = sim_session(&host->link);
	const struct coord_tree_node *own, *child;

	if (sim->exempt[hold->name])
		return;
	own = coord_tree_find(sim->tree, 0, hold->node);
	if (!own || coord_tree_stat(own).owner != session) {
		sim_fail(sim, "P1: %s is granted on h%d without its node %s",
			 sim_name(hold->name), host->number, hold->node);
		return;
	}
	if (sim_number(hold->node) >= LAYOUT_SEQ_REFUSE)
		sim_fail(sim,
			 "P2: %s is granted by %s, whose number may be "
			 "another's too",
			 sim_name(hold->name), hold->node);
	if (hold->slots)
		return; /* beside locks of the same name, which are refused */
	for (child = coord_tree_child_first(queue_of(sim, hold->name)); child;
	     child = coord_tree_child_next(child)) {
		const char *word = coord_tree_name(child);

		if (child == own || !sim_before(word, coord_tree_name(own)) ||
		    (hold->shared && sim_reads(word)))
			continue;
		if (coord_tree_stat(child).owner == session &&
		    !held_on(sim, host, word) && !hold->of_many)
			sim->counts.slides++;
		else
			sim_fail(sim, "P6: %s is granted on h%d past %s",
				 sim_name(hold->name), host->number, word);
	}
}

/* L-R7, L-R12: a third of T is left, and there is no doubt. */
static void check_lease(struct sim *sim, struct sim_host *host,
			const struct sim_hold *hold)
{
	int64_t now_ms = sim_host_ms(sim, host);

	if (hold->gen != host->page_gen || hold->until_ms != host->page_ms)
		sim_fail(sim,
			 "P3: h%d: GRANTED and the page say different things",
			 host->number);
	if (now_ms >= hold->until_ms)
		sim_fail(sim, "P1: h%d: GRANTED past its deadline",
			 host->number);
	if (host->ending)
		sim_fail(sim, "P3: h%d grants after it announced its end",
			 host->number);
	if (host->frozen_us)
		return;
	if (!host->link.told_up)
		sim_fail(sim, "P1: h%d: GRANTED without a connection",
			 host->number);
	if (hold->until_ms - now_ms < host->link.told_ms / 3)
		sim_fail(sim, "P1: h%d: GRANTED with only %lld ms left",
			 host->number, (long long)(hold->until_ms - now_ms));
	/* Whoever was told SUSPENDED is told RESUMED in the same turn. */
	for (int i = 0; i < SIM_HOLDS; i++) {
		const struct sim_hold *other = &host->holds[i];

		if (other->live && other->suspended && other->gen == hold->gen)
			host->doubtful = true;
	}
}

void sim_check_grant(struct sim *sim, struct sim_host *host,
		     const struct sim_hold *hold, const struct sim_ask *ask)
{
	check_lease(sim, host, hold);
	/* A semaphore's tokens are unique only, and each slot is asked for at
	 * ZooKeeper: what is recovered there comes later. */
	if (sim_is_pool(sim, hold->name)) {
		check_node(sim, host, hold);
		sim_pool_granted(sim, host, hold);
		return;
	}
	check_alone(sim, host, hold);
	check_token(sim, host, hold);
	/* R16: those of several names wait for nobody but in the tree. */
	if (!hold->of_many)
		check_arrival(sim, host, hold->name, ask);
	check_node(sim, host, hold);
	if (!*sim->failure && !hold->of_many)
		sim_budget_grant(sim, host, hold);
}

/* --- at the end of a hold --- */

/* For this reason everything is lost. */
static bool ends_session(const char *reason)
{
	return strcmp(reason, "deadline") == 0 ||
	       strcmp(reason, "expired") == 0 ||
	       strcmp(reason, "shutdown") == 0;
}

void sim_check_lost(struct sim *sim, struct sim_host *host,
		    const struct sim_hold *hold, const char *reason)
{
	/* The page has been emptied by now. */
	int64_t now_ms = sim_host_ms(sim, host);

	if (reason && ends_session(reason) && host->page_gen == hold->gen &&
	    now_ms < host->page_ms)
		sim_fail(sim, "P3: LOST on h%d, and its page says held",
			 host->number);
	if (!reason) {
		sim_fail(sim, "P3: h%d: LOST without a reason", host->number);
	} else if (strcmp(reason, "deadline") == 0) {
		if (now_ms < hold->until_ms)
			sim_fail(sim, "P3: LOST on h%d before the deadline",
				 host->number);
	} else if (strcmp(reason, "expired") == 0) {
		if (sim->sessions[host->link.session].alive &&
		    !host->link.bereft)
			sim_fail(sim, "P3: LOST on h%d, but its session lives",
				 host->number);
	} else if (strcmp(reason, "deleted") == 0) {
		if (!sim->exempt[hold->name])
			sim_fail(sim, "P3: nobody deleted %s", hold->node);
	} else if (sim_verbs_lost(sim, host, hold, reason)) {
		return;
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
static void check_notice(struct sim *sim, struct sim_host *host,
			 struct sim_hold *hold)
{
	int64_t left_ms;

	if (!hold->live)
		return;
	hold->until_ms = proven_ms(host, hold);
	left_ms = hold->until_ms - sim_host_ms(sim, host);
	if (!sim_believes(sim, host, hold))
		sim_fail(sim, "P3: h%d let the deadline of %s pass",
			 host->number, sim_name(hold->name));
	else if (!hold->suspended && !host->stopping &&
		 left_ms <= host->link.told_ms / LEASE_BEATS)
		sim_fail(sim,
			 "P3: h%d: %lld ms before the deadline, and no "
			 "SUSPENDED",
			 host->number, (long long)left_ms);
}

void sim_check_turn(struct sim *sim, struct sim_host *host)
{
	if (host->frozen_us) {
		/* Its first act was before the freeze, and RESUMED, which would
		 * have followed, is not said of what is over. */
		host->doubtful = false;
		return;
	}
	if (host->doubtful)
		sim_fail(sim, "P1: h%d: GRANTED while suspended", host->number);
	for (int i = 0; i < SIM_HOLDS; i++)
		check_notice(sim, host, &host->holds[i]);
	sim_calm_turn(sim, host);
	sim_pool_turn(sim);
	for (int i = 0; i < SIM_CONNS; i++) {
		if (host->conns[i].ended || host->conns[i].quits)
			sim_fail(sim, "P5: h%d.%d has ended and is not closed",
				 host->number, i);
	}
}

/* --- after each change of the tree --- */

/* P1, before anybody else profits: what is believed is there. */
static void check_held(struct sim *sim, const struct sim_host *host,
		       struct sim_hold *hold)
{
	if (!sim_believes(sim, host, hold) ||
	    coord_tree_find(sim->tree, 0, hold->node))
		return;
	if (sim->exempt[hold->name]) {
		if (!hold->missing_us)
			hold->missing_us = sim->now_us;
		return;
	}
	sim_fail(sim, "P1: h%d.%d believes in %s until %lld, its node is gone",
		 host->number, hold->conn, sim_name(hold->name),
		 (long long)sim_believed_ms(host, hold));
}

/* P7: what one session's bids have of ephemeral paths, as the ensemble counts
 * them. */
static void check_bytes(struct sim *sim, const struct sim_host *host)
{
	int64_t session = sim_session(&host->link);
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
		struct sim_host *host = &sim->hosts[i];

		if (!host->alive)
			continue;
		for (int n = 0; n < SIM_HOLDS; n++)
			check_held(sim, host, &host->holds[n]);
		if (sim->weather.ephemeral_bytes_max < 1024)
			check_bytes(sim, host);
	}
}

/* The theorem: no session ends that its host may still believe. */
void sim_check_expiry(struct sim *sim, int session)
{
	sim_calm_expiry(sim, session);
	for (int i = 0; i < sim->weather.hosts; i++) {
		const struct sim_host *host = &sim->hosts[i];

		if (!host->alive ||
		    sim_session(&host->link) != sim->sessions[session].id)
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
	for (int i = 0; i < SIM_HOLDS; i++) {
		if (host->holds[i].live)
			sim_fail(sim, "P5: h%d.%d cannot let go of %s",
				 host->number, host->holds[i].conn,
				 sim_name(host->holds[i].name));
	}
}

static void check_left_in(struct sim *sim, const char *path)
{
	const struct coord_tree_node *parent, *child;

	parent = coord_tree_find(sim->tree, 0, path);
	child = parent ? coord_tree_child_first(parent) : NULL;
	for (; child; child = coord_tree_child_next(child)) {
		for (int i = 0; i < sim->weather.hosts; i++) {
			const struct sim_host *host = &sim->hosts[i];

			if (host->alive && coord_tree_stat(child).owner ==
					       sim_session(&host->link))
				sim_fail(sim, "P5: h%d left %s behind", i,
					 coord_tree_name(child));
		}
	}
}

static void check_left(struct sim *sim, int name)
{
	static const char *const below[] = { "", "/" LAYOUT_SLOTS_ENTRY,
					     "/" LAYOUT_SLOTS_LEASES };
	char path[64];

	for (size_t i = 0; i < sizeof below / sizeof *below; i++) {
		(void)snprintf(path, sizeof path, SIM_ROOT "/%s%s",
			       sim_name(name), below[i]);
		check_left_in(sim, path);
	}
}

void sim_check_rest(struct sim *sim)
{
	struct hub_state state;

	for (int i = 0; i < sim->weather.hosts; i++)
		check_answers(sim, &sim->hosts[i]);
	for (int i = 0; i < sim->weather.names; i++)
		check_left(sim, i);
	sim_other_rest(sim);
	for (int i = 0; i < sim->weather.hosts && !*sim->failure; i++) {
		struct sim_host *host = &sim->hosts[i];

		if (!host->alive)
			continue;
		hub_state(host->hub, &state);
		if (state.held || state.waiting)
			sim_fail(sim, "P5: h%d: %llu held, %llu waiting", i,
				 (unsigned long long)state.held,
				 (unsigned long long)state.waiting);
		if (sim->seed / 12 % 4) /* it is long */
			continue;
		sim_client_stats(sim, host);
		if (host->ephemeral_bytes != 0)
			sim_fail(sim, "P7: h%d still counts %llu bytes", i,
				 (unsigned long long)host->ephemeral_bytes);
	}
}
