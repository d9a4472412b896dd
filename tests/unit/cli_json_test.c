/* SPDX-License-Identifier: MIT */
/* The command line's JSON: what any reader takes, whatever goes in. */
#include <check.h>
#include <stdlib.h>

#include "client/cli/json.h"

#define NONE "\xef\xbf\xbd" /* U+FFFD */

static void ends_as(struct cli_json *json, const char *want)
{
	char *text = cli_json_end(json);

	ck_assert_str_eq(text, want);
	free(text);
}

START_TEST(nothing_is_an_object)
{
	struct cli_json json;

	cli_json_begin(&json, false);
	ends_as(&json, "{}");
	cli_json_begin(&json, true);
	ends_as(&json, "{}");
}
END_TEST

START_TEST(members_of_each_kind)
{
	struct cli_json json;

	cli_json_begin(&json, false);
	cli_json_text(&json, "a", "b c");
	cli_json_number(&json, "n", -7);
	cli_json_number(&json, "max", INT64_MAX);
	cli_json_span(&json, "s", 1500);
	ends_as(&json, "{\"a\":\"b c\",\"n\":-7,\"max\":9223372036854775807,"
		       "\"s\":1.5}");
	cli_json_begin(&json, true);
	cli_json_number(&json, "a", 1);
	cli_json_number(&json, "b", 2);
	ends_as(&json, "{\n   \"a\": 1,\n   \"b\": 2\n}");
}
END_TEST

/* A span has a point, so that its type never changes. */
START_TEST(spans)
{
	static const struct {
		int64_t us;
		const char *text;
	} rows[] = {
		{ 0, "{\"s\":0.0}" },
		{ 1000000, "{\"s\":1.0}" },
		{ 100, "{\"s\":0.0001}" },
		{ 123456, "{\"s\":0.123456}" },
		{ 12345678, "{\"s\":12.345678}" },
		{ 10500000, "{\"s\":10.5}" },
		{ -250000, "{\"s\":-0.25}" },
		{ INT64_C(3155760000123456), "{\"s\":3155760000.12346}" },
	};
	struct cli_json json;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cli_json_begin(&json, false);
		cli_json_span_us(&json, "s", rows[i].us);
		ends_as(&json, rows[i].text);
	}
}
END_TEST

START_TEST(bytes_that_would_break_it)
{
	static const struct {
		const char *in;
		const char *text;
	} rows[] = {
		{ "\"\\/", "{\"t\":\"\\\"\\\\/\"}" },
		{ "\t\n\x1b", "{\"t\":\"\\t\\n\\u001B\"}" },
		{ "\xc3\xa4\xe2\x82\xac", "{\"t\":\"\xc3\xa4\xe2\x82\xac\"}" },
		{ "\xff-\xc3", "{\"t\":\"" NONE "-" NONE "\"}" },
		{ "\xed\xa0\x80", "{\"t\":\"" NONE NONE NONE "\"}" },
		{ "", "{\"t\":\"\"}" },
	};
	struct cli_json json;

	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		cli_json_begin(&json, false);
		cli_json_text(&json, "t", rows[i].in);
		ends_as(&json, rows[i].text);
	}
}
END_TEST

START_TEST(an_array_of_objects)
{
	struct cli_json json;

	cli_json_begin(&json, false);
	cli_json_array(&json, "l");
	cli_json_item(&json);
	cli_json_number(&json, "a", 1);
	cli_json_text(&json, "b", "x");
	cli_json_item_end(&json);
	cli_json_item(&json);
	cli_json_item_end(&json);
	cli_json_array_end(&json);
	cli_json_array(&json, "e");
	cli_json_array_end(&json);
	cli_json_number(&json, "z", 0);
	ends_as(&json, "{\"l\":[{\"a\":1,\"b\":\"x\"},{}],\"e\":[],\"z\":0}");
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli_json");
	TCase *tc = tcase_create("writing");
	SRunner *runner;
	int failed;

	tcase_add_test(tc, nothing_is_an_object);
	tcase_add_test(tc, members_of_each_kind);
	tcase_add_test(tc, spans);
	tcase_add_test(tc, bytes_that_would_break_it);
	tcase_add_test(tc, an_array_of_objects);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
