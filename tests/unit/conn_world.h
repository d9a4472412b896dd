/* SPDX-License-Identifier: MIT */
/*
 * conn_world - connections with a hub that only writes down what it is told
 * and answers what the test says.
 *
 * Real sockets; the loop is turned by hand, so nothing waits and nothing
 * sleeps.  For conn_test and listener_test.
 */
#ifndef TESTS_UNIT_CONN_WORLD_H
#define TESTS_UNIT_CONN_WORLD_H

#include <check.h>
#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/conn.h"
#include "daemon/log.h"
#include "proto/limits.h"

#define TOLD_MAX   65536
#define OUTPUT_MAX 65536
/* More turns than anything here takes. */
#define TURNS_MAX 100000

struct hub { /* the fake */
	uint64_t last;
	char told[TOLD_MAX]; /* "1<line> 1! 1." : line, overlong, end */
	size_t told_len;
	size_t lines;
	size_t lines_turn; /* since the turn began */
	bool refuse;       /* has no memory */
	bool close_on_eof;
	/* What to say to each line; NULL: nothing. */
	const char *answer;
};

static struct hub hub;
static struct event_base *base;
static struct conns *conns;
static struct conns_settings settings;
static uint64_t ended[64]; /* in this turn */
static size_t ended_len;
static int64_t now_ms;

static inline void tell(uint64_t conn, const char *what, size_t len)
{
	hub.told_len += (size_t)snprintf(
	    hub.told + hub.told_len, TOLD_MAX - hub.told_len, "%llu%.*s ",
	    (unsigned long long)conn, (int)len, what);
	if (hub.told_len >= TOLD_MAX / 2) /* floods are only counted */
		hub.told_len = 0;
}

static inline uint64_t fake_open(struct hub *to, const struct hub_peer *peer)
{
	(void)peer;
	return to->refuse ? 0 : ++to->last;
}

static inline void fake_line(struct hub *to, uint64_t conn, char *line,
			     size_t len)
{
	char text[ZKP_LINE_MAX + 2];

	ck_assert_int_eq(line[len], '\0');
	text[0] = '<';
	memcpy(text + 1, line, len);
	tell(conn, text, len + 1);
	to->lines++;
	to->lines_turn++;
	if (to->answer)
		conns_send(conns, conn, to->answer, strlen(to->answer));
}

static inline void fake_overlong(struct hub *to, uint64_t conn)
{
	(void)to;
	tell(conn, "!", 1);
}

static inline void fake_eof(struct hub *to, uint64_t conn)
{
	tell(conn, ".", 1);
	if (to->close_on_eof) {
		ck_assert_uint_lt(ended_len, 64);
		ended[ended_len++] = conn;
	}
}

static inline void begin(void)
{
	struct event_config *config = event_config_new();

	log_open(&(struct log_settings){ .sink = LOG_SINK_STDERR,
					 .level = LOG_LEVEL_ERR,
					 .fd = STDERR_FILENO });
	memset(&hub, 0, sizeof hub);
	hub.close_on_eof = true;
	now_ms = 1000;
	(void)event_config_require_features(config, EV_FEATURE_EARLY_CLOSE);
	base = event_base_new_with_config(config);
	event_config_free(config);
	ck_assert_ptr_nonnull(base);
	settings = (struct conns_settings){ .clients_max = 8,
					    .clients_per_uid_max = 4,
					    .output_bytes_max = OUTPUT_MAX,
					    .listing_bytes_max = 1 << 20 };
	conns = conns_new(base, &settings);
	ck_assert_ptr_nonnull(conns);
	conns_attach(conns, &(struct conn_events){ .hub = &hub,
						   .open = fake_open,
						   .line = fake_line,
						   .overlong = fake_overlong,
						   .eof = fake_eof });
}

static inline void end(void)
{
	conns_free(conns);
	event_base_free(base);
	log_close();
}

/* One turn, as main runs it; the hub closes what has ended. */
static inline void turn(void)
{
	hub.lines_turn = 0;
	(void)event_base_loop(base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
	conns_turn(conns);
	for (size_t i = 0; i < ended_len; i++)
		conns_close(conns, ended[i]);
	ended_len = 0;
	conns_flush(conns, now_ms);
}

static inline void turns(int n)
{
	for (int i = 0; i < n; i++)
		turn();
}

/* Until nothing is left to do: pending is over and no event is ready. */
static inline void settle(void)
{
	size_t told;
	int quiet = 0;

	for (int i = 0; i < TURNS_MAX && quiet < 3; i++) {
		told = hub.told_len;
		turn();
		quiet = conns_pending(conns) || told != hub.told_len
			    ? 0
			    : quiet + 1;
	}
	ck_assert_int_eq(quiet, 3);
}

static const struct hub_peer nobody = { .pid = 1, .uid = 65534 };
static const struct hub_peer root = { .pid = 1, .uid = 0, .admin = true };

/* A client's end; the other end is a connection. */
static inline int join_as(const struct hub_peer *peer)
{
	int pair[2];

	ck_assert_int_eq(socketpair(AF_UNIX,
				    SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK,
				    0, pair),
			 0);
	ck_assert(conns_add(conns, pair[1], peer));
	return pair[0];
}

static inline int join(void)
{
	return join_as(&root);
}

static inline void say_bytes(int fd, const char *bytes, size_t len)
{
	ck_assert_int_eq(send(fd, bytes, len, MSG_NOSIGNAL), (ssize_t)len);
}

static inline void say(int fd, const char *text)
{
	say_bytes(fd, text, strlen(text));
}

static inline const char *heard(int fd)
{
	static char text[OUTPUT_MAX];
	ssize_t n = recv(fd, text, sizeof text - 1, MSG_DONTWAIT);

	text[n > 0 ? n : 0] = '\0';
	return text;
}

static inline bool is_closed(int fd)
{
	char byte;
	ssize_t n = recv(fd, &byte, 1, MSG_DONTWAIT);

	return n == 0 || (n < 0 && errno != EAGAIN);
}

/* All that the other end has written and will write while we read. */
static inline size_t drink(int fd)
{
	static char big[65536];
	size_t sum = 0;
	ssize_t n;
	int dry = 0;

	while (dry < 3) {
		n = recv(fd, big, sizeof big, MSG_DONTWAIT);
		if (n > 0) {
			sum += (size_t)n;
			dry = 0;
		} else {
			dry++;
		}
		turn();
	}
	return sum;
}

static inline struct conns_counts counts(void)
{
	struct conns_counts now;

	conns_counts(conns, &now);
	return now;
}

#endif
