/* SPDX-License-Identifier: MIT */
/*
 * layout - the names of others as they really write them, their order, names
 * that only want to hurt, and the words in a node's data.  How ours are
 * spelled in each layout is layout_kind_test's matter.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/layout.h"
#include "proto/limits.h"
#include "proto/word.h"
#include "tests/unit/proto_guard.h"

#define HEX32  "0123456789abcdef0123456789abcdef"
#define HEX36  "01234567-89ab-cdef-0123-456789abcdef"
#define OURS36 "7a6b6c64-1122-3344-5566-000000000007"

struct row {
	const char *name;
	const char *who;
	int64_t seq;
	bool reader, writer, kin;
};

/* One row for each row of the table of implementations. */
static const struct row names[] = {
	{ HEX32 "__lock__0000000003", "kazoo", 3, false, false, false },
	{ HEX32 "__rlock__0000000004", "kazoo", 4, true, false, false },
	{ "_c_" HEX36 "-lock-0000000005", "curator", 5, false, false, false },
	{ "_c_" HEX36 "-__READ__0000000006", "curator", 6, true, false, false },
	{ "_c_" HEX36 "-__WRIT__0000000007", "curator", 7, false, true, false },
	{ "_c_" HEX32 "-lock-0000000008", "go", 8, false, false, false },
	{ "x-000000000c0ffee1-0000000009", "recipe", 9, false, false, false },
	{ "x-72057594037927936-0000000010", "recipe", 10, false, false, false },
	/* The Java recipe's session may be negative. */
	{ "x--72057594037927936-0000000011", "recipe", 11, false, false,
	  false },
	{ "lock-0000000012", "other", 12, false, false, false },
	{ "_c_" OURS36 "-lock-0000000013", "zklockd", 13, false, false, true },
	{ "_c_" OURS36 "-__READ__0000000014", "zklockd", 14, true, false,
	  true },
	{ "_c_" OURS36 "-__WRIT__0000000015", "zklockd", 15, false, true,
	  true },
	/* A counter that wrapped: %010d of a negative number. */
	{ "_c_" HEX36 "-lock--2147483648", "curator", -2147483648, false, false,
	  false },
	{ HEX32 "__lock__-2147483647", "kazoo", -2147483647, false, false,
	  false },
	{ "_c_" HEX36 "-__WRIT__-2147483646", "curator", -2147483646, false,
	  true, false },
	{ "_c_" HEX36 "-lock-2147483647", "curator", 2147483647, false, false,
	  false },
};

#define ROWS (int)(sizeof names / sizeof *names)

START_TEST(each_neighbour_is_read)
{
	const struct row *row = &names[_i];
	struct layout_child child;

	ck_assert_msg(layout_child_parse(row->name, &child), "%s", row->name);
	ck_assert_int_eq(child.seq, row->seq);
	ck_assert_str_eq(child.who, row->who);
	ck_assert_int_eq(child.reader, row->reader);
	ck_assert_int_eq(child.writer, row->writer);
	ck_assert_int_eq(child.kin, row->kin);
	ck_assert_ptr_eq(child.name, row->name);
}
END_TEST

/* Every beginning of every name, against a page that may not be read: no
 * byte past the end is looked at, and a name cut short has another number or
 * none. */
START_TEST(a_name_cut_short)
{
	const struct row *row = &names[_i];
	size_t len = strlen(row->name);
	struct layout_child child;
	struct guard guard;

	guard_open(&guard);
	for (size_t n = 0; n < len; n++) {
		char *text = guard_line(&guard, row->name, n);

		text[n] = '\0';
		if (layout_child_parse(text, &child))
			ck_assert_int_ne(child.seq, row->seq);
		(void)layout_lease_parse(text, &child);
	}
	guard_close(&guard);
}
END_TEST

/* Every byte of every name turned into every other: parsed or not, never a
 * wrong number of digits, and nothing written when refused. */
START_TEST(a_name_bent)
{
	const struct row *row = &names[_i];
	struct layout_child child;
	char text[128];

	for (size_t at = 0; at < strlen(row->name); at++) {
		for (int byte = 1; byte < 256; byte++) {
			(void)snprintf(text, sizeof text, "%s", row->name);
			text[at] = (char)byte;
			child.who = NULL;
			child.seq = 4242424242;
			if (!layout_child_parse(text, &child)) {
				SWIFT(!child.who && child.seq == 4242424242);
				continue;
			}
			SWIFT(child.who && child.seq <= 9999999999 &&
			      child.seq >= -9999999999);
		}
	}
}
END_TEST

/* What a foreign child of a lock may be called without being in the queue. */
START_TEST(what_is_not_in_the_queue)
{
	static const char *const others[] = {
		"__lock__", "__lock__123456789", "-lock-00000000\xd9\xa1",
		"LOCK-0000000001", "0000000001", "-0000000001",
		"lock-0000000001 ", "lock-+000000001", "lock-0x00000001",
		"_c_" HEX36 "-lease-0000000001", HEX32, "x-1-000000001",
		"__READ__", "__WRIT__-", "lock-0000000001\n",
		/* Ten digits, and a name that says nothing. */
		"backup-0000000001", "y-12-0000000001"
	};
	struct layout_child child;

	for (size_t i = 0; i < sizeof others / sizeof *others; i++)
		ck_assert_msg(!layout_child_parse(others[i], &child), "%s",
			      others[i]);
}
END_TEST

/* Order */

static struct layout_child parsed(const char *name)
{
	struct layout_child child;

	ck_assert_msg(layout_child_parse(name, &child), "%s", name);
	return child;
}

/* By number, never by text: whole names would put the first last. */
START_TEST(order_is_by_number)
{
	static const char *const in_order[] = {
		"_c_" HEX36 "-lock--2147483648",
		HEX32 "__lock__-0000000001",
		"_c_f1234567-89ab-cdef-0123-456789abcdef-lock-0000000000",
		"x-000000000c0ffee1-0000000001",
		"_c_01234567-89ab-cdef-0123-456789abcdef-lock-0000000002",
		HEX32 "__rlock__2147483647",
	};
	const size_t n = sizeof in_order / sizeof *in_order;

	for (size_t i = 0; i < n; i++) {
		for (size_t k = 0; k < n; k++) {
			struct layout_child a = parsed(in_order[i]);
			struct layout_child b = parsed(in_order[k]);

			ck_assert_int_eq(layout_child_before(&a, &b), i < k);
		}
	}
}
END_TEST

/* Curator's downgrade copies a number, and at 2^31 - 1 the server repeats
 * it: two nodes of one number, of which exactly one is before the other. */
START_TEST(one_number_twice)
{
	static const char *const pairs[][2] = {
		{ "_c_" HEX36 "-__WRIT__0000000004",
		  "_c_" HEX36 "-__READ__0000000004" },
		{ "_c_" HEX36 "-lock-2147483647",
		  "_c_" OURS36 "-lock-2147483647" },
	};

	for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
		struct layout_child a = parsed(pairs[i][0]);
		struct layout_child b = parsed(pairs[i][1]);

		ck_assert_int_eq(a.seq, b.seq);
		ck_assert(layout_child_before(&a, &b) !=
			  layout_child_before(&b, &a));
		ck_assert(!layout_child_before(&a, &a));
	}
}
END_TEST

START_TEST(a_nearly_used_counter_is_known)
{
	ck_assert_int_eq(LAYOUT_SEQ_REFUSE, 2147483648 - 1048576);
}
END_TEST

/* Words */

static void words_survive(const struct layout_words *words)
{
	struct layout_words back;
	char line[LAYOUT_WORDS_MAX];

	memset(line, '#', sizeof line);
	layout_words_write(words, line, sizeof line);
	ck_assert_ptr_nonnull(memchr(line, '\0', sizeof line));
	for (const char *c = line; *c; c++) /* one readable line */
		ck_assert((unsigned char)*c >= ' ' && *c != '\x7f');
	ck_assert(layout_words_read(line, strlen(line), &back));
	ck_assert_str_eq(back.host, words->host);
	ck_assert_int_eq(back.pid, words->pid);
	ck_assert_uint_eq(back.uid, words->uid);
	ck_assert_str_eq(back.command, words->command);
	ck_assert_str_eq(back.note, words->note);
}

START_TEST(words_are_read_as_they_were_written)
{
	static const struct layout_words rows[] = {
		{ "db1", 812, 1000, "deploy.py", "nightly dump" },
		{ "db1", 1, 0, "sh", "" },
		{ "h", INT64_MAX, UINT32_MAX, "a b", "say \"x\" \\ y" },
		{ "db1", 7, 7, "tab\tline\n", "host=evil pid=1" },
		{ "db1", 7, 7, "\x1b[31mred", "n\xc3\xa4hen" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
		words_survive(&rows[i]);
}
END_TEST

/* A note that is longest escaped goes, before who it is does. */
START_TEST(a_note_hides_nobody)
{
	char note[ZKP_NOTE_MAX + 1], line[LAYOUT_WORDS_MAX];
	const struct layout_words words = { "db1", 812, 1000, "sh", note };

	memset(note, '\x01', ZKP_NOTE_MAX);
	note[ZKP_NOTE_MAX] = '\0';
	layout_words_write(&words, line, sizeof line);
	ck_assert_str_eq(line, "host=db1 pid=812 uid=1000 cmd=sh");
}
END_TEST

/* Whatever a stranger has in its node, a person is shown something short and
 * printable. */
START_TEST(a_strangers_data_is_shown_printable)
{
	static const struct {
		const char *bytes;
		size_t len;
	} rows[] = {
		{ "", 0 },           { "\0\0\0\0", 4 },
		{ "10.0.0.7", 8 },   { "\xff\xfe\x1b]0;x\x07", 8 },
		{ "host=", 5 },      { "host=db1 pid=x uid=1 cmd=a", 26 },
		{ "host=\"db1", 9 }, { "a\nb", 3 },
	};
	struct layout_child child = parsed("_c_" HEX36 "-lock-0000000001");
	char buf[LAYOUT_HOLDER_MAX];
	struct guard guard;

	guard_open(&guard);
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		char *data = guard_room(&guard, rows[i].len);

		memcpy(data, rows[i].bytes, rows[i].len);
		memset(buf, '#', sizeof buf);
		layout_holder(&child, data, rows[i].len, buf, sizeof buf);
		ck_assert_ptr_nonnull(memchr(buf, '\0', sizeof buf));
		ck_assert_uint_gt(strlen(buf), 0);
		for (const char *c = buf; *c; c++)
			ck_assert((unsigned char)*c >= ' ' && *c != '\x7f');
	}
	guard_close(&guard);
}
END_TEST

START_TEST(long_words_are_cut_not_overrun)
{
	char text[4 * LAYOUT_WORDS_MAX];
	struct layout_words words = { "db1", 1, 2, text, text };
	char line[LAYOUT_WORDS_MAX + 1];

	memset(text, 'a', sizeof text - 1);
	text[sizeof text - 1] = '\0';
	line[LAYOUT_WORDS_MAX] = '!';
	layout_words_write(&words, line, LAYOUT_WORDS_MAX);
	ck_assert_int_eq(line[LAYOUT_WORDS_MAX], '!');
	ck_assert_ptr_nonnull(memchr(line, '\0', LAYOUT_WORDS_MAX));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("layout");
	TCase *tc = tcase_create("layout");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tc, each_neighbour_is_read, 0, ROWS);
	tcase_add_loop_test(tc, a_name_cut_short, 0, ROWS);
	tcase_add_loop_test(tc, a_name_bent, 0, ROWS);
	tcase_add_test(tc, what_is_not_in_the_queue);
	tcase_add_test(tc, order_is_by_number);
	tcase_add_test(tc, one_number_twice);
	tcase_add_test(tc, a_nearly_used_counter_is_known);
	tcase_add_test(tc, words_are_read_as_they_were_written);
	tcase_add_test(tc, a_note_hides_nobody);
	tcase_add_test(tc, a_strangers_data_is_shown_printable);
	tcase_add_test(tc, long_words_are_cut_not_overrun);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
