/* SPDX-License-Identifier: MIT */
/*
 * sim - the ensemble, the hosts, and what happens next.
 */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim.h"

/* Chance */

uint64_t sim_random(struct sim *sim, uint64_t below)
{
	uint64_t z = sim->random += 0x9e3779b97f4a7c15U; /* splitmix64 */

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
	z = (z ^ z >> 27) * 0x94d049bb133111ebU;
	return (z ^ z >> 31) % below;
}

bool sim_chance(struct sim *sim, unsigned in)
{
	return sim_random(sim, in) == 0;
}

/* Telling */

void sim_note(struct sim *sim, const char *format, ...)
{
	char line[1024];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line, sizeof line, format, args);
	va_end(args);
	for (const char *at = line; *at; at++)
		sim->hash = (sim->hash ^ (uint64_t)*at) * 0x100000001b3U;
	if (sim->trace)
		(void)printf("[%8lld] %s\n", (long long)sim->now_ms, line);
}

void sim_fail(struct sim *sim, const char *format, ...)
{
	va_list args;

	if (*sim->failure)
		return; /* the first is the one to look at */
	va_start(args, format);
	(void)vsnprintf(sim->failure, sizeof sim->failure, format, args);
	va_end(args);
	if (sim->trace)
		(void)printf("[%8lld] FAILED: %s\n", (long long)sim->now_ms,
			     sim->failure);
}

/* Doors: ctx is the host, the world is one */

static struct sim *world;

static int64_t door_now(void *ctx)
{
	(void)ctx;
	return world->now_ms;
}

static void door_send(void *ctx, uint64_t conn, const char *bytes, size_t len)
{
	char line[8192 + 1];

	while (len) {
		const char *end = memchr(bytes, '\n', len);
		size_t one = (size_t)(end - bytes);

		memcpy(line, bytes, one);
		line[one] = '\0';
		sim_client_told(world, ctx, conn, line);
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
			sim_client_closed(world, host, i);
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

	host->page_gen = gen;
	host->page_ms = deadline_ms;
}

static void door_random(void *ctx, void *bytes, size_t len)
{
	uint8_t *at = bytes;

	(void)ctx;
	for (size_t i = 0; i < len; i++)
		at[i] = (uint8_t)sim_random(world, 256);
}

static void door_log(void *ctx, enum hub_level level, const char *line)
{
	const struct sim_host *host = ctx;

	(void)level;
	sim_note(world, "h%d log %s", host->number, line);
}

/* Hosts */

static void host_begin(struct sim *sim, struct sim_host *host)
{
	static const char *const names[] = { "host0", "host1", "host2" };
	const struct coord_local_settings local = {
		.timeout_ms = SIM_TIMEOUT_MS, .server = "tree", .stepped = true
	};
	const struct hub_settings settings = {
		.host = names[host->number],
		.root = SIM_ROOT,
		.session_timeout_ms = SIM_TIMEOUT_MS,
		.server_tick_ms = SIM_TICK_MS,
		.turns_ms = 50,
		.turns_max = 4,
		.linger_ms = sim->seed % 2 ? 200 : 0,
		.try_grace_ms = 50,
		.drift_ppm = 1000,
		.tickets_max = 100,
		.tickets_per_conn_max = 10,
		.unanswered_max = 10,
		.ephemeral_bytes_max = 768 * 1024,
	};
	const struct hub_doors doors = { .ctx = host,
					 .now_ms = door_now,
					 .send = door_send,
					 .bulk = door_bulk,
					 .close = door_close,
					 .pause = door_pause,
					 .page = door_page,
					 .random = door_random,
					 .log = door_log };

	host->coord = coord_local_new(sim->tree, &local);
	host->hub = hub_new(&settings, &doors, host->coord);
	host->alive = true;
	host->view = (unsigned)sim_random(sim, 2);
	host->ran_ms = sim->now_ms;
	hub_start(host->hub);
}

/* kill -9: the connections end, the session runs out. */
static void host_dies(struct sim *sim, struct sim_host *host)
{
	sim_note(sim, "h%d dies", host->number);
	sim->counts.crashes++;
	hub_free(host->hub);
	coord_local_free(host->coord);
	host->hub = NULL;
	host->coord = NULL;
	host->alive = false;
	host->page_ms = 0;
	host->suspended_ms = 0;
	host->back_ms = sim->now_ms + (int64_t)sim_random(sim, 9000);
	for (int i = 0; i < SIM_CONNS; i++)
		sim_client_closed(sim, host, i);
}

static bool runs(const struct sim *sim, const struct sim_host *host)
{
	return host->alive && sim->now_ms >= host->paused_ms;
}

/* The ensemble: a leader (view 0) and a follower that lags (view 1) */

static void ensemble_turn(struct sim *sim)
{
	coord_tree_tick(sim->tree);
	if (!sim->healing && sim_chance(sim, 80))
		sim->lag_ms = sim->now_ms + (int64_t)sim_random(sim, 2000);
	if (sim->healing || (sim->now_ms >= sim->lag_ms && sim_chance(sim, 3)))
		coord_tree_view_sync(sim->tree, 1);
	if (sim->now_ms < sim->ping_ms)
		return;
	/* The follower's table of touches goes with its answer to a ping. */
	sim->ping_ms = sim->now_ms + SIM_TICK_MS / 2;
	for (int i = 0; i < sim->hosts_len; i++) {
		struct sim_host *host = &sim->hosts[i];

		if (host->served && host->session)
			coord_tree_session_touch(sim->tree, host->session);
		host->served = false;
	}
}

static void link_turn(struct sim *sim, struct sim_host *host)
{
	if (!host->alive)
		return;
	if (coord_local_wants_link(host->coord)) {
		if (sim->now_ms < host->retry_ms)
			return;
		host->view = (unsigned)sim_random(sim, 2);
		coord_local_attach(host->coord, host->view, sim->now_ms);
		sim_note(sim, "h%d attaches to view %u", host->number,
			 host->view);
	}
	if (sim->now_ms < host->stalled_ms)
		return;
	host->session = coord_local_session(host->coord);
	for (uint64_t n = sim->healing ? 50 : sim_random(sim, 4); n; n--) {
		if (coord_local_serve(host->coord))
			host->served = true;
		else if (sim->healing)
			coord_tree_view_sync(sim->tree, 1);
	}
	for (uint64_t n = sim->healing ? 50 : sim_random(sim, 4); n; n--)
		(void)coord_local_deliver(host->coord);
}

/* Faults */

static void cut(struct sim *sim, struct sim_host *host)
{
	if (!coord_local_attached(host->coord))
		return;
	sim_note(sim, "h%d is cut, %zu requests and %zu answers under way",
		 host->number, coord_local_requests(host->coord),
		 coord_local_packets(host->coord));
	sim->counts.cuts++;
	coord_local_cut(host->coord);
	/* Some of what was under way is applied all the same. */
	for (uint64_t n = sim_random(sim, 4); n; n--)
		(void)coord_local_serve(host->coord);
	host->retry_ms =
	    sim->now_ms +
	    (int64_t)sim_random(sim, sim_chance(sim, 3) ? 8000 : 500);
}

static void stranger_acts(struct sim *sim)
{
	int which = (int)sim_random(sim, SIM_STRANGERS);
	char *path = sim->strangers[which];
	struct coord_op op = { .verb = COORD_DELETE, .path = path };
	char parent[64], made[256];

	if (*path) {
		sim_note(sim, "stranger %d leaves %s", which, path);
		(void)coord_tree_write(sim->tree, &op, 0);
		*path = '\0';
		return;
	}
	(void)snprintf(parent, sizeof parent, SIM_ROOT "/%s",
		       sim_name((int)sim_random(sim, SIM_NAMES)));
	(void)snprintf(made, sizeof made,
		       "%s/_c_%08x-0000-0000-0000-%012x-lock-", parent, which,
		       (unsigned)sim_random(sim, 1U << 30));
	/* Persistent: a stranger's session does not matter here. */
	op.verb = COORD_CREATE;
	op.kind = COORD_EPHEMERAL_SEQUENTIAL;
	op.path = made;
	if (sim->healing || !coord_tree_find(sim->tree, 0, parent))
		return;
	sim->counts.strangers++;
	(void)snprintf(
	    path, sizeof sim->strangers[0], "%s",
	    coord_tree_write(sim->tree, &op,
			     coord_tree_session_new(sim->tree, 1000000000))
		.path);
	sim_note(sim, "stranger %d bids %s", which, path);
}

/* An operator deletes a bid by hand: its hold is exempt from P1. */
static void operator_acts(struct sim *sim)
{
	int name = (int)sim_random(sim, SIM_NAMES);
	const struct coord_tree_node *parent, *child;
	struct coord_op op = { .verb = COORD_DELETE };
	char path[512];

	(void)snprintf(path, sizeof path, SIM_ROOT "/%s", sim_name(name));
	parent = coord_tree_find(sim->tree, 0, path);
	child = parent ? coord_tree_child_first(parent) : NULL;
	if (!child)
		return;
	(void)snprintf(path, sizeof path, SIM_ROOT "/%s/%s", sim_name(name),
		       coord_tree_name(child));
	sim_note(sim, "operator deletes %s", path);
	sim->counts.deletions++;
	op.path = path;
	(void)coord_tree_write(sim->tree, &op, 0);
	for (int i = 0; i < SIM_STRANGERS; i++) {
		if (strcmp(sim->strangers[i], path) == 0)
			sim->strangers[i][0] = '\0';
	}
	sim->exempt_ms[name] = sim->now_ms + 3 * SIM_TIMEOUT_MS;
}

static void fault(struct sim *sim, struct sim_host *host)
{
	if (!host->alive) {
		if (sim->now_ms >= host->back_ms)
			host_begin(sim, host);
		return;
	}
	if (sim_chance(sim, 60)) {
		cut(sim, host);
	} else if (sim_chance(sim, 150)) {
		host->stalled_ms = sim->now_ms + (int64_t)sim_random(sim, 6000);
		sim_note(sim, "h%d stalls", host->number);
	} else if (sim_chance(sim, 150)) {
		host->paused_ms = sim->now_ms + (int64_t)sim_random(sim, 8000);
		sim->counts.pauses++;
		sim_note(sim, "h%d is paused", host->number);
	} else if (sim_chance(sim, 300)) {
		host_dies(sim, host);
	}
}

static void note_trouble(struct sim *sim, struct sim_host *host)
{
	if (!host->alive || sim->now_ms < host->paused_ms ||
	    sim->now_ms < host->stalled_ms || sim->now_ms < sim->lag_ms ||
	    !coord_local_attached(host->coord))
		host->trouble_ms = sim->now_ms;
}

static void faults(struct sim *sim)
{
	for (int i = 0; i < sim->hosts_len; i++) {
		fault(sim, &sim->hosts[i]);
		note_trouble(sim, &sim->hosts[i]);
	}
	if (sim_chance(sim, 20))
		stranger_acts(sim);
	if (sim_chance(sim, 60))
		coord_tree_reap(sim->tree);
	if (sim->seed % 8 == 0 && sim_chance(sim, 200))
		operator_acts(sim);
}

/* Time */

static void pass(struct sim *sim)
{
	int64_t ms = 1 + (int64_t)sim_random(sim, 20);

	if (!sim->healing && sim_chance(sim, 40))
		ms = (int64_t)sim_random(sim, 400);
	sim->now_ms += ms;
	sim->counts.simulated_ms += (uint64_t)ms;
}

static void turn(struct sim *sim)
{
	ensemble_turn(sim);
	for (int i = 0; i < sim->hosts_len; i++) {
		struct sim_host *host = &sim->hosts[i];

		link_turn(sim, host);
		if (!runs(sim, host))
			continue;
		if (sim->healing)
			sim_client_heals(sim, host);
		else
			sim_client_acts(sim, host);
		hub_drain(host->hub);
		sim_check_turn(sim, host);
	}
	sim->counts.steps++;
}

/* After healing everybody is served, and then nothing is left. */
static void heal(struct sim *sim)
{
	int64_t end_ms;

	sim->healing = true;
	sim_note(sim, "healing");
	for (int i = 0; i < SIM_STRANGERS; i++) {
		struct coord_op op = { .verb = COORD_DELETE,
				       .path = sim->strangers[i] };

		if (*op.path)
			(void)coord_tree_write(sim->tree, &op, 0);
		sim->strangers[i][0] = '\0';
	}
	for (int i = 0; i < sim->hosts_len; i++) {
		struct sim_host *host = &sim->hosts[i];

		host->paused_ms = host->stalled_ms = host->retry_ms = 0;
		if (!host->alive)
			host_begin(sim, host);
	}
	end_ms = sim->now_ms + 3 * SIM_TIMEOUT_MS;
	while (sim->now_ms < end_ms && !*sim->failure) {
		pass(sim);
		turn(sim);
	}
	sim_check_rest(sim);
}

void sim_run(struct sim *sim, uint64_t seed, unsigned steps, bool trace)
{
	const struct coord_tree_settings tree = {
		.zxid_start = INT64_C(1) << 32, .now_ms = door_now, .views = 2
	};

	*sim = (struct sim){ .seed = seed,
			     .random = seed,
			     .trace = trace,
			     .now_ms = 100000,
			     .hash = 0xcbf29ce484222325U };
	world = sim;
	sim->tree = coord_tree_new(&tree);
	sim->hosts_len = 2 + (int)sim_random(sim, SIM_HOSTS_MAX - 1);
	for (int i = 0; i < sim->hosts_len; i++) {
		sim->hosts[i].number = i;
		host_begin(sim, &sim->hosts[i]);
	}
	for (unsigned i = 0; i < steps && !*sim->failure; i++) {
		pass(sim);
		faults(sim);
		turn(sim);
	}
	if (!*sim->failure)
		heal(sim);
	for (int i = 0; i < sim->hosts_len; i++) {
		hub_free(sim->hosts[i].hub);
		coord_local_free(sim->hosts[i].coord);
	}
	coord_tree_free(sim->tree);
}
