/* SPDX-License-Identifier: MIT */
/*
 * bench_main - picks the workload; the clock, the histogram, the crowd.
 *
 *	zkl_bench lines-cycle  SOCKET SECONDS      one client, one lock
 *	zkl_bench lines-pair   SOCKET SECONDS      UNLOCK and LOCK in one write
 *	zkl_bench lines-many   SOCKET SECONDS N    N clients, N locks
 *	zkl_bench lines-crowd  SOCKET SECONDS N    N processes, one lock
 *	zkl_bench lines-over   SOCKET SECONDS SOCKET2 [HOLD_MS]   between hosts
 *	zkl_bench lines-wait   SOCKET SECONDS NAME how long a waiter waits
 *	zkl_bench lines-idle   SOCKET SECONDS N    N clients that say HELLO
 *	zkl_bench redis-cycle|redis-crowd|redis-many, flock-cycle|flock-crowd
 *	zkl_bench floor SOCKET                     a lock server in memory
 *	zkl_bench raw-pairs SERVERS SECONDS DEPTH  create and delete
 *	zkl_bench raw-over  SERVERS SECONDS        delete, event, listing
 *	zkl_bench pingpong SECONDS
 *	zkl_bench spawn N COMMAND [ARG...]
 */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

int64_t bench_now_ns(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * BENCH_NS_S + ts.tv_nsec;
}

void bench_die(const char *what)
{
	int error = errno;

	(void)fprintf(stderr, "zkl_bench: %s", what);
	if (error)
		(void)fprintf(stderr, " (%s)", strerror(error));
	(void)fprintf(stderr, "\n");
	exit(1);
}

/* The histogram */

void bench_note(struct bench_times *times, int64_t ns)
{
	double place = ns > 1 ? log2((double)ns) * BENCH_STEPS : 0;
	size_t at = (size_t)place;

	times->bucket[at < BENCH_BUCKETS ? at : BENCH_BUCKETS - 1]++;
	times->len++;
}

void bench_merge(struct bench_times *into, const struct bench_times *from)
{
	for (size_t i = 0; i < BENCH_BUCKETS; i++)
		into->bucket[i] += from->bucket[i];
	into->len += from->len;
}

double bench_quantile_us(const struct bench_times *times, double part)
{
	uint64_t wanted = (uint64_t)(part * (double)times->len), seen = 0;

	for (size_t i = 0; i < BENCH_BUCKETS; i++) {
		seen += times->bucket[i];
		if (seen > wanted)
			return exp2(((double)i + 0.5) / BENCH_STEPS) / 1e3;
	}
	return 0;
}

void bench_print(const struct bench_figures *figures)
{
	double seconds = (double)figures->ns / (double)BENCH_NS_S;

	printf("{\"cycles\": %llu, \"seconds\": %.6f, \"rate\": %.3f, "
	       "\"p50_us\": %.3f, \"p99_us\": %.3f, \"fewest\": %llu, "
	       "\"most\": %llu}\n",
	       (unsigned long long)figures->cycles, seconds,
	       (double)figures->cycles / seconds,
	       bench_quantile_us(&figures->times, 0.5),
	       bench_quantile_us(&figures->times, 0.99),
	       (unsigned long long)figures->fewest,
	       (unsigned long long)figures->most);
}

/* Sockets */

int bench_unix(const char *path)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || strlen(path) >= sizeof addr.sun_path)
		bench_die("no socket");
	(void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s", path);
	if (connect(fd, (const struct sockaddr *)&addr, sizeof addr) != 0)
		bench_die(path);
	return fd;
}

void bench_write(int fd, const char *raw)
{
	size_t len = strlen(raw);

	while (len > 0) {
		ssize_t done = send(fd, raw, len, MSG_NOSIGNAL);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			bench_die("the server does not take it");
		raw += done;
		len -= (size_t)done;
	}
}

const char *bench_line(struct bench_reader *reader)
{
	char *line, *end;
	ssize_t got;

	for (;;) {
		line = reader->buf + reader->at;
		end = memchr(line, '\n', reader->len - reader->at);
		if (end)
			break;
		memmove(reader->buf, line, reader->len - reader->at);
		reader->len -= reader->at;
		reader->at = 0;
		if (reader->len == sizeof reader->buf)
			bench_die("a line that has no end");
		got = recv(reader->fd, reader->buf + reader->len,
			   sizeof reader->buf - reader->len, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			bench_die("the server has gone");
		reader->len += (size_t)got;
	}
	*end = '\0';
	reader->at = (size_t)(end + 1 - reader->buf);
	return line;
}

void bench_expect(struct bench_reader *reader, const char *word)
{
	for (;;) {
		const char *line = bench_line(reader);

		if (strncmp(line, word, strlen(word)) == 0)
			return;
		if (strncmp(line, "ERR", 3) == 0) {
			errno = 0;
			bench_die(line);
		}
	}
}

/* One client */

void bench_cycle_run(const struct bench_member *member, const char *where,
		     int64_t ns)
{
	struct bench_figures figures = { 0 };
	void *self = member->open(where, 0);
	int64_t start_ns, last_ns, now_ns;

	member->acquire(self);
	member->release(self);
	start_ns = last_ns = bench_now_ns();
	do {
		member->acquire(self);
		member->release(self);
		now_ns = bench_now_ns();
		bench_note(&figures.times, now_ns - last_ns);
		last_ns = now_ns;
		figures.cycles++;
	} while (now_ns - start_ns < ns);
	figures.ns = now_ns - start_ns;
	bench_print(&figures);
}

/* A crowd */

static void crowd_member(const struct bench_member *member, const char *where,
			 struct bench_crowd *crowd, int me)
{
	void *self = member->open(where, me);
	int64_t released_ns;

	(void)atomic_fetch_add(&crowd->ready, 1);
	while (!atomic_load(&crowd->go))
		(void)usleep(1000);
	while (!atomic_load(&crowd->stop)) {
		member->acquire(self);
		released_ns = atomic_exchange(&crowd->released_ns, 0);
		if (released_ns)
			bench_note(&crowd->gaps[me],
				   bench_now_ns() - released_ns);
		crowd->grants[me]++;
		atomic_store(&crowd->released_ns, bench_now_ns());
		member->release(self);
	}
	_exit(0);
}

static void crowd_sum(const struct bench_crowd *crowd, int n, int64_t ns)
{
	struct bench_figures figures = { .ns = ns, .fewest = UINT64_MAX };

	for (int i = 0; i < n; i++) {
		figures.cycles += crowd->grants[i];
		if (crowd->grants[i] < figures.fewest)
			figures.fewest = crowd->grants[i];
		if (crowd->grants[i] > figures.most)
			figures.most = crowd->grants[i];
		bench_merge(&figures.times, &crowd->gaps[i]);
	}
	bench_print(&figures);
}

void bench_crowd_run(const struct bench_member *member, const char *where,
		     int n, int64_t ns)
{
	struct bench_crowd *crowd;
	size_t size = sizeof *crowd + (size_t)n * sizeof crowd->gaps[0];
	int64_t start_ns;

	if (n < 1 || n > 1024)
		bench_die("1 to 1024 processes");
	crowd = mmap(NULL, size, PROT_READ | PROT_WRITE,
		     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (crowd == MAP_FAILED)
		bench_die("mmap");
	for (int i = 0; i < n; i++) {
		pid_t pid = fork();

		if (pid < 0)
			bench_die("fork");
		if (pid == 0) {
			(void)prctl(PR_SET_PDEATHSIG, 9);
			crowd_member(member, where, crowd, i);
		}
	}
	while (atomic_load(&crowd->ready) < n)
		(void)usleep(1000);
	start_ns = bench_now_ns();
	atomic_store(&crowd->go, true);
	while (bench_now_ns() - start_ns < ns)
		(void)usleep(10000);
	ns = bench_now_ns() - start_ns;
	crowd_sum(crowd, n, ns);
	atomic_store(&crowd->stop, true);
	(void)fflush(stdout);
	while (wait(NULL) > 0)
		;
}

int main(int argc, char **argv)
{
	const char *what = argc > 1 ? argv[1] : "";

	errno = 0;
	argc -= 2;
	argv += 2;
	if (strncmp(what, "lines-", 6) == 0)
		bench_lines(what + 6, argc, argv);
	else if (strncmp(what, "redis-", 6) == 0)
		bench_redis(what + 6, argc, argv);
	else if (strncmp(what, "flock-", 6) == 0)
		bench_flock(what + 6, argc, argv);
	else if (strncmp(what, "raw-", 4) == 0)
		bench_raw(what + 4, argc, argv);
	else if (strcmp(what, "floor") == 0)
		bench_floor(argc, argv);
	else if (strcmp(what, "pingpong") == 0)
		bench_pingpong(argc, argv);
	else if (strcmp(what, "spawn") == 0)
		bench_spawn(argc, argv);
	else
		bench_die("unknown workload: bench_main.c has the list");
	return 0;
}
