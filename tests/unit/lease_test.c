/* SPDX-License-Identifier: MIT */
/*
 * lease, told as transcripts: what was sent and answered, and what is believed
 * until when.
 *
 * T = 12 000, G = 2 000 (2 005 with the drift), so a beat is 1 000 and
 * D = s + 12 000 - 24 - 1 - 250 = s + 11 725.  The tests carry the numbers of
 * the fifteen that the theory asks for; tests/README.md says where the others
 * are.
 */
#include <check.h>
#include <stdlib.h>

#include "daemon/lease.h"

#define T       12000
#define D_AFTER 11725
#define SESSION 5

static struct lease *lease;
static int64_t now_ms;
static unsigned seen[LEASE_FX_SHORT + 1]; /* effects so far */
static enum lease_loss loss;

static void take(void)
{
	struct lease_effect fx;

	while (lease_next(lease, &fx)) {
		seen[fx.type]++;
		if (fx.type == LEASE_FX_LOST)
			loss = fx.loss;
	}
}

static void setup(void)
{
	const struct lease_settings settings = { .timeout_ms = T,
						 .tick_ms = 2000,
						 .drift_ppm = 1000 };

	lease = lease_new(&settings);
	for (size_t i = 0; i <= LEASE_FX_SHORT; i++)
		seen[i] = 0;
	now_ms = 0;
}

static void teardown(void)
{
	lease_free(lease);
}

static void at(int64_t ms)
{
	now_ms = ms;
	lease_tick(lease, ms);
	take();
}

static void attach(int64_t connect_ms, int64_t timeout_ms, bool fresh)
{
	lease_attached(lease,
		       &(struct lease_attach){ .session = SESSION,
					       .timeout_ms = timeout_ms,
					       .connect_ms = connect_ms,
					       .fresh = fresh },
		       now_ms);
	take();
}

static struct lease_mark sent(int64_t ms)
{
	at(ms);
	return lease_sent(lease, ms);
}

static void answered(const struct lease_mark *mark, enum lease_evidence kind,
		     int64_t ms)
{
	at(ms);
	lease_answered(lease, mark, kind, true, ms);
	take();
}

/* Sent and answered ten milliseconds later. */
static void done(enum lease_evidence kind, int64_t ms)
{
	struct lease_mark mark = sent(ms);

	answered(&mark, kind, ms + 10);
}

static void down(int64_t ms)
{
	at(ms);
	lease_link_down(lease, ms);
	take();
}

/* Something is held from the first instant of a fresh session on. */
static void attach_busy(int64_t ms)
{
	now_ms = ms;
	attach(ms, T, true);
	lease_busy(lease, true, ms);
}

static void believes_until(int64_t deadline_ms)
{
	ck_assert_int_eq(lease_deadline_ms(lease), deadline_ms);
}

/* A fresh session at 0, and j, k, m behind it: the deadline counts from j's
 * sending. */
START_TEST(a_chain_of_three_proves_from_the_first_sending)
{
	attach(0, T, true);
	believes_until(D_AFTER);
	lease_busy(lease, true, 0);
	done(LEASE_READ, 1000); /* j, answered at 1010 */
	done(LEASE_SYNC, 3100); /* k */
	believes_until(D_AFTER);
	done(LEASE_WRITE, 3200); /* m */
	believes_until(1000 + D_AFTER);
}
END_TEST

/* k less than G after j's answer: no PING stands between them for sure. */
START_TEST(k_too_soon_proves_nothing)
{
	attach_busy(0);
	done(LEASE_READ, 1000);
	done(LEASE_SYNC, 2900);
	done(LEASE_WRITE, 2950);
	believes_until(D_AFTER);
}
END_TEST

/* m sent before k was answered is not behind k. */
START_TEST(m_sent_before_k_was_answered_proves_nothing)
{
	struct lease_mark k, m;

	attach_busy(0);
	done(LEASE_READ, 1000);
	k = sent(3100);
	m = sent(3105);
	answered(&k, LEASE_SYNC, 3110);
	answered(&m, LEASE_WRITE, 3120);
	believes_until(D_AFTER);
}
END_TEST

/* 1: a deposed leader says valid and commits nothing. */
START_TEST(lease_01_a_reconnect_without_a_commit_moves_nothing)
{
	attach(0, T, true);
	down(5000);
	now_ms = 6000;
	attach(5900, T, false);
	done(LEASE_READ, 6100);
	done(LEASE_SYNC, 6200);
	believes_until(D_AFTER);
	ck_assert_int_eq(lease_state(lease), LEASE_SUSPENDED);
	ck_assert_uint_eq(seen[LEASE_FX_RESUMED], 0);
	done(LEASE_WRITE, 6300);
	believes_until(5900 + D_AFTER);
	ck_assert_uint_eq(seen[LEASE_FX_RESUMED], 1);
}
END_TEST

/* 2: evidence that arrives at D or later proves nothing. */
START_TEST(lease_02_late_evidence_proves_nothing)
{
	struct lease_mark m;

	attach(0, T, true);
	done(LEASE_READ, 1000);
	done(LEASE_SYNC, 4000);
	m = sent(4100);
	answered(&m, LEASE_WRITE, D_AFTER);
	believes_until(0);
	ck_assert_int_eq(lease_state(lease), LEASE_LAPSED);
	ck_assert_uint_eq(seen[LEASE_FX_LOST], 1);
	ck_assert_int_eq(loss, LEASE_LOSS_DEADLINE);
}
END_TEST

/* 3: j's answer is late: it is j's sending that counts, and G begins at the
 * answer. */
START_TEST(lease_03_a_late_answer_uses_its_sending)
{
	struct lease_mark j;

	attach_busy(0);
	j = sent(1000);
	answered(&j, LEASE_READ, 3000);
	done(LEASE_SYNC, 4900); /* less than G after the answer */
	done(LEASE_WRITE, 4950);
	believes_until(D_AFTER);
	done(LEASE_SYNC, 5010);
	done(LEASE_WRITE, 5030);
	believes_until(1000 + D_AFTER);
}
END_TEST

/* 5: a reconnect negotiates less: the deadline is pulled in, and said. */
START_TEST(lease_05_a_smaller_timeout_pulls_the_deadline_in)
{
	attach(0, T, true);
	down(1000);
	now_ms = 1100;
	attach(1050, 9000, false);
	ck_assert_uint_eq(seen[LEASE_FX_SHORT], 1);
	ck_assert_int_eq(lease_timeout_ms(lease), 9000);
	/* min(0 + 12 000, 1 050 + 9 000) = 10 050, less drift and margin */
	believes_until(10050 - 18 - 1 - 250);
}
END_TEST

/* 6: a hundred days of uptime change nothing. */
START_TEST(lease_06_a_hundred_days_of_uptime)
{
	const int64_t day100_ms = INT64_C(100) * 86400 * 1000;

	attach_busy(day100_ms);
	done(LEASE_READ, day100_ms + 1000);
	done(LEASE_SYNC, day100_ms + 3100);
	done(LEASE_WRITE, day100_ms + 3200);
	believes_until(day100_ms + 1000 + D_AFTER);
}
END_TEST

/* 7: what was not answered through the pipeline proves nothing in any part. */
START_TEST(lease_07_refusals_prove_nothing)
{
	struct lease_mark mark;

	attach_busy(0);
	mark = sent(1000);
	lease_answered(lease, &mark, LEASE_READ, false, 1010); /* as j */
	done(LEASE_SYNC, 3100);
	done(LEASE_WRITE, 3200);
	believes_until(D_AFTER);
	mark = sent(5300);
	lease_answered(lease, &mark, LEASE_WRITE, false, 5310); /* as k */
	mark = sent(5320);
	lease_answered(lease, &mark, LEASE_WRITE, false, 5330); /* as m */
	take();
	believes_until(D_AFTER);
	mark = sent(5340);
	lease_answered(lease, &mark, LEASE_NOTHING, true, 5350); /* auth */
	take();
	believes_until(D_AFTER);
}
END_TEST

/* 8: a disconnect ends every chain. */
START_TEST(lease_08_no_chain_across_connections)
{
	struct lease_mark k;

	attach_busy(0);
	done(LEASE_READ, 3000);
	k = sent(5100);
	down(5200);
	now_ms = 5300;
	attach(5250, T, false);
	answered(&k, LEASE_SYNC, 5310); /* of the old connection */
	done(LEASE_WRITE, 5400);
	believes_until(5250 + D_AFTER);
	done(LEASE_SYNC, 5500); /* no j of this connection is old enough */
	done(LEASE_WRITE, 5600);
	believes_until(5250 + D_AFTER);
}
END_TEST

/* 8: what is queued while the link is down is on no connection: not behind a
 * j of the last one, and nothing that proves on the next. */
START_TEST(lease_08_queued_while_connecting_chains_nothing)
{
	struct lease_mark k, m;
	unsigned sets;

	attach_busy(0);
	done(LEASE_READ, 1000);
	done(LEASE_SYNC, 3100); /* a whole chain but for its m */
	down(3200);
	k = sent(3210);
	m = sent(3220);
	now_ms = 3300;
	attach(3250, T, false);
	sets = seen[LEASE_FX_SET];
	answered(&k, LEASE_SYNC, 3310);
	answered(&m, LEASE_WRITE, 3320);
	ck_assert_uint_eq(seen[LEASE_FX_SET], sets); /* it was no k */
	ck_assert_uint_eq(seen[LEASE_FX_RESUMED], 0);
	believes_until(D_AFTER);
	done(LEASE_WRITE, 3400);
	ck_assert_uint_eq(seen[LEASE_FX_RESUMED], 1);
	believes_until(3250 + D_AFTER);
}
END_TEST

/* 9: a sync is never an m. */
START_TEST(lease_09_a_sync_is_no_commit)
{
	attach_busy(0);
	done(LEASE_READ, 1000);
	done(LEASE_SYNC, 3100);
	done(LEASE_SYNC, 3200);
	believes_until(D_AFTER);
}
END_TEST

/* 12: nothing but a creation, a reconnect with a commit behind it and a chain
 * of three moves the deadline: whom the server says it is (there is no srvr
 * anchor), who answers, or how often, proves nothing. */
START_TEST(lease_12_nothing_else_is_an_anchor)
{
	struct lease_mark mark, strange;

	attach_busy(0);
	for (int64_t ms = 100; ms < 2900; ms += 100) {
		/* Answers of all kinds, but no k that is old enough. */
		done(LEASE_NOTHING, ms);
		done(LEASE_READ, ms + 10);
		done(LEASE_SYNC, ms + 20);
		if (ms < 1900)
			done(LEASE_WRITE, ms + 30);
		mark = sent(ms + 40);
		lease_answered(lease, &mark, LEASE_WRITE, false, ms + 50);
		/* With a proof in its mark, on a connection that is none. */
		strange = mark;
		strange.link += 1;
		strange.as_k_ms = strange.as_m_ms = ms;
		answered(&strange, LEASE_WRITE, ms + 60);
		believes_until(D_AFTER);
	}
	/* Attached again: the deadline stays until something commits. */
	down(2950);
	now_ms = 3000;
	attach(2990, T, false);
	believes_until(D_AFTER);
	for (int64_t ms = 3010; ms < 4500; ms += 100) {
		done(LEASE_READ, ms);
		done(LEASE_SYNC, ms + 20);
	}
	believes_until(D_AFTER);
	ck_assert_uint_eq(seen[LEASE_FX_RESUMED], 0);
	done(LEASE_WRITE, 4600);
	believes_until(2990 + D_AFTER);
}
END_TEST

/* 14: once D has passed, nothing brings the session back. */
START_TEST(lease_14_a_lapsed_session_stays_lapsed)
{
	attach(0, T, true);
	at(D_AFTER - 1);
	ck_assert_int_eq(lease_state(lease), LEASE_SUSPENDED);
	ck_assert_uint_eq(seen[LEASE_FX_LOST], 0);
	at(D_AFTER);
	ck_assert_uint_eq(seen[LEASE_FX_LOST], 1);
	done(LEASE_SYNC, D_AFTER + 10);
	done(LEASE_WRITE, D_AFTER + 30);
	ck_assert_uint_eq(seen[LEASE_FX_RESUMED], 0);
	ck_assert_int_eq(lease_state(lease), LEASE_LAPSED);
	ck_assert_uint_eq(seen[LEASE_FX_FAREWELL] + seen[LEASE_FX_CLOSE], 1);
}
END_TEST

/* 15: every session has a gen of its own, and a deadline of its own. */
START_TEST(lease_15_a_new_session_is_another_gen)
{
	uint16_t gen;

	attach(0, T, true);
	gen = lease_gen(lease);
	lease_expired(lease, 100);
	take();
	ck_assert_int_eq(loss, LEASE_LOSS_EXPIRED);
	believes_until(0);
	ck_assert_uint_eq(seen[LEASE_FX_CLOSE], 1);
	lease_closed(lease, 110);
	take();
	ck_assert_uint_eq(seen[LEASE_FX_CONNECT], 1);
	now_ms = 200;
	attach(150, T, true);
	ck_assert_uint_eq(lease_gen(lease), gen + 1U);
	believes_until(150 + D_AFTER);
}
END_TEST

/* T12: the same session must be the same session. */
START_TEST(a_changed_session_is_a_loss)
{
	attach(0, T, true);
	down(100);
	now_ms = 200;
	lease_attached(lease,
		       &(struct lease_attach){ .session = SESSION + 1,
					       .timeout_ms = T,
					       .connect_ms = 150 },
		       200);
	take();
	ck_assert_uint_eq(seen[LEASE_FX_LOST], 1);
}
END_TEST

/* R4: no proof for three beats: SUSPENDED, and the next server is tried. */
START_TEST(silence_suspends_and_drops_the_link)
{
	attach_busy(0);
	done(LEASE_READ, 100);
	done(LEASE_SYNC, 2200);
	done(LEASE_WRITE, 2300); /* proven at 2310 */
	for (int64_t ms = 2400; ms < 5310; ms += 10)
		at(ms);
	ck_assert_uint_eq(seen[LEASE_FX_SUSPENDED], 0);
	at(5310);
	ck_assert_uint_eq(seen[LEASE_FX_SUSPENDED], 1);
	ck_assert_uint_eq(seen[LEASE_FX_DROP_LINK], 1);
}
END_TEST

/* R4: a host that is busy now and then notices the silence too. */
START_TEST(coming_and_going_does_not_hide_the_silence)
{
	attach(0, T, true);
	for (int64_t ms = 100; ms <= 6000; ms += 100) {
		at(ms);
		lease_busy(lease, ms / 100 % 2, ms);
		take();
	}
	ck_assert_uint_eq(seen[LEASE_FX_DROP_LINK], 1);
	ck_assert_uint_eq(seen[LEASE_FX_SUSPENDED], 1);
}
END_TEST

/* R2: locks come and go by the hundred: the beat is no quicker for that. */
START_TEST(coming_and_going_does_not_hurry_the_beat)
{
	attach(0, T, true);
	for (int64_t ms = 10; ms <= 2000; ms += 10) {
		at(ms);
		lease_busy(lease, ms / 10 % 2, ms);
		take();
	}
	ck_assert_uint_ge(seen[LEASE_FX_SYNC], 2);
	ck_assert_uint_le(seen[LEASE_FX_SYNC], 3);
}
END_TEST

/* R4: a new connection without a quorum behind it is left after three beats,
 * idle or not. */
START_TEST(an_idle_host_leaves_a_deposed_leader_soon)
{
	attach(0, T, true);
	down(1000);
	now_ms = 1100;
	attach(1050, T, false);
	done(LEASE_SYNC, 1200); /* it answers that by itself */
	at(4090);
	ck_assert_uint_eq(seen[LEASE_FX_DROP_LINK], 0);
	at(4100);
	ck_assert_uint_eq(seen[LEASE_FX_DROP_LINK], 1);
}
END_TEST

/* R2: the beat: a sync each second while busy, its write on the answer, a
 * read when nothing else was sent for G/4. */
START_TEST(the_beat_while_busy)
{
	struct lease_mark mark;

	attach_busy(0);
	for (int64_t ms = 0; ms <= 10000; ms += 10) {
		unsigned syncs = seen[LEASE_FX_SYNC];
		unsigned sets = seen[LEASE_FX_SET];

		at(ms);
		if (seen[LEASE_FX_SYNC] > syncs) {
			mark = lease_sent(lease, ms);
			lease_answered(lease, &mark, LEASE_SYNC, true, ms);
			take();
		}
		if (seen[LEASE_FX_SET] > sets) {
			mark = lease_sent(lease, ms);
			lease_answered(lease, &mark, LEASE_WRITE, true, ms);
			take();
		}
		if (ms > 3500)
			ck_assert_int_ge(lease_deadline_ms(lease) - ms,
					 T / 3 + 1000);
	}
	ck_assert_uint_ge(seen[LEASE_FX_SYNC], 10);
	ck_assert_uint_le(seen[LEASE_FX_SYNC], 12); /* two at 0 */
	/* The first sync, at the attach, is not answered here. */
	ck_assert_uint_eq(seen[LEASE_FX_SET] + 1, seen[LEASE_FX_SYNC]);
	ck_assert_uint_ge(seen[LEASE_FX_READ], 8);
	ck_assert_uint_eq(seen[LEASE_FX_SUSPENDED], 0);
}
END_TEST

/* Beats as they come, each answered at once, and something is held for an
 * instant at busy_ms; what is left of the lease at its worst. */
static int64_t horizon_ms(int64_t busy_ms)
{
	struct lease_mark mark;
	int64_t least_ms = INT64_MAX;

	attach(0, T, true);
	for (int64_t ms = 0; ms <= 60000; ms += 10) {
		unsigned syncs = seen[LEASE_FX_SYNC];
		unsigned sets = seen[LEASE_FX_SET];

		at(ms);
		if (ms == busy_ms || ms == busy_ms + 10)
			lease_busy(lease, ms == busy_ms, ms);
		take();
		at(ms);
		if (seen[LEASE_FX_SYNC] > syncs || ms == 0) {
			mark = lease_sent(lease, ms);
			lease_answered(lease, &mark, LEASE_SYNC, true, ms);
			take();
		}
		if (seen[LEASE_FX_SET] > sets) {
			mark = lease_sent(lease, ms);
			lease_answered(lease, &mark, LEASE_WRITE, true, ms);
			take();
		}
		if (ms > 10000 && lease_deadline_ms(lease) - ms < least_ms)
			least_ms = lease_deadline_ms(lease) - ms;
	}
	return least_ms;
}

/* R2: a lock that is held for an instant in an idle night, whenever that is,
 * costs a beat and nothing of the lease: the next one is as good as before. */
START_TEST(an_early_beat_does_not_put_off_the_proof)
{
	int64_t still_ms = horizon_ms(INT64_MAX - 10);
	unsigned beats = seen[LEASE_FX_SYNC];

	ck_assert_int_ge(still_ms, 5500);
	for (int64_t ms = 20000; ms < 27000; ms += 50) {
		teardown();
		setup();
		/* The deadline moves in steps of a quarter of a beat. */
		ck_assert_int_gt(horizon_ms(ms), still_ms - 250);
		ck_assert_uint_le(seen[LEASE_FX_SYNC], beats + 2);
	}
}
END_TEST

/* R7, R12: grants up to a third of T before D, and none in doubt. */
START_TEST(grants_need_a_third)
{
	attach(0, T, true);
	ck_assert_int_eq(lease_grant_until_ms(lease), D_AFTER - T / 3);
	down(100);
	ck_assert_int_eq(lease_grant_until_ms(lease), INT64_MIN);
}
END_TEST

/* R10: a session too short to be proven in time grants nothing. */
START_TEST(a_session_too_short_grants_nothing)
{
	attach(0, 7999, true);
	ck_assert_uint_eq(seen[LEASE_FX_SHORT], 1);
	ck_assert_int_eq(lease_grant_until_ms(lease), INT64_MIN);
}
END_TEST

/* R11: an end is announced: at most a quarter of T, and no grant. */
START_TEST(a_drain_pulls_the_deadline_in)
{
	attach(0, T, true);
	at(1000);
	lease_drain(lease, 1000);
	take();
	believes_until(1000 + T / 4);
	ck_assert_int_eq(lease_grant_until_ms(lease), INT64_MIN);
	at(1000 + T / 4);
	ck_assert_uint_eq(seen[LEASE_FX_LOST], 1);
}
END_TEST

/* R5: a connected lapsed session is told farewell, and no longer than two
 * beats; a disconnected one is closed at once. */
START_TEST(how_a_lapsed_session_ends)
{
	attach(0, T, true);
	at(D_AFTER);
	if (seen[LEASE_FX_FAREWELL]) {
		ck_assert_uint_eq(seen[LEASE_FX_CLOSE], 0);
		at(D_AFTER + 2000);
	}
	ck_assert_uint_eq(seen[LEASE_FX_CLOSE], 1);
	lease_closed(lease, D_AFTER + 2010);
	take();
	now_ms = 20000;
	attach(19990, T, true);
	down(20100);
	at(19990 + D_AFTER);
	ck_assert_uint_eq(seen[LEASE_FX_CLOSE], 2);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("lease");
	TCase *tc = tcase_create("transcripts");
	SRunner *runner = srunner_create(suite);
	int failed;

	tcase_add_checked_fixture(tc, setup, teardown);
	tcase_add_test(tc, a_chain_of_three_proves_from_the_first_sending);
	tcase_add_test(tc, k_too_soon_proves_nothing);
	tcase_add_test(tc, m_sent_before_k_was_answered_proves_nothing);
	tcase_add_test(tc, lease_01_a_reconnect_without_a_commit_moves_nothing);
	tcase_add_test(tc, lease_02_late_evidence_proves_nothing);
	tcase_add_test(tc, lease_03_a_late_answer_uses_its_sending);
	tcase_add_test(tc, lease_05_a_smaller_timeout_pulls_the_deadline_in);
	tcase_add_test(tc, lease_06_a_hundred_days_of_uptime);
	tcase_add_test(tc, lease_07_refusals_prove_nothing);
	tcase_add_test(tc, lease_08_no_chain_across_connections);
	tcase_add_test(tc, lease_08_queued_while_connecting_chains_nothing);
	tcase_add_test(tc, lease_09_a_sync_is_no_commit);
	tcase_add_test(tc, lease_12_nothing_else_is_an_anchor);
	tcase_add_test(tc, lease_14_a_lapsed_session_stays_lapsed);
	tcase_add_test(tc, lease_15_a_new_session_is_another_gen);
	tcase_add_test(tc, a_changed_session_is_a_loss);
	tcase_add_test(tc, silence_suspends_and_drops_the_link);
	tcase_add_test(tc, coming_and_going_does_not_hide_the_silence);
	tcase_add_test(tc, coming_and_going_does_not_hurry_the_beat);
	tcase_add_test(tc, an_idle_host_leaves_a_deposed_leader_soon);
	tcase_add_test(tc, the_beat_while_busy);
	tcase_add_test(tc, an_early_beat_does_not_put_off_the_proof);
	tcase_add_test(tc, grants_need_a_third);
	tcase_add_test(tc, a_session_too_short_grants_nothing);
	tcase_add_test(tc, a_drain_pulls_the_deadline_in);
	tcase_add_test(tc, how_a_lapsed_session_ends);
	suite_add_tcase(suite, tc);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
