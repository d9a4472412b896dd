/* SPDX-License-Identifier: MIT */
/* cli_words_test - what people type: durations, signals, options. */
#include <check.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/duration.h"
#include "client/cli/exits.h"
#include "client/cli/holder.h"
#include "client/cli/options.h"
#include "client/cli/signame.h"

#define UNTOUCHED INT64_C(-77)

static int64_t parsed(const char *text)
{
	int64_t ms = UNTOUCHED;

	if (!cli_duration_parse(text, &ms))
		ck_assert_int_eq(ms, UNTOUCHED);
	return ms;
}

START_TEST(durations_are_read)
{
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
		{ "0", 0 },
		{ "7", 7000 },
		{ "1.5", 1500 },
		{ ".5s", 500 },
		{ "250ms", 250 },
		{ "0.5ms", 1 },
		{ "0.0000000001", 1 },
		{ "2m", 120000 },
		{ "1.5h", 5400000 },
		{ "1d", 86400000 },
		{ "0000000000000000000001s", 1000 },
		{ "3650d", CLI_DURATION_MS_MAX },
		{ "0.000000000000000", 0 },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		ck_assert_msg(parsed(rows[i].text) == rows[i].ms, "%s is %jd",
			      rows[i].text, (intmax_t)parsed(rows[i].text));
}
END_TEST

START_TEST(what_is_no_duration_is_refused)
{
	static const char *const rows[] = {
		"",
		"s",
		"-1",
		"+1",
		"1 s",
		"1e3",
		"1.",
		".",
		"1.5.5",
		"5x",
		"5sec",
		" 5",
		"5 ",
		"0x10",
		"3651d",
		"3650.1d",
		"nan",
		"inf",
		"99999999999999999999999999999999999999",
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++)
		ck_assert_msg(parsed(rows[i]) == UNTOUCHED, "\"%s\" passed",
			      rows[i]);
}
END_TEST

START_TEST(durations_are_said)
{
	static const struct {
		int64_t ms;
		const char *text;
	} rows[] = {
		{ -5, "0ms" },          { 999, "999ms" },
		{ 1000, "1.0s" },       { 3199, "3.1s" },
		{ 72000, "1m12s" },     { 7380000, "2h03m" },
		{ 273600000, "3d04h" }, { INT64_MAX, "3650d00h" },
	};
	char text[CLI_DURATION_TEXT];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cli_duration_text(rows[i].ms, text);
		ck_assert_str_eq(text, rows[i].text);
	}
}
END_TEST

START_TEST(signals_have_names_and_numbers)
{
	int number = 0;

	ck_assert(cli_signal_parse("TERM", &number) && number == SIGTERM);
	ck_assert(cli_signal_parse("sigusr1", &number) && number == SIGUSR1);
	ck_assert(cli_signal_parse("9", &number) && number == SIGKILL);
	ck_assert(!cli_signal_parse("0", &number));
	ck_assert(!cli_signal_parse("65", &number));
	ck_assert(!cli_signal_parse("15x", &number));
	ck_assert(!cli_signal_parse("", &number));
	ck_assert(!cli_signal_parse("SIG", &number));
	ck_assert(!cli_signal_parse("NOSUCH", &number));
	ck_assert_int_eq(number, SIGKILL);
	ck_assert_str_eq(cli_signal_name(SIGHUP), "HUP");
	ck_assert_str_eq(cli_signal_name(200), "?");
}
END_TEST

START_TEST(holders_are_told)
{
	static const struct {
		const char *holder;
		int64_t held_ms;
		const char *sentence;
		const char *brief;
	} rows[] = {
		{ "db2 pid=812 deploy.py", 72000,
		  "held by db2, pid 812 (deploy.py), for 1m12s",
		  "held by db2:812 deploy.py for 1m12s" },
		{ "db2 pid=812", -1, "held by db2, pid 812",
		  "held by db2:812" },
		{ "db2 pid=1 run a b", 0,
		  "held by db2, pid 1 (run a b), for 0ms",
		  "held by db2:1 run a b for 0ms" },
		{ "kazoo", 5000, "held by kazoo, for 5.0s",
		  "held by kazoo for 5.0s" },
		{ "", 5000, "", "held for 5.0s" },
	};
	char text[CLI_HOLDER_TEXT];

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		cli_holder_sentence(rows[i].holder, rows[i].held_ms, text);
		ck_assert_str_eq(text, rows[i].sentence);
		cli_holder_short(rows[i].holder, rows[i].held_ms, text);
		ck_assert_str_eq(text, rows[i].brief);
	}
}
END_TEST

/* The longest holder there can be is cut nowhere and overruns nothing. */
START_TEST(a_long_holder_fits)
{
	char holder[512];
	char text[CLI_HOLDER_TEXT];

	memset(holder, 'h', sizeof holder - 1);
	holder[sizeof holder - 1] = '\0';
	memcpy(holder + 200, " pid=1 ", 7);
	cli_holder_sentence(holder, INT64_MAX, text);
	ck_assert_ptr_nonnull(strstr(text, "hh), for 3650d00h"));
	cli_holder_short(holder, INT64_MAX, text);
	ck_assert_ptr_nonnull(strstr(text, "hh for 3650d00h"));
}
END_TEST

static const struct cli_option *const run_tables[] = {
	cli_options_lock, cli_options_run, cli_options_global, NULL
};

/* Parse words (the first is the program) and return the first operand. */
static int parse(char **words, struct cli_args *args, struct cli_fault *fault)
{
	int count = 0;

	while (words[count])
		count++;
	cli_args_init(args);
	*fault = (struct cli_fault){ 0 };
	return cli_options_parse(run_tables, count, words, args, fault);
}

#define WORDS(...)                                   \
	(char *[])                                   \
	{                                            \
		(char[]){ "run" }, __VA_ARGS__, NULL \
	}
#define W(text)      \
	(char[])     \
	{            \
		text \
	}

START_TEST(a_childs_options_stay_the_childs)
{
	struct cli_args args;
	struct cli_fault fault;

	ck_assert_int_eq(parse(WORDS(W("-n"), W("-E"), W("5"), W("backup"),
				     W("-v"), W("--json")),
			       &args, &fault),
			 4);
	ck_assert_int_eq(args.wait_ms, 0);
	ck_assert_int_eq(args.conflict_exit, 5);
	ck_assert(!args.verbose && !args.json);
	ck_assert_int_eq(parse(WORDS(W("--"), W("-n")), &args, &fault), 2);
	ck_assert_int_eq(args.wait_ms, CLI_WAIT_FOREVER_MS);
}
END_TEST

START_TEST(options_set_what_they_say)
{
	struct cli_args args;
	struct cli_fault fault;

	ck_assert_int_eq(
	    parse(WORDS(W("-w1.5"), W("--kill-after=250ms"), W("--on-lost"),
			W("kill"), W("--on-suspend"), W("HUP"), W("--signal"),
			W("INT"), W("-vq"), W("--nested=join"), W("--max-run"),
			W("1h"), W("name")),
		  &args, &fault),
	    13);
	ck_assert_int_eq(args.wait_ms, 1500);
	ck_assert_int_eq(args.kill_after_ms, 250);
	ck_assert_int_eq(args.on_lost, CLI_ON_LOST_KILL);
	ck_assert_int_eq(args.on_suspend, CLI_ON_SUSPEND_SIGNAL);
	ck_assert_int_eq(args.suspend_signal, SIGHUP);
	ck_assert_int_eq(args.signal, SIGINT);
	ck_assert(args.verbose && args.quiet);
	ck_assert_int_eq(args.nested, CLI_NESTED_JOIN);
	ck_assert_int_eq(args.max_run_ms, 3600000);
}
END_TEST

START_TEST(bad_options_say_what_is_wrong)
{
	static const struct {
		const char *word;
		const char *value;
		const char *text;
	} rows[] = {
		{ "-Z", NULL, "option -Z is not known" },
		{ "-w", NULL, "option -w needs a value" },
		{ "--wait", NULL, "option --wait needs a value" },
		{ "--nonblock=1", NULL, "option --nonblock takes no value" },
		{ "--nosuch", NULL,
		  "option --nosuch is not known, or short for several" },
		{ "-w", "soon",
		  "--wait wants a duration such as 1.5, 250ms or 2m, "
		  "not \"soon\"" },
		{ "-E", "256",
		  "--conflict-exit-code wants an exit code, 0 to 255, "
		  "not \"256\"" },
		{ "--on-lost", "panic",
		  "--on-lost wants term, kill or ignore, not \"panic\"" },
	};

	for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
		char word[32];
		char value[32];
		char *words[] = { W("run"), word, NULL, NULL };
		struct cli_args args;
		struct cli_fault fault;

		(void)snprintf(word, sizeof word, "%s", rows[i].word);
		if (rows[i].value) {
			(void)snprintf(value, sizeof value, "%s",
				       rows[i].value);
			words[2] = value;
		}
		ck_assert_int_eq(parse(words, &args, &fault), -1);
		ck_assert_int_eq(fault.exit, CLI_EXIT_USAGE);
		ck_assert_str_eq(fault.text, rows[i].text);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("cli_words");
	TCase *tcase = tcase_create("words");
	SRunner *runner = srunner_create(suite);
	int failed;

	suite_add_tcase(suite, tcase);
	tcase_add_test(tcase, durations_are_read);
	tcase_add_test(tcase, what_is_no_duration_is_refused);
	tcase_add_test(tcase, durations_are_said);
	tcase_add_test(tcase, signals_have_names_and_numbers);
	tcase_add_test(tcase, holders_are_told);
	tcase_add_test(tcase, a_long_holder_fits);
	tcase_add_test(tcase, a_childs_options_stay_the_childs);
	tcase_add_test(tcase, options_set_what_they_say);
	tcase_add_test(tcase, bad_options_say_what_is_wrong);
	srunner_run_all(runner, CK_NORMAL);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
