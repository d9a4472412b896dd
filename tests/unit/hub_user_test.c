/* SPDX-License-Identifier: MIT */
/*
 * The hub, where one user asks for everything: the others find their share
 * (P8).  Connections a1 to a4 are one user's, a5 to a8 another's, a9 is root's.
 */
#include "hub_play.h"

#define SHARE_TEXT ":this user has all of its share (uid_share)\n"

/* Half of each limit for each user. */
static void limits(uint32_t tickets_max, uint32_t bytes_max)
{
	const struct hub_settings settings = {
		.turns_ms = 50,
		.turns_max = 64,
		.linger_ms = linger_ms,
		.try_grace_ms = 50,
		.tickets_max = tickets_max,
		.tickets_per_conn_max = 100,
		.unanswered_max = 10,
		.ephemeral_bytes_max = bytes_max,
		.uid_share = 50,
	};

	hub_reload(hosts[0].hub, &settings);
}

static void begin(void)
{
	setup();
	limits(8, 2000);
	uid = 1000;
	play("a1 PING\na2 PING\na3 PING\na4 PING\n");
	uid = 1001;
	play("a5 PING\na6 PING\na7 PING\na8 PING\n");
	uid = 0;
	play("a9 PING\n");
	trace_len = 0;
	trace[0] = '\0';
}

static void end(void)
{
	linger_ms = 0;
	teardown();
}

START_TEST(locks_and_waits)
{
	play("a1 LOCK k\na1 LOCK l\na2 LOCK m\n");
	trace_len = 0;
	play("a4 LOCK n o\na3 LOCK k\n");
	ck_assert_str_eq(trace, "a4< ERR LIMIT name=n which=locks " SHARE_TEXT
				"a3< QUEUED k id=@4 pos=2 holder=\"db1 pid=812 "
				"test\"\n");
	trace_len = 0;
	play("a1 LOCK n\na2 TRYLOCK n\n");
	ck_assert_str_eq(trace, "a1< ERR LIMIT name=n which=locks " SHARE_TEXT
				"a2< ERR LIMIT name=n which=locks " SHARE_TEXT);
	trace_len = 0;
	play("a5 LOCK k\na5 LOCK p q\na6 LOCK p q\na5 UNLOCK k\n");
	ck_assert_ptr_nonnull(strstr(trace, "a5< QUEUED k id=@"));
	ck_assert_ptr_nonnull(strstr(trace, "a5< ERR DEADLOCK name=p"));
	ck_assert_ptr_nonnull(strstr(trace, "a6< GRANTED 2"));
	/* What is given back may be had again. */
	trace_len = 0;
	play("a2 UNLOCK m\na1 LOCK n\n");
	ck_assert_ptr_nonnull(strstr(trace, "a1< GRANTED n id=@"));
}
END_TEST

/* Root takes what there is, and the others' limit is the old one then. */
START_TEST(root_is_exempt)
{
	play("a9 LOCK k\na9 LOCK l\na9 LOCK m\na9 LOCK n\na9 LOCK o\n"
	     "a9 LOCK p\na9 LOCK q\na9 LOCK r\n");
	ck_assert_ptr_null(strstr(trace, "ERR"));
	trace_len = 0;
	play("a9 LOCK s\na5 LOCK s\n");
	ck_assert_str_eq(trace, "a9< ERR LIMIT name=s which=locks "
				":a limit refused the request\n"
				"a5< ERR LIMIT name=s which=locks "
				":a limit refused the request\n");
}
END_TEST

/* Names that are locked one after the other until one is refused. */
static unsigned lock_all(const char *conn, const char *stem)
{
	char line[64];

	for (unsigned i = 0; i < 60; i++) {
		(void)snprintf(line, sizeof line, "%s LOCK %s%02u\n", conn,
			       stem, i);
		trace_len = 0;
		play(line);
		if (!strstr(trace, " GRANTED "))
			return i;
	}
	return 60;
}

static void unlock_all(const char *conn, const char *stem, unsigned len)
{
	char line[64];

	for (unsigned i = 0; i < len; i++) {
		(void)snprintf(line, sizeof line, "%s UNLOCK %s%02u\n", conn,
			       stem, i);
		play(line);
	}
	trace_len = 0;
	trace[0] = '\0';
}

START_TEST(bytes_of_bids)
{
	unsigned one, two;

	limits(1000, 2000);
	one = lock_all("a1", "n");
	ck_assert_uint_ge(one, 5);
	ck_assert_ptr_nonnull(strstr(trace, "ERR LIMIT name=n"));
	ck_assert_ptr_nonnull(strstr(line_last, SHARE_TEXT));
	two = lock_all("a5", "m");
	ck_assert_uint_eq(one, two);
	ck_assert_uint_eq(lock_all("a2", "o"), 0);
	unlock_all("a1", "n", one);
	ck_assert_uint_eq(lock_all("a2", "o"), one);
	ck_assert_uint_eq(lock_all("a6", "p"), 0);
}
END_TEST

/* Who stands first and has used up its bytes does not take the others along:
 * the next one's bid is its own. */
START_TEST(bytes_of_the_first_are_not_the_others)
{
	unsigned len;

	limits(1000, 2000);
	play("a8 LOCK k mode=s\n");
	len = lock_all("a1", "n");
	trace_len = 0;
	play("a2 LOCK k\na5 LOCK k\na8 UNLOCK k\n");
	ck_assert_uint_gt(len, 1);
	ck_assert_ptr_nonnull(strstr(trace, "a2< ERR LIMIT name=k"));
	ck_assert_ptr_nonnull(strstr(trace, "a5< GRANTED k id=@"));
}
END_TEST

/* What only lingers is no reason to refuse: that of its own goes, the others'
 * stays. */
START_TEST(bytes_that_linger)
{
	unsigned len;
	int64_t zxid;

	linger_ms = 60000;
	limits(1000, 2000);
	play("a5 LOCK mine\na5 UNLOCK mine\n");
	len = lock_all("a1", "n");
	unlock_all("a1", "n", len);
	ck_assert_uint_eq(lock_all("a1", "o"), len);
	unlock_all("a1", "o", len);
	ck_assert_uint_eq(lock_all("a2", "p"), len);
	zxid = coord_tree_zxid(tree);
	play("a5 LOCK mine\n");
	ck_assert_ptr_nonnull(strstr(trace, "a5< GRANTED mine id=@"));
	ck_assert_int_eq(coord_tree_zxid(tree), zxid);
}
END_TEST

/* A hold that outlives its connection counts as long as it is there. */
START_TEST(what_is_kept_counts)
{
	play("a1 LOCK k min_hold=500ms\na1 LOCK l min_hold=500ms\n"
	     "a1 LOCK m min_hold=500ms\na1 LOCK n min_hold=500ms\na1 EOF\n");
	trace_len = 0;
	play("a2 LOCK o\n");
	ck_assert_str_eq(trace, "a2< ERR LIMIT name=o which=locks " SHARE_TEXT);
	trace_len = 0;
	play("+600\na2 LOCK o\n");
	ck_assert_ptr_nonnull(strstr(trace, "a2< GRANTED o id=@"));
}
END_TEST

/* 1024 of them are there for all; one connection waits once for each name. */
START_TEST(min_holds)
{
	char line[64];

	limits(100000, 900000);
	uid = 1000;
	for (unsigned i = 0; i < 512; i++) {
		if (i % 100 == 0)
			hosts[0].conns[1] = 0; /* another one of that user */
		(void)snprintf(line, sizeof line, "a1 LOCK n%03u min_hold=9s\n",
			       i);
		trace_len = 0;
		play(line);
		ck_assert_ptr_nonnull(strstr(trace, " GRANTED "));
	}
	trace_len = 0;
	play("a4 LOCK more min_hold=9s\na5 LOCK more min_hold=9s\n"
	     "a4 LOCK less\n");
	ck_assert_ptr_nonnull(strstr(
	    trace, "a4< ERR LIMIT name=more which=min_holds " SHARE_TEXT));
	ck_assert_ptr_nonnull(strstr(trace, "a5< GRANTED more "));
	ck_assert_ptr_nonnull(strstr(trace, "a4< GRANTED less "));
}
END_TEST

/* Sixteen questions at once are there for all. */
START_TEST(questions)
{
	for (unsigned i = 0; i < 5; i++) {
		note_line(1, "WHO k");
		note_line(2, "WHO k");
	}
	note_line(5, "WHO k");
	hub_drain(hosts[0].hub);
	ck_assert_str_eq(trace, "a1< ERR LIMIT which=questions " SHARE_TEXT
				"a2< ERR LIMIT which=questions " SHARE_TEXT);
	settle();
	trace_len = 0;
	play("a2 WHO k\n");
	ck_assert_ptr_nonnull(strstr(trace, "a2< OK "));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hub_user");
	TCase *tc = tcase_create("transcripts");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tc, 30);
	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, locks_and_waits);
	tcase_add_test(tc, root_is_exempt);
	tcase_add_test(tc, bytes_of_bids);
	tcase_add_test(tc, bytes_of_the_first_are_not_the_others);
	tcase_add_test(tc, bytes_that_linger);
	tcase_add_test(tc, min_holds);
	tcase_add_test(tc, what_is_kept_counts);
	tcase_add_test(tc, questions);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
