/* SPDX-License-Identifier: MIT */
/* The library in a program's own loop, in its private thread, and what it
 * believes of deadlines; over a scripted daemon. */
#include <signal.h>
#include <time.h>

#include "client_server.h"

#define GRANT(tag, name, id)                             \
	">" tag " GRANTED " name " id=@" id " token=" id \
	" mode=x gen=3 until_ms=%+4000 valid_ms=4000"    \
	" waited_ms=7 node=\"\"\n"
#define GRANT_FOR(tag, id, span)                           \
	">" tag " GRANTED foo id=@" id " token=" id        \
	" mode=x gen=3 until_ms=%+" span " valid_ms=" span \
	" waited_ms=0 node=\"\"\n"

static struct server s;

/* ------------------------------------------------------------- own loop -- */

/* A loop like any: poll, process, and take the events. */
static struct zklock_event loop_until(zklock_client *c,
				      enum zklock_event_type type)
{
	struct zklock_event event = ZKLOCK_EVENT_INIT;
	struct pollfd p;

	while (zklock_next_event(c, &event) != 1) {
		p.fd = zklock_get_fd(c);
		p.events = (short)zklock_get_events(c);
		ck_assert_int_eq(poll(&p, 1, SERVER_WAIT_MS), 1);
		(void)zklock_process(c);
	}
	ck_assert_str_eq(zklock_strevent(event.type), zklock_strevent(type));
	return event;
}

START_TEST(locks_are_asked_for_and_the_loop_goes_on)
{
	struct zklock_event ev;
	zklock_client *c;
	zklock_lock *a, *b;

	c = server_begin(&s,
			 HELLO "<1 LOCK a\n<2 TRYLOCK b\n"
			       ">1 QUEUED a id=@1 pos=2 holder=\"db2 x\" "
			       "held_ms=5\n"
			       ">2 ERR BUSY name=b holder=db3 :no\n.\n" GRANT(
				   "1", "a", "1") "<3 UNLOCK @1 token=1\n"
						  ">3 RELEASED a id=@1\n",
			 _i);
	ck_assert_int_eq(zklock_acquire_async(c, "a", NULL, &a), ZKLOCK_OK);
	{
		struct zklock_lock_options now = ZKLOCK_LOCK_OPTIONS_INIT;

		now.wait_ms = 0;
		now.userdata = &now;
		ck_assert_int_eq(zklock_acquire_async(c, "b", &now, &b),
				 ZKLOCK_OK);
	}
	ck_assert_int_eq(zklock_release_async(a), ZKLOCK_E_INVAL);
	ev = loop_until(c, ZKLOCK_EVENT_QUEUED);
	ck_assert_ptr_eq(ev.lock, a);
	ck_assert_uint_eq(ev.pos, 2);
	ck_assert_str_eq(ev.holder, "db2 x");
	ck_assert_int_eq(ev.held_ms, 5);
	ck_assert_uint_eq(zklock_id(a), 1);
	ck_assert(!zklock_is_held(a) && zklock_token(a) == 0);
	ev = loop_until(c, ZKLOCK_EVENT_FAILED);
	ck_assert_ptr_eq(ev.lock, b);
	ck_assert_int_eq(ev.error, ZKLOCK_E_BUSY);
	ck_assert_str_eq(ev.holder, "db3");
	ck_assert_str_eq(ev.text, "no");
	ck_assert_str_eq(zklock_name(b), "b"); /* until the next event */
	ck_assert_int_eq(zklock_release(b), ZKLOCK_E_INVAL);
	server_go(&s);
	ev = loop_until(c, ZKLOCK_EVENT_GRANTED);
	ck_assert_uint_eq(ev.token, 1);
	ck_assert_int_eq(ev.waited_ms, 7);
	ck_assert_int_gt(ev.until_ms, server_now_ms() + 5000);
	ck_assert_int_eq(zklock_cancel(a), ZKLOCK_E_HELD);
	ck_assert_int_eq(zklock_release_async(a), ZKLOCK_OK);
	ck_assert(!zklock_is_held(a));
	ck_assert_int_eq(zklock_release_async(a), ZKLOCK_E_INVAL);
	ev = loop_until(c, ZKLOCK_EVENT_RELEASED);
	ck_assert_int_eq(ev.error, ZKLOCK_OK);
	server_end(&s, c);
}
END_TEST

/* However the race ends, a wait called off ends in FAILED and holds
 * nothing. */
START_TEST(a_wait_called_off_is_never_granted)
{
	static const char *const scripts[] = {
		HELLO "<1 LOCK a\n<2 CANCEL #\n>1 ERR CANCELLED :x\n>2 OK\n"
		      "<3 PING\n>3 OK\n",
		HELLO "<1 LOCK a\n<2 CANCEL #\n>2 OK\n>1 ERR CANCELLED :x\n"
		      "<3 PING\n>3 OK\n",
		HELLO "<1 LOCK a\n<2 CANCEL #\n" GRANT(
		    "1", "a", "1") ">2 ERR NOTFOUND :x\n<2 UNLOCK @1 token=1\n"
				   ">2 RELEASED a id=@1\n<3 PING\n>3 OK\n",
	};
	struct zklock_event ev;
	zklock_client *c;
	zklock_lock *a;

	c = server_begin(&s, scripts[_i], false);
	ck_assert_int_eq(zklock_acquire_async(c, "a", NULL, &a), ZKLOCK_OK);
	ck_assert_int_eq(zklock_cancel(a), ZKLOCK_OK);
	ck_assert_int_eq(zklock_cancel(a), ZKLOCK_OK);
	ev = loop_until(c, ZKLOCK_EVENT_FAILED);
	ck_assert_int_eq(ev.error, ZKLOCK_E_CANCELLED);
	ck_assert_ptr_eq(ev.lock, a);
	ck_assert_int_eq(zklock_next_event(c, &ev), 0);
	ck_assert_int_eq(zklock_command(c, "PING", NULL, NULL), ZKLOCK_OK);
	server_end(&s, c);
}
END_TEST

/* Granted, but the program has not looked yet: it may still call it off. */
START_TEST(an_unseen_grant_can_be_called_off)
{
	struct zklock_event ev;
	zklock_client *c;
	zklock_lock *a;

	c = server_begin(
	    &s,
	    HELLO "<1 LOCK a\n" GRANT(
		"1", "a", "1") "<1 PING\n>1 OK\n"
			       "<2 UNLOCK @1 token=1\n>2 RELEASED a id=@1\n",
	    _i);
	ck_assert_int_eq(zklock_acquire_async(c, "a", NULL, &a), ZKLOCK_OK);
	ck_assert_int_eq(zklock_command(c, "PING", NULL, NULL), ZKLOCK_OK);
	ck_assert(zklock_is_held(a));
	ck_assert_int_eq(zklock_cancel(a), ZKLOCK_OK);
	ck_assert(!zklock_is_held(a));
	ev = loop_until(c, ZKLOCK_EVENT_FAILED);
	ck_assert_int_eq(ev.error, ZKLOCK_E_CANCELLED);
	server_end(&s, c);
}
END_TEST

/* And one that was lost again: it ends in FAILED too, and never in a GRANTED
 * behind which nothing is.  One that was seen is to be released. */
START_TEST(an_unseen_grant_that_was_lost_can_be_called_off)
{
	struct zklock_event ev;
	zklock_client *c;
	zklock_lock *a;

	c = server_begin(
	    &s,
	    HELLO "<1 LOCK a\n" GRANT(
		"1", "a",
		"1") "= * LOST a id=@1 reason=expired\n<1 PING\n>1 OK\n"
		     "<1 LOCK a\n" GRANT(
			 "1", "a", "2") "= * LOST a id=@2 reason=expired\n<1 "
					"PING\n>1 OK\n",
	    _i);
	ck_assert_int_eq(zklock_acquire_async(c, "a", NULL, &a), ZKLOCK_OK);
	ck_assert_int_eq(zklock_command(c, "PING", NULL, NULL), ZKLOCK_OK);
	ck_assert_int_eq(zklock_cancel(a), ZKLOCK_OK);
	ev = loop_until(c, ZKLOCK_EVENT_FAILED);
	ck_assert_int_eq(ev.error, ZKLOCK_E_LOST);
	ck_assert_ptr_eq(ev.lock, a);
	ck_assert_int_eq(zklock_acquire_async(c, "a", NULL, &a), ZKLOCK_OK);
	ck_assert_int_eq(zklock_command(c, "PING", NULL, NULL), ZKLOCK_OK);
	(void)loop_until(c, ZKLOCK_EVENT_GRANTED);
	ck_assert_int_eq(zklock_cancel(a), ZKLOCK_E_HELD);
	ck_assert_int_eq(zklock_release(a), ZKLOCK_E_LOST);
	ck_assert_int_eq(zklock_next_event(c, &ev), 0);
	server_end(&s, c);
}
END_TEST

/* zklock_release() of a wait: afterwards the name may be asked for again. */
START_TEST(a_wait_is_released)
{
	zklock_client *c;
	zklock_lock *a;

	c = server_begin(
	    &s,
	    HELLO "<1 LOCK a\n>1 QUEUED a id=@1 pos=1\n"
		  "<2 CANCEL #\n" GRANT(
		      "1", "a", "1") ">2 ERR NOTFOUND :x\n"
				     "<3 UNLOCK @1 token=1\n"
				     "<1 LOCK a\n>3 RELEASED a id=@1\n" GRANT(
					 "1", "a", "2"),
	    _i);
	ck_assert_int_eq(zklock_acquire_async(c, "a", NULL, &a), ZKLOCK_OK);
	(void)loop_until(c, ZKLOCK_EVENT_QUEUED);
	ck_assert_int_eq(zklock_release(a), ZKLOCK_OK);
	ck_assert_int_eq(zklock_acquire(c, "a", NULL, &a), ZKLOCK_OK);
	ck_assert_uint_eq(zklock_token(a), 2);
	server_end(&s, c);
}
END_TEST

#define EVENTS_TEXT 256

static void note_event(const struct zklock_event *event, void *userdata)
{
	char *text = userdata;
	size_t len = strlen(text);

	(void)snprintf(text + len, EVENTS_TEXT - len, "%s ",
		       zklock_strevent(event->type));
	/* Calls are welcome in here. */
	if (event->type == ZKLOCK_EVENT_GRANTED)
		ck_assert_int_eq(zklock_release_async(event->lock), ZKLOCK_OK);
	if (event->type == ZKLOCK_EVENT_RELEASED)
		ck_assert_str_eq(zklock_name(event->lock), "a");
}

START_TEST(events_can_call)
{
	char text[EVENTS_TEXT] = "";
	zklock_client *c;
	zklock_lock *a;

	c = server_begin(
	    &s,
	    HELLO "<1 LOCK a\n" GRANT(
		"1", "a",
		"1") "<2 UNLOCK @1\n>2 RELEASED a id=@1\n"
		     "= * SUSPENDED until_ms=%+100 valid_ms=100\n"
		     "= * RESUMED until_ms=%+900 valid_ms=900\n"
		     "= * DRAINING grace_ms=77\n= * BYE shutdown\n|\n",
	    _i);
	zklock_set_event_cb(c, note_event, text);
	ck_assert_int_eq(zklock_acquire_async(c, "a", NULL, &a), ZKLOCK_OK);
	while (zklock_poll(c, SERVER_WAIT_MS) >= 0)
		;
	ck_assert_str_eq(text,
			 "GRANTED RELEASED SUSPENDED RESUMED DRAINING CLOSED ");
	server_end(&s, c);
}
END_TEST

/* A daemon that does not read costs bounded memory and no time. */
START_TEST(a_deaf_daemon_is_a_limit)
{
	struct zklock_lock_options options = ZKLOCK_LOCK_OPTIONS_INIT;
	char note[ZKLOCK_NOTE_MAX + 1];
	zklock_client *c;
	zklock_lock *l;
	int n = 0;
	int ret;

	server_start(&s, -1, HELLO ".\n", false);
	c = server_client(&s, 0);
	memset(note, 1, sizeof note); /* four bytes each on the wire */
	note[ZKLOCK_NOTE_MAX] = '\0';
	options.note = note;
	while ((ret = zklock_acquire_async(c, "a", &options, &l)) == ZKLOCK_OK)
		n++;
	ck_assert_int_eq(ret, ZKLOCK_E_LIMIT);
	ck_assert_int_gt(n, 200);
	ck_assert_int_eq(zklock_get_events(c), POLLIN | POLLOUT);
	server_go(&s);
	server_end(&s, c);
}
END_TEST

/* -------------------------------------------------------------- deadline -- */

START_TEST(the_page_is_believed_for_its_own_session)
{
	int64_t now_ms;
	zklock_client *c;
	zklock_lock *l;

	server_start(&s, -1, HELLO "<1 LOCK foo\n" GRANT_FOR("1", "1", "4000"),
		     _i);
	now_ms = server_now_ms();
	server_page(&s, 3, now_ms + 3000);
	c = server_client(&s, 0);
	ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &l), ZKLOCK_OK);
	ck_assert_int_eq(zklock_until_ms(l), now_ms + 3000);
	server_page(&s, 3, now_ms + 8000);
	ck_assert_int_eq(zklock_until_ms(l), now_ms + 8000);
	ck_assert(zklock_is_held(l));
	server_page(&s, 3, now_ms); /* pulled in, as at a shutdown */
	ck_assert(!zklock_is_held(l));
	ck_assert_int_eq(zklock_valid_ms(l), 0);
	server_page(&s, 4, now_ms + 8000); /* another session's */
	ck_assert(!zklock_is_held(l));
	server_page(&s, 3, 0); /* the end of ours */
	ck_assert(!zklock_is_held(l));
	ck_assert_uint_eq(zklock_token(l), 1);
	server_end(&s, c);
}
END_TEST

START_TEST(without_a_page_lines_move_the_deadline)
{
	struct zklock_info info = ZKLOCK_INFO_INIT;
	int64_t until_ms;
	zklock_client *c;
	zklock_lock *l;

	server_start(
	    &s, -1,
	    HELLO_PUSH "<1 LOCK foo\n" GRANT_FOR(
		"1", "1", "4000") "= * LEASE gen=4 until_ms=%+70000\n"
				  "<1 PING\n>1 OK\n<1 PING\n"
				  "= * LEASE gen=3 until_ms=%+9000\n>1 OK\n",
	    _i);
	c = server_client(&s, 0);
	ck_assert_int_eq(zklock_info(c, &info), ZKLOCK_OK);
	ck_assert(!info.lease_mapped);
	ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &l), ZKLOCK_OK);
	ck_assert_int_eq(zklock_command(c, "PING", NULL, NULL), ZKLOCK_OK);
	until_ms = zklock_until_ms(l);
	ck_assert_int_le(until_ms, server_now_ms() + 4000);
	ck_assert_int_gt(until_ms, server_now_ms());
	ck_assert_int_eq(zklock_command(c, "PING", NULL, NULL), ZKLOCK_OK);
	ck_assert_int_gt(zklock_until_ms(l), until_ms + 4000);
	server_end(&s, c);
}
END_TEST

/* Pages that are none are not believed, nor one of another daemon. */
START_TEST(a_page_says_what_it_is)
{
	struct zklock_info info = ZKLOCK_INFO_INIT;
	zklock_client *c;

	server_start(&s, -1,
		     HELLO "<0 HELLO\n? lease=push\n>0 OK state=connected\n",
		     false);
	if (_i == 0)
		atomic_store(s.page + 1, 0); /* where the magic stands */
	else if (_i == 1)
		atomic_fetch_add(s.page + ZKP_PAGE_ID_AT / sizeof *s.page, 1);
	else
		ck_assert_int_eq(truncate(s.page_path, ZKP_PAGE_SIZE - 1), 0);
	c = server_client(&s, 0);
	ck_assert_int_eq(zklock_info(c, &info), ZKLOCK_OK);
	ck_assert(!info.lease_mapped);
	server_end(&s, c);
}
END_TEST

START_TEST(the_longest_hold_counts_too)
{
	zklock_client *c;
	zklock_lock *l;

	c = server_begin(&s,
			 HELLO
			 "<1 LOCK foo\n"
			 ">1 GRANTED foo id=@1 token=1 mode=x gen=3 "
			 "until_ms=%+4000 valid_ms=1 waited_ms=0 node=\"\" "
			 "max_until_ms=%+1000\n",
			 _i);
	ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &l), ZKLOCK_OK);
	ck_assert(zklock_is_held(l));
	ck_assert_int_le(zklock_valid_ms(l), 1000);
	server_end(&s, c);
}
END_TEST

/* The daemon is frozen: nobody says anything, and the hold is over. */
START_TEST(a_silent_daemon_loses_the_lock_at_the_deadline)
{
	struct zklock_event ev;
	int64_t until_ms;
	uint64_t usec;
	struct timespec ts;
	zklock_client *c;
	zklock_lock *l;

	server_start(&s, -1,
		     HELLO_PUSH
		     "<1 LOCK foo\n" GRANT_FOR("1", "1", "1500") ".\n",
		     false);
	c = server_client(&s, (unsigned)_i * ZKLOCK_F_THREAD);
	ck_assert_int_eq(zklock_get_timeout(c, &usec), ZKLOCK_OK);
	ck_assert_uint_eq(usec, UINT64_MAX);
	ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &l), ZKLOCK_OK);
	until_ms = zklock_until_ms(l);
	ck_assert_int_eq(zklock_get_timeout(c, &usec), ZKLOCK_OK);
	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	ck_assert_uint_le(usec, (uint64_t)ts.tv_sec * 1000000 +
				    (uint64_t)ts.tv_nsec / 1000 + 1501000);
	ev = server_event(c, ZKLOCK_EVENT_LOST);
	ck_assert_int_eq(ev.reason, ZKLOCK_REASON_DEADLINE);
	ck_assert_int_ge(server_now_ms(), until_ms);
	ck_assert_int_le(server_now_ms(), until_ms + 500);
	ck_assert(!zklock_is_held(l));
	ck_assert_int_eq(zklock_release(l), ZKLOCK_E_LOST);
	server_go(&s);
	server_end(&s, c);
}
END_TEST

/* A grant that was read after its end is no grant. */
START_TEST(a_stale_grant_is_refused)
{
	zklock_client *c;
	zklock_lock *l;

	server_start(
	    &s, -1,
	    HELLO_PUSH "<1 LOCK foo\n" GRANT_FOR(
		"1", "1", "-5") "<2 UNLOCK @1 token=1\n>2 ERR LOST :x\n"
				"<3 PING\n>3 OK\n",
	    _i);
	c = server_client(&s, 0);
	ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &l), ZKLOCK_E_LOST);
	ck_assert_int_eq(zklock_command(c, "PING", NULL, NULL), ZKLOCK_OK);
	server_end(&s, c);
}
END_TEST

/* --------------------------------------------------------------- thread -- */

static void note_lost(const struct zklock_event *event, void *userdata)
{
	if (event->type == ZKLOCK_EVENT_LOST)
		(void)sem_post(userdata);
}

/* The sync trap: nobody reads the socket, yet the loss is heard. */
START_TEST(the_thread_hears_of_a_loss)
{
	struct timespec end;
	zklock_client *c;
	zklock_lock *l;
	sem_t lost;

	(void)sem_init(&lost, 0, 0);
	server_start(
	    &s, -1,
	    HELLO "<1 LOCK foo\n" GRANT(
		"1", "foo", "1") ".\n"
				 "= * LOST foo id=@1 token=1 reason=kicked\n",
	    _i);
	server_page(&s, 3, server_now_ms() + 9000);
	c = server_client(&s, ZKLOCK_F_THREAD);
	zklock_set_event_cb(c, note_lost, &lost);
	ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &l), ZKLOCK_OK);
	ck_assert(zklock_is_held(l));
	server_go(&s);
	(void)clock_gettime(CLOCK_REALTIME, &end);
	end.tv_sec += 5;
	ck_assert_int_eq(sem_timedwait(&lost, &end), 0);
	ck_assert(!zklock_is_held(l));
	ck_assert_int_eq(zklock_process(c), ZKLOCK_E_INVAL);
	ck_assert_int_eq(zklock_release(l), ZKLOCK_E_LOST);
	zklock_close(c);
	server_stop(&s);
	(void)sem_destroy(&lost);
}
END_TEST

#define THREADS 4
#define ROUNDS  50

static void *take_turns(void *arg)
{
	zklock_client *c = arg;
	zklock_lock *l;

	for (int i = 0; i < ROUNDS; i++) {
		if (zklock_acquire(c, "foo", NULL, &l) || !zklock_is_held(l) ||
		    zklock_release(l))
			return arg;
	}
	return NULL;
}

/* One client, several threads: calls are serialized inside. */
START_TEST(threads_share_a_client)
{
	pthread_t threads[THREADS];
	zklock_client *c;
	void *failed;

	server_start(&s, -1, HELLO "*\n", false);
	server_page(&s, 3, server_now_ms() + 9000);
	c = server_client(&s, ZKLOCK_F_THREAD);
	for (int i = 0; i < THREADS; i++)
		ck_assert_int_eq(
		    pthread_create(&threads[i], NULL, take_turns, c), 0);
	for (int i = 0; i < THREADS; i++) {
		ck_assert_int_eq(pthread_join(threads[i], &failed), 0);
		ck_assert_ptr_null(failed);
	}
	server_end(&s, c);
}
END_TEST

static void *wake(void *arg)
{
	struct timespec span = { .tv_nsec = 20000000 };

	(void)nanosleep(&span, NULL);
	(void)zklock_wakeup(arg);
	return NULL;
}

START_TEST(a_poll_can_be_woken)
{
	int64_t begin_ms;
	pthread_t thread;
	zklock_client *c;

	server_start(&s, -1, HELLO, false);
	c = server_client(&s, (unsigned)_i * ZKLOCK_F_THREAD);
	begin_ms = server_now_ms();
	ck_assert_int_eq(zklock_poll(c, 10), 0);
	ck_assert_int_ge(server_now_ms(), begin_ms + 10);
	ck_assert_int_eq(pthread_create(&thread, NULL, wake, c), 0);
	ck_assert_int_eq(zklock_poll(c, ZKLOCK_WAIT_FOREVER), 0);
	ck_assert_int_eq(pthread_join(thread, NULL), 0);
	/* Before it: the next one returns at once. */
	ck_assert_int_eq(zklock_wakeup(c), ZKLOCK_OK);
	ck_assert_int_eq(zklock_poll(c, ZKLOCK_WAIT_FOREVER), 0);
	server_end(&s, c);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client_async");
	TCase *tc = tcase_create("async");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, locks_are_asked_for_and_the_loop_goes_on, 0, 2);
	tcase_add_loop_test(tc, a_wait_called_off_is_never_granted, 0, 3);
	tcase_add_loop_test(tc, an_unseen_grant_can_be_called_off, 0, 2);
	tcase_add_loop_test(tc, an_unseen_grant_that_was_lost_can_be_called_off,
			    0, 2);
	tcase_add_loop_test(tc, a_wait_is_released, 0, 2);
	tcase_add_loop_test(tc, events_can_call, 0, 2);
	tcase_add_test(tc, a_deaf_daemon_is_a_limit);
	tcase_add_loop_test(tc, the_page_is_believed_for_its_own_session, 0, 2);
	tcase_add_loop_test(tc, without_a_page_lines_move_the_deadline, 0, 2);
	tcase_add_loop_test(tc, a_page_says_what_it_is, 0, 3);
	tcase_add_loop_test(tc, the_longest_hold_counts_too, 0, 2);
	tcase_add_loop_test(tc, a_silent_daemon_loses_the_lock_at_the_deadline,
			    0, 2);
	tcase_add_loop_test(tc, a_stale_grant_is_refused, 0, 2);
	tcase_add_loop_test(tc, the_thread_hears_of_a_loss, 0, 2);
	tcase_add_test(tc, threads_share_a_client);
	tcase_add_loop_test(tc, a_poll_can_be_woken, 0, 2);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
