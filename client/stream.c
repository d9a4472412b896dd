/* SPDX-License-Identifier: MIT */
/*
 * stream - the bytes of the connection, in and out, never blocking.
 *
 * What a line means is replies' matter; when to come here is loop's.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "client/library.h"

#define IN_BYTES  (ZKP_REPLY_LINE_MAX + ZKP_LINE_END_MAX)
#define OUT_BYTES 4096 /* to begin with: a request or a few */

/* connect() to a full backlog waits, for at most this. */
static int set_patience(int fd, int64_t wait_ms)
{
	struct timeval tv = { .tv_sec = (time_t)(wait_ms / 1000),
			      .tv_usec = (suseconds_t)(wait_ms % 1000 * 1000) };

	return setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &tv, sizeof tv);
}

static int connect_fd(const zklock_client *client, int fd)
{
	struct sockaddr_un addr = { .sun_family = AF_UNIX };
	int64_t left_ms;

	memcpy(addr.sun_path, client->socket_path,
	       strlen(client->socket_path) + 1);
	do {
		left_ms = client->connect_until_ms - zklock_now_ms();
		if (left_ms <= 0)
			return ZKLOCK_E_NOREPLY;
		if (set_patience(fd, left_ms) < 0)
			return ZKLOCK_E_SYS;
		if (connect(fd, (struct sockaddr *)&addr, sizeof addr) == 0)
			return ZKLOCK_OK;
	} while (errno == EINTR);
	return errno == EAGAIN ? ZKLOCK_E_NOREPLY : ZKLOCK_E_NODAEMON;
}

/* Who made the socket listen. */
static int check_server(const zklock_client *client, int fd)
{
	struct ucred peer;
	socklen_t len = sizeof peer;

	if (!(client->flags & ZKLOCK_F_TRUSTED))
		return ZKLOCK_OK;
	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &len) < 0)
		return ZKLOCK_E_SYS;
	return peer.uid == 0 || peer.uid == geteuid() ? ZKLOCK_OK
						      : ZKLOCK_E_DENIED;
}

int zkl_connect(const zklock_client *client, int *fd_out)
{
	struct sockaddr_un addr;
	int fd;
	int ret;

	errno = ENAMETOOLONG;
	if (strlen(client->socket_path) >= sizeof addr.sun_path)
		return ZKLOCK_E_NODAEMON;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return ZKLOCK_E_SYS;
	ret = connect_fd(client, fd);
	if (ret == ZKLOCK_OK)
		ret = check_server(client, fd);
	if (ret) {
		int saved = errno;

		(void)close(fd);
		errno = saved;
		return ret;
	}
	*fd_out = fd;
	return ZKLOCK_OK;
}

static int set_flag(int fd, int get, int set, int flag, bool on)
{
	int flags = fcntl(fd, get);

	if (flags < 0)
		return -1;
	return fcntl(fd, set, on ? flags | flag : flags & ~flag);
}

int zkl_stream_begin(zklock_client *client, int fd)
{
	bool inherit = client->flags & ZKLOCK_F_INHERIT;

	if (set_flag(fd, F_GETFL, F_SETFL, O_NONBLOCK, true) < 0 ||
	    set_flag(fd, F_GETFD, F_SETFD, FD_CLOEXEC, !inherit) < 0)
		return ZKLOCK_E_SYS;
	if (!client->in)
		client->in = malloc(IN_BYTES);
	if (!client->in)
		return ZKLOCK_E_NOMEM;
	zkp_line_init(&client->reader, client->in, IN_BYTES,
		      ZKP_REPLY_LINE_MAX);
	client->out_len = 0;
	client->fd = fd;
	client->closed = false;
	client->unsendable = false;
	client->cut_error = ZKLOCK_OK;
	client->parting = ZKLOCK_OK;
	return ZKLOCK_OK;
}

/* True when bytes went out. */
static bool flush(zklock_client *client)
{
	size_t done = 0;
	ssize_t n;

	while (done < client->out_len) {
		n = send(client->fd, client->out + done, client->out_len - done,
			 MSG_NOSIGNAL | MSG_DONTWAIT);
		if (n >= 0) {
			done += (size_t)n;
		} else if (errno == EAGAIN || errno == EWOULDBLOCK) {
			break;
		} else if (errno != EINTR) {
			/* It may have said why before it went: go on reading,
			 * the end is found there. */
			client->unsendable = true;
			client->out_len = 0;
			return true;
		}
	}
	client->out_len -= done;
	if (done && client->out_len)
		memmove(client->out, client->out + done, client->out_len);
	return done > 0;
}

static bool make_room(zklock_client *client, size_t len)
{
	size_t size = client->out_size ? client->out_size : OUT_BYTES;
	char *out;

	if (client->out_len + len <= client->out_size)
		return true;
	while (size < client->out_len + len)
		size *= 2;
	if (size > ZKL_OUT_MAX)
		return false;
	out = realloc(client->out, size);
	if (!out)
		return false;
	client->out = out;
	client->out_size = size;
	return true;
}

int zkl_send(zklock_client *client, const char *bytes, size_t len)
{
	if (client->unsendable)
		return ZKLOCK_E_DISCONNECTED;
	if (!make_room(client, len))
		return ZKLOCK_E_LIMIT;
	memcpy(client->out + client->out_len, bytes, len);
	client->out_len += len;
	if (!client->corked)
		zkl_uncork(client);
	return ZKLOCK_OK;
}

void zkl_cork(zklock_client *client)
{
	client->corked = true;
}

void zkl_uncork(zklock_client *client)
{
	client->corked = false;
	if (client->closed || client->unsendable)
		return;
	(void)flush(client);
	if (client->out_len)
		zkl_thread_kick(client);
}

static void take_lines(zklock_client *client)
{
	char *line;
	size_t len;

	while (!client->cut_error) {
		switch (zkp_line_take(&client->reader, &line, &len)) {
		case ZKP_LINE_NONE:
			return;
		case ZKP_LINE_WHOLE:
			zkl_on_line(client, line, len);
			break;
		case ZKP_LINE_TOOLONG:
			client->cut_error = ZKLOCK_E_PROTOCOL;
			break;
		}
	}
}

/* One read: its bytes, 0 when there are none now; the end is a cut_error. */
static size_t read_some(zklock_client *client)
{
	size_t size;
	char *space = zkp_line_space(&client->reader, &size);
	ssize_t n;

	do {
		n = recv(client->fd, space, size, MSG_DONTWAIT);
	} while (n < 0 && errno == EINTR);
	if (n > 0) {
		zkp_line_filled(&client->reader, (size_t)n);
		take_lines(client);
		return (size_t)n;
	}
	if (n == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
		client->cut_error =
		    client->parting ? client->parting : ZKLOCK_E_DISCONNECTED;
	return 0;
}

bool zkl_pump(zklock_client *client)
{
	size_t total = 0;
	size_t n = 1;
	bool did;

	if (client->closed)
		return false;
	did = flush(client);
	while (n && total < ZKL_TURN_BYTES && !client->cut_error) {
		n = read_some(client);
		total += n;
	}
	/* Only with everything read: a deadline that was moved on in a line
	 * has not passed. */
	if (!n)
		zkl_locks_tick(client, zklock_now_ms());
	if (client->cut_error) {
		zkl_cut(client, client->cut_error);
		did = true;
	}
	return did || total > 0;
}

void zkl_cut(zklock_client *client, int error)
{
	if (client->closed)
		return;
	client->closed = true;
	client->cut_error = ZKLOCK_OK;
	client->out_len = 0;
	client->facts.state = ZKLOCK_STATE_CLOSED;
	client->close_error = error;
	/* Whoever else has the descriptor: this connection holds nothing any
	 * more.  It stays open, for the caller's loop knows its number. */
	(void)shutdown(client->fd, SHUT_RDWR);
	if (client->failure.error != error)
		(void)zkl_fail(client, error, NULL, NULL);
	zkl_locks_cut(client, error);
	zkl_calls_cut(client, error);
	zkl_note_client(client, ZKL_NOTE_CLOSED, ZKLOCK_EVENT_CLOSED)->error =
	    error;
	(void)pthread_cond_broadcast(&client->changed);
}
