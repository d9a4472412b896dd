/* SPDX-License-Identifier: MIT */
/*
 * proto/PROTOCOL.md says what the tables say: each verb with its usage, key,
 * status, event and limit stands there, and the grammar is the one of
 * grammar.abnf.
 */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/caps.h"
#include "proto/page.h"
#include "proto/reply.h"
#include "proto/request.h"

#define FILE_BYTES_MAX (128 * 1024)

static char page[FILE_BYTES_MAX];
static char grammar[FILE_BYTES_MAX];
static char dictionary[FILE_BYTES_MAX];

/* name is a path from the project's root. */
static void read_file(const char *name, char *buf)
{
	char path[512];
	size_t len;
	FILE *file;

	(void)snprintf(path, sizeof path, "%s/%s", ZKL_SOURCE_DIR, name);
	file = fopen(path, "re");
	ck_assert_msg(file != NULL, "%s", path);
	len = fread(buf, 1, FILE_BYTES_MAX - 1, file);
	ck_assert_uint_lt(len, FILE_BYTES_MAX - 1);
	(void)fclose(file);
	buf[len] = '\0';
}

static void setup(void)
{
	read_file("proto/PROTOCOL.md", page);
	read_file("proto/grammar.abnf", grammar);
}

static void expect(const char *text)
{
	ck_assert_msg(strstr(page, text) != NULL, "PROTOCOL.md lacks: %s",
		      text);
}

/* A bar inside of a table's cell is written \|. */
static void bars_escaped(const char *text, char *buf, size_t size)
{
	size_t len = 0;

	for (; *text && len + 3 < size; text++) {
		if (*text == '|')
			buf[len++] = '\\';
		buf[len++] = *text;
	}
	buf[len] = '\0';
}

START_TEST(every_verb_has_its_row)
{
	for (size_t i = 0; i < zkp_verb_count(); i++) {
		const struct zkp_verb_row *verb = zkp_verb_at(i);
		char usage[256], row[512];

		bars_escaped(verb->usage, usage, sizeof usage);
		if (*usage)
			(void)snprintf(row, sizeof row,
				       "\n| `%s` | `%s` | %s |", verb->word,
				       usage, verb->help);
		else
			(void)snprintf(row, sizeof row, "\n| `%s` | | %s |",
				       verb->word, verb->help);
		expect(row);
	}
}
END_TEST

/* "| `note` | HELLO LOCK TRYLOCK |": the verbs in the table's order. */
START_TEST(every_key_has_its_row_with_its_verbs)
{
	for (int key = 0; key < ZKP_KEY_COUNT; key++) {
		char row[256];
		int len = snprintf(row, sizeof row, "\n| `%s` |",
				   zkp_key_word((enum zkp_key)key));

		for (size_t i = 0; i < zkp_verb_count(); i++) {
			const struct zkp_verb_row *verb = zkp_verb_at(i);

			if (verb->keys & ZKP_KEY_BIT(key))
				len += snprintf(row + len,
						sizeof row - (size_t)len, " %s",
						verb->word);
		}
		(void)snprintf(row + len, sizeof row - (size_t)len, " |");
		expect(row);
	}
}
END_TEST

START_TEST(every_status_has_its_row)
{
	for (int i = ZKP_OK + 1; i < ZKP_STATUS_COUNT; i++) {
		char row[256];

		(void)snprintf(row, sizeof row, "\n| `%s` | %s |",
			       zkp_status_word((enum zkp_status)i),
			       zkp_status_sentence((enum zkp_status)i));
		expect(row);
	}
}
END_TEST

START_TEST(every_event_has_its_row)
{
	for (int i = 0; i < ZKP_EVENT_COUNT; i++) {
		char row[64];

		(void)snprintf(row, sizeof row, "\n| `* %s ",
			       zkp_event_word((enum zkp_event)i));
		expect(row);
	}
}
END_TEST

START_TEST(every_cap_has_its_row)
{
	char all[256] = "";
	size_t used = 0;

	for (int i = 0; i < ZKP_CAP_COUNT; i++) {
		const char *word = zkp_cap_word((enum zkp_cap)i);
		char row[64];

		(void)snprintf(row, sizeof row, "\n| `%s` |", word);
		expect(row);
		used += (size_t)snprintf(all + used, sizeof all - used, "%s%s",
					 i ? "," : "", word);
	}
	ck_assert_str_eq(zkp_caps_all(), all);
}
END_TEST

static void expect_limit(const char *what, int64_t value, const char *unit)
{
	char row[128];

	(void)snprintf(row, sizeof row, "\n| %s | %" PRId64 "%s", what, value,
		       unit);
	expect(row);
}

START_TEST(every_limit_has_its_number)
{
	expect_limit("request line, without CR and LF", ZKP_LINE_MAX, " bytes");
	expect_limit("reply or event line, without LF", ZKP_REPLY_LINE_MAX,
		     " bytes");
	expect_limit("name", ZKP_NAME_MAX, " bytes");
	expect_limit("note", ZKP_NOTE_MAX, " bytes");
	expect_limit("client", ZKP_CLIENT_MAX, " bytes");
	expect_limit("word of PING", ZKP_PING_MAX, " bytes");
	expect_limit("tag", ZKP_TAG_MAX, " characters");
	expect_limit("verb", ZKP_VERB_MAX, " letters");
	expect_limit("key", ZKP_KEY_MAX, " characters");
	expect_limit("words and pairs behind a verb", ZKP_ARGS_MAX, " |");
	expect_limit("words, and pairs, of a reply", ZKP_REPLY_ARGS_MAX,
		     " each");
	expect_limit("wait", ZKP_WAIT_MS_MAX, " ms");
	expect_limit("token, id", ZKP_TOKEN_MAX, " |");
	ck_assert_int_eq(ZKP_TOKEN_MAX, ZKP_ID_MAX);
}
END_TEST

START_TEST(the_lease_page_is_as_written)
{
	expect("| 0 | 8 | the word");
	ck_assert_int_eq(ZKP_PAGE_WORD_AT, 0);
	expect("| 8 | 8 | `" ZKP_PAGE_MAGIC "`");
	expect("| 16 | 8 | the id");
	ck_assert_int_eq(ZKP_PAGE_ID_AT, 16);
	expect("It is 4096 bytes:");
	ck_assert_int_eq(ZKP_PAGE_SIZE, 4096);
	expect("gen << 48 ");
	ck_assert_int_eq(ZKP_PAGE_GEN_SHIFT, 48);
}
END_TEST

START_TEST(the_grammar_is_the_one_of_the_file)
{
	ck_assert_uint_gt(strlen(grammar), 1000);
	expect(grammar);
}
END_TEST

static void expect_entry(const char *before, const char *word,
			 const char *after)
{
	char entry[64];

	(void)snprintf(entry, sizeof entry, "\n\"%s%s%s\"\n", before, word,
		       after);
	ck_assert_msg(strstr(dictionary, entry) != NULL, "proto.dict lacks %s",
		      entry);
}

START_TEST(the_fuzzers_know_the_words)
{
	read_file("tests/fuzz/proto.dict", dictionary);
	for (size_t i = 0; i < zkp_verb_count(); i++)
		expect_entry("", zkp_verb_at(i)->word, " ");
	for (int i = 0; i < ZKP_KEY_COUNT; i++)
		expect_entry(" ", zkp_key_word((enum zkp_key)i), "=");
	for (int i = ZKP_OK + 1; i < ZKP_STATUS_COUNT; i++)
		expect_entry("ERR ", zkp_status_word((enum zkp_status)i), "");
	for (int i = 0; i < ZKP_EVENT_COUNT; i++)
		expect_entry("* ", zkp_event_word((enum zkp_event)i), "");
}
END_TEST

/* The way to spoil these tests is a page that names everything. */
START_TEST(nothing_is_promised_that_is_not_there)
{
	static const char *const later[] = { "`METRICS`", "`DRAIN`" };

	for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
		ck_assert_msg(!strstr(page, later[i]), "%s", later[i]);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("proto_contract");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tcase, setup, NULL);
	tcase_add_test(tcase, every_verb_has_its_row);
	tcase_add_test(tcase, every_key_has_its_row_with_its_verbs);
	tcase_add_test(tcase, every_status_has_its_row);
	tcase_add_test(tcase, every_event_has_its_row);
	tcase_add_test(tcase, every_cap_has_its_row);
	tcase_add_test(tcase, every_limit_has_its_number);
	tcase_add_test(tcase, the_lease_page_is_as_written);
	tcase_add_test(tcase, the_grammar_is_the_one_of_the_file);
	tcase_add_test(tcase, the_fuzzers_know_the_words);
	tcase_add_test(tcase, nothing_is_promised_that_is_not_there);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
