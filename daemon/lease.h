/* SPDX-License-Identifier: MIT */
/*
 * lease - until when this host may believe its session.
 *
 * Pure: time is an argument (CLOCK_BOOTTIME, milliseconds), wishes come out
 * as effects.  The theory, with its proof, is in daemon/DESIGN.md ("The
 * proven deadline"); its rules are named L-R1 .. L-R12 here.
 *
 * Evidence is gathered by marks.  Every operation that is handed to the
 * coordinator gets one (lease_sent), and brings it back with its answer
 * (lease_answered).  A mark says what the operation may prove:
 *
 *	j   any request answered through the pipeline, sent at s_j
 *	k   a sync or a write, sent at least G after j's answer: j's touch of
 *	    the session has reached the leader before k's answer
 *	m   a write, sent after k's answer, that commits: at that moment the
 *	    session was open, so it cannot expire before s_j + T
 *
 * So the mark of an operation carries the best s_j that it can complete as a
 * k, and the best that it can complete as an m: no table, no search.
 *
 * A chain lives on one connection.  What is answered after the deadline
 * proves nothing (L-R5), and a lapsed session is never used again.
 */
#ifndef DAEMON_LEASE_H
#define DAEMON_LEASE_H

#include <stdbool.h>
#include <stdint.h>

#define LEASE_NEVER_MS INT64_MAX
/* L-R3: what everybody sees ends this long before what is proven. */
#define LEASE_MARGIN_MS 250
/* L-R2: while anything is held or waits, a beat is a twelfth of T. */
#define LEASE_BEATS 12

struct lease; /* private to lease.c */

struct lease_settings {
	int64_t timeout_ms; /* T: asked of the ensemble */
	int64_t tick_ms;    /* G: the largest tickTime of any server */
	uint32_t drift_ppm; /* rho: how far clocks' rates may differ */
};

/* Carried by an operation from lease_sent() to lease_answered(). */
struct lease_mark {
	int64_t sent_ms;
	int64_t as_k_ms; /* s_j that it completes as a k; LEASE_NO_MS: none */
	int64_t as_m_ms; /* s_j that it completes as an m; likewise */
	uint32_t link;   /* the connection it was sent on */
};

enum lease_evidence {
	LEASE_NOTHING, /* authentication and the like */
	LEASE_READ,    /* may be a j */
	LEASE_SYNC,    /* may be a j or a k */
	LEASE_WRITE,   /* may be a j, a k or an m */
};

struct lease_attach {
	int64_t session;
	int64_t timeout_ms; /* negotiated */
	int64_t connect_ms; /* s_connect: before the connection was begun */
	bool fresh;         /* a new session; else the same one again */
};

enum lease_state {
	LEASE_NONE, /* no session */
	LEASE_PROVEN,
	LEASE_SUSPENDED, /* in doubt, and the deadline has not passed */
	LEASE_LAPSED,    /* over: to be closed, never to be believed again */
};

enum lease_loss {
	LEASE_LOSS_DEADLINE,
	LEASE_LOSS_EXPIRED, /* the ensemble said so, or sent us away */
};

enum lease_effect_type {
	/* The beat (L-R2). */
	LEASE_FX_SYNC,
	LEASE_FX_SET,
	LEASE_FX_READ,
	/* To the link. */
	LEASE_FX_DROP_LINK,
	LEASE_FX_FAREWELL, /* send a write; then call lease_farewell_done() */
	LEASE_FX_CLOSE,    /* close the session; then call lease_closed() */
	LEASE_FX_CONNECT,  /* begin a new one */
	/* To the holders. */
	LEASE_FX_MOVED, /* the published deadline changed */
	LEASE_FX_SUSPENDED,
	LEASE_FX_RESUMED,
	LEASE_FX_LOST, /* every hold has ended */
	/* To the log: the ensemble gave less time than asked or before. */
	LEASE_FX_SHORT,
};

struct lease_effect {
	enum lease_effect_type type;
	enum lease_loss loss; /* LOST */
};

/* NULL when memory is not to be had. */
struct lease *lease_new(const struct lease_settings *settings);
void lease_free(struct lease *lease); /* NULL is fine */

/* Before an operation is handed over; at its answer.  proves: it was answered
 * OK, or by one of the failures that only a committed write gives (NoNode,
 * NodeExists, NotEmpty, BadVersion). */
struct lease_mark lease_sent(struct lease *lease, int64_t now_ms);
void lease_answered(struct lease *lease, const struct lease_mark *mark,
		    enum lease_evidence evidence, bool proves, int64_t now_ms);

void lease_attached(struct lease *lease, const struct lease_attach *attach,
		    int64_t now_ms);
void lease_link_down(struct lease *lease, int64_t now_ms);
void lease_expired(struct lease *lease, int64_t now_ms);
void lease_farewell_done(struct lease *lease, int64_t now_ms);
void lease_closed(struct lease *lease, int64_t now_ms);
/* Something is held or waits: the beat is quick. */
void lease_busy(struct lease *lease, bool busy, int64_t now_ms);
/* L-R11: the daemon ends: D is at most a quarter of T away from now on. */
void lease_drain(struct lease *lease, int64_t now_ms);

/* The deadline check and the beat.  Every call above begins with the former. */
void lease_tick(struct lease *lease, int64_t now_ms);
int64_t lease_wake_ms(const struct lease *lease); /* LEASE_NEVER_MS */
/* What is wanted, oldest first; false when nothing is. */
bool lease_next(struct lease *lease, struct lease_effect *fx_out);

enum lease_state lease_state(const struct lease *lease);
/* D, the published deadline; 0: nothing is to be believed. */
int64_t lease_deadline_ms(const struct lease *lease);
/* L-R7: the last instant at which a grant is allowed; INT64_MIN: none. */
int64_t lease_grant_until_ms(const struct lease *lease);
/* L-R10: the session was given less than can be proven in time: it grants
 * nothing. */
bool lease_too_short(const struct lease *lease);
/* Of the session: grows with each new one, wraps after 65 535, never 0. */
uint16_t lease_gen(const struct lease *lease);
/* T_eff: the smallest timeout given to this session; asked before any. */
int64_t lease_timeout_ms(const struct lease *lease);

#endif
