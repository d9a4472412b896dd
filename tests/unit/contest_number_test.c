/* SPDX-License-Identifier: MIT */
/*
 * contest and the numbers of nodes: copied by a stranger behind us, and used
 * up.  Test 10 of the lease's fifteen: the lease is worth nothing when the
 * queue lets two in.
 */
#include "tests/unit/contest_play.h"

/* Curator's writer behind us downgrades: it makes a reader of its own number
 * and deletes itself.  It stays behind us, whether we hold or wait. */
START_TEST(lease_10_a_downgrade_behind_us)
{
	TRANSCRIPT("create ok\nlist us\nbehind us\nfired children\n"
		   "behind us w9\nown ok\nfired deleted w9",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list us -> OWNED(alone) behind!\n"
		   "behind us -> BEHIND(0)\n"
		   "fired children -> behind!\n"
		   "behind us w9 -> BEHIND(1) own!\n"
		   "own ok ->\n"
		   "fired deleted w9 ->\n");
}
END_TEST

START_TEST(lease_10_a_downgrade_behind_who_waits)
{
	TRANSCRIPT("create ok\nlist m3 us w9\npred ok\nfired deleted w9\n"
		   "fired deleted m3\nown ok",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list m3 us w9 -> pred!\n"
		   "pred ok -> QUEUED(1 curator host=db2 pid=812 uid=0 "
		   "cmd=deploy.py)\n"
		   "fired deleted w9 ->\n"
		   "fired deleted m3 -> OWNED(behind) own!\n"
		   "own ok ->\n");
}
END_TEST

/* The last number is handed out again and again: who has it is never granted,
 * nor who comes near it; what stands before us with it does not matter. */
START_TEST(lease_10_a_number_used_up)
{
	our_seq = _i == 0 ? 2147483647 : (int)LAYOUT_SEQ_REFUSE;
	TRANSCRIPT("create ok\ndelete ok", "begin -> create list\n"
					   "create ok -> FAILED delete\n"
					   "delete ok -> GONE\n");
}
END_TEST

START_TEST(lease_10_the_last_good_number)
{
	our_seq = (int)LAYOUT_SEQ_REFUSE - 1;
	TRANSCRIPT("create ok\nlist us m2147483647",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list us m2147483647 -> OWNED(behind) own!\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("contest_number");
	TCase *tc = tcase_create("transcripts");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, lease_10_a_downgrade_behind_us);
	tcase_add_test(tc, lease_10_a_downgrade_behind_who_waits);
	tcase_add_loop_test(tc, lease_10_a_number_used_up, 0, 2);
	tcase_add_test(tc, lease_10_the_last_good_number);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
