/* SPDX-License-Identifier: MIT */
/*
 * sim - the weather and the acts of a seed.
 *
 * Not every seed has every fault: what always happens together hides what
 * happens alone.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

enum sim_class { OF_CLIENT, OF_OTHERS, OF_FATE, OF_SERVER };

/* How often, and for how long. */
static const struct row {
	enum sim_act_type type;
	enum sim_class class;
	const char *word;
	unsigned weight;
	uint32_t least_ms, most_ms;
} rows[] = {
	{ SIM_ACT_LOCK, OF_CLIENT, "lock", 45, 0, 0 },
	{ SIM_ACT_LOCK_WAIT, OF_CLIENT, "lock-wait", 10, 1, 2000 },
	{ SIM_ACT_TRY, OF_CLIENT, "try", 8, 0, 0 },
	{ SIM_ACT_UNLOCK, OF_CLIENT, "unlock", 8, 0, 0 },
	{ SIM_ACT_UNLOCK_STALE, OF_CLIENT, "unlock-stale", 4, 0, 0 },
	{ SIM_ACT_CANCEL, OF_CLIENT, "cancel", 6, 0, 0 },
	{ SIM_ACT_CHECK, OF_CLIENT, "check", 4, 0, 0 },
	{ SIM_ACT_TALK, OF_CLIENT, "talk", 3, 0, 0 },
	{ SIM_ACT_EOF, OF_CLIENT, "eof", 6, 0, 0 },
	{ SIM_ACT_LOCK_EOF, OF_CLIENT, "lock-eof", 5, 0, 0 },
	{ SIM_ACT_QUIT, OF_CLIENT, "quit", 1, 0, 0 },
	{ SIM_ACT_SHARE, OF_CLIENT, "share", 3, 0, 0 },
	{ SIM_ACT_LOOK, OF_CLIENT, "look", 6, 1, 2000 },
	{ SIM_ACT_KICK, OF_CLIENT, "kick", 2, 0, 0 },
	{ SIM_ACT_REVOKE, OF_CLIENT, "revoke", 2, 0, 0 },
	{ SIM_ACT_WATCH, OF_CLIENT, "watch", 2, 0, 0 },
	{ SIM_ACT_MANY, OF_CLIENT, "lock-several", 12, 1, 3000 },
	{ SIM_ACT_STRANGER, OF_OTHERS, "stranger", 8, 0, 0 },
	{ SIM_ACT_DOWNGRADE, OF_OTHERS, "downgrade", 3, 0, 0 },
	{ SIM_ACT_OPERATOR, OF_OTHERS, "operator", 2, 0, 0 },
	{ SIM_ACT_REAP, OF_OTHERS, "reap", 4, 0, 0 },
	{ SIM_ACT_CUT, OF_FATE, "cut", 8, 1, 3000 },
	{ SIM_ACT_STALL_UP, OF_FATE, "stall-up", 3, 50, 9000 },
	{ SIM_ACT_STALL_DOWN, OF_FATE, "stall-down", 3, 50, 9000 },
	{ SIM_ACT_STALL_BOTH, OF_FATE, "stall-both", 3, 50, 9000 },
	{ SIM_ACT_LINK_SLOW, OF_FATE, "link-slow", 2, 1, 300 },
	{ SIM_ACT_PAUSE, OF_FATE, "pause", 4, 10, 15000 },
	{ SIM_ACT_FREEZE, OF_FATE, "freeze", 3, 10, 12000 },
	{ SIM_ACT_CRASH, OF_FATE, "crash", 3, 0, 8000 },
	{ SIM_ACT_STOP, OF_FATE, "stop", 1, 0, 4000 },
	{ SIM_ACT_SHORT, OF_FATE, "short", 1, 0, 0 },
	{ SIM_ACT_AMBUSH_CREATE, OF_FATE, "ambush-create", 5, 1, 800 },
	{ SIM_ACT_AMBUSH_DELETE, OF_FATE, "ambush-delete", 3, 1, 800 },
	{ SIM_ACT_AMBUSH_PROOF, OF_FATE, "ambush-proof", 5, 2000, 20000 },
	{ SIM_ACT_REFUSE, OF_SERVER, "refuse", 4, 1, 4000 },
	{ SIM_ACT_EXCHANGE, OF_SERVER, "exchange", 1, 0, 0 },
	{ SIM_ACT_SERVER_CUT, OF_FATE, "server-cut", 4, 50, 15000 },
	{ SIM_ACT_SERVER_CUT_UP, OF_FATE, "server-cut-up", 2, 50, 15000 },
	{ SIM_ACT_SERVER_LAG, OF_FATE, "server-lag", 5, 10, 1500 },
	{ SIM_ACT_SERVER_CRASH, OF_FATE, "server-crash", 2, 10, 5000 },
	{ SIM_ACT_ELECTION, OF_FATE, "election", 1, 50, 3000 },
	{ SIM_ACT_DEPOSE, OF_FATE, "depose", 2, 50, 2000 },
};

_Static_assert(COUNT(rows) == SIM_ACT_TYPES, "one row for each act");

const char *sim_act_word(enum sim_act_type type)
{
	assert(rows[type].type == type);
	return rows[type].word;
}

static int64_t pick(struct sim *sim, const int64_t *of, size_t len)
{
	return of[sim_random(sim, len)];
}

#define PICK(sim, ...)                                \
	pick((sim), (const int64_t[]){ __VA_ARGS__ }, \
	     COUNT(((const int64_t[]){ __VA_ARGS__ })))

/* Literal names, in the layout of others. */
static void share(struct sim *sim)
{
	static const enum layout_kind kinds[] = { LAYOUT_CURATOR,
						  LAYOUT_CURATOR_RW,
						  LAYOUT_KAZOO };
	struct sim_weather *w = &sim->weather;

	w->layout = kinds[sim->seed / 9 % COUNT(kinds)];
	if (!layout_kind_shares(w->layout))
		w->readers = 0;
	if (layout_kind_keeps_parents(w->layout))
		w->slots = 0;
}

static void draw_weather(struct sim *sim)
{
	struct sim_weather *w = &sim->weather;

	w->hosts = 2 + (int)sim_random(sim, SIM_HOSTS_MAX - 1);
	w->names = 1 + (int)sim_random(sim, SIM_NAMES_MAX);
	w->conns = 2 + (int)sim_random(sim, SIM_CONNS - 1);
	w->servers = sim_chance(sim, 6) ? 1 : SIM_SERVERS;
	w->tick_ms = PICK(sim, 500, 1000, 2000);
	w->timeout_ms = w->tick_ms * PICK(sim, 4, 5, 6, 8);
	w->latency_us = PICK(sim, 50, 200, 1000);
	w->jitter_us = PICK(sim, 50, 500, 3000);
	w->spikes = (unsigned)PICK(sim, 0, 0, 20, 100);
	w->spike_us = PICK(sim, 20000, 200000, 1500000);
	w->loop_us = PICK(sim, 20, 200, 2000, 30000);
	w->hold_ms = PICK(sim, 1, 20, 200, 1500);
	w->turns_max = (uint32_t)PICK(sim, 1, 2, 4, 64);
	w->turns_ms = PICK(sim, 5, 50, 500);
	w->linger_ms = PICK(sim, 0, 0, 50, 200);
	w->batch_ops_max = (uint32_t)PICK(sim, 0, 3, 100, 100);
	w->tickets_per_conn_max = (uint32_t)PICK(sim, 2, 10, 10, 10);
	w->ephemeral_bytes_max =
	    (uint32_t)PICK(sim, 160, 768 * 1024, 768 * 1024, 768 * 1024);
	w->end_us = SIM_MS * (int64_t)(4000 + sim_random(sim, 14000));
	w->bid_turns = (uint32_t)PICK(sim, 0, 0, 2, 4, 16);
	w->readers = (unsigned)PICK(sim, 0, 0, 50, 90);
	w->bounds = (unsigned)PICK(sim, 0, 0, 30, 80);
	w->operator= sim_chance(sim, 8);
	w->ghosts = sim->seed % 5 == 3;
	w->worn = sim->seed % 11 == 4;
	w->refuses = sim->seed % 4 == 1;
	w->exchanges = sim->seed % 6 == 5;
	if (sim->seed % 7 == 6 && w->ephemeral_bytes_max >= 1024)
		w->share = 40;
	/* Not with an operator: README.md, "open". */
	w->several = sim_chance(sim, 2);
	w->slots = w->names > 1 ? (unsigned)PICK(sim, 0, 0, 1, 2, 3) : 0;
	if (sim->seed % 9 == 7)
		share(sim);
}

/* One act of a class, of those that this seed knows. */
static void draw_act(struct sim *sim, enum sim_class class, uint64_t kinds)
{
	const struct sim_weather *w = &sim->weather;
	struct sim_act act = { 0 };
	unsigned all = 0;
	uint64_t at;
	size_t i;

	for (i = 0; i < COUNT(rows); i++)
		all += rows[i].class == class && kinds >> i & 1 ? rows[i].weight
								: 0;
	if (all == 0 || sim->acts_len == SIM_ACTS_MAX)
		return;
	at = sim_random(sim, all);
	for (i = 0; i < COUNT(rows); i++) {
		unsigned weight = rows[i].class == class && kinds >> i & 1
				      ? rows[i].weight
				      : 0;

		if (at < weight)
			break;
		at -= weight;
	}
	act.type = rows[i].type;
	act.at_us = (int64_t)sim_random(sim, (uint64_t)w->end_us);
	act.host = (uint8_t)sim_random(sim, (uint64_t)w->hosts);
	act.conn = (uint8_t)sim_random(sim, (uint64_t)w->conns);
	act.name = (uint8_t)sim_random(sim, (uint64_t)w->names);
	act.a_ms = rows[i].least_ms;
	if (rows[i].most_ms > rows[i].least_ms) {
		/* As often short as long. */
		uint32_t most_ms =
		    sim_chance(sim, 2)
			? rows[i].most_ms
			: rows[i].least_ms + rows[i].most_ms / 10;

		act.a_ms +=
		    (uint32_t)sim_random(sim, most_ms - rows[i].least_ms + 1);
	}
	act.salt = sim_mix(&sim->chance);
	sim->acts[sim->acts_len++] = act;
}

/* Each fault is in every second seed. */
static uint64_t draw_kinds(struct sim *sim)
{
	uint64_t kinds = 0;

	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].type == SIM_ACT_OPERATOR
			? sim->weather.operator
		    : rows[i].type == SIM_ACT_MANY
			? sim->weather.several
		    : rows[i].type == SIM_ACT_REFUSE ? sim->weather.refuses
		    : rows[i].type == SIM_ACT_EXCHANGE
			? sim->weather.exchanges
			: rows[i].class == OF_CLIENT || sim_chance(sim, 2))
			kinds |= UINT64_C(1) << i;
	}
	return kinds;
}

/* Their salts tell those of one moment apart. */
static int by_time(const void *a, const void *b)
{
	const struct sim_act *one = a, *other = b;

	if (one->at_us != other->at_us)
		return one->at_us < other->at_us ? -1 : 1;
	return (one->salt > other->salt) - (one->salt < other->salt);
}

static void draw_acts(struct sim *sim)
{
	uint64_t kinds, clients, others, fates;

	kinds = draw_kinds(sim);
	clients = 30 + sim_random(sim, 150);
	others = sim_random(sim, 40);
	fates = sim_random(sim, 4) * sim_random(sim, 8);
	for (uint64_t i = 0; i < clients; i++)
		draw_act(sim, OF_CLIENT, kinds);
	for (uint64_t i = 0; i < others; i++)
		draw_act(sim, OF_OTHERS, kinds);
	for (uint64_t i = 0; i < fates; i++)
		draw_act(sim, OF_FATE, kinds);
	sim->weather.quiet = fates == 0 && sim->weather.spikes == 0;
	if (!sim->weather.refuses && !sim->weather.exchanges)
		return;
	sim->weather.quiet = false;
	for (uint64_t i = 1 + sim_random(sim, 6); i > 0; i--)
		draw_act(sim, OF_SERVER, kinds);
}

void sim_script(struct sim *sim)
{
	draw_weather(sim);
	draw_acts(sim);
	qsort(sim->acts, (size_t)sim->acts_len, sizeof *sim->acts, by_time);
}
