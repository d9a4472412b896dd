/* SPDX-License-Identifier: MIT */
/*
 * calls - requests that were sent and not answered yet, found by their tag.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/library.h"
#include "proto/number.h"

_Static_assert(ZKLOCK_NAME_MAX == ZKP_NAME_MAX &&
		   ZKLOCK_NOTE_MAX == ZKP_NOTE_MAX &&
		   ZKLOCK_CLIENT_MAX == ZKP_CLIENT_MAX &&
		   ZKLOCK_WAIT_MAX_MS == ZKP_WAIT_MS_MAX &&
		   ZKLOCK_MIN_HOLD_MAX_MS == ZKP_MIN_HOLD_MS_MAX &&
		   ZKLOCK_SLOTS_MAX == ZKP_SLOTS_MAX &&
		   ZKLOCK_WAIT_FOREVER == ZKP_WAIT_FOREVER,
	       "the header says the contract's bounds");
_Static_assert(ZKLOCK_LINE_MAX + ZKP_TAG_MAX + sizeof "# " <= ZKP_LINE_MAX,
	       "a line of zklock_command() has room for its tag");

static struct zkl_calls *bucket(zklock_client *client, uint64_t number)
{
	return &client->calls[number % ZKL_BUCKETS];
}

static void tag_of(const zklock_client *client, uint64_t number, char *buf)
{
	(void)snprintf(buf, ZKP_TAG_MAX + 1, "%s%" PRIu64, client->prefix,
		       number);
}

/* A new call, on the list; its request is not written yet.  NULL: noted why. */
static struct zkl_call *begin(zklock_client *client,
			      const struct zkl_call *like)
{
	struct zkl_call *call;

	if (client->closed || client->unsendable ||
	    (client->greeting && !like->greeting)) {
		(void)zkl_fail(client, ZKLOCK_E_DISCONNECTED, NULL, NULL);
		return NULL;
	}
	if (client->calls_len >= ZKL_CALLS_MAX) {
		(void)zkl_fail(client, ZKLOCK_E_LIMIT, NULL,
			       "too many requests without an answer");
		return NULL;
	}
	call = malloc(sizeof *call);
	if (!call) {
		(void)zkl_fail(client, ZKLOCK_E_NOMEM, NULL, NULL);
		return NULL;
	}
	*call = *like;
	call->number = ++client->calls_last;
	LIST_INSERT_HEAD(bucket(client, call->number), call, node);
	client->calls_len++;
	return call;
}

static void drop(zklock_client *client, struct zkl_call *call)
{
	LIST_REMOVE(call, node);
	client->calls_len--;
	free(call);
}

/* The bytes of a call that was begun. */
static int finish(zklock_client *client, struct zkl_call *call,
		  const struct zkp_out *out, struct zkl_call **call_out)
{
	int ret = out->overflow ? ZKLOCK_E_TOOLONG
				: zkl_send(client, out->buf, out->len);

	if (ret) {
		drop(client, call);
		return zkl_fail(client, ret, NULL, NULL);
	}
	if (call_out)
		*call_out = call;
	return ZKLOCK_OK;
}

int zkl_call_send(zklock_client *client, struct zkp_request *rq,
		  const struct zkl_call *like, struct zkl_call **call_out)
{
	char bytes[ZKP_LINE_MAX + ZKP_LINE_END_MAX];
	char tag[ZKP_TAG_MAX + 1];
	struct zkl_call *call = begin(client, like);
	struct zkp_out out;

	if (!call)
		return client->failure.error;
	call->verb = rq->verb;
	call->kept = call_out != NULL;
	tag_of(client, call->number, tag);
	rq->tag = tag;
	zkp_out_init(&out, bytes, sizeof bytes);
	if (!zkp_request_write(&out, rq))
		out.overflow = true;
	rq->tag = "";
	return finish(client, call, &out, call_out);
}

int zkl_call_send_line(zklock_client *client, const char *line,
		       const struct zkl_call *like, struct zkl_call **call_out)
{
	char bytes[ZKP_LINE_MAX + ZKP_LINE_END_MAX];
	char tag[ZKP_TAG_MAX + 1];
	struct zkl_call *call = begin(client, like);
	struct zkp_out out;

	if (!call)
		return client->failure.error;
	call->command = true;
	call->kept = true;
	tag_of(client, call->number, tag);
	zkp_out_init(&out, bytes, sizeof bytes);
	zkp_out_begin(&out, tag, line);
	(void)zkp_out_end(&out);
	return finish(client, call, &out, call_out);
}

struct zkl_call *zkl_call_find(zklock_client *client, const char *tag)
{
	size_t len = strlen(client->prefix);
	struct zkl_call *call;
	uint64_t number;

	/* Another tag belongs to whoever had the descriptor before us. */
	if (strncmp(tag, client->prefix, len) != 0 ||
	    !zkp_u64_read(tag + len, UINT64_MAX, &number))
		return NULL;
	LIST_FOREACH(call, bucket(client, number), node)
	{
		if (call->number == number)
			return call->done ? NULL : call;
	}
	return NULL;
}

void zkl_call_done(zklock_client *client, struct zkl_call *call, int result)
{
	assert(!call->done);
	if (call->several)
		zkl_several_answered(client, call);
	else if (call->lock && call->lock->asking == call)
		call->lock->asking = NULL;
	call->lock = NULL;
	call->done = true;
	call->result = result;
	if (!call->kept)
		drop(client, call);
}

void zkl_call_free(zklock_client *client, struct zkl_call *call)
{
	call->kept = false;
	call->row = NULL;
	if (call->done)
		drop(client, call);
}

/* For each call, also if it goes meanwhile. */
static void each(zklock_client *client,
		 void (*fn)(zklock_client *client, struct zkl_call *call,
			    const void *ctx),
		 const void *ctx)
{
	struct zkl_call *call, *next;

	for (size_t i = 0; i < ZKL_BUCKETS; i++) {
		for (call = LIST_FIRST(&client->calls[i]); call; call = next) {
			next = LIST_NEXT(call, node);
			fn(client, call, ctx);
		}
	}
}

static void cut_one(zklock_client *client, struct zkl_call *call,
		    const void *ctx)
{
	const int *error = ctx;

	if (!call->done)
		zkl_call_done(client, call, *error);
}

void zkl_calls_cut(zklock_client *client, int error)
{
	each(client, cut_one, &error);
}

static void forget_one(zklock_client *client, struct zkl_call *call,
		       const void *ctx)
{
	(void)client;
	if (call->lock == ctx)
		call->lock = NULL;
}

void zkl_calls_forget(zklock_client *client, const zklock_lock *lock)
{
	if (client->calls_len)
		each(client, forget_one, lock);
}

void zkl_give_back(zklock_client *client, uint64_t id, uint64_t token)
{
	const struct zkl_call like = { 0 };
	struct zkp_request rq;

	zkp_request_init(&rq, ZKP_VERB_UNLOCK);
	rq.id = id;
	rq.token = token;
	/* A hold that nobody has must not stay: else the connection goes. */
	if (zkl_call_send(client, &rq, &like, NULL))
		client->cut_error = ZKLOCK_E_DISCONNECTED;
}

void zkl_ask_init(struct zkp_request *rq,
		  const struct zklock_lock_options *options)
{
	int64_t wait_ms = options ? options->wait_ms : ZKLOCK_WAIT_FOREVER;

	zkp_request_init(rq, wait_ms ? ZKP_VERB_LOCK : ZKP_VERB_TRYLOCK);
	rq->wait_ms = wait_ms;
	if (!options)
		return;
	if (options->note)
		rq->note = options->note;
	if (options->mode == ZKLOCK_MODE_SHARED)
		rq->mode = ZKP_MODE_S;
	rq->slots = options->slots;
	rq->min_hold_ms = options->min_hold_ms;
	rq->max_hold_ms = options->max_hold_ms;
	rq->wanted = options->wanted;
}

int zkl_ask(zklock_client *client, const char *name,
	    const struct zklock_lock_options *options, bool quiet,
	    zklock_lock **lock_out)
{
	struct zkl_call like = { 0 };
	struct zkl_call *call = NULL;
	struct zkp_request rq;
	int ret;

	if (client->locks_len >= ZKL_LOCKS_MAX)
		return zkl_fail(client, ZKLOCK_E_LIMIT, name, NULL);
	zkl_ask_init(&rq, options);
	rq.name = name;
	like.lock = zkl_lock_new(client, name, options);
	if (!like.lock)
		return zkl_fail(client, ZKLOCK_E_NOMEM, name, NULL);
	ret = zkl_call_send(client, &rq, &like, &call);
	if (ret || !call) {
		zkl_lock_free(like.lock);
		return ret;
	}
	call->kept = quiet;
	like.lock->quiet = quiet;
	like.lock->asking = call;
	*lock_out = like.lock;
	return ZKLOCK_OK;
}

int zkl_call_off(zklock_lock *lock)
{
	const struct zkl_call like = { 0 };
	char tag[ZKP_TAG_MAX + 1];
	struct zkp_request rq;
	int ret;

	if (lock->revoked)
		return ZKLOCK_OK;
	zkp_request_init(&rq, ZKP_VERB_CANCEL);
	tag_of(lock->client, lock->asking->number, tag);
	rq.target = tag;
	ret = zkl_call_send(lock->client, &rq, &like, NULL);
	if (ret == ZKLOCK_OK && lock->group)
		zkl_several_revoke(lock);
	else if (ret == ZKLOCK_OK)
		lock->revoked = true;
	return ret;
}

void zkl_call_cancel(zklock_client *client, const struct zkl_call *call)
{
	const struct zkl_call like = { .lock = NULL };
	char tag[ZKP_TAG_MAX + 1];
	struct zkp_request rq;

	zkp_request_init(&rq, ZKP_VERB_CANCEL);
	tag_of(client, call->number, tag);
	rq.target = tag;
	if (zkl_call_send(client, &rq, &like, NULL))
		zkl_cut(client, ZKLOCK_E_DISCONNECTED);
}

int zkl_unlock(zklock_lock *lock, struct zkl_call **call_out)
{
	const struct zkl_call like = { .lock = lock };
	struct zkp_request rq;
	int ret;

	/* Not held from before the request on: a getter never says more than
	 * is true. */
	atomic_store(&lock->held, false);
	zkp_request_init(&rq, ZKP_VERB_UNLOCK);
	rq.id = atomic_load(&lock->id);
	rq.token = atomic_load(&lock->token);
	ret = zkl_call_send(lock->client, &rq, &like, call_out);
	if (ret == ZKLOCK_OK)
		lock->state = ZKL_LOCK_RELEASING;
	else
		atomic_store(&lock->held, true);
	return ret;
}
