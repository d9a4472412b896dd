/* SPDX-License-Identifier: MIT */
/* libzklock and modes: what is asked for, what is had, and the downgrade. */
#include "client_server.h"

#define GRANT(tag, id, mode)                                      \
	">" tag " GRANTED foo id=@" id " token=" id " mode=" mode \
	" gen=3 until_ms=%+4000"                                  \
	" valid_ms=4000 waited_ms=0 node=\"\"\n"

static struct server s;

START_TEST(shared_is_asked_for_and_told)
{
	struct zklock_lock_options options = ZKLOCK_LOCK_OPTIONS_INIT;
	zklock_client *c;
	zklock_lock *l;

	c = server_begin(&s,
			 HELLO "<1 LOCK foo mode=s\n" GRANT(
			     "1", "5", "s") "<2 UNLOCK @5 token=5\n"
					    ">2 RELEASED foo id=@5 held_ms=1\n"
					    "<3 TRYLOCK foo mode=s\n"
					    ">3 ERR BUSY name=foo :held\n",
			 _i);
	options.mode = ZKLOCK_MODE_SHARED;
	ck_assert_int_eq(zklock_acquire(c, "foo", &options, &l), ZKLOCK_OK);
	ck_assert_int_eq(zklock_lock_mode(l), ZKLOCK_MODE_SHARED);
	ck_assert_int_eq(zklock_downgrade(NULL), ZKLOCK_E_INVAL);
	ck_assert_int_eq(zklock_release(l), ZKLOCK_OK);
	options.wait_ms = 0;
	ck_assert_int_eq(zklock_acquire(c, "foo", &options, &l), ZKLOCK_E_BUSY);
	server_end(&s, c);
}
END_TEST

START_TEST(a_downgrade_keeps_the_hold)
{
	zklock_client *c;
	zklock_lock *l;

	c = server_begin(
	    &s,
	    HELLO "<1 LOCK foo\n" GRANT(
		"1", "5",
		"x") "<2 DOWNGRADE @5 token=5\n"
		     ">2 ERR SUSPENDED :not now\n"
		     "<3 DOWNGRADE @5 token=5\n"
		     ">3 OK foo id=@5 mode=s token=5\n"
		     "<4 DOWNGRADE @5 token=5\n"
		     ">4 ERR LOST name=foo id=@5 reason=deleted :gone\n",
	    _i);
	ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &l), ZKLOCK_OK);
	ck_assert_int_eq(zklock_lock_mode(l), ZKLOCK_MODE_EXCLUSIVE);
	ck_assert_int_eq(zklock_downgrade(l), ZKLOCK_E_SUSPENDED);
	ck_assert_int_eq(zklock_lock_mode(l), ZKLOCK_MODE_EXCLUSIVE);
	ck_assert_int_eq(zklock_downgrade(l), ZKLOCK_OK);
	ck_assert_int_eq(zklock_lock_mode(l), ZKLOCK_MODE_SHARED);
	ck_assert(zklock_is_held(l));
	ck_assert_uint_eq(zklock_token(l), 5);
	ck_assert_int_eq(zklock_downgrade(l), ZKLOCK_E_LOST);
	server_end(&s, c);
}
END_TEST

/* A hold that is taken over is what it is. */
START_TEST(an_adopted_hold_has_its_mode)
{
	zklock_client *c;
	zklock_lock *l;

	c = server_begin(&s,
			 HELLO "<1 CHECK foo\n"
			       ">1 OK held=1 id=@5 token=5 mode=s gen=3"
			       " until_ms=%+4000 valid_ms=4000\n",
			 _i);
	ck_assert_int_eq(zklock_adopt(c, "foo", &l), ZKLOCK_OK);
	ck_assert_int_eq(zklock_lock_mode(l), ZKLOCK_MODE_SHARED);
	server_end(&s, c);
}
END_TEST

START_TEST(there_are_two_modes)
{
	struct zklock_lock_options options = ZKLOCK_LOCK_OPTIONS_INIT;
	zklock_client *c;
	zklock_lock *l;

	server_start(&s, -1, HELLO, false);
	c = server_client(&s, 0);
	options.mode = (enum zklock_mode)2;
	ck_assert_int_eq(zklock_acquire(c, "foo", &options, &l),
			 ZKLOCK_E_INVAL);
	server_end(&s, c);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client_mode");
	TCase *tc = tcase_create("scripts");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tc, shared_is_asked_for_and_told, 0, 2);
	tcase_add_loop_test(tc, a_downgrade_keeps_the_hold, 0, 2);
	tcase_add_loop_test(tc, an_adopted_hold_has_its_mode, 0, 2);
	tcase_add_test(tc, there_are_two_modes);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
