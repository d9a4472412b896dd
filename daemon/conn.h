/* SPDX-License-Identifier: MIT */
/*
 * conn - connections: bytes in, lines to the hub; replies out, never waiting.
 *
 * It knows no verb and no lock.  Whatever a client sends or fails to read, it
 * costs the others a bounded part of a loop turn and a bounded piece of
 * memory: a quota of lines a turn, no reading while replies lie unread, and
 * the end of a connection whose unread replies pass the cap.
 *
 * A loop turn, as main runs it:
 *
 *	event_base_loop()      callbacks read, and note lines
 *	conns_turn(conns)      lines left over by the quota, ends to be told
 *	hub_drain(hub)         calls conns_send() and its like
 *	conns_flush(conns, t)  writes; frees those that are done (the graveyard)
 *	sleep only if !conns_pending(conns), until conns_wake_ms(conns)
 *
 * Nothing is written to a socket before conns_flush(), but for what passes
 * the cap: so the deadline check of hub_drain() comes first after any pause.
 *
 * One thread.
 */
#ifndef DAEMON_CONN_H
#define DAEMON_CONN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/hub.h"

struct event_base;
struct conns; /* private to conn*.c */

/* Lines of one connection that are handed over in one loop turn: what others
 * wait for at most, times the connections that flood.  Their answers together
 * stay under output_bytes_max. */
#define CONN_LINES_PER_TURN 16
/* What is read at once. */
#define CONN_READ_BYTES 8192
/* SO_SNDBUF; the kernel's own 208 KiB for each of thousands of clients that do
 * not read would be a lot. */
#define CONN_SNDBUF_BYTES (16 * 1024)
/* How long a connection that is being closed may take to read the rest. */
#define CONN_CLOSING_MS 5000
/* Connections that administrators may have beyond clients_max, so that they
 * can look at a daemon that is full. */
#define CONN_ADMIN_RESERVE 8

/* The hub's entry points (hub.h has their contract), or a test's. */
struct conn_events {
	struct hub *hub;
	uint64_t (*open)(struct hub *hub, const struct hub_peer *peer);
	void (*line)(struct hub *hub, uint64_t conn, char *line, size_t len);
	void (*overlong)(struct hub *hub, uint64_t conn);
	void (*eof)(struct hub *hub, uint64_t conn);
};

struct conns_settings {
	uint32_t clients_max;
	uint32_t clients_per_uid_max; /* root is exempt */
	uint32_t output_bytes_max;    /* unread by one client; not listings */
	uint32_t listing_bytes_max;   /* unread listings of all together */
};

/* For the metrics. */
struct conns_counts {
	uint64_t opened;
	uint64_t overflows; /* closed: they did not read */
	uint64_t evicted;   /* closed: silent when room was needed */
	uint32_t open;      /* now */
	size_t listing_bytes;
};

/* NULL when memory is not to be had.  base outlives it. */
struct conns *conns_new(struct event_base *base,
			const struct conns_settings *settings);
/* Closes every socket as it is, telling nobody.  NULL is fine. */
void conns_free(struct conns *conns);
/* Before the first connection: whom to tell. */
void conns_attach(struct conns *conns, const struct conn_events *events);
void conns_reload(struct conns *conns, const struct conns_settings *settings);

enum conns_room {
	CONNS_ROOM,
	CONNS_FULL,     /* clients_max, and nobody is silent */
	CONNS_FULL_UID, /* clients_per_uid_max */
};

/* Is there room for one more?  When all is full the silent connection that
 * came first (it never sent a line) is told and closed to make some. */
enum conns_room conns_make_room(struct conns *conns,
				const struct hub_peer *peer);
/* Take over a connected, non-blocking socket: it is closed here whatever
 * happens.  False when memory is not to be had. */
bool conns_add(struct conns *conns, int fd, const struct hub_peer *peer);
/* One ERR LIMIT line to a socket that is not taken, if it goes at once. */
void conns_refuse(const struct conns *conns, int fd, enum conns_room why);

/* The doors of hub.h.  A number that is not known is passed over. */
void conns_send(struct conns *conns, uint64_t id, const char *bytes,
		size_t len);
bool conns_bulk(struct conns *conns, uint64_t id, const char *bytes,
		size_t len);
bool conns_offer(struct conns *conns, uint64_t id, const char *bytes,
		 size_t len);
void conns_close(struct conns *conns, uint64_t id);
void conns_pause(struct conns *conns, uint64_t id, bool paused);

void conns_turn(struct conns *conns);
/* Nothing is read, and nobody's end is told, until this is taken back. */
void conns_hold(struct conns *conns, bool held);
void conns_flush(struct conns *conns, int64_t now_ms);
bool conns_pending(const struct conns *conns);
int64_t conns_wake_ms(const struct conns *conns); /* INT64_MAX: never */

void conns_counts(const struct conns *conns, struct conns_counts *counts_out);

#endif
