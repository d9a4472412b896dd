/* SPDX-License-Identifier: MIT */
/*
 * resolve_test - server lists become numeric, odd and in the library's form.
 * Names are looked up in tests/e2e, with a name server of the test's own.
 */
#include <check.h>
#include <event2/event.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/resolve.h"

static struct event_base *base;

static void begin(void)
{
	base = event_base_new();
	ck_assert_ptr_nonnull(base);
}

static void end(void)
{
	event_base_free(base);
}

static void no_round(void *ctx)
{
	(void)ctx;
	ck_abort_msg("numeric addresses ask nobody");
}

static struct resolve *resolved(const char *servers)
{
	struct resolve_settings settings = { .servers = servers,
					     .done = no_round };
	struct resolve *resolve = resolve_new(base, &settings);

	ck_assert_ptr_nonnull(resolve);
	ck_assert(!resolve_start(resolve));
	ck_assert(!resolve_busy(resolve));
	return resolve;
}

static void expect(const char *servers, const char *list, unsigned len)
{
	struct resolve *resolve = resolved(servers);

	ck_assert_str_eq(resolve_list(resolve), list);
	ck_assert_uint_eq(resolve_list_len(resolve), len);
	ck_assert_uint_eq(resolve_generation(resolve), 1);
	resolve_free(resolve);
}

START_TEST(an_odd_list_stays)
{
	expect("127.0.0.1:2181", "127.0.0.1:2181", 1);
	expect("10.0.0.1:1,10.0.0.2:65535,10.0.0.3:3",
	       "10.0.0.1:1,10.0.0.2:65535,10.0.0.3:3", 3);
}
END_TEST

START_TEST(an_even_list_has_one_twice)
{
	expect("10.0.0.1:1,10.0.0.2:2", "10.0.0.1:1,10.0.0.2:2,10.0.0.2:2", 3);
}
END_TEST

START_TEST(ipv6_loses_its_brackets)
{
	expect("[::1]:2181", "::1:2181", 1);
	expect("::1:2182", "::1:2182", 1);
	expect("[fd00::1],10.0.0.1,[fd00::2]:7",
	       "fd00::1:2181,10.0.0.1:2181,fd00::2:7", 3);
}
END_TEST

START_TEST(blanks_and_default_ports)
{
	expect(" 10.0.0.1 ,\t10.0.0.2:2 , 10.0.0.3",
	       "10.0.0.1:2181,10.0.0.2:2,10.0.0.3:2181", 3);
}
END_TEST

static void refused(const char *servers, unsigned at)
{
	unsigned where = 12345;

	ck_assert_msg(!resolve_check(servers, &where), "took \"%s\"", servers);
	ck_assert_uint_eq(where, at);
}

START_TEST(wrong_lists_say_where)
{
	refused("", 0);
	refused(",", 0);
	refused("10.0.0.1:1,", 11);
	refused("10.0.0.1:0", 0);
	refused("10.0.0.1:1,10.0.0.1:65536", 11);
	refused("10.0.0.1:123456", 0);
	refused("host:", 0);
	refused("host:x", 0);
	refused(":2181", 0);
	refused("[::1", 0);
	refused("[::1]x", 0);
	refused("[]:1", 0);
	refused("[host]x:1", 0);
	refused("fd00::g:1", 0); /* a colon belongs to a number */
	refused("ho st:1", 0);
	refused("host:1/chroot", 0);
	refused("h\xc3\xb6st:1", 0);
}
END_TEST

START_TEST(a_list_has_a_bound)
{
	char list[RESOLVE_SERVERS_MAX * 8 + 16] = "10.0.0.1";
	unsigned where;

	for (int i = 1; i < RESOLVE_SERVERS_MAX; i++)
		strcat(list, ",1.1.1.1");
	ck_assert(resolve_check(list, &where));
	strcat(list, ",a");
	ck_assert(!resolve_check(list, &where));
}
END_TEST

START_TEST(a_host_name_has_a_bound)
{
	char list[300];
	unsigned where;

	memset(list, 'a', sizeof list);
	list[255] = '\0';
	ck_assert(resolve_check(list, &where));
	list[255] = 'a';
	list[256] = '\0';
	ck_assert(!resolve_check(list, &where));
}
END_TEST

START_TEST(a_name_has_no_address_yet)
{
	struct resolve_settings settings = { .servers = "zk.invalid:1",
					     .nameserver = "127.0.0.1:9",
					     .done = no_round };
	struct resolve *resolve = resolve_new(base, &settings);

	ck_assert_ptr_nonnull(resolve);
	ck_assert_ptr_null(resolve_list(resolve));
	ck_assert_uint_eq(resolve_generation(resolve), 0);
	ck_assert(resolve_start(resolve));
	ck_assert(resolve_busy(resolve));
	ck_assert(!resolve_start(resolve));
	resolve_free(resolve); /* with a look-up under way */
	(void)event_base_loop(base, EVLOOP_NONBLOCK);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("resolve");
	TCase *lists = tcase_create("lists");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(lists, begin, end);
	tcase_add_test(lists, an_odd_list_stays);
	tcase_add_test(lists, an_even_list_has_one_twice);
	tcase_add_test(lists, ipv6_loses_its_brackets);
	tcase_add_test(lists, blanks_and_default_ports);
	tcase_add_test(lists, wrong_lists_say_where);
	tcase_add_test(lists, a_list_has_a_bound);
	tcase_add_test(lists, a_host_name_has_a_bound);
	tcase_add_test(lists, a_name_has_no_address_yet);
	suite_add_tcase(suite, lists);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
