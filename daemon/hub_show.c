/* SPDX-License-Identifier: MIT */
/*
 * hub - what is shown to people: LIST, STATUS, STATS.
 */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/hub_i.h"
#include "proto/glob.h"

/* A listing grows in steps; a row is at most ZKP_REPLY_LINE_MAX. */
#define LIST_STEP_BYTES (64 * 1024)
/* One listing may keep the others for so long, and no more: a beat takes three
 * turns, and is missed at three seconds. */
#define LIST_MS 500
/* Rows between two looks at the clock. */
#define LIST_LOOK 64

struct listing {
	struct hub *hub;
	const struct zkp_request *rq;
	uint64_t rows, looked;
};

static bool is_late(struct listing *list)
{
	struct hub *hub = list->hub;

	if (++list->looked % LIST_LOOK == 0 &&
	    hub->doors.now_ms(hub->doors.ctx) > hub->now_ms + LIST_MS)
		hub->rows_end = HUB_ROWS_TIME;
	return hub->rows_end != HUB_ROWS_FINE;
}

static enum zkp_row_state row_state(const struct hub *hub,
				    const struct locktab_ticket *t)
{
	if (t->state == TICKET_WAITING)
		return ZKP_ROW_WAITING;
	if (t->state == TICKET_KEPT)
		return ZKP_ROW_KEPT;
	return lease_state(hub->lease) == LEASE_SUSPENDED ? ZKP_ROW_SUSPENDED
							  : ZKP_ROW_HELD;
}

void hub_rows_begin(struct hub *hub)
{
	zkp_out_init(&hub->rows, NULL, 0);
	hub->rows_end = HUB_ROWS_FINE;
}

/* Room for one more row, so that none is cut. */
bool hub_rows_room(struct hub *hub)
{
	struct zkp_out *out = &hub->rows;
	size_t size = out->size + LIST_STEP_BYTES;
	char *buf;

	if (hub->rows_end != HUB_ROWS_FINE)
		return false;
	if (out->size - out->len > 2 * ZKP_REPLY_LINE_MAX)
		return true;
	buf = realloc(out->buf, size);
	if (!buf) {
		hub->rows_end = HUB_ROWS_OUTPUT;
		return false;
	}
	out->buf = buf;
	out->size = size;
	return true;
}

void hub_rows_send(struct hub *hub, uint64_t conn, const char *tag)
{
	static const struct {
		const char *which, *why;
	} limits[] = {
		[HUB_ROWS_OUTPUT] = { "output",
				      "read the listing before this one "
				      "first" },
		[HUB_ROWS_TIME] = { "time", "it takes too long: ask for fewer, "
					    "by a pattern" },
	};

	if (hub->rows_end == HUB_ROWS_FINE &&
	    !hub->doors.bulk(hub->doors.ctx, conn, hub->rows.buf,
			     hub->rows.len))
		hub->rows_end = HUB_ROWS_OUTPUT;
	if (hub->rows_end != HUB_ROWS_FINE)
		hub_err_limit(hub, conn, tag, limits[hub->rows_end].which,
			      limits[hub->rows_end].why);
	free(hub->rows.buf);
	hub->rows.buf = NULL;
}

static void row(void *ctx, const struct locktab_ticket *t, unsigned waiters)
{
	struct listing *list = ctx;
	struct hub *hub = list->hub;
	struct zkp_out *out = &hub->rows;
	enum zkp_row_state state = row_state(hub, t);
	const struct hub_conn *conn = hub_conn_find(hub, t->conn);
	char who[LAYOUT_HOLDER_MAX];

	if (is_late(list))
		return;
	if (*list->rq->pattern && !zkp_glob_match(list->rq->pattern, t->name))
		return;
	if (list->rq->state != ZKP_ROW_ANY && list->rq->state != state)
		return;
	if (!hub_rows_room(hub))
		return;
	hub_who(hub, t, who, sizeof who);
	zkp_out_begin(out, list->rq->tag, "-");
	zkp_out_word(out, t->name);
	zkp_out_str(out, "mode", zkp_mode_word(t->mode));
	if (t->slots)
		zkp_out_u64(out, "slots", t->slots);
	zkp_out_str(out, "state", zkp_row_state_word(state));
	zkp_out_id(out, "id", t->id);
	zkp_out_str(out, "holder", who);
	zkp_out_i64(out, "pid", conn ? conn->peer.pid : 0);
	zkp_out_u64(out, "uid", conn ? conn->peer.uid : 0);
	if (t->state == TICKET_WAITING) {
		zkp_out_i64(out, "waited_ms", hub->now_ms - t->asked_ms);
	} else {
		zkp_out_u64(out, "token", t->token);
		zkp_out_u64(out, "waiters", waiters);
		zkp_out_i64(out, "held_ms", hub->now_ms - t->granted_ms);
	}
	if (*t->note)
		zkp_out_str(out, "note", t->note);
	(void)zkp_out_end(out);
	list->rows++;
}

void hub_show_list(struct hub *hub, struct hub_conn *conn,
		   const struct zkp_request *rq)
{
	struct listing list = { .hub = hub, .rq = rq };

	hub_rows_begin(hub);
	locktab_each(hub->tab, row, &list);
	if (hub_rows_room(hub)) {
		zkp_out_begin(&hub->rows, rq->tag, "OK");
		zkp_out_word_u64(&hub->rows, list.rows);
		(void)zkp_out_end(&hub->rows);
	}
	hub_rows_send(hub, conn->id, rq->tag);
}

static void pair_str(struct hub *hub, const char *tag, const char *key,
		     const char *value)
{
	zkp_out_begin(&hub->out, tag, "-");
	zkp_out_word(&hub->out, key);
	zkp_out_word(&hub->out, value);
	(void)zkp_out_end(&hub->out);
}

static void pair_u64(struct hub *hub, const char *tag, const char *key,
		     uint64_t value)
{
	zkp_out_begin(&hub->out, tag, "-");
	zkp_out_word(&hub->out, key);
	zkp_out_word_u64(&hub->out, value);
	(void)zkp_out_end(&hub->out);
}

/* The end of what the pairs above began: it counts them. */
static void rows_end(struct hub *hub, uint64_t conn, const char *tag)
{
	uint64_t rows = 0;

	for (size_t i = 0; i < hub->out.len; i++)
		rows += hub->out.buf[i] == '\n';
	zkp_out_begin(&hub->out, tag, "OK");
	zkp_out_word_u64(&hub->out, rows);
	(void)zkp_out_end(&hub->out);
	hub_send(hub, conn);
}

static uint64_t positive(int64_t value)
{
	return value > 0 ? (uint64_t)value : 0;
}

void hub_show_status(struct hub *hub, uint64_t conn, const char *tag)
{
	struct locktab_counts counts;
	int64_t until_ms = lease_deadline_ms(hub->lease);
	char session[32];

	locktab_counts(hub->tab, &counts);
	pair_str(hub, tag, "version", ZKLOCKD_VERSION);
	pair_str(hub, tag, "host", hub->settings.host);
	pair_str(hub, tag, "state", hub_state_word(hub));
	pair_u64(hub, tag, "dev", hub->settings.dev);
	pair_str(hub, tag, "servers",
		 hub->settings.servers ? hub->settings.servers : "");
	pair_str(hub, tag, "server", hub->server);
	(void)snprintf(session, sizeof session, "0x%llx",
		       (unsigned long long)hub->session);
	pair_str(hub, tag, "session", session);
	pair_u64(hub, tag, "gen", lease_gen(hub->lease));
	pair_u64(hub, tag, "timeout_ms",
		 positive(lease_timeout_ms(hub->lease)));
	pair_u64(hub, tag, "until_ms", positive(until_ms));
	pair_u64(hub, tag, "valid_ms", positive(until_ms - hub->now_ms));
	pair_u64(hub, tag, "uptime_ms", positive(hub->now_ms - hub->start_ms));
	pair_u64(hub, tag, "clients", HASH_COUNT(hub->conns));
	pair_u64(hub, tag, "held", counts.held);
	pair_u64(hub, tag, "waiting", counts.waiting);
	pair_u64(hub, tag, "kept", counts.kept);
	pair_u64(hub, tag, "bids", HASH_COUNT(hub->bids));
	pair_u64(hub, tag, "tickets_max", hub->settings.tickets_max);
	pair_u64(hub, tag, "tickets_per_conn_max",
		 hub->settings.tickets_per_conn_max);
	pair_u64(hub, tag, "uid_share", users_share(hub->users));
	pair_u64(hub, tag, "unanswered_max", hub->settings.unanswered_max);
	pair_u64(hub, tag, "line_max", ZKP_LINE_MAX);
	pair_u64(hub, tag, "name_max", ZKP_NAME_MAX);
	pair_u64(hub, tag, "note_max", ZKP_NOTE_MAX);
	rows_end(hub, conn, tag);
}

void hub_show_stats(struct hub *hub, uint64_t conn, const char *tag)
{
	struct locktab_counts tab;
	const struct {
		const char *key;
		uint64_t value;
	} rows[] = {
		{ "connections_total", hub->counts.connections },
		{ "requests_total", hub->counts.requests },
		{ "bad_requests_total", hub->counts.bad_requests },
		{ "sessions_total", hub->counts.sessions },
		{ "disconnects_total", hub->counts.disconnects },
		{ "expirations_total", hub->counts.expirations },
		{ "operations_total", hub->counts.ops },
		{ "transactions_batched_total", hub->counts.multis },
		{ "watches_fired_total", hub->counts.watches_fired },
		{ "orphans_deleted_total", hub->counts.orphans },
		{ "ghosts_total", hub->counts.ghosts },
		{ "watch_lines_dropped_total", hub->counts.watch_dropped },
	};
	const size_t rows_len = sizeof rows / sizeof *rows;

	locktab_counts(hub->tab, &tab);
	for (size_t i = 0; i < rows_len; i++)
		pair_u64(hub, tag, rows[i].key, rows[i].value);
	pair_u64(hub, tag, "grants_local_total", tab.grants_local);
	pair_u64(hub, tag, "grants_bid_total", tab.grants_bid);
	pair_u64(hub, tag, "timeouts_total", tab.timeouts);
	pair_u64(hub, tag, "cancels_total", tab.cancels);
	pair_u64(hub, tag, "lost_total", tab.losses);
	pair_u64(hub, tag, "yields_total", tab.yields);
	pair_u64(hub, tag, "kicks_total", tab.kicks);
	pair_u64(hub, tag, "deadlocks_total", tab.deadlocks);
	pair_u64(hub, tag, "slides_total", tab.slides);
	pair_u64(hub, tag, "lingering", tab.lingering);
	pair_u64(hub, tag, "watchers", hub->watchers_len);
	pair_u64(hub, tag, "operations_in_flight", HASH_COUNT(hub->ops));
	pair_u64(hub, tag, "ephemeral_bytes", hub->ephemeral_bytes);
	rows_end(hub, conn, tag);
}
