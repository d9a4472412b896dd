/* SPDX-License-Identifier: MIT */
/*
 * The warm path from socket to socket: LOCK and UNLOCK of a lock that this
 * host has, with the real connections, hub and rooms, and a malloc that
 * counts.  The coordinator is the tree in memory, which must not be asked.
 */
#include <check.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/conn.h"
#include "daemon/coord_local.h"
#include "daemon/hub.h"
#include "daemon/log.h"

#ifdef __SANITIZE_ADDRESS__
#define COUNTS 0
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define COUNTS 0
#endif
#endif
#ifndef COUNTS
#define COUNTS 1
#endif

static bool in_turn; /* Check's own are not counted */
static size_t allocations;

#if COUNTS
/* The C library's own, by the names that it keeps for this. */
void *__libc_malloc(size_t size);
void *__libc_calloc(size_t count, size_t size);
void *__libc_realloc(void *old, size_t size);
void *malloc(size_t size);
void *calloc(size_t count, size_t size);
void *realloc(void *old, size_t size);

void *malloc(size_t size)
{
	allocations += in_turn;
	return __libc_malloc(size);
}

void *calloc(size_t count, size_t size)
{
	allocations += in_turn;
	return __libc_calloc(count, size);
}

void *realloc(void *old, size_t size)
{
	allocations += in_turn;
	return __libc_realloc(old, size);
}
#endif

#define CLIENTS 3

static struct event_base *base;
static struct coord_tree *tree;
static struct coord *coord;
static struct conns *conns;
static struct hub *hub;
static int64_t now_ms;
static int clients[CLIENTS];
static char heard[4096];

static int64_t door_now(void *ctx)
{
	(void)ctx;
	return now_ms;
}

static void door_send(void *ctx, uint64_t conn, const char *bytes, size_t len)
{
	(void)ctx;
	conns_send(conns, conn, bytes, len);
}

static bool door_offer(void *ctx, uint64_t conn, const char *bytes, size_t len)
{
	(void)ctx;
	return conns_offer(conns, conn, bytes, len);
}

static bool door_bulk(void *ctx, uint64_t conn, const char *bytes, size_t len)
{
	(void)ctx;
	return conns_bulk(conns, conn, bytes, len);
}

static void door_close(void *ctx, uint64_t conn)
{
	(void)ctx;
	conns_close(conns, conn);
}

static void door_pause(void *ctx, uint64_t conn, bool paused)
{
	(void)ctx;
	conns_pause(conns, conn, paused);
}

static void door_page(void *ctx, uint16_t gen, int64_t deadline_ms)
{
	(void)ctx;
	(void)gen;
	(void)deadline_ms;
}

static void door_random(void *ctx, void *bytes, size_t len)
{
	(void)ctx;
	memset(bytes, 7, len);
}

static void door_log(void *ctx, enum hub_level level, const char *line)
{
	(void)ctx;
	(void)level;
	(void)line;
}

static void turn(void)
{
	in_turn = true;
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
	conns_turn(conns);
	hub_drain(hub);
	conns_flush(conns, now_ms);
	in_turn = false;
}

static void open_hub(void)
{
	const struct coord_tree_settings trees = {
		.zxid_start = INT64_C(1) << 32, .now_ms = door_now, .views = 1
	};
	const struct coord_local_settings local = { .timeout_ms = 6000,
						    .server = "tree" };
	const struct hub_settings settings = {
		.host = "db1",
		.root = "/zklock",
		.session_timeout_ms = 6000,
		.server_tick_ms = 500,
		.turns_ms = 50,
		.turns_max = 64,
		.linger_ms = 60000,
		.try_grace_ms = 50,
		.drift_ppm = 1000,
		.tickets_max = 1000,
		.tickets_per_conn_max = 100,
		.unanswered_max = 100,
		.ephemeral_bytes_max = 65536,
		.batch_ops_max = 100,
	};
	const struct hub_doors doors = {
		.now_ms = door_now,
		.send = door_send,
		.offer = door_offer,
		.bulk = door_bulk,
		.close = door_close,
		.pause = door_pause,
		.page = door_page,
		.random = door_random,
		.log = door_log,
	};

	tree = coord_tree_new(&trees);
	coord = coord_local_new(tree, &local);
	hub = hub_new(&settings, &doors, coord);
	hub_start(hub);
}

static void begin(void)
{
	const struct conns_settings settings = { .clients_max = 8,
						 .clients_per_uid_max = 8,
						 .output_bytes_max = 65536,
						 .listing_bytes_max = 65536 };
	const struct hub_peer peer = { .pid = 1, .uid = 1000 };
	int ends[2];

	log_open(&(struct log_settings){ .sink = LOG_SINK_STDERR,
					 .level = LOG_LEVEL_ERR,
					 .fd = STDERR_FILENO });
	now_ms = 1000;
	base = event_base_new();
	conns = conns_new(base, &settings);
	open_hub();
	conns_attach(conns, &(struct conn_events){ .hub = hub,
						   .open = hub_on_open,
						   .line = hub_on_line,
						   .overlong = hub_on_overlong,
						   .eof = hub_on_eof });
	for (int i = 0; i < CLIENTS; i++) {
		ck_assert_int_eq(
		    socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends),
		    0);
		clients[i] = ends[0];
		ck_assert(conns_add(conns, ends[1], &peer));
	}
	turn();
}

static void end(void)
{
	for (int i = 0; i < CLIENTS; i++)
		(void)close(clients[i]);
	conns_free(conns);
	hub_free(hub);
	coord_local_free(coord);
	coord_tree_free(tree);
	event_base_free(base);
}

static void say(int client, const char *line)
{
	ssize_t len = (ssize_t)strlen(line);

	ck_assert_int_eq(send(clients[client], line, (size_t)len, 0), len);
}

/* Everything that the client was sent in this turn. */
static const char *hear(int client)
{
	ssize_t len;

	turn();
	len = recv(clients[client], heard, sizeof heard - 1, 0);
	heard[len > 0 ? len : 0] = '\0';
	return heard;
}

static void expect(int client, const char *word)
{
	if (strstr(hear(client), word) == NULL)
		ck_abort_msg("%s, not %s", heard, word);
}

static void cycle(void)
{
	say(0, "LOCK foo\n");
	expect(0, "GRANTED foo");
	say(0, "UNLOCK foo\n");
	expect(0, "RELEASED foo");
	say(0, "#7 LOCK foo wait=5s\n");
	expect(0, "#7 GRANTED foo");
	say(1, "LOCK foo\n");
	expect(1, "QUEUED foo");
	say(2, "TRYLOCK foo\n");
	expect(2, "ERR BUSY");
	say(0, "UNLOCK foo\n#8 LOCK foo\n");
	expect(0, "RELEASED foo");
	(void)hear(1);
	say(1, "UNLOCK foo\n");
	expect(1, "RELEASED foo");
	say(0, "CHECK foo\n");
	expect(0, "held=1");
	say(0, "UNLOCK foo\n");
	expect(0, "RELEASED foo");
}

/* A cycle by one client, a hand-over between two, a TRYLOCK of a third. */
START_TEST(warm_cycles_ask_no_allocator)
{
	size_t before;
	int64_t zxid;

	for (int i = 0; i < 20; i++)
		cycle();
	turn();
	before = allocations;
	zxid = coord_tree_zxid(tree);
	for (int i = 0; i < 100; i++)
		cycle();
	ck_assert_int_eq(coord_tree_zxid(tree), zxid);
#if COUNTS
	ck_assert_uint_gt(before, 0);
	ck_assert_uint_eq(allocations - before, 0);
#else
	(void)before;
#endif
}
END_TEST

/* UNLOCK and the next LOCK in one write are answered in one. */
START_TEST(pair_in_one_write_is_one_turn)
{
	say(0, "LOCK foo\n");
	expect(0, "GRANTED foo");
	say(0, "UNLOCK foo\nLOCK foo\n");
	expect(0, "RELEASED foo");
	ck_assert_ptr_nonnull(strstr(heard, "GRANTED foo"));
}
END_TEST

/* R14: a lock that is known to be held here is refused with no write, nor a
 * read. */
START_TEST(trylock_of_a_held_lock_asks_nobody)
{
	struct coord_stat stat;
	int64_t zxid;

	say(0, "LOCK foo\n");
	expect(0, "GRANTED foo");
	turn();
	zxid = coord_tree_zxid(tree);
	for (int i = 0; i < 10; i++) {
		say(1, "TRYLOCK foo\n");
		expect(1, "ERR BUSY");
	}
	ck_assert_int_eq(coord_tree_zxid(tree), zxid);
	stat = coord_tree_stat(coord_tree_find(tree, 0, "/zklock/foo"));
	ck_assert_int_eq(stat.children, 1);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("warm");
	TCase *warm = tcase_create("warm");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(warm, begin, end);
	tcase_add_test(warm, warm_cycles_ask_no_allocator);
	tcase_add_test(warm, pair_in_one_write_is_one_turn);
	tcase_add_test(warm, trylock_of_a_held_lock_asks_nobody);
	suite_add_tcase(suite, warm);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
