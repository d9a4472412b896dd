/* SPDX-License-Identifier: MIT */
/*
 * bench_raw - what ZooKeeper itself can do, by its C client and nothing
 * around it: create and delete in pairs, and the shortest hand-over that a
 * deleted node, its event and a listing allow.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/time.h>
#include <unistd.h>
#include <zookeeper/zookeeper.h>

#include "bench.h"

#define SESSION_MS 20000
#define DEPTH_MAX  4096

/* The single-threaded client: whoever waits turns it. */
static void turn(zhandle_t *const *handles, size_t n)
{
	struct pollfd fds[2] = { { 0 } };
	int wait_ms = 1000;

	for (size_t i = 0; i < n; i++) {
		struct timeval in = { 0 };
		int interest = 0;

		fds[i].fd = -1;
		if (zookeeper_interest(handles[i], &fds[i].fd, &interest,
				       &in) != ZOK)
			continue;
		fds[i].events =
		    (short)((interest & ZOOKEEPER_READ ? POLLIN : 0) |
			    (interest & ZOOKEEPER_WRITE ? POLLOUT : 0));
		if (in.tv_sec * 1000 + in.tv_usec / 1000 < wait_ms)
			wait_ms = (int)(in.tv_sec * 1000 + in.tv_usec / 1000);
	}
	(void)poll(fds, n, wait_ms);
	for (size_t i = 0; i < n; i++)
		(void)zookeeper_process(
		    handles[i],
		    (fds[i].revents & (POLLIN | POLLHUP) ? ZOOKEEPER_READ : 0) |
			(fds[i].revents & POLLOUT ? ZOOKEEPER_WRITE : 0));
}

static void no_watch(zhandle_t *zh, int type, int state, const char *path,
		     void *ctx)
{
	(void)zh;
	(void)type;
	(void)state;
	(void)path;
	(void)ctx;
}

static zhandle_t *attach(const char *servers)
{
	zhandle_t *zh;

	zoo_set_debug_level(ZOO_LOG_LEVEL_ERROR);
	zh = zookeeper_init(servers, no_watch, SESSION_MS, NULL, NULL, 0);
	if (!zh)
		bench_die("zookeeper_init");
	while (zoo_state(zh) != ZOO_CONNECTED_STATE)
		turn(&zh, 1);
	return zh;
}

/* Pairs */

static struct {
	zhandle_t *zh;
	struct bench_figures figures;
	int64_t ask_ns[DEPTH_MAX];
	bool over;
	int out;
} pairs;

static void ask_create(size_t slot);

static void on_deleted(int rc, const void *ctx)
{
	size_t slot = (size_t)(uintptr_t)ctx;

	if (rc != ZOK)
		bench_die(zerror(rc));
	pairs.out--;
	pairs.figures.cycles++;
	bench_note(&pairs.figures.times, bench_now_ns() - pairs.ask_ns[slot]);
	if (!pairs.over)
		ask_create(slot);
}

static void on_created(int rc, const char *path, const void *ctx)
{
	if (rc != ZOK)
		bench_die(zerror(rc));
	rc = zoo_adelete(pairs.zh, path, -1, on_deleted, ctx);
	if (rc != ZOK)
		bench_die(zerror(rc));
}

static void ask_create(size_t slot)
{
	char path[64];

	(void)snprintf(path, sizeof path, "/bench-raw/%zu-", slot);
	pairs.ask_ns[slot] = bench_now_ns();
	pairs.out++;
	if (zoo_acreate(pairs.zh, path, NULL, -1, &ZOO_OPEN_ACL_UNSAFE,
			ZOO_EPHEMERAL | ZOO_SEQUENCE, on_created,
			(const void *)(uintptr_t)slot) != ZOK)
		bench_die("zoo_acreate");
}

static bool answered;

static void on_made(int rc, const char *path, const void *ctx)
{
	(void)path;
	(void)ctx;
	if (rc != ZOK && rc != ZNODEEXISTS)
		bench_die(zerror(rc));
	answered = true;
}

static void make_root(zhandle_t *zh)
{
	answered = false;
	if (zoo_acreate(zh, "/bench-raw", NULL, -1, &ZOO_OPEN_ACL_UNSAFE, 0,
			on_made, NULL) != ZOK)
		bench_die("zoo_acreate");
	while (!answered)
		turn(&zh, 1);
}

static void run_pairs(const char *servers, int64_t ns, int depth)
{
	int64_t start_ns;

	if (depth < 1 || depth > DEPTH_MAX)
		bench_die("1 to 4096 in flight");
	pairs.zh = attach(servers);
	make_root(pairs.zh);
	start_ns = bench_now_ns();
	for (int i = 0; i < depth; i++)
		ask_create((size_t)i);
	while (bench_now_ns() - start_ns < ns)
		turn(&pairs.zh, 1);
	pairs.figures.ns = bench_now_ns() - start_ns;
	bench_print(&pairs.figures);
	pairs.over = true;
	while (pairs.out > 0)
		turn(&pairs.zh, 1);
	(void)zookeeper_close(pairs.zh);
}

/* Hand-over: one session deletes, the other has the event and lists. */

static struct {
	char path[128];
	bool watched, gone, listed, made;
} hand;

static void on_node(int rc, const char *path, const void *ctx)
{
	(void)ctx;
	if (rc != ZOK)
		bench_die(zerror(rc));
	(void)snprintf(hand.path, sizeof hand.path, "%s", path);
	hand.made = true;
}

static void on_watch(zhandle_t *zh, int type, int state, const char *path,
		     void *ctx)
{
	(void)zh;
	(void)state;
	(void)path;
	(void)ctx;
	if (type == ZOO_DELETED_EVENT)
		hand.gone = true;
}

static void on_data(int rc, const char *value, int len, const struct Stat *stat,
		    const void *ctx)
{
	(void)value;
	(void)len;
	(void)stat;
	(void)ctx;
	if (rc != ZOK)
		bench_die(zerror(rc));
	hand.watched = true;
}

static void on_list(int rc, const struct String_vector *names, const void *ctx)
{
	(void)names;
	(void)ctx;
	if (rc != ZOK)
		bench_die(zerror(rc));
	hand.listed = true;
}

static void on_gone(int rc, const void *ctx)
{
	(void)ctx;
	if (rc != ZOK)
		bench_die(zerror(rc));
}

static void until(zhandle_t *const *both, const bool *done)
{
	while (!*done)
		turn(both, 2);
}

static int64_t one_over(zhandle_t *const *both)
{
	int64_t start_ns;

	hand.watched = hand.gone = hand.listed = hand.made = false;
	(void)zoo_acreate(both[0], "/bench-raw/over-", NULL, -1,
			  &ZOO_OPEN_ACL_UNSAFE, ZOO_EPHEMERAL | ZOO_SEQUENCE,
			  on_node, NULL);
	until(both, &hand.made);
	(void)zoo_awget(both[1], hand.path, on_watch, NULL, on_data, NULL);
	until(both, &hand.watched);
	start_ns = bench_now_ns();
	(void)zoo_adelete(both[0], hand.path, -1, on_gone, NULL);
	until(both, &hand.gone);
	(void)zoo_aget_children(both[1], "/bench-raw", 0, on_list, NULL);
	until(both, &hand.listed);
	return bench_now_ns() - start_ns;
}

static void run_over(const char *servers, int64_t ns)
{
	static struct bench_figures figures;
	zhandle_t *both[2] = { attach(servers), attach(servers) };
	int64_t start_ns;

	make_root(both[0]);
	start_ns = bench_now_ns();
	while (bench_now_ns() - start_ns < ns) {
		bench_note(&figures.times, one_over(both));
		figures.cycles++;
	}
	figures.ns = bench_now_ns() - start_ns;
	bench_print(&figures);
	(void)zookeeper_close(both[0]);
	(void)zookeeper_close(both[1]);
}

void bench_raw(const char *what, int argc, char **argv)
{
	const char *servers = argc > 0 ? argv[0] : "";
	int64_t ns = argc > 1 ? (int64_t)(atof(argv[1]) * 1e9) : 0;

	if (strcmp(what, "pairs") == 0)
		run_pairs(servers, ns, argc > 2 ? atoi(argv[2]) : 1);
	else if (strcmp(what, "over") == 0)
		run_over(servers, ns);
	else
		bench_die("unknown workload: bench_main.c has the list");
}
