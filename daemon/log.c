/* SPDX-License-Identifier: MIT */
/*
 * log - see log.h.
 *
 * No way of writing here can block.  A pipe is opened once more through
 * /proc, as a description of our own, so that O_NONBLOCK is nobody else's
 * surprise; sockets take MSG_DONTWAIT; the rest is asked by poll() first.
 */
#include "daemon/log.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "proto/utf8.h"

#define SYSLOG_PATH  "/dev/log"
#define JOURNAL_PATH "/run/systemd/journal/socket"
#define IDENT        "zklockd"
/* syslog's facility for daemons, times eight. */
#define FACILITY_DAEMON (3 << 3)
/* What stands before and behind the text in the longest of the forms. */
#define FRAME_MAX 160

static struct {
	enum log_sink sink;
	enum log_level level;
	const char *path;
	int fd;       /* where to write; -1: nowhere yet */
	bool fd_ours; /* to be closed */
	bool socket;
	bool journal; /* standard error is journald's */
	uint64_t dropped;
	uint64_t dropped_told;
	uint64_t written[LOG_LEVELS];
} out = { .level = LOG_LEVEL_INFO, .fd = STDERR_FILENO };

static const char *level_word(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERR:
		return "err";
	case LOG_LEVEL_WARNING:
		return "warning";
	case LOG_LEVEL_NOTICE:
		return "notice";
	case LOG_LEVEL_INFO:
		return "info";
	case LOG_LEVEL_DEBUG:
		return "debug";
	}
	return "err";
}

/* Where to */

/* systemd says which file is the journal's, so that a redirected standard
 * error is not taken for it. */
static bool is_journal_stream(int fd)
{
	const char *said = getenv("JOURNAL_STREAM");
	unsigned long long dev, ino;
	struct stat st;
	char *end;

	if (!said || fstat(fd, &st) < 0)
		return false;
	dev = strtoull(said, &end, 10);
	if (*end != ':')
		return false;
	ino = strtoull(end + 1, &end, 10);
	return !*end && dev == st.st_dev && ino == st.st_ino;
}

static void open_stderr(int fd)
{
	char name[64];
	struct stat st;
	int own;

	out.fd = fd;
	out.journal = is_journal_stream(fd);
	if (fstat(fd, &st) < 0)
		return;
	out.socket = S_ISSOCK(st.st_mode);
	if (!S_ISFIFO(st.st_mode))
		return;
	(void)snprintf(name, sizeof name, "/proc/self/fd/%d", fd);
	own = open(name, O_WRONLY | O_NONBLOCK | O_CLOEXEC);
	if (own < 0)
		return; /* poll() and write() then */
	out.fd = own;
	out.fd_ours = true;
}

/* Datagram sinks come and go with their daemons. */
static void open_socket(void)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int fd;

	if (strlen(out.path) >= sizeof addr.sun_path)
		return;
	memcpy(addr.sun_path, out.path, strlen(out.path) + 1);
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return;
	if (connect(fd, (const struct sockaddr *)&addr, sizeof addr) < 0) {
		(void)close(fd);
		return;
	}
	out.fd = fd;
	out.fd_ours = true;
	out.socket = true;
}

static void shut(void)
{
	if (out.fd_ours)
		(void)close(out.fd);
	out.fd = -1;
	out.fd_ours = false;
	out.socket = false;
	out.journal = false;
}

void log_open(const struct log_settings *settings)
{
	log_close();
	out.sink = settings->sink;
	out.level = settings->level;
	out.path = settings->path;
	switch (settings->sink) {
	case LOG_SINK_STDERR:
		open_stderr(settings->fd);
		break;
	case LOG_SINK_SYSLOG:
		if (!out.path)
			out.path = SYSLOG_PATH;
		open_socket();
		break;
	case LOG_SINK_JOURNAL:
		if (!out.path)
			out.path = JOURNAL_PATH;
		open_socket();
		break;
	}
}

void log_close(void)
{
	shut();
	out.sink = LOG_SINK_STDERR;
	out.fd = STDERR_FILENO;
}

void log_level_set(enum log_level level)
{
	out.level = level;
}

bool log_wanted(enum log_level level)
{
	return level <= out.level;
}

uint64_t log_dropped(void)
{
	return out.dropped;
}

uint64_t log_written(enum log_level level)
{
	return out.written[level];
}

/* How a record looks */

/* Safe text: showable characters as they are, all else as \xHH. */
static size_t escape(const char *text, char *to, size_t size)
{
	static const char digits[] = "0123456789abcdef";
	size_t len = strlen(text);
	size_t at = 0, n;

	while (len > 0) {
		n = zkp_utf8_len(text, len);
		if (at + 4 + 3 > size) { /* the next one, and "..." */
			to[at++] = '.';
			to[at++] = '.';
			to[at++] = '.';
			return at;
		}
		if (n > 0 && zkp_utf8_is_showable(text, n)) {
			memcpy(to + at, text, n);
			at += n;
		} else {
			n = 1;
			to[at++] = '\\';
			to[at++] = 'x';
			to[at++] = digits[(unsigned char)*text >> 4];
			to[at++] = digits[(unsigned char)*text & 15];
		}
		text += n;
		len -= n;
	}
	return at;
}

static size_t print(char *to, size_t size, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static size_t print(char *to, size_t size, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(to, size, format, args);
	va_end(args);
	if (n < 0)
		return 0;
	return (size_t)n < size ? (size_t)n : size - 1;
}

static size_t head_stderr(enum log_level level, char *to, size_t size)
{
	struct timespec now;
	struct tm tm;
	char date[32];

	if (out.journal)
		return print(to, size, "<%d>", (int)level);
	(void)clock_gettime(CLOCK_REALTIME, &now);
	if (!gmtime_r(&now.tv_sec, &tm) ||
	    !strftime(date, sizeof date, "%Y-%m-%dT%H:%M:%S", &tm))
		date[0] = '\0';
	return print(to, size, "%s.%03ldZ %s ", date, now.tv_nsec / 1000000,
		     level_word(level));
}

static size_t head_syslog(enum log_level level, char *to, size_t size)
{
	time_t now = time(NULL);
	struct tm tm;
	char date[32];

	if (!localtime_r(&now, &tm) ||
	    !strftime(date, sizeof date, "%b %e %H:%M:%S", &tm))
		date[0] = '\0';
	return print(to, size,
		     "<%d>%s " IDENT "[%d]: ", FACILITY_DAEMON | (int)level,
		     date, (int)getpid());
}

static size_t head(enum log_level level, char *to, size_t size)
{
	switch (out.sink) {
	case LOG_SINK_STDERR:
		return head_stderr(level, to, size);
	case LOG_SINK_SYSLOG:
		return head_syslog(level, to, size);
	case LOG_SINK_JOURNAL:
		return print(to, size,
			     "PRIORITY=%d\nSYSLOG_FACILITY=3\n"
			     "SYSLOG_IDENTIFIER=" IDENT "\nMESSAGE=",
			     (int)level);
	}
	return 0;
}

/* Writing */

static bool put_fd(const char *record, size_t len)
{
	struct pollfd ready = { .fd = out.fd, .events = POLLOUT };

	if (out.socket)
		return send(out.fd, record, len, MSG_DONTWAIT | MSG_NOSIGNAL) ==
		       (ssize_t)len;
	if (!out.fd_ours &&
	    (poll(&ready, 1, 0) != 1 || !(ready.revents & POLLOUT)))
		return false;
	return write(out.fd, record, len) == (ssize_t)len;
}

static bool put(const char *record, size_t len)
{
	if (out.sink == LOG_SINK_STDERR)
		return put_fd(record, len);
	if (out.fd < 0)
		open_socket();
	if (out.fd < 0)
		return false;
	if (put_fd(record, len))
		return true;
	if (errno != EAGAIN && errno != ENOBUFS)
		shut(); /* its reader has gone: look again next time */
	return false;
}

static bool put_line(enum log_level level, const char *text)
{
	char record[LOG_LINE_MAX];
	size_t len = head(level, record, FRAME_MAX);

	len += escape(text, record + len, sizeof record - len - 1);
	if (out.sink != LOG_SINK_SYSLOG)
		record[len++] = '\n';
	if (!put(record, len))
		return false;
	out.written[level]++;
	return true;
}

/* Those that were dropped are told first: the reader knows where the gap
 * is. */
static bool put_gap(void)
{
	char text[64];

	if (out.dropped == out.dropped_told)
		return true;
	(void)snprintf(text, sizeof text, "event=log_dropped lines=%llu",
		       (unsigned long long)(out.dropped - out.dropped_told));
	if (!put_line(LOG_LEVEL_WARNING, text))
		return false;
	out.dropped_told = out.dropped;
	return true;
}

void log_event(enum log_level level, const char *format, ...)
{
	char text[LOG_LINE_MAX];
	int saved = errno;
	va_list args;

	if (!log_wanted(level))
		return;
	va_start(args, format);
	(void)vsnprintf(text, sizeof text, format, args);
	va_end(args);
	if (!put_gap() || !put_line(level, text))
		out.dropped++;
	errno = saved;
}
