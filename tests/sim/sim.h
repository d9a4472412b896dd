/* SPDX-License-Identifier: MIT */
/*
 * sim - several hosts over a simulated ensemble, by seed.
 *
 * Each host is the real hub with the real rooms behind it; doors, clocks,
 * clients, links and servers are simulated.  A seed makes a script, a list of
 * acts of clients, of strangers and of fate; everything else follows from
 * script and seed, bit by bit.  So an act can be left out and the rest played
 * again: that is how a failure is made small.
 *
 *	sim_time.c    chance, the queue of events, clocks that drift
 *	sim_script.c  the weather and the acts of a seed
 *	sim_zk.c      servers, pipes, pings, the tracker of sessions, elections
 *	sim_link.c    a host's connection: what is under way, what gets lost
 *	sim_many.c    LOCK of several names: all of them or none
 *	sim_verbs.c   bounded holds, WAIT, KICK, REVOKE, WATCH
 *	sim_host.c    the hub's doors, its turns, its births and deaths
 *	sim_names.c   the names of locks, theirs and the tree's
 *	sim_client.c  what clients say, and what they are told
 *	sim_history.c the same, as lines of a history
 *	sim_other.c   strangers in the queue, an operator, the reaper
 *	sim_check.c   the promises P1 to P7, after every event
 *	sim_budget.c  P6's budget, by what the host was told
 *	sim_calm.c    what must not happen where nothing is wrong; lingering
 *	sim_refuse.c  servers that say no by themselves, or give another session
 *	ring.h        requests of a connection that are not answered
 *	order.h       P2's order of tokens
 *	sim_text.h    lines and paths, without printf
 *	sim_shrink.c  a failing script, made small
 *	sim_main.c    seeds, replay, the summary
 *
 * Times of the world are microseconds (_us); a host sees milliseconds of a
 * clock of its own.
 */
#ifndef TESTS_SIM_SIM_H
#define TESTS_SIM_SIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "daemon/coord_local.h"
#include "daemon/hub.h"
#include "daemon/layout.h"
#include "order.h"
#include "proto/reply.h"
#include "ring.h"
#include "sim_script.h"

#define SIM_HOSTS_MAX     3
#define SIM_SERVERS       3
#define SIM_CONNS         4  /* clients of one host */
#define SIM_NAMES_MAX     3  /* locks that they want */
#define SIM_TICKETS_MAX   8  /* of a host whose users have shares */
#define SIM_ASKS_MAX      48 /* unanswered requests of one client */
#define SIM_HOLDS         (SIM_NAMES_MAX * SIM_CONNS)
#define SIM_GRANTS        64 /* of one name, by clients who still believe */
#define SIM_STRANGERS     3
#define SIM_SESSIONS_MAX  64 /* one bit each in a table of touches */
#define SIM_ACTS_MAX      320
#define SIM_EVENTS_MAX    4096
#define SIM_LISTING_BYTES 2048 /* remembered of one listing */
#define SIM_NOTICES       8    /* ranges of times of notice */

#define SIM_ROOT  "/sim"
#define SIM_NEVER INT64_MAX
#define SIM_MS    INT64_C(1000)
/* A listing for several names may be under way for so long after their end. */
#define SIM_SEVERAL_US (2000 * SIM_MS)

/* --- events --- */

enum sim_event_type {
	SIM_EV_ACT,  /* made by sim_pop() */
	SIM_EV_TURN, /* made by sim_pop(): a host has one at a time */
	SIM_EV_RELEASE,
	SIM_EV_BIRTH,
	SIM_EV_CONNECT,
	SIM_EV_HANDSHAKE,
	SIM_EV_CONNECTED,
	SIM_EV_SILENCE, /* has the client heard nothing for too long? */
	SIM_EV_ARRIVE,
	SIM_EV_AT_LEADER,
	SIM_EV_BACK,
	SIM_EV_DELIVER,
	SIM_EV_ORPHAN,
	SIM_EV_APPLY,
	SIM_EV_PING,
	SIM_EV_PING_AT,
	SIM_EV_PONG_OUT,
	SIM_EV_PONG_IN,
	SIM_EV_POLL,
	SIM_EV_CLOSE,
	SIM_EV_DETACH,
	SIM_EV_REJOIN,
	SIM_EV_ELECTED,
	SIM_EV_HEAL,
	SIM_EV_DOWNGRADED, /* the writer that has become a reader goes */
};

struct sim_event {
	int64_t at_us;
	uint64_t order; /* first come, first served */
	enum sim_event_type type;
	int who;      /* host, server, session or act */
	uint32_t gen; /* of the connection, of the server's role... */
	uint64_t value;
};

/* --- the ensemble --- */

/* One direction of a connection: what is sent later arrives later. */
struct sim_pipe {
	int64_t last_us;
	int64_t stall_us; /* nothing arrives before */
	int64_t slow_us;  /* added to each */
};

enum sim_role {
	SIM_FOLLOWER,
	SIM_LEADER,
	SIM_DEPOSED, /* thinks that it leads */
	SIM_DOWN,    /* serves nobody */
};

struct sim_server {
	enum sim_role role;
	uint32_t era;             /* grows with every change of role */
	struct sim_pipe up, down; /* to the leader, from it */
	uint64_t touched;         /* sessions, since the last PING */
	int ppm;
	int64_t phase_ms; /* of its clock */
};

struct sim_session {
	int64_t id; /* 0: a free place */
	bool alive;
	bool polled; /* the tracker is about to end it */
	int64_t timeout_ms;
	int64_t expiry_us;
	uint32_t gen; /* of the poll that is due */
	/* What its host has said of it; 0: nothing. */
	int64_t deadline_us; /* the last on its page */
	int64_t noticed_us;  /* holders know, and no RESUMED since */
};

struct sim_stranger {
	char path[128];     /* "": away */
	char old_path[128]; /* of a downgrade that is not done */
	uint32_t gen;       /* of that */
	int64_t session;
	bool writer;
};

/* --- hosts --- */

/* One request that is not answered. */
struct sim_ask {
	uint64_t tag;   /* 0: free */
	uint64_t order; /* when it was said */
	enum sim_act_type act;
	int name;        /* of the lock */
	uint64_t token;  /* UNLOCK_STALE: that it names */
	int64_t due_ms;  /* LOCK_WAIT: no TIMEOUT before */
	int64_t hold_ms; /* LOCK: to let go after */
	int64_t said_ms, said_us;
	int64_t min_hold_ms, max_hold_ms; /* LOCK: 0: none */
	bool shared;                      /* LOCK: asked so */
	unsigned slots;                   /* LOCK: said so; 0: a lock */
	bool trying;                      /* MANY: TRYLOCK */
	uint8_t many[SIM_NAMES_MAX];      /* MANY: the names, in order */
	uint8_t many_len;
};

/* A name of several, as the answer's rows have it. */
struct sim_row {
	int name;
	uint64_t id, token;
	char node[128];
};

struct sim_conn {
	uint64_t id;                   /* the hub's; 0: not open */
	bool ended;                    /* EOF was said: nobody reads any more */
	bool quits;                    /* QUIT was said */
	uint64_t stale[SIM_NAMES_MAX]; /* tokens of holds that are over */
	struct sim_ask asks[SIM_ASKS_MAX];
	int asks_end;                       /* no ask stands here or behind */
	struct sim_row rows[SIM_NAMES_MAX]; /* of the answer that is coming */
	int rows_len;
};

/* A hold as its client may believe it. */
struct sim_hold {
	bool live;
	bool shared;
	unsigned slots; /* 0: of a lock */
	int name;
	uint64_t id, token;
	uint16_t gen;
	int conn;
	int64_t until_ms;      /* as last told */
	bool suspended;        /* told so, not resumed */
	int64_t max_until_ms;  /* R17, KICK: over then; 0: no */
	int64_t kept_until_ms; /* R21: nobody else before; 0: no */
	int session;           /* that it was granted on */
	bool kicked;
	bool of_many;       /* granted with others: a bid of its own */
	bool told;          /* the history has it, and not its end */
	int64_t missing_us; /* its node was deleted by hand; 0: no */
	char node[128];
};

/* What nobody does about a free slot. */
struct sim_pool {
	int64_t zxid;     /* of its tree, */
	int64_t since_us; /* which is so since */
};

/* P2: one that was given. */
struct sim_grant {
	const struct sim_hold *hold; /* where it was put */
	const struct sim_host *host;
	uint64_t id, token;
	bool shared;
};

/* P6: what this host has been told of waiters behind its bid. */
struct sim_budget {
	char node[128]; /* the bid of the last grant; "": none */
	bool known;     /* a waiter behind it */
	unsigned turns; /* since then */
	int64_t since_ms;
	int64_t several_us; /* a LOCK of several names had it last */
	bool between; /* told of it with one bid given up, the next not had */
	int64_t passing_ms; /* since its second turn; 0: there was none */
	uint64_t reign;     /* of the queue's head, when it was granted, */
	int64_t session;    /* in which */
	char listing[SIM_LISTING_BYTES]; /* the last: names, each with a NUL */
	bool astray; /* perhaps that of a bid which nobody wanted any more */
	/* For lingering bids. */
	bool stirred;    /* a child event was heard since nobody wants it */
	int64_t idle_us; /* since when; 0: somebody does, or never did */
	int64_t
	    owed_us; /* since when its bid should have gone; 0: it need not */
};

/* The first in a queue, at the leader. */
struct sim_head {
	int64_t owner;  /* a session; 0: nobody */
	uint64_t reign; /* how often that has changed */
	int64_t pzxid;  /* of the parent, when that was looked at */
};

struct sim_host;
struct sim_text;

/* To what a server says no. */
enum sim_manner {
	SIM_NO_ONE, /* the next one that writes in a queue */
	SIM_NO_SOME,
	SIM_NO_ALL,
	SIM_NO_MANNERS,
};

/* A server that says no by itself to a host. */
struct sim_refusal {
	int zk_rc; /* 0: none does */
	enum sim_manner manner;
	int server; /* -1: whichever */
	int64_t until_us;
	int64_t heard_us; /* the host was told so last */
	bool moved;       /* SESSION MOVED was told: the link goes */
	/* R10: what was refused is said again after a beat that committed, or
	 * on another link: owed, due in this turn, under way as the last that
	 * was said then. */
	bool owed, due;
	uint64_t again;
};

/* Where the first request that a server has not answered is. */
enum sim_stage {
	SIM_AT_SERVER,
	SIM_TO_LEADER,
	SIM_FROM_LEADER,
	SIM_AWAITS_VIEW, /* a sync: the follower is behind */
};

/* Between the hub and its coordinator: sees all that passes. */
struct sim_link {
	struct coord face; /* first: what the hub talks to */
	struct coord *inner;
	struct sim_host *host;
	uint32_t gen; /* of the connection, or of the time without one */
	bool up;
	bool trying;  /* an attempt to connect is under way */
	int server;   /* of the connection or the attempt */
	int left;     /* the one that the hub did not want any more, */
	bool dropped; /* and the library takes another one then */
	uint32_t era; /* of the server, when that began */
	int64_t connect_ms;
	int64_t greeted_us; /* when the server knew the session */
	struct sim_pipe out, in;
	int64_t heard_us;
	struct sim_requests queue; /* not served yet */
	size_t arrived;            /* so many of them are at the server */
	enum sim_stage stage;      /* of the first of them */
	size_t due;                /* packets that have their DELIVER */
	struct sim_requests asked; /* not answered yet, as the hub sees it */
	bool proven;      /* the hub saw a write of this connection commit */
	bool told_up;     /* what the hub knows of the connection */
	int session;      /* place in sim->sessions */
	int64_t told_ms;  /* T_eff: the least timeout it was given */
	int64_t short_ms; /* what the next reconnect is given; 0: the same */
	/* Ambushes: 0 is none, else for how long the fault lasts. */
	uint32_t create_ms, delete_ms, proof_ms;
	bool sprung; /* proof_ms: after this turn */
	/* A lost create, and then its old leader, which never saw it (C8): 1 +
	 * that server, while the next connection hears no answer; negative: it
	 * has happened. */
	int trap;
	struct sim_refusal refusal;
	/* T12: the next connection gets another session; so many times the
	 * hub has not heard yet that it did, it hears that next, it did. */
	bool exchange;
	unsigned exchanged;
	int64_t before; /* the session that it has until then */
	bool strange, bereft;
};

struct sim_host {
	int number;
	struct hub *hub;
	struct layout_share share; /* lent to it */
	struct sim_link link;
	bool alive;
	bool stopping;
	bool ending;        /* has announced it: grants nothing */
	bool deaf;          /* the history says so */
	bool lost;          /* somebody was told LOST: that may still count */
	unsigned life;      /* which process it is */
	int64_t stopped_us; /* when it was asked to */
	int64_t paused_us;  /* runs nothing before */
	int64_t freeze_us;  /* to be frozen in the next turn */
	int64_t frozen_us;  /* frozen in this one */
	int64_t thaw_us;    /* its clock has been read as if it were this */
	unsigned freeze_in; /* looks at the clock before that */
	int64_t offset_us;
	int ppm;
	int64_t turn_us;     /* the next one; SIM_NEVER */
	uint64_t turn_order; /* among the events of that moment */
	int64_t turned_us;   /* the last one */
	uint32_t birth_gen;  /* of the birth that is due */
	unsigned spins;
	struct sim_conn conns[SIM_CONNS];
	struct sim_hold holds[SIM_HOLDS]; /* sim_hold_of() */
	struct sim_budget budgets[SIM_NAMES_MAX];
	uint16_t page_gen;
	int64_t page_ms;
	bool doubtful; /* granted while suspended, RESUMED must follow */
	uint64_t ephemeral_bytes; /* as STATS has it */
};

struct sim_counts {
	uint64_t events, turns, requests, grants, handovers, local_turns;
	uint64_t shared, slides, shares, slots, several, severals_refused;
	uint64_t worn; /* refusals for a counter that is used up */
	uint64_t losses, suspensions, resumes, refusals;
	uint64_t cuts, stalls, pauses, crashes, stops, ambushes;
	uint64_t server_faults, elections, ghosts, expiries, orphans;
	uint64_t strangers, downgrades, deletions, reaps, shorts;
	uint64_t throttled, forbidden, moved, exchanges;
	uint64_t simulated_us;
	/* Sessions that ran out and had holders: by how long before that they
	 * were told. */
	uint64_t notices[SIM_NOTICES];
};

struct sim {
	uint64_t seed;
	uint64_t chance;
	int64_t now_us;
	struct sim_weather weather;
	struct sim_act acts[SIM_ACTS_MAX]; /* in their order */
	int acts_len;
	int act_next;
	size_t heap_len;
	uint64_t order;

	struct coord_tree *tree;
	struct sim_server servers[SIM_SERVERS];
	int leader;        /* -1: none */
	int64_t told_zxid; /* its APPLY events are under way */
	uint64_t shape;    /* of the tree when it was looked at last */
	uint32_t ping_gen;
	struct sim_session sessions[SIM_SESSIONS_MAX];
	struct sim_stranger strangers[SIM_STRANGERS];

	struct sim_host hosts[SIM_HOSTS_MAX];
	uint64_t tag_last, order_last;
	struct order orders[SIM_NAMES_MAX];
	struct sim_grant grants[SIM_NAMES_MAX][SIM_GRANTS];
	size_t grants_len[SIM_NAMES_MAX];
	bool strict;      /* kept by sim_run(): P2 for shared grants too (C4) */
	bool stir;        /* likewise: one bit of chance is another, half-way */
	uint64_t variant; /* likewise: the same acts, with other luck; 0: the
			   * seed's own */
	bool exempt[SIM_NAMES_MAX];     /* an operator deleted a bid */
	int64_t left_us[SIM_NAMES_MAX]; /* by a stranger or an end; 0: none */
	struct sim_head heads[SIM_NAMES_MAX];
	struct sim_pool pool;
	bool worn; /* weather.worn has happened */
	bool healing;
	int64_t healed_us;
	bool resting;  /* healed, and nobody asks any more */
	uint64_t hash; /* of everything that was said */
	struct sim_counts counts;
	bool trace;
	int64_t notice_least_us; /* of this run; SIM_NEVER: none */
	char failure[512];       /* "": none yet */
	/* The last member: what it had in another run is never looked at. */
	struct sim_event heap[SIM_EVENTS_MAX];
};

/* --- sim_time.c --- */

uint64_t sim_random(struct sim *sim, uint64_t below);
bool sim_chance(struct sim *sim, unsigned in);
uint64_t sim_mix(uint64_t *chance);
void sim_push(struct sim *sim, int64_t at_us, enum sim_event_type type,
	      struct sim_event event);
bool sim_pop(struct sim *sim, struct sim_event *event_out);
int64_t sim_host_ms(const struct sim *sim, const struct sim_host *host);
/* The world's time at which a host's clock shows ms. */
int64_t sim_host_us(const struct sim *sim, const struct sim_host *host,
		    int64_t ms);
int64_t sim_latency(struct sim *sim);
/* When what is sent now comes out of a pipe. */
int64_t sim_pipe_at(struct sim *sim, struct sim_pipe *pipe);
void sim_note(struct sim *sim, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A line for tests/support/historyfile.py; nothing without a file. */
void sim_tell(const struct sim *sim, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* Where such lines go from now on; NULL: nowhere. */
void sim_tell_to(FILE *file);
bool sim_telling(void);
void sim_hash(struct sim *sim, const void *bytes, size_t len);
void sim_fail(struct sim *sim, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* --- sim_script.c --- */

void sim_script(struct sim *sim);
const char *sim_act_word(enum sim_act_type type);

/* --- sim_world.c --- */

/* acts_out: a set of acts to leave out, by number; NULL for none. */
void sim_run(struct sim *sim, uint64_t seed, const bool *acts_out, bool trace);

/* --- sim_zk.c --- */

void sim_zk_begin(struct sim *sim);
void sim_zk_event(struct sim *sim, const struct sim_event *event);
void sim_zk_act(struct sim *sim, const struct sim_act *act);
/* After anything that may have written: followers will hear of it. */
void sim_zk_propagate(struct sim *sim);
unsigned sim_zk_view(int server);
bool sim_zk_serves(const struct sim *sim, int server);
int sim_zk_session_new(struct sim *sim, int64_t id, int64_t timeout_ms);
int sim_zk_session_find(const struct sim *sim, int64_t id);
void sim_zk_touch(struct sim *sim, int session, int64_t timeout_ms,
		  int64_t at_us);
void sim_zk_heal(struct sim *sim);

/* --- sim_link.c --- */

void sim_link_begin(struct sim *sim, struct sim_host *host);
void sim_link_end(struct sim *sim, struct sim_host *host);
void sim_link_event(struct sim *sim, const struct sim_event *event);
/* The connection breaks: the client notices now. */
void sim_link_cut(struct sim *sim, struct sim_host *host);
/* The server has something new: serve what waited, send what there is. */
void sim_link_server_moved(struct sim *sim, struct sim_host *host);
void sim_link_want(struct sim *sim, struct sim_host *host);
/* Forget an attempt that waits for the process: begin another. */
void sim_link_retry(struct sim *sim, struct sim_host *host);
bool sim_link_clear(const struct sim *sim, const struct sim_host *host);

/* --- sim_refuse.c --- */

void sim_refuse_act(struct sim *sim, struct sim_link *link,
		    const struct sim_act *act);
/* What its server says to that request; 0: what comes of it. */
int sim_refuse(struct sim *sim, struct sim_link *link,
	       const struct sim_request *row);
/* The hub hears an answer: is it a no? */
void sim_refuse_answer(struct sim *sim, struct sim_link *link,
		       const struct sim_request *row, struct coord_event *ev);
/* After a turn: whoever was told SESSION MOVED is sent away. */
void sim_refuse_turn(struct sim *sim, struct sim_host *host);
/* Has the host been told no since? */
bool sim_refuse_since(const struct sim_host *host, int64_t at_us);
/* Is it still to say again what was refused? */
bool sim_refuse_owes(const struct sim_host *host);
/* The hub hears of a link. */
void sim_refuse_attached(struct sim_link *link, bool fresh);
/* A reconnect that is given another session, and not told so. */
void sim_exchange(struct sim *sim, struct sim_link *link);
/* What the hub hears of that; false: nothing. */
bool sim_exchange_event(struct sim_link *link, struct coord_event *ev);
/* The session, as far as the hub knows; 0: none. */
int64_t sim_session(const struct sim_link *link);

/* --- sim_host.c --- */

void sim_host_begin(struct sim *sim, struct sim_host *host);
void sim_host_free(struct sim *sim, struct sim_host *host);
void sim_host_dies(struct sim *sim, struct sim_host *host, int64_t for_us);
void sim_host_wake(struct sim *sim, struct sim_host *host, int64_t at_us);
/* Something came in: the loop turns soon. */
void sim_host_stir(struct sim *sim, struct sim_host *host);
void sim_host_event(struct sim *sim, const struct sim_event *event);
void sim_host_act(struct sim *sim, const struct sim_act *act);
void sim_host_heal(struct sim *sim, struct sim_host *host);
struct sim *sim_world(void); /* doors have no other way to it */

/* --- sim_names.c --- */

const char *sim_name(int name);
/* Where its queue stands. */
const char *sim_queue(int name);
/* As clients say it: under a share prefix that is the node's path. */
const char *sim_word(const struct sim *sim, int name);
int sim_name_number(const char *word);
/* Of a path below SIM_ROOT; -1: of no lock. */
int sim_path_name(const char *path, size_t *parent_len_out);

/* --- sim_client.c --- */

struct sim_hold *sim_hold_of(struct sim_host *host, int name, int conn);
void sim_client_act(struct sim *sim, const struct sim_act *act);
void sim_client_release(struct sim *sim, const struct sim_event *event);
void sim_client_heal(struct sim *sim, struct sim_host *host);
void sim_client_told(struct sim *sim, struct sim_host *host, uint64_t conn,
		     char *line);
void sim_client_closed(struct sim *sim, struct sim_host *host, int conn);
/* A hold begins as GRANTED says; ask and name: of what. */
void sim_client_take(struct sim *sim, struct sim_host *host, int conn,
		     const struct sim_ask *ask, int name,
		     const struct zkp_grant *grant);
/* Asks STATS; what it says is in the host. */
void sim_client_stats(struct sim *sim, struct sim_host *host);

/* --- sim_history.c: lines of the history, where one is wanted --- */

void sim_tell_ask(struct sim *sim, const struct sim_host *host, int conn,
		  const struct sim_ask *ask);
void sim_tell_queued(struct sim *sim, const struct sim_host *host, int conn,
		     const struct sim_ask *ask);
/* ERR: it was not granted. */
void sim_tell_answer(struct sim *sim, const struct sim_host *host, int conn,
		     const struct sim_ask *ask, const char *code);
void sim_tell_grant(struct sim *sim, const struct sim_host *host,
		    struct sim_hold *hold, uint64_t tag);
/* how: lost, release. */
void sim_tell_end(struct sim *sim, const struct sim_host *host,
		  struct sim_hold *hold, const char *how);

/* --- sim_other.c --- */

void sim_other_act(struct sim *sim, const struct sim_act *act);
void sim_other_event(struct sim *sim, const struct sim_event *event);
void sim_other_heal(struct sim *sim);
void sim_other_rest(struct sim *sim);
/* After a write: see weather.worn. */
void sim_other_wear(struct sim *sim);

/* --- sim_check.c, sim_budget.c --- */

void sim_check_grant(struct sim *sim, struct sim_host *host,
		     const struct sim_hold *hold, const struct sim_ask *ask);
void sim_check_lost(struct sim *sim, struct sim_host *host,
		    const struct sim_hold *hold, const char *reason);
void sim_check_resumed(struct sim *sim, struct sim_host *host);
void sim_check_turn(struct sim *sim, struct sim_host *host);
void sim_check_tree(struct sim *sim);
void sim_check_expiry(struct sim *sim, int session);
void sim_check_rest(struct sim *sim);
/* Until when the hold may be believed, on its host's clock. */
int64_t sim_believed_ms(const struct sim_host *host,
			const struct sim_hold *hold);
bool sim_believes(const struct sim *sim, const struct sim_host *host,
		  const struct sim_hold *hold);
void sim_budget_grant(struct sim *sim, struct sim_host *host,
		      const struct sim_hold *hold);
void sim_budget_listed(struct sim *sim, struct sim_host *host, int name,
		       const struct coord_event *ev);
void sim_budget_tree(struct sim *sim);
int64_t sim_budget_passed_ms(const struct sim *sim, int name, const char *path,
			     bool shared);
bool sim_budget_searches(const struct sim_link *link,
			 const struct sim_request *row);
/* What a name in a queue says: by this code, not by the one that is tested. */
bool sim_before(const char *name, const char *other);
/* Its ten digits; -1: it ends otherwise. */
int64_t sim_number(const char *name);
bool sim_reads(const char *name);

/* --- sim_pool.c --- */

bool sim_is_pool(const struct sim *sim, int name);
/* Are some mistaken about its number of slots, or its kind? */
bool sim_pool_disputed(const struct sim *sim);
/* How many slots that act says; 0: a lock. */
unsigned sim_pool_wish(const struct sim *sim, const struct sim_act *act);
void sim_pool_granted(struct sim *sim, const struct sim_host *host,
		      const struct sim_hold *hold);
void sim_pool_turn(struct sim *sim);

/* --- sim_calm.c --- */

/* A quiet day, and everybody has been connected for long. */
bool sim_calm_settled(const struct sim *sim);
/* Does a client hold it; how many asks are not answered; either? */
bool sim_held(const struct sim_host *host, int name);
unsigned sim_conn_asks(const struct sim_conn *conn, int name);
unsigned sim_asks(const struct sim_host *host, int name);
bool sim_wanted(const struct sim_host *host, int name);
void sim_calm_said(struct sim_host *host, int name);
void sim_calm_ended(struct sim *sim, struct sim_host *host, int name);
/* The hub hears of a watch. */
void sim_calm_watch(struct sim *sim, struct sim_host *host, const char *path);
void sim_calm_refused(struct sim *sim, struct sim_host *host,
		      const struct sim_ask *ask, enum zkp_status status);
void sim_calm_event(struct sim *sim, const struct sim_host *host,
		    const struct zkp_reply *reply);
void sim_calm_turn(struct sim *sim, struct sim_host *host);
/* A connection has one ticket of a name, and so many in all; of all that a host
 * has a user has its share, and is refused no sooner (P8). */
void sim_calm_tickets(struct sim *sim, const struct sim_host *host, int conn,
		      const struct sim_ask *ask);
void sim_calm_limited(struct sim *sim, const struct sim_host *host, int conn,
		      const struct sim_ask *ask);
uint32_t sim_uid(int conn);
/* Something was told of the session: its page, doubt, its end. */
void sim_calm_page(struct sim *sim, struct sim_host *host, int64_t until_ms);
void sim_calm_notice(struct sim *sim, const struct sim_host *host, bool doubt);
void sim_calm_expiry(struct sim *sim, int session);

void sim_check_free(struct sim *sim, struct sim_host *host, int conn,
		    const struct sim_ask *ask);

/* --- sim_verbs.c --- */

/* Keys behind a LOCK, or none. */
void sim_verbs_bounds(struct sim *sim, const struct sim_act *act,
		      struct sim_ask *ask, struct sim_text *words);
/* The line of LOOK, KICK, REVOKE, WATCH; false: nothing is to be said. */
bool sim_verbs_words(struct sim *sim, const struct sim_act *act,
		     struct sim_ask *ask, struct sim_text *words);
void sim_verbs_granted(struct sim *sim, const struct sim_host *host,
		       struct sim_hold *hold, const struct sim_ask *ask,
		       const struct zkp_grant *grant);
/* Is this name a semaphore?  Nobody else takes part in that. */
void sim_verbs_kept(struct sim *sim, int name, bool shared);
void sim_verbs_revoked(struct sim_hold *hold, const struct zkp_reply *reply);
/* KICK was answered OK: what was only kept is not any more. */
void sim_verbs_kicked(struct sim_host *host, const struct zkp_reply *reply);
bool sim_verbs_lost(struct sim *sim, const struct sim_host *host,
		    const struct sim_hold *hold, const char *reason);

/* --- sim_many.c --- */

/* Does the ask want that name? */
bool sim_asks_for(const struct sim_ask *ask, int name);
/* Does somebody of the host wait for that name among several? */
bool sim_many_wanted(const struct sim_host *host, int name);
/* The line, and what is asked; false: there are no several names. */
bool sim_many_words(struct sim *sim, const struct sim_act *act,
		    struct sim_ask *ask, struct sim_text *words);
/* It is over, whatever it came to. */
void sim_many_over(struct sim *sim, struct sim_host *host,
		   const struct sim_ask *ask);
void sim_many_row(struct sim *sim, struct sim_host *host, int conn,
		  const struct zkp_reply *reply);
void sim_many_granted(struct sim *sim, struct sim_host *host, int conn,
		      const struct sim_ask *ask, const struct zkp_reply *reply);
/* Is that refusal of several names wrong? */
bool sim_many_refused(struct sim *sim, struct sim_host *host, int conn,
		      enum zkp_status status);

/* --- sim_shrink.c --- */

/* Leaves out what a failing seed does not need; out holds SIM_ACTS_MAX. */
int sim_shrink(struct sim *sim, uint64_t seed, bool *out);

#endif
