/* SPDX-License-Identifier: MIT */
/*
 * contest against the tests that the rules of bids ask for, by their number:
 * 2 (a create whose answer was lost), 4 (a delete under way), 7 (the budget),
 * 12 (watches and their answers in odd order); and whose node it is.
 */
#include "tests/unit/contest_play.h"

/* 2: applied or not, the ticket alive or gone; the listing that decides comes
 * behind a sync, for a server may lag. */
START_TEST(rules_02_lost_create_applied)
{
	TRANSCRIPT("create maybe\nsync ok\nlist us\nverify ours\nlist us",
		   "begin -> create list\n"
		   "create maybe -> sync list\n"
		   "sync ok ->\n"
		   "list us -> verify\n"
		   "verify ours -> list\n"
		   "list us -> OWNED(alone) behind!\n");
}
END_TEST

START_TEST(rules_02_lost_create_not_applied)
{
	TRANSCRIPT(
	    "create maybe\nsync ok\nlist z3\ncreate ok\nlist z3 us\npred ok",
	    "begin -> create list\n"
	    "create maybe -> sync list\n"
	    "sync ok ->\n"
	    "list z3 -> create list\n"
	    "create ok ->\n"
	    "list z3 us -> pred!\n"
	    "pred ok -> QUEUED(1 kin db2 pid=812 deploy.py)\n");
}
END_TEST

START_TEST(rules_02_lost_create_applied_and_cancelled)
{
	TRANSCRIPT("create maybe\nleave\nsync ok\nlist us\nverify ours\n"
		   "delete ok",
		   "begin -> create list\n"
		   "create maybe -> sync list\n"
		   "leave ->\n"
		   "sync ok ->\n"
		   "list us -> verify\n"
		   "verify ours -> delete\n"
		   "delete ok -> GONE\n");
}
END_TEST

START_TEST(rules_02_lost_create_not_applied_and_cancelled)
{
	TRANSCRIPT("create maybe\nleave\nsync ok\nlist z3",
		   "begin -> create list\n"
		   "create maybe -> sync list\n"
		   "leave ->\n"
		   "sync ok ->\n"
		   "list z3 -> GONE\n");
}
END_TEST

/* The sync's answer may be lost as well: no listing counts before one was
 * answered. */
START_TEST(rules_02_no_listing_counts_without_a_sync)
{
	TRANSCRIPT("create maybe\nsync maybe\nlist z3\nlink down\nlink up\n"
		   "sync ok\nlist us z3\nverify ours",
		   "begin -> create list\n"
		   "create maybe -> sync list\n"
		   "sync maybe ->\n"
		   "list z3 ->\n"
		   "link down ->\n"
		   "link up -> sync list\n"
		   "sync ok ->\n"
		   "list us z3 -> verify\n"
		   "verify ours -> list\n");
}
END_TEST

/* 4: whatever is heard between a delete and its answer, the bid is not
 * granted, and what was lost is said again. */
START_TEST(rules_04_a_delete_under_way_serves_nobody)
{
	TRANSCRIPT("create ok\nlist m3 us\npred ok\nleave\nfired deleted m3\n"
		   "delete maybe\nfired deleted m3\ndelete ok",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list m3 us -> pred!\n"
		   "pred ok -> QUEUED(1 curator host=db2 pid=812 uid=0 "
		   "cmd=deploy.py)\n"
		   "leave -> delete\n"
		   "fired deleted m3 ->\n"
		   "delete maybe ->\n"
		   "fired deleted m3 ->\n"
		   "delete ok -> GONE\n");
}
END_TEST

/* 4, R10: a server that refuses a delete has not done it: it is said again
 * with the next beat, for as long as the session lasts. */
START_TEST(rules_04_a_refused_delete_is_said_again)
{
	TRANSCRIPT("create ok\nlist us\nleave\ndelete refused\nagain\n"
		   "delete refused\nlink down\nagain\nlink up\ndelete ok",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list us -> OWNED(alone) behind!\n"
		   "leave -> delete\n"
		   "delete refused ->\n"
		   "again -> delete\n"
		   "delete refused ->\n"
		   "link down ->\n"
		   "again ->\n"
		   "link up -> delete\n"
		   "delete ok -> GONE\n");
}
END_TEST

/* 2: nobody is told whether the create was applied.  The ticket hears of it;
 * the bid goes on asking, for there may be a node. */
START_TEST(rules_02_a_search_that_is_refused_goes_on)
{
	TRANSCRIPT("link down\ncreate maybe\nlink up\nsync refused\n"
		   "list refused\nagain\nsync ok\nlist us\nverify refused\n"
		   "again\nverify ours\ndelete ok",
		   "begin -> create list\n"
		   "link down ->\n"
		   "create maybe ->\n"
		   "link up -> sync list\n"
		   "sync refused -> FAILED\n"
		   "list refused ->\n"
		   "again -> sync list\n"
		   "sync ok ->\n"
		   "list us -> verify\n"
		   "verify refused ->\n"
		   "again -> verify\n"
		   "verify ours -> delete\n"
		   "delete ok -> GONE\n");
}
END_TEST

/* 7: two wait behind, the first gives up: nobody is told that the way is free,
 * so the budget goes on as it was. */
START_TEST(rules_07_the_first_of_two_waiters_withdraws)
{
	TRANSCRIPT("create ok\nlist us z7 z8\nown ok\nfired deleted z7",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list us z7 z8 -> OWNED(behind) own!\n"
		   "own ok ->\n"
		   "fired deleted z7 ->\n");
}
END_TEST

/* 7: an owner whose watch is refused does not see who comes: it behaves as if
 * somebody did, and asks for the watch again with the next beat. */
START_TEST(rules_07_a_refused_watch_counts_as_a_waiter)
{
	TRANSCRIPT("create ok\nlist us\nbehind refused\nagain\nbehind ok\n"
		   "fired children",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list us -> OWNED(alone) behind!\n"
		   "behind refused -> BEHIND(1)\n"
		   "again -> behind!\n"
		   "behind ok -> VANISHED GONE\n"
		   "fired children ->\n");
}
END_TEST

/* 12: the answer of the get was lost: it is asked again. */
START_TEST(rules_12_a_lost_get_is_asked_again)
{
	TRANSCRIPT("create ok\nlist m3 us\nlink down\npred maybe\nlink up\n"
		   "pred ok\nfired deleted m3",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list m3 us -> pred!\n"
		   "link down ->\n"
		   "pred maybe ->\n"
		   "link up -> pred!\n"
		   "pred ok -> QUEUED(1 curator host=db2 pid=812 uid=0 "
		   "cmd=deploy.py)\n"
		   "fired deleted m3 -> OWNED(unknown) own!\n");
}
END_TEST

/* 12: the event overtakes the answer. */
START_TEST(rules_12_an_event_before_its_reply)
{
	TRANSCRIPT("create ok\nlist m3 us\nfired deleted m3\npred ok",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list m3 us -> pred!\n"
		   "fired deleted m3 -> OWNED(unknown) own!\n"
		   "pred ok ->\n");
}
END_TEST

/* 12: an event of a node that is not watched any more. */
START_TEST(rules_12_a_late_event)
{
	TRANSCRIPT("create ok\nlist m3 m4 us\npred ok\nfired deleted m3\n"
		   "fired deleted m4\nlist us\nfired deleted m4\n"
		   "fired changed m4",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list m3 m4 us -> first pred!\n"
		   "pred ok -> QUEUED(2)\n"
		   "fired deleted m3 ->\n"
		   "fired deleted m4 -> list\n"
		   "list us -> OWNED(alone) behind!\n"
		   "fired deleted m4 ->\n"
		   "fired changed m4 ->\n");
}
END_TEST

/* 12: our own delete is no loss (R19). */
START_TEST(rules_12_an_own_event_after_our_own_delete)
{
	TRANSCRIPT("create ok\nlist us w9\nown ok\nleave\nfired deleted us\n"
		   "delete ok",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list us w9 -> OWNED(behind) own!\n"
		   "own ok ->\n"
		   "leave -> delete\n"
		   "fired deleted us ->\n"
		   "delete ok -> GONE\n");
}
END_TEST

/* Under our node's name stands another node: deleted and made anew by hand
 * between two looks.  Its czxid says so, and ours is gone. */
START_TEST(a_node_made_anew_is_not_ours)
{
	TRANSCRIPT("create ok\nlist us w9\nown anew",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list us w9 -> OWNED(behind) own!\n"
		   "own anew -> VANISHED GONE\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("contest_rules");
	TCase *tc = tcase_create("transcripts");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, rules_02_lost_create_applied);
	tcase_add_test(tc, rules_02_lost_create_not_applied);
	tcase_add_test(tc, rules_02_lost_create_applied_and_cancelled);
	tcase_add_test(tc, rules_02_lost_create_not_applied_and_cancelled);
	tcase_add_test(tc, rules_02_no_listing_counts_without_a_sync);
	tcase_add_test(tc, rules_02_a_search_that_is_refused_goes_on);
	tcase_add_test(tc, rules_04_a_delete_under_way_serves_nobody);
	tcase_add_test(tc, rules_04_a_refused_delete_is_said_again);
	tcase_add_test(tc, rules_07_the_first_of_two_waiters_withdraws);
	tcase_add_test(tc, rules_07_a_refused_watch_counts_as_a_waiter);
	tcase_add_test(tc, rules_12_a_lost_get_is_asked_again);
	tcase_add_test(tc, rules_12_an_event_before_its_reply);
	tcase_add_test(tc, rules_12_a_late_event);
	tcase_add_test(tc, rules_12_an_own_event_after_our_own_delete);
	tcase_add_test(tc, a_node_made_anew_is_not_ours);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
