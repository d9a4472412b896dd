/* SPDX-License-Identifier: MIT */
/* proto/name and proto/glob: what may be a name, how it becomes a znode
 * component and back, and patterns that cannot be made to run away. */
#include <check.h>
#include <inttypes.h>
#include <stdlib.h>
#include <time.h>

#include "proto/glob.h"
#include "proto/name.h"
#include "tests/unit/proto_guard.h"
#include "tests/unit/proto_vectors.h"

static void name_outcome(const char *name, size_t len, char *buf, size_t size)
{
	char text[ZKP_NAME_MAX + 1] = "";
	char component[ZKP_COMPONENT_MAX + 1];
	struct zkp_name_fault fault;
	enum zkp_name_kind kind;

	if (!zkp_name_check(name, len, &kind, &fault)) {
		ck_assert_uint_ge(fault.byte, 1);
		ck_assert_uint_le(fault.byte, len + 1);
		(void)snprintf(buf, size, "! %zu\n", fault.byte);
		return;
	}
	memcpy(text, name, len);
	if (kind == ZKP_NAME_LITERAL) {
		ck_assert(!zkp_name_encode(text, component, sizeof component));
		(void)snprintf(buf, size, "= literal\n");
		return;
	}
	ck_assert(zkp_name_encode(text, component, sizeof component));
	(void)snprintf(buf, size, "= plain %s\n", component);
}

START_TEST(names_are_as_in_the_vectors)
{
	static struct vector v;
	struct vectors all;
	struct guard guard;
	unsigned seen = 0;

	guard_open(&guard);
	ck_assert(vectors_open(&all, "names"));
	while (vectors_next(&all, &v)) {
		char outcome[1024];
		char *name = guard_room(&guard, v.len);

		memcpy(name, v.input, v.len); /* not even a NUL behind it */
		name_outcome(name, v.len, outcome, sizeof outcome);
		ck_assert_msg(strcmp(outcome, v.outcome) == 0,
			      "line %u gave %s", v.line, outcome);
		seen++;
	}
	vectors_close(&all);
	guard_close(&guard);
	ck_assert_uint_gt(seen, 60);
}
END_TEST

/* The allow-list, said a second time and differently. */
START_TEST(every_byte_is_judged)
{
	for (int b = 0; b < 256; b++) {
		char name[2] = { 'a', (char)b };
		bool letter = (b >= 'a' && b <= 'z') || (b >= 'A' && b <= 'Z');
		bool good = letter || (b >= '0' && b <= '9') || b == '.' ||
			    b == '_' || b == ':' || b == '+' || b == ',' ||
			    b == '@' || b == '~' || b == '-';

		ck_assert_int_eq(zkp_name_byte((char)b), good || b == '/');
		ck_assert_int_eq(zkp_name_check(name, 2, NULL, NULL), good);
	}
}
END_TEST

START_TEST(encoding_leads_back)
{
	static const char *const names[] = { "a", "a/b", "a/b/c/d", "x:y@z~",
					     "A.B_C+D,E-F" };

	for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
		char component[ZKP_COMPONENT_MAX + 1];
		char back[ZKP_NAME_MAX + 1];

		ck_assert(
		    zkp_name_encode(names[i], component, sizeof component));
		ck_assert_ptr_null(strchr(component, '/'));
		ck_assert(zkp_name_decode(component, back, sizeof back));
		ck_assert_str_eq(back, names[i]);
	}
}
END_TEST

START_TEST(longest_name_fits_the_bounds)
{
	char name[ZKP_NAME_MAX + 1];
	char component[ZKP_COMPONENT_MAX + 1];
	char back[ZKP_NAME_MAX + 1];

	for (size_t i = 0; i < ZKP_NAME_MAX; i++)
		name[i] = i % 2 ? '/' : 'a'; /* as many slashes as can be */
	name[ZKP_NAME_MAX] = '\0';
	ck_assert(zkp_name_encode(name, component, sizeof component));
	ck_assert_uint_eq(strlen(component), 128 + 127 * 3);
	ck_assert(zkp_name_decode(component, back, sizeof back));
	ck_assert_str_eq(back, name);
}
END_TEST

START_TEST(buffers_are_bounded)
{
	struct guard guard;
	char *room;

	guard_open(&guard);
	for (size_t size = 0; size < 8; size++) { /* "a%2Fb" needs six */
		room = guard_room(&guard, size);
		ck_assert_int_eq(zkp_name_encode("a/b", room, size), size >= 6);
		if (size > 0 && size < 6)
			ck_assert_int_eq(room[0], '\xa5'); /* untouched */
	}
	for (size_t size = 0; size < 8; size++) {
		room = guard_room(&guard, size);
		ck_assert_int_eq(zkp_name_decode("a%2Fb", room, size),
				 size >= 4);
		if (size > 0 && size < 4)
			ck_assert_int_eq(room[0], '\xa5');
	}
	guard_close(&guard);
}
END_TEST

START_TEST(foreign_components_are_no_names)
{
	static const char *const foreign[] = {
		"",           "%2F",      "%2Fa",    "a%2f", "a%2",      "a%",
		"%41",        "a%2F",     "a%2F%2F", "a/b",  ".zklockd", "a b",
		"a%2F..%2Fb", "\xc3\xa4", "a%252Fb", "a%00",
	};
	char name[ZKP_NAME_MAX + 1] = "kept";
	char longer[4096];

	for (size_t i = 0; i < sizeof foreign / sizeof foreign[0]; i++)
		ck_assert_msg(!zkp_name_decode(foreign[i], name, sizeof name),
			      "%s", foreign[i]);
	memset(longer, 'a', sizeof longer);
	longer[sizeof longer - 1] = '\0';
	ck_assert(!zkp_name_decode(longer, name, sizeof name));
	ck_assert_str_eq(name, "kept");
}
END_TEST

START_TEST(glob_matches)
{
	static const struct {
		const char *pattern, *text;
		bool match;
	} cases[] = {
		{ "", "", true },
		{ "", "a", false },
		{ "*", "", true },
		{ "*", "a/b", true },
		{ "?", "", false },
		{ "?", "a", true },
		{ "?", "ab", false },
		{ "a*", "a", true },
		{ "a*", "abc", true },
		{ "a*", "ba", false },
		{ "*a", "ba", true },
		{ "*a", "ab", false },
		{ "a*b", "ab", true },
		{ "a*b", "axxb", true },
		{ "a*b", "axxbx", false },
		{ "a*b*c", "aXbYbZc", true },
		{ "a*b*c", "aXbYcZ", false },
		{ "**", "x", true },
		{ "a**b", "ab", true },
		{ "*?", "", false },
		{ "*?", "x", true },
		{ "*ab*", "aab", true },
		{ "a[b]", "a[b]", true },
		{ "a[b]", "ab", false },
		{ "deploy/*", "deploy/web", true },
		{ "deploy/*", "deploy", false },
		{ "A", "a", false },
	};

	for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++)
		ck_assert_msg(zkp_glob_match(cases[i].pattern, cases[i].text) ==
				  cases[i].match,
			      "\"%s\" on \"%s\"", cases[i].pattern,
			      cases[i].text);
}
END_TEST

/* What makes a backtracking matcher run for years: here 2^-many steps would
 * never end, len * len are over before one can look. */
START_TEST(glob_cannot_run_away)
{
	char pattern[ZKP_NAME_MAX + 1];
	char text[ZKP_NAME_MAX + 1];

	for (size_t i = 0; i + 1 < ZKP_NAME_MAX; i += 2)
		memcpy(pattern + i, "*a", 2);
	pattern[ZKP_NAME_MAX - 1] = 'b';
	pattern[ZKP_NAME_MAX] = '\0';
	memset(text, 'a', ZKP_NAME_MAX);
	text[ZKP_NAME_MAX] = '\0';
	for (int i = 0; i < 1000; i++)
		ck_assert(!zkp_glob_match(pattern, text));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("proto_name");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, names_are_as_in_the_vectors);
	tcase_add_test(tcase, every_byte_is_judged);
	tcase_add_test(tcase, encoding_leads_back);
	tcase_add_test(tcase, longest_name_fits_the_bounds);
	tcase_add_test(tcase, buffers_are_bounded);
	tcase_add_test(tcase, foreign_components_are_no_names);
	tcase_add_test(tcase, glob_matches);
	tcase_add_test(tcase, glob_cannot_run_away);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
