/* SPDX-License-Identifier: MIT */
/*
 * proto/out and proto/reply: replies by the vectors, what is written is what
 * is read, nothing unsafe gets out, and a buffer that is too small gives
 * whole lines or none.
 */
#include <check.h>
#include <stdlib.h>

#include "proto/line.h"
#include "proto/reply.h"
#include "proto/utf8.h"
#include "tests/unit/proto_guard.h"
#include "tests/unit/proto_vectors.h"

#define OUTCOME_MAX 16384

static struct guard guard;
static struct vectors all;
static struct vector v;
static char wire[2 * ZKP_REPLY_LINE_MAX];
static struct zkp_out out;

static void setup(void)
{
	guard_open(&guard);
	ck_assert(vectors_open(&all, "replies"));
	zkp_out_init(&out, wire, sizeof wire);
}

static void teardown(void)
{
	vectors_close(&all);
	guard_close(&guard);
}

/* Parses the last (and only) line of out. */
static void read_back(struct zkp_reply *reply_out)
{
	char *line;

	SWIFT(!out.overflow);
	SWIFT(out.len > 0);
	SWIFT(wire[out.len - 1] == '\n');
	line = guard_line(&guard, wire, out.len - 1);
	SWIFT(zkp_reply_parse(line, out.len - 1, reply_out) == ZKP_OK);
	zkp_out_reset(&out);
}

static void expect_line(const char *expected)
{
	ck_assert_uint_lt(out.len, sizeof wire);
	wire[out.len] = '\0';
	ck_assert_str_eq(wire, expected);
}

START_TEST(replies_are_as_in_the_vectors)
{
	char outcome[OUTCOME_MAX];
	unsigned seen = 0;

	while (vectors_next(&all, &v)) {
		char *line = guard_line(&guard, v.input, v.len);

		reply_outcome(line, v.len, outcome, sizeof outcome);
		ck_assert_msg(strcmp(outcome, v.outcome) == 0,
			      "line %u gave %s", v.line, outcome);
		seen++;
	}
	ck_assert_uint_gt(seen, 50);
}
END_TEST

/* As the library reads: through a line reader, cut in two anywhere. */
static void cut_in_two(const char *bytes, size_t len, size_t cut)
{
	size_t size = ZKP_REPLY_LINE_MAX + ZKP_LINE_END_MAX;
	char outcome[OUTCOME_MAX];
	struct zkp_line reader;
	char *line;
	size_t line_len;

	zkp_line_init(&reader, guard_room(&guard, size), size,
		      ZKP_REPLY_LINE_MAX);
	SWIFT(zkp_line_feed(&reader, bytes, cut) == cut);
	if (cut < len)
		SWIFT(zkp_line_take(&reader, &line, &line_len) ==
		      ZKP_LINE_NONE);
	SWIFT(zkp_line_feed(&reader, bytes + cut, len - cut) == len - cut);
	SWIFT(zkp_line_take(&reader, &line, &line_len) == ZKP_LINE_WHOLE);
	reply_outcome(line, line_len, outcome, sizeof outcome);
	if (strcmp(outcome, v.outcome) != 0)
		ck_abort_msg("line %u, cut at %zu: %s", v.line, cut, outcome);
}

START_TEST(cutting_a_reply_changes_nothing)
{
	static char bytes[VECTOR_INPUT_MAX + 1];

	while (vectors_next(&all, &v)) {
		if (v.len > 0 && v.input[v.len - 1] == '\r')
			continue; /* the reader would take it for a line's end
				   */
		memcpy(bytes, v.input, v.len);
		bytes[v.len] = '\n';
		for (size_t cut = 0; cut <= v.len + 1; cut++)
			cut_in_two(bytes, v.len + 1, cut);
	}
}
END_TEST

static void parse_anyhow(size_t len)
{
	char *line = guard_line(&guard, v.input, len);
	struct zkp_reply reply;

	if (zkp_reply_parse(line, len, &reply) != ZKP_OK)
		return;
	SWIFT(strlen(reply.word) > 0);
	SWIFT(reply.args_len <= ZKP_REPLY_ARGS_MAX);
	SWIFT(reply.pairs_len <= ZKP_REPLY_ARGS_MAX);
}

static void spoil(size_t at)
{
	static const char spoilers[] = "\0\"\\ =#:*-\r\x1b\x80\xff";
	char kept = v.input[at];

	for (size_t i = 0; i < sizeof spoilers; i++) {
		v.input[at] = spoilers[i];
		parse_anyhow(v.len);
	}
	v.input[at] = kept;
}

START_TEST(every_beginning_and_every_spoilt_byte_is_judged)
{
	while (vectors_next(&all, &v)) {
		for (size_t at = 0; at < v.len; at++) {
			parse_anyhow(at);
			spoil(at);
		}
	}
}
END_TEST

START_TEST(lines_look_as_the_protocol_says)
{
	zkp_out_begin(&out, "7", "QUEUED");
	zkp_out_word(&out, "backup");
	zkp_out_id(&out, "id", 7);
	zkp_out_u64(&out, "pos", 2);
	zkp_out_str(&out, "holder", "db2 pid=812 deploy.py");
	ck_assert(zkp_out_end(&out));
	zkp_out_begin(&out, NULL, "-");
	zkp_out_word(&out, "key");
	zkp_out_word_u64(&out, 2);
	zkp_out_word_id(&out, 9);
	zkp_out_i64(&out, "delta_ms", -3);
	zkp_out_hex(&out, "session", 0x1f);
	zkp_out_str(&out, "none", "");
	zkp_out_str(&out, "null", NULL);
	zkp_out_text(&out, "for \"people\"\n");
	ck_assert(zkp_out_end(&out));
	expect_line("#7 QUEUED backup id=@7 pos=2 "
		    "holder=\"db2 pid=812 deploy.py\"\n"
		    "- key 2 @9 delta_ms=-3 session=0x1f none=\"\" null=\"\" "
		    ":for \"people\"\\x0a\n");
}
END_TEST

/* What a reader might take for a pair or for the text is quoted. */
START_TEST(misleading_words_are_quoted)
{
	struct zkp_reply reply;

	zkp_out_begin(&out, "", "OK");
	zkp_out_word(&out, ":x");
	zkp_out_word(&out, "a=b");
	zkp_out_word(&out, "");
	zkp_out_word(&out, "plain");
	ck_assert(zkp_out_end(&out));
	expect_line("OK \":x\" \"a=b\" \"\" plain\n");
	read_back(&reply);
	ck_assert_uint_eq(reply.args_len, 4);
	ck_assert_str_eq(zkp_reply_arg(&reply, 0), ":x");
	ck_assert_str_eq(zkp_reply_arg(&reply, 1), "a=b");
	ck_assert_str_eq(zkp_reply_arg(&reply, 2), "");
	ck_assert_str_eq(zkp_reply_arg(&reply, 3), "plain");
	ck_assert_str_eq(zkp_reply_arg(&reply, 4), "");
}
END_TEST

/* Nothing that leaves can end the line early or play with a terminal. */
static void expect_safe(void)
{
	for (size_t i = 0; i + 1 < out.len;) {
		size_t step = zkp_utf8_len(wire + i, out.len - i);

		SWIFT(step > 0);
		SWIFT(zkp_utf8_is_showable(wire + i, step));
		i += step;
	}
}

START_TEST(every_pair_of_bytes_gets_out_safely_and_back)
{
	struct zkp_reply reply;

	for (int a = 1; a < 256; a++) {
		for (int b = 1; b < 256; b++) {
			char text[3] = { (char)a, (char)b, '\0' };

			zkp_out_begin(&out, NULL, "OK");
			zkp_out_word(&out, text);
			zkp_out_str(&out, "key", text);
			SWIFT(zkp_out_end(&out));
			expect_safe();
			read_back(&reply);
			SWIFT(strcmp(zkp_reply_arg(&reply, 0), text) == 0);
			SWIFT(strcmp(zkp_reply_str(&reply, "key"), text) == 0);
			zkp_out_begin(&out, NULL, "OK");
			zkp_out_text(&out, text);
			SWIFT(zkp_out_end(&out));
			expect_safe();
			read_back(&reply);
		}
	}
}
END_TEST

START_TEST(what_plays_with_terminals_is_escaped)
{
	zkp_out_begin(&out, NULL, "OK");
	zkp_out_str(&out, "esc", "\x1b[2J");
	zkp_out_str(&out, "del", "\x7f");
	zkp_out_str(&out, "csi", "\xc2\x9b");
	zkp_out_str(&out, "rlo", "\xe2\x80\xae");
	zkp_out_str(&out, "sep", "\xe2\x80\xa8");
	zkp_out_str(&out, "bad", "\xff\xfe");
	zkp_out_str(&out, "good", "\xc3\xa4\xe2\x9c\x93");
	zkp_out_bytes(&out, "nul", "a\0b", 3);
	ck_assert(zkp_out_end(&out));
	expect_line("OK esc=\"\\x1b[2J\" del=\"\\x7f\" csi=\"\\xc2\\x9b\" "
		    "rlo=\"\\xe2\\x80\\xae\" sep=\"\\xe2\\x80\\xa8\" "
		    "bad=\"\\xff\\xfe\" good=\xc3\xa4\xe2\x9c\x93 "
		    "nul=\"a\\\\x00b\"\n");
}
END_TEST

static void two_lines(struct zkp_out *to)
{
	zkp_out_begin(to, "7", "-");
	zkp_out_word(to, "first");
	(void)zkp_out_end(to);
	zkp_out_begin(to, "7", "OK");
	zkp_out_str(to, "note", "a \"b\"");
	(void)zkp_out_end(to);
}

/* "#7 - first\n" is 11 bytes, "#7 OK note=\"a \\\"b\\\"\"\n" 21. */
START_TEST(a_small_buffer_holds_whole_lines_or_none)
{
	for (size_t size = 0; size <= 40; size++) {
		struct zkp_out small;
		size_t expected = size < 11 ? 0 : size < 32 ? 11 : 32;

		zkp_out_init(&small, guard_room(&guard, size), size);
		two_lines(&small);
		ck_assert_uint_eq(small.len, expected);
		ck_assert_int_eq(small.overflow, size < 32);
		if (small.overflow) { /* sticky: a short one is refused too */
			zkp_out_begin(&small, NULL, "A");
			ck_assert(!zkp_out_end(&small));
			ck_assert_uint_eq(small.len, expected);
			zkp_out_reset(&small);
			ck_assert(!small.overflow);
		}
	}
}
END_TEST

START_TEST(no_line_is_longer_than_a_reader_takes)
{
	static char text[ZKP_REPLY_LINE_MAX + 1];

	memset(text, 'x', ZKP_REPLY_LINE_MAX - 4);
	zkp_out_begin(&out, NULL, "OK");
	zkp_out_text(&out, text); /* "OK :" and text: to the byte */
	ck_assert(zkp_out_end(&out));
	ck_assert_uint_eq(out.len, ZKP_REPLY_LINE_MAX + 1);
	zkp_out_reset(&out);
	text[ZKP_REPLY_LINE_MAX - 4] = 'x';
	zkp_out_begin(&out, NULL, "OK");
	zkp_out_text(&out, text);
	ck_assert(!zkp_out_end(&out));
	ck_assert_uint_eq(out.len, 0);
}
END_TEST

START_TEST(every_error_is_read_as_written)
{
	struct zkp_reply reply;

	for (int i = ZKP_OK + 1; i < ZKP_STATUS_COUNT; i++) {
		enum zkp_status status = (enum zkp_status)i;

		ck_assert(zkp_err(&out, i % 2 ? "t1" : NULL, status));
		read_back(&reply);
		ck_assert_int_eq(reply.class, ZKP_REPLY_ERR);
		ck_assert_int_eq(reply.status, status);
		ck_assert_str_eq(reply.tag, i % 2 ? "t1" : "");
		ck_assert_str_eq(reply.text, zkp_status_sentence(status));
	}
}
END_TEST

/* Every bad request of the vectors: its ERR is one line that carries tag,
 * code, column and what else is known. */
START_TEST(every_problem_becomes_one_readable_err)
{
	static struct vectors requests;
	unsigned seen = 0;

	ck_assert(vectors_open(&requests, "requests"));
	while (vectors_next(&requests, &v)) {
		struct zkp_problem problem;
		struct zkp_request rq;
		struct zkp_reply reply;
		uint64_t column;

		v.input[v.len] = '\0';
		if (zkp_request_parse(v.input, v.len, &rq, &problem) == ZKP_OK)
			continue;
		ck_assert(zkp_err_problem(&out, &problem));
		expect_safe();
		read_back(&reply);
		ck_assert_int_eq(reply.class, ZKP_REPLY_ERR);
		ck_assert_int_eq(reply.status, problem.status);
		ck_assert_str_eq(reply.tag, problem.tag);
		ck_assert(zkp_reply_u64(&reply, "column", &column));
		ck_assert_uint_eq(column, problem.column);
		ck_assert_uint_gt(strlen(reply.text), 0);
		seen++;
	}
	vectors_close(&requests);
	ck_assert_uint_gt(seen, 150);
}
END_TEST

START_TEST(problems_say_what_was_meant)
{
	char unknown[] = "#7 LOKC a";
	char name[] = "LOCK .a";
	char version[] = "HELLO 2";
	struct zkp_problem problem;
	struct zkp_request rq;

	ck_assert_int_eq(
	    zkp_request_parse(unknown, strlen(unknown), &rq, &problem),
	    ZKP_UNKNOWN);
	ck_assert(zkp_err_problem(&out, &problem));
	ck_assert_int_eq(zkp_request_parse(name, strlen(name), &rq, &problem),
			 ZKP_NAME);
	ck_assert(zkp_err_problem(&out, &problem));
	ck_assert_int_eq(
	    zkp_request_parse(version, strlen(version), &rq, &problem),
	    ZKP_VERSION);
	ck_assert(zkp_err_problem(&out, &problem));
	expect_line("#7 ERR UNKNOWN verb=LOKC column=4 nearest=LOCK "
		    ":there is no such verb; did you mean LOCK?\n"
		    "ERR NAME arg=name byte=1 column=6 :a name does not begin "
		    "with \".\" \"@\" \"#\" \"-\"\n"
		    "ERR VERSION max=1 column=7 :only version 1 is spoken "
		    "here\n");
}
END_TEST

START_TEST(numbers_are_read_strictly_or_not_at_all)
{
	char line[] = "OK a=1 b=-1 c=@7 d=0x1f e=1x f=@0 g= a=2";
	struct zkp_reply reply;
	uint64_t u64 = 77;
	int64_t i64 = 77;

	ck_assert_int_eq(zkp_reply_parse(line, strlen(line), &reply), ZKP_OK);
	ck_assert(!zkp_reply_u64(&reply, "b", &u64));
	ck_assert(!zkp_reply_u64(&reply, "e", &u64));
	ck_assert(!zkp_reply_u64(&reply, "g", &u64));
	ck_assert(!zkp_reply_u64(&reply, "z", &u64));
	ck_assert(!zkp_reply_id(&reply, "a", &u64));
	ck_assert(!zkp_reply_id(&reply, "f", &u64));
	ck_assert(!zkp_reply_hex(&reply, "a", &u64));
	ck_assert(!zkp_reply_i64(&reply, "e", &i64));
	ck_assert_uint_eq(u64, 77);
	ck_assert_int_eq(i64, 77);
	ck_assert(zkp_reply_u64(&reply, "a", &u64) && u64 == 1); /* the first */
	ck_assert(zkp_reply_i64(&reply, "b", &i64) && i64 == -1);
	ck_assert(zkp_reply_id(&reply, "c", &u64) && u64 == 7);
	ck_assert(zkp_reply_hex(&reply, "d", &u64) && u64 == 0x1f);
	ck_assert_ptr_null(zkp_reply_str(&reply, "A"));
	ck_assert_str_eq(zkp_reply_str(&reply, "g"), "");
}
END_TEST

START_TEST(grants_are_read_as_written)
{
	const struct zkp_grant grant = {
		.name = ":odd",
		.mode = "x",
		.node = "/zklock/a%2Fb/_c_1-lock-0000000003",
		.id = 7,
		.token = INT64_MAX,
		.gen = 65535,
		.until_ms = 918273645,
		.valid_ms = 7400,
		.waited_ms = 3,
		.max_until_ms = 918273000,
		.dev = true,
	};
	struct zkp_grant back = { 0 };
	struct zkp_reply reply;

	ck_assert(zkp_grant_write(&out, "7", &grant));
	expect_line("#7 GRANTED \":odd\" id=@7 token=9223372036854775807 "
		    "mode=x gen=65535 until_ms=918273645 valid_ms=7400 "
		    "waited_ms=3 max_until_ms=918273000 "
		    "node=/zklock/a%2Fb/_c_1-lock-0000000003 dev=1\n");
	read_back(&reply);
	ck_assert(zkp_grant_read(&reply, &back));
	ck_assert_str_eq(back.name, grant.name);
	ck_assert_str_eq(back.mode, grant.mode);
	ck_assert_str_eq(back.node, grant.node);
	ck_assert_uint_eq(back.id, grant.id);
	ck_assert_uint_eq(back.token, grant.token);
	ck_assert_uint_eq(back.gen, grant.gen);
	ck_assert_int_eq(back.until_ms, grant.until_ms);
	ck_assert_int_eq(back.valid_ms, grant.valid_ms);
	ck_assert_int_eq(back.waited_ms, grant.waited_ms);
	ck_assert_int_eq(back.max_until_ms, grant.max_until_ms);
	ck_assert(back.dev);
}
END_TEST

START_TEST(dev_is_only_what_says_so)
{
	static const struct {
		const char *line;
		bool dev;
	} cases[] = {
		{ " dev=1", true },  { "", false },         { " dev=0", false },
		{ " dev=2", false }, { " dev=yes", false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		char line[128];
		struct zkp_reply reply;
		struct zkp_grant grant;
		int len = snprintf(line, sizeof line,
				   "GRANTED a id=@1 token=1 gen=1 until_ms=1 "
				   "valid_ms=1 waited_ms=1%s",
				   cases[i].line);

		ck_assert_int_eq(zkp_reply_parse(line, (size_t)len, &reply),
				 ZKP_OK);
		ck_assert(zkp_grant_read(&reply, &grant));
		ck_assert_int_eq(grant.dev, cases[i].dev);
		ck_assert_str_eq(grant.mode, "x");
		ck_assert_str_eq(grant.node, "");
	}
}
END_TEST

START_TEST(half_a_grant_is_none)
{
	static const char *const keys[] = {
		"id", "token", "gen", "until_ms", "valid_ms", "waited_ms"
	};
	struct zkp_grant grant;

	for (size_t without = 0; without <= 6; without++) {
		struct zkp_reply reply;

		zkp_out_begin(&out, NULL, "GRANTED");
		zkp_out_word(&out, "a");
		for (size_t i = 0; i < 6; i++) {
			if (i == without)
				continue;
			if (i == 0)
				zkp_out_id(&out, keys[i], 1);
			else
				zkp_out_u64(&out, keys[i], 1);
		}
		ck_assert(zkp_out_end(&out));
		read_back(&reply);
		ck_assert_int_eq(zkp_grant_read(&reply, &grant), without == 6);
	}
}
END_TEST

START_TEST(events_are_never_tagged)
{
	struct zkp_reply reply;

	zkp_event_begin(&out, ZKP_EVENT_LOST);
	zkp_out_word(&out, "backup");
	zkp_out_id(&out, "id", 7);
	zkp_out_str(&out, "reason", "deadline");
	ck_assert(zkp_out_end(&out));
	expect_line("* LOST backup id=@7 reason=deadline\n");
	read_back(&reply);
	ck_assert_int_eq(reply.class, ZKP_REPLY_EVENT);
	ck_assert_str_eq(reply.word, "LOST");
	ck_assert_str_eq(zkp_reply_arg(&reply, 0), "backup");
}
END_TEST

/* A line of HELP: a row, or the OK behind them. */
static void read_help_line(const char *bytes, size_t len, bool row)
{
	struct zkp_reply reply;
	char *line = guard_line(&guard, bytes, len);

	ck_assert_int_eq(zkp_reply_parse(line, len, &reply), ZKP_OK);
	ck_assert_str_eq(reply.tag, "h");
	ck_assert_int_eq(reply.class, row ? ZKP_REPLY_ROW : ZKP_REPLY_FINAL);
}

static void read_help(size_t rows)
{
	size_t seen = 0;
	size_t at = 0;

	while (at < out.len) {
		size_t len = 0;

		while (wire[at + len] != '\n')
			len++;
		read_help_line(wire + at, len, seen < rows);
		seen++;
		at += len + 1;
	}
	ck_assert_uint_eq(seen, rows + 1);
}

START_TEST(help_is_rows_and_an_ok)
{
	ck_assert(zkp_reply_help(&out, "h", NULL));
	read_help(zkp_verb_count());
	zkp_out_reset(&out);
	ck_assert(zkp_reply_help(&out, "h", zkp_verb_find("LOCK")));
	read_help(2);
	expect_line(
	    "#h - LOCK :NAME... [mode=x|s] [slots=N] [wait=DUR|forever] "
	    "[note=TEXT] [min_hold=DUR] [max_hold=DUR] [wanted=1] -- "
	    "take a lock, "
	    "waiting for it if need be\n"
	    "#h - example :LOCK backup wait=30s note=\"nightly dump\"\n"
	    "#h OK\n");
}
END_TEST

/* "OK" and that many times the word. */
static enum zkp_status parse_many(const char *word, size_t times)
{
	char line[1024] = "OK";
	struct zkp_reply reply;
	size_t len = 2;

	for (size_t i = 0; i < times; i++)
		len += (size_t)snprintf(line + len, sizeof line - len, " %s",
					word);
	return zkp_reply_parse(line, len, &reply);
}

START_TEST(a_reader_has_room_and_an_end)
{
	ck_assert_int_eq(parse_many("a", ZKP_REPLY_ARGS_MAX), ZKP_OK);
	ck_assert_int_eq(parse_many("a", ZKP_REPLY_ARGS_MAX + 1), ZKP_SYNTAX);
	ck_assert_int_eq(parse_many("a=b", ZKP_REPLY_ARGS_MAX), ZKP_OK);
	ck_assert_int_eq(parse_many("a=b", ZKP_REPLY_ARGS_MAX + 1), ZKP_SYNTAX);
}
END_TEST

static void add_tests(TCase *tcase)
{
	tcase_add_test(tcase, replies_are_as_in_the_vectors);
	tcase_add_test(tcase, cutting_a_reply_changes_nothing);
	tcase_add_test(tcase, every_beginning_and_every_spoilt_byte_is_judged);
	tcase_add_test(tcase, lines_look_as_the_protocol_says);
	tcase_add_test(tcase, misleading_words_are_quoted);
	tcase_add_test(tcase, every_pair_of_bytes_gets_out_safely_and_back);
	tcase_add_test(tcase, what_plays_with_terminals_is_escaped);
	tcase_add_test(tcase, a_small_buffer_holds_whole_lines_or_none);
	tcase_add_test(tcase, no_line_is_longer_than_a_reader_takes);
	tcase_add_test(tcase, every_error_is_read_as_written);
	tcase_add_test(tcase, every_problem_becomes_one_readable_err);
	tcase_add_test(tcase, problems_say_what_was_meant);
	tcase_add_test(tcase, numbers_are_read_strictly_or_not_at_all);
	tcase_add_test(tcase, grants_are_read_as_written);
	tcase_add_test(tcase, dev_is_only_what_says_so);
	tcase_add_test(tcase, half_a_grant_is_none);
	tcase_add_test(tcase, events_are_never_tagged);
	tcase_add_test(tcase, help_is_rows_and_an_ok);
	tcase_add_test(tcase, a_reader_has_room_and_an_end);
}

int main(void)
{
	Suite *suite = suite_create("proto_reply");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	add_tests(tcase);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
