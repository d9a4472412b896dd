/* SPDX-License-Identifier: MIT */
/*
 * The hub with several locks in one turn: what leaves together, what becomes
 * of it when it fails or gets lost.  hub_play.h has the world; here lines are
 * noted without a turn behind each, and the link is moved by hand.
 */
#include "daemon/batch.h"

#include "hub_play.h"

/* Lines of host a, one a word pair "1 LOCK foo"; no turn yet. */
static void note_lines(const char *script)
{
	char *copy = strdup(script), *rest = NULL;

	for (char *line = strtok_r(copy, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		hub_on_line(hosts[0].hub, hosts[0].conns[*line - '0'], line + 2,
			    strlen(line + 2));
	free(copy);
}

/* A turn; how many requests it sent. */
static size_t turn(void)
{
	size_t before = coord_local_requests(hosts[0].coord);

	hub_drain(hosts[0].hub);
	return coord_local_requests(hosts[0].coord) - before;
}

/* Connections that are there, locks that have a node, all answers read. */
static void begin(void)
{
	linger_ms = 0;
	setup();
	play("a1 PING\na2 PING\nb1 PING\n"
	     "a1 LOCK foo\na1 LOCK bar\na1 LOCK baz\n"
	     "a1 UNLOCK foo\na1 UNLOCK bar\na1 UNLOCK baz\n");
	ck_assert_uint_eq(bids_of("foo") + bids_of("bar") + bids_of("baz"), 0);
	trace_len = 0;
	trace[0] = '\0';
}

static bool told(const char *text)
{
	return strstr(trace, text) != NULL;
}

static void operator_deletes(const char *path)
{
	struct coord_op op = { .verb = COORD_DELETE, .path = path };

	ck_assert_int_eq(coord_tree_write(tree, &op, 0).result, COORD_OK);
}

START_TEST(several_locks_are_one_transaction)
{
	int64_t zxid = coord_tree_zxid(tree);

	note_lines("1 LOCK foo\n1 LOCK bar\n2 LOCK baz\n");
	ck_assert_uint_eq(turn(), 1);
	ck_assert(coord_local_serve(hosts[0].coord));
	ck_assert_int_eq(coord_tree_zxid(tree), zxid + 1);
	ck_assert(coord_local_deliver(hosts[0].coord));
	/* Granted with no read; the child watches are armed a little later. */
	ck_assert_uint_eq(turn(), 0);
	now_ms += BATCH_CALM_MS;
	ck_assert_uint_eq(turn(), 3);
	ck_assert(told("GRANTED foo") && told("GRANTED bar") &&
		  told("GRANTED baz"));
	settle();
	note_lines("1 UNLOCK foo\n1 UNLOCK bar\n2 UNLOCK baz\n");
	zxid = coord_tree_zxid(tree);
	ck_assert_uint_eq(turn(), 1);
	/* Answered before ZooKeeper knows. */
	ck_assert(told("RELEASED foo") && told("RELEASED baz"));
	ck_assert(coord_local_serve(hosts[0].coord));
	ck_assert_int_eq(coord_tree_zxid(tree), zxid + 1);
	settle();
	ck_assert_uint_eq(bids_of("foo") + bids_of("bar") + bids_of("baz"), 0);
}
END_TEST

/* A lone one goes as it is: create and listing in one flush. */
START_TEST(lone_lock_is_a_single)
{
	note_lines("1 LOCK foo\n");
	ck_assert_uint_eq(turn(), 2);
	settle();
	ck_assert(told("GRANTED foo"));
}
END_TEST

START_TEST(missing_parent_costs_the_others_a_round_trip)
{
	operator_deletes("/deep/zklock/bar");
	note_lines("1 LOCK foo\n1 LOCK bar\n1 LOCK baz\n");
	ck_assert_uint_eq(turn(), 1);
	coord_local_settle(hosts[0].coord);
	ck_assert_uint_eq(turn(), 6); /* each with its listing */
	settle();
	ck_assert(told("GRANTED foo") && told("GRANTED bar") &&
		  told("GRANTED baz"));
	ck_assert_uint_eq(bids_of("bar"), 1);
}
END_TEST

/* R15: somebody is there, so the children say nothing. */
START_TEST(claim_behind_a_stranger_waits)
{
	play("b1 LOCK foo\n");
	note_lines("1 LOCK foo\n1 LOCK bar\n");
	ck_assert_uint_eq(turn(), 1);
	settle();
	ck_assert(told("a1< QUEUED foo") && told("a1< GRANTED bar"));
	play("b1 UNLOCK foo\n");
	ck_assert(told("a1< GRANTED foo"));
}
END_TEST

/* R11: the link breaks with a multi under way. */
static void lose(bool applied)
{
	coord_local_cut(hosts[0].coord);
	if (applied)
		ck_assert(coord_local_serve(hosts[0].coord));
	pass(100, true);
}

START_TEST(lost_claims_are_found_or_made_again)
{
	bool applied = _i != 0;

	note_lines("1 LOCK foo\n1 LOCK bar\n");
	ck_assert_uint_eq(turn(), 1);
	lose(applied);
	ck_assert(told("GRANTED foo") && told("GRANTED bar"));
	ck_assert_uint_eq(bids_of("foo"), 1);
	ck_assert_uint_eq(bids_of("bar"), 1);
	play("a1 UNLOCK foo\na1 UNLOCK bar\n");
	ck_assert_uint_eq(bids_of("foo") + bids_of("bar"), 0);
}
END_TEST

/* The yield of foo, to b or to nobody. */
static void yield(bool stranger)
{
	play("a1 LOCK foo\n");
	if (stranger)
		play("b1 LOCK foo\n");
	play("a2 LOCK foo\n+60\n");
	note_lines("1 UNLOCK foo\n");
}

/* The multi {create N, delete C} gets lost (C9). */
START_TEST(lost_yield)
{
	bool applied = _i != 0;

	yield(true);
	ck_assert_uint_eq(turn(), 1);
	lose(applied);
	/* b has it, a stands behind with one node. */
	ck_assert(told("b1< GRANTED foo"));
	ck_assert(!told("a2< GRANTED foo"));
	ck_assert_uint_eq(bids_of("foo"), 2);
	play("b1 UNLOCK foo\n");
	ck_assert(told("a2< GRANTED foo"));
	play("a2 UNLOCK foo\n");
	ck_assert_uint_eq(bids_of("foo"), 0);
}
END_TEST

/* Nobody between: the next turn is here, no yield and no new node. */
START_TEST(no_yield_without_a_stranger)
{
	yield(false);
	ck_assert_uint_eq(turn(), 0);
	ck_assert(told("a2< GRANTED foo"));
}
END_TEST

/* C17: delete C in a multi that fails on another operation, create N in the
 * one behind it.  N finds our C before it and waits for it. */
START_TEST(own_node_of_a_failed_multi_is_waited_for)
{
	char path[512];

	play("a1 LOCK foo\na1 LOCK bar\n");
	(void)snprintf(path, sizeof path, "%s", bid_path("bar"));
	note_lines("1 UNLOCK foo\n1 UNLOCK bar\n");
	ck_assert_uint_eq(turn(), 1);
	operator_deletes(path); /* on its way to the server */
	note_lines("2 LOCK foo\n2 LOCK baz\n");
	ck_assert_uint_eq(turn(), 1);
	ck_assert(coord_local_serve(hosts[0].coord));
	ck_assert(coord_local_serve(hosts[0].coord));
	ck_assert_uint_eq(bids_of("foo"), 2); /* C and N */
	coord_local_settle(hosts[0].coord);
	(void)turn();
	ck_assert(told("a2< GRANTED baz"));
	ck_assert(!told("a2< GRANTED foo"));
	settle();
	ck_assert(told("a2< GRANTED foo"));
	ck_assert_uint_eq(bids_of("foo"), 1);
	play("a2 UNLOCK foo\na2 UNLOCK baz\n");
	ck_assert_uint_eq(bids_of("foo") + bids_of("bar") + bids_of("baz"), 0);
}
END_TEST

/* A semaphore's parents are not the lock's node, and carry its number. */
START_TEST(semaphores_go_by_themselves)
{
	play("a1 LOCK sem slots=2\na1 UNLOCK sem\n");
	note_lines("1 LOCK foo\n1 LOCK sem slots=2\n2 LOCK sem slots=2\n"
		   "2 LOCK bar\n");
	(void)turn();
	settle();
	ck_assert(told("a1< GRANTED foo") && told("a2< GRANTED bar"));
	ck_assert(told("a1< GRANTED sem") && told("a2< GRANTED sem"));
	note_lines("1 UNLOCK foo\n1 UNLOCK sem\n2 UNLOCK sem\n2 UNLOCK bar\n");
	(void)turn();
	settle();
	play("b1 LOCK sem slots=3\n");
	ck_assert(told("b1< ERR KIND"));
}
END_TEST

/* Given up in the turn that asked: the create does not leave at all. */
START_TEST(given_up_before_it_left)
{
	int64_t zxid = coord_tree_zxid(tree);

	note_lines("1 LOCK foo\n1 LOCK bar\n1 CANCEL foo\n1 CANCEL bar\n");
	ck_assert_uint_eq(turn(), 0);
	settle();
	ck_assert_int_eq(coord_tree_zxid(tree), zxid);
	ck_assert_uint_eq(bids_of("foo") + bids_of("bar"), 0);
}
END_TEST

/* Nothing of an ended session leaves in the next one. */
START_TEST(expiry_with_multis_under_way)
{
	note_lines("1 LOCK foo\n1 LOCK bar\n");
	ck_assert_uint_eq(turn(), 1);
	coord_local_cut(hosts[0].coord);
	note_lines("2 LOCK baz\n");
	(void)turn();
	coord_tree_session_end(tree, coord_local_session(hosts[0].coord));
	pass(100, true);
	ck_assert(told("GRANTED foo") && told("GRANTED bar") &&
		  told("GRANTED baz"));
	ck_assert_uint_eq(bids_of("foo") + bids_of("bar") + bids_of("baz"), 3);
	play("a1 UNLOCK foo\na1 UNLOCK bar\na2 UNLOCK baz\n");
	ck_assert_uint_eq(bids_of("foo") + bids_of("bar") + bids_of("baz"), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hub_batch");
	TCase *turns = tcase_create("turns");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(turns, begin, teardown);
	tcase_add_test(turns, several_locks_are_one_transaction);
	tcase_add_test(turns, lone_lock_is_a_single);
	tcase_add_test(turns, missing_parent_costs_the_others_a_round_trip);
	tcase_add_test(turns, claim_behind_a_stranger_waits);
	tcase_add_loop_test(turns, lost_claims_are_found_or_made_again, 0, 2);
	tcase_add_loop_test(turns, lost_yield, 0, 2);
	tcase_add_test(turns, no_yield_without_a_stranger);
	tcase_add_test(turns, own_node_of_a_failed_multi_is_waited_for);
	tcase_add_test(turns, semaphores_go_by_themselves);
	tcase_add_test(turns, given_up_before_it_left);
	tcase_add_test(turns, expiry_with_multis_under_way);
	suite_add_tcase(suite, turns);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
