/* SPDX-License-Identifier: MIT */
/* The library over more than one connection: zklock_reconnect(), alone and
 * with several threads; over a scripted daemon. */
#include <dirent.h>
#include <time.h>

#include "client_server.h"

#define GRANT(tag, name, id)                             \
	">" tag " GRANTED " name " id=@" id " token=" id \
	" mode=x gen=3 until_ms=%+4000 valid_ms=4000"    \
	" waited_ms=7 node=\"\"\n"

static struct server s;

#define SOON_S 10 /* what must happen, on a loaded machine */

static void within(struct timespec *end)
{
	(void)clock_gettime(CLOCK_REALTIME, end);
	end->tv_sec += SOON_S;
}

/* NULL: it does not end. */
static void *ended(pthread_t thread)
{
	struct timespec end;
	void *result = NULL;

	within(&end);
	ck_assert_int_eq(pthread_timedjoin_np(thread, &result, &end), 0);
	return result;
}

static void come(sem_t *sem)
{
	struct timespec end;

	within(&end);
	ck_assert_int_eq(sem_timedwait(sem, &end), 0);
}

/* What the private thread said, and what it waits for in CLOSED. */
static struct told {
	sem_t queued;
	sem_t closed;
	sem_t go_on; /* with wait */
	bool wait;
} told;

static void tell(const struct zklock_event *event, void *userdata)
{
	(void)userdata;
	if (event->type == ZKLOCK_EVENT_QUEUED)
		(void)sem_post(&told.queued);
	if (event->type != ZKLOCK_EVENT_CLOSED)
		return;
	(void)sem_post(&told.closed);
	if (told.wait)
		(void)sem_wait(&told.go_on);
}

static zklock_client *begin_told(const char *script, bool slow)
{
	zklock_client *c;

	(void)sem_init(&told.queued, 0, 0);
	(void)sem_init(&told.closed, 0, 0);
	(void)sem_init(&told.go_on, 0, 0);
	server_start(&s, -1, script, slow);
	server_page(&s, 3, server_now_ms() + 60000);
	c = server_client(&s, ZKLOCK_F_THREAD);
	zklock_set_event_cb(c, tell, NULL);
	return c;
}

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
	ck_assert_int_le(zklock_max_until_ms(new), server_now_ms() + 2000);
	ck_assert_int_gt(zklock_max_until_ms(new), server_now_ms());
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

static int results[4];

static void *acquire(void *arg)
{
	zklock_lock *l;

	results[0] = zklock_acquire(arg, "foo", NULL, &l);
	return arg;
}

/* The daemon is not back yet: who waited on the old connection is told, with
 * the thread that goes on telling; and the next attempt is as good. */
START_TEST(a_reconnect_that_fails_leaves_nobody_waiting)
{
	char away[sizeof s.path + 8];
	pthread_t waiter;
	zklock_client *c;
	zklock_lock *l;

	c = begin_told(HELLO "<1 LOCK foo\n>1 QUEUED foo id=@7 pos=1\n.\n"
			     "+\n" HELLO "<1 LOCK foo\n" GRANT("1", "foo", "8"),
		       _i);
	ck_assert_int_eq(pthread_create(&waiter, NULL, acquire, c), 0);
	come(&told.queued);
	(void)snprintf(away, sizeof away, "%s.away", s.path);
	ck_assert_int_eq(rename(s.path, away), 0);
	ck_assert_int_eq(zklock_reconnect(c), ZKLOCK_E_NODAEMON);
	ck_assert_ptr_nonnull(ended(waiter));
	ck_assert_int_eq(results[0], ZKLOCK_E_DISCONNECTED);
	come(&told.closed);
	ck_assert_int_eq(zklock_try(c, "foo", &l), ZKLOCK_E_DISCONNECTED);
	ck_assert_int_eq(rename(away, s.path), 0);
	server_go(&s);
	ck_assert_int_eq(zklock_reconnect(c), ZKLOCK_OK);
	ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &l), ZKLOCK_OK);
	ck_assert(zklock_is_held(l));
	server_end(&s, c);
}
END_TEST

/* Another thread's callback is no reason to refuse, however long it takes. */
START_TEST(a_callback_elsewhere_hinders_no_reconnect)
{
	zklock_client *c;
	zklock_lock *l;

	told.wait = true;
	c = begin_told(
	    HELLO "|\n+\n" HELLO "<1 LOCK foo\n" GRANT("1", "foo", "8"), _i);
	come(&told.closed);
	ck_assert_int_eq(zklock_reconnect(c), ZKLOCK_OK);
	(void)sem_post(&told.go_on);
	ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &l), ZKLOCK_OK);
	ck_assert(zklock_is_held(l));
	server_end(&s, c);
	told.wait = false;
}
END_TEST

struct again {
	zklock_client *client;
	pthread_barrier_t *start;
	int result;
};

static void *reconnect(void *arg)
{
	struct again *again = arg;

	(void)pthread_barrier_wait(again->start);
	again->result = zklock_reconnect(again->client);
	return arg;
}

static size_t threads_of_ours(void)
{
	size_t count = 0;
	DIR *tasks = opendir("/proc/self/task");
	struct dirent *entry;

	ck_assert_ptr_nonnull(tasks);
	while ((entry = readdir(tasks)))
		count += entry->d_name[0] != '.';
	(void)closedir(tasks);
	return count;
}

#define AGAIN_THREADS 4
#define AGAIN_ROUNDS  25

/* All of them saw the end, and all of them reconnect: each has a client that
 * is well, with one private thread. */
START_TEST(threads_reconnect_at_once)
{
	struct again again[AGAIN_THREADS];
	pthread_t threads[AGAIN_THREADS];
	pthread_barrier_t start;
	size_t threads_n;
	zklock_client *c;
	zklock_lock *l;

	c = begin_told("@\n", false);
	threads_n = threads_of_ours();
	(void)pthread_barrier_init(&start, NULL, AGAIN_THREADS);
	for (int round = 0; round < AGAIN_ROUNDS; round++) {
		for (int i = 0; i < AGAIN_THREADS; i++) {
			again[i] = (struct again){ c, &start, 1 };
			ck_assert_int_eq(pthread_create(&threads[i], NULL,
							reconnect, &again[i]),
					 0);
		}
		for (int i = 0; i < AGAIN_THREADS; i++) {
			ck_assert_ptr_nonnull(ended(threads[i]));
			ck_assert_int_eq(again[i].result, ZKLOCK_OK);
		}
		ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &l), ZKLOCK_OK);
		ck_assert(zklock_is_held(l));
		ck_assert_int_eq(zklock_release(l), ZKLOCK_OK);
	}
	ck_assert_uint_eq(threads_of_ours(), threads_n);
	(void)pthread_barrier_destroy(&start);
	zklock_close(c);
	server_go(&s);
	server_stop(&s);
}
END_TEST

static void *reconnect_0(void *arg)
{
	results[0] = zklock_reconnect(arg);
	return arg;
}

static atomic_int second_id;

static void *reconnect_1(void *arg)
{
	atomic_store(&second_id, gettid());
	results[1] = zklock_reconnect(arg);
	return arg;
}

static bool sleeps(int id)
{
	char path[64];
	char state = '?';
	FILE *stat;

	(void)snprintf(path, sizeof path, "/proc/self/task/%d/stat", id);
	stat = fopen(path, "r");
	if (stat) {
		if (fscanf(stat, "%*d (%*[^)]) %c", &state) != 1)
			state = '?';
		(void)fclose(stat);
	}
	return state == 'S';
}

/* Who comes while another waits for the answer has that one's: the second
 * connection would have nobody to talk to. */
START_TEST(one_reconnect_is_enough)
{
	struct timespec moment = { .tv_nsec = 1000000 };
	pthread_t first, second;
	zklock_client *c;
	zklock_lock *l;

	c = begin_told(
	    HELLO ".\n+\n" HELLO "<1 LOCK foo\n" GRANT("1", "foo", "8"), false);
	ck_assert_int_eq(pthread_create(&first, NULL, reconnect_0, c), 0);
	come(&told.closed); /* by us: it is under way */
	ck_assert_int_eq(zklock_try(c, "foo", &l), ZKLOCK_E_DISCONNECTED);
	ck_assert_int_eq(zklock_refresh(c), ZKLOCK_E_DISCONNECTED);
	ck_assert_int_eq(pthread_create(&second, NULL, reconnect_1, c), 0);
	while (!atomic_load(&second_id) || !sleeps(atomic_load(&second_id)))
		(void)nanosleep(&moment, NULL);
	server_go(&s);
	for (int i = 0; i < 2; i++) {
		ck_assert_ptr_nonnull(ended(i ? second : first));
		ck_assert_int_eq(results[i], ZKLOCK_OK);
	}
	ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &l), ZKLOCK_OK);
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
	tcase_add_loop_test(tc, a_reconnect_that_fails_leaves_nobody_waiting, 0,
			    2);
	tcase_add_loop_test(tc, a_callback_elsewhere_hinders_no_reconnect, 0,
			    2);
	tcase_add_test(tc, threads_reconnect_at_once);
	tcase_add_test(tc, one_reconnect_is_enough);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
