/* SPDX-License-Identifier: MIT */
/*
 * hub - what a connection asks.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/hub_i.h"
#include "proto/caps.h"

/* HELLO and the empty line: who is there? */
static void put_self(struct hub *hub)
{
	zkp_out_u64(&hub->out, "proto", ZKP_PROTO_VERSION);
	zkp_out_str(&hub->out, "state", hub_state_word(hub));
	if (hub->settings.dev)
		zkp_out_u64(&hub->out, "dev", 1);
}

static void do_empty(struct hub *hub, uint64_t conn)
{
	zkp_out_begin(&hub->out, NULL, "OK");
	zkp_out_word(&hub->out, "zklockd");
	zkp_out_word(&hub->out, ZKLOCKD_VERSION);
	put_self(hub);
	zkp_out_text(&hub->out, "type HELP");
	(void)zkp_out_end(&hub->out);
	hub_send(hub, conn);
}

static void do_hello(struct hub *hub, struct hub_conn *conn,
		     const struct zkp_request *rq)
{
	if (*rq->client)
		(void)snprintf(conn->client, sizeof conn->client, "%s",
			       rq->client);
	if (*rq->note) {
		free(conn->note);
		conn->note = strdup(rq->note);
	}
	if (rq->lease_push)
		conn->lease_push = true;
	zkp_out_begin(&hub->out, rq->tag, "OK");
	put_self(hub);
	zkp_out_str(&hub->out, "server", "zklockd/" ZKLOCKD_VERSION);
	zkp_out_str(&hub->out, "host", hub->settings.host);
	zkp_out_u64(&hub->out, "id", conn->id);
	zkp_out_hex(&hub->out, "session", (uint64_t)hub->session);
	zkp_out_i64(&hub->out, "timeout_ms", lease_timeout_ms(hub->lease));
	zkp_out_i64(&hub->out, "now_ms", hub->now_ms);
	if (hub->settings.lease_page) {
		zkp_out_str(&hub->out, "lease", hub->settings.lease_page);
		zkp_out_hex(&hub->out, "lease_id", hub->settings.lease_page_id);
	}
	zkp_out_u64(&hub->out, "line_max", ZKP_LINE_MAX);
	zkp_out_u64(&hub->out, "locks_max", hub->settings.tickets_per_conn_max);
	zkp_out_str(&hub->out, "caps", zkp_caps_all());
	(void)zkp_out_end(&hub->out);
	hub_send(hub, conn->id);
}

static int by_name(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* R16: sorted, each once: every host has them in one order. */
static size_t several(const struct zkp_request *rq, const char **names)
{
	size_t len = 0;

	names[0] = rq->name;
	for (size_t i = 0; i < rq->more_len; i++)
		names[i + 1] = rq->more[i];
	qsort(names, rq->more_len + 1, sizeof *names, by_name);
	for (size_t i = 0; i <= rq->more_len; i++) {
		if (len == 0 || strcmp(names[len - 1], names[i]) != 0)
			names[len++] = names[i];
	}
	return len;
}

static void do_lock(struct hub *hub, struct hub_conn *conn,
		    const struct zkp_request *rq)
{
	struct locktab_event ev = {
		.type = LOCKTAB_LOCK,
		.conn = conn->id,
		.lock = { .name = rq->name,
			  .tag = rq->tag,
			  .user = conn->user,
			  .note = *rq->note    ? rq->note
				  : conn->note ? conn->note
					       : "",
			  .mode = rq->mode,
			  .slots = rq->slots,
			  .wait_ms = rq->wait_ms,
			  .min_hold_ms = rq->min_hold_ms,
			  .max_hold_ms = rq->max_hold_ms,
			  .linger_ms = hub_place_linger_ms(hub, rq->name),
			  .looking = rq->verb == ZKP_VERB_WAIT,
			  .wanted = rq->wanted },
	};

	const char *names[ZKP_NAMES_MAX];

	if (hub_place_refuses(hub, conn->id, rq))
		return;
	ev.lock.names_len = several(rq, names);
	ev.lock.names = names;
	ev.lock.name = names[0];
	hub_step(hub, &ev);
}

static void do_pick(struct hub *hub, uint64_t conn,
		    const struct zkp_request *rq, enum locktab_event_type type)
{
	struct locktab_event ev = {
		.type = type,
		.conn = conn,
		.pick = { .target = hub_target(rq), .token = rq->token },
	};

	hub_step(hub, &ev);
}

void hub_unanswered(struct hub *hub, struct hub_conn *conn, int more)
{
	bool full;

	conn->unanswered += (unsigned)more;
	full = conn->unanswered >= hub->settings.unanswered_max;
	if (full == conn->paused)
		return;
	conn->paused = full;
	hub->doors.pause(hub->doors.ctx, conn->id, full);
}

static void do_version(struct hub *hub, uint64_t conn, const char *tag)
{
	zkp_out_begin(&hub->out, tag, "OK");
	zkp_out_word(&hub->out, "zklockd");
	zkp_out_word(&hub->out, ZKLOCKD_VERSION);
	zkp_out_u64(&hub->out, "proto", ZKP_PROTO_VERSION);
	(void)zkp_out_end(&hub->out);
	hub_send(hub, conn);
}

static void do_ping(struct hub *hub, uint64_t conn,
		    const struct zkp_request *rq)
{
	zkp_out_begin(&hub->out, rq->tag, "OK");
	if (*rq->word)
		zkp_out_word(&hub->out, rq->word);
	(void)zkp_out_end(&hub->out);
	hub_send(hub, conn);
}

static void do_quit(struct hub *hub, uint64_t conn, const char *tag)
{
	zkp_out_begin(&hub->out, tag, "OK");
	zkp_out_word(&hub->out, "bye");
	(void)zkp_out_end(&hub->out);
	hub_send(hub, conn);
	hub_conn_gone(hub, conn);
}

static void route(struct hub *hub, struct hub_conn *conn,
		  const struct zkp_request *rq)
{
	switch (rq->verb) {
	case ZKP_VERB_EMPTY:
		do_empty(hub, conn->id);
		break;
	case ZKP_VERB_HELLO:
		do_hello(hub, conn, rq);
		break;
	case ZKP_VERB_LOCK:
	case ZKP_VERB_TRYLOCK:
	case ZKP_VERB_WAIT:
		do_lock(hub, conn, rq);
		break;
	case ZKP_VERB_UNLOCK:
		do_pick(hub, conn->id, rq, LOCKTAB_UNLOCK);
		break;
	case ZKP_VERB_DOWNGRADE:
		do_pick(hub, conn->id, rq, LOCKTAB_DOWNGRADE);
		break;
	case ZKP_VERB_CANCEL:
		do_pick(hub, conn->id, rq, LOCKTAB_CANCEL);
		break;
	case ZKP_VERB_CHECK:
		hub_check(hub, conn, rq);
		break;
	case ZKP_VERB_LIST:
		if (rq->cluster)
			hub_cluster_list(hub, conn, rq);
		else
			hub_show_list(hub, conn, rq);
		break;
	case ZKP_VERB_WHO:
		hub_cluster_who(hub, conn, rq);
		break;
	case ZKP_VERB_STATUS:
		hub_show_status(hub, conn->id, rq->tag);
		break;
	case ZKP_VERB_STATS:
		hub_show_stats(hub, conn->id, rq->tag);
		break;
	case ZKP_VERB_REVOKE:
		hub_revoke(hub, conn, rq);
		break;
	case ZKP_VERB_KICK:
		hub_kick(hub, conn, rq);
		break;
	case ZKP_VERB_WATCH:
		hub_watch_begin(hub, conn, rq);
		break;
	case ZKP_VERB_UNWATCH:
		hub_watch_off(hub, conn, rq->tag);
		break;
	case ZKP_VERB_VERSION:
		do_version(hub, conn->id, rq->tag);
		break;
	case ZKP_VERB_PING:
		do_ping(hub, conn->id, rq);
		break;
	case ZKP_VERB_HELP:
		(void)zkp_reply_help(&hub->out, rq->tag, rq->topic);
		hub_send(hub, conn->id);
		break;
	case ZKP_VERB_QUIT:
		do_quit(hub, conn->id, rq->tag);
		break;
	}
}

void hub_request(struct hub *hub, uint64_t conn, char *line, size_t len)
{
	struct hub_conn *from = hub_conn_find(hub, conn);
	struct zkp_problem problem;
	struct zkp_request rq;

	if (!from)
		return; /* it has ended since */
	hub->counts.requests++;
	if (zkp_request_parse(line, len, &rq, &problem) != ZKP_OK) {
		hub->counts.bad_requests++;
		(void)zkp_err_problem(&hub->out, &problem);
		hub_send(hub, conn);
		return;
	}
	hub->rq = &rq;
	hub->rq_conn = conn;
	route(hub, from, &rq);
	hub->rq = NULL;
}
