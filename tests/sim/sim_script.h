/* SPDX-License-Identifier: MIT */
/*
 * sim_script - what a seed draws: its weather, and a list of acts.
 */
#ifndef TESTS_SIM_SIM_SCRIPT_H
#define TESTS_SIM_SIM_SCRIPT_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/layout.h"

enum sim_act_type {
	/* of a client */
	SIM_ACT_LOCK,
	SIM_ACT_LOCK_WAIT, /* a_ms: for how long */
	SIM_ACT_TRY,
	SIM_ACT_UNLOCK,
	SIM_ACT_UNLOCK_STALE, /* with the token of an earlier hold */
	SIM_ACT_CANCEL,
	SIM_ACT_CHECK,
	SIM_ACT_TALK, /* LIST, PING, a line that is none... */
	SIM_ACT_EOF,
	SIM_ACT_LOCK_EOF, /* both in one write */
	SIM_ACT_QUIT,
	SIM_ACT_SHARE,  /* DOWNGRADE */
	SIM_ACT_LOOK,   /* WAIT; a_ms: for how long */
	SIM_ACT_KICK,   /* whoever of the host has something */
	SIM_ACT_REVOKE, /* ask for it */
	SIM_ACT_WATCH,  /* or UNWATCH */
	SIM_ACT_MANY,   /* LOCK of several names; a_ms: for how long */
	/* of others in the ensemble */
	SIM_ACT_STRANGER, /* comes, or goes */
	SIM_ACT_DOWNGRADE,
	SIM_ACT_OPERATOR,
	SIM_ACT_REAP,
	/* of fate: a_ms says how long */
	SIM_ACT_CUT,
	SIM_ACT_STALL_UP,
	SIM_ACT_STALL_DOWN,
	SIM_ACT_STALL_BOTH,
	SIM_ACT_LINK_SLOW,
	SIM_ACT_PAUSE,
	SIM_ACT_FREEZE, /* in the middle of a turn */
	SIM_ACT_CRASH,
	SIM_ACT_STOP,
	SIM_ACT_SHORT, /* the next reconnect is given less time */
	/* of fate, as soon as something happens */
	SIM_ACT_AMBUSH_CREATE,
	SIM_ACT_AMBUSH_DELETE,
	SIM_ACT_AMBUSH_PROOF,
	/* of its server, in some seeds */
	SIM_ACT_REFUSE,   /* it says no by itself */
	SIM_ACT_EXCHANGE, /* it gives another session at a reconnect */
	/* of the ensemble */
	SIM_ACT_SERVER_CUT,
	SIM_ACT_SERVER_CUT_UP,
	SIM_ACT_SERVER_LAG,
	SIM_ACT_SERVER_CRASH,
	SIM_ACT_ELECTION,
	SIM_ACT_DEPOSE,
	SIM_ACT_TYPES,
};

struct sim_act {
	int64_t at_us;
	enum sim_act_type type;
	uint8_t host, conn, name;
	bool out; /* left out of this run */
	uint32_t a_ms;
	uint64_t salt;
};

/* What a seed is like: drawn once. */
struct sim_weather {
	int hosts, names, conns, servers;
	int64_t timeout_ms, tick_ms;
	int64_t latency_us, jitter_us;
	unsigned spikes; /* of a thousand packets */
	int64_t spike_us;
	int64_t loop_us; /* until a loop turns */
	int64_t hold_ms;
	int64_t turns_ms, linger_ms;
	uint32_t turns_max, tickets_per_conn_max, ephemeral_bytes_max;
	uint32_t share; /* percent of SIM_TICKETS_MAX for a user; 0: all */
	uint32_t batch_ops_max;
	uint32_t bid_turns; /* R8: of one bid */
	unsigned readers;   /* of a hundred who ask */
	unsigned bounds;    /* likewise: with min_hold, max_hold, wanted */
	int64_t end_us;     /* no act after it: all heals */
	unsigned slots;     /* the last name is a semaphore of so many; 0: no */
	bool several;       /* somebody wants several names */
	bool operator;
	enum layout_kind layout; /* OWN; or SIM_ROOT is a share prefix */
	bool worn;    /* the first name's counter is nearly used up */
	bool ghosts;  /* the last server comes back with nodes that have gone */
	bool refuses; /* servers say no by themselves */
	bool exchanges; /* they give other sessions at reconnects */
	bool quiet;     /* no fault at all, and no packet late */
};

#endif
