/* SPDX-License-Identifier: MIT */
/*
 * hub - the audit: nodes of this session that no bid owns.
 *
 * There should be none: a lost create is recovered, a lost delete repeated.
 * But a node that is forgotten blocks its lock for as long as the daemon
 * lives, so what we believe is looked at.  The C client cannot list a
 * session's ephemerals: each parent that a bid was made under is listed once,
 * some time after its last bid went.  A node is ours only if its uuid is one
 * of this daemon's and its owner is the current session.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/hub_i.h"

/* Long after any answer of the bid's can still come. */
#define AUDIT_AFTER_MS 60000
/* Listings a second: nobody waits for them. */
#define AUDIT_EVERY_MS 100
/* Parents remembered: the oldest is dropped unseen. */
#define AUDIT_PARENTS_MAX 4096

void hub_audit_note(struct hub *hub, const char *parent)
{
	struct hub_parent *one;

	/* One that is noted already is not put off: a lock in daily use would
	 * never be looked at.  Bids that live are known. */
	HASH_FIND(hh, hub->parents, parent, strlen(parent), one);
	if (one)
		return;
	if (HASH_COUNT(hub->parents) >= AUDIT_PARENTS_MAX)
		hub_audit_drop(hub, TAILQ_FIRST(&hub->audit));
	one = malloc(sizeof *one + strlen(parent) + 1);
	if (!one)
		return; /* only an audit is lost */
	strcpy(one->path, parent);
	one->due_ms = hub->now_ms + AUDIT_AFTER_MS;
	HASH_ADD_KEYPTR(hh, hub->parents, one->path,
			(unsigned)strlen(one->path), one);
	TAILQ_INSERT_TAIL(&hub->audit, one, in_audit);
}

void hub_audit_drop(struct hub *hub, struct hub_parent *one)
{
	TAILQ_REMOVE(&hub->audit, one, in_audit);
	HASH_DEL(hub->parents, one);
	free(one);
}

void hub_audit_forget_all(struct hub *hub)
{
	struct hub_parent *one;

	while ((one = TAILQ_FIRST(&hub->audit)))
		hub_audit_drop(hub, one);
}

static void submit(struct hub *hub, enum hub_op_kind kind, enum coord_verb verb,
		   const char *path)
{
	struct coord_op op = { .verb = verb, .path = path };
	struct hub_op row = { .kind = kind, .text = strdup(path) };

	if (row.text)
		hub_submit(hub, &op, row);
}

int64_t hub_audit_wake_ms(const struct hub *hub)
{
	const struct hub_parent *one = TAILQ_FIRST(&hub->audit);

	if (!one || !hub->link_up)
		return INT64_MAX;
	return one->due_ms > hub->audit_ms ? one->due_ms : hub->audit_ms;
}

void hub_audit_tick(struct hub *hub)
{
	struct hub_parent *one = TAILQ_FIRST(&hub->audit);

	if (hub->now_ms < hub_audit_wake_ms(hub))
		return;
	hub->audit_ms = hub->now_ms + AUDIT_EVERY_MS;
	submit(hub, HUB_OP_AUDIT_LIST, COORD_LIST, one->path);
	hub_audit_drop(hub, one);
}

static bool is_orphan(struct hub *hub, const char *name)
{
	struct layout_child child;

	return layout_lease_parse(name, &child) && /* any of ours */
	       layout_uuid_is_of(&child.uuid, hub->instance) &&
	       !hub_bid_lives(hub, layout_uuid_bid(&child.uuid));
}

/* One orphan a listing: the names are lent until the first operation, and the
 * parent is listed again. */
static void listed(struct hub *hub, const char *parent,
		   const struct coord_event *ev)
{
	char path[COORD_PATH_MAX];

	for (size_t i = 0; i < ev->answer.children_len; i++) {
		const char *name = ev->answer.children[i];

		if (!is_orphan(hub, name))
			continue;
		(void)layout_path(parent, name, path, sizeof path);
		submit(hub, HUB_OP_AUDIT_GET, COORD_GET, path);
		hub_audit_note(hub, parent);
		return;
	}
}

void hub_audit_answer(struct hub *hub, const struct hub_op *op,
		      const struct coord_event *ev)
{
	if (ev->answer.result != COORD_OK || hub->session == 0)
		return;
	if (op->kind == HUB_OP_AUDIT_LIST) {
		listed(hub, op->text, ev);
	} else if (op->kind == HUB_OP_AUDIT_GET) {
		if (ev->answer.stat.owner == hub->session)
			submit(hub, HUB_OP_AUDIT_DELETE, COORD_DELETE,
			       op->text);
	} else {
		hub->counts.orphans++;
		hub_log(hub, HUB_WARNING, "event=orphan_deleted path=%s",
			op->text);
	}
}
