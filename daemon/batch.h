/* SPDX-License-Identifier: MIT */
/*
 * batch - which writes of this host's bids leave together.
 *
 * Pure.  A lone write leaves as it is, at once.  While writes are under way,
 * others collect, and leave as one multi: one transaction instead of many.
 * There a create brings {create, set its parent}, whose answer says whether
 * the new node is alone and what its czxid is, so that nobody need list (R15):
 *
 *	{ delete ..., create, set parent, create, set parent, ... }
 *
 * Deletes first, one create per parent, its set right behind it.  A multi that
 * fails has done nothing (its writes then leave one by one), and of one whose
 * answer is lost each write is in doubt by itself (R11).
 *
 * Reads that can wait (put_calm) leave when they are old: what is over by then
 * need not be asked.
 *
 *	batch_put() ...             while events are dealt with
 *	while (batch_next(...))     hand it over; its answer: batch_land()
 *
 * Contests know nothing of this: a write that has been put is to them one that
 * was handed over.
 */
#ifndef DAEMON_BATCH_H
#define DAEMON_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/coord.h"

/* Multis and lone writes under way together: with four a server always has one
 * to begin with, and what comes meanwhile makes the next ones large.  Full ones
 * would only get older by waiting: so many of them, for ensembles that are far
 * away or slow. */
#define BATCH_FLIGHTS_MAX      4
#define BATCH_FLIGHTS_FULL_MAX 10
/* Bytes of paths and data in a multi: far from a server's jute.maxbuffer, and
 * no disk or follower sees a wall of them. */
#define BATCH_BYTES_MAX ((size_t)256 * 1024)
/* So long a calm read waits: longer than most holds that others wait for. */
#define BATCH_CALM_MS 5

struct batch; /* private to batch.c */

/* One operation of one bid. */
struct batch_want {
	/* The caller's, to know it again. */
	uint64_t bid;
	unsigned question;
	uint32_t visit;
	struct coord_op op; /* CREATE of a sequential node, DELETE, LIST */
	/* CREATE: the lock's node, which is ours to set; its data as it is. */
	const char *parent;
	const char *parent_data; /* NULL: none */
};

/* What leaves together; lent until it is landed and freed. */
struct batch_flight;

/* ops_max: of one multi, at most COORD_SUBS_MAX; below 2: everything leaves
 * by itself.  NULL when memory is not to be had. */
struct batch *batch_new(unsigned ops_max);
void batch_free(struct batch *batch); /* NULL is fine */

/* Strings are copied.  Memory that is not to be had ends the process: a write
 * that is forgotten is a node that stays. */
void batch_put(struct batch *batch, const struct batch_want *want);
void batch_put_calm(struct batch *batch, const struct batch_want *want,
		    int64_t now_ms);
/* A create of this bid that has not left does so no more. */
bool batch_cancel(struct batch *batch, uint64_t bid,
		  struct batch_want *want_out);
/* The link is down: the first write that has not left, taken out; its strings
 * are gone.  Calm reads are dropped. */
bool batch_take_back(struct batch *batch, struct batch_want *want_out);
/* The session has ended: nothing leaves any more; flights still land. */
void batch_clear(struct batch *batch);

/* When a calm read is due; INT64_MAX: there is none. */
int64_t batch_wake_ms(const struct batch *batch);
/* The next that may leave now, if any. */
const struct batch_flight *batch_next(struct batch *batch, int64_t now_ms);

uint64_t batch_flight_id(const struct batch_flight *flight);
size_t batch_flight_len(const struct batch_flight *flight);
const struct batch_want *batch_flight_want(const struct batch_flight *flight,
					   size_t at);
/* The multi of a flight of several, without its id; false: it is of one. */
bool batch_flight_multi(const struct batch_flight *flight,
			struct coord_op *multi_out);

/* An answer has come: the flight, out of the air, to be freed by the caller.
 * What the answer says is kept in it, for the event is lent.  NULL: no such
 * flight.  Calm reads fly uncounted, and do not land. */
struct batch_flight *batch_land(struct batch *batch, uint64_t id,
				const struct coord_event *answer);
void batch_flight_free(struct batch_flight *flight); /* NULL is fine */

struct batch_answer {
	struct coord_event event; /* as if the write had left by itself */
	bool claimed;             /* a create that answered for its parent: */
	int32_t children;         /* so many it had, this one included */
};

/* Nothing was applied, by a definite error: each leaves by itself now. */
bool batch_flight_refused(const struct batch_flight *flight);
/* What the answer says of one of a multi's. */
struct batch_answer batch_flight_answer(const struct batch_flight *flight,
					size_t at);

/* Asserts what is said of a multi above: ours all pass here. */
void batch_check(const struct coord_op *multi);

#endif
