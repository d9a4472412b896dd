/* SPDX-License-Identifier: MIT */
/*
 * hub - contests: the bids of this host, their operations, their watches.
 */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/hub_i.h"

/* What the server appends to a sequential node. */
#define SEQ_DIGITS 10
/* P7 counts each path with its length word. */
#define PATH_LENGTH_BYTES 4

struct hub_bid *hub_bid_find(struct hub *hub, uint64_t id)
{
	struct hub_bid *bid;

	HASH_FIND_ID(hh, hub->bids, id, bid);
	return bid;
}

/* Watches */

static void unwatch(struct hub *hub, struct hub_bid *bid)
{
	struct hub_watch *watch = bid->watch;

	if (!watch)
		return;
	bid->watch = NULL;
	TAILQ_REMOVE(&watch->bids, bid, in_watch);
	if (!TAILQ_EMPTY(&watch->bids))
		return;
	HASH_DEL(hub->watches, watch);
	free(watch->path);
	free(watch);
}

/* The path that the contest wants to hear of, after each of its steps.  A
 * waiter that hears nothing would wait for ever: no memory, no daemon. */
static void rewatch(struct hub *hub, struct hub_bid *bid)
{
	const char *path = contest_watched(bid->contest);
	struct hub_watch *watch;

	if (bid->watch && path && strcmp(bid->watch->path, path) == 0)
		return;
	unwatch(hub, bid);
	if (!path)
		return;
	HASH_FIND(hh, hub->watches, path, strlen(path), watch);
	if (!watch) {
		watch = calloc(1, sizeof *watch);
		if (!watch || !(watch->path = strdup(path)))
			abort();
		TAILQ_INIT(&watch->bids);
		HASH_ADD_KEYPTR(hh, hub->watches, watch->path,
				(unsigned)strlen(path), watch);
	}
	TAILQ_INSERT_TAIL(&watch->bids, bid, in_watch);
	bid->watch = watch;
}

/* Where nodes of the bid may be left. */
static void audit_note(struct hub *hub, const struct hub_bid *bid)
{
	const char *parent = contest_parent(bid->contest);
	char below[COORD_PATH_MAX];

	if (!bid->slots) {
		hub_audit_note(hub, parent);
		return;
	}
	(void)layout_path(parent, LAYOUT_SLOTS_ENTRY, below, sizeof below);
	hub_audit_note(hub, below);
	(void)layout_path(parent, LAYOUT_SLOTS_LEASES, below, sizeof below);
	hub_audit_note(hub, below);
}

static void bid_free(struct hub *hub, struct hub_bid *bid)
{
	audit_note(hub, bid);
	unwatch(hub, bid);
	hub_room_leaving(hub, bid);
	hub->ephemeral_bytes -= bid->bytes;
	hub->leaving_bytes -= bid->bytes;
	HASH_DEL(hub->bids, bid);
	contest_free(bid->contest);
	free(bid);
}

/* Effects of a contest */

static struct locktab_event bid_event(const struct hub_bid *bid,
				      enum locktab_event_type type)
{
	return (struct locktab_event){ .type = type, .bid.bid = bid->id };
}

static enum locktab_behind behind_of(const struct contest_effect *fx)
{
	if (fx->type == CONTEST_FX_OWNED && !fx->behind_known)
		return BEHIND_UNKNOWN;
	return fx->behind ? BEHIND_SOMEBODY : BEHIND_NOBODY;
}

static bool has(const struct contest_effects *fx, enum contest_effect_type type)
{
	for (size_t i = 0; i < fx->len; i++) {
		if (fx->fx[i].type == type)
			return true;
	}
	return false;
}

/* What may leave together with that of other bids, or wait a little: an
 * owner's watch is armed off the critical path (R13), and not at all for a
 * hold that is over by then; but what it then tells is looked at at once. */
static bool is_batched(const struct hub *hub, const struct hub_bid *bid,
		       const struct contest_effects *all, size_t at)
{
	enum contest_question question = all->fx[at].question;

	/* A semaphore's two bids count, and are alone in nothing. */
	if (hub->settings.batch_ops_max < 2 || !hub->link_up || bid->slots)
		return false;
	if (question == CONTEST_Q_DELETE ||
	    (question == CONTEST_Q_CREATE && bid->claims))
		return true;
	/* Many turns are to come: others' must be known of at once. */
	if (locktab_crowded(hub->tab, bid->id))
		return false;
	return (question == CONTEST_Q_BEHIND &&
		(has(all, CONTEST_FX_OWNED) || !all->fx[at].op.watch)) ||
	       (question == CONTEST_Q_OWN &&
		(has(all, CONTEST_FX_OWNED) || has(all, CONTEST_FX_BEHIND)));
}

/* What leaves by itself: in one flush, for a create and the listing behind it
 * are one packet then. */
struct flush {
	struct coord_op ops[CONTEST_EFFECTS_MAX];
	size_t len;
};

static void flush_out(struct hub *hub, struct flush *flush)
{
	if (flush->len)
		hub->coord->ops->submit(hub->coord, flush->ops, flush->len);
	flush->len = 0;
}

static void submit(struct hub *hub, const struct hub_bid *bid,
		   const struct contest_effects *all, size_t at,
		   struct flush *flush)
{
	const struct contest_effect *fx = &all->fx[at];
	struct coord_op *op = &flush->ops[flush->len];
	struct hub_op row = { .kind = HUB_OP_BID,
			      .bid = bid->id,
			      .question = fx->question,
			      .visit = fx->visit };

	/* The listing behind a create goes with it, when that goes alone. */
	if (at > 0 && fx->question == CONTEST_Q_LIST &&
	    fx[-1].type == CONTEST_FX_OP &&
	    fx[-1].question == CONTEST_Q_CREATE &&
	    (bid->group || is_batched(hub, bid, all, at - 1)))
		return;
	if (bid->group && fx->question == CONTEST_Q_CREATE) {
		hub_group_put(hub, bid, fx);
	} else if (is_batched(hub, bid, all, at)) {
		hub_batch_put(hub, bid, fx);
	} else {
		*op = fx->op;
		hub_enroll(hub, op, row);
		flush->len++;
	}
}

static void say_failed(struct hub *hub, const struct hub_bid *bid,
		       const struct contest_effect *fx)
{
	hub_log(hub, fx->status == ZKP_KIND ? HUB_INFO : HUB_ERR,
		"event=bid_failed bid=%llu zk=%d why=\"%s\"",
		(unsigned long long)bid->id, fx->zk_rc, fx->why);
}

/* What locktab must hear of an effect; false: nothing. */
static bool to_event(const struct hub_bid *bid, const struct contest_effect *fx,
		     struct locktab_event *ev_out)
{
	switch (fx->type) {
	case CONTEST_FX_QUEUED:
		*ev_out = bid_event(bid, LOCKTAB_BID_QUEUED);
		ev_out->bid.below = fx->below;
		ev_out->bid.holder = fx->holder;
		ev_out->bid.kin = fx->kin;
		ev_out->bid.after = fx->after;
		ev_out->bid.after_own = fx->after_own;
		ev_out->bid.behind = behind_of(fx);
		ev_out->bid.base = fx->base;
		return true;
	case CONTEST_FX_OWNED:
		*ev_out = bid_event(bid, LOCKTAB_BID_OWNED);
		ev_out->bid.base = fx->base;
		ev_out->bid.after_own = fx->after_own;
		ev_out->bid.behind = behind_of(fx);
		return true;
	case CONTEST_FX_BEHIND:
		*ev_out = bid_event(bid, LOCKTAB_BID_BEHIND);
		ev_out->bid.behind = behind_of(fx);
		return true;
	case CONTEST_FX_REVOKED:
		*ev_out = bid_event(bid, LOCKTAB_BID_REVOKED);
		return true;
	case CONTEST_FX_VANISHED:
		*ev_out = bid_event(bid, LOCKTAB_BID_VANISHED);
		return true;
	case CONTEST_FX_FAILED:
		*ev_out = bid_event(bid, LOCKTAB_BID_FAILED);
		ev_out->bid.status = fx->status;
		return true;
	case CONTEST_FX_OP:
	case CONTEST_FX_ROOT:
	case CONTEST_FX_GONE:
		break;
	}
	return false;
}

/* Where a lock's node is to be made. */
static void make_above(struct hub *hub, const char *parent)
{
	size_t len = strlen(hub->settings.root);

	if (strncmp(parent, hub->settings.root, len) == 0 && parent[len] == '/')
		hub_make_root(hub);
	else
		hub_place_make_above(hub, parent);
}

/* Operations first: they borrow from the contest, and a step of locktab may
 * step the contest again. */
static void run(struct hub *hub, uint64_t id, const struct contest_effects *fx)
{
	struct hub_bid *bid = hub_bid_find(hub, id);
	struct flush flush = { .len = 0 };
	struct locktab_event ev;

	for (size_t i = 0; i < fx->len; i++) {
		if (fx->fx[i].type == CONTEST_FX_ROOT) {
			flush_out(hub, &flush);
			make_above(hub, contest_parent(bid->contest));
		} else if (fx->fx[i].type == CONTEST_FX_OP) {
			submit(hub, bid, fx, i, &flush);
		} else if (fx->fx[i].type == CONTEST_FX_FAILED) {
			say_failed(hub, bid, &fx->fx[i]);
		}
	}
	flush_out(hub, &flush);
	rewatch(hub, bid);
	if (contest_leaving(bid->contest))
		hub_room_leaving(hub, bid);
	for (size_t i = 0; i < fx->len && bid; i++) {
		if (to_event(bid, &fx->fx[i], &ev)) {
			hub->refused_why = fx->fx[i].why;
			hub->refused_zk = fx->fx[i].zk_rc;
			hub_step(hub, &ev);
			hub->refused_why = NULL;
		} else if (fx->fx[i].type == CONTEST_FX_GONE) {
			bid_free(hub, bid);
		}
		bid = hub_bid_find(hub, id);
	}
}

static void step(struct hub *hub, struct hub_bid *bid,
		 const struct contest_event *ev)
{
	struct contest_effects fx;

	contest_step(bid->contest, ev, &fx);
	run(hub, bid->id, &fx);
}

/* Opening and leaving */

/* An uuid that names this daemon and the bid (layout.h). */
static struct layout_uuid bid_uuid(const struct hub *hub, uint64_t bid)
{
	return layout_uuid_make(hub->instance, bid);
}

static bool is_own(void *ctx, const struct layout_uuid *uuid)
{
	struct hub *hub = ctx;
	const struct hub_bid *bid;

	if (!layout_uuid_is_of(uuid, hub->instance))
		return false;
	/* One that serves its own ticket only is a waiter like any other. */
	bid = hub_bid_find(hub, layout_uuid_bid(uuid));
	return !bid || (!bid->group && !bid->slots);
}

static void put_words(struct hub *hub, const struct locktab_ticket *t,
		      char *buf, size_t size)
{
	const struct hub_conn *conn = t ? hub_conn_find(hub, t->conn) : NULL;
	struct layout_words words = { .host = hub->settings.host,
				      .note = t ? t->note : "",
				      .command = "" };

	if (conn) {
		words.pid = conn->peer.pid;
		words.uid = conn->peer.uid;
		words.command =
		    *conn->client ? conn->client : conn->peer.command;
	}
	layout_words_write(&words, buf, size);
}

/* A bid that cannot be: locktab hears of it behind the effects in hand. */
void hub_bid_refuse(struct hub *hub, uint64_t bid, bool of_user)
{
	const struct locktab_event failed = {
		.type = LOCKTAB_BID_FAILED,
		.bid = { .bid = bid, .status = ZKP_LIMIT, .of_user = of_user }
	};

	hub_step_later(hub, &failed);
}

/* P7: of its path, and of its lease's. */
static size_t bytes_of(const struct hub_opening *opening)
{
	size_t bytes =
	    PATH_LENGTH_BYTES + strlen(opening->place.parent) + 1 +
	    layout_bid_prefix_len(opening->place.kind, opening->mode) +
	    SEQ_DIGITS;

	if (opening->slots) /* both one floor deeper */
		bytes = 2 * (bytes + sizeof LAYOUT_SLOTS_LEASES "lease");
	return bytes;
}

void hub_bid_open(struct hub *hub, const struct locktab_effect *fx)
{
	struct hub_opening opening = { .bid = fx->bid,
				       .mode = fx->mode,
				       .slots = fx->slots,
				       .group = fx->group,
				       .of = fx->of,
				       .user = locktab_bid_user(hub->tab,
								fx->bid) };

	if (!hub_place_of(hub, fx->name, &opening.place)) {
		/* LOCK was: nobody asks for it. */
		hub_bid_refuse(hub, fx->bid, false);
		return;
	}
	put_words(hub, fx->ticket, opening.words, sizeof opening.words);
	opening.bytes = bytes_of(&opening);
	switch (hub_room_ask(hub, &opening)) {
	case HUB_ROOM_NOW:
		hub_bid_begin(hub, &opening);
		break;
	case HUB_ROOM_LATER:
		break;
	case HUB_ROOM_NONE:
		hub_bid_refuse(hub, fx->bid, false);
		break;
	case HUB_ROOM_NO_SHARE:
		hub_bid_refuse(hub, fx->bid, true);
		break;
	}
}

void hub_bid_begin(struct hub *hub, const struct hub_opening *opening)
{
	const struct contest_setup setup = { .parent = opening->place.parent,
					     .words = opening->words,
					     .layout = opening->place.kind,
					     .mode = opening->mode,
					     .slots = opening->slots,
					     .uuid =
						 bid_uuid(hub, opening->bid),
					     .session = hub->session,
					     .floor_zxid = hub->floor_zxid,
					     .is_own = is_own,
					     .ctx = hub };
	enum layout_kind kind = opening->place.kind;
	struct contest_effects ops;
	struct hub_bid *bid = calloc(1, sizeof *bid);

	if (!bid)
		goto fail;
	bid->contest = contest_new(&setup, hub->link_up, &ops);
	if (!bid->contest)
		goto fail;
	bid->id = opening->bid;
	bid->slots = opening->slots != 0;
	bid->bytes = opening->bytes;
	bid->user = opening->user;
	/* Others' are never set; a semaphore's say how many slots there are. */
	bid->claims = kind == LAYOUT_OWN && !opening->slots && !opening->group;
	bid->keeps_parent = layout_kind_keeps_parents(kind);
	bid->group = opening->group;
	bid->of = opening->of;
	hub->ephemeral_bytes += bid->bytes;
	HASH_ADD_ID(hh, hub->bids, id, bid);
	run(hub, bid->id, &ops);
	return;

fail:
	free(bid);
	user_give(opening->user, USER_BYTES, opening->bytes);
	hub_bid_refuse(hub, opening->bid, false);
}

void hub_bid_leave(struct hub *hub, uint64_t bid)
{
	struct contest_event ev = { .type = CONTEST_EV_LEAVE };
	struct hub_bid *found = hub_bid_find(hub, bid);
	uint64_t group;
	bool made;

	if (!found) {
		hub_room_forget(hub, bid);
		return;
	}
	made = *contest_node(found->contest) != '\0';
	group = found->group;
	step(hub, found, &ev);
	if (!made)
		hub_batch_cancel(hub, bid);
	if (group)
		hub_group_cancel(hub, group);
}

void hub_bid_revoke(struct hub *hub, uint64_t bid)
{
	struct contest_event ev = { .type = CONTEST_EV_REVOKE };
	struct hub_bid *found = hub_bid_find(hub, bid);

	if (found)
		step(hub, found, &ev);
}

void hub_bid_look(struct hub *hub, uint64_t bid)
{
	struct contest_event ev = { .type = CONTEST_EV_LOOK };
	struct hub_bid *found = hub_bid_find(hub, bid);

	if (found)
		step(hub, found, &ev);
}

void hub_bid_vanish(struct hub *hub, uint64_t bid)
{
	struct contest_event ev = { .type = CONTEST_EV_VANISH };
	struct hub_bid *found = hub_bid_find(hub, bid);

	if (found)
		step(hub, found, &ev);
}

void hub_bid_forget_all(struct hub *hub)
{
	struct hub_bid *bid, *next;

	batch_clear(hub->batch);
	hub_group_forget_all(hub);
	hub_room_forget_all(hub);

	HASH_ITER(hh, hub->bids, bid, next)
	bid_free(hub, bid);
}

/* What happens to them */

/* R10: a delete is said again with the next beat, until it is certain. */
static void note_refusal(struct hub *hub, const struct hub_bid *bid,
			 const struct hub_op *op, int zk_rc)
{
	hub->bids_refused = true;
	if (op->question == CONTEST_Q_DELETE)
		hub_log(hub, HUB_WARNING,
			"event=delete_refused node=%s zk=%d why=\"%s\"",
			contest_node(bid->contest), zk_rc,
			coord_refusal(zk_rc));
}

void hub_bid_answer(struct hub *hub, const struct hub_op *op,
		    const struct coord_event *ev)
{
	struct contest_event answer = { .type = CONTEST_EV_ANSWER,
					.question = op->question,
					.visit = op->visit,
					.coord = ev,
					.claimed = op->claimed,
					.children = op->children };
	struct hub_bid *bid = hub_bid_find(hub, op->bid);

	if (!bid)
		return;
	if (ev->answer.result == COORD_REFUSED)
		note_refusal(hub, bid, op, ev->answer.zk_rc);
	step(hub, bid, &answer);
}

/* A step says its operation again, and frees or opens no bid. */
void hub_bid_again(struct hub *hub)
{
	struct contest_event ev = { .type = CONTEST_EV_AGAIN };
	struct hub_bid *bid, *next;

	if (!hub->bids_refused)
		return;
	hub->bids_refused = false;
	HASH_ITER(hh, hub->bids, bid, next)
	step(hub, bid, &ev);
}

void hub_bid_watch(struct hub *hub, const struct coord_event *ev)
{
	struct coord_event copy = *ev; /* ev is lent until an operation */
	struct contest_event fired = { .type = CONTEST_EV_WATCH,
				       .coord = &copy };
	char path[COORD_PATH_MAX];
	struct hub_watch *watch;
	struct hub_bid *bid;
	uint64_t *ids;
	size_t len = 0;

	HASH_FIND(hh, hub->watches, ev->watch.path, strlen(ev->watch.path),
		  watch);
	if (!watch)
		return; /* late: nobody waits for it any more */
	hub->counts.watches_fired++;
	(void)snprintf(path, sizeof path, "%s", ev->watch.path);
	copy.watch.path = path;
	TAILQ_FOREACH(bid, &watch->bids, in_watch)
	len++;
	ids = malloc(len * sizeof *ids);
	if (!ids)
		abort(); /* an event lost is a waiter lost */
	len = 0;
	TAILQ_FOREACH(bid, &watch->bids, in_watch)
	ids[len++] = bid->id;
	for (size_t i = 0; i < len; i++) {
		bid = hub_bid_find(hub, ids[i]);
		/* One that has slid still waits for the end of the one before,
		 * which stirs nobody. */
		if (bid && !contest_pred(bid->contest) &&
		    locktab_lingers(hub->tab, ids[i])) {
			struct locktab_event stirred =
			    bid_event(bid, LOCKTAB_BID_STIRRED);

			hub_step(hub, &stirred); /* R13: no listing */
		} else if (bid) {
			step(hub, bid, &fired);
		}
	}
	free(ids);
}

void hub_bid_link(struct hub *hub, bool up)
{
	struct contest_event ev = { .type = up ? CONTEST_EV_LINK_UP
					       : CONTEST_EV_LINK_DOWN };
	struct hub_bid *bid, *next;

	/* A step may free its own bid or open one at the end, no other. */
	HASH_ITER(hh, hub->bids, bid, next)
	step(hub, bid, &ev);
}

bool hub_bid_awaits(struct hub *hub, uint64_t bid, uint32_t visit)
{
	const struct hub_bid *found = hub_bid_find(hub, bid);

	return found && contest_visit(found->contest) == visit;
}

void hub_bid_make_parent(struct hub *hub, uint64_t bid)
{
	struct coord_op op = { .verb = COORD_CREATE, .kind = COORD_CONTAINER };
	struct hub_op row = { .kind = HUB_OP_ROOT };
	const struct hub_bid *found = hub_bid_find(hub, bid);

	if (!found)
		return;
	if (found->keeps_parent)
		op.kind = COORD_PERSISTENT;
	op.path = contest_parent(found->contest);
	make_above(hub, op.path);
	hub_submit(hub, &op, row);
}

const char *hub_bid_parent(struct hub *hub, uint64_t bid)
{
	const struct hub_bid *found = hub_bid_find(hub, bid);

	return found ? contest_parent(found->contest) : NULL;
}

bool hub_bid_lives(struct hub *hub, uint64_t bid)
{
	return hub_bid_find(hub, bid) != NULL;
}

const char *hub_bid_node(struct hub *hub, uint64_t bid)
{
	struct hub_bid *found = hub_bid_find(hub, bid);

	return found ? contest_node(found->contest) : "";
}
