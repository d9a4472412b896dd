/* SPDX-License-Identifier: MIT */
/*
 * bench_floor - a lock server in memory, and nothing else: what the wire and
 * the loop cost when a lock is a queue and a counter.  It speaks LOCK and
 * UNLOCK of the line protocol and knows no ZooKeeper, no lease, no limits: it
 * is the floor that zklockd's own cost is measured from, not a lock service.
 */
#include <errno.h>
#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "bench.h"
#include <uthash.h>

struct peer {
	struct bufferevent *wire;
	struct lock *lock; /* waited for or held: one at a time will do */
	TAILQ_ENTRY(peer) in_lock;
};

struct lock {
	TAILQ_HEAD(, peer) peers; /* the first holds */
	uint64_t token;
	UT_hash_handle hh;
	char name[];
};

static struct lock *locks;

static void say(struct peer *peer, const char *line)
{
	(void)bufferevent_write(peer->wire, line, strlen(line));
}

static void granted(struct lock *lock)
{
	struct peer *first = TAILQ_FIRST(&lock->peers);
	char line[256];

	if (!first)
		return;
	(void)snprintf(line, sizeof line, "GRANTED %s token=%llu\n", lock->name,
		       (unsigned long long)++lock->token);
	say(first, line);
}

static void leave(struct peer *peer)
{
	struct lock *lock = peer->lock;
	bool held;

	if (!lock)
		return;
	held = TAILQ_FIRST(&lock->peers) == peer;
	TAILQ_REMOVE(&lock->peers, peer, in_lock);
	peer->lock = NULL;
	if (held)
		granted(lock);
}

static struct lock *find(const char *name)
{
	struct lock *lock;
	size_t len = strlen(name);

	HASH_FIND_STR(locks, name, lock);
	if (lock)
		return lock;
	lock = calloc(1, sizeof *lock + len + 1);
	if (!lock)
		bench_die("memory");
	memcpy(lock->name, name, len + 1);
	TAILQ_INIT(&lock->peers);
	HASH_ADD_STR(locks, name, lock);
	return lock;
}

static void on_line(struct peer *peer, const char *line)
{
	if (strncmp(line, "LOCK ", 5) == 0 && !peer->lock) {
		peer->lock = find(line + 5);
		TAILQ_INSERT_TAIL(&peer->lock->peers, peer, in_lock);
		if (TAILQ_FIRST(&peer->lock->peers) == peer)
			granted(peer->lock);
		else
			say(peer, "QUEUED\n");
	} else if (strncmp(line, "UNLOCK ", 7) == 0 && peer->lock) {
		say(peer, "RELEASED\n");
		leave(peer);
	} else {
		say(peer, "ERR SYNTAX\n");
	}
}

static void on_read(struct bufferevent *wire, void *ctx)
{
	struct evbuffer *input = bufferevent_get_input(wire);
	char *line;

	while ((line = evbuffer_readln(input, NULL, EVBUFFER_EOL_LF))) {
		on_line(ctx, line);
		free(line);
	}
}

static void on_end(struct bufferevent *wire, short what, void *ctx)
{
	(void)what;
	leave(ctx);
	bufferevent_free(wire);
	free(ctx);
}

static void on_accept(struct evconnlistener *listener, evutil_socket_t fd,
		      struct sockaddr *addr, int len, void *ctx)
{
	struct peer *peer = calloc(1, sizeof *peer);

	(void)listener;
	(void)addr;
	(void)len;
	if (!peer)
		bench_die("memory");
	peer->wire = bufferevent_socket_new(ctx, fd, BEV_OPT_CLOSE_ON_FREE);
	bufferevent_setcb(peer->wire, on_read, NULL, on_end, peer);
	(void)bufferevent_enable(peer->wire, EV_READ | EV_WRITE);
}

void bench_floor(int argc, char **argv)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	struct event_base *base = event_base_new();
	struct evconnlistener *listener;

	if (argc < 1 || strlen(argv[0]) >= sizeof addr.sun_path)
		bench_die("floor SOCKET");
	(void)signal(SIGPIPE, SIG_IGN); /* clients end as they like */
	(void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s", argv[0]);
	listener = evconnlistener_new_bind(
	    base, on_accept, base, LEV_OPT_CLOSE_ON_FREE, -1,
	    (const struct sockaddr *)&addr, sizeof addr);
	if (!listener)
		bench_die(argv[0]);
	(void)event_base_dispatch(base);
	evconnlistener_free(listener);
	event_base_free(base);
}
