/* SPDX-License-Identifier: MIT */
/*
 * coord_local's multis: all or nothing, one zxid, in every view at once.
 */
#include "coord_local_play.h"

static struct coord_op seq_of(const char *path)
{
	struct coord_op op = op_of(0, COORD_CREATE, path);

	op.kind = COORD_EPHEMERAL_SEQUENTIAL;
	op.data = "us";
	op.data_len = 2;
	return op;
}

static void multi(struct coord *c, uint64_t id, const struct coord_op *subs,
		  size_t len)
{
	struct coord_op op = op_of(id, COORD_MULTI, "/");

	op.subs = subs;
	op.subs_len = len;
	submit(c, op);
}

/* The parent's stat is the news that a claim is made for. */
START_TEST(claim_tells_czxid_and_whether_alone)
{
	struct coord_op claim[] = { seq_of("/l/a-"),
				    op_of(0, COORD_SET, "/l") };
	struct coord_event ev;
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	for (int n = 1; n <= 2; n++) {
		multi(c, (uint64_t)n, claim, 2);
		coord_local_settle(c);
		ck_assert(c->ops->next(c, &ev));
		ck_assert_int_eq(ev.answer.result, COORD_OK);
		ck_assert_uint_eq(ev.answer.subs_len, 2);
		ck_assert_str_eq(ev.answer.subs[0].path,
				 n == 1 ? "/l/a-0000000000"
					: "/l/a-0000000001");
		ck_assert_int_eq(ev.answer.subs[1].stat.children, n);
		ck_assert_int_eq(
		    ev.answer.subs[1].stat.mzxid,
		    coord_tree_stat(
			coord_tree_find(tree, 0, ev.answer.subs[0].path))
			.czxid);
	}
	end(c);
}
END_TEST

/* The set in front counts before the create: R15 wants it behind. */
START_TEST(set_in_front_counts_without_us)
{
	struct coord_op wrong[] = { op_of(0, COORD_SET, "/l"),
				    seq_of("/l/a-") };
	struct coord_event ev;
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	multi(c, 1, wrong, 2);
	coord_local_settle(c);
	ck_assert(c->ops->next(c, &ev));
	ck_assert_int_eq(ev.answer.subs[0].stat.children, 0);
	end(c);
}
END_TEST

START_TEST(one_error_and_nothing_happens)
{
	struct coord_op subs[] = { seq_of("/l/a-"), op_of(0, COORD_SET, "/l"),
				   op_of(0, COORD_DELETE, "/l/gone"),
				   seq_of("/m/b-") };
	struct coord_event ev;
	struct coord *c;
	int64_t zxid;

	tree_begin(1);
	c = stepped_client(0);
	zxid = coord_tree_zxid(tree);
	multi(c, 1, subs, 4);
	list(c, 2, "/l");
	coord_local_settle(c);
	ck_assert(c->ops->next(c, &ev));
	ck_assert_int_eq(ev.answer.result, COORD_NO_NODE);
	ck_assert_uint_eq(ev.answer.failed, 2);
	ck_assert_uint_eq(ev.answer.subs_len, 0);
	ck_assert_int_eq(coord_tree_zxid(tree), zxid + 1);
	ck_assert_str_eq(heard(c), "2=ok");
	ck_assert_int_eq(
	    coord_tree_stat(coord_tree_find(tree, 0, "/l")).version, 0);
	end(c);
}
END_TEST

/* A lagging view applies all of it at once, watches in the order of its
 * parts. */
START_TEST(view_applies_it_whole)
{
	struct coord_op subs[] = { op_of(0, COORD_DELETE, "/l/old"),
				   seq_of("/l/a-"), seq_of("/m/b-") };
	struct coord *c;

	tree_begin(2);
	c = stepped_client(1);
	foreign(COORD_CREATE, "/m");
	foreign(COORD_CREATE, "/l/old");
	coord_tree_view_sync(tree, 1);
	get(c, 1, "/l/old");
	list(c, 2, "/m");
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "1=ok 2=ok");
	multi(c, 3, subs, 3);
	ck_assert(coord_local_serve(c));
	ck_assert_uint_eq(coord_tree_nodes(tree, 0), 5);
	ck_assert_uint_eq(coord_tree_nodes(tree, 1), 4);
	coord_tree_view_apply(tree, 1, coord_tree_zxid(tree));
	ck_assert_ptr_null(coord_tree_find(tree, 1, "/l/old"));
	ck_assert_ptr_nonnull(coord_tree_find(tree, 1, "/l/a-0000000001"));
	ck_assert_ptr_nonnull(coord_tree_find(tree, 1, "/m/b-0000000000"));
	coord_local_settle(c);
	ck_assert_str_eq(heard(c), "deleted(/l/old) children(/m) 3=ok");
	end(c);
}
END_TEST

START_TEST(cut_makes_it_maybe_and_whole)
{
	struct coord_op subs[] = { seq_of("/l/a-"), op_of(0, COORD_SET, "/l") };
	struct coord *c;

	tree_begin(1);
	c = stepped_client(0);
	multi(c, 1, subs, 2);
	coord_local_cut(c);
	ck_assert_str_eq(heard(c), "DOWN 1=maybe");
	ck_assert(coord_local_serve(c)); /* it had reached the server */
	ck_assert_ptr_nonnull(coord_tree_find(tree, 0, "/l/a-0000000000"));
	ck_assert_int_eq(
	    coord_tree_stat(coord_tree_find(tree, 0, "/l")).version, 1);
	end(c);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("coord_local_multi");
	TCase *multis = tcase_create("multis");
	SRunner *runner;
	int failed;

	tcase_add_test(multis, claim_tells_czxid_and_whether_alone);
	tcase_add_test(multis, set_in_front_counts_without_us);
	tcase_add_test(multis, one_error_and_nothing_happens);
	tcase_add_test(multis, view_applies_it_whole);
	tcase_add_test(multis, cut_makes_it_maybe_and_whole);
	suite_add_tcase(suite, multis);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
