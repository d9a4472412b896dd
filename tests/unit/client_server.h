/* SPDX-License-Identifier: MIT */
/*
 * client_server - a daemon that follows a script, for tests of the library.
 *
 * One line of the script is one step; X is a digit that names a tag:
 *
 *	<X TEXT   a request that begins with TEXT must come; X is its tag
 *	? TEXT    that request has TEXT in it
 *	>X TEXT   a reply with that tag
 *	= TEXT    a line as it is
 *	&         the next request came in the same write
 *	~ N       a line of N letters
 *	.         wait for server_go() of the test
 *	|         end the connection
 *	+         take the next connection
 *	*         grant every LOCK and confirm every UNLOCK, to the end
 *	@         the same for whoever connects, until server_go()
 *
 * A "%+N" in what is sent is the clock plus N milliseconds, "%P" the path of
 * the lease page.  Each script runs with whole writes and byte by byte.
 */
#ifndef TESTS_CLIENT_SERVER_H
#define TESTS_CLIENT_SERVER_H

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/zklock.h"
#include "proto/page.h"

#define SERVER_LINE_MAX 20000
#define SERVER_WAIT_MS  5000 /* a step that takes longer has failed */

#define HELLO                                                                \
	"<0 HELLO\n"                                                         \
	">0 OK proto=1 state=connected server=zklockd/0.1.0 host=db1 id=214" \
	" session=0x1f timeout_ms=12000 now_ms=1 lease=%P lease_id=0x5eed"   \
	" caps=shared,slots,several\n"
/* In HELLO above as 0x5eed. */
#define SERVER_PAGE_ID UINT64_C(0x5eed)
/* Without a page that can be mapped the library asks for lines. */
#define HELLO_PUSH                                                        \
	"<0 HELLO\n>0 OK proto=1 state=connected host=db1 timeout_ms=1\n" \
	"<0 HELLO\n? lease=push\n>0 OK proto=1 state=connected host=db1\n"

struct server {
	char dir[64];
	char path[96];
	char page_path[96];
	_Atomic uint64_t *page;
	const char *script;
	bool slow; /* byte by byte */
	int listener;
	int fd;
	char in[SERVER_LINE_MAX];
	size_t in_len;
	char tags[10][40];
	char last[SERVER_LINE_MAX]; /* the latest request, without its tag */
	sem_t go;
	pthread_t thread;
	bool joined;
	char failed[512];
};

static inline int64_t server_now_ms(void)
{
	return zklock_now_ms();
}

static inline void server_page(struct server *s, uint16_t gen, int64_t until)
{
	atomic_store(s->page, zkp_page_word(gen, until));
}

static inline bool server_fail(struct server *s, const char *what,
			       const char *line)
{
	(void)snprintf(s->failed, sizeof s->failed, "%.100s: %.300s", what,
		       line);
	return false;
}

static inline bool server_readable(int fd)
{
	struct pollfd p = { .fd = fd, .events = POLLIN };

	return poll(&p, 1, SERVER_WAIT_MS) == 1;
}

static inline bool server_write(struct server *s, const char *bytes, size_t len)
{
	size_t step = s->slow ? 1 : len;

	for (size_t i = 0; i < len; i += step) {
		if (send(s->fd, bytes + i, step, MSG_NOSIGNAL) != (ssize_t)step)
			return server_fail(s, "send", strerror(errno));
	}
	return true;
}

/* Text with its "%+N" and "%P" filled in, and a line end. */
static inline bool server_send(struct server *s, const char *tag,
			       const char *text)
{
	char line[SERVER_LINE_MAX];
	size_t len = 0;
	char *end;

	if (tag)
		len = (size_t)snprintf(line, sizeof line, "#%s ", tag);
	while (*text) {
		if (strncmp(text, "%+", 2) == 0) {
			long add = strtol(text + 2, &end, 10);

			len += (size_t)snprintf(
			    line + len, sizeof line - len, "%lld",
			    (long long)(server_now_ms() + add));
			text = end;
		} else if (strncmp(text, "%P", 2) == 0) {
			len += (size_t)snprintf(line + len, sizeof line - len,
						"%s", s->page_path);
			text += 2;
		} else {
			line[len++] = *text++;
		}
	}
	line[len++] = '\n';
	return server_write(s, line, len);
}

static inline bool server_line(struct server *s, char *line)
{
	char *lf;
	ssize_t n;

	while (!(lf = memchr(s->in, '\n', s->in_len))) {
		if (!server_readable(s->fd))
			return server_fail(s, "no request came", "");
		n = read(s->fd, s->in + s->in_len, sizeof s->in - s->in_len);
		if (n <= 0)
			return server_fail(s, "the client has gone", "");
		s->in_len += (size_t)n;
	}
	memcpy(line, s->in, (size_t)(lf - s->in));
	line[lf - s->in] = '\0';
	s->in_len -= (size_t)(lf + 1 - s->in);
	memmove(s->in, lf + 1, s->in_len);
	return true;
}

static inline bool server_expect(struct server *s, int slot, const char *want)
{
	char line[SERVER_LINE_MAX];
	char *text;

	if (!server_line(s, line))
		return server_fail(s, "waiting for", want);
	text = strchr(line, ' ');
	if (line[0] != '#' || !text)
		return server_fail(s, "no tag", line);
	*text++ = '\0';
	(void)snprintf(s->tags[slot], sizeof s->tags[slot], "%.39s", line + 1);
	(void)snprintf(s->last, sizeof s->last, "%s", text);
	if (strncmp(text, want, strlen(want)) != 0)
		return server_fail(s, want, text);
	return true;
}

static inline bool server_accept(struct server *s)
{
	if (s->fd >= 0)
		(void)close(s->fd);
	s->in_len = 0;
	if (!server_readable(s->listener))
		return server_fail(s, "nobody connects", "");
	s->fd = accept(s->listener, NULL, NULL);
	return s->fd >= 0;
}

static inline bool server_long(struct server *s, int letters)
{
	char line[SERVER_LINE_MAX];

	memset(line, 'a', (size_t)letters);
	line[letters] = '\0';
	return server_send(s, NULL, line);
}

/* Each LOCK a token of its own; ends with the connection. */
static inline bool server_serve(struct server *s)
{
	char line[SERVER_LINE_MAX], reply[SERVER_LINE_MAX];
	unsigned token = 0;
	char *text;

	while (server_line(s, line)) {
		text = strchr(line, ' ');
		if (line[0] != '#' || !text)
			return server_fail(s, "no tag", line);
		*text++ = '\0';
		if (strncmp(text, "HELLO", 5) == 0)
			(void)snprintf(reply, sizeof reply,
				       "OK proto=1 state=connected lease=%%P "
				       "lease_id=0x5eed");
		else if (strncmp(text, "LOCK ", 5) == 0)
			(void)snprintf(reply, sizeof reply,
				       "GRANTED foo id=@%u token=%u mode=x "
				       "gen=3 until_ms=%%+4000 valid_ms=1 "
				       "waited_ms=0 node=\"\"",
				       token + 1, token + 1);
		else
			(void)snprintf(reply, sizeof reply, "RELEASED foo");
		token++;
		if (!server_send(s, line + 1, reply))
			return false;
	}
	s->failed[0] = '\0'; /* that the client goes is the end of it */
	return true;
}

static inline bool server_serve_all(struct server *s)
{
	struct pollfd p = { .fd = s->listener, .events = POLLIN };

	do {
		(void)server_serve(s); /* it may go in the middle of a word */
		s->failed[0] = '\0';
		while (poll(&p, 1, 10) != 1) {
			if (sem_trywait(&s->go) == 0)
				return true;
		}
	} while (server_accept(s));
	return false;
}

static inline bool server_step(struct server *s, const char *step)
{
	int slot = step[1] >= '0' && step[1] <= '9' ? step[1] - '0' : 0;

	switch (step[0]) {
	case '<':
		return server_expect(s, slot, step + 3);
	case '?':
		return strstr(s->last, step + 2) ||
		       server_fail(s, step, s->last);
	case '>':
		return server_send(s, s->tags[slot], step + 3);
	case '=':
		return server_send(s, NULL, step + 2);
	case '&':
		return s->in_len > 0 ||
		       server_fail(s, "a write of its own", "");
	case '~':
		return server_long(s, atoi(step + 2));
	case '.':
		(void)sem_wait(&s->go);
		return true;
	case '|':
		(void)close(s->fd);
		s->fd = -1;
		return true;
	case '+':
		return server_accept(s);
	case '*':
		return server_serve(s);
	case '@':
		return server_serve_all(s);
	default:
		return server_fail(s, "no such step", step);
	}
}

static inline void *server_run(void *arg)
{
	struct server *s = arg;
	const char *at = s->script;
	char step[SERVER_LINE_MAX];
	size_t len;

	if (s->fd < 0 && !server_accept(s))
		return NULL;
	for (; *at; at += len + (at[len] == '\n')) {
		len = strcspn(at, "\n");
		memcpy(step, at, len);
		step[len] = '\0';
		if (len && !server_step(s, step))
			return NULL;
	}
	return NULL;
}

static inline void server_go(struct server *s)
{
	(void)sem_post(&s->go);
}

/* fd: an accepted connection, or -1 to listen on s->path. */
static inline void server_start(struct server *s, int fd, const char *script,
				bool slow)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	const uint64_t id = SERVER_PAGE_ID;
	int page;

	memset(s, 0, sizeof *s);
	s->script = script;
	s->slow = slow;
	s->fd = fd;
	(void)snprintf(s->dir, sizeof s->dir, "/tmp/zkl-client-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(s->dir));
	(void)snprintf(s->path, sizeof s->path, "%s/sock", s->dir);
	(void)snprintf(s->page_path, sizeof s->page_path, "%s/lease", s->dir);
	page = open(s->page_path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	ck_assert_int_ge(page, 0);
	ck_assert_int_eq(ftruncate(page, ZKP_PAGE_SIZE), 0);
	ck_assert_int_eq(
	    pwrite(page, ZKP_PAGE_MAGIC, ZKP_PAGE_MAGIC_LEN, ZKP_PAGE_MAGIC_AT),
	    ZKP_PAGE_MAGIC_LEN);
	ck_assert_int_eq(pwrite(page, &id, sizeof id, ZKP_PAGE_ID_AT),
			 sizeof id);
	s->page = mmap(NULL, ZKP_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED,
		       page, 0);
	ck_assert_ptr_ne(s->page, MAP_FAILED);
	(void)close(page);
	(void)sem_init(&s->go, 0, 0);
	s->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	(void)snprintf(addr.sun_path, sizeof addr.sun_path, "%s", s->path);
	ck_assert_int_eq(
	    bind(s->listener, (struct sockaddr *)&addr, sizeof addr), 0);
	ck_assert_int_eq(listen(s->listener, 8), 0);
	ck_assert_int_eq(pthread_create(&s->thread, NULL, server_run, s), 0);
}

/* All steps were done. */
static inline void server_join(struct server *s)
{
	if (!s->joined)
		ck_assert_int_eq(pthread_join(s->thread, NULL), 0);
	s->joined = true;
}

/* And none failed. */
static inline void server_stop(struct server *s)
{
	server_join(s);
	ck_assert_msg(s->failed[0] == '\0', "server: %s", s->failed);
	if (s->fd >= 0)
		(void)close(s->fd);
	(void)close(s->listener);
	(void)munmap(s->page, ZKP_PAGE_SIZE);
	(void)unlink(s->path);
	(void)unlink(s->page_path);
	(void)rmdir(s->dir);
	(void)sem_destroy(&s->go);
}

/* What the client has sent and the script did not ask for. */
static inline size_t server_unread(struct server *s)
{
	ssize_t n = recv(s->fd, s->in + s->in_len, sizeof s->in - s->in_len,
			 MSG_DONTWAIT);

	return s->in_len + (n > 0 ? (size_t)n : 0);
}

static inline zklock_client *server_client(struct server *s, unsigned flags)
{
	struct zklock_options options = ZKLOCK_OPTIONS_INIT;
	zklock_client *client = NULL;

	options.socket = s->path;
	options.flags = flags;
	options.reply_timeout_ms = 3000;
	ck_assert_int_eq(zklock_open(&client, &options), ZKLOCK_OK);
	return client;
}

/* A client of a daemon that follows this script, whose session 3 is good for
 * longer than any test takes. */
static inline zklock_client *server_begin(struct server *s, const char *script,
					  bool slow)
{
	server_start(s, -1, script, slow);
	server_page(s, 3, server_now_ms() + 9000);
	return server_client(s, 0);
}

/* The end of both, and every step was done. */
static inline void server_end(struct server *s, zklock_client *client)
{
	zklock_close(client);
	server_stop(s);
}

/* The next event, waiting for it. */
static inline struct zklock_event server_event(zklock_client *client,
					       enum zklock_event_type type)
{
	struct zklock_event event = ZKLOCK_EVENT_INIT;
	int64_t end_ms = server_now_ms() + SERVER_WAIT_MS;

	while (zklock_next_event(client, &event) != 1) {
		ck_assert_msg(server_now_ms() < end_ms, "no event %s",
			      zklock_strevent(type));
		(void)zklock_poll(client, 100);
	}
	ck_assert_str_eq(zklock_strevent(event.type), zklock_strevent(type));
	return event;
}

#endif
