/* SPDX-License-Identifier: MIT */
/* token - fencing tokens: their order, their bounds, and what is refused. */
#include <check.h>
#include <stdlib.h>

#include "daemon/token.h"

#define ZXID(epoch, counter) ((int64_t)(epoch) << 32 | (counter))
#define UNTOUCHED            UINT64_C(77)

static uint64_t base(int64_t czxid)
{
	uint64_t token = UNTOUCHED;

	ck_assert_msg(token_base(czxid, &token), "czxid %llx",
		      (unsigned long long)czxid);
	return token;
}

static void refused(int64_t czxid)
{
	uint64_t token = UNTOUCHED;

	ck_assert_msg(!token_base(czxid, &token), "czxid %llx",
		      (unsigned long long)czxid);
	ck_assert_uint_eq(token, UNTOUCHED);
}

START_TEST(a_token_is_epoch_counter_turn)
{
	ck_assert_uint_eq(base(ZXID(3, 5)), UINT64_C(3) << 43 | 5U << 11);
	ck_assert_uint_eq(base(1), 1U << 11);
	/* The example of the protocol's pages: epoch 2, counter 0. */
	ck_assert_uint_eq(base(ZXID(2, 0)), UINT64_C(17592186044416));
}
END_TEST

/* Whatever committed later has larger tokens, through all turns of a bid,
 * over counters and over epochs. */
START_TEST(later_is_larger)
{
	static const int64_t in_order[] = {
		1,
		2,
		ZXID(0, 0xffffffff),
		ZXID(1, 0), /* a leader's own first proposal */
		ZXID(1, 1),
		ZXID(1, 0x7fffffff),
		ZXID(1, 0x80000000), /* where a signed half would turn over */
		ZXID(1, 0xffffffff),
		ZXID(2, 1),
		ZXID(0x7ffff, 0xffffffff),
		ZXID(0x80000, 0),
		ZXID(TOKEN_EPOCH_END - 1, 0xffffffff),
	};

	for (size_t i = 1; i < sizeof in_order / sizeof *in_order; i++) {
		uint64_t last_turn = base(in_order[i - 1]) + TOKEN_TURN_MAX;

		ck_assert_uint_lt(last_turn, base(in_order[i]));
	}
}
END_TEST

/* It fits a signed 64-bit column, at the very end too. */
START_TEST(the_largest_is_positive)
{
	uint64_t largest =
	    base(ZXID(TOKEN_EPOCH_END - 1, 0xffffffff)) + TOKEN_TURN_MAX;

	ck_assert_uint_eq(largest, (uint64_t)INT64_MAX);
	ck_assert_uint_eq(TOKEN_TURN_MAX, 2047);
}
END_TEST

/* Never a smaller token than one that was given: rather none. */
START_TEST(an_epoch_that_does_not_fit_is_refused)
{
	refused(ZXID(TOKEN_EPOCH_END, 0));
	refused(ZXID(TOKEN_EPOCH_END, 1));
	refused(ZXID(TOKEN_EPOCH_END * 2, 5));
	refused(INT64_MAX);
}
END_TEST

START_TEST(what_is_no_czxid_is_refused)
{
	refused(0);
	refused(-1);
	refused(INT64_MIN);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("token");
	TCase *tc = tcase_create("tokens");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_test(tc, a_token_is_epoch_counter_turn);
	tcase_add_test(tc, later_is_larger);
	tcase_add_test(tc, the_largest_is_positive);
	tcase_add_test(tc, an_epoch_that_does_not_fit_is_refused);
	tcase_add_test(tc, what_is_no_czxid_is_refused);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
