/* SPDX-License-Identifier: MIT */
/*
 * The hub with several locks in one turn: what leaves together, what becomes
 * of it when it fails or gets lost.  hub_play.h has the world; here lines are
 * noted without a turn behind each, and the link is moved by hand.
 */
#include "daemon/batch.h"
#include "daemon/token.h"

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

/* The same, with hosts that linger and whose bids end sooner. */
static void begin_anew(int64_t new_linger_ms, uint32_t new_bid_turns)
{
	teardown();
	linger_ms = new_linger_ms;
	bid_turns = new_bid_turns;
	setup();
	linger_ms = 0;
	bid_turns = 0;
	play("a1 PING\na2 PING\na3 PING\nb1 PING\n"
	     "a1 LOCK foo\na1 UNLOCK foo\n+500\n");
	ck_assert_uint_eq(bids_of("foo"), 0);
	trace_len = 0;
	trace[0] = '\0';
}

/* a2 holds foo by the one node that there is: nobody else is granted until it
 * lets go, and then nothing stays. */
static void alone_with_it(void)
{
	ck_assert_uint_eq(bids_of("foo"), 1);
	play("b1 LOCK foo\n");
	ck_assert(told("b1< QUEUED foo"));
	ck_assert(!told("b1< GRANTED foo"));
	play("a2 UNLOCK foo\n+10\n");
	ck_assert_uint_eq(times_told("b1< GRANTED foo"), 1);
	play("b1 UNLOCK foo\n+300\n");
	ck_assert_uint_eq(bids_of("foo"), 0);
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

/* Rules 8: a create whose answer was lost, alone: the node is found, or made;
 * the token is the one of that node either way, and the next is larger. */
START_TEST(rules_08_a_token_is_its_nodes)
{
	uint64_t base, token;

	note_lines("1 LOCK foo\n");
	ck_assert_uint_eq(turn(), 2);
	lose(_i != 0);
	ck_assert_uint_eq(times_told("a1< GRANTED foo"), 1);
	ck_assert_uint_eq(bids_of("foo"), 1);
	ck_assert(token_base(
	    coord_tree_stat(coord_tree_find(tree, 0, bid_path("foo"))).czxid,
	    &base));
	ck_assert_uint_eq(token_last, base);
	token = token_last;
	play("a1 UNLOCK foo\na1 LOCK foo\n");
	ck_assert_uint_gt(token_last, token);
}
END_TEST

/* T5: a delete is said again when a link is there again, and meanwhile all of
 * the lock was deleted and made anew.  Its numbers begin anew as well, so the
 * other host's node ends like ours did; it is not ours. */
START_TEST(t05_a_repeated_delete_spares_another_node)
{
	char ours[512], theirs[512];

	operator_deletes("/deep/zklock/foo"); /* so ours is its first */
	play("a1 LOCK foo\n");
	(void)snprintf(ours, sizeof ours, "%s", bid_path("foo"));
	note_lines("1 UNLOCK foo\n");
	ck_assert_uint_eq(turn(), 1);
	coord_local_cut(hosts[0].coord);
	operator_deletes(ours);
	operator_deletes("/deep/zklock/foo");
	play("b1 LOCK foo\n");
	ck_assert(told("b1< GRANTED foo"));
	(void)snprintf(theirs, sizeof theirs, "%s", bid_path("foo"));
	ck_assert_str_eq(theirs + strlen(theirs) - 10,
			 ours + strlen(ours) - 10);
	(void)turn();
	coord_local_attach(hosts[0].coord, 0, now_ms);
	ck_assert_uint_eq(turn(), 2); /* a beat, and the delete again */
	pass(100, true);
	ck_assert_uint_eq(bids_of("foo"), 1);
	ck_assert_str_eq(bid_path("foo"), theirs);
	ck_assert(!told("LOST"));
	play("b1 UNLOCK foo\n");
	ck_assert(told("b1< RELEASED foo"));
	ck_assert_uint_eq(bids_of("foo"), 0);
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

/* The same with nobody between: who asks next on this host wants the other
 * mode, of a lock that lingers or is released in the same turn. */
START_TEST(lost_change_of_mode)
{
	bool applied = _i % 2 != 0, lingers = _i / 2 != 0;

	begin_anew(lingers ? 200 : 0, 0);
	play("a1 LOCK foo mode=s\n");
	if (lingers)
		play("a1 UNLOCK foo\n");
	else
		note_lines("1 UNLOCK foo\n");
	note_lines("2 LOCK foo\n");
	ck_assert_uint_eq(turn(), 1); /* {delete C, create N} */
	lose(applied);
	ck_assert_uint_eq(times_told("a2< GRANTED foo"), 1);
	ck_assert(!told("LOST"));
	alone_with_it();
}
END_TEST

/* Rules 4: the instants of a delete, and what deletes. */
enum instant {
	IN_THE_BATCH, /* four flights are under way */
	SENT,
	APPLIED,
	IN_THE_MAILBOX,
	LOST_APPLIED, /* its answer, with the link */
	LOST_UNAPPLIED,
	INSTANTS,
};

enum end {
	RELEASE,
	LINGER_END,
	SLIDE,
	ENDS,
};

/* Up to where host a's next turn deletes foo's bid. */
static void bring_to(enum end end)
{
	begin_anew(end == RELEASE ? 0 : 200, end == SLIDE ? 4 : 0);
	play("a1 LOCK foo\n");
	switch (end) {
	case RELEASE:
		note_lines("1 UNLOCK foo\n");
		break;
	case LINGER_END:
		play("a1 UNLOCK foo\n+190\n");
		now_ms += STEP_MS;
		break;
	case SLIDE:
		while (bids_of("foo") < 2)
			play("a1 UNLOCK foo\na1 LOCK foo\n");
		note_lines("1 UNLOCK foo\n");
		break;
	case ENDS:
		break;
	}
}

/* So much is under way that what comes now is collected. */
static void crowd(void)
{
	note_lines("3 LOCK q1\n");
	(void)turn();
	note_lines("3 LOCK q2\n");
	(void)turn();
	note_lines("3 LOCK q3\n");
	(void)turn();
	note_lines("3 LOCK q4\n");
	(void)turn();
}

static void go_to(enum instant instant)
{
	bool served = instant != SENT && instant != LOST_UNAPPLIED &&
		      instant != IN_THE_BATCH;
	size_t bids = bids_of("foo");

	while (served && coord_local_serve(hosts[0].coord))
		;
	ck_assert_uint_eq(bids_of("foo"), bids - served);
	if (instant == IN_THE_MAILBOX) {
		while (coord_local_deliver(hosts[0].coord))
			;
	}
	if (instant == LOST_APPLIED || instant == LOST_UNAPPLIED)
		coord_local_cut(hosts[0].coord);
}

/* Whoever asks at any of these instants is served once, by a node that is
 * there, later than the last one; and nothing is left behind. */
START_TEST(rules_04_a_ticket_at_each_instant_of_a_delete)
{
	enum instant instant = (enum instant)(_i % INSTANTS);
	uint64_t token;

	bring_to((enum end)(_i / INSTANTS));
	token = token_last;
	if (instant == IN_THE_BATCH)
		crowd();
	ck_assert_uint_eq(turn(), instant == IN_THE_BATCH ? 0 : 1);
	go_to(instant);
	note_lines("2 LOCK foo\n");
	(void)turn();
	pass(100, true);
	ck_assert_uint_eq(times_told("a2< GRANTED foo"), 1);
	ck_assert(!told("LOST"));
	ck_assert_uint_gt(token_last, token);
	if (instant == IN_THE_BATCH)
		play("a3 UNLOCK q1\na3 UNLOCK q2\na3 UNLOCK q3\n"
		     "a3 UNLOCK q4\n");
	alone_with_it();
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
	tcase_add_loop_test(turns, rules_08_a_token_is_its_nodes, 0, 2);
	tcase_add_test(turns, t05_a_repeated_delete_spares_another_node);
	tcase_add_loop_test(turns, lost_yield, 0, 2);
	tcase_add_test(turns, no_yield_without_a_stranger);
	tcase_add_loop_test(turns, lost_change_of_mode, 0, 4);
	tcase_add_loop_test(turns,
			    rules_04_a_ticket_at_each_instant_of_a_delete, 0,
			    (int)INSTANTS * (int)ENDS);
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
