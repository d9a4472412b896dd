/* SPDX-License-Identifier: MIT */
/*
 * zklock.h - locks for the whole cluster, from this host's zklockd.
 *
 * READ THIS FIRST.  A hold ends at a deadline that is pushed along while the
 * host's ZooKeeper session is proven, and it may end early (ZKLOCK_EVENT_LOST).
 * A program that sits in its critical section and reads no socket hears of no
 * event: either ask zklock_is_held() or zklock_valid_ms() before each step
 * that must not happen twice, or open with ZKLOCK_F_THREAD and a callback.
 * Without a system call, and without an event, the two know of a session that
 * is lost or not proven in time, a daemon that is frozen or gone, and the end
 * of max_hold_ms.  A KICK, a deleted znode and a daemon that closes this one
 * connection are said in lines only, and they know once somebody has read
 * them: zklock_process(), zklock_check(), or the thread of ZKLOCK_F_THREAD.
 * Whatever you do, hand the token of the hold to what you write to, and let
 * that refuse a smaller one.
 *
 *	zklock_client *c;
 *	zklock_lock *l;
 *
 *	if (zklock_open(&c, NULL) == ZKLOCK_OK) {
 *		if (zklock_acquire(c, "backup", NULL, &l) == ZKLOCK_OK) {
 *			...work, with zklock_token(l)...
 *			zklock_release(l);
 *		}
 *		zklock_close(c);
 *	}
 *
 * OWNERSHIP.  A client is one connection, and a connection is an owner: it has
 * a name at most once (a second LOCK of it is ZKLOCK_E_HELD).  Concurrent
 * askers of one name, also inside of one process, are one client each.
 * The end of a client, or of its process, releases all that it holds.
 *
 * RESULTS.  Functions that return int give ZKLOCK_OK (0), or a value below 0
 * from enum zklock_error; a few give 1 or 0, and say so.  What an "_out"
 * parameter points to is written on success only.  zklock_failure() and
 * zklock_errmsg() tell more about the last error of a client.
 *
 * TIME.  Names that end in _ms are milliseconds.  until_ms is absolute on
 * CLOCK_BOOTTIME (zklock_now_ms()), the one clock that all processes of the
 * host share and that goes on while the machine sleeps.
 *
 * THREADS.  A client and its locks belong to one thread at a time.  Any
 * thread may at any time call zklock_wakeup() and what is marked "any thread"
 * (also from a signal handler), as long as the object lives.  With
 * ZKLOCK_F_THREAD every function may be called from any thread: they are
 * serialized inside.  Different clients share nothing.
 *
 * FORK.  A client works in the process that opened it.  In a forked child all
 * functions on it give ZKLOCK_E_FORKED, zklock_is_held() gives false, and
 * zklock_close() frees memory and the descriptor and sends nothing.  A child
 * that keeps the descriptor open keeps the hold alive after its parent, as
 * with flock(2); therefore it is close-on-exec unless ZKLOCK_F_INHERIT.
 *
 * SIGNALS.  No SIGPIPE; calls that a signal interrupts go on by themselves.
 *
 * STRINGS that go in are copied and may be NULL where that is said; strings
 * that come out live as long as the object they were asked of, unless said
 * otherwise.  There is no global state.
 */
#ifndef ZKLOCK_H
#define ZKLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#if defined(__GNUC__)
#define ZKLOCK_API       __attribute__((visibility("default")))
#define ZKLOCK_MUSTCHECK __attribute__((warn_unused_result))
#else
#define ZKLOCK_API
#define ZKLOCK_MUSTCHECK
#endif

#ifdef __cplusplus
extern "C" {
#endif

/* ------------------------------------------------------------- version -- */
#define ZKLOCK_VERSION_MAJOR 0
#define ZKLOCK_VERSION_MINOR 1
#define ZKLOCK_VERSION_PATCH 0
/* Of the header; zklock_version() is that of the library.  1.2.3 is 10203. */
#define ZKLOCK_VERSION                                               \
	(ZKLOCK_VERSION_MAJOR * 10000 + ZKLOCK_VERSION_MINOR * 100 + \
	 ZKLOCK_VERSION_PATCH)

ZKLOCK_API int zklock_version(void);
ZKLOCK_API const char *zklock_version_string(void); /* "0.1.0" */

/* -------------------------------------------------------------- errors -- */
/* The numbers are part of the ABI: never renumbered, only added to. */
enum zklock_error {
	ZKLOCK_OK = 0,

	/* Said by the daemon, one for each ERR word of the protocol. */
	ZKLOCK_E_BUSY = -1,        /* somebody else has the lock */
	ZKLOCK_E_TIMEOUT = -2,     /* wait_ms ran out */
	ZKLOCK_E_CANCELLED = -3,   /* the wait was called off */
	ZKLOCK_E_HELD = -4,        /* this client has or wants it already */
	ZKLOCK_E_NOTHELD = -5,     /* this client does not hold that */
	ZKLOCK_E_NOTFOUND = -6,    /* no such lock, id, tag, word or key */
	ZKLOCK_E_LOST = -7,        /* the hold ended before */
	ZKLOCK_E_SUSPENDED = -8,   /* the session is in doubt: no grants */
	ZKLOCK_E_UNAVAILABLE = -9, /* the daemon has no ZooKeeper session */
	ZKLOCK_E_DRAINING = -10,   /* the daemon is going away */
	ZKLOCK_E_DENIED = -11,     /* not allowed */
	ZKLOCK_E_LIMIT = -12,      /* a limit of the daemon or the library */
	ZKLOCK_E_NAME = -13,       /* this cannot be the name of a lock */
	ZKLOCK_E_ARGS = -14,       /* an argument is missing or bad */
	ZKLOCK_E_SYNTAX = -15,     /* the line does not follow the grammar */
	ZKLOCK_E_UNKNOWN = -16,    /* there is no such verb */
	ZKLOCK_E_TOOLONG = -17,    /* the line is too long */
	ZKLOCK_E_VERSION = -18,    /* this protocol is not spoken there */
	ZKLOCK_E_ZK = -19,         /* ZooKeeper refused */
	ZKLOCK_E_INTERNAL = -20,   /* a bug in zklockd */
	ZKLOCK_E_KIND = -21,       /* the name is used in another way */
	ZKLOCK_E_DEADLOCK = -22,   /* each would wait for the other */

	/* Found by the library. */
	ZKLOCK_E_DISCONNECTED = -101, /* the connection has ended */
	ZKLOCK_E_NODAEMON = -102,     /* nobody listens there (errno) */
	ZKLOCK_E_NOREPLY = -103,      /* no answer within reply_timeout_ms */
	ZKLOCK_E_PROTOCOL = -104,     /* what came back is no reply */
	ZKLOCK_E_FORKED = -105,       /* the client is of another process */
	ZKLOCK_E_NOMEM = -106,        /* no memory */
	ZKLOCK_E_INVAL = -107,        /* a bad argument, or not allowed here */
	ZKLOCK_E_SYS = -108           /* a system call failed (errno) */
};

/* "somebody else has the lock"; static, for any number; any thread. */
ZKLOCK_API const char *zklock_strerror(int error);
/* "BUSY", the word of the protocol where there is one; any thread. */
ZKLOCK_API const char *zklock_strerrname(int error);

/* -------------------------------------------------------------- bounds -- */
#define ZKLOCK_NAME_MAX   255  /* bytes of a lock's name */
#define ZKLOCK_NAMES_MAX  16   /* names of one zklock_acquire_all() */
#define ZKLOCK_NOTE_MAX   256  /* bytes of a note */
#define ZKLOCK_CLIENT_MAX 128  /* bytes of a client's name */
#define ZKLOCK_HOLDER_MAX 511  /* bytes of a holder's description */
#define ZKLOCK_TEXT_MAX   255  /* bytes of a sentence for people */
#define ZKLOCK_LINE_MAX   4060 /* bytes of a line for zklock_command() */

typedef struct zklock_client zklock_client; /* one connection */
typedef struct zklock_lock zklock_lock;     /* one wish or hold */

/* ---------------------------------------------------------- connection -- */
#define ZKLOCK_DEFAULT_SOCKET "/run/zklockd.sock"

/* A private thread reads events, calls the callback, and lets every function
 * be called from any thread.  It has all signals blocked. */
#define ZKLOCK_F_THREAD 1u
/* The descriptor is inherited by what this process executes. */
#define ZKLOCK_F_INHERIT 2u
/* Refuse (ZKLOCK_E_DENIED) a socket that was made neither by root nor by
 * this process's effective user. */
#define ZKLOCK_F_TRUSTED 4u

/* Begin with ZKLOCK_OPTIONS_INIT, which sets size and all defaults. */
struct zklock_options {
	size_t size;
	/* NULL: $ZKLOCK_SOCKET (not in a set-user-id program), else
	 * ZKLOCK_DEFAULT_SOCKET. */
	const char *socket;
	const char *client; /* shown to others; NULL: the program's name */
	const char *note;   /* shown in listings; NULL: none */
	/* How long zklock_open() and zklock_reconnect() may take; 0: 10 000. */
	int64_t connect_timeout_ms;
	/* How long requests that do not wait for a lock may take, beyond which
	 * they give ZKLOCK_E_NOREPLY; 0: 10 000. */
	int64_t reply_timeout_ms;
	unsigned flags; /* ZKLOCK_F_... */
};
#define ZKLOCK_OPTIONS_INIT                                                \
	{                                                                  \
		sizeof(struct zklock_options), NULL, NULL, NULL, 0, 0, 0u, \
	}

/*
 * Connect and introduce ourselves; options may be NULL.  Blocks for at most
 * connect_timeout_ms.  One attempt: whoever wants to wait for a daemon tries
 * again.  ZKLOCK_E_NODAEMON and ZKLOCK_E_SYS leave the reason in errno.
 * That the daemon answers does not mean that it has a ZooKeeper session: see
 * zklock_info(); zklock_acquire() waits for one.
 */
ZKLOCK_API ZKLOCK_MUSTCHECK int zklock_open(
    zklock_client **client_out, const struct zklock_options *options);
/*
 * The same over a connected stream socket, e.g. $ZKLOCK_FD after "zklock run
 * -F".  On success the descriptor is the client's (made non-blocking, and
 * close-on-exec unless ZKLOCK_F_INHERIT), on failure it stays the caller's.
 * Nobody else may read from it any more: a program under a wrapper that lives
 * ("zklock run" without -F) must not.  See zklock_adopt().
 */
ZKLOCK_API ZKLOCK_MUSTCHECK int zklock_open_fd(
    zklock_client **client_out, int fd, const struct zklock_options *options);

/* Releases everything and frees the client with all its locks.  NULL is fine.
 * Not from a callback. */
ZKLOCK_API void zklock_close(zklock_client *client);

/*
 * A new connection to the same socket.  Locks of the old one become lost
 * first (and failed, if they waited), with their events.  They stay what they
 * are: nothing is asked for again.  ZKLOCK_E_INVAL after zklock_open_fd().
 * When it fails the client stays closed, and may try again.  Who calls it while
 * another thread's is under way has that one's result; later, it gives up the
 * new connection: threads that share a client leave it to one of them.
 */
ZKLOCK_API ZKLOCK_MUSTCHECK int zklock_reconnect(zklock_client *client);

enum zklock_state {
	ZKLOCK_STATE_UNKNOWN = 0, /* a word that this version does not know */
	ZKLOCK_STATE_CONNECTING,  /* no ZooKeeper session: locks queue */
	ZKLOCK_STATE_CONNECTED,
	ZKLOCK_STATE_SUSPENDED, /* the session is in doubt */
	ZKLOCK_STATE_DRAINING,  /* the daemon is going away */
	ZKLOCK_STATE_DEV,       /* one host only, without ZooKeeper */
	ZKLOCK_STATE_CLOSED     /* this connection has ended */
};
/* "connected"; static, any thread. */
ZKLOCK_API const char *zklock_strstate(enum zklock_state state);

/* Begin with ZKLOCK_INFO_INIT: size says how much may be written. */
struct zklock_info {
	size_t size;
	enum zklock_state state; /* of the last HELLO, moved by events */
	unsigned proto;
	bool dev;            /* grants hold on this host only */
	bool lease_mapped;   /* deadlines come from the lease page */
	uint64_t connection; /* the daemon's number for this connection */
	uint64_t session;    /* ZooKeeper's id; 0 when there is none */
	int64_t session_timeout_ms;
	char host[256];       /* as the daemon calls this host */
	char server[64];      /* "zklockd/0.1.0" */
	char lease_path[256]; /* the lease page; "" when there is none */
	char socket[128];     /* where we are connected; "" after open_fd */
	char caps[256];       /* what the daemon can: "shared,slots,..." */
};
#define ZKLOCK_INFO_INIT                                                     \
	{                                                                    \
		sizeof(struct zklock_info), ZKLOCK_STATE_UNKNOWN, 0u, false, \
		    false, 0, 0, 0, { 0 }, { 0 }, { 0 }, { 0 }, { 0 },       \
	}

/* What is known, without asking; also of a closed connection. */
ZKLOCK_API int zklock_info(zklock_client *client, struct zklock_info *info_out);
/* Whether the daemon said that it can this: "slots"; the words stand in
 * PROTOCOL.md. */
ZKLOCK_API bool zklock_can(zklock_client *client, const char *cap);
/* Asks the daemon again, so that zklock_info() is fresh. */
ZKLOCK_API ZKLOCK_MUSTCHECK int zklock_refresh(zklock_client *client);

/* The last error of this client in words, e.g. "held by db2 pid=812
 * deploy.py"; "" when there was none.  Valid until the next call. */
ZKLOCK_API const char *zklock_errmsg(const zklock_client *client);

/* The last error, in parts.  Begin with ZKLOCK_FAILURE_INIT. */
struct zklock_failure {
	size_t size;
	int error;
	int system_errno;  /* ZKLOCK_E_SYS, ZKLOCK_E_NODAEMON; else 0 */
	int64_t held_ms;   /* how long the holder has it; -1 when not known */
	int64_t waited_ms; /* how long we waited; -1 when not known */
	char name[ZKLOCK_NAME_MAX + 1];     /* the lock's; "" when none */
	char holder[ZKLOCK_HOLDER_MAX + 1]; /* "" when not known */
	char text[ZKLOCK_TEXT_MAX + 1];     /* the daemon's sentence, or ours */
};
#define ZKLOCK_FAILURE_INIT                                                \
	{                                                                  \
		sizeof(struct zklock_failure), 0, 0, -1, -1, { 0 }, { 0 }, \
		    { 0 },                                                 \
	}
/* ZKLOCK_OK also when error is ZKLOCK_OK: nothing has failed yet. */
ZKLOCK_API int zklock_last_failure(zklock_client *client,
				   struct zklock_failure *failure_out);

ZKLOCK_API void *zklock_client_userdata(const zklock_client *client);
ZKLOCK_API void zklock_set_client_userdata(zklock_client *client,
					   void *userdata);

/* ------------------------------------------------------ locks, blocking -- */
#define ZKLOCK_WAIT_FOREVER    (-1)
#define ZKLOCK_WAIT_MAX_MS     INT64_C(315360000000) /* ten years */
#define ZKLOCK_MIN_HOLD_MAX_MS INT64_C(3600000)      /* an hour */
#define ZKLOCK_SLOTS_MAX       4096

enum zklock_mode {
	ZKLOCK_MODE_EXCLUSIVE = 0, /* nobody beside it */
	ZKLOCK_MODE_SHARED         /* others may hold it shared as well */
};

/* Begin with ZKLOCK_LOCK_OPTIONS_INIT. */
struct zklock_lock_options {
	size_t size;
	/* 0: only if it is free now; ZKLOCK_WAIT_FOREVER (the default); at
	 * most ZKLOCK_WAIT_MAX_MS. */
	int64_t wait_ms;
	const char *note; /* shown in listings; NULL: the client's */
	void *userdata;   /* of the lock */
	/* The hold is over after this long, whoever sleeps or hangs: LOST with
	 * ZKLOCK_REASON_MAX_HOLD.  0: as long as it likes. */
	int64_t max_hold_ms;
	/* Nobody else is granted the lock for this long after the grant, even
	 * when it is released before; at most ZKLOCK_MIN_HOLD_MAX_MS, and not
	 * over max_hold_ms.  0: none. */
	int64_t min_hold_ms;
	enum zklock_mode mode; /* ZKLOCK_MODE_EXCLUSIVE is the default */
	/* One of so many slots of a semaphore, 1 to ZKLOCK_SLOTS_MAX; who asks
	 * with another number, or for the name as a lock, has ZKLOCK_E_KIND.
	 * 0: a lock.  Not with ZKLOCK_MODE_SHARED. */
	unsigned slots;
	bool wanted; /* tell by ZKLOCK_EVENT_WANTED when somebody waits */
};
#define ZKLOCK_LOCK_OPTIONS_INIT                                               \
	{                                                                      \
		sizeof(struct zklock_lock_options), ZKLOCK_WAIT_FOREVER, NULL, \
		    NULL, 0, 0, ZKLOCK_MODE_EXCLUSIVE, 0u, false,              \
	}

/*
 * Wait for the lock; options may be NULL.  The name is checked before
 * anything is sent (ZKLOCK_E_NAME).  ZKLOCK_OK: the lock is held, and the
 * caller's until zklock_release().  Else there is no lock object, and nothing
 * stays behind at the daemon.  Events of other locks that come meanwhile are
 * kept for zklock_next_event() or the callback; QUEUED of this one too.
 */
ZKLOCK_API ZKLOCK_MUSTCHECK int zklock_acquire(
    zklock_client *client, const char *name,
    const struct zklock_lock_options *options, zklock_lock **lock_out);
/* Only if it is free now; ZKLOCK_E_BUSY names the holder, ZKLOCK_E_UNAVAILABLE
 * and ZKLOCK_E_SUSPENDED mean that nobody can say. */
ZKLOCK_API ZKLOCK_MUSTCHECK int zklock_try(zklock_client *client,
					   const char *name,
					   zklock_lock **lock_out);
/*
 * Give it up, held or still waited for, and free the object, whatever the
 * result (but ZKLOCK_E_INVAL and ZKLOCK_E_FORKED).  ZKLOCK_OK: the hold was
 * ours up to now.  ZKLOCK_E_LOST or ZKLOCK_E_DISCONNECTED: it ended before,
 * so what was done last may have overlapped with somebody else's.
 * NULL is ZKLOCK_OK.
 */
ZKLOCK_API int zklock_release(zklock_lock *lock);

/*
 * All of these names or none: two who want the same in another order do not
 * wait for each other.  Exclusively, each once, at most ZKLOCK_NAMES_MAX.
 * locks_out has room for count objects, in the order of names.  Each is a hold
 * of its own then, lost or released by itself: what needs all asks each.  The
 * client must hold nothing and wait for nothing, else ZKLOCK_E_DEADLOCK.  Any
 * error leaves nothing behind; zklock_last_failure() names who was in the way.
 */
ZKLOCK_API ZKLOCK_MUSTCHECK int zklock_acquire_all(
    zklock_client *client, const char *const *names, size_t count,
    const struct zklock_lock_options *options, zklock_lock **locks_out);
/*
 * zklock_release() of each, asked for in one write; entries may be NULL, and
 * all are NULL after it.  The first error of any.  ZKLOCK_E_INVAL, and nothing
 * done: not of one client, or more than ZKLOCK_NAMES_MAX.
 */
ZKLOCK_API int zklock_release_all(zklock_lock **locks, size_t count);
/*
 * zklock_release() of *lock and zklock_acquire() of the next (name NULL: the
 * same again, in its turn) in one write: one wait for two answers.  The result
 * is the acquire's, and *lock the next hold, or NULL; released_out (or NULL)
 * has the release's.  ZKLOCK_E_INVAL, ZKLOCK_E_NAME and ZKLOCK_E_FORKED are
 * found before anything is sent and leave *lock as it was.
 */
ZKLOCK_API ZKLOCK_MUSTCHECK int zklock_release_acquire(
    zklock_lock **lock, const char *name,
    const struct zklock_lock_options *options, int *released_out);

/*
 * Wait until nobody holds the lock, and do not take it: somebody else may
 * have it by the time this returns.  timeout_ms as wait_ms above; 0: is it
 * free now?  ZKLOCK_E_HELD when this client has it.
 */
ZKLOCK_API ZKLOCK_MUSTCHECK int zklock_wait_free(zklock_client *client,
						 const char *name,
						 int64_t timeout_ms);

/*
 * Make an exclusive hold a shared one, without letting go of it: token and
 * znode stay, others of this host may share it, those of other hosts wait
 * until all of them have left.  There is no way back: who wants the lock alone
 * again releases it first (ZKLOCK_E_HELD).  ZKLOCK_OK also when it is shared
 * already; ZKLOCK_E_LOST or ZKLOCK_E_NOTHELD when it is not held.
 */
ZKLOCK_API ZKLOCK_MUSTCHECK int zklock_downgrade(zklock_lock *lock);

/* With a write that ZooKeeper commits after the question was asked. */
#define ZKLOCK_CHECK_SYNC 1u
/* Ask the daemon.  ZKLOCK_OK: held; ZKLOCK_E_LOST: not any more. */
ZKLOCK_API ZKLOCK_MUSTCHECK int zklock_check(zklock_lock *lock, unsigned flags);
/*
 * The lock object of a hold that this connection has already, as after
 * "zklock run -F" and zklock_open_fd().  ZKLOCK_E_NOTHELD when it has not,
 * ZKLOCK_E_HELD when there is an object for it.
 */
ZKLOCK_API ZKLOCK_MUSTCHECK int zklock_adopt(zklock_client *client,
					     const char *name,
					     zklock_lock **lock_out);

/*
 * Acquire, call fn, release.  What fn returned, which should be 0 or more;
 * ZKLOCK_E_LOST: fn ran, but nobody says that the hold was ours to its end (see
 * zklock_last_failure()).  Any other error: fn was not called.
 */
ZKLOCK_API ZKLOCK_MUSTCHECK int zklock_with(
    zklock_client *client, const char *name,
    const struct zklock_lock_options *options,
    int (*fn)(zklock_lock *lock, void *userdata), void *userdata);

/* $ZKLOCK_TOKEN, as a command under "zklock run" has it.  ZKLOCK_E_NOTFOUND
 * when it is not set, ZKLOCK_E_INVAL when it is no token, or several. */
ZKLOCK_API ZKLOCK_MUSTCHECK int zklock_env_token(uint64_t *token_out);

/* ---------------------------------------------- asking a lock, cheaply -- */
/*
 * True while the hold is proven: granted, not lost, not released, and the
 * deadline (of the lease page, where it can be mapped) not reached on our own
 * clock.  What lines say (READ THIS FIRST) counts once they were read.  Any
 * thread, also in a signal handler; no system call (the clock is in the vDSO).
 * True means "at this moment, up to the deadline": the token is what protects
 * a write that is slow on its way.
 */
ZKLOCK_API bool zklock_is_held(const zklock_lock *lock);
/* How long that is so if nothing more is heard; 0 when not held.  Any
 * thread, as above. */
ZKLOCK_API int64_t zklock_valid_ms(const zklock_lock *lock);
/* The deadline itself, on CLOCK_BOOTTIME; 0 when not held.  It moves on while
 * the session is proven: read it again when it has come.  Any thread. */
ZKLOCK_API int64_t zklock_until_ms(const zklock_lock *lock);
/* Where it moves no further: the end of max_hold, or a KICK's; 0: nowhere. */
ZKLOCK_API int64_t zklock_max_until_ms(const zklock_lock *lock);
/* The fencing token, 1 .. INT64_MAX, greater than that of every hold of this
 * name before it; 0 until granted.  It stays after a loss.  Two shared holds
 * only have different ones: a resource raises its mark on exclusive tokens,
 * and compares a shared one with the largest of those.  Any thread. */
ZKLOCK_API uint64_t zklock_token(const zklock_lock *lock);
/* How it is held, or was asked for.  Any thread. */
ZKLOCK_API enum zklock_mode zklock_lock_mode(const zklock_lock *lock);
/* The daemon's id for it (the 7 of "@7"); 0 until it is known.  Any thread. */
ZKLOCK_API uint64_t zklock_id(const zklock_lock *lock);
ZKLOCK_API const char *zklock_name(const zklock_lock *lock); /* any thread */
/* The znode of the hold; "" until granted, and when there is none to name. */
ZKLOCK_API const char *zklock_node(const zklock_lock *lock);
/* How long it had waited when it was granted. */
ZKLOCK_API int64_t zklock_waited_ms(const zklock_lock *lock);
/* Granted by a daemon with --dev: for this host only. */
ZKLOCK_API bool zklock_is_dev(const zklock_lock *lock);
ZKLOCK_API zklock_client *zklock_lock_client(const zklock_lock *lock);
ZKLOCK_API void *zklock_lock_userdata(const zklock_lock *lock);
ZKLOCK_API void zklock_set_lock_userdata(zklock_lock *lock, void *userdata);

/* CLOCK_BOOTTIME: what until_ms is compared with.  Any thread. */
ZKLOCK_API int64_t zklock_now_ms(void);

/* -------------------------------------------------------------- events -- */
enum zklock_event_type {
	ZKLOCK_EVENT_NONE = 0,
	/* The lock must wait: pos (1 is next), holder, held_ms if known. */
	ZKLOCK_EVENT_QUEUED,
	/* Of zklock_acquire_async(): token, until_ms, waited_ms. */
	ZKLOCK_EVENT_GRANTED,
	/* Of zklock_acquire_async() and zklock_cancel(): error, holder, text.
	 * Final: see zklock_next_event(). */
	ZKLOCK_EVENT_FAILED,
	/* Of zklock_release_async(): error as zklock_release() would give it.
	 * Final. */
	ZKLOCK_EVENT_RELEASED,
	/* In doubt, still held up to until_ms: begin nothing new. */
	ZKLOCK_EVENT_SUSPENDED,
	ZKLOCK_EVENT_RESUMED, /* proven again, before until_ms */
	/* This hold has ended: stop now.  reason, token.  The object stays
	 * until it is released (which then only frees it). */
	ZKLOCK_EVENT_LOST,
	ZKLOCK_EVENT_DRAINING, /* the daemon is going away in grace_ms */
	/* The connection has ended: error.  After the LOST and FAILED of all
	 * its locks; nothing comes behind it, but for zklock_reconnect(). */
	ZKLOCK_EVENT_CLOSED,
	/* Somebody (holder: who; text: why) wants this hold back.  With an
	 * until_ms it is being taken away: over then, in grace_ms, as
	 * zklock_is_held() knows now.  Without one it is only asked for. */
	ZKLOCK_EVENT_REVOKE,
	/* Of a lock asked for with wanted: somebody waits behind this hold;
	 * pos: how many, as far as is known.  Once. */
	ZKLOCK_EVENT_WANTED
};

enum zklock_reason {
	ZKLOCK_REASON_NONE = 0,
	ZKLOCK_REASON_DEADLINE,     /* not proven in time */
	ZKLOCK_REASON_EXPIRED,      /* ZooKeeper ended the session */
	ZKLOCK_REASON_DELETED,      /* somebody deleted the node */
	ZKLOCK_REASON_KICKED,       /* an administrator took it away */
	ZKLOCK_REASON_MAX_HOLD,     /* its longest time was over */
	ZKLOCK_REASON_SHUTDOWN,     /* the daemon ended */
	ZKLOCK_REASON_DISCONNECTED, /* the connection to the daemon ended */
	ZKLOCK_REASON_OTHER         /* a word that this version does not know */
};
/* "deadline"; static, any thread. */
ZKLOCK_API const char *zklock_strreason(enum zklock_reason reason);
/* "GRANTED"; static, any thread. */
ZKLOCK_API const char *zklock_strevent(enum zklock_event_type type);

/* Fields that an event does not have are 0, NULL or "" (held_ms and waited_ms
 * -1).  Begin with ZKLOCK_EVENT_INIT. */
struct zklock_event {
	size_t size;
	enum zklock_event_type type;
	int error;
	enum zklock_reason reason;
	unsigned pos;
	zklock_lock *lock; /* NULL: of the whole client */
	void *userdata;    /* the lock's */
	uint64_t token;
	int64_t until_ms;
	int64_t held_ms;
	int64_t waited_ms;
	int64_t grace_ms;
	char holder[ZKLOCK_HOLDER_MAX + 1];
	char text[ZKLOCK_TEXT_MAX + 1];
};
#define ZKLOCK_EVENT_INIT                                                \
	{                                                                \
		sizeof(struct zklock_event), ZKLOCK_EVENT_NONE, 0,       \
		    ZKLOCK_REASON_NONE, 0u, NULL, NULL, 0, 0, -1, -1, 0, \
		    { 0 }, { 0 },                                        \
	}

/*
 * Take the next event: 1 and event_out, or 0 when there is none.  Reads no
 * socket (zklock_process() and zklock_poll() do).  No event is ever dropped:
 * an unread one of the same lock and type is replaced by the newer.
 * After a final event (FAILED, RELEASED) the lock object lives until the next
 * zklock_next_event() on the client, and nothing but the getters may be
 * called on it.
 */
ZKLOCK_API int zklock_next_event(zklock_client *client,
				 struct zklock_event *event_out);

/*
 * Or be called for each: from inside of zklock_process() and zklock_poll(),
 * or from the private thread.  There all functions but zklock_close(),
 * zklock_reconnect(), zklock_poll() and, in the private thread, those that
 * block, may be called.  The event, and the lock of a final one, live until the
 * callback returns; of any other, as long as no other thread releases the lock.
 * NULL goes back to zklock_next_event().
 */
typedef void (*zklock_event_cb)(const struct zklock_event *event,
				void *userdata);
ZKLOCK_API void zklock_set_event_cb(zklock_client *client,
				    zklock_event_cb callback, void *userdata);

/* ---------------------------------------------- locks, in your own loop -- */
/*
 * Poll this descriptor for zklock_get_events(), with zklock_get_timeout(), then
 * call zklock_process(); ask the events and the timeout again after each call
 * into the library.  It is the connection itself (what $ZKLOCK_FD is): do not
 * read, write or close it.  It stays open, though useless, after the end of
 * the connection: take it out of your loop at CLOSED, before zklock_close() or
 * zklock_reconnect().  With ZKLOCK_F_THREAD: only for handing it on, the
 * thread does the reading.
 */
ZKLOCK_API int zklock_get_fd(zklock_client *client);
/* POLLIN, and POLLOUT while something is unsent; 0 once it has ended. */
ZKLOCK_API int zklock_get_events(zklock_client *client);
/*
 * When zklock_process() must be called even if nothing is ready: absolute
 * microseconds on CLOCK_MONOTONIC, UINT64_MAX for never.  It finds deadlines
 * that passed unannounced.  CLOCK_MONOTONIC stands still while the machine
 * sleeps; what must act at a deadline all the same sets a timerfd on
 * CLOCK_BOOTTIME to zklock_until_ms().
 */
ZKLOCK_API int zklock_get_timeout(zklock_client *client, uint64_t *usec_out);

/* Write, read, note events, call the callback; never blocks.  1: something
 * was done; 0: nothing to do; below 0: the connection has ended (its events
 * are there).  ZKLOCK_E_INVAL with ZKLOCK_F_THREAD. */
ZKLOCK_API int zklock_process(zklock_client *client);
/*
 * For programs without a loop: zklock_process() until an event is there (or
 * was given to the callback), timeout_ms has passed (0: do not wait;
 * ZKLOCK_WAIT_FOREVER), or zklock_wakeup() is called.  1: an event; 0: time
 * or wakeup; below 0: the connection has ended and no event is left.
 */
ZKLOCK_API int zklock_poll(zklock_client *client, int64_t timeout_ms);
/* Makes a zklock_poll() return, the present or the next.  Any thread, and
 * safe in a signal handler. */
ZKLOCK_API int zklock_wakeup(zklock_client *client);

/*
 * Ask for a lock and go on.  ZKLOCK_OK: the object is the caller's, and
 * exactly one GRANTED or FAILED will come for it (QUEUED may come before).
 * Below 0: there is no object and no event.
 */
ZKLOCK_API ZKLOCK_MUSTCHECK int zklock_acquire_async(
    zklock_client *client, const char *name,
    const struct zklock_lock_options *options, zklock_lock **lock_out);
/* zklock_acquire_all() in the same way: a GRANTED for each or a FAILED for
 * each, and a QUEUED for the one that is in the way.  zklock_cancel() and
 * zklock_release() of one call off the wait for all. */
ZKLOCK_API ZKLOCK_MUSTCHECK int zklock_acquire_all_async(
    zklock_client *client, const char *const *names, size_t count,
    const struct zklock_lock_options *options, zklock_lock **locks_out);
/* Give up a hold and go on: RELEASED will come and ends the object.  Also
 * for a lost one.  ZKLOCK_E_INVAL while it is waited for: zklock_cancel(). */
ZKLOCK_API int zklock_release_async(zklock_lock *lock);
/*
 * Call off the wait of zklock_acquire_async(): FAILED will come, with
 * ZKLOCK_E_CANCELLED (or what else it failed of), and ends the object.
 * GRANTED will not: if the daemon was faster, the hold is given back.
 * ZKLOCK_E_HELD: it has been granted already, and said so; release it.
 */
ZKLOCK_API int zklock_cancel(zklock_lock *lock);

/* --------------------------------------------------- any other request -- */
enum zklock_line {
	ZKLOCK_LINE_ROW,    /* what stands behind "- " */
	ZKLOCK_LINE_QUEUED, /* the whole line: it waits */
	ZKLOCK_LINE_FINAL,  /* the whole line: "OK 2", "ERR DENIED ..." */
	ZKLOCK_LINE_EVENT   /* zklock_watch(): what stands behind "* " */
};
/*
 * One line of a reply, without its tag, as it came (escaped): see
 * zklock_row_value().  A result other than 0 stops further calls for this
 * request.  Calls on the same client give ZKLOCK_E_INVAL in there; it may run
 * in the private thread.
 */
typedef int (*zklock_row_cb)(enum zklock_line kind, const char *line,
			     void *userdata);

/*
 * Send one request line (no tag, no line end) and wait for its final line.
 * ZKLOCK_OK, or the error that the daemon said.  callback may be NULL.
 * For what has no function of its own: STATUS, STATS, LIST, CHECK @7...
 * A lock that is taken this way has no object and no events.
 */
ZKLOCK_API ZKLOCK_MUSTCHECK int zklock_command(zklock_client *client,
					       const char *line,
					       zklock_row_cb callback,
					       void *userdata);

#define ZKLOCK_LIST_HELD      1u /* state=held only */
#define ZKLOCK_LIST_WAITING   2u /* state=waiting only */
#define ZKLOCK_LIST_SUSPENDED 4u /* state=suspended only */
/* The locks that this daemon knows of; pattern is a glob, NULL for all; at
 * most one flag.  A row is "name mode=x state=held id=@7 holder=... ". */
ZKLOCK_API ZKLOCK_MUSTCHECK int zklock_list(zklock_client *client,
					    const char *pattern, unsigned flags,
					    zklock_row_cb callback,
					    void *userdata);

/*
 * Hear what happens to the locks of this host: pattern is a glob, NULL for
 * all.  callback is given ZKLOCK_LINE_EVENT and a line such as
 *	HELD backup id=@7 mode=x holder=... pid=812 uid=0 token=... waiters=0
 *	FREED backup id=@7 token=... reason=released held_ms=1812 waiters=0
 *	QUEUE backup waiters=1
 *	DROPPED 12
 *
 * by whichever call reads the socket (zklock_process(), zklock_poll(), the
 * private thread).  zklock_poll() does not return for them.  The last one says
 * that lines were left out because we read too slowly.  A result other than 0
 * ends the calls, and so does callback NULL, which tells the daemon too.
 * It ends with the connection; zklock_reconnect() does not ask again.
 */
ZKLOCK_API ZKLOCK_MUSTCHECK int zklock_watch(zklock_client *client,
					     const char *pattern,
					     zklock_row_cb callback,
					     void *userdata);

/*
 * The index'th word (0 is the first; pairs do not count) or the value of a
 * key=value pair of a line, with quotes and escapes undone and a NUL behind.
 * The length, or ZKLOCK_E_NOTFOUND, ZKLOCK_E_LIMIT (buf is too small),
 * ZKLOCK_E_PROTOCOL (no proper line).  Pure, any thread.
 */
ZKLOCK_API int zklock_row_word(const char *line, unsigned index, char *buf,
			       size_t size);
ZKLOCK_API int zklock_row_value(const char *line, const char *key, char *buf,
				size_t size);

/* For __attribute__((cleanup(zklock_releasep))) zklock_lock *l = NULL; */
static inline void zklock_releasep(zklock_lock **lock)
{
	if (*lock)
		(void)zklock_release(*lock);
	*lock = NULL;
}

#ifdef __cplusplus
}
#endif

#endif
