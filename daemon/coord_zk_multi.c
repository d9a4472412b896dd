/* SPDX-License-Identifier: MIT */
/*
 * coord_zk_multi - a multi's call, and the memory that its answer is written
 * to.
 *
 * The one place where the library is given pointers: it writes paths, stats
 * and errors to them when the answer comes, which may be long after the row
 * was answered as lost.  So the memory is the multi's own and lives until its
 * completion, or until the handle is closed, for completions can get lost.
 *
 * On a handle that is beyond recovery the library aborts the process in a
 * multi.  In one thread nothing can come between the look and the call.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/coord_zk_i.h"

/* Digits that a server appends, and the NUL. */
#define MADE_EXTRA 16

struct zk_multi {
	uint64_t seq;
	size_t len;
	zoo_op_t *ops;
	zoo_op_result_t *results;
	struct Stat *stats;
	TAILQ_ENTRY(zk_multi) in_list;
};

static size_t made_size(const struct coord_op *sub)
{
	return sub->verb == COORD_CREATE ? strlen(sub->path) + MADE_EXTRA : 0;
}

static struct zk_multi *multi_new(const struct coord_op *op)
{
	size_t len = op->subs_len;
	struct zk_multi *multi;
	size_t room = len * (sizeof *multi->ops + sizeof *multi->results +
			     sizeof *multi->stats);

	for (size_t i = 0; i < len; i++)
		room += made_size(&op->subs[i]);
	multi = calloc(1, sizeof *multi + room);
	if (!multi)
		return NULL;
	multi->len = len;
	multi->ops = (zoo_op_t *)(multi + 1);
	multi->results = (zoo_op_result_t *)(multi->ops + len);
	multi->stats = (struct Stat *)(multi->results + len);
	return multi;
}

static void fill(const struct coord_zk *zk, struct zk_multi *multi,
		 const struct coord_op *op)
{
	char *made = (char *)(multi->stats + multi->len);

	for (size_t i = 0; i < multi->len; i++) {
		const struct coord_op *sub = &op->subs[i];
		int data_len = sub->data ? (int)sub->data_len : -1;

		if (sub->verb == COORD_CREATE)
			zoo_create_op_init(&multi->ops[i], sub->path, sub->data,
					   data_len, zk_acl(zk),
					   zk_mode(sub->kind), made,
					   (int)made_size(sub));
		else if (sub->verb == COORD_SET)
			zoo_set_op_init(&multi->ops[i], sub->path, sub->data,
					data_len, -1, &multi->stats[i]);
		else if (sub->verb == COORD_DELETE)
			zoo_delete_op_init(&multi->ops[i], sub->path, -1);
		else
			zoo_check_op_init(&multi->ops[i], sub->path, -1);
		made += made_size(sub);
	}
}

static bool is_allowed(const struct coord_op *op)
{
	if (op->subs_len == 0 || op->subs_len > COORD_SUBS_MAX)
		return false;
	for (size_t i = 0; i < op->subs_len; i++) {
		const struct coord_op *sub = &op->subs[i];

		/* The server makes no container in a multi. */
		if (sub->verb != COORD_SET && sub->verb != COORD_DELETE &&
		    sub->verb != COORD_CHECK &&
		    (sub->verb != COORD_CREATE || sub->kind == COORD_CONTAINER))
			return false;
	}
	return true;
}

int zk_multi_call(struct coord_zk *zk, const struct coord_op *op,
		  void_completion_t done, const void *data)
{
	struct zk_multi *multi;
	int rc;

	if (!is_allowed(op))
		return ZBADARGUMENTS;
	if (is_unrecoverable(zk->link.zh))
		return ZINVALIDSTATE;
	multi = multi_new(op);
	if (!multi)
		return ZBADARGUMENTS; /* not sent, and not to be tried again */
	fill(zk, multi, op);
	multi->seq = zk->ops.seq;
	TAILQ_INSERT_TAIL(&zk->ops.multis, multi, in_list);
	rc = zoo_amulti(zk->link.zh, (int)multi->len, multi->ops,
			multi->results, done, data);
	/* Any other failure may have kept the pointers. */
	if (rc == ZBADARGUMENTS || rc == ZINVALIDSTATE)
		zk_multi_free(zk_multi_take(zk, multi->seq));
	return rc;
}

struct zk_multi *zk_multi_take(struct coord_zk *zk, uint64_t seq)
{
	struct zk_multi *multi;

	TAILQ_FOREACH(multi, &zk->ops.multis, in_list)
	{
		if (multi->seq != seq)
			continue;
		TAILQ_REMOVE(&zk->ops.multis, multi, in_list);
		return multi;
	}
	return NULL;
}

/* Those before the culprit say 0, those behind it ZRUNTIMEINCONSISTENCY: none
 * of them was applied. */
static size_t culprit(const struct zk_multi *multi)
{
	for (size_t i = 0; i < multi->len; i++) {
		int err = multi->results[i].err;

		if (err != ZOK && err != ZRUNTIMEINCONSISTENCY)
			return i;
	}
	return 0;
}

void zk_multi_answer(const struct zk_multi *multi, struct coord_sub *subs,
		     struct coord_event *event)
{
	if (!multi)
		return;
	if (event->answer.result != COORD_OK) {
		event->answer.failed = culprit(multi);
		return;
	}
	for (size_t i = 0; i < multi->len; i++)
		subs[i] =
		    (struct coord_sub){ .path = multi->results[i].value,
					.stat = zk_stat(&multi->stats[i]) };
	event->answer.subs = subs;
	event->answer.subs_len = multi->len;
}

void zk_multi_free(struct zk_multi *multi)
{
	free(multi);
}

void zk_multi_free_all(struct coord_zk *zk)
{
	struct zk_multi *multi;

	while ((multi = TAILQ_FIRST(&zk->ops.multis))) {
		TAILQ_REMOVE(&zk->ops.multis, multi, in_list);
		zk_multi_free(multi);
	}
}
