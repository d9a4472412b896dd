/* SPDX-License-Identifier: MIT */
/* Waits that would be for ever, told as transcripts; locktab_play.h has the
 * language. */
#include "locktab_play.h"

/* The classic: two take two locks in different orders.  The second is
 * refused and named, the first goes on when it lets go. */
START_TEST(two_that_cross_are_told)
{
	play("0 c1 LOCK a\n1 bid1 owned 70 alone\n"
	     "2 c2 LOCK b\n3 bid2 owned 71 alone\n"
	     "4 c1 LOCK b\n5 c2 LOCK a\n6 c2 LOCK a 100\n7 c2 WAIT a\n"
	     "8 c2 LOCK a 0\n9 c2 UNLOCK b\n10 c2 LOCK a\n");
	expect("[   4] c1 LOCK b -> c1 QUEUED b pos=2 by c2\n"
	       "[   5] c2 LOCK a -> c2=DEADLOCK(a b)\n"
	       "[   6] c2 LOCK a 100 -> c2=DEADLOCK(a b)\n"
	       "[   7] c2 WAIT a -> c2=DEADLOCK(a b)\n"
	       "[   8] c2 LOCK a 0 -> c2=BUSY\n"
	       "[   9] c2 UNLOCK b -> c2=OK c1 GRANTED b 71.1\n"
	       "[  10] c2 LOCK a -> c2 QUEUED a pos=2 by c1\n");
}
END_TEST

/* Through others, and past waits that lead nowhere. */
START_TEST(a_long_way_round_is_found)
{
	play("0 c1 LOCK a\n1 bid1 owned 70 alone\n"
	     "2 c2 LOCK b\n3 bid2 owned 71 alone\n"
	     "4 c3 LOCK c\n5 bid3 owned 72 alone\n"
	     "6 c4 LOCK d\n7 bid4 owned 73 alone\n"
	     "8 c1 LOCK d\n9 c1 LOCK b\n10 c2 LOCK c\n11 c3 LOCK a\n"
	     "12 c4 LOCK a\n13 c5 LOCK a\n");
	expect("[  11] c3 LOCK a -> c3=DEADLOCK(a b c)\n"
	       "[  12] c4 LOCK a -> c4=DEADLOCK(a d)\n"
	       "[  13] c5 LOCK a -> c5 QUEUED a pos=2 by c1\n");
}
END_TEST

/* Readers: any of them may be in the way; who may join at once never waits. */
START_TEST(readers_close_cycles_too)
{
	play("0 c1 SLOCK a\n1 bid1 owned 70 alone\n2 c2 SLOCK a\n"
	     "3 c3 LOCK b\n4 bid2 owned 71 alone\n"
	     "5 c2 LOCK b\n6 c3 SLOCK a\n7 c3 UNLOCK a\n8 c3 LOCK a\n");
	expect("[   6] c3 SLOCK a -> c3 GRANTED a 70.2\n");
	expect("[   8] c3 LOCK a -> c3=DEADLOCK(a b)\n");
}
END_TEST

/* What other hosts hold is not known to wait, and neither is who has let go
 * but for its min_hold. */
START_TEST(only_what_is_certain_counts)
{
	play("0 c1 LOCK a\n1 bid1 owned 70 alone\n"
	     "2 c2 LOCK b\n3 bid2 queued 1 db2\n4 c1 LOCK b\n"
	     "5 c3 LOCK e -1 min=500\n6 bid3 owned 72 alone\n7 c3 LOCK a\n"
	     "8 c3 UNLOCK e\n9 c1 LOCK e\n");
	expect("[   4] c1 LOCK b -> c1 QUEUED b pos=3 by db2\n");
	expect("[   9] c1 LOCK e -> c1 QUEUED e pos=2 by c3\n");
}
END_TEST

/* A chain of waits: sixteen connections are looked through, no more. */
static void chain(unsigned len)
{
	char line[64];

	for (unsigned i = 1; i <= len; i++) {
		(void)snprintf(line, sizeof line,
			       "0 c%u LOCK l%u\n0 bid%u owned %u alone\n", i, i,
			       i, 70 + i);
		play(line);
	}
	for (unsigned i = 1; i < len; i++) {
		(void)snprintf(line, sizeof line, "1 c%u LOCK l%u\n", i, i + 1);
		play(line);
	}
	trace_len = 0;
	(void)snprintf(line, sizeof line, "2 c%u LOCK l1\n", len);
	play(line);
}

START_TEST(the_search_has_a_bound)
{
	chain(17);
	expect("c17 LOCK l1 -> c17=DEADLOCK(l1 l2 l3 l4");
	begin(&defaults);
	chain(18);
	expect("c18 LOCK l1 -> c18 QUEUED l1 pos=2 by c1\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("locktab_cycle");
	TCase *tc = tcase_create("transcripts");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, two_that_cross_are_told);
	tcase_add_test(tc, a_long_way_round_is_found);
	tcase_add_test(tc, readers_close_cycles_too);
	tcase_add_test(tc, only_what_is_certain_counts);
	tcase_add_test(tc, the_search_has_a_bound);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
