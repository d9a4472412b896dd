/* SPDX-License-Identifier: MIT */
/*
 * contest - what a listing says.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/contest_i.h"

const char *contest_unfit(const struct contest *c)
{
	struct layout_child child;

	if (contest_parse(c, contest_name_of(c->own), &child) &&
	    child.seq >= LAYOUT_SEQ_REFUSE)
		return "the sequence counter of this lock's node is nearly "
		       "used up: let the node be made anew";
	if (c->czxid <= c->floor_zxid)
		return "ZooKeeper has gone back to older data: the token "
		       "would be smaller than one given before";
	return NULL;
}

/* Where everybody stands, by one listing.  Counted by nodes, never by
 * comparing numbers alone (C2): two nodes may carry one number. */
struct standing {
	bool seen;         /* our own node is there */
	bool semaphore;    /* the name is used as one */
	unsigned below;    /* contenders before us */
	unsigned blocking; /* those of them who end before we begin */
	bool kin;          /* they, ours left out, are one zklockd's */
	unsigned behind;   /* strangers who must wait for us */
	bool after_own;    /* a shared bid of ours is before this one */
	struct layout_child own_first; /* the first of ours there, or 0 */
	bool between;             /* a stranger is there who waits for that */
	struct layout_child next; /* our exclusive bid behind this one, or 0 */
	const char *pred;         /* the highest of the blocking */
	const char *first;        /* the lowest of all below */
	struct layout_child pred_child, first_child;
	struct layout_child stranger; /* one of them who is not ours, or 0 */
};

/* Must the one of them wait for the other?  Only two readers need not. */
static bool excludes(enum zkp_mode mode, const struct layout_child *child)
{
	return mode == ZKP_MODE_X || !child->reader;
}

static bool is_ours(const struct contest *c, const struct layout_child *child)
{
	return child->kin && c->is_own(c->ctx, &child->uuid);
}

/* R14: may whoever stands before us only be lingering?  What is ours there
 * does not count: it is going, for who tries past what is held here is refused
 * (of several names: waits the grace for nothing). */
static void stand_stranger(struct standing *st,
			   const struct layout_child *child)
{
	st->kin = st->kin && child->kin &&
		  (!st->stranger.name ||
		   layout_uuid_akin(&st->stranger.uuid, &child->uuid));
	st->stranger = *child;
}

static void stand_below(const struct contest *c, struct standing *st,
			const struct layout_child *child)
{
	st->below++;
	if (is_ours(c, child) &&
	    (!st->own_first.name || layout_child_before(child, &st->own_first)))
		st->own_first = *child;
	if (!st->first || layout_child_before(child, &st->first_child)) {
		st->first = child->name;
		st->first_child = *child;
	}
	if (!excludes(c->mode, child)) {
		st->after_own = st->after_own || is_ours(c, child);
		return;
	}
	st->blocking++;
	if (!is_ours(c, child))
		stand_stranger(st, child);
	if (!st->pred || layout_child_before(&st->pred_child, child)) {
		st->pred = child->name;
		st->pred_child = *child;
	}
}

/* R6: is it a waiter behind us?  Our own next bid is none; but who stands
 * behind that one waits for it, and so for us. */
static bool waits(const struct contest *c, const struct standing *st,
		  const struct layout_child *child)
{
	if (is_ours(c, child))
		return false;
	return excludes(c->mode, child) ||
	       (st->next.name && layout_child_before(&st->next, child));
}

/* R6: it stands between two bids of ours, and waits for the first. */
static bool waits_between(const struct contest *c, const struct standing *st,
			  const struct layout_child *child)
{
	return st->own_first.name && !is_ours(c, child) &&
	       layout_child_before(&st->own_first, child) &&
	       !(st->own_first.reader && child->reader);
}

static struct standing stand(const struct contest *c,
			     const struct coord_event *ev)
{
	const char *own_name = contest_name_of(c->own);
	struct layout_child own, child;
	struct standing st = { .kin = true };

	(void)layout_child_parse(own_name, &own);
	for (size_t i = 0; i < ev->answer.children_len; i++) {
		const char *name = ev->answer.children[i];

		if (strcmp(name, own_name) == 0) {
			st.seen = true;
			continue;
		}
		st.semaphore = st.semaphore || (c->layout == LAYOUT_OWN &&
						layout_is_slots(name));
		if (!layout_child_parse(name, &child))
			continue;
		if (layout_child_before(&child, &own))
			stand_below(c, &st, &child);
		else if (is_ours(c, &child) && !child.reader)
			st.next = child;
	}
	for (size_t i = 0; i < ev->answer.children_len; i++) {
		if (!layout_child_parse(ev->answer.children[i], &child))
			continue;
		if (layout_child_before(&own, &child))
			st.behind += waits(c, &st, &child);
		else if (layout_child_before(&child, &own))
			st.between |= waits_between(c, &st, &child);
	}
	return st;
}

/* Paths of nodes that we did not name: as long as their names are. */
static void set_path(const struct contest *c, char **path, const char *name)
{
	size_t size = strlen(c->parent) + 1 + strlen(name) + 1;

	free(*path);
	*path = malloc(size);
	if (!*path)
		abort(); /* a waiter that watches nobody would wait for ever */
	(void)layout_path(c->parent, name, *path, size);
}

/* How many leases stand before ours?  One that has no number might. */
static bool count_leases(const struct contest *c, const struct coord_event *ev,
			 unsigned *before_out)
{
	const char *own_name = contest_name_of(c->own);
	struct layout_child own, child;
	unsigned before = 0;
	bool seen = false;

	(void)layout_lease_parse(own_name, &own);
	for (size_t i = 0; i < ev->answer.children_len; i++) {
		const char *name = ev->answer.children[i];

		if (strcmp(name, own_name) == 0)
			seen = true;
		else if (!layout_lease_parse(name, &child) ||
			 layout_child_before(&child, &own))
			before++;
	}
	*before_out = before;
	return seen;
}

static void judge_lease(struct contest *c, const struct coord_event *ev,
			struct contest_effects *fx)
{
	struct contest_effect *one;
	unsigned before;

	if (!count_leases(c, ev, &before)) {
		contest_vanish(c, fx);
		return;
	}
	c->behind = true; /* so its own node is what it watches */
	if (before < c->lease_of) {
		contest_own(c, false, true, fx);
		return;
	}
	one = contest_emit(fx, CONTEST_FX_QUEUED);
	one->below = before - c->lease_of + 1;
	if (c->state == CONTEST_CREATE) /* now with a watch */
		contest_enter(c, CONTEST_LIST, fx);
}

void contest_judge(struct contest *c, const struct coord_event *ev,
		   struct contest_effects *fx)
{
	struct standing st;

	if (c->lease_of) {
		judge_lease(c, ev, fx);
		return;
	}
	st = stand(c, ev);
	if (!st.seen) {
		contest_vanish(c, fx);
		return;
	}
	if (st.semaphore) {
		contest_fail(c, ZKP_KIND, 0,
			     "the name is in use as a semaphore", fx);
		return;
	}
	c->behind = st.behind > 0;
	c->below = st.below;
	c->blocking = st.blocking;
	if (st.blocking == 0) {
		/* Who stood directly before us, though two had to go. */
		contest_own(c, st.after_own || c->pred_was_own, true, fx);
		return;
	}
	c->pred_was_own = false;
	set_path(c, &c->pred, st.pred);
	free(c->first);
	c->first = NULL;
	if (st.first != st.pred)
		set_path(c, &c->first, st.first);
	c->kin = st.kin;
	c->pred_is_own = is_ours(c, &st.pred_child);
	c->after = c->pred_is_own && st.below == 1
		       ? layout_uuid_bid(&st.pred_child.uuid)
		       : 0;
	/* C1: what it leaves behind is a reader, which stops no reader. */
	c->pred_may_downgrade =
	    c->mode == ZKP_MODE_X && st.pred_child.writer && !st.pred_child.kin;
	if (st.between)
		contest_emit(fx, CONTEST_FX_BEHIND)->behind = true;
	contest_enter(c, CONTEST_WATCH_PRED, fx);
}

void contest_judge_owned(struct contest *c, const struct coord_event *ev,
			 struct contest_effects *fx)
{
	struct standing st = stand(c, ev);
	struct contest_effect *one;

	if (!st.seen) {
		contest_vanish(c, fx);
		return;
	}
	one = contest_emit(fx, CONTEST_FX_BEHIND);
	one->behind = st.behind > 0;
	c->asked_behind = false;
	if (c->behind == one->behind)
		return; /* the watch is the right one */
	c->behind = one->behind;
	contest_open(c, fx);
}

/* R6: a listing asked for while owned tells of waiters though the bid is being
 * left: they stand behind whatever bid of ours comes next. */
void contest_late(struct contest *c, const struct contest_event *ev,
		  struct contest_effects *fx)
{
	struct standing st;

	if (c->state != CONTEST_LEAVE || ev->question != CONTEST_Q_BEHIND ||
	    ev->coord->answer.result != COORD_OK)
		return;
	st = stand(c, ev->coord);
	if (st.seen && st.behind > 0)
		contest_emit(fx, CONTEST_FX_BEHIND)->behind = true;
}

/* Whoever has children beside us says nothing of who they are. */
void contest_claimed(struct contest *c, const struct contest_event *ev,
		     struct contest_effects *fx)
{
	if (!ev->claimed || !c->own || c->state != CONTEST_CREATE)
		return;
	if (ev->children != 1) {
		contest_enter(c, CONTEST_LIST, fx);
		return;
	}
	c->behind = false;
	c->below = c->blocking = 0;
	contest_own(c, false, true, fx);
}

/* A deposed leader answers a sync by itself, and its listing knows nothing of
 * our node.  So ask with a write: nothing has this name without digits, and
 * that "no node" has been committed. */
void contest_ask_recover(struct contest *c, struct contest_effects *fx)
{
	char name[LAYOUT_NAME_MAX];

	c->synced = false;
	contest_prefix(c, name, sizeof name);
	(void)layout_path(c->parent, name, fx->path, sizeof fx->path);
	contest_op(c, fx, CONTEST_Q_SYNC, COORD_DELETE, fx->path);
	contest_op(c, fx, CONTEST_Q_LIST, COORD_LIST, c->parent);
}

void contest_recover(struct contest *c, const struct coord_event *ev,
		     struct contest_effects *fx)
{
	const char *lowest = NULL, *highest = NULL;
	struct layout_child low, high, child;

	for (size_t i = 0; i < ev->answer.children_len; i++) {
		const char *name = ev->answer.children[i];

		if (!contest_parse(c, name, &child) ||
		    !layout_uuid_equal(&child.uuid, &c->uuid))
			continue;
		if (!lowest || layout_child_before(&child, &low)) {
			lowest = name;
			low = child;
		}
		if (!highest || layout_child_before(&high, &child)) {
			highest = name;
			high = child;
		}
	}
	if (!lowest) {
		contest_enter(c, c->leaving ? CONTEST_GONE : CONTEST_CREATE,
			      fx);
	} else if (lowest != highest) {
		set_path(c, &c->pred, highest);
		set_path(c, &c->first, lowest);
		contest_enter(c, CONTEST_TWIN, fx);
	} else {
		set_path(c, &c->own, lowest);
		contest_enter(c, CONTEST_VERIFY, fx);
	}
}
