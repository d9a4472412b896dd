/* SPDX-License-Identifier: MIT */
/*
 * conn_i - what conn.c and conn_out.c share.  Nobody else includes it.
 */
#ifndef DAEMON_CONN_I_H
#define DAEMON_CONN_I_H

#include <event2/event.h>
#include <event2/event_struct.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/conn.h"
#include "daemon/conn_list.h"
#include "daemon/hash_map.h"
#include "daemon/user.h"
#include "proto/limits.h"
#include "proto/line.h"

/* Lines come and go through one of these; an idle connection has none. */
struct conn_in {
	struct zkp_line line;
	char buf[CONN_READ_BYTES];
};

_Static_assert(CONN_READ_BYTES >= ZKP_LINE_MAX + ZKP_LINE_END_MAX,
	       "the longest line fits");

/* Replies not written yet: buf[at .. len). */
struct conn_out {
	char *buf; /* NULL when nothing waits */
	size_t at;
	size_t len;
	size_t size;
};

struct conn {
	struct hash_entry by_id; /* first */
	struct conns *conns;
	uint64_t id;
	int fd;
	short interest;   /* what ev is added for; 0: not added */
	uint8_t lines;    /* taken in this turn */
	bool silent : 1;  /* has not sent a line yet */
	bool paused : 1;  /* by the hub */
	bool choked : 1;  /* its replies are not read: nor are its requests */
	bool half : 1;    /* its end was seen while it was not read from */
	bool ended : 1;   /* everything it sent has been read */
	bool broken : 1;  /* the socket is of no more use */
	bool told : 1;    /* the hub knows of the end */
	bool closing : 1; /* the hub has forgotten it */
	bool counted : 1; /* among the open ones */
	struct event ev;
	struct conn_in *in;
	struct conn_out out;
	/* Positions in the stream of replies: written so far, and the part
	 * that is a listing (exempt from the cap). */
	uint64_t written;
	uint64_t bulk_begin;
	uint64_t bulk_end;
	struct user *user;
	int64_t close_by_ms;      /* closing */
	uint32_t turn;            /* to which lines belongs */
	struct conn_link in_calm; /* silent, closing or dead */
	struct conn_link in_todo;
	struct conn_link in_flush;
};

struct conns {
	struct event_base *base;
	struct conns_settings settings;
	bool held; /* the hub has lines enough */
	struct conn_events events;
	struct conns_counts counts;
	struct hash_map by_id; /* those that the hub knows */
	struct users *users;
	struct conn_list silent;  /* oldest first */
	struct conn_list closing; /* first to be given up first */
	struct conn_list todo;    /* to be looked at in the next turn */
	struct conn_list flush;   /* to be written to after this drain */
	struct conn_list dead;    /* the graveyard, until the turn ends */
	struct conn_in *spare;    /* one buffer kept at hand */
	uint32_t turn;
};

/* conn.c */
struct conn *conn_find(struct conns *conns, uint64_t id);
void conn_todo(struct conn *conn);
/* The socket is done with: the hub is told in the next conns_turn(). */
void conn_break(struct conn *conn);
/* Listen for what matters now. */
void conn_listen(struct conn *conn);

/* conn_out.c */
void conn_out_free(struct conn *conn);
size_t conn_out_left(const struct conn *conn);
/* Write what can be written at once. */
void conn_out_write(struct conn *conn);
void conn_flush_later(struct conn *conn);

#endif
