/* SPDX-License-Identifier: MIT */
/*
 * layout - the name of a bid in each layout, and that what is written is read
 * again as what it is: by us, and by the others' own rules.
 */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/layout.h"

static const struct layout_uuid uuid = { UINT64_C(0x7a6b6c6411223344),
					 UINT64_C(0x5566000000000007) };

struct spelled {
	enum layout_kind kind;
	enum zkp_mode mode;
	const char *name; /* without digits */
	bool reader, writer;
};

#define DASHED "_c_7a6b6c64-1122-3344-5566-000000000007"
#define PLAIN  "7a6b6c64112233445566000000000007"

static const struct spelled table[] = {
	{ LAYOUT_OWN, ZKP_MODE_X, DASHED "-lock-", false, false },
	{ LAYOUT_OWN, ZKP_MODE_S, DASHED "-__READ__", true, false },
	{ LAYOUT_CURATOR, ZKP_MODE_X, DASHED "-lock-", false, false },
	/* A mutex has no readers: never a name that it would not see. */
	{ LAYOUT_CURATOR, ZKP_MODE_S, DASHED "-lock-", false, false },
	{ LAYOUT_CURATOR_RW, ZKP_MODE_X, DASHED "-__WRIT__", false, true },
	{ LAYOUT_CURATOR_RW, ZKP_MODE_S, DASHED "-__READ__", true, false },
	{ LAYOUT_KAZOO, ZKP_MODE_X, PLAIN "__lock__", false, false },
	{ LAYOUT_KAZOO, ZKP_MODE_S, PLAIN "__rlock__", true, false },
};

#define ROWS (sizeof table / sizeof *table)

START_TEST(each_layout_has_its_spelling)
{
	const struct spelled *row = &table[_i];
	char buf[LAYOUT_NAME_MAX];

	layout_bid_prefix(row->kind, row->mode, &uuid, buf, sizeof buf);
	ck_assert_str_eq(buf, row->name);
	ck_assert_uint_eq(layout_bid_prefix_len(row->kind, row->mode),
			  strlen(buf));
}
END_TEST

START_TEST(what_is_written_is_read_as_ours)
{
	const struct spelled *row = &table[_i];
	char buf[LAYOUT_NAME_MAX], name[LAYOUT_NAME_MAX + 16];
	struct layout_child child;

	layout_bid_prefix(row->kind, row->mode, &uuid, buf, sizeof buf);
	(void)snprintf(name, sizeof name, "%s%010d", buf, 42);
	ck_assert(layout_child_parse(name, &child));
	ck_assert_int_eq(child.seq, 42);
	ck_assert(child.kin);
	ck_assert_str_eq(child.who, "zklockd");
	ck_assert(layout_uuid_equal(&child.uuid, &uuid));
	ck_assert_int_eq(child.reader, row->reader);
	ck_assert_int_eq(child.writer, row->writer);
}
END_TEST

/* Curator's StandardLockInternalsDriver.fixForSorting and the read-write
 * lock's, which takes the two names away one after the other. */
static const char *behind_last(const char *name, const char *word)
{
	const char *last = NULL;

	for (const char *at = name; (at = strstr(at, word)); at++)
		last = at;
	return last ? last + strlen(word) : name;
}

START_TEST(curator_finds_our_digits)
{
	const struct spelled *row = &table[_i];
	char name[LAYOUT_NAME_MAX + 16];
	const char *digits = name;

	(void)snprintf(name, sizeof name, "%s0000000042", row->name);
	if (row->kind == LAYOUT_CURATOR) {
		digits = behind_last(digits, "lock-");
		ck_assert_str_eq(digits, "0000000042");
	} else if (row->kind == LAYOUT_CURATOR_RW) {
		digits = behind_last(digits, "__READ__");
		digits = behind_last(digits, "__WRIT__");
		ck_assert_str_eq(digits, "0000000042");
	}
}
END_TEST

START_TEST(a_stranger_is_no_kin)
{
	static const struct {
		const char *name;
		const char *who;
	} rows[] = {
		/* Our mark in a spelling that we never use. */
		{ "_c_" PLAIN "-lock-0000000001", "go" },
		{ PLAIN "-lock-0000000001", "other" },
		{ DASHED "__lock__0000000001", "kazoo" },
		{ "0123456789abcdef0123456789abcdef__lock__0000000001",
		  "kazoo" },
		{ "0123456789abcdef0123456789abcdef__rlock__0000000001",
		  "kazoo" },
		{ "_c_01234567-89ab-cdef-0123-456789abcdef-__WRIT__0000000001",
		  "curator" },
		{ "x-9c0ffee-0000000001", "recipe" },
		/* The pattern is bound at its end only. */
		{ "odd-x-12-0000000001", "recipe" },
	};
	struct layout_child child;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		ck_assert_msg(layout_child_parse(rows[i].name, &child), "%s",
			      rows[i].name);
		ck_assert_msg(!child.kin, "%s", rows[i].name);
		ck_assert_str_eq(child.who, rows[i].who);
		ck_assert_int_eq(child.seq, 1);
	}
}
END_TEST

START_TEST(no_contender)
{
	static const char *const names[] = {
		"",
		"leases",
		"locks",
		"__REVOKE__",
		"lock-",
		"lock-000000001",
		"lock-00000000012",
		"__lock__",
		"x--0000000001",
		"x-0000000001",
		"x-g-0000000001",
		"ex0000000001",
		"_c_01234567-89ab-cdef-0123-456789abcdef-lease-0000000001",
		"lock-0000000001x",
		"lock-00000000 1",
	};
	struct layout_child child;

	for (size_t i = 0; i < sizeof names / sizeof *names; i++)
		ck_assert_msg(!layout_child_parse(names[i], &child), "%s",
			      names[i]);
}
END_TEST

START_TEST(words_of_the_configuration)
{
	enum layout_kind kind = LAYOUT_OWN;

	ck_assert(layout_kind_find("curator", &kind));
	ck_assert_int_eq(kind, LAYOUT_CURATOR);
	ck_assert(layout_kind_find("curator-rw", &kind));
	ck_assert_int_eq(kind, LAYOUT_CURATOR_RW);
	ck_assert(layout_kind_find("kazoo", &kind));
	ck_assert_int_eq(kind, LAYOUT_KAZOO);
	ck_assert(!layout_kind_find("Kazoo", &kind));
	ck_assert(!layout_kind_find("", &kind));
	ck_assert_int_eq(kind, LAYOUT_KAZOO);
	ck_assert_str_eq(layout_kind_word(LAYOUT_CURATOR_RW), "curator-rw");
	ck_assert(!layout_kind_shares(LAYOUT_CURATOR));
	ck_assert(layout_kind_shares(LAYOUT_KAZOO));
	ck_assert(layout_kind_keeps_parents(LAYOUT_KAZOO));
	ck_assert(!layout_kind_keeps_parents(LAYOUT_CURATOR_RW));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("layout_kind");
	TCase *tcase = tcase_create("layout_kind");
	SRunner *runner;
	int failed;

	tcase_add_loop_test(tcase, each_layout_has_its_spelling, 0, ROWS);
	tcase_add_loop_test(tcase, what_is_written_is_read_as_ours, 0, ROWS);
	tcase_add_loop_test(tcase, curator_finds_our_digits, 0, ROWS);
	tcase_add_test(tcase, a_stranger_is_no_kin);
	tcase_add_test(tcase, no_contender);
	tcase_add_test(tcase, words_of_the_configuration);
	suite_add_tcase(suite, tcase);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed != 0;
}
