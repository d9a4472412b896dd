/* SPDX-License-Identifier: MIT */
/* contest told as transcripts; contest_play.h has the language. */
#include "contest_play.h"

/* One flush: the listing behind the create decides. */
START_TEST(cold_and_alone)
{
	TRANSCRIPT("create ok\nlist us\nbehind us\nleave\ndelete ok",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list us -> OWNED(alone) behind!\n"
		   "behind us -> BEHIND(0)\n"
		   "leave -> delete\n"
		   "delete ok -> GONE\n");
}
END_TEST

START_TEST(the_parent_is_made_when_it_is_missing)
{
	TRANSCRIPT("create nonode\nlist nonode\nparent nonode\nparent exists\n"
		   "create ok\nlist us",
		   "begin -> create list\n"
		   "create nonode -> parent\n"
		   "list nonode ->\n"
		   "parent nonode -> ROOT parent\n"
		   "parent exists -> create list\n"
		   "create ok ->\n"
		   "list us -> OWNED(alone) behind!\n");
}
END_TEST

/* R1: exactly one below: its end grants with no further call. */
START_TEST(r1_one_below_grants_without_a_listing)
{
	TRANSCRIPT("create ok\nlist z3 us\npred ok\nfired deleted z3",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list z3 us -> pred!\n"
		   "pred ok -> QUEUED(1 kin db2 pid=812 deploy.py)\n"
		   "fired deleted z3 -> OWNED(unknown) own!\n");
	begin(true, false);
	TRANSCRIPT("create ok\nlist z3 us\npred nonode",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list z3 us -> pred!\n"
		   "pred nonode -> OWNED(unknown) own!\n");
}
END_TEST

/* C3: two were below: the end of the nearer one proves nothing. */
START_TEST(c3_two_below_list_again)
{
	TRANSCRIPT("create ok\nlist us z4 z3\nfirst ok\npred ok\n"
		   "fired deleted z4\nlist us z3\npred ok\nfired deleted z3",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list us z4 z3 -> first pred!\n"
		   "first ok ->\n"
		   "pred ok -> QUEUED(2 kin db2 pid=812 deploy.py)\n"
		   "fired deleted z4 -> list\n"
		   "list us z3 -> pred!\n"
		   "pred ok -> QUEUED(1 kin db2 pid=812 deploy.py)\n"
		   "fired deleted z3 -> OWNED(unknown) own!\n");
}
END_TEST

/* R14: two bids of one zklockd may be one that lingers and the next that it
 * made ahead; where somebody else stands too, one of them waits. */
START_TEST(kin_is_all_of_one_daemon)
{
	TRANSCRIPT("create ok\nlist us z4 y3\nfirst ok\npred ok\n",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list us z4 y3 -> first pred!\n"
		   "first ok ->\n"
		   "pred ok -> QUEUED(2 db2 pid=812 deploy.py)\n");
	begin(true, false);
	TRANSCRIPT("create ok\nlist us z4 m3\nfirst ok\npred ok\n",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list us z4 m3 -> first pred!\n"
		   "first ok ->\n"
		   "pred ok -> QUEUED(2 curator host=db2 pid=812 "
		   "uid=0 cmd=deploy.py)\n");
}
END_TEST

/* Nor does it matter that a bid of ours is going before us: its delete was sent
 * with our create. */
START_TEST(kin_is_without_our_own)
{
	begin(true, true);
	TRANSCRIPT("create ok\nlist us z4 y3\nfirst ok\npred ok\n",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list us z4 y3 -> first pred!\n"
		   "first ok ->\n"
		   "pred ok -> QUEUED(2 kin db2 pid=812 deploy.py)\n");
	begin(true, true);
	TRANSCRIPT("create ok\nlist us z4 y3 m2\nfirst ok\npred ok\n",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list us z4 y3 m2 -> first pred!\n"
		   "first ok ->\n"
		   "pred ok -> QUEUED(3 curator host=db2 pid=812 "
		   "uid=0 cmd=deploy.py)\n");
}
END_TEST

/* C1: a foreign writer may have left a reader with its number. */
START_TEST(c1_a_foreign_writer_is_not_believed)
{
	TRANSCRIPT("create ok\nlist w3 us\npred nonode\nlist m3 us",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list w3 us -> pred!\n"
		   "pred nonode -> list\n"
		   "list m3 us -> pred!\n");
}
END_TEST

/* C2: numbers may repeat: everybody below is counted by node. */
START_TEST(c2_counted_by_nodes)
{
	TRANSCRIPT("create ok\nlist w3 m3 us\nfirst ok\npred ok\n"
		   "fired deleted m3\nlist w3 us",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list w3 m3 us -> first pred!\n"
		   "first ok ->\n"
		   "pred ok -> QUEUED(2 curator host=db2 pid=812 uid=0 "
		   "cmd=deploy.py)\n"
		   "fired deleted m3 -> list\n"
		   "list w3 us -> pred!\n");
}
END_TEST

/* C7, C8: the answer was lost: sync, list, look for our uuid. */
START_TEST(lost_create_applied)
{
	TRANSCRIPT("link down\ncreate maybe\nlist maybe\nlink up\nlist us\n"
		   "sync ok\nlist us z3\nverify ours\nlist us z3\npred ok",
		   "begin -> create list\n"
		   "link down ->\n"
		   "create maybe ->\n"
		   "list maybe ->\n"
		   "link up -> sync list\n"
		   "list us ->\n"
		   "sync ok ->\n"
		   "list us z3 -> verify\n"
		   "verify ours -> list\n"
		   "list us z3 -> pred!\n"
		   "pred ok -> QUEUED(1 kin db2 pid=812 deploy.py)\n");
}
END_TEST

START_TEST(lost_create_not_applied)
{
	TRANSCRIPT("link down\ncreate maybe\nlink up\nsync ok\nlist z3\n"
		   "create ok\nlist us z3",
		   "begin -> create list\n"
		   "link down ->\n"
		   "create maybe ->\n"
		   "link up -> sync list\n"
		   "sync ok ->\n"
		   "list z3 -> create list\n"
		   "create ok ->\n"
		   "list us z3 -> pred!\n");
}
END_TEST

START_TEST(lost_create_of_a_ticket_that_left)
{
	TRANSCRIPT("leave\nlink down\ncreate maybe\nlink up\nsync ok\n"
		   "list us\nverify ours\ndelete ok",
		   "begin -> create list\n"
		   "leave ->\n"
		   "link down ->\n"
		   "create maybe ->\n"
		   "link up -> sync list\n"
		   "sync ok ->\n"
		   "list us -> verify\n"
		   "verify ours -> delete\n"
		   "delete ok -> GONE\n");
	begin(true, false);
	TRANSCRIPT("link down\ncreate maybe\nleave\nlink up\nsync ok\nlist z3",
		   "begin -> create list\n"
		   "link down ->\n"
		   "create maybe ->\n"
		   "leave ->\n"
		   "link up -> sync list\n"
		   "sync ok ->\n"
		   "list z3 -> GONE\n");
}
END_TEST

/* R11: two nodes with our uuid: the lowest stays. */
START_TEST(a_twin_is_deleted)
{
	TRANSCRIPT("link down\ncreate maybe\nlink up\nsync ok\nlist us t7\n"
		   "verify ours\ntwin maybe\nlink down\nlink up\n"
		   "verify ours\ntwin ok\nsync ok\nlist us\n"
		   "verify ours\nlist us",
		   "begin -> create list\n"
		   "link down ->\n"
		   "create maybe ->\n"
		   "link up -> sync list\n"
		   "sync ok ->\n"
		   "list us t7 -> verify\n"
		   "verify ours -> twin\n"
		   "twin maybe ->\n"
		   "link down ->\n"
		   "link up -> verify\n"
		   "verify ours -> twin\n"
		   "twin ok -> sync list\n"
		   "sync ok ->\n"
		   "list us -> verify\n"
		   "verify ours -> list\n"
		   "list us -> OWNED(alone) behind!\n");
}
END_TEST

/* R6, R20: a bid that was won by waiting watches its own node, and asks who
 * came since when somebody wants to know; a broken link does not lose the
 * question. */
START_TEST(who_came_since_is_asked_when_wanted)
{
	TRANSCRIPT("create ok\nlist m3 us\npred ok\nfired deleted m3\nown ok\n"
		   "look\nlink down\nbehind maybe\nlink up\nown ok\n"
		   "behind us m9\nlook\nbehind us\nbehind us\nlook",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list m3 us -> pred!\n"
		   "pred ok -> QUEUED(1 curator host=db2 pid=812 uid=0 "
		   "cmd=deploy.py)\n"
		   "fired deleted m3 -> OWNED(unknown) own!\n"
		   "own ok ->\n"
		   "look -> behind\n"
		   "link down ->\n"
		   "behind maybe ->\n"
		   "link up -> own! behind\n"
		   "own ok ->\n"
		   "behind us m9 -> BEHIND(1)\n"
		   "look -> behind\n"
		   "behind us -> BEHIND(0) behind!\n"
		   "behind us -> BEHIND(0)\n"
		   "look ->\n");
}
END_TEST

/* T2: the younger of two is another session's: it is let be, and the other
 * one is looked at. */
START_TEST(t02_another_sessions_twin_is_left_alone)
{
	TRANSCRIPT("link down\ncreate maybe\nlink up\nsync ok\nlist us t7\n"
		   "verify theirs\nverify ours\nlist us t7",
		   "begin -> create list\n"
		   "link down ->\n"
		   "create maybe ->\n"
		   "link up -> sync list\n"
		   "sync ok ->\n"
		   "list us t7 -> verify\n"
		   "verify theirs -> verify\n"
		   "verify ours -> list\n"
		   "list us t7 -> OWNED(behind) own!\n");
}
END_TEST

/* T2: a node with our uuid that another session owns is not ours. */
START_TEST(t02_another_sessions_node_is_not_ours)
{
	TRANSCRIPT("link down\ncreate maybe\nlink up\nsync ok\nlist us\n"
		   "verify theirs",
		   "begin -> create list\n"
		   "link down ->\n"
		   "create maybe ->\n"
		   "link up -> sync list\n"
		   "sync ok ->\n"
		   "list us -> verify\n"
		   "verify theirs -> create list\n");
}
END_TEST

/* T1: the client goes while the create is under way. */
START_TEST(t01_leaving_while_creating_deletes)
{
	TRANSCRIPT("leave\ncreate ok\nlist us\ndelete ok",
		   "begin -> create list\n"
		   "leave ->\n"
		   "create ok -> delete\n"
		   "list us ->\n"
		   "delete ok -> GONE\n");
	begin(false, false);
	TRANSCRIPT("leave", "begin ->\nleave -> GONE\n");
}
END_TEST

/* T5, R10: a delete is said again until it is certain. */
START_TEST(t05_a_lost_delete_is_said_again)
{
	TRANSCRIPT("create ok\nlist us\nleave\nlink down\ndelete maybe\n"
		   "link up\ndelete nonode",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list us -> OWNED(alone) behind!\n"
		   "leave -> delete\n"
		   "link down ->\n"
		   "delete maybe ->\n"
		   "link up -> delete\n"
		   "delete nonode -> GONE\n");
}
END_TEST

/* T8: a predecessor that gives up in the middle of the queue. */
START_TEST(t08_a_middle_one_gives_up)
{
	TRANSCRIPT("create ok\nlist m1 m3 us\nfirst nonode\npred ok\n"
		   "fired deleted m3\nlist m1 us\npred nonode",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list m1 m3 us -> first pred!\n"
		   "first nonode ->\n"
		   "pred ok -> QUEUED(2)\n"
		   "fired deleted m3 -> list\n"
		   "list m1 us -> pred!\n"
		   "pred nonode -> OWNED(unknown) own!\n");
}
END_TEST

/* R12: a watch is set again after each broken link: its answer may have been
 * lost, or the handle that kept it. */
START_TEST(r12_watches_across_a_broken_link)
{
	TRANSCRIPT(
	    "create ok\nlist m3 us\nlink down\npred maybe\nlink up\n"
	    "pred ok\nlink down\nlink up\npred ok\nfired changed m3\npred ok\n"
	    "fired deleted m3",
	    "begin -> create list\n"
	    "create ok ->\n"
	    "list m3 us -> pred!\n"
	    "link down ->\n"
	    "pred maybe ->\n"
	    "link up -> pred!\n"
	    "pred ok -> QUEUED(1 curator host=db2 pid=812 uid=0 "
	    "cmd=deploy.py)\n"
	    "link down ->\n"
	    "link up -> pred!\n"
	    "pred ok -> QUEUED(1 curator host=db2 pid=812 uid=0 "
	    "cmd=deploy.py)\n"
	    "fired changed m3 -> pred!\n"
	    "pred ok -> QUEUED(1 curator host=db2 pid=812 uid=0 "
	    "cmd=deploy.py)\n"
	    "fired deleted m3 -> OWNED(unknown) own!\n");
}
END_TEST

/* R20: owned: the children while alone, our own node once others wait. */
START_TEST(r20_one_watch_while_owned)
{
	TRANSCRIPT("create ok\nlist us\nbehind us\nfired children\n"
		   "behind us m9\nown ok\nfired children\nfired deleted us",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list us -> OWNED(alone) behind!\n"
		   "behind us -> BEHIND(0)\n"
		   "fired children -> behind!\n"
		   "behind us m9 -> BEHIND(1) own!\n"
		   "own ok ->\n"
		   "fired children ->\n"
		   "fired deleted us -> VANISHED GONE\n");
}
END_TEST

/* T11: our node, or the whole parent, was deleted. */
START_TEST(t11_deleted_by_an_operator)
{
	TRANSCRIPT("create ok\nlist m3", "begin -> create list\n"
					 "create ok ->\n"
					 "list m3 -> VANISHED GONE\n");
	begin(true, false);
	TRANSCRIPT("create ok\nlist us\nbehind nonode",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list us -> OWNED(alone) behind!\n"
		   "behind nonode -> VANISHED GONE\n");
}
END_TEST

/* R8: behind a bid of our own it may be serving already, before that one is
 * gone: then no refusal fails it, and the question comes again. */
START_TEST(a_refused_watch_on_a_bid_of_our_own)
{
	begin(true, true);
	TRANSCRIPT("create ok\nlist z3 us m8\npred refused\nagain\n"
		   "pred nonode",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list z3 us m8 -> pred!\n"
		   "pred refused ->\n"
		   "again -> pred!\n"
		   "pred nonode -> OWNED(behind after) own!\n");
	begin(true, false);
	TRANSCRIPT("create ok\nlist z3 us\npred refused",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list z3 us -> pred!\n"
		   "pred refused -> FAILED delete\n");
}
END_TEST

/* R6 needs to know that the bid before was ours. */
START_TEST(after_a_bid_of_our_own)
{
	begin(true, true);
	TRANSCRIPT("create ok\nlist z3 us m8\npred nonode",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list z3 us m8 -> pred!\n"
		   "pred nonode -> OWNED(behind after) own!\n");
}
END_TEST

START_TEST(refusals_end_the_bid)
{
	TRANSCRIPT("create refused", "begin -> create list\n"
				     "create refused -> FAILED GONE\n");
	begin(true, false);
	TRANSCRIPT("create ok\nlist refused\ndelete ok",
		   "begin -> create list\n"
		   "create ok ->\n"
		   "list refused -> FAILED delete\n"
		   "delete ok -> GONE\n");
}
END_TEST

/* Older data was restored: the node that was just made is no younger than
 * what was seen in an earlier session, and so is its token. */
START_TEST(a_node_from_before_its_time)
{
	floor_zxid = CZXID;
	begin(true, false);
	TRANSCRIPT("create ok\ndelete ok", "begin -> create list\n"
					   "create ok -> FAILED delete\n"
					   "delete ok -> GONE\n");
	floor_zxid = CZXID - 1;
	begin(true, false);
	TRANSCRIPT("create ok", "begin -> create list\n"
				"create ok ->\n");
}
END_TEST

/* While the link is down nothing is said; when it is up, all of it. */
START_TEST(a_bid_begun_while_the_link_is_down)
{
	begin(false, false);
	TRANSCRIPT("link up\nlink down\ncreate notsent\nlink up\ncreate ok",
		   "begin ->\n"
		   "link up -> create list\n"
		   "link down ->\n"
		   "create notsent ->\n"
		   "link up -> create list\n"
		   "create ok ->\n");
}
END_TEST

/* Curator's Revoker: a message in our node, told once for each, and our words
 * are put back; seen as soon as others are known to wait. */
START_TEST(a_message_in_our_node_is_heard)
{
	play("create ok\nlist us m9\nown revoked\nwords ok\n"
	     "fired changed us\nown ok\n"
	     "fired changed us\nown revoked\n");
	ck_assert_str_eq(trace, "begin -> create list\n"
				"create ok ->\n"
				"list us m9 -> OWNED(behind) own!\n"
				"own revoked -> REVOKED words\n"
				"words ok ->\n"
				"fired changed us -> own!\n"
				"own ok ->\n"
				"fired changed us -> own!\n"
				"own revoked -> REVOKED words\n");
}
END_TEST

/* The other way: the first in the queue gets the message, which is the one
 * before us or not; not while nobody is known, nor over a broken link. */
START_TEST(the_first_is_asked_to_give_way)
{
	play("revoke\ncreate ok\nlist us m3 m4\nfirst ok\npred ok\nrevoke\n"
	     "revoke maybe\nlink down\nrevoke\n");
	ck_assert_ptr_nonnull(strstr(trace, "begin -> create list\n"
					    "revoke ->\n"
					    "create ok ->\n"));
	ck_assert_ptr_nonnull(strstr(trace, "revoke -> revoke@3\n"
					    "revoke maybe ->\n"
					    "link down ->\n"
					    "revoke ->\n"));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("contest");
	TCase *tc = tcase_create("transcripts");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, cold_and_alone);
	tcase_add_test(tc, the_parent_is_made_when_it_is_missing);
	tcase_add_test(tc, r1_one_below_grants_without_a_listing);
	tcase_add_test(tc, c3_two_below_list_again);
	tcase_add_test(tc, kin_is_all_of_one_daemon);
	tcase_add_test(tc, kin_is_without_our_own);
	tcase_add_test(tc, c1_a_foreign_writer_is_not_believed);
	tcase_add_test(tc, c2_counted_by_nodes);
	tcase_add_test(tc, lost_create_applied);
	tcase_add_test(tc, lost_create_not_applied);
	tcase_add_test(tc, lost_create_of_a_ticket_that_left);
	tcase_add_test(tc, who_came_since_is_asked_when_wanted);
	tcase_add_test(tc, a_twin_is_deleted);
	tcase_add_test(tc, t02_another_sessions_twin_is_left_alone);
	tcase_add_test(tc, t02_another_sessions_node_is_not_ours);
	tcase_add_test(tc, t01_leaving_while_creating_deletes);
	tcase_add_test(tc, t05_a_lost_delete_is_said_again);
	tcase_add_test(tc, t08_a_middle_one_gives_up);
	tcase_add_test(tc, r12_watches_across_a_broken_link);
	tcase_add_test(tc, r20_one_watch_while_owned);
	tcase_add_test(tc, t11_deleted_by_an_operator);
	tcase_add_test(tc, a_message_in_our_node_is_heard);
	tcase_add_test(tc, the_first_is_asked_to_give_way);
	tcase_add_test(tc, a_refused_watch_on_a_bid_of_our_own);
	tcase_add_test(tc, after_a_bid_of_our_own);
	tcase_add_test(tc, refusals_end_the_bid);
	tcase_add_test(tc, a_node_from_before_its_time);
	tcase_add_test(tc, a_bid_begun_while_the_link_is_down);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
