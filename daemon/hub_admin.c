/* SPDX-License-Identifier: MIT */
/*
 * hub - what administrators may ask: KICK.
 *
 * Who is one was decided when the connection came (access.h).  Each act is
 * logged with who did it.
 */
#include <stdio.h>

#include "daemon/hub_i.h"

static bool may(struct hub *hub, const struct hub_conn *conn,
		const struct zkp_request *rq)
{
	if (conn->peer.admin)
		return true;
	zkp_err_begin(&hub->out, rq->tag, ZKP_DENIED);
	(void)zkp_err_end(&hub->out, ZKP_DENIED,
			  "this is for root, the daemon's user and the group "
			  "zklock-admin");
	hub_send(hub, conn->id);
	return false;
}

void hub_conn_who(const struct hub *hub, const struct hub_conn *conn, char *buf,
		  size_t size)
{
	const char *command = *conn->client ? conn->client : conn->peer.command;

	(void)snprintf(buf, size, "%s pid=%lld%s%s", hub->settings.host,
		       (long long)conn->peer.pid, *command ? " " : "", command);
}

static void audit(struct hub *hub, const struct hub_conn *conn,
		  const struct locktab_ticket *t, const char *reason)
{
	hub_log(hub, HUB_NOTICE,
		"event=kick lock=%s id=@%llu conn=%llu state=%s by_conn=%llu "
		"by_uid=%u by_pid=%lld reason=\"%s\"",
		t->name, (unsigned long long)t->id, (unsigned long long)t->conn,
		t->state == TICKET_WAITING ? "waiting" : "held",
		(unsigned long long)conn->id, conn->peer.uid,
		(long long)conn->peer.pid, reason);
}

/* lease.md R11: an end is announced, and is a quarter of the timeout away. */
static int64_t end_ms(const struct hub *hub)
{
	int64_t until_ms = lease_deadline_ms(hub->lease);
	int64_t grace_ms =
	    hub->now_ms + lease_timeout_ms(hub->lease) / HUB_GRACE_SHARE;

	return grace_ms < until_ms ? grace_ms : until_ms;
}

void hub_kick(struct hub *hub, struct hub_conn *conn,
	      const struct zkp_request *rq)
{
	const struct locktab_ticket *t;
	struct locktab_event ev = { .type = LOCKTAB_KICK,
				    .conn = conn->id,
				    .kick = { .id = rq->id } };

	if (!may(hub, conn, rq))
		return;
	t = locktab_by_id(hub->tab, rq->id);
	if (t)
		audit(hub, conn, t, rq->reason);
	ev.kick.end_ms = end_ms(hub);
	hub_step(hub, &ev);
}

void hub_kick_done(struct hub *hub, const struct locktab_effect *fx)
{
	const struct locktab_ticket *t = fx->ticket;
	int64_t grace_ms = 0;

	if (fx->status != ZKP_OK) {
		zkp_err_begin(&hub->out, hub->rq->tag, fx->status);
		zkp_out_id(&hub->out, "id", hub->rq->id);
		(void)zkp_err_end(&hub->out, fx->status, NULL);
		return;
	}
	if (t->state == TICKET_HELD)
		grace_ms = t->until_ms - hub->now_ms;
	zkp_out_begin(&hub->out, hub->rq->tag, "OK");
	zkp_out_str(&hub->out, "name", t->name);
	zkp_out_id(&hub->out, "id", t->id);
	zkp_out_i64(&hub->out, "grace_ms", grace_ms > 0 ? grace_ms : 0);
	(void)zkp_out_end(&hub->out);
}

/* Only while the KICK is in hand: that says who and why. */
void hub_say_revoke(struct hub *hub, const struct locktab_ticket *t)
{
	const struct hub_conn *by = hub_conn_find(hub, hub->rq_conn);
	char who[LAYOUT_HOLDER_MAX];

	zkp_event_begin(&hub->out, ZKP_EVENT_REVOKE);
	zkp_out_word(&hub->out, t->name);
	zkp_out_id(&hub->out, "id", t->id);
	if (by) {
		hub_conn_who(hub, by, who, sizeof who);
		zkp_out_str(&hub->out, "by", who);
	}
	if (*hub->rq->reason)
		zkp_out_str(&hub->out, "reason", hub->rq->reason);
	zkp_out_i64(&hub->out, "grace_ms", t->until_ms - hub->now_ms);
	zkp_out_i64(&hub->out, "max_until_ms", t->until_ms);
	(void)zkp_out_end(&hub->out);
	hub_send(hub, t->conn);
}
