/* SPDX-License-Identifier: MIT */
/*
 * What the library's codes become.  The hub takes five results for proofs that
 * a request went through the quorum, so no other code may become one of these
 * (lease F10), and what may have been applied must not become a plain no.
 */
#include <check.h>
#include <stdlib.h>

#include "daemon/coord_zk_i.h"

/* Numbers: those of the protocol, whatever the library calls them. */
static const struct row {
	int rc;
	enum coord_result result;
} rows[] = {
	{ 0, COORD_OK },
	/* Found by the leader, in a transaction of its own. */
	{ -101, COORD_NO_NODE },
	{ -103, COORD_BAD_VERSION },
	{ -110, COORD_NODE_EXISTS },
	{ -111, COORD_NOT_EMPTY },
	/* A server can say so by itself. */
	{ -102, COORD_REFUSED }, /* NoAuth */
	{ -108, COORD_REFUSED }, /* NoChildrenForEphemerals */
	{ -114, COORD_REFUSED }, /* InvalidACL */
	{ -115, COORD_REFUSED }, /* AuthFailed */
	{ -118, COORD_REFUSED }, /* SessionMoved */
	{ -119, COORD_REFUSED }, /* NotReadOnly */
	{ -125, COORD_REFUSED }, /* QuotaExceeded */
	{ -127, COORD_REFUSED }, /* ThrottledOp */
	{ -200, COORD_REFUSED }, /* of a later version */
	/* The link or the session broke, or the library is in trouble. */
	{ -1, COORD_MAYBE },   /* SystemError */
	{ -4, COORD_MAYBE },   /* ConnectionLoss */
	{ -5, COORD_MAYBE },   /* MarshallingError */
	{ -7, COORD_MAYBE },   /* OperationTimeout */
	{ -9, COORD_MAYBE },   /* InvalidState */
	{ -112, COORD_MAYBE }, /* SessionExpired */
	{ -116, COORD_MAYBE }, /* Closing */
};

START_TEST(lease_07_what_the_codes_become)
{
	ck_assert_int_eq(zk_result(rows[_i].rc), rows[_i].result);
}
END_TEST

/* Nothing but the five, out of all codes, is a proof. */
START_TEST(lease_07_no_other_code_proves)
{
	enum coord_result result;

	for (int rc = -1000; rc <= 1000; rc++) {
		result = zk_result(rc);
		if (rc != 0 && rc != -101 && rc != -103 && rc != -110 &&
		    rc != -111)
			ck_assert(result == COORD_REFUSED ||
				  result == COORD_MAYBE);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("coord_zk_result");
	TCase *tc = tcase_create("table");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_loop_test(tc, lease_07_what_the_codes_become, 0,
			    sizeof rows / sizeof *rows);
	tcase_add_test(tc, lease_07_no_other_code_proves);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
