/* SPDX-License-Identifier: MIT */
/*
 * library - what the rooms of libzklock share; installed nowhere.
 *
 *	connection  open, introduce ourselves, close
 *	stream      bytes of the socket, in and out
 *	calls       requests that have not been answered
 *	replies     what a line from the daemon means
 *	locks       lock objects, and the getters of any thread
 *	lease_page  the host's deadline, mapped
 *	events      what the program has not been told yet
 *	watch       news of the host's locks, not kept
 *	loop        one turn, waiting, and the private thread
 *	sync        the calls of zklock.h about locks
 *	several     the same for many at once
 *	release     letting go, of one, of many, for the next
 *	errors rows pure helpers
 *
 * Everything here runs with the client's mutex held, but for the getters and
 * where it says otherwise.  Results are those of zklock.h: 0 or ZKLOCK_E_*.
 */
#ifndef CLIENT_LIBRARY_H
#define CLIENT_LIBRARY_H

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>
#include <sys/types.h>

#include "client/zklock.h"
#include "proto/limits.h"
#include "proto/line.h"
#include "proto/reply.h"
#include "proto/request.h"

/* Unsent bytes: over a thousand requests with everything in them.  They go
 * out at once while the daemon reads, so more means that it does not. */
#define ZKL_OUT_MAX ((size_t)256 * 1024)
/* Answers awaited: the daemon stops reading at 1024 and 1024 waits. */
#define ZKL_CALLS_MAX 4096
/* Lock objects of a client: far over what a daemon allows a connection. */
#define ZKL_LOCKS_MAX 16384
/* Bytes read in one turn, so that a turn ends. */
#define ZKL_TURN_BYTES ((size_t)256 * 1024)
/* Callbacks in one turn, for the same. */
#define ZKL_TURN_EVENTS 1024
#define ZKL_BUCKETS     64 /* of calls, by number; a power of two */

#define ZKL_CONNECT_TIMEOUT_MS 10000
#define ZKL_REPLY_TIMEOUT_MS   10000
#define ZKL_NEVER_MS           INT64_MAX
#define ZKL_PREFIX_MAX         16

/* ------------------------------------------------------------ lease page -- */

/* What a lock's deadline is read from.  Counted, because locks outlive the
 * connection that granted them. */
struct zkl_view {
	unsigned refs;
	/* NULL when the page cannot be mapped: deadlines come in lines. */
	const _Atomic uint64_t *word;
	/* 1; a page of its own that the kernel wipes in forked children. */
	_Atomic uint64_t *alive;
	void *word_page; /* what to unmap; or NULL */
	void *alive_page;
};

/* NULL: no memory.  One reference. */
struct zkl_view *zkl_view_new(void);
struct zkl_view *zkl_view_ref(struct zkl_view *view);
void zkl_view_unref(struct zkl_view *view); /* NULL is fine */
/* False, and nothing changed, when this is no lease page that we may read. */
bool zkl_view_map(struct zkl_view *view, const char *path, uint64_t id);
/* False in a forked child.  Any thread. */
bool zkl_view_alive(const struct zkl_view *view);

/* ---------------------------------------------------------------- events -- */

/* An event not yet taken.  Each has its place in what it is about, so that
 * none is dropped and none needs memory. */
struct zkl_note {
	TAILQ_ENTRY(zkl_note) node;
	bool queued;
	enum zklock_event_type type;
	zklock_lock *lock;
	int error;
	enum zklock_reason reason;
	unsigned pos;
	int64_t until_ms;
	int64_t held_ms;
	int64_t waited_ms;
	int64_t grace_ms;
};
TAILQ_HEAD(zkl_notes, zkl_note);

enum zkl_lock_note {
	ZKL_NOTE_QUEUED,
	ZKL_NOTE_GRANTED,
	ZKL_NOTE_WANTED,
	ZKL_NOTE_REVOKE,
	ZKL_NOTE_LOST,
	ZKL_NOTE_FINAL, /* FAILED or RELEASED */
	ZKL_LOCK_NOTES,
};

enum zkl_client_note {
	ZKL_NOTE_SUSPENDED,
	ZKL_NOTE_RESUMED,
	ZKL_NOTE_DRAINING,
	ZKL_NOTE_CLOSED,
	ZKL_CLIENT_NOTES,
};

/* Fill in and queue, at the end, also when it was queued already. */
struct zkl_note *zkl_note_lock(zklock_lock *lock, enum zkl_lock_note slot,
			       enum zklock_event_type type);
struct zkl_note *zkl_note_client(zklock_client *client,
				 enum zkl_client_note slot,
				 enum zklock_event_type type);
void zkl_notes_forget(zklock_lock *lock);
/* Calls the callback for what is queued; the mutex is let go for each.  True
 * when there was at least one. */
bool zkl_dispatch(zklock_client *client);
/* Frees the lock of the final event that was taken last. */
void zkl_spent_free(zklock_client *client);

/* ----------------------------------------------------------------- locks -- */

enum zkl_lock_state {
	ZKL_LOCK_WAITING,
	ZKL_LOCK_HELD,
	ZKL_LOCK_RELEASING, /* UNLOCK is on its way */
	ZKL_LOCK_LOST,
	ZKL_LOCK_ENDED, /* refused, called off or released */
};

struct zklock_lock {
	TAILQ_ENTRY(zklock_lock) node;
	zklock_client *client;
	unsigned connection; /* the client's when it was asked for */
	struct zkl_view *view;
	char *name;
	char *node_path; /* NULL: none to name */
	/* For any thread: written before held becomes true. */
	_Atomic uint64_t token;
	_Atomic uint64_t id;
	_Atomic int64_t until_ms;     /* as lines say */
	_Atomic int mode;             /* enum zklock_mode, for any thread */
	_Atomic int64_t max_until_ms; /* for any thread, like the above */
	int64_t seen_ms;              /* the deadline that was last looked at */
	uint64_t gen;
	_Atomic bool held;
	/* For the client's thread only. */
	enum zkl_lock_state state;
	struct zkl_call *asking; /* its LOCK, unanswered; or NULL */
	uint64_t group;          /* that call, if it asked for several; or 0 */
	uint64_t row_token;      /* its row of that, not granted yet */
	bool quiet;   /* a blocking call has it: no GRANTED, no final event */
	bool revoked; /* to be given back if it is still granted */
	bool orphan;  /* nobody has it any more: free it at its end */
	bool dev;
	int64_t waited_ms;
	void *userdata;
	enum zklock_reason lost_reason;
	enum zklock_reason max_reason;      /* why it ends at max_until_ms */
	char holder[ZKLOCK_HOLDER_MAX + 1]; /* of the newest QUEUED or error */
	char text[ZKLOCK_TEXT_MAX + 1];
	struct zkl_note notes[ZKL_LOCK_NOTES];
};
TAILQ_HEAD(zkl_locks, zklock_lock);

/* On the client's list.  NULL: no memory. */
zklock_lock *zkl_lock_new(zklock_client *client, const char *name,
			  const struct zklock_lock_options *options);
/* Off all lists; nothing is sent. */
void zkl_lock_free(zklock_lock *lock);
/* Of the present connection: the next daemon begins to count anew. */
zklock_lock *zkl_lock_by_id(zklock_client *client, uint64_t id);

struct zkl_grant {
	struct zkp_grant line;
	int64_t max_until_ms; /* ZKL_NEVER_MS: none */
};
/* It is held now. */
enum zklock_mode zkl_mode_of(const char *word); /* "s"; NULL is fine */
void zkl_lock_granted(zklock_lock *lock, const struct zkl_grant *grant);
/* An administrator takes it away: it is over then, or sooner. */
void zkl_lock_shorten(zklock_lock *lock, int64_t until_ms);
/* A hold has ended by itself: LOST, once. */
void zkl_lock_lost(zklock_lock *lock, enum zklock_reason reason);
/* A wait or a release has ended: FAILED or RELEASED, or the end of an
 * orphan (freed). */
void zkl_lock_failed(zklock_lock *lock, int error);
void zkl_lock_released(zklock_lock *lock, int error);
/* The connection is gone: the end of each. */
void zkl_locks_cut(zklock_client *client, int error);
/* Holds whose deadline has passed are lost. */
void zkl_locks_tick(zklock_client *client, int64_t now_ms);
/* The next such moment; ZKL_NEVER_MS. */
int64_t zkl_locks_wake_ms(zklock_client *client);
/* "* LEASE": the deadline of one session moved. */
void zkl_locks_lease(zklock_client *client, uint64_t gen, int64_t until_ms);
/* The deadline, held or not.  Any thread. */
int64_t zkl_lock_deadline_ms(const zklock_lock *lock);

/* ----------------------------------------------------------------- calls -- */

/* One request without its final reply yet. */
struct zkl_call {
	LIST_ENTRY(zkl_call) node;
	uint64_t number; /* of its tag */
	enum zkp_verb verb;
	bool command;  /* zklock_command(): verb means nothing */
	bool greeting; /* the first HELLO of a connection */
	bool
	    several; /* LOCK of the locks whose group is number; lock is NULL */
	bool kept;   /* somebody waits: done, not freed */
	bool done;
	bool queued;
	bool row_stopped;
	int result;
	bool adopting;     /* CHECK for zklock_adopt(): lock is to be held */
	int64_t heard_ms;  /* its latest row; 0: none */
	zklock_lock *lock; /* LOCK UNLOCK CHECK; or NULL */
	zklock_row_cb row;
	void *userdata;
};
LIST_HEAD(zkl_calls, zkl_call);

/* Sends the request (its tag is set here) and notes the call; kept: the
 * caller frees it by zkl_call_free(). */
int zkl_call_send(zklock_client *client, struct zkp_request *rq,
		  const struct zkl_call *like, struct zkl_call **call_out);
/* The same with a line of somebody else's. */
int zkl_call_send_line(zklock_client *client, const char *line,
		       const struct zkl_call *like, struct zkl_call **call_out);
/* The call that a tag belongs to; NULL. */
struct zkl_call *zkl_call_find(zklock_client *client, const char *tag);
/* It has ended: freed unless kept. */
void zkl_call_done(zklock_client *client, struct zkl_call *call, int result);
/* Nobody waits any more: freed at its answer, or now if it is done. */
void zkl_call_free(zklock_client *client, struct zkl_call *call);
/* The connection is gone: all end with this. */
void zkl_calls_cut(zklock_client *client, int error);
/* The lock goes, and its unanswered calls go on without it. */
void zkl_calls_forget(zklock_client *client, const zklock_lock *lock);
/* UNLOCK id with its token; if it cannot be sent the connection ends. */
void zkl_give_back(zklock_client *client, uint64_t id, uint64_t token);
/* LOCK or TRYLOCK with these options; the names are the caller's. */
void zkl_ask_init(struct zkp_request *rq,
		  const struct zklock_lock_options *options);
/* Begin to wait for a lock: the object and its call, kept when quiet. */
int zkl_ask(zklock_client *client, const char *name,
	    const struct zklock_lock_options *options, bool quiet,
	    zklock_lock **lock_out);
/* CANCEL of a LOCK that is not answered; it is not wanted any more. */
int zkl_call_off(zklock_lock *lock);
/* CANCEL of a WAIT that is not answered; if it cannot be sent the connection
 * ends. */
void zkl_call_cancel(zklock_client *client, const struct zkl_call *call);
/* UNLOCK; the lock is not held from here on.  kept as call_out != NULL. */
int zkl_unlock(zklock_lock *lock, struct zkl_call **call_out);

/* ------------------------------------------------------ sync and several -- */

/* Fit to be asked for; else the failure. */
int zkl_check_ask(zklock_client *client, const char *name,
		  const struct zklock_lock_options *options);
/* When the daemon is late with its answer to this wish. */
int64_t zkl_ask_until_ms(const zklock_client *client,
			 const struct zklock_lock_options *options);
/* The answer to a quiet zkl_ask(): the lock, or its end. */
int zkl_ask_await(zklock_client *client,
		  const struct zklock_lock_options *options, zklock_lock *lock,
		  zklock_lock **lock_out);

/* A row or the final line of a LOCK of several. */
void zkl_on_several(zklock_client *client, struct zkl_call *call,
		    const struct zkp_reply *reply);
/* Its lock of this name; NULL. */
zklock_lock *zkl_several_named(zklock_client *client,
			       const struct zkl_call *call, const char *name);
/* The call has ended: none of its locks asks any more. */
void zkl_several_answered(zklock_client *client, const struct zkl_call *call);
/* All that were asked for with this one are not wanted any more. */
void zkl_several_revoke(const zklock_lock *lock);
/* What a hold that was lost before its release ends with. */
int zkl_lost_error(const zklock_lock *lock);
/* Granted, and perhaps lost again, but nobody was told. */
bool zkl_is_unseen(const zklock_lock *lock);
/* Such a one, and what came with it, never happened. */
int zkl_take_back(zklock_lock *lock);

/* --------------------------------------------------------------- replies -- */

/* One line from the daemon; line is written in. */
void zkl_on_line(zklock_client *client, char *line, size_t len);

/* A line that is news for zklock_watch(): handed over.  False: it is not. */
bool zkl_watch_line(zklock_client *client, const char *line);

/* ---------------------------------------------------------------- client -- */

struct zklock_client {
	pthread_mutex_t mutex; /* error-checking: re-entry is refused */
	pid_t pid;
	unsigned flags;
	bool foreign_fd; /* zklock_open_fd() */
	bool closed;     /* the connection has ended */
	bool unsendable; /* the daemon reads no more; it may still talk */
	bool corked;     /* zkl_cork() */
	int close_error;
	int cut_error; /* the turn ends with zkl_cut() of this; 0: no */
	int parting;   /* an untagged ERR: what a close after it is for */
	int fd;
	int wake_fd;
	atomic_bool woken; /* zklock_wakeup() */
	char *socket_path; /* "" after open_fd */
	char *client_name;
	char *note;
	int64_t connect_timeout_ms;
	int64_t connect_until_ms; /* of the open or reconnect under way */
	int64_t reply_timeout_ms;
	void *userdata;

	struct zkp_line reader;
	char *in; /* ZKP_REPLY_LINE_MAX + ZKP_LINE_END_MAX */
	char *out;
	size_t out_len;
	size_t out_size;

	unsigned connection;         /* how many there have been */
	char prefix[ZKL_PREFIX_MAX]; /* of our tags on this connection */
	uint64_t calls_last;
	size_t calls_len;
	struct zkl_calls calls[ZKL_BUCKETS];

	struct zkl_view *view;
	struct zkl_locks locks;
	size_t locks_len;

	bool greeted; /* the page is mapped, or lines were asked for */
	struct zklock_info facts;
	uint64_t page_id; /* HELLO's lease_id; 0: none */
	struct zklock_failure failure;
	char errmsg[ZKLOCK_HOLDER_MAX + ZKLOCK_TEXT_MAX + 64];

	struct zkl_notes notes;
	struct zkl_note own[ZKL_CLIENT_NOTES];
	zklock_lock *spent; /* its final event was the last one taken */
	zklock_event_cb callback;
	void *callback_userdata;
	bool dispatching;
	zklock_row_cb watch; /* NULL: news are passed over */
	void *watch_userdata;

	bool threaded;
	bool stopping;
	bool greeting;          /* only who opens sends and reads */
	bool reconnecting;      /* by somebody, the mutex let go at times */
	int reconnected;        /* how the latest one ended */
	atomic_uint reconnects; /* that have ended */
	unsigned wakeups;       /* taken by the thread for zklock_poll() */
	unsigned wakeups_seen;
	unsigned dispatched; /* events given to the callback */
	int timer_fd;        /* CLOCK_BOOTTIME, the thread's */
	pthread_t thread;
	pthread_cond_t changed; /* after each turn of the thread, and an end */
};

/* Into a function of zklock.h: the right process, the mutex taken.  After
 * ZKLOCK_OK zkl_leave() must follow; it hands result through. */
int zkl_enter(zklock_client *client);
int zkl_leave(zklock_client *client, int result);
/* The same for what blocks: not in the private thread. */
int zkl_enter_blocking(zklock_client *client);

/* HELLO and its answer: the facts, the lease page. */
int zkl_hello(zklock_client *client, int64_t deadline_ms);
void zkl_on_hello(zklock_client *client, const struct zkp_reply *reply);

/* ---------------------------------------------------------------- stream -- */

/* A connected descriptor, or an error (errno). */
int zkl_connect(const zklock_client *client, int *fd_out);
/* Take it for reading and writing: non-blocking, and empty buffers. */
int zkl_stream_begin(zklock_client *client, int fd);
/* Queue and send what can be.  ZKLOCK_E_LIMIT: nothing was queued. */
int zkl_send(zklock_client *client, const char *bytes, size_t len);
/* What is queued between these two leaves in one write. */
void zkl_cork(zklock_client *client);
void zkl_uncork(zklock_client *client);
/* Write and read without blocking, lines acted on: true when anything was
 * done.  Ends with the look at the deadlines. */
bool zkl_pump(zklock_client *client);
/* The connection ends: everything on it, with its events. */
void zkl_cut(zklock_client *client, int error);

/* ------------------------------------------------------------------ loop -- */

/* Until the call is done or the moment has come: its result, or
 * ZKLOCK_E_NOREPLY (the call stays). */
int zkl_wait(zklock_client *client, struct zkl_call *call, int64_t deadline_ms);
/* The same within reply_timeout_ms; the call is freed. */
int zkl_wait_reply(zklock_client *client, struct zkl_call *call);
int zkl_thread_start(zklock_client *client);
/* Without the mutex. */
void zkl_thread_stop(zklock_client *client);
/* The thread must look at what is unsent. */
void zkl_thread_kick(zklock_client *client);

/* ---------------------------------------------------------------- errors -- */

int zkl_error_of(enum zkp_status status);
enum zklock_reason zkl_reason_of(const char *word);
/* Note an error for zklock_errmsg(), give it back.  text NULL: its sentence;
 * name NULL: none. */
int zkl_fail(zklock_client *client, int error, const char *name,
	     const char *text);
/* The same with all that an ERR line says. */
int zkl_fail_reply(zklock_client *client, const struct zkp_reply *reply);
/* As much as fits; text may be NULL. */
void zkl_copy(char *buf, size_t size, const char *text);

#endif
