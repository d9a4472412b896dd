/* SPDX-License-Identifier: MIT */
/*
 * several - locks that are had together or not at all.
 *
 * One LOCK asks for all of them and is one call; each name has an object of
 * its own, and the objects of one call have its number as their group.  Once
 * granted they are holds like others.
 */
#include <stdlib.h>
#include <string.h>

#include "client/library.h"

_Static_assert(ZKLOCK_NAMES_MAX == ZKP_NAMES_MAX,
	       "the header says the contract's bound");

/* The next lock of the group behind this one (NULL: the first); NULL. */
static zklock_lock *next_of(zklock_client *client, uint64_t group,
			    zklock_lock *lock)
{
	lock = lock ? TAILQ_NEXT(lock, node) : TAILQ_FIRST(&client->locks);
	while (lock && lock->group != group)
		lock = TAILQ_NEXT(lock, node);
	return lock;
}

static zklock_lock *named(zklock_client *client, uint64_t group,
			  const char *name)
{
	zklock_lock *lock = NULL;

	while ((lock = next_of(client, group, lock))) {
		if (strcmp(lock->name, name) == 0)
			return lock;
	}
	return NULL;
}

/* --------------------------------------------------------------- answers -- */

/* "- a id=@7 token=5 node=...": one of them, as it will be. */
static bool on_row(zklock_client *client, uint64_t group,
		   const struct zkp_reply *reply)
{
	const char *node = zkp_reply_str(reply, "node");
	zklock_lock *lock = named(client, group, zkp_reply_arg(reply, 0));
	uint64_t id;

	if (!lock || !zkp_reply_id(reply, "id", &id) ||
	    !zkp_reply_u64(reply, "token", &lock->row_token))
		return false;
	atomic_store(&lock->id, id);
	free(lock->node_path);
	lock->node_path = node && *node ? strdup(node) : NULL;
	return true;
}

/* What the final line says of all of them. */
static bool read_final(zklock_client *client, uint64_t group,
		       const struct zkp_reply *reply, struct zkl_grant *grant)
{
	struct zkp_grant *line = &grant->line;
	zklock_lock *lock = NULL;
	uint64_t dev = 0;

	*line = (struct zkp_grant){ .name = "", .mode = "x", .node = "" };
	(void)zkp_reply_u64(reply, "dev", &dev);
	line->dev = dev == 1;
	grant->max_until_ms = ZKL_NEVER_MS;
	(void)zkp_reply_i64(reply, "max_until_ms", &grant->max_until_ms);
	while ((lock = next_of(client, group, lock))) {
		if (!lock->row_token)
			return false;
	}
	return strcmp(reply->word, "GRANTED") == 0 &&
	       zkp_reply_u64(reply, "gen", &line->gen) &&
	       zkp_reply_i64(reply, "until_ms", &line->until_ms) &&
	       zkp_reply_i64(reply, "waited_ms", &line->waited_ms);
}

static void grant_one(zklock_lock *lock, const struct zkl_grant *all)
{
	struct zkl_grant grant = *all;
	char *node = lock->node_path;

	grant.line.id = atomic_load(&lock->id);
	grant.line.token = lock->row_token;
	grant.line.node = node ? node : "";
	zkl_lock_granted(lock, &grant);
	free(node);
}

/* All of them fail; an orphan is gone after that. */
static void fail_all(zklock_client *client, uint64_t group, int error)
{
	zklock_lock *lock, *next;

	for (lock = next_of(client, group, NULL); lock; lock = next) {
		next = next_of(client, group, lock);
		zkl_notes_forget(lock);
		zkl_lock_failed(lock, error);
	}
}

/* Held from here on; else they go back, and the error why. */
static int grant_all(zklock_client *client, uint64_t group,
		     const struct zkl_grant *grant)
{
	zklock_lock *lock = NULL;
	int error = ZKLOCK_OK;

	while ((lock = next_of(client, group, lock))) {
		if (lock->revoked || lock->orphan)
			error = ZKLOCK_E_CANCELLED;
	}
	while (!error && (lock = next_of(client, group, lock))) {
		grant_one(lock, grant);
		if (!zklock_is_held(lock))
			error = ZKLOCK_E_LOST;
	}
	if (!error)
		return ZKLOCK_OK;
	for (lock = NULL; (lock = next_of(client, group, lock));)
		zkl_give_back(client, atomic_load(&lock->id), lock->row_token);
	return zkl_fail(
	    client, error, NULL,
	    error == ZKLOCK_E_LOST ? "the grant was read after its end" : NULL);
}

static void on_final(zklock_client *client, struct zkl_call *call,
		     const struct zkp_reply *reply)
{
	uint64_t group = call->number;
	struct zkl_grant grant;
	int error;

	if (reply->class == ZKP_REPLY_ERR) {
		error = zkl_fail_reply(client, reply);
	} else if (read_final(client, group, reply, &grant)) {
		error = grant_all(client, group, &grant);
	} else {
		client->cut_error = ZKLOCK_E_PROTOCOL;
		return;
	}
	zkl_call_done(client, call, error);
	if (error)
		fail_all(client, group, error);
}

void zkl_on_several(zklock_client *client, struct zkl_call *call,
		    const struct zkp_reply *reply)
{
	switch (reply->class) {
	case ZKP_REPLY_ROW:
		if (!on_row(client, call->number, reply))
			client->cut_error = ZKLOCK_E_PROTOCOL;
		return;
	case ZKP_REPLY_QUEUED: /* zkl_several_queued() */
	case ZKP_REPLY_EVENT:  /* never with a tag */
		return;
	case ZKP_REPLY_ERR:
	case ZKP_REPLY_FINAL:
		on_final(client, call, reply);
		return;
	}
}

void zkl_several_answered(zklock_client *client, const struct zkl_call *call)
{
	zklock_lock *lock = NULL;

	while ((lock = next_of(client, call->number, lock)))
		lock->asking = NULL;
}

zklock_lock *zkl_several_named(zklock_client *client,
			       const struct zkl_call *call, const char *name)
{
	return named(client, call->number, name);
}

/* --------------------------------------------------------------- calling -- */

struct wish {
	const char *const *names;
	size_t count;
	const struct zklock_lock_options *options;
};

/* Fit to be asked for together; else the failure. */
static int check_wish(zklock_client *client, const struct wish *wish)
{
	const struct zklock_lock_options *options = wish->options;
	int ret;

	for (size_t i = 0; i < wish->count; i++) {
		if (!wish->names[i])
			return zkl_fail(client, ZKLOCK_E_INVAL, NULL, NULL);
		ret = zkl_check_ask(client, wish->names[i], options);
		if (ret)
			return ret;
		for (size_t j = 0; j < i; j++) {
			if (strcmp(wish->names[i], wish->names[j]) == 0)
				return zkl_fail(client, ZKLOCK_E_INVAL,
						wish->names[i],
						"this name is there twice");
		}
	}
	if (wish->count > 1 && options &&
	    (options->slots || options->mode != ZKLOCK_MODE_EXCLUSIVE))
		return zkl_fail(client, ZKLOCK_E_INVAL, NULL,
				"several names are had exclusively");
	return ZKLOCK_OK;
}

static void hand_out(zklock_lock *const *locks, size_t count,
		     zklock_lock **locks_out)
{
	for (size_t i = 0; i < count; i++)
		locks_out[i] = locks[i];
}

static void free_all(zklock_lock **locks, size_t count)
{
	while (count > 0)
		zkl_lock_free(locks[--count]);
}

/* An object for each name, with the call for all, kept when quiet. */
static int ask_all(zklock_client *client, const struct wish *wish, bool quiet,
		   zklock_lock **locks)
{
	struct zkl_call like = { .several = true };
	struct zkl_call *call = NULL;
	struct zkp_request rq;
	size_t made = 0;
	int ret;

	zkl_ask_init(&rq, wish->options);
	rq.name = wish->names[0];
	rq.more_len = wish->count - 1;
	for (size_t i = 1; i < wish->count; i++)
		rq.more[i - 1] = wish->names[i];
	if (client->locks_len + wish->count > ZKL_LOCKS_MAX)
		return zkl_fail(client, ZKLOCK_E_LIMIT, NULL, NULL);
	for (; made < wish->count; made++) {
		locks[made] =
		    zkl_lock_new(client, wish->names[made], wish->options);
		if (!locks[made])
			break;
	}
	ret = made < wish->count ? zkl_fail(client, ZKLOCK_E_NOMEM, NULL, NULL)
				 : zkl_call_send(client, &rq, &like, &call);
	if (ret || !call) {
		free_all(locks, made);
		return ret;
	}
	call->kept = quiet;
	for (size_t i = 0; i < made; i++) {
		locks[i]->group = call->number;
		locks[i]->asking = call;
		locks[i]->quiet = quiet;
	}
	return ZKLOCK_OK;
}

/* As for one: what may still be granted goes back, whenever that is. */
static int abandon_all(zklock_client *client, struct zkl_call *call,
		       const struct wish *wish, zklock_lock **locks)
{
	int error = wish->options && wish->options->wait_ms ? ZKLOCK_E_TIMEOUT
							    : ZKLOCK_E_NOREPLY;

	(void)zkl_fail(client, error, NULL, zklock_strerror(ZKLOCK_E_NOREPLY));
	for (size_t i = 0; i < wish->count; i++) {
		zkl_notes_forget(locks[i]);
		locks[i]->orphan = true;
	}
	zkl_call_free(client, call);
	if (zkl_call_off(locks[0]))
		zkl_cut(client, ZKLOCK_E_DISCONNECTED);
	return error;
}

static int ask_and_wait(zklock_client *client, const struct wish *wish,
			zklock_lock **locks_out)
{
	zklock_lock *locks[ZKLOCK_NAMES_MAX] = { NULL };
	struct zkl_call *call;
	int ret = ask_all(client, wish, true, locks);

	if (ret)
		return ret;
	call = locks[0]->asking;
	ret = zkl_wait(client, call, zkl_ask_until_ms(client, wish->options));
	if (!call->done)
		return abandon_all(client, call, wish, locks);
	zkl_call_free(client, call);
	for (size_t i = 0; i < wish->count; i++)
		locks[i]->quiet = false;
	if (ret)
		free_all(locks, wish->count);
	else
		hand_out(locks, wish->count, locks_out);
	return ret;
}

int zklock_acquire_all(zklock_client *client, const char *const *names,
		       size_t count, const struct zklock_lock_options *options,
		       zklock_lock **locks_out)
{
	const struct wish wish = { names, count, options };
	int ret;

	if (!names || !locks_out || count == 0 || count > ZKLOCK_NAMES_MAX)
		return ZKLOCK_E_INVAL;
	if (count == 1)
		return zklock_acquire(client, *names, options, locks_out);
	ret = zkl_enter_blocking(client);
	if (ret)
		return ret;
	ret = check_wish(client, &wish);
	if (ret == ZKLOCK_OK)
		ret = ask_and_wait(client, &wish, locks_out);
	return zkl_leave(client, ret);
}

int zklock_acquire_all_async(zklock_client *client, const char *const *names,
			     size_t count,
			     const struct zklock_lock_options *options,
			     zklock_lock **locks_out)
{
	zklock_lock *locks[ZKLOCK_NAMES_MAX] = { NULL };
	const struct wish wish = { names, count, options };
	int ret;

	if (!names || !locks_out || count == 0 || count > ZKLOCK_NAMES_MAX)
		return ZKLOCK_E_INVAL;
	if (count == 1)
		return zklock_acquire_async(client, *names, options, locks_out);
	ret = zkl_enter(client);
	if (ret)
		return ret;
	ret = check_wish(client, &wish);
	if (ret == ZKLOCK_OK)
		ret = ask_all(client, &wish, false, locks);
	if (ret == ZKLOCK_OK)
		hand_out(locks, count, locks_out);
	return zkl_leave(client, ret);
}

/* ------------------------------------------------------------- giving up -- */

void zkl_several_revoke(const zklock_lock *lock)
{
	zklock_lock *other = NULL;

	while ((other = next_of(lock->client, lock->group, other)))
		other->revoked = true;
}

bool zkl_is_unseen(const zklock_lock *lock)
{
	return lock->notes[ZKL_NOTE_GRANTED].queued &&
	       (lock->state == ZKL_LOCK_HELD || lock->state == ZKL_LOCK_LOST);
}

static int take_back(zklock_lock *lock)
{
	int ret;

	if (lock->state == ZKL_LOCK_LOST) { /* there is nothing to give back */
		zkl_notes_forget(lock);
		zkl_lock_failed(lock, zkl_lost_error(lock));
		zkl_thread_kick(lock->client);
		return ZKLOCK_OK;
	}
	ret = zkl_unlock(lock, NULL);
	if (ret == ZKLOCK_OK) {
		zkl_notes_forget(lock);
		lock->revoked = true;
	}
	return ret;
}

int zkl_take_back(zklock_lock *lock)
{
	zklock_lock *other = NULL;
	int ret = take_back(lock);

	while (lock->group &&
	       (other = next_of(lock->client, lock->group, other))) {
		if (zkl_is_unseen(other))
			(void)take_back(other);
	}
	return ret;
}
