/* SPDX-License-Identifier: MIT */
/*
 * The servers of the world: two followers with their tables of touches, one
 * that was the leader once, and the leader with its buckets; and who cuts them
 * off.
 */
#include "tests/unit/lease_world.h"

#include <assert.h>

/* Cuts */

/* What is cut stays cut: a link with a hole in it is none that TCP has. */
static void world_cut_pipe(struct world_pipe *pipe, int64_t at)
{
	if (at < pipe->cut)
		pipe->cut = at;
}

static void world_cut(struct world *w, unsigned server, int64_t at)
{
	struct world_server *s = &w->servers[server];

	/* One way first, the other up to two seconds later. */
	world_cut_pipe(&s->up,
		       at + world_below(w, 2 * SECOND) * world_below(w, 2));
	world_cut_pipe(&s->down,
		       at + world_below(w, 2 * SECOND) * world_below(w, 2));
	at = s->up.cut > s->down.cut ? s->up.cut : s->down.cut;
	world_post(
	    w, at + WORLD_SYNC_LIMIT,
	    (struct world_event){ .type = EV_HANG_UP, .server = server });
}

static void world_cut_others(struct world *w, unsigned server)
{
	for (unsigned i = 0; i < WORLD_DEPOSED; i++) {
		if (i != server)
			world_cut_pipe(&w->servers[i].up, w->now + 1);
	}
}

void world_ambush(struct world *w)
{
	if (!w->weather->ambush || w->behind_m || w->ambush_left-- != 0 ||
	    w->server == WORLD_DEPOSED)
		return;
	world_cut(w, w->server, w->now + world_below(w, 50 * MS));
	if (world_below(w, 2)) /* and nobody else is left */
		world_cut_others(w, w->server);
	w->ambush_left = world_below(w, 12);
	w->behind_m = world_below(w, 2);
}

/* A write has just reached the leader: nothing that the server says after it
 * does, though all its answers come down. */
void world_ambush_m(struct world *w, unsigned server)
{
	if (!w->weather->ambush || !w->behind_m || w->ambush_left-- != 0)
		return;
	world_cut(w, server, w->now + 5 * SECOND);
	world_cut_pipe(&w->servers[server].up, w->now + 1);
	if (world_below(w, 2))
		world_cut_others(w, server);
	w->ambush_left = world_below(w, 12);
	w->behind_m = world_below(w, 2);
}

/* The leader hears of the session. */
static void world_touch(struct world *w, int64_t timeout_ms)
{
	int64_t tick = w->weather->tick_ms * MS;

	if (w->polled)
		return; /* too late, whatever is said in between */
	w->expiry = ((w->now + w->phase + timeout_ms * MS) / tick + 1) * tick -
		    w->phase;
	world_post(w, w->expiry,
		   (struct world_event){ .type = EV_POLL, .value = w->expiry });
}

/* A server */

static void world_serve_queue(struct world *w, const struct world_event *ev)
{
	struct world_server *s = &w->servers[ev->server];

	while (s->queue_len) {
		uint64_t op = s->queue[s->queue_at];

		if (!w->ops[op % WORLD_OPS_MAX].ready)
			return;
		s->queue_at = (s->queue_at + 1) % WORLD_OPS_MAX;
		s->queue_len--;
		world_post(w, world_arrival(w, &w->down),
			   (struct world_event){
			       .type = EV_ANSWER, .conn = s->conn, .op = op });
	}
}

static void world_request(struct world *w, const struct world_event *ev)
{
	struct world_server *s = &w->servers[ev->server];
	struct world_op *op = &w->ops[ev->op % WORLD_OPS_MAX];

	if (ev->conn != s->conn || ev->conn != w->conn)
		return;
	s->touched = true;
	if (w->weather->on_leader && ev->server != WORLD_DEPOSED)
		world_touch(w, s->timeout_ms);
	assert(s->queue_len < WORLD_OPS_MAX);
	s->queue[(s->queue_at + s->queue_len++) % WORLD_OPS_MAX] = ev->op;
	op->good = true;
	/* Who was the leader answers a sync by itself, and never a write. */
	op->ready = op->kind == LEASE_READ ||
		    (ev->server == WORLD_DEPOSED && op->kind == LEASE_SYNC);
	if (!op->ready && ev->server != WORLD_DEPOSED)
		world_post(w, world_arrival(w, &s->up),
			   (struct world_event){ .type = EV_FORWARD,
						 .server = ev->server,
						 .conn = ev->conn,
						 .op = ev->op });
	world_serve_queue(w, ev);
}

static void world_connect(struct world *w, const struct world_event *ev)
{
	struct world_server *s = &w->servers[ev->server];

	if (ev->conn != w->conn)
		return;
	if (ev->server == WORLD_DEPOSED && lease_state(w->lease) == LEASE_NONE)
		return; /* a new session wants a quorum */
	s->conn = ev->conn;
	s->queue_at = s->queue_len = 0;
	if (ev->server == WORLD_DEPOSED) /* valid, says who has no quorum */
		world_post(
		    w, world_arrival(w, &w->down),
		    (struct world_event){ .type = EV_CONNECTED,
					  .conn = ev->conn,
					  .yes = true,
					  .value = w->weather->timeout_ms });
	else
		world_post(w, world_arrival(w, &s->up),
			   (struct world_event){ .type = EV_VALIDATE,
						 .server = ev->server,
						 .conn = ev->conn });
}

static void world_valid(struct world *w, const struct world_event *ev)
{
	struct world_server *s = &w->servers[ev->server];
	bool lost =
	    w->weather->short_lost && ev->value != w->weather->timeout_ms;

	if (ev->conn != s->conn || ev->conn != w->conn)
		return;
	s->touched = ev->yes;
	s->timeout_ms = ev->value;
	if (lost)
		return;
	world_post(w, world_arrival(w, &w->down),
		   (struct world_event){ .type = EV_CONNECTED,
					 .conn = ev->conn,
					 .yes = ev->yes,
					 .value = ev->value });
}

/* The table is read now; its answer is written a little later, and a request
 * may slip in between (but nothing of the leader's: one thread does both). */
static void world_ping(struct world *w, const struct world_event *ev)
{
	struct world_server *s = &w->servers[ev->server];

	s->pong = w->now + world_below(w, 3 * MS);
	world_post(w, s->pong,
		   (struct world_event){ .type = EV_PONG,
					 .server = ev->server,
					 .yes = s->touched,
					 .value = s->timeout_ms });
	s->touched = false;
}

void world_server(struct world *w, const struct world_event *ev)
{
	struct world_server *s = &w->servers[ev->server];
	bool leaders = ev->type == EV_RESULT || ev->type == EV_VALID ||
		       ev->type == EV_PING;

	if (leaders && w->now < s->pong) {
		world_post(w, s->pong, *ev);
	} else if (ev->type == EV_CONNECT) {
		world_connect(w, ev);
	} else if (ev->type == EV_REQUEST) {
		world_request(w, ev);
	} else if (ev->type == EV_VALID) {
		world_valid(w, ev);
	} else if (ev->type == EV_RESULT) {
		w->ops[ev->op % WORLD_OPS_MAX].ready = true;
		w->ops[ev->op % WORLD_OPS_MAX].good = ev->yes;
		if (ev->conn == s->conn && ev->conn == w->conn)
			world_serve_queue(w, ev);
	} else if (ev->type == EV_PING) {
		world_ping(w, ev);
	} else if (ev->type == EV_PONG) {
		world_post(w, world_arrival(w, &s->up),
			   (struct world_event){ .type = EV_TOUCHES,
						 .server = ev->server,
						 .yes = ev->yes,
						 .value = ev->value });
	}
}

/* The leader */

static void world_validate(struct world *w, const struct world_event *ev)
{
	struct world_server *s = &w->servers[ev->server];
	int64_t timeout_ms = w->weather->timeout_ms;
	bool again = w->expiry != WORLD_NEVER;

	if (again && w->weather->short_ms && !w->was_short) {
		timeout_ms = w->weather->short_ms;
		w->was_short = true;
		for (unsigned i = 0; i < WORLD_SERVERS; i++) {
			if (w->weather->short_lost) /* and nobody is left */
				world_cut_pipe(&w->servers[i].up, w->now + 1);
		}
	}
	if (w->now < w->closing)
		world_touch(w, timeout_ms);
	world_post(w, world_arrival(w, &s->down),
		   (struct world_event){ .type = EV_VALID,
					 .server = ev->server,
					 .conn = ev->conn,
					 .yes = w->now < w->closing,
					 .value = timeout_ms });
}

/* checkSession, and then the quorum, for writes only. */
static void world_forward(struct world *w, const struct world_event *ev)
{
	bool open = w->now < w->closing;
	int64_t now = w->now, at = now;

	if (open && w->ops[ev->op % WORLD_OPS_MAX].kind == LEASE_WRITE) {
		at += world_delay(w, w->weather->spikes);
		world_ambush_m(w, ev->server);
	}
	if (at < w->committed)
		at = w->committed;
	w->committed = at;
	w->now = at; /* it leaves then */
	world_post(w, world_arrival(w, &w->servers[ev->server].down),
		   (struct world_event){ .type = EV_RESULT,
					 .server = ev->server,
					 .conn = ev->conn,
					 .op = ev->op,
					 .yes = open });
	w->now = now;
}

static void world_ping_loop(struct world *w, const struct world_event *ev)
{
	int64_t stall = w->weather->ping_stall_ms * MS;
	int64_t next = w->now + world_below(w, 20 * MS);

	next += w->weather->ping_ms ? w->weather->ping_ms * MS
				    : w->weather->tick_ms * MS / 2;

	if (stall && w->now >= w->ping_stall && w->now < w->ping_stall + stall)
		next = w->ping_stall + stall;
	else
		world_post(w, world_arrival(w, &w->servers[ev->server].down),
			   (struct world_event){ .type = EV_PING,
						 .server = ev->server });
	world_post(w, next, *ev);
}

static void world_poll(struct world *w)
{
	w->polled = true;
	w->closing = w->now + world_below(w, 5 * MS);
	w->slack_ms = world_clock_ms(w) - w->proven_ms;
	if (w->slack_ms < 0)
		w->unsafe = true;
}

void world_leader(struct world *w, const struct world_event *ev)
{
	if (ev->type == EV_VALIDATE)
		world_validate(w, ev);
	else if (ev->type == EV_FORWARD)
		world_forward(w, ev);
	else if (ev->type == EV_PING_LOOP)
		world_ping_loop(w, ev);
	else if (ev->type == EV_TOUCHES && ev->yes && w->now < w->closing)
		world_touch(w, ev->value);
	else if (ev->type == EV_POLL && !w->polled && ev->value == w->expiry)
		world_poll(w);
}

/* In the beginning */

static void world_stall(struct world *w, struct world_pipe *pipe)
{
	pipe->stall_from = 3 * SECOND + world_below(w, 20 * SECOND);
	pipe->stall_until = pipe->stall_from + world_below(w, 9 * SECOND);
}

void world_begin_servers(struct world *w)
{
	const struct world_weather *weather = w->weather;
	int64_t cut = 4 * SECOND + world_below(w, 16 * SECOND);

	w->phase = world_below(w, weather->tick_ms * MS);
	w->expiry = w->closing = WORLD_NEVER;
	w->ambush_left = world_below(w, 12);
	w->behind_m = world_below(w, 2);
	w->ping_stall = 5 * SECOND + world_below(w, 5 * SECOND);
	for (unsigned i = 0; weather->resets && i < WORLD_RESETS; i++)
		world_post(w, SECOND + world_below(w, 40 * SECOND),
			   (struct world_event){ .type = EV_HANG_UP,
						 .server = i % WORLD_SERVERS });
	for (unsigned i = 0; i < WORLD_DEPOSED; i++) {
		w->servers[i].up = world_pipe_new(weather->spikes);
		w->servers[i].down =
		    world_pipe_new(weather->spikes + weather->lags);
		if (weather->stalls) {
			world_stall(w, &w->servers[i].up);
			world_stall(w, &w->servers[i].down);
		}
		if (!weather->calm && !weather->ambush)
			world_cut(w, i, cut);
		cut += world_below(w, 25 * SECOND);
		world_post(
		    w,
		    world_below(w, (weather->ping_ms ? weather->ping_ms
						     : weather->tick_ms / 2) *
				       MS),
		    (struct world_event){ .type = EV_PING_LOOP, .server = i });
	}
}
