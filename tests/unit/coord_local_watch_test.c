/* SPDX-License-Identifier: MIT */
/*
 * coord_local_test - the tree in memory keeps coord.h's contract and
 * ZooKeeper's meaning.  What happens is told as a transcript: a word an event.
 */
#include "coord_local_play.h"

/* --- watches --- */

START_TEST(watches_fire_once)
{
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	list(c, 1, "/l");
	coord_local_settle(c);
	foreign(COORD_CREATE, "/l/a");
	foreign(COORD_CREATE, "/l/b");
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "1=ok children(/l)");
	get(c, 2, "/l/a");
	coord_local_settle(c);
	foreign(COORD_SET, "/l/a");
	foreign(COORD_DELETE, "/l/a");
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "2=ok changed(/l/a)");
	end(c);
}
END_TEST

START_TEST(watch_is_set_only_by_a_good_answer)
{
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	get(c, 1, "/l/a");
	coord_local_settle(c);
	foreign(COORD_CREATE, "/l/a");
	foreign(COORD_DELETE, "/l/a");
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "1=nonode");
	end(c);
}
END_TEST

START_TEST(deletion_is_told_once_for_both_watches)
{
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	get(c, 1, "/l");
	list(c, 2, "/l");
	coord_local_settle(c);
	foreign(COORD_DELETE, "/l");
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "1=ok 2=ok deleted(/l)");
	end(c);
}
END_TEST

START_TEST(own_write_is_told_before_its_answer)
{
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	list(c, 1, "/l");
	create(c, 2, COORD_EPHEMERAL, "/l/a");
	list(c, 3, "/l");
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "1=ok children(/l) 2=ok,/l/a 3=ok:a");
	end(c);
}
END_TEST

START_TEST(missed_changes_fire_after_a_reconnect)
{
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	foreign(COORD_CREATE, "/l/a");
	foreign(COORD_CREATE, "/l/b");
	foreign(COORD_CREATE, "/l/c");
	get(c, 1, "/l/a");
	get(c, 2, "/l/b");
	get(c, 3, "/l/c");
	list(c, 4, "/");
	coord_local_settle(c);
	coord_local_cut(c);
	foreign(COORD_DELETE, "/l/a");
	foreign(COORD_SET, "/l/b");
	(void)heard(c);
	coord_local_attach(c, 0, clock_ms);
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "AGAIN deleted(/l/a) changed(/l/b)");
	foreign(COORD_SET, "/l/c"); /* armed anew, heard once */
	foreign(COORD_SET, "/l/c");
	foreign(COORD_CREATE, "/m");
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "changed(/l/c) children(/)");
	end(c);
}
END_TEST

START_TEST(event_lost_with_the_link_fires_again)
{
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	list(c, 1, "/l");
	coord_local_settle(c);
	foreign(COORD_CREATE, "/l/a");
	coord_local_cut(c);
	coord_local_attach(c, 0, clock_ms);
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "1=ok DOWN AGAIN children(/l)");
	end(c);
}
END_TEST

START_TEST(unanswered_watch_does_not_outlive_its_link)
{
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	list(c, 1, "/l");
	ck_assert(coord_local_serve(c));
	coord_local_cut(c);
	foreign(COORD_CREATE, "/l/a");
	coord_local_attach(c, 0, clock_ms);
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "DOWN 1=maybe AGAIN");
	end(c);
}
END_TEST

/* --- several views, several sessions --- */

START_TEST(lagging_view_serves_old_listings_until_sync)
{
	struct coord *c;

	tree_begin(2);
	c = stepped_client(1);
	foreign(COORD_CREATE, "/l/a");
	list(c, 1, "/l");
	coord_local_serve(c);
	coord_local_deliver(c);
	ck_assert_str_eq(heard(c), "1=ok");
	submit(c, op_of(2, COORD_SYNC, "/"));
	list(c, 3, "/l");
	coord_local_serve(c);
	ck_assert(!coord_local_serve(c)); /* sync waits for the view */
	coord_tree_view_sync(tree, 1);
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "children(/l) 2=ok 3=ok:a");
	end(c);
}
END_TEST

START_TEST(own_write_is_seen_through_a_lagging_view)
{
	struct coord *c;

	tree_begin(2);
	c = stepped_client(1);
	foreign(COORD_CREATE, "/l/x");
	create(c, 1, COORD_EPHEMERAL_SEQUENTIAL, "/l/a-");
	list(c, 2, "/l");
	ck_assert(coord_local_serve(c));
	ck_assert_ptr_nonnull(coord_tree_find(tree, 0, "/l/a-0000000001"));
	ck_assert_ptr_null(coord_tree_find(tree, 1, "/l/a-0000000001"));
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "1=ok,/l/a-0000000001 2=ok:x+a-0000000001");
	end(c);
}
END_TEST

START_TEST(another_server_never_shows_the_past)
{
	struct coord *c;

	tree_begin(3);
	c = stepped_client(1);
	foreign(COORD_CREATE, "/l/a");
	coord_tree_view_sync(tree, 1);
	submit(c, op_of(1, COORD_LIST, "/l"));
	coord_local_settle(c);
	coord_local_cut(c);
	ck_assert_ptr_null(coord_tree_find(tree, 2, "/l/a"));
	coord_local_attach(c, 2, clock_ms);
	submit(c, op_of(2, COORD_LIST, "/l"));
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "1=ok:a DOWN AGAIN 2=ok:a");
	end(c);
}
END_TEST

/* A follower that was cut off serves reads of a session that has ended (the
 * dying node of T2), and lets go when it hears of it. */
START_TEST(cut_off_follower_serves_a_dead_sessions_reads)
{
	struct coord *c;

	tree_begin(2);
	c = stepped_client(1);
	create(c, 1, COORD_EPHEMERAL, "/l/a");
	coord_local_settle(c);
	coord_tree_session_end(tree, coord_local_session(c));
	submit(c, op_of(2, COORD_LIST, "/l"));
	while (coord_local_serve(c))
		;
	while (coord_local_deliver(c))
		;
	ck_assert_str_eq(heard(c), "1=ok,/l/a 2=ok:a");
	coord_tree_view_sync(tree, 1);
	submit(c, op_of(3, COORD_LIST, "/l"));
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "DOWN 3=maybe");
	end(c);
}
END_TEST

START_TEST(one_sessions_release_wakes_another)
{
	struct coord *a;
	struct coord *b;

	tree_begin(1);
	a = stepped_client(0);
	b = stepped_client(0);
	ck_assert_int_ne(coord_local_session(a), coord_local_session(b));
	create(a, 1, COORD_EPHEMERAL_SEQUENTIAL, "/l/n-");
	coord_local_settle(a);
	create(b, 1, COORD_EPHEMERAL_SEQUENTIAL, "/l/n-");
	get(b, 2, "/l/n-0000000000");
	coord_local_settle(b);
	ck_assert_str_eq(heard(b), "1=ok,/l/n-0000000001 2=ok,\"/l/n-\"");
	a->ops->close(a);
	coord_local_settle(b);
	ck_assert_str_eq(heard(b), "deleted(/l/n-0000000000)");
	coord_local_free(a);
	end(b);
}
END_TEST

START_TEST(follower_does_not_touch_the_leaders_tracker)
{
	struct coord *c;

	tree_begin(2);
	c = stepped_client(1);
	clock_ms += TIMEOUT_MS - 1;
	submit(c, op_of(1, COORD_SET, "/l"));
	coord_local_settle(c);
	clock_ms += 1;
	coord_tree_tick(tree);
	ck_assert(!coord_tree_session_alive(tree, coord_local_session(c)));
	end(c);
}
END_TEST

START_TEST(leader_touches_at_every_request)
{
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	clock_ms += TIMEOUT_MS - 1;
	submit(c, op_of(1, COORD_SET, "/l"));
	coord_local_settle(c);
	clock_ms += TIMEOUT_MS - 1;
	coord_tree_tick(tree);
	ck_assert(coord_tree_session_alive(tree, coord_local_session(c)));
	end(c);
}
END_TEST

static Suite *coord_local_suite(void)
{
	Suite *suite = suite_create("coord_local_watch");
	TCase *watches = tcase_create("watches");
	TCase *several = tcase_create("several");

	tcase_add_test(watches, watches_fire_once);
	tcase_add_test(watches, watch_is_set_only_by_a_good_answer);
	tcase_add_test(watches, deletion_is_told_once_for_both_watches);
	tcase_add_test(watches, own_write_is_told_before_its_answer);
	tcase_add_test(watches, missed_changes_fire_after_a_reconnect);
	tcase_add_test(watches, event_lost_with_the_link_fires_again);
	tcase_add_test(watches, unanswered_watch_does_not_outlive_its_link);
	tcase_add_test(several, lagging_view_serves_old_listings_until_sync);
	tcase_add_test(several, own_write_is_seen_through_a_lagging_view);
	tcase_add_test(several, another_server_never_shows_the_past);
	tcase_add_test(several, cut_off_follower_serves_a_dead_sessions_reads);
	tcase_add_test(several, one_sessions_release_wakes_another);
	tcase_add_test(several, follower_does_not_touch_the_leaders_tracker);
	tcase_add_test(several, leader_touches_at_every_request);
	suite_add_tcase(suite, watches);
	suite_add_tcase(suite, several);
	return suite;
}

int main(void)
{
	SRunner *runner = srunner_create(coord_local_suite());
	int failed;

	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
