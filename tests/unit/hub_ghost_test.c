/* SPDX-License-Identifier: MIT */
/*
 * The hub on a server that keeps a node which the ensemble no longer has.
 * hub_play.h has the world; host b is at a follower.
 */
#include "hub_play.h"

static void begin(void)
{
	follower = true;
	b_view = 1;
	setup();
}

static void granted_within_a_timeout(void)
{
	play("+6000\n");
	ck_assert(told("b1< GRANTED foo"));
	play("b1 STATS\n");
	ck_assert(told("ghosts_total 1\n"));
}

/* It goes to another server when it hears; that one shows the truth. */
START_TEST(a_server_that_shows_a_ghost_is_left)
{
	play("a1 LOCK foo\n"
	     "b1 LOCK foo\n");
	coord_tree_ghost(tree, 1, bid_path("foo"));
	play("a1 UNLOCK foo\n+2000\n");
	ck_assert(!told("b1< GRANTED"));
	b_view = 0;
	granted_within_a_timeout();
}
END_TEST

START_TEST(a_ghost_is_found_though_another_wait_is_older)
{
	play("a1 LOCK foo\na1 LOCK bar\n"
	     "b1 LOCK bar\n+3000\nb1 LOCK foo\n");
	coord_tree_ghost(tree, 1, bid_path("foo"));
	play("a1 UNLOCK foo\n");
	b_view = 0;
	granted_within_a_timeout();
	ck_assert(!told("b1< GRANTED bar"));
}
END_TEST

static int64_t transactions_of(const char *script)
{
	int64_t zxid = coord_tree_zxid(tree);

	play(script);
	return coord_tree_zxid(tree) - zxid;
}

/* One write a timeout: a beat is twelve. */
START_TEST(a_long_wait_costs_little)
{
	int64_t beats = transactions_of("a1 LOCK foo\nb1 LOCK bar\n+600000\n");
	int64_t all = transactions_of("b1 LOCK foo\n+600000\n");

	ck_assert(!told("b1< GRANTED foo"));
	ck_assert_int_le(all, beats + 600000 / TIMEOUT_MS + 4);
	play("b1 STATS\n");
	ck_assert(told("ghosts_total 0\n"));
}
END_TEST

/* Claims of kazoo's manner. */
static const char *stranger_path(int number)
{
	static char path[128];

	(void)snprintf(path, sizeof path,
		       "/deep/zklock/foo/0123456789abcdef0123456789abcdef"
		       "__lock__%010d",
		       number);
	return path;
}

static void stranger(enum coord_verb verb, int number)
{
	struct coord_op op = { .verb = verb, .path = stranger_path(number) };

	ck_assert_int_eq(coord_tree_write(tree, &op, 0).result, COORD_OK);
	settle();
}

/* Who stands behind a waiter that stands behind a ghost hears of no end: it
 * looks at the first of the queue when it has waited for long. */
START_TEST(a_ghost_further_down_is_found_as_well)
{
	play("a1 LOCK foo\na1 UNLOCK foo\n");
	stranger(COORD_CREATE, 1);
	stranger(COORD_CREATE, 2);
	play("b1 LOCK foo\n");
	coord_tree_ghost(tree, 1, stranger_path(1));
	stranger(COORD_DELETE, 1);
	b_view = 0;
	play("+36000\n");
	stranger(COORD_DELETE, 2);
	play("+100\n");
	ck_assert(told("b1< GRANTED foo"));
	play("b1 STATS\n");
	ck_assert(told("ghosts_total 1\n"));
}
END_TEST

/* That one had ended as it should: the queue is listed again. */
START_TEST(the_first_may_have_ended)
{
	play("a1 LOCK foo\na1 UNLOCK foo\n");
	stranger(COORD_CREATE, 1);
	stranger(COORD_CREATE, 2);
	play("b1 LOCK foo\n");
	stranger(COORD_DELETE, 1);
	play("+80000\n");
	stranger(COORD_DELETE, 2);
	play("+100\n");
	ck_assert(told("b1< GRANTED foo"));
	play("b1 STATS\n");
	ck_assert(told("ghosts_total 0\n"));
	ck_assert(told("disconnects_total 0\n"));
}
END_TEST

/* Its end and the question cross: the watch is heard first. */
START_TEST(an_end_in_time_is_no_ghost)
{
	play("a1 LOCK foo\nb1 LOCK foo\n+7000\na1 UNLOCK foo\n+7000\n");
	ck_assert(told("b1< GRANTED foo"));
	play("b1 STATS\n");
	ck_assert(told("ghosts_total 0\n"));
	ck_assert(told("disconnects_total 0\n"));
}
END_TEST

int main(void)
{
	Suite *s = suite_create("hub_ghost");
	TCase *ghosts = tcase_create("ghosts");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(ghosts, begin, teardown);
	tcase_add_test(ghosts, a_server_that_shows_a_ghost_is_left);
	tcase_add_test(ghosts, a_ghost_is_found_though_another_wait_is_older);
	tcase_add_test(ghosts, a_long_wait_costs_little);
	tcase_add_test(ghosts, a_ghost_further_down_is_found_as_well);
	tcase_add_test(ghosts, the_first_may_have_ended);
	tcase_add_test(ghosts, an_end_in_time_is_no_ghost);
	suite_add_tcase(s, ghosts);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
