/* SPDX-License-Identifier: MIT */
/* locktab told as transcripts; locktab_play.h has the language. */
#include "locktab_play.h"

/* A second asker waits its turn, and its token is newer than the first's. */
START_TEST(second_asker_waits_its_turn)
{
	play("0 c1 LOCK foo\n"
	     "5 bid1 owned 70 alone\n"
	     "9 c2 LOCK foo\n"
	     "20 c1 UNLOCK foo\n"
	     "30 c2 UNLOCK foo\n");
	ck_assert_str_eq(trace,
			 "[   0] c1 LOCK foo -> bid1+\n"
			 "[   5] bid1 owned 70 alone -> c1 GRANTED foo 70.0\n"
			 "[   9] c2 LOCK foo -> c2 QUEUED foo pos=2 by c1\n"
			 "[  20] c1 UNLOCK foo -> c1=OK c2 GRANTED foo 70.1\n"
			 "[  30] c2 UNLOCK foo -> c2=OK bid1-\n");
}
END_TEST

/* Arrival order, whoever asks and whoever leaves in between. */
START_TEST(tickets_are_served_in_arrival_order)
{
	play("0 c1 LOCK foo\n"
	     "1 c2 LOCK foo\n"
	     "2 c3 LOCK foo\n"
	     "3 c4 LOCK foo\n"
	     "5 bid1 owned 70 alone\n"
	     "6 c3 CANCEL foo\n"
	     "7 c1 GONE\n"
	     "8 c2 UNLOCK foo\n"
	     "9 c4 GONE\n");
	ck_assert_str_eq(trace,
			 "[   0] c1 LOCK foo -> bid1+\n"
			 "[   1] c2 LOCK foo -> c2 QUEUED foo pos=2\n"
			 "[   2] c3 LOCK foo -> c3 QUEUED foo pos=3\n"
			 "[   3] c4 LOCK foo -> c4 QUEUED foo pos=4\n"
			 "[   5] bid1 owned 70 alone -> c1 GRANTED foo 70.0\n"
			 "[   6] c3 CANCEL foo -> c3 ERR CANCELLED foo c3=OK\n"
			 "[   7] c1 GONE -> c2 GRANTED foo 70.1\n"
			 "[   8] c2 UNLOCK foo -> c2=OK c4 GRANTED foo 70.2\n"
			 "[   9] c4 GONE -> bid1-\n");
}
END_TEST

/* R6: with a waiter behind, turns_max turns and then the next bid. */
START_TEST(a_known_waiter_behind_limits_the_turns)
{
	play("0 c1 LOCK foo\n"
	     "0 c2 LOCK foo\n"
	     "0 c3 LOCK foo\n"
	     "0 c4 LOCK foo\n"
	     "0 c5 LOCK foo\n"
	     "1 bid1 owned 70 alone\n"
	     "2 bid1 sees somebody\n"
	     "3 c1 UNLOCK foo\n"
	     "4 c2 UNLOCK foo\n"
	     "5 c3 UNLOCK foo\n"
	     "6 c4 UNLOCK foo\n"
	     "7 bid2 owned 75 unknown\n");
	expect("c3 UNLOCK foo -> c3=OK c4 GRANTED foo 70.3\n"
	       "[   6] c4 UNLOCK foo -> c4=OK bid2+ bid1-\n"
	       "[   7] bid2 owned 75 unknown -> c5 GRANTED foo "
	       "75.0\n");
}
END_TEST

/* R6: or turns_ms milliseconds, whichever comes first. */
START_TEST(a_known_waiter_behind_limits_the_time)
{
	play("0 c1 LOCK foo\n"
	     "0 c2 LOCK foo\n"
	     "1 bid1 owned 70 somebody\n"
	     "60 c1 UNLOCK foo\n");
	expect("[  60] c1 UNLOCK foo -> c1=OK bid2+ bid1-\n");
}
END_TEST

/* R6: the count goes on across adjacent bids of one host, and begins anew
 * when nobody stands behind. */
START_TEST(adjacent_bids_share_one_budget)
{
	play("0 c1 LOCK foo\n0 c2 LOCK foo\n0 c3 LOCK foo\n0 c4 LOCK foo\n"
	     "0 c5 LOCK foo\n0 c6 LOCK foo\n"
	     "1 bid1 owned 70 somebody\n"
	     "2 c1 UNLOCK foo\n"
	     "3 c2 UNLOCK foo\n"
	     "4 c3 UNLOCK foo\n");
	expect("c3=OK bid2+ bid1-\n");
	play("5 bid2 owned 75 somebody after\n");
	expect("bid2 owned 75 somebody after -> bid3+ bid2-\n");
	play("6 bid3 owned 79 alone after\n");
	expect("-> c4 GRANTED foo 79.0\n");
	/* Opened past the waiters, and next in the queue: they have gone. */
	play("7 bid3 sees somebody\n60 c4 UNLOCK foo\n"
	     "61 bid4 owned 83 unknown after\n");
	expect("-> c5 GRANTED foo 83.0 bid4 behind?\n");
}
END_TEST

/* Onlookers hear of grants, ends and queues, and only when they ask. */
START_TEST(onlookers_hear_what_moves)
{
	locktab_tell_moves(tab, true);
	play("0 c1 LOCK foo\n"
	     "1 bid1 owned 70 alone\n"
	     "2 c2 LOCK foo\n"
	     "3 c3 LOCK foo\n"
	     "4 c3 CANCEL foo\n"
	     "5 c1 GONE\n"
	     "6 end\n");
	ck_assert_str_eq(
	    trace,
	    "[   0] c1 LOCK foo -> bid1+\n"
	    "[   1] bid1 owned 70 alone -> *HELD foo by c1 +0"
	    " c1 GRANTED foo 70.0\n"
	    "[   2] c2 LOCK foo -> c2 QUEUED foo pos=2 by c1 *QUEUE foo +1\n"
	    "[   3] c3 LOCK foo -> c3 QUEUED foo pos=3 by c1 *QUEUE foo +2\n"
	    "[   4] c3 CANCEL foo -> c3 ERR CANCELLED foo *QUEUE foo +1"
	    " c3=OK\n"
	    "[   5] c1 GONE -> *FREED foo +1 *HELD foo by c2 +0"
	    " c2 GRANTED foo 70.1\n"
	    "[   6] end -> *FREED foo lost +0 c2 LOST foo deadline\n");
	locktab_tell_moves(tab, false);
	trace_len = 0;
	play("7 up 2\n8 lease 100000\n9 c2 LOCK foo\n"
	     "10 bid2 owned 71 alone\n");
	ck_assert_ptr_null(strchr(trace, '*'));
}
END_TEST

/* The last turn a token can hold is not passed (P2): what was made ahead is
 * not the next in the queue here, so it waits for its turn. */
START_TEST(turns_never_wrap)
{
	char want[64];

	play("0 c1 LOCK foo\n1 bid1 owned 70 alone\n");
	for (unsigned turn = 0; turn < TOKEN_TURN_MAX; turn++) {
		trace_len = 0;
		play(turn % 2 ? "2 c1 LOCK foo\n3 c2 UNLOCK foo\n"
			      : "2 c2 LOCK foo\n3 c1 UNLOCK foo\n");
	}
	(void)snprintf(want, sizeof want, "GRANTED foo 70.%d", TOKEN_TURN_MAX);
	expect(want);
	play("4 c1 LOCK foo\n5 c2 UNLOCK foo\n6 bid2 owned 90 alone\n");
	expect("c2=OK bid1-\n");
	expect("c1 GRANTED foo 90.0\n");
}
END_TEST

/* TRYLOCK never waits: for a local holder, a remote one, a missing lease. */
START_TEST(trying_is_answered_at_once)
{
	play("0 c1 LOCK foo 0\n"
	     "1 bid1 owned 70 alone\n"
	     "2 c2 LOCK foo 0\n"
	     "3 c2 LOCK bar 0\n"
	     "4 bid2 queued 1 db2\n"
	     "5 lease -1\n"
	     "6 c2 LOCK baz 0\n"
	     "7 end\n"
	     "8 c2 LOCK baz 0\n");
	ck_assert_str_eq(trace,
			 "[   0] c1 LOCK foo 0 -> bid1+\n"
			 "[   1] bid1 owned 70 alone -> c1 GRANTED foo 70.0\n"
			 "[   2] c2 LOCK foo 0 -> c2=BUSY\n"
			 "[   3] c2 LOCK bar 0 -> bid2+\n"
			 "[   4] bid2 queued 1 db2 -> c2 ERR BUSY bar bid2-\n"
			 "[   5] lease -1 ->\n"
			 "[   6] c2 LOCK baz 0 -> c2=SUSPENDED\n"
			 "[   7] end -> c1 LOST foo deadline\n"
			 "[   8] c2 LOCK baz 0 -> c2=UNAVAILABLE\n");
}
END_TEST

/* R14: a kinsman alone before us may only be lingering: a little patience. */
START_TEST(trying_gives_a_linger_elsewhere_time_to_end)
{
	play("0 c1 LOCK foo 0\n"
	     "4 bid1 queued 1 db2 kin\n"
	     "9 bid1 owned 70 unknown\n"
	     "10 c2 LOCK bar 0\n"
	     "14 bid2 queued 1 db2 kin\n"
	     "33 tick\n"
	     "34 tick\n");
	ck_assert_str_eq(trace,
			 "[   0] c1 LOCK foo 0 -> bid1+\n"
			 "[   4] bid1 queued 1 db2 kin ->\n"
			 "[   9] bid1 owned 70 unknown -> c1 GRANTED foo 70.0\n"
			 "[  10] c2 LOCK bar 0 -> bid2+\n"
			 "[  14] bid2 queued 1 db2 kin ->\n"
			 "[  33] tick ->\n"
			 "[  34] tick -> c2 ERR BUSY bar bid2-\n");
}
END_TEST

/* R14: known to be held, here or by a listing for who waits here, a lock is
 * refused without a write. */
START_TEST(trying_what_is_known_held_writes_nothing)
{
	play("0 c1 LOCK foo\n"
	     "4 bid1 queued 1 db2 kin\n"
	     "5 c2 LOCK foo 0\n"
	     "9 bid1 owned 70 unknown\n"
	     "10 c2 LOCK foo 0\n");
	ck_assert_str_eq(trace,
			 "[   0] c1 LOCK foo -> bid1+\n"
			 "[   4] bid1 queued 1 db2 kin -> "
			 "c1 QUEUED foo pos=2 by db2\n"
			 "[   5] c2 LOCK foo 0 -> c2=BUSY\n"
			 "[   9] bid1 owned 70 unknown -> c1 GRANTED foo 70.0\n"
			 "[  10] c2 LOCK foo 0 -> c2=BUSY\n");
}
END_TEST

/* R14: a listing has shown a foreign holder, and is believed for the grace; it
 * says nothing of readers, who may be let in where a writer is not. */
START_TEST(trying_what_was_just_seen_held_writes_nothing)
{
	play("0 c1 LOCK foo 0\n"
	     "4 bid1 queued 1 go\n"
	     "5 c1 LOCK foo 0\n"
	     "6 c2 WAIT foo 0\n"
	     "7 bid2 queued 1 go\n"
	     "8 c1 SLOCK foo 0\n"
	     "9 bid3 queued 1 go\n"
	     "10 c1 SLOCK foo 0\n"
	     "28 c2 LOCK foo 0\n"
	     "29 c2 LOCK foo 0\n");
	ck_assert_str_eq(trace,
			 "[   0] c1 LOCK foo 0 -> bid1+\n"
			 "[   4] bid1 queued 1 go -> c1 ERR BUSY foo bid1-\n"
			 "[   5] c1 LOCK foo 0 -> c1=BUSY\n"
			 "[   6] c2 WAIT foo 0 -> bid2+\n"
			 "[   7] bid2 queued 1 go -> c2 ERR BUSY foo bid2-\n"
			 "[   8] c1 SLOCK foo 0 -> bid3+s\n"
			 "[   9] bid3 queued 1 go -> c1 ERR BUSY foo bid3-\n"
			 "[  10] c1 SLOCK foo 0 -> c1=BUSY\n"
			 "[  28] c2 LOCK foo 0 -> c2=BUSY\n"
			 "[  29] c2 LOCK foo 0 -> bid4+\n");
}
END_TEST

/* R14: what was ours since is not remembered as another's. */
START_TEST(what_was_ours_since_is_not_remembered_as_held)
{
	play("0 c1 LOCK foo 0\n"
	     "4 bid1 queued 1 go\n"
	     "5 c1 LOCK foo\n"
	     "6 bid2 owned 70 unknown\n"
	     "7 c1 UNLOCK foo\n"
	     "8 c1 LOCK foo 0\n");
	ck_assert_str_eq(trace,
			 "[   0] c1 LOCK foo 0 -> bid1+\n"
			 "[   4] bid1 queued 1 go -> c1 ERR BUSY foo bid1-\n"
			 "[   5] c1 LOCK foo -> bid2+\n"
			 "[   6] bid2 owned 70 unknown -> c1 GRANTED foo 70.0\n"
			 "[   7] c1 UNLOCK foo -> c1=OK bid2-\n"
			 "[   8] c1 LOCK foo 0 -> bid3+\n");
}
END_TEST

/* A trying ticket does not become a waiting one when the session breaks. */
START_TEST(trying_ends_with_the_lease_or_the_session)
{
	play("0 c1 LOCK foo 0\n"
	     "1 lease -1\n"
	     "2 lease 100000\n"
	     "3 c1 LOCK foo 0\n"
	     "4 end\n");
	ck_assert_str_eq(trace,
			 "[   0] c1 LOCK foo 0 -> bid1+\n"
			 "[   1] lease -1 -> c1 ERR SUSPENDED foo bid1-\n"
			 "[   2] lease 100000 ->\n"
			 "[   3] c1 LOCK foo 0 -> bid2+\n"
			 "[   4] end -> c1 ERR UNAVAILABLE foo\n");
}
END_TEST

/* R12: no grant without a fresh lease; the wait goes on, and so do UNLOCK,
 * CANCEL and wait=. */
START_TEST(a_stale_lease_stalls_grants_only)
{
	play("0 c1 LOCK foo\n"
	     "1 bid1 owned 70 alone\n"
	     "2 lease -1\n"
	     "3 c2 LOCK foo 500\n"
	     "4 c3 LOCK foo\n"
	     "5 c4 LOCK foo\n"
	     "6 c1 UNLOCK foo\n"
	     "7 c4 CANCEL foo\n"
	     "503 tick\n"
	     "600 lease 90000\n");
	ck_assert_str_eq(trace,
			 "[   0] c1 LOCK foo -> bid1+\n"
			 "[   1] bid1 owned 70 alone -> c1 GRANTED foo 70.0\n"
			 "[   2] lease -1 ->\n"
			 "[   3] c2 LOCK foo 500 -> c2 QUEUED foo pos=2 by c1\n"
			 "[   4] c3 LOCK foo -> c3 QUEUED foo pos=3 by c1\n"
			 "[   5] c4 LOCK foo -> c4 QUEUED foo pos=4 by c1\n"
			 "[   6] c1 UNLOCK foo -> c1=OK\n"
			 "[   7] c4 CANCEL foo -> c4 ERR CANCELLED foo c4=OK\n"
			 "[ 503] tick -> c2 ERR TIMEOUT foo\n"
			 "[ 600] lease 90000 -> c3 GRANTED foo 70.1\n");
}
END_TEST

/* A session's end: holders lose, who waits keeps its place and bids anew. */
START_TEST(a_session_ends_and_waiters_bid_anew_in_order)
{
	play("0 c1 LOCK foo\n"
	     "1 bid1 owned 70 alone\n"
	     "2 c2 LOCK foo\n"
	     "3 c3 LOCK foo\n"
	     "4 c3 LOCK bar\n"
	     "5 end\n"
	     "6 c1 UNLOCK foo\n"
	     "7 bid1 owned 70 alone\n"
	     "8 up 2\n"
	     "9 lease 100000\n"
	     "10 bid3 owned 80 alone\n"
	     "11 c2 UNLOCK foo\n");
	ck_assert_str_eq(trace,
			 "[   0] c1 LOCK foo -> bid1+\n"
			 "[   1] bid1 owned 70 alone -> c1 GRANTED foo 70.0\n"
			 "[   2] c2 LOCK foo -> c2 QUEUED foo pos=2 by c1\n"
			 "[   3] c3 LOCK foo -> c3 QUEUED foo pos=3 by c1\n"
			 "[   4] c3 LOCK bar -> bid2+\n"
			 "[   5] end -> c1 LOST foo deadline c3 QUEUED bar "
			 "pos=1\n"
			 "[   6] c1 UNLOCK foo -> c1=LOST\n"
			 "[   7] bid1 owned 70 alone ->\n"
			 "[   8] up 2 -> bid3+ bid4+\n"
			 "[   9] lease 100000 ->\n"
			 "[  10] bid3 owned 80 alone -> c2 GRANTED foo 80.0\n"
			 "[  11] c2 UNLOCK foo -> c2=OK c3 GRANTED foo 80.1\n");
}
END_TEST

/* Our node was deleted by somebody: the holder is told, the rest bid anew. */
START_TEST(a_deleted_node_is_a_lost_hold)
{
	play("0 c1 LOCK foo\n"
	     "1 bid1 owned 70 alone\n"
	     "2 c2 LOCK foo\n"
	     "3 bid1 vanished\n"
	     "4 bid2 owned 90 alone\n"
	     "5 c1 LOCK foo\n");
	ck_assert_str_eq(trace,
			 "[   0] c1 LOCK foo -> bid1+\n"
			 "[   1] bid1 owned 70 alone -> c1 GRANTED foo 70.0\n"
			 "[   2] c2 LOCK foo -> c2 QUEUED foo pos=2 by c1\n"
			 "[   3] bid1 vanished -> c1 LOST foo deleted bid2+\n"
			 "[   4] bid2 owned 90 alone -> c2 GRANTED foo 90.0\n"
			 "[   5] c1 LOCK foo -> c1 QUEUED foo pos=2 by c2\n");
}
END_TEST

/* T4: a late UNLOCK does not free a newer grant. */
START_TEST(a_stale_token_frees_nothing)
{
	play("0 c1 LOCK foo\n"
	     "1 bid1 owned 70 alone\n"
	     "2 c1 UNLOCK foo 143361\n"
	     "3 c2 UNLOCK foo\n"
	     "4 c1 UNLOCK foo 143360\n"
	     "5 c1 UNLOCK foo\n");
	ck_assert_str_eq(trace,
			 "[   0] c1 LOCK foo -> bid1+\n"
			 "[   1] bid1 owned 70 alone -> c1 GRANTED foo 70.0\n"
			 "[   2] c1 UNLOCK foo 143361 -> c1=NOTHELD\n"
			 "[   3] c2 UNLOCK foo -> c2=NOTHELD\n"
			 "[   4] c1 UNLOCK foo 143360 -> c1=OK bid1-\n"
			 "[   5] c1 UNLOCK foo -> c1=NOTHELD\n");
}
END_TEST

/* R10: once a bid is left, a new ticket opens another. */
START_TEST(a_bid_that_was_left_serves_nobody)
{
	play("0 c1 LOCK foo 50\n"
	     "50 tick\n"
	     "51 c2 LOCK foo\n"
	     "52 bid1 owned 70 alone\n"
	     "53 bid2 owned 75 unknown\n");
	ck_assert_str_eq(trace, "[   0] c1 LOCK foo 50 -> bid1+\n"
				"[  50] tick -> c1 ERR TIMEOUT foo bid1-\n"
				"[  51] c2 LOCK foo -> bid2+\n"
				"[  52] bid1 owned 70 alone ->\n"
				"[  53] bid2 owned 75 unknown -> c2 GRANTED "
				"foo 75.0\n");
}
END_TEST

/* One connection, one wish per name; ids and tags name tickets. */
START_TEST(a_connection_is_an_owner)
{
	play("0 c1 LOCK foo -1 a\n"
	     "1 c1 LOCK foo\n"
	     "2 bid1 owned 70 alone\n"
	     "3 c1 LOCK foo\n"
	     "4 c2 LOCK foo -1 b\n"
	     "5 c2 CANCEL #a\n"
	     "6 c1 CANCEL @2\n"
	     "7 c2 CANCEL @2\n"
	     "8 c2 LOCK foo -1 b\n"
	     "9 c2 CANCEL #b\n");
	ck_assert_str_eq(
	    trace, "[   0] c1 LOCK foo -1 a -> bid1+\n"
		   "[   1] c1 LOCK foo -> c1=HELD\n"
		   "[   2] bid1 owned 70 alone -> c1 GRANTED foo 70.0\n"
		   "[   3] c1 LOCK foo -> c1=HELD\n"
		   "[   4] c2 LOCK foo -1 b -> c2 QUEUED foo pos=2 by c1\n"
		   "[   5] c2 CANCEL #a -> c2=NOTFOUND\n"
		   "[   6] c1 CANCEL @2 -> c1=NOTFOUND\n"
		   "[   7] c2 CANCEL @2 -> c2 ERR CANCELLED foo c2=OK\n"
		   "[   8] c2 LOCK foo -1 b -> c2 QUEUED foo pos=2 by c1\n"
		   "[   9] c2 CANCEL #b -> c2 ERR CANCELLED foo c2=OK\n");
}
END_TEST

/* Limits: a connection's, and everybody's. */
START_TEST(limits_are_exact)
{
	char line[64];

	for (unsigned i = 0; i < defaults.tickets_per_conn_max; i++) {
		(void)snprintf(line, sizeof line, "0 c1 LOCK n%u\n", i);
		play(line);
	}
	ck_assert_ptr_null(strstr(trace, "LIMIT"));
	play("1 c1 LOCK more\n");
	expect("c1 LOCK more -> c1=LIMIT\n");
	play("2 c1 CANCEL n3\n3 c1 LOCK again\n");
	expect("c1 LOCK again -> bid11+\n");
	for (unsigned i = 10; i < defaults.tickets_max; i++) {
		(void)snprintf(line, sizeof line, "4 c%u LOCK m\n", i);
		play(line);
	}
	expect("c99 LOCK m -> c99 QUEUED");
	play("5 c100 LOCK z\n");
	expect("c100 LOCK z -> c100=LIMIT\n");
}
END_TEST

/* A bid that cannot be made refuses all who wait for it. */
START_TEST(a_failed_bid_answers_everybody)
{
	play("0 c1 LOCK foo\n1 c2 LOCK foo\n2 bid1 failed zk\n3 c1 LOCK foo\n");
	ck_assert_str_eq(trace,
			 "[   0] c1 LOCK foo -> bid1+\n"
			 "[   1] c2 LOCK foo -> c2 QUEUED foo pos=2\n"
			 "[   2] bid1 failed zk -> c1 ERR ZK foo c2 ERR ZK "
			 "foo\n"
			 "[   3] c1 LOCK foo -> bid2+\n");
}
END_TEST

/* One that there is no room for refuses the one whose bytes it would have had:
 * the next has a share of its own. */
START_TEST(a_bid_without_room_refuses_the_first)
{
	play("0 c1 LOCK foo\n1 c2 LOCK foo\n2 c3 WAIT foo\n3 bid1 failed\n"
	     "4 bid2 failed\n5 bid3 failed\n");
	ck_assert_str_eq(trace, "[   0] c1 LOCK foo -> bid1+\n"
				"[   1] c2 LOCK foo -> c2 QUEUED foo pos=2\n"
				"[   2] c3 WAIT foo -> c3 QUEUED foo pos=3\n"
				"[   3] bid1 failed -> c1 ERR LIMIT foo bid2+\n"
				"[   4] bid2 failed -> c2 ERR LIMIT foo bid3+\n"
				"[   5] bid3 failed -> c3 ERR LIMIT foo\n");
}
END_TEST

/* R11 of the lease: an end is announced, holds go on, nothing is granted. */
START_TEST(draining_grants_nothing_more)
{
	play("0 c1 LOCK foo\n"
	     "1 bid1 owned 70 alone\n"
	     "2 c2 LOCK foo\n"
	     "3 c2 LOCK bar\n"
	     "4 drain\n"
	     "5 c3 LOCK foo\n"
	     "6 c1 UNLOCK foo\n");
	ck_assert_str_eq(trace,
			 "[   0] c1 LOCK foo -> bid1+\n"
			 "[   1] bid1 owned 70 alone -> c1 GRANTED foo 70.0\n"
			 "[   2] c2 LOCK foo -> c2 QUEUED foo pos=2 by c1\n"
			 "[   3] c2 LOCK bar -> bid2+\n"
			 "[   4] drain -> c2 ERR DRAINING foo c2 ERR DRAINING "
			 "bar bid2-\n"
			 "[   5] c3 LOCK foo -> c3=DRAINING\n"
			 "[   6] c1 UNLOCK foo -> c1=OK bid1-\n");
}
END_TEST

/* R13: an owned bid that nobody wants lingers, and ends at the first sign. */
START_TEST(a_lingering_bid_is_granted_again_for_free)
{
	struct locktab_limits limits = defaults;

	limits.linger_ms = 200;
	begin(&limits);
	play("0 c1 LOCK foo\n"
	     "1 bid1 owned 70 alone\n"
	     "2 c1 UNLOCK foo\n"
	     "100 c2 LOCK foo\n"
	     "110 c2 UNLOCK foo\n"
	     "309 tick\n"
	     "310 tick\n"
	     "400 c1 LOCK foo\n"
	     "401 bid2 owned 80 alone\n"
	     "402 c1 UNLOCK foo\n"
	     "403 bid2 stirred\n"
	     "500 c1 LOCK foo\n"
	     "501 bid3 owned 90 unknown\n"
	     "502 c1 UNLOCK foo\n");
	ck_assert_str_eq(trace,
			 "[   0] c1 LOCK foo -> bid1+\n"
			 "[   1] bid1 owned 70 alone -> c1 GRANTED foo 70.0\n"
			 "[   2] c1 UNLOCK foo -> c1=OK\n"
			 "[ 100] c2 LOCK foo -> c2 GRANTED foo 70.1\n"
			 "[ 110] c2 UNLOCK foo -> c2=OK\n"
			 "[ 309] tick ->\n"
			 "[ 310] tick -> bid1-\n"
			 "[ 400] c1 LOCK foo -> bid2+\n"
			 "[ 401] bid2 owned 80 alone -> c1 GRANTED foo 80.0\n"
			 "[ 402] c1 UNLOCK foo -> c1=OK\n"
			 "[ 403] bid2 stirred -> bid2-\n"
			 "[ 500] c1 LOCK foo -> bid3+\n"
			 "[ 501] bid3 owned 90 unknown -> c1 GRANTED foo 90.0\n"
			 "[ 502] c1 UNLOCK foo -> c1=OK bid3-\n");
}
END_TEST

/* No grant from a lingering bid past the lease rules, nor of a session that
 * has ended. */
START_TEST(a_lingering_bid_needs_the_lease_too)
{
	struct locktab_limits limits = defaults;

	limits.linger_ms = 200;
	begin(&limits);
	play("0 c1 LOCK foo\n"
	     "1 bid1 owned 70 alone\n"
	     "2 c1 UNLOCK foo\n"
	     "3 lease -1\n"
	     "4 c2 LOCK foo\n"
	     "5 c2 CANCEL foo\n"
	     "6 end\n"
	     "7 c2 LOCK foo\n");
	expect("c2 LOCK foo -> c2 QUEUED foo pos=1\n");
	expect("[   7] c2 LOCK foo -> c2 QUEUED foo pos=1\n");
	ck_assert_ptr_null(strstr(trace, "GRANTED foo 70.1"));
}
END_TEST

/* P5 after a long random life: nothing is left of anybody. */
START_TEST(nothing_is_left_behind)
{
	struct locktab_counts counts;
	char line[64];
	unsigned seed = 7;

	for (unsigned i = 0; i < 20000; i++) {
		unsigned conn = 1 + (seed = seed * 1103515245 + 12345) % 9;
		unsigned what = (seed >> 16) % 8;
		const char *name = (seed >> 20) % 2 ? "a" : "b";

		if (what < 4)
			(void)snprintf(line, sizeof line, "%u c%u LOCK %s %d",
				       i, conn, name, what < 3 ? -1 : 30);
		else if (what < 6)
			(void)snprintf(line, sizeof line, "%u c%u UNLOCK %s", i,
				       conn, name);
		else
			(void)snprintf(line, sizeof line, "%u %s", i,
				       what == 6 ? "tick" : "c1 GONE");
		trace_len = 0;
		play(line);
		for (char *bid = strstr(trace, " bid"); bid;
		     bid = strstr(bid + 1, " bid")) {
			unsigned long id = strtoul(bid + 4, &bid, 10);

			if (*bid != '+')
				continue;
			(void)snprintf(line, sizeof line,
				       "%u bid%lu owned %lu alone", i, id, id);
			trace_len = 0;
			play(line);
			bid = trace;
		}
	}
	for (unsigned conn = 1; conn < 10; conn++) {
		(void)snprintf(line, sizeof line, "20001 c%u GONE", conn);
		play(line);
	}
	locktab_counts(tab, &counts);
	ck_assert_uint_eq(counts.held + counts.waiting + counts.lost, 0);
	ck_assert_uint_eq(counts.locks, 0);
	ck_assert_int_eq(locktab_wake_ms(tab), LOCKTAB_NEVER_MS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("locktab");
	TCase *tc = tcase_create("transcripts");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, second_asker_waits_its_turn);
	tcase_add_test(tc, tickets_are_served_in_arrival_order);
	tcase_add_test(tc, a_known_waiter_behind_limits_the_turns);
	tcase_add_test(tc, onlookers_hear_what_moves);
	tcase_add_test(tc, a_known_waiter_behind_limits_the_time);
	tcase_add_test(tc, adjacent_bids_share_one_budget);
	tcase_add_test(tc, turns_never_wrap);
	tcase_add_test(tc, trying_is_answered_at_once);
	tcase_add_test(tc, trying_gives_a_linger_elsewhere_time_to_end);
	tcase_add_test(tc, trying_what_is_known_held_writes_nothing);
	tcase_add_test(tc, trying_what_was_just_seen_held_writes_nothing);
	tcase_add_test(tc, what_was_ours_since_is_not_remembered_as_held);
	tcase_add_test(tc, trying_ends_with_the_lease_or_the_session);
	tcase_add_test(tc, a_stale_lease_stalls_grants_only);
	tcase_add_test(tc, a_session_ends_and_waiters_bid_anew_in_order);
	tcase_add_test(tc, a_deleted_node_is_a_lost_hold);
	tcase_add_test(tc, a_stale_token_frees_nothing);
	tcase_add_test(tc, a_bid_that_was_left_serves_nobody);
	tcase_add_test(tc, a_connection_is_an_owner);
	tcase_add_test(tc, limits_are_exact);
	tcase_add_test(tc, a_failed_bid_answers_everybody);
	tcase_add_test(tc, a_bid_without_room_refuses_the_first);
	tcase_add_test(tc, draining_grants_nothing_more);
	tcase_add_test(tc, a_lingering_bid_is_granted_again_for_free);
	tcase_add_test(tc, a_lingering_bid_needs_the_lease_too);
	tcase_add_test(tc, nothing_is_left_behind);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
