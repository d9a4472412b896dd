/* SPDX-License-Identifier: MIT */
/* The library's blocking calls, over a scripted daemon. */
#include <signal.h>
#include <sys/time.h>
#include <sys/wait.h>

#include "client_server.h"

#include "proto/status.h"

#define GRANT(tag, name, id)                                           \
	">" tag " GRANTED " name " id=@" id                            \
	" token=17592186046464 mode=x gen=3 until_ms=%+4000"           \
	" valid_ms=4000 waited_ms=7 node=/zklock/" name "/_c_1-lock-0" \
	" future=1\n"

static struct server s;

START_TEST(hello_tells_who_is_there)
{
	struct zklock_info info = ZKLOCK_INFO_INIT;
	zklock_client *c;

	server_start(&s, -1, HELLO, _i);
	c = server_client(&s, 0);
	ck_assert_int_eq(zklock_info(c, &info), ZKLOCK_OK);
	ck_assert_str_eq(info.host, "db1");
	ck_assert_str_eq(info.server, "zklockd/0.1.0");
	ck_assert_uint_eq(info.session, 0x1f);
	ck_assert_uint_eq(info.connection, 214);
	ck_assert_int_eq(info.session_timeout_ms, 12000);
	ck_assert_int_eq(info.state, ZKLOCK_STATE_CONNECTED);
	ck_assert(info.lease_mapped && !info.dev);
	ck_assert_str_eq(info.lease_path, s.page_path);
	ck_assert_str_eq(info.socket, s.path);
	ck_assert_str_eq(info.caps, "shared,slots,several");
	ck_assert(zklock_can(c, "shared") && zklock_can(c, "several"));
	ck_assert(!zklock_can(c, "slot") && !zklock_can(c, "slots,several"));
	ck_assert(!zklock_can(c, "") && !zklock_can(c, NULL));
	ck_assert(!zklock_can(NULL, "slots"));
	ck_assert_int_eq(fcntl(zklock_get_fd(c), F_GETFD), FD_CLOEXEC);
	server_end(&s, c);
}
END_TEST

/* Asked again, also of a daemon whose state is a word of tomorrow. */
START_TEST(facts_are_refreshed)
{
	struct zklock_info info = ZKLOCK_INFO_INIT;
	zklock_client *c;

	server_start(
	    &s, -1,
	    "<0 HELLO\n>0 OK proto=1 state=resting lease=%P lease_id=0x5eed\n"
	    "<0 HELLO\n>0 OK proto=1 state=resting lease=%P lease_id=0x5eed\n"
	    "<0 HELLO\n>0 OK proto=1 state=connected host=db2 session=0x20\n"
	    "<0 HELLO\n>0 ERR INTERNAL :no\n",
	    _i);
	c = server_client(&s, 0);
	ck_assert_int_eq(zklock_refresh(c), ZKLOCK_OK);
	ck_assert_int_eq(zklock_info(c, &info), ZKLOCK_OK);
	ck_assert_int_eq(info.state, ZKLOCK_STATE_UNKNOWN);
	ck_assert(info.lease_mapped);
	ck_assert_int_eq(zklock_refresh(c), ZKLOCK_OK);
	ck_assert_int_eq(zklock_info(c, &info), ZKLOCK_OK);
	ck_assert_int_eq(info.state, ZKLOCK_STATE_CONNECTED);
	ck_assert_str_eq(zklock_strstate(info.state), "connected");
	ck_assert_str_eq(zklock_strstate((enum zklock_state)99), "unknown");
	ck_assert_str_eq(info.host, "db2");
	ck_assert_uint_eq(info.session, 0x20);
	ck_assert(info.lease_mapped);
	ck_assert_int_eq(zklock_refresh(c), ZKLOCK_E_INTERNAL);
	server_end(&s, c);
}
END_TEST

START_TEST(inherit_keeps_the_descriptor_open)
{
	zklock_client *c;

	server_start(&s, -1, HELLO, _i);
	c = server_client(&s, ZKLOCK_F_INHERIT | ZKLOCK_F_TRUSTED);
	ck_assert_int_eq(fcntl(zklock_get_fd(c), F_GETFD), 0);
	server_end(&s, c);
}
END_TEST

START_TEST(a_lock_is_taken_and_given_back)
{
	struct zklock_lock_options options = ZKLOCK_LOCK_OPTIONS_INIT;
	zklock_client *c;
	zklock_lock *l;

	c = server_begin(
	    &s,
	    HELLO "<1 LOCK foo note=\"a b\" wait=1500ms\n" GRANT(
		"1", "foo", "12") "<2 UNLOCK @12 token=17592186046464\n"
				  ">2 RELEASED foo id=@12 held_ms=5\n",
	    _i);
	options.wait_ms = 1500;
	options.note = "a b";
	options.userdata = &s;
	ck_assert_int_eq(zklock_acquire(c, "foo", &options, &l), ZKLOCK_OK);
	ck_assert_str_eq(zklock_name(l), "foo");
	ck_assert_uint_eq(zklock_token(l), 17592186046464);
	ck_assert_uint_eq(zklock_id(l), 12);
	ck_assert_int_eq(zklock_waited_ms(l), 7);
	ck_assert_str_eq(zklock_node(l), "/zklock/foo/_c_1-lock-0");
	ck_assert_ptr_eq(zklock_lock_userdata(l), &s);
	ck_assert_ptr_eq(zklock_lock_client(l), c);
	ck_assert(zklock_is_held(l));
	ck_assert_int_gt(zklock_valid_ms(l), 5000); /* the page's, not 4000 */
	ck_assert_int_eq(zklock_release(l), ZKLOCK_OK);
	ck_assert_int_eq(zklock_release(NULL), ZKLOCK_OK);
	server_end(&s, c);
}
END_TEST

START_TEST(busy_names_the_holder)
{
	struct zklock_failure f = ZKLOCK_FAILURE_INIT;
	zklock_lock *l = NULL;
	zklock_client *c;

	server_start(&s, -1,
		     HELLO "<1 TRYLOCK foo\n"
			   ">1 ERR BUSY name=foo holder=\"db2 pid=812 a.py\""
			   " held_ms=72000 :somebody else has the lock\n",
		     _i);
	c = server_client(&s, 0);
	ck_assert_int_eq(zklock_try(c, "foo", &l), ZKLOCK_E_BUSY);
	ck_assert_ptr_null(l);
	ck_assert_int_eq(zklock_last_failure(c, &f), ZKLOCK_OK);
	ck_assert_int_eq(f.error, ZKLOCK_E_BUSY);
	ck_assert_str_eq(f.name, "foo");
	ck_assert_str_eq(f.holder, "db2 pid=812 a.py");
	ck_assert_int_eq(f.held_ms, 72000);
	ck_assert_int_eq(f.waited_ms, -1);
	ck_assert_str_eq(zklock_errmsg(c), "somebody else has the lock: "
					   "held by db2 pid=812 a.py");
	server_end(&s, c);
}
END_TEST

/* Nothing is sent that could not be meant. */
START_TEST(bad_arguments_stay_here)
{
	struct zklock_lock_options options = ZKLOCK_LOCK_OPTIONS_INIT;
	const char *names[] = { "", "-x", "@1", "a b", "a\nQUIT", "..", "#t" };
	char long_name[ZKLOCK_NAME_MAX + 2];
	char long_note[ZKLOCK_NOTE_MAX + 2];
	char long_line[ZKLOCK_LINE_MAX + 2];
	zklock_client *c;
	zklock_lock *l;

	server_start(&s, -1, HELLO ".\n", _i);
	c = server_client(&s, 0);
	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		ck_assert_int_eq(zklock_acquire(c, names[i], NULL, &l),
				 ZKLOCK_E_NAME);
	memset(long_name, 'a', sizeof long_name);
	long_name[sizeof long_name - 1] = '\0';
	ck_assert_int_eq(zklock_try(c, long_name, &l), ZKLOCK_E_NAME);
	memset(long_note, 'a', sizeof long_note);
	long_note[sizeof long_note - 1] = '\0';
	options.note = long_note;
	ck_assert_int_eq(zklock_acquire(c, "a", &options, &l), ZKLOCK_E_INVAL);
	options.note = NULL;
	options.wait_ms = -2;
	ck_assert_int_eq(zklock_acquire(c, "a", &options, &l), ZKLOCK_E_INVAL);
	options.wait_ms = 0;
	options.size = 1;
	ck_assert_int_eq(zklock_acquire(c, "a", &options, &l), ZKLOCK_E_INVAL);
	ck_assert_int_eq(zklock_acquire(c, NULL, NULL, &l), ZKLOCK_E_INVAL);
	ck_assert_int_eq(zklock_acquire(NULL, "a", NULL, &l), ZKLOCK_E_INVAL);
	ck_assert_int_eq(zklock_command(c, "PING\nQUIT", NULL, NULL),
			 ZKLOCK_E_INVAL);
	ck_assert_int_eq(zklock_command(c, "#1 PING", NULL, NULL),
			 ZKLOCK_E_INVAL);
	memset(long_line, 'a', sizeof long_line);
	long_line[sizeof long_line - 1] = '\0';
	ck_assert_int_eq(zklock_command(c, long_line, NULL, NULL),
			 ZKLOCK_E_TOOLONG);
	server_go(&s);
	server_join(&s);
	ck_assert_uint_eq(server_unread(&s), 0);
	server_end(&s, c);
}
END_TEST

/* A frozen daemon: the wait ends on our own clock, and what it grants after
 * that goes back. */
START_TEST(a_late_grant_is_given_back)
{
	struct zklock_lock_options options = ZKLOCK_LOCK_OPTIONS_INIT;
	struct zklock_options slow = ZKLOCK_OPTIONS_INIT;
	zklock_client *c;
	zklock_lock *l;

	server_start(&s, -1,
		     HELLO
		     "<1 LOCK foo wait=30ms\n"
		     ">1 QUEUED foo id=@7 pos=1\n"
		     "<2 CANCEL #\n" GRANT(
			 "1", "foo", "7") ">2 OK\n"
					  "<3 PING\n>3 OK\n"
					  "<3 UNLOCK @7 token=17592186046464\n"
					  ">3 RELEASED foo id=@7 held_ms=1\n",
		     _i);
	slow.socket = s.path;
	slow.reply_timeout_ms = 700; /* PING is answered in many sends */
	ck_assert_int_eq(zklock_open(&c, &slow), ZKLOCK_OK);
	options.wait_ms = 30;
	ck_assert_int_eq(zklock_acquire(c, "foo", &options, &l),
			 ZKLOCK_E_TIMEOUT);
	ck_assert_int_eq(zklock_command(c, "PING", NULL, NULL), ZKLOCK_OK);
	while (pthread_tryjoin_np(s.thread, NULL) == EBUSY)
		ck_assert_int_ge(zklock_poll(c, 5), 0);
	s.joined = true;
	server_end(&s, c);
}
END_TEST

START_TEST(a_lost_lock_is_told_once_and_released_without_a_word)
{
	struct zklock_event ev;
	zklock_client *c;
	zklock_lock *l;

	c = server_begin(
	    &s,
	    HELLO "<1 LOCK foo\n" GRANT(
		"1", "foo", "12") ".\n"
				  "= * LOST foo id=@12 token=17592186046464 "
				  "reason=expired\n"
				  "= * UNHEARD of=it\n"
				  "<1 PING\n>1 OK\n",
	    _i);
	ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &l), ZKLOCK_OK);
	server_go(&s);
	ev = server_event(c, ZKLOCK_EVENT_LOST);
	ck_assert_ptr_eq(ev.lock, l);
	ck_assert_int_eq(ev.reason, ZKLOCK_REASON_EXPIRED);
	ck_assert_uint_eq(ev.token, 17592186046464);
	ck_assert(!zklock_is_held(l));
	ck_assert_int_eq(zklock_check(l, 0), ZKLOCK_E_LOST);
	ck_assert_int_eq(zklock_release(l), ZKLOCK_E_LOST);
	ck_assert_int_eq(zklock_command(c, "PING", NULL, NULL), ZKLOCK_OK);
	server_end(&s, c);
}
END_TEST

START_TEST(check_asks_the_daemon)
{
	zklock_client *c;
	zklock_lock *l;

	c = server_begin(
	    &s,
	    HELLO "<1 LOCK foo\n" GRANT(
		"1", "foo",
		"12") "<1 CHECK @12 token=17592186046464\n"
		      ">1 OK held=1 id=@12 token=17592186046464 gen=3"
		      " until_ms=%+5000 valid_ms=5000\n"
		      "<1 CHECK @12 token=17592186046464 sync=1\n"
		      ">1 ERR SUSPENDED :no\n"
		      "<1 CHECK @12\n"
		      ">1 OK held=0 reason=deleted\n",
	    _i);
	ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &l), ZKLOCK_OK);
	ck_assert_int_eq(zklock_check(l, 0), ZKLOCK_OK);
	ck_assert_int_eq(zklock_check(l, ZKLOCK_CHECK_SYNC),
			 ZKLOCK_E_SUSPENDED);
	ck_assert(zklock_is_held(l));
	ck_assert_int_eq(zklock_check(l, 0), ZKLOCK_E_LOST);
	ck_assert(!zklock_is_held(l));
	ck_assert_int_eq(server_event(c, ZKLOCK_EVENT_LOST).reason,
			 ZKLOCK_REASON_DELETED);
	ck_assert_int_eq(zklock_release(l), ZKLOCK_E_LOST);
	server_end(&s, c);
}
END_TEST

/* -------------------------------------------------------------- command -- */

struct seen {
	zklock_client *client;
	char text[1024];
	int rows_max;
	int inner;
};

static int see(enum zklock_line kind, const char *line, void *userdata)
{
	struct seen *seen = userdata;
	size_t len = strlen(seen->text);

	(void)snprintf(seen->text + len, sizeof seen->text - len, "%d[%s]",
		       (int)kind, line);
	seen->inner = zklock_command(seen->client, "PING", NULL, NULL);
	return kind == ZKLOCK_LINE_ROW && --seen->rows_max == 0;
}

START_TEST(a_command_hands_over_what_comes)
{
	struct seen seen = { .rows_max = 100 };
	zklock_client *c;

	server_start(&s, -1,
		     HELLO "<1 STATUS\n"
			   ">1 - metric{a=\"b\"} 1 # \\ not words\n"
			   "= * WANTED foo\n"
			   ">1 - key value\n>1 OK 2\n"
			   "<1 LIST db* state=held\n"
			   ">1 - a\n>1 - b\n>1 - c\n>1 OK 3\n"
			   "<1 KICK @9\n>1 ERR UNKNOWN nearest=x :no such\n",
		     _i);
	c = server_client(&s, 0);
	seen.client = c;
	ck_assert_int_eq(zklock_command(c, "STATUS", see, &seen), ZKLOCK_OK);
	ck_assert_str_eq(seen.text, "0[metric{a=\"b\"} 1 # \\ not words]"
				    "0[key value]2[OK 2]");
	ck_assert_int_eq(seen.inner, ZKLOCK_E_INVAL);
	seen.text[0] = '\0';
	seen.rows_max = 2;
	ck_assert_int_eq(zklock_list(c, "db*", ZKLOCK_LIST_HELD, see, &seen),
			 ZKLOCK_OK);
	ck_assert_str_eq(seen.text, "0[a]0[b]");
	ck_assert_int_eq(zklock_list(c, NULL, 7, see, &seen), ZKLOCK_E_INVAL);
	ck_assert_int_eq(zklock_command(c, "KICK @9", NULL, NULL),
			 ZKLOCK_E_UNKNOWN);
	ck_assert_str_eq(zklock_errmsg(c), "no such");
	server_end(&s, c);
}
END_TEST

/* A waiting command may wait; one that is never answered may not. */
START_TEST(silence_ends_a_command)
{
	struct zklock_options slow = ZKLOCK_OPTIONS_INIT;
	zklock_client *c;

	server_start(&s, -1, HELLO "<1 STATUS\n<2 PING\n>1 OK late\n>2 OK\n",
		     _i);
	slow.socket = s.path;
	slow.reply_timeout_ms = 500;
	ck_assert_int_eq(zklock_open(&c, &slow), ZKLOCK_OK);
	ck_assert_int_eq(zklock_command(c, "STATUS", NULL, NULL),
			 ZKLOCK_E_NOREPLY);
	ck_assert_int_eq(zklock_command(c, "PING", NULL, NULL), ZKLOCK_OK);
	server_end(&s, c);
}
END_TEST

START_TEST(rows_are_taken_apart)
{
	const char *row = "a/b mode=x id=@7 holder=\"db1 pid=1 \\\"x\\\"\" "
			  "second empty= mode=y :text=1 :b";
	char buf[64];

	ck_assert_int_eq(zklock_row_word(row, 0, buf, sizeof buf), 3);
	ck_assert_str_eq(buf, "a/b");
	ck_assert_int_eq(zklock_row_word(row, 1, buf, sizeof buf), 6);
	ck_assert_str_eq(buf, "second");
	ck_assert_int_eq(zklock_row_word(row, 2, buf, sizeof buf),
			 ZKLOCK_E_NOTFOUND);
	ck_assert_int_eq(zklock_row_value(row, "mode", buf, sizeof buf), 1);
	ck_assert_str_eq(buf, "x");
	ck_assert_int_eq(zklock_row_value(row, "holder", buf, sizeof buf), 13);
	ck_assert_str_eq(buf, "db1 pid=1 \"x\"");
	ck_assert_int_eq(zklock_row_value(row, "empty", buf, sizeof buf), 0);
	ck_assert_int_eq(zklock_row_value(row, "text", buf, sizeof buf),
			 ZKLOCK_E_NOTFOUND);
	ck_assert_int_eq(zklock_row_value(row, "holder", buf, 13),
			 ZKLOCK_E_LIMIT);
	ck_assert_int_eq(zklock_row_value("a \"b", "k", buf, sizeof buf),
			 ZKLOCK_E_PROTOCOL);
	ck_assert_int_eq(zklock_row_word("a\x01", 0, buf, sizeof buf),
			 ZKLOCK_E_PROTOCOL);
}
END_TEST

/* -------------------------------------------------------------- trouble -- */

static int try_open(const char *path, int64_t timeout_ms)
{
	struct zklock_options options = ZKLOCK_OPTIONS_INIT;
	zklock_client *c = NULL;
	int ret;

	options.socket = path;
	options.connect_timeout_ms = timeout_ms;
	ret = zklock_open(&c, &options);
	ck_assert(ret == ZKLOCK_OK || !c);
	zklock_close(c);
	return ret;
}

START_TEST(nobody_there)
{
	char long_path[300];

	errno = 0;
	ck_assert_int_eq(try_open("/nonexistent/sock", 100), ZKLOCK_E_NODAEMON);
	ck_assert_int_eq(errno, ENOENT);
	memset(long_path, 'a', sizeof long_path);
	long_path[sizeof long_path - 1] = '\0';
	ck_assert_int_eq(try_open(long_path, 100), ZKLOCK_E_NODAEMON);
	ck_assert_int_eq(errno, ENAMETOOLONG);
}
END_TEST

START_TEST(open_gives_up_and_says_why)
{
	static const struct {
		const char *script;
		int error;
	} rows[] = {
		{ "<0 HELLO\n.\n", ZKLOCK_E_NOREPLY },
		{ "<0 HELLO\n|\n", ZKLOCK_E_DISCONNECTED },
		{ "= ERR LIMIT which=connections :full\n|\n", ZKLOCK_E_LIMIT },
		{ "<0 HELLO\n>0 ERR VERSION max=7 :no\n", ZKLOCK_E_VERSION },
		{ "<0 HELLO\n= \"\n", ZKLOCK_E_PROTOCOL },
		{ "<0 HELLO\n~ 9000\n", ZKLOCK_E_PROTOCOL },
		{ "<0 HELLO\n= #\x01 OK\n", ZKLOCK_E_PROTOCOL },
	};
	int64_t within_ms;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		server_start(&s, -1, rows[i].script, false);
		within_ms = rows[i].error == ZKLOCK_E_NOREPLY ? 200 : 10000;
		ck_assert_msg(try_open(s.path, within_ms) == rows[i].error,
			      "row %zu", i);
		server_go(&s);
		/* A server whose client has gone may fail to say more. */
		server_join(&s);
		s.failed[0] = '\0';
		server_stop(&s);
	}
}
END_TEST

START_TEST(the_end_of_the_connection_is_told_in_order)
{
	struct zklock_event ev = ZKLOCK_EVENT_INIT;
	zklock_client *c;
	zklock_lock *held, *waiting;

	c = server_begin(
	    &s,
	    HELLO "<1 LOCK held\n" GRANT(
		"1", "held",
		"12") "<2 LOCK waiting\n>2 QUEUED waiting id=@13 pos=1\n"
		      ".\n|\n",
	    _i);
	ck_assert_int_eq(zklock_acquire(c, "held", NULL, &held), ZKLOCK_OK);
	ck_assert_int_eq(zklock_acquire_async(c, "waiting", NULL, &waiting),
			 ZKLOCK_OK);
	ev = server_event(c, ZKLOCK_EVENT_QUEUED);
	ck_assert_ptr_eq(ev.lock, waiting);
	server_go(&s);
	ev = server_event(c, ZKLOCK_EVENT_LOST);
	ck_assert_ptr_eq(ev.lock, held);
	ck_assert_int_eq(ev.reason, ZKLOCK_REASON_DISCONNECTED);
	ev = server_event(c, ZKLOCK_EVENT_FAILED);
	ck_assert_ptr_eq(ev.lock, waiting);
	ck_assert_int_eq(ev.error, ZKLOCK_E_DISCONNECTED);
	ev = server_event(c, ZKLOCK_EVENT_CLOSED);
	ck_assert_int_eq(ev.error, ZKLOCK_E_DISCONNECTED);
	ck_assert_int_eq(zklock_next_event(c, &ev), 0);
	ck_assert(!zklock_is_held(held));
	ck_assert_int_eq(zklock_get_events(c), 0);
	ck_assert_int_lt(zklock_process(c), 0);
	ck_assert_int_eq(zklock_release(held), ZKLOCK_E_DISCONNECTED);
	ck_assert_int_eq(zklock_try(c, "foo", &held), ZKLOCK_E_DISCONNECTED);
	server_end(&s, c);
}
END_TEST

START_TEST(a_descriptor_is_taken_over_with_its_hold)
{
	zklock_client *c;
	zklock_lock *l, *again;
	int fds[2];

	ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM, 0, fds), 0);
	server_start(&s, fds[0],
		     "= #old GRANTED foo\n" /* for who was here before */
		     HELLO "<1 CHECK foo\n"
		     ">1 OK held=1 id=@12 token=99 gen=3 until_ms=%+4000\n"
		     "<1 CHECK foo\n"
		     ">1 OK held=1 id=@12 token=99 gen=3 until_ms=%+4000\n"
		     "<1 CHECK bar\n>1 OK held=0 reason=notheld\n"
		     "<1 UNLOCK @12 token=99\n>1 RELEASED foo id=@12\n",
		     _i);
	server_page(&s, 3, server_now_ms() + 4000);
	ck_assert_int_eq(zklock_open_fd(&c, fds[1], NULL), ZKLOCK_OK);
	ck_assert_int_eq(zklock_adopt(c, "foo", &l), ZKLOCK_OK);
	ck_assert(zklock_is_held(l));
	ck_assert_uint_eq(zklock_token(l), 99);
	ck_assert_int_eq(zklock_adopt(c, "foo", &again), ZKLOCK_E_HELD);
	ck_assert_int_eq(zklock_adopt(c, "bar", &again), ZKLOCK_E_NOTHELD);
	ck_assert_int_eq(zklock_reconnect(c), ZKLOCK_E_INVAL);
	ck_assert_int_eq(zklock_release(l), ZKLOCK_OK);
	server_end(&s, c);
}
END_TEST

START_TEST(a_forked_child_has_nothing)
{
	zklock_client *c;
	zklock_lock *l;
	int status;
	pid_t pid;

	server_start(&s, -1,
		     HELLO
		     "<1 LOCK foo\n" GRANT("1", "foo", "12") "<1 PING\n>1 OK\n",
		     false);
	server_page(&s, 3, server_now_ms() + 9000);
	c = server_client(&s, (unsigned)_i * ZKLOCK_F_THREAD);
	ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &l), ZKLOCK_OK);
	pid = fork();
	if (pid == 0) {
		bool fine = !zklock_is_held(l) && !zklock_valid_ms(l) &&
			    zklock_release(l) == ZKLOCK_E_FORKED &&
			    zklock_process(c) == ZKLOCK_E_FORKED &&
			    zklock_wakeup(c) == ZKLOCK_E_FORKED;

		zklock_close(c);
		_exit(fine ? 0 : 1);
	}
	ck_assert_int_eq(waitpid(pid, &status, 0), pid);
	ck_assert_int_eq(status, 0);
	ck_assert(zklock_is_held(l));
	ck_assert_int_eq(zklock_command(c, "PING", NULL, NULL), ZKLOCK_OK);
	server_end(&s, c);
}
END_TEST

static void on_alarm(int signo)
{
	(void)signo;
	server_go(&s);
}

START_TEST(signals_do_not_end_a_wait)
{
	struct sigaction action = { .sa_handler = on_alarm };
	struct itimerval often = { { 0, 2000 }, { 0, 2000 } };
	struct itimerval never = { { 0, 0 }, { 0, 0 } };
	zklock_client *c;
	zklock_lock *l;
	sigset_t alarm;

	ck_assert_int_eq(sigaction(SIGALRM, &action, NULL), 0);
	(void)sigemptyset(&alarm);
	(void)sigaddset(&alarm, SIGALRM);
	(void)pthread_sigmask(SIG_BLOCK, &alarm, NULL);
	server_start(&s, -1,
		     HELLO "<1 LOCK foo\n.\n.\n.\n.\n.\n.\n.\n.\n" GRANT(
			 "1", "foo", "12"),
		     _i);
	(void)pthread_sigmask(SIG_UNBLOCK, &alarm, NULL);
	server_page(&s, 3, server_now_ms() + 9000);
	c = server_client(&s, 0);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &often, NULL), 0);
	ck_assert_int_eq(zklock_acquire(c, "foo", NULL, &l), ZKLOCK_OK);
	ck_assert_int_eq(setitimer(ITIMER_REAL, &never, NULL), 0);
	server_end(&s, c);
}
END_TEST

START_TEST(a_token_in_the_environment)
{
	uint64_t token = 5;

	(void)unsetenv("ZKLOCK_TOKEN");
	ck_assert_int_eq(zklock_env_token(&token), ZKLOCK_E_NOTFOUND);
	(void)setenv("ZKLOCK_TOKEN", "9223372036854775807", 1);
	ck_assert_int_eq(zklock_env_token(&token), ZKLOCK_OK);
	ck_assert_uint_eq(token, INT64_MAX);
	(void)setenv("ZKLOCK_TOKEN", "9223372036854775808", 1);
	ck_assert_int_eq(zklock_env_token(&token), ZKLOCK_E_INVAL);
	(void)setenv("ZKLOCK_TOKEN", "0", 1);
	ck_assert_int_eq(zklock_env_token(&token), ZKLOCK_E_INVAL);
	(void)setenv("ZKLOCK_TOKEN", "12x", 1);
	ck_assert_int_eq(zklock_env_token(&token), ZKLOCK_E_INVAL);
	ck_assert_uint_eq(token, INT64_MAX);
}
END_TEST

/* Every word of the protocol has a number of its own, with that word. */
START_TEST(errors_are_the_words_of_the_protocol)
{
	int found = 0;

	for (int error = 0; error > -200; error--) {
		enum zkp_status status;

		if (!zkp_status_find(zklock_strerrname(error), &status))
			continue;
		found++;
		ck_assert_str_eq(zklock_strerror(error),
				 zkp_status_sentence(status));
	}
	ck_assert_int_eq(found, ZKP_STATUS_COUNT);
	ck_assert_str_eq(zklock_strerrname(ZKLOCK_E_NOREPLY), "NOREPLY");
	ck_assert_str_eq(zklock_strerrname(-9999), "?");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("client_sync");
	TCase *tc = tcase_create("sync");
	SRunner *runner;
	int failed;

	tcase_set_timeout(tc, 30);
	tcase_add_loop_test(tc, hello_tells_who_is_there, 0, 2);
	tcase_add_loop_test(tc, facts_are_refreshed, 0, 2);
	tcase_add_loop_test(tc, inherit_keeps_the_descriptor_open, 0, 2);
	tcase_add_loop_test(tc, a_lock_is_taken_and_given_back, 0, 2);
	tcase_add_loop_test(tc, busy_names_the_holder, 0, 2);
	tcase_add_test(tc, bad_arguments_stay_here);
	tcase_add_loop_test(tc, a_late_grant_is_given_back, 0, 2);
	tcase_add_loop_test(
	    tc, a_lost_lock_is_told_once_and_released_without_a_word, 0, 2);
	tcase_add_loop_test(tc, check_asks_the_daemon, 0, 2);
	tcase_add_loop_test(tc, a_command_hands_over_what_comes, 0, 2);
	tcase_add_loop_test(tc, silence_ends_a_command, 0, 2);
	tcase_add_test(tc, rows_are_taken_apart);
	tcase_add_test(tc, nobody_there);
	tcase_add_test(tc, open_gives_up_and_says_why);
	tcase_add_loop_test(tc, the_end_of_the_connection_is_told_in_order, 0,
			    2);
	tcase_add_loop_test(tc, a_descriptor_is_taken_over_with_its_hold, 0, 2);
	tcase_add_loop_test(tc, a_forked_child_has_nothing, 0, 2);
	tcase_add_loop_test(tc, signals_do_not_end_a_wait, 0, 2);
	tcase_add_test(tc, a_token_in_the_environment);
	tcase_add_test(tc, errors_are_the_words_of_the_protocol);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
