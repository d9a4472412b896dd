/* SPDX-License-Identifier: MIT */
/*
 * Rotation (R8): a bid has 2 048 turns, and ownership slides to the next one
 * before they are used up.  Told as transcripts (locktab_play.h), and as one
 * property over ten million grants.
 */
#include "locktab_play.h"

#define GRANTS 10000000u
/* How many grants pass while ZooKeeper answers, in the property: at five
 * microseconds each that is a round trip of some four milliseconds. */
#define ANSWER_GRANTS 900u

static const struct locktab_limits lingering = { .tickets_max = 100,
						 .tickets_per_conn_max = 10,
						 .turns_max = 3,
						 .turns_ms = 50,
						 .linger_ms = 200,
						 .try_grace_ms = 20 };

/* c1 and c2 hand bid 1 to each other until its turn is held; the next one to
 * ask is c1 when turn is odd.  Leaves an empty trace. */
static void play_to_turn(unsigned turn)
{
	play("0 c1 LOCK foo\n1 bid1 owned 70 alone\n");
	for (unsigned at = 0; at < turn; at++) {
		trace_len = 0;
		play(at % 2 ? "2 c1 LOCK foo\n3 c2 UNLOCK foo\n"
			    : "2 c2 LOCK foo\n3 c1 UNLOCK foo\n");
	}
}

static void begin_at_turn(unsigned turn)
{
	play_to_turn(turn);
	trace_len = 0;
}

/* From turn 1024 on there is a next bid; ownership moves at the next release,
 * not under the hold (C13), and the first one is never served again (C10). */
START_TEST(ownership_slides_between_two_holds)
{
	play_to_turn(1022);
	ck_assert_ptr_null(strchr(trace, '+'));
	trace_len = 0;
	play("4 c2 LOCK foo\n"
	     "5 c1 UNLOCK foo\n"
	     "6 bid2 queued 1 db1 kin 1 75\n"
	     "7 c1 LOCK foo\n"
	     "8 c2 UNLOCK foo\n"
	     "9 bid1 stirred\n"
	     "10 bid2 owned 75 unknown after\n"
	     "11 c2 LOCK foo\n"
	     "12 c1 UNLOCK foo\n"
	     "13 c2 UNLOCK foo\n");
	ck_assert_str_eq(
	    trace,
	    "[   4] c2 LOCK foo -> c2 QUEUED foo pos=2 by c1\n"
	    "[   5] c1 UNLOCK foo -> c1=OK c2 GRANTED foo 70.1023 bid2+\n"
	    "[   6] bid2 queued 1 db1 kin 1 75 ->\n"
	    "[   7] c1 LOCK foo -> c1 QUEUED foo pos=2 by c2\n"
	    "[   8] c2 UNLOCK foo -> c2=OK bid1- c1 GRANTED foo 75.0\n"
	    "[   9] bid1 stirred ->\n"
	    "[  10] bid2 owned 75 unknown after -> bid2 behind?\n"
	    "[  11] c2 LOCK foo -> c2 QUEUED foo pos=2 by c1\n"
	    "[  12] c1 UNLOCK foo -> c1=OK c2 GRANTED foo 75.1\n"
	    "[  13] c2 UNLOCK foo -> c2=OK bid2-\n");
}
END_TEST

/* Somebody came between: the first one serves up to its limit, then goes, and
 * nothing slides over a stranger. */
START_TEST(a_stranger_between_is_not_slid_over)
{
	char want[64];

	play_to_turn(1023);
	play("4 bid2 queued 2 db9 kin 0 75\n5 c1 LOCK foo\n6 c2 UNLOCK foo\n");
	expect("c1 GRANTED foo 70.1024\n");
	for (unsigned at = 1024; at < TOKEN_TURN_MAX; at++) {
		trace_len = 0;
		play(at % 2 ? "7 c1 LOCK foo\n8 c2 UNLOCK foo\n"
			    : "7 c2 LOCK foo\n8 c1 UNLOCK foo\n");
		ck_assert_ptr_null(strstr(trace, "bid"));
	}
	(void)snprintf(want, sizeof want, "GRANTED foo 70.%d", TOKEN_TURN_MAX);
	expect(want);
	trace_len = 0;
	play("9 c1 LOCK foo\n10 c2 UNLOCK foo\n11 bid2 owned 75 unknown\n");
	ck_assert_str_eq(
	    trace, "[   9] c1 LOCK foo -> c1 QUEUED foo pos=2 by c2\n"
		   "[  10] c2 UNLOCK foo -> c2=OK bid1-\n"
		   "[  11] bid2 owned 75 unknown -> c1 GRANTED foo 75.0\n");
}
END_TEST

/* ... and when the stranger has gone, it may. */
START_TEST(a_stranger_that_left_is_no_hindrance)
{
	begin_at_turn(1023);
	play("4 bid2 queued 2 db9\n5 bid2 queued 1 db1 kin 1 75\n"
	     "6 c1 LOCK foo\n7 c2 UNLOCK foo\n");
	expect("c2=OK bid1- c1 GRANTED foo 75.0\n");
}
END_TEST

/* C5: the budget is of the period: what the first one served counts. */
START_TEST(c5_the_budget_is_not_served_twice)
{
	begin_at_turn(1023);
	play("10 c1 LOCK foo\n"
	     "11 bid2 queued 1 db1 kin 1 75\n"
	     "12 bid1 sees somebody\n" /* it stands behind bid 2 */
	     "13 c2 UNLOCK foo\n"
	     "14 c2 LOCK foo\n"
	     "15 c1 UNLOCK foo\n"
	     "16 c1 LOCK foo\n"
	     "17 c2 UNLOCK foo\n"
	     "18 bid2 owned 75 unknown after\n"
	     "19 c2 LOCK foo\n"
	     "20 c1 UNLOCK foo\n");
	ck_assert_str_eq(
	    trace, "[  10] c1 LOCK foo -> c1 QUEUED foo pos=2 by c2\n"
		   "[  11] bid2 queued 1 db1 kin 1 75 ->\n"
		   "[  12] bid1 sees somebody ->\n"
		   "[  13] c2 UNLOCK foo -> c2=OK bid1- c1 GRANTED foo 75.0\n"
		   "[  14] c2 LOCK foo -> c2 QUEUED foo pos=2 by c1\n"
		   "[  15] c1 UNLOCK foo -> c1=OK c2 GRANTED foo 75.1\n"
		   "[  16] c1 LOCK foo -> c1 QUEUED foo pos=2 by c2\n"
		   "[  17] c2 UNLOCK foo -> c2=OK c1 GRANTED foo 75.2\n"
		   "[  18] bid2 owned 75 unknown after ->\n"
		   "[  19] c2 LOCK foo -> c2 QUEUED foo pos=2 by c1\n"
		   "[  20] c1 UNLOCK foo -> c1=OK bid3+ bid2-\n");
}
END_TEST

/* ... and from the first one's last listing on, which is answered when it has
 * been left already. */
START_TEST(c5_a_late_listing_counts)
{
	begin_at_turn(1023);
	play("10 bid2 queued 1 db1 kin 1 75\n"
	     "11 c1 LOCK foo\n"
	     "12 c2 UNLOCK foo\n"
	     "13 bid1 sees somebody\n"
	     "14 bid1 vanished\n"
	     "15 bid2 owned 75 unknown after\n"
	     "16 bid1 sees somebody\n"
	     "17 c2 LOCK foo\n"
	     "63 c1 UNLOCK foo\n");
	ck_assert_ptr_null(strstr(trace, "LOST"));
	expect("c1 UNLOCK foo -> c1=OK bid3+ bid2-\n");
}
END_TEST

/* ... and from the listing on that shows a waiter behind the next one, though
 * the first one's watch has not told of it. */
START_TEST(c5_the_next_bids_own_listing_counts)
{
	begin_at_turn(1023);
	play("10 bid2 queued 1 db1 kin 1 75 somebody\n"
	     "11 c1 LOCK foo\n"
	     "12 c2 UNLOCK foo\n"
	     "13 bid2 owned 75 somebody after\n"
	     "14 c2 LOCK foo\n"
	     "60 c1 UNLOCK foo\n");
	expect("c2 UNLOCK foo -> c2=OK bid1- c1 GRANTED foo 75.0\n");
	expect("c1 UNLOCK foo -> c1=OK bid3+ bid2-\n");
}
END_TEST

/* ... also when somebody deleted the first one's node, and the next one hears
 * of that before the hold is lost. */
START_TEST(c5_a_vanished_bid_counts)
{
	begin_at_turn(1023);
	play("10 bid2 queued 1 db1 kin 1 75\n11 bid1 sees somebody\n"
	     "12 c1 LOCK foo\n13 c3 LOCK foo\n"
	     "70 bid2 owned 75 unknown after\n71 bid1 vanished\n");
	expect("bid1 vanished -> c2 LOST foo deleted bid3+ bid2-\n");
}
END_TEST

/* R6: it does not begin anew when one of several waiters leaves. */
START_TEST(one_of_two_waiters_withdraws)
{
	play("0 c1 LOCK foo\n0 c2 LOCK foo\n0 c3 LOCK foo\n0 c4 LOCK foo\n"
	     "1 bid1 owned 70 somebody\n2 c1 UNLOCK foo\n"
	     "3 bid1 sees somebody\n4 c2 UNLOCK foo\n");
	trace_len = 0;
	play("5 bid1 sees somebody\n6 c3 UNLOCK foo\n");
	expect("c3=OK bid2+ bid1-\n");
}
END_TEST

/* C10: the delete that ends a linger or a slide is under way: a new ticket is
 * served by the other bid, or opens one. */
START_TEST(c10_a_ticket_while_the_delete_is_under_way)
{
	begin(&lingering);
	begin_at_turn(1023);
	play("4 c2 UNLOCK foo\n204 tick\n205 c1 LOCK foo\n"
	     "206 bid1 sees alone\n207 bid2 owned 75 alone\n"
	     "208 bid3 owned 80 alone\n");
	ck_assert_str_eq(trace,
			 "[   4] c2 UNLOCK foo -> c2=OK\n"
			 "[ 204] tick -> bid2- bid1-\n"
			 "[ 205] c1 LOCK foo -> bid3+\n"
			 "[ 206] bid1 sees alone ->\n"
			 "[ 207] bid2 owned 75 alone ->\n"
			 "[ 208] bid3 owned 80 alone -> c1 GRANTED foo 80.0\n");
}
END_TEST

/* Half of the budget was served by the one that left without a slide: the
 * waiter behind the next one, which was made before it came, counts on. */
START_TEST(c5_a_plain_hand_over_counts_on_too)
{
	begin_at_turn(1023);
	play("10 bid2 queued 2 db9\n"
	     "11 bid1 sees somebody\n"
	     "70 c1 LOCK foo\n"
	     "71 c2 UNLOCK foo\n"
	     "72 bid2 owned 75 unknown after\n");
	ck_assert_str_eq(trace,
			 "[  10] bid2 queued 2 db9 ->\n"
			 "[  11] bid1 sees somebody ->\n"
			 "[  70] c1 LOCK foo -> c1 QUEUED foo pos=2 by c2\n"
			 "[  71] c2 UNLOCK foo -> c2=OK bid1-\n"
			 "[  72] bid2 owned 75 unknown after -> bid3+ bid2-\n");
}
END_TEST

/* A bid that was opened when a waiter was known has seen that one go, and
 * nobody of those that came later. */
START_TEST(c5_a_bid_is_younger_than_the_first_waiter_only)
{
	play("0 c1 SLOCK foo\n"
	     "1 bid1 owned 70 somebody\n"
	     "2 c2 LOCK foo\n"
	     "3 bid2 queued 1 db1 kin 1 75\n"
	     "4 bid1 sees alone\n"
	     "12 bid1 sees somebody\n"
	     "13 c1 UNLOCK foo\n"
	     "14 bid2 owned 75 unknown after\n"
	     "15 c3 LOCK foo\n"
	     "62 c2 UNLOCK foo\n");
	expect("bid2 owned 75 unknown after -> c2 GRANTED foo 75.0\n");
	expect("c2 UNLOCK foo -> c2=OK bid3+ bid2-\n");
}
END_TEST

/* A waiter that comes while the first one's delete is under way. */
START_TEST(a_waiter_arrives_during_a_slide)
{
	play_to_turn(1023);
	play("4 bid2 queued 1 db1 kin 1 75\n5 c1 LOCK foo\n"
	     "6 c2 UNLOCK foo\n");
	trace_len = 0;
	play("7 bid2 owned 75 somebody after\n"
	     "8 c2 LOCK foo\n9 c3 LOCK foo\n9 c4 LOCK foo\n9 c5 LOCK foo\n"
	     "10 c1 UNLOCK foo\n11 c2 UNLOCK foo\n12 c3 UNLOCK foo\n"
	     "13 c4 UNLOCK foo\n");
	expect("c4 GRANTED foo 75.3\n");
	expect("c4 UNLOCK foo -> c4=OK bid3+ bid2-\n");
}
END_TEST

/* All tickets leave while both are alive: without linger both go. */
START_TEST(everybody_leaves_both_bids)
{
	begin_at_turn(1023);
	play("4 c2 UNLOCK foo\n");
	ck_assert_str_eq(trace, "[   4] c2 UNLOCK foo -> c2=OK bid2- bid1-\n");
	play("5 c1 LOCK foo\n6 bid3 owned 80 alone\n");
	expect("bid3+\n");
	expect("c1 GRANTED foo 80.0\n");
}
END_TEST

/* With linger the slide takes place in it: no ticket pays for it. */
START_TEST(a_slide_in_a_linger)
{
	begin(&lingering);
	begin_at_turn(1023);
	play("4 c2 UNLOCK foo\n");
	/* A child event may be our own create: contest must look. */
	ck_assert(!locktab_lingers(tab, 1));
	play("5 bid2 queued 1 db1 kin 1 75\n"
	     "6 c1 LOCK foo\n"
	     "7 bid2 owned 75 unknown after\n"
	     "8 bid2 sees alone\n"
	     "9 c1 UNLOCK foo\n"
	     "10 bid2 stirred\n");
	ck_assert(!locktab_lingers(tab, 2));
	ck_assert_str_eq(trace,
			 "[   4] c2 UNLOCK foo -> c2=OK\n"
			 "[   5] bid2 queued 1 db1 kin 1 75 -> bid1-\n"
			 "[   6] c1 LOCK foo -> c1 GRANTED foo 75.0\n"
			 "[   7] bid2 owned 75 unknown after -> bid2 behind?\n"
			 "[   8] bid2 sees alone ->\n"
			 "[   9] c1 UNLOCK foo -> c1=OK\n"
			 "[  10] bid2 stirred -> bid2-\n");
}
END_TEST

/* A linger with a next bid on its way ends like any other: at its time, and
 * when somebody came. */
START_TEST(a_linger_ends_with_both)
{
	begin(&lingering);
	begin_at_turn(1023);
	play("4 c2 UNLOCK foo\n203 tick\n204 tick\n");
	ck_assert_str_eq(trace, "[   4] c2 UNLOCK foo -> c2=OK\n"
				"[ 203] tick ->\n"
				"[ 204] tick -> bid2- bid1-\n");
	begin(&lingering);
	begin_at_turn(1023);
	play("4 c2 UNLOCK foo\n5 bid1 sees somebody\n");
	expect("sees somebody -> bid2- bid1-\n");
}
END_TEST

/* The create is slower than the turns that are left: stop and wait. */
START_TEST(a_late_next_bid_is_waited_for)
{
	play_to_turn(TOKEN_TURN_MAX);
	trace_len = 0;
	play("4 c1 LOCK foo\n5 c2 UNLOCK foo\n6 bid2 queued 1 db1 kin 1 75\n"
	     "7 bid2 owned 75 unknown after\n");
	ck_assert_str_eq(trace,
			 "[   4] c1 LOCK foo -> c1 QUEUED foo pos=2 by c2\n"
			 "[   5] c2 UNLOCK foo -> c2=OK bid1-\n"
			 "[   6] bid2 queued 1 db1 kin 1 75 ->\n"
			 "[   7] bid2 owned 75 unknown after -> c1 GRANTED foo "
			 "75.0\n");
}
END_TEST

/* ... and so is one that could not be made. */
START_TEST(no_room_for_a_next_bid)
{
	play_to_turn(1023);
	play("4 bid2 failed\n");
	for (unsigned at = 1023; at < TOKEN_TURN_MAX; at++) {
		trace_len = 0;
		play(at % 2 ? "7 c1 LOCK foo\n8 c2 UNLOCK foo\n"
			    : "7 c2 LOCK foo\n8 c1 UNLOCK foo\n");
		ck_assert_ptr_null(strstr(trace, "bid"));
	}
	trace_len = 0;
	play("9 c1 LOCK foo\n10 c2 UNLOCK foo\n11 bid3 owned 80 alone\n");
	expect("c2=OK bid1- bid3+\n");
	expect("c1 GRANTED foo 80.0\n");
}
END_TEST

/* The next bid's node was deleted by somebody, or the one that serves. */
START_TEST(either_of_two_bids_may_vanish)
{
	begin_at_turn(1023);
	play("4 bid2 vanished\n5 bid3 queued 1 db1 kin 1 80\n"
	     "6 c1 LOCK foo\n7 bid1 vanished\n8 bid3 owned 80 alone\n");
	ck_assert_str_eq(trace,
			 "[   4] bid2 vanished -> bid3+\n"
			 "[   5] bid3 queued 1 db1 kin 1 80 ->\n"
			 "[   6] c1 LOCK foo -> c1 QUEUED foo pos=2 by c2\n"
			 "[   7] bid1 vanished -> c2 LOST foo deleted\n"
			 "[   8] bid3 owned 80 alone -> c1 GRANTED foo 80.0\n");
}
END_TEST

/* Shared bids do not slide: at the last turn the bid is sealed, and who comes
 * then stands on the next one. */
START_TEST(the_last_turn_of_a_shared_bid)
{
	play("0 c1 SLOCK foo\n1 bid1 owned 70 alone\n");
	for (unsigned at = 1; at < TOKEN_TURN_MAX; at++) {
		trace_len = 0;
		play("2 c2 SLOCK foo\n2 c2 UNLOCK foo\n");
		ck_assert_ptr_null(strchr(trace, '+'));
	}
	trace_len = 0;
	play("3 c2 SLOCK foo\n4 c3 SLOCK foo\n5 bid2 owned 80 alone\n"
	     "6 c1 UNLOCK foo\n7 c2 UNLOCK foo\n");
	ck_assert_str_eq(
	    trace, "[   3] c2 SLOCK foo -> c2 GRANTED foo 70.2047\n"
		   "[   4] c3 SLOCK foo -> bid2+s c3 QUEUED foo pos=3 by c1\n"
		   "[   5] bid2 owned 80 alone -> c3 GRANTED foo 80.0\n"
		   "[   6] c1 UNLOCK foo -> c1=OK\n"
		   "[   7] c2 UNLOCK foo -> c2=OK bid1-\n");
}
END_TEST

/* What the next one heard while the other served counts when it serves. */
START_TEST(the_next_bid_of_a_full_one_is_sealed_too)
{
	play("0 c1 SLOCK foo\n1 bid1 owned 70 alone\n");
	for (unsigned at = 1; at <= TOKEN_TURN_MAX; at++) {
		trace_len = 0;
		play("2 c2 SLOCK foo\n2 c2 UNLOCK foo\n");
	}
	trace_len = 0;
	play("3 c2 SLOCK foo\n4 bid2 owned 80 alone\n5 bid2 sees somebody\n"
	     "6 c1 UNLOCK foo\n7 c3 SLOCK foo\n8 c4 SLOCK foo\n"
	     "9 c5 SLOCK foo\n10 c6 SLOCK foo\n");
	expect("c2 GRANTED foo 80.0\n");
	expect("c1=OK bid1-\n");
	expect("c5 GRANTED foo 80.3\n");
	expect("c6 SLOCK foo -> bid3+s c6 QUE");
}
END_TEST

/* A session's end takes both; the lock begins anew. */
START_TEST(a_session_ends_with_two_bids)
{
	begin_at_turn(1023);
	play("4 c1 LOCK foo\n5 end\n6 up 2\n7 lease 100000\n"
	     "8 bid3 owned 90 alone\n");
	ck_assert_str_eq(trace,
			 "[   4] c1 LOCK foo -> c1 QUEUED foo pos=2 by c2\n"
			 "[   5] end -> c2 LOST foo deadline\n"
			 "[   6] up 2 -> bid3+\n"
			 "[   7] lease 100000 ->\n"
			 "[   8] bid3 owned 90 alone -> c1 GRANTED foo 90.0\n");
}
END_TEST

/* The property: a coordinator that answers ANSWER_GRANTS later. */

/* Check notes each of its own assertions in a file: too slow for millions. */
#define MUST(claim)                           \
	do {                                  \
		if (!(claim))                 \
			ck_abort_msg(#claim); \
	} while (0)

static struct {
	uint64_t grants, token, bids;
	uint64_t serving, next; /* as the effects said */
	uint64_t due;           /* grants at which next is answered; 0: none */
	bool left;              /* serving was left: next is owned when due */
} spin;

static void take_effects(void)
{
	struct locktab_effect fx;

	while (locktab_next(tab, &fx)) {
		if (fx.type == LOCKTAB_FX_GRANTED) {
			MUST(fx.ticket->token > spin.token);
			spin.token = fx.ticket->token;
			spin.grants++;
		} else if (fx.type == LOCKTAB_FX_BID_OPEN) {
			MUST(spin.next == 0);
			spin.next = fx.bid;
			spin.due = spin.grants + ANSWER_GRANTS;
			spin.bids++;
		} else if (fx.type == LOCKTAB_FX_BID_LEAVE) {
			MUST(fx.bid == spin.serving);
			spin.serving = spin.next;
			spin.next = 0;
			spin.due = spin.grants + ANSWER_GRANTS;
			spin.left = true;
		}
	}
}

static void spin_step(struct locktab_event *ev)
{
	ev->now_ms = (int64_t)(spin.grants / 200); /* five microseconds each */
	locktab_step(tab, ev);
	take_effects();
}

static void coordinator_answers(void)
{
	struct locktab_event ev = { .type = LOCKTAB_BID_QUEUED };

	if (!spin.due || spin.grants < spin.due)
		return;
	spin.due = 0;
	if (spin.left) { /* the slide's delete was answered */
		spin.left = false;
		ev.type = LOCKTAB_BID_OWNED;
		ev.bid.bid = spin.serving;
		ev.bid.base = spin.serving << 11;
		ev.bid.after_own = true;
	} else {
		ev.bid.bid = spin.next;
		ev.bid.below = 1;
		ev.bid.base = spin.next << 11;
		ev.bid.after = spin.serving;
	}
	spin_step(&ev);
}

static void ask(uint64_t conn, enum locktab_event_type type)
{
	struct locktab_event ev = { .type = type, .conn = conn };

	if (type == LOCKTAB_LOCK) {
		ev.lock.name = "foo";
		ev.lock.wait_ms = -1;
	} else {
		ev.pick.target.name = "foo";
	}
	spin_step(&ev);
}

static void spin_begin(void)
{
	struct locktab_event owned = { .type = LOCKTAB_BID_OWNED };

	begin(&lingering);
	play("0 lease 100000000\n");
	memset(&spin, 0, sizeof spin);
	ask(1, LOCKTAB_LOCK);
	spin.serving = spin.next;
	spin.next = spin.due = 0;
	owned.bid.bid = spin.serving;
	owned.bid.base = spin.serving << 11;
	owned.bid.behind = BEHIND_NOBODY;
	spin_step(&owned);
	ck_assert_uint_eq(spin.grants, 1);
}

/* Ten million grants on one lock, half of them hand-overs to who waits, half
 * of them taken from a linger: each is granted in the very step that asks for
 * it, and tokens strictly grow. */
START_TEST(ten_million_grants_never_stall)
{
	spin_begin();
	for (uint64_t i = 1; i < GRANTS; i++) {
		uint64_t from = 1 + (i - 1) % 2, to = 1 + i % 2;
		bool crowd = i / 5000 % 2;

		if (crowd)
			ask(to, LOCKTAB_LOCK);
		ask(from, LOCKTAB_UNLOCK);
		if (!crowd)
			ask(to, LOCKTAB_LOCK);
		MUST(spin.grants == i + 1);
		coordinator_answers();
	}
	ck_assert_uint_ge(spin.bids, GRANTS / (TOKEN_TURN_MAX + 1));
	ck_assert_uint_le(spin.bids, GRANTS / 1024 + 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("locktab_turn");
	TCase *tc = tcase_create("transcripts");
	TCase *property = tcase_create("property");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, ownership_slides_between_two_holds);
	tcase_add_test(tc, a_stranger_between_is_not_slid_over);
	tcase_add_test(tc, a_stranger_that_left_is_no_hindrance);
	tcase_add_test(tc, c5_the_budget_is_not_served_twice);
	tcase_add_test(tc, c5_a_late_listing_counts);
	tcase_add_test(tc, c5_a_bid_is_younger_than_the_first_waiter_only);
	tcase_add_test(tc, c5_the_next_bids_own_listing_counts);
	tcase_add_test(tc, c5_a_vanished_bid_counts);
	tcase_add_test(tc, one_of_two_waiters_withdraws);
	tcase_add_test(tc, c10_a_ticket_while_the_delete_is_under_way);
	tcase_add_test(tc, c5_a_plain_hand_over_counts_on_too);
	tcase_add_test(tc, a_waiter_arrives_during_a_slide);
	tcase_add_test(tc, everybody_leaves_both_bids);
	tcase_add_test(tc, a_slide_in_a_linger);
	tcase_add_test(tc, a_linger_ends_with_both);
	tcase_add_test(tc, a_late_next_bid_is_waited_for);
	tcase_add_test(tc, no_room_for_a_next_bid);
	tcase_add_test(tc, either_of_two_bids_may_vanish);
	tcase_add_test(tc, the_last_turn_of_a_shared_bid);
	tcase_add_test(tc, the_next_bid_of_a_full_one_is_sealed_too);
	tcase_add_test(tc, a_session_ends_with_two_bids);
	suite_add_tcase(suite, tc);
	tcase_add_checked_fixture(property, setup, teardown);
	tcase_set_timeout(property, 200);
	tcase_add_test(property, ten_million_grants_never_stall);
	suite_add_tcase(suite, property);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
