/* SPDX-License-Identifier: MIT */
/* proto/status, proto/page and the event words: tables that must agree. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "proto/page.h"
#include "proto/reply.h"
#include "proto/status.h"

START_TEST(every_word_leads_back_to_its_status)
{
	for (int i = 0; i < ZKP_STATUS_COUNT; i++) {
		enum zkp_status status = (enum zkp_status)i;
		enum zkp_status found = ZKP_INTERNAL;

		ck_assert(zkp_status_find(zkp_status_word(status), &found));
		ck_assert_int_eq(found, status);
		ck_assert_uint_gt(strlen(zkp_status_sentence(status)), 0);
		ck_assert_uint_le(strlen(zkp_status_sentence(status)),
				  ZKP_TEXT_MAX);
	}
}
END_TEST

START_TEST(words_are_exact)
{
	static const char *const strangers[] = { "",        "busy",  "BUSY ",
						 "BUS",     "ZK_OK", "KO",
						 "TIMEOUT1" };
	enum zkp_status status = ZKP_LOST;

	for (size_t i = 0; i < sizeof strangers / sizeof strangers[0]; i++)
		ck_assert(!zkp_status_find(strangers[i], &status));
	ck_assert_int_eq(status, ZKP_LOST); /* not written */
	ck_assert(zkp_status_find("BUSY", &status));
	ck_assert_int_eq(status, ZKP_BUSY);
}
END_TEST

START_TEST(events_lead_back_and_strangers_do_not)
{
	enum zkp_event event = ZKP_EVENT_BYE;

	for (int i = 0; i < ZKP_EVENT_COUNT; i++) {
		const char *word = zkp_event_word((enum zkp_event)i);

		ck_assert(zkp_event_find(word, &event));
		ck_assert_int_eq(event, i);
	}
	ck_assert(!zkp_event_find("SOMEDAY", &event));
	ck_assert(!zkp_event_find("lost", &event));
	ck_assert(!zkp_event_find("", &event));
}
END_TEST

START_TEST(page_word_carries_gen_and_deadline)
{
	uint64_t word = zkp_page_word(3, 918273645);

	ck_assert_uint_eq(word, (UINT64_C(3) << 48) + 918273645);
	ck_assert_uint_eq(zkp_page_gen(word), 3);
	ck_assert_int_eq(zkp_page_deadline_ms(word), 918273645);

	word = zkp_page_word(UINT16_MAX, ZKP_PAGE_DEADLINE_MAX);
	ck_assert_uint_eq(word, UINT64_MAX);
	ck_assert_uint_eq(zkp_page_gen(word), UINT16_MAX);
	ck_assert_int_eq(zkp_page_deadline_ms(word), ZKP_PAGE_DEADLINE_MAX);
}
END_TEST

/* A deadline that does not fit must not become a later one, nor spill into
 * the gen. */
START_TEST(page_word_believes_nothing_out_of_range)
{
	static const int64_t wrong[] = { 0, -1, INT64_MIN, INT64_MAX,
					 ZKP_PAGE_DEADLINE_MAX + 1 };

	for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
		uint64_t word = zkp_page_word(7, wrong[i]);

		ck_assert_uint_eq(zkp_page_gen(word), 7);
		ck_assert_int_eq(zkp_page_deadline_ms(word), 0);
	}
}
END_TEST

START_TEST(page_magic_has_eight_bytes)
{
	ck_assert_uint_eq(strlen(ZKP_PAGE_MAGIC), ZKP_PAGE_MAGIC_LEN);
	ck_assert_uint_eq(ZKP_PAGE_MAGIC_AT, sizeof(uint64_t));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("proto_status");
	TCase *tcase = tcase_create("all");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tcase, every_word_leads_back_to_its_status);
	tcase_add_test(tcase, words_are_exact);
	tcase_add_test(tcase, events_lead_back_and_strangers_do_not);
	tcase_add_test(tcase, page_word_carries_gen_and_deadline);
	tcase_add_test(tcase, page_word_believes_nothing_out_of_range);
	tcase_add_test(tcase, page_magic_has_eight_bytes);
	suite_add_tcase(suite, tcase);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
