/* SPDX-License-Identifier: MIT */
/*
 * hash_map_test - what was added is found, what was removed is not, and a walk
 * is in the order of arrival.
 */
#include <check.h>
#include <stdint.h>
#include <stdlib.h>

#include "daemon/hash_map.h"

#define THINGS 2000

struct thing {
	struct hash_entry by_number;
	uint32_t number;
};

static struct hash_map map;
static struct thing things[THINGS];

static void begin(void)
{
	map = (struct hash_map){ 0 };
	for (uint32_t i = 0; i < THINGS; i++) {
		things[i].number = i;
		things[i].by_number.key = &things[i].number;
		things[i].by_number.key_len = sizeof things[i].number;
	}
}

static void end(void)
{
	hash_map_fini(&map);
}

static const void *find(uint32_t number)
{
	return hash_map_find(&map, &number, sizeof number);
}

START_TEST(an_empty_table_has_nothing)
{
	ck_assert_ptr_null(find(0));
	ck_assert_uint_eq(map.len, 0);
	ck_assert_ptr_null(map.first);
}
END_TEST

START_TEST(every_other_goes_the_rest_stays_in_order)
{
	const struct hash_entry *e;
	uint32_t number = 1;

	for (uint32_t i = 0; i < THINGS; i++) {
		hash_map_add(&map, &things[i].by_number);
		ck_assert_ptr_eq(find(0), &things[0]);
	}
	for (uint32_t i = 0; i < THINGS; i += 2)
		hash_map_remove(&map, &things[i].by_number);
	ck_assert_uint_eq(map.len, THINGS / 2);
	for (uint32_t i = 0; i < THINGS; i++)
		ck_assert_ptr_eq(find(i), i % 2 ? &things[i] : NULL);
	for (e = map.first; e; e = e->next, number += 2)
		ck_assert_ptr_eq(e, &things[number].by_number);
	ck_assert_uint_eq(number, THINGS + 1);
	hash_map_add(&map, &things[0].by_number); /* back, at the end */
	ck_assert_ptr_eq(map.last, &things[0].by_number);
}
END_TEST

START_TEST(keys_are_bytes_with_a_length)
{
	struct thing a = { .by_number = { .key = "k\0a", .key_len = 3 } };
	struct thing b = { .by_number = { .key = "k\0b", .key_len = 3 } };

	hash_map_add(&map, &a.by_number);
	hash_map_add(&map, &b.by_number);
	ck_assert_ptr_eq(hash_map_find(&map, "k\0b", 3), &b);
	ck_assert_ptr_null(hash_map_find(&map, "k", 1));
	ck_assert_ptr_null(hash_map_find(&map, "k\0c", 3));
	hash_map_remove(&map, &b.by_number);
	hash_map_remove(&map, &a.by_number);
	ck_assert_ptr_null(map.first);
	ck_assert_ptr_null(map.last);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hash_map");
	TCase *tables = tcase_create("tables");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tables, begin, end);
	tcase_add_test(tables, an_empty_table_has_nothing);
	tcase_add_test(tables, every_other_goes_the_rest_stays_in_order);
	tcase_add_test(tables, keys_are_bytes_with_a_length);
	suite_add_tcase(suite, tables);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
