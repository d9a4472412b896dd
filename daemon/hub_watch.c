/* SPDX-License-Identifier: MIT */
/*
 * hub - WATCH: news of this host's locks for those who asked for them.
 *
 * News may be left out and are never waited for: a watcher that reads slowly
 * is told how many it missed, and costs its own holds nothing.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/hub_i.h"
#include "proto/glob.h"

/* Every grant is told to each of them: what a crowd of watchers may add to
 * the grants of others. */
#define WATCHERS_MAX 64
/* How long after a line was left out to look for room to say so. */
#define DROPPED_RETRY_MS 1000

static void say_ok(struct hub *hub, const struct hub_conn *conn,
		   const char *tag)
{
	zkp_out_begin(&hub->out, tag, "OK");
	(void)zkp_out_end(&hub->out);
	hub_send(hub, conn->id);
}

void hub_watch_end(struct hub *hub, struct hub_conn *conn)
{
	if (!conn->pattern)
		return;
	TAILQ_REMOVE(&hub->watchers, conn, in_watchers);
	user_give(conn->user, USER_WATCHERS, 1);
	free(conn->pattern);
	conn->pattern = NULL;
	conn->dropped = 0;
	if (--hub->watchers_len == 0)
		locktab_tell_moves(hub->tab, false);
}

void hub_watch_begin(struct hub *hub, struct hub_conn *conn,
		     const struct zkp_request *rq)
{
	char *pattern = NULL;
	bool fits;

	hub_watch_end(hub, conn);
	fits = user_fits(conn->user, USER_WATCHERS, 1, WATCHERS_MAX);
	if (fits && hub->watchers_len < WATCHERS_MAX)
		pattern = strdup(rq->pattern);
	if (!pattern) {
		hub_err_limit(hub, conn->id, rq->tag, "watchers",
			      fits ? NULL : HUB_SHARE_TEXT);
		return;
	}
	conn->pattern = pattern;
	user_take(conn->user, USER_WATCHERS, 1);
	TAILQ_INSERT_TAIL(&hub->watchers, conn, in_watchers);
	hub->watchers_len++;
	locktab_tell_moves(hub->tab, true);
	say_ok(hub, conn, rq->tag);
}

void hub_watch_off(struct hub *hub, struct hub_conn *conn, const char *tag)
{
	hub_watch_end(hub, conn);
	say_ok(hub, conn, tag);
}

/* True when nothing is owed any more. */
static bool own_up(struct hub *hub, struct hub_conn *conn)
{
	char buf[64];
	struct zkp_out out;

	if (!conn->dropped)
		return true;
	zkp_out_init(&out, buf, sizeof buf);
	zkp_event_begin(&out, ZKP_EVENT_DROPPED);
	zkp_out_word_u64(&out, conn->dropped);
	(void)zkp_out_end(&out);
	if (!hub->doors.offer(hub->doors.ctx, conn->id, out.buf, out.len))
		return false;
	conn->dropped = 0;
	return true;
}

/* hub->out to everybody who watches this name, and empties it. */
static void tell(struct hub *hub, const char *name)
{
	struct hub_conn *conn;

	TAILQ_FOREACH(conn, &hub->watchers, in_watchers)
	{
		if (*conn->pattern && !zkp_glob_match(conn->pattern, name))
			continue;
		if (own_up(hub, conn) &&
		    hub->doors.offer(hub->doors.ctx, conn->id, hub->out.buf,
				     hub->out.len))
			continue;
		if (!hub->dropped_ms)
			hub->dropped_ms = hub->now_ms + DROPPED_RETRY_MS;
		conn->dropped++;
		hub->counts.watch_dropped++;
	}
	zkp_out_reset(&hub->out);
}

static void say_held(struct hub *hub, const struct locktab_effect *fx)
{
	const struct locktab_ticket *t = fx->ticket;
	const struct hub_conn *conn = hub_conn_find(hub, t->conn);
	char who[LAYOUT_HOLDER_MAX];

	hub_who(hub, t, who, sizeof who);
	zkp_event_begin(&hub->out, ZKP_EVENT_HELD);
	zkp_out_word(&hub->out, t->name);
	zkp_out_id(&hub->out, "id", t->id);
	zkp_out_str(&hub->out, "mode", zkp_mode_word(t->mode));
	zkp_out_str(&hub->out, "holder", who);
	zkp_out_i64(&hub->out, "pid", conn ? conn->peer.pid : 0);
	zkp_out_u64(&hub->out, "uid", conn ? conn->peer.uid : 0);
	zkp_out_u64(&hub->out, "token", t->token);
	zkp_out_u64(&hub->out, "waiters", fx->waiters);
	if (*t->note)
		zkp_out_str(&hub->out, "note", t->note);
}

static void say_freed(struct hub *hub, const struct locktab_effect *fx)
{
	const struct locktab_ticket *t = fx->ticket;

	zkp_event_begin(&hub->out, ZKP_EVENT_FREED);
	zkp_out_word(&hub->out, t->name);
	zkp_out_id(&hub->out, "id", t->id);
	zkp_out_u64(&hub->out, "token", t->token);
	zkp_out_str(&hub->out, "reason",
		    fx->lost ? hub_lost_word(t->lost) : "released");
	zkp_out_i64(&hub->out, "held_ms", hub->now_ms - t->granted_ms);
	zkp_out_u64(&hub->out, "waiters", fx->waiters);
}

void hub_watch_tell(struct hub *hub, const struct locktab_effect *fx)
{
	if (TAILQ_EMPTY(&hub->watchers))
		return;
	if (fx->type == LOCKTAB_FX_MOVED_HELD) {
		say_held(hub, fx);
	} else if (fx->type == LOCKTAB_FX_MOVED_FREED) {
		say_freed(hub, fx);
	} else {
		zkp_event_begin(&hub->out, ZKP_EVENT_QUEUE);
		zkp_out_word(&hub->out, fx->ticket->name);
		zkp_out_u64(&hub->out, "waiters", fx->waiters);
	}
	(void)zkp_out_end(&hub->out);
	tell(hub, fx->ticket->name);
}

void hub_watch_tick(struct hub *hub)
{
	struct hub_conn *conn;
	bool owed = false;

	if (!hub->dropped_ms || hub->now_ms < hub->dropped_ms)
		return;
	TAILQ_FOREACH(conn, &hub->watchers, in_watchers)
	owed |= !own_up(hub, conn);
	hub->dropped_ms = owed ? hub->now_ms + DROPPED_RETRY_MS : 0;
}

int64_t hub_watch_wake_ms(const struct hub *hub)
{
	return hub->dropped_ms ? hub->dropped_ms : INT64_MAX;
}
