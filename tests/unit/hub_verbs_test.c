/* SPDX-License-Identifier: MIT */
/* WAIT, WATCH and KICK over two hosts, told as transcripts; hub_play.h has
 * the language. */
#include "hub_play.h"

static void setup_lingering(void)
{
	linger_ms = 10000;
	setup();
}

static void teardown_lingering(void)
{
	linger_ms = 0;
	admins = false;
	teardown();
}

/* A bid that only lingers elsewhere is gone at the sight of ours: the lock is
 * free, and nothing of the question stays. */
START_TEST(a_linger_elsewhere_is_free)
{
	play("a1 LOCK foo\na1 UNLOCK foo\n");
	ck_assert_uint_eq(bids_of("foo"), 1);
	trace_len = 0;
	play("b1 WAIT foo wait=0\n+100\n");
	ck_assert_ptr_nonnull(strstr(trace, "b1< FREE foo id=@1\n"));
	ck_assert_uint_eq(bids_of("foo"), 0);
}
END_TEST

/* Held elsewhere: until it is our turn, and nobody is kept from it. */
START_TEST(a_hold_elsewhere_is_waited_for)
{
	play("a1 LOCK foo\nb1 WAIT foo wait=0\n+100\nb1 WAIT foo\na2 LOCK foo\n"
	     "a1 UNLOCK foo\n+100\na2 UNLOCK foo\n+100\n");
	ck_assert_str_eq(
	    trace, "a1< GRANTED foo id=@1\n"
		   "b1< ERR BUSY name=foo id=@1 holder=\"db1 pid=812 test\"\n"
		   "b1< QUEUED foo id=@2 pos=2 holder=\"db1 pid=812 test\"\n"
		   "a2< QUEUED foo id=@2 pos=2 holder=\"db1 pid=812 test\"\n"
		   "a1< RELEASED foo id=@1\n"
		   "b1< FREE foo id=@2\n" /* host a's time was up (R6) */
		   "a2< GRANTED foo id=@2\n"
		   "a2< RELEASED foo id=@2\n");
	ck_assert_uint_eq(bids_of("foo"), 0); /* R13: won by waiting */
}
END_TEST

/* KICK is for administrators; its owner hears of it, and the next one is
 * served when the grace is over, here and elsewhere. */
START_TEST(a_kick_gives_the_lock_to_the_next)
{
	play("a1 LOCK foo\nb1 LOCK foo\na2 KICK @1\n");
	ck_assert_ptr_nonnull(strstr(trace, "a2< ERR DENIED :"));
	admins = true;
	trace_len = 0;
	play("a3 KICK @1 reason=stuck\n+1400\n");
	ck_assert_str_eq(trace,
			 "a1< * REVOKE foo id=@1 by=\"db1 pid=812 test\" "
			 "reason=stuck\n"
			 "a3< OK name=foo id=@1\n");
	trace_len = 0;
	play("+200\na1 CHECK foo\n");
	ck_assert_str_eq(trace, "a1< * LOST foo id=@1\n"
				"b1< GRANTED foo id=@1\n"
				"a1< OK held=0 reason=kicked\n");
}
END_TEST

/* WATCH tells of this host only. */
START_TEST(a_watch_is_of_one_host)
{
	play("a9 WATCH f*\n");
	play("b1 LOCK foo\nb1 UNLOCK foo\n+100\na1 LOCK foo\na1 LOCK bar\n"
	     "a1 EOF\na9 UNWATCH\na2 LOCK foo\n");
	ck_assert_str_eq(
	    trace, "a9< OK\n"
		   "b1< GRANTED foo id=@1\n"
		   "b1< RELEASED foo id=@1\n"
		   "a1< QUEUED foo id=@1 pos=2 holder=\"db2 pid=812 test\"\n"
		   "a9< * QUEUE foo waiters=1\n"
		   "a9< * HELD foo id=@1 mode=x holder=\"db1 pid=812 test\" "
		   "pid=812 uid=1000\n"
		   "a1< GRANTED foo id=@1\n"
		   "a1< GRANTED bar id=@2\n"
		   "a9< * FREED foo id=@1\n"
		   "a1 closed\n"
		   "a9< OK\n"
		   "a2< GRANTED foo id=@3\n");
}
END_TEST

/* wanted=1: one word, when somebody waits here or elsewhere. */
START_TEST(a_holder_hears_that_it_is_wanted)
{
	play("a1 LOCK foo wanted=1\nb1 LOCK foo\na2 LOCK foo\na1 UNLOCK foo\n");
	ck_assert_str_eq(
	    trace, "a1< GRANTED foo id=@1\n"
		   "b1< QUEUED foo id=@1 pos=2 holder=\"db1 pid=812 test\"\n"
		   "a1< * WANTED foo id=@1 waiters=1\n"
		   "a2< QUEUED foo id=@2 pos=2 holder=\"db1 pid=812 test\"\n"
		   "a1< RELEASED foo id=@1\n"
		   "a2< GRANTED foo id=@2\n");
}
END_TEST

/* What Curator's Revoker does, from one host to another and by somebody else:
 * the holder hears of it, and our words are in the node again. */
START_TEST(a_revocation_crosses_hosts)
{
	struct coord_op op = { .verb = COORD_SET,
			       .data = "__REVOKE__",
			       .data_len = 10 };

	play("a1 LOCK foo\nb2 REVOKE foo\nb1 LOCK foo\n");
	trace_len = 0;
	play("b1 REVOKE foo reason=please\n+100\n");
	ck_assert_str_eq(trace,
			 "b1< OK asked=1\n"
			 "a1< * REVOKE foo id=@1 by=\"another program\"\n");
	trace_len = 0;
	play("a2 LOCK foo\na1 UNLOCK foo\n+100\n");
	ck_assert_ptr_nonnull(strstr(trace, "b1< GRANTED foo id=@1\n"));
	trace_len = 0;
	op.path = bid_path("foo");
	(void)coord_tree_write(tree, &op, 0);
	play("b3 LOCK foo\nb3 REVOKE foo reason=please\n+100\n");
	ck_assert_str_eq(
	    trace, "b3< QUEUED foo id=@2 pos=2 holder=\"db2 pid=812 test\"\n"
		   "b1< * REVOKE foo id=@1 by=\"another program\"\n"
		   "b3< OK asked=1\n");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hub_verbs");
	TCase *tc = tcase_create("transcripts");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup_lingering, teardown_lingering);
	tcase_add_test(tc, a_linger_elsewhere_is_free);
	tcase_add_test(tc, a_hold_elsewhere_is_waited_for);
	tcase_add_test(tc, a_kick_gives_the_lock_to_the_next);
	tcase_add_test(tc, a_watch_is_of_one_host);
	tcase_add_test(tc, a_holder_hears_that_it_is_wanted);
	tcase_add_test(tc, a_revocation_crosses_hosts);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
