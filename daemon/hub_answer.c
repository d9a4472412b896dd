/* SPDX-License-Identifier: MIT */
/*
 * hub - what a connection is told.
 */
#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "daemon/hub_i.h"

void hub_send(struct hub *hub, uint64_t conn)
{
	if (hub->out.overflow) {
		/* Our own line was too long: better an error than silence. */
		zkp_out_reset(&hub->out);
		(void)zkp_err(&hub->out, NULL, ZKP_INTERNAL);
	}
	if (hub->out.len)
		hub->doors.send(hub->doors.ctx, conn, hub->out.buf,
				hub->out.len);
	zkp_out_reset(&hub->out);
}

void hub_err(struct hub *hub, uint64_t conn, const char *tag,
	     enum zkp_status status, const char *text)
{
	zkp_err_begin(&hub->out, tag, status);
	(void)zkp_err_end(&hub->out, status, text);
	hub_send(hub, conn);
}

void hub_err_limit(struct hub *hub, uint64_t conn, const char *tag,
		   const char *which, const char *text)
{
	zkp_err_begin(&hub->out, tag, ZKP_LIMIT);
	zkp_out_str(&hub->out, "which", which);
	(void)zkp_err_end(&hub->out, ZKP_LIMIT, text);
	hub_send(hub, conn);
}

const char *hub_lost_word(enum locktab_lost lost)
{
	switch (lost) {
	case LOCKTAB_LOST_DEADLINE:
		return "deadline";
	case LOCKTAB_LOST_EXPIRED:
		return "expired";
	case LOCKTAB_LOST_DELETED:
		return "deleted";
	case LOCKTAB_LOST_SHUTDOWN:
		return "shutdown";
	case LOCKTAB_LOST_KICKED:
		return "kicked";
	case LOCKTAB_LOST_MAX_HOLD:
		return "max_hold";
	}
	return "";
}

void hub_who(struct hub *hub, const struct locktab_ticket *ticket, char *buf,
	     size_t size)
{
	const struct hub_conn *conn = hub_conn_find(hub, ticket->conn);

	if (conn)
		hub_conn_who(hub, conn, buf, size);
	else
		(void)snprintf(buf, size, "%s pid=0", hub->settings.host);
}

/* holder= and, for a hold of this host, held_ms=. */
static void put_holder(struct hub *hub, const struct locktab_holder *holder)
{
	char who[LAYOUT_HOLDER_MAX];

	if (holder->ticket) {
		hub_who(hub, holder->ticket, who, sizeof who);
		zkp_out_str(&hub->out, "holder", who);
		zkp_out_i64(&hub->out, "held_ms",
			    hub->now_ms - holder->ticket->granted_ms);
	} else if (*holder->text) {
		zkp_out_str(&hub->out, "holder", holder->text);
	}
}

static void say_queued(struct hub *hub, const struct locktab_ticket *t)
{
	struct locktab_holder holder;

	locktab_holder(hub->tab, t, &holder);
	zkp_out_begin(&hub->out, t->tag, "QUEUED");
	zkp_out_word(&hub->out, t->name);
	zkp_out_id(&hub->out, "id", t->id);
	zkp_out_u64(&hub->out, "pos", holder.pos);
	put_holder(hub, &holder);
	(void)zkp_out_end(&hub->out);
	hub_send(hub, t->conn);
}

int64_t hub_until_ms(const struct hub *hub, const struct locktab_ticket *t)
{
	int64_t until_ms = lease_deadline_ms(hub->lease);

	return t->until_ms < until_ms ? t->until_ms : until_ms;
}

static void say_granted_row(struct hub *hub, const struct locktab_ticket *t)
{
	zkp_out_begin(&hub->out, t->tag, "-");
	zkp_out_word(&hub->out, t->name);
	zkp_out_id(&hub->out, "id", t->id);
	zkp_out_u64(&hub->out, "token", t->token);
	zkp_out_str(&hub->out, "node", hub_bid_node(hub, t->bid));
	(void)zkp_out_end(&hub->out);
	hub_send(hub, t->conn);
}

/* R16: a row for each of several names, and one answer behind the last.  The
 * rows wait for it: never some of a grant that is over by then. */
static void say_granted_several(struct hub *hub, const struct locktab_ticket *t)
{
	struct hub_conn *conn = hub_conn_find(hub, t->conn);
	int64_t now_ms, until_ms;

	if (conn)
		conn->held++;
	assert(t->at < ZKP_NAMES_MAX);
	hub->granted[t->at] = t;
	if (t->at + 1 < t->of)
		return;
	now_ms = hub->doors.now_ms(hub->doors.ctx);
	until_ms = hub_until_ms(hub, t);
	if (now_ms >= until_ms) {
		hub_err(hub, t->conn, t->tag, ZKP_LOST, NULL);
		return;
	}
	for (unsigned i = 0; i < t->of; i++)
		say_granted_row(hub, hub->granted[i]);
	zkp_out_begin(&hub->out, t->tag, "GRANTED");
	zkp_out_word_u64(&hub->out, t->of);
	zkp_out_u64(&hub->out, "gen", t->gen);
	zkp_out_i64(&hub->out, "until_ms", lease_deadline_ms(hub->lease));
	zkp_out_i64(&hub->out, "valid_ms", until_ms - now_ms);
	if (t->until_ms != LOCKTAB_NEVER_MS)
		zkp_out_i64(&hub->out, "max_until_ms", t->until_ms);
	zkp_out_i64(&hub->out, "waited_ms", t->granted_ms - t->asked_ms);
	if (hub->settings.dev)
		zkp_out_str(&hub->out, "dev", "1");
	(void)zkp_out_end(&hub->out);
	hub_send(hub, t->conn);
}

static void say_granted(struct hub *hub, const struct locktab_ticket *t)
{
	int64_t until_ms = hub_until_ms(hub, t);
	int64_t now_ms = hub->doors.now_ms(hub->doors.ctx);
	struct hub_conn *conn = hub_conn_find(hub, t->conn);
	struct zkp_grant grant = {
		.name = t->name,
		.mode = zkp_mode_word(t->mode),
		.slots = t->slots,
		.node = hub_bid_node(hub, t->bid),
		.id = t->id,
		.token = t->token,
		.gen = t->gen,
		.until_ms = lease_deadline_ms(hub->lease),
		.valid_ms = until_ms - now_ms,
		.max_until_ms =
		    t->until_ms == LOCKTAB_NEVER_MS ? 0 : t->until_ms,
		.waited_ms = t->granted_ms - t->asked_ms,
		.dev = hub->settings.dev,
	};

	/* Time has passed since the turn began: never a grant that is over.
	 * The loss itself follows with the next look at the clock. */
	if (conn)
		conn->held++;
	if (now_ms >= until_ms) {
		hub_err(hub, t->conn, t->tag, ZKP_LOST, NULL);
		return;
	}
	(void)zkp_grant_write(&hub->out, t->tag, &grant);
	hub_send(hub, t->conn);
}

/* Nobody here has it, and who has it elsewhere may have let go since. */
static bool is_unheard(const struct hub *hub,
		       const struct locktab_holder *holder,
		       enum zkp_status status)
{
	return status == ZKP_TIMEOUT && !holder->ticket &&
	       lease_state(hub->lease) != LEASE_PROVEN;
}

static void say_refused(struct hub *hub, const struct locktab_ticket *t,
			enum zkp_status status)
{
	const char *why = status == ZKP_ZK ? hub->refused_why : NULL;
	struct locktab_holder holder;

	if (status == ZKP_LIMIT && t->of_user)
		why = HUB_SHARE_TEXT;
	zkp_err_begin(&hub->out, t->tag, status);
	zkp_out_str(&hub->out, "name", t->name);
	zkp_out_id(&hub->out, "id", t->id);
	if (status == ZKP_BUSY || status == ZKP_TIMEOUT) {
		locktab_holder(hub->tab, t, &holder);
		holder.text = t->holder;
		if (is_unheard(hub, &holder, status)) {
			why = "the wait ran out while ZooKeeper did not answer";
			zkp_out_str(&hub->out, "state", hub_state_word(hub));
		}
		put_holder(hub, &holder);
	}
	if (status == ZKP_LIMIT)
		zkp_out_str(&hub->out, "which", "locks");
	if (status == ZKP_ZK && why && hub->refused_zk)
		zkp_out_i64(&hub->out, "zk", hub->refused_zk);
	zkp_out_i64(&hub->out, "waited_ms", hub->now_ms - t->asked_ms);
	(void)zkp_err_end(&hub->out, status, why);
	hub_send(hub, t->conn);
}

static void say_free(struct hub *hub, const struct locktab_ticket *t)
{
	zkp_out_begin(&hub->out, t->tag, "FREE");
	zkp_out_word(&hub->out, t->name);
	zkp_out_id(&hub->out, "id", t->id);
	zkp_out_i64(&hub->out, "waited_ms", hub->now_ms - t->asked_ms);
	(void)zkp_out_end(&hub->out);
	hub_send(hub, t->conn);
}

static void forget_held(struct hub *hub, uint64_t id)
{
	struct hub_conn *conn = hub_conn_find(hub, id);

	if (conn && conn->held)
		conn->held--;
}

/* What a client asked for itself, an administrator did or an end brings needs
 * nobody's care, and could be asked for without end. */
static enum hub_level lost_level(enum locktab_lost lost)
{
	switch (lost) {
	case LOCKTAB_LOST_DEADLINE:
	case LOCKTAB_LOST_EXPIRED:
	case LOCKTAB_LOST_DELETED:
		return HUB_ERR;
	case LOCKTAB_LOST_SHUTDOWN:
	case LOCKTAB_LOST_KICKED:
	case LOCKTAB_LOST_MAX_HOLD:
		break;
	}
	return HUB_INFO;
}

static void say_lost(struct hub *hub, const struct locktab_ticket *t)
{
	hub_log(hub, lost_level(t->lost),
		"event=lost lock=%s id=@%llu token=%llu conn=%llu reason=%s "
		"held_ms=%lld",
		t->name, (unsigned long long)t->id,
		(unsigned long long)t->token, (unsigned long long)t->conn,
		hub_lost_word(t->lost),
		(long long)(hub->now_ms - t->granted_ms));
	zkp_event_begin(&hub->out, ZKP_EVENT_LOST);
	zkp_out_word(&hub->out, t->name);
	zkp_out_id(&hub->out, "id", t->id);
	zkp_out_u64(&hub->out, "token", t->token);
	zkp_out_str(&hub->out, "reason", hub_lost_word(t->lost));
	(void)zkp_out_end(&hub->out);
	hub_send(hub, t->conn);
	forget_held(hub, t->conn);
}

/* Who asks for what it has in another way is told what there is. */
static const char *held_text(const struct zkp_request *rq,
			     const struct locktab_ticket *t)
{
	if (t->state != TICKET_HELD || t->mode == rq->mode)
		return NULL;
	if (t->mode == ZKP_MODE_X)
		return "this connection holds it exclusively; DOWNGRADE makes "
		       "that shared";
	return "this connection holds it shared, and two who do and want it "
	       "alone would wait for each other: UNLOCK it first";
}

static const char *done_lock_text(const struct zkp_request *rq,
				  const struct locktab_effect *fx)
{
	if (fx->status == ZKP_HELD)
		return held_text(rq, fx->ticket);
	if (fx->status == ZKP_LIMIT && fx->of_user)
		return HUB_SHARE_TEXT;
	if (fx->status == ZKP_DEADLOCK && !fx->which)
		return "several names are for a connection that has nothing "
		       "and waits for nothing";
	return NULL;
}

/* The request in hand, refused before there was a ticket. */
static void done_lock(struct hub *hub, const struct locktab_effect *fx)
{
	const struct zkp_request *rq = hub->rq;
	struct locktab_holder holder;

	zkp_err_begin(&hub->out, rq->tag, fx->status);
	zkp_out_str(&hub->out, "name", rq->name);
	if (fx->status == ZKP_HELD)
		zkp_out_id(&hub->out, "id", fx->ticket->id);
	if (fx->which && fx->status == ZKP_DEADLOCK)
		zkp_out_str(&hub->out, "cycle", fx->which);
	if (fx->status == ZKP_BUSY ||
	    (fx->which && fx->status == ZKP_DEADLOCK)) {
		locktab_name_holder(hub->tab, rq->name, hub->now_ms, &holder);
		put_holder(hub, &holder);
	}
	if (fx->status == ZKP_LIMIT)
		zkp_out_str(&hub->out, "which",
			    fx->which ? fx->which : "locks");
	(void)zkp_err_end(&hub->out, fx->status, done_lock_text(rq, fx));
}

static void put_unheld(struct hub *hub, const struct locktab_effect *fx)
{
	const struct zkp_request *rq = hub->rq;
	const struct locktab_ticket *t = fx->ticket;

	zkp_err_begin(&hub->out, rq->tag, fx->status);
	if (t) {
		zkp_out_str(&hub->out, "name", t->name);
		zkp_out_id(&hub->out, "id", t->id);
		zkp_out_str(&hub->out, "reason", hub_lost_word(t->lost));
	} else if (rq->id) {
		zkp_out_id(&hub->out, "id", rq->id);
	} else {
		zkp_out_str(&hub->out, "name", rq->name);
	}
	(void)zkp_err_end(&hub->out, fx->status, NULL);
}

static void done_downgrade(struct hub *hub, const struct locktab_effect *fx)
{
	const struct locktab_ticket *t = fx->ticket;

	if (fx->status != ZKP_OK) {
		put_unheld(hub, fx);
		return;
	}
	zkp_out_begin(&hub->out, hub->rq->tag, "OK");
	zkp_out_word(&hub->out, t->name);
	zkp_out_id(&hub->out, "id", t->id);
	zkp_out_str(&hub->out, "mode", zkp_mode_word(t->mode));
	zkp_out_u64(&hub->out, "token", t->token);
	(void)zkp_out_end(&hub->out);
}

static void done_unlock(struct hub *hub, const struct locktab_effect *fx)
{
	const struct zkp_request *rq = hub->rq;
	const struct locktab_ticket *t = fx->ticket;

	if (fx->status == ZKP_OK) {
		zkp_out_begin(&hub->out, rq->tag, "RELEASED");
		zkp_out_word(&hub->out, t->name);
		zkp_out_id(&hub->out, "id", t->id);
		zkp_out_i64(&hub->out, "held_ms", t->ended_ms - t->granted_ms);
		if (t->state == TICKET_KEPT)
			zkp_out_i64(&hub->out, "kept_ms",
				    t->until_ms - hub->now_ms);
		(void)zkp_out_end(&hub->out);
		forget_held(hub, t->conn);
		return;
	}
	put_unheld(hub, fx);
}

static void done_cancel(struct hub *hub, const struct locktab_effect *fx)
{
	const struct zkp_request *rq = hub->rq;

	if (fx->status == ZKP_OK) {
		zkp_out_begin(&hub->out, rq->tag, "OK");
		(void)zkp_out_end(&hub->out);
	} else {
		zkp_err_begin(&hub->out, rq->tag, fx->status);
		if (rq->id)
			zkp_out_id(&hub->out, "id", rq->id);
		else if (*rq->target)
			zkp_out_str(&hub->out, "tag", rq->target);
		else
			zkp_out_str(&hub->out, "name", rq->name);
		(void)zkp_err_end(&hub->out, fx->status,
				  "this connection waits for no such thing");
	}
}

/* The answer to the request in hand. */
static void say_done(struct hub *hub, const struct locktab_effect *fx)
{
	assert(hub->rq);
	if (hub->rq->verb == ZKP_VERB_UNLOCK)
		done_unlock(hub, fx);
	else if (hub->rq->verb == ZKP_VERB_KICK)
		hub_kick_done(hub, fx);
	else if (hub->rq->verb == ZKP_VERB_REVOKE)
		hub_revoke_done(hub, fx);
	else if (hub->rq->verb == ZKP_VERB_DOWNGRADE)
		done_downgrade(hub, fx);
	else if (hub->rq->verb == ZKP_VERB_CANCEL)
		done_cancel(hub, fx);
	else
		done_lock(hub, fx);
	hub_send(hub, hub->rq_conn);
}

void hub_answer(struct hub *hub, const struct locktab_effect *fx)
{
	switch (fx->type) {
	case LOCKTAB_FX_DONE:
		say_done(hub, fx);
		break;
	case LOCKTAB_FX_QUEUED:
		say_queued(hub, fx->ticket);
		break;
	case LOCKTAB_FX_GRANTED:
		if (fx->ticket->of)
			say_granted_several(hub, fx->ticket);
		else
			say_granted(hub, fx->ticket);
		break;
	case LOCKTAB_FX_REFUSED:
		say_refused(hub, fx->ticket, fx->status);
		break;
	case LOCKTAB_FX_FREE:
		say_free(hub, fx->ticket);
		break;
	case LOCKTAB_FX_LOST:
		say_lost(hub, fx->ticket);
		break;
	case LOCKTAB_FX_REVOKE:
	case LOCKTAB_FX_ASKED:
		hub_say_revoke(hub, fx);
		break;
	case LOCKTAB_FX_WANTED:
		hub_say_wanted(hub, fx);
		break;
	case LOCKTAB_FX_MOVED_HELD:
	case LOCKTAB_FX_MOVED_FREED:
	case LOCKTAB_FX_MOVED_QUEUE:
	case LOCKTAB_FX_BID_OPEN:
	case LOCKTAB_FX_BID_LEAVE:
	case LOCKTAB_FX_BID_REVOKE:
	case LOCKTAB_FX_BID_LOOK:
		break;
	}
}

/* Events for many */

static void put_deadline(struct hub *hub)
{
	int64_t until_ms = lease_deadline_ms(hub->lease);
	int64_t valid_ms = until_ms - hub->now_ms;

	zkp_out_i64(&hub->out, "until_ms", until_ms);
	zkp_out_i64(&hub->out, "valid_ms", valid_ms > 0 ? valid_ms : 0);
}

static void put_event(struct hub *hub, enum zkp_event event)
{
	int64_t grace_ms = lease_deadline_ms(hub->lease) - hub->now_ms;

	zkp_event_begin(&hub->out, event);
	switch (event) {
	case ZKP_EVENT_SUSPENDED:
	case ZKP_EVENT_RESUMED:
		put_deadline(hub);
		break;
	case ZKP_EVENT_LEASE:
		zkp_out_u64(&hub->out, "gen", lease_gen(hub->lease));
		zkp_out_i64(&hub->out, "until_ms",
			    lease_deadline_ms(hub->lease));
		break;
	case ZKP_EVENT_DRAINING:
		zkp_out_i64(&hub->out, "grace_ms", grace_ms > 0 ? grace_ms : 0);
		break;
	case ZKP_EVENT_BYE:
		zkp_out_word(&hub->out, "shutdown");
		break;
	case ZKP_EVENT_LOST:
	case ZKP_EVENT_WANTED:
	case ZKP_EVENT_REVOKE:
	case ZKP_EVENT_HELD:
	case ZKP_EVENT_FREED:
	case ZKP_EVENT_QUEUE:
	case ZKP_EVENT_DROPPED:
		break; /* not for many */
	}
	(void)zkp_out_end(&hub->out);
}

void hub_tell_holders(struct hub *hub, enum zkp_event event)
{
	struct hub_conn *conn, *next;

	HASH_ITER(hh, hub->conns, conn, next)
	{
		if (!conn->held && event != ZKP_EVENT_DRAINING &&
		    event != ZKP_EVENT_BYE)
			continue;
		put_event(hub, event);
		hub_send(hub, conn->id);
	}
}

/* At most once a beat, but a deadline that comes nearer is said at once. */
void hub_tell_lease(struct hub *hub)
{
	int64_t until_ms = lease_deadline_ms(hub->lease);
	int64_t beat_ms = lease_timeout_ms(hub->lease) / LEASE_BEATS;
	struct hub_conn *conn, *next;

	if (until_ms >= hub->pushed_until_ms &&
	    hub->now_ms < hub->pushed_ms + beat_ms)
		return;
	hub->pushed_ms = hub->now_ms;
	hub->pushed_until_ms = until_ms;
	HASH_ITER(hh, hub->conns, conn, next)
	{
		if (!conn->lease_push)
			continue;
		put_event(hub, ZKP_EVENT_LEASE);
		hub_send(hub, conn->id);
	}
}
