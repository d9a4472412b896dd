/* SPDX-License-Identifier: MIT */
/*
 * conn - see conn.h.  Here: coming, reading, the turn, going; conn_out.c has
 * the way out.
 *
 * A connection ends in steps, each at most once: ended (all was read) or
 * broken (the socket is useless) -> told (the hub knows) -> closing (the hub
 * has forgotten it) -> freed, and that in conns_flush() only.
 */
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "daemon/conn_i.h"
#include "daemon/log.h"
#include "proto/reply.h"

/* Room for one ERR LIMIT line. */
#define REFUSAL_MAX 512

static void on_ready(evutil_socket_t fd, short what, void *arg);

/* The room */

struct conns *conns_new(struct event_base *base,
			const struct conns_settings *settings)
{
	struct conns *conns = calloc(1, sizeof *conns);

	if (!conns)
		return NULL;
	conns->base = base;
	conns->settings = *settings;
	TAILQ_INIT(&conns->silent);
	TAILQ_INIT(&conns->closing);
	TAILQ_INIT(&conns->todo);
	TAILQ_INIT(&conns->flush);
	return conns;
}

void conns_attach(struct conns *conns, const struct conn_events *events)
{
	conns->events = *events;
}

void conns_reload(struct conns *conns, const struct conns_settings *settings)
{
	conns->settings = *settings;
}

void conns_counts(const struct conns *conns, struct conns_counts *counts_out)
{
	*counts_out = conns->counts;
}

/* Users */

static struct conn_uid *uid_find(struct conns *conns, uint32_t uid)
{
	struct conn_uid *row;

	HASH_FIND(hh, conns->uids, &uid, sizeof uid, row);
	return row;
}

static struct conn_uid *uid_get(struct conns *conns, uint32_t uid)
{
	struct conn_uid *row = uid_find(conns, uid);

	if (!row) {
		row = calloc(1, sizeof *row);
		if (!row)
			return NULL;
		row->uid = uid;
		HASH_ADD(hh, conns->uids, uid, sizeof row->uid, row);
	}
	row->refs++;
	return row;
}

static void uid_put(struct conns *conns, struct conn_uid *row)
{
	if (--row->refs > 0)
		return;
	HASH_DEL(conns->uids, row);
	free(row);
}

/* The limits count those that still may do something. */
static void discount(struct conn *conn)
{
	if (!conn->counted)
		return;
	conn->counted = false;
	conn->conns->counts.open--;
	conn->uid->open--;
}

/* Coming */

static void put_refusal(const struct conns *conns, struct zkp_out *out,
			enum conns_room why)
{
	bool uid = why == CONNS_FULL_UID;

	zkp_err_begin(out, NULL, ZKP_LIMIT);
	zkp_out_str(out, "which", "connections");
	zkp_out_u64(out, "max",
		    uid ? conns->settings.clients_per_uid_max
			: conns->settings.clients_max);
	(void)zkp_err_end(out, ZKP_LIMIT,
			  uid ? "this user has too many connections"
			      : "the daemon has too many connections");
}

void conns_refuse(const struct conns *conns, int fd, enum conns_room why)
{
	char buf[REFUSAL_MAX];
	struct zkp_out out;

	zkp_out_init(&out, buf, sizeof buf);
	put_refusal(conns, &out, why);
	(void)!send(fd, out.buf, out.len, MSG_DONTWAIT | MSG_NOSIGNAL);
}

static void evict(struct conn *conn)
{
	conn->conns->counts.evicted++;
	conns_refuse(conn->conns, conn->fd, CONNS_FULL);
	conn_break(conn);
}

enum conns_room conns_make_room(struct conns *conns,
				const struct hub_peer *peer)
{
	const struct conn_uid *row = uid_find(conns, peer->uid);
	uint32_t clients_max = conns->settings.clients_max;
	struct conn *oldest = TAILQ_FIRST(&conns->silent);

	if (peer->uid != 0 && row &&
	    row->open >= conns->settings.clients_per_uid_max)
		return CONNS_FULL_UID;
	if (conns->counts.open < clients_max)
		return CONNS_ROOM;
	if (oldest) {
		evict(oldest);
		return CONNS_ROOM;
	}
	if (peer->admin &&
	    conns->counts.open < clients_max + CONN_ADMIN_RESERVE)
		return CONNS_ROOM;
	return CONNS_FULL;
}

bool conns_add(struct conns *conns, int fd, const struct hub_peer *peer)
{
	const int sndbuf = CONN_SNDBUF_BYTES;
	struct conn *conn = calloc(1, sizeof *conn);

	if (!conn)
		goto fail;
	conn->conns = conns;
	conn->fd = fd;
	conn->uid = uid_get(conns, peer->uid);
	if (!conn->uid)
		goto fail;
	conn->id = conns->events.open(conns->events.hub, peer);
	if (conn->id == 0)
		goto fail;
	/* Not having it costs memory only. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof sndbuf);
	HASH_ADD(hh, conns->by_id, id, sizeof conn->id, conn);
	conn->uid->open++;
	conn->counted = true;
	conns->counts.open++;
	conns->counts.opened++;
	conn->silent = true;
	TAILQ_INSERT_TAIL(&conns->silent, conn, in_calm);
	conn_listen(conn);
	return true;

fail:
	if (conn && conn->uid)
		uid_put(conns, conn->uid);
	free(conn);
	(void)close(fd);
	return false;
}

/* Listening */

void conn_listen(struct conn *conn)
{
	short want = 0;

	if (!conn->broken) {
		if (!conn->ended && !conn->closing) {
			if (!conn->paused && !conn->choked)
				want |= EV_READ;
			else if (!conn->half)
				want |= EV_CLOSED;
		}
		if (conn->choked)
			want |= EV_WRITE;
	}
	if (want == conn->interest)
		return;
	if (conn->interest)
		(void)event_del(&conn->ev);
	conn->interest = 0;
	if (!want)
		return;
	(void)event_assign(&conn->ev, conn->conns->base, conn->fd,
			   (short)(want | EV_PERSIST), on_ready, conn);
	if (event_add(&conn->ev, NULL) < 0)
		conn_break(conn); /* a connection nobody listens to is dead */
	else
		conn->interest = want;
}

void conn_todo(struct conn *conn)
{
	if (conn->on_todo)
		return;
	conn->on_todo = true;
	TAILQ_INSERT_TAIL(&conn->conns->todo, conn, in_todo);
}

void conn_break(struct conn *conn)
{
	if (conn->broken)
		return;
	conn->broken = true;
	if (conn->interest)
		(void)event_del(&conn->ev);
	conn->interest = 0;
	(void)shutdown(conn->fd, SHUT_RDWR);
	discount(conn);
	conn_out_free(conn);
	if (conn->silent) {
		conn->silent = false;
		TAILQ_REMOVE(&conn->conns->silent, conn, in_calm);
	}
	if (conn->closing)
		conn_flush_later(conn);
	else
		conn_todo(conn);
}

/* Reading */

static struct conn_in *in_get(struct conns *conns)
{
	struct conn_in *in = conns->spare;

	if (in)
		conns->spare = NULL;
	else
		in = malloc(sizeof *in);
	if (in)
		zkp_line_init(&in->line, in->buf, sizeof in->buf, ZKP_LINE_MAX);
	return in;
}

static void in_put(struct conn *conn)
{
	struct conns *conns = conn->conns;

	if (conns->spare)
		free(conn->in);
	else
		conns->spare = conn->in;
	conn->in = NULL;
}

static void first_line(struct conn *conn)
{
	if (!conn->silent)
		return;
	conn->silent = false;
	TAILQ_REMOVE(&conn->conns->silent, conn, in_calm);
}

/* Hand over what the quota allows; true when no whole line is left. */
static bool take_lines(struct conn *conn)
{
	struct conn_events *events = &conn->conns->events;
	enum zkp_line_got got;
	char *line;
	size_t len;

	while (conn->lines < CONN_LINES_PER_TURN) {
		got = zkp_line_take(&conn->in->line, &line, &len);
		if (got == ZKP_LINE_NONE)
			return true;
		conn->lines++;
		first_line(conn);
		if (got == ZKP_LINE_WHOLE)
			events->line(events->hub, conn->id, line, len);
		else
			events->overlong(events->hub, conn->id);
	}
	return false;
}

static void fill(struct conn *conn)
{
	size_t size;
	char *space = zkp_line_space(&conn->in->line, &size);
	ssize_t n = recv(conn->fd, space, size, MSG_DONTWAIT);

	if (n > 0)
		zkp_line_filled(&conn->in->line, (size_t)n);
	else if (n == 0)
		conn->ended = true;
	else if (errno != EAGAIN && errno != EINTR)
		conn_break(conn);
}

static void tell_end(struct conn *conn)
{
	struct conn_events *events = &conn->conns->events;

	if (conn->told || conn->closing)
		return;
	conn->told = true;
	events->eof(events->hub, conn->id);
}

/* All whole lines are handed over; what is left is half a line or nothing. */
static void settle(struct conn *conn)
{
	if (conn->ended || !zkp_line_is_partial(&conn->in->line))
		in_put(conn);
	if (conn->ended) {
		conn_listen(conn);
		tell_end(conn);
	}
}

/* One turn's share of what a connection sends. */
static void serve(struct conn *conn, bool readable)
{
	if (conn->turn != conn->conns->turn) {
		conn->turn = conn->conns->turn;
		conn->lines = 0;
	}
	if (conn->broken || conn->paused || conn->choked || conn->closing)
		return;
	if (!conn->in)
		conn->in = in_get(conn->conns);
	if (!conn->in) {
		conn_break(conn);
		return;
	}
	if (!take_lines(conn)) {
		conn_todo(conn);
		return;
	}
	if (readable && !conn->ended) {
		fill(conn);
		if (!conn->broken && !take_lines(conn)) {
			conn_todo(conn);
			return;
		}
	}
	if (!conn->broken)
		settle(conn);
}

/* The other side has shut down while nothing is read.  Both ways: nobody is
 * there to read an answer, and what waits unread is void.  One way: go on
 * when it is read again. */
static void on_closed(struct conn *conn)
{
	struct pollfd now = { .fd = conn->fd };

	if (poll(&now, 1, 0) == 1 && now.revents & (POLLHUP | POLLERR)) {
		conn_break(conn);
		return;
	}
	conn->half = true;
	conn_listen(conn);
}

static void on_ready(evutil_socket_t fd, short what, void *arg)
{
	struct conn *conn = arg;

	(void)fd;
	if (what & EV_WRITE)
		conn_flush_later(conn);
	if (what & EV_CLOSED)
		on_closed(conn);
	if (what & EV_READ)
		serve(conn, true);
}

/* The turn */

void conns_turn(struct conns *conns)
{
	struct conn_list now = TAILQ_HEAD_INITIALIZER(now);
	struct conn *conn;

	TAILQ_CONCAT(&now, &conns->todo, in_todo);
	while ((conn = TAILQ_FIRST(&now))) {
		TAILQ_REMOVE(&now, conn, in_todo);
		conn->on_todo = false;
		if (conn->broken)
			tell_end(conn);
		else if (conn->in)
			serve(conn, false);
	}
	conns->turn++;
}

bool conns_pending(const struct conns *conns)
{
	return !TAILQ_EMPTY(&conns->todo) || !TAILQ_EMPTY(&conns->flush);
}

void conns_pause(struct conns *conns, uint64_t id, bool paused)
{
	struct conn *conn;

	HASH_FIND(hh, conns->by_id, &id, sizeof id, conn);
	if (!conn || conn->broken || conn->paused == paused)
		return;
	conn->paused = paused;
	conn_listen(conn);
	if (!paused && conn->in)
		conn_todo(conn);
}

/* Going */

void conns_close(struct conns *conns, uint64_t id)
{
	struct conn *conn;

	HASH_FIND(hh, conns->by_id, &id, sizeof id, conn);
	if (!conn)
		return;
	HASH_DEL(conns->by_id, conn);
	discount(conn);
	if (conn->silent) {
		conn->silent = false;
		TAILQ_REMOVE(&conns->silent, conn, in_calm);
	}
	conn->closing = true;
	conn->close_by_ms = INT64_MAX;
	TAILQ_INSERT_TAIL(&conns->closing, conn, in_calm);
	conn_flush_later(conn);
}

static void conn_free(struct conn *conn)
{
	struct conns *conns = conn->conns;

	if (conn->interest)
		(void)event_del(&conn->ev);
	(void)close(conn->fd);
	if (conn->closing)
		TAILQ_REMOVE(&conns->closing, conn, in_calm);
	else
		HASH_DEL(conns->by_id, conn);
	if (conn->on_todo)
		TAILQ_REMOVE(&conns->todo, conn, in_todo);
	if (conn->in)
		free(conn->in);
	conn_out_free(conn);
	discount(conn);
	uid_put(conns, conn->uid);
	free(conn);
}

/* After a write: who has read everything is read from again. */
static void reconsider(struct conn *conn, int64_t now_ms)
{
	bool was_choked = conn->choked;

	conn->choked = conn_out_left(conn) > 0;
	if (conn->closing) {
		if (!conn->choked || conn->broken ||
		    conn->close_by_ms <= now_ms) {
			conn_free(conn);
			return;
		}
		if (conn->close_by_ms == INT64_MAX)
			conn->close_by_ms = now_ms + CONN_CLOSING_MS;
	}
	conn_listen(conn);
	if (was_choked && !conn->choked && conn->in)
		conn_todo(conn);
}

void conns_flush(struct conns *conns, int64_t now_ms)
{
	struct conn_list now = TAILQ_HEAD_INITIALIZER(now);
	struct conn *conn;

	/* The first to come is the first to be overdue. */
	conn = TAILQ_FIRST(&conns->closing);
	while (conn && conn->close_by_ms <= now_ms) {
		conn_flush_later(conn);
		conn = TAILQ_NEXT(conn, in_calm);
	}
	TAILQ_CONCAT(&now, &conns->flush, in_flush);
	while ((conn = TAILQ_FIRST(&now))) {
		TAILQ_REMOVE(&now, conn, in_flush);
		conn->on_flush = false;
		conn_out_write(conn);
		if (conn->on_flush) { /* it broke just now */
			TAILQ_REMOVE(&conns->flush, conn, in_flush);
			conn->on_flush = false;
		}
		reconsider(conn, now_ms);
	}
}

int64_t conns_wake_ms(const struct conns *conns)
{
	const struct conn *first = TAILQ_FIRST(&conns->closing);

	return first ? first->close_by_ms : INT64_MAX;
}

void conns_free(struct conns *conns)
{
	struct conn *conn, *next;

	if (!conns)
		return;
	HASH_ITER(hh, conns->by_id, conn, next)
	{
		if (conn->silent)
			TAILQ_REMOVE(&conns->silent, conn, in_calm);
		conn_free(conn);
	}
	while ((conn = TAILQ_FIRST(&conns->closing)))
		conn_free(conn);
	free(conns->spare);
	free(conns);
}
