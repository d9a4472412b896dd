/* SPDX-License-Identifier: MIT */
/*
 * log - one line per happening: event=... key=value ...
 *
 * The only writer to the outside world's log.  It never waits: a line that
 * cannot be written at once is dropped and counted, and the count is told
 * with the next line that gets through.  Bytes that could play with a
 * terminal or forge a second line come out as \xHH.  It decides nothing.
 *
 * One log per process, one thread.  Before log_open() lines go to standard
 * error.
 */
#ifndef DAEMON_LOG_H
#define DAEMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

/* Bytes of a whole record: what a pipe takes in one piece (PIPE_BUF); longer
 * lines end in "...". */
#define LOG_LINE_MAX 4096

/* The numbers are syslog's. */
enum log_level {
	LOG_LEVEL_ERR = 3,
	LOG_LEVEL_WARNING = 4,
	LOG_LEVEL_NOTICE = 5,
	LOG_LEVEL_INFO = 6,
	LOG_LEVEL_DEBUG = 7,
};
#define LOG_LEVELS 8

enum log_sink {
	LOG_SINK_STDERR,  /* with "<N>" when that is the journal */
	LOG_SINK_SYSLOG,  /* a datagram to /dev/log */
	LOG_SINK_JOURNAL, /* a datagram to journald */
};

struct log_settings {
	enum log_sink sink;
	enum log_level level; /* what is above it is not written */
	int fd;               /* LOG_SINK_STDERR: 2, or a test's */
	const char *path;     /* of the datagram sinks; NULL: the usual one */
};

/* May be called again, to change over.  Never fails: a sink that is not there
 * is tried again with each line. */
void log_open(const struct log_settings *settings);
void log_close(void);
void log_level_set(enum log_level level);
bool log_wanted(enum log_level level);

/* "event=..." and its pairs, without a newline.  Text of others goes into
 * the arguments, never into the format. */
void log_event(enum log_level level, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Lines that were dropped so far, and that were written at a level. */
uint64_t log_dropped(void);
uint64_t log_written(enum log_level level);

#endif
