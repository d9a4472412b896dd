/* SPDX-License-Identifier: MIT */
/*
 * coord_zk - a coordinator (coord.h) over ZooKeeper's C client.
 *
 * It drives the single-threaded client inside a libevent loop.  It decides
 * nothing: operations go to the server in order, what happens goes to the
 * mailbox.  It never aborts over a broken session, and never waits for a
 * server, but for the one round trip that ends a session (close()).
 *
 * After each turn of the loop the mailbox may have something: the caller's
 * loop looks there every time.  Nothing is posted from anywhere else but from
 * within the calls of coord.h.
 *
 * After any COORD_EV_ATTACHED watches of before may fire or may be gone (the
 * handle may have been replaced): set those again that still matter.
 *
 * One thread.  Processes: the library counts requests per process and leaves
 * SIGPIPE alone.
 */
#ifndef DAEMON_COORD_ZK_H
#define DAEMON_COORD_ZK_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/coord.h"

struct event_base;

/* Children that a LIST hands over: a hundred times the hosts of a cluster. */
#define COORD_ZK_CHILDREN_MAX 65536

/* Defaults of the caps; design.md P7 and zookeeper.md's rules 3 and 10. */
#define COORD_ZK_OPS_IN_FLIGHT_MAX 1024
#define COORD_ZK_WATCH_BYTES_MAX   (768 * 1024)

enum coord_zk_level { COORD_ZK_ERR, COORD_ZK_WARNING, COORD_ZK_NOTICE };

/* What proves to an ensemble that a session is ours.  Not to be shown: who has
 * it can end the session. */
struct coord_zk_id {
	int64_t session;
	unsigned char secret[16];
};

/* Strings are copied, and so is resume. */
struct coord_zk_settings {
	const char *servers;    /* resolve.h has the form */
	const char *nameserver; /* resolve.h; NULL: the system's */
	const char *auth;       /* digest "user:password"; NULL: none */
	bool acl_creator;       /* with auth: nodes are for its holder only */
	/* The first connect() takes up this session instead of a fresh one:
	 * COORD_EV_ATTACHED, not fresh, or COORD_EV_EXPIRED.  NULL: none.
	 * Never while another process may have it. */
	const struct coord_zk_id *resume;
	int64_t session_timeout_ms;   /* asked for */
	uint32_t ops_in_flight_max;   /* 0: the default */
	uint32_t watch_bytes_max;     /* 0: the default */
	int64_t (*now_ms)(void *ctx); /* CLOCK_BOOTTIME */
	/* One happening: "event=... key=value ...". */
	void (*log)(void *ctx, enum coord_zk_level level, const char *line);
	void *ctx;
};

/* For the metrics. */
struct coord_zk_counts {
	uint64_t ops;      /* handed to the library */
	uint64_t links;    /* connections that attached */
	uint64_t attempts; /* connections that did not */
	uint64_t overdue;  /* links dropped because an answer did not come */
	uint32_t in_flight;
	uint32_t queued;
	uint32_t watches;
	uint32_t watch_bytes;
};

/* NULL when memory is not to be had, servers is wrong or there are too many of
 * them in this process (15). */
struct coord *coord_zk_new(struct event_base *base,
			   const struct coord_zk_settings *settings);
/* NULL is fine.  A session that is attached is ended, as by close(). */
void coord_zk_free(struct coord *coord);

/* Another watch_bytes_max; watches that are there stay. */
void coord_zk_watch_bytes_set(struct coord *coord, uint32_t bytes_max);

/* The session that is known; false, and nothing written, while there is none.
 */
bool coord_zk_session(const struct coord *coord, struct coord_zk_id *id_out);

void coord_zk_counts(const struct coord *coord,
		     struct coord_zk_counts *counts_out);

#endif
