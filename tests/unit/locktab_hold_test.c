/* SPDX-License-Identifier: MIT */
/* Holds that end by themselves, told as transcripts; locktab_play.h has the
 * language. */
#include "locktab_play.h"

/* R17: the hold is over after max_hold, and only then is the next one served.
 * What was released in time is not lost afterwards. */
START_TEST(a_longest_hold_ends_by_itself)
{
	play("0 c1 LOCK foo -1 max=50\n"
	     "5 bid1 owned 70 alone\n"
	     "6 c2 LOCK foo -1 max=50\n"
	     "54 tick\n");
	ck_assert_int_eq(locktab_wake_ms(tab), 55);
	play("55 tick\n"
	     "60 c1 UNLOCK foo\n"
	     "70 c2 UNLOCK foo\n"
	     "200 tick\n");
	ck_assert_str_eq(
	    trace, "[   0] c1 LOCK foo -1 max=50 -> bid1+\n"
		   "[   5] bid1 owned 70 alone -> c1 GRANTED foo 70.0\n"
		   "[   6] c2 LOCK foo -1 max=50 -> c2 QUEUED foo pos=2 by c1\n"
		   "[  54] tick ->\n"
		   "[  55] tick -> c1 LOST foo max_hold c2 GRANTED foo 70.1\n"
		   "[  60] c1 UNLOCK foo -> c1=LOST\n"
		   "[  70] c2 UNLOCK foo -> c2=OK bid1-\n"
		   "[ 200] tick ->\n");
	ck_assert_int_eq(locktab_wake_ms(tab), LOCKTAB_NEVER_MS);
}
END_TEST

/* A wait that may last is not a hold that may: each has its own end. */
START_TEST(the_wait_is_no_part_of_the_longest_hold)
{
	play("0 c1 LOCK foo\n1 bid1 owned 70 alone\n"
	     "2 c2 LOCK foo 100 max=30\n"
	     "90 c1 UNLOCK foo\n"
	     "102 tick\n120 tick\n");
	expect("c2 GRANTED foo 70.1\n"
	       "[ 102] tick ->\n"
	       "[ 120] tick -> c2 LOST foo "
	       "max_hold bid1-\n");
}
END_TEST

/* KICK: the owner is told, and the lock is served when the grace is over;
 * never later than was said before. */
START_TEST(a_kick_is_announced)
{
	play("0 c1 LOCK foo\n1 bid1 owned 70 alone\n2 c2 LOCK foo\n"
	     "10 c9 KICK @1 40\n"
	     "11 c9 KICK @1 50\n"
	     "39 tick\n"
	     "40 tick\n"
	     "41 c9 KICK @1 60\n"
	     "42 c9 KICK @77 60\n");
	ck_assert_str_eq(
	    trace, "[   0] c1 LOCK foo -> bid1+\n"
		   "[   1] bid1 owned 70 alone -> c1 GRANTED foo 70.0\n"
		   "[   2] c2 LOCK foo -> c2 QUEUED foo pos=2 by c1\n"
		   "[  10] c9 KICK @1 40 -> c1 REVOKE foo 40 c9=OK\n"
		   "[  11] c9 KICK @1 50 -> c9=OK\n"
		   "[  39] tick ->\n"
		   "[  40] tick -> c1 LOST foo kicked c2 GRANTED foo 70.1\n"
		   "[  41] c9 KICK @1 60 -> c9=NOTFOUND\n"
		   "[  42] c9 KICK @77 60 -> c9=NOTFOUND\n");
}
END_TEST

/* KICK of a wait, of the one that opened the bid too, and of a hold whose
 * owner lets go in time. */
START_TEST(a_kick_ends_a_wait_at_once)
{
	play("0 c1 LOCK foo\n1 bid1 queued 1 db2\n2 c2 LOCK foo\n"
	     "3 c9 KICK @2 9\n"
	     "4 c9 KICK @1 9\n"
	     "5 c1 LOCK bar\n6 bid2 owned 70 alone\n"
	     "7 c9 KICK @3 20\n8 c1 UNLOCK bar\n30 tick\n");
	expect("[   3] c9 KICK @2 9 -> c2 ERR CANCELLED foo c9=OK\n"
	       "[   4] c9 KICK @1 9 -> c1 ERR CANCELLED foo c9=OK"
	       " bid1-\n");
	expect("[   7] c9 KICK @3 20 -> c1 REVOKE bar 20 c9=OK\n"
	       "[   8] c1 UNLOCK bar -> c1=OK bid2-\n"
	       "[  30] tick ->\n");
}
END_TEST

/* R21: released, or its connection gone, and yet nobody is served before
 * grant + min_hold; the owner is done with it at once. */
START_TEST(a_shortest_hold_outlives_its_release)
{
	play("0 c1 LOCK foo -1 min=50\n5 bid1 owned 70 alone\n"
	     "10 c1 UNLOCK foo\n"
	     "11 c1 UNLOCK foo\n"
	     "12 c2 LOCK foo\n"
	     "13 c3 LOCK foo 0\n"
	     "14 c1 LOCK foo 1000 min=50\n"
	     "54 tick\n");
	ck_assert_int_eq(locktab_wake_ms(tab), 55);
	play("55 tick\n60 c2 UNLOCK foo\n"
	     "61 c1 GONE\n");
	ck_assert_int_eq(locktab_wake_ms(tab), 110);
	play("110 tick\n");
	ck_assert_str_eq(
	    trace, "[   0] c1 LOCK foo -1 min=50 -> bid1+\n"
		   "[   5] bid1 owned 70 alone -> c1 GRANTED foo 70.0\n"
		   "[  10] c1 UNLOCK foo -> c1=OK\n"
		   "[  11] c1 UNLOCK foo -> c1=NOTHELD\n"
		   "[  12] c2 LOCK foo -> c2 QUEUED foo pos=2 by c1\n"
		   "[  13] c3 LOCK foo 0 -> c3=BUSY\n"
		   "[  14] c1 LOCK foo 1000 min=50 -> c1 QUEUED foo pos=3 by"
		   " c1\n"
		   "[  54] tick ->\n"
		   "[  55] tick -> c2 GRANTED foo 70.1\n"
		   "[  60] c2 UNLOCK foo -> c2=OK c1 GRANTED foo 70.2\n"
		   "[  61] c1 GONE ->\n"
		   "[ 110] tick -> bid1-\n");
}
END_TEST

/* Held longer than that: nothing is kept.  The end of the session, a deleted
 * node and a KICK end what is kept, and tell nobody. */
START_TEST(a_shortest_hold_ends_with_its_bid)
{
	struct locktab_counts counts;

	play("0 c1 LOCK foo -1 min=50\n1 bid1 owned 70 alone\n"
	     "60 c1 UNLOCK foo\n");
	expect("c1 UNLOCK foo -> c1=OK bid1-\n");
	trace_len = 0;
	play("61 c1 LOCK a -1 min=50\n62 bid2 owned 71 alone\n63 c1 UNLOCK a\n"
	     "64 c1 LOCK b -1 min=50\n65 bid3 owned 72 alone\n66 c1 UNLOCK b\n"
	     "67 c1 LOCK c -1 min=50\n68 bid4 owned 73 alone\n69 c1 UNLOCK c\n"
	     "70 c9 KICK @2\n71 bid3 vanished\n72 end\n200 tick\n");
	expect("[  70] c9 KICK @2 -> c9=OK bid2-\n"
	       "[  71] bid3 vanished ->\n"
	       "[  72] end ->\n"
	       "[ 200] tick ->\n");
	locktab_counts(tab, &counts);
	ck_assert_uint_eq(counts.kept + counts.locks, 0);
	ck_assert_uint_eq(counts.losses, 0);
}
END_TEST

/* What outlives connections has a bound of its own, and comes back. */
START_TEST(shortest_holds_are_bounded)
{
	struct locktab_limits many = defaults;
	struct locktab_event ev = { .type = LOCKTAB_LOCK,
				    .lock = { .wait_ms = -1, .tag = "" } };
	struct locktab_effect fx;
	char name[16];
	unsigned granted = 0;

	many.tickets_max = 5000;
	begin(&many);
	ev.lock.min_hold_ms = 50;
	for (ev.conn = 1; ev.conn <= 1025; ev.conn++) {
		(void)snprintf(name, sizeof name, "k%u", (unsigned)ev.conn);
		ev.lock.name = name;
		locktab_step(tab, &ev);
		while (locktab_next(tab, &fx)) {
			granted += fx.type == LOCKTAB_FX_BID_OPEN;
			if (fx.type != LOCKTAB_FX_DONE)
				continue;
			ck_assert_uint_eq(ev.conn, 1025);
			ck_assert_int_eq(fx.status, ZKP_LIMIT);
			ck_assert_str_eq(fx.which, "min_holds");
		}
	}
	ck_assert_uint_eq(granted, 1024);
	play("1 c2000 LOCK other\n2 c1 GONE\n3 c2001 LOCK more -1 min=5\n");
	expect("c2000 LOCK other -> bid1025+\n");
	expect("min=5 -> bid1026+\n");
}
END_TEST

/* wanted=1: one word a hold, whoever comes and however often; here or behind
 * the bid. */
START_TEST(a_hold_is_told_once_that_it_is_wanted)
{
	play("0 c1 LOCK foo -1 wanted\n1 bid1 owned 70 alone\n"
	     "2 c2 LOCK foo -1 wanted\n3 c2 CANCEL foo\n4 c2 LOCK foo\n"
	     "5 c3 LOCK foo -1 wanted\n"
	     "6 c1 UNLOCK foo\n7 c2 UNLOCK foo\n"
	     "8 bid1 sees somebody\n9 bid1 sees somebody\n");
	ck_assert_str_eq(
	    trace, "[   0] c1 LOCK foo -1 wanted -> bid1+\n"
		   "[   1] bid1 owned 70 alone -> c1 GRANTED foo 70.0\n"
		   "[   2] c2 LOCK foo -1 wanted -> c1 WANTED foo +1"
		   " c2 QUEUED foo pos=2 by c1\n"
		   "[   3] c2 CANCEL foo -> c2 ERR CANCELLED foo c2=OK\n"
		   "[   4] c2 LOCK foo -> c2 QUEUED foo pos=2 by c1\n"
		   "[   5] c3 LOCK foo -1 wanted -> c3 QUEUED foo pos=3 by c1\n"
		   "[   6] c1 UNLOCK foo -> c1=OK c2 GRANTED foo 70.1\n"
		   "[   7] c2 UNLOCK foo -> c2=OK c3 GRANTED foo 70.2\n"
		   "[   8] bid1 sees somebody -> c3 WANTED foo +1\n"
		   "[   9] bid1 sees somebody ->\n");
}
END_TEST

/* Somebody waits already when the turn comes. */
START_TEST(a_hold_may_be_wanted_from_the_start)
{
	play("0 c1 LOCK foo -1 wanted\n1 c2 LOCK foo\n"
	     "2 bid1 owned 70 somebody\n");
	expect("c1 GRANTED foo 70.0 c1 WANTED foo +2\n");
}
END_TEST

/* REVOKE is for waiters; it asks each hold once, and takes nothing away. */
START_TEST(holders_are_asked_to_give_way)
{
	play("0 c1 LOCK foo\n1 bid1 owned 70 alone\n"
	     "2 c2 REVOKE foo\n3 c2 REVOKE foo admin\n"
	     "4 c2 LOCK foo\n5 c2 REVOKE foo\n6 c1 REVOKE foo\n"
	     "7 c1 UNLOCK foo\n8 c9 REVOKE bar admin\n");
	expect("[   2] c2 REVOKE foo -> c2=DENIED\n"
	       "[   3] c2 REVOKE foo admin -> c1 ASKED foo c2=OK\n"
	       "[   4] c2 LOCK foo -> c2 QUEUED foo pos=2 by c1\n"
	       "[   5] c2 REVOKE foo -> c2=OK\n"
	       "[   6] c1 REVOKE foo -> c1=DENIED\n"
	       "[   7] c1 UNLOCK foo -> c1=OK c2 GRANTED foo 70.1\n"
	       "[   8] c9 REVOKE bar admin -> c9=NOTFOUND\n");
}
END_TEST

/* A holder elsewhere is asked by way of its node, once it is known, and again
 * if it did not listen, but not as often as somebody types. */
START_TEST(a_holder_elsewhere_is_asked_too)
{
	play("0 c1 LOCK foo\n1 c1 REVOKE foo\n2 bid1 queued 1 db2\n"
	     "3 c1 REVOKE foo\n4 c1 REVOKE foo\n252 c1 REVOKE foo\n"
	     "253 c1 REVOKE foo\n");
	expect("c1 REVOKE foo -> c1=NOTFOUND\n");
	expect("[   3] c1 REVOKE foo -> bid1? c1=OK\n"
	       "[   4] c1 REVOKE foo -> c1=OK\n"
	       "[ 252] c1 REVOKE foo -> c1=OK\n"
	       "[ 253] c1 REVOKE foo -> bid1? c1=OK\n");
}
END_TEST

/* Asked from outside: the holder is told, and once it lets go the bid serves
 * nobody any more, if others do wait. */
START_TEST(a_revoked_bid_goes_after_the_hold)
{
	play("0 c1 LOCK foo\n1 c2 LOCK foo\n2 bid1 owned 70 somebody\n"
	     "3 bid1 revoked\n4 bid1 revoked\n5 c1 UNLOCK foo\n"
	     "6 bid2 owned 75 alone\n"
	     "7 bid2 revoked\n8 c1 LOCK foo\n9 c2 UNLOCK foo\n");
	expect("[   3] bid1 revoked -> c1 ASKED foo\n"
	       "[   4] bid1 revoked ->\n"
	       "[   5] c1 UNLOCK foo -> c1=OK bid2+ bid1-\n");
	expect("[   7] bid2 revoked -> c2 ASKED foo\n"
	       "[   8] c1 LOCK foo -> c1 QUEUED foo pos=2 by c2\n"
	       "[   9] c2 UNLOCK foo -> c2=OK c1 GRANTED foo "
	       "75.1\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("locktab_hold");
	TCase *tc = tcase_create("transcripts");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_longest_hold_ends_by_itself);
	tcase_add_test(tc, the_wait_is_no_part_of_the_longest_hold);
	tcase_add_test(tc, a_kick_is_announced);
	tcase_add_test(tc, a_kick_ends_a_wait_at_once);
	tcase_add_test(tc, a_shortest_hold_outlives_its_release);
	tcase_add_test(tc, a_shortest_hold_ends_with_its_bid);
	tcase_add_test(tc, shortest_holds_are_bounded);
	tcase_add_test(tc, a_hold_is_told_once_that_it_is_wanted);
	tcase_add_test(tc, a_hold_may_be_wanted_from_the_start);
	tcase_add_test(tc, holders_are_asked_to_give_way);
	tcase_add_test(tc, a_holder_elsewhere_is_asked_too);
	tcase_add_test(tc, a_revoked_bid_goes_after_the_hold);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
