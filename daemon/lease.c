/* SPDX-License-Identifier: MIT */
#include "daemon/lease.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#define NO_MS INT64_MIN

/* js kept at most this close together: a 32nd of G older is old enough. */
#define J_PER_TICK 32
/* They ripen after G and leave; twice that is never reached. */
#define J_MAX (2 * J_PER_TICK)
/* The deadline moves on in steps of a quarter of a beat: on a busy host every
 * write could push it, and each push is published. */
#define STEPS_PER_BEAT 4
/* What an idle host adds to G between two beats. */
#define IDLE_EXTRA_MS 500
/* L-R10: with less than this a third of T might never be left. */
#define TIMEOUT_MIN_MS    2000
#define TIMEOUT_MIN_TICKS 4
/* No call causes more than a few, and the caller takes them after each. */
#define EFFECTS_MAX 32

struct j {
	int64_t sent_ms; /* the largest of all up to here */
	int64_t answered_ms;
};

struct lease {
	struct lease_settings settings;
	enum lease_state state;
	uint16_t gen;
	int64_t session;
	int64_t timeout_ms; /* T_eff; of the settings before any session */
	int64_t tick_ms;    /* G, on the slowest clock */
	int64_t anchor_ms;  /* V - T_eff: the best s_j that is proven */
	int64_t shown_ms;   /* the one that the published D counts from */
	int64_t drain_ms;   /* L-R11: no deadline past this; NO_MS: none */

	/* this connection */
	bool link_up;
	bool dropped; /* shut down by us, its end has not been told yet */
	uint32_t link;
	int64_t chain_ms;   /* the best s_j of any k answered; NO_MS */
	int64_t ripe_ms;    /* the best s_j answered G ago; NO_MS */
	struct j js[J_MAX]; /* js_at .. js_at + js_len, not ripe yet */
	unsigned js_at, js_len;

	/* the beat */
	bool busy;
	int64_t proof_ms;  /* when the last m was answered */
	int64_t due_ms;    /* L-R4: when the next one should have been */
	int64_t beat_ms;   /* when the next one is due */
	int64_t beaten_ms; /* when the last one began */
	int64_t paced_ms;  /* when the last that was an idle period behind the
			    * one before it did: only those prove on an idle
			    * host, and come as if there were no others */
	int64_t sent_ms;   /* when any request was last sent */

	/* the end of a lapsed session */
	bool closing;        /* CLOSE was said */
	int64_t farewell_ms; /* no longer than until then; NO_MS: none */

	struct lease_effect fx[EFFECTS_MAX];
	unsigned fx_at, fx_len;
};

struct lease *lease_new(const struct lease_settings *settings)
{
	struct lease *l = calloc(1, sizeof *l);

	if (!l)
		return NULL;
	l->settings = *settings;
	l->timeout_ms = settings->timeout_ms;
	l->tick_ms = settings->tick_ms + 1 +
		     settings->tick_ms * 2 * settings->drift_ppm / 1000000;
	l->anchor_ms = l->shown_ms = l->drain_ms = l->farewell_ms = NO_MS;
	l->chain_ms = l->ripe_ms = NO_MS;
	return l;
}

void lease_free(struct lease *lease)
{
	free(lease);
}

/* Effects */

static void emit_loss(struct lease *l, enum lease_effect_type type,
		      enum lease_loss loss)
{
	assert(l->fx_len < EFFECTS_MAX);
	l->fx[(l->fx_at + l->fx_len++) % EFFECTS_MAX] =
	    (struct lease_effect){ .type = type, .loss = loss };
}

static void emit(struct lease *l, enum lease_effect_type type)
{
	emit_loss(l, type, LEASE_LOSS_DEADLINE);
}

bool lease_next(struct lease *lease, struct lease_effect *fx_out)
{
	if (lease->fx_len == 0)
		return false;
	*fx_out = lease->fx[lease->fx_at];
	lease->fx_at = (lease->fx_at + 1) % EFFECTS_MAX;
	lease->fx_len--;
	return true;
}

/* Times: all of them of T_eff */

static int64_t beat_period(const struct lease *l)
{
	return l->timeout_ms / LEASE_BEATS;
}

static int64_t idle_period(const struct lease *l)
{
	int64_t idle_ms = l->tick_ms + IDLE_EXTRA_MS;

	/* Only where a first LOCK after a quiet night finds a third of T. */
	if (2 * l->timeout_ms / 3 >= 2 * idle_ms + 2 * LEASE_MARGIN_MS)
		return idle_ms;
	return beat_period(l);
}

static int64_t period(const struct lease *l)
{
	return l->busy ? beat_period(l) : idle_period(l);
}

/* What is left of a timeout when clocks drift apart (L-R3). */
static int64_t span(const struct lease *l, int64_t timeout_ms)
{
	return timeout_ms - timeout_ms * 2 * l->settings.drift_ppm / 1000000;
}

static bool usable(const struct lease *l)
{
	return l->state == LEASE_PROVEN || l->state == LEASE_SUSPENDED;
}

int64_t lease_deadline_ms(const struct lease *lease)
{
	int64_t deadline_ms;

	if (!usable(lease))
		return 0;
	deadline_ms = lease->shown_ms + span(lease, lease->timeout_ms) - 1 -
		      LEASE_MARGIN_MS;
	if (lease->drain_ms != NO_MS && lease->drain_ms < deadline_ms)
		deadline_ms = lease->drain_ms;
	return deadline_ms;
}

/* How long it may be from one proof to the next (L-R4). */
static int64_t patience(const struct lease *l)
{
	return period(l) + 2 * beat_period(l);
}

/* The end */

static void close_now(struct lease *l)
{
	l->farewell_ms = NO_MS;
	if (l->closing)
		return;
	l->closing = true;
	emit(l, LEASE_FX_CLOSE);
}

/* L-R5: never to be used again.  A connected session is sent a write first,
 * so that the close that follows it is not left in a queue. */
static void lapse(struct lease *l, enum lease_loss loss, int64_t now_ms)
{
	l->state = LEASE_LAPSED;
	l->anchor_ms = l->shown_ms = NO_MS;
	emit_loss(l, LEASE_FX_LOST, loss);
	if (l->link_up && !l->dropped && loss == LEASE_LOSS_DEADLINE) {
		l->farewell_ms = now_ms + 2 * beat_period(l);
		emit(l, LEASE_FX_FAREWELL);
	} else {
		close_now(l);
	}
}

static void check_deadline(struct lease *l, int64_t now_ms)
{
	if (usable(l) && now_ms >= lease_deadline_ms(l))
		lapse(l, LEASE_LOSS_DEADLINE, now_ms);
}

static void suspend(struct lease *l)
{
	if (l->state != LEASE_PROVEN)
		return;
	l->state = LEASE_SUSPENDED;
	emit(l, LEASE_FX_SUSPENDED);
	emit(l, LEASE_FX_MOVED); /* no grants: lease_grant_until_ms() */
}

/* Evidence */

/* What was answered G ago has ripened: the leader has its touch before it
 * can have anything sent from now on. */
static void ripen(struct lease *l, int64_t now_ms)
{
	while (l->js_len) {
		const struct j *oldest = &l->js[l->js_at];

		if (oldest->answered_ms > now_ms - l->tick_ms)
			return;
		if (oldest->sent_ms > l->ripe_ms)
			l->ripe_ms = oldest->sent_ms;
		l->js_at = (l->js_at + 1) % J_MAX;
		l->js_len--;
	}
}

static void add_j(struct lease *l, int64_t sent_ms, int64_t now_ms)
{
	const struct j *newest;

	ripen(l, now_ms);
	if (l->js_len) {
		newest = &l->js[(l->js_at + l->js_len - 1) % J_MAX];
		if (l->js_len == J_MAX ||
		    now_ms - newest->answered_ms < l->tick_ms / J_PER_TICK)
			return; /* the one before serves nearly as well */
	}
	l->js[(l->js_at + l->js_len++) % J_MAX] =
	    (struct j){ .sent_ms = sent_ms, .answered_ms = now_ms };
}

/* A proof on the connection in use ends the doubt, unless it leaves so little
 * that the notice before D would follow at once (tick_doubt). */
static void resume(struct lease *l, int64_t now_ms)
{
	if (l->state != LEASE_SUSPENDED || l->dropped ||
	    now_ms >= lease_deadline_ms(l) - beat_period(l))
		return;
	l->state = LEASE_PROVEN;
	emit(l, LEASE_FX_RESUMED);
	emit(l, LEASE_FX_MOVED); /* grants are allowed again */
}

static void prove(struct lease *l, int64_t sent_ms, int64_t now_ms)
{
	int64_t step_ms = beat_period(l) / STEPS_PER_BEAT;

	/* Even when the deadline stays, as the j is not ripe yet: something
	 * has committed, so this server has a quorum behind it. */
	l->proof_ms = now_ms;
	l->due_ms = now_ms + patience(l);
	if (sent_ms > l->anchor_ms)
		l->anchor_ms = sent_ms;
	if (l->state == LEASE_SUSPENDED)
		step_ms = 1; /* whoever is in doubt is told all there is */
	if (l->anchor_ms >= l->shown_ms + step_ms) {
		l->shown_ms = l->anchor_ms;
		emit(l, LEASE_FX_MOVED);
	}
	resume(l, now_ms);
}

struct lease_mark lease_sent(struct lease *lease, int64_t now_ms)
{
	ripen(lease, now_ms);
	lease->sent_ms = now_ms;
	return (struct lease_mark){ .sent_ms = now_ms,
				    .as_k_ms = lease->ripe_ms,
				    .as_m_ms = lease->chain_ms,
				    .link = lease->link };
}

void lease_answered(struct lease *lease, const struct lease_mark *mark,
		    enum lease_evidence evidence, bool proves, int64_t now_ms)
{
	check_deadline(lease, now_ms);
	if (!usable(lease) || !lease->link_up || mark->link != lease->link ||
	    !proves || evidence == LEASE_NOTHING)
		return;
	add_j(lease, mark->sent_ms, now_ms);
	if (evidence == LEASE_READ)
		return;
	if (mark->as_k_ms > lease->chain_ms)
		lease->chain_ms = mark->as_k_ms;
	if (evidence == LEASE_SYNC)
		emit(lease, LEASE_FX_SET); /* the beat's second half */
	else if (mark->as_m_ms != NO_MS)
		prove(lease, mark->as_m_ms, now_ms);
}

/* The link and the session */

static void link_begins(struct lease *l, int64_t connect_ms, int64_t now_ms)
{
	l->link_up = true;
	l->dropped = false;
	l->link++;
	l->js_len = 0;
	l->ripe_ms = NO_MS;
	/* A write that commits here proves that the session was open after
	 * the connection was begun. */
	l->chain_ms = connect_ms;
	l->beat_ms = now_ms;
	l->paced_ms = NO_MS;
}

static void begin_session(struct lease *l, const struct lease_attach *attach,
			  int64_t now_ms)
{
	l->session = attach->session;
	l->timeout_ms = attach->timeout_ms;
	l->anchor_ms = l->shown_ms = attach->connect_ms;
	l->proof_ms = now_ms; /* creation is quorum-committed */
	l->gen = l->gen == UINT16_MAX ? 1 : (uint16_t)(l->gen + 1);
	l->closing = false;
	l->farewell_ms = NO_MS;
	l->state = LEASE_PROVEN;
	if (attach->timeout_ms < l->settings.timeout_ms)
		emit(l, LEASE_FX_SHORT);
	emit(l, LEASE_FX_MOVED);
}

/* A reconnect that was given less: the leader counts with that from the
 * touch of this connection on. */
static void shorten(struct lease *l, const struct lease_attach *attach)
{
	int64_t anchor_ms =
	    l->anchor_ms + span(l, l->timeout_ms) - span(l, attach->timeout_ms);

	l->timeout_ms = attach->timeout_ms;
	l->anchor_ms =
	    anchor_ms < attach->connect_ms ? anchor_ms : attach->connect_ms;
	l->shown_ms = l->anchor_ms;
	emit(l, LEASE_FX_SHORT);
	emit(l, LEASE_FX_MOVED);
}

void lease_attached(struct lease *lease, const struct lease_attach *attach,
		    int64_t now_ms)
{
	check_deadline(lease, now_ms);
	suspend(lease); /* whatever was before: that connection is gone */
	link_begins(lease, attach->connect_ms, now_ms);
	if (attach->fresh && lease->state == LEASE_NONE)
		begin_session(lease, attach, now_ms);
	else if (usable(lease) &&
		 (attach->fresh || attach->session != lease->session))
		lapse(lease, LEASE_LOSS_EXPIRED, now_ms); /* L-R6 */
	else if (usable(lease) && attach->timeout_ms < lease->timeout_ms)
		shorten(lease, attach);
	/* The beat that begins now can prove something in two round trips: a
	 * server that has no quorum behind it is left soon, idle or not. */
	lease->due_ms = now_ms + 3 * beat_period(lease);
	lease_tick(lease, now_ms);
}

void lease_link_down(struct lease *lease, int64_t now_ms)
{
	lease->link_up = false; /* first: nothing can be sent any more */
	check_deadline(lease, now_ms);
	suspend(lease);
	if (lease->state == LEASE_LAPSED)
		close_now(lease);
}

void lease_expired(struct lease *lease, int64_t now_ms)
{
	lease->link_up = false;
	check_deadline(lease, now_ms);
	if (usable(lease))
		lapse(lease, LEASE_LOSS_EXPIRED, now_ms);
	else
		close_now(lease);
}

void lease_farewell_done(struct lease *lease, int64_t now_ms)
{
	check_deadline(lease, now_ms);
	if (lease->state == LEASE_LAPSED)
		close_now(lease);
}

void lease_closed(struct lease *lease, int64_t now_ms)
{
	lease->link_up = false;
	lease->closing = true; /* it is closed: no more of that */
	check_deadline(lease, now_ms);
	if (usable(lease))
		lapse(lease, LEASE_LOSS_EXPIRED, now_ms);
	lease->state = LEASE_NONE;
	lease->session = 0;
	lease->closing = false;
	lease->farewell_ms = NO_MS;
	lease->timeout_ms = lease->settings.timeout_ms;
	emit(lease, LEASE_FX_CONNECT);
}

void lease_busy(struct lease *lease, bool busy, int64_t now_ms)
{
	int64_t beat_ms = lease->beaten_ms + beat_period(lease);
	int64_t due_ms;

	check_deadline(lease, now_ms);
	if (busy == lease->busy)
		return;
	lease->busy = busy;
	if (busy) {
		/* At once, but no quicker than a busy host beats: locks come
		 * and go by the hundred.  due_ms stays as it is: a host that
		 * is busy now and then must notice its silence too. */
		if (beat_ms < lease->beat_ms)
			lease->beat_ms = beat_ms;
	} else {
		due_ms = lease->proof_ms + patience(lease);
		if (due_ms > lease->due_ms)
			lease->due_ms = due_ms;
		beat_ms = lease->paced_ms + idle_period(lease);
		if (beat_ms < lease->beat_ms)
			lease->beat_ms = beat_ms;
	}
}

void lease_drain(struct lease *lease, int64_t now_ms)
{
	check_deadline(lease, now_ms);
	if (lease->drain_ms != NO_MS)
		return;
	lease->drain_ms = now_ms + lease->timeout_ms / 4;
	if (usable(lease))
		emit(lease, LEASE_FX_MOVED);
}

/* Time */

static void tick_beat(struct lease *l, int64_t now_ms)
{
	if (now_ms >= l->beat_ms) {
		if (now_ms >= l->paced_ms + idle_period(l))
			l->paced_ms = now_ms;
		l->beat_ms = l->busy ? now_ms + beat_period(l)
				     : l->paced_ms + idle_period(l);
		l->beaten_ms = now_ms;
		l->sent_ms = now_ms;
		emit(l, LEASE_FX_SYNC);
	} else if (l->busy && now_ms - l->sent_ms >= l->tick_ms / 4) {
		l->sent_ms = now_ms;
		emit(l, LEASE_FX_READ);
	}
}

static void tick_doubt(struct lease *l, int64_t now_ms)
{
	/* P3, whatever the beats do: the notice comes before the end.  An
	 * end that was announced (L-R11) has had its notice. */
	if (l->drain_ms == NO_MS &&
	    now_ms >= lease_deadline_ms(l) - beat_period(l))
		suspend(l);
	if (!l->link_up || l->dropped || now_ms < l->due_ms)
		return;
	suspend(l);
	l->dropped = true;
	emit(l, LEASE_FX_DROP_LINK);
}

void lease_tick(struct lease *lease, int64_t now_ms)
{
	check_deadline(lease, now_ms);
	if (lease->farewell_ms != NO_MS && now_ms >= lease->farewell_ms) {
		emit(lease, LEASE_FX_DROP_LINK);
		close_now(lease);
	}
	if (!usable(lease))
		return;
	tick_doubt(lease, now_ms);
	if (lease->link_up && !lease->dropped)
		tick_beat(lease, now_ms);
}

static int64_t earlier(int64_t a_ms, int64_t b_ms)
{
	return a_ms < b_ms ? a_ms : b_ms;
}

int64_t lease_wake_ms(const struct lease *lease)
{
	int64_t wake_ms = LEASE_NEVER_MS;

	if (lease->farewell_ms != NO_MS)
		wake_ms = lease->farewell_ms;
	if (!usable(lease))
		return wake_ms;
	wake_ms = earlier(wake_ms, lease_deadline_ms(lease));
	if (lease->state == LEASE_PROVEN && lease->drain_ms == NO_MS)
		wake_ms = earlier(wake_ms, lease_deadline_ms(lease) -
					       beat_period(lease));
	if (!lease->link_up || lease->dropped)
		return wake_ms;
	wake_ms = earlier(wake_ms, lease->due_ms);
	wake_ms = earlier(wake_ms, lease->beat_ms);
	if (lease->busy)
		wake_ms = earlier(wake_ms, lease->sent_ms + lease->tick_ms / 4);
	return wake_ms;
}

/* Questions */

enum lease_state lease_state(const struct lease *lease)
{
	return lease->state;
}

bool lease_too_short(const struct lease *lease)
{
	return usable(lease) &&
	       (lease->timeout_ms < TIMEOUT_MIN_MS ||
		lease->timeout_ms <
		    TIMEOUT_MIN_TICKS * lease->settings.tick_ms);
}

int64_t lease_grant_until_ms(const struct lease *lease)
{
	if (lease->state != LEASE_PROVEN || lease->drain_ms != NO_MS ||
	    lease_too_short(lease))
		return NO_MS;
	return lease_deadline_ms(lease) - lease->timeout_ms / 3;
}

uint16_t lease_gen(const struct lease *lease)
{
	return lease->gen;
}

int64_t lease_timeout_ms(const struct lease *lease)
{
	return lease->timeout_ms;
}
