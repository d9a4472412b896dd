/* SPDX-License-Identifier: MIT */
/*
 * hub - birth, the inbox, the drain loop, questions.
 */
#include "daemon/hub.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/hub_i.h"

/* A turn that takes lines for longer leaves the others to the next one: beats,
 * answers and timers come between.  Far below a beat, far above a line. */
#define LINES_MS 20

#define TEXT_OF(x) #x
#define TEXT(x)    TEXT_OF(x)

/* Birth and end */

static struct locktab_limits tab_limits(const struct hub_settings *settings)
{
	return (struct locktab_limits){
		.tickets_max = settings->tickets_max,
		.tickets_per_conn_max = settings->tickets_per_conn_max,
		.turns_max = settings->turns_max,
		.bid_turns = settings->bid_turns,
		.turns_ms = settings->turns_ms,
		.linger_ms = settings->linger_ms,
		.try_grace_ms = settings->try_grace_ms,
	};
}

struct hub *hub_new(const struct hub_settings *settings,
		    const struct hub_doors *doors, struct coord *coord)
{
	struct lease_settings lease = { .timeout_ms =
					    settings->session_timeout_ms,
					.tick_ms = settings->server_tick_ms,
					.drift_ppm = settings->drift_ppm };
	struct locktab_limits limits = tab_limits(settings);
	struct hub *hub = calloc(1, sizeof *hub);

	if (!hub)
		return NULL;
	hub->settings = *settings;
	hub->doors = *doors;
	hub->coord = coord;
	hub->now_ms = hub->start_ms = doors->now_ms(doors->ctx);
	doors->random(doors->ctx, &hub->instance, sizeof hub->instance);
	TAILQ_INIT(&hub->audit);
	TAILQ_INIT(&hub->watchers);
	TAILQ_INIT(&hub->questions);
	TAILQ_INIT(&hub->checks);
	zkp_out_init(&hub->out, hub->out_buf, sizeof hub->out_buf);
	hub->users = users_new(settings->uid_share);
	hub->tab = locktab_new(&limits);
	hub->lease = lease_new(&lease);
	hub->batch = batch_new(settings->batch_ops_max);
	if (!hub->users || !hub->tab || !hub->lease || !hub->batch) {
		hub_free(hub);
		return NULL;
	}
	return hub;
}

void hub_free(struct hub *hub)
{
	struct hub_conn *conn, *conn_next;
	struct hub_op *op, *op_next;

	if (!hub)
		return;
	if (hub->batch)
		hub_bid_forget_all(hub);
	hub_audit_forget_all(hub);
	hub_ghost_forget(hub);
	hub_cluster_free_all(hub);
	hub_check_free_all(hub);
	HASH_ITER(hh, hub->conns, conn, conn_next)
	{
		HASH_DEL(hub->conns, conn);
		free(conn->note);
		free(conn->pattern);
		free(conn);
	}
	HASH_ITER(hh, hub->ops, op, op_next)
	{
		HASH_DEL(hub->ops, op);
		free(op->text);
		free(op);
	}
	locktab_free(hub->tab);
	users_free(hub->users);
	lease_free(hub->lease);
	batch_free(hub->batch);
	free(hub->posts);
	free(hub->lines);
	free(hub->later);
	free(hub->rows.buf);
	free(hub);
}

void hub_start(struct hub *hub)
{
	hub_session_start(hub);
}

void hub_stop(struct hub *hub)
{
	hub->stopping = true;
}

void hub_reload(struct hub *hub, const struct hub_settings *settings)
{
	struct locktab_limits limits = tab_limits(settings);

	hub->settings.tickets_max = settings->tickets_max;
	hub->settings.tickets_per_conn_max = settings->tickets_per_conn_max;
	hub->settings.unanswered_max = settings->unanswered_max;
	hub->settings.ephemeral_bytes_max = settings->ephemeral_bytes_max;
	users_set_share(hub->users, settings->uid_share);
	locktab_set_limits(hub->tab, &limits);
}

/* The inbox: callbacks only note what happened. */

/* Losing a line or an end would break P4 and P5 in silence: short of memory
 * for a few bytes, a daemon stops, and ZooKeeper frees its locks. */
static void *grown(void *old, size_t *cap, size_t want, size_t size)
{
	size_t more = *cap ? *cap : 64;
	void *bytes;

	if (want <= *cap)
		return old;
	while (more < want)
		more *= 2;
	bytes = realloc(old, more * size);
	if (!bytes)
		abort();
	*cap = more;
	return bytes;
}

static void post(struct hub *hub, enum hub_post_type type, uint64_t conn,
		 const char *line, size_t len)
{
	hub->posts = grown(hub->posts, &hub->posts_cap, hub->posts_len + 1,
			   sizeof *hub->posts);
	hub->posts[hub->posts_len++] = (struct hub_post){
		.type = type, .conn = conn, .at = hub->lines_len, .len = len
	};
	if (!line)
		return;
	hub->lines =
	    grown(hub->lines, &hub->lines_cap, hub->lines_len + len + 1, 1);
	memcpy(hub->lines + hub->lines_len, line, len);
	hub->lines[hub->lines_len + len] = '\0';
	hub->lines_len += len + 1;
}

uint64_t hub_on_open(struct hub *hub, const struct hub_peer *peer)
{
	struct hub_conn *conn = calloc(1, sizeof *conn);

	if (!conn)
		return 0;
	conn->user = user_join(hub->users, peer->uid);
	if (!conn->user) {
		free(conn);
		return 0;
	}
	conn->id = ++hub->conn_last;
	conn->peer = *peer;
	HASH_ADD_ID(hh, hub->conns, id, conn);
	hub->counts.connections++;
	return conn->id;
}

void hub_on_line(struct hub *hub, uint64_t conn, char *line, size_t len)
{
	post(hub, HUB_POST_LINE, conn, line, len);
}

void hub_on_overlong(struct hub *hub, uint64_t conn)
{
	post(hub, HUB_POST_OVERLONG, conn, NULL, 0);
}

void hub_on_eof(struct hub *hub, uint64_t conn)
{
	post(hub, HUB_POST_EOF, conn, NULL, 0);
}

struct hub_conn *hub_conn_find(struct hub *hub, uint64_t conn)
{
	struct hub_conn *found;

	HASH_FIND_ID(hh, hub->conns, conn, found);
	return found;
}

/* Acting */

void hub_log(struct hub *hub, enum hub_level level, const char *format, ...)
{
	char line[HUB_LOG_MAX];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(line, sizeof line, format, args);
	va_end(args);
	hub->doors.log(hub->doors.ctx, level, line);
}

void hub_clock(struct hub *hub)
{
	hub->now_ms = hub->doors.now_ms(hub->doors.ctx);
	lease_tick(hub->lease, hub->now_ms);
	hub_session_run(hub);
}

static void step_once(struct hub *hub, struct locktab_event *ev)
{
	struct locktab_effect fx;

	ev->now_ms = hub->now_ms;
	locktab_step(hub->tab, ev);
	while (locktab_next(hub->tab, &fx)) {
		switch (fx.type) {
		case LOCKTAB_FX_DONE:
		case LOCKTAB_FX_QUEUED:
		case LOCKTAB_FX_GRANTED:
		case LOCKTAB_FX_REFUSED:
		case LOCKTAB_FX_FREE:
		case LOCKTAB_FX_LOST:
		case LOCKTAB_FX_REVOKE:
		case LOCKTAB_FX_ASKED:
		case LOCKTAB_FX_WANTED:
			hub_answer(hub, &fx);
			break;
		case LOCKTAB_FX_MOVED_HELD:
		case LOCKTAB_FX_MOVED_FREED:
		case LOCKTAB_FX_MOVED_QUEUE:
			hub_watch_tell(hub, &fx);
			break;
		case LOCKTAB_FX_BID_OPEN:
			hub_bid_open(hub, &fx);
			break;
		case LOCKTAB_FX_BID_LEAVE:
			hub_bid_leave(hub, fx.bid);
			break;
		case LOCKTAB_FX_BID_REVOKE:
			hub_bid_revoke(hub, fx.bid);
			break;
		case LOCKTAB_FX_BID_LOOK:
			hub_bid_look(hub, fx.bid);
			break;
		}
	}
}

void hub_step(struct hub *hub, struct locktab_event *ev)
{
	step_once(hub, ev);
	for (size_t i = 0; i < hub->later_len; i++) {
		struct locktab_event later = hub->later[i];

		step_once(hub, &later);
	}
	hub->later_len = 0;
}

void hub_step_later(struct hub *hub, const struct locktab_event *ev)
{
	hub->later = grown(hub->later, &hub->later_cap, hub->later_len + 1,
			   sizeof *hub->later);
	hub->later[hub->later_len++] = *ev;
}

void hub_conn_gone(struct hub *hub, uint64_t id)
{
	struct locktab_event ev = { .type = LOCKTAB_GONE, .conn = id };
	struct hub_conn *conn = hub_conn_find(hub, id);

	if (!conn)
		return; /* closed from this side before */
	hub_watch_end(hub, conn);
	hub_cluster_conn_gone(hub, id);
	HASH_DEL(hub->conns, conn);
	user_part(conn->user);
	free(conn->note);
	free(conn);
	hub_step(hub, &ev);
	hub->doors.close(hub->doors.ctx, id);
}

static void do_post(struct hub *hub, size_t at)
{
	struct hub_post one = hub->posts[at];

	switch (one.type) {
	case HUB_POST_LINE:
		hub_request(hub, one.conn, hub->lines + one.at, one.len);
		break;
	case HUB_POST_OVERLONG:
		if (hub_conn_find(hub, one.conn))
			hub_err(
			    hub, one.conn, NULL, ZKP_TOOLONG,
			    "a line has at most " TEXT(
				ZKP_LINE_MAX) " bytes: this one is skipped");
		break;
	case HUB_POST_EOF:
		hub_conn_gone(hub, one.conn);
		break;
	}
}

static bool pump_coord(struct hub *hub)
{
	struct coord_event ev;

	if (!hub->coord->ops->next(hub->coord, &ev))
		return false;
	hub_session_event(hub, &ev);
	return true;
}

static bool is_busy(const struct hub *hub)
{
	struct locktab_counts counts;

	locktab_counts(hub->tab, &counts);
	return counts.held || counts.waiting || counts.lingering || counts.kept;
}

static void do_timers(struct hub *hub)
{
	struct locktab_event tick = { .type = LOCKTAB_TICK };

	if (locktab_wake_ms(hub->tab) <= hub->now_ms)
		hub_step(hub, &tick);
}

/* Nothing is posted while this runs: doors do not call back. */
static void do_posts(struct hub *hub)
{
	int64_t until_ms = hub->now_ms + LINES_MS;

	while (hub_pending(hub) && hub->now_ms < until_ms) {
		do_post(hub, hub->post_at++);
		/* We may have been frozen behind it: no line is answered by
		 * what was true then, and no hold outlives its end. */
		hub_clock(hub);
		do_timers(hub);
	}
	if (!hub_pending(hub))
		hub->post_at = hub->posts_len = hub->lines_len = 0;
}

void hub_drain(struct hub *hub)
{
	hub_clock(hub);
	if (hub->stopping)
		hub_session_stop(hub);
	while (pump_coord(hub))
		hub_clock(hub);
	do_timers(hub);
	do_posts(hub);
	hub_audit_tick(hub);
	hub_ghost_tick(hub);
	hub_group_tick(hub);
	hub_watch_tick(hub);
	lease_busy(hub->lease, is_busy(hub), hub->now_ms);
	hub_clock(hub);
	/* Until the mailbox is empty: nothing wakes us for what is in it. */
	do {
		while (pump_coord(hub))
			hub_clock(hub);
		hub_room_tick(hub);
	} while (hub_batch_leave(hub));
}

/* Questions */

bool hub_pending(const struct hub *hub)
{
	return hub->post_at < hub->posts_len;
}

int64_t hub_wake_ms(const struct hub *hub)
{
	int64_t tab_ms = locktab_wake_ms(hub->tab);
	int64_t wake_ms = lease_wake_ms(hub->lease);
	int64_t audit_ms = hub_audit_wake_ms(hub);
	int64_t watch_ms = hub_watch_wake_ms(hub);
	int64_t ghost_ms = hub_ghost_wake_ms(hub);
	int64_t calm_ms = batch_wake_ms(hub->batch);

	if (hub_pending(hub))
		return hub->now_ms;
	if (tab_ms < wake_ms)
		wake_ms = tab_ms;
	if (ghost_ms < wake_ms)
		wake_ms = ghost_ms;
	if (calm_ms < wake_ms)
		wake_ms = calm_ms;
	if (watch_ms < wake_ms)
		wake_ms = watch_ms;
	return audit_ms < wake_ms ? audit_ms : wake_ms;
}

void hub_state(const struct hub *hub, struct hub_state *state_out)
{
	struct locktab_counts counts;

	locktab_counts(hub->tab, &counts);
	*state_out = (struct hub_state){
		.word = hub_state_word(hub),
		.server = hub->server,
		.held = counts.held,
		.waiting = counts.waiting,
		.attached_once = hub->attached_once,
		.torn = hub->torn,
		.done = hub->drained,
	};
}
