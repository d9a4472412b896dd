/* SPDX-License-Identifier: MIT */
/*
 * contest - birth, end, questions: of a bid, or of a semaphore's two.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/contest_i.h"

static struct contest *born(const struct contest_setup *setup, bool link_up)
{
	struct contest *c = calloc(1, sizeof *c);

	if (!c)
		return NULL;
	c->parent = strdup(setup->parent);
	c->words = strdup(setup->words);
	if (!c->parent || !c->words) {
		contest_free(c);
		return NULL;
	}
	c->layout = setup->layout;
	c->mode = setup->mode;
	c->uuid = setup->uuid;
	c->session = setup->session;
	c->floor_zxid = setup->floor_zxid;
	c->is_own = setup->is_own;
	c->ctx = setup->ctx;
	c->link_up = link_up;
	c->state = CONTEST_CREATE;
	return c;
}

struct contest *contest_queue_new(const struct contest_setup *setup,
				  bool link_up, struct contest_effects *fx)
{
	struct contest *c = born(setup, link_up);

	if (!c)
		return NULL;
	c->lease_of = setup->slots;
	contest_open(c, fx);
	return c;
}

struct contest *contest_new(const struct contest_setup *setup, bool link_up,
			    struct contest_effects *effects_out)
{
	struct contest *face;

	effects_out->len = 0;
	if (!setup->slots)
		return contest_queue_new(setup, link_up, effects_out);
	face = born(setup, link_up);
	if (face && !contest_slots_begin(face, setup, effects_out)) {
		contest_free(face);
		face = NULL;
	}
	return face;
}

void contest_free(struct contest *contest)
{
	if (!contest)
		return;
	contest_slots_free(contest->slots);
	free(contest->parent);
	free(contest->words);
	free(contest->own);
	free(contest->pred);
	free(contest->first);
	free(contest);
}

void contest_step(struct contest *c, const struct contest_event *ev,
		  struct contest_effects *effects_out)
{
	effects_out->len = 0;
	if (c->slots)
		contest_slots_step(c, ev, effects_out);
	else
		contest_queue_step(c, ev, effects_out);
}

const char *contest_name_of(const char *path)
{
	return strrchr(path, '/') + 1;
}

void contest_prefix(const struct contest *c, char *buf, size_t size)
{
	if (c->lease_of)
		layout_lease_prefix(&c->uuid, buf, size);
	else
		layout_bid_prefix(c->layout, c->mode, &c->uuid, buf, size);
}

bool contest_parse(const struct contest *c, const char *name,
		   struct layout_child *child_out)
{
	return c->lease_of ? layout_lease_parse(name, child_out)
			   : layout_child_parse(name, child_out);
}

bool contest_awaits_lease(const struct contest *c)
{
	return c->lease_of && c->state == CONTEST_LIST;
}

const char *contest_node(const struct contest *contest)
{
	if (contest->slots)
		return contest_slots_node(contest);
	return contest->own ? contest->own : "";
}

const char *contest_parent(const struct contest *contest)
{
	return contest->parent;
}

const char *contest_watched(const struct contest *contest)
{
	if (contest->slots)
		return contest_slots_watched(contest);
	if (contest_awaits_lease(contest))
		return contest->parent;
	if (contest->state == CONTEST_WATCH_PRED)
		return contest->pred;
	if (contest->state == CONTEST_OWNED)
		return contest->behind ? contest->own : contest->parent;
	return NULL;
}

/* A lease of a semaphore has none before it: it counts them. */
static const struct contest *behind_pred(const struct contest *contest)
{
	if (contest->slots)
		contest = contest_slots_entry(contest);
	if (!contest || contest->state != CONTEST_WATCH_PRED ||
	    !contest->watching)
		return NULL;
	return contest;
}

const char *contest_pred(const struct contest *contest)
{
	const struct contest *waits = behind_pred(contest);

	return waits ? waits->pred : NULL;
}

const char *contest_first(const struct contest *contest)
{
	const struct contest *waits = behind_pred(contest);

	return waits ? waits->first : NULL;
}

uint32_t contest_visit(const struct contest *contest)
{
	const struct contest *entry =
	    contest->slots ? contest_slots_entry(contest) : contest;

	return entry ? entry->visit : 0;
}

bool contest_leaving(const struct contest *contest)
{
	return contest->leaving;
}
