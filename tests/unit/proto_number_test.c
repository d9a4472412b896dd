/* SPDX-License-Identifier: MIT */
/* proto/number: strict numbers (B5) and durations by the vectors. */
#include <check.h>
#include <inttypes.h>
#include <stdlib.h>

#include "proto/number.h"
#include "tests/unit/proto_guard.h"
#include "tests/unit/proto_vectors.h"

/* What no reader of numbers may take for a number. */
static const char *const no_numbers[] = {
	"",    " ",   " 1",  "1 ",  "1x",  "x1",  "+1",       "--1",
	"0x",  "1e9", "1.0", "1,0", "00",  "01",  "007",      "-",
	"-0",  "- 1", "-01", "\n1", "1\n", "1\t", "\xd9\xa1", "nan",
	"inf", "1_0", "0b1", "0o7", "#1",  "@1",  "1-",       "1+1",
};

START_TEST(no_number_is_taken_for_one)
{
	for (size_t i = 0; i < sizeof no_numbers / sizeof no_numbers[0]; i++) {
		uint64_t u64 = 77;
		int64_t i64 = 77;
		int64_t ms = 77;

		ck_assert_msg(!zkp_u64_read(no_numbers[i], UINT64_MAX, &u64),
			      "\"%s\"", no_numbers[i]);
		ck_assert_msg(!zkp_i64_read(no_numbers[i], &i64), "\"%s\"",
			      no_numbers[i]);
		if (strcmp(no_numbers[i], "1.0") != 0)
			ck_assert_msg(!zkp_duration_read(no_numbers[i], &ms),
				      "\"%s\"", no_numbers[i]);
		ck_assert_uint_eq(u64, 77);
		ck_assert_int_eq(i64, 77);
		ck_assert_int_eq(ms, 77);
	}
}
END_TEST

START_TEST(u64_keeps_its_bounds)
{
	uint64_t value = 0;

	ck_assert(zkp_u64_read("0", 0, &value) && value == 0);
	ck_assert(!zkp_u64_read("1", 0, &value));
	ck_assert(zkp_u64_read("9", 9, &value) && value == 9);
	ck_assert(!zkp_u64_read("10", 9, &value));
	ck_assert(zkp_u64_read("2147483648", UINT64_MAX, &value) &&
		  value == UINT64_C(1) << 31);
	ck_assert(zkp_u64_read("9223372036854775807", INT64_MAX, &value) &&
		  value == INT64_MAX);
	ck_assert(!zkp_u64_read("9223372036854775808", INT64_MAX, &value));
	ck_assert(zkp_u64_read("18446744073709551615", UINT64_MAX, &value) &&
		  value == UINT64_MAX);
	ck_assert(!zkp_u64_read("18446744073709551616", UINT64_MAX, &value));
	ck_assert(!zkp_u64_read("18446744073709551617", UINT64_MAX, &value));
	ck_assert(!zkp_u64_read("99999999999999999999", UINT64_MAX, &value));
	ck_assert(!zkp_u64_read("-1", UINT64_MAX, &value));
	ck_assert(!zkp_u64_read("0x10", UINT64_MAX, &value));
}
END_TEST

START_TEST(i64_keeps_its_bounds)
{
	int64_t value = 0;

	ck_assert(zkp_i64_read("-1", &value) && value == -1);
	ck_assert(zkp_i64_read("0", &value) && value == 0);
	ck_assert(zkp_i64_read("9223372036854775807", &value) &&
		  value == INT64_MAX);
	ck_assert(!zkp_i64_read("9223372036854775808", &value));
	ck_assert(zkp_i64_read("-9223372036854775808", &value) &&
		  value == INT64_MIN);
	ck_assert(!zkp_i64_read("-9223372036854775809", &value));
}
END_TEST

START_TEST(hex_is_strict)
{
	static const char *const wrong[] = {
		"",     "0",    "0x",   "x1",   "1f",
		"0X1f", "0x1g", "-0x1", "0x 1", "0x10000000000000000"
	};
	uint64_t value = 77;

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++)
		ck_assert_msg(!zkp_hex_read(wrong[i], &value), "\"%s\"",
			      wrong[i]);
	ck_assert_uint_eq(value, 77);
	ck_assert(zkp_hex_read("0x1f", &value) && value == 0x1f);
	ck_assert(zkp_hex_read("0xFFFFFFFFFFFFFFFF", &value) &&
		  value == UINT64_MAX);
	ck_assert(zkp_hex_read("0xAbF09a", &value) && value == 0xabf09a);
	ck_assert(zkp_hex_read("0x0", &value) && value == 0);
}
END_TEST

/* Each text ends at the abyss, its NUL included. */
START_TEST(durations_are_as_in_the_vectors)
{
	static struct vector v;
	struct vectors all;
	struct guard guard;
	unsigned seen = 0;

	guard_open(&guard);
	ck_assert(vectors_open(&all, "durations"));
	while (vectors_next(&all, &v)) {
		char *text = guard_line(&guard, v.input, v.len);
		char outcome[64] = "!\n";
		int64_t ms;

		text[v.len] = '\0';
		if (zkp_duration_read(text, &ms))
			(void)snprintf(outcome, sizeof outcome,
				       "= %" PRId64 "\n", ms);
		ck_assert_msg(strcmp(outcome, v.outcome) == 0,
			      "line %u: \"%s\" gave %s", v.line, text, outcome);
		seen++;
	}
	vectors_close(&all);
	guard_close(&guard);
	ck_assert_uint_gt(seen, 40);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("proto_number");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, no_number_is_taken_for_one);
	tcase_add_test(tcase, u64_keeps_its_bounds);
	tcase_add_test(tcase, i64_keeps_its_bounds);
	tcase_add_test(tcase, hex_is_strict);
	tcase_add_test(tcase, durations_are_as_in_the_vectors);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
