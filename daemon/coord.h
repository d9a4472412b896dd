/* SPDX-License-Identifier: MIT */
/*
 * coord - the words that pass between the daemon and its coordinator.
 *
 * A coordinator keeps a tree of nodes with ZooKeeper's meaning.  This header
 * is all that the deciding rooms know of it: operations go in as struct
 * coord_op, everything that happens comes back, in order, as struct
 * coord_event from a mailbox.  Nothing here calls anybody back: a completion
 * posts to the mailbox, the loop pumps it (the drain rule).
 *
 * Coordinators: coord_zk (ZooKeeper's C client), coord_local (a tree in
 * memory, for --dev and the heart of the simulator).
 *
 * One thread.  All times are CLOCK_BOOTTIME milliseconds.
 */
#ifndef DAEMON_COORD_H
#define DAEMON_COORD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Longest node path that passes here: root, encoded name, node name. */
#define COORD_PATH_MAX 2048
/* Longest node data that we write, and the most that GET hands over. */
#define COORD_DATA_MAX 1024
/* Sub-operations of one COORD_MULTI: at their longest they stay far below a
 * server's jute.maxbuffer of 1 MiB, and beyond a hundred nothing is won. */
#define COORD_SUBS_MAX 100

enum coord_verb {
	COORD_CREATE, /* the answer carries the path made and its stat */
	COORD_LIST,   /* the names of the children; the stat is the parent's */
	COORD_GET,    /* data and stat */
	COORD_SET,    /* any version */
	COORD_DELETE, /* any version */
	COORD_SYNC,
	COORD_MULTI, /* all of its sub-operations in one transaction, or none */
	COORD_CHECK, /* a part of COORD_MULTI only: there is such a node */
};

enum coord_kind { /* what COORD_CREATE makes */
		  COORD_PERSISTENT,
		  COORD_CONTAINER,
		  COORD_EPHEMERAL,
		  COORD_EPHEMERAL_SEQUENTIAL, /* ten digits are appended to the
						 path */
};

/* Strings are borrowed for the call of submit() only. */
struct coord_op {
	uint64_t id; /* comes back in the answer; the submitter's, not 0 */
	enum coord_verb verb;
	enum coord_kind kind; /* COORD_CREATE only */
	bool watch;  /* COORD_LIST: child watch; COORD_GET: node watch */
	bool urgent; /* heartbeat: ahead of the queue, exempt from its cap */
	const char *path; /* absolute, real (the root is already in it) */
	const char *data; /* COORD_CREATE, COORD_SET; NULL for none */
	size_t data_len;
	/* COORD_MULTI, whose path is not looked at: 1 to COORD_SUBS_MAX of
	 * CREATE (no container), SET, DELETE and CHECK, done in this order with
	 * one zxid.  None touches a node that another one makes or deletes, but
	 * for the parent of a node made: {create, set its parent} answers
	 * with the node's czxid as the parent's mzxid. */
	const struct coord_op *subs;
	size_t subs_len;
};

struct coord_stat {
	int64_t czxid;
	int64_t mzxid;
	int64_t pzxid;
	int64_t ctime_ms; /* the server's wall clock */
	int64_t owner;    /* session of an ephemeral, 0 otherwise */
	int32_t version;
	int32_t cversion;
	int32_t children;
};

/* Of one sub-operation of a COORD_MULTI that was answered COORD_OK. */
struct coord_sub {
	const char *path;       /* CREATE: the path made */
	struct coord_stat stat; /* SET */
};

/* How an operation ended. */
enum coord_result {
	COORD_OK,
	COORD_NO_NODE, /* a committed failure, for writes: see lease.md F10 */
	COORD_NODE_EXISTS, /* likewise */
	COORD_NOT_EMPTY,   /* likewise */
	COORD_BAD_VERSION, /* likewise */
	COORD_MAYBE,       /* the link broke: applied or not, nobody knows */
	COORD_NOT_SENT,    /* never left this process: not applied */
	COORD_REFUSED, /* a definite no (NoAuth, quota, throttled...): zk_rc */
};

/* zk_rc of a refusal of our own; the library's codes are never positive. */
enum coord_rc {
	COORD_RC_NO_MEMORY = 1, /* for the answer of a LIST or GET */
	COORD_RC_WATCHES = 2,   /* watch_bytes_max would be passed */
	COORD_RC_CHILDREN = 3,  /* more than anybody can sort */
};

/* Why, and what may be done: a sentence for people. */
const char *coord_refusal(int zk_rc);

enum coord_event_type {
	COORD_EV_ANSWER,
	COORD_EV_WATCH,     /* a watch fired: it is gone, set it again */
	COORD_EV_LINK_DOWN, /* the connection broke; the session may live on */
	COORD_EV_ATTACHED,  /* connected with a session */
	COORD_EV_EXPIRED,   /* the ensemble says that the session has ended */
	COORD_EV_AUTH_FAILED, /* the credentials were refused: session unusable
			       */
	COORD_EV_CLOSED,      /* close() has finished; the handle is gone */
};

enum coord_watch {
	COORD_W_CHANGED,  /* the node's data */
	COORD_W_DELETED,  /* the node */
	COORD_W_CHILDREN, /* the node's children */
};

/* Everything pointed to lives until the next call of next() or submit(). */
struct coord_event {
	enum coord_event_type type;
	union {
		struct {
			uint64_t id;
			enum coord_result result;
			int zk_rc; /* the library's code, for logs and ERR ZK */
			const char *path;            /* CREATE: the path made */
			struct coord_stat stat;      /* CREATE LIST GET SET */
			const char *const *children; /* LIST: names only */
			size_t children_len;
			const char *data; /* GET; at most COORD_DATA_MAX */
			size_t data_len;
			/* MULTI: COORD_OK: one for each sub-operation.  A
			 * definite error: none was applied, and `failed` is
			 * the one that it is the error of. */
			const struct coord_sub *subs;
			size_t subs_len;
			size_t failed;
		} answer;
		struct {
			enum coord_watch what;
			const char *path;
		} watch;
		struct {
			int64_t session;    /* never 0 */
			int64_t timeout_ms; /* negotiated */
			int64_t connect_ms; /* lease.md R2's s_connect */
			bool fresh; /* a new session; else re-attached */
			const char *server; /* "addr:port", for people */
		} attached;
	};
};

struct coord;

/*
 * What every coordinator keeps:
 *  - answers come exactly once per accepted operation, and those of one
 *    connection in the order of submission;
 *  - COORD_EV_LINK_DOWN comes before the COORD_MAYBE answers of that
 *    connection, and all of these before the next COORD_EV_ATTACHED;
 *  - a watch event comes before any answer that already shows the change;
 *  - operations handed over while not attached are answered COORD_NOT_SENT;
 *  - operations of one submit() leave in one flush, in order, urgent ones
 *    first;
 *  - after EXPIRED, AUTH_FAILED or close() nothing more is heard of the old
 *    session but answers (COORD_MAYBE) and, after close(), COORD_EV_CLOSED.
 */
struct coord_ops {
	/* Begin a fresh session.  Only when none is open.  Retries for ever,
	 * with back-off, until attached. */
	void (*connect)(struct coord *coord);
	void (*submit)(struct coord *coord, const struct coord_op *ops,
		       size_t len);
	/* Shut the socket down, so that the next server is tried. */
	void (*drop_link)(struct coord *coord);
	/* End the session and free its handle; COORD_EV_CLOSED follows.
	 * Attached, this may block for one round trip. */
	void (*close)(struct coord *coord);
	/* The next happening, oldest first; false when there is none. */
	bool (*next)(struct coord *coord, struct coord_event *event_out);
};

/* Embedded as the first member of each coordinator. */
struct coord {
	const struct coord_ops *ops;
};

#endif
