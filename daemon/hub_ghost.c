/* SPDX-License-Identifier: MIT */
/*
 * hub - ghosts: nodes that our server shows and the ensemble does not have.
 *
 * A follower that lost its leader and came back can keep an ephemeral node
 * whose end it has missed (ZOOKEEPER-5010 is one way), and shows it until it
 * is started anew.  Whoever waits for that node's end there waits for ever.
 * So what has stood before us for a session's timeout is asked about by a
 * write, which the leader judges by its own tree: one multi of checks for all
 * such nodes.  An end that the leader knows of is one that our server has
 * applied, and sent the watch of, before it answers (coord.h); a bid that
 * still waits then has a server that is not to be believed, and we leave it.
 *
 * A wait that goes on is asked about ever more rarely.  The leases of a
 * semaphore are not looked after: a waiter counts them and knows none.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/hub_i.h"

/* Looks per timeout: a wait is asked about 1 to 1 1/4 timeouts after it
 * began. */
#define GHOST_LOOKS 4
/* The longest rest between two questions about one wait, in timeouts. */
#define GHOST_REST_MAX 32

static const char *pred_of(const struct hub_bid *bid)
{
	return contest_pred(bid->contest);
}

/* Does it wait for the same node as at the look before? */
static bool is_same(const struct hub_bid *bid)
{
	const char *pred = pred_of(bid);

	return bid->pred && pred && strcmp(bid->pred, pred) == 0;
}

static void note_wait(struct hub *hub, struct hub_bid *bid)
{
	const char *pred = pred_of(bid);

	free(bid->pred);
	bid->pred = pred ? strdup(pred) : NULL; /* or at the next look */
	bid->ghost_rest_ms = lease_timeout_ms(hub->lease);
	bid->ghost_ms = hub->now_ms + bid->ghost_rest_ms;
}

static void rest(struct hub *hub, struct hub_bid *bid)
{
	int64_t most_ms = GHOST_REST_MAX * lease_timeout_ms(hub->lease);

	if (bid->ghost_rest_ms < most_ms)
		bid->ghost_rest_ms *= 2;
	bid->ghost_ms = hub->now_ms + bid->ghost_rest_ms;
}

/* The bids whose time has come, into hub->ghosts. */
static void look(struct hub *hub)
{
	struct hub_bid *bid, *next;

	hub->ghosts_len = 0;
	HASH_ITER(hh, hub->bids, bid, next)
	{
		if (!is_same(bid))
			note_wait(hub, bid);
		else if (bid->ghost_ms <= hub->now_ms &&
			 hub->ghosts_len < COORD_SUBS_MAX)
			hub->ghosts[hub->ghosts_len++] = bid->id;
	}
}

static void ask(struct hub *hub)
{
	struct coord_op checks[COORD_SUBS_MAX];
	struct coord_op multi = { .verb = COORD_MULTI,
				  .path = "/",
				  .subs = checks,
				  .subs_len = hub->ghosts_len };

	for (size_t i = 0; i < hub->ghosts_len; i++) {
		const struct hub_bid *bid = hub_bid_find(hub, hub->ghosts[i]);

		checks[i] =
		    (struct coord_op){ .verb = COORD_CHECK, .path = bid->pred };
	}
	hub->ghosts_asked = true;
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
	hub->ghost_ms =
	    hub->now_ms + lease_timeout_ms(hub->lease) / GHOST_LOOKS;
	if (hub->ghosts_asked || lease_state(hub->lease) != LEASE_PROVEN)
		return;
	look(hub);
	if (hub->ghosts_len)
		ask(hub);
}

static void found(struct hub *hub, const struct hub_bid *bid)
{
	hub->counts.ghosts++;
	hub_log(hub, HUB_ERR,
		"event=ghost path=%s server=%s :the server shows a node that "
		"the ensemble does not have: leaving it; start it anew",
		bid->pred, hub->server);
	hub->coord->ops->drop_link(hub->coord);
}

void hub_ghost_answer(struct hub *hub, const struct coord_event *ev)
{
	bool well = ev->answer.result == COORD_OK;
	struct hub_bid *bid;

	hub->ghosts_asked = false;
	if (ev->answer.result == COORD_MAYBE ||
	    ev->answer.result == COORD_NOT_SENT)
		return;
	/* Of checks that failed together only one says anything. */
	for (size_t i = 0; i < hub->ghosts_len; i++) {
		bid = hub_bid_find(hub, hub->ghosts[i]);
		if (!bid || (!well && i != ev->answer.failed))
			continue;
		rest(hub, bid);
		if (ev->answer.result == COORD_NO_NODE && is_same(bid))
			found(hub, bid);
	}
}
