/* SPDX-License-Identifier: MIT */
/* WAIT, told as transcripts; locktab_play.h has the language. */
#include "locktab_play.h"

/* Nobody has it: that a bid of ours is first proves so, and it goes again. */
START_TEST(a_free_lock_is_found_free_and_left)
{
	struct locktab_limits lingers = defaults;

	lingers.linger_ms = 200;
	begin(&lingers);
	play("0 c1 WAIT foo\n"
	     "5 bid1 owned 70 alone\n");
	ck_assert_str_eq(trace,
			 "[   0] c1 WAIT foo -> bid1+\n"
			 "[   5] bid1 owned 70 alone -> c1 FREE foo bid1-\n");
	play("6 c1 WAIT foo\n7 bid2 queued 1 db2\n8 bid2 owned 71 unknown\n");
	expect("[   7] bid2 queued 1 db2 -> c1 QUEUED foo pos=2 by db2\n"
	       "[   8] bid2 owned 71 unknown -> c1 FREE foo bid2-\n");
}
END_TEST

/* Who came before has had its turn, who came later has not; no turn is used
 * up. */
START_TEST(who_looks_is_answered_in_arrival_order)
{
	play("0 c1 LOCK foo\n1 bid1 owned 70 alone\n"
	     "2 c2 LOCK foo\n3 c3 WAIT foo\n4 c4 LOCK foo\n"
	     "5 c1 UNLOCK foo\n6 c2 UNLOCK foo\n7 c4 UNLOCK foo\n");
	expect("[   3] c3 WAIT foo -> c3 QUEUED foo pos=3 by c1\n");
	expect("[   5] c1 UNLOCK foo -> c1=OK c2 GRANTED foo 70.1\n"
	       "[   6] c2 UNLOCK foo -> c2=OK c3 FREE foo"
	       " c4 GRANTED foo 70.2\n"
	       "[   7] c4 UNLOCK foo -> c4=OK bid1-\n");
}
END_TEST

/* A lock that lingers is free. */
START_TEST(a_lingering_lock_is_free_at_once)
{
	struct locktab_limits lingers = defaults;

	lingers.linger_ms = 200;
	begin(&lingers);
	play("0 c1 LOCK foo\n1 bid1 owned 70 alone\n2 c1 UNLOCK foo\n"
	     "3 c2 WAIT foo 0\n4 c1 LOCK foo\n");
	expect("[   3] c2 WAIT foo 0 -> c2 FREE foo\n"
	       "[   4] c1 LOCK foo -> c1 GRANTED foo 70.1\n");
}
END_TEST

/* wait=0 and wait=: as TRYLOCK and LOCK have it, R14 included. */
START_TEST(a_look_does_not_wait_longer_than_it_may)
{
	play("0 c1 LOCK foo\n1 bid1 owned 70 alone\n"
	     "2 c2 WAIT foo 0\n"
	     "3 c2 WAIT foo 10\n13 tick\n"
	     "14 c2 WAIT bar 0\n15 bid2 queued 1 db2\n"
	     "16 c2 WAIT bar 0\n17 bid3 queued 1 db2 kin\n37 tick\n"
	     "38 c2 WAIT bar 0\n39 bid4 queued 1 db2 kin\n"
	     "41 bid4 owned 71 unknown\n");
	expect("[   2] c2 WAIT foo 0 -> c2=BUSY\n");
	expect("[  13] tick -> c2 ERR TIMEOUT foo\n");
	expect("[  15] bid2 queued 1 db2 -> c2 ERR BUSY bar bid2-\n");
	expect("[  17] bid3 queued 1 db2 kin ->\n"
	       "[  37] tick -> c2 ERR BUSY bar bid3-\n");
	expect("[  41] bid4 owned 71 unknown -> c2 FREE bar bid4-\n");
}
END_TEST

/* It stands in nobody's way: TRYLOCK does not see it, unless the bid is
 * known to stand behind others. */
START_TEST(who_looks_is_not_in_the_way)
{
	play("0 c1 WAIT foo\n1 c2 LOCK foo 0\n2 bid1 owned 70 alone\n"
	     "3 c2 UNLOCK foo\n"
	     "4 c1 WAIT foo\n5 bid2 queued 1 db2\n6 c2 LOCK foo 0\n");
	expect("[   1] c2 LOCK foo 0 ->\n"
	       "[   2] bid1 owned 70 alone -> c1 FREE foo"
	       " c2 GRANTED foo 70.0\n");
	expect("[   6] c2 LOCK foo 0 -> c2=BUSY\n");
}
END_TEST

/* Readers do not queue behind it, and it waits until the last has gone; the
 * shared bid proves nothing, so another one is made. */
START_TEST(readers_pass_who_looks)
{
	play("0 c1 SLOCK foo\n1 bid1 owned 70 alone\n"
	     "2 c2 WAIT foo\n3 c3 SLOCK foo\n"
	     "4 c1 UNLOCK foo\n5 c3 UNLOCK foo\n"
	     "6 bid2 owned 71 alone\n");
	expect("[   3] c3 SLOCK foo -> c3 GRANTED foo 70.1\n"
	       "[   4] c1 UNLOCK foo -> c1=OK\n"
	       "[   5] c3 UNLOCK foo -> c3=OK bid1- bid2+\n"
	       "[   6] bid2 owned 71 alone -> c2 FREE foo bid2-\n");
}
END_TEST

/* No lease, no session: as for a grant. */
START_TEST(a_look_needs_the_lease_and_outlives_a_session)
{
	play("0 lease 10\n0 c1 WAIT foo\n20 bid1 owned 70 alone\n"
	     "21 c2 WAIT foo 0\n"
	     "25 lease 1000\n"
	     "30 c1 WAIT foo\n31 end\n32 up 2\n33 lease 1000\n"
	     "34 bid3 owned 80 alone\n");
	expect("[  20] bid1 owned 70 alone -> c1 QUEUED foo pos=1\n"
	       "[  21] c2 WAIT foo 0 -> c2=SUSPENDED\n"
	       "[  25] lease 1000 -> c1 FREE foo bid1-\n");
	expect("[  31] end -> c1 QUEUED foo pos=1\n"
	       "[  32] up 2 -> bid3+\n"
	       "[  33] lease 1000 ->\n"
	       "[  34] bid3 owned 80 alone -> c1 FREE foo bid3-\n");
}
END_TEST

/* CANCEL, the end of a connection, a drain: nothing is left. */
START_TEST(a_look_that_ends_leaves_nothing)
{
	struct locktab_counts counts;

	play("0 c1 WAIT foo\n1 c1 CANCEL foo\n"
	     "2 c1 WAIT foo\n3 c1 GONE\n"
	     "4 c1 WAIT foo\n5 c1 WAIT foo\n6 c1 LOCK foo\n7 drain\n"
	     "8 tick\n");
	expect("[   1] c1 CANCEL foo -> c1 ERR CANCELLED foo c1=OK bid1-\n"
	       "[   2] c1 WAIT foo -> bid2+\n"
	       "[   3] c1 GONE -> bid2-\n");
	expect("[   5] c1 WAIT foo -> c1=HELD\n"
	       "[   6] c1 LOCK foo -> c1=HELD\n"
	       "[   7] drain -> c1 ERR DRAINING foo bid3-\n");
	locktab_counts(tab, &counts);
	ck_assert_uint_eq(counts.waiting + counts.locks, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("locktab_look");
	TCase *tc = tcase_create("transcripts");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_free_lock_is_found_free_and_left);
	tcase_add_test(tc, who_looks_is_answered_in_arrival_order);
	tcase_add_test(tc, a_lingering_lock_is_free_at_once);
	tcase_add_test(tc, a_look_does_not_wait_longer_than_it_may);
	tcase_add_test(tc, who_looks_is_not_in_the_way);
	tcase_add_test(tc, readers_pass_who_looks);
	tcase_add_test(tc, a_look_needs_the_lease_and_outlives_a_session);
	tcase_add_test(tc, a_look_that_ends_leaves_nothing);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
