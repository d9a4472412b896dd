/* SPDX-License-Identifier: MIT */
/*
 * locktab - lingering: how long, of which locks, and which goes first (R13).
 */
#include "tests/unit/locktab_play.h"

static void begin_with(int64_t linger_ms)
{
	struct locktab_limits limits = defaults;

	limits.linger_ms = linger_ms;
	begin(&limits);
}

/* Two locks, one with a linger of its own: each ends in its own time, whichever
 * began first. */
START_TEST(a_lock_may_linger_for_a_time_of_its_own)
{
	begin_with(200);
	play("0 c1 LOCK foo\n"
	     "0 bid1 owned 70 alone\n"
	     "0 c1 LOCK bar -1 linger=50\n"
	     "0 bid2 owned 71 alone\n"
	     "0 c1 LOCK off -1 linger=-1\n"
	     "0 bid3 owned 72 alone\n"
	     "10 c1 UNLOCK foo\n"
	     "20 c1 UNLOCK bar\n");
	ck_assert_int_eq(locktab_wake_ms(tab), 70);
	trace_len = 0;
	play("30 c1 UNLOCK off\n"
	     "69 tick\n"
	     "70 tick\n"
	     "209 tick\n"
	     "210 tick\n");
	ck_assert_str_eq(trace, "[  30] c1 UNLOCK off -> c1=OK bid3-\n"
				"[  69] tick ->\n"
				"[  70] tick -> bid2-\n"
				"[ 209] tick ->\n"
				"[ 210] tick -> bid1-\n");
	ck_assert_int_eq(locktab_wake_ms(tab), LOCKTAB_NEVER_MS);
}
END_TEST

/* The other way round: nothing lingers, but that one. */
START_TEST(one_lock_may_linger_alone)
{
	begin_with(0);
	play("0 c1 LOCK foo\n"
	     "0 bid1 owned 70 alone\n"
	     "0 c1 LOCK bar -1 linger=50\n"
	     "0 bid2 owned 71 alone\n");
	trace_len = 0;
	play("10 c1 UNLOCK foo\n"
	     "20 c1 UNLOCK bar\n"
	     "30 c1 LOCK bar -1 linger=50\n"
	     "40 c1 UNLOCK bar\n"
	     "90 tick\n");
	ck_assert_str_eq(trace,
			 "[  10] c1 UNLOCK foo -> c1=OK bid1-\n"
			 "[  20] c1 UNLOCK bar -> c1=OK\n"
			 "[  30] c1 LOCK bar -1 linger=50 -> c1 GRANTED bar "
			 "71.1\n"
			 "[  40] c1 UNLOCK bar -> c1=OK\n"
			 "[  90] tick -> bid2-\n");
}
END_TEST

/* One cycle at a time of our making that others end by coming. */
static void stirred(int64_t at_ms, unsigned bid)
{
	char line[256];

	(void)snprintf(line, sizeof line,
		       "%" PRId64 " c1 LOCK foo\n"
		       "%" PRId64 " bid%u owned %u alone\n"
		       "%" PRId64 " c1 UNLOCK foo\n"
		       "%" PRId64 " bid%u stirred\n",
		       at_ms, at_ms, bid, 70 + bid, at_ms, at_ms + 1, bid);
	play(line);
}

/* A lock that others take each time after us does not linger any more; it is
 * tried again after ten seconds, and lingers as ever once that was of use. */
START_TEST(what_others_keep_taking_stops_lingering)
{
	begin_with(200);
	for (unsigned i = 1; i <= 3; i++)
		stirred(100 * i, i);
	trace_len = 0;
	play("400 c1 LOCK foo\n"
	     "400 bid4 owned 80 alone\n"
	     "401 c1 UNLOCK foo\n"
	     "402 c1 LOCK bar\n"
	     "402 bid5 owned 81 alone\n"
	     "403 c1 UNLOCK bar\n"
	     "10300 c1 LOCK foo\n"
	     "10300 bid6 owned 82 alone\n"
	     "10301 c1 UNLOCK foo\n");
	ck_assert_str_eq(trace,
			 "[ 400] c1 LOCK foo -> bid4+\n"
			 "[ 400] bid4 owned 80 alone -> c1 GRANTED foo 80.0\n"
			 "[ 401] c1 UNLOCK foo -> c1=OK bid4-\n"
			 "[ 402] c1 LOCK bar -> bid5+\n"
			 "[ 402] bid5 owned 81 alone -> c1 GRANTED bar 81.0\n"
			 "[ 403] c1 UNLOCK bar -> c1=OK\n"
			 "[10300] c1 LOCK foo -> bid6+\n"
			 "[10300] bid6 owned 82 alone -> c1 GRANTED foo 82.0\n"
			 "[10301] c1 UNLOCK foo -> c1=OK\n");
	/* Stirred once more: no more linger at once. */
	trace_len = 0;
	play("10302 bid6 stirred\n"
	     "10303 c1 LOCK foo\n"
	     "10303 bid7 owned 83 alone\n"
	     "10304 c1 UNLOCK foo\n");
	expect("[10304] c1 UNLOCK foo -> c1=OK bid7-\n");
	/* Of use: all is forgotten. */
	play("30000 c1 LOCK foo\n"
	     "30000 bid8 owned 84 alone\n"
	     "30001 c1 UNLOCK foo\n"
	     "30002 c1 LOCK foo\n"
	     "30003 c1 UNLOCK foo\n"
	     "30004 bid8 stirred\n"
	     "30005 c1 LOCK foo\n"
	     "30005 bid9 owned 85 alone\n"
	     "30006 c1 UNLOCK foo\n");
	expect("[30006] c1 UNLOCK foo -> c1=OK\n");
}
END_TEST

/* Room is made by the one that nobody has wanted for longest. */
START_TEST(the_least_recently_used_goes_first)
{
	begin_with(1000);
	play("0 c1 LOCK a\n"
	     "0 bid1 owned 70 alone\n"
	     "0 c1 LOCK b\n"
	     "0 bid2 owned 71 alone\n"
	     "1 c1 UNLOCK a\n"
	     "2 c1 UNLOCK b\n"
	     "3 c1 LOCK a\n"
	     "4 c1 UNLOCK a\n");
	ck_assert_uint_eq(locktab_shed_linger(tab, NULL, 5), 2);
	ck_assert_uint_eq(locktab_shed_linger(tab, NULL, 5), 1);
	ck_assert_uint_eq(locktab_shed_linger(tab, NULL, 5), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("locktab_linger");
	TCase *tc = tcase_create("transcripts");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_lock_may_linger_for_a_time_of_its_own);
	tcase_add_test(tc, one_lock_may_linger_alone);
	tcase_add_test(tc, what_others_keep_taking_stops_lingering);
	tcase_add_test(tc, the_least_recently_used_goes_first);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
