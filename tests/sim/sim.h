/* SPDX-License-Identifier: MIT */
/*
 * sim - several hosts over one tree in memory, by seed.
 *
 * Each host is the real hub with the real rooms behind it; the doors, the
 * clock, the clients and the ensemble are simulated.  Everything that happens
 * follows from the seed, bit by bit.
 *
 *	sim_world.c   the ensemble, hosts, faults, what happens next
 *	sim_client.c  what clients say, and what they are told
 *	sim_check.c   the promises P1 to P6, after every step
 *	sim_main.c    seeds, replay, the summary
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/coord_local.h"
#include "daemon/hub.h"

#define SIM_HOSTS_MAX 3
#define SIM_CONNS     4  /* clients of one host */
#define SIM_NAMES     2  /* locks that they want */
#define SIM_ASKS_MAX  64 /* unanswered requests of one client */
#define SIM_STRANGERS 2

#define SIM_TIMEOUT_MS 4000
#define SIM_TICK_MS    1000
/* Long enough without a fault to have heard of everything older. */
#define SIM_WELL_MS 1500
/* turns_max, and the turns that pass before a listing is answered. */
#define SIM_STREAK_MAX 6
#define SIM_ROOT       "/sim"

/* One LOCK that waits, or any request that is not answered yet. */
struct sim_ask {
	uint64_t tag;   /* 0: free */
	uint64_t order; /* when it was said */
	int name;       /* LOCK: which; -1: another verb */
	bool trying;
};

struct sim_conn {
	uint64_t id; /* the hub's; 0: not open */
	struct sim_ask asks[SIM_ASKS_MAX];
};

/* A hold as its client may believe it. */
struct sim_hold {
	bool live;
	uint64_t id, token;
	uint16_t gen;
	int conn;
	int64_t until_ms; /* as last told, by line or by page */
};

struct sim_host {
	int number;
	struct hub *hub;
	struct coord *coord;
	bool alive;
	int64_t paused_ms;  /* frozen until then */
	int64_t back_ms;    /* dead until then */
	int64_t retry_ms;   /* no new link before */
	int64_t stalled_ms; /* the network swallows until then */
	unsigned view;
	int64_t session;
	int64_t trouble_ms;    /* a fault weighed on it until then */
	int streak[SIM_NAMES]; /* grants in a row past a known waiter */
	bool served;           /* since the follower's last ping answer */
	struct sim_conn conns[SIM_CONNS];
	struct sim_hold holds[SIM_NAMES];
	uint16_t page_gen;
	int64_t page_ms;
	int64_t suspended_ms; /* told at; 0: not since the last RESUMED */
	int64_t ran_ms;       /* the last turn before this one */
};

struct sim_counts {
	uint64_t steps, grants, requests, losses, cuts, expiries, crashes;
	uint64_t pauses, strangers, deletions, resumes, simulated_ms;
};

struct sim {
	uint64_t seed, random;
	int64_t now_ms;
	int hosts_len;
	struct coord_tree *tree;
	struct sim_host hosts[SIM_HOSTS_MAX];
	char strangers[SIM_STRANGERS][256]; /* "": none */
	int64_t ping_ms;
	int64_t lag_ms; /* the follower applies nothing until then */
	uint64_t tag_last, order_last;
	uint64_t token_last[SIM_NAMES];
	int64_t exempt_ms[SIM_NAMES]; /* P1, P2: an operator deleted a bid */
	bool healing;                 /* no more faults, nobody asks */
	uint64_t hash;                /* of everything that was said */
	struct sim_counts counts;
	bool trace;
	char failure[512]; /* "": none yet */
};

/* sim_world.c */
void sim_run(struct sim *sim, uint64_t seed, unsigned steps, bool trace);
uint64_t sim_random(struct sim *sim, uint64_t below);
bool sim_chance(struct sim *sim, unsigned in);
void sim_note(struct sim *sim, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
void sim_fail(struct sim *sim, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* sim_client.c */
void sim_client_acts(struct sim *sim, struct sim_host *host);
void sim_client_heals(struct sim *sim, struct sim_host *host);
void sim_client_told(struct sim *sim, struct sim_host *host, uint64_t conn,
		     char *line);
void sim_client_closed(struct sim *sim, struct sim_host *host, int conn);
void sim_conn_ends(struct sim *sim, struct sim_host *host, int conn);
const char *sim_name(int name);

/* sim_check.c */
void sim_check_grant(struct sim *sim, struct sim_host *host, int name,
		     const struct sim_ask *ask, const char *node);
void sim_check_lost(struct sim *sim, struct sim_host *host, int name,
		    const char *reason);
void sim_check_turn(struct sim *sim, struct sim_host *host);
void sim_check_rest(struct sim *sim);
/* An operator's deletion is the one exception of P1: the next waiter may be
 * granted before the holder hears of it, for as long as its session lasts. */
bool sim_exempt(const struct sim *sim, int name);
/* Until when the hold may be believed. */
int64_t sim_believed_ms(const struct sim_host *host,
			const struct sim_hold *hold);

#endif
