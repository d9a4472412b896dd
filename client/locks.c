/* SPDX-License-Identifier: MIT */
/*
 * locks - lock objects: what becomes of each, and what any thread may ask.
 *
 * Sends nothing: calls and replies do.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "client/library.h"
#include "proto/page.h"

int64_t zklock_now_ms(void)
{
	struct timespec ts;

	(void)clock_gettime(CLOCK_BOOTTIME, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

zklock_lock *zkl_lock_new(zklock_client *client, const char *name,
			  const struct zklock_lock_options *options)
{
	zklock_lock *lock = calloc(1, sizeof *lock);

	if (!lock)
		return NULL;
	lock->name = strdup(name);
	if (!lock->name) {
		free(lock);
		return NULL;
	}
	lock->client = client;
	lock->connection = client->connection;
	lock->view = zkl_view_ref(client->view);
	lock->state = ZKL_LOCK_WAITING;
	atomic_store(&lock->max_until_ms, ZKL_NEVER_MS);
	lock->max_reason = ZKLOCK_REASON_MAX_HOLD;
	lock->userdata = options ? options->userdata : NULL;
	atomic_store(&lock->mode, options ? (int)options->mode : 0);
	TAILQ_INSERT_TAIL(&client->locks, lock, node);
	client->locks_len++;
	return lock;
}

void zkl_lock_free(zklock_lock *lock)
{
	zklock_client *client = lock->client;

	zkl_notes_forget(lock);
	zkl_calls_forget(client, lock);
	if (client->spent == lock)
		client->spent = NULL;
	TAILQ_REMOVE(&client->locks, lock, node);
	client->locks_len--;
	zkl_view_unref(lock->view);
	free(lock->node_path);
	free(lock->name);
	free(lock);
}

zklock_lock *zkl_lock_by_id(zklock_client *client, uint64_t id)
{
	zklock_lock *lock;

	TAILQ_FOREACH(lock, &client->locks, node)
	{
		if (id && lock->connection == client->connection &&
		    atomic_load(&lock->id) == id)
			return lock;
	}
	return NULL;
}

enum zklock_mode zkl_mode_of(const char *word)
{
	return word && strcmp(word, "s") == 0 ? ZKLOCK_MODE_SHARED
					      : ZKLOCK_MODE_EXCLUSIVE;
}

void zkl_lock_granted(zklock_lock *lock, const struct zkl_grant *grant)
{
	struct zkl_note *note;

	assert(lock->state == ZKL_LOCK_WAITING);
	lock->state = ZKL_LOCK_HELD;
	lock->gen = grant->line.gen;
	atomic_store(&lock->mode, zkl_mode_of(grant->line.mode));
	atomic_store(&lock->max_until_ms, grant->max_until_ms);
	lock->seen_ms = grant->line.until_ms;
	lock->waited_ms = grant->line.waited_ms;
	lock->dev = grant->line.dev;
	lock->node_path = *grant->line.node ? strdup(grant->line.node) : NULL;
	atomic_store(&lock->id, grant->line.id);
	atomic_store(&lock->token, grant->line.token);
	atomic_store(&lock->until_ms, grant->line.until_ms);
	atomic_store_explicit(&lock->held, true, memory_order_release);
	if (lock->quiet)
		return;
	note = zkl_note_lock(lock, ZKL_NOTE_GRANTED, ZKLOCK_EVENT_GRANTED);
	note->until_ms = zkl_lock_deadline_ms(lock);
	note->waited_ms = lock->waited_ms;
}

void zkl_lock_lost(zklock_lock *lock, enum zklock_reason reason)
{
	struct zkl_note *note;

	if (lock->state != ZKL_LOCK_HELD)
		return;
	atomic_store(&lock->held, false);
	lock->state = ZKL_LOCK_LOST;
	lock->lost_reason = reason;
	note = zkl_note_lock(lock, ZKL_NOTE_LOST, ZKLOCK_EVENT_LOST);
	note->reason = reason;
}

/* The last that is heard of a lock that somebody may still be waiting for. */
static struct zkl_note *end(zklock_lock *lock, enum zklock_event_type type,
			    int error)
{
	struct zkl_note *note;

	atomic_store(&lock->held, false);
	lock->state = ZKL_LOCK_ENDED;
	if (lock->orphan) {
		zkl_lock_free(lock);
		return NULL;
	}
	if (lock->quiet)
		return NULL;
	note = zkl_note_lock(lock, ZKL_NOTE_FINAL, type);
	note->error = error;
	return note;
}

void zkl_lock_failed(zklock_lock *lock, int error)
{
	const struct zklock_failure *failure = &lock->client->failure;
	struct zkl_note *note = end(lock, ZKLOCK_EVENT_FAILED, error);

	if (!note)
		return;
	if (failure->error != error) {
		zkl_copy(lock->text, sizeof lock->text, zklock_strerror(error));
		return;
	}
	zkl_copy(lock->text, sizeof lock->text, failure->text);
	zkl_copy(lock->holder, sizeof lock->holder, failure->holder);
	note->held_ms = failure->held_ms;
	note->waited_ms = failure->waited_ms;
}

void zkl_lock_released(zklock_lock *lock, int error)
{
	if (lock->revoked) { /* granted and called off unseen */
		zkl_lock_failed(lock, ZKLOCK_E_CANCELLED);
		return;
	}
	if (end(lock, ZKLOCK_EVENT_RELEASED, error) && error)
		zkl_copy(lock->text, sizeof lock->text, zklock_strerror(error));
}

void zkl_locks_cut(zklock_client *client, int error)
{
	zklock_lock *lock, *next;

	TAILQ_FOREACH(lock, &client->locks, node)
	zkl_lock_lost(lock, ZKLOCK_REASON_DISCONNECTED);
	for (lock = TAILQ_FIRST(&client->locks); lock; lock = next) {
		next = TAILQ_NEXT(lock, node);
		if (lock->state == ZKL_LOCK_WAITING)
			zkl_lock_failed(lock, error);
		else if (lock->state == ZKL_LOCK_RELEASING)
			zkl_lock_released(lock, ZKLOCK_E_DISCONNECTED);
	}
}

int64_t zkl_lock_deadline_ms(const zklock_lock *lock)
{
	int64_t until_ms = atomic_load(&lock->until_ms);
	int64_t max_until_ms = atomic_load(&lock->max_until_ms);
	uint64_t word;

	if (lock->view->word) {
		word = atomic_load_explicit(lock->view->word,
					    memory_order_acquire);
		until_ms = zkp_page_gen(word) == lock->gen
			       ? zkp_page_deadline_ms(word)
			       : 0;
	}
	return until_ms < max_until_ms ? until_ms : max_until_ms;
}

void zkl_lock_shorten(zklock_lock *lock, int64_t until_ms)
{
	if (until_ms >= atomic_load(&lock->max_until_ms))
		return;
	atomic_store(&lock->max_until_ms, until_ms);
	lock->max_reason = ZKLOCK_REASON_KICKED;
}

/*
 * The page is cleared before the LOST line is written, which says why: give
 * it the time up to the deadline that was last seen to come.  The getters
 * wait for nothing.
 */
static int64_t due_ms(zklock_lock *lock)
{
	int64_t until_ms = zkl_lock_deadline_ms(lock);

	if (until_ms > 0)
		lock->seen_ms = until_ms;
	return lock->seen_ms;
}

void zkl_locks_tick(zklock_client *client, int64_t now_ms)
{
	zklock_lock *lock;

	TAILQ_FOREACH(lock, &client->locks, node)
	{
		if (lock->state != ZKL_LOCK_HELD || now_ms < due_ms(lock))
			continue;
		zkl_lock_lost(lock, now_ms >= atomic_load(&lock->max_until_ms)
					? lock->max_reason
					: ZKLOCK_REASON_DEADLINE);
	}
}

int64_t zkl_locks_wake_ms(zklock_client *client)
{
	int64_t wake_ms = ZKL_NEVER_MS;
	zklock_lock *lock;

	TAILQ_FOREACH(lock, &client->locks, node)
	{
		if (lock->state == ZKL_LOCK_HELD && due_ms(lock) < wake_ms)
			wake_ms = due_ms(lock);
	}
	return wake_ms;
}

void zkl_locks_lease(zklock_client *client, uint64_t gen, int64_t until_ms)
{
	zklock_lock *lock;

	TAILQ_FOREACH(lock, &client->locks, node)
	{
		if (lock->state == ZKL_LOCK_HELD && lock->gen == gen)
			atomic_store(&lock->until_ms, until_ms);
	}
}

int64_t zklock_until_ms(const zklock_lock *lock)
{
	int64_t until_ms;

	if (!lock || !atomic_load_explicit(&lock->held, memory_order_acquire) ||
	    !zkl_view_alive(lock->view))
		return 0;
	until_ms = zkl_lock_deadline_ms(lock);
	return zklock_now_ms() < until_ms ? until_ms : 0;
}

int64_t zklock_max_until_ms(const zklock_lock *lock)
{
	int64_t max_until_ms = lock ? atomic_load(&lock->max_until_ms) : 0;

	return max_until_ms == ZKL_NEVER_MS ? 0 : max_until_ms;
}

bool zklock_is_held(const zklock_lock *lock)
{
	return zklock_until_ms(lock) > 0;
}

int64_t zklock_valid_ms(const zklock_lock *lock)
{
	int64_t until_ms = zklock_until_ms(lock);
	int64_t valid_ms = until_ms ? until_ms - zklock_now_ms() : 0;

	return valid_ms > 0 ? valid_ms : 0;
}

enum zklock_mode zklock_lock_mode(const zklock_lock *lock)
{
	return lock ? (enum zklock_mode)atomic_load(&lock->mode)
		    : ZKLOCK_MODE_EXCLUSIVE;
}

uint64_t zklock_token(const zklock_lock *lock)
{
	return lock ? atomic_load(&lock->token) : 0;
}

uint64_t zklock_id(const zklock_lock *lock)
{
	return lock ? atomic_load(&lock->id) : 0;
}

const char *zklock_name(const zklock_lock *lock)
{
	return lock ? lock->name : "";
}

const char *zklock_node(const zklock_lock *lock)
{
	return lock && lock->node_path ? lock->node_path : "";
}

int64_t zklock_waited_ms(const zklock_lock *lock)
{
	return lock ? lock->waited_ms : 0;
}

bool zklock_is_dev(const zklock_lock *lock)
{
	return lock && lock->dev;
}

zklock_client *zklock_lock_client(const zklock_lock *lock)
{
	return lock ? lock->client : NULL;
}

void *zklock_lock_userdata(const zklock_lock *lock)
{
	return lock ? lock->userdata : NULL;
}

void zklock_set_lock_userdata(zklock_lock *lock, void *userdata)
{
	if (lock)
		lock->userdata = userdata;
}
