/* SPDX-License-Identifier: MIT */
/*
 * contest when the create went together with others: {create, set the parent},
 * whose answer says how many children there are (R15), and what becomes of
 * writes whose multi got lost or refused (R10, R11, C9, C17).
 */
#include "contest_play.h"

START_TEST(alone_is_granted_with_no_read)
{
	TRANSCRIPT("claim 1\n"
		   "behind us\n",
		   "begin -> create list\n"
		   "claim 1 -> OWNED(alone) behind!\n"
		   "behind us -> BEHIND(0)\n");
}
END_TEST

START_TEST(more_than_one_says_nothing)
{
	TRANSCRIPT("claim 2\n"
		   "list us m3\n"
		   "pred ok\n",
		   "begin -> create list\n"
		   "claim 2 -> list\n"
		   "list us m3 -> pred!\n"
		   "pred ok -> QUEUED(1 curator host=db2 pid=812 uid=0 "
		   "cmd=deploy.py)\n");
}
END_TEST

/* None but ours: somebody who is no contender, or who left meanwhile. */
START_TEST(more_than_one_may_yet_be_the_first)
{
	TRANSCRIPT("claim 2\n"
		   "list us\n",
		   "begin -> create list\n"
		   "claim 2 -> list\n"
		   "list us -> OWNED(alone) behind!\n");
}
END_TEST

/* The listing that went with a create by itself is not waited for, and one
 * that comes all the same is of an earlier opening. */
START_TEST(left_before_the_answer)
{
	TRANSCRIPT("leave\n"
		   "claim 1\n"
		   "delete ok\n",
		   "begin -> create list\n"
		   "leave ->\n"
		   "claim 1 -> delete\n"
		   "delete ok -> GONE\n");
}
END_TEST

/* Called off before it left. */
START_TEST(left_and_never_sent)
{
	TRANSCRIPT("leave\n"
		   "create notsent\n",
		   "begin -> create list\n"
		   "leave ->\n"
		   "create notsent -> GONE\n");
}
END_TEST

/* R15: what was recovered tells of no children; C9, R11: applied. */
START_TEST(lost_claim_that_was_applied)
{
	TRANSCRIPT("create maybe\n"
		   "sync nonode\n"
		   "list us\n"
		   "verify ours\n"
		   "list us\n",
		   "begin -> create list\n"
		   "create maybe -> sync list\n"
		   "sync nonode ->\n"
		   "list us -> verify\n"
		   "verify ours -> list\n"
		   "list us -> OWNED(alone) behind!\n");
}
END_TEST

START_TEST(lost_claim_that_was_not_applied)
{
	TRANSCRIPT("create maybe\n"
		   "sync nonode\n"
		   "list\n"
		   "claim 1\n",
		   "begin -> create list\n"
		   "create maybe -> sync list\n"
		   "sync nonode ->\n"
		   "list -> create list\n"
		   "claim 1 -> OWNED(alone) behind!\n");
}
END_TEST

/* C9: the delete in a multi that got lost is said again until it is certain,
 * whatever became of the create beside it. */
START_TEST(lost_delete_is_said_again)
{
	TRANSCRIPT("claim 1\n"
		   "leave\n"
		   "link down\n"
		   "delete maybe\n"
		   "link up\n"
		   "delete maybe\n"
		   "link down\n"
		   "link up\n"
		   "delete nonode\n",
		   "begin -> create list\n"
		   "claim 1 -> OWNED(alone) behind!\n"
		   "leave -> delete\n"
		   "link down ->\n"
		   "delete maybe ->\n"
		   "link up -> delete\n"
		   "delete maybe ->\n"
		   "link down ->\n"
		   "link up -> delete\n"
		   "delete nonode -> GONE\n");
}
END_TEST

/* C17: the multi with our delete of z3 failed on another's operation, and the
 * next one with our create did not: z3 is ours, and a predecessor like any. */
START_TEST(own_node_whose_delete_is_under_way_is_waited_for)
{
	begin(true, true);
	TRANSCRIPT("claim 2\n"
		   "list us z3\n"
		   "pred ok\n"
		   "fired deleted z3\n",
		   "begin -> create list\n"
		   "claim 2 -> list\n"
		   "list us z3 -> pred!\n"
		   "pred ok -> QUEUED(1 kin next db2 pid=812 deploy.py)\n"
		   "fired deleted z3 -> OWNED(unknown after) own!\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("contest_claim");
	TCase *claims = tcase_create("claims");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(claims, setup, teardown);
	tcase_add_test(claims, alone_is_granted_with_no_read);
	tcase_add_test(claims, more_than_one_says_nothing);
	tcase_add_test(claims, more_than_one_may_yet_be_the_first);
	tcase_add_test(claims, left_before_the_answer);
	tcase_add_test(claims, left_and_never_sent);
	tcase_add_test(claims, lost_claim_that_was_applied);
	tcase_add_test(claims, lost_claim_that_was_not_applied);
	tcase_add_test(claims, lost_delete_is_said_again);
	tcase_add_test(claims,
		       own_node_whose_delete_is_under_way_is_waited_for);
	suite_add_tcase(suite, claims);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
