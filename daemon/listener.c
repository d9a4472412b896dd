/* SPDX-License-Identifier: MIT */
/*
 * listener - see listener.h.
 *
 * A socket of ours is born under another name, gets its mode and its backlog
 * there, and is then moved to its place without replacing anything: nobody
 * ever connects to half a socket, and nobody's file is lost.
 */
#include "daemon/listener.h"

#include <errno.h>
#include <event2/event.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/clock.h"
#include "daemon/log.h"

/* Behind the path while the socket is made. */
#define TEMP_SUFFIX "~"
/* Nobody but us, until its mode is set. */
#define BIRTH_UMASK 0177
/* Refusals are told at most this often: a flood must not fill the log. */
#define TELL_EVERY_MS 1000

struct listener {
	struct conns *conns;
	const struct access *access;
	struct event *ev;
	struct event *rest;
	int fd;
	int spare;  /* a descriptor to give up when there is none; -1: gone */
	char *path; /* to be removed at the end; NULL: not ours */
	dev_t dev;  /* which file that was */
	ino_t ino;
	struct listener_counts counts;
	uint64_t refused_told;
	int64_t told_ms;
};

/* Making the socket */

static int fill_addr(struct sockaddr_un *addr, const char *path,
		     const char *suffix)
{
	int n = snprintf(addr->sun_path, sizeof addr->sun_path, "%s%s", path,
			 suffix);

	addr->sun_family = AF_UNIX;
	return n > 0 && (size_t)n < sizeof addr->sun_path ? 0 : -ENAMETOOLONG;
}

/* Is anybody listening there?  A full backlog is somebody too. */
static int probe(const char *path)
{
	struct sockaddr_un addr;
	int rc = fill_addr(&addr, path, "");
	int fd;

	if (rc < 0)
		return rc;
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return -errno;
	if (connect(fd, (const struct sockaddr *)&addr, sizeof addr) == 0 ||
	    errno != ECONNREFUSED)
		rc = -EADDRINUSE;
	(void)close(fd);
	return rc;
}

/* Remove a socket that nobody listens on; anything else stays. */
static int clear_stale(const char *path)
{
	struct stat st;
	int rc;

	if (lstat(path, &st) < 0)
		return errno == ENOENT ? 0 : -errno;
	if (!S_ISSOCK(st.st_mode))
		return -EEXIST;
	rc = probe(path);
	if (rc < 0)
		return rc;
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

static int bind_private(int fd, const struct sockaddr_un *addr)
{
	mode_t before = umask(BIRTH_UMASK);
	int rc = 0;

	if (bind(fd, (const struct sockaddr *)addr, sizeof *addr) < 0)
		rc = -errno;
	(void)umask(before);
	return rc;
}

/* Which file is ours, so that a successor's is not removed. */
static int remember(struct listener *listener, const char *path)
{
	struct stat st;

	if (lstat(path, &st) < 0)
		return -errno;
	listener->dev = st.st_dev;
	listener->ino = st.st_ino;
	listener->path = strdup(path);
	return listener->path ? 0 : -ENOMEM;
}

static int move_in(const char *temp, const char *path)
{
	int rc = clear_stale(path);

	if (rc < 0)
		return rc;
	if (renameat2(AT_FDCWD, temp, AT_FDCWD, path, RENAME_NOREPLACE) < 0)
		return -errno;
	return 0;
}

static int make_socket(struct listener *listener,
		       const struct listener_settings *settings)
{
	struct sockaddr_un addr;
	const char *step = "path";
	bool bound = false;
	int rc = fill_addr(&addr, settings->path, TEMP_SUFFIX);

	if (rc < 0)
		goto fail;

	step = "probe";
	rc = clear_stale(settings->path);
	if (rc < 0)
		goto fail;

	step = "socket";
	listener->fd =
	    socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (listener->fd < 0) {
		rc = -errno;
		goto fail;
	}

	step = "bind";
	rc = clear_stale(addr.sun_path);
	if (rc == 0)
		rc = bind_private(listener->fd, &addr);
	if (rc < 0)
		goto fail;
	bound = true;

	step = "chmod";
	if (chmod(addr.sun_path, settings->mode) < 0) {
		rc = -errno;
		goto fail;
	}

	step = "listen";
	if (listen(listener->fd, LISTENER_BACKLOG) < 0) {
		rc = -errno;
		goto fail;
	}

	step = "move";
	rc = move_in(addr.sun_path, settings->path);
	if (rc < 0)
		goto fail;
	return remember(listener, settings->path);

fail:
	if (bound)
		(void)unlink(addr.sun_path);
	log_event(LOG_LEVEL_ERR,
		  "event=listen_failed step=%s path=%s error=\"%s\"", step,
		  settings->path, strerror(-rc));
	return rc;
}

/* Accepting */

static void open_spare(struct listener *listener)
{
	if (listener->spare < 0)
		listener->spare = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void tell_refused(struct listener *listener, const char *why,
			 uint32_t uid)
{
	int64_t now_ms = clock_now_ms();

	listener->counts.refused++;
	if (now_ms - listener->told_ms < TELL_EVERY_MS)
		return;
	log_event(LOG_LEVEL_WARNING,
		  "event=client_refused why=%s uid=%u times=%llu", why, uid,
		  (unsigned long long)(listener->counts.refused -
				       listener->refused_told));
	listener->refused_told = listener->counts.refused;
	listener->told_ms = now_ms;
}

static void admit(struct listener *listener, int fd)
{
	enum conns_room room;
	struct hub_peer peer;

	if (access_peer(listener->access, fd, &peer) < 0) {
		tell_refused(listener, "unknown_user", (uint32_t)-1);
		(void)close(fd);
		return;
	}
	room = conns_make_room(listener->conns, &peer);
	if (room != CONNS_ROOM) {
		tell_refused(listener,
			     room == CONNS_FULL ? "clients_max"
						: "clients_per_uid_max",
			     peer.uid);
		conns_refuse(listener->conns, fd, room);
		(void)close(fd);
		return;
	}
	listener->counts.accepted++;
	if (!conns_add(listener->conns, fd, &peer))
		tell_refused(listener, "memory", peer.uid);
}

static int accept_one(const struct listener *listener)
{
	return accept4(listener->fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

/* The spare descriptor is given up for those who wait, one after the other:
 * each is told, instead of hanging in the backlog. */
static void turn_away(struct listener *listener)
{
	const struct timeval rest = { .tv_usec = LISTENER_REST_MS * 1000L };
	int fd;

	for (int i = 0; i < LISTENER_ACCEPTS_PER_TURN; i++) {
		if (listener->spare < 0)
			break;
		(void)close(listener->spare);
		listener->spare = -1;
		fd = accept_one(listener);
		if (fd >= 0) {
			conns_refuse(listener->conns, fd, CONNS_FULL);
			(void)close(fd);
			tell_refused(listener, "descriptors", 0);
		}
		open_spare(listener);
		if (fd < 0)
			break;
	}
	(void)event_del(listener->ev);
	(void)event_add(listener->rest, &rest);
}

static void on_connect(evutil_socket_t at, short what, void *arg)
{
	struct listener *listener = arg;
	int fd;

	(void)at;
	(void)what;
	for (int i = 0; i < LISTENER_ACCEPTS_PER_TURN; i++) {
		fd = accept_one(listener);
		if (fd >= 0) {
			admit(listener, fd);
			continue;
		}
		if (errno == EMFILE || errno == ENFILE || errno == ENOMEM ||
		    errno == ENOBUFS)
			turn_away(listener);
		return; /* EAGAIN: that was all; ECONNABORTED: next turn */
	}
}

static void on_rested(evutil_socket_t at, short what, void *arg)
{
	struct listener *listener = arg;

	(void)at;
	(void)what;
	open_spare(listener);
	(void)event_add(listener->ev, NULL);
}

/* Beginning and end */

int listener_open(struct event_base *base,
		  const struct listener_settings *settings,
		  const struct access *access, struct conns *conns,
		  struct listener **listener_out)
{
	struct listener *listener = calloc(1, sizeof *listener);
	int rc = 0;

	if (!listener)
		return -ENOMEM;
	listener->conns = conns;
	listener->access = access;
	listener->spare = -1;
	listener->told_ms = INT64_MIN / 2;
	listener->fd = settings->fd;
	if (settings->fd < 0)
		rc = make_socket(listener, settings);
	else
		rc = evutil_make_socket_nonblocking(settings->fd) < 0 ? -EINVAL
								      : 0;
	if (rc < 0)
		goto fail;
	open_spare(listener);
	listener->ev = event_new(base, listener->fd, EV_READ | EV_PERSIST,
				 on_connect, listener);
	listener->rest = evtimer_new(base, on_rested, listener);
	if (!listener->ev || !listener->rest ||
	    event_add(listener->ev, NULL) < 0) {
		rc = -ENOMEM;
		goto fail;
	}
	*listener_out = listener;
	return 0;

fail:
	listener_free(listener);
	return rc;
}

static void remove_socket(const struct listener *listener)
{
	struct stat st;

	if (lstat(listener->path, &st) == 0 && st.st_dev == listener->dev &&
	    st.st_ino == listener->ino)
		(void)unlink(listener->path);
}

void listener_free(struct listener *listener)
{
	if (!listener)
		return;
	if (listener->path)
		remove_socket(listener);
	if (listener->ev)
		event_free(listener->ev);
	if (listener->rest)
		event_free(listener->rest);
	if (listener->fd >= 0)
		(void)close(listener->fd);
	if (listener->spare >= 0)
		(void)close(listener->spare);
	free(listener->path);
	free(listener);
}

void listener_counts(const struct listener *listener,
		     struct listener_counts *counts_out)
{
	*counts_out = listener->counts;
}
