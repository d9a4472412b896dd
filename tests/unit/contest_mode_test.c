/* SPDX-License-Identifier: MIT */
/*
 * contest with readers and writers, and with more than one bid of ours;
 * contest_play.h has the language.
 */
#include "contest_play.h"

static void begin_shared(void)
{
	mode = ZKP_MODE_S;
	begin(true, false);
}

/* Readers before a reader are nobody to wait for, and readers behind it
 * nobody who waits. */
START_TEST(a_reader_passes_readers)
{
	begin_shared();
	TRANSCRIPT("create ok\nlist q3 r4 us q6\nbehind q3 us q6 r7\n"
		   "fired children\nbehind us w9",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list q3 r4 us q6 -> OWNED(alone) behind!\n"
		   "behind q3 us q6 r7 -> BEHIND(0)\n"
		   "fired children -> behind!\n"
		   "behind us w9 -> BEHIND(1) own!\n");
}
END_TEST

/* R1: a reader's predecessor is the last writer below it, not the node next
 * to it; alone, its end grants, whoever else stands between. */
START_TEST(a_reader_watches_the_writer_below)
{
	begin_shared();
	TRANSCRIPT("create ok\nlist q1 z2 q3 r4 us\nfirst ok\npred ok\n"
		   "fired deleted z2",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list q1 z2 q3 r4 us -> first pred!\n"
		   "first ok ->\n"
		   "pred ok -> QUEUED(4 kin db2 pid=812 deploy.py)\n"
		   "fired deleted z2 -> OWNED(unknown) own!\n");
}
END_TEST

/* R6: readers between an exclusive bid of ours and this one stand in nobody's
 * way here, and wait for that one all the same; behind our own reader a writer
 * does, and a reader does not. */
START_TEST(who_stands_between_two_of_ours_waits_for_the_first)
{
	mode = ZKP_MODE_S;
	begin(true, true);
	TRANSCRIPT("create ok\nlist z2 r4 us",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list z2 r4 us -> BEHIND(1) pred!\n");
	begin(true, true);
	TRANSCRIPT("create ok\nlist r1 z2 us",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list r1 z2 us -> first pred!\n");
	begin(true, true);
	TRANSCRIPT("create ok\nlist q2 w4 us",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list q2 w4 us -> BEHIND(1) first pred!\n");
	mode = ZKP_MODE_X;
	begin(true, true);
	TRANSCRIPT("create ok\nlist q2 r3 us",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list q2 r3 us -> first pred!\n");
}
END_TEST

/* R1 counts writers: with two below, the end of the nearer proves nothing. */
START_TEST(a_reader_behind_two_writers_lists_again)
{
	begin_shared();
	TRANSCRIPT("create ok\nlist m1 q2 z3 us\npred nonode\nlist m1 q2 us\n"
		   "pred ok\nfired deleted m1",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list m1 q2 z3 us -> first pred!\n"
		   "pred nonode -> list\n"
		   "list m1 q2 us -> pred!\n"
		   "pred ok -> QUEUED(2 curator host=db2 pid=812 uid=0 "
		   "cmd=deploy.py)\n"
		   "fired deleted m1 -> OWNED(unknown) own!\n");
}
END_TEST

/* C1: what a foreign writer may leave in its place stops a writer of ours. */
START_TEST(c1_a_writer_looks_again_when_a_foreign_writer_goes)
{
	TRANSCRIPT("create ok\nlist w0 us\npred nonode\nlist r0 us\npred ok\n"
		   "fired deleted r0",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list w0 us -> pred!\n"
		   "pred nonode -> list\n"
		   "list r0 us -> pred!\n"
		   "pred ok -> QUEUED(1 curator host=db2 pid=812 uid=0 "
		   "cmd=deploy.py)\n"
		   "fired deleted r0 -> OWNED(unknown) own!\n");
}
END_TEST

/* ... and no reader of ours. */
START_TEST(a_reader_need_not_look_again)
{
	begin_shared();
	TRANSCRIPT("create ok\nlist w0 us\npred nonode",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list w0 us -> pred!\n"
		   "pred nonode -> OWNED(unknown) own!\n");
}
END_TEST

/* C2: a reader with its writer's number stands below a writer too. */
START_TEST(c2_nodes_are_counted_not_numbers)
{
	TRANSCRIPT("create ok\nlist w0 r0 us\npred nonode\nlist w0 us",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list w0 r0 us -> first pred!\n"
		   "pred nonode -> list\n"
		   "list w0 us -> pred!\n");
}
END_TEST

/* R6: two were before us, and the nearer one was ours: the period goes on,
 * though its end had to be followed by a listing. */
START_TEST(c5_our_own_bid_went_last)
{
	begin(true, true);
	TRANSCRIPT("create ok\nlist z3 z4 us\nfirst nonode\npred ok\n"
		   "fired deleted z4\nlist us m7",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list z3 z4 us -> first pred!\n"
		   "first nonode ->\n"
		   "pred ok -> QUEUED(2 kin)\n"
		   "fired deleted z4 -> list\n"
		   "list us m7 -> OWNED(behind after) own!\n");
}
END_TEST

/* R8: which bid of ours stands before, and only when nobody else does. */
START_TEST(r8_our_own_bid_alone_before_us_is_named)
{
	begin(true, true);
	TRANSCRIPT("create ok\nlist z3 us\npred ok\nfired deleted z3",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list z3 us -> pred!\n"
		   "pred ok -> QUEUED(1 kin next db2 pid=812 deploy.py)\n"
		   "fired deleted z3 -> OWNED(unknown after) own!\n");
	begin(true, true);
	TRANSCRIPT("create ok\nlist z3 m4 us\npred nonode\nlist z3 us\n"
		   "pred ok",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list z3 m4 us -> BEHIND(1) first pred!\n"
		   "pred nonode -> list\n"
		   "list z3 us -> pred!\n"
		   "pred ok -> QUEUED(1 kin next db2 pid=812 deploy.py)\n");
	begin(true, true);
	play("create ok\nlist m2 z3 us\npred ok");
	ck_assert_ptr_null(strstr(trace, "next"));
	begin(true, false); /* another host's is none of ours */
	play("create ok\nlist z3 us\npred ok");
	ck_assert_ptr_null(strstr(trace, "next"));
}
END_TEST

/* R6: our own next bid behind us is no waiter; who is behind that one is. */
START_TEST(our_next_bid_is_no_waiter)
{
	begin(true, true);
	TRANSCRIPT("create ok\nlist us z7\nbehind us z7\nfired children\n"
		   "behind us z7 m8",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list us z7 -> OWNED(alone) behind!\n"
		   "behind us z7 -> BEHIND(0)\n"
		   "fired children -> behind!\n"
		   "behind us z7 m8 -> BEHIND(1) own!\n");
}
END_TEST

/* R6: two shared bids of ours with no writer between are one period. */
START_TEST(shared_bids_that_stand_together_are_one_period)
{
	mode = ZKP_MODE_S;
	begin(true, true);
	TRANSCRIPT("create ok\nlist q2 us m7",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list q2 us m7 -> OWNED(behind after) own!\n");
	mode = ZKP_MODE_S;
	begin(true, false); /* another host's is not */
	TRANSCRIPT("create ok\nlist q2 us m7",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list q2 us m7 -> OWNED(behind) own!\n");
}
END_TEST

/* ... also when both who stand there only read: one of ours wants to be alone
 * between them. */
START_TEST(a_reader_behind_our_next_writer_waits)
{
	mode = ZKP_MODE_S;
	begin(true, true);
	TRANSCRIPT("create ok\nlist us z7\nbehind us r6 z7\nfired children\n"
		   "behind us r6 z7 r8",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list us z7 -> OWNED(alone) behind!\n"
		   "behind us r6 z7 -> BEHIND(0)\n"
		   "fired children -> behind!\n"
		   "behind us r6 z7 r8 -> BEHIND(1) own!\n");
}
END_TEST

/* R6: what was asked while owned is heard, though the bid is being left. */
START_TEST(a_late_listing_tells_of_a_waiter)
{
	TRANSCRIPT("create ok\nlist us\nleave\nbehind us m7\ndelete ok",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list us -> OWNED(alone) behind!\n"
		   "leave -> delete\n"
		   "behind us m7 -> BEHIND(1)\n"
		   "delete ok -> GONE\n");
}
END_TEST

/* C7: what was lost is looked for under the name that was written. */
START_TEST(a_lost_reader_is_found_again)
{
	begin_shared();
	TRANSCRIPT("create maybe\nsync nonode\nlist z3 us\nverify ours\n"
		   "list z3 us",
		   "begin -> create list\n"
		   "create maybe -> sync list\n"
		   "sync nonode ->\n"
		   "list z3 us -> verify\n"
		   "verify ours -> list\n"
		   "list z3 us -> pred!\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("contest_mode");
	TCase *tc = tcase_create("transcripts");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_reader_passes_readers);
	tcase_add_test(tc, a_reader_watches_the_writer_below);
	tcase_add_test(tc, a_reader_behind_two_writers_lists_again);
	tcase_add_test(tc, who_stands_between_two_of_ours_waits_for_the_first);
	tcase_add_test(tc, c1_a_writer_looks_again_when_a_foreign_writer_goes);
	tcase_add_test(tc, a_reader_need_not_look_again);
	tcase_add_test(tc, c2_nodes_are_counted_not_numbers);
	tcase_add_test(tc, c5_our_own_bid_went_last);
	tcase_add_test(tc, r8_our_own_bid_alone_before_us_is_named);
	tcase_add_test(tc, our_next_bid_is_no_waiter);
	tcase_add_test(tc, shared_bids_that_stand_together_are_one_period);
	tcase_add_test(tc, a_reader_behind_our_next_writer_waits);
	tcase_add_test(tc, a_late_listing_tells_of_a_waiter);
	tcase_add_test(tc, a_lost_reader_is_found_again);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
