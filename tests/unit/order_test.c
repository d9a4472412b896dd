/* SPDX-License-Identifier: MIT */
/* The judge of token order (tests/sim/order.h): what it lets pass and what it
 * does not. */
#include "tests/sim/order.h"

#include <check.h>
#include <stdlib.h>

static struct order order;

static void setup(void)
{
	order = (struct order){ 0 };
}

/* C4: A's shared bid (2) grants late, after B's (3) came and went.  R3 lets it
 * pass; the strict form must not, or it judges nothing. */
START_TEST(c4_a_shared_bid_grants_late)
{
	order_ended(&order, 3, true);
	ck_assert(order_fits(&order, 2, true, false));
	ck_assert(!order_fits(&order, 2, true, true));
}
END_TEST

START_TEST(exclusive_grants_are_in_order_with_all)
{
	order_ended(&order, 3, true);
	ck_assert(!order_fits(&order, 2, false, false));
	ck_assert(!order_fits(&order, 3, false, false));
	ck_assert(order_fits(&order, 4, false, false));
	order_ended(&order, 7, false);
	order_ended(&order, 5, false);
	ck_assert(!order_fits(&order, 6, true, false));
	ck_assert(!order_fits(&order, 7, true, false));
	ck_assert(order_fits(&order, 8, true, false));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("order");
	TCase *tc = tcase_create("judge");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, NULL);
	tcase_add_test(tc, c4_a_shared_bid_grants_late);
	tcase_add_test(tc, exclusive_grants_are_in_order_with_all);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
