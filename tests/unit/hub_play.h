/* SPDX-License-Identifier: MIT */
/*
 * The hub told as transcripts: what connections say and what they are told.
 *
 * Real rooms from the line to the tree: only the doors and the clock are the
 * test's.  Hosts a and b share one tree in memory.  A play is a line each:
 * "a1 LOCK foo" is said by connection 1 of host a, "+100" lets time pass,
 * "a1 EOF" ends a connection.  Times, ids and tokens that differ from run to
 * run are cut out of what is compared, tokens are compared by name.
 */
#ifndef TESTS_UNIT_HUB_PLAY_H
#define TESTS_UNIT_HUB_PLAY_H

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/coord_local.h"
#include "daemon/hub.h"
#include "proto/limits.h"

#define TRACE_MAX  65536
#define CONNS_MAX  10
#define HOSTS_MAX  2
#define STEP_MS    10
#define TIMEOUT_MS 6000

struct host {
	char name;
	struct hub *hub;
	struct coord *coord;
	uint64_t conns[CONNS_MAX];
	uint16_t page_gen;
	int64_t page_ms;
};

static struct coord_tree *tree;
static struct host hosts[HOSTS_MAX];
static int64_t now_ms;
static int64_t tick_ms; /* what a look at the clock takes */
static uint64_t seed;
static int64_t linger_ms;   /* of hosts that begin */
static uint32_t bid_turns;  /* likewise; 0: the most there are */
static bool follower;       /* there is a second server, 1, */
static unsigned b_view;     /* and host b goes to this one next */
static bool torn_exit;      /* likewise */
static bool admins;         /* connections that open are administrators' */
static uint32_t uid = 1000; /* and whose they are */
static char trace[TRACE_MAX];
static size_t trace_len;
static char line_last[ZKP_REPLY_LINE_MAX + 2]; /* that was said, uncut */
static uint64_t token_last; /* of the last GRANTED, wherever */

/* The doors */

static int64_t door_now(void *ctx)
{
	(void)ctx;
	now_ms += tick_ms;
	return now_ms;
}

static unsigned conn_number(const struct host *host, uint64_t conn)
{
	for (unsigned i = 0; i < CONNS_MAX; i++) {
		if (host->conns[i] == conn)
			return i;
	}
	ck_abort_msg("a line for connection %" PRIu64, conn);
	return 0;
}

/* Up to the first key that differs from run to run. */
static void note(const struct host *host, uint64_t conn, const char *line,
		 size_t len)
{
	static const char *const cut[] = { " token=", " held_ms=",
					   " waited_ms=", " until_ms=",
					   " grace_ms=" };
	char text[ZKP_REPLY_LINE_MAX + 1];
	char *at;

	memcpy(text, line, len);
	text[len] = '\0';
	(void)snprintf(line_last, sizeof line_last, "%s\n", text);
	at = strstr(text, "GRANTED ") ? strstr(text, " token=") : NULL;
	if (at)
		token_last = strtoull(at + strlen(" token="), NULL, 10);
	for (size_t i = 0; i < sizeof cut / sizeof *cut; i++) {
		at = strstr(text, cut[i]);
		if (at)
			*at = '\0';
	}
	trace_len += (size_t)snprintf(trace + trace_len, TRACE_MAX - trace_len,
				      "%c%u< %s\n", host->name,
				      conn_number(host, conn), text);
	ck_assert_uint_lt(trace_len, TRACE_MAX);
}

static void door_send(void *ctx, uint64_t conn, const char *bytes, size_t len)
{
	const char *end;

	ck_assert_int_eq(bytes[len - 1], '\n');
	while (len) {
		end = memchr(bytes, '\n', len);
		note(ctx, conn, bytes, (size_t)(end - bytes));
		len -= (size_t)(end - bytes) + 1;
		bytes = end + 1;
	}
}

static bool door_bulk(void *ctx, uint64_t conn, const char *bytes, size_t len)
{
	door_send(ctx, conn, bytes, len);
	return true;
}

static void door_close(void *ctx, uint64_t conn)
{
	struct host *host = ctx;
	unsigned n = conn_number(host, conn);

	trace_len += (size_t)snprintf(trace + trace_len, TRACE_MAX - trace_len,
				      "%c%u closed\n", host->name, n);
	host->conns[n] = 0;
}

static void door_pause(void *ctx, uint64_t conn, bool paused)
{
	(void)ctx;
	(void)conn;
	(void)paused;
}

static void door_page(void *ctx, uint16_t gen, int64_t deadline_ms)
{
	struct host *host = ctx;

	host->page_gen = gen;
	host->page_ms = deadline_ms;
}

static void door_random(void *ctx, void *bytes, size_t len)
{
	uint8_t *at = bytes;

	(void)ctx;
	for (size_t i = 0; i < len; i++) {
		seed = seed * 6364136223846793005U + 1442695040888963407U;
		at[i] = (uint8_t)(seed >> 56);
	}
}

static void door_log(void *ctx, enum hub_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

/* The world */

static void host_begin(struct host *host, char name)
{
	const struct coord_local_settings local = { .timeout_ms = TIMEOUT_MS,
						    .server = "tree",
						    .stepped = true };
	const struct hub_settings settings = {
		.host = name == 'a' ? "db1" : "db2",
		.root = "/deep/zklock",
		.session_timeout_ms = TIMEOUT_MS,
		.server_tick_ms = 500,
		.turns_ms = 50,
		.turns_max = 64,
		.linger_ms = linger_ms,
		.bid_turns = bid_turns,
		.try_grace_ms = 50,
		.drift_ppm = 1000,
		.tickets_max = 1000,
		.tickets_per_conn_max = 100,
		.unanswered_max = 10,
		.ephemeral_bytes_max = 2000,
		.batch_ops_max = 100,
		.torn_exit = torn_exit,
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

	*host = (struct host){ .name = name };
	host->coord = coord_local_new(tree, &local);
	host->hub = hub_new(&settings, &doors, host->coord);
	hub_start(host->hub);
}

/* It hears of everything at once, and tells the leader who is there. */
static void follower_ticks(void)
{
	int64_t session = coord_local_session(hosts[1].coord);

	coord_tree_view_sync(tree, 1);
	if (session && coord_local_attached(hosts[1].coord))
		coord_tree_session_touch(tree, session);
}

static void settle(void)
{
	for (int round = 0; round < 20; round++) {
		if (follower)
			follower_ticks();
		for (size_t i = 0; i < HOSTS_MAX; i++) {
			hub_drain(hosts[i].hub);
			if (coord_local_attached(hosts[i].coord))
				coord_local_settle(hosts[i].coord);
			hub_drain(hosts[i].hub);
		}
	}
}

static void link_up(void)
{
	for (size_t i = 0; i < HOSTS_MAX; i++) {
		if (coord_local_wants_link(hosts[i].coord))
			coord_local_attach(hosts[i].coord, i ? b_view : 0,
					   now_ms);
	}
	settle();
}

static void setup(void)
{
	const struct coord_tree_settings settings = { .zxid_start = INT64_C(1)
								    << 32,
						      .now_ms = door_now,
						      .views = 1 + follower };

	now_ms = 1000;
	seed = 42;
	tree = coord_tree_new(&settings);
	for (size_t i = 0; i < HOSTS_MAX; i++)
		host_begin(&hosts[i], (char)('a' + i));
	settle();
	link_up();
	trace_len = 0;
}

static void teardown(void)
{
	for (size_t i = 0; i < HOSTS_MAX; i++) {
		hub_free(hosts[i].hub);
		coord_local_free(hosts[i].coord);
	}
	coord_tree_free(tree);
}

static void pass(int64_t ms, bool linked)
{
	for (int64_t end_ms = now_ms + ms; now_ms < end_ms;) {
		now_ms += STEP_MS;
		coord_tree_tick(tree);
		if (linked)
			link_up();
		else
			settle();
	}
}

static void play_line(const char *line)
{
	const struct hub_peer peer = {
		.pid = 812, .uid = uid, .admin = admins, .command = "test"
	};
	struct host *host = &hosts[*line == 'b'];
	unsigned n = (unsigned)(line[1] - '0');
	char copy[ZKP_LINE_MAX + 1];

	if (*line == '+' || *line == '-') {
		pass(atoll(line + 1), *line == '+');
		return;
	}
	if (!host->conns[n])
		host->conns[n] = hub_on_open(host->hub, &peer);
	if (strcmp(line + 3, "EOF") == 0) {
		hub_on_eof(host->hub, host->conns[n]);
	} else {
		(void)snprintf(copy, sizeof copy, "%s", line + 3);
		hub_on_line(host->hub, host->conns[n], copy, strlen(copy));
	}
	settle();
}

static void play(const char *script)
{
	char *copy = strdup(script), *rest = NULL;

	for (char *line = strtok_r(copy, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		play_line(line);
	free(copy);
}

/* Nodes of a kind below the root: bids, by their name. */
__attribute__((unused)) static size_t bids_of(const char *lock)
{
	const struct coord_tree_node *parent, *child;
	char path[512];
	size_t len = 0;

	(void)snprintf(path, sizeof path, "/deep/zklock/%s", lock);
	parent = coord_tree_find(tree, 0, path);
	child = parent ? coord_tree_child_first(parent) : NULL;
	for (; child; child = coord_tree_child_next(child))
		len++;
	return len;
}

__attribute__((unused)) static bool told(const char *text)
{
	return strstr(trace, text) != NULL;
}

__attribute__((unused)) static size_t times_told(const char *text)
{
	size_t times = 0;

	for (const char *at = trace; (at = strstr(at, text)); at++)
		times++;
	return times;
}

/* A line of host a's connection; the hub takes it in its next turn. */
__attribute__((unused)) static void note_line(unsigned conn, const char *text)
{
	char line[ZKP_LINE_MAX + 1];

	(void)snprintf(line, sizeof line, "%s", text);
	hub_on_line(hosts[0].hub, hosts[0].conns[conn], line, strlen(line));
}

__attribute__((unused)) static const char *bid_path(const char *lock)
{
	const struct coord_tree_node *parent;
	static char path[512];
	size_t len;

	len = (size_t)snprintf(path, sizeof path, "/deep/zklock/%s", lock);
	parent = coord_tree_find(tree, 0, path);
	ck_assert_ptr_nonnull(parent);
	(void)snprintf(path + len, sizeof path - len, "/%s",
		       coord_tree_name(coord_tree_child_first(parent)));
	return path;
}

/* A node of that host's session beside a bid, with that bid's uuid but the
 * number of another, which no bid has. */
__attribute__((unused)) static void plant_orphan(const char *bid, int host,
						 const char *digits)
{
	char path[512], *name;
	struct coord_op op = { .verb = COORD_CREATE,
			       .kind = COORD_EPHEMERAL,
			       .path = path };

	(void)snprintf(path, sizeof path, "%s", bid);
	name = strrchr(path, '/') + 1;
	memcpy(name + strlen("_c_") + 24, "00000000beef", 12);
	memcpy(name + strlen(name) - 10, digits, 10);
	(void)coord_tree_write(tree, &op,
			       coord_local_session(hosts[host].coord));
}

#endif
