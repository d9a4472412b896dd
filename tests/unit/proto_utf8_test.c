/* SPDX-License-Identifier: MIT */
/* proto/utf8: every code point, every overlong form, every three bytes. */
#include <check.h>
#include <stdint.h>
#include <stdlib.h>

#include "proto/utf8.h"
#include "tests/unit/proto_guard.h"

#define POINT_MAX 0x10ffff

/* The point in so many bytes, whether or not it ought to have that many. */
static void encode(uint32_t point, size_t len, char *bytes)
{
	static const unsigned char lead[] = { 0, 0x00, 0xc0, 0xe0, 0xf0 };

	for (size_t i = len; i-- > 1;) {
		bytes[i] = (char)(unsigned char)(0x80 | (point & 0x3f));
		point >>= 6;
	}
	bytes[0] = (char)(unsigned char)(lead[len] | point);
}

static size_t right_len(uint32_t point)
{
	if (point < 0x80)
		return 1;
	if (point < 0x800)
		return 2;
	return point < 0x10000 ? 3 : 4;
}

static bool is_surrogate(uint32_t point)
{
	return point >= 0xd800 && point <= 0xdfff;
}

START_TEST(every_point_has_one_form)
{
	static const uint32_t past[] = { 0, 0x80, 0x800, 0x10000, 0x200000 };
	char bytes[4];

	for (size_t len = 1; len <= 4; len++) {
		for (uint32_t point = 0; point < past[len]; point++) {
			bool good = len == right_len(point) &&
				    point <= POINT_MAX && !is_surrogate(point);

			encode(point, len, bytes);
			if (zkp_utf8_len(bytes, len) != (good ? len : 0))
				ck_abort_msg("U+%X in %zu bytes", point, len);
		}
	}
}
END_TEST

/* Half a character is none, and nothing behind it is looked at. */
START_TEST(half_a_character_is_none)
{
	static const uint32_t points[] = { 0xe9, 0x20ac, 0x1f600 };
	struct guard guard;

	guard_open(&guard);
	for (size_t i = 0; i < sizeof points / sizeof points[0]; i++) {
		for (size_t len = 0; len < right_len(points[i]); len++) {
			char whole[4];
			char *half = guard_room(&guard, len);

			encode(points[i], right_len(points[i]), whole);
			memcpy(half, whole, len);
			ck_assert_uint_eq(zkp_utf8_len(half, len), 0);
		}
	}
	guard_close(&guard);
}
END_TEST

/* What a strict decoder, written from the definition, says of three bytes. */
static size_t obvious_len(const unsigned char *b)
{
	uint32_t point;

	if (b[0] < 0x80)
		return 1;
	if ((b[1] & 0xc0) != 0x80)
		return 0;
	if ((b[0] & 0xe0) == 0xc0)
		return b[0] >= 0xc2 ? 2 : 0;
	if ((b[0] & 0xf0) != 0xe0 || (b[2] & 0xc0) != 0x80)
		return 0;
	point = (uint32_t)(b[0] & 0x0f) << 12 | (uint32_t)(b[1] & 0x3f) << 6 |
		(b[2] & 0x3f);
	return point >= 0x800 && !is_surrogate(point) ? 3 : 0;
}

START_TEST(every_three_bytes_are_judged)
{
	for (uint32_t all = 0; all < 1u << 24; all++) {
		unsigned char bytes[3] = { (unsigned char)(all >> 16),
					   (unsigned char)(all >> 8),
					   (unsigned char)all };

		if (zkp_utf8_len((const char *)bytes, 3) != obvious_len(bytes))
			ck_abort_msg("%06x", all);
	}
}
END_TEST

START_TEST(only_harmless_points_are_shown)
{
	for (uint32_t point = 0; point <= POINT_MAX; point++) {
		bool harm = point < 0x20 || (point > 0x7e && point < 0xa0) ||
			    point == 0x61c || point == 0x200e ||
			    point == 0x200f ||
			    (point > 0x2027 && point < 0x202f) ||
			    (point > 0x2065 && point < 0x206a);
		char bytes[4];

		if (is_surrogate(point))
			continue;
		encode(point, right_len(point), bytes);
		if (zkp_utf8_is_showable(bytes, right_len(point)) == harm)
			ck_abort_msg("U+%X", point);
	}
}
END_TEST

START_TEST(control_bytes_are_c0_and_del)
{
	for (int b = 0; b < 256; b++)
		ck_assert_int_eq(zkp_byte_is_control((char)b),
				 b < 0x20 || b == 0x7f);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("proto_utf8");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_set_timeout(tcase, 60);
	tcase_add_test(tcase, every_point_has_one_form);
	tcase_add_test(tcase, half_a_character_is_none);
	tcase_add_test(tcase, every_three_bytes_are_judged);
	tcase_add_test(tcase, only_harmless_points_are_shown);
	tcase_add_test(tcase, control_bytes_are_c0_and_del);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
