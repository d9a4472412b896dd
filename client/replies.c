/* SPDX-License-Identifier: MIT */
/*
 * replies - what a line from the daemon means for calls and locks.
 *
 * Unknown keys, events and tags are passed over; a line that is none ends the
 * connection.
 */
#include <string.h>

#include "client/library.h"
#include "proto/word.h"

static void broken(zklock_client *client)
{
	client->cut_error = ZKLOCK_E_PROTOCOL;
}

/* ---------------------------------------------------------------- LOCK -- */

static void on_queued(zklock_client *client, struct zkl_call *call,
		      const struct zkp_reply *reply)
{
	zklock_lock *lock = call->lock;
	struct zkl_note *note;
	uint64_t number;

	call->queued = true;
	if (call->several)
		lock = zkl_several_named(client, call, zkp_reply_arg(reply, 0));
	if (!lock)
		return;
	if (zkp_reply_id(reply, "id", &number))
		atomic_store(&lock->id, number);
	if (lock->revoked)
		return;
	zkl_copy(lock->holder, sizeof lock->holder,
		 zkp_reply_str(reply, "holder"));
	note = zkl_note_lock(lock, ZKL_NOTE_QUEUED, ZKLOCK_EVENT_QUEUED);
	if (zkp_reply_u64(reply, "pos", &number) && number <= UINT32_MAX)
		note->pos = (unsigned)number;
	(void)zkp_reply_i64(reply, "held_ms", &note->held_ms);
}

static void read_max(const struct zkp_reply *reply, struct zkl_grant *grant)
{
	grant->max_until_ms = ZKL_NEVER_MS;
	(void)zkp_reply_i64(reply, "max_until_ms", &grant->max_until_ms);
}

/* A grant that nobody wants any more, or that came after its own end. */
static int refuse_grant(zklock_client *client, zklock_lock *lock,
			const struct zkl_grant *grant)
{
	int error;

	if (lock && !lock->revoked && !lock->orphan) {
		zkl_lock_granted(lock, grant);
		if (zklock_is_held(lock))
			return ZKLOCK_OK;
		error = zkl_fail(client, ZKLOCK_E_LOST, lock->name,
				 "the grant was read after its end");
	} else {
		error = zkl_fail(client, ZKLOCK_E_CANCELLED, grant->line.name,
				 NULL);
	}
	zkl_give_back(client, grant->line.id, grant->line.token);
	return error;
}

static void on_granted(zklock_client *client, struct zkl_call *call,
		       const struct zkp_reply *reply)
{
	zklock_lock *lock = call->lock;
	struct zkl_grant grant;
	int error;

	if (!zkp_grant_read(reply, &grant.line)) {
		broken(client);
		return;
	}
	read_max(reply, &grant);
	error = refuse_grant(client, lock, &grant);
	if (lock)
		lock->asking = NULL;
	zkl_call_done(client, call, error);
	if (lock && error) {
		zkl_notes_forget(lock);
		zkl_lock_failed(lock, error);
	}
}

static void on_lock(zklock_client *client, struct zkl_call *call,
		    const struct zkp_reply *reply)
{
	zklock_lock *lock = call->lock;
	int error;

	if (reply->class == ZKP_REPLY_FINAL) {
		if (strcmp(reply->word, "GRANTED") == 0)
			on_granted(client, call, reply);
		else
			broken(client);
		return;
	}
	error = zkl_fail_reply(client, reply);
	zkl_call_done(client, call, error);
	if (lock)
		zkl_lock_failed(lock, error);
}

/* -------------------------------------------------------- UNLOCK, CHECK -- */

static void on_unlock(zklock_client *client, struct zkl_call *call,
		      const struct zkp_reply *reply)
{
	zklock_lock *lock = call->lock;
	int error = ZKLOCK_OK;

	if (reply->class == ZKP_REPLY_ERR)
		error = zkl_fail_reply(client, reply);
	zkl_call_done(client, call, error);
	if (lock)
		zkl_lock_released(lock, error);
}

/* held=1: everything that a grant says but the name and the node. */
static bool read_hold(const struct zkp_reply *reply, struct zkl_grant *grant)
{
	struct zkp_grant *line = &grant->line;
	const char *node = zkp_reply_str(reply, "node");
	const char *mode = zkp_reply_str(reply, "mode");

	*line = (struct zkp_grant){ .name = "", .mode = "x", .node = "" };
	if (node)
		line->node = node;
	if (mode)
		line->mode = mode;
	read_max(reply, grant);
	return zkp_reply_id(reply, "id", &line->id) &&
	       zkp_reply_u64(reply, "token", &line->token) &&
	       zkp_reply_u64(reply, "gen", &line->gen) &&
	       zkp_reply_i64(reply, "until_ms", &line->until_ms);
}

static int on_hold(zklock_client *client, struct zkl_call *call,
		   const struct zkl_grant *grant)
{
	zklock_lock *lock = call->lock;

	if (!lock)
		return ZKLOCK_OK;
	if (!call->adopting) {
		if (lock->gen == grant->line.gen)
			atomic_store(&lock->until_ms, grant->line.until_ms);
		return ZKLOCK_OK;
	}
	if (zkl_lock_by_id(client, grant->line.id))
		return zkl_fail(client, ZKLOCK_E_HELD, lock->name,
				"there is an object for this hold already");
	zkl_lock_granted(lock, grant);
	return ZKLOCK_OK;
}

static int on_no_hold(zklock_client *client, struct zkl_call *call,
		      const struct zkp_reply *reply)
{
	zklock_lock *lock = call->lock;
	const char *why = zkp_reply_str(reply, "reason");

	if (call->adopting)
		return zkl_fail(client, ZKLOCK_E_NOTHELD,
				lock ? lock->name : NULL, NULL);
	if (lock)
		zkl_lock_lost(lock, zkl_reason_of(why));
	return zkl_fail(client, ZKLOCK_E_LOST, lock ? lock->name : NULL, NULL);
}

static void on_check(zklock_client *client, struct zkl_call *call,
		     const struct zkp_reply *reply)
{
	struct zkl_grant grant;
	uint64_t held;
	int ret;

	if (reply->class == ZKP_REPLY_ERR) {
		zkl_call_done(client, call, zkl_fail_reply(client, reply));
		return;
	}
	if (!zkp_reply_u64(reply, "held", &held) ||
	    (held && !read_hold(reply, &grant))) {
		broken(client);
		return;
	}
	if (held)
		ret = on_hold(client, call, &grant);
	else
		ret = on_no_hold(client, call, reply);
	zkl_call_done(client, call, ret);
}

/* ------------------------------------------------------------ DOWNGRADE -- */

static void on_downgrade(zklock_client *client, struct zkl_call *call,
			 const struct zkp_reply *reply)
{
	zklock_lock *lock = call->lock;
	int error = ZKLOCK_OK;

	if (reply->class == ZKP_REPLY_ERR)
		error = zkl_fail_reply(client, reply);
	else if (lock)
		atomic_store(&lock->mode,
			     zkl_mode_of(zkp_reply_str(reply, "mode")));
	zkl_call_done(client, call, error);
}

/* --------------------------------------------------------------- others -- */

static void on_plain(zklock_client *client, struct zkl_call *call,
		     const struct zkp_reply *reply)
{
	int error = ZKLOCK_OK;

	/* A CANCEL that came too late is no news: the LOCK's answer is. */
	if (reply->class == ZKP_REPLY_ERR)
		error = call->kept ? zkl_fail_reply(client, reply)
				   : zkl_error_of(reply->status);
	else if (call->verb == ZKP_VERB_HELLO)
		zkl_on_hello(client, reply);
	zkl_call_done(client, call, error);
}

static void on_answer(zklock_client *client, struct zkl_call *call,
		      const struct zkp_reply *reply)
{
	if (reply->class == ZKP_REPLY_QUEUED)
		on_queued(client, call, reply);
	else if (call->several)
		zkl_on_several(client, call, reply);
	else if (call->verb == ZKP_VERB_LOCK || call->verb == ZKP_VERB_TRYLOCK)
		on_lock(client, call, reply);
	else if (call->verb == ZKP_VERB_UNLOCK)
		on_unlock(client, call, reply);
	else if (call->verb == ZKP_VERB_DOWNGRADE)
		on_downgrade(client, call, reply);
	else if (call->verb == ZKP_VERB_CHECK)
		on_check(client, call, reply);
	else
		on_plain(client, call, reply);
}

static void on_deadline(zklock_client *client, const struct zkp_reply *reply,
			bool suspended)
{
	enum zklock_state good =
	    client->facts.dev ? ZKLOCK_STATE_DEV : ZKLOCK_STATE_CONNECTED;
	struct zkl_note *note =
	    suspended ? zkl_note_client(client, ZKL_NOTE_SUSPENDED,
					ZKLOCK_EVENT_SUSPENDED)
		      : zkl_note_client(client, ZKL_NOTE_RESUMED,
					ZKLOCK_EVENT_RESUMED);

	(void)zkp_reply_i64(reply, "until_ms", &note->until_ms);
	client->facts.state = suspended ? ZKLOCK_STATE_SUSPENDED : good;
}

static void on_lost(zklock_client *client, const struct zkp_reply *reply)
{
	zklock_lock *lock;
	uint64_t id;

	if (!zkp_reply_id(reply, "id", &id))
		return;
	lock = zkl_lock_by_id(client, id);
	if (lock)
		zkl_lock_lost(lock,
			      zkl_reason_of(zkp_reply_str(reply, "reason")));
}

static void on_wanted(zklock_client *client, const struct zkp_reply *reply)
{
	zklock_lock *lock;
	struct zkl_note *note;
	uint64_t number;

	if (!zkp_reply_id(reply, "id", &number))
		return;
	lock = zkl_lock_by_id(client, number);
	if (!lock || lock->state != ZKL_LOCK_HELD)
		return;
	note = zkl_note_lock(lock, ZKL_NOTE_WANTED, ZKLOCK_EVENT_WANTED);
	if (zkp_reply_u64(reply, "waiters", &number) && number <= UINT32_MAX)
		note->pos = (unsigned)number;
}

/* Somebody wants it back; with max_until_ms it is over then. */
static void on_revoke(zklock_client *client, const struct zkp_reply *reply)
{
	zklock_lock *lock;
	struct zkl_note *note;
	int64_t until_ms = 0;
	uint64_t id;

	if (!zkp_reply_id(reply, "id", &id))
		return;
	lock = zkl_lock_by_id(client, id);
	if (!lock || lock->state != ZKL_LOCK_HELD)
		return;
	zkl_copy(lock->holder, sizeof lock->holder, zkp_reply_str(reply, "by"));
	zkl_copy(lock->text, sizeof lock->text, zkp_reply_str(reply, "reason"));
	note = zkl_note_lock(lock, ZKL_NOTE_REVOKE, ZKLOCK_EVENT_REVOKE);
	(void)zkp_reply_i64(reply, "grace_ms", &note->grace_ms);
	if (zkp_reply_i64(reply, "max_until_ms", &until_ms)) {
		note->until_ms = until_ms;
		zkl_lock_shorten(lock, until_ms);
	}
}

static void on_draining(zklock_client *client, const struct zkp_reply *reply)
{
	struct zkl_note *note =
	    zkl_note_client(client, ZKL_NOTE_DRAINING, ZKLOCK_EVENT_DRAINING);

	(void)zkp_reply_i64(reply, "grace_ms", &note->grace_ms);
	client->facts.state = ZKLOCK_STATE_DRAINING;
}

static void on_lease(zklock_client *client, const struct zkp_reply *reply)
{
	int64_t until_ms;
	uint64_t gen;

	if (zkp_reply_u64(reply, "gen", &gen) &&
	    zkp_reply_i64(reply, "until_ms", &until_ms))
		zkl_locks_lease(client, gen, until_ms);
}

static void on_event(zklock_client *client, const struct zkp_reply *reply)
{
	enum zkp_event event;

	if (!zkp_event_find(reply->word, &event))
		return;
	switch (event) {
	case ZKP_EVENT_SUSPENDED:
		on_deadline(client, reply, true);
		break;
	case ZKP_EVENT_RESUMED:
		on_deadline(client, reply, false);
		break;
	case ZKP_EVENT_LEASE:
		on_lease(client, reply);
		break;
	case ZKP_EVENT_LOST:
		on_lost(client, reply);
		break;
	case ZKP_EVENT_DRAINING:
		on_draining(client, reply);
		break;
	case ZKP_EVENT_BYE:
		break; /* the end of the connection follows */
	case ZKP_EVENT_WANTED:
		on_wanted(client, reply);
		break;
	case ZKP_EVENT_REVOKE:
		on_revoke(client, reply);
		break;
	case ZKP_EVENT_HELD:
	case ZKP_EVENT_FREED:
	case ZKP_EVENT_QUEUE:
	case ZKP_EVENT_DROPPED:
		break; /* zkl_watch_line() had them */
	}
}

/* Rows and the lines of zklock_command() go out as they came.  True when that
 * was all. */
static bool hand_over(struct zkl_call *call, const char *text)
{
	bool row = text[0] == '-' && text[1] == ' ';
	enum zklock_line kind = ZKLOCK_LINE_FINAL;

	if (row) {
		kind = ZKLOCK_LINE_ROW;
		text += 2;
		call->heard_ms = zklock_now_ms();
	} else if (strncmp(text, "QUEUED ", 7) == 0) {
		kind = ZKLOCK_LINE_QUEUED;
	}
	if (call->row && !call->row_stopped &&
	    call->row(kind, text, call->userdata) != 0)
		call->row_stopped = true;
	return row && !call->several;
}

static void on_untagged(zklock_client *client, const struct zkp_reply *reply)
{
	if (reply->class == ZKP_REPLY_EVENT)
		on_event(client, reply);
	else if (reply->class == ZKP_REPLY_ERR)
		client->parting = zkl_fail_reply(client, reply);
}

void zkl_on_line(zklock_client *client, char *line, size_t len)
{
	size_t tag_len = zkp_tag_len(line, len);
	struct zkl_call *call = NULL;
	struct zkp_reply reply;

	if (memchr(line, '\0', len) || (tag_len && 1 + tag_len == len)) {
		broken(client);
		return;
	}
	if (tag_len) {
		line[1 + tag_len] = '\0';
		call = zkl_call_find(client, line + 1);
		line[1 + tag_len] = ' ';
		if (!call || hand_over(call, line + tag_len + 2))
			return;
	} else if (zkl_watch_line(client, line)) {
		return;
	}
	if (zkp_reply_parse(line, len, &reply) != ZKP_OK)
		broken(client);
	else if (call)
		on_answer(client, call, &reply);
	else
		on_untagged(client, &reply);
}
