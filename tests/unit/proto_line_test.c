/* SPDX-License-Identifier: MIT */
/* proto/line: the same lines come out however the bytes were cut (B1, B6). */
#include <check.h>
#include <stdlib.h>

#include "proto/line.h"
#include "tests/unit/proto_guard.h"
#include "tests/unit/proto_vectors.h"

#define LINE_MAX_HERE 8

/* What comes out of a stream, in the words of lines.txt. */
struct sink {
	char text[VECTOR_OUTCOME_MAX];
	size_t len;
};

static void sink_bytes(struct sink *sink, const char *bytes, size_t len)
{
	SWIFT(len < sizeof sink->text - sink->len);
	memcpy(sink->text + sink->len, bytes, len);
	sink->len += len;
	sink->text[sink->len] = '\0';
}

static void sink_line(struct sink *sink, const char *line, size_t len)
{
	sink_bytes(sink, "= ", 2);
	for (size_t i = 0; i < len; i++) {
		char escaped[8];

		if (line[i] > 0x20 && line[i] < 0x7f) {
			sink_bytes(sink, line + i, 1);
			continue;
		}
		(void)snprintf(escaped, sizeof escaped, "%%%02X",
			       (unsigned)(unsigned char)line[i]);
		sink_bytes(sink, escaped, 3);
	}
	sink_bytes(sink, "\n", 1);
}

static void drain(struct zkp_line *reader, struct sink *sink)
{
	enum zkp_line_got got;
	char *line = NULL;
	size_t len = 0;

	while ((got = zkp_line_take(reader, &line, &len)) != ZKP_LINE_NONE) {
		if (got == ZKP_LINE_TOOLONG) {
			sink_bytes(sink, "! TOOLONG\n", 10);
			continue;
		}
		SWIFT(line[len] == '\0');
		sink_line(sink, line, len);
		memset(line, '#', len); /* it is the caller's to write in */
	}
}

static void feed(struct zkp_line *reader, struct sink *sink, const char *bytes,
		 size_t len)
{
	while (len > 0) {
		size_t taken = zkp_line_feed(reader, bytes, len);

		SWIFT(taken > 0);
		bytes += taken;
		len -= taken;
		drain(reader, sink);
	}
}

/* The stream, cut behind "cut" bytes and then into pieces of "piece", through
 * a buffer of that many bytes that ends at the abyss. */
struct cutting {
	size_t cut;
	size_t piece;
	size_t buf_size;
};

static void play(const struct guard *guard, const struct vector *v,
		 struct cutting how, struct sink *sink)
{
	char *buf = guard_room(guard, how.buf_size);
	struct zkp_line reader;
	size_t at = how.cut;

	sink->len = 0;
	sink->text[0] = '\0';
	zkp_line_init(&reader, buf, how.buf_size, LINE_MAX_HERE);
	feed(&reader, sink, v->input, how.cut);
	while (at < v->len) {
		size_t len = v->len - at < how.piece ? v->len - at : how.piece;

		feed(&reader, sink, v->input + at, len);
		at += len;
	}
	if (zkp_line_is_partial(&reader))
		sink_bytes(sink, "~\n", 2);
}

static void play_all_ways(const struct guard *guard, const struct vector *v)
{
	static const size_t buf_sizes[] = { LINE_MAX_HERE + 2,
					    LINE_MAX_HERE + 3, 64, 8192 };
	static struct sink sink;

	for (size_t i = 0; i < sizeof buf_sizes / sizeof buf_sizes[0]; i++) {
		for (size_t cut = 0; cut <= v->len; cut++) {
			struct cutting how = { cut, SIZE_MAX, buf_sizes[i] };

			play(guard, v, how, &sink);
			if (strcmp(sink.text, v->outcome) != 0)
				ck_abort_msg("line %u, cut at %zu: %s", v->line,
					     cut, sink.text);
		}
		for (size_t piece = 1; piece <= 5; piece++) {
			struct cutting how = { 0, piece, buf_sizes[i] };

			play(guard, v, how, &sink);
			if (strcmp(sink.text, v->outcome) != 0)
				ck_abort_msg("line %u, by %zu: %s", v->line,
					     piece, sink.text);
		}
	}
}

START_TEST(streams_are_as_in_the_vectors_however_cut)
{
	static struct vector v;
	struct vectors all;
	struct guard guard;
	unsigned seen = 0;

	guard_open(&guard);
	ck_assert(vectors_open(&all, "lines"));
	while (vectors_next(&all, &v)) {
		play_all_ways(&guard, &v);
		seen++;
	}
	vectors_close(&all);
	guard_close(&guard);
	ck_assert_uint_gt(seen, 25);
}
END_TEST

/* B1: said at the byte that passes the limit, long before the line ends. */
START_TEST(overlong_is_said_at_once_and_once)
{
	static char buf[ZKP_LINE_MAX + ZKP_LINE_END_MAX];
	struct zkp_line reader;
	char *line;
	size_t len;

	zkp_line_init(&reader, buf, sizeof buf, ZKP_LINE_MAX);
	for (size_t i = 0; i < ZKP_LINE_MAX; i++) {
		SWIFT(zkp_line_feed(&reader, "x", 1) == 1);
		SWIFT(zkp_line_take(&reader, &line, &len) == ZKP_LINE_NONE);
	}
	SWIFT(zkp_line_feed(&reader, "x", 1) == 1);
	SWIFT(zkp_line_take(&reader, &line, &len) == ZKP_LINE_TOOLONG);
	for (size_t i = 0; i < 100000; i++) {
		SWIFT(zkp_line_feed(&reader, "x", 1) == 1);
		SWIFT(zkp_line_take(&reader, &line, &len) == ZKP_LINE_NONE);
	}
	SWIFT(zkp_line_is_partial(&reader));
	SWIFT(zkp_line_feed(&reader, "\nok\n", 4) == 4);
	SWIFT(zkp_line_take(&reader, &line, &len) == ZKP_LINE_WHOLE);
	SWIFT(strcmp(line, "ok") == 0);
	SWIFT(!zkp_line_is_partial(&reader));
}
END_TEST

/* B1: a gigabyte without an end costs time, not memory, and not much of it:
 * the buffer stays the one we gave. */
START_TEST(gigabyte_without_end_is_swallowed)
{
	static char buf[ZKP_LINE_MAX + ZKP_LINE_END_MAX];
	struct zkp_line reader;
	unsigned said = 0;
	char *line;
	size_t len;
	size_t size;

	zkp_line_init(&reader, buf, sizeof buf, ZKP_LINE_MAX);
	memset(buf, 'x', sizeof buf);
	for (size_t fed = 0; fed < (size_t)1 << 30; fed += size) {
		char *space = zkp_line_space(&reader, &size);

		SWIFT(space >= buf);
		SWIFT(size > 0);
		SWIFT(space + size <= buf + sizeof buf);
		zkp_line_filled(&reader, size);
		while (zkp_line_take(&reader, &line, &len) != ZKP_LINE_NONE)
			said++;
	}
	SWIFT(said == 1);
}
END_TEST

/* A quota stops taking in the middle; nothing is lost or doubled. */
START_TEST(taking_may_pause_between_lines)
{
	char buf[LINE_MAX_HERE + ZKP_LINE_END_MAX];
	struct zkp_line reader;
	char *line;
	size_t len;

	zkp_line_init(&reader, buf, sizeof buf, LINE_MAX_HERE);
	ck_assert_uint_eq(zkp_line_feed(&reader, "1\n2\n3\n4", 7), 7);
	ck_assert_int_eq(zkp_line_take(&reader, &line, &len), ZKP_LINE_WHOLE);
	ck_assert_str_eq(line, "1");
	ck_assert_uint_eq(zkp_line_feed(&reader, "5\n6\n7\n8\n", 8), 5);
	ck_assert_int_eq(zkp_line_take(&reader, &line, &len), ZKP_LINE_WHOLE);
	ck_assert_str_eq(line, "2");
	ck_assert_uint_eq(zkp_line_feed(&reader, "\n8\n", 3), 2);
	ck_assert_int_eq(zkp_line_take(&reader, &line, &len), ZKP_LINE_WHOLE);
	ck_assert_str_eq(line, "3");
	ck_assert_int_eq(zkp_line_take(&reader, &line, &len), ZKP_LINE_WHOLE);
	ck_assert_str_eq(line, "45");
	ck_assert_int_eq(zkp_line_take(&reader, &line, &len), ZKP_LINE_WHOLE);
	ck_assert_str_eq(line, "6");
	ck_assert_int_eq(zkp_line_take(&reader, &line, &len), ZKP_LINE_WHOLE);
	ck_assert_str_eq(line, "7");
	ck_assert_int_eq(zkp_line_take(&reader, &line, &len), ZKP_LINE_NONE);
	ck_assert_uint_eq(zkp_line_feed(&reader, "\n", 1), 1);
	ck_assert_int_eq(zkp_line_take(&reader, &line, &len), ZKP_LINE_WHOLE);
	ck_assert_str_eq(line, "8");
	ck_assert(!zkp_line_is_partial(&reader));
}
END_TEST

/* Random streams of ends and few letters: whole and in pieces they agree. */
START_TEST(random_streams_agree_with_themselves)
{
	static const char letters[] = "\n\n\r\rab";
	static struct sink whole, pieces;
	static struct vector v;
	struct guard guard;

	guard_open(&guard);
	srandom(20);
	for (int round = 0; round < 3000; round++) {
		struct cutting one = { 0, SIZE_MAX, 64 };
		struct cutting many = { 0, 1 + (size_t)random() % 7,
					LINE_MAX_HERE + 2 };

		v.len = (size_t)random() % 80;
		for (size_t i = 0; i < v.len; i++)
			v.input[i] =
			    letters[random() % (long)(sizeof letters - 1)];
		play(&guard, &v, one, &whole);
		play(&guard, &v, many, &pieces);
		SWIFT(strcmp(whole.text, pieces.text) == 0);
	}
	guard_close(&guard);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("proto_line");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, streams_are_as_in_the_vectors_however_cut);
	tcase_add_test(tcase, overlong_is_said_at_once_and_once);
	tcase_add_test(tcase, gigabyte_without_end_is_swallowed);
	tcase_add_test(tcase, taking_may_pause_between_lines);
	tcase_add_test(tcase, random_streams_agree_with_themselves);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
