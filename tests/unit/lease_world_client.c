/* SPDX-License-Identifier: MIT */
/*
 * The client of the world: the real lease, what it wants carried out, and what
 * it believes noted.
 */
#include "tests/unit/lease_world.h"

/* A turn comes up to four milliseconds after it was due (world_believe). */
#define TURN_MS 5
/* L-R2: what an idle host adds to G between two beats. */
#define IDLE_EXTRA_MS 500

static int64_t world_when(const struct world *w, int64_t clock_ms)
{
	int64_t ran = clock_ms * MS - w->epoch;

	return ran -
	       ran * w->weather->rate_ppm / (1000000 + w->weather->rate_ppm);
}

static void world_ask(struct world *w, enum lease_evidence kind)
{
	struct world_op *op = &w->ops[++w->op_last % WORLD_OPS_MAX];

	*op = (struct world_op){
		.mark = lease_sent(w->lease, world_clock_ms(w)),
		.kind = kind,
		.conn = w->conn,
	};
	if (w->weather->rule == RULE_TWO_CHAIN &&
	    op->mark.as_k_ms > op->mark.as_m_ms)
		op->mark.as_m_ms = op->mark.as_k_ms;
	if (w->weather->rule == RULE_OWN || w->weather->rule == RULE_ANY)
		op->mark.as_m_ms = op->mark.sent_ms;
	world_post(w, world_arrival(w, &w->up),
		   (struct world_event){ .type = EV_REQUEST,
					 .server = w->server,
					 .conn = w->conn,
					 .op = w->op_last });
}

static void world_hang_up(struct world *w)
{
	w->link_up = false;
	w->conn++; /* nothing of the old connection counts */
	world_post(w, w->now + world_below(w, 50 * MS),
		   (struct world_event){ .type = EV_RETRY });
}

static void world_drop_link(struct world *w)
{
	world_hang_up(w);
	if (w->weather->rule != RULE_UNAWARE)
		lease_link_down(w->lease, world_clock_ms(w));
}

static void world_told(struct world *w)
{
	if (w->weather->rule == RULE_SILENT)
		return;
	if (w->weather->rule == RULE_LAST_MOMENT && !w->kept) {
		w->kept = true;
		return;
	}
	w->kept = false;
	w->suspended++;
	w->told_ms = world_clock_ms(w);
}

static void world_told_again(struct world *w)
{
	w->unsafe |= w->lost; /* never after the end */
	if (w->kept || w->weather->rule == RULE_SILENT)
		w->kept = false;
	else
		w->resumed++;
}

static void world_lost(struct world *w, enum lease_loss loss)
{
	int64_t now_ms = world_clock_ms(w);

	if (w->kept)
		world_told(w);
	w->lost = true;
	w->surprised = w->suspended == w->resumed;
	w->notice_ms = w->shown_ms - w->told_ms;
	w->lost_late =
	    loss == LEASE_LOSS_DEADLINE && now_ms > w->shown_ms + TURN_MS;
}

/* Carries out what the lease wants, and notes what it believes. */
static void world_drain(struct world *w)
{
	struct lease_effect fx;

	while (lease_next(w->lease, &fx)) {
		switch (fx.type) {
		case LEASE_FX_SYNC:
			w->beats++;
			world_ask(w, LEASE_SYNC);
			break;
		case LEASE_FX_SET:
			world_ask(w, LEASE_WRITE);
			break;
		case LEASE_FX_READ:
			w->reads++;
			world_ask(w, LEASE_READ);
			break;
		case LEASE_FX_DROP_LINK:
			if (w->link_up)
				world_drop_link(w);
			break;
		case LEASE_FX_SUSPENDED:
			world_told(w);
			break;
		case LEASE_FX_RESUMED:
			world_told_again(w);
			break;
		case LEASE_FX_LOST:
			world_lost(w, fx.loss);
			break;
		case LEASE_FX_MOVED:
			w->proofs++;
			break;
		case LEASE_FX_FAREWELL:
		case LEASE_FX_CLOSE:
		case LEASE_FX_CONNECT:
		case LEASE_FX_SHORT:
			break;
		}
	}
}

/* L-R4, by a count of the world's own. */
static bool world_must_doubt(const struct world *w)
{
	int64_t beat_ms = w->weather->timeout_ms / LEASE_BEATS;
	int64_t patience_ms = 3 * beat_ms;

	if (w->weather->idle || w->weather->toggles)
		patience_ms = w->weather->believed_ms *
				  (1000000 + 2 * w->weather->drift_ppm) /
				  1000000 +
			      IDLE_EXTRA_MS + 2 * beat_ms;
	return !w->link_up ||
	       world_clock_ms(w) > w->heard_ms + patience_ms + TURN_MS;
}

static void world_believe(struct world *w)
{
	int64_t left_ms, proven_ms;

	world_drain(w);
	if (w->lost || !lease_deadline_ms(w->lease))
		return;
	w->shown_ms = lease_deadline_ms(w->lease);
	if (lease_state(w->lease) == LEASE_PROVEN && world_must_doubt(w))
		w->doubted_late = true;
	proven_ms = lease_deadline_ms(w->lease) + LEASE_MARGIN_MS;
	if (proven_ms > w->proven_ms)
		world_ambush(w);
	w->proven_ms = proven_ms;
	if (w->polled && world_clock_ms(w) < w->proven_ms)
		w->unsafe = true;
	left_ms = lease_deadline_ms(w->lease) - world_clock_ms(w);
	if (w->now > 10 * SECOND && left_ms < w->horizon_ms)
		w->horizon_ms = left_ms;
	world_post(
	    w,
	    lease_wake_ms(w->lease) == LEASE_NEVER_MS
		? WORLD_NEVER
		: world_when(w, lease_wake_ms(w->lease)) + 1 +
		      world_below(w, 3 * MS),
	    (struct world_event){ .type = EV_TICK, .value = ++w->tick_gen });
}

static void world_retry(struct world *w)
{
	if (w->link_up)
		return;
	if (w->conn > 1)
		w->server = (w->server + 1) % WORLD_SERVERS;
	w->conn++;
	w->up = w->down = world_pipe_new(w->weather->spikes);
	w->down.late_ms = w->weather->answer_ms;
	w->connect_ms = world_clock_ms(w);
	world_post(w, world_arrival(w, &w->up),
		   (struct world_event){ .type = EV_CONNECT,
					 .server = w->server,
					 .conn = w->conn });
	world_post(w, w->now + 4 * SECOND,
		   (struct world_event){ .type = EV_GIVE_UP, .conn = w->conn });
}

static void world_believe_valid(struct world *w)
{
	struct lease_mark mark = lease_sent(w->lease, world_clock_ms(w));

	mark.as_m_ms = w->connect_ms;
	lease_answered(w->lease, &mark, LEASE_WRITE, true, world_clock_ms(w));
}

static void world_connected(struct world *w, const struct world_event *ev)
{
	if (ev->conn != w->conn || w->link_up)
		return;
	if (!ev->yes) {
		lease_expired(w->lease, world_clock_ms(w));
		return;
	}
	w->link_up = true;
	w->heard_ms = world_clock_ms(w);
	lease_attached(w->lease,
		       &(struct lease_attach){ .session = WORLD_SESSION,
					       .timeout_ms = ev->value,
					       .connect_ms = w->connect_ms,
					       .fresh = lease_state(w->lease) ==
							LEASE_NONE },
		       world_clock_ms(w));
	if (w->weather->rule == RULE_VALID)
		world_believe_valid(w);
}

static void world_answered(struct world *w, const struct world_event *ev)
{
	struct world_op *op = &w->ops[ev->op % WORLD_OPS_MAX];
	enum lease_evidence kind = op->kind;

	if (ev->conn != w->conn)
		return;
	if (w->weather->rule == RULE_RECEIVED)
		op->mark.sent_ms = world_clock_ms(w);
	if (w->weather->rule == RULE_ANY && kind == LEASE_READ)
		kind = LEASE_WRITE;
	if (kind == LEASE_WRITE && op->good && op->mark.as_m_ms != INT64_MIN)
		w->heard_ms = world_clock_ms(w);
	lease_answered(w->lease, &op->mark, kind, op->good, world_clock_ms(w));
}

void world_client(struct world *w, const struct world_event *ev)
{
	static const enum lease_evidence kinds[] = { LEASE_READ, LEASE_READ,
						     LEASE_WRITE, LEASE_SYNC };

	/* A wake that another one has replaced must not replace that: two of
	 * them in one instant would do so for ever. */
	if (w->lost || (ev->type == EV_TICK && ev->value != w->tick_gen))
		return;
	if (ev->type == EV_TICK) {
		lease_tick(w->lease, world_clock_ms(w));
	} else if (ev->type == EV_TRAFFIC) {
		if (w->link_up)
			world_ask(w, kinds[world_below(w, 4)]);
		world_post(
		    w, w->now + world_below(w, 2 * w->weather->traffic_ms * MS),
		    *ev);
	} else if (ev->type == EV_TOGGLE) {
		w->busy = !w->busy;
		lease_busy(w->lease, w->busy, world_clock_ms(w));
		world_post(w, w->now + world_below(w, 3 * SECOND), *ev);
	} else if (ev->type == EV_RETRY) {
		world_retry(w);
	} else if (ev->type == EV_GIVE_UP) {
		if (ev->conn == w->conn && !w->link_up)
			world_retry(w);
	} else if (ev->type == EV_HANG_UP) {
		if (w->link_up && w->server == ev->server)
			world_drop_link(w);
	} else if (ev->type == EV_CONNECTED) {
		world_connected(w, ev);
	} else if (ev->type == EV_ANSWER) {
		world_answered(w, ev);
	}
	world_believe(w);
}
