/* SPDX-License-Identifier: MIT */
/*
 * hub - where connections, decisions and the coordinator meet.
 *
 * Happenings come in (hub_on_*), hub_drain() carries out what they cause.
 * The hub opens nothing itself: it reaches connections, the lease page, the
 * clock and the coordinator through the small structs below, so that the
 * simulator runs the real hub.
 *
 * Life of a loop turn, as main (or the simulator) runs it:
 *
 *	callbacks:  hub_on_open/line/overlong/eof   (note what happened)
 *	then once:  hub_drain(hub)                  (act)
 *	then:       sleep until hub_wake_ms(hub) or a socket is ready
 *
 * hub_drain() pumps the coordinator's mailbox, ticks the timers when due and
 * carries out every effect until nothing is left.  The deadline check is its
 * first act.  One thread.
 */
#ifndef DAEMON_HUB_H
#define DAEMON_HUB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/coord.h"
#include "daemon/layout.h"

struct hub; /* private to hub_*.c */

/* Who is at the other end, from SO_PEERCRED at accept. */
struct hub_peer {
	int64_t pid;
	uint32_t uid;
	uint32_t gid;
	bool admin;       /* root, the daemon's user or group zklock-admin */
	char command[32]; /* from /proc, for people; "" when not known */
};

/* For the log door: the room gives the fields, the door the sink. */
enum hub_level { HUB_ERR, HUB_WARNING, HUB_NOTICE, HUB_INFO, HUB_DEBUG };

/*
 * What the hub asks of the world.  None of these may call back into the hub.
 * conn is the number that hub_on_open() gave.
 */
struct hub_doors {
	void *ctx;
	int64_t (*now_ms)(void *ctx); /* CLOCK_BOOTTIME */
	/* Take bytes (whole lines) for a connection.  Never blocks.  When the
	 * connection's output cap is passed the door closes it, and says so by
	 * hub_on_eof() in a later turn. */
	void (*send)(void *ctx, uint64_t conn, const char *bytes, size_t len);
	/* The same for a long listing: not counted against the connection's
	 * cap; reading from it stops until all of it is written.  False, and
	 * nothing taken, when an earlier listing is not written yet or the
	 * memory for listings of all connections is used up. */
	bool (*bulk)(void *ctx, uint64_t conn, const char *bytes, size_t len);
	/* The same for what may be left out: only while less than half of the
	 * cap is unread.  False: nothing was taken. */
	bool (*offer)(void *ctx, uint64_t conn, const char *bytes, size_t len);
	/* Close once what was sent has been written; hub_on_eof() has been or
	 * will not be called for it: the hub has forgotten the connection. */
	void (*close)(void *ctx, uint64_t conn);
	/* Stop (true) or go on reading: backpressure of one connection. */
	void (*pause)(void *ctx, uint64_t conn, bool paused);
	/* Publish the lease: `gen << 48 | deadline_ms`; deadline 0: none. */
	void (*page)(void *ctx, uint16_t gen, int64_t deadline_ms);
	/* Fill with random bytes (uuids of bids). */
	void (*random)(void *ctx, void *bytes, size_t len);
	/* One happening: "event=... key=value ...", no newline. */
	void (*log)(void *ctx, enum hub_level level, const char *line);
};

/* Settings come from the configuration; see zklockd.conf(5) for each. */
struct hub_settings {
	const char *host; /* borrowed for the hub's life, as are all strings */
	const char *servers;    /* as configured, for STATUS; NULL: none */
	const char *root;       /* "/zklock": absolute, no trailing slash */
	const char *lease_page; /* path named in HELLO; NULL: none */
	uint64_t lease_page_id; /* named beside it */
	const struct layout_share *shares; /* NULL: no literal names */
	size_t shares_len;
	bool dev; /* --dev: replies carry dev=1 */
	int64_t session_timeout_ms;
	int64_t server_tick_ms; /* the largest tickTime of any server */
	int64_t turns_ms;
	int64_t linger_ms; /* 0: off */
	int64_t try_grace_ms;
	uint32_t turns_max;
	uint32_t bid_turns;   /* of one bid; 0: as many as a token holds */
	uint32_t drift_ppm;   /* lease.md rho */
	uint32_t tickets_max; /* locks and waits, all connections together */
	uint32_t tickets_per_conn_max;
	/* Percent of what is bounded for all that one user may have; root all
	 * of it.  0: everybody. */
	uint32_t uid_share;
	uint32_t unanswered_max; /* requests of one connection */
	uint32_t asks_max;       /* reads of WHO and LIST under way; 0: a few */
	uint32_t ephemeral_bytes_max; /* P7, likewise for watched paths */
	uint32_t batch_ops_max; /* of one transaction; below 2: no batching */
	bool torn_exit; /* end when another process tears our links (L-R9) */
};

/* A short account for STATUS= and readiness. */
struct hub_state {
	const char *word;   /* connecting connected suspended draining dev */
	const char *server; /* "" when there is none */
	uint64_t held;
	uint64_t waiting;
	bool attached_once; /* the first connect has finished */
	bool torn;          /* it stops by itself: torn_exit */
	bool done; /* after hub_stop(): session closed, nothing left to do */
};

/* NULL when memory is not to be had.  coord and doors outlive the hub. */
struct hub *hub_new(const struct hub_settings *settings,
		    const struct hub_doors *doors, struct coord *coord);
void hub_free(struct hub *hub); /* NULL is fine; the session is not closed */

/* Begin the first session. */
void hub_start(struct hub *hub);
/* A connection: its number (never 0, never used again), or 0 when memory is
 * not to be had. */
uint64_t hub_on_open(struct hub *hub, const struct hub_peer *peer);
/* A whole line without its end; writable (words are unescaped in place), with
 * a NUL at line[len]. */
void hub_on_line(struct hub *hub, uint64_t conn, char *line, size_t len);
/* A line passed the limit (said once per line; the rest is swallowed). */
void hub_on_overlong(struct hub *hub, uint64_t conn);
/* The connection ended or was half-closed: all that it held and waited for
 * goes, without further lines; doors->close() follows in hub_drain(). */
void hub_on_eof(struct hub *hub, uint64_t conn);
/* SIGTERM: lease.md R11.  hub_state.done says when it is over. */
void hub_stop(struct hub *hub);
/* New settings that may change at run time (turns, limits); the rest is as
 * it was. */
void hub_reload(struct hub *hub, const struct hub_settings *settings);

void hub_drain(struct hub *hub);
/* Lines are left over, of a turn that took long: take no more before they are
 * done, or they are kept without bounds. */
bool hub_pending(const struct hub *hub);
/* When hub_drain() must run next even if nothing happens; INT64_MAX: never. */
int64_t hub_wake_ms(const struct hub *hub);
void hub_state(const struct hub *hub, struct hub_state *state_out);

#endif
