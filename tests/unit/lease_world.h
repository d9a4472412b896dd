/* SPDX-License-Identifier: MIT */
/*
 * lease_world - one lease against a leader, two followers and a deposed
 * leader, made of chance.  For lease_cuts_test.
 *
 * What is modelled is what the proof in daemon/DESIGN.md leans on: the
 * leader's buckets of expiry, the table of touches that a follower hands over
 * in its answer to a PING (and the request that slips in between), FIFO links
 * that spike, stall and break in one direction, a sync that is answered
 * without a quorum, a reconnect that is valid without one, and the instant in
 * which a session has been polled but still accepts writes.  A world ends when
 * the leader has ended the session, or nobody can believe in it any more.
 *
 * The judge is stricter than the promise: not the published deadline but what
 * was proven, without the margin, must not pass the leader's poll.  And it
 * watches the notices by a count of its own: in doubt as soon as the link is
 * down or no proof has come for the time that L-R4 allows, and well before the
 * end.
 *
 * Times of the world are microseconds; the lease sees milliseconds of a clock
 * of its own.
 */
#ifndef TESTS_UNIT_LEASE_WORLD_H
#define TESTS_UNIT_LEASE_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/lease.h"

#define WORLD_NEVER INT64_MAX
#define MS          INT64_C(1000)
#define SECOND      (1000 * MS)
/* In flight at once; far more than a host in doubt for ten seconds has. */
#define WORLD_EVENTS_MAX 2048
#define WORLD_OPS_MAX    1024
/* Two followers of the leader, and a server that was the leader once. */
#define WORLD_SERVERS 3
#define WORLD_DEPOSED 2
/* A follower that has lost its leader serves on for syncLimit * tickTime. */
#define WORLD_SYNC_LIMIT (10 * SECOND)
#define WORLD_END        (120 * SECOND)
#define WORLD_SESSION    7
/* Broken connections, before and during the cut. */
#define WORLD_RESETS 24

/* How the client reasons: as the lease does, and in ways known to fail. */
enum world_rule {
	RULE_THREE_CHAIN, /* the lease as it is */
	RULE_RECEIVED,    /* counts from j's answer */
	RULE_TWO_CHAIN,   /* leaves k out */
	RULE_OWN,         /* counts from the sending of m itself */
	RULE_ANY,         /* any answer will do: an ordinary client */
	RULE_VALID,       /* a reconnect proves, with nothing committed */
	RULE_SILENT,      /* says only the end */
	RULE_LAST_MOMENT, /* passes a notice on when the end is there */
	RULE_UNAWARE,     /* does not notice that a connection broke */
};

struct world_weather {
	const char *name;
	enum world_rule rule;
	int64_t timeout_ms;  /* asked */
	int64_t tick_ms;     /* of the servers */
	int64_t ping_ms;     /* between two PINGs; 0: half a tick */
	int64_t believed_ms; /* G: what the client takes for the tick */
	int64_t rate_ppm;    /* client's clock against the leader's */
	uint32_t drift_ppm;  /* what the client allows for */
	unsigned spikes;     /* of a thousand packets */
	unsigned lags;       /* likewise, from the leader only */
	int64_t spike_ms;    /* at most */
	int64_t answer_ms;   /* answers to the client are late by up to */
	int64_t traffic_ms;  /* mean time between requests of locks; 0: none */
	bool idle;           /* nothing held; else busy */
	bool toggles;        /* busy now and then */
	bool stalls;         /* links stall and recover */
	bool resets;         /* connections of the client are broken off */
	bool calm;           /* no cut */
	bool ambush;         /* cut when the client has just heard a proof */
	bool on_leader;      /* requests touch the session by themselves */
	int64_t ping_stall_ms; /* the leader's ping loop hangs once */
	int64_t short_ms;      /* the first reconnect is given less */
	bool short_lost;       /* and its answer is lost */
};

enum world_type {
	EV_TICK,
	EV_TRAFFIC,
	EV_TOGGLE,
	EV_RETRY,
	EV_GIVE_UP,
	EV_HANG_UP,
	EV_CONNECT,
	EV_CONNECTED,
	EV_REQUEST,
	EV_ANSWER,
	EV_VALIDATE,
	EV_VALID,
	EV_FORWARD,
	EV_RESULT,
	EV_PING_LOOP,
	EV_PING,
	EV_PONG,
	EV_TOUCHES,
	EV_POLL,
};

struct world_event {
	int64_t at;
	uint64_t order; /* first come, first served */
	enum world_type type;
	unsigned server;
	uint32_t conn;
	uint64_t op;
	int64_t value; /* a timeout, a bucket, a generation */
	bool yes;
};

struct world_pipe {
	int64_t last; /* arrival of the last packet: FIFO */
	int64_t cut;
	int64_t stall_from, stall_until;
	unsigned spikes;
	int64_t late_ms;
};

struct world_op {
	struct lease_mark mark;
	enum lease_evidence kind;
	uint32_t conn;
	bool ready; /* at the server, waits for those before it */
	bool good;
};

struct world_server {
	struct world_pipe up, down; /* to the leader and from it */
	uint32_t conn;              /* the client's, 0: none */
	int64_t timeout_ms;         /* as negotiated here */
	bool touched;               /* since the last PING */
	int64_t pong;               /* the answer to a PING is being written */
	uint64_t queue[WORLD_OPS_MAX];
	size_t queue_at, queue_len;
};

struct world {
	const struct world_weather *weather;
	uint64_t chance;
	int64_t now;
	struct world_event heap[WORLD_EVENTS_MAX];
	size_t heap_len;
	uint64_t order;

	/* the client */
	struct lease *lease;
	int64_t epoch; /* of its clock, in us */
	uint32_t conn;
	unsigned server;
	bool link_up, busy, lost;
	int64_t connect_ms;
	int64_t tick_gen;
	struct world_pipe up, down;
	struct world_op ops[WORLD_OPS_MAX];
	uint64_t op_last;

	/* the servers */
	struct world_server servers[WORLD_SERVERS];
	int64_t phase, expiry, closing, committed;
	int64_t ping_stall;
	bool was_short;
	int64_t ambush_left; /* so many more, and then a cut */
	bool behind_m;       /* writes are counted; else proofs */

	/* the verdict */
	bool polled;
	bool unsafe;
	int64_t proven_ms;  /* what the client has taken for proven */
	int64_t slack_ms;   /* from there to the poll */
	int64_t horizon_ms; /* the least that was left after the start */
	unsigned resumed, suspended, proofs, beats, reads;
	bool surprised;    /* LOST without a SUSPENDED before */
	bool doubted_late; /* PROVEN although L-R4 says otherwise */
	bool lost_late;    /* not in the first turn after D */
	bool kept;         /* a SUSPENDED that RULE_LAST_MOMENT still has */
	int64_t heard_ms;  /* the last proof or attach; by the client's clock */
	int64_t shown_ms;  /* D as it was last */
	int64_t told_ms;   /* the SUSPENDED that the last doubt began with */
	int64_t notice_ms; /* from there to D */
};

/* One life of a lease; false when there was no memory for it. */
bool world_run(struct world *w, const struct world_weather *weather,
	       uint64_t seed);

/* Between the files of this world. */

int64_t world_below(struct world *w, int64_t end); /* 0 .. end - 1 */
int64_t world_delay(struct world *w, unsigned spikes);
void world_post(struct world *w, int64_t at, struct world_event ev);
/* When what is sent now arrives; WORLD_NEVER: it does not. */
int64_t world_arrival(struct world *w, struct world_pipe *pipe);
struct world_pipe world_pipe_new(unsigned spikes);
int64_t world_clock_ms(const struct world *w); /* the client's */
/* The client has just been proven something; a write is at the leader. */
void world_ambush(struct world *w);
void world_ambush_m(struct world *w, unsigned server);

void world_begin_servers(struct world *w);
void world_client(struct world *w, const struct world_event *ev);
void world_server(struct world *w, const struct world_event *ev);
void world_leader(struct world *w, const struct world_event *ev);

#endif
