/* SPDX-License-Identifier: MIT */
/*
 * proto/request and proto/verb: what each line means, by the vectors; that
 * no line, cut or spoilt anywhere, reads past its end; and the way back.
 */
#include <check.h>
#include <stdlib.h>

#include "proto/line.h"
#include "proto/request.h"
#include "tests/unit/proto_guard.h"
#include "tests/unit/proto_vectors.h"

#define OUTCOME_MAX 8192

static struct guard guard;
static struct vectors all;
static struct vector v;

static void setup(void)
{
	guard_open(&guard);
	ck_assert(vectors_open(&all, "requests"));
}

static void teardown(void)
{
	vectors_close(&all);
	guard_close(&guard);
}

START_TEST(requests_are_as_in_the_vectors)
{
	char outcome[OUTCOME_MAX];
	unsigned seen = 0;

	while (vectors_next(&all, &v)) {
		char *line = guard_line(&guard, v.input, v.len);

		request_outcome(line, v.len, outcome, sizeof outcome);
		ck_assert_msg(strcmp(outcome, v.outcome) == 0,
			      "line %u gave %s", v.line, outcome);
		seen++;
	}
	ck_assert_uint_gt(seen, 250);
}
END_TEST

/* Takes the one line that is in the reader, or is not yet. */
static bool take_outcome(struct zkp_line *reader, char *outcome, size_t size)
{
	char *line;
	size_t len;

	switch (zkp_line_take(reader, &line, &len)) {
	case ZKP_LINE_NONE:
		return false;
	case ZKP_LINE_TOOLONG:
		ck_abort_msg("too long");
		break;
	case ZKP_LINE_WHOLE:
		request_outcome(line, len, outcome, size);
		break;
	}
	return true;
}

static void feed_all(struct zkp_line *reader, const char *bytes, size_t len)
{
	SWIFT(zkp_line_feed(reader, bytes, len) == len);
}

/* B6: the line through a reader, cut in two at "cut". */
static void cut_in_two(const char *wire, size_t len, size_t cut)
{
	size_t size = ZKP_LINE_MAX + ZKP_LINE_END_MAX;
	char outcome[OUTCOME_MAX];
	struct zkp_line reader;

	zkp_line_init(&reader, guard_room(&guard, size), size, ZKP_LINE_MAX);
	feed_all(&reader, wire, cut);
	if (cut < len)
		SWIFT(!take_outcome(&reader, outcome, sizeof outcome));
	feed_all(&reader, wire + cut, len - cut);
	SWIFT(take_outcome(&reader, outcome, sizeof outcome));
	if (strcmp(outcome, v.outcome) != 0)
		ck_abort_msg("line %u, cut at %zu: %s", v.line, cut, outcome);
}

static void byte_by_byte(const char *wire, size_t len)
{
	size_t size = ZKP_LINE_MAX + ZKP_LINE_END_MAX;
	char outcome[OUTCOME_MAX];
	struct zkp_line reader;

	zkp_line_init(&reader, guard_room(&guard, size), size, ZKP_LINE_MAX);
	for (size_t i = 0; i < len; i++) {
		feed_all(&reader, wire + i, 1);
		SWIFT(take_outcome(&reader, outcome, sizeof outcome) ==
		      (i + 1 == len));
	}
	if (strcmp(outcome, v.outcome) != 0)
		ck_abort_msg("line %u: %s", v.line, outcome);
}

START_TEST(cutting_a_request_changes_nothing)
{
	static char wire[VECTOR_INPUT_MAX + 2];

	while (vectors_next(&all, &v)) {
		if (v.len > 0 && v.input[v.len - 1] == '\r')
			continue; /* the reader would take it for a line's end
				   */
		memcpy(wire, v.input, v.len);
		wire[v.len] = '\r';
		wire[v.len + 1] = '\n';
		byte_by_byte(wire, v.len + 2);
		for (size_t cut = 0; cut <= v.len + 2; cut++)
			cut_in_two(wire, v.len + 2, cut);
	}
}
END_TEST

/* A problem must always be one that can be told. */
static void parse_sanely(const char *bytes, size_t len)
{
	char *line = guard_line(&guard, bytes, len);
	struct zkp_problem problem;
	struct zkp_request rq;

	if (zkp_request_parse(line, len, &rq, &problem) == ZKP_OK) {
		ck_assert_ptr_nonnull(rq.tag);
		SWIFT(strlen(rq.note) <= ZKP_NOTE_MAX);
		SWIFT(strlen(rq.name) <= ZKP_NAME_MAX);
		return;
	}
	SWIFT(problem.column >= 1);
	SWIFT(problem.column <= len + 1);
	SWIFT(strlen(problem.text) > 0);
	SWIFT(strlen(problem.tag) <= ZKP_TAG_MAX);
}

START_TEST(every_beginning_of_a_line_is_judged)
{
	while (vectors_next(&all, &v)) {
		for (size_t len = 0; len <= v.len; len++)
			parse_sanely(v.input, len);
	}
}
END_TEST

static void spoil(size_t at)
{
	static const char spoilers[] = "\0\"\\ =#@:\n\r\t\x1b\x7f\x80\xff";
	char kept = v.input[at];

	for (size_t i = 0; i < sizeof spoilers; i++) {
		v.input[at] = spoilers[i];
		parse_sanely(v.input, v.len);
	}
	v.input[at] = kept;
}

START_TEST(every_spoilt_byte_is_judged)
{
	while (vectors_next(&all, &v)) {
		for (size_t at = 0; at < v.len && at < 300; at++)
			spoil(at);
	}
}
END_TEST

/* Write what was parsed, parse what was written: the same, and the second
 * writing gives the same bytes as the first. */
static void there_and_back(const char *expected)
{
	static char wire[ZKP_LINE_MAX + 1], again[ZKP_LINE_MAX + 1];
	struct zkp_out out, out_again;
	struct zkp_problem problem;
	struct zkp_request rq;
	char outcome[OUTCOME_MAX];
	char *line = guard_line(&guard, v.input, v.len);

	ck_assert_int_eq(zkp_request_parse(line, v.len, &rq, &problem), ZKP_OK);
	zkp_out_init(&out, wire, sizeof wire);
	ck_assert(zkp_request_write(&out, &rq));
	ck_assert_int_eq(wire[out.len - 1], '\n');
	ck_assert_ptr_null(memchr(wire, '\n', out.len - 1));

	line = guard_line(&guard, wire, out.len - 1);
	ck_assert_int_eq(zkp_request_parse(line, out.len - 1, &rq, &problem),
			 ZKP_OK);
	zkp_out_init(&out_again, again, sizeof again);
	ck_assert(zkp_request_write(&out_again, &rq));
	ck_assert_uint_eq(out_again.len, out.len);
	ck_assert_mem_eq(again, wire, out.len);
	request_show(&rq, outcome, sizeof outcome);
	ck_assert_msg(strcmp(outcome, expected) == 0, "line %u: %s", v.line,
		      outcome);
}

START_TEST(what_is_written_parses_to_the_same)
{
	unsigned seen = 0;

	while (vectors_next(&all, &v)) {
		if (v.outcome[0] != '=')
			continue;
		there_and_back(v.outcome);
		seen++;
	}
	ck_assert_uint_gt(seen, 60);
}
END_TEST

/* Every byte that a note can hold comes back (NUL cannot). */
START_TEST(notes_carry_every_byte)
{
	char note[ZKP_NOTE_MAX + 1];
	char wire[ZKP_LINE_MAX + 1];
	struct zkp_problem problem;
	struct zkp_request rq, back;
	struct zkp_out out;

	for (size_t i = 0; i < ZKP_NOTE_MAX - 1; i++)
		note[i] = (char)(i + 1);
	note[ZKP_NOTE_MAX - 1] = '"';
	note[ZKP_NOTE_MAX] = '\0';
	zkp_request_init(&rq, ZKP_VERB_TRYLOCK);
	rq.name = "a";
	rq.note = note;
	zkp_out_init(&out, wire, sizeof wire);
	ck_assert(zkp_request_write(&out, &rq));
	wire[out.len - 1] = '\0';
	ck_assert_int_eq(zkp_request_parse(wire, out.len - 1, &back, &problem),
			 ZKP_OK);
	ck_assert_str_eq(back.note, note);
}
END_TEST

/* The bounds of limits.h hold together: everything at its longest, every
 * byte escaped, is one line. */
START_TEST(longest_request_is_one_line)
{
	char tag[ZKP_TAG_MAX + 1], name[ZKP_NAME_MAX + 1];
	char note[ZKP_NOTE_MAX + 1];
	char wire[ZKP_LINE_MAX + 1];
	struct zkp_request rq;
	struct zkp_out out;

	memset(tag, 't', sizeof tag - 1);
	memset(name, 'n', sizeof name - 1);
	memset(note, '\x01', sizeof note - 1);
	tag[ZKP_TAG_MAX] = name[ZKP_NAME_MAX] = note[ZKP_NOTE_MAX] = '\0';
	zkp_request_init(&rq, ZKP_VERB_LOCK);
	rq.tag = tag;
	rq.name = name;
	rq.note = note;
	rq.wait_ms = ZKP_WAIT_MS_MAX;
	zkp_out_init(&out, wire, sizeof wire);
	ck_assert(zkp_request_write(&out, &rq));
	parse_sanely(wire, out.len - 1);
}
END_TEST

START_TEST(writing_keeps_to_the_buffer_and_the_limit)
{
	static char huge[ZKP_LINE_MAX + 100];
	static char wire[2 * ZKP_LINE_MAX];
	struct zkp_request rq;
	struct zkp_out out;

	zkp_request_init(&rq, ZKP_VERB_LOCK);
	rq.name = "backup";
	for (size_t size = 0; size <= strlen("LOCK backup\n"); size++) {
		zkp_out_init(&out, guard_room(&guard, size), size);
		ck_assert_int_eq(zkp_request_write(&out, &rq),
				 size == strlen("LOCK backup\n"));
		if (size < strlen("LOCK backup\n"))
			ck_assert_uint_eq(out.len, 0);
		ck_assert(!out.overflow); /* as it was */
	}
	memset(huge, 'n', ZKP_LINE_MAX - strlen("LOCK backup note="));
	rq.note = huge; /* exactly as much as a line holds */
	zkp_out_init(&out, wire, sizeof wire);
	ck_assert(zkp_request_write(&out, &rq));
	ck_assert_uint_eq(out.len, ZKP_LINE_MAX + 1);
	zkp_out_reset(&out);
	huge[strlen(huge)] = 'n'; /* and one more */
	ck_assert(!zkp_request_write(&out, &rq));
	ck_assert_uint_eq(out.len, 0);
	rq.note = "";
	ck_assert(zkp_request_write(&out, &rq));
}
END_TEST

/* The table is what HELP and the manual are made of: it must not lie. */
START_TEST(every_example_is_a_request_of_its_verb)
{
	for (size_t i = 0; i < zkp_verb_count(); i++) {
		const struct zkp_verb_row *row = zkp_verb_at(i);
		char line[256];
		struct zkp_problem problem;
		struct zkp_request rq;

		(void)snprintf(line, sizeof line, "%s", row->example);
		ck_assert_int_eq(
		    zkp_request_parse(line, strlen(line), &rq, &problem),
		    ZKP_OK);
		ck_assert_int_eq(rq.verb, row->verb);
		ck_assert_ptr_eq(zkp_verb_row(row->verb), row);
		ck_assert_ptr_eq(zkp_verb_find(row->word), row);
		ck_assert_uint_le(strlen(row->word), ZKP_VERB_MAX);
	}
	ck_assert_ptr_null(zkp_verb_at(zkp_verb_count()));
	ck_assert_ptr_null(zkp_verb_row(ZKP_VERB_EMPTY));
}
END_TEST

START_TEST(every_usage_names_its_keys_and_no_others)
{
	for (size_t i = 0; i < zkp_verb_count(); i++) {
		const struct zkp_verb_row *row = zkp_verb_at(i);

		for (int key = 0; key < ZKP_KEY_COUNT; key++) {
			const char *word = zkp_key_word((enum zkp_key)key);
			char shown[ZKP_KEY_MAX + 3];
			bool allowed = row->keys & ZKP_KEY_BIT(key);

			(void)snprintf(shown, sizeof shown, "[%s=", word);
			ck_assert_msg(!!strstr(row->usage, shown) == allowed,
				      "%s %s", row->word, word);
			ck_assert_int_eq(zkp_key_find(word), key);
		}
	}
	ck_assert_int_eq(zkp_key_find("WAIT"), -1);
	ck_assert_int_eq(zkp_key_find(""), -1);
}
END_TEST

static const char *nearest(const char *word)
{
	const struct zkp_verb_row *row = zkp_verb_nearest(word);

	return row ? row->word : "none";
}

/* One slip in a short word, two in a long one: a letter too many, missing,
 * another, or two swapped. */
START_TEST(a_slip_is_near_and_a_stranger_is_not)
{
	static const char *const all_keys[] = { "client", "note",  "lease",
						"mode",   "wait",  "token",
						"sync",   "state", "scope" };
	char endless[ZKP_KEY_MAX + 2];

	ck_assert_str_eq(nearest("loc"), "LOCK");
	ck_assert_str_eq(nearest("OCK"), "LOCK");
	ck_assert_str_eq(nearest("LOCKK"), "LOCK");
	ck_assert_str_eq(nearest("LOXK"), "LOCK");
	ck_assert_str_eq(nearest("OLCK"), "LOCK");
	ck_assert_str_eq(nearest("LKOC"), "none");
	ck_assert_str_eq(nearest("LO"), "none");
	ck_assert_str_eq(nearest("UNOLKC"), "UNLOCK");
	ck_assert_str_eq(nearest("UNLOCKED"), "UNLOCK");
	ck_assert_str_eq(nearest("UNLOCKING"), "none");
	ck_assert_str_eq(nearest("VERSIONS"), "VERSION");
	ck_assert_str_eq(nearest("TATS"), "STATS");
	ck_assert_str_eq(nearest(""), "none");
	for (size_t i = 0; i < sizeof all_keys / sizeof all_keys[0]; i++)
		ck_assert_str_eq(zkp_key_nearest(all_keys[i], UINT32_MAX),
				 all_keys[i]);
	ck_assert_ptr_null(zkp_key_nearest("wait", 0));
	memset(endless, 'k', sizeof endless - 1);
	endless[sizeof endless - 1] = '\0';
	ck_assert_str_eq(nearest(endless), "none");
	ck_assert_ptr_null(zkp_key_nearest(endless, UINT32_MAX));
}
END_TEST

/* The tag of a bad line stands in the caller's line, so that ERR has it. */
START_TEST(a_bad_line_keeps_its_tag)
{
	char line[] = "#job.7 LOCK backup wait=soon";
	struct zkp_problem problem;
	struct zkp_request rq = { .verb = ZKP_VERB_QUIT };

	ck_assert_int_eq(zkp_request_parse(line, strlen(line), &rq, &problem),
			 ZKP_ARGS);
	ck_assert_str_eq(problem.tag, "job.7");
	ck_assert_ptr_eq(problem.tag, line + 1);
	ck_assert_str_eq(problem.arg, "wait");
	ck_assert_uint_eq(problem.column, 25);
	ck_assert_int_eq(rq.verb, ZKP_VERB_QUIT); /* not written */
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("proto_request");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, teardown);
	tcase_set_timeout(tcase, 120);
	tcase_add_test(tcase, requests_are_as_in_the_vectors);
	tcase_add_test(tcase, cutting_a_request_changes_nothing);
	tcase_add_test(tcase, every_beginning_of_a_line_is_judged);
	tcase_add_test(tcase, every_spoilt_byte_is_judged);
	tcase_add_test(tcase, what_is_written_parses_to_the_same);
	tcase_add_test(tcase, notes_carry_every_byte);
	tcase_add_test(tcase, longest_request_is_one_line);
	tcase_add_test(tcase, writing_keeps_to_the_buffer_and_the_limit);
	tcase_add_test(tcase, every_example_is_a_request_of_its_verb);
	tcase_add_test(tcase, every_usage_names_its_keys_and_no_others);
	tcase_add_test(tcase, a_slip_is_near_and_a_stranger_is_not);
	tcase_add_test(tcase, a_bad_line_keeps_its_tag);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
