/* SPDX-License-Identifier: MIT */
/* user: shares of what is bounded for all. */
#include <check.h>
#include <stdlib.h>

#include "daemon/user.h"

static struct users *users;

static void setup(void)
{
	users = users_new(75);
}

static void teardown(void)
{
	users_free(users);
}

START_TEST(a_user_has_its_share_and_no_more)
{
	struct user *one = user_join(users, 1000);
	struct user *two = user_join(users, 1001);

	ck_assert(user_fits(one, USER_LOCKS, 75, 100));
	ck_assert(!user_fits(one, USER_LOCKS, 76, 100));
	user_take(one, USER_LOCKS, 75);
	ck_assert(!user_fits(one, USER_LOCKS, 1, 100));
	ck_assert(user_fits(one, USER_BYTES, 75, 100)); /* of another thing */
	ck_assert(user_fits(two, USER_LOCKS, 75, 100));
	user_give(one, USER_LOCKS, 1);
	ck_assert(user_fits(one, USER_LOCKS, 1, 100));
	/* The limit was lowered meanwhile: nothing more, nothing taken. */
	ck_assert(!user_fits(one, USER_LOCKS, 1, 10));
	ck_assert(user_fits(two, USER_LOCKS, 7, 10));
	ck_assert(!user_fits(two, USER_LOCKS, 8, 10));
}
END_TEST

START_TEST(the_share_may_change)
{
	struct user *one = user_join(users, 1000);

	users_set_share(users, 10);
	ck_assert(user_fits(one, USER_LOCKS, 10, 100));
	ck_assert(!user_fits(one, USER_LOCKS, 11, 100));
	/* Of little there is one at least. */
	ck_assert(user_fits(one, USER_LOCKS, 1, 4));
	ck_assert(!user_fits(one, USER_LOCKS, 2, 4));
	users_set_share(users, 100);
	ck_assert(user_fits(one, USER_LOCKS, 100, 100));
	ck_assert(!user_fits(one, USER_LOCKS, 101, 100));
	users_set_share(users, 0); /* as 100 */
	ck_assert(user_fits(one, USER_LOCKS, 100, 100));
}
END_TEST

START_TEST(root_and_nobody_have_all)
{
	struct user *root = user_join(users, 0);

	user_take(root, USER_LOCKS, 100);
	ck_assert(user_fits(root, USER_LOCKS, 1, 100));
	ck_assert(user_fits(NULL, USER_LOCKS, 1000, 100));
	user_take(NULL, USER_LOCKS, 1);
	user_give(NULL, USER_LOCKS, 1);
}
END_TEST

/* What a connection leaves behind still counts. */
START_TEST(a_user_is_there_as_long_as_it_has_something)
{
	struct user *one = user_join(users, 1000);

	ck_assert_ptr_eq(user_join(users, 1000), one);
	user_take(one, USER_MIN_HOLDS, 3);
	user_part(one);
	user_part(one);
	ck_assert_ptr_eq(user_join(users, 1000), one);
	ck_assert(!user_fits(one, USER_MIN_HOLDS, 1, 4));
	user_part(one);
	ck_assert_uint_eq(users_len(users), 1);
	user_give(one, USER_MIN_HOLDS, 3);
	ck_assert_uint_eq(users_len(users), 0);
	one = user_join(users, 1000);
	ck_assert(user_fits(one, USER_MIN_HOLDS, 3, 4));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("user");
	TCase *tc = tcase_create("shares");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_user_has_its_share_and_no_more);
	tcase_add_test(tc, the_share_may_change);
	tcase_add_test(tc, root_and_nobody_have_all);
	tcase_add_test(tc, a_user_is_there_as_long_as_it_has_something);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
