/* SPDX-License-Identifier: MIT */
/*
 * The hub with LOCK of several names (R16; test 11 of the rules): one multi, a
 * bid of its own for each, all or none.  hub_play.h has the world; here the
 * moment between a request and its answer is the test's as well.
 */
#include "hub_play.h"

static void begin(void)
{
	linger_ms = 200;
	setup();
	play("a1 PING\na2 PING\na3 PING\nb1 PING\n");
	trace_len = 0;
	trace[0] = '\0';
}

static int64_t czxid_of_last(const char *lock)
{
	const struct coord_tree_node *child, *last = NULL;
	char path[512];

	(void)snprintf(path, sizeof path, "/deep/zklock/%s", lock);
	child = coord_tree_child_first(coord_tree_find(tree, 0, path));
	for (; child; child = coord_tree_child_next(child))
		last = child;
	ck_assert_ptr_nonnull(last);
	return coord_tree_stat(last).czxid;
}

/* Neither parent is there: they are made, and the whole is said again. */
START_TEST(rules_11_no_node)
{
	play("a1 LOCK bar foo\n");
	ck_assert_str_eq(trace, "a1< - bar id=@1\n"
				"a1< - foo id=@2\n"
				"a1< GRANTED 2 gen=1\n");
	ck_assert_int_eq(czxid_of_last("foo"), czxid_of_last("bar"));
	play("a1 UNLOCK foo\na1 UNLOCK bar\n");
	ck_assert_uint_eq(bids_of("foo") + bids_of("bar"), 0);
}
END_TEST

/* One of them was there before. */
START_TEST(rules_11_no_node_on_one_parent)
{
	play("b1 LOCK foo\nb1 UNLOCK foo\n+400\na1 LOCK bar foo\n");
	ck_assert(told("a1< GRANTED 2"));
	ck_assert_int_eq(czxid_of_last("foo"), czxid_of_last("bar"));
}
END_TEST

/* C11: a bid that lingers is older than one made now; to use it would be to
 * wait for others while they wait for it. */
START_TEST(rules_11_c11_a_lingering_bid_is_not_used)
{
	int64_t lingering;

	play("a1 LOCK foo\na1 UNLOCK foo\n");
	ck_assert_uint_eq(bids_of("foo"), 1);
	lingering = czxid_of_last("foo");
	play("a2 LOCK bar foo\n+10\n");
	ck_assert(told("a2< GRANTED 2"));
	ck_assert_uint_eq(bids_of("foo"), 1);
	ck_assert_int_gt(czxid_of_last("foo"), lingering);
	ck_assert_int_eq(czxid_of_last("foo"), czxid_of_last("bar"));
}
END_TEST

/* C11: nor one that is held; and who stands crosswise is served in turn. */
START_TEST(rules_11_c11_an_owned_bid_is_not_joined)
{
	play("a1 LOCK foo\na2 LOCK bar foo\nb1 LOCK bar foo\n");
	ck_assert(!told("GRANTED 2"));
	ck_assert_uint_eq(bids_of("foo"), 3);
	ck_assert_uint_eq(bids_of("bar"), 2);
	play("a1 UNLOCK foo\n+100\n");
	ck_assert(told("a2< GRANTED 2") && !told("b1< GRANTED 2"));
	play("a2 UNLOCK foo\na2 UNLOCK bar\n+100\n");
	ck_assert(told("b1< GRANTED 2"));
}
END_TEST

/* The end of the connection, or a CANCEL, comes while the multi is on its
 * way: nothing of it stays, and nobody is granted. */
START_TEST(rules_11_cancel_in_flight)
{
	play("a1 LOCK foo bar\na1 UNLOCK foo\na1 UNLOCK bar\n+400\n");
	trace_len = 0;
	trace[0] = '\0';
	note_line(2, "#x LOCK foo bar");
	hub_drain(hosts[0].hub);
	if (_i)
		(void)coord_local_serve(hosts[0].coord);
	note_line(2, "CANCEL #x");
	settle();
	ck_assert(told("a2< #x ERR CANCELLED"));
	ck_assert(!told("GRANTED"));
	ck_assert_uint_eq(bids_of("foo") + bids_of("bar"), 0);
}
END_TEST

/* The answer gets lost, and the write did or did not. */
START_TEST(rules_11_lost_answer)
{
	play("a1 LOCK foo bar\na1 UNLOCK foo\na1 UNLOCK bar\n+400\n");
	note_line(2, "LOCK foo bar");
	hub_drain(hosts[0].hub);
	if (_i)
		(void)coord_local_serve(hosts[0].coord);
	coord_local_cut(hosts[0].coord);
	play("+1000\n");
	ck_assert(told("a2< GRANTED 2"));
	ck_assert_uint_eq(bids_of("foo"), 1);
	ck_assert_uint_eq(bids_of("bar"), 1);
	play("a2 UNLOCK foo\na2 UNLOCK bar\n");
	ck_assert_uint_eq(bids_of("foo") + bids_of("bar"), 0);
}
END_TEST

/* The answer gets lost, and before that is looked into one of the nodes is
 * deleted: the others do not wait for it, nor it for them. */
START_TEST(rules_11_lost_answer_and_a_node_deleted)
{
	struct coord_op op = { .verb = COORD_DELETE };

	play("a1 LOCK foo bar\na1 UNLOCK foo\na1 UNLOCK bar\n+400\n");
	note_line(2, "LOCK foo bar");
	hub_drain(hosts[0].hub);
	ck_assert(coord_local_serve(hosts[0].coord));
	coord_local_cut(hosts[0].coord);
	op.path = bid_path(_i ? "foo" : "bar");
	(void)coord_tree_write(tree, &op, 0);
	play("+1000\n");
	ck_assert(told("a2< GRANTED 2"));
	ck_assert_uint_eq(bids_of("foo"), 1);
	ck_assert_uint_eq(bids_of("bar"), 1);
	ck_assert_int_eq(czxid_of_last("foo"), czxid_of_last("bar"));
	play("a2 UNLOCK foo\na2 UNLOCK bar\n");
	ck_assert_uint_eq(bids_of("foo") + bids_of("bar"), 0);
}
END_TEST

START_TEST(rules_11_duplicates)
{
	play("a1 LOCK foo foo bar\n");
	ck_assert_str_eq(trace, "a1< - bar id=@1\n"
				"a1< - foo id=@2\n"
				"a1< GRANTED 2 gen=1\n");
}
END_TEST

/* One of the nodes is deleted by hand while it waits for the others, for longer
 * than turns_ms and with somebody behind it: all are made again. */
START_TEST(rules_11_a_node_deleted_while_it_waits_for_the_others)
{
	struct coord_op op = { .verb = COORD_DELETE };

	play("b1 LOCK foo\na1 LOCK bar foo\nb2 LOCK bar\n+200\n");
	op.path = bid_path("bar"); /* a's, which stands first */
	(void)coord_tree_write(tree, &op, 0);
	settle();
	ck_assert(told("b2< GRANTED bar "));
	play("b1 UNLOCK foo\n");
	ck_assert(!told("a1< GRANTED"));
	play("b2 UNLOCK bar\n");
	ck_assert(told("a1< GRANTED 2 "));
	ck_assert_uint_eq(bids_of("bar"), 1);
	ck_assert_uint_eq(bids_of("foo"), 1);
}
END_TEST

/* R14: who tried just now saw another holder; the lock was ours since, with
 * another one, and is not remembered as held. */
START_TEST(what_was_ours_with_another_is_not_remembered_as_held)
{
	char path[512] = "/deep/zklock/foo/"
			 "_c_00000000-0000-4000-8000-000000000001-lock-";
	struct coord_op op = { .verb = COORD_CREATE,
			       .kind = COORD_EPHEMERAL_SEQUENTIAL,
			       .path = path };

	play("a1 LOCK foo\na1 UNLOCK foo\n+300\n");
	(void)coord_tree_write(tree, &op, coord_local_session(hosts[1].coord));
	op = (struct coord_op){ .verb = COORD_DELETE, .path = path };
	play("a1 TRYLOCK foo\na1 TRYLOCK foo\n");
	ck_assert_uint_eq(times_told("a1< ERR BUSY"), 2);
	(void)snprintf(path, sizeof path, "%s", bid_path("foo"));
	(void)coord_tree_write(tree, &op, 0);
	play("a1 LOCK foo bar\na1 UNLOCK foo\na1 UNLOCK bar\n"
	     "a1 TRYLOCK foo\n");
	ck_assert_uint_eq(times_told("a1< ERR BUSY"), 2);
	ck_assert_uint_eq(times_told("a1< GRANTED foo"), 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hub_group");
	TCase *several = tcase_create("several names");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(several, begin, teardown);
	tcase_add_test(several, rules_11_no_node);
	tcase_add_test(several, rules_11_no_node_on_one_parent);
	tcase_add_test(several, rules_11_c11_a_lingering_bid_is_not_used);
	tcase_add_test(several, rules_11_c11_an_owned_bid_is_not_joined);
	tcase_add_loop_test(several, rules_11_cancel_in_flight, 0, 2);
	tcase_add_loop_test(several, rules_11_lost_answer, 0, 2);
	tcase_add_loop_test(several, rules_11_lost_answer_and_a_node_deleted, 0,
			    2);
	tcase_add_test(several, rules_11_duplicates);
	tcase_add_test(several,
		       rules_11_a_node_deleted_while_it_waits_for_the_others);
	tcase_add_test(several,
		       what_was_ours_with_another_is_not_remembered_as_held);
	suite_add_tcase(suite, several);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
