/* SPDX-License-Identifier: MIT */
/* The library over more than one connection: zklock_reconnect(), alone and
 * with several threads; over a scripted daemon. */
#include "client_server.h"

#define GRANT(tag, name, id)                             \
	">" tag " GRANTED " name " id=@" id " token=" id \
	" mode=x gen=3 until_ms=%+4000 valid_ms=4000"    \
	" waited_ms=7 node=\"\"\n"

static struct server s;

START_TEST(reconnect_is_never_silent)
{
	struct zklock_info info = ZKLOCK_INFO_INIT;
	zklock_client *c;
	zklock_lock *old, *new;

	server_start(
	    &s, -1,
	    HELLO "<1 LOCK foo\n" GRANT(
		"1", "foo",
		"12") "+\n" HELLO
		      "<1 LOCK foo\n" GRANT(
			  "1", "foo",
			  "44") "<1 UNLOCK @44\n>1 RELEASED foo id=@44\n",
	    _i);
	server_page(&s, 3, server_now_ms() + 9000);
	c = server_client(&s, (unsigned)_i * ZKLOCK_F_THREAD);
	ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &old), ZKLOCK_OK);
	ck_assert_int_eq(zklock_reconnect(c), ZKLOCK_OK);
	ck_assert(!zklock_is_held(old));
	ck_assert_ptr_eq(server_event(c, ZKLOCK_EVENT_LOST).lock, old);
	(void)server_event(c, ZKLOCK_EVENT_CLOSED);
	ck_assert_int_eq(zklock_info(c, &info), ZKLOCK_OK);
	ck_assert_int_eq(info.state, ZKLOCK_STATE_CONNECTED);
	ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &new), ZKLOCK_OK);
	ck_assert(zklock_is_held(new) && !zklock_is_held(old));
	ck_assert_int_eq(zklock_release(old), ZKLOCK_E_DISCONNECTED);
	ck_assert_int_eq(zklock_release(new), ZKLOCK_OK);
	server_end(&s, c);
}
END_TEST

/* The next daemon counts from the beginning again: what it says of @12 is
 * about the hold that it granted, and not about the lost one of that number. */
START_TEST(an_id_is_that_of_its_connection)
{
	struct zklock_event ev;
	zklock_client *c;
	zklock_lock *old, *new, *adopted;

	c = server_begin(
	    &s,
	    HELLO
	    "<1 LOCK a\n" GRANT("1", "a", "12") "+\n" HELLO "<1 LOCK b\n" GRANT(
		"1", "b",
		"12") "<1 PING\n= * REVOKE b id=@12 by=x grace_ms=2000 "
		      "max_until_ms=%+2000\n>1 OK\n"
		      "<1 PING\n= * LOST b id=@12 reason=kicked\n>1 OK\n"
		      "+\n" HELLO "<1 CHECK c\n"
		      ">1 OK held=1 id=@12 token=99 gen=3 until_ms=%+4000\n",
	    _i);
	ck_assert_int_eq(zklock_acquire(c, "a", NULL, &old), ZKLOCK_OK);
	ck_assert_int_eq(zklock_reconnect(c), ZKLOCK_OK);
	(void)server_event(c, ZKLOCK_EVENT_LOST);
	(void)server_event(c, ZKLOCK_EVENT_CLOSED);
	ck_assert_int_eq(zklock_acquire(c, "b", NULL, &new), ZKLOCK_OK);
	ck_assert_uint_eq(zklock_id(new), zklock_id(old));
	ck_assert_int_eq(zklock_command(c, "PING", NULL, NULL), ZKLOCK_OK);
	ck_assert_int_le(zklock_valid_ms(new), 2000);
	ev = server_event(c, ZKLOCK_EVENT_REVOKE);
	ck_assert_ptr_eq(ev.lock, new);
	ck_assert_int_eq(zklock_command(c, "PING", NULL, NULL), ZKLOCK_OK);
	ck_assert(!zklock_is_held(new));
	ev = server_event(c, ZKLOCK_EVENT_LOST);
	ck_assert_ptr_eq(ev.lock, new);
	ck_assert_int_eq(ev.reason, ZKLOCK_REASON_KICKED);
	ck_assert_int_eq(zklock_reconnect(c), ZKLOCK_OK);
	ck_assert_int_eq(zklock_adopt(c, "c", &adopted), ZKLOCK_OK);
	ck_assert(zklock_is_held(adopted));
	ck_assert_int_eq(zklock_release(old), ZKLOCK_E_DISCONNECTED);
	ck_assert_int_eq(zklock_release(new), ZKLOCK_E_LOST);
	server_end(&s, c);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client_again");
	TCase *tc = tcase_create("again");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, reconnect_is_never_silent, 0, 2);
	tcase_add_loop_test(tc, an_id_is_that_of_its_connection, 0, 2);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
