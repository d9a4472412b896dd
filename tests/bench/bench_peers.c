/* SPDX-License-Identifier: MIT */
/*
 * bench_peers - Redis (SET NX, released by a script that compares) and
 * flock(2), with the same workloads.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/file.h>
#include <unistd.h>

#include "bench.h"

/* The release that Redis' own manual gives: delete only one's own value. */
static const char script[] =
    "if redis.call('get',KEYS[1])==ARGV[1] then "
    "return redis.call('del',KEYS[1]) else return 0 end";
/* A waiter has to ask again: there is no queue. */
#define REDIS_RETRY_US 1000

struct redis {
	struct bench_reader reader;
	int64_t ask_ns;
	bool held;
	char digest[41]; /* of the script */
	char take[128];
	char give[256];
};

/* "*N" and the words, each with its length. */
static void request(char *to, size_t size, const char *const *words, size_t n)
{
	size_t at = (size_t)snprintf(to, size, "*%zu\r\n", n);

	for (size_t i = 0; i < n; i++)
		at += (size_t)snprintf(to + at, size - at, "$%zu\r\n%s\r\n",
				       strlen(words[i]), words[i]);
}

static void redis_words(struct redis *redis, const char *key, int me)
{
	char value[16];
	const char *set[] = { "SET", key, value, "NX", "PX", "30000" };
	const char *eval[] = { "EVALSHA", redis->digest, "1", key, value };

	(void)snprintf(value, sizeof value, "%d", me);
	request(redis->take, sizeof redis->take, set, 6);
	request(redis->give, sizeof redis->give, eval, 5);
}

static void redis_load(struct redis *redis)
{
	const char *load[] = { "SCRIPT", "LOAD", script };
	char raw[512];

	request(raw, sizeof raw, load, 3);
	bench_write(redis->reader.fd, raw);
	(void)bench_line(&redis->reader); /* $40 */
	(void)snprintf(redis->digest, sizeof redis->digest, "%.40s",
		       bench_line(&redis->reader));
}

static void *redis_open(const char *where, int me)
{
	struct redis *redis = calloc(1, sizeof *redis);

	if (!redis)
		bench_die("memory");
	redis->reader.fd = bench_unix(where);
	redis_load(redis);
	redis_words(redis, "bench", me);
	return redis;
}

static void redis_acquire(void *self)
{
	struct redis *redis = self;

	for (;;) {
		bench_write(redis->reader.fd, redis->take);
		if (bench_line(&redis->reader)[0] == '+')
			return;
		(void)usleep(REDIS_RETRY_US);
	}
}

static void redis_release(void *self)
{
	struct redis *redis = self;

	bench_write(redis->reader.fd, redis->give);
	if (bench_line(&redis->reader)[1] != '1')
		bench_die("the lock was not ours");
}

static void redis_turn(struct redis *redis, struct bench_figures *figures)
{
	if (redis->held) {
		bench_write(redis->reader.fd, redis->give);
	} else {
		if (figures)
			bench_note(&figures->times,
				   bench_now_ns() - redis->ask_ns);
		redis->ask_ns = bench_now_ns();
		bench_write(redis->reader.fd, redis->take);
	}
	redis->held = !redis->held;
}

static void redis_many(const char *where, int n, int64_t ns)
{
	struct bench_figures figures = { 0 };
	struct redis *ones = calloc((size_t)n, sizeof *ones);
	int loop = epoll_create1(EPOLL_CLOEXEC);
	struct epoll_event ready[256];
	int64_t start_ns;

	if (!ones || loop < 0)
		bench_die("memory");
	for (int i = 0; i < n; i++) {
		struct epoll_event want = { .events = EPOLLIN,
					    .data.ptr = &ones[i] };
		char key[32];

		ones[i].reader.fd = bench_unix(where);
		redis_load(&ones[i]);
		(void)snprintf(key, sizeof key, "bench/%d", i);
		redis_words(&ones[i], key, i);
		(void)epoll_ctl(loop, EPOLL_CTL_ADD, ones[i].reader.fd, &want);
	}
	start_ns = bench_now_ns();
	for (int i = 0; i < n; i++)
		redis_turn(&ones[i], NULL);
	while (bench_now_ns() - start_ns < ns) {
		int len = epoll_wait(loop, ready, 256, 1000);

		for (int i = 0; i < len; i++) {
			struct redis *redis = ready[i].data.ptr;

			(void)bench_line(&redis->reader);
			figures.cycles += !redis->held;
			redis_turn(redis, &figures);
		}
	}
	figures.ns = bench_now_ns() - start_ns;
	bench_print(&figures);
}

static const struct bench_member redis_member = { redis_open, redis_acquire,
						  redis_release };

void bench_redis(const char *what, int argc, char **argv)
{
	const char *where = argc > 0 ? argv[0] : "";
	int64_t ns = argc > 1 ? (int64_t)(atof(argv[1]) * 1e9) : 0;
	int n = argc > 2 ? atoi(argv[2]) : 1;

	if (strcmp(what, "cycle") == 0)
		bench_cycle_run(&redis_member, where, ns);
	else if (strcmp(what, "crowd") == 0)
		bench_crowd_run(&redis_member, where, n, ns);
	else if (strcmp(what, "many") == 0)
		redis_many(where, n, ns);
	else
		bench_die("unknown workload: bench_main.c has the list");
}

/* flock(2) */

struct file {
	int fd;
};

static void *file_open(const char *where, int me)
{
	struct file *file = calloc(1, sizeof *file);

	(void)me;
	if (!file)
		bench_die("memory");
	file->fd = open(where, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (file->fd < 0)
		bench_die(where);
	return file;
}

static void file_acquire(void *self)
{
	const struct file *file = self;

	while (flock(file->fd, LOCK_EX) != 0)
		if (errno != EINTR)
			bench_die("flock");
}

static void file_release(void *self)
{
	const struct file *file = self;

	(void)flock(file->fd, LOCK_UN);
}

static const struct bench_member file_member = { file_open, file_acquire,
						 file_release };

void bench_flock(const char *what, int argc, char **argv)
{
	const char *where = argc > 0 ? argv[0] : "";
	int64_t ns = argc > 1 ? (int64_t)(atof(argv[1]) * 1e9) : 0;
	int n = argc > 2 ? atoi(argv[2]) : 1;

	if (strcmp(what, "cycle") == 0)
		bench_cycle_run(&file_member, where, ns);
	else if (strcmp(what, "crowd") == 0)
		bench_crowd_run(&file_member, where, n, ns);
	else
		bench_die("unknown workload: bench_main.c has the list");
}
