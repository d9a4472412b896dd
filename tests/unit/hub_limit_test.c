/* SPDX-License-Identifier: MIT */
/*
 * The hub against clients that ask a lot: what one turn may take, and what is
 * said to ZooKeeper once however many ask (P8).
 */
#include "hub_play.h"

static void begin(void)
{
	linger_ms = 0;
	setup();
	play("a1 PING\na2 PING\na3 PING\nb1 PING\n");
	trace_len = 0;
	trace[0] = '\0';
}

static void end(void)
{
	tick_ms = 0;
	teardown();
}

/* Lines that take long: one a turn, in order, none lost; beats come between. */
START_TEST(a_turn_ends_though_lines_are_left)
{
	note_line(1, "#1 PING");
	note_line(2, "#2 PING");
	note_line(1, "#3 PING");
	tick_ms = 30;
	hub_drain(hosts[0].hub);
	ck_assert_str_eq(trace, "a1< #1 OK\n");
	ck_assert(hub_pending(hosts[0].hub));
	ck_assert_int_le(hub_wake_ms(hosts[0].hub), now_ms);
	hub_drain(hosts[0].hub);
	ck_assert_str_eq(trace, "a1< #1 OK\na2< #2 OK\n");
	hub_drain(hosts[0].hub);
	ck_assert(!hub_pending(hosts[0].hub));
	ck_assert_str_eq(trace, "a1< #1 OK\na2< #2 OK\na1< #3 OK\n");
	/* Fast ones are all done at once. */
	tick_ms = 0;
	trace_len = 0;
	note_line(1, "PING 4");
	note_line(1, "PING 5");
	hub_drain(hosts[0].hub);
	ck_assert_str_eq(trace, "a1< OK 4\na1< OK 5\n");
}
END_TEST

/* A hold that ends by itself while lines wait has ended for them too. */
START_TEST(a_line_behind_the_end_of_a_hold_finds_it_ended)
{
	play("a1 LOCK foo max_hold=10ms\n");
	trace_len = 0;
	tick_ms = 6;
	note_line(2, "PING 1");
	note_line(1, "UNLOCK foo");
	hub_drain(hosts[0].hub);
	tick_ms = 0;
	settle();
	ck_assert_str_eq(trace, "a2< OK 1\n"
				"a1< * LOST foo id=@1\n"
				"a1< ERR LOST name=foo id=@1 reason=max_hold "
				":the hold has ended: others may have the "
				"lock\n");
}
END_TEST

/* One listing cannot keep everybody. */
START_TEST(a_listing_that_takes_too_long_is_given_up)
{
	char line[64];

	for (unsigned i = 0; i < 15; i++) {
		for (unsigned n = 1; n <= 9; n++) {
			(void)snprintf(line, sizeof line, "a%u LOCK n%u\n", n,
				       i);
			play(line);
		}
	}
	trace_len = 0;
	tick_ms = 600;
	note_line(1, "LIST");
	hub_drain(hosts[0].hub);
	tick_ms = 0;
	ck_assert_ptr_nonnull(strstr(trace, "a1< ERR LIMIT which=time :"));
	trace_len = 0;
	play("a1 LIST n1\n");
	ck_assert_ptr_nonnull(strstr(trace, "a1< OK 9\n"));
}
END_TEST

/* However many ask for a proof, one write is under way and one more wanted. */
START_TEST(one_write_proves_it_to_all_who_asked)
{
	int64_t zxid;

	play("a1 LOCK foo\na2 LOCK bar\n");
	trace_len = 0;
	zxid = coord_tree_zxid(tree);
	for (int i = 0; i < 5; i++) {
		note_line(1, "CHECK foo sync=1");
		note_line(2, "CHECK bar sync=1");
	}
	settle();
	ck_assert_int_eq(coord_tree_zxid(tree), zxid + 2);
	for (const char *at = trace; *at; at = strchr(at, '\n') + 1)
		ck_assert(strncmp(at + 4, "OK held=1 ", 10) == 0);
	ck_assert_ptr_nonnull(strstr(trace, "a2< OK held=1 id=@2"));
	/* Who asks while the link breaks under the write is told so. */
	trace_len = 0;
	note_line(1, "#1 CHECK foo sync=1");
	hub_drain(hosts[0].hub);
	note_line(2, "#2 CHECK bar sync=1");
	hub_drain(hosts[0].hub);
	coord_local_cut(hosts[0].coord);
	hub_drain(hosts[0].hub);
	ck_assert_ptr_nonnull(strstr(trace, "a1< #1 ERR SUSPENDED"));
	ck_assert_ptr_nonnull(strstr(trace, "a2< #2 ERR SUSPENDED"));
}
END_TEST

/* REVOKE of what is held elsewhere does not write as fast as somebody types,
 * and again later for who did not listen. */
START_TEST(a_revoke_is_not_written_for_each_line)
{
	int64_t zxid;

	play("b1 LOCK foo\na1 LOCK foo\n+20\n");
	zxid = coord_tree_zxid(tree);
	for (int i = 0; i < 5; i++)
		play("a1 REVOKE foo\n");
	/* The message, and the owner's own words again. */
	ck_assert_int_eq(coord_tree_zxid(tree), zxid + 2);
	ck_assert_ptr_nonnull(strstr(trace, "b1< * REVOKE foo"));
	play("+300\na1 REVOKE foo\na1 REVOKE foo\n");
	ck_assert_int_eq(coord_tree_zxid(tree), zxid + 4);
}
END_TEST

/* Several names and one, on their way when the link goes: everyone who only
 * tried is told. */
START_TEST(everyone_who_tried_is_told)
{
	note_line(1, "TRYLOCK a b");
	note_line(2, "TRYLOCK c");
	hub_drain(hosts[0].hub);
	coord_local_cut(hosts[0].coord);
	hub_drain(hosts[0].hub);
	ck_assert_ptr_nonnull(strstr(trace, "a1< ERR SUSPENDED"));
	ck_assert_ptr_nonnull(strstr(trace, "a2< ERR SUSPENDED name=c"));
	play("+100\n");
	ck_assert_uint_eq(bids_of("a") + bids_of("b") + bids_of("c"), 0);
}
END_TEST

/* A node that nobody owns is found though its lock is in daily use. */
START_TEST(the_audit_is_not_put_off)
{
	play("a1 LOCK foo\n");
	plant_orphan(bid_path("foo"), 0, "0000000777");
	play("a1 UNLOCK foo\n");
	for (int i = 0; i < 7; i++)
		play("+10000\na1 TRYLOCK foo\na1 UNLOCK foo\n");
	ck_assert_uint_eq(bids_of("foo"), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hub_limit");
	TCase *tc = tcase_create("transcripts");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, a_turn_ends_though_lines_are_left);
	tcase_add_test(tc, a_line_behind_the_end_of_a_hold_finds_it_ended);
	tcase_add_test(tc, a_listing_that_takes_too_long_is_given_up);
	tcase_add_test(tc, one_write_proves_it_to_all_who_asked);
	tcase_add_test(tc, a_revoke_is_not_written_for_each_line);
	tcase_add_test(tc, everyone_who_tried_is_told);
	tcase_add_test(tc, the_audit_is_not_put_off);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
