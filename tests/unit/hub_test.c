/* SPDX-License-Identifier: MIT */
/* The hub told as transcripts; hub_play.h has the language. */
#include "hub_play.h"

/* A lock by hand, as the README shows it. */
START_TEST(a_lock_by_hand)
{
	play("a1 LOCK foo note=\"nightly dump\"\n"
	     "a1 TRYLOCK foo\n"
	     "a2 TRYLOCK foo\n"
	     "a1 CHECK foo\n"
	     "a1 LIST\n"
	     "a1 UNLOCK foo\n"
	     "a1 UNLOCK foo\n"
	     "a1 QUIT\n");
	ck_assert_str_eq(
	    trace,
	    "a1< GRANTED foo id=@1\n"
	    "a1< ERR HELD name=foo id=@1 :this connection has or wants "
	    "this lock already\n"
	    "a2< ERR BUSY name=foo holder=\"db1 pid=812 test\"\n"
	    "a1< OK held=1 id=@1\n"
	    "a1< - foo mode=x state=held id=@1 holder=\"db1 pid=812 test\" "
	    "pid=812 uid=1000\n"
	    "a1< OK 1\n"
	    "a1< RELEASED foo id=@1\n"
	    "a1< ERR NOTHELD name=foo :this connection does not hold "
	    "that\n"
	    "a1< OK bye\n"
	    "a1 closed\n");
	ck_assert_uint_eq(bids_of("foo"), 0);
}
END_TEST

/* Two hosts in order; within a host the next turn needs no new node. */
START_TEST(hosts_and_clients_in_order)
{
	play("a1 LOCK foo\n"
	     "b1 LOCK foo\n"
	     "a2 LOCK foo\n"
	     "b2 LOCK foo\n");
	ck_assert_uint_eq(bids_of("foo"), 2);
	play("a1 UNLOCK foo\n"
	     "a2 EOF\n"
	     "b1 UNLOCK foo\n");
	ck_assert_str_eq(
	    trace, "a1< GRANTED foo id=@1\n"
		   "b1< QUEUED foo id=@1 pos=2 holder=\"db1 pid=812 test\"\n"
		   "a2< QUEUED foo id=@2 pos=2 holder=\"db1 pid=812 test\"\n"
		   "b2< QUEUED foo id=@2 pos=3 holder=\"db1 pid=812 test\"\n"
		   "a1< RELEASED foo id=@1\n"
		   "a2< GRANTED foo id=@2\n"
		   "a2 closed\n"
		   "b1< GRANTED foo id=@1\n"
		   "b1< RELEASED foo id=@1\n"
		   "b2< GRANTED foo id=@2\n");
	ck_assert_uint_eq(bids_of("foo"), 1);
}
END_TEST

/* Host a yields to b (R6): who asks at a now stands behind b as well, and is
 * told so (R18). */
START_TEST(rules_14_pos_after_a_yield)
{
	play("a1 LOCK foo\na2 LOCK foo\nb1 LOCK foo\n+100\na3 LOCK foo\n"
	     "a1 UNLOCK foo\na4 LOCK foo\nb1 UNLOCK foo\n");
	ck_assert_str_eq(
	    trace, "a1< GRANTED foo id=@1\n"
		   "a2< QUEUED foo id=@2 pos=2 holder=\"db1 pid=812 test\"\n"
		   "b1< QUEUED foo id=@1 pos=2 holder=\"db1 pid=812 test\"\n"
		   "a3< QUEUED foo id=@3 pos=3 holder=\"db1 pid=812 test\"\n"
		   "a1< RELEASED foo id=@1\n"
		   "b1< GRANTED foo id=@1\n"
		   "a4< QUEUED foo id=@4 pos=4 holder=\"db2 pid=812 test\"\n"
		   "b1< RELEASED foo id=@1\n"
		   "a2< GRANTED foo id=@2\n");
}
END_TEST

/* Who is refused is told who has it, wherever that is. */
START_TEST(a_refusal_names_the_holder_elsewhere)
{
	play(
	    "a1 LOCK foo\nb1 TRYLOCK foo\n+100\nb2 LOCK foo wait=50ms\n+100\n");
	ck_assert_str_eq(
	    trace, "a1< GRANTED foo id=@1\n"
		   "b1< ERR BUSY name=foo id=@1 holder=\"db1 pid=812 test\"\n"
		   "b2< QUEUED foo id=@2 pos=2 holder=\"db1 pid=812 test\"\n"
		   "b2< ERR TIMEOUT name=foo id=@2 holder=\"db1 pid=812 "
		   "test\"\n");
}
END_TEST

/* A tag comes back with each line of its reply, an error names its column. */
START_TEST(tags_and_errors)
{
	play("a1 #7 LOCK foo\n"
	     "a2 #x LOCK foo wait=20ms\n"
	     "+40\n"
	     "a2 #y LOCK foo\n"
	     "a2 #z CANCEL #y\n"
	     "a2 LOCK /abs\n"
	     "a2 FROB\n");
	ck_assert_ptr_nonnull(strstr(trace, "a1< #7 GRANTED foo id=@1\n"));
	ck_assert_ptr_nonnull(strstr(trace, "a2< #x QUEUED foo id=@2 pos=2"));
	ck_assert_ptr_nonnull(strstr(trace, "a2< #x ERR TIMEOUT name=foo "
					    "id=@2 holder=\"db1 pid=812 "
					    "test\"\n"));
	ck_assert_ptr_nonnull(strstr(trace, "a2< #y ERR CANCELLED name=foo"));
	ck_assert_ptr_nonnull(strstr(trace, "a2< #z OK\n"));
	ck_assert_ptr_nonnull(strstr(trace, "a2< ERR DENIED name=/abs "));
	ck_assert_ptr_nonnull(strstr(trace, "a2< ERR UNKNOWN "));
}
END_TEST

/* The link breaks and comes back in time: the same hold, the same token. */
START_TEST(a_short_cut_is_survived)
{
	play("a1 LOCK foo\na2 LOCK foo\n");
	trace_len = 0;
	coord_local_cut(hosts[0].coord);
	play("-100\na3 TRYLOCK bar\na3 LOCK baz\n+1000\na1 UNLOCK foo\n");
	ck_assert_str_eq(trace,
			 "a1< * SUSPENDED\n"
			 "a3< ERR SUSPENDED name=bar :the session is in doubt: "
			 "no grants\n"
			 "a3< QUEUED baz id=@3 pos=1\n"
			 "a1< * RESUMED\n"
			 "a3< GRANTED baz id=@3\n"
			 "a1< RELEASED foo id=@1\n"
			 "a2< GRANTED foo id=@2\n");
}
END_TEST

/* A wait that runs out meanwhile does not sound as if the lock were taken. */
START_TEST(a_wait_that_nobody_answered_says_so)
{
	play("b1 LOCK foo\na1 LOCK bar\na2 LOCK foo wait=500ms\n"
	     "a3 LOCK bar wait=500ms\n+100\n");
	trace_len = 0;
	coord_local_cut(hosts[0].coord);
	play("-1000\n");
	/* Not of what is held here: that is known. */
	ck_assert_str_eq(trace,
			 "a1< * SUSPENDED\n"
			 "a2< ERR TIMEOUT name=foo id=@2 state=suspended "
			 "holder=\"db2 pid=812 test\"\n"
			 "a3< ERR TIMEOUT name=bar id=@3 holder=\"db1 pid=812 "
			 "test\"\n");
}
END_TEST

/* A long cut: SUSPENDED, LOST at the deadline, and the rest bids anew. */
START_TEST(a_long_cut_loses_before_anybody_else_can_win)
{
	play("a1 LOCK foo\na2 LOCK foo\n+3000\nb1 LOCK foo\n");
	trace_len = 0;
	coord_local_cut(hosts[0].coord);
	for (int i = 0; i < 800; i++) {
		now_ms += STEP_MS;
		coord_tree_tick(tree);
		if (coord_local_wants_link(hosts[1].coord))
			coord_local_attach(hosts[1].coord, 0, now_ms);
		settle();
	}
	play("+100\nb1 UNLOCK foo\na1 UNLOCK foo\n");
	ck_assert_str_eq(trace, "a1< * SUSPENDED\n"
				"a1< * LOST foo id=@1\n"
				"b1< GRANTED foo id=@1\n"
				"b1< RELEASED foo id=@1\n"
				"a2< GRANTED foo id=@2\n"
				"a1< ERR LOST name=foo id=@1 reason=deadline "
				":the hold has ended: others may have the "
				"lock\n");
}
END_TEST

/* Host a's server says no to one half of each beat, the sync or the write:
 * its doors are these, and the answers are told apart by their ids. */
static const struct coord_ops *real_ops;
static struct coord_ops no_ops;
static enum coord_verb refused_verb;
static uint64_t refused_ids[64];

static void submit_no(struct coord *coord, const struct coord_op *ops,
		      size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (ops[i].urgent && ops[i].verb == refused_verb)
			refused_ids[ops[i].id % 64] = ops[i].id;
	}
	real_ops->submit(coord, ops, len);
}

static bool next_no(struct coord *coord, struct coord_event *event_out)
{
	bool there = real_ops->next(coord, event_out);
	uint64_t id = event_out->answer.id;

	if (there && event_out->type == COORD_EV_ANSWER &&
	    refused_ids[id % 64] == id &&
	    event_out->answer.result == COORD_OK) {
		memset(&event_out->answer, 0, sizeof event_out->answer);
		event_out->answer.id = id;
		event_out->answer.result = COORD_REFUSED;
		event_out->answer.zk_rc = -118; /* SessionMoved */
	}
	return there;
}

/* Lease 7: a server that refuses answers, and proves nothing: the page stands
 * still, the silence is noticed, another link changes nothing, and at the
 * deadline the hold is over. */
START_TEST(lease_07_a_refused_beat_proves_nothing)
{
	int64_t until_ms;

	play("a1 LOCK foo\n+3000\n");
	until_ms = hosts[0].page_ms;
	ck_assert_int_gt(until_ms, now_ms + TIMEOUT_MS / 3);
	trace_len = 0;
	real_ops = hosts[0].coord->ops;
	no_ops = *real_ops;
	no_ops.submit = submit_no;
	no_ops.next = next_no;
	refused_verb = _i ? COORD_SYNC : COORD_SET;
	hosts[0].coord->ops = &no_ops;
	play("+1400\n");
	ck_assert_int_eq(hosts[0].page_ms, until_ms);
	ck_assert_uint_eq(trace_len, 0);
	play("+200\n"); /* three beats of half a second */
	ck_assert_str_eq(trace, "a1< * SUSPENDED\n");
	while (now_ms + STEP_MS < until_ms) {
		ck_assert_int_eq(hosts[0].page_ms, until_ms);
		play("+10\n");
	}
	ck_assert_str_eq(trace, "a1< * SUSPENDED\n");
	hosts[0].coord->ops = real_ops;
	play("+10\n");
	ck_assert_str_eq(trace, "a1< * SUSPENDED\na1< * LOST foo id=@1\n");
}
END_TEST

/* The page is cleared before LOST is written, and carries the new session's
 * number afterwards (lease test 15). */
START_TEST(the_page_tells_what_the_lines_tell)
{
	uint16_t gen = hosts[0].page_gen;

	ck_assert_int_gt(hosts[0].page_ms, now_ms);
	coord_local_cut(hosts[0].coord);
	play("-8000\n");
	ck_assert_int_eq(hosts[0].page_ms, 0);
	play("+100\n");
	ck_assert_uint_eq(hosts[0].page_gen, gen + 1U);
	ck_assert_int_gt(hosts[0].page_ms, now_ms);
}
END_TEST

/* A day without faults: the deadline keeps ahead, nobody is suspended. */
START_TEST(a_quiet_hour)
{
	play("a1 LOCK foo\n");
	for (int i = 0; i < 360; i++) {
		play("+10000\n");
		ck_assert_int_gt(hosts[0].page_ms, now_ms + TIMEOUT_MS / 3);
		ck_assert_int_gt(hosts[1].page_ms, now_ms + TIMEOUT_MS / 3);
	}
	ck_assert_str_eq(trace, "a1< GRANTED foo id=@1\n");
	play("a1 STATS\nb1 STATS\n");
	ck_assert_ptr_nonnull(strstr(trace, "a1< - disconnects_total 0\n"));
	ck_assert_ptr_nonnull(strstr(trace, "b1< - disconnects_total 0\n"));
}
END_TEST

/* The same for a host that was cut for a moment and is idle. */
START_TEST(an_idle_host_keeps_its_link)
{
	coord_local_cut(hosts[1].coord);
	play("-50\n+60000\nb1 STATS\n");
	ck_assert_ptr_nonnull(strstr(trace, "b1< - disconnects_total 1\n"));
}
END_TEST

/* T11: an operator deletes the node: LOST at once, the next is served. */
START_TEST(a_deleted_node_is_lost)
{
	struct coord_op op = { .verb = COORD_DELETE };

	play("a1 LOCK foo\na2 LOCK foo\n+10\n"); /* the watch is armed */
	trace_len = 0;
	op.path = bid_path("foo");
	(void)coord_tree_write(tree, &op, 0);
	settle();
	ck_assert_str_eq(trace, "a1< * LOST foo id=@1\n"
				"a2< GRANTED foo id=@2\n");
	ck_assert_uint_eq(bids_of("foo"), 1);
}
END_TEST

/* Rules 12: two bids of this host hear of one node: whose it is, and who has
 * it for a predecessor.  One holder is lost, the other is granted. */
START_TEST(rules_12_two_bids_on_one_predecessor)
{
	struct coord_op op = { .verb = COORD_DELETE };

	play("a1 LOCK foo mode=s\na2 LOCK foo\nb1 LOCK foo\n+10\n");
	ck_assert_uint_eq(bids_of("foo"), 3);
	trace_len = 0;
	op.path = bid_path("foo");
	(void)coord_tree_write(tree, &op, 0);
	settle();
	ck_assert_str_eq(trace, "a1< * LOST foo id=@1\n"
				"a2< GRANTED foo id=@2\n");
}
END_TEST

/* P5: a node of ours that no bid owns is found, and nobody else's is touched.
 */
START_TEST(an_orphan_is_found)
{
	char bid[512];

	play("a1 LOCK foo\n");
	(void)snprintf(bid, sizeof bid, "%s", bid_path("foo"));
	plant_orphan(bid, 0, "0000000007");
	plant_orphan(bid, 1, "0000000008");
	ck_assert_uint_eq(bids_of("foo"), 3);
	play("a1 UNLOCK foo\n+70000\n");
	ck_assert_uint_eq(bids_of("foo"), 1);
	/* Ours is counted; the one left over is another session's. */
	play("a1 STATS\n");
	ck_assert_ptr_nonnull(strstr(trace, "orphans_deleted_total 1\n"));
}
END_TEST

/* P7: bids are refused at the cap, and the room comes back. */
START_TEST(the_ensemble_is_never_at_risk)
{
	char line[64];
	int granted = 0;

	for (int i = 0; i < 40; i++) {
		trace_len = 0;
		trace[0] = '\0';
		(void)snprintf(line, sizeof line, "a1 LOCK n%d\n", i);
		play(line);
		granted += strstr(trace, "GRANTED") != NULL;
		if (!strstr(trace, "GRANTED"))
			ck_assert_ptr_nonnull(strstr(trace, "ERR LIMIT "));
	}
	ck_assert_int_gt(granted, 10);
	ck_assert_int_lt(granted, 40);
	trace_len = 0;
	play("a1 UNLOCK n1\na2 LOCK again\n");
	ck_assert_ptr_nonnull(strstr(trace, "a2< GRANTED again"));
}
END_TEST

/* P7: who only lingers makes room, the one that has lingered longest first, and
 * nobody is refused while anybody lingers. */
START_TEST(lingering_bids_make_room)
{
	char line[64];
	unsigned fit = 0;

	teardown();
	linger_ms = 60000;
	setup();
	while (!strstr(trace, "ERR LIMIT")) {
		(void)snprintf(line, sizeof line, "a1 LOCK h%u\n", fit++);
		play(line);
	}
	fit--; /* the last one did not */
	for (unsigned i = 0; i < fit; i++) {
		(void)snprintf(line, sizeof line, "a1 UNLOCK h%u\n", i);
		play(line);
	}
	ck_assert_uint_eq(bids_of("h0"), 1);
	ck_assert_uint_eq(bids_of("h1"), 1);
	trace_len = 0;
	play("a2 LOCK n0\n");
	ck_assert_ptr_nonnull(strstr(trace, "a2< GRANTED n0 "));
	ck_assert_uint_eq(bids_of("h0"), 0);
	ck_assert_uint_eq(bids_of("h1"), 1);
	/* All at once, in one turn; the last finds nobody who lingers. */
	trace_len = 0;
	for (unsigned i = 1; i <= fit; i++) {
		(void)snprintf(line, sizeof line, "LOCK n%u", i);
		hub_on_line(hosts[0].hub, hosts[0].conns[2], line,
			    strlen(line));
	}
	settle();
	(void)snprintf(line, sizeof line, "ERR LIMIT name=n%u ", fit);
	ck_assert_ptr_nonnull(strstr(trace, line));
	for (unsigned i = 1; i < fit; i++) {
		(void)snprintf(line, sizeof line, "GRANTED n%u ", i);
		ck_assert_ptr_nonnull(strstr(trace, line));
	}
	/* One that waits for room, and is not wanted any more. */
	trace_len = 0;
	play("a2 UNLOCK n0\n");
	hub_on_line(hosts[0].hub, hosts[0].conns[2], (char[]){ "#1 LOCK z" },
		    9);
	hub_drain(hosts[0].hub);
	play("a2 CANCEL #1\na2 LOCK y\n");
	ck_assert_ptr_nonnull(strstr(trace, "a2< #1 ERR CANCELLED"));
	ck_assert_ptr_nonnull(strstr(trace, "a2< GRANTED y "));
	ck_assert_uint_eq(bids_of("z"), 0);
}
END_TEST

/* lease R11: the end is announced; a holder has until the deadline. */
START_TEST(an_orderly_end)
{
	struct hub_state state;

	play("a1 LOCK foo\na2 LOCK foo\nb1 LOCK foo\n");
	trace_len = 0;
	hub_stop(hosts[0].hub);
	play("+100\na3 LOCK foo\n");
	hub_state(hosts[0].hub, &state);
	ck_assert(!state.done);
	ck_assert_int_le(hosts[0].page_ms, now_ms + TIMEOUT_MS / 4);
	play("+1600\n");
	hub_state(hosts[0].hub, &state);
	ck_assert(state.done);
	ck_assert_str_eq(trace,
			 "a2< ERR DRAINING name=foo id=@2\n"
			 "a1< * DRAINING\n"
			 "a2< * DRAINING\n"
			 "a3< ERR DRAINING name=foo :the daemon is going away\n"
			 "a1< * LOST foo id=@1\n"
			 "a1< * BYE shutdown\n"
			 "a2< * BYE shutdown\n"
			 "a3< * BYE shutdown\n"
			 "b1< GRANTED foo id=@1\n");
}
END_TEST

/* F23: links that hardly last, one after the other.  Whoever asked for it ends
 * in order; others only hear the alarm. */
START_TEST(torn_links_end_who_asked_for_it)
{
	struct hub_state state;
	bool wished = _i == 1;

	teardown();
	torn_exit = wished;
	setup();
	torn_exit = false;
	play("a1 LOCK foo\n");
	for (int link = 0; link < 5; link++) {
		coord_local_cut(hosts[0].coord);
		play("+200\n");
	}
	hub_state(hosts[0].hub, &state);
	ck_assert_int_eq(state.torn, wished);
	play("+2000\n");
	hub_state(hosts[0].hub, &state);
	ck_assert_int_eq(state.done, wished);
	ck_assert_int_eq(strstr(trace, "a1< * LOST foo id=@1\n") != NULL,
			 wished);
	ck_assert_int_eq(strstr(trace, "a1< * DRAINING\n") != NULL, wished);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("hub");
	TCase *tc = tcase_create("transcripts");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_set_timeout(tc, 60);
	tcase_add_test(tc, a_lock_by_hand);
	tcase_add_test(tc, hosts_and_clients_in_order);
	tcase_add_test(tc, rules_14_pos_after_a_yield);
	tcase_add_test(tc, a_refusal_names_the_holder_elsewhere);
	tcase_add_test(tc, tags_and_errors);
	tcase_add_test(tc, a_short_cut_is_survived);
	tcase_add_test(tc, a_wait_that_nobody_answered_says_so);
	tcase_add_test(tc, a_long_cut_loses_before_anybody_else_can_win);
	tcase_add_loop_test(tc, lease_07_a_refused_beat_proves_nothing, 0, 2);
	tcase_add_test(tc, the_page_tells_what_the_lines_tell);
	tcase_add_test(tc, a_quiet_hour);
	tcase_add_test(tc, an_idle_host_keeps_its_link);
	tcase_add_test(tc, a_deleted_node_is_lost);
	tcase_add_test(tc, rules_12_two_bids_on_one_predecessor);
	tcase_add_test(tc, an_orphan_is_found);
	tcase_add_test(tc, the_ensemble_is_never_at_risk);
	tcase_add_test(tc, lingering_bids_make_room);
	tcase_add_test(tc, an_orderly_end);
	tcase_add_loop_test(tc, torn_links_end_who_asked_for_it, 0, 2);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
