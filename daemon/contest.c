/* SPDX-License-Identifier: MIT */
/*
 * contest - states and their openings.  What a listing says is judged in
 * contest_list.c.
 */
#include "daemon/contest.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/contest_i.h"
#include "daemon/token.h"

/* A parent may be reaped between two calls: a few times in a row is bad
 * luck, more is something that deletes it on purpose. */
#define PARENT_TRIES_MAX 16

/* Effects */

struct contest_effect *contest_emit(struct contest_effects *fx,
				    enum contest_effect_type type)
{
	struct contest_effect *one;

	assert(fx->len < CONTEST_EFFECTS_MAX);
	one = &fx->fx[fx->len++];
	*one = (struct contest_effect){ .type = type, .holder = "" };
	return one;
}

struct coord_op *contest_op(struct contest *c, struct contest_effects *fx,
			    enum contest_question question,
			    enum coord_verb verb, const char *path)
{
	struct contest_effect *one = contest_emit(fx, CONTEST_FX_OP);

	one->question = question;
	one->visit = c->visit;
	one->op.verb = verb;
	one->op.path = path;
	return &one->op;
}

static void contest_say_failed(struct contest *c, enum zkp_status status,
			       int zk_rc, const char *why,
			       struct contest_effects *fx)
{
	struct contest_effect *one;

	if (!c->leaving) {
		one = contest_emit(fx, CONTEST_FX_FAILED);
		one->status = status;
		one->zk_rc = zk_rc;
		one->why = why;
	}
	c->leaving = true;
}

void contest_fail(struct contest *c, enum zkp_status status, int zk_rc,
		  const char *why, struct contest_effects *fx)
{
	contest_say_failed(c, status, zk_rc, why, fx);
	contest_enter(c, c->own ? CONTEST_LEAVE : CONTEST_GONE, fx);
}

void contest_vanish(struct contest *c, struct contest_effects *fx)
{
	if (!c->leaving)
		contest_emit(fx, CONTEST_FX_VANISHED);
	contest_enter(c, CONTEST_GONE, fx);
}

/* Openings: what each state says first, and again after a broken link. */

static void open_create(struct contest *c, struct contest_effects *fx)
{
	struct coord_op *op;
	char name[LAYOUT_NAME_MAX];

	contest_prefix(c, name, sizeof name);
	(void)layout_path(c->parent, name, fx->path, sizeof fx->path);
	op = contest_op(c, fx, CONTEST_Q_CREATE, COORD_CREATE, fx->path);
	op->kind = COORD_EPHEMERAL_SEQUENTIAL;
	op->data = c->words;
	op->data_len = strlen(c->words);
	/* One flush: the listing is answered behind the create and shows it. */
	contest_op(c, fx, CONTEST_Q_LIST, COORD_LIST, c->parent);
}

static void open_parent(struct contest *c, struct contest_effects *fx)
{
	struct coord_op *op;

	if (c->parent_tries++ > 0)
		contest_emit(fx, CONTEST_FX_ROOT);
	op = contest_op(c, fx, CONTEST_Q_PARENT, COORD_CREATE, c->parent);
	op->kind = layout_kind_keeps_parents(c->layout) ? COORD_PERSISTENT
							: COORD_CONTAINER;
}

static void open_watch(struct contest *c, struct contest_effects *fx)
{
	struct coord_op *op;

	c->first_seen = false;
	if (c->first)
		contest_op(c, fx, CONTEST_Q_FIRST, COORD_GET, c->first);
	op = contest_op(c, fx, CONTEST_Q_PRED, COORD_GET, c->pred);
	op->watch = true;
}

/* Beside the watch on our own node, which stays if somebody is there. */
static void ask_behind(struct contest *c, struct contest_effects *fx)
{
	if (c->asked_behind && c->behind && c->link_up)
		contest_op(c, fx, CONTEST_Q_BEHIND, COORD_LIST, c->parent);
}

static void open_owned(struct contest *c, struct contest_effects *fx)
{
	struct coord_op *op;

	if (c->behind)
		op = contest_op(c, fx, CONTEST_Q_OWN, COORD_GET, c->own);
	else
		op = contest_op(c, fx, CONTEST_Q_BEHIND, COORD_LIST, c->parent);
	op->watch = true;
	ask_behind(c, fx);
}

/* Says what the state must have said.  While the link is down it is only
 * noted: LINK_UP opens the state again. */
void contest_open(struct contest *c, struct contest_effects *fx)
{
	c->visit++;
	c->watching = false;
	c->redo = !c->link_up;
	if (!c->link_up)
		return;
	switch (c->state) {
	case CONTEST_CREATE:
		open_create(c, fx);
		break;
	case CONTEST_PARENT:
		open_parent(c, fx);
		break;
	case CONTEST_RECOVER:
		contest_ask_recover(c, fx);
		break;
	case CONTEST_TWIN:
		contest_op(c, fx, CONTEST_Q_VERIFY, COORD_GET, c->pred);
		break;
	case CONTEST_VERIFY:
		contest_op(c, fx, CONTEST_Q_VERIFY, COORD_GET, c->own);
		break;
	case CONTEST_LIST:
		contest_op(c, fx, CONTEST_Q_LIST, COORD_LIST, c->parent)
		    ->watch = c->lease_of != 0;
		break;
	case CONTEST_WATCH_PRED:
		open_watch(c, fx);
		break;
	case CONTEST_OWNED:
		open_owned(c, fx);
		break;
	case CONTEST_LEAVE:
		contest_op(c, fx, CONTEST_Q_DELETE, COORD_DELETE, c->own);
		break;
	case CONTEST_GONE:
		break;
	}
}

static bool contest_may(enum contest_state from, enum contest_state to)
{
	switch (to) {
	case CONTEST_CREATE:
		return from == CONTEST_PARENT || from == CONTEST_RECOVER ||
		       from == CONTEST_VERIFY;
	case CONTEST_PARENT:
		return from == CONTEST_CREATE || from == CONTEST_RECOVER;
	case CONTEST_RECOVER:
		return from == CONTEST_CREATE || from == CONTEST_TWIN;
	case CONTEST_TWIN:
		return from == CONTEST_RECOVER;
	case CONTEST_VERIFY:
		return from == CONTEST_RECOVER || from == CONTEST_TWIN;
	case CONTEST_LIST:
		return from == CONTEST_CREATE || from == CONTEST_VERIFY ||
		       from == CONTEST_WATCH_PRED;
	case CONTEST_WATCH_PRED:
		return from == CONTEST_CREATE || from == CONTEST_LIST;
	case CONTEST_OWNED:
		return from == CONTEST_CREATE || from == CONTEST_LIST ||
		       from == CONTEST_WATCH_PRED;
	case CONTEST_LEAVE:
		return from != CONTEST_LEAVE && from != CONTEST_GONE;
	case CONTEST_GONE:
		return from != CONTEST_GONE;
	}
	return false;
}

/* The one place where a bid changes its state. */
void contest_enter(struct contest *c, enum contest_state to,
		   struct contest_effects *fx)
{
	assert(contest_may(c->state, to));
	c->state = to;
	if (to == CONTEST_GONE)
		contest_emit(fx, CONTEST_FX_GONE);
	contest_open(c, fx);
}

void contest_own(struct contest *c, bool after_own, bool behind_known,
		 struct contest_effects *fx)
{
	struct contest_effect *one;
	uint64_t base;

	if (!token_base(c->czxid, &base)) {
		contest_fail(c, ZKP_ZK, 0,
			     "the ensemble's epoch is past what tokens hold",
			     fx);
		return;
	}
	one = contest_emit(fx, CONTEST_FX_OWNED);
	one->base = base;
	one->after_own = after_own;
	one->behind_known = behind_known;
	one->behind = c->behind;
	/* Who came since the last listing is only asked about when somebody
	 * wants to know: until then as if somebody had. */
	c->behind = c->behind || !behind_known;
	contest_enter(c, CONTEST_OWNED, fx);
}

/* Answers */

enum contest_telling contest_telling(const struct coord_event *ev)
{
	switch (ev->answer.result) {
	case COORD_OK:
		return CONTEST_THERE;
	case COORD_NO_NODE:
		return CONTEST_ABSENT;
	case COORD_MAYBE:
	case COORD_NOT_SENT:
		return CONTEST_ASK_AGAIN;
	case COORD_NODE_EXISTS:
	case COORD_NOT_EMPTY:
	case COORD_BAD_VERSION:
	case COORD_REFUSED:
		break;
	}
	return CONTEST_FORBIDDEN;
}

/* The node is there and is ours. */
static void found(struct contest *c, struct contest_effects *fx)
{
	const char *why = contest_unfit(c);

	if (why) {
		contest_fail(c, ZKP_ZK, 0, why, fx);
		return;
	}
	if (c->leaving)
		contest_enter(c, CONTEST_LEAVE, fx);
}

static void refused(struct contest *c, const struct coord_event *ev,
		    struct contest_effects *fx)
{
	contest_fail(c, ZKP_ZK, ev->answer.zk_rc,
		     coord_refusal(ev->answer.zk_rc), fx);
}

/* There may be a node of ours, and who could tell does not: the bid serves
 * nobody, but it goes on asking. */
static void refused_in_doubt(struct contest *c, const struct coord_event *ev,
			     struct contest_effects *fx)
{
	contest_say_failed(c, ZKP_ZK, ev->answer.zk_rc,
			   coord_refusal(ev->answer.zk_rc), fx);
	c->redo = true;
}

static bool is_in_doubt(const struct contest *c)
{
	return c->state == CONTEST_RECOVER || c->state == CONTEST_TWIN ||
	       c->state == CONTEST_VERIFY;
}

/* A question about what is there.  False: the answer tells nothing of that,
 * and what it means for the bid has been done. */
static bool told(struct contest *c, const struct coord_event *ev,
		 struct contest_effects *fx)
{
	switch (contest_telling(ev)) {
	case CONTEST_THERE:
	case CONTEST_ABSENT:
		return true;
	case CONTEST_ASK_AGAIN:
		c->redo = true;
		break;
	case CONTEST_FORBIDDEN:
		if (is_in_doubt(c))
			refused_in_doubt(c, ev, fx);
		else if (c->pred_is_own)
			c->redo = true; /* it may be serving already (R8) */
		else
			refused(c, ev, fx);
		break;
	}
	return false;
}

static void on_create(struct contest *c, const struct coord_event *ev,
		      struct contest_effects *fx)
{
	switch (ev->answer.result) {
	case COORD_OK:
		c->own = strdup(ev->answer.path);
		if (!c->own)
			abort(); /* a node nobody knows of would stay */
		c->czxid = ev->answer.stat.czxid;
		found(c, fx);
		break;
	case COORD_NO_NODE:
		if (c->leaving)
			contest_enter(c, CONTEST_GONE, fx);
		else
			contest_enter(c, CONTEST_PARENT, fx);
		break;
	case COORD_MAYBE:
		contest_enter(c, CONTEST_RECOVER, fx);
		break;
	case COORD_NOT_SENT:
		if (c->leaving)
			contest_enter(c, CONTEST_GONE, fx);
		else
			c->redo = true;
		break;
	case COORD_NODE_EXISTS:
	case COORD_NOT_EMPTY:
	case COORD_BAD_VERSION:
	case COORD_REFUSED:
		refused(c, ev, fx);
		break;
	}
}

static void on_parent(struct contest *c, const struct coord_event *ev,
		      struct contest_effects *fx)
{
	switch (ev->answer.result) {
	case COORD_OK:
	case COORD_NODE_EXISTS:
		if (c->leaving)
			contest_enter(c, CONTEST_GONE, fx);
		else
			contest_enter(c, CONTEST_CREATE, fx);
		break;
	case COORD_NO_NODE:
		if (c->leaving || c->parent_tries > PARENT_TRIES_MAX)
			refused(c, ev, fx);
		else
			contest_open(c, fx);
		break;
	case COORD_MAYBE:
	case COORD_NOT_SENT:
		c->redo = true;
		break;
	case COORD_NOT_EMPTY:
	case COORD_BAD_VERSION:
	case COORD_REFUSED:
		refused(c, ev, fx);
		break;
	}
}

static void on_sync(struct contest *c, const struct coord_event *ev,
		    struct contest_effects *fx)
{
	/* NoNode as well: the server had caught up to say so. */
	if (told(c, ev, fx))
		c->synced = true;
}

/* NoNode is the same as nobody there. */
static void on_list(struct contest *c, const struct coord_event *ev,
		    struct contest_effects *fx)
{
	if (!told(c, ev, fx)) {
		if (c->redo && c->state == CONTEST_CREATE && c->own)
			contest_enter(c, CONTEST_LIST, fx);
	} else if (c->state != CONTEST_RECOVER) {
		contest_judge(c, ev, fx);
	} else if (c->synced) {
		contest_recover(c, ev, fx);
	}
}

static void not_ours(struct contest *c, struct contest_effects *fx)
{
	free(c->own);
	c->own = NULL;
	if (c->leaving)
		contest_enter(c, CONTEST_GONE, fx);
	else
		contest_enter(c, CONTEST_CREATE, fx);
}

/* The younger of two nodes with our uuid: it goes if it is of our session.
 * Else the other one is looked at. */
static void on_twin(struct contest *c, const struct coord_event *ev,
		    struct contest_effects *fx)
{
	if (ev->answer.result == COORD_NO_NODE) {
		contest_enter(c, CONTEST_RECOVER, fx);
	} else if (ev->answer.stat.owner == c->session) {
		contest_op(c, fx, CONTEST_Q_TWIN, COORD_DELETE, c->pred);
	} else {
		c->own = c->first;
		c->first = NULL;
		contest_enter(c, CONTEST_VERIFY, fx);
	}
}

static void on_verify(struct contest *c, const struct coord_event *ev,
		      struct contest_effects *fx)
{
	if (!told(c, ev, fx))
		return;
	if (c->state == CONTEST_TWIN) {
		on_twin(c, ev, fx);
		return;
	}
	if (ev->answer.result == COORD_NO_NODE ||
	    ev->answer.stat.owner != c->session) {
		not_ours(c, fx);
		return;
	}
	c->czxid = ev->answer.stat.czxid;
	found(c, fx);
	if (c->state == CONTEST_VERIFY)
		contest_enter(c, CONTEST_LIST, fx);
}

/* R1: its end grants without a listing only when it alone stood before us;
 * not when a foreign writer may have left a reader in its place (C1). */
static void pred_gone(struct contest *c, struct contest_effects *fx)
{
	c->pred_was_own = c->pred_is_own;
	if (c->blocking == 1 && !c->pred_may_downgrade)
		contest_own(c, c->pred_was_own, c->behind, fx);
	else
		contest_enter(c, CONTEST_LIST, fx);
}

static void say_queued(struct contest *c, struct contest_effects *fx)
{
	struct contest_effect *one = contest_emit(fx, CONTEST_FX_QUEUED);

	one->below = c->below;
	one->holder = c->first_seen ? fx->holder : "";
	one->kin = c->kin;
	one->after_own = c->blocking == 1 && c->pred_is_own;
	one->behind_known = true;
	one->behind = c->behind;
	if (token_base(c->czxid, &one->base))
		one->after = c->after;
}

static void on_words(struct contest *c, const char *path,
		     const struct coord_event *ev, struct contest_effects *fx)
{
	struct layout_child child = { 0 };

	(void)layout_child_parse(contest_name_of(path), &child);
	layout_holder(&child, ev->answer.data, ev->answer.data_len, c->holder,
		      sizeof c->holder);
	memcpy(fx->holder, c->holder, sizeof fx->holder);
	c->first_seen = true;
}

static void on_pred(struct contest *c, const struct coord_event *ev,
		    struct contest_effects *fx)
{
	if (!told(c, ev, fx))
		return;
	if (ev->answer.result == COORD_NO_NODE) {
		pred_gone(c, fx);
		return;
	}
	c->watching = true;
	if (!c->first)
		on_words(c, c->pred, ev, fx);
	memcpy(fx->holder, c->holder, sizeof fx->holder);
	say_queued(c, fx);
}

static void on_delete(struct contest *c, enum contest_question question,
		      const struct coord_event *ev, struct contest_effects *fx)
{
	switch (contest_telling(ev)) {
	case CONTEST_THERE:
	case CONTEST_ABSENT:
		contest_enter(c,
			      question == CONTEST_Q_TWIN ? CONTEST_RECOVER
							 : CONTEST_GONE,
			      fx);
		break;
	case CONTEST_ASK_AGAIN:
	case CONTEST_FORBIDDEN:
		c->redo = true; /* R10: again until it is certain */
		break;
	}
}

static void on_answer(struct contest *c, const struct contest_event *ev,
		      struct contest_effects *fx)
{
	if (ev->visit != c->visit) { /* of an earlier opening */
		contest_late(c, ev, fx);
		return;
	}
	switch (ev->question) {
	case CONTEST_Q_CREATE:
		on_create(c, ev->coord, fx);
		contest_claimed(c, ev, fx);
		break;
	case CONTEST_Q_LIST:
		on_list(c, ev->coord, fx);
		break;
	case CONTEST_Q_PARENT:
		on_parent(c, ev->coord, fx);
		break;
	case CONTEST_Q_SYNC:
		on_sync(c, ev->coord, fx);
		break;
	case CONTEST_Q_VERIFY:
		on_verify(c, ev->coord, fx);
		break;
	case CONTEST_Q_FIRST:
		if (ev->coord->answer.result == COORD_OK)
			on_words(c, c->first, ev->coord, fx);
		break;
	case CONTEST_Q_PRED:
		on_pred(c, ev->coord, fx);
		break;
	case CONTEST_Q_BEHIND:
	case CONTEST_Q_OWN:
		contest_guard(c, ev->question, ev->coord, fx);
		break;
	case CONTEST_Q_WORDS:
	case CONTEST_Q_REVOKE:
		break; /* courtesies */
	case CONTEST_Q_DELETE:
	case CONTEST_Q_TWIN:
		on_delete(c, ev->question, ev->coord, fx);
		break;
	case CONTEST_Q_SLOTS_MAKE:
	case CONTEST_Q_SLOTS_GET:
	case CONTEST_Q_SLOTS_KIND:
	case CONTEST_Q_SLOTS_SET:
		break; /* contest_slots.c asks and hears them */
	}
}

/* Other events */

static void on_watch(struct contest *c, const struct coord_event *ev,
		     struct contest_effects *fx)
{
	const char *path = ev->watch.path;
	bool deleted = ev->watch.what == COORD_W_DELETED;

	if (c->state == CONTEST_WATCH_PRED && strcmp(path, c->pred) == 0) {
		if (deleted)
			pred_gone(c, fx);
		else
			contest_open(c, fx);
		return;
	}
	if (contest_awaits_lease(c) && strcmp(path, c->parent) == 0) {
		contest_open(c, fx);
		return;
	}
	if (c->state != CONTEST_OWNED)
		return; /* late: of a state that has passed */
	if (deleted && strcmp(path, c->own) == 0) {
		contest_vanish(c, fx);
	} else if (strcmp(path, contest_watched(c)) == 0) {
		contest_open(c, fx);
	}
}

static void on_leave(struct contest *c, struct contest_effects *fx)
{
	if (c->leaving)
		return;
	c->leaving = true;
	switch (c->state) {
	case CONTEST_CREATE:
		/* In flight: its answer decides.  Never sent: gone. */
		if (c->redo && !c->own)
			contest_enter(c, CONTEST_GONE, fx);
		else if (c->own)
			contest_enter(c, CONTEST_LEAVE, fx);
		break;
	case CONTEST_PARENT:
		contest_enter(c, CONTEST_GONE, fx);
		break;
	case CONTEST_RECOVER:
	case CONTEST_TWIN:
	case CONTEST_VERIFY:
		break; /* first know whether there is a node */
	case CONTEST_LIST:
	case CONTEST_WATCH_PRED:
	case CONTEST_OWNED:
		contest_enter(c, CONTEST_LEAVE, fx);
		break;
	case CONTEST_LEAVE:
	case CONTEST_GONE:
		break;
	}
}

static void on_look(struct contest *c, struct contest_effects *fx)
{
	if (c->state == CONTEST_WATCH_PRED) {
		contest_enter(c, CONTEST_LIST, fx);
	} else if (c->state == CONTEST_OWNED) {
		c->asked_behind = true;
		ask_behind(c, fx);
	}
}

void contest_queue_step(struct contest *c, const struct contest_event *ev,
			struct contest_effects *effects_out)
{
	if (c->state == CONTEST_GONE)
		return;
	switch (ev->type) {
	case CONTEST_EV_ANSWER:
		on_answer(c, ev, effects_out);
		break;
	case CONTEST_EV_WATCH:
		on_watch(c, ev->coord, effects_out);
		break;
	case CONTEST_EV_LINK_DOWN:
		c->link_up = false;
		break;
	case CONTEST_EV_LINK_UP:
		c->link_up = true;
		/* R12: watches of before may be gone. */
		if (c->redo || contest_watched(c))
			contest_open(c, effects_out);
		break;
	case CONTEST_EV_REVOKE:
		contest_revoke(c, effects_out);
		break;
	case CONTEST_EV_LOOK:
		on_look(c, effects_out);
		break;
	case CONTEST_EV_AGAIN:
		if (c->redo && c->link_up)
			contest_open(c, effects_out);
		break;
	case CONTEST_EV_VANISH:
		contest_vanish(c, effects_out);
		break;
	case CONTEST_EV_LEAVE:
		on_leave(c, effects_out);
		break;
	}
}
