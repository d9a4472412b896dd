/* SPDX-License-Identifier: MIT */
/*
 * hub - groups: bids that are made in one multi or not at all (R16).
 *
 * The contests of a group know nothing of it: each says its create, and hears
 * the answer to it, as if it went alone.  Here the creates are kept until all
 * of the group are there, and leave together.  A set of the daemon's own node
 * goes with them: its mzxid is the czxid of all.
 *
 * A missing parent fails the whole: all parents are made, and the same multi
 * is tried again.  What was in doubt is said again by the contests themselves,
 * once each has looked for its node, and then leaves together again.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/coord_copy.h"
#include "daemon/hub_i.h"

/* Containers may be reaped between two calls, but not for ever. */
#define TRIES_MAX 16

struct part {
	uint64_t bid;
	uint32_t visit;
	struct coord_op *op; /* its strings behind it */
};

struct hub_group {
	uint64_t id;
	unsigned of, len, tries;
	bool flying;
	struct part parts[ZKP_NAMES_MAX];
	UT_hash_handle hh;
};

static struct hub_group *group_find(const struct hub *hub, uint64_t id)
{
	struct hub_group *group;

	HASH_FIND_ID(hh, hub->groups, id, group);
	return group;
}

static void group_free(struct hub *hub, struct hub_group *group)
{
	HASH_DEL(hub->groups, group);
	for (unsigned i = 0; i < group->len; i++)
		free(group->parts[i].op);
	free(group);
}

static struct hub_op row_of(const struct part *part,
			    enum contest_question question)
{
	return (struct hub_op){ .kind = HUB_OP_BID,
				.bid = part->bid,
				.question = question,
				.visit = part->visit };
}

static void fly(struct hub *hub, struct hub_group *group)
{
	struct coord_op subs[ZKP_NAMES_MAX + 1];
	struct coord_op multi = { .verb = COORD_MULTI,
				  .path = hub->presence_path,
				  .subs = subs,
				  .subs_len = group->len + 1 };
	struct hub_op row = { .kind = HUB_OP_GROUP, .flight = group->id };

	for (unsigned i = 0; i < group->len; i++)
		subs[i] = *group->parts[i].op;
	subs[group->len] =
	    (struct coord_op){ .verb = COORD_SET, .path = hub->presence_path };
	group->flying = true; /* until it is freed: it leaves only whole */
	hub->counts.multis++;
	hub_submit(hub, &multi, row);
}

/* Memory that is not to be had would be a create that nobody answers. */
void hub_group_put(struct hub *hub, const struct hub_bid *bid,
		   const struct contest_effect *fx)
{
	struct hub_group *group = group_find(hub, bid->group);
	struct part *part;

	if (!group) {
		group = calloc(1, sizeof *group);
		if (!group)
			abort();
		group->id = bid->group;
		group->of = bid->of;
		HASH_ADD_ID(hh, hub->groups, id, group);
	}
	assert(!group->flying && group->len < group->of);
	part = &group->parts[group->len++];
	part->bid = bid->id;
	part->visit = fx->visit;
	part->op = malloc(sizeof *part->op + coord_op_room(&fx->op));
	if (!part->op)
		abort();
	coord_op_copy(part->op, &fx->op, part->op + 1);
	if (group->len == group->of)
		fly(hub, group);
}

/* All of them hear the same, and the group is over: what they say next begins
 * it anew. */
static void tell_all(struct hub *hub, struct hub_group *group,
		     enum coord_result result, int zk_rc)
{
	const struct coord_event event = { .type = COORD_EV_ANSWER,
					   .answer = { .result = result,
						       .zk_rc = zk_rc } };
	struct part parts[ZKP_NAMES_MAX];
	unsigned len = group->len;
	struct hub_op row;

	memcpy(parts, group->parts, len * sizeof *parts);
	for (unsigned i = 0; i < len; i++)
		free(group->parts[i].op);
	group->len = 0;
	group_free(hub, group);
	for (unsigned i = 0; i < len; i++) {
		row = row_of(&parts[i], CONTEST_Q_CREATE);
		hub_bid_answer(hub, &row, &event);
	}
}

static void make_parents(struct hub *hub, const struct hub_group *group)
{
	for (unsigned i = 0; i < group->len; i++)
		hub_bid_make_parent(hub, group->parts[i].bid);
}

/* The nodes are there: each hears of its own, and asks who else stands. */
static void made(struct hub *hub, struct hub_group *group,
		 const struct coord_event *ev)
{
	int64_t zxid = ev->answer.subs[group->len].stat.mzxid;
	struct coord_event event = { .type = COORD_EV_ANSWER,
				     .answer = { .result = COORD_OK } };
	struct coord_op list = { .verb = COORD_LIST };
	char *paths[ZKP_NAMES_MAX];
	struct part *part;
	struct hub_op row;

	for (unsigned i = 0; i < group->len; i++) {
		paths[i] = strdup(ev->answer.subs[i].path);
		if (!paths[i])
			abort(); /* a node nobody knows of would stay */
	}
	event.answer.stat.czxid = zxid;
	for (unsigned i = 0; i < group->len; i++) {
		part = &group->parts[i];
		event.answer.path = paths[i];
		row = row_of(part, CONTEST_Q_CREATE);
		hub_bid_answer(hub, &row, &event);
		list.path = hub_bid_parent(hub, part->bid);
		row = row_of(part, CONTEST_Q_LIST);
		if (list.path && hub_bid_awaits(hub, part->bid, part->visit))
			hub_submit(hub, &list, row);
		free(paths[i]);
	}
	group_free(hub, group);
}

void hub_group_answer(struct hub *hub, const struct hub_op *op,
		      const struct coord_event *ev)
{
	struct hub_group *group = group_find(hub, op->flight);

	if (!group)
		return; /* of a session that has ended */
	switch (ev->answer.result) {
	case COORD_OK:
		made(hub, group, ev);
		return;
	case COORD_NO_NODE:
		if (ev->answer.failed > group->len ||
		    ++group->tries > TRIES_MAX)
			break;
		/* The daemon's own node bears the name of its life: one that
		 * was left by the session before ends with that. */
		if (ev->answer.failed == group->len)
			hub_session_presence(hub);
		else
			make_parents(hub, group);
		fly(hub, group);
		return;
	case COORD_MAYBE:
	case COORD_NOT_SENT:
		tell_all(hub, group, ev->answer.result, 0);
		return;
	case COORD_NODE_EXISTS:
	case COORD_NOT_EMPTY:
	case COORD_BAD_VERSION:
	case COORD_REFUSED:
		break;
	}
	tell_all(hub, group, COORD_REFUSED, ev->answer.zk_rc);
}

/* A bid is left before all were there: nothing of them has been sent. */
void hub_group_cancel(struct hub *hub, uint64_t id)
{
	struct hub_group *group = group_find(hub, id);

	if (group && !group->flying)
		tell_all(hub, group, COORD_NOT_SENT, 0);
}

void hub_group_link_down(struct hub *hub)
{
	struct hub_group *group, *next;

	HASH_ITER(hh, hub->groups, group, next)
	{
		if (!group->flying)
			tell_all(hub, group, COORD_NOT_SENT, 0);
	}
}

void hub_group_forget_all(struct hub *hub)
{
	struct hub_group *group, *next;

	HASH_ITER(hh, hub->groups, group, next)
	group_free(hub, group);
}

/* Made together, they are all there or none is.  One that has its node while
 * another wants to be made: that one's was deleted before its lost answer was
 * looked into. */
static bool is_torn(const struct hub *hub, const struct hub_group *group)
{
	const struct hub_bid *bid;

	if (group->flying)
		return false;
	for (bid = hub->bids; bid; bid = bid->hh.next) {
		if (bid->group == group->id && *contest_node(bid->contest) &&
		    !contest_leaving(bid->contest))
			return true;
	}
	return false;
}

static struct hub_group *torn(const struct hub *hub)
{
	struct hub_group *group = hub->groups;

	while (group && !is_torn(hub, group))
		group = group->hh.next;
	return group;
}

void hub_group_tick(struct hub *hub)
{
	struct hub_group *group;
	uint64_t bid;

	while ((group = torn(hub))) {
		bid = group->parts[0].bid;
		hub_group_cancel(hub, group->id);
		hub_bid_vanish(hub, bid);
	}
}
