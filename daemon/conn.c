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
	conns->users = users_new(0);
	if (!conns->users) {
		free(conns);
		return NULL;
	}
	conns->base = base;
	conns->settings = *settings;
	conn_list_init(&conns->silent);
	conn_list_init(&conns->closing);
	conn_list_init(&conns->todo);
	conn_list_init(&conns->flush);
	conn_list_init(&conns->dead);
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

/* The limits count those that still may do something. */
static void discount(struct conn *conn)
{
	if (!conn->counted)
		return;
	conn->counted = false;
	conn->conns->counts.open--;
	user_give(conn->user, USER_CONNS, 1);
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
	const struct user *user = user_find(conns->users, peer->uid);
	uint32_t clients_max = conns->settings.clients_max;
	struct conn *oldest = conn_list_first(&conns->silent);

	if (peer->uid != 0 &&
	    user_has(user, USER_CONNS) >= conns->settings.clients_per_uid_max)
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

struct conn *conn_find(struct conns *conns, uint64_t id)
{
	return (struct conn *)hash_map_find(&conns->by_id, &id, sizeof id);
}

/* Into the table and among the silent. */
static void enter(struct conn *conn)
{
	struct conns *conns = conn->conns;

	conn->by_id.key = &conn->id;
	conn->by_id.key_len = sizeof conn->id;
	hash_map_add(&conns->by_id, &conn->by_id);
	user_take(conn->user, USER_CONNS, 1);
	conn->counted = true;
	conns->counts.open++;
	conns->counts.opened++;
	conn->silent = true;
	conn_list_add(&conns->silent, &conn->in_calm);
}

bool conns_add(struct conns *conns, int fd, const struct hub_peer *peer)
{
	const int sndbuf = CONN_SNDBUF_BYTES;
	struct conn *conn = calloc(1, sizeof *conn);

	if (!conn)
		goto fail;
	conn->conns = conns;
	conn->fd = fd;
	conn->in_calm.conn = conn->in_todo.conn = conn->in_flush.conn = conn;
	conn->user = user_join(conns->users, peer->uid);
	if (!conn->user)
		goto fail;
	conn->id = conns->events.open(conns->events.hub, peer);
	if (conn->id == 0)
		goto fail;
	/* Not having it costs memory only. */
	(void)setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &sndbuf, sizeof sndbuf);
	enter(conn);
	conn_listen(conn);
	return true;

fail:
	if (conn && conn->user)
		user_part(conn->user);
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
	if (!conn_link_on(&conn->in_todo))
		conn_list_add(&conn->conns->todo, &conn->in_todo);
}

static void no_more_silent(struct conn *conn)
{
	if (!conn->silent)
		return;
	conn->silent = false;
	conn_link_off(&conn->in_calm);
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
	no_more_silent(conn);
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
		no_more_silent(conn);
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
	if (conn->broken || conn->paused || conn->choked || conn->closing ||
	    conn->conns->held)
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

void conns_hold(struct conns *conns, bool held)
{
	conns->held = held;
}

void conns_turn(struct conns *conns)
{
	struct conn_list now;
	struct conn *conn;

	if (conns->held)
		return;
	conn_list_take(&now, &conns->todo);
	while ((conn = conn_list_first(&now))) {
		conn_link_off(&conn->in_todo);
		if (conn->broken)
			tell_end(conn);
		else if (conn->in)
			serve(conn, false);
	}
	conns->turn++;
}

bool conns_pending(const struct conns *conns)
{
	return conn_list_first(&conns->todo) || conn_list_first(&conns->flush);
}

void conns_pause(struct conns *conns, uint64_t id, bool paused)
{
	struct conn *conn = conn_find(conns, id);

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
	struct conn *conn = conn_find(conns, id);

	if (!conn)
		return;
	/* It counts until its socket goes: who quits and does not read what is
	 * left has one still. */
	hash_map_remove(&conns->by_id, &conn->by_id);
	no_more_silent(conn);
	conn->closing = true;
	conn->close_by_ms = INT64_MAX;
	conn_list_add(&conns->closing, &conn->in_calm);
	conn_flush_later(conn);
}

/* The socket goes now, the memory with bury(): whoever still has the pointer
 * in this turn finds it whole. */
static void die(struct conn *conn)
{
	struct conns *conns = conn->conns;

	if (conn->interest)
		(void)event_del(&conn->ev);
	conn->interest = 0;
	(void)close(conn->fd);
	if (!conn->closing)
		hash_map_remove(&conns->by_id, &conn->by_id);
	conn_link_off(&conn->in_calm);
	conn_link_off(&conn->in_todo);
	conn_link_off(&conn->in_flush);
	free(conn->in);
	conn->in = NULL;
	conn_out_free(conn);
	discount(conn);
	user_part(conn->user);
	conn_list_add(&conns->dead, &conn->in_calm);
}

static void bury(struct conns *conns)
{
	struct conn *conn = conn_list_first(&conns->dead);
	struct conn *next;

	for (; conn; conn = next) {
		next = conn_link_next(&conn->in_calm);
		free(conn);
	}
	conn_list_init(&conns->dead);
}

/* After a write: who has read everything is read from again. */
static void reconsider(struct conn *conn, int64_t now_ms)
{
	bool was_choked = conn->choked;

	conn->choked = conn_out_left(conn) > 0;
	if (conn->closing) {
		if (!conn->choked || conn->broken ||
		    conn->close_by_ms <= now_ms) {
			die(conn);
			return;
		}
		if (conn->close_by_ms == INT64_MAX)
			conn->close_by_ms = now_ms + CONN_CLOSING_MS;
	}
	conn_listen(conn);
	if (was_choked && !conn->choked && conn->in)
		conn_todo(conn);
}

/* The first to begin closing is the first to be overdue. */
static void give_up_closing(struct conns *conns, int64_t now_ms)
{
	struct conn *conn = conn_list_first(&conns->closing);

	while (conn && conn->close_by_ms <= now_ms) {
		conn_flush_later(conn);
		conn = conn_link_next(&conn->in_calm);
	}
}

void conns_flush(struct conns *conns, int64_t now_ms)
{
	struct conn_list now;
	struct conn *conn;

	give_up_closing(conns, now_ms);
	conn_list_take(&now, &conns->flush);
	while ((conn = conn_list_first(&now))) {
		conn_link_off(&conn->in_flush);
		conn_out_write(conn);
		conn_link_off(&conn->in_flush); /* it broke just now */
		reconsider(conn, now_ms);
	}
	bury(conns);
}

int64_t conns_wake_ms(const struct conns *conns)
{
	const struct conn *first = conn_list_first(&conns->closing);

	return first ? first->close_by_ms : INT64_MAX;
}

void conns_free(struct conns *conns)
{
	struct conn *conn;

	if (!conns)
		return;
	while (conns->by_id.first)
		die((struct conn *)conns->by_id.first);
	while ((conn = conn_list_first(&conns->closing)))
		die(conn);
	bury(conns);
	hash_map_fini(&conns->by_id);
	users_free(conns->users);
	free(conns->spare);
	free(conns);
}
