/* SPDX-License-Identifier: MIT */
/*
 * batch - see the header.  An item is in one of two queues (writes, calm) or
 * in a flight; a flight is in the air until it lands.
 */
#include "daemon/batch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

/* Digits that a server appends, a sign and the NUL. */
#define MADE_EXTRA 12

TAILQ_HEAD(batch_items, batch_item);

struct batch_item {
	struct batch_want want; /* its strings are in the same allocation */
	int64_t due_ms;         /* calm */
	char *made;             /* CREATE: room for the path made */
	TAILQ_ENTRY(batch_item) in_queue;
};

struct batch_flight {
	uint64_t id;
	size_t len;
	size_t subs_len;
	size_t bytes;
	bool calm; /* a read: nothing waits for its answer */
	TAILQ_ENTRY(batch_flight) in_air;
	/* The answer: of the whole, and of each sub-operation. */
	enum coord_result result;
	int zk_rc;
	struct coord_op subs[COORD_SUBS_MAX];
	struct coord_sub sub_answers[COORD_SUBS_MAX];
	size_t sub_at[COORD_SUBS_MAX]; /* item's first sub-operation */
	struct batch_item *items[COORD_SUBS_MAX];
};

struct batch {
	unsigned ops_max;
	uint64_t flight_last;
	unsigned flying;
	struct batch_items writes;
	size_t writes_subs; /* sub-operations that they would be */
	struct batch_items calm;
	TAILQ_HEAD(, batch_flight) air;
	struct batch_flight *lent_calm; /* what batch_next() lent last */
};

static void *need(void *memory)
{
	if (!memory)
		abort(); /* see batch_put() */
	return memory;
}

/* Items */

static size_t size_of_string(const char *s)
{
	return s ? strlen(s) + 1 : 0;
}

static const char *put_string(char **at, const char *s)
{
	size_t size = size_of_string(s);
	char *copy = *at;

	if (!s)
		return NULL;
	memcpy(copy, s, size);
	*at += size;
	return copy;
}

static struct batch_item *item_new(const struct batch_want *want)
{
	size_t path_size = strlen(want->op.path) + 1;
	size_t made_size =
	    want->op.verb == COORD_CREATE ? path_size + MADE_EXTRA : 0;
	size_t room = path_size + made_size + want->op.data_len +
		      size_of_string(want->parent) +
		      size_of_string(want->parent_data);
	struct batch_item *item = need(malloc(sizeof *item + room));
	char *at = (char *)(item + 1);

	*item = (struct batch_item){ .want = *want };
	item->want.op.path = put_string(&at, want->op.path);
	item->want.parent = put_string(&at, want->parent);
	item->want.parent_data = put_string(&at, want->parent_data);
	if (want->op.data) {
		item->want.op.data =
		    memcpy(at, want->op.data, want->op.data_len);
		at += want->op.data_len;
	}
	item->made = made_size ? at : NULL;
	return item;
}

static bool is_claim(const struct batch_item *item)
{
	return item->want.op.verb == COORD_CREATE;
}

static size_t subs_of(const struct batch_item *item)
{
	return is_claim(item) ? 2 : 1;
}

static size_t bytes_of(const struct batch_item *item)
{
	const struct batch_want *want = &item->want;

	return strlen(want->op.path) + want->op.data_len +
	       size_of_string(want->parent) + size_of_string(want->parent_data);
}

static void items_free(struct batch_items *items)
{
	struct batch_item *item;

	while ((item = TAILQ_FIRST(items))) {
		TAILQ_REMOVE(items, item, in_queue);
		free(item);
	}
}

/* In and out */

void batch_put(struct batch *batch, const struct batch_want *want)
{
	struct batch_item *item = item_new(want);

	TAILQ_INSERT_TAIL(&batch->writes, item, in_queue);
	batch->writes_subs += subs_of(item);
}

static void unqueue(struct batch *batch, struct batch_item *item)
{
	TAILQ_REMOVE(&batch->writes, item, in_queue);
	batch->writes_subs -= subs_of(item);
}

void batch_put_calm(struct batch *batch, const struct batch_want *want,
		    int64_t now_ms)
{
	struct batch_item *item = item_new(want);

	item->due_ms = now_ms + BATCH_CALM_MS;
	TAILQ_INSERT_TAIL(&batch->calm, item, in_queue);
}

static void take_out(struct batch *batch, struct batch_item *item,
		     struct batch_want *want_out)
{
	unqueue(batch, item);
	*want_out = item->want;
	want_out->op.path = want_out->op.data = NULL;
	want_out->op.data_len = 0;
	want_out->parent = want_out->parent_data = NULL;
	free(item);
}

bool batch_cancel(struct batch *batch, uint64_t bid,
		  struct batch_want *want_out)
{
	struct batch_item *item;

	TAILQ_FOREACH(item, &batch->writes, in_queue)
	{
		if (item->want.bid != bid || !is_claim(item))
			continue;
		take_out(batch, item, want_out);
		return true;
	}
	return false;
}

bool batch_take_back(struct batch *batch, struct batch_want *want_out)
{
	struct batch_item *item = TAILQ_FIRST(&batch->writes);

	items_free(&batch->calm);
	if (!item)
		return false;
	take_out(batch, item, want_out);
	return true;
}

void batch_clear(struct batch *batch)
{
	items_free(&batch->writes);
	batch->writes_subs = 0;
	items_free(&batch->calm);
}

/* Filling a flight */

static bool has_parent(const struct batch_flight *flight, const char *parent)
{
	for (size_t i = 0; i < flight->len; i++) {
		const struct batch_item *item = flight->items[i];

		if (is_claim(item) && strcmp(item->want.parent, parent) == 0)
			return true;
	}
	return false;
}

static bool fits(const struct batch *batch, const struct batch_flight *flight,
		 const struct batch_item *item)
{
	if (flight->len == 0)
		return true;
	return flight->subs_len + subs_of(item) <= batch->ops_max &&
	       flight->bytes + bytes_of(item) <= BATCH_BYTES_MAX &&
	       !(is_claim(item) && has_parent(flight, item->want.parent));
}

static void board(struct batch_flight *flight, struct batch_item *item)
{
	flight->items[flight->len++] = item;
	flight->subs_len += subs_of(item);
	flight->bytes += bytes_of(item);
}

static void add_claim(struct batch_flight *flight, size_t at, size_t *sub)
{
	const struct batch_want *want = &flight->items[at]->want;
	struct coord_op set = { .verb = COORD_SET,
				.path = want->parent,
				.data = want->parent_data };

	set.data_len = want->parent_data ? strlen(want->parent_data) : 0;
	flight->sub_at[at] = *sub;
	flight->subs[(*sub)++] = want->op;
	flight->subs[(*sub)++] = set;
}

/* Deletes first: then a parent's count is of those that stay (R15). */
static void arrange(struct batch_flight *flight)
{
	size_t sub = 0;

	for (size_t i = 0; i < flight->len; i++) {
		if (is_claim(flight->items[i]))
			continue;
		flight->sub_at[i] = sub;
		flight->subs[sub++] = flight->items[i]->want.op;
	}
	for (size_t i = 0; i < flight->len; i++) {
		if (is_claim(flight->items[i]))
			add_claim(flight, i, &sub);
	}
	assert(sub == flight->subs_len);
}

static struct batch_flight *flight_new(struct batch *batch)
{
	struct batch_flight *flight = need(malloc(sizeof *flight));

	flight->id = ++batch->flight_last;
	flight->len = flight->subs_len = flight->bytes = 0;
	flight->calm = false;
	flight->result = COORD_MAYBE;
	flight->zk_rc = 0;
	return flight;
}

static struct batch_flight *writes_leave(struct batch *batch)
{
	struct batch_flight *flight = flight_new(batch);
	struct batch_item *item = TAILQ_FIRST(&batch->writes), *next;

	for (; item && (!flight->len || flight->subs_len < batch->ops_max);
	     item = next) {
		next = TAILQ_NEXT(item, in_queue);
		if (!fits(batch, flight, item))
			continue;
		unqueue(batch, item);
		board(flight, item);
		if (batch->ops_max < 2)
			break;
	}
	if (flight->len > 1)
		arrange(flight);
	TAILQ_INSERT_TAIL(&batch->air, flight, in_air);
	batch->flying++;
	return flight;
}

static struct batch_flight *calm_leaves(struct batch *batch)
{
	struct batch_flight *flight = flight_new(batch);
	struct batch_item *item = TAILQ_FIRST(&batch->calm);

	TAILQ_REMOVE(&batch->calm, item, in_queue);
	board(flight, item);
	flight->calm = true;
	batch->lent_calm = flight;
	return flight;
}

int64_t batch_wake_ms(const struct batch *batch)
{
	const struct batch_item *first = TAILQ_FIRST(&batch->calm);

	return first ? first->due_ms : INT64_MAX;
}

static bool may_leave(const struct batch *batch)
{
	if (TAILQ_EMPTY(&batch->writes))
		return false;
	return batch->ops_max < 2 || batch->flying < BATCH_FLIGHTS_MAX ||
	       (batch->flying < BATCH_FLIGHTS_FULL_MAX &&
		batch->writes_subs >= batch->ops_max);
}

const struct batch_flight *batch_next(struct batch *batch, int64_t now_ms)
{
	batch_flight_free(batch->lent_calm);
	batch->lent_calm = NULL;
	if (may_leave(batch))
		return writes_leave(batch);
	return batch_wake_ms(batch) <= now_ms ? calm_leaves(batch) : NULL;
}

/* Looking at a flight */

uint64_t batch_flight_id(const struct batch_flight *flight)
{
	return flight->id;
}

size_t batch_flight_len(const struct batch_flight *flight)
{
	return flight->len;
}

const struct batch_want *batch_flight_want(const struct batch_flight *flight,
					   size_t at)
{
	assert(at < flight->len);
	return &flight->items[at]->want;
}

bool batch_flight_multi(const struct batch_flight *flight,
			struct coord_op *multi_out)
{
	if (flight->len < 2)
		return false;
	*multi_out = (struct coord_op){ .verb = COORD_MULTI,
					.path = "/",
					.subs = flight->subs,
					.subs_len = flight->subs_len };
	batch_check(multi_out);
	return true;
}

/* The length of a path's parent. */
static size_t parent_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? (size_t)(slash - path) : 0;
}

static bool same_parent(const char *a, const char *b)
{
	size_t len = parent_len(a);

	return len == parent_len(b) && memcmp(a, b, len) == 0;
}

void batch_check(const struct coord_op *multi)
{
	bool creates = false;

	for (size_t i = 0; i < multi->subs_len; i++) {
		const struct coord_op *sub = &multi->subs[i];

		if (sub->verb == COORD_DELETE)
			assert(!creates); /* deletes come first */
		if (sub->verb != COORD_CREATE)
			continue;
		creates = true;
		/* Its set is right behind it, and no other create has its
		 * parent: they would share a czxid, so a token. */
		assert(i + 1 < multi->subs_len &&
		       multi->subs[i + 1].verb == COORD_SET &&
		       parent_len(sub->path) ==
			   strlen(multi->subs[i + 1].path));
		for (size_t k = 0; k < i; k++)
			assert(multi->subs[k].verb != COORD_CREATE ||
			       !same_parent(multi->subs[k].path, sub->path));
	}
}

/* Landing */

/* The event is lent: what is needed of it moves into the flight. */
static void keep(struct batch_flight *flight, const struct coord_event *answer)
{
	flight->result = answer->answer.result;
	flight->zk_rc = answer->answer.zk_rc;
	if (flight->len < 2 || flight->result != COORD_OK)
		return;
	assert(answer->answer.subs_len == flight->subs_len);
	for (size_t i = 0; i < flight->subs_len; i++)
		flight->sub_answers[i] = answer->answer.subs[i];
	for (size_t i = 0; i < flight->len; i++) {
		struct batch_item *item = flight->items[i];
		const char *made = flight->sub_answers[flight->sub_at[i]].path;

		if (!is_claim(item))
			continue;
		assert(strlen(made) < strlen(item->want.op.path) + MADE_EXTRA);
		memcpy(item->made, made, strlen(made) + 1);
	}
}

struct batch_flight *batch_land(struct batch *batch, uint64_t id,
				const struct coord_event *answer)
{
	struct batch_flight *flight;

	TAILQ_FOREACH(flight, &batch->air, in_air)
	{
		if (flight->id != id)
			continue;
		TAILQ_REMOVE(&batch->air, flight, in_air);
		batch->flying--;
		keep(flight, answer);
		return flight;
	}
	return NULL;
}

bool batch_flight_refused(const struct batch_flight *flight)
{
	switch (flight->result) {
	case COORD_OK:
	case COORD_MAYBE:
	case COORD_NOT_SENT:
		return false;
	case COORD_NO_NODE:
	case COORD_NODE_EXISTS:
	case COORD_NOT_EMPTY:
	case COORD_BAD_VERSION:
	case COORD_REFUSED:
		break;
	}
	return true;
}

struct batch_answer batch_flight_answer(const struct batch_flight *flight,
					size_t at)
{
	struct batch_answer answer = { .event.type = COORD_EV_ANSWER };
	const struct batch_item *item = flight->items[at];
	const struct coord_stat *parent;

	assert(flight->len > 1 && at < flight->len);
	assert(!batch_flight_refused(flight));
	answer.event.answer.result = flight->result;
	answer.event.answer.zk_rc = flight->zk_rc;
	if (flight->result != COORD_OK || !is_claim(item))
		return answer;
	parent = &flight->sub_answers[flight->sub_at[at] + 1].stat;
	answer.event.answer.path = item->made;
	answer.event.answer.stat.czxid = parent->mzxid;
	answer.claimed = true;
	answer.children = parent->children;
	return answer;
}

void batch_flight_free(struct batch_flight *flight)
{
	if (!flight)
		return;
	for (size_t i = 0; i < flight->len; i++)
		free(flight->items[i]);
	free(flight);
}

/* Life */

struct batch *batch_new(unsigned ops_max)
{
	struct batch *batch = calloc(1, sizeof *batch);

	assert(ops_max <= COORD_SUBS_MAX);
	if (!batch)
		return NULL;
	batch->ops_max = ops_max;
	TAILQ_INIT(&batch->writes);
	TAILQ_INIT(&batch->calm);
	TAILQ_INIT(&batch->air);
	return batch;
}

void batch_free(struct batch *batch)
{
	struct batch_flight *flight;

	if (!batch)
		return;
	batch_clear(batch);
	while ((flight = TAILQ_FIRST(&batch->air))) {
		TAILQ_REMOVE(&batch->air, flight, in_air);
		batch_flight_free(flight);
	}
	batch_flight_free(batch->lent_calm);
	free(batch);
}
