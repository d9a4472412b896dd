/* SPDX-License-Identifier: MIT */
/*
 * hub - ghosts: nodes that our server shows and the ensemble does not have.
 *
 * A follower that lost its leader and came back can keep an ephemeral node
 * whose end it has missed (ZOOKEEPER-5010 is one way), and shows it until it
 * is started anew.  Whoever waits for that node's end there waits for ever.
 * So once in a session's timeout the leader is asked, by a write that it
 * judges by its own tree: one multi of checks, of the nodes that bids wait
 * behind and, where a wait is long, of the first in that queue.
 *
 * An end that the leader knows of is one that our server has applied, and
 * sent the watch of, before it answers (coord.h).  So a predecessor that is
 * not there, and whose watch has not fired, is proof of a server that is not
 * to be believed.  The first of a queue nobody watches: it may just have
 * ended, and is proof only if our server shows it after that answer; else the
 * queue is listed again, for a ghost may stand behind it.  Such a server we
 * leave.
 *
 * The leases of a semaphore are not looked after: a waiter counts them.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/hub_i.h"

/* The first of a queue ends often where others wait long, and then the whole
 * queue is listed for nothing: so it is asked about after so many looks behind
 * one node, and each time that it had just ended the wait doubles. */
#define GHOST_FIRST_MIN 4
#define GHOST_FIRST_MAX 32

static const char *path_of(const struct hub_bid *bid, bool first)
{
	return first ? contest_first(bid->contest) : contest_pred(bid->contest);
}

/* The bid, while it still waits as it did; NULL: it does not. */
static struct hub_bid *waiter(struct hub *hub, uint64_t id, bool first,
			      const char *path)
{
	struct hub_bid *bid = hub_bid_find(hub, id);
	const char *now = bid ? path_of(bid, first) : NULL;

	return now && strcmp(now, path) == 0 ? bid : NULL;
}

static void add(struct hub *hub, const struct hub_bid *bid, bool first)
{
	const char *path = path_of(bid, first);
	struct hub_ghost *one = &hub->ghosts[hub->ghosts_len];

	if (!path)
		return;
	*one = (struct hub_ghost){ .bid = bid->id, .first = first };
	one->path = strdup(path);
	hub->ghosts_len += one->path != NULL; /* or at the next look */
}

static void look_at(struct hub *hub, struct hub_bid *bid)
{
	uint32_t visit = contest_visit(bid->contest);

	if (bid->ghost.visit != visit) {
		bid->ghost.visit = visit;
		bid->ghost.looks = 0;
		if (bid->ghost.first_rest < GHOST_FIRST_MIN)
			bid->ghost.first_rest = GHOST_FIRST_MIN;
	}
	bid->ghost.looks++;
	add(hub, bid, false);
	if (bid->ghost.looks >= bid->ghost.first_rest)
		add(hub, bid, true);
}

/* All who wait, in turns if there are many. */
static void look(struct hub *hub)
{
	struct hub_bid *bid, *next;
	uint64_t last = hub->ghost_bid;

	hub->ghost_bid = 0;
	HASH_ITER(hh, hub->bids, bid, next)
	{
		if (bid->id <= last)
			continue;
		if (hub->ghosts_len + 2 > COORD_SUBS_MAX) {
			hub->ghost_bid = last;
			break;
		}
		look_at(hub, bid);
		last = bid->id;
	}
}

static void ask(struct hub *hub)
{
	struct coord_op checks[COORD_SUBS_MAX];
	struct coord_op multi = { .verb = COORD_MULTI,
				  .path = "/",
				  .subs = checks,
				  .subs_len = hub->ghosts_len };

	for (size_t i = 0; i < hub->ghosts_len; i++)
		checks[i] = (struct coord_op){ .verb = COORD_CHECK,
					       .path = hub->ghosts[i].path };
	hub_submit(hub, &multi, (struct hub_op){ .kind = HUB_OP_GHOST });
}

int64_t hub_ghost_wake_ms(const struct hub *hub)
{
	return hub->link_up && hub->bids ? hub->ghost_ms : INT64_MAX;
}

void hub_ghost_tick(struct hub *hub)
{
	if (hub->now_ms < hub_ghost_wake_ms(hub))
		return;
	hub->ghost_ms = hub->now_ms + lease_timeout_ms(hub->lease);
	if (hub->ghosts_len || lease_state(hub->lease) != LEASE_PROVEN)
		return; /* one question at a time */
	look(hub);
	if (hub->ghosts_len)
		ask(hub);
}

void hub_ghost_forget(struct hub *hub)
{
	while (hub->ghosts_len)
		free(hub->ghosts[--hub->ghosts_len].path);
}

static void found(struct hub *hub, const char *path)
{
	hub->counts.ghosts++;
	hub_log(hub, HUB_ERR,
		"event=ghost path=%s server=%s :the server shows a node that "
		"the ensemble does not have: leaving it; start it anew",
		path, hub->server);
	hub->coord->ops->drop_link(hub->coord);
}

/* The leader does not have it. */
static void missing(struct hub *hub, const struct hub_ghost *one)
{
	struct coord_op get = { .verb = COORD_GET, .path = one->path };
	struct hub_op row = { .kind = HUB_OP_GHOST_GET, .bid = one->bid };

	if (!waiter(hub, one->bid, one->first, one->path))
		return; /* its end was heard of meanwhile */
	if (!one->first) {
		found(hub, one->path);
		return;
	}
	row.text = strdup(one->path);
	if (row.text)
		hub_submit(hub, &get, row);
}

/* Of checks that failed together the first that did is told, and those before
 * it are well. */
static void drop_upto(struct hub *hub, size_t failed)
{
	size_t from = failed + 1;

	for (size_t i = 0; i < from; i++)
		free(hub->ghosts[i].path);
	hub->ghosts_len -= from;
	memmove(hub->ghosts, hub->ghosts + from,
		hub->ghosts_len * sizeof *hub->ghosts);
}

void hub_ghost_checked(struct hub *hub, const struct coord_event *ev)
{
	enum coord_result result = ev->answer.result;
	size_t failed = ev->answer.failed;

	if (result == COORD_OK || result == COORD_MAYBE ||
	    result == COORD_NOT_SENT || failed >= hub->ghosts_len) {
		hub_ghost_forget(hub);
		return;
	}
	if (result == COORD_NO_NODE)
		missing(hub, &hub->ghosts[failed]);
	drop_upto(hub, failed);
	if (hub->ghosts_len)
		ask(hub);
}

/* Does our server show what the leader had not? */
void hub_ghost_shown(struct hub *hub, const struct hub_op *op,
		     const struct coord_event *ev)
{
	struct hub_bid *bid = waiter(hub, op->bid, true, op->text);

	if (!bid)
		return;
	if (ev->answer.result == COORD_OK) {
		found(hub, op->text);
	} else if (ev->answer.result == COORD_NO_NODE) {
		if (bid->ghost.first_rest < GHOST_FIRST_MAX)
			bid->ghost.first_rest *= 2;
		hub_bid_look(hub, op->bid);
	}
}
