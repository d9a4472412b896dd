/* SPDX-License-Identifier: MIT */
/*
 * sim - the ensemble: who leads, what followers know and when, and the
 * leader's tracker of sessions.
 *
 * View 0 of the tree is what has been committed; server s reads its own view,
 * s + 1.  A follower's requests and its table of touches go to the leader
 * through one pipe, commits and PINGs come back through another, in order.
 * The tracker counts in buckets of a tick with a phase of its own, and ends a
 * session some time after it has polled it.  A new leader gives every session
 * all its time again; the old one may serve reads for a while.
 */
#include <assert.h>
#include <string.h>

#include "sim.h"

/* A follower without its leader, a leader without its quorum: so many ticks
 * until it knows (syncLimit). */
#define SYNC_LIMIT 5
/* The tracker's and the ping loop's own time. */
#define LOOP_US (30 * SIM_MS)
/* A pipe that is further behind than this is a fault that goes on. */
#define HEAL_US (100 * SIM_MS)

unsigned sim_zk_view(int server)
{
	return (unsigned)server + 1;
}

bool sim_zk_serves(const struct sim *sim, int server)
{
	switch (sim->servers[server].role) {
	case SIM_FOLLOWER:
		return sim->leader >= 0;
	case SIM_LEADER:
	case SIM_DEPOSED:
		return true;
	case SIM_DOWN:
		break;
	}
	return false;
}

/* --- sessions --- */

static int64_t bucket_us(const struct sim *sim, int64_t at_us,
			 int64_t timeout_ms)
{
	const struct sim_server *leader = &sim->servers[sim->leader];
	const int64_t tick_ms = sim->weather.tick_ms;
	int64_t clock_ms = (at_us + at_us * leader->ppm / 1000000) / SIM_MS;
	int64_t end_ms =
	    ((clock_ms + leader->phase_ms + timeout_ms) / tick_ms + 1) *
	    tick_ms;
	int64_t end_us = (end_ms - leader->phase_ms) * SIM_MS;

	return end_us - end_us * leader->ppm / 1000000;
}

static void poll_at(struct sim *sim, int number)
{
	struct sim_session *s = &sim->sessions[number];

	sim_push(sim, s->expiry_us, SIM_EV_POLL,
		 (struct sim_event){ .who = number, .gen = ++s->gen });
}

void sim_zk_touch(struct sim *sim, int number, int64_t timeout_ms,
		  int64_t at_us)
{
	struct sim_session *s = &sim->sessions[number];
	int64_t before_us = s->expiry_us;

	if (!s->alive || s->polled || sim->leader < 0)
		return;
	s->timeout_ms = timeout_ms;
	s->expiry_us = bucket_us(sim, at_us, timeout_ms);
	/* The poll that is due looks again; only an earlier one is new. */
	if (s->expiry_us < before_us)
		poll_at(sim, number);
}

int sim_zk_session_find(const struct sim *sim, int64_t id)
{
	for (int i = 0; i < SIM_SESSIONS_MAX; i++) {
		if (id && sim->sessions[i].id == id)
			return i;
	}
	return -1;
}

int sim_zk_session_new(struct sim *sim, int64_t id, int64_t timeout_ms)
{
	for (int i = 0; i < SIM_SESSIONS_MAX; i++) {
		struct sim_session *s = &sim->sessions[i];
		uint32_t gen = s->gen;

		if (s->alive)
			continue;
		*s = (struct sim_session){ .id = id,
					   .alive = true,
					   .timeout_ms = timeout_ms,
					   .expiry_us = SIM_NEVER,
					   .gen = gen };
		coord_tree_session_keep(sim->tree, id, true);
		return i;
	}
	assert(false);
	return -1;
}

static void on_poll(struct sim *sim, const struct sim_event *event)
{
	struct sim_session *s = &sim->sessions[event->who];

	if (s->gen != event->gen || !s->alive || s->polled || sim->leader < 0)
		return;
	if (s->expiry_us > sim->now_us) {
		poll_at(sim, event->who);
		return;
	}
	s->polled = true;
	sim_push(sim, sim->now_us + (int64_t)sim_random(sim, LOOP_US),
		 SIM_EV_CLOSE,
		 (struct sim_event){ .who = event->who, .gen = s->gen });
}

static void on_close(struct sim *sim, const struct sim_event *event)
{
	struct sim_session *s = &sim->sessions[event->who];

	if (s->gen != event->gen || !s->alive || !s->polled)
		return;
	sim_note(sim, "session 0x%llx expires", (unsigned long long)s->id);
	sim->counts.expiries++;
	sim_check_expiry(sim, event->who);
	s->alive = false;
	coord_tree_session_end(sim->tree, s->id);
}

/* --- pings: how a follower's touches get to the leader --- */

static void next_ping(struct sim *sim)
{
	sim_push(sim,
		 sim->now_us + sim->weather.tick_ms * SIM_MS / 2 +
		     (int64_t)sim_random(sim, LOOP_US / 4),
		 SIM_EV_PING, (struct sim_event){ .gen = sim->ping_gen });
}

static void on_ping(struct sim *sim, const struct sim_event *event)
{
	if (event->gen != sim->ping_gen || sim->leader < 0)
		return;
	for (int i = 0; i < sim->weather.servers; i++) {
		struct sim_server *server = &sim->servers[i];

		if (server->role == SIM_FOLLOWER)
			sim_push(
			    sim, sim_pipe_at(sim, &server->down),
			    SIM_EV_PING_AT,
			    (struct sim_event){ .who = i, .gen = server->era });
	}
	next_ping(sim);
}

/* A request may slip between the copy of the table and the answer. */
static void on_ping_at(struct sim *sim, const struct sim_event *event)
{
	struct sim_server *server = &sim->servers[event->who];
	struct sim_event pong = *event;

	pong.value = server->touched;
	server->touched = 0;
	sim_push(sim, sim->now_us + (int64_t)sim_random(sim, 2 * SIM_MS),
		 SIM_EV_PONG_OUT, pong);
}

static void on_pong_in(struct sim *sim, const struct sim_event *event)
{
	for (int i = 0; i < SIM_SESSIONS_MAX; i++) {
		if (event->value >> i & 1)
			sim_zk_touch(sim, i, sim->sessions[i].timeout_ms,
				     sim->now_us);
	}
}

/* --- commits --- */

static void moved(struct sim *sim, int server)
{
	for (int i = 0; i < sim->weather.hosts; i++) {
		struct sim_host *host = &sim->hosts[i];

		if (host->alive && host->link.up && host->link.server == server)
			sim_link_server_moved(sim, host);
	}
}

void sim_zk_propagate(struct sim *sim)
{
	int64_t zxid = coord_tree_zxid(sim->tree);

	if (zxid == sim->told_zxid)
		return;
	sim->told_zxid = zxid;
	for (int i = 0; i < sim->weather.servers; i++) {
		struct sim_server *server = &sim->servers[i];

		if (server->role == SIM_FOLLOWER && sim->leader >= 0) {
			sim_push(sim, sim_pipe_at(sim, &server->down),
				 SIM_EV_APPLY,
				 (struct sim_event){ .who = i,
						     .gen = server->era,
						     .value = (uint64_t)zxid });
		} else if (server->role == SIM_LEADER) {
			coord_tree_view_sync(sim->tree, sim_zk_view(i));
			moved(sim, i);
		}
	}
	sim_other_wear(sim);
	if (coord_tree_shape(sim->tree) == sim->shape)
		return; /* a beat, a refusal */
	sim->shape = coord_tree_shape(sim->tree);
	sim_budget_tree(sim);
	sim_check_tree(sim);
}

/* --- roles --- */

static void set_role(struct sim *sim, int number, enum sim_role role)
{
	struct sim_server *server = &sim->servers[number];

	server->role = role;
	server->era++;
	server->touched = 0;
	server->up = server->down = (struct sim_pipe){ 0 };
	sim_note(sim, "server %d is %s", number,
		 (const char *const[]){ "follower", "leader", "deposed",
					"down" }[role]);
}

/* F11: a server that stops following or leading sends its clients away. */
static void send_away(struct sim *sim, int server)
{
	for (int i = 0; i < sim->weather.hosts; i++) {
		struct sim_host *host = &sim->hosts[i];

		if (host->alive && host->link.up && host->link.server == server)
			sim_link_cut(sim, host);
	}
}

static void fall(struct sim *sim, int number, int64_t for_us)
{
	send_away(sim, number);
	set_role(sim, number, SIM_DOWN);
	sim_push(sim, sim->now_us + for_us, SIM_EV_REJOIN,
		 (struct sim_event){ .who = number,
				     .gen = sim->servers[number].era });
}

/* A bid that has gone meanwhile, and this server will not hear of it. */
static void keep_a_ghost(struct sim *sim, int server, const char *parent_path)
{
	const unsigned view = sim_zk_view(server);
	const struct coord_tree_node *child =
	    coord_tree_find(sim->tree, view, parent_path);
	char path[2 * COORD_PATH_MAX];

	for (child = child ? coord_tree_child_first(child) : NULL; child;
	     child = coord_tree_child_next(child)) {
		(void)layout_path(parent_path, coord_tree_name(child), path,
				  sizeof path);
		if (coord_tree_find(sim->tree, 0, path))
			continue;
		sim->counts.ghosts++;
		sim_note(sim, "server %d keeps %s", server, path);
		coord_tree_ghost(sim->tree, view, path);
		return;
	}
}

static void keep_ghosts(struct sim *sim, int server)
{
	for (int i = 0; i < sim->weather.names; i++)
		keep_a_ghost(sim, server, sim_queue(i));
}

static void follow(struct sim *sim, int number)
{
	set_role(sim, number, SIM_FOLLOWER);
	if (sim->weather.ghosts && number == SIM_SERVERS - 1)
		keep_ghosts(sim, number);
	if (sim->leader >= 0)
		coord_tree_view_sync(sim->tree, sim_zk_view(number));
}

/* The leader is gone; a new one comes. */
static void elect(struct sim *sim, int64_t for_us)
{
	sim->leader = -1;
	sim->ping_gen++;
	sim->counts.elections++;
	for (int i = 0; i < sim->weather.servers; i++) {
		if (sim->servers[i].role == SIM_FOLLOWER) {
			send_away(sim, i);
			set_role(sim, i, SIM_FOLLOWER);
		}
	}
	sim_push(sim, sim->now_us + for_us, SIM_EV_ELECTED,
		 (struct sim_event){ .gen = sim->ping_gen });
}

static void on_elected(struct sim *sim, const struct sim_event *event)
{
	int first = (int)sim_random(sim, (uint64_t)sim->weather.servers);

	if (event->gen != sim->ping_gen)
		return;
	for (int i = 0; i < sim->weather.servers && sim->leader < 0; i++) {
		int number = (first + i) % sim->weather.servers;

		if (sim->servers[number].role == SIM_FOLLOWER)
			sim->leader = number;
	}
	if (sim->leader < 0) {
		sim_push(sim, sim->now_us + 500 * SIM_MS, SIM_EV_ELECTED,
			 *event);
		return;
	}
	set_role(sim, sim->leader, SIM_LEADER);
	coord_tree_new_epoch(sim->tree);
	for (int i = 0; i < sim->weather.servers; i++) {
		if (sim->servers[i].role == SIM_FOLLOWER ||
		    sim->servers[i].role == SIM_LEADER)
			coord_tree_view_sync(sim->tree, sim_zk_view(i));
	}
	sim->told_zxid = coord_tree_zxid(sim->tree);
	for (int i = 0; i < SIM_SESSIONS_MAX; i++) {
		sim->sessions[i].polled = false;
		sim->sessions[i].gen++; /* whatever the old one had planned */
		sim->sessions[i].expiry_us = SIM_NEVER;
		sim_zk_touch(sim, i, sim->sessions[i].timeout_ms, sim->now_us);
	}
	sim->ping_gen++; /* elected once */
	next_ping(sim);
}

/* A follower is without its leader, a leader without its quorum. */
static void on_detach(struct sim *sim, const struct sim_event *event)
{
	const struct sim_server *server = &sim->servers[event->who];
	int64_t until_us = server->down.stall_us;

	if (until_us < server->up.stall_us)
		until_us = server->up.stall_us;
	if (server->role == SIM_DEPOSED)
		until_us = sim->now_us + (int64_t)event->value;
	if (until_us > sim->now_us)
		fall(sim, event->who, until_us - sim->now_us + 50 * SIM_MS);
}

void sim_zk_event(struct sim *sim, const struct sim_event *event)
{
	const int who = event->who;
	bool stale = false;

	if (event->type == SIM_EV_APPLY || event->type == SIM_EV_PING_AT ||
	    event->type == SIM_EV_PONG_OUT || event->type == SIM_EV_PONG_IN ||
	    event->type == SIM_EV_DETACH || event->type == SIM_EV_REJOIN)
		stale = event->gen != sim->servers[who].era;
	if (stale)
		return;
	if (event->type == SIM_EV_APPLY) {
		coord_tree_view_apply(sim->tree, sim_zk_view(who),
				      (int64_t)event->value);
		moved(sim, who);
	} else if (event->type == SIM_EV_PING) {
		on_ping(sim, event);
	} else if (event->type == SIM_EV_PING_AT) {
		on_ping_at(sim, event);
	} else if (event->type == SIM_EV_PONG_OUT) {
		sim_push(sim, sim_pipe_at(sim, &sim->servers[who].up),
			 SIM_EV_PONG_IN, *event);
	} else if (event->type == SIM_EV_PONG_IN) {
		on_pong_in(sim, event);
	} else if (event->type == SIM_EV_POLL) {
		on_poll(sim, event);
	} else if (event->type == SIM_EV_CLOSE) {
		on_close(sim, event);
	} else if (event->type == SIM_EV_DETACH) {
		on_detach(sim, event);
	} else if (event->type == SIM_EV_REJOIN) {
		follow(sim, who);
	} else {
		on_elected(sim, event);
	}
}

/* --- faults --- */

/* Two of three must go on: only one server is ever in trouble. */
static bool all_well(const struct sim *sim)
{
	if (sim->leader < 0)
		return false;
	for (int i = 0; i < sim->weather.servers; i++) {
		const struct sim_server *server = &sim->servers[i];

		if (server->role == SIM_DOWN || server->role == SIM_DEPOSED ||
		    server->up.stall_us > sim->now_us ||
		    server->down.stall_us > sim->now_us)
			return false;
	}
	return true;
}

static int64_t sync_limit_us(struct sim *sim)
{
	int64_t most_us = SYNC_LIMIT * sim->weather.tick_ms * SIM_MS;

	return most_us - (int64_t)sim_random(sim, (uint64_t)most_us / 2);
}

static void cut_server(struct sim *sim, int number, const struct sim_act *act)
{
	struct sim_server *server = &sim->servers[number];
	int64_t until_us = sim->now_us + act->a_ms * SIM_MS;
	int64_t limit_us = sync_limit_us(sim);

	if (act->type != SIM_ACT_SERVER_LAG)
		server->up.stall_us = until_us;
	if (act->type != SIM_ACT_SERVER_CUT_UP)
		server->down.stall_us = until_us;
	sim_note(sim, "server %d is cut from its leader", number);
	if (sim->now_us + limit_us < until_us)
		sim_push(
		    sim, sim->now_us + limit_us, SIM_EV_DETACH,
		    (struct sim_event){ .who = number, .gen = server->era });
}

/* The old leader goes on for a while, and does not know. */
static void depose(struct sim *sim, const struct sim_act *act)
{
	int old = sim->leader;

	set_role(sim, old, SIM_DEPOSED);
	for (int i = 0; i < sim->weather.hosts; i++) {
		struct sim_host *host = &sim->hosts[i];

		if (host->alive && host->link.up && host->link.server == old) {
			host->link.era = sim->servers[old].era;
			coord_local_alone(host->link.inner, true);
		}
	}
	sim_push(sim, sim->now_us + sync_limit_us(sim), SIM_EV_DETACH,
		 (struct sim_event){ .who = old,
				     .gen = sim->servers[old].era,
				     .value = act->salt % 3000000 + 1 });
	elect(sim, act->a_ms * SIM_MS);
}

void sim_zk_act(struct sim *sim, const struct sim_act *act)
{
	int number = (int)(act->salt % (uint64_t)sim->weather.servers);

	if (!all_well(sim))
		return;
	sim->counts.server_faults++;
	if (act->type == SIM_ACT_ELECTION ||
	    (act->type == SIM_ACT_SERVER_CRASH && number == sim->leader)) {
		int leader = sim->leader;

		elect(sim, act->a_ms * SIM_MS);
		fall(sim, leader, act->a_ms * SIM_MS / 2);
	} else if (act->type == SIM_ACT_SERVER_CRASH) {
		fall(sim, number, act->a_ms * SIM_MS);
	} else if (act->type == SIM_ACT_DEPOSE || number == sim->leader) {
		if (sim->weather.servers > 1)
			depose(sim, act);
	} else {
		cut_server(sim, number, act);
	}
}

static bool is_late(const struct sim *sim, const struct sim_pipe *pipe)
{
	return pipe->last_us > sim->now_us + HEAL_US ||
	       pipe->stall_us > sim->now_us;
}

void sim_zk_heal(struct sim *sim)
{
	for (int i = 0; i < sim->weather.servers; i++) {
		struct sim_server *server = &sim->servers[i];

		if (server->role == SIM_DEPOSED || is_late(sim, &server->up) ||
		    is_late(sim, &server->down))
			fall(sim, i, 1); /* what is stalled comes in order */
		else if (server->role == SIM_DOWN)
			follow(sim, i);
	}
	if (sim->leader < 0)
		on_elected(sim, &(struct sim_event){ .gen = sim->ping_gen });
}

static int64_t tree_now(void *ctx)
{
	return ((const struct sim *)ctx)->now_us / SIM_MS;
}

void sim_zk_begin(struct sim *sim)
{
	const struct coord_tree_settings tree = {
		.zxid_start = INT64_C(1) << 32,
		.now_ms = tree_now,
		.ctx = sim,
		.views = sim_zk_view(sim->weather.servers)
	};

	sim->tree = coord_tree_new(&tree);
	assert(sim->tree);
	for (int i = 0; i < sim->weather.servers; i++) {
		sim->servers[i].ppm = (int)sim_random(sim, 1001) - 500;
		sim->servers[i].phase_ms = (int64_t)sim_random(sim, 100000);
		set_role(sim, i, i ? SIM_FOLLOWER : SIM_LEADER);
	}
	sim->leader = 0;
	sim->told_zxid = coord_tree_zxid(sim->tree);
	next_ping(sim);
}
