/* SPDX-License-Identifier: MIT */
/* libzklock and what others want: WAIT, WATCH, WANTED, REVOKE, and holds that
 * end by themselves; and zklock_with().  Over a scripted daemon. */
#include "client_server.h"

#define GRANT(tag, more)                                  \
	">" tag " GRANTED foo id=@5 token=5 mode=x gen=3" \
	" until_ms=%+4000 valid_ms=4000 waited_ms=0" more " node=\"\"\n"

static struct server s;

static struct zklock_event next(zklock_client *c, const char *word)
{
	struct zklock_event event = ZKLOCK_EVENT_INIT;
	int got;

	while ((got = zklock_next_event(c, &event)) == 0)
		ck_assert_int_ge(zklock_poll(c, SERVER_WAIT_MS), 0);
	ck_assert_int_eq(got, 1);
	ck_assert_str_eq(zklock_strevent(event.type), word);
	return event;
}

/* What the options say is what is asked for. */
START_TEST(options_become_keys)
{
	struct zklock_lock_options options = ZKLOCK_LOCK_OPTIONS_INIT;
	zklock_client *c;
	zklock_lock *l;

	c = server_begin(&s,
			 HELLO
			 "<1 LOCK foo\n? max_hold=5000ms\n? min_hold=20ms\n"
			 "? wanted=1\n" GRANT("1", " max_until_ms=%+5000"),
			 _i);
	options.max_hold_ms = 5000;
	options.min_hold_ms = 20;
	options.wanted = true;
	ck_assert_int_eq(zklock_acquire(c, "foo", &options, &l), ZKLOCK_OK);
	ck_assert_int_le(zklock_valid_ms(l), 5000);
	ck_assert_int_le(zklock_max_until_ms(l), server_now_ms() + 5000);
	ck_assert_int_gt(zklock_max_until_ms(l), server_now_ms());
	options.min_hold_ms = ZKLOCK_MIN_HOLD_MAX_MS + 1;
	ck_assert_int_eq(zklock_acquire(c, "bar", &options, &l),
			 ZKLOCK_E_INVAL);
	options.min_hold_ms = -1;
	ck_assert_int_eq(zklock_acquire(c, "bar", &options, &l),
			 ZKLOCK_E_INVAL);
	options.min_hold_ms = 0;
	options.max_hold_ms = -1;
	ck_assert_int_eq(zklock_acquire(c, "bar", &options, &l),
			 ZKLOCK_E_INVAL);
	server_end(&s, c);
}
END_TEST

/* WANTED and a REVOKE that only asks change nothing; events of holds that are
 * not ours are passed over. */
START_TEST(being_asked_is_only_news)
{
	struct zklock_event ev;
	zklock_client *c;
	zklock_lock *l;

	c = server_begin(
	    &s,
	    HELLO "<1 LOCK foo\n" GRANT(
		"1", "") "= * WANTED foo id=@5 "
			 "waiters=3\n"
			 "= * WANTED foo id=@6 "
			 "waiters=3\n"
			 "= * REVOKE foo id=@5 "
			 "by=\"db1 pid=7 x\" "
			 "reason=\"disk full\"\n"
			 "= * REVOKE foo id=@6 by=x\n<2 PING\n>2 OK\n",
	    _i);
	ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &l), ZKLOCK_OK);
	ck_assert_int_eq(zklock_max_until_ms(l), 0);
	ev = next(c, "WANTED");
	ck_assert_ptr_eq(ev.lock, l);
	ck_assert_uint_eq(ev.pos, 3);
	ev = next(c, "REVOKE");
	ck_assert_ptr_eq(ev.lock, l);
	ck_assert_str_eq(ev.holder, "db1 pid=7 x");
	ck_assert_str_eq(ev.text, "disk full");
	ck_assert_int_eq(ev.until_ms, 0);
	ck_assert(zklock_is_held(l));
	ck_assert_int_gt(zklock_valid_ms(l), 4000);
	ck_assert_int_eq(zklock_command(c, "PING", NULL, NULL), ZKLOCK_OK);
	server_end(&s, c);
}
END_TEST

/* A REVOKE with max_until_ms ends the hold then, whether LOST comes or not,
 * and never later than was known before. */
START_TEST(what_is_taken_away_ends_by_our_own_clock)
{
	struct zklock_event ev;
	zklock_client *c;
	zklock_lock *l;

	c = server_begin(
	    &s,
	    HELLO "<1 LOCK foo\n" GRANT(
		"1", " max_until_ms=%+5000") "= * REVOKE foo id=@5 "
					     "by=x grace_ms=9000 "
					     "max_until_ms=%+9000\n"
					     "<2 PING\n>2 OK\n"
					     "= * REVOKE foo id=@5 "
					     "by=x grace_ms=1500 "
					     "max_until_ms=%+1500\n.\n",
	    _i);
	ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &l), ZKLOCK_OK);
	(void)next(c, "REVOKE");
	ck_assert_int_le(zklock_valid_ms(l), 5000);
	ck_assert_int_eq(zklock_command(c, "PING", NULL, NULL), ZKLOCK_OK);
	ev = next(c, "REVOKE");
	ck_assert_int_le(zklock_valid_ms(l), 1500);
	ck_assert_int_eq(ev.grace_ms, 1500);
	ck_assert_int_ge(ev.until_ms, server_now_ms());
	ev = next(c, "LOST");
	ck_assert_int_eq(ev.reason, ZKLOCK_REASON_KICKED);
	ck_assert(!zklock_is_held(l));
	server_go(&s);
	server_end(&s, c);
}
END_TEST

/* A hold that is taken away alone leaves the page as it is: the line counts,
 * from when it was read, as the header says. */
START_TEST(what_only_a_line_says_counts_once_it_was_read)
{
	struct pollfd p = { .events = POLLIN };
	zklock_client *c;
	zklock_lock *l;

	c = server_begin(
	    &s,
	    HELLO "<1 LOCK foo\n" GRANT(
		"1", "") ".\n= * LOST foo id=@5 token=5 reason=deleted\n.\n",
	    _i);
	ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &l), ZKLOCK_OK);
	p.fd = zklock_get_fd(c);
	server_go(&s);
	ck_assert_int_eq(poll(&p, 1, SERVER_WAIT_MS), 1);
	ck_assert(zklock_is_held(l));
	while (zklock_is_held(l)) {
		ck_assert_int_eq(poll(&p, 1, SERVER_WAIT_MS), 1);
		ck_assert_int_ge(zklock_process(c), 0);
	}
	ck_assert_int_eq(next(c, "LOST").reason, ZKLOCK_REASON_DELETED);
	server_go(&s);
	server_end(&s, c);
}
END_TEST

/* The longest hold is over: said by the library when the daemon is late. */
START_TEST(the_longest_hold_ends_by_our_own_clock)
{
	struct zklock_event ev;
	zklock_client *c;
	zklock_lock *l;

	c = server_begin(
	    &s, HELLO "<1 LOCK foo\n" GRANT("1", " max_until_ms=%+1500") ".\n",
	    _i);
	ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &l), ZKLOCK_OK);
	ev = next(c, "LOST");
	ck_assert_int_eq(ev.reason, ZKLOCK_REASON_MAX_HOLD);
	ck_assert_int_eq(zklock_release(l), ZKLOCK_E_LOST);
	server_go(&s);
	server_end(&s, c);
}
END_TEST

START_TEST(a_free_lock_is_waited_for)
{
	struct zklock_options options = ZKLOCK_OPTIONS_INIT;
	zklock_client *c;

	server_start(&s, -1,
		     HELLO "<1 WAIT foo\n>1 QUEUED foo id=@7 pos=2 holder=x\n"
			   ">1 FREE foo id=@7 waited_ms=3\n"
			   "<2 WAIT foo wait=0ms\n"
			   ">2 ERR BUSY name=foo holder=\"db2 pid=1 y\" :no\n"
			   "<3 WAIT foo wait=20ms\n>3 ERR TIMEOUT name=foo\n"
			   "<4 WAIT foo wait=1ms\n<5 CANCEL #\n"
			   ">5 OK\n>4 ERR CANCELLED name=foo\n<6 PING\n>6 OK\n",
		     _i);
	options.socket = s.path;
	options.reply_timeout_ms = 1500;
	ck_assert_int_eq(zklock_open(&c, &options), ZKLOCK_OK);
	ck_assert_int_eq(zklock_wait_free(c, "foo", ZKLOCK_WAIT_FOREVER),
			 ZKLOCK_OK);
	ck_assert_int_eq(zklock_wait_free(c, "foo", 0), ZKLOCK_E_BUSY);
	ck_assert_ptr_nonnull(strstr(zklock_errmsg(c), "db2 pid=1 y"));
	ck_assert_int_eq(zklock_wait_free(c, "foo", 20), ZKLOCK_E_TIMEOUT);
	/* No answer at all: it is called off, and the client goes on. */
	ck_assert_int_eq(zklock_wait_free(c, "foo", 1), ZKLOCK_E_NOREPLY);
	ck_assert_int_eq(zklock_command(c, "PING", NULL, NULL), ZKLOCK_OK);
	ck_assert_int_eq(zklock_wait_free(c, "a b", 0), ZKLOCK_E_NAME);
	ck_assert_int_eq(zklock_wait_free(c, NULL, 0), ZKLOCK_E_INVAL);
	ck_assert_int_eq(zklock_wait_free(c, "foo", -2), ZKLOCK_E_INVAL);
	server_end(&s, c);
}
END_TEST

struct heard {
	char text[512];
	unsigned lines;
	unsigned until; /* the answer that ends the calls */
};

static int hear(enum zklock_line kind, const char *line, void *userdata)
{
	struct heard *heard = userdata;
	size_t len = strlen(heard->text);

	ck_assert_int_eq(kind, ZKLOCK_LINE_EVENT);
	(void)snprintf(heard->text + len, sizeof heard->text - len, "%s|",
		       line);
	return ++heard->lines == heard->until;
}

/* News are handed over as they come, between other things, until we have
 * heard enough or say so. */
START_TEST(news_are_handed_over)
{
	struct heard heard = { .until = 3 };
	zklock_client *c;

	server_start(&s, -1,
		     HELLO "<1 WATCH f*\n= * HELD foo id=@1 holder=\"a b\"\n"
			   ">1 OK\n<2 PING\n= * QUEUE foo waiters=1\n"
			   "= * NEWS of=tomorrow\n= * DROPPED 4\n"
			   "= * FREED foo id=@1\n>2 OK\n"
			   "<3 UNWATCH\n>3 OK\n"
			   "<4 WATCH\n>4 ERR LIMIT which=watchers :no\n"
			   "<5 PING\n= * HELD foo id=@2\n>5 OK\n",
		     _i);
	c = server_client(&s, 0);
	ck_assert_int_eq(zklock_watch(c, "f*", hear, &heard), ZKLOCK_OK);
	ck_assert_int_eq(zklock_command(c, "PING", NULL, NULL), ZKLOCK_OK);
	ck_assert_str_eq(heard.text, "HELD foo id=@1 holder=\"a b\"|"
				     "QUEUE foo waiters=1|DROPPED 4|");
	ck_assert_int_eq(zklock_watch(c, NULL, NULL, NULL), ZKLOCK_OK);
	ck_assert_int_eq(zklock_watch(c, NULL, hear, &heard), ZKLOCK_E_LIMIT);
	ck_assert_int_eq(zklock_command(c, "PING", NULL, NULL), ZKLOCK_OK);
	ck_assert_uint_eq(heard.lines, 3);
	server_end(&s, c);
}
END_TEST

/* ----------------------------------------------------------------- with -- */

static int add(zklock_lock *lock, void *userdata)
{
	ck_assert(zklock_is_held(lock));
	return ++*(int *)userdata;
}

START_TEST(with_releases_and_tells_of_a_loss)
{
	zklock_client *c;
	int n = 0;

	c = server_begin(
	    &s,
	    HELLO "<1 LOCK foo\n" GRANT(
		"1", "") "<1 UNLOCK @5\n>1 RELEASED foo id=@5 held_ms=1\n"
			 "<1 LOCK foo\n" GRANT(
			     "1",
			     "") "<1 UNLOCK @5\n"
				 ">1 ERR LOST name=foo id=@5 reason=deadline\n"
				 "<1 LOCK foo\n>1 ERR DENIED :no\n",
	    _i);
	ck_assert_int_eq(zklock_with(c, "foo", NULL, add, &n), 1);
	ck_assert_int_eq(zklock_with(c, "foo", NULL, add, &n), ZKLOCK_E_LOST);
	ck_assert_int_eq(zklock_with(c, "foo", NULL, add, &n), ZKLOCK_E_DENIED);
	ck_assert_int_eq(n, 2);
	server_end(&s, c);
}
END_TEST

/* Whatever goes wrong, the result says whether it was called. */
START_TEST(with_says_whether_it_was_called)
{
	static const char late[] =
	    ">1 GRANTED foo id=@5 token=5 mode=x gen=3 until_ms=%+-5 "
	    "valid_ms=1 waited_ms=0 node=\"\"\n"
	    "<2 UNLOCK @5\n"; /* nobody waits for its answer */
	static const struct {
		const char *script;
		int result;
		int calls;
	} rows[] = {
		{ late, ZKLOCK_E_NOREPLY, 0 },
		{ "|\n", ZKLOCK_E_DISCONNECTED, 0 },
		{ GRANT("1", "") "<2 UNLOCK @5\n|\n", ZKLOCK_E_LOST, 1 },
		{ GRANT("1", "") "<2 UNLOCK @5\n>2 ERR NOTHELD :x\n",
		  ZKLOCK_E_LOST, 1 },
		{ GRANT("1", "") "<2 UNLOCK @5\n.\n", ZKLOCK_E_LOST, 1 },
	};
	struct zklock_options slow = ZKLOCK_OPTIONS_INIT;
	char script[2000];
	zklock_client *c;

	slow.reply_timeout_ms = 500;
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		int n = 0;

		(void)snprintf(script, sizeof script, "%s<1 LOCK foo\n%s",
			       HELLO_PUSH, rows[i].script);
		server_start(&s, -1, script, false);
		slow.socket = s.path;
		ck_assert_int_eq(zklock_open(&c, &slow), ZKLOCK_OK);
		ck_assert_msg(zklock_with(c, "foo", NULL, add, &n) ==
				  rows[i].result,
			      "row %zu", i);
		ck_assert_int_eq(n, rows[i].calls);
		server_go(&s);
		server_end(&s, c);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client_verbs");
	TCase *tc = tcase_create("verbs");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 60);
	tcase_add_loop_test(tc, options_become_keys, 0, 2);
	tcase_add_loop_test(tc, being_asked_is_only_news, 0, 2);
	tcase_add_loop_test(tc, what_is_taken_away_ends_by_our_own_clock, 0, 2);
	tcase_add_loop_test(tc, what_only_a_line_says_counts_once_it_was_read,
			    0, 2);
	tcase_add_loop_test(tc, the_longest_hold_ends_by_our_own_clock, 0, 2);
	tcase_add_loop_test(tc, a_free_lock_is_waited_for, 0, 2);
	tcase_add_loop_test(tc, news_are_handed_over, 0, 2);
	tcase_add_loop_test(tc, with_releases_and_tells_of_a_loss, 0, 2);
	tcase_add_test(tc, with_says_whether_it_was_called);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
