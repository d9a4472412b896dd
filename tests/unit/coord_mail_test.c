/* SPDX-License-Identifier: MIT */
/*
 * coord_mail_test - mails come out as they went in, in order, and lost memory
 * loses no answer.
 */
#include <check.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/coord_mail.h"

static struct coord_mailbox box;

static void begin(void)
{
	ck_assert(coord_mailbox_init(&box));
}

static void end(void)
{
	coord_mailbox_fini(&box);
}

static struct coord_event listing(uint64_t id, const char *const *names,
				  size_t len)
{
	struct coord_event event = { .type = COORD_EV_ANSWER };

	event.answer.id = id;
	event.answer.children = names;
	event.answer.children_len = len;
	return event;
}

START_TEST(strings_are_copies)
{
	char path[] = "/a";
	char data[] = { 'x', '\0', 'y' };
	char name[] = "first";
	const char *names[] = { name, "" };
	struct coord_event event = listing(7, names, 2);

	event.answer.path = path;
	event.answer.data = data;
	event.answer.data_len = sizeof data;
	event.answer.stat.czxid = 70;
	coord_mailbox_post(&box, &event);
	memset(path, '?', 2);
	memset(data, '?', sizeof data);
	memset(name, '?', 5);
	names[0] = NULL;

	ck_assert(coord_mailbox_next(&box, &event));
	ck_assert_uint_eq(event.answer.id, 7);
	ck_assert_str_eq(event.answer.path, "/a");
	ck_assert_mem_eq(event.answer.data, "x\0y", 3);
	ck_assert_uint_eq(event.answer.children_len, 2);
	ck_assert_str_eq(event.answer.children[0], "first");
	ck_assert_str_eq(event.answer.children[1], "");
	ck_assert_int_eq(event.answer.stat.czxid, 70);
	ck_assert(!coord_mailbox_next(&box, &event));
}
END_TEST

START_TEST(order_is_kept_over_all_types)
{
	struct coord_event event = { .type = COORD_EV_WATCH };

	coord_mailbox_post_type(&box, COORD_EV_LINK_DOWN);
	coord_mailbox_post_result(&box, 1, COORD_MAYBE, -4);
	event.watch.path = "/w";
	coord_mailbox_post(&box, &event);
	event = (struct coord_event){ .type = COORD_EV_ATTACHED };
	event.attached.server = "s";
	coord_mailbox_post(&box, &event);
	ck_assert_uint_eq(box.len, 4);

	ck_assert(coord_mailbox_next(&box, &event));
	ck_assert_int_eq(event.type, COORD_EV_LINK_DOWN);
	ck_assert(coord_mailbox_peek(&box, &event));
	ck_assert_int_eq(event.answer.zk_rc, -4);
	ck_assert(coord_mailbox_next(&box, &event));
	ck_assert_int_eq(event.answer.result, COORD_MAYBE);
	ck_assert(coord_mailbox_next(&box, &event));
	ck_assert_str_eq(event.watch.path, "/w");
	ck_assert(coord_mailbox_next(&box, &event));
	ck_assert_str_eq(event.attached.server, "s");
	ck_assert_uint_eq(box.len, 0);
	ck_assert(!coord_mailbox_peek(&box, &event));
}
END_TEST

START_TEST(post_while_one_is_lent)
{
	struct coord_event lent;
	struct coord_event event = { .type = COORD_EV_WATCH };

	event.watch.path = "/one";
	coord_mailbox_post(&box, &event);
	ck_assert(coord_mailbox_next(&box, &lent));
	event.watch.path = "/two";
	coord_mailbox_post(&box, &event);
	ck_assert_str_eq(lent.watch.path, "/one");
	coord_mailbox_release(&box);
	coord_mailbox_clear(&box);
	ck_assert(!coord_mailbox_next(&box, &event));
}
END_TEST

START_TEST(sub_answers_are_copies)
{
	char path[] = "/l/a-0000000007";
	struct coord_sub subs[3] = { { .path = path } };
	struct coord_event event = { .type = COORD_EV_ANSWER };

	subs[1].stat.mzxid = 71;
	subs[2].path = "/m";
	event.answer.id = 4;
	event.answer.subs = subs;
	event.answer.subs_len = 3;
	coord_mailbox_post(&box, &event);
	memset(path, 'x', sizeof path - 1);
	memset(&subs[1], 0, sizeof subs[1]);
	ck_assert(coord_mailbox_next(&box, &event));
	ck_assert_uint_eq(event.answer.subs_len, 3);
	ck_assert_str_eq(event.answer.subs[0].path, "/l/a-0000000007");
	ck_assert_ptr_null(event.answer.subs[1].path);
	ck_assert_int_eq(event.answer.subs[1].stat.mzxid, 71);
	ck_assert_str_eq(event.answer.subs[2].path, "/m");
}
END_TEST

/* --- without memory --- */

/* A request that no allocator can meet; sanitizers must say so, not die. */
#define TOO_MUCH (SIZE_MAX / 4)

const char *__asan_default_options(void);

const char *__asan_default_options(void)
{
	return "allocator_may_return_null=1";
}

static void post_too_much(uint64_t id)
{
	struct coord_event event = listing(id, NULL, 0);

	event.answer.path = "/p";
	event.answer.data = "d";
	event.answer.data_len = TOO_MUCH;
	coord_mailbox_post(&box, &event);
}

/* Twice, for the spares must come back. */
START_TEST(no_memory_loses_strings_but_no_answer)
{
	struct coord_event event;

	for (int round = 0; round < 2; round++) {
		for (uint64_t id = 1; id <= COORD_MAIL_SPARES; id++)
			post_too_much(id);
		for (uint64_t id = 1; id <= COORD_MAIL_SPARES; id++) {
			ck_assert(coord_mailbox_next(&box, &event));
			ck_assert_uint_eq(event.answer.id, id);
			ck_assert_int_eq(event.answer.result, COORD_REFUSED);
			ck_assert_int_eq(event.answer.zk_rc,
					 COORD_RC_NO_MEMORY);
			ck_assert_ptr_null(event.answer.path);
			ck_assert_uint_eq(event.answer.data_len, 0);
		}
		ck_assert(!coord_mailbox_next(&box, &event));
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("coord_mail");
	TCase *mails = tcase_create("mails");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(mails, begin, end);
	tcase_add_test(mails, strings_are_copies);
	tcase_add_test(mails, order_is_kept_over_all_types);
	tcase_add_test(mails, post_while_one_is_lent);
	tcase_add_test(mails, sub_answers_are_copies);
	tcase_add_test(mails, no_memory_loses_strings_but_no_answer);
	suite_add_tcase(suite, mails);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
