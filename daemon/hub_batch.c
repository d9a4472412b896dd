/* SPDX-License-Identifier: MIT */
/*
 * hub - batches: what bids want written or read leaves together (batch.h says
 * how), and each bid hears the answer to its own part.
 */
#include <assert.h>

#include "daemon/hub_i.h"

static struct hub_op row_of(const struct batch_want *want)
{
	return (struct hub_op){
		.kind = HUB_OP_BID,
		.bid = want->bid,
		.question = (enum contest_question)want->question,
		.visit = want->visit,
	};
}

static bool is_read(const struct coord_op *op)
{
	return op->verb == COORD_LIST || op->verb == COORD_GET;
}

/* A create by itself says nothing of others: one flush with a listing. */
static void submit_single(struct hub *hub, const struct batch_want *want,
			  struct hub_op row)
{
	struct coord_op ops[2] = {
		want->op, { .verb = COORD_LIST, .path = want->parent }
	};
	struct hub_op list_row = row_of(want);
	bool listed = want->op.verb == COORD_CREATE;

	list_row.question = CONTEST_Q_LIST;
	hub_enroll(hub, &ops[0], row);
	if (listed)
		hub_enroll(hub, &ops[1], list_row);
	hub->coord->ops->submit(hub->coord, ops, 1 + listed);
}

void hub_batch_put(struct hub *hub, const struct hub_bid *bid,
		   const struct contest_effect *fx)
{
	struct batch_want want = { .bid = bid->id,
				   .question = fx->question,
				   .visit = fx->visit,
				   .op = fx->op };

	if (is_read(&fx->op)) {
		batch_put_calm(hub->batch, &want, hub->now_ms);
		return;
	}
	if (fx->op.verb == COORD_CREATE)
		want.parent = contest_parent(bid->contest);
	batch_put(hub->batch, &want);
}

static void leave(struct hub *hub, const struct batch_flight *flight)
{
	const struct batch_want *want = batch_flight_want(flight, 0);
	struct hub_op row = row_of(want);
	struct coord_op multi;

	if (is_read(&want->op)) {
		if (hub_bid_awaits(hub, want->bid, want->visit))
			hub_submit(hub, &want->op, row);
		return;
	}
	row.kind = HUB_OP_BATCH;
	row.flight = batch_flight_id(flight);
	if (batch_flight_multi(flight, &multi)) {
		hub->counts.multis++;
		hub_submit(hub, &multi, row);
	} else {
		submit_single(hub, want, row);
	}
}

bool hub_batch_leave(struct hub *hub)
{
	const struct batch_flight *flight;
	bool left = false;

	while ((flight = batch_next(hub->batch, hub->now_ms))) {
		leave(hub, flight);
		left = true;
	}
	return left;
}

static void tell(struct hub *hub, const struct batch_want *want,
		 const struct batch_answer *answer)
{
	struct hub_op row = row_of(want);

	row.claimed = answer->claimed;
	row.children = answer->children;
	hub_bid_answer(hub, &row, &answer->event);
}

void hub_batch_answer(struct hub *hub, const struct hub_op *op,
		      const struct coord_event *ev)
{
	struct batch_flight *flight = batch_land(hub->batch, op->flight, ev);
	struct batch_answer answer;

	assert(flight); /* it is answered once */
	if (batch_flight_len(flight) == 1) {
		hub_bid_answer(hub, op, ev);
		batch_flight_free(flight);
		return;
	}
	/* A claim's answer grants, and proves: first the page, then grants. */
	hub_session_run(hub);
	if (batch_flight_refused(flight)) {
		/* Whose error it was, each hears for itself. */
		for (size_t i = 0; i < batch_flight_len(flight); i++) {
			const struct batch_want *want =
			    batch_flight_want(flight, i);

			if (hub_bid_awaits(hub, want->bid, want->visit))
				submit_single(hub, want, row_of(want));
		}
	} else {
		for (size_t i = 0; i < batch_flight_len(flight); i++) {
			answer = batch_flight_answer(flight, i);
			tell(hub, batch_flight_want(flight, i), &answer);
		}
	}
	batch_flight_free(flight);
}

static const struct batch_answer not_sent = {
	.event = { .type = COORD_EV_ANSWER,
		   .answer = { .result = COORD_NOT_SENT } }
};

void hub_batch_link_down(struct hub *hub)
{
	struct batch_want want;

	while (batch_take_back(hub->batch, &want))
		tell(hub, &want, &not_sent);
}

void hub_batch_cancel(struct hub *hub, uint64_t bid)
{
	struct batch_want want;

	if (batch_cancel(hub->batch, bid, &want))
		tell(hub, &want, &not_sent);
}
