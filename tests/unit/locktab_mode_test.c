/* SPDX-License-Identifier: MIT */
/*
 * Shared and exclusive tickets on one host, told as transcripts (R4, R5, R6,
 * R7, R9); locktab_play.h has the language.
 */
#include "locktab_play.h"

/* R7: readers join while nobody waits before them; a writer gets the next bid
 * at once, its place in the cluster's queue, and readers after it wait. */
START_TEST(arrival_order_holds_over_modes)
{
	play("0 c1 SLOCK foo\n"
	     "1 bid1 owned 70 alone\n"
	     "2 c2 SLOCK foo\n"
	     "3 c3 LOCK foo\n"
	     "4 c4 SLOCK foo\n"
	     "5 c1 UNLOCK foo\n"
	     "6 c2 UNLOCK foo\n"
	     "7 bid2 owned 75 alone after\n"
	     "8 c3 UNLOCK foo\n"
	     "9 bid3 owned 80 alone after\n"
	     "10 c4 UNLOCK foo\n");
	ck_assert_str_eq(
	    trace,
	    "[   0] c1 SLOCK foo -> bid1+s\n"
	    "[   1] bid1 owned 70 alone -> c1 GRANTED foo 70.0\n"
	    "[   2] c2 SLOCK foo -> c2 GRANTED foo 70.1\n"
	    "[   3] c3 LOCK foo -> bid2+ c3 QUEUED foo pos=3 by c1\n"
	    "[   4] c4 SLOCK foo -> c4 QUEUED foo pos=4 by c1\n"
	    "[   5] c1 UNLOCK foo -> c1=OK\n"
	    "[   6] c2 UNLOCK foo -> c2=OK bid1-\n"
	    "[   7] bid2 owned 75 alone after -> c3 GRANTED foo 75.0 bid3+s\n"
	    "[   8] c3 UNLOCK foo -> c3=OK bid2-\n"
	    "[   9] bid3 owned 80 alone after -> c4 GRANTED foo 80.0\n"
	    "[  10] c4 UNLOCK foo -> c4=OK bid3-\n");
}
END_TEST

/* Readers that waited come in together, up to the first writer. */
START_TEST(readers_come_in_together)
{
	play("0 c1 LOCK foo\n1 bid1 owned 70 alone\n"
	     "2 c2 SLOCK foo\n2 c3 SLOCK foo\n2 c4 LOCK foo\n2 c5 SLOCK foo\n"
	     "3 c1 UNLOCK foo\n");
	trace_len = 0;
	play("4 bid2 owned 75 alone after\n");
	ck_assert_str_eq(trace,
			 "[   4] bid2 owned 75 alone after -> c2 GRANTED foo "
			 "75.0 c3 GRANTED foo 75.1 bid3+\n");
}
END_TEST

/* C6: from the first known writer behind, each join is a turn, and at the
 * limit the bid is sealed: who comes now stands behind that writer. */
START_TEST(c6_a_shared_bid_is_sealed)
{
	play("0 c1 SLOCK foo\n1 bid1 owned 70 alone\n2 c2 SLOCK foo\n");
	trace_len = 0;
	play("3 bid1 sees somebody\n"
	     "4 c3 SLOCK foo\n"
	     "5 c4 SLOCK foo\n"
	     "6 c5 SLOCK foo\n"
	     "7 c6 SLOCK foo\n"
	     "8 bid2 queued 2 db2\n"
	     "9 c1 GONE\n9 c2 GONE\n9 c3 GONE\n9 c4 GONE\n9 c5 GONE\n"
	     "10 bid2 owned 90 unknown\n");
	ck_assert_str_eq(
	    trace, "[   3] bid1 sees somebody ->\n"
		   "[   4] c3 SLOCK foo -> c3 GRANTED foo 70.2\n"
		   "[   5] c4 SLOCK foo -> c4 GRANTED foo 70.3\n"
		   "[   6] c5 SLOCK foo -> c5 GRANTED foo 70.4\n"
		   "[   7] c6 SLOCK foo -> bid2+s c6 QUEUED foo pos=6 by c1\n"
		   "[   8] bid2 queued 2 db2 ->\n"
		   "[   9] c1 GONE ->\n"
		   "[   9] c2 GONE ->\n"
		   "[   9] c3 GONE ->\n"
		   "[   9] c4 GONE ->\n"
		   "[   9] c5 GONE -> bid1-\n"
		   "[  10] bid2 owned 90 unknown -> c6 GRANTED foo 90.0 "
		   "bid2 behind?\n");
}
END_TEST

/* R6: milliseconds seal it as well. */
START_TEST(time_seals_a_shared_bid)
{
	play("0 c1 SLOCK foo\n1 bid1 owned 70 somebody\n50 c2 SLOCK foo\n"
	     "51 c3 SLOCK foo\n");
	expect("c2 GRANTED foo 70.1\n");
	expect("[  51] c3 SLOCK foo -> bid2+s c3 QUEUED foo pos=3");
}
END_TEST

/* No writer came between: both bids serve until the sealed one is empty. */
START_TEST(two_shared_bids_may_be_owned_at_once)
{
	play("0 c1 SLOCK foo\n1 bid1 owned 70 somebody\n60 c2 SLOCK foo\n");
	trace_len = 0;
	play("61 bid2 owned 80 alone\n"
	     "62 c3 SLOCK foo\n"
	     "63 c4 LOCK foo\n"
	     "64 c1 UNLOCK foo\n"
	     "65 c2 UNLOCK foo\n"
	     "66 c3 UNLOCK foo\n");
	expect("-> c2 GRANTED foo 80.0\n");
	expect("c1 UNLOCK foo -> c1=OK bid1-");
	expect("bid3+");
	expect("c3 UNLOCK foo -> c3=OK bid");
}
END_TEST

/* R6, R7: the second of them was won by waiting.  While the first is held it
 * asks for itself who came since, and is sealed by that. */
START_TEST(a_second_shared_bid_looks_too)
{
	play("0 c1 SLOCK foo\n1 bid1 owned 70 somebody\n60 c2 SLOCK foo\n");
	trace_len = 0;
	play("61 bid2 owned 80 unknown\n"
	     "62 bid2 sees somebody\n"
	     "63 c3 SLOCK foo\n");
	ck_assert_str_eq(trace,
			 "[  61] bid2 owned 80 unknown -> c2 GRANTED foo 80.0 "
			 "bid2 behind?\n"
			 "[  62] bid2 sees somebody ->\n"
			 "[  63] c3 SLOCK foo -> c3 QUEUED foo pos=3 by c1\n");
}
END_TEST

/* A reader's bid may be first before we hear that the node of the one who
 * holds the lock alone was deleted by somebody: not beside that one. */
START_TEST(no_reader_beside_an_exclusive_hold)
{
	play("0 c1 LOCK foo\n1 bid1 owned 70 alone\n2 c2 SLOCK foo\n");
	trace_len = 0;
	play("3 bid2 owned 80 alone\n4 c3 SLOCK foo 0\n5 bid1 vanished\n");
	ck_assert_str_eq(trace,
			 "[   3] bid2 owned 80 alone ->\n"
			 "[   4] c3 SLOCK foo 0 -> c3=BUSY\n"
			 "[   5] bid1 vanished -> c1 LOST foo deleted c2 "
			 "GRANTED foo 80.0\n");
}
END_TEST

/* C16, R9: a thousand tickets of alternating modes, two bids at a time. */
START_TEST(c16_alternating_tickets_take_two_bids)
{
	struct locktab_limits limits = defaults;
	unsigned open = 0, seen = 0;
	char line[64], *at;

	limits.tickets_max = 1000;
	begin(&limits);
	for (unsigned i = 1; i <= 1000; i++) {
		(void)snprintf(line, sizeof line, "0 c%u %s foo", i,
			       i % 2 ? "SLOCK" : "LOCK");
		trace_len = 0;
		play(line);
		open += strchr(trace, '+') != NULL;
	}
	ck_assert_uint_eq(open, 1);
	for (unsigned i = 1; i <= 1000; i++) {
		(void)snprintf(line, sizeof line, "1 bid%u owned %u alone", i,
			       i);
		trace_len = 0;
		play(line);
		(void)snprintf(line, sizeof line, "GRANTED foo %u.0", i);
		expect(line);
		for (at = trace; (at = strchr(at, '+')); at++)
			open++;
		ck_assert_uint_le(open, 2);
		(void)snprintf(line, sizeof line, "1 c%u UNLOCK foo", i);
		trace_len = 0;
		play(line);
		expect("-\n");
		open--;
		seen++;
	}
	ck_assert_uint_eq(open, 0);
	ck_assert_uint_eq(seen, 1000);
}
END_TEST

/* R5: the node stays, the token stays, this host's readers come in, and the
 * writer after them gets the next turn of the same bid (R4). */
START_TEST(r5_a_downgrade_lets_readers_in)
{
	play("0 c1 LOCK foo\n"
	     "1 bid1 owned 70 alone\n"
	     "2 c2 SLOCK foo\n"
	     "3 c1 DOWNGRADE foo\n"
	     "4 c3 LOCK foo\n"
	     "5 c4 SLOCK foo\n"
	     "6 c1 UNLOCK foo\n"
	     "7 c2 UNLOCK foo\n");
	ck_assert_str_eq(
	    trace,
	    "[   0] c1 LOCK foo -> bid1+\n"
	    "[   1] bid1 owned 70 alone -> c1 GRANTED foo 70.0\n"
	    "[   2] c2 SLOCK foo -> bid2+s c2 QUEUED foo pos=2 by c1\n"
	    "[   3] c1 DOWNGRADE foo -> c1=OK c2 GRANTED foo 70.1 bid2-\n"
	    "[   4] c3 LOCK foo -> c3 QUEUED foo pos=3 by c1\n"
	    "[   5] c4 SLOCK foo -> c4 QUEUED foo pos=4 by c1\n"
	    "[   6] c1 UNLOCK foo -> c1=OK\n"
	    "[   7] c2 UNLOCK foo -> c2=OK c3 GRANTED foo 70.2 bid3+s\n");
}
END_TEST

/* A downgraded bid is sealed like any other, and stays exclusive to others:
 * what comes behind it begins after it. */
START_TEST(a_downgraded_bid_is_sealed_too)
{
	play("0 c1 LOCK foo\n1 bid1 owned 70 somebody\n2 c1 DOWNGRADE foo\n"
	     "3 c2 SLOCK foo\n4 c3 SLOCK foo\n");
	trace_len = 0;
	play("5 c4 SLOCK foo\n6 c5 LOCK foo\n");
	ck_assert_str_eq(
	    trace, "[   5] c4 SLOCK foo -> bid2+s c4 QUEUED foo pos=4 by c1\n"
		   "[   6] c5 LOCK foo -> c5 QUEUED foo pos=5 by c1\n");
}
END_TEST

START_TEST(downgrade_answers)
{
	play("0 c1 DOWNGRADE foo\n"
	     "1 c1 LOCK foo\n"
	     "2 c1 DOWNGRADE foo\n"
	     "3 bid1 owned 70 alone\n"
	     "4 c2 DOWNGRADE foo\n"
	     "5 c1 DOWNGRADE foo\n"
	     "6 c1 DOWNGRADE foo\n"
	     "7 c1 LOCK foo\n"
	     "8 end\n"
	     "9 c1 DOWNGRADE foo\n");
	ck_assert_str_eq(trace,
			 "[   0] c1 DOWNGRADE foo -> c1=NOTHELD\n"
			 "[   1] c1 LOCK foo -> bid1+\n"
			 "[   2] c1 DOWNGRADE foo -> c1=NOTHELD\n"
			 "[   3] bid1 owned 70 alone -> c1 GRANTED foo 70.0\n"
			 "[   4] c2 DOWNGRADE foo -> c2=NOTHELD\n"
			 "[   5] c1 DOWNGRADE foo -> c1=OK\n"
			 "[   6] c1 DOWNGRADE foo -> c1=OK\n"
			 "[   7] c1 LOCK foo -> c1=HELD\n"
			 "[   8] end -> c1 LOST foo deadline\n"
			 "[   9] c1 DOWNGRADE foo -> c1=LOST\n");
}
END_TEST

/* R6: a change of mode is one period: the next bid goes on counting. */
START_TEST(r6_the_budget_goes_on_over_a_change_of_mode)
{
	play("0 c1 SLOCK foo\n1 bid1 owned 70 somebody\n2 c2 SLOCK foo\n"
	     "3 c3 LOCK foo\n4 c1 UNLOCK foo\n4 c2 UNLOCK foo\n"
	     "5 c4 LOCK foo\n");
	trace_len = 0;
	play("6 bid2 owned 75 somebody after\n7 c3 UNLOCK foo\n");
	ck_assert_str_eq(
	    trace, "[   6] bid2 owned 75 somebody after -> c3 GRANTED foo "
		   "75.0\n"
		   "[   7] c3 UNLOCK foo -> c3=OK bid3+ bid2-\n");
}
END_TEST

/* TRYLOCK: joins readers, is refused by who waits and by the other mode. */
START_TEST(trying_to_share)
{
	play("0 c1 SLOCK foo 0\n"
	     "1 bid1 owned 70 alone\n"
	     "2 c2 SLOCK foo 0\n"
	     "3 c3 LOCK foo 0\n"
	     "4 c4 LOCK foo\n"
	     "5 c3 SLOCK foo 0\n"
	     "6 c4 CANCEL foo\n"
	     "7 c3 SLOCK foo 0\n");
	ck_assert_str_eq(
	    trace, "[   0] c1 SLOCK foo 0 -> bid1+s\n"
		   "[   1] bid1 owned 70 alone -> c1 GRANTED foo 70.0\n"
		   "[   2] c2 SLOCK foo 0 -> c2 GRANTED foo 70.1\n"
		   "[   3] c3 LOCK foo 0 -> c3=BUSY\n"
		   "[   4] c4 LOCK foo -> bid2+ c4 QUEUED foo pos=3 by c1\n"
		   "[   5] c3 SLOCK foo 0 -> c3=BUSY\n"
		   "[   6] c4 CANCEL foo -> c4 ERR CANCELLED foo c4=OK bid2-\n"
		   "[   7] c3 SLOCK foo 0 -> c3 GRANTED foo 70.2\n");
}
END_TEST

/* The bid goes with the ticket that it was opened for. */
START_TEST(a_seeking_bid_of_the_wrong_mode_is_replaced)
{
	play("0 c1 SLOCK foo\n1 c2 LOCK foo\n2 c1 CANCEL foo\n"
	     "3 bid1 owned 70 alone\n4 bid2 owned 71 alone\n");
	ck_assert_str_eq(
	    trace, "[   0] c1 SLOCK foo -> bid1+s\n"
		   "[   1] c2 LOCK foo -> c2 QUEUED foo pos=2\n"
		   "[   2] c1 CANCEL foo -> c1 ERR CANCELLED foo c1=OK bid1- "
		   "bid2+\n"
		   "[   3] bid1 owned 70 alone ->\n"
		   "[   4] bid2 owned 71 alone -> c2 GRANTED foo 71.0\n");
}
END_TEST

/* All who share lose together; a shared grant needs the lease too. */
START_TEST(sharers_lose_together)
{
	play("0 c1 SLOCK foo\n1 bid1 owned 70 alone\n2 c2 SLOCK foo\n"
	     "3 lease -1\n4 c3 SLOCK foo\n");
	trace_len = 0;
	play("5 lease 100000\n6 c4 LOCK foo\n7 bid1 vanished\n"
	     "8 bid2 owned 90 alone\n9 end\n");
	ck_assert_str_eq(
	    trace, "[   5] lease 100000 -> c3 GRANTED foo 70.2\n"
		   "[   6] c4 LOCK foo -> bid2+ c4 QUEUED foo pos=4 by c1\n"
		   "[   7] bid1 vanished -> c1 LOST foo deleted c2 LOST foo "
		   "deleted c3 LOST foo deleted\n"
		   "[   8] bid2 owned 90 alone -> c4 GRANTED foo 90.0\n"
		   "[   9] end -> c4 LOST foo deadline\n");
}
END_TEST

/* There is no room for the next bid: who waits for it waits for the one that
 * serves, and is refused when that has gone. */
START_TEST(a_failed_next_bid_refuses_nobody_yet)
{
	play("0 c1 SLOCK foo\n1 bid1 owned 70 alone\n2 c2 LOCK foo\n");
	trace_len = 0;
	play("3 bid2 failed\n4 c1 UNLOCK foo\n5 bid3 failed\n");
	ck_assert_str_eq(trace, "[   3] bid2 failed ->\n"
				"[   4] c1 UNLOCK foo -> c1=OK bid1- bid3+\n"
				"[   5] bid3 failed -> c2 ERR LIMIT foo\n");
}
END_TEST

/* A lingering bid serves its own mode only. */
START_TEST(a_linger_is_of_one_mode)
{
	struct locktab_limits limits = defaults;

	limits.linger_ms = 200;
	begin(&limits);
	play("0 c1 SLOCK foo\n1 bid1 owned 70 alone\n2 c1 UNLOCK foo\n"
	     "3 c2 SLOCK foo\n4 c2 UNLOCK foo\n5 c3 LOCK foo 0\n"
	     "6 bid2 queued 1 db1 kin\n7 bid2 owned 75 alone after\n");
	ck_assert_str_eq(
	    trace, "[   0] c1 SLOCK foo -> bid1+s\n"
		   "[   1] bid1 owned 70 alone -> c1 GRANTED foo 70.0\n"
		   "[   2] c1 UNLOCK foo -> c1=OK\n"
		   "[   3] c2 SLOCK foo -> c2 GRANTED foo 70.1\n"
		   "[   4] c2 UNLOCK foo -> c2=OK\n"
		   "[   5] c3 LOCK foo 0 -> bid2+ bid1-\n"
		   "[   6] bid2 queued 1 db1 kin ->\n"
		   "[   7] bid2 owned 75 alone after -> c3 GRANTED foo 75.0\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("locktab_mode");
	TCase *tc = tcase_create("transcripts");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, arrival_order_holds_over_modes);
	tcase_add_test(tc, readers_come_in_together);
	tcase_add_test(tc, c6_a_shared_bid_is_sealed);
	tcase_add_test(tc, time_seals_a_shared_bid);
	tcase_add_test(tc, two_shared_bids_may_be_owned_at_once);
	tcase_add_test(tc, a_second_shared_bid_looks_too);
	tcase_add_test(tc, no_reader_beside_an_exclusive_hold);
	tcase_add_test(tc, c16_alternating_tickets_take_two_bids);
	tcase_add_test(tc, r5_a_downgrade_lets_readers_in);
	tcase_add_test(tc, a_downgraded_bid_is_sealed_too);
	tcase_add_test(tc, downgrade_answers);
	tcase_add_test(tc, r6_the_budget_goes_on_over_a_change_of_mode);
	tcase_add_test(tc, trying_to_share);
	tcase_add_test(tc, a_seeking_bid_of_the_wrong_mode_is_replaced);
	tcase_add_test(tc, sharers_lose_together);
	tcase_add_test(tc, a_failed_next_bid_refuses_nobody_yet);
	tcase_add_test(tc, a_linger_is_of_one_mode);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
