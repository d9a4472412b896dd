/* SPDX-License-Identifier: MIT */
/*
 * bench_lines - the line protocol: zklockd, or the floor that answers alike.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/resource.h>
#include <unistd.h>

#include "bench.h"

struct client {
	struct bench_reader reader;
	const char *lock, *unlock;
};

static void *client_open(const char *where, int me)
{
	struct client *client = calloc(1, sizeof *client);

	(void)me;
	if (!client)
		bench_die("memory");
	client->reader.fd = bench_unix(where);
	client->lock = "LOCK bench\n";
	client->unlock = "UNLOCK bench\n";
	return client;
}

static void client_acquire(void *self)
{
	struct client *client = self;

	bench_write(client->reader.fd, client->lock);
	bench_expect(&client->reader, "GRANTED");
}

static void client_release(void *self)
{
	struct client *client = self;

	bench_write(client->reader.fd, client->unlock);
	bench_expect(&client->reader, "RELEASED");
}

static const struct bench_member member = { client_open, client_acquire,
					    client_release };

/* UNLOCK and the next LOCK in one write. */
static void pair(const char *where, int64_t ns)
{
	struct bench_figures figures = { 0 };
	struct client *client = client_open(where, 0);
	int64_t start_ns, last_ns, now_ns;

	client_acquire(client);
	start_ns = last_ns = bench_now_ns();
	do {
		bench_write(client->reader.fd, "UNLOCK bench\nLOCK bench\n");
		bench_expect(&client->reader, "RELEASED");
		bench_expect(&client->reader, "GRANTED");
		now_ns = bench_now_ns();
		bench_note(&figures.times, now_ns - last_ns);
		last_ns = now_ns;
		figures.cycles++;
	} while (now_ns - start_ns < ns);
	figures.ns = now_ns - start_ns;
	bench_print(&figures);
}

/* A lock that goes to and fro between two hosts.  Who waits asks when the hold
 * begins, and 2 ms later its watch is set. */
static void over(const char *one, const char *two, int64_t ns, int hold_ms)
{
	struct bench_figures figures = { 0 };
	struct client *holder = client_open(one, 0);
	struct client *waiter = client_open(two, 0), *was;
	int64_t start_ns = bench_now_ns(), release_ns, now_ns;

	client_acquire(holder);
	do {
		bench_write(waiter->reader.fd, waiter->lock);
		bench_expect(&waiter->reader, "QUEUED");
		(void)usleep((useconds_t)hold_ms * 1000);
		release_ns = bench_now_ns();
		bench_write(holder->reader.fd, holder->unlock);
		bench_expect(&waiter->reader, "GRANTED");
		now_ns = bench_now_ns();
		bench_note(&figures.times, now_ns - release_ns);
		figures.cycles++;
		bench_expect(&holder->reader, "RELEASED");
		was = holder;
		holder = waiter;
		waiter = was;
	} while (now_ns - start_ns < ns);
	figures.ns = now_ns - start_ns;
	bench_print(&figures);
}

/* How long a LOCK takes while others hammer elsewhere. */
static void waits(const char *where, int64_t ns)
{
	struct bench_figures figures = { 0 };
	struct client *client = client_open(where, 0);
	int64_t start_ns = bench_now_ns(), ask_ns, now_ns;

	do {
		ask_ns = bench_now_ns();
		client_acquire(client);
		now_ns = bench_now_ns();
		bench_note(&figures.times, now_ns - ask_ns);
		figures.cycles++;
		client_release(client);
	} while (now_ns - start_ns < ns);
	figures.ns = now_ns - start_ns;
	bench_print(&figures);
}

/* Many clients, each with a lock of its own, in one loop. */

struct one {
	struct bench_reader reader;
	int64_t ask_ns;
	char lock[32], unlock[32];
};

static void raise_files(void)
{
	struct rlimit files;

	(void)getrlimit(RLIMIT_NOFILE, &files);
	files.rlim_cur = files.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &files);
}

static bool whole_line(const struct bench_reader *reader)
{
	return memchr(reader->buf + reader->at, '\n',
		      reader->len - reader->at) != NULL;
}

/* Reads what is there, once. */
static void take_in(struct bench_reader *reader)
{
	ssize_t got;

	memmove(reader->buf, reader->buf + reader->at,
		reader->len - reader->at);
	reader->len -= reader->at;
	reader->at = 0;
	got = read(reader->fd, reader->buf + reader->len,
		   sizeof reader->buf - reader->len);
	if (got <= 0)
		bench_die("the server has gone");
	reader->len += (size_t)got;
}

static void many_line(struct one *one, struct bench_figures *figures)
{
	const char *line = bench_line(&one->reader);
	int64_t now_ns;

	if (strncmp(line, "GRANTED", 7) == 0) {
		now_ns = bench_now_ns();
		bench_note(&figures->times, now_ns - one->ask_ns);
		figures->cycles++;
		bench_write(one->reader.fd, one->unlock);
	} else if (strncmp(line, "RELEASED", 8) == 0) {
		one->ask_ns = bench_now_ns();
		bench_write(one->reader.fd, one->lock);
	} else if (strncmp(line, "ERR", 3) == 0) {
		errno = 0;
		bench_die(line);
	}
}

static void many_turn(int loop, struct bench_figures *figures)
{
	struct epoll_event ready[256];
	int len = epoll_wait(loop, ready, 256, 1000);

	for (int i = 0; i < len; i++) {
		struct one *one = ready[i].data.ptr;

		take_in(&one->reader);
		while (whole_line(&one->reader))
			many_line(one, figures);
	}
}

static void many(const char *where, int n, int64_t ns)
{
	static struct bench_figures figures;
	struct one *ones = calloc((size_t)n, sizeof *ones);
	int loop = epoll_create1(EPOLL_CLOEXEC);
	int64_t start_ns;

	if (!ones || loop < 0)
		bench_die("memory");
	raise_files();
	for (int i = 0; i < n; i++) {
		struct epoll_event want = { .events = EPOLLIN,
					    .data.ptr = &ones[i] };

		ones[i].reader.fd = bench_unix(where);
		(void)snprintf(ones[i].lock, sizeof ones[i].lock,
			       "LOCK bench/%d\n", i);
		(void)snprintf(ones[i].unlock, sizeof ones[i].unlock,
			       "UNLOCK bench/%d\n", i);
		(void)epoll_ctl(loop, EPOLL_CTL_ADD, ones[i].reader.fd, &want);
	}
	for (int i = 0; i < n; i++) {
		ones[i].ask_ns = bench_now_ns();
		bench_write(ones[i].reader.fd, ones[i].lock);
	}
	/* The first cycle of each is only a start. */
	while (figures.cycles < (uint64_t)n)
		many_turn(loop, &figures);
	figures = (struct bench_figures){ 0 };
	start_ns = bench_now_ns();
	while (bench_now_ns() - start_ns < ns)
		many_turn(loop, &figures);
	figures.ns = bench_now_ns() - start_ns;
	bench_print(&figures);
}

/* Clients that are there and say nothing more, until stdin ends. */
static void idle(const char *where, int n)
{
	static struct bench_reader reader;
	char end;

	raise_files();
	for (int i = 0; i < n; i++) {
		reader = (struct bench_reader){ .fd = bench_unix(where) };
		bench_write(reader.fd, "HELLO 1\n");
		bench_expect(&reader, "OK");
	}
	printf("{\"clients\": %d}\n", n);
	(void)fflush(stdout);
	(void)!read(STDIN_FILENO, &end, 1);
}

void bench_lines(const char *what, int argc, char **argv)
{
	const char *where = argc > 0 ? argv[0] : "";
	int64_t ns = argc > 1 ? (int64_t)(atof(argv[1]) * 1e9) : 0;
	int n = argc > 2 ? atoi(argv[2]) : 1;

	if (strcmp(what, "cycle") == 0) {
		bench_cycle_run(&member, where, ns);
	} else if (strcmp(what, "pair") == 0) {
		pair(where, ns);
	} else if (strcmp(what, "crowd") == 0) {
		bench_crowd_run(&member, where, n, ns);
	} else if (strcmp(what, "many") == 0) {
		many(where, n, ns);
	} else if (strcmp(what, "over") == 0 && argc > 2) {
		over(where, argv[2], ns, argc > 3 ? atoi(argv[3]) : 2);
	} else if (strcmp(what, "wait") == 0) {
		waits(where, ns);
	} else if (strcmp(what, "idle") == 0) {
		idle(where, n);
	} else {
		bench_die("unknown workload: bench_main.c has the list");
	}
}
