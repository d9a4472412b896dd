/* SPDX-License-Identifier: MIT */
/*
 * sim - a host: the real hub, its doors, its clock, its births and deaths.
 */
#include <assert.h>
#include <string.h>

#include "sim.h"

/* A loop that turns again at once, so often, with nothing new. */
#define SPINS_MAX 50
/* Asked to stop, it is killed after as many timeouts. */
#define STOP_PATIENCE 2

/* --- doors --- */

/* For the history: its process stands still, goes on. */
static void stands(struct sim *sim, struct sim_host *host, bool still)
{
	if (host->deaf == still)
		return;
	host->deaf = still;
	sim_tell(sim, "%s h%d", still ? "stop" : "go", host->number);
}

static int64_t door_now(void *ctx)
{
	struct sim_host *host = ctx;
	struct sim *sim = sim_world();

	if (host->freeze_us && host->freeze_in-- == 0) {
		sim_note(sim, "h%d freezes within its turn", host->number);
		host->frozen_us = host->freeze_us;
		host->freeze_us = 0;
		stands(sim, host, true);
		/* What it says from now on leaves when it thaws. */
		host->link.out.stall_us = sim->now_us + host->frozen_us;
	}
	return sim_host_ms(sim, host);
}

static void door_send(void *ctx, uint64_t conn, const char *bytes, size_t len)
{
	char line[8192 + 1];

	while (len) {
		const char *end = memchr(bytes, '\n', len);
		size_t one = (size_t)(end - bytes);

		memcpy(line, bytes, one);
		line[one] = '\0';
		sim_client_told(sim_world(), ctx, conn, line);
		bytes += one + 1;
		len -= one + 1;
	}
}

static bool door_bulk(void *ctx, uint64_t conn, const char *bytes, size_t len)
{
	door_send(ctx, conn, bytes, len);
	return true;
}

static void door_close(void *ctx, uint64_t conn)
{
	struct sim_host *host = ctx;

	for (int i = 0; i < SIM_CONNS; i++) {
		if (host->conns[i].id == conn)
			sim_client_closed(sim_world(), host, i);
	}
}

static void door_pause(void *ctx, uint64_t conn, bool paused)
{
	(void)ctx;
	(void)conn;
	(void)paused;
}

static void door_page(void *ctx, uint16_t gen, int64_t deadline_ms)
{
	struct sim_host *host = ctx;
	struct sim *sim = sim_world();

	sim_note(sim, "h%d page gen=%u until=%lld (now %lld)", host->number,
		 gen, (long long)deadline_ms,
		 (long long)sim_host_ms(sim, host));
	/* L-R5: what has passed is not believed again. */
	if (host->page_gen == gen && host->page_ms > 0 && deadline_ms > 0 &&
	    deadline_ms > host->page_ms && !host->frozen_us &&
	    sim_host_ms(sim, host) >= host->page_ms)
		sim_fail(sim, "P3: h%d revives a deadline that has passed",
			 host->number);
	host->page_gen = gen;
	host->page_ms = deadline_ms;
	sim_calm_page(sim, host, deadline_ms);
	sim_tell(sim, "page h%d page=%u gen=%u until=%.3f", host->number,
		 host->life, gen,
		 deadline_ms > 0
		     ? (double)sim_host_us(sim, host, deadline_ms) / 1000.0
		     : 0.0);
}

static void door_random(void *ctx, void *bytes, size_t len)
{
	uint8_t *at = bytes;

	(void)ctx;
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)sim_random(sim_world(), 256);
}

static void door_log(void *ctx, enum hub_level level, const char *line)
{
	const struct sim_host *host = ctx;

	(void)level;
	sim_note(sim_world(), "h%d log %s", host->number, line);
}

/* --- life --- */

void sim_host_begin(struct sim *sim, struct sim_host *host)
{
	static const char *const names[SIM_HOSTS_MAX] = { "host0", "host1",
							  "host2" };
	const struct sim_weather *w = &sim->weather;
	bool literal = w->layout != LAYOUT_OWN;
	const struct hub_settings settings = {
		.host = names[host->number],
		.root = literal ? "/own" : SIM_ROOT,
		.shares = &host->share,
		.shares_len = literal,
		.session_timeout_ms = w->timeout_ms,
		.server_tick_ms = w->tick_ms,
		.turns_ms = w->turns_ms,
		.turns_max = w->turns_max,
		.bid_turns = w->bid_turns,
		.linger_ms = w->linger_ms,
		.try_grace_ms = 50,
		.drift_ppm = 1000,
		.tickets_max = w->share ? SIM_TICKETS_MAX : 100,
		.uid_share = w->share,
		.tickets_per_conn_max = w->tickets_per_conn_max,
		.unanswered_max = 10,
		.ephemeral_bytes_max = w->ephemeral_bytes_max,
		.batch_ops_max = w->batch_ops_max,
	};
	const struct hub_doors doors = { .ctx = host,
					 .now_ms = door_now,
					 .send = door_send,
					 .bulk = door_bulk,
					 .offer = door_bulk,
					 .close = door_close,
					 .pause = door_pause,
					 .page = door_page,
					 .random = door_random,
					 .log = door_log };

	host->share =
	    (struct layout_share){ .path = SIM_ROOT, .kind = w->layout };
	sim_link_begin(sim, host);
	host->alive = true;
	host->life++;
	host->deaf = host->ending = host->lost = false;
	host->stopping = false;
	host->doubtful = false;
	host->spins = 0;
	host->turn_us = SIM_NEVER;
	host->page_gen = 0;
	host->page_ms = 0;
	memset(host->budgets, 0, sizeof host->budgets);
	for (int i = 0; i < SIM_HOLDS; i++)
		host->holds[i].kept_until_ms = 0; /* nothing is kept */
	host->hub = hub_new(&settings, &doors, &host->link.face);
	assert(host->hub);
	hub_start(host->hub);
	sim_host_wake(sim, host, sim->now_us);
}

void sim_host_free(struct sim *sim, struct sim_host *host)
{
	if (!host->alive)
		return;
	hub_free(host->hub);
	sim_link_end(sim, host);
	host->hub = NULL;
	host->alive = false;
	host->freeze_us = host->frozen_us = 0;
	host->turn_us = SIM_NEVER;
	host->birth_gen++;
}

/* The process ends: so do its connections; its session runs out. */
void sim_host_dies(struct sim *sim, struct sim_host *host, int64_t for_us)
{
	sim_note(sim, "h%d dies", host->number);
	sim_tell(sim, "kill h%d", host->number);
	sim_host_free(sim, host);
	host->paused_us = host->thaw_us = 0;
	for (int i = 0; i < SIM_CONNS; i++)
		sim_client_closed(sim, host, i);
	sim_push(
	    sim, sim->now_us + for_us, SIM_EV_BIRTH,
	    (struct sim_event){ .who = host->number, .gen = host->birth_gen });
}

/* --- turns --- */

void sim_host_wake(struct sim *sim, struct sim_host *host, int64_t at_us)
{
	if (!host->alive || host->turn_us <= at_us || at_us == SIM_NEVER)
		return;
	host->turn_us = at_us < sim->now_us ? sim->now_us : at_us;
	host->turn_order = ++sim->order;
}

void sim_host_stir(struct sim *sim, struct sim_host *host)
{
	uint64_t loop_us = (uint64_t)sim->weather.loop_us;

	host->spins = 0;
	sim_host_wake(sim, host,
		      sim->now_us + (int64_t)sim_random(sim, loop_us) + 10);
}

/* Asked to stop, and done with it, or out of patience. */
static bool stopped(struct sim *sim, struct sim_host *host)
{
	struct hub_state state;

	if (!host->stopping)
		return false;
	hub_state(host->hub, &state);
	if (host->stopped_us < host->paused_us)
		host->stopped_us = host->paused_us; /* then it went on */
	if (sim->now_us >
	    host->stopped_us + STOP_PATIENCE * SIM_MS * sim->weather.timeout_ms)
		sim_fail(sim, "P5: h%d does not stop", host->number);
	if (!state.done) {
		sim_host_wake(sim, host, sim->now_us + 20 * SIM_MS);
		return false;
	}
	sim->counts.stops++;
	sim_host_dies(sim, host, 100 * SIM_MS);
	return true;
}

static void sleep_until(struct sim *sim, struct sim_host *host)
{
	int64_t wake_ms = hub_wake_ms(host->hub);
	int64_t late_us =
	    (int64_t)sim_random(sim, (uint64_t)sim->weather.loop_us);

	if (wake_ms == INT64_MAX)
		return;
	if (wake_ms <= sim_host_ms(sim, host) && ++host->spins > SPINS_MAX)
		sim_fail(sim,
			 "P8: h%d spins: it wants to wake at %lld, now %lld",
			 host->number, (long long)wake_ms,
			 (long long)sim_host_ms(sim, host));
	sim_host_wake(sim, host, sim_host_us(sim, host, wake_ms) + late_us);
}

static void turn(struct sim *sim, struct sim_host *host)
{
	sim->counts.turns++;
	stands(sim, host, false);
	hub_drain(host->hub);
	host->ending = host->stopping;
	if (!hub_pending(host->hub)) /* a line is left to the next one */
		host->turned_us = sim->now_us;
	host->freeze_us = 0;
	sim_check_turn(sim, host);
	if (host->frozen_us) {
		host->paused_us = sim->now_us + host->frozen_us;
		host->thaw_us = host->paused_us;
		host->frozen_us = 0;
		sim_host_wake(sim, host, host->paused_us);
	}
	if (host->link.sprung) {
		struct sim_act cut = { .type = SIM_ACT_SERVER_CUT,
				       .a_ms = host->link.proof_ms,
				       .salt = (uint64_t)host->link.server };

		host->link.sprung = false;
		host->link.proof_ms = 0;
		sim->counts.ambushes++;
		sim_zk_act(sim, &cut);
	}
	sim_refuse_turn(sim, host);
	if (stopped(sim, host))
		return;
	sleep_until(sim, host);
}

void sim_host_event(struct sim *sim, const struct sim_event *event)
{
	struct sim_host *host = &sim->hosts[event->who];

	if (event->type == SIM_EV_BIRTH) {
		if (!host->alive && event->gen == host->birth_gen)
			sim_host_begin(sim, host);
	} else if (host->paused_us > sim->now_us) {
		sim_host_wake(sim, host, host->paused_us);
	} else {
		turn(sim, host);
	}
}

/* --- faults --- */

static void freeze(struct sim *sim, struct sim_host *host,
		   const struct sim_act *act)
{
	host->freeze_us = act->a_ms * SIM_MS;
	host->freeze_in = (unsigned)(act->salt % 6);
	sim->counts.pauses++;
}

static void stall(struct sim *sim, struct sim_link *link,
		  const struct sim_act *act)
{
	int64_t until_us = sim->now_us + act->a_ms * SIM_MS;

	sim->counts.stalls++;
	if (act->type != SIM_ACT_STALL_DOWN)
		link->out.stall_us = until_us;
	if (act->type != SIM_ACT_STALL_UP)
		link->in.stall_us = until_us;
}

/* The leader is deposed, and will be the server after the lost create. */
static void set_trap(struct sim *sim, struct sim_link *link,
		     const struct sim_act *act)
{
	const struct sim_act depose = { .type = SIM_ACT_DEPOSE,
					.a_ms = 50,
					.salt = act->salt };

	if (sim->leader < 0 || sim->weather.servers < 2 || !link->up ||
	    link->server == sim->leader)
		return;
	link->trap = 1 + sim->leader;
	sim_zk_act(sim, &depose);
}

static void fault(struct sim *sim, struct sim_host *host,
		  const struct sim_act *act)
{
	struct sim_link *link = &host->link;

	if (act->type == SIM_ACT_CUT) {
		sim_link_cut(sim, host);
	} else if (act->type <= SIM_ACT_STALL_BOTH) {
		stall(sim, link, act);
	} else if (act->type == SIM_ACT_LINK_SLOW) {
		link->out.slow_us = link->in.slow_us = act->a_ms * SIM_MS;
	} else if (act->type == SIM_ACT_PAUSE) {
		if (host->paused_us < sim->now_us + act->a_ms * SIM_MS)
			host->paused_us = sim->now_us + act->a_ms * SIM_MS;
		stands(sim, host, true);
		sim->counts.pauses++;
	} else if (act->type == SIM_ACT_FREEZE) {
		freeze(sim, host, act);
	} else if (act->type == SIM_ACT_CRASH) {
		sim->counts.crashes++;
		sim_host_dies(sim, host, act->a_ms * SIM_MS);
	} else if (act->type == SIM_ACT_STOP && !host->stopping) {
		host->stopping = true;
		host->stopped_us = sim->now_us;
		hub_stop(host->hub);
		sim_host_stir(sim, host);
	} else if (act->type == SIM_ACT_SHORT) {
		link->short_ms = 4 * sim->weather.tick_ms;
	} else if (act->type == SIM_ACT_AMBUSH_CREATE) {
		link->create_ms = act->a_ms;
		if (act->salt % 4 == 0)
			set_trap(sim, link, act);
	} else if (act->type == SIM_ACT_AMBUSH_DELETE) {
		link->delete_ms = act->a_ms;
	} else if (act->type == SIM_ACT_AMBUSH_PROOF) {
		link->proof_ms = act->a_ms;
	} else {
		sim_refuse_act(sim, link, act);
	}
}

void sim_host_act(struct sim *sim, const struct sim_act *act)
{
	struct sim_host *host = &sim->hosts[act->host];

	if (host->alive)
		fault(sim, host, act);
}

void sim_host_heal(struct sim *sim, struct sim_host *host)
{
	struct sim_link *link = &host->link;

	if (!host->alive) {
		host->birth_gen++;
		sim_host_begin(sim, host);
	}
	host->freeze_us = 0;
	host->stopped_us = sim->now_us;
	link->create_ms = link->delete_ms = link->proof_ms = 0;
	link->trap = 0;
	link->refusal.zk_rc = 0;
	link->exchange = false;
	if (host->paused_us > sim->now_us) {
		/* No clock goes back: what a turn has frozen in stays. */
		host->paused_us = sim->now_us;
		if (host->paused_us < host->thaw_us)
			host->paused_us = host->thaw_us;
		if (sim->healed_us < host->paused_us)
			sim->healed_us = host->paused_us;
		host->turn_us = SIM_NEVER;
		sim_host_wake(sim, host, host->paused_us);
	}
	sim_link_retry(sim, host);
	if (link->up &&
	    (link->out.last_us > sim->now_us + 100 * SIM_MS ||
	     link->in.last_us > sim->now_us + 100 * SIM_MS ||
	     link->out.slow_us || link->out.stall_us > sim->now_us ||
	     link->in.stall_us > sim->now_us))
		sim_link_cut(sim, host);
	sim_client_heal(sim, host);
}
