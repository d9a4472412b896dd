/* SPDX-License-Identifier: MIT */
/* cli_ladder_test - stories of a child and a lock, told as transcripts. */
#include "client/cli/ladder.h"

#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* A story's last word: nobody's clock runs past it. */
#define END_MS 1000000

static char trace[4096];

static const struct cli_ladder_rules plain = {
	.kill_after_ms = 2000,
	.max_run_ms = CLI_NEVER_MS,
};

static void note_acts(unsigned acts, int64_t now_ms)
{
	static const char *const words[] = { "TERM", "KILL", "STOP", "CONT",
					     "SIGNAL" };
	size_t used = strlen(trace);

	if (!acts)
		return;
	used += (size_t)snprintf(trace + used, sizeof trace - used, "%" PRId64,
				 now_ms);
	for (size_t i = 0; i < 5; i++) {
		if (acts & (1u << i))
			used += (size_t)snprintf(
			    trace + used, sizeof trace - used, " %s", words[i]);
	}
	(void)snprintf(trace + used, sizeof trace - used, "\n");
}

/* Ticks fall when the ladder asks for them, and must not pile up. */
static void run_clock(struct cli_ladder *ladder, int64_t to_ms)
{
	for (int ticks = 0; cli_ladder_wake_ms(ladder) < to_ms; ticks++) {
		struct cli_ladder_event tick = { .kind = CLI_LADDER_TICK };

		ck_assert_int_lt(ticks, 10);
		tick.now_ms = cli_ladder_wake_ms(ladder);
		note_acts(cli_ladder_step(ladder, &tick), tick.now_ms);
	}
}

/* "AT WORD [UNTIL]" a line; the first starts the child. */
static const char *play(const struct cli_ladder_rules *rules, const char *story)
{
	static const char *const words[] = { "lease", "suspended", "resumed",
					     "lost", "tick" };
	struct cli_ladder ladder;
	struct cli_ladder_event event = { .kind = CLI_LADDER_TICK };
	char word[16] = "";
	int used = 0;

	trace[0] = '\0';
	ck_assert_int_eq(sscanf(story, "%" SCNd64 " start %" SCNd64 "\n%n",
				&event.now_ms, &event.until_ms, &used),
			 2);
	cli_ladder_start(&ladder, rules, event.now_ms, event.until_ms);
	while (*(story += used)) {
		ck_assert_int_ge(sscanf(story, "%" SCNd64 " %15s %n",
					&event.now_ms, word, &used),
				 2);
		for (int i = 0; i < 5; i++) {
			if (strcmp(word, words[i]) == 0)
				event.kind = (enum cli_ladder_kind)i;
		}
		if (event.kind == CLI_LADDER_LEASE) {
			char *end;

			event.until_ms = strtoll(story + used, &end, 10);
			used = (int)(end - story);
			used += (int)strspn(end, "\n");
		}
		run_clock(&ladder, event.now_ms);
		note_acts(cli_ladder_step(&ladder, &event), event.now_ms);
	}
	run_clock(&ladder, END_MS);
	return trace;
}

/* Nobody says anything (the daemon is frozen): gone by the deadline. */
START_TEST(silence_ends_at_the_deadline)
{
	ck_assert_str_eq(play(&plain, "0 start 10000\n"),
			 "8000 TERM CONT\n10000 KILL\n");
}
END_TEST

/* A lease that goes on lets the child go on. */
START_TEST(a_lease_that_moves_moves_the_end)
{
	ck_assert_str_eq(play(&plain, "0 start 10000\n"
				      "5000 lease 15000\n"
				      "12000 lease 22000\n"),
			 "20000 TERM CONT\n22000 KILL\n");
}
END_TEST

/* A late proof does not take back what was promised at TERM. */
START_TEST(no_way_down_the_ladder)
{
	ck_assert_str_eq(play(&plain, "0 start 10000\n"
				      "8500 lease 20000\n"),
			 "8000 TERM CONT\n10000 KILL\n");
}
END_TEST

/* An orderly end brings the deadline nearer (lease rule R11). */
START_TEST(a_deadline_may_come_nearer)
{
	ck_assert_str_eq(play(&plain, "0 start 10000\n"
				      "1000 lease 2500\n"),
			 "1000 TERM CONT\n2500 KILL\n");
}
END_TEST

START_TEST(lost_is_term_at_once_and_kill_after)
{
	ck_assert_str_eq(play(&plain, "0 start 10000\n"
				      "3000 lost\n"),
			 "3000 TERM CONT\n5000 KILL\n");
}
END_TEST

START_TEST(kill_is_never_later_than_the_last_deadline)
{
	ck_assert_str_eq(play(&plain, "0 start 10000\n"
				      "7500 lease 9000\n"
				      "7600 lost\n"
				      "7700 lease 60000\n"),
			 "7500 TERM CONT\n9000 KILL\n");
}
END_TEST

/* Awake again after a sleep across the deadline: no grace is left. */
START_TEST(a_deadline_slept_through_kills_at_once)
{
	struct cli_ladder ladder;
	struct cli_ladder_event late = { .kind = CLI_LADDER_TICK,
					 .now_ms = 500000 };

	cli_ladder_start(&ladder, &plain, 0, 10000);
	ck_assert_uint_eq(cli_ladder_step(&ladder, &late), CLI_DO_KILL);
	ck_assert(cli_ladder_lost(&ladder, late.now_ms));
	ck_assert_int_eq(cli_ladder_wake_ms(&ladder), CLI_NEVER_MS);
}
END_TEST

START_TEST(kill_at_once_when_so_wished)
{
	struct cli_ladder_rules rules = plain;

	rules.on_lost = CLI_ON_LOST_KILL;
	ck_assert_str_eq(play(&rules, "0 start 10000\n3000 lost\n"),
			 "3000 KILL\n");
	ck_assert_str_eq(play(&rules, "0 start 10000\n"), "10000 KILL\n");
}
END_TEST

/* Ignoring a loss does not hide it, and does not disarm --max-run. */
START_TEST(an_ignored_loss_is_still_a_loss)
{
	struct cli_ladder_rules rules = plain;
	struct cli_ladder ladder;
	struct cli_ladder_event lost = { .kind = CLI_LADDER_LOST,
					 .now_ms = 100 };

	rules.on_lost = CLI_ON_LOST_IGNORE;
	ck_assert_str_eq(play(&rules, "0 start 10000\n3000 lost\n"), "");
	ck_assert_str_eq(play(&rules, "0 start 10000\n"), "");
	cli_ladder_start(&ladder, &rules, 0, 10000);
	ck_assert_uint_eq(cli_ladder_step(&ladder, &lost), 0);
	ck_assert(cli_ladder_lost(&ladder, 100));
	rules.max_run_ms = 20000;
	ck_assert_str_eq(play(&rules, "0 start 10000\n"),
			 "20000 TERM CONT\n22000 KILL\n");
}
END_TEST

START_TEST(max_run_is_not_a_loss)
{
	struct cli_ladder_rules rules = plain;
	struct cli_ladder ladder;
	struct cli_ladder_event tick = { .kind = CLI_LADDER_TICK,
					 .now_ms = 1000 };

	rules.max_run_ms = 1000;
	ck_assert_str_eq(play(&rules, "0 start 10000\n"),
			 "1000 TERM CONT\n3000 KILL\n");
	cli_ladder_start(&ladder, &rules, 0, 10000);
	ck_assert_uint_eq(cli_ladder_step(&ladder, &tick),
			  CLI_DO_TERM | CLI_DO_CONT);
	ck_assert(!cli_ladder_lost(&ladder, 1000));
}
END_TEST

/* Asked to end for --max-run, then the deadline comes first. */
START_TEST(the_deadline_also_binds_max_run)
{
	struct cli_ladder_rules rules = plain;

	rules.max_run_ms = 7000;
	rules.kill_after_ms = 5000;
	rules.on_lost = CLI_ON_LOST_KILL;
	ck_assert_str_eq(play(&rules, "0 start 10000\n"),
			 "7000 TERM CONT\n10000 KILL\n");
}
END_TEST

START_TEST(suspended_may_stop_the_child)
{
	struct cli_ladder_rules rules = plain;

	rules.on_suspend = CLI_ON_SUSPEND_STOP;
	ck_assert_str_eq(play(&rules, "0 start 10000\n"
				      "2000 suspended\n"
				      "3000 resumed\n"
				      "3000 lease 13000\n"
				      "9000 suspended\n"),
			 "2000 STOP\n3000 CONT\n9000 STOP\n"
			 "11000 TERM CONT\n13000 KILL\n");
	ck_assert_str_eq(play(&rules, "0 start 10000\n"
				      "8500 suspended\n"),
			 "8000 TERM CONT\n10000 KILL\n");
}
END_TEST

START_TEST(suspended_may_signal_the_child)
{
	struct cli_ladder_rules rules = plain;

	rules.on_suspend = CLI_ON_SUSPEND_SIGNAL;
	ck_assert_str_eq(play(&rules, "0 start 10000\n"
				      "2000 suspended\n"
				      "3000 resumed\n"
				      "4000 suspended\n"),
			 "2000 SIGNAL\n4000 SIGNAL\n8000 TERM CONT\n"
			 "10000 KILL\n");
}
END_TEST

/* A lock without a deadline (no daemon was wanted) is never near one. */
START_TEST(never_is_never)
{
	char story[64];

	(void)snprintf(story, sizeof story, "5 start %" PRId64 "\n",
		       CLI_NEVER_MS);
	ck_assert_str_eq(play(&plain, story), "");
}
END_TEST

START_TEST(the_verdict)
{
	int exited_3 = 3 << 8;
	int killed = 9;

	ck_assert_int_eq(
	    cli_ladder_verdict(exited_3, false, CLI_ON_LOST_TERM, 79), 3);
	ck_assert_int_eq(
	    cli_ladder_verdict(killed, false, CLI_ON_LOST_TERM, 79), 137);
	ck_assert_int_eq(
	    cli_ladder_verdict(exited_3, true, CLI_ON_LOST_TERM, 80), 80);
	ck_assert_int_eq(cli_ladder_verdict(0, true, CLI_ON_LOST_KILL, 79), 79);
	ck_assert_int_eq(
	    cli_ladder_verdict(exited_3, true, CLI_ON_LOST_IGNORE, 79), 3);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli_ladder");
	TCase *tcase = tcase_create("stories");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, silence_ends_at_the_deadline);
	tcase_add_test(tcase, a_lease_that_moves_moves_the_end);
	tcase_add_test(tcase, no_way_down_the_ladder);
	tcase_add_test(tcase, a_deadline_may_come_nearer);
	tcase_add_test(tcase, lost_is_term_at_once_and_kill_after);
	tcase_add_test(tcase, kill_is_never_later_than_the_last_deadline);
	tcase_add_test(tcase, a_deadline_slept_through_kills_at_once);
	tcase_add_test(tcase, kill_at_once_when_so_wished);
	tcase_add_test(tcase, an_ignored_loss_is_still_a_loss);
	tcase_add_test(tcase, max_run_is_not_a_loss);
	tcase_add_test(tcase, the_deadline_also_binds_max_run);
	tcase_add_test(tcase, suspended_may_stop_the_child);
	tcase_add_test(tcase, suspended_may_signal_the_child);
	tcase_add_test(tcase, never_is_never);
	tcase_add_test(tcase, the_verdict);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
