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

static bool told(const char *text)
{
	return strstr(trace, text) != NULL;
}

static void granted_after_two_timeouts(void)
{
	play("+6000\n+3000\n");
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
	granted_after_two_timeouts();
}
END_TEST

START_TEST(a_ghost_is_found_though_another_wait_is_older)
{
	play("a1 LOCK foo\na1 LOCK bar\n"
	     "b1 LOCK bar\n+3000\nb1 LOCK foo\n");
	coord_tree_ghost(tree, 1, bid_path("foo"));
	play("a1 UNLOCK foo\n");
	b_view = 0;
	granted_after_two_timeouts();
	ck_assert(!told("b1< GRANTED bar"));
}
END_TEST

static int64_t transactions_of(const char *script)
{
	int64_t zxid = coord_tree_zxid(tree);

	play(script);
	return coord_tree_zxid(tree) - zxid;
}

/* A holder that takes its time is asked about, ever more rarely. */
START_TEST(a_long_wait_costs_few_questions)
{
	int64_t beats = transactions_of("a1 LOCK foo\nb1 LOCK bar\n"
					"+600000\n");
	int64_t all = transactions_of("b1 LOCK foo\n+600000\n");

	ck_assert(!told("b1< GRANTED foo"));
	/* Seven: 1, 2, 4 .. 32 timeouts apart.  Each is a beat as well. */
	ck_assert_int_le(all, beats + 7);
	play("b1 STATS\n");
	ck_assert(told("ghosts_total 0\n"));
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
	tcase_add_test(ghosts, a_long_wait_costs_few_questions);
	tcase_add_test(ghosts, an_end_in_time_is_no_ghost);
	suite_add_tcase(s, ghosts);
	runner = srunner_create(s);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
