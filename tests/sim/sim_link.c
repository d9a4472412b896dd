/* SPDX-License-Identifier: MIT */
/*
 * sim - a host's connection to a server.
 *
 * It stands between the hub and coord_local, sees every operation and every
 * answer, and says when coord_local may take its next step: a request arrives
 * at the server, a write goes on to the leader, comes back with the commit,
 * an answer is delivered.  What breaks on the way is lost, and some of it is
 * applied all the same.
 */
#include <assert.h>
#include <string.h>

#include "sim.h"

/* How long a trap keeps answers away, for a create to come. */
#define TRAP_US (1500 * SIM_MS)

/* --- what the coordinator is --- */

static struct sim_link *self(struct coord *coord)
{
	return (struct sim_link *)coord;
}

static struct sim_event of_link(const struct sim_link *link)
{
	return (struct sim_event){ .who = link->host->number,
				   .gen = link->gen };
}

static bool is_write(enum coord_verb verb)
{
	return verb == COORD_CREATE || verb == COORD_SET ||
	       verb == COORD_DELETE || verb == COORD_MULTI;
}

/* The session's place; -1 when its server knows more of it than the leader. */
static int session_of(const struct sim *sim, const struct sim_link *link)
{
	int64_t id = coord_local_session(link->inner);

	return id && sim->sessions[link->session].id == id ? link->session : -1;
}

static void send_packets(struct sim *sim, struct sim_link *link)
{
	while (link->due < coord_local_packets(link->inner)) {
		sim_push(sim, sim_pipe_at(sim, &link->in), SIM_EV_DELIVER,
			 of_link(link));
		link->due++;
	}
}

/* The connection is gone.  Of what was under way some is applied later, unless
 * the session moves to another server first. */
static void lost(struct sim *sim, struct sim_link *link, bool orphans)
{
	const struct sim_server *server = &sim->servers[link->server];
	size_t most = link->queue.len;
	int64_t at_us = sim->now_us;

	if (link->stage != SIM_AT_SERVER && link->stage != SIM_TO_LEADER)
		most = 0; /* the first has been applied, the rest waited */
	else if (link->out.stall_us > sim->now_us)
		most = link->arrived;
	if (server->role == SIM_DEPOSED || server->up.stall_us > sim->now_us)
		most = 0;
	link->up = false;
	link->gen++;
	link->queue.len = link->arrived = link->due = 0;
	link->stage = SIM_AT_SERVER;
	most = orphans ? sim_random(sim, most + 1) : 0;
	for (size_t i = 0; i < most; i++) {
		at_us += sim_latency(sim);
		sim_push(sim, at_us, SIM_EV_ORPHAN, of_link(link));
	}
	sim_link_want(sim, link->host);
}

void sim_link_cut(struct sim *sim, struct sim_host *host)
{
	struct sim_link *link = &host->link;

	if (!host->alive || !link->up)
		return;
	sim_note(sim, "h%d loses server %d, %zu under way, %zu back",
		 host->number, link->server, link->queue.len, link->due);
	sim->counts.cuts++;
	coord_local_cut(link->inner);
	lost(sim, link, true);
	sim_host_stir(sim, host);
}

/* coord_local has broken the link itself: the session is no more. */
static bool noticed_end(struct sim *sim, struct sim_link *link)
{
	if (coord_local_attached(link->inner))
		return false;
	sim_note(sim, "h%d is sent away by server %d", link->host->number,
		 link->server);
	lost(sim, link, false);
	sim_host_stir(sim, link->host);
	return true;
}

static void served(struct sim_link *link)
{
	sim_ring_drop(&link->queue);
	link->arrived--;
	link->stage = SIM_AT_SERVER;
}

/* The server goes on with what has arrived, in order. */
static void serve(struct sim *sim, struct sim_link *link)
{
	struct sim_server *server = &sim->servers[link->server];

	while (link->up && link->arrived && link->stage == SIM_AT_SERVER) {
		enum coord_verb verb = sim_ring_first(&link->queue)->verb;
		bool alone = server->role == SIM_DEPOSED;
		int64_t at_us = sim->now_us + sim_latency(sim);

		if (!is_write(verb) && (verb != COORD_SYNC || alone)) {
			(void)coord_local_serve(link->inner);
			if (noticed_end(sim, link))
				return;
			served(link);
			continue;
		}
		link->stage = SIM_TO_LEADER;
		if (alone)
			break; /* it waits for a quorum that is elsewhere */
		if (server->role == SIM_FOLLOWER)
			at_us = sim_pipe_at(sim, &server->up);
		sim_push(sim, at_us, SIM_EV_AT_LEADER, of_link(link));
	}
	send_packets(sim, link);
}

static void on_arrive(struct sim *sim, struct sim_link *link)
{
	struct sim_server *server = &sim->servers[link->server];
	int session = session_of(sim, link);

	if (link->arrived == link->queue.len)
		return; /* dropped since */
	link->arrived++;
	if (session >= 0 && server->role == SIM_LEADER)
		sim_zk_touch(sim, session, sim->sessions[session].timeout_ms,
			     sim->now_us);
	else if (session >= 0 && server->role == SIM_FOLLOWER)
		server->touched |= UINT64_C(1) << session;
	serve(sim, link);
}

/* The answer to create is lost, and a server that knows nothing of it yet may
 * be the next one. */
static void ambush_create(struct sim *sim, struct sim_link *link)
{
	int64_t until_us = sim->now_us + link->create_ms * SIM_MS;

	sim->counts.ambushes++;
	link->create_ms = 0;
	for (int i = 0; i < sim->weather.servers; i++) {
		struct sim_server *server = &sim->servers[i];

		if (i != link->server && server->role == SIM_FOLLOWER &&
		    server->down.stall_us < until_us)
			server->down.stall_us = until_us;
	}
	link->trap = link->trap > 0 ? -link->trap : 0;
	sim_link_cut(sim, link->host);
}

static void on_at_leader(struct sim *sim, struct sim_link *link)
{
	struct sim_server *server = &sim->servers[link->server];
	struct sim_request head = *sim_ring_first(&link->queue);
	bool follows = server->role == SIM_FOLLOWER;

	if (sim->leader < 0 || server->role == SIM_DEPOSED)
		return; /* it waits for the end of the link */
	if (link->delete_ms && head.deletes) {
		sim->counts.ambushes++;
		link->delete_ms = 0;
		sim_link_cut(sim, link->host); /* applied or not */
		return;
	}
	if (is_write(head.verb) || !follows) {
		(void)coord_local_serve(link->inner);
		if (noticed_end(sim, link))
			return;
		sim_zk_propagate(sim); /* before the answer, in one pipe */
	}
	if (link->create_ms && head.creates) {
		link->stage = SIM_FROM_LEADER;
		ambush_create(sim, link);
		return;
	}
	link->stage = SIM_FROM_LEADER;
	sim_push(sim, follows ? sim_pipe_at(sim, &server->down) : sim->now_us,
		 SIM_EV_BACK, of_link(link));
}

/* The answer is at the server; a sync asks now. */
static void on_back(struct sim *sim, struct sim_link *link)
{
	size_t before = coord_local_packets(link->inner);

	if (is_write(sim_ring_first(&link->queue)->verb) ||
	    sim->servers[link->server].role == SIM_FOLLOWER)
		(void)coord_local_serve(link->inner);
	if (noticed_end(sim, link))
		return;
	if (coord_local_packets(link->inner) == before &&
	    sim->servers[link->server].role == SIM_FOLLOWER) {
		link->stage = SIM_AWAITS_VIEW;
		return;
	}
	served(link);
	serve(sim, link);
}

void sim_link_server_moved(struct sim *sim, struct sim_host *host)
{
	struct sim_link *link = &host->link;

	if (link->stage == SIM_AWAITS_VIEW && coord_local_serve(link->inner)) {
		if (noticed_end(sim, link))
			return;
		served(link);
		serve(sim, link);
	}
	send_packets(sim, link);
}

static void on_deliver(struct sim *sim, struct sim_link *link)
{
	link->due--;
	link->heard_us = sim->now_us;
	(void)coord_local_deliver(link->inner);
	sim_host_stir(sim, link->host);
}

static void on_orphan(struct sim *sim, struct sim_link *link)
{
	if (link->up || sim->leader < 0 || !coord_local_wants_link(link->inner))
		return;
	if (coord_local_serve(link->inner)) {
		sim->counts.orphans++;
		sim_note(sim, "h%d: applied all the same", link->host->number);
	}
}

static void on_silence(struct sim *sim, struct sim_link *link)
{
	int64_t most_us = sim->weather.timeout_ms * SIM_MS * 2 / 3;
	int64_t at_us = link->heard_us + most_us;

	if (at_us <= sim->now_us) {
		sim_note(sim, "h%d hears nothing", link->host->number);
		sim_link_cut(sim, link->host);
		return;
	}
	sim_push(sim, at_us, SIM_EV_SILENCE, of_link(link));
}

/* --- connecting --- */

static void try_again(struct sim *sim, struct sim_link *link, int64_t most_ms)
{
	int64_t wait_us =
	    (int64_t)sim_random(sim, (uint64_t)(most_ms * SIM_MS));

	sim_push(sim, sim->now_us + wait_us + SIM_MS, SIM_EV_CONNECT,
		 of_link(link));
}

void sim_link_want(struct sim *sim, struct sim_host *host)
{
	struct sim_link *link = &host->link;

	if (link->trying || !coord_local_wants_link(link->inner))
		return;
	link->trying = true;
	try_again(sim, link, sim->healing || sim_chance(sim, 2) ? 20 : 800);
}

void sim_link_retry(struct sim *sim, struct sim_host *host)
{
	if (host->link.up)
		return;
	host->link.gen++;
	host->link.trying = false;
	sim_link_want(sim, host);
}

static void on_connect(struct sim *sim, struct sim_link *link)
{
	if (!coord_local_wants_link(link->inner)) {
		link->trying = false;
		return;
	}
	link->server = (int)sim_random(sim, (uint64_t)sim->weather.servers);
	if (link->dropped && link->server == link->left)
		link->server = (link->server + 1) % sim->weather.servers;
	if (link->trap < 0)
		link->server = -link->trap - 1;
	if (link->trap < 0 && sim->servers[link->server].role != SIM_DEPOSED)
		link->trap = 0; /* too late */
	link->dropped = false;
	link->connect_ms = sim_host_ms(sim, link->host);
	sim_push(sim, sim->now_us + sim_latency(sim), SIM_EV_HANDSHAKE,
		 of_link(link));
}

/* A session needs a quorum to begin. */
static bool can_begin(const struct sim *sim, const struct sim_link *link)
{
	const struct sim_server *server = &sim->servers[link->server];

	return server->role == SIM_LEADER ||
	       (server->role == SIM_FOLLOWER &&
		server->up.stall_us <= sim->now_us &&
		server->down.stall_us <= sim->now_us);
}

static bool is_welcome(const struct sim *sim, const struct sim_link *link)
{
	const struct sim_server *server = &sim->servers[link->server];
	bool fresh = coord_local_session(link->inner) == 0;

	if (!sim_zk_serves(sim, link->server))
		return false;
	if (fresh && !can_begin(sim, link))
		return false;
	if (server->role == SIM_FOLLOWER && server->up.stall_us > sim->now_us)
		return false; /* nor can it ask its leader for an old one */
	return coord_local_zxid_seen(link->inner) <=
	       coord_tree_view_zxid(sim->tree, sim_zk_view(link->server));
}

static void on_handshake(struct sim *sim, struct sim_link *link)
{
	const struct sim_server *server = &sim->servers[link->server];
	int session = session_of(sim, link);
	int64_t slow_us = 0;

	if (!coord_local_wants_link(link->inner)) {
		link->trying = false;
		return;
	}
	if (!is_welcome(sim, link)) {
		try_again(sim, link, sim->healing ? 50 : 1000);
		return;
	}
	link->era = server->era;
	link->greeted_us = sim->now_us;
	if (session >= 0 && server->role != SIM_DEPOSED)
		sim_zk_touch(sim, session, sim->sessions[session].timeout_ms,
			     sim->now_us);
	if (!sim->healing && sim_chance(sim, 8) && !sim->weather.quiet)
		slow_us = (int64_t)sim_random(sim, 1500 * SIM_MS);
	sim_push(sim, sim->now_us + sim_latency(sim) + slow_us,
		 SIM_EV_CONNECTED, of_link(link));
}

static void attach(struct sim *sim, struct sim_link *link)
{
	struct sim_host *host = link->host;
	int session = session_of(sim, link);
	int64_t timeout_ms = sim->weather.timeout_ms;
	bool fresh;

	if (link->exchange && session >= 0 && can_begin(sim, link)) {
		sim_exchange(sim, link);
		session = -1;
	}
	fresh = coord_local_session(link->inner) == 0;
	if (session >= 0)
		timeout_ms = sim->sessions[session].timeout_ms;
	coord_local_alone(link->inner,
			  sim->servers[link->server].role == SIM_DEPOSED);
	if (link->short_ms && link->short_ms < timeout_ms && session >= 0 &&
	    !host->freeze_us) { /* A3: it is told of it, and in time */
		sim->counts.shorts++;
		timeout_ms = link->short_ms;
		link->short_ms = 0;
		sim_zk_touch(sim, session, timeout_ms, sim->now_us);
	}
	coord_local_timeout_set(link->inner, timeout_ms);
	coord_local_attach(link->inner, sim_zk_view(link->server),
			   link->connect_ms);
	link->trying = false;
	sim_host_wake(sim, host, sim->now_us);
	if (!coord_local_attached(link->inner))
		return; /* it was told that the session has expired */
	if (fresh) {
		link->session = sim_zk_session_new(
		    sim, coord_local_session(link->inner), timeout_ms);
		sim_zk_touch(sim, link->session, timeout_ms, link->greeted_us);
	}
	if (fresh || timeout_ms < link->told_ms)
		link->told_ms = timeout_ms;
	link->up = true;
	link->gen++;
	link->out = link->in = (struct sim_pipe){ 0 };
	if (link->trap > 0 && sim->servers[link->server].role != SIM_DEPOSED)
		link->in.stall_us = sim->now_us + TRAP_US;
	if (link->trap < 0)
		link->trap = 0;
	link->heard_us = sim->now_us;
	sim_push(sim, sim->now_us + timeout_ms * SIM_MS / 2, SIM_EV_SILENCE,
		 of_link(link));
	send_packets(sim, link);
}

static void on_connected(struct sim *sim, struct sim_link *link)
{
	const struct sim_server *server = &sim->servers[link->server];

	if (!coord_local_wants_link(link->inner)) {
		link->trying = false;
		return;
	}
	if (server->era != link->era || !is_welcome(sim, link)) {
		try_again(sim, link, sim->healing ? 50 : 500);
		return;
	}
	sim_note(sim, "h%d connects to server %d (%s)", link->host->number,
		 link->server,
		 server->role == SIM_LEADER    ? "leader"
		 : server->role == SIM_DEPOSED ? "deposed"
					       : "follower");
	attach(sim, link);
}

/* --- what the hub sees --- */

static void link_connect(struct coord *coord)
{
	struct sim_link *link = self(coord);
	struct sim *sim = sim_world();

	link->inner->ops->connect(link->inner);
	sim_link_want(sim, link->host);
}

/* What an operation, or a part of one, writes. */
static void note_write(struct sim_request *row, const struct coord_op *op)
{
	size_t parent = 0;
	int name = sim_path_name(op->path, &parent);
	bool bid = name >= 0 && op->path[parent] == '/';

	row->creates |= bid && op->verb == COORD_CREATE;
	row->deletes |=
	    bid && op->verb == COORD_DELETE && sim_number(op->path) >= 0;
	if (name >= 0)
		row->names |= (uint8_t)(1 << name);
}

static void send(struct sim *sim, struct sim_link *link,
		 const struct coord_op *op, struct sim_request *row)
{
	/* What a server says no to, it takes for nothing but a question. */
	const struct coord_op nothing = { .id = op->id,
					  .verb = COORD_GET,
					  .path = SIM_ROOT };

	row->zk_rc = link->up ? sim_refuse(sim, link, row) : 0;
	*sim_ring_put(&link->asked) = *row;
	if (row->zk_rc) {
		op = &nothing;
		row->verb = nothing.verb;
		row->creates = row->deletes = false;
	}
	if (link->up) {
		*sim_ring_put(&link->queue) = *row;
		sim_push(sim, sim_pipe_at(sim, &link->out), SIM_EV_ARRIVE,
			 of_link(link));
	}
	link->inner->ops->submit(link->inner, op, 1);
}

static void link_submit(struct coord *coord, const struct coord_op *ops,
			size_t len)
{
	struct sim_link *link = self(coord);
	struct sim *sim = sim_world();

	for (size_t i = 0; i < len; i++) {
		const struct coord_op *op = &ops[i];
		size_t parent = 0;
		struct sim_request row = { .id = op->id, .verb = op->verb };

		row.name = sim_path_name(op->path, &parent);
		row.searches = sim_budget_searches(link, &row);
		note_write(&row, op);
		for (size_t k = 0; k < op->subs_len; k++)
			note_write(&row, &op->subs[k]);
		send(sim, link, op, &row);
	}
}

static void link_drop(struct coord *coord)
{
	struct sim_link *link = self(coord);
	struct sim *sim = sim_world();

	link->inner->ops->drop_link(link->inner);
	link->dropped = true;
	link->left = link->server;
	if (link->up)
		lost(sim, link, true);
}

bool sim_link_clear(const struct sim *sim, const struct sim_host *host)
{
	const struct sim_link *link = &host->link;
	const struct sim_server *server = &sim->servers[link->server];

	return link->up && link->out.stall_us <= sim->now_us &&
	       sim->leader >= 0 && server->role != SIM_DEPOSED &&
	       server->up.stall_us <= sim->now_us;
}

static void link_close(struct coord *coord)
{
	struct sim_link *link = self(coord);
	struct sim *sim = sim_world();
	int session = session_of(sim, link);

	coord_local_stall(link->inner, !sim_link_clear(sim, link->host));
	link->inner->ops->close(link->inner);
	sim_zk_propagate(sim); /* others see it before the daemon goes on */
	if (session >= 0 &&
	    !coord_tree_session_alive(sim->tree, sim->sessions[session].id))
		sim->sessions[session].alive = false;
	link->up = false;
	link->gen++;
	link->trying = false;
	link->queue.len = link->arrived = link->due = 0;
	link->stage = SIM_AT_SERVER;
}

/* Answers that concern bids; beats would drown the rest. */
static void note_answer(struct sim *sim, const struct sim_link *link,
			const struct sim_request *row,
			const struct coord_event *ev)
{
	static const char *const verbs[] = { "create", "list", "get",  "set",
					     "delete", "sync", "multi" };
	static const char *const results[] = { "ok",     "no node", "exists",
					       "full",   "version", "maybe",
					       "unsent", "refused" };

	if (!sim->trace || row->name < 0)
		return;
	sim_note(sim, "h%d hears: %s %s: %s %s", link->host->number,
		 verbs[row->verb], sim_name(row->name),
		 results[ev->answer.result],
		 ev->answer.path ? ev->answer.path : "");
	for (size_t i = 0; i < ev->answer.children_len; i++)
		sim_note(sim, "   - %s", ev->answer.children[i]);
}

static void answered(struct sim *sim, struct sim_link *link,
		     struct coord_event *ev)
{
	enum coord_result result;
	struct sim_request row;

	if (!sim_ring_take(&link->asked, ev->answer.id, &row)) {
		sim_fail(sim, "P4: h%d: an answer that nobody asked for",
			 link->host->number);
		return;
	}
	sim_refuse_answer(sim, link, &row, ev);
	note_answer(sim, link, &row, ev);
	result = ev->answer.result;
	if (result == COORD_MAYBE || result == COORD_NOT_SENT ||
	    result == COORD_REFUSED)
		return;
	if (is_write(row.verb)) {
		link->proven = true;
		if (link->proof_ms)
			link->sprung = true;
	}
	if (row.verb == COORD_LIST && row.name >= 0 && !row.searches)
		sim_budget_listed(sim, link->host, row.name, ev);
}

static bool link_next(struct coord *coord, struct coord_event *event_out)
{
	struct sim_link *link = self(coord);

	do {
		if (!link->inner->ops->next(link->inner, event_out))
			return false;
	} while (!sim_exchange_event(link, event_out));
	if (event_out->type == COORD_EV_ATTACHED) {
		link->proven = false;
		sim_refuse_attached(link, event_out->attached.fresh);
	}
	if (event_out->type == COORD_EV_ANSWER)
		answered(sim_world(), link, event_out);
	else if (event_out->type == COORD_EV_WATCH)
		sim_calm_watch(sim_world(), link->host, event_out->watch.path);
	else
		link->told_up = event_out->type == COORD_EV_ATTACHED;
	return true;
}

/* --- life --- */

static const struct coord_ops link_ops = { .connect = link_connect,
					   .submit = link_submit,
					   .drop_link = link_drop,
					   .close = link_close,
					   .next = link_next };

void sim_link_begin(struct sim *sim, struct sim_host *host)
{
	const struct coord_local_settings settings = {
		.timeout_ms = sim->weather.timeout_ms,
		.server = "tree",
		.stepped = true
	};
	struct sim_link *link = &host->link;
	uint32_t gen = link->gen + 1;

	memset(link, 0, sizeof *link);
	link->gen = gen;
	link->face.ops = &link_ops;
	link->host = host;
	link->inner = coord_local_new(sim->tree, &settings);
	assert(link->inner);
}

void sim_link_end(struct sim *sim, struct sim_host *host)
{
	struct sim_link *link = &host->link;
	size_t most = link->queue.len;

	if (link->stage != SIM_AT_SERVER || !sim_link_clear(sim, host))
		most = 0;
	coord_local_cut(link->inner);
	for (uint64_t n = sim_random(sim, most + 1); n; n--)
		(void)coord_local_serve(link->inner);
	coord_local_free(link->inner);
	link->inner = NULL;
	link->up = false;
	link->gen++;
}

void sim_link_event(struct sim *sim, const struct sim_event *event)
{
	struct sim_host *host = &sim->hosts[event->who];
	struct sim_link *link = &host->link;
	struct sim_event later = *event;

	if (!host->alive || event->gen != link->gen)
		return;
	if (host->paused_us > sim->now_us &&
	    (event->type == SIM_EV_CONNECT || event->type == SIM_EV_CONNECTED ||
	     event->type == SIM_EV_SILENCE)) {
		sim_push(sim, host->paused_us, event->type, later);
		return; /* the library needs the process */
	}
	if (event->type == SIM_EV_CONNECT)
		on_connect(sim, link);
	else if (event->type == SIM_EV_HANDSHAKE)
		on_handshake(sim, link);
	else if (event->type == SIM_EV_CONNECTED)
		on_connected(sim, link);
	else if (event->type == SIM_EV_SILENCE)
		on_silence(sim, link);
	else if (event->type == SIM_EV_ARRIVE)
		on_arrive(sim, link);
	else if (event->type == SIM_EV_AT_LEADER)
		on_at_leader(sim, link);
	else if (event->type == SIM_EV_BACK)
		on_back(sim, link);
	else if (event->type == SIM_EV_DELIVER)
		on_deliver(sim, link);
	else
		on_orphan(sim, link);
}
