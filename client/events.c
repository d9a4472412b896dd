/* SPDX-License-Identifier: MIT */
/*
 * events - what has happened and the program has not been told yet.
 *
 * An event waits in a note that is part of its lock or client: one for each
 * kind, so the queue is bounded by what exists and drops nothing.
 */
#include <string.h>

#include "client/library.h"

static const struct {
	enum zklock_event_type type;
	const char *word;
} words[] = {
	{ ZKLOCK_EVENT_NONE, "NONE" },
	{ ZKLOCK_EVENT_QUEUED, "QUEUED" },
	{ ZKLOCK_EVENT_GRANTED, "GRANTED" },
	{ ZKLOCK_EVENT_FAILED, "FAILED" },
	{ ZKLOCK_EVENT_RELEASED, "RELEASED" },
	{ ZKLOCK_EVENT_SUSPENDED, "SUSPENDED" },
	{ ZKLOCK_EVENT_RESUMED, "RESUMED" },
	{ ZKLOCK_EVENT_LOST, "LOST" },
	{ ZKLOCK_EVENT_REVOKE, "REVOKE" },
	{ ZKLOCK_EVENT_WANTED, "WANTED" },
	{ ZKLOCK_EVENT_DRAINING, "DRAINING" },
	{ ZKLOCK_EVENT_CLOSED, "CLOSED" },
};

const char *zklock_strevent(enum zklock_event_type type)
{
	for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
		if (words[i].type == type)
			return words[i].word;
	}
	return "?";
}

static void forget(zklock_client *client, struct zkl_note *note)
{
	if (note->queued)
		TAILQ_REMOVE(&client->notes, note, node);
	note->queued = false;
}

static struct zkl_note *put(zklock_client *client, struct zkl_note *note,
			    const struct zkl_note *fresh)
{
	forget(client, note);
	*note = *fresh;
	note->queued = true;
	TAILQ_INSERT_TAIL(&client->notes, note, node);
	return note;
}

struct zkl_note *zkl_note_lock(zklock_lock *lock, enum zkl_lock_note slot,
			       enum zklock_event_type type)
{
	const struct zkl_note fresh = {
		.type = type, .lock = lock, .held_ms = -1, .waited_ms = -1
	};

	return put(lock->client, &lock->notes[slot], &fresh);
}

struct zkl_note *zkl_note_client(zklock_client *client,
				 enum zkl_client_note slot,
				 enum zklock_event_type type)
{
	const struct zkl_note fresh = { .type = type,
					.held_ms = -1,
					.waited_ms = -1 };

	return put(client, &client->own[slot], &fresh);
}

void zkl_notes_forget(zklock_lock *lock)
{
	for (int i = 0; i < ZKL_LOCK_NOTES; i++)
		forget(lock->client, &lock->notes[i]);
}

static bool is_final(enum zklock_event_type type)
{
	return type == ZKLOCK_EVENT_FAILED || type == ZKLOCK_EVENT_RELEASED;
}

static bool has_strings(enum zklock_event_type type)
{
	return type == ZKLOCK_EVENT_QUEUED || type == ZKLOCK_EVENT_REVOKE ||
	       is_final(type);
}

static void fill(const struct zkl_note *note, struct zklock_event *event)
{
	const zklock_lock *lock = note->lock;

	*event = (struct zklock_event)ZKLOCK_EVENT_INIT;
	event->type = note->type;
	event->error = note->error;
	event->reason = note->reason;
	event->pos = note->pos;
	event->lock = note->lock;
	event->until_ms = note->until_ms;
	event->held_ms = note->held_ms;
	event->waited_ms = note->waited_ms;
	event->grace_ms = note->grace_ms;
	if (note->error)
		zkl_copy(event->text, sizeof event->text,
			 zklock_strerror(note->error));
	if (!lock)
		return;
	event->userdata = lock->userdata;
	event->token = zklock_token(lock);
	if (!has_strings(note->type))
		return;
	zkl_copy(event->holder, sizeof event->holder, lock->holder);
	zkl_copy(event->text, sizeof event->text, lock->text);
}

/* The next one, out of the queue.  A final one leaves its lock to the
 * caller. */
static bool take(zklock_client *client, struct zklock_event *event)
{
	struct zkl_note *note = TAILQ_FIRST(&client->notes);

	if (!note)
		return false;
	forget(client, note);
	fill(note, event);
	return true;
}

void zkl_spent_free(zklock_client *client)
{
	if (client->spent)
		zkl_lock_free(client->spent);
	client->spent = NULL;
}

int zklock_next_event(zklock_client *client, struct zklock_event *event_out)
{
	struct zklock_event event;
	size_t size;
	int ret;

	if (!event_out || event_out->size < sizeof(size_t))
		return ZKLOCK_E_INVAL;
	ret = zkl_enter(client);
	if (ret)
		return ret;
	zkl_spent_free(client);
	if (!take(client, &event))
		return zkl_leave(client, 0);
	if (is_final(event.type))
		client->spent = event.lock;
	size = event_out->size < sizeof event ? event_out->size : sizeof event;
	event.size = event_out->size;
	memcpy(event_out, &event, size);
	return zkl_leave(client, 1);
}

static void call_back(zklock_client *client, const struct zklock_event *event)
{
	zklock_event_cb callback = client->callback;
	void *userdata = client->callback_userdata;

	(void)zkl_leave(client, 0);
	callback(event, userdata);
	(void)pthread_mutex_lock(&client->mutex);
}

bool zkl_dispatch(zklock_client *client)
{
	struct zklock_event event;
	bool any = false;

	if (client->dispatching)
		return false; /* from inside of a callback: the outer goes on */
	client->dispatching = true;
	for (int i = 0; i < ZKL_TURN_EVENTS; i++) {
		if (!client->callback || !take(client, &event))
			break;
		any = true;
		client->dispatched++;
		zkl_spent_free(client);
		if (is_final(event.type))
			client->spent = event.lock;
		call_back(client, &event);
		zkl_spent_free(client);
	}
	client->dispatching = false;
	return any;
}

void zklock_set_event_cb(zklock_client *client, zklock_event_cb callback,
			 void *userdata)
{
	if (zkl_enter(client))
		return;
	client->callback = callback;
	client->callback_userdata = userdata;
	/* What waits already is told soon, not with the next line. */
	zkl_thread_kick(client);
	(void)zkl_leave(client, 0);
}
