/* SPDX-License-Identifier: MIT */
/*
 * batch told as transcripts: what is put, what leaves together, what each
 * hears.  A play is a line each:
 *
 *	+a +b	    a create for lock a, for lock b
 *	-a	    a delete of our node of lock a
 *	?a	    a calm read for lock a
 *	!a	    the create for lock a is called off
 *	ok N, maybe N, nonode N	    the answer to flight N
 *	down	    the link
 *	@30	    it is 30 ms now
 *
 * What leaves: "1:+a" by itself, as flight 1; "2:{-c +a +b}" as one multi.
 */
#include <check.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/batch.h"

#define TRACE_MAX 65536

static struct batch *batch;
static char trace[TRACE_MAX];
static size_t trace_len;
static int64_t now_ms;
static int32_t children; /* that a parent has, when asked */

static void say(const char *text)
{
	trace_len += (size_t)snprintf(trace + trace_len, TRACE_MAX - trace_len,
				      "%s", text);
	ck_assert_uint_lt(trace_len, TRACE_MAX);
}

static const char *lock_of(const struct coord_op *op)
{
	static char name[64];
	const char *at = op->path + strlen("/zklock/");

	(void)snprintf(name, sizeof name, "%.*s", (int)strcspn(at, "/"), at);
	return name;
}

static void say_op(const struct coord_op *op)
{
	char text[80];

	(void)snprintf(text, sizeof text, "%s%s",
		       op->verb == COORD_CREATE   ? "+"
		       : op->verb == COORD_DELETE ? "-"
						  : "?",
		       lock_of(op));
	say(text);
}

static void say_flight(const struct batch_flight *flight)
{
	struct coord_op multi;
	char text[32];

	(void)snprintf(text, sizeof text, " %d:", (int)batch_flight_id(flight));
	say(text);
	if (!batch_flight_multi(flight, &multi)) {
		say_op(&batch_flight_want(flight, 0)->op);
		return;
	}
	say("{");
	for (size_t i = 0; i < multi.subs_len; i++) {
		if (multi.subs[i].verb == COORD_SET)
			continue; /* batch_check() has looked at it */
		if (i)
			say(" ");
		say_op(&multi.subs[i]);
	}
	say("}");
}

/* The words of a line are their own bids, by their place. */
static struct batch_want want_of(const char *word, char *path, size_t size)
{
	struct batch_want want = { .bid = (uint64_t)word[1], .visit = 1 };

	(void)snprintf(path, size, "/zklock/%s%s", word + 1,
		       *word == '-' ? "/us-lock-0000000004" : "/us-lock-");
	want.op.path = path;
	want.op.verb = *word == '+'   ? COORD_CREATE
		       : *word == '-' ? COORD_DELETE
				      : COORD_LIST;
	want.op.kind = COORD_EPHEMERAL_SEQUENTIAL;
	return want;
}

static void put(const char *word)
{
	char path[128], parent[64];
	struct batch_want want = want_of(word, path, sizeof path);

	(void)snprintf(parent, sizeof parent, "/zklock/%s", word + 1);
	if (*word == '+')
		want.parent = parent;
	if (*word == '?')
		batch_put_calm(batch, &want, now_ms);
	else
		batch_put(batch, &want);
}

static const struct batch_flight *lent[64]; /* by flight */

static void say_answer(const struct batch_flight *flight, size_t at)
{
	struct batch_answer answer = batch_flight_answer(flight, at);
	char text[160];

	say(" ");
	say_op(&batch_flight_want(flight, at)->op);
	(void)snprintf(text, sizeof text, "=%d",
		       (int)answer.event.answer.result);
	say(text);
	if (!answer.claimed)
		return;
	(void)snprintf(text, sizeof text, "(%s of %d, %d)",
		       strrchr(answer.event.answer.path, '-') + 1,
		       answer.children, (int)answer.event.answer.stat.czxid);
	say(text);
}

/* As a server answers: paths with their numbers, the parent's stat. */
static void land(enum coord_result result, uint64_t id)
{
	struct coord_event ev = { .type = COORD_EV_ANSWER };
	struct coord_sub subs[COORD_SUBS_MAX];
	static char paths[COORD_SUBS_MAX][128];
	struct batch_flight *flight;
	struct coord_op multi;

	memset(subs, 0, sizeof subs);
	ev.answer.result = result;
	if (result == COORD_OK && batch_flight_multi(lent[id], &multi)) {
		for (size_t i = 0; i < multi.subs_len; i++) {
			(void)snprintf(paths[i], sizeof paths[i],
				       "%s0000000007", multi.subs[i].path);
			if (multi.subs[i].verb == COORD_CREATE)
				subs[i].path = paths[i];
			subs[i].stat.mzxid = 70;
			subs[i].stat.children = children;
		}
		ev.answer.subs = subs;
		ev.answer.subs_len = multi.subs_len;
	}
	flight = batch_land(batch, id, &ev);
	ck_assert_ptr_nonnull(flight);
	memset(subs, 0, sizeof subs); /* it is lent */
	memset(paths, 'x', sizeof paths);
	if (batch_flight_len(flight) == 1)
		say(" alone");
	else if (batch_flight_refused(flight))
		say(" refused");
	else
		for (size_t i = 0; i < batch_flight_len(flight); i++)
			say_answer(flight, i);
	batch_flight_free(flight);
}

static void taken(const struct batch_want *want)
{
	char text[16];

	(void)snprintf(text, sizeof text, " back(%c)", (char)want->bid);
	say(text);
}

static void do_word(const char *word, const char *next)
{
	struct batch_want want;

	if (*word == '@') {
		now_ms = atoi(word + 1);
	} else if (*word == '!') {
		if (batch_cancel(batch, (uint64_t)word[1], &want))
			taken(&want);
		else
			say(" flown");
	} else if (strcmp(word, "down") == 0) {
		while (batch_take_back(batch, &want))
			taken(&want);
	} else if (strcmp(word, "ok") == 0) {
		land(COORD_OK, (uint64_t)atoi(next));
	} else if (strcmp(word, "maybe") == 0) {
		land(COORD_MAYBE, (uint64_t)atoi(next));
	} else if (strcmp(word, "nonode") == 0) {
		land(COORD_NO_NODE, (uint64_t)atoi(next));
	} else if (strchr("+-?", *word)) {
		put(word);
	}
}

static void play_line(const char *line)
{
	const struct batch_flight *flight;
	char copy[4096], *rest = NULL, *words[600] = { NULL };
	size_t len = 0;

	say(line);
	say(" ->");
	(void)snprintf(copy, sizeof copy, "%s", line);
	for (char *w = strtok_r(copy, " ", &rest); w && len < 599;
	     w = strtok_r(NULL, " ", &rest))
		words[len++] = w;
	for (size_t i = 0; i < len; i++)
		do_word(words[i], words[i + 1]);
	while ((flight = batch_next(batch, now_ms))) {
		say_flight(flight);
		lent[batch_flight_id(flight) % 64] = flight;
	}
	say("\n");
}

static void play(const char *script)
{
	char *copy = strdup(script), *rest = NULL;

	for (char *line = strtok_r(copy, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		play_line(line);
	free(copy);
}

static void begin(void)
{
	batch = batch_new(100);
	trace_len = 0;
	now_ms = 0;
	children = 1;
}

static void end(void)
{
	batch_free(batch);
}

#define TRANSCRIPT(script, want)                 \
	do {                                     \
		play(script);                    \
		ck_assert_str_eq(trace, (want)); \
	} while (0)

START_TEST(lone_one_leaves_as_it_is)
{
	TRANSCRIPT("+a\n"
		   "ok 1\n"
		   "-a\n"
		   "ok 2\n",
		   "+a -> 1:+a\n"
		   "ok 1 -> alone\n"
		   "-a -> 2:-a\n"
		   "ok 2 -> alone\n");
}
END_TEST

/* Deletes first, whatever came first; the claim's answer is the create's. */
START_TEST(those_that_wait_leave_together)
{
	TRANSCRIPT("+a -b +c\n"
		   "ok 1\n",
		   "+a -b +c -> 1:{-b +a +c}\n"
		   "ok 1 -> +a=0(0000000007 of 1, 70) -b=0"
		   " +c=0(0000000007 of 1, 70)\n");
}
END_TEST

START_TEST(four_are_under_way_and_the_rest_collects)
{
	TRANSCRIPT("+a\n+b\n+c\n+d\n+e\n-f\n+g\n"
		   "ok 2\n"
		   "+h\n"
		   "maybe 1\n",
		   "+a -> 1:+a\n"
		   "+b -> 2:+b\n"
		   "+c -> 3:+c\n"
		   "+d -> 4:+d\n"
		   "+e ->\n"
		   "-f ->\n"
		   "+g ->\n"
		   "ok 2 -> alone 5:{-f +e +g}\n"
		   "+h ->\n"
		   "maybe 1 -> alone 6:+h\n");
}
END_TEST

/* They would share a czxid, so a token. */
START_TEST(one_create_a_parent)
{
	TRANSCRIPT("+a +a +b -a\n", "+a +a +b -a -> 1:{-a +a +b} 2:+a\n");
}
END_TEST

START_TEST(alone_or_not_is_handed_on)
{
	children = 3;
	TRANSCRIPT("+a +b\n"
		   "ok 1\n",
		   "+a +b -> 1:{+a +b}\n"
		   "ok 1 -> +a=0(0000000007 of 3, 70)"
		   " +b=0(0000000007 of 3, 70)\n");
}
END_TEST

START_TEST(lost_one_leaves_each_in_doubt)
{
	TRANSCRIPT("+a -b\n"
		   "maybe 1\n",
		   "+a -b -> 1:{-b +a}\n"
		   "maybe 1 -> +a=5 -b=5\n");
}
END_TEST

START_TEST(refused_one_says_nothing_of_each)
{
	TRANSCRIPT("+a -b\n"
		   "nonode 1\n",
		   "+a -b -> 1:{-b +a}\n"
		   "nonode 1 -> refused\n");
}
END_TEST

START_TEST(link_down_takes_back_what_has_not_left)
{
	TRANSCRIPT("+a\n+b\n+c\n+d\n+e\n-f ?g\n"
		   "down\n"
		   "maybe 1 maybe 2 maybe 3 maybe 4\n"
		   "+h\n",
		   "+a -> 1:+a\n"
		   "+b -> 2:+b\n"
		   "+c -> 3:+c\n"
		   "+d -> 4:+d\n"
		   "+e ->\n"
		   "-f ?g ->\n"
		   "down -> back(e) back(f)\n"
		   "maybe 1 maybe 2 maybe 3 maybe 4 -> alone alone alone"
		   " alone\n"
		   "+h -> 5:+h\n");
}
END_TEST

/* A delete is never called off. */
START_TEST(create_is_called_off_before_it_leaves)
{
	TRANSCRIPT("+a\n+b\n+c\n+d\n+e\n-f\n"
		   "!a\n!e\n!f\n"
		   "ok 1\n",
		   "+a -> 1:+a\n"
		   "+b -> 2:+b\n"
		   "+c -> 3:+c\n"
		   "+d -> 4:+d\n"
		   "+e ->\n"
		   "-f ->\n"
		   "!a -> flown\n"
		   "!e -> back(e)\n"
		   "!f -> flown\n"
		   "ok 1 -> alone 5:-f\n");
}
END_TEST

START_TEST(calm_reads_wait_their_time)
{
	TRANSCRIPT("?a\n"
		   "+b\n"
		   "@4\n"
		   "@5\n"
		   "?c\n"
		   "ok 1\n"
		   "@10\n",
		   "?a ->\n"
		   "+b -> 1:+b\n"
		   "@4 ->\n"
		   "@5 -> 2:?a\n"
		   "?c ->\n"
		   "ok 1 -> alone\n"
		   "@10 -> 3:?c\n");
}
END_TEST

/* A hundred operations: fifty claims, or a hundred deletes. */
START_TEST(a_multi_has_its_limits)
{
	const struct batch_flight *flight;
	struct coord_op multi;
	char word[16];

	for (int i = 0; i < 120; i++) {
		(void)snprintf(word, sizeof word, "+a%d", i);
		put(word);
	}
	for (int round = 0; round < 3; round++) {
		flight = batch_next(batch, 0);
		ck_assert_uint_eq(batch_flight_len(flight),
				  round < 2 ? 50 : 20);
		ck_assert(batch_flight_multi(flight, &multi));
		ck_assert_uint_eq(multi.subs_len, round < 2 ? 100 : 40);
	}
	for (int i = 0; i < 120; i++) {
		(void)snprintf(word, sizeof word, "-a%d", i);
		put(word);
	}
	flight = batch_next(batch, 0);
	ck_assert_uint_eq(batch_flight_len(flight), 100);
	ck_assert_ptr_null(batch_next(batch, 0));
}
END_TEST

/* Full ones go beyond four; what does not fill one waits for its turn. */
START_TEST(full_ones_leave_though_four_are_under_way)
{
	const struct batch_flight *flight;
	size_t flights = 0;
	char word[16];

	for (int i = 0; i < 5 * 50 + 49; i++) {
		(void)snprintf(word, sizeof word, "+a%d", i);
		put(word);
	}
	while ((flight = batch_next(batch, 0))) {
		ck_assert_uint_eq(batch_flight_len(flight), 50);
		flights++;
	}
	ck_assert_uint_eq(flights, 5);
	for (int i = 0; i < 2000; i++) {
		(void)snprintf(word, sizeof word, "-b%d", i);
		put(word);
	}
	while (batch_next(batch, 0))
		flights++;
	ck_assert_uint_eq(flights, BATCH_FLIGHTS_FULL_MAX);
}
END_TEST

START_TEST(and_in_bytes)
{
	const struct batch_flight *flight;
	static char big[COORD_DATA_MAX];
	size_t bytes = 0;

	memset(big, 'x', sizeof big);
	for (int i = 0; i < 100; i++) {
		static char path[COORD_PATH_MAX], parent[COORD_PATH_MAX];
		struct batch_want want = { .bid = 1, .parent = parent };

		memset(parent, 'p', sizeof parent);
		(void)snprintf(parent, sizeof parent, "/%d", i);
		parent[strlen(parent)] = 'p';
		parent[sizeof parent - 100] = '\0';
		(void)snprintf(path, sizeof path, "%s/u", parent);
		want.op = (struct coord_op){
			.verb = COORD_CREATE,
			.kind = COORD_EPHEMERAL_SEQUENTIAL,
			.path = path,
			.data = big,
			.data_len = sizeof big,
		};
		batch_put(batch, &want);
	}
	flight = batch_next(batch, 0);
	for (size_t i = 0; i < batch_flight_len(flight); i++) {
		const struct batch_want *want = batch_flight_want(flight, i);

		bytes += strlen(want->op.path) + want->op.data_len +
			 strlen(want->parent);
	}
	ck_assert_uint_gt(batch_flight_len(flight), 40);
	ck_assert_uint_le(bytes, BATCH_BYTES_MAX);
}
END_TEST

START_TEST(turned_off_each_leaves_at_once)
{
	batch_free(batch);
	batch = batch_new(0);
	TRANSCRIPT("+a +b -c +d -e -f\n",
		   "+a +b -c +d -e -f -> 1:+a 2:+b 3:-c 4:+d 5:-e 6:-f\n");
}
END_TEST

/* --- multis that are none of ours --- */

static struct coord_op op_of(enum coord_verb verb, const char *path)
{
	return (struct coord_op){ .verb = verb, .path = path };
}

static void check_of(const struct coord_op *subs, size_t len)
{
	struct coord_op multi = { .verb = COORD_MULTI,
				  .subs = subs,
				  .subs_len = len };

	batch_check(&multi);
}

START_TEST(two_creates_of_one_parent_are_refused)
{
	const struct coord_op subs[] = { op_of(COORD_CREATE, "/l/a/u1-"),
					 op_of(COORD_SET, "/l/a"),
					 op_of(COORD_CREATE, "/l/a/u2-"),
					 op_of(COORD_SET, "/l/a") };

	check_of(subs, 4);
}
END_TEST

START_TEST(set_in_front_is_refused)
{
	const struct coord_op subs[] = { op_of(COORD_SET, "/l/a"),
					 op_of(COORD_CREATE, "/l/a/u1-") };

	check_of(subs, 2);
}
END_TEST

START_TEST(delete_behind_is_refused)
{
	const struct coord_op subs[] = { op_of(COORD_CREATE, "/l/a/u1-"),
					 op_of(COORD_SET, "/l/a"),
					 op_of(COORD_DELETE, "/l/a/u0-1") };

	check_of(subs, 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("batch");
	TCase *plays = tcase_create("plays");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(plays, begin, end);
	tcase_add_test(plays, lone_one_leaves_as_it_is);
	tcase_add_test(plays, those_that_wait_leave_together);
	tcase_add_test(plays, four_are_under_way_and_the_rest_collects);
	tcase_add_test(plays, one_create_a_parent);
	tcase_add_test(plays, alone_or_not_is_handed_on);
	tcase_add_test(plays, lost_one_leaves_each_in_doubt);
	tcase_add_test(plays, refused_one_says_nothing_of_each);
	tcase_add_test(plays, link_down_takes_back_what_has_not_left);
	tcase_add_test(plays, create_is_called_off_before_it_leaves);
	tcase_add_test(plays, calm_reads_wait_their_time);
	tcase_add_test(plays, a_multi_has_its_limits);
	tcase_add_test(plays, full_ones_leave_though_four_are_under_way);
	tcase_add_test(plays, and_in_bytes);
	tcase_add_test(plays, turned_off_each_leaves_at_once);
	suite_add_tcase(suite, plays);
	runner = srunner_create(suite);
	if (srunner_fork_status(runner) == CK_FORK) { /* they abort */
		tcase_add_test_raise_signal(
		    plays, two_creates_of_one_parent_are_refused, SIGABRT);
		tcase_add_test_raise_signal(plays, set_in_front_is_refused,
					    SIGABRT);
		tcase_add_test_raise_signal(plays, delete_behind_is_refused,
					    SIGABRT);
	}
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
