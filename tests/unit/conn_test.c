/* SPDX-License-Identifier: MIT */
/*
 * conn_test - what a client sends reaches the hub, what the hub says reaches
 * the client, and neither can be made to wait, to grow or to lose step.
 */
#include "conn_world.h"

/* Reading */

START_TEST(lines_reach_the_hub)
{
	int fd = join();

	say(fd, "PING a\r\n\nLO");
	turn();
	say(fd, "CK b\n");
	turn();
	ck_assert_str_eq(hub.told, "1<PING a 1< 1<LOCK b ");
	ck_assert(!conns_pending(conns));
}
END_TEST

START_TEST(byte_by_byte_is_the_same)
{
	const char *text = "PING a\r\n\nLOCK b\n";
	int fd = join();

	for (; *text; text++) {
		say_bytes(fd, text, 1);
		turn();
	}
	ck_assert_str_eq(hub.told, "1<PING a 1< 1<LOCK b ");
}
END_TEST

START_TEST(a_long_line_is_told_once_and_swallowed)
{
	static char big[3 * ZKP_LINE_MAX];
	int fd = join();

	memset(big, 'a', sizeof big);
	say_bytes(fd, big, sizeof big);
	settle();
	ck_assert_str_eq(hub.told, "1! ");
	say(fd, "tail\nPING\n");
	settle();
	ck_assert_str_eq(hub.told, "1! 1<PING ");
}
END_TEST

START_TEST(a_flood_gets_its_share_of_each_turn)
{
	static char flood[20000];
	int fd = join(), other = join();
	size_t before;

	memset(flood, 'x', sizeof flood);
	for (size_t i = 0; i < sizeof flood; i += 2)
		flood[i + 1] = '\n';
	say_bytes(fd, flood, sizeof flood);
	turn();
	ck_assert_uint_eq(hub.lines, CONN_LINES_PER_TURN);
	ck_assert(conns_pending(conns));
	say(other, "PING\n");
	turn();
	ck_assert_uint_eq(hub.lines, 2 * CONN_LINES_PER_TURN + 1);
	do {
		before = hub.lines;
		turn();
		ck_assert_uint_le(hub.lines_turn, CONN_LINES_PER_TURN);
	} while (hub.lines > before);
	ck_assert_uint_eq(hub.lines, sizeof flood / 2 + 1);
	ck_assert(!conns_pending(conns));
}
END_TEST

START_TEST(a_paused_one_is_not_read_and_goes_on_later)
{
	int fd = join();

	say(fd, "one\n");
	turn();
	conns_pause(conns, 1, true);
	say(fd, "two\n");
	turns(3);
	ck_assert_str_eq(hub.told, "1<one ");
	conns_pause(conns, 1, false);
	settle();
	ck_assert_str_eq(hub.told, "1<one 1<two ");
}
END_TEST

START_TEST(lines_at_hand_wait_for_the_end_of_a_pause)
{
	char lines[2 * (CONN_LINES_PER_TURN + 4) + 1];
	int fd = join();

	for (size_t i = 0; i < CONN_LINES_PER_TURN + 4; i++)
		memcpy(lines + 2 * i, "x\n", 3);
	say(fd, lines);
	turn();
	conns_pause(conns, 1, true);
	turns(3);
	ck_assert_uint_eq(hub.lines, CONN_LINES_PER_TURN);
	conns_pause(conns, 1, false);
	settle();
	ck_assert_uint_eq(hub.lines, CONN_LINES_PER_TURN + 4);
}
END_TEST

START_TEST(a_paused_one_notices_its_end)
{
	int fd = join();

	say(fd, "one\n");
	turn();
	conns_pause(conns, 1, true);
	say(fd, "never read\n");
	(void)close(fd);
	settle();
	ck_assert_str_eq(hub.told, "1<one 1. ");
	ck_assert_uint_eq(counts().open, 0);
}
END_TEST

START_TEST(a_paused_half_closed_one_is_read_to_its_end)
{
	int fd = join();

	turn();
	conns_pause(conns, 1, true);
	say(fd, "one\ntwo\n");
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	turns(5);
	ck_assert_str_eq(hub.told, "");
	conns_pause(conns, 1, false);
	settle();
	ck_assert_str_eq(hub.told, "1<one 1<two 1. ");
}
END_TEST

START_TEST(odd_messages_are_nothing_special)
{
	int fd = join();

	ck_assert_int_eq(send(fd, "", 0, 0), 0);
	turn();
	say(fd, "PING\n");
	turn();
	ck_assert_int_eq(shutdown(fd, SHUT_RD), 0);
	settle();
	ck_assert_str_eq(hub.told, "1<PING ");
	ck_assert_uint_eq(counts().open, 1);
}
END_TEST

/* The end */

START_TEST(half_closed_all_lines_then_the_end)
{
	int fd = join();

	hub.answer = "OK\n";
	say(fd, "one\ntwo\nunfinished");
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	settle();
	ck_assert_str_eq(hub.told, "1<one 1<two 1. ");
	ck_assert_str_eq(heard(fd), "OK\nOK\n");
	ck_assert(is_closed(fd));
	ck_assert_uint_eq(counts().open, 0);
}
END_TEST

START_TEST(half_closed_with_a_thousand_lines)
{
	static char lines[2000];
	int fd = join();

	memset(lines, 'x', sizeof lines);
	for (size_t i = 0; i < sizeof lines; i += 2)
		lines[i + 1] = '\n';
	say_bytes(fd, lines, sizeof lines);
	ck_assert_int_eq(shutdown(fd, SHUT_WR), 0);
	settle();
	ck_assert_uint_eq(hub.lines, 1000);
	ck_assert_uint_eq(counts().open, 0);
}
END_TEST

START_TEST(the_hub_closes_after_its_last_words)
{
	int fd = join();

	say(fd, "QUIT\n");
	turn();
	conns_send(conns, 1, "OK bye\n", 7);
	conns_close(conns, 1);
	conns_send(conns, 1, "never\n", 6); /* it is forgotten */
	turn();
	ck_assert_str_eq(heard(fd), "OK bye\n");
	ck_assert(is_closed(fd));
	ck_assert_str_eq(hub.told, "1<QUIT "); /* and no end is told */
}
END_TEST

/* Somebody who is let go while more is left than its socket takes. */
static int leave_unread(void)
{
	static char big[OUTPUT_MAX];
	int fd = join();

	memset(big, 'x', sizeof big);
	conns_send(conns, 1, big, sizeof big);
	conns_close(conns, 1);
	turn();
	return fd;
}

START_TEST(who_will_not_read_the_last_words_is_given_up)
{
	int fd = leave_unread();

	ck_assert_int_eq(conns_wake_ms(conns), now_ms + CONN_CLOSING_MS);
	now_ms += CONN_CLOSING_MS - 1;
	turn();
	ck_assert_int_ne(conns_wake_ms(conns), INT64_MAX);
	now_ms++;
	turn();
	ck_assert_int_eq(conns_wake_ms(conns), INT64_MAX);
	ck_assert_uint_lt(drink(fd), OUTPUT_MAX);
	ck_assert(is_closed(fd));
}
END_TEST

/* Who quits and does not read what is left is a connection still. */
START_TEST(who_will_not_read_the_last_words_counts_until_then)
{
	int fd = leave_unread();

	ck_assert_uint_eq(counts().open, 1);
	now_ms += CONN_CLOSING_MS;
	turn();
	ck_assert_uint_eq(counts().open, 0);
	(void)close(fd);
}
END_TEST

/* The hub has lines enough: nothing is read, nothing is lost. */
START_TEST(held_nobody_is_read)
{
	int fd = join();

	say(fd, "one\nhalf ");
	turn();
	conns_hold(conns, true);
	say(fd, "a line\nthree\n");
	turns(3);
	ck_assert_str_eq(hub.told, "1<one ");
	conns_hold(conns, false);
	(void)close(fd);
	settle();
	ck_assert_str_eq(hub.told, "1<one 1<half a line 1<three 1. ");
}
END_TEST

START_TEST(who_reads_them_late_gets_all)
{
	int fd = leave_unread();

	ck_assert_uint_eq(drink(fd), OUTPUT_MAX);
	ck_assert(is_closed(fd));
	ck_assert_int_eq(conns_wake_ms(conns), INT64_MAX);
}
END_TEST

START_TEST(both_ends_go_in_one_turn)
{
	int fd = join();

	say(fd, "one\n");
	turn();
	(void)close(fd);
	conns_send(conns, 1, "to nobody\n", 10);
	conns_close(conns, 1);
	settle();
	ck_assert_str_eq(hub.told, "1<one ");
	ck_assert_uint_eq(counts().open, 0);
}
END_TEST

START_TEST(unknown_numbers_are_passed_over)
{
	conns_send(conns, 99, "x\n", 2);
	ck_assert(conns_bulk(conns, 99, "x\n", 2));
	conns_pause(conns, 99, true);
	conns_close(conns, 99);
	settle();
	ck_assert_str_eq(hub.told, "");
}
END_TEST

/* Writing */

START_TEST(replies_of_a_turn_leave_in_one_piece_in_order)
{
	int fd = join();

	conns_send(conns, 1, "one\n", 4);
	conns_send(conns, 1, "two\n", 4);
	ck_assert_str_eq(heard(fd), ""); /* not before the flush */
	conns_flush(conns, now_ms);
	ck_assert_str_eq(heard(fd), "one\ntwo\n");
}
END_TEST

START_TEST(who_does_not_read_is_not_read)
{
	static char answer[4096];
	size_t lines;
	int fd = join();

	memset(answer, 'x', sizeof answer - 1);
	answer[sizeof answer - 2] = '\n';
	hub.answer = answer;
	for (int i = 0; i < 200; i++)
		say(fd, "x\n");
	settle();
	lines = hub.lines;
	ck_assert_uint_lt(lines, 50);
	turns(10);
	ck_assert_uint_eq(hub.lines, lines); /* it stands still, and lives */
	ck_assert_uint_eq(counts().open, 1);
	ck_assert_uint_eq(drink(fd), 200 * (sizeof answer - 1));
	ck_assert_uint_eq(hub.lines, 200);
}
END_TEST

START_TEST(a_choked_one_notices_its_end)
{
	static char big[OUTPUT_MAX];
	int fd = join();

	memset(big, 'x', sizeof big);
	conns_send(conns, 1, big, sizeof big);
	settle();
	(void)close(fd);
	settle();
	ck_assert_str_eq(hub.told, "1. ");
}
END_TEST

START_TEST(past_the_cap_it_is_closed_and_told_later)
{
	static char big[OUTPUT_MAX];
	int fd = join();

	memset(big, 'x', sizeof big);
	conns_send(conns, 1, big, sizeof big);
	conns_flush(conns, now_ms);
	while (counts().overflows == 0)
		conns_send(conns, 1, big, 1000);
	ck_assert_str_eq(hub.told, ""); /* doors do not call back */
	ck_assert(conns_pending(conns));
	conns_send(conns, 1, big, 1000); /* into the void */
	turn();
	ck_assert_str_eq(hub.told, "1. ");
	ck_assert_uint_eq(counts().open, 0);
	(void)drink(fd);
	ck_assert(is_closed(fd));
}
END_TEST

START_TEST(the_cap_counts_only_what_the_kernel_refuses)
{
	static char big[2 * OUTPUT_MAX];
	int fd = join();
	size_t sum = 0;

	memset(big, 'x', sizeof big);
	for (int i = 0; i < 100; i++) { /* far more, but it is read */
		conns_send(conns, 1, big, 10000);
		sum += 10000;
		sum -= drink(fd);
	}
	ck_assert_uint_eq(sum, 0);
	ck_assert_uint_eq(counts().overflows, 0);
}
END_TEST

START_TEST(a_listing_may_be_longer_than_the_cap)
{
	static char big[4 * OUTPUT_MAX];
	int fd = join();
	size_t sum;

	memset(big, 'x', sizeof big);
	ck_assert(conns_bulk(conns, 1, big, sizeof big));
	settle();
	ck_assert_uint_eq(counts().listing_bytes, sizeof big);
	conns_send(conns, 1, big, OUTPUT_MAX / 2); /* events still pass */
	ck_assert_uint_eq(counts().overflows, 0);
	ck_assert(!conns_bulk(conns, 1, big, sizeof big)); /* one at a time */
	sum = drink(fd);
	ck_assert_uint_eq(sum, sizeof big + OUTPUT_MAX / 2);
	ck_assert_uint_eq(counts().listing_bytes, 0);
	ck_assert(conns_bulk(conns, 1, big, sizeof big)); /* the next */
	ck_assert_uint_eq(drink(fd), sizeof big);
}
END_TEST

/* What may be left out has half of the cap; the other half is for the rest. */
START_TEST(an_offer_leaves_room_for_what_must_be_said)
{
	static char big[OUTPUT_MAX / 2];
	size_t taken = 0;
	int fd = join();

	memset(big, 'x', sizeof big);
	while (conns_offer(conns, 1, big, 1000))
		taken += 1000;
	ck_assert(!conns_offer(conns, 1, big, 1000));
	conns_send(conns, 1, big, sizeof big);
	ck_assert_uint_eq(counts().overflows, 0);
	ck_assert_uint_eq(drink(fd), taken + sizeof big);
	ck_assert(conns_offer(conns, 1, big, 1000));  /* room again */
	ck_assert(conns_offer(conns, 99, big, 1000)); /* nobody reads it */
}
END_TEST

START_TEST(listings_share_a_budget)
{
	static char big[1 << 19];
	int fds[3] = { join(), join(), join() };

	memset(big, 'x', sizeof big);
	ck_assert(conns_bulk(conns, 1, big, sizeof big));
	ck_assert(conns_bulk(conns, 2, big, sizeof big));
	ck_assert(!conns_bulk(conns, 3, big, sizeof big));
	ck_assert(conns_bulk(conns, 3, big, 100)); /* a short one is a reply */
	settle();
	(void)close(fds[0]); /* gives its part back */
	settle();
	ck_assert_uint_eq(counts().listing_bytes, sizeof big);
	ck_assert(conns_bulk(conns, 3, big, sizeof big));
}
END_TEST

/* Coming */

START_TEST(silent_ones_make_room_the_oldest_first)
{
	int fds[8];

	for (int i = 0; i < 8; i++)
		fds[i] = join();
	say(fds[0], "PING\n"); /* the first one speaks */
	settle();
	ck_assert_int_eq(conns_make_room(conns, &root), CONNS_ROOM);
	settle();
	ck_assert_str_eq(hub.told, "1<PING 2. ");
	ck_assert_ptr_nonnull(
	    strstr(heard(fds[1]), "ERR LIMIT which=connections max=8 :"));
	ck_assert(is_closed(fds[1]));
	ck_assert(!is_closed(fds[0]));
	ck_assert_uint_eq(counts().open, 7);
	ck_assert_uint_eq(counts().evicted, 1);
}
END_TEST

START_TEST(nobody_who_speaks_makes_room)
{
	const struct hub_peer other = { .uid = 12345 };

	settings.clients_per_uid_max = 100;
	conns_reload(conns, &settings);
	for (int i = 0; i < 8; i++)
		say(join_as(&nobody), "PING\n");
	settle();
	ck_assert_int_eq(conns_make_room(conns, &other), CONNS_FULL);
	for (int i = 0; i < CONN_ADMIN_RESERVE; i++) {
		ck_assert_int_eq(conns_make_room(conns, &root), CONNS_ROOM);
		say(join(), "PING\n");
		settle();
	}
	ck_assert_int_eq(conns_make_room(conns, &root), CONNS_FULL);
}
END_TEST

START_TEST(a_user_has_a_limit_and_root_has_none)
{
	int fds[4];

	for (int i = 0; i < 4; i++)
		fds[i] = join_as(&nobody);
	ck_assert_int_eq(conns_make_room(conns, &nobody), CONNS_FULL_UID);
	ck_assert_int_eq(conns_make_room(conns, &root), CONNS_ROOM);
	(void)close(fds[2]);
	settle();
	ck_assert_int_eq(conns_make_room(conns, &nobody), CONNS_ROOM);
	for (int i = 0; i < 5; i++)
		(void)join();
	ck_assert_int_eq(conns_make_room(conns, &root), CONNS_ROOM);
}
END_TEST

START_TEST(without_memory_nobody_comes_in)
{
	int pair[2];

	hub.refuse = true;
	ck_assert_int_eq(
	    socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
	ck_assert(!conns_add(conns, pair[1], &root));
	ck_assert(is_closed(pair[0]));
	ck_assert_uint_eq(counts().open, 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conn");
	TCase *tc = tcase_create("conn");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, lines_reach_the_hub);
	tcase_add_test(tc, byte_by_byte_is_the_same);
	tcase_add_test(tc, a_long_line_is_told_once_and_swallowed);
	tcase_add_test(tc, a_flood_gets_its_share_of_each_turn);
	tcase_add_test(tc, a_paused_one_is_not_read_and_goes_on_later);
	tcase_add_test(tc, lines_at_hand_wait_for_the_end_of_a_pause);
	tcase_add_test(tc, a_paused_one_notices_its_end);
	tcase_add_test(tc, a_paused_half_closed_one_is_read_to_its_end);
	tcase_add_test(tc, odd_messages_are_nothing_special);
	tcase_add_test(tc, half_closed_all_lines_then_the_end);
	tcase_add_test(tc, half_closed_with_a_thousand_lines);
	tcase_add_test(tc, the_hub_closes_after_its_last_words);
	tcase_add_test(tc, who_will_not_read_the_last_words_is_given_up);
	tcase_add_test(tc, who_will_not_read_the_last_words_counts_until_then);
	tcase_add_test(tc, held_nobody_is_read);
	tcase_add_test(tc, who_reads_them_late_gets_all);
	tcase_add_test(tc, both_ends_go_in_one_turn);
	tcase_add_test(tc, unknown_numbers_are_passed_over);
	tcase_add_test(tc, replies_of_a_turn_leave_in_one_piece_in_order);
	tcase_add_test(tc, who_does_not_read_is_not_read);
	tcase_add_test(tc, a_choked_one_notices_its_end);
	tcase_add_test(tc, past_the_cap_it_is_closed_and_told_later);
	tcase_add_test(tc, the_cap_counts_only_what_the_kernel_refuses);
	tcase_add_test(tc, a_listing_may_be_longer_than_the_cap);
	tcase_add_test(tc, an_offer_leaves_room_for_what_must_be_said);
	tcase_add_test(tc, listings_share_a_budget);
	tcase_add_test(tc, silent_ones_make_room_the_oldest_first);
	tcase_add_test(tc, nobody_who_speaks_makes_room);
	tcase_add_test(tc, a_user_has_a_limit_and_root_has_none);
	tcase_add_test(tc, without_memory_nobody_comes_in);
	suite_add_tcase(suite, tc);

	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
