/* SPDX-License-Identifier: MIT */
/*
 * coord_local_test - the tree in memory keeps coord.h's contract and
 * ZooKeeper's meaning.  What happens is told as a transcript: a word an event.
 */
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

static int64_t now_ms(void *ctx)
{
	(void)ctx;
	return clock_ms;
}

static void tree_begin(unsigned views)
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

static struct coord *client(bool stepped)
{
	struct coord_local_settings settings = { .timeout_ms = TIMEOUT_MS,
						 .server = "memory",
						 .stepped = stepped };
	struct coord *coord = coord_local_new(tree, &settings);

	ck_assert_ptr_nonnull(coord);
	return coord;
}

/* --- transcripts --- */

static void tell(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void tell(const char *format, ...)
{
	size_t len = strlen(told);
	va_list args;

	va_start(args, format);
	(void)vsnprintf(told + len, sizeof told - len, format, args);
	va_end(args);
}

static const char *result_word(enum coord_result result)
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

static void tell_answer(const struct coord_event *event)
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

static void tell_event(const struct coord_event *event)
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
static const char *heard(struct coord *coord)
{
	struct coord_event event;

	told[0] = '\0';
	while (coord->ops->next(coord, &event))
		tell_event(&event);
	return told;
}

/* --- operations --- */

static struct coord_op op_of(uint64_t id, enum coord_verb verb,
			     const char *path)
{
	return (struct coord_op){ .id = id, .verb = verb, .path = path };
}

static void submit(struct coord *coord, struct coord_op op)
{
	coord->ops->submit(coord, &op, 1);
}

static void create(struct coord *coord, uint64_t id, enum coord_kind kind,
		   const char *path)
{
	struct coord_op op = op_of(id, COORD_CREATE, path);

	op.kind = kind;
	op.data = path;
	op.data_len = strlen(path);
	submit(coord, op);
}

static void list(struct coord *coord, uint64_t id, const char *path)
{
	struct coord_op op = op_of(id, COORD_LIST, path);

	op.watch = true;
	submit(coord, op);
}

static void get(struct coord *coord, uint64_t id, const char *path)
{
	struct coord_op op = op_of(id, COORD_GET, path);

	op.watch = true;
	submit(coord, op);
}

static void foreign(enum coord_verb verb, const char *path)
{
	struct coord_op op = op_of(1, verb, path);

	ck_assert_int_eq(coord_tree_write(tree, &op, 0).result, COORD_OK);
}

/* A stepped client that is attached and has /l, heard to the end. */
static struct coord *stepped_client(unsigned view)
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

static void end(struct coord *coord)
{
	coord_local_free(coord);
	coord_tree_free(tree);
	tree = NULL;
}

/* --- the tree --- */

START_TEST(sequence_is_the_parents_counter)
{
	struct coord *c;

	tree_begin(1);
	c = client(false);
	c->ops->connect(c);
	create(c, 1, COORD_CONTAINER, "/l");
	create(c, 2, COORD_EPHEMERAL_SEQUENTIAL, "/l/a-");
	create(c, 3, COORD_EPHEMERAL_SEQUENTIAL, "/l/b-");
	submit(c, op_of(4, COORD_DELETE, "/l/a-0000000000"));
	create(c, 5, COORD_EPHEMERAL_SEQUENTIAL, "/l/c-");
	submit(c, op_of(6, COORD_LIST, "/l"));
	ck_assert_str_eq(heard(c), "FRESH 1=ok,/l 2=ok,/l/a-0000000000"
				   " 3=ok,/l/b-0000000001 4=ok"
				   " 5=ok,/l/c-0000000002"
				   " 6=ok:b-0000000001+c-0000000002");
	end(c);
}
END_TEST

START_TEST(counter_sticks_at_its_end)
{
	struct coord *c;

	tree_begin(1);
	c = client(false);
	c->ops->connect(c);
	create(c, 1, COORD_PERSISTENT, "/l");
	coord_tree_counter_set(tree, "/l", INT32_MAX - 1);
	create(c, 2, COORD_EPHEMERAL_SEQUENTIAL, "/l/a-");
	create(c, 3, COORD_EPHEMERAL_SEQUENTIAL, "/l/b-");
	create(c, 4, COORD_EPHEMERAL_SEQUENTIAL, "/l/c-");
	ck_assert_str_eq(heard(c), "FRESH 1=ok,/l 2=ok,/l/a-2147483646"
				   " 3=ok,/l/b-2147483647"
				   " 4=ok,/l/c-2147483647");
	end(c);
}
END_TEST

START_TEST(errors_have_zookeepers_words)
{
	struct coord *c;

	tree_begin(1);
	c = client(false);
	c->ops->connect(c);
	create(c, 1, COORD_EPHEMERAL, "/l/a");
	create(c, 2, COORD_PERSISTENT, "/l");
	create(c, 3, COORD_PERSISTENT, "/l");
	create(c, 4, COORD_EPHEMERAL, "/l/a");
	create(c, 5, COORD_PERSISTENT, "/l/a/b");
	submit(c, op_of(6, COORD_DELETE, "/l"));
	submit(c, op_of(7, COORD_DELETE, "/x"));
	submit(c, op_of(8, COORD_SET, "/x"));
	submit(c, op_of(9, COORD_GET, "/x"));
	submit(c, op_of(10, COORD_LIST, "/x"));
	submit(c, op_of(11, COORD_GET, "/l/a"));
	submit(c, op_of(12, COORD_SYNC, "/"));
	ck_assert_str_eq(heard(c), "FRESH 1=nonode 2=ok,/l 3=exists 4=ok,/l/a"
				   " 5=refused 6=notempty 7=nonode 8=nonode"
				   " 9=nonode 10=nonode 11=ok,\"/l/a\" 12=ok");
	end(c);
}
END_TEST

static struct coord_stat stat_of(const char *path)
{
	const struct coord_tree_node *node = coord_tree_find(tree, 0, path);

	ck_assert_ptr_nonnull(node);
	return coord_tree_stat(node);
}

/* Session, /l, failed create, a, b, set a, delete b: zxids 1 to 7. */
START_TEST(stats_are_zookeepers)
{
	struct coord *c;
	struct coord_stat stat;

	tree_begin(1);
	c = client(false);
	c->ops->connect(c);
	create(c, 1, COORD_PERSISTENT, "/l");
	create(c, 2, COORD_PERSISTENT, "/l");
	create(c, 3, COORD_EPHEMERAL, "/l/a");
	create(c, 4, COORD_PERSISTENT, "/l/b");
	submit(c, op_of(5, COORD_SET, "/l/a"));
	submit(c, op_of(6, COORD_DELETE, "/l/b"));

	stat = stat_of("/l");
	ck_assert_int_eq(stat.czxid, ZXID_START + 2);
	ck_assert_int_eq(stat.mzxid, ZXID_START + 2);
	ck_assert_int_eq(stat.pzxid, ZXID_START + 7);
	ck_assert_int_eq(stat.cversion, 3);
	ck_assert_int_eq(stat.children, 1);
	ck_assert_int_eq(stat.owner, 0);
	ck_assert_int_eq(stat.ctime_ms, 5100);

	stat = stat_of("/l/a");
	ck_assert_int_eq(stat.czxid, ZXID_START + 4);
	ck_assert_int_eq(stat.mzxid, ZXID_START + 6);
	ck_assert_int_eq(stat.version, 1);
	ck_assert_int_eq(stat.owner, coord_local_session(c));
	end(c);
}
END_TEST

START_TEST(answers_carry_the_stat)
{
	struct coord_event event;
	struct coord *c;

	tree_begin(1);
	c = client(false);
	c->ops->connect(c);
	create(c, 1, COORD_PERSISTENT, "/l");
	submit(c, op_of(2, COORD_SET, "/l"));
	submit(c, op_of(3, COORD_LIST, "/l"));
	ck_assert(c->ops->next(c, &event));
	ck_assert_int_eq(event.type, COORD_EV_ATTACHED);
	ck_assert_int_eq(event.attached.timeout_ms, TIMEOUT_MS);
	ck_assert_int_eq(event.attached.connect_ms, 100);
	ck_assert_int_ne(event.attached.session, 0);
	ck_assert(c->ops->next(c, &event));
	ck_assert_int_eq(event.answer.stat.czxid, ZXID_START + 2);
	ck_assert(c->ops->next(c, &event));
	ck_assert_int_eq(event.answer.stat.mzxid, ZXID_START + 3);
	ck_assert(c->ops->next(c, &event));
	ck_assert_int_eq(event.answer.stat.version, 1);
	ck_assert(!c->ops->next(c, &event));
	end(c);
}
END_TEST

START_TEST(containers_go_when_emptied_and_only_then)
{
	struct coord *c;

	tree_begin(1);
	c = client(false);
	c->ops->connect(c);
	create(c, 1, COORD_CONTAINER, "/new");
	create(c, 2, COORD_CONTAINER, "/used");
	create(c, 3, COORD_CONTAINER, "/busy");
	create(c, 4, COORD_PERSISTENT, "/kept");
	create(c, 5, COORD_EPHEMERAL, "/used/a");
	create(c, 6, COORD_EPHEMERAL, "/busy/a");
	create(c, 7, COORD_EPHEMERAL, "/kept/a");
	submit(c, op_of(8, COORD_DELETE, "/used/a"));
	submit(c, op_of(9, COORD_DELETE, "/kept/a"));
	clock_ms += 59999;
	coord_tree_tick(tree);
	ck_assert_ptr_nonnull(coord_tree_find(tree, 0, "/used"));
	clock_ms += 1;
	coord_tree_tick(tree);
	ck_assert_ptr_null(coord_tree_find(tree, 0, "/used"));
	ck_assert_ptr_nonnull(coord_tree_find(tree, 0, "/new"));
	ck_assert_ptr_nonnull(coord_tree_find(tree, 0, "/busy"));
	ck_assert_ptr_nonnull(coord_tree_find(tree, 0, "/kept"));
	end(c);
}
END_TEST

START_TEST(zxids_grow_over_restarts)
{
	int64_t day_us = INT64_C(86400000000);
	int64_t y2026_us = INT64_C(1767225600000000);
	int64_t first = coord_tree_zxid_start(y2026_us);

	ck_assert_int_ge(coord_tree_zxid_start(0) >> 32, 1);
	ck_assert_int_gt(coord_tree_zxid_start(y2026_us + 1), first);
	/* P2: epochs stay below 2^20 for a century. */
	ck_assert_int_lt(coord_tree_zxid_start(y2026_us + 36500 * day_us) >> 32,
			 1 << 20);
}
END_TEST

START_TEST(new_leader_is_a_new_epoch)
{
	tree_begin(1);
	foreign(COORD_CREATE, "/a");
	coord_tree_new_epoch(tree);
	foreign(COORD_CREATE, "/b");
	ck_assert_int_eq(stat_of("/b").czxid, (INT64_C(8) << 32) + 1);
	end(NULL);
}
END_TEST

/* --- the contract --- */

START_TEST(unattached_operations_are_not_sent)
{
	struct coord *c;

	tree_begin(1);
	c = client(true);
	create(c, 1, COORD_PERSISTENT, "/l");
	c->ops->connect(c);
	create(c, 2, COORD_PERSISTENT, "/l");
	coord_local_attach(c, 0, 42);
	coord_local_cut(c);
	create(c, 3, COORD_PERSISTENT, "/l");
	ck_assert_str_eq(heard(c), "1=notsent 2=notsent FRESH DOWN 3=notsent");
	ck_assert_ptr_null(coord_tree_find(tree, 0, "/l"));
	end(c);
}
END_TEST

START_TEST(urgent_ones_leave_first)
{
	struct coord_op ops[3];
	struct coord *c;

	tree_begin(1);
	c = client(false);
	c->ops->connect(c);
	ops[0] = op_of(1, COORD_GET, "/");
	ops[1] = op_of(2, COORD_SYNC, "/");
	ops[2] = op_of(3, COORD_SET, "/");
	ops[1].urgent = ops[2].urgent = true;
	c->ops->submit(c, ops, 3);
	ck_assert_str_eq(heard(c), "FRESH 2=ok 3=refused 1=ok");
	end(c);
}
END_TEST

/* Lost create: the first is served and its answer lost, the second never
 * reaches the server. */
START_TEST(cut_makes_maybes_applied_or_not)
{
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	create(c, 1, COORD_EPHEMERAL, "/l/a");
	create(c, 2, COORD_EPHEMERAL, "/l/b");
	ck_assert(coord_local_serve(c));
	ck_assert_str_eq(heard(c), "");
	coord_local_cut(c);
	ck_assert_str_eq(heard(c), "DOWN 1=maybe 2=maybe");
	coord_local_attach(c, 0, clock_ms);
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "AGAIN");
	ck_assert_ptr_nonnull(coord_tree_find(tree, 0, "/l/a"));
	ck_assert_ptr_null(coord_tree_find(tree, 0, "/l/b"));
	end(c);
}
END_TEST

START_TEST(server_may_apply_after_the_cut)
{
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	create(c, 1, COORD_EPHEMERAL, "/l/a");
	create(c, 2, COORD_EPHEMERAL, "/l/b");
	coord_local_cut(c);
	ck_assert(coord_local_serve(c));
	coord_local_attach(c, 0, clock_ms);
	ck_assert(!coord_local_serve(c));
	ck_assert_str_eq(heard(c), "DOWN 1=maybe 2=maybe AGAIN");
	ck_assert_ptr_nonnull(coord_tree_find(tree, 0, "/l/a"));
	ck_assert_ptr_null(coord_tree_find(tree, 0, "/l/b"));
	end(c);
}
END_TEST

START_TEST(expiry_is_told_at_the_next_attach)
{
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	create(c, 1, COORD_EPHEMERAL, "/l/a");
	coord_local_settle(c);
	coord_local_cut(c);
	clock_ms += TIMEOUT_MS;
	coord_tree_tick(tree);
	ck_assert_ptr_null(coord_tree_find(tree, 0, "/l/a"));
	coord_local_attach(c, 0, clock_ms);
	ck_assert_str_eq(heard(c), "1=ok,/l/a DOWN EXPIRED");
	ck_assert(!coord_local_wants_link(c));
	c->ops->connect(c);
	coord_local_attach(c, 0, clock_ms);
	ck_assert_str_eq(heard(c), "FRESH");
	end(c);
}
END_TEST

START_TEST(ended_session_loses_its_link)
{
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	coord_tree_session_end(tree, coord_local_session(c));
	create(c, 1, COORD_EPHEMERAL, "/l/a");
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "DOWN 1=maybe");
	ck_assert_ptr_null(coord_tree_find(tree, 0, "/l/a"));
	end(c);
}
END_TEST

START_TEST(close_serves_what_came_before)
{
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	create(c, 1, COORD_EPHEMERAL, "/l/a");
	create(c, 2, COORD_PERSISTENT, "/l/b");
	c->ops->close(c);
	ck_assert_str_eq(heard(c), "1=maybe 2=maybe CLOSED");
	ck_assert_ptr_null(coord_tree_find(tree, 0, "/l/a"));
	ck_assert_ptr_nonnull(coord_tree_find(tree, 0, "/l/b"));
	end(c);
}
END_TEST

START_TEST(close_through_a_dead_network_ends_nothing)
{
	int64_t session;
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	session = coord_local_session(c);
	coord_local_stall(c, true);
	c->ops->close(c);
	ck_assert_str_eq(heard(c), "CLOSED");
	ck_assert(coord_tree_session_alive(tree, session));
	end(c);
}
END_TEST

START_TEST(death_of_a_process_leaves_its_nodes_until_the_timeout)
{
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	create(c, 1, COORD_EPHEMERAL, "/l/a");
	coord_local_settle(c);
	coord_local_free(c);
	clock_ms += TIMEOUT_MS - 1;
	coord_tree_tick(tree);
	ck_assert_ptr_nonnull(coord_tree_find(tree, 0, "/l/a"));
	clock_ms += 1;
	coord_tree_tick(tree);
	ck_assert_ptr_null(coord_tree_find(tree, 0, "/l/a"));
	end(NULL);
}
END_TEST

START_TEST(refused_credentials_end_it)
{
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	submit(c, op_of(1, COORD_SYNC, "/"));
	coord_local_auth_fail(c);
	ck_assert_str_eq(heard(c), "DOWN 1=maybe AUTH");
	end(c);
}
END_TEST

START_TEST(dropped_link_comes_up_again_in_dev)
{
	struct coord *c;

	tree_begin(1);
	c = client(false);
	c->ops->connect(c);
	create(c, 1, COORD_EPHEMERAL, "/a");
	c->ops->drop_link(c);
	submit(c, op_of(2, COORD_GET, "/a"));
	ck_assert_str_eq(heard(c), "FRESH 1=ok,/a DOWN AGAIN 2=ok,\"/a\"");
	end(c);
}
END_TEST

START_TEST(dev_session_never_runs_out)
{
	struct coord *c;

	tree_begin(1);
	c = client(false);
	c->ops->connect(c);
	create(c, 1, COORD_EPHEMERAL, "/a");
	clock_ms += 1000 * TIMEOUT_MS;
	submit(c, op_of(2, COORD_GET, "/a"));
	ck_assert_str_eq(heard(c), "FRESH 1=ok,/a 2=ok,\"/a\"");
	end(c);
}
END_TEST

/* --- watches --- */

START_TEST(watches_fire_once)
{
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	list(c, 1, "/l");
	coord_local_settle(c);
	foreign(COORD_CREATE, "/l/a");
	foreign(COORD_CREATE, "/l/b");
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "1=ok children(/l)");
	get(c, 2, "/l/a");
	coord_local_settle(c);
	foreign(COORD_SET, "/l/a");
	foreign(COORD_DELETE, "/l/a");
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "2=ok changed(/l/a)");
	end(c);
}
END_TEST

START_TEST(watch_is_set_only_by_a_good_answer)
{
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	get(c, 1, "/l/a");
	coord_local_settle(c);
	foreign(COORD_CREATE, "/l/a");
	foreign(COORD_DELETE, "/l/a");
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "1=nonode");
	end(c);
}
END_TEST

START_TEST(deletion_is_told_once_for_both_watches)
{
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	get(c, 1, "/l");
	list(c, 2, "/l");
	coord_local_settle(c);
	foreign(COORD_DELETE, "/l");
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "1=ok 2=ok deleted(/l)");
	end(c);
}
END_TEST

START_TEST(own_write_is_told_before_its_answer)
{
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	list(c, 1, "/l");
	create(c, 2, COORD_EPHEMERAL, "/l/a");
	list(c, 3, "/l");
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "1=ok children(/l) 2=ok,/l/a 3=ok:a");
	end(c);
}
END_TEST

START_TEST(missed_changes_fire_after_a_reconnect)
{
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	foreign(COORD_CREATE, "/l/a");
	foreign(COORD_CREATE, "/l/b");
	foreign(COORD_CREATE, "/l/c");
	get(c, 1, "/l/a");
	get(c, 2, "/l/b");
	get(c, 3, "/l/c");
	list(c, 4, "/");
	coord_local_settle(c);
	coord_local_cut(c);
	foreign(COORD_DELETE, "/l/a");
	foreign(COORD_SET, "/l/b");
	(void)heard(c);
	coord_local_attach(c, 0, clock_ms);
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "AGAIN deleted(/l/a) changed(/l/b)");
	foreign(COORD_SET, "/l/c"); /* armed anew, heard once */
	foreign(COORD_SET, "/l/c");
	foreign(COORD_CREATE, "/m");
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "changed(/l/c) children(/)");
	end(c);
}
END_TEST

START_TEST(event_lost_with_the_link_fires_again)
{
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	list(c, 1, "/l");
	coord_local_settle(c);
	foreign(COORD_CREATE, "/l/a");
	coord_local_cut(c);
	coord_local_attach(c, 0, clock_ms);
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "1=ok DOWN AGAIN children(/l)");
	end(c);
}
END_TEST

START_TEST(unanswered_watch_does_not_outlive_its_link)
{
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	list(c, 1, "/l");
	ck_assert(coord_local_serve(c));
	coord_local_cut(c);
	foreign(COORD_CREATE, "/l/a");
	coord_local_attach(c, 0, clock_ms);
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "DOWN 1=maybe AGAIN");
	end(c);
}
END_TEST

/* --- several views, several sessions --- */

START_TEST(lagging_view_serves_old_listings_until_sync)
{
	struct coord *c;

	tree_begin(2);
	c = stepped_client(1);
	foreign(COORD_CREATE, "/l/a");
	list(c, 1, "/l");
	coord_local_serve(c);
	coord_local_deliver(c);
	ck_assert_str_eq(heard(c), "1=ok");
	submit(c, op_of(2, COORD_SYNC, "/"));
	list(c, 3, "/l");
	coord_local_serve(c);
	ck_assert(!coord_local_serve(c)); /* sync waits for the view */
	coord_tree_view_sync(tree, 1);
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "children(/l) 2=ok 3=ok:a");
	end(c);
}
END_TEST

START_TEST(own_write_is_seen_through_a_lagging_view)
{
	struct coord *c;

	tree_begin(2);
	c = stepped_client(1);
	foreign(COORD_CREATE, "/l/x");
	create(c, 1, COORD_EPHEMERAL_SEQUENTIAL, "/l/a-");
	list(c, 2, "/l");
	ck_assert(coord_local_serve(c));
	ck_assert_ptr_nonnull(coord_tree_find(tree, 0, "/l/a-0000000001"));
	ck_assert_ptr_null(coord_tree_find(tree, 1, "/l/a-0000000001"));
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "1=ok,/l/a-0000000001 2=ok:x+a-0000000001");
	end(c);
}
END_TEST

START_TEST(another_server_never_shows_the_past)
{
	struct coord *c;

	tree_begin(3);
	c = stepped_client(1);
	foreign(COORD_CREATE, "/l/a");
	coord_tree_view_sync(tree, 1);
	submit(c, op_of(1, COORD_LIST, "/l"));
	coord_local_settle(c);
	coord_local_cut(c);
	ck_assert_ptr_null(coord_tree_find(tree, 2, "/l/a"));
	coord_local_attach(c, 2, clock_ms);
	submit(c, op_of(2, COORD_LIST, "/l"));
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "1=ok:a DOWN AGAIN 2=ok:a");
	end(c);
}
END_TEST

/* A follower that was cut off serves reads of a session that has ended (the
 * dying node of T2), and lets go when it hears of it. */
START_TEST(cut_off_follower_serves_a_dead_sessions_reads)
{
	struct coord *c;

	tree_begin(2);
	c = stepped_client(1);
	create(c, 1, COORD_EPHEMERAL, "/l/a");
	coord_local_settle(c);
	coord_tree_session_end(tree, coord_local_session(c));
	submit(c, op_of(2, COORD_LIST, "/l"));
	while (coord_local_serve(c))
		;
	while (coord_local_deliver(c))
		;
	ck_assert_str_eq(heard(c), "1=ok,/l/a 2=ok:a");
	coord_tree_view_sync(tree, 1);
	submit(c, op_of(3, COORD_LIST, "/l"));
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "DOWN 3=maybe");
	end(c);
}
END_TEST

START_TEST(one_sessions_release_wakes_another)
{
	struct coord *a;
	struct coord *b;

	tree_begin(1);
	a = stepped_client(0);
	b = stepped_client(0);
	ck_assert_int_ne(coord_local_session(a), coord_local_session(b));
	create(a, 1, COORD_EPHEMERAL_SEQUENTIAL, "/l/n-");
	coord_local_settle(a);
	create(b, 1, COORD_EPHEMERAL_SEQUENTIAL, "/l/n-");
	get(b, 2, "/l/n-0000000000");
	coord_local_settle(b);
	ck_assert_str_eq(heard(b), "1=ok,/l/n-0000000001 2=ok,\"/l/n-\"");
	a->ops->close(a);
	coord_local_settle(b);
	ck_assert_str_eq(heard(b), "deleted(/l/n-0000000000)");
	coord_local_free(a);
	end(b);
}
END_TEST

START_TEST(follower_does_not_touch_the_leaders_tracker)
{
	struct coord *c;

	tree_begin(2);
	c = stepped_client(1);
	clock_ms += TIMEOUT_MS - 1;
	submit(c, op_of(1, COORD_SET, "/l"));
	coord_local_settle(c);
	clock_ms += 1;
	coord_tree_tick(tree);
	ck_assert(!coord_tree_session_alive(tree, coord_local_session(c)));
	end(c);
}
END_TEST

START_TEST(leader_touches_at_every_request)
{
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	clock_ms += TIMEOUT_MS - 1;
	submit(c, op_of(1, COORD_SET, "/l"));
	coord_local_settle(c);
	clock_ms += TIMEOUT_MS - 1;
	coord_tree_tick(tree);
	ck_assert(coord_tree_session_alive(tree, coord_local_session(c)));
	end(c);
}
END_TEST

static Suite *coord_local_suite(void)
{
	Suite *suite = suite_create("coord_local");
	TCase *words = tcase_create("tree");
	TCase *contract = tcase_create("contract");
	TCase *watches = tcase_create("watches");
	TCase *several = tcase_create("several");

	tcase_add_test(words, sequence_is_the_parents_counter);
	tcase_add_test(words, counter_sticks_at_its_end);
	tcase_add_test(words, errors_have_zookeepers_words);
	tcase_add_test(words, stats_are_zookeepers);
	tcase_add_test(words, answers_carry_the_stat);
	tcase_add_test(words, containers_go_when_emptied_and_only_then);
	tcase_add_test(words, zxids_grow_over_restarts);
	tcase_add_test(words, new_leader_is_a_new_epoch);
	tcase_add_test(contract, unattached_operations_are_not_sent);
	tcase_add_test(contract, urgent_ones_leave_first);
	tcase_add_test(contract, cut_makes_maybes_applied_or_not);
	tcase_add_test(contract, server_may_apply_after_the_cut);
	tcase_add_test(contract, expiry_is_told_at_the_next_attach);
	tcase_add_test(contract, ended_session_loses_its_link);
	tcase_add_test(contract, close_serves_what_came_before);
	tcase_add_test(contract, close_through_a_dead_network_ends_nothing);
	tcase_add_test(contract,
		       death_of_a_process_leaves_its_nodes_until_the_timeout);
	tcase_add_test(contract, refused_credentials_end_it);
	tcase_add_test(contract, dropped_link_comes_up_again_in_dev);
	tcase_add_test(contract, dev_session_never_runs_out);
	tcase_add_test(watches, watches_fire_once);
	tcase_add_test(watches, watch_is_set_only_by_a_good_answer);
	tcase_add_test(watches, deletion_is_told_once_for_both_watches);
	tcase_add_test(watches, own_write_is_told_before_its_answer);
	tcase_add_test(watches, missed_changes_fire_after_a_reconnect);
	tcase_add_test(watches, event_lost_with_the_link_fires_again);
	tcase_add_test(watches, unanswered_watch_does_not_outlive_its_link);
	tcase_add_test(several, lagging_view_serves_old_listings_until_sync);
	tcase_add_test(several, own_write_is_seen_through_a_lagging_view);
	tcase_add_test(several, another_server_never_shows_the_past);
	tcase_add_test(several, cut_off_follower_serves_a_dead_sessions_reads);
	tcase_add_test(several, one_sessions_release_wakes_another);
	tcase_add_test(several, follower_does_not_touch_the_leaders_tracker);
	tcase_add_test(several, leader_touches_at_every_request);
	suite_add_tcase(suite, words);
	suite_add_tcase(suite, contract);
	suite_add_tcase(suite, watches);
	suite_add_tcase(suite, several);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(coord_local_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
