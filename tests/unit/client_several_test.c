/* SPDX-License-Identifier: MIT */
/* libzklock and several locks: had together, let go together, and the next in
 * the write that lets go of the last. */
#include <sys/wait.h>

#include "client_server.h"

#define ROWS(tag)                                 \
	">" tag " - a id=@5 token=70 node=/z/a\n" \
	">" tag " - b id=@6 token=71 node=\"\"\n"
#define FINAL(tag) \
	">" tag " GRANTED 2 gen=3 until_ms=%+4000 valid_ms=1 waited_ms=9\n"
#define ALL(tag) ROWS(tag) FINAL(tag)
#define ONE(tag, id)                                       \
	">" tag " GRANTED foo id=@" id " token=" id        \
	" mode=x gen=3 until_ms=%+4000 valid_ms=1 waited_" \
	"ms=0 node=\"\"\n"

static const char *const b_a[] = { "b", "a" };
static struct server s;

START_TEST(all_of_them_in_the_order_of_asking)
{
	zklock_client *c = server_begin(
	    &s,
	    HELLO "<1 LOCK b a wait=1500ms\n" ALL(
		"1") "<2 UNLOCK @6 token=71\n&\n<3 UNLOCK @5 token=70\n"
		     ">2 RELEASED b id=@6 held_ms=1\n"
		     ">3 RELEASED a id=@5 held_ms=1\n",
	    _i);
	struct zklock_lock_options options = ZKLOCK_LOCK_OPTIONS_INIT;
	zklock_lock *l[2];

	options.wait_ms = 1500;
	options.userdata = &s;
	ck_assert_int_eq(zklock_acquire_all(c, b_a, 2, &options, l), 0);
	for (int i = 0; i < 2; i++) {
		ck_assert_str_eq(zklock_name(l[i]), b_a[i]);
		ck_assert_uint_eq(zklock_id(l[i]), i ? 5 : 6);
		ck_assert_uint_eq(zklock_token(l[i]), i ? 70 : 71);
		ck_assert_str_eq(zklock_node(l[i]), i ? "/z/a" : "");
		ck_assert_int_eq(zklock_waited_ms(l[i]), 9);
		ck_assert_ptr_eq(zklock_lock_userdata(l[i]), &s);
		ck_assert_int_gt(zklock_valid_ms(l[i]), 5000);
	}
	ck_assert_int_eq(zklock_release_all(l, 2), ZKLOCK_OK);
	ck_assert_ptr_null(l[0]);
	ck_assert_ptr_null(l[1]);
	ck_assert_int_eq(zklock_release_all(l, 2), ZKLOCK_OK);
	server_end(&s, c);
}
END_TEST

START_TEST(one_refusal_is_of_all)
{
	zklock_client *c = server_begin(
	    &s,
	    HELLO "<1 TRYLOCK b a\n"
		  ">1 ERR BUSY name=a holder=\"db2 pid=8 x\" :held\n"
		  "<2 TRYLOCK b a\n" ALL("2"),
	    _i);
	struct zklock_lock_options options = ZKLOCK_LOCK_OPTIONS_INIT;
	struct zklock_failure f = ZKLOCK_FAILURE_INIT;
	struct zklock_event event = ZKLOCK_EVENT_INIT;
	zklock_lock *l[2] = { NULL, NULL };

	options.wait_ms = 0;
	ck_assert_int_eq(zklock_acquire_all(c, b_a, 2, &options, l),
			 ZKLOCK_E_BUSY);
	ck_assert_ptr_null(l[0]);
	ck_assert_int_eq(zklock_last_failure(c, &f), ZKLOCK_OK);
	ck_assert_str_eq(f.name, "a");
	ck_assert_str_eq(f.holder, "db2 pid=8 x");
	ck_assert_int_eq(zklock_next_event(c, &event), 0);
	ck_assert_int_eq(zklock_acquire_all(c, b_a, 2, &options, l), 0);
	ck_assert(zklock_is_held(l[0]) && zklock_is_held(l[1]));
	server_end(&s, c);
}
END_TEST

START_TEST(one_may_be_lost_and_the_other_stays)
{
	zklock_client *c = server_begin(
	    &s,
	    HELLO "<1 LOCK b a\n>1 QUEUED a id=@5 pos=2 holder=x\n" ALL(
		"1") "= * LOST a id=@5 token=70 reason=deleted\n"
		     "<2 UNLOCK @6\n>2 RELEASED b id=@6 held_ms=1\n",
	    _i);
	struct zklock_event event;
	zklock_lock *l[2];

	ck_assert_int_eq(zklock_acquire_all_async(c, b_a, 2, NULL, l), 0);
	event = server_event(c, ZKLOCK_EVENT_QUEUED);
	ck_assert_ptr_eq(event.lock, l[1]);
	ck_assert_uint_eq(event.pos, 2);
	event = server_event(c, ZKLOCK_EVENT_GRANTED);
	ck_assert_ptr_eq(event.lock, l[0]);
	ck_assert_uint_eq(event.token, 71);
	event = server_event(c, ZKLOCK_EVENT_GRANTED);
	ck_assert_ptr_eq(event.lock, l[1]);
	event = server_event(c, ZKLOCK_EVENT_LOST);
	ck_assert_ptr_eq(event.lock, l[1]);
	ck_assert(!zklock_is_held(l[1]));
	ck_assert(zklock_is_held(l[0]));
	ck_assert_int_eq(zklock_release_all(l, 2), ZKLOCK_E_LOST);
	server_end(&s, c);
}
END_TEST

static void both_fail(zklock_client *c, zklock_lock **l, int error)
{
	struct zklock_event event;

	for (int i = 0; i < 2; i++) {
		event = server_event(c, ZKLOCK_EVENT_FAILED);
		ck_assert_ptr_eq(event.lock, l[i]);
		ck_assert_int_eq(event.error, error);
	}
	ck_assert_int_eq(zklock_next_event(c, &event), 0);
}

START_TEST(calling_off_one_calls_off_all)
{
	zklock_client *c = server_begin(
	    &s,
	    HELLO "<1 LOCK b a\n>1 QUEUED a id=@5 pos=1\n"
		  "<2 CANCEL #\n>2 OK\n>1 ERR CANCELLED name=a :off\n",
	    _i);
	zklock_lock *l[2];

	ck_assert_int_eq(zklock_acquire_all_async(c, b_a, 2, NULL, l), 0);
	(void)server_event(c, ZKLOCK_EVENT_QUEUED);
	ck_assert_int_eq(zklock_cancel(l[0]), ZKLOCK_OK);
	ck_assert_int_eq(zklock_cancel(l[1]), ZKLOCK_OK); /* said already */
	both_fail(c, l, ZKLOCK_E_CANCELLED);
	server_end(&s, c);
}
END_TEST

START_TEST(a_grant_that_was_faster_goes_back_whole)
{
	zklock_client *c = server_begin(
	    &s,
	    HELLO "<1 LOCK b a\n<2 CANCEL #\n>2 ERR NOTFOUND :late\n" ALL(
		"1") "<3 UNLOCK @6 token=71\n<4 UNLOCK @5 token=70\n",
	    _i);
	zklock_lock *l[2];

	ck_assert_int_eq(zklock_acquire_all_async(c, b_a, 2, NULL, l), 0);
	ck_assert_int_eq(zklock_cancel(l[1]), ZKLOCK_OK);
	both_fail(c, l, ZKLOCK_E_CANCELLED);
	server_end(&s, c);
}
END_TEST

/* Read, and not yet told. */
START_TEST(a_grant_that_nobody_saw_goes_back_whole)
{
	zklock_client *c = server_begin(
	    &s,
	    HELLO "<1 LOCK b a\n" ALL("1") "<2 UNLOCK @5 token=70\n"
					   "<3 UNLOCK @6 token=71\n"
					   ">2 RELEASED a id=@5\n"
					   ">3 RELEASED b id=@6\n",
	    _i);
	zklock_lock *l[2];

	ck_assert_int_eq(zklock_acquire_all_async(c, b_a, 2, NULL, l), 0);
	while (!zklock_is_held(l[1]))
		ck_assert_int_ge(zklock_process(c), 0);
	ck_assert_int_eq(zklock_cancel(l[1]), ZKLOCK_OK);
	ck_assert(!zklock_is_held(l[0]));
	zklock_lock *turned[2] = { l[1], l[0] }; /* as they were given back */
	both_fail(c, turned, ZKLOCK_E_CANCELLED);
	server_end(&s, c);
}
END_TEST

START_TEST(a_grant_that_is_over_is_none)
{
	zklock_client *c =
	    server_begin(&s,
			 HELLO "<1 LOCK b a\n" ALL("1") "<2 UNLOCK @6\n"
							"<3 UNLOCK @5\n"
							"<4 LOCK b a\n"
							">4 ERR LOST "
							"name=a :over\n",
			 _i);
	zklock_lock *l[2] = { NULL, NULL };

	server_page(&s, 4, server_now_ms() + 9000); /* another session */
	ck_assert_int_eq(zklock_acquire_all(c, b_a, 2, NULL, l), ZKLOCK_E_LOST);
	ck_assert_int_eq(zklock_acquire_all(c, b_a, 2, NULL, l), ZKLOCK_E_LOST);
	ck_assert_ptr_null(l[0]);
	server_end(&s, c);
}
END_TEST

/* Some of them is not all of them. */
START_TEST(a_grant_without_a_row_is_no_grant)
{
	zklock_client *c =
	    server_begin(&s,
			 HELLO "<1 LOCK b a\n"
			       ">1 - a id=@5 token=70\n" FINAL("1"),
			 _i);
	zklock_lock *l[2] = { NULL, NULL };

	ck_assert_int_eq(zklock_acquire_all(c, b_a, 2, NULL, l),
			 ZKLOCK_E_PROTOCOL);
	ck_assert_ptr_null(l[0]);
	server_end(&s, c);
}
END_TEST

START_TEST(what_comes_after_the_last_moment_goes_back)
{
	zklock_client *c = server_begin(
	    &s,
	    HELLO "<1 LOCK b a wait=1ms\n"
		  "<2 CANCEL #\n<3 PING\n" ALL("1") "<4 UNLOCK @6\n"
						    "<5 UNLOCK @5 token=70\n"
						    ">3 OK\n",
	    _i);
	struct zklock_lock_options options = ZKLOCK_LOCK_OPTIONS_INIT;
	zklock_lock *l[2];

	options.wait_ms = 1; /* and reply_timeout_ms */
	ck_assert_int_eq(zklock_acquire_all(c, b_a, 2, &options, l),
			 ZKLOCK_E_TIMEOUT);
	ck_assert_int_eq(zklock_command(c, "PING", NULL, NULL), ZKLOCK_OK);
	server_end(&s, c);
}
END_TEST

START_TEST(what_cannot_be_asked_is_not_sent)
{
	static const char *const twice[] = { "a", "b", "a" };
	static const char *const bad[] = { "a", "-b" };
	static const char *const hole[] = { "a", NULL };
	zklock_client *c = server_begin(&s,
					HELLO "<1 LOCK a\n"
					      ">1 ERR DRAINING :bye\n",
					false);
	struct zklock_lock_options options = ZKLOCK_LOCK_OPTIONS_INIT;
	zklock_lock *l[ZKLOCK_NAMES_MAX + 1] = { NULL };

	options.mode = ZKLOCK_MODE_SHARED;
	ck_assert_int_eq(zklock_acquire_all(c, b_a, 2, &options, l),
			 ZKLOCK_E_INVAL);
	options.mode = ZKLOCK_MODE_EXCLUSIVE;
	options.slots = 2;
	ck_assert_int_eq(zklock_acquire_all(c, b_a, 2, &options, l),
			 ZKLOCK_E_INVAL);
	ck_assert_int_eq(zklock_acquire_all(c, b_a, 0, NULL, l),
			 ZKLOCK_E_INVAL);
	ck_assert_int_eq(
	    zklock_acquire_all(c, b_a, ZKLOCK_NAMES_MAX + 1, NULL, l),
	    ZKLOCK_E_INVAL);
	ck_assert_int_eq(zklock_acquire_all(c, twice, 3, NULL, l),
			 ZKLOCK_E_INVAL);
	ck_assert_int_eq(zklock_acquire_all(c, bad, 2, NULL, l), ZKLOCK_E_NAME);
	ck_assert_int_eq(zklock_acquire_all(c, hole, 2, NULL, l),
			 ZKLOCK_E_INVAL);
	ck_assert_int_eq(zklock_acquire_all(c, twice, 1, NULL, l),
			 ZKLOCK_E_DRAINING); /* one is one */
	ck_assert_int_eq(zklock_release_all(l, ZKLOCK_NAMES_MAX + 1),
			 ZKLOCK_E_INVAL);
	server_end(&s, c);
}
END_TEST

START_TEST(a_forked_child_has_none_of_them)
{
	zklock_client *c =
	    server_begin(&s, HELLO "<1 LOCK b a\n" ALL("1"), false);
	zklock_lock *l[2];
	int status = 0;
	pid_t pid;

	ck_assert_int_eq(zklock_acquire_all(c, b_a, 2, NULL, l), ZKLOCK_OK);
	pid = fork();
	if (pid == 0)
		_exit(zklock_is_held(l[0]) || zklock_is_held(l[1]) ||
		      zklock_acquire_all(c, b_a, 2, NULL, l) !=
			  ZKLOCK_E_FORKED ||
		      zklock_release_acquire(l, NULL, NULL, NULL) !=
			  ZKLOCK_E_FORKED ||
		      zklock_release_all(l, 2) != ZKLOCK_E_FORKED);
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert(zklock_is_held(l[0]));
	server_end(&s, c);
}
END_TEST

START_TEST(the_private_thread_does_the_same)
{
	zklock_client *c;
	zklock_lock *l[2];
	int released = 1;

	server_start(&s, -1,
		     HELLO "<1 LOCK b a\n" ALL(
			 "1") "<2 UNLOCK @5 token=70\n>2 RELEASED a id=@5\n"
			      "<3 UNLOCK @6 token=71\n&\n<4 LOCK foo\n"
			      ">3 RELEASED b id=@6\n" ONE("4", "8") "<5 "
								    "UNLOCK "
								    "@8\n"
								    ">5 "
								    "RELEASED "
								    "foo\n",
		     _i);
	server_page(&s, 3, server_now_ms() + 9000);
	c = server_client(&s, ZKLOCK_F_THREAD);
	ck_assert_int_eq(zklock_acquire_all(c, b_a, 2, NULL, l), ZKLOCK_OK);
	ck_assert(zklock_is_held(l[0]) && zklock_is_held(l[1]));
	ck_assert_int_eq(zklock_release(l[1]), ZKLOCK_OK);
	l[1] = NULL;
	ck_assert_int_eq(zklock_release_acquire(&l[0], "foo", NULL, &released),
			 ZKLOCK_OK);
	ck_assert_int_eq(released, ZKLOCK_OK);
	ck_assert_uint_eq(zklock_token(l[0]), 8);
	ck_assert_int_eq(zklock_release_all(l, 2), ZKLOCK_OK);
	server_end(&s, c);
}
END_TEST

/* ------------------------------------------------------------ the next -- */

START_TEST(the_next_is_asked_for_in_the_same_write)
{
	zklock_client *c = server_begin(
	    &s,
	    HELLO "<1 LOCK foo\n" ONE(
		"1", "5") "<2 UNLOCK @5 token=5\n&\n<3 LOCK foo wait=900ms\n"
			  ">2 RELEASED foo id=@5 held_ms=1\n" ONE("3", "6"),
	    _i);
	struct zklock_lock_options options = ZKLOCK_LOCK_OPTIONS_INIT;
	int released = 1;
	zklock_lock *l;

	options.wait_ms = 900;
	ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &l), ZKLOCK_OK);
	ck_assert_int_eq(zklock_release_acquire(&l, NULL, &options, &released),
			 ZKLOCK_OK);
	ck_assert_int_eq(released, ZKLOCK_OK);
	ck_assert_uint_eq(zklock_token(l), 6);
	ck_assert(zklock_is_held(l));
	server_end(&s, c);
}
END_TEST

START_TEST(both_answers_are_told)
{
	zklock_client *c = server_begin(
	    &s,
	    HELLO "<1 LOCK foo\n" ONE("1", "5") "<2 UNLOCK @5\n<3 LOCK bar\n"
						">2 ERR LOST name=foo :over\n"
						">3 GRANTED bar id=@6 token=6"
						" mode=x gen=3 until_ms=%+4000"
						" valid_ms=1 waited_ms=0"
						" node=\"\"\n"
						"<4 UNLOCK @6\n<5 TRYLOCK foo\n"
						">5 ERR BUSY name=foo :held\n"
						">4 RELEASED bar id=@6\n",
	    _i);
	struct zklock_lock_options options = ZKLOCK_LOCK_OPTIONS_INIT;
	int released = 1;
	zklock_lock *l;

	ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &l), ZKLOCK_OK);
	ck_assert_int_eq(zklock_release_acquire(&l, "bar", NULL, &released),
			 ZKLOCK_OK);
	ck_assert_int_eq(released, ZKLOCK_E_LOST);
	ck_assert_str_eq(zklock_name(l), "bar");
	options.wait_ms = 0;
	ck_assert_int_eq(zklock_release_acquire(&l, "foo", &options, &released),
			 ZKLOCK_E_BUSY);
	ck_assert_int_eq(released, ZKLOCK_OK);
	ck_assert_ptr_null(l);
	server_end(&s, c);
}
END_TEST

START_TEST(after_a_loss_only_the_next_is_asked_for)
{
	zklock_client *c = server_begin(
	    &s,
	    HELLO "<1 LOCK foo\n" ONE(
		"1", "5") "= * LOST foo id=@5 token=5 reason=deleted\n"
			  "<2 LOCK foo\n" ONE("2", "6"),
	    _i);
	int released = 1;
	zklock_lock *l;

	ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &l), ZKLOCK_OK);
	(void)server_event(c, ZKLOCK_EVENT_LOST);
	ck_assert_int_eq(zklock_release_acquire(&l, NULL, NULL, &released),
			 ZKLOCK_OK);
	ck_assert_int_eq(released, ZKLOCK_E_LOST);
	ck_assert_uint_eq(zklock_token(l), 6);
	server_end(&s, c);
}
END_TEST

START_TEST(a_bad_wish_keeps_the_hold)
{
	zklock_client *c = server_begin(
	    &s, HELLO "<1 LOCK foo\n" ONE("1", "5") "<2 LOCK bar\n", _i);
	zklock_lock *none = NULL;
	zklock_lock *waits;
	int released = 1;
	zklock_lock *l;

	ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &l), ZKLOCK_OK);
	ck_assert_int_eq(zklock_release_acquire(&l, "-a", NULL, &released),
			 ZKLOCK_E_NAME);
	ck_assert_int_eq(released, 1);
	ck_assert(zklock_is_held(l));
	ck_assert_int_eq(zklock_release_acquire(&none, "a", NULL, NULL),
			 ZKLOCK_E_INVAL);
	ck_assert_int_eq(zklock_acquire_async(c, "bar", NULL, &waits), 0);
	ck_assert_int_eq(zklock_release_acquire(&waits, "a", NULL, NULL),
			 ZKLOCK_E_INVAL); /* it is not a hold */
	ck_assert_ptr_nonnull(waits);
	server_end(&s, c);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client_several");
	TCase *tc = tcase_create("scripts");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, all_of_them_in_the_order_of_asking, 0, 2);
	tcase_add_loop_test(tc, one_refusal_is_of_all, 0, 2);
	tcase_add_loop_test(tc, one_may_be_lost_and_the_other_stays, 0, 2);
	tcase_add_loop_test(tc, calling_off_one_calls_off_all, 0, 2);
	tcase_add_loop_test(tc, a_grant_that_was_faster_goes_back_whole, 0, 2);
	tcase_add_loop_test(tc, a_grant_that_nobody_saw_goes_back_whole, 0, 2);
	tcase_add_loop_test(tc, a_grant_that_is_over_is_none, 0, 2);
	tcase_add_loop_test(tc, a_grant_without_a_row_is_no_grant, 0, 2);
	tcase_add_loop_test(tc, what_comes_after_the_last_moment_goes_back, 0,
			    1);
	tcase_add_test(tc, what_cannot_be_asked_is_not_sent);
	tcase_add_test(tc, a_forked_child_has_none_of_them);
	tcase_add_loop_test(tc, the_private_thread_does_the_same, 0, 2);
	tcase_add_loop_test(tc, the_next_is_asked_for_in_the_same_write, 0, 2);
	tcase_add_loop_test(tc, both_answers_are_told, 0, 2);
	tcase_add_loop_test(tc, after_a_loss_only_the_next_is_asked_for, 0, 2);
	tcase_add_loop_test(tc, a_bad_wish_keeps_the_hold, 0, 2);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
