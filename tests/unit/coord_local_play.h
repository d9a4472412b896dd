/* SPDX-License-Identifier: MIT */
/*
 * coord_local_play - a tree, its clients, and their mailboxes told as text:
 * shared by the tests of coord_local.
 */
#ifndef TESTS_UNIT_COORD_LOCAL_PLAY_H
#define TESTS_UNIT_COORD_LOCAL_PLAY_H

#include <check.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/coord_local.h"

#define ZXID_START (INT64_C(7) << 32)
#define TIMEOUT_MS 1000

static struct coord_tree *tree;
static int64_t clock_ms;
static char told[8192];

static inline int64_t now_ms(void *ctx)
{
	(void)ctx;
	return clock_ms;
}

static inline void tree_begin(unsigned views)
{
	struct coord_tree_settings settings = {
		.zxid_start = ZXID_START,
		.now_ms = now_ms,
		.wall_offset_ms = 5000,
		.reap_every_ms = 60000,
		.views = views,
	};

	clock_ms = 100;
	tree = coord_tree_new(&settings);
	ck_assert_ptr_nonnull(tree);
}

static inline struct coord *client(bool stepped)
{
	struct coord_local_settings settings = { .timeout_ms = TIMEOUT_MS,
						 .server = "memory",
						 .stepped = stepped };
	struct coord *coord = coord_local_new(tree, &settings);

	ck_assert_ptr_nonnull(coord);
	return coord;
}

/* --- transcripts --- */

static inline void tell(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

static inline void tell(const char *format, ...)
{
	size_t len = strlen(told);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(told + len, sizeof told - len, format, args);
	va_end(args);
}

static inline const char *result_word(enum coord_result result)
{
	static const char *const words[] = {
		[COORD_OK] = "ok",
		[COORD_NO_NODE] = "nonode",
		[COORD_NODE_EXISTS] = "exists",
		[COORD_NOT_EMPTY] = "notempty",
		[COORD_BAD_VERSION] = "version",
		[COORD_MAYBE] = "maybe",
		[COORD_NOT_SENT] = "notsent",
		[COORD_REFUSED] = "refused",
	};

	return words[result];
}

static inline void tell_answer(const struct coord_event *event)
{
	tell("%" PRIu64 "=%s", event->answer.id,
	     result_word(event->answer.result));
	if (event->answer.path)
		tell(",%s", event->answer.path);
	if (event->answer.data_len)
		tell(",\"%.*s\"", (int)event->answer.data_len,
		     event->answer.data);
	for (size_t i = 0; i < event->answer.children_len; i++)
		tell("%c%s", i ? '+' : ':', event->answer.children[i]);
}

static inline void tell_event(const struct coord_event *event)
{
	static const char *const watches[] = { "changed", "deleted",
					       "children" };

	tell("%s", told[0] ? " " : "");
	switch (event->type) {
	case COORD_EV_ANSWER:
		tell_answer(event);
		break;
	case COORD_EV_WATCH:
		tell("%s(%s)", watches[event->watch.what], event->watch.path);
		break;
	case COORD_EV_LINK_DOWN:
		tell("DOWN");
		break;
	case COORD_EV_ATTACHED:
		tell("%s", event->attached.fresh ? "FRESH" : "AGAIN");
		break;
	case COORD_EV_EXPIRED:
		tell("EXPIRED");
		break;
	case COORD_EV_AUTH_FAILED:
		tell("AUTH");
		break;
	case COORD_EV_CLOSED:
		tell("CLOSED");
		break;
	}
}

/* Everything in the mailbox, told. */
static inline const char *heard(struct coord *coord)
{
	struct coord_event event;

	told[0] = '\0';
	while (coord->ops->next(coord, &event))
		tell_event(&event);
	return told;
}

/* --- operations --- */

static inline struct coord_op op_of(uint64_t id, enum coord_verb verb,
				    const char *path)
{
	return (struct coord_op){ .id = id, .verb = verb, .path = path };
}

static inline void submit(struct coord *coord, struct coord_op op)
{
	coord->ops->submit(coord, &op, 1);
}

static inline void create(struct coord *coord, uint64_t id,
			  enum coord_kind kind, const char *path)
{
	struct coord_op op = op_of(id, COORD_CREATE, path);

	op.kind = kind;
	op.data = path;
	op.data_len = strlen(path);
	submit(coord, op);
}

static inline void list(struct coord *coord, uint64_t id, const char *path)
{
	struct coord_op op = op_of(id, COORD_LIST, path);

	op.watch = true;
	submit(coord, op);
}

static inline void get(struct coord *coord, uint64_t id, const char *path)
{
	struct coord_op op = op_of(id, COORD_GET, path);

	op.watch = true;
	submit(coord, op);
}

static inline void foreign(enum coord_verb verb, const char *path)
{
	struct coord_op op = op_of(1, verb, path);

	ck_assert_int_eq(coord_tree_write(tree, &op, 0).result, COORD_OK);
}

/* A stepped client that is attached and has /l, heard to the end. */
static inline struct coord *stepped_client(unsigned view)
{
	struct coord *coord = client(true);

	coord->ops->connect(coord);
	coord_local_attach(coord, view, clock_ms);
	if (!coord_tree_find(tree, 0, "/l"))
		foreign(COORD_CREATE, "/l");
	coord_tree_view_sync(tree, view);
	ck_assert_str_eq(heard(coord), "FRESH");
	return coord;
}

static inline void end(struct coord *coord)
{
	coord_local_free(coord);
	coord_tree_free(tree);
	tree = NULL;
}

#endif
