/* SPDX-License-Identifier: MIT */
/*
 * hub - CHECK: is it still held?
 *
 * With sync=1 the past is proven by a write that commits after the question.
 * One write proves it to all that asked before it was sent: there is one under
 * way at most, and who asks meanwhile waits for the next.
 */
#include <stdio.h>
#include <stdlib.h>

#include "daemon/hub_i.h"

struct hub_check {
	uint64_t conn, ticket;
	uint64_t round; /* the write that proves it */
	TAILQ_ENTRY(hub_check) in_checks;
	char tag[ZKP_TAG_MAX + 1];
};

struct locktab_target hub_target(const struct zkp_request *rq)
{
	return (struct locktab_target){
		.id = rq->id,
		.tag = *rq->target ? rq->target : NULL,
		.name = rq->id || *rq->target ? NULL : rq->name,
	};
}

/* CHECK answers its own connection, and for @id token=N any connection of
 * the same uid: who knows the token was given it. */
static const struct locktab_ticket *check_find(struct hub *hub,
					       const struct hub_conn *conn,
					       const struct zkp_request *rq)
{
	struct locktab_target target = hub_target(rq);
	const struct locktab_ticket *t;
	const struct hub_conn *owner;

	t = locktab_find(hub->tab, conn->id, &target);
	if (!t && rq->id && rq->token) {
		t = locktab_by_id(hub->tab, rq->id);
		owner = t ? hub_conn_find(hub, t->conn) : NULL;
		if (!owner || owner->peer.uid != conn->peer.uid)
			t = NULL;
	}
	if (t && rq->token && t->state != TICKET_WAITING &&
	    t->token != rq->token)
		t = NULL;
	return t;
}

static void put_check(struct hub *hub, const char *tag,
		      const struct locktab_ticket *found)
{
	/* What is only kept is nobody's hold. */
	const struct locktab_ticket *t =
	    found && found->state != TICKET_KEPT ? found : NULL;
	int64_t until_ms = t ? hub_until_ms(hub, t) : 0;
	bool held = t && t->state == TICKET_HELD && hub->now_ms < until_ms;

	zkp_out_begin(&hub->out, tag, "OK");
	zkp_out_u64(&hub->out, "held", held);
	if (held) {
		zkp_out_id(&hub->out, "id", t->id);
		zkp_out_u64(&hub->out, "token", t->token);
		zkp_out_str(&hub->out, "mode", zkp_mode_word(t->mode));
		zkp_out_u64(&hub->out, "gen", t->gen);
		zkp_out_i64(&hub->out, "until_ms",
			    lease_deadline_ms(hub->lease));
		zkp_out_i64(&hub->out, "valid_ms", until_ms - hub->now_ms);
		if (t->until_ms != LOCKTAB_NEVER_MS)
			zkp_out_i64(&hub->out, "max_until_ms", t->until_ms);
	} else if (!t) {
		zkp_out_str(&hub->out, "reason", "notheld");
	} else if (t->state == TICKET_WAITING) {
		zkp_out_str(&hub->out, "reason", "waiting");
	} else if (t->state == TICKET_LOST) {
		zkp_out_str(&hub->out, "reason", hub_lost_word(t->lost));
	} else {
		zkp_out_str(&hub->out, "reason", "deadline");
	}
	(void)zkp_out_end(&hub->out);
}

static void submit(struct hub *hub)
{
	struct coord_op op = { .verb = COORD_SET, .path = hub->presence_path };
	struct hub_op row = { .kind = HUB_OP_CHECK };

	hub->check_round++;
	hub->check_flies = true;
	hub_submit(hub, &op, row);
}

static void check_sync(struct hub *hub, struct hub_conn *conn,
		       const struct zkp_request *rq, uint64_t ticket)
{
	struct hub_check *check = calloc(1, sizeof *check);

	if (!check) {
		hub_err(hub, conn->id, rq->tag, ZKP_LIMIT, NULL);
		return;
	}
	check->conn = conn->id;
	check->ticket = ticket;
	check->round = hub->check_round + 1;
	(void)snprintf(check->tag, sizeof check->tag, "%s", rq->tag);
	TAILQ_INSERT_TAIL(&hub->checks, check, in_checks);
	hub_unanswered(hub, conn, 1);
	if (!hub->check_flies)
		submit(hub);
}

static void answer(struct hub *hub, const struct hub_check *check, bool proven)
{
	struct hub_conn *conn = hub_conn_find(hub, check->conn);

	if (!conn)
		return;
	hub_unanswered(hub, conn, -1);
	if (proven) {
		put_check(hub, check->tag,
			  locktab_by_id(hub->tab, check->ticket));
		hub_send(hub, conn->id);
	} else {
		hub_err(hub, conn->id, check->tag, ZKP_SUSPENDED,
			"no write could be committed");
	}
}

void hub_check_answered(struct hub *hub, bool proven)
{
	bool can_ask = hub->link_up && hub->presence;
	struct hub_check *check;

	hub->check_flies = false;
	while ((check = TAILQ_FIRST(&hub->checks)) &&
	       (check->round <= hub->check_round || !can_ask)) {
		TAILQ_REMOVE(&hub->checks, check, in_checks);
		answer(hub, check, proven && check->round <= hub->check_round);
		free(check);
	}
	if (check)
		submit(hub);
}

void hub_check_free_all(struct hub *hub)
{
	struct hub_check *check;

	while ((check = TAILQ_FIRST(&hub->checks))) {
		TAILQ_REMOVE(&hub->checks, check, in_checks);
		free(check);
	}
}

void hub_check(struct hub *hub, struct hub_conn *conn,
	       const struct zkp_request *rq)
{
	const struct locktab_ticket *t = check_find(hub, conn, rq);

	if (rq->sync && t && t->state == TICKET_HELD) {
		if (hub->link_up && hub->presence)
			check_sync(hub, conn, rq, t->id);
		else
			hub_err(hub, conn->id, rq->tag, ZKP_SUSPENDED, NULL);
		return;
	}
	put_check(hub, rq->tag, t);
	hub_send(hub, conn->id);
}
