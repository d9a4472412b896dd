/* SPDX-License-Identifier: MIT */
/*
 * coord_local_test - the tree in memory keeps coord.h's contract and
 * ZooKeeper's meaning.  What happens is told as a transcript: a word an event.
 */
#include "coord_local_play.h"

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

static Suite *coord_local_suite(void)
{
	Suite *suite = suite_create("coord_local");
	TCase *words = tcase_create("tree");
	TCase *contract = tcase_create("contract");

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
	suite_add_tcase(suite, words);
	suite_add_tcase(suite, contract);
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
