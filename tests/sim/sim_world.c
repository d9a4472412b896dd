/* SPDX-License-Identifier: MIT */
/*
 * sim - a run: the events in their order, and at the end all heals.
 */
#include <string.h>

#include "sim.h"

/* Nobody lets go of a lock that is handed on for longer than this; asks of
 * all clients together wait no longer for each other. */
#define QUEUE_US (2000 * SIM_MS)
/* Beyond T and two ticks: the tracker's own time, a connection, a bid. */
#define HEAL_US (1000 * SIM_MS)
/* To leave a server that has a ghost, and be at another. */
#define GHOST_US (300 * SIM_MS)
/* Linger, the last deletes and whatever else goes by itself. */
#define REST_US (1500 * SIM_MS)
/* An idle host beats so much later than a tick, and says then again what was
 * refused. */
#define BEAT_US (1000 * SIM_MS)

static struct sim *world;

struct sim *sim_world(void)
{
	return world;
}

static void act(struct sim *sim, int number)
{
	const struct sim_act *act = &sim->acts[number];

	sim_note(sim, "act %d: %s h%d.%d %s %u ms", number,
		 sim_act_word(act->type), act->host, act->conn,
		 sim_name(act->name), act->a_ms);
	if (act->type < SIM_ACT_STRANGER)
		sim_client_act(sim, act);
	else if (act->type <= SIM_ACT_REAP)
		sim_other_act(sim, act);
	else if (act->type < SIM_ACT_SERVER_CUT)
		sim_host_act(sim, act);
	else
		sim_zk_act(sim, act);
}

static void heal(struct sim *sim)
{
	sim_note(sim, "all heals");
	sim->healing = true;
	sim->healed_us = sim->now_us;
	sim->weather.spikes = 0;
	sim_zk_heal(sim);
	sim_other_heal(sim);
	for (int i = 0; i < sim->weather.hosts; i++)
		sim_host_heal(sim, &sim->hosts[i]);
}

static void dispatch(struct sim *sim, const struct sim_event *event)
{
	switch (event->type) {
	case SIM_EV_ACT:
		act(sim, event->who);
		break;
	case SIM_EV_HEAL:
		heal(sim);
		break;
	case SIM_EV_DOWNGRADED:
		sim_other_event(sim, event);
		break;
	case SIM_EV_RELEASE:
		sim_client_release(sim, event);
		break;
	case SIM_EV_TURN:
	case SIM_EV_BIRTH:
		sim_host_event(sim, event);
		break;
	case SIM_EV_CONNECT:
	case SIM_EV_HANDSHAKE:
	case SIM_EV_CONNECTED:
	case SIM_EV_SILENCE:
	case SIM_EV_ARRIVE:
	case SIM_EV_AT_LEADER:
	case SIM_EV_BACK:
	case SIM_EV_DELIVER:
	case SIM_EV_ORPHAN:
		sim_link_event(sim, event);
		break;
	case SIM_EV_APPLY:
	case SIM_EV_PING:
	case SIM_EV_PING_AT:
	case SIM_EV_PONG_OUT:
	case SIM_EV_PONG_IN:
	case SIM_EV_POLL:
	case SIM_EV_CLOSE:
	case SIM_EV_DETACH:
	case SIM_EV_REJOIN:
	case SIM_EV_ELECTED:
		sim_zk_event(sim, event);
		break;
	}
}

/* Does somebody ask who was not answered, or hold? */
static bool unsettled(const struct sim *sim)
{
	for (int i = 0; i < sim->weather.hosts; i++) {
		const struct sim_host *host = &sim->hosts[i];

		for (int k = 0; k < SIM_HOLDS; k++) {
			if (host->holds[k].live)
				return true;
		}
		for (int n = 0; n < SIM_CONNS; n++) {
			for (int k = 0; k < host->conns[n].asks_end; k++) {
				if (host->conns[n].asks[k].tag)
					return true;
			}
		}
	}
	return false;
}

/* A ghost is found once in a session's timeout, and only by a host that waits
 * directly behind it: who waits behind that host in turn sees it no sooner than
 * the other has been served, and asks a timeout later.  Each host finds it at
 * most once, for it leaves that server and nothing sends it back. */
static int64_t ghosts_us(const struct sim_weather *w)
{
	return w->ghosts ? w->hosts * (w->timeout_ms * SIM_MS + GHOST_US) : 0;
}

/* When all is over; SIM_NEVER: not yet healed. */
static int64_t end_us(const struct sim *sim)
{
	const struct sim_weather *w = &sim->weather;

	if (!sim->healing)
		return SIM_NEVER;
	return sim->healed_us + (w->timeout_ms + 2 * w->tick_ms) * SIM_MS +
	       HEAL_US + QUEUE_US + ghosts_us(w);
}

static void play(struct sim *sim)
{
	int64_t end, rest_us = SIM_NEVER;
	struct sim_event event;
	bool stir = sim->stir, told = false;

	while (!*sim->failure && sim_pop(sim, &event)) {
		end = end_us(sim);
		if (event.at_us >= end || event.at_us >= rest_us)
			break;
		sim->now_us = event.at_us;
		sim->counts.events++;
		if (stir && sim->now_us > sim->weather.end_us / 2) {
			sim->chance ^= 1;
			stir = false;
		}
		/* Who has frozen thaws first. */
		if (sim->healing && !told && sim->now_us >= sim->healed_us) {
			sim_tell(sim, "heal - what=all");
			told = true;
		}
		dispatch(sim, &event);
		sim_zk_propagate(sim);
		if (sim->healing && rest_us == SIM_NEVER && !unsettled(sim)) {
			rest_us = sim->now_us < sim->healed_us ? sim->healed_us
							       : sim->now_us;
			rest_us += sim->weather.linger_ms * SIM_MS + REST_US;
			if (sim->weather.refuses)
				rest_us +=
				    sim->weather.tick_ms * SIM_MS + BEAT_US;
			sim_note(sim, "all are served");
		}
	}
	sim_tell(sim, "end -");
	if (!*sim->failure)
		sim_check_rest(sim);
}

void sim_run(struct sim *sim, uint64_t seed, const bool *acts_out, bool trace)
{
	bool strict = sim->strict, stir = sim->stir;
	uint64_t variant = sim->variant;
	int64_t zxid;

	memset(sim, 0, offsetof(struct sim, heap));
	sim->strict = strict;
	sim->stir = stir;
	sim->variant = variant;
	sim->seed = seed;
	sim->chance = seed;
	sim->trace = trace;
	sim->hash = 0xcbf29ce484222325U;
	sim->notice_least_us = SIM_NEVER;
	world = sim;
	sim_script(sim);
	sim->chance ^= sim_mix(&variant) * (sim->variant != 0);
	sim_tell(sim, "# session_ms=%lld tick_ms=%lld ghosts_ms=%lld",
		 (long long)sim->weather.timeout_ms,
		 (long long)sim->weather.tick_ms,
		 (long long)(ghosts_us(&sim->weather) / SIM_MS));
	for (int i = 0; i < sim->acts_len; i++)
		sim->acts[i].out = acts_out && acts_out[i];
	sim_push(sim, sim->weather.end_us, SIM_EV_HEAL,
		 (struct sim_event){ 0 });
	sim_zk_begin(sim);
	for (int i = 0; i < sim->weather.hosts; i++) {
		sim->hosts[i].number = i;
		sim->hosts[i].offset_us =
		    (int64_t)sim_random(sim, 1000000000000);
		sim->hosts[i].ppm = (int)sim_random(sim, 1001) - 500;
		sim_host_begin(sim, &sim->hosts[i]);
	}
	play(sim);
	zxid = coord_tree_zxid(sim->tree);
	for (int i = 0; i < sim->weather.hosts; i++)
		sim_host_free(sim, &sim->hosts[i]);
	coord_tree_free(sim->tree);
	sim->counts.simulated_us = (uint64_t)sim->now_us;
	sim_hash(sim, &zxid, sizeof zxid);
	sim_hash(sim, &sim->counts, sizeof sim->counts);
	sim_hash(sim, &sim->order, sizeof sim->order);
	sim_hash(sim, &sim->now_us, sizeof sim->now_us);
}
