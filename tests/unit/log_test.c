/* SPDX-License-Identifier: MIT */
/*
 * log_test - every line arrives whole and harmless, or is counted; nobody
 * ever waits.
 */
#include <check.h>
#include <fcntl.h>
#include <regex.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/log.h"

static int ends[2]; /* of a pipe */
static char text[65536];

static void open_sink(enum log_sink sink, const char *path)
{
	log_open(&(struct log_settings){ .sink = sink,
					 .level = LOG_LEVEL_INFO,
					 .fd = ends[1],
					 .path = path });
}

static void begin(void)
{
	ck_assert_int_eq(pipe2(ends, O_CLOEXEC), 0);
	ck_assert_int_eq(unsetenv("JOURNAL_STREAM"), 0);
	open_sink(LOG_SINK_STDERR, NULL);
}

static void end(void)
{
	log_close();
	(void)close(ends[0]);
	(void)close(ends[1]);
}

/* What has been written so far; the pipe must have something. */
static const char *written(void)
{
	ssize_t n = read(ends[0], text, sizeof text - 1);

	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	return text;
}

static void assert_like(const char *line, const char *pattern)
{
	regex_t regex;
	int found;

	ck_assert_int_eq(regcomp(&regex, pattern, REG_EXTENDED | REG_NOSUB), 0);
	found = regexec(&regex, line, 0, NULL, 0);
	regfree(&regex);
	ck_assert_msg(found == 0, "%s: not like %s", line, pattern);
}

START_TEST(a_line_has_its_time_and_level)
{
	log_event(LOG_LEVEL_NOTICE, "event=%s n=%d", "born", 3);
	assert_like(written(), "^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:]{8}\\."
			       "[0-9]{3}Z notice event=born n=3\n$");
}
END_TEST

START_TEST(what_is_not_wanted_is_not_written)
{
	log_event(LOG_LEVEL_DEBUG, "event=detail");
	log_event(LOG_LEVEL_INFO, "event=wanted");
	ck_assert_ptr_null(strstr(written(), "detail"));
	log_level_set(LOG_LEVEL_DEBUG);
	log_event(LOG_LEVEL_DEBUG, "event=detail");
	ck_assert_ptr_nonnull(strstr(written(), "debug event=detail"));
}
END_TEST

START_TEST(hostile_bytes_come_out_as_digits)
{
	log_event(LOG_LEVEL_INFO, "event=x note=%s",
		  "a\nb\x1b[2J\x7f\xff\xc3\xbc\xe2\x80\xae.");
	ck_assert_ptr_nonnull(strstr(written(),
				     "note=a\\x0ab\\x1b[2J\\x7f\\xff\xc3\xbc"
				     "\\xe2\\x80\\xae.\n"));
}
END_TEST

START_TEST(a_long_line_is_cut_and_says_so)
{
	char big[2 * LOG_LINE_MAX];
	const char *line;
	size_t len;

	memset(big, '\x01', sizeof big);
	big[sizeof big - 1] = '\0';
	log_event(LOG_LEVEL_INFO, "event=big %s", big);
	line = written();
	len = strlen(line);
	ck_assert_uint_le(len, LOG_LINE_MAX);
	ck_assert_str_eq(line + len - 4, "...\n");
	ck_assert_ptr_eq(strchr(line, '\n'), line + len - 1);
}
END_TEST

/* Of all gaps that the lines tell of. */
static uint64_t told_dropped(const char *lines)
{
	static const char word[] = "event=log_dropped lines=";
	uint64_t sum = 0;

	while ((lines = strstr(lines, word))) {
		lines += strlen(word);
		sum += strtoull(lines, NULL, 10);
	}
	return sum;
}

START_TEST(a_full_pipe_drops_and_tells_how_many)
{
	static char all[1 << 20];
	uint64_t before = log_dropped();
	uint64_t dropped;
	size_t len = 0;
	ssize_t n;

	while (log_dropped() < before + 5)
		log_event(LOG_LEVEL_INFO, "event=%0500d", 1);
	dropped = log_dropped() - before;
	ck_assert_int_eq(fcntl(ends[0], F_SETFL, O_NONBLOCK), 0);
	while ((n = read(ends[0], all + len, sizeof all - 1 - len)) > 0)
		len += (size_t)n;
	log_event(LOG_LEVEL_INFO, "event=again");
	n = read(ends[0], all + len, sizeof all - 1 - len);
	ck_assert_int_gt(n, 0);
	all[len + (size_t)n] = '\0';
	assert_like(all + len, "warning event=log_dropped lines=[0-9]+\n"
			       ".*Z info event=again\n$");
	ck_assert_uint_eq(told_dropped(all), dropped);
	ck_assert_uint_eq(log_dropped(), before + dropped);
}
END_TEST

START_TEST(a_reader_that_has_gone_ends_nothing)
{
	uint64_t before = log_dropped();

	ck_assert_int_eq(signal(SIGPIPE, SIG_IGN) == SIG_ERR, 0);
	(void)close(ends[0]);
	log_event(LOG_LEVEL_INFO, "event=nobody");
	ck_assert_uint_eq(log_dropped(), before + 1);
}
END_TEST

START_TEST(the_journal_gets_its_prefix)
{
	struct stat st;
	char said[64];

	ck_assert_int_eq(fstat(ends[1], &st), 0);
	(void)snprintf(said, sizeof said, "%llu:%llu",
		       (unsigned long long)st.st_dev,
		       (unsigned long long)st.st_ino);
	ck_assert_int_eq(setenv("JOURNAL_STREAM", said, 1), 0);
	open_sink(LOG_SINK_STDERR, NULL);
	log_event(LOG_LEVEL_WARNING, "event=x");
	ck_assert_str_eq(written(), "<4>event=x\n");
}
END_TEST

START_TEST(another_files_journal_is_not_ours)
{
	ck_assert_int_eq(setenv("JOURNAL_STREAM", "1:2", 1), 0);
	open_sink(LOG_SINK_STDERR, NULL);
	log_event(LOG_LEVEL_WARNING, "event=x");
	assert_like(written(), "Z warning event=x\n$");
}
END_TEST

/* A datagram sink under a path of its own. */
struct sink {
	char dir[32];
	char path[64];
	int fd;
};

static void sink_listen(struct sink *sink)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };

	(void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s", sink->path);
	sink->fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	ck_assert_int_ge(sink->fd, 0);
	ck_assert_int_eq(
	    bind(sink->fd, (const struct sockaddr *)&addr, sizeof addr), 0);
}

static void sink_begin(struct sink *sink)
{
	(void)snprintf(sink->dir, sizeof sink->dir, "/tmp/zkl-log-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(sink->dir));
	(void)snprintf(sink->path, sizeof sink->path, "%s/log", sink->dir);
	sink_listen(sink);
}

static void sink_end(struct sink *sink)
{
	(void)close(sink->fd);
	(void)unlink(sink->path);
	(void)rmdir(sink->dir);
}

static const char *received(const struct sink *sink)
{
	ssize_t n = recv(sink->fd, text, sizeof text - 1, MSG_DONTWAIT);

	ck_assert_int_gt(n, 0);
	text[n] = '\0';
	return text;
}

START_TEST(syslog_gets_its_form)
{
	struct sink sink;

	sink_begin(&sink);
	open_sink(LOG_SINK_SYSLOG, sink.path);
	log_event(LOG_LEVEL_ERR, "event=x");
	assert_like(received(&sink), "^<27>[A-Z][a-z]{2} [ 0-9]{2} [0-9:]{8} "
				     "zklockd\\[[0-9]+\\]: event=x$");
	sink_end(&sink);
}
END_TEST

START_TEST(the_journals_socket_gets_fields)
{
	struct sink sink;

	sink_begin(&sink);
	open_sink(LOG_SINK_JOURNAL, sink.path);
	log_event(LOG_LEVEL_NOTICE, "event=x note=%s", "a\nPRIORITY=0");
	ck_assert_str_eq(received(&sink),
			 "PRIORITY=5\nSYSLOG_FACILITY=3\n"
			 "SYSLOG_IDENTIFIER=zklockd\n"
			 "MESSAGE=event=x note=a\\x0aPRIORITY=0\n");
	sink_end(&sink);
}
END_TEST

START_TEST(a_sink_that_comes_back_is_found)
{
	uint64_t before = log_dropped();
	struct sink sink;

	sink_begin(&sink);
	open_sink(LOG_SINK_JOURNAL, sink.path);
	(void)close(sink.fd);
	(void)unlink(sink.path);
	log_event(LOG_LEVEL_NOTICE, "event=gone");
	log_event(LOG_LEVEL_NOTICE, "event=gone");
	ck_assert_uint_eq(log_dropped(), before + 2);
	sink_listen(&sink);
	log_event(LOG_LEVEL_NOTICE, "event=back");
	ck_assert_ptr_nonnull(strstr(received(&sink), "log_dropped lines="));
	ck_assert_ptr_nonnull(strstr(received(&sink), "event=back"));
	sink_end(&sink);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("log");
	TCase *tc = tcase_create("all");
	SRunner *runner;
	int failed;

	tcase_add_checked_fixture(tc, begin, end);
	tcase_add_test(tc, a_line_has_its_time_and_level);
	tcase_add_test(tc, what_is_not_wanted_is_not_written);
	tcase_add_test(tc, hostile_bytes_come_out_as_digits);
	tcase_add_test(tc, a_long_line_is_cut_and_says_so);
	tcase_add_test(tc, a_full_pipe_drops_and_tells_how_many);
	tcase_add_test(tc, a_reader_that_has_gone_ends_nothing);
	tcase_add_test(tc, the_journal_gets_its_prefix);
	tcase_add_test(tc, another_files_journal_is_not_ours);
	tcase_add_test(tc, syslog_gets_its_form);
	tcase_add_test(tc, the_journals_socket_gets_fields);
	tcase_add_test(tc, a_sink_that_comes_back_is_found);
	suite_add_tcase(suite, tc);
	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
