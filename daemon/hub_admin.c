/* SPDX-License-Identifier: MIT */
/*
 * hub - holds that others want ended: REVOKE asks for it, KICK is for
 * administrators.
 *
 * Who is one was decided when the connection came (access.h).  Each of their
 * acts is logged with who did it.
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

void hub_revoke(struct hub *hub, struct hub_conn *conn,
		const struct zkp_request *rq)
{
	struct locktab_event ev = { .type = LOCKTAB_REVOKE,
				    .conn = conn->id,
				    .revoke = { .name = rq->name,
						.admin = conn->peer.admin } };

	hub_step(hub, &ev);
}

void hub_revoke_done(struct hub *hub, const struct locktab_effect *fx)
{
	if (fx->status == ZKP_OK) {
		zkp_out_begin(&hub->out, hub->rq->tag, "OK");
		zkp_out_u64(&hub->out, "asked", fx->waiters);
		(void)zkp_out_end(&hub->out);
		return;
	}
	zkp_err_begin(&hub->out, hub->rq->tag, fx->status);
	zkp_out_str(&hub->out, "name", hub->rq->name);
	(void)zkp_err_end(&hub->out, fx->status,
			  fx->status == ZKP_DENIED
			      ? "this is for those who wait for the lock"
			      : NULL);
}

/* Whose request is in hand says who and why; without one it came by way of
 * ZooKeeper, which does not tell. */
static void put_asker(struct hub *hub)
{
	const struct zkp_request *rq = hub->rq;
	const struct hub_conn *by = NULL;
	char who[LAYOUT_HOLDER_MAX];

	if (rq && (rq->verb == ZKP_VERB_KICK || rq->verb == ZKP_VERB_REVOKE))
		by = hub_conn_find(hub, hub->rq_conn);
	if (!by) {
		zkp_out_str(&hub->out, "by", "another program");
		return;
	}
	hub_conn_who(hub, by, who, sizeof who);
	zkp_out_str(&hub->out, "by", who);
	if (*rq->reason)
		zkp_out_str(&hub->out, "reason", rq->reason);
}

/* Taken away, or only asked for. */
void hub_say_revoke(struct hub *hub, const struct locktab_effect *fx)
{
	const struct locktab_ticket *t = fx->ticket;

	zkp_event_begin(&hub->out, ZKP_EVENT_REVOKE);
	zkp_out_word(&hub->out, t->name);
	zkp_out_id(&hub->out, "id", t->id);
	put_asker(hub);
	if (fx->type == LOCKTAB_FX_REVOKE) {
		zkp_out_i64(&hub->out, "grace_ms", t->until_ms - hub->now_ms);
		zkp_out_i64(&hub->out, "max_until_ms", t->until_ms);
	}
	(void)zkp_out_end(&hub->out);
	hub_send(hub, t->conn);
}

void hub_say_wanted(struct hub *hub, const struct locktab_effect *fx)
{
	zkp_event_begin(&hub->out, ZKP_EVENT_WANTED);
	zkp_out_word(&hub->out, fx->ticket->name);
	zkp_out_id(&hub->out, "id", fx->ticket->id);
	zkp_out_u64(&hub->out, "waiters", fx->waiters);
	(void)zkp_out_end(&hub->out);
	hub_send(hub, fx->ticket->conn);
}
