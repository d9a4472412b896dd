/* SPDX-License-Identifier: MIT */
/*
 * coord_zk - see the header; coord_zk_i.h says what the other parts do.  Here
 * sessions begin and end, and what the library says of them is told in the
 * order that coord.h promises.
 */
#include "daemon/coord_zk.h"

#include <arpa/inet.h>
#include <assert.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "daemon/coord_zk_i.h"

/* No server's maxSessionTimeout is an hour: a peer that negotiates more is no
 * ZooKeeper. */
#define TIMEOUT_SANE_MS 3600000

/* Number 0 stays free, so that no ticket is NULL. */
static struct coord_zk *instances[ZK_SLOTS];

struct coord_zk *zk_instance(unsigned slot)
{
	return slot < ZK_SLOTS ? instances[slot] : NULL;
}

static struct coord_zk *self(struct coord *coord)
{
	return (struct coord_zk *)coord;
}

int64_t zk_now_ms(const struct coord_zk *zk)
{
	return zk->settings.now_ms(zk->settings.ctx);
}

void zk_log(const struct coord_zk *zk, enum coord_zk_level level,
	    const char *format, ...)
{
	char line[512];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line, sizeof line, format, args);
	va_end(args);
	zk->settings.log(zk->settings.ctx, level, line);
}

/* --- what happens to the session --- */

void zk_on_down(struct coord_zk *zk)
{
	if (!zk->link.up)
		return;
	zk->link.up = false;
	zk->link.down_ms = zk_now_ms(zk);
	if (zk->phase != ZK_OPEN)
		return; /* close() has answered everything */
	zk_log(zk, COORD_ZK_NOTICE, "event=zk_link_down session=0x%" PRIx64,
	       (uint64_t)zk->link.id.client_id);
	coord_mailbox_post_type(&zk->mailbox, COORD_EV_LINK_DOWN);
	zk_ops_lose(zk);
}

/* The session is no more: its handle goes at the end of the turn. */
static void session_forget(struct coord_zk *zk)
{
	zk_link_doom(zk);
	zk->link.has_id = false;
	zk->link.timeout_ms = zk->settings.session_timeout_ms;
}

void zk_on_expired(struct coord_zk *zk)
{
	if (zk->phase != ZK_OPEN) {
		zk->link.doomed = true;
		return;
	}
	session_forget(zk);
	zk->phase = ZK_IDLE;
	coord_mailbox_post_type(&zk->mailbox, COORD_EV_EXPIRED);
}

void zk_on_auth_failed(struct coord_zk *zk)
{
	if (zk->phase != ZK_OPEN) {
		zk->link.doomed = true;
		return;
	}
	session_forget(zk);
	zk_link_penalty(zk); /* connect() will be called again at once */
	zk->phase = ZK_IDLE;
	coord_mailbox_post_type(&zk->mailbox, COORD_EV_AUTH_FAILED);
}

static void server_text(const struct coord_zk *zk, char *text, size_t size)
{
	struct sockaddr_storage ss = { 0 };
	socklen_t len = sizeof ss;
	char host[INET6_ADDRSTRLEN] = "";

	(void)snprintf(text, size, "?");
	if (!zookeeper_get_connected_host(zk->link.zh, (struct sockaddr *)&ss,
					  &len))
		return;
	if (ss.ss_family == AF_INET6) {
		const struct sockaddr_in6 *in6 = (const void *)&ss;

		(void)inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof host);
		(void)snprintf(text, size, "[%s]:%u", host,
			       ntohs(in6->sin6_port));
	} else if (ss.ss_family == AF_INET) {
		const struct sockaddr_in *in = (const void *)&ss;

		(void)inet_ntop(AF_INET, &in->sin_addr, host, sizeof host);
		(void)snprintf(text, size, "%s:%u", host, ntohs(in->sin_port));
	}
}

static void attached_post(struct coord_zk *zk, bool fresh)
{
	const struct zk_link *link = &zk->link;
	struct coord_event event = { .type = COORD_EV_ATTACHED };
	char server[INET6_ADDRSTRLEN + 16];

	server_text(zk, server, sizeof server);
	event.attached.session = link->id.client_id;
	event.attached.timeout_ms = link->timeout_ms;
	event.attached.connect_ms =
	    link->associated ? link->connect_ms : link->down_ms;
	event.attached.fresh = fresh;
	event.attached.server = server;
	coord_mailbox_post(&zk->mailbox, &event);
	zk_log(zk, COORD_ZK_NOTICE,
	       "event=zk_attached session=0x%" PRIx64
	       " server=%s timeout_ms=%" PRId64 " fresh=%d",
	       (uint64_t)link->id.client_id, server, link->timeout_ms, fresh);
}

void zk_on_attached(struct coord_zk *zk)
{
	struct zk_link *link = &zk->link;
	const clientid_t *id = zoo_client_id(link->zh);
	int64_t timeout_ms = zoo_recv_timeout(link->zh);
	bool fresh = !link->has_id;

	zk_on_down(zk); /* a reconnect that nobody announced */
	if (zk->phase != ZK_OPEN)
		return;
	if (id->client_id == 0 || timeout_ms <= 0 ||
	    timeout_ms > TIMEOUT_SANE_MS) {
		zk_log(zk, COORD_ZK_WARNING,
		       "event=zk_not_zookeeper timeout_ms=%" PRId64,
		       timeout_ms);
		zk_link_distrust(zk); /* the handle believes it */
		return;
	}
	if (link->has_id && id->client_id != link->id.client_id) {
		zk_on_expired(zk);
		return;
	}
	link->id = *id;
	link->has_id = true;
	link->up = true;
	link->timeout_ms = timeout_ms;
	link->attached_ms = zk_now_ms(zk);
	zk_link_patience_reset(link);
	zk->counts.links++;
	attached_post(zk, fresh);
}

static void on_session_event(struct coord_zk *zk, int state)
{
	if (state == ZOO_CONNECTED_STATE)
		zk_on_attached(zk);
	else if (state == ZOO_EXPIRED_SESSION_STATE)
		zk_on_expired(zk);
	else if (state == ZOO_AUTH_FAILED_STATE)
		zk_on_auth_failed(zk);
	else
		zk_on_down(zk);
}

static void on_node_event(struct coord_zk *zk, int type, const char *path)
{
	struct coord_event event = { .type = COORD_EV_WATCH };

	if (type == ZOO_CHANGED_EVENT)
		event.watch.what = COORD_W_CHANGED;
	else if (type == ZOO_DELETED_EVENT)
		event.watch.what = COORD_W_DELETED;
	else if (type == ZOO_CHILD_EVENT)
		event.watch.what = COORD_W_CHILDREN;
	else
		return;
	event.watch.path = path;
	zk_watch_fired(zk, event.watch.what, path);
	if (zk->phase == ZK_OPEN)
		coord_mailbox_post(&zk->mailbox, &event);
}

void zk_on_library_event(zhandle_t *zh, int type, int state, const char *path,
			 void *ctx)
{
	struct coord_zk *zk = ctx;

	if (zh != zk->link.zh || zk->link.doomed)
		return; /* the handle is about to go, or going */
	if (type == ZOO_SESSION_EVENT)
		on_session_event(zk, state);
	else if (path)
		on_node_event(zk, type, path);
}

/* --- the contract --- */

static void closed(struct coord_zk *zk)
{
	zk->phase = ZK_IDLE;
	zk->link.up = false;
	zk->link.has_id = false;
	zk->link.timeout_ms = zk->settings.session_timeout_ms;
	coord_mailbox_post_type(&zk->mailbox, COORD_EV_CLOSED);
}

void zk_on_buried(struct coord_zk *zk)
{
	if (zk->phase == ZK_CLOSING)
		closed(zk);
}

static void on_resolved(void *ctx)
{
	zk_link_turn(ctx, 0);
}

static void op_connect(struct coord *coord)
{
	struct coord_zk *zk = self(coord);

	assert(zk->phase == ZK_IDLE);
	if (zk->link.doomed)
		zk_link_bury(zk);
	zk->phase = ZK_OPEN;
	(void)resolve_start(zk->resolve);
	zk_link_turn(zk, 0);
}

static void op_submit(struct coord *coord, const struct coord_op *ops,
		      size_t len)
{
	struct coord_zk *zk = self(coord);

	coord_mailbox_release(&zk->mailbox);
	zk_ops_submit(zk, ops, len);
	if (zk->link.zh)
		zk_link_turn(zk, 0);
}

static void op_drop_link(struct coord *coord)
{
	struct coord_zk *zk = self(coord);

	if (zk->link.up)
		zk_link_drop(zk);
}

static void op_close(struct coord *coord)
{
	struct coord_zk *zk = self(coord);

	if (zk->phase == ZK_CLOSING)
		return;
	zk_ops_lose(zk);
	if (zk->link.up && zk->link.alive) {
		zk->phase = ZK_CLOSING;
		zk_ops_probe(zk);
		if (zk->link.alive) {
			zk_link_turn(zk, 0);
			return;
		}
	}
	zk_link_bury(zk);
	closed(zk);
}

static bool op_next(struct coord *coord, struct coord_event *event_out)
{
	return coord_mailbox_next(&self(coord)->mailbox, event_out);
}

static const struct coord_ops zk_ops = {
	.connect = op_connect,
	.submit = op_submit,
	.drop_link = op_drop_link,
	.close = op_close,
	.next = op_next,
};

/* --- life --- */

static bool settings_copy(struct coord_zk *zk,
			  const struct coord_zk_settings *from)
{
	zk->settings = *from;
	zk->settings.servers = NULL; /* resolve has its own */
	zk->settings.nameserver = NULL;
	zk->settings.resume = NULL;
	if (from->resume) {
		zk->link.has_id = true;
		zk->link.id.client_id = from->resume->session;
		memcpy(zk->link.id.passwd, from->resume->secret,
		       sizeof zk->link.id.passwd);
	}
	if (from->auth) {
		zk->auth = strdup(from->auth);
		zk->settings.auth = zk->auth;
		if (!zk->auth)
			return false;
	}
	if (!from->auth)
		zk->settings.acl_creator = false;
	if (!from->ops_in_flight_max)
		zk->settings.ops_in_flight_max = COORD_ZK_OPS_IN_FLIGHT_MAX;
	if (!from->watch_bytes_max)
		zk->settings.watch_bytes_max = COORD_ZK_WATCH_BYTES_MAX;
	return true;
}

static bool slot_take(struct coord_zk *zk)
{
	for (unsigned slot = 1; slot < ZK_SLOTS; slot++) {
		if (!instances[slot]) {
			instances[slot] = zk;
			zk->slot = slot;
			return true;
		}
	}
	return false;
}

struct coord *coord_zk_new(struct event_base *base,
			   const struct coord_zk_settings *settings)
{
	struct coord_zk *zk = calloc(1, sizeof *zk);
	struct resolve_settings names = { .servers = settings->servers,
					  .nameserver = settings->nameserver,
					  .done = on_resolved,
					  .ctx = zk };

	if (!zk)
		return NULL;
	zk->coord.ops = &zk_ops;
	zk->base = base;
	zk_ops_init(zk);
	zk->resolve = resolve_new(base, &names);
	if (zk->resolve && slot_take(zk) && settings_copy(zk, settings) &&
	    coord_mailbox_init(&zk->mailbox) && zk_link_init(zk))
		return &zk->coord;
	coord_zk_free(&zk->coord);
	return NULL;
}

void coord_zk_watch_bytes_set(struct coord *coord, uint32_t bytes_max)
{
	self(coord)->settings.watch_bytes_max = bytes_max;
}

void coord_zk_free(struct coord *coord)
{
	struct coord_zk *zk = coord ? self(coord) : NULL;

	if (!zk)
		return;
	zk->phase = ZK_IDLE;
	zk_ops_lose(zk);
	zk_link_fini(zk);
	zk_watch_clear(zk);
	if (zk->slot)
		instances[zk->slot] = NULL;
	resolve_free(zk->resolve);
	coord_mailbox_fini(&zk->mailbox);
	free(zk->auth);
	free(zk);
}

_Static_assert(sizeof(((clientid_t *)0)->passwd) ==
		   sizeof(((struct coord_zk_id *)0)->secret),
	       "a secret is the library's password");

bool coord_zk_session(const struct coord *coord, struct coord_zk_id *id_out)
{
	const struct coord_zk *zk = (const struct coord_zk *)coord;

	if (!zk->link.has_id)
		return false;
	id_out->session = zk->link.id.client_id;
	memcpy(id_out->secret, zk->link.id.passwd, sizeof id_out->secret);
	return true;
}

void coord_zk_counts(const struct coord *coord,
		     struct coord_zk_counts *counts_out)
{
	const struct coord_zk *zk = (const struct coord_zk *)coord;

	*counts_out = zk->counts;
	counts_out->in_flight = zk->ops.sent_len;
	counts_out->queued = zk->ops.queued_len;
	counts_out->watches = (uint32_t)zk->watches.all.len;
	counts_out->watch_bytes = zk->watches.bytes;
}
