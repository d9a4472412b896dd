/* SPDX-License-Identifier: MIT */
/*
 * hub - the session and the lease: beats, presence, suspension, loss, the
 * orderly end.  lease decides, this carries out.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/hub_i.h"

/* Where daemons show themselves, below the root. */
#define PRESENCE_DIR ".zklockd"
/* A link torn sooner than this was torn by somebody, and so many in a row are
 * no chance: servers that restart take longer. */
#define SHORT_LINK_MS     2000
#define SHORT_LINKS_ALARM 4

/* Operations */

static enum lease_evidence evidence_of(enum coord_verb verb)
{
	switch (verb) {
	case COORD_CREATE:
	case COORD_SET:
	case COORD_DELETE:
	case COORD_MULTI:
		return LEASE_WRITE;
	case COORD_LIST:
	case COORD_GET:
		return LEASE_READ;
	case COORD_SYNC:
		return LEASE_SYNC;
	case COORD_CHECK:
		break; /* never by itself */
	}
	return LEASE_NOTHING;
}

/* Which answers came through the pipeline.  A multi that failed by one of the
 * four did as well: its errors are a transaction of their own, proposed like
 * any other, and the session was checked at the leader before the error was
 * found (PrepRequestProcessor, OpCode.multi).  We send no empty one, which
 * would be checked by nobody. */
static bool proves(enum coord_result result)
{
	switch (result) {
	case COORD_OK:
	case COORD_NO_NODE:
	case COORD_NODE_EXISTS:
	case COORD_NOT_EMPTY:
	case COORD_BAD_VERSION:
		return true;
	case COORD_MAYBE:
	case COORD_NOT_SENT:
	case COORD_REFUSED:
		break;
	}
	return false;
}

void hub_enroll(struct hub *hub, struct coord_op *op, struct hub_op row)
{
	struct hub_op *kept = malloc(sizeof *kept);

	if (!kept)
		abort(); /* an answer nobody knows would lose a node */
	op->id = row.id = ++hub->op_last;
	row.verb = op->verb;
	row.mark = lease_sent(hub->lease, hub->now_ms);
	*kept = row;
	HASH_ADD_ID(hh, hub->ops, id, kept);
	hub->counts.ops++;
}

void hub_submit(struct hub *hub, const struct coord_op *op, struct hub_op row)
{
	struct coord_op out = *op;

	hub_enroll(hub, &out, row);
	hub->coord->ops->submit(hub->coord, &out, 1);
}

static void submit(struct hub *hub, enum hub_op_kind kind, enum coord_verb verb,
		   const char *path)
{
	struct coord_op op = { .verb = verb,
			       .path = path,
			       .kind = kind == HUB_OP_PRESENCE
					   ? COORD_EPHEMERAL
					   : COORD_PERSISTENT,
			       .urgent = kind == HUB_OP_SYNC ||
					 kind == HUB_OP_SET ||
					 kind == HUB_OP_READ };
	struct hub_op row = { .kind = kind };

	hub_submit(hub, &op, row);
}

/* Every node down to the root, and the room for presence nodes: those that
 * are there already answer so. */
void hub_make_root(struct hub *hub)
{
	char path[COORD_PATH_MAX];
	size_t len = strlen(hub->settings.root);

	for (size_t i = 1; i <= len; i++) {
		if (i < len && hub->settings.root[i] != '/')
			continue;
		(void)snprintf(path, sizeof path, "%.*s", (int)i,
			       hub->settings.root);
		submit(hub, HUB_OP_ROOT, COORD_CREATE, path);
	}
	(void)snprintf(path, sizeof path, "%s/" PRESENCE_DIR,
		       hub->settings.root);
	submit(hub, HUB_OP_ROOT, COORD_CREATE, path);
}

void hub_session_presence(struct hub *hub)
{
	hub->presence = false;
	hub_make_root(hub);
	submit(hub, HUB_OP_PRESENCE, COORD_CREATE, hub->presence_path);
}

/* Answers */

static void on_beat_set(struct hub *hub, const struct coord_event *ev)
{
	/* Somebody deleted it.  The failed write proves as well as any. */
	if (ev->answer.result == COORD_NO_NODE && hub->link_up)
		hub_session_presence(hub);
}

static void on_presence(struct hub *hub, const struct coord_event *ev)
{
	if (ev->answer.result == COORD_OK ||
	    ev->answer.result == COORD_NODE_EXISTS)
		hub->presence = true;
	else if (ev->answer.result == COORD_REFUSED)
		hub_log(hub, HUB_ERR, "event=presence_refused path=%s zk=%d",
			hub->presence_path, ev->answer.zk_rc);
}

/* Ours are answered in the order in which they were committed; an ensemble
 * that was restored from older data begins again with smaller ones. */
static void note_zxid(struct hub *hub, const struct hub_op *op,
		      const struct coord_event *ev)
{
	int64_t zxid = ev->answer.stat.mzxid;

	for (size_t i = 0; i < ev->answer.subs_len && zxid == 0; i++)
		zxid = ev->answer.subs[i].stat.mzxid; /* all have one */
	if (ev->answer.result != COORD_OK || zxid == 0 ||
	    (op->verb != COORD_CREATE && op->verb != COORD_SET &&
	     op->verb != COORD_MULTI))
		return;
	if (zxid > hub->seen_zxid)
		hub->seen_zxid = zxid;
	if (zxid > hub->floor_zxid || hub->went_back)
		return;
	hub->went_back = true;
	hub_log(hub, HUB_ERR,
		"event=zxid_went_back seen=0x%llx now=0x%llx :older data was "
		"restored: no grants until it has caught up",
		(unsigned long long)hub->floor_zxid, (unsigned long long)zxid);
}

/* The server's wall clock, which dates the nodes: for people only. */
static void note_clock(struct hub *hub, const struct hub_op *op,
		       const struct coord_event *ev)
{
	if (ev->answer.result == COORD_OK && op->verb == COORD_CREATE)
		hub->server_ahead_ms = ev->answer.stat.ctime_ms - hub->now_ms;
}

static void on_answer(struct hub *hub, const struct coord_event *ev)
{
	bool proof = proves(ev->answer.result);
	struct hub_op *op;

	HASH_FIND_ID(hh, hub->ops, ev->answer.id, op);
	if (!op)
		return;
	HASH_DEL(hub->ops, op);
	note_zxid(hub, op, ev);
	note_clock(hub, op, ev);
	/* What the lease wants now is done behind the switch: ev is lent only
	 * until the next operation is handed over. */
	lease_answered(hub->lease, &op->mark, evidence_of(op->verb), proof,
		       hub->now_ms);
	switch (op->kind) {
	case HUB_OP_BID:
		/* A semaphore's number, written, grants and proves: first the
		 * page, then grants.  Nothing of that answer is lent. */
		if (op->verb == COORD_SET)
			hub_session_run(hub);
		hub_bid_answer(hub, op, ev);
		break;
	case HUB_OP_BATCH:
		hub_batch_answer(hub, op, ev);
		break;
	case HUB_OP_GROUP:
		hub_group_answer(hub, op, ev);
		break;
	case HUB_OP_PRESENCE:
		on_presence(hub, ev);
		break;
	case HUB_OP_SET:
		on_beat_set(hub, ev);
		if (proof)
			hub_bid_again(hub);
		break;
	case HUB_OP_CHECK:
		hub_check_answered(hub, proof);
		break;
	case HUB_OP_FAREWELL:
		lease_farewell_done(hub->lease, hub->now_ms);
		break;
	case HUB_OP_AUDIT_LIST:
	case HUB_OP_AUDIT_GET:
	case HUB_OP_AUDIT_DELETE:
		hub_audit_answer(hub, op, ev);
		break;
	case HUB_OP_GHOST:
		hub_ghost_checked(hub, ev);
		break;
	case HUB_OP_GHOST_GET:
		hub_ghost_shown(hub, op, ev);
		break;
	case HUB_OP_ASK:
		hub_cluster_answer(hub, op, ev);
		break;
	case HUB_OP_ROOT:
	case HUB_OP_SYNC:
	case HUB_OP_READ:
		break;
	}
	free(op->text);
	free(op);
	hub_session_run(hub);
}

/* The link and the session */

static void on_attached(struct hub *hub, const struct coord_event *ev)
{
	struct locktab_event up = { .type = LOCKTAB_SESSION_UP };

	hub->connecting = false;
	hub->attached_once = true;
	hub->link_up = true;
	hub->attached_ms = hub->now_ms;
	(void)snprintf(hub->server, sizeof hub->server, "%s",
		       ev->attached.server ? ev->attached.server : "");
	hub_log(hub, HUB_NOTICE,
		"event=attached server=%s session=0x%llx timeout_ms=%lld "
		"fresh=%d",
		hub->server, (unsigned long long)ev->attached.session,
		(long long)ev->attached.timeout_ms, ev->attached.fresh);
	lease_attached(
	    hub->lease,
	    &(struct lease_attach){ .session = ev->attached.session,
				    .timeout_ms = ev->attached.timeout_ms,
				    .connect_ms = ev->attached.connect_ms,
				    .fresh = ev->attached.fresh },
	    hub->now_ms);
	if (!ev->attached.fresh) {
		if (!hub->presence)
			hub_session_presence(hub);
		hub_bid_link(hub, true);
		hub_session_run(hub);
		return;
	}
	hub->session = ev->attached.session;
	hub->floor_zxid = hub->seen_zxid;
	hub->went_back = false;
	hub->counts.sessions++;
	(void)snprintf(hub->presence_path, sizeof hub->presence_path,
		       "%s/" PRESENCE_DIR "/%s-%016llx", hub->settings.root,
		       hub->settings.host, (unsigned long long)hub->instance);
	hub_session_presence(hub);
	up.lease.gen = lease_gen(hub->lease);
	hub_step(hub, &up);
	hub_session_run(hub);
}

/* Two processes on one session tear each other's links for ever (L-R9).  An
 * orderly end closes it, for both; whoever starts us again gets another. */
static void note_short_link(struct hub *hub)
{
	if (hub->now_ms - hub->attached_ms >= SHORT_LINK_MS) {
		hub->short_links = 0;
		return;
	}
	if (++hub->short_links % SHORT_LINKS_ALARM != 0)
		return;
	hub_log(hub, HUB_ERR,
		"event=links_torn session=0x%llx times=%u :is another process "
		"on this session?",
		(unsigned long long)hub->session, hub->short_links);
	if (hub->settings.torn_exit && !hub->stopping) {
		hub->torn = true;
		hub_stop(hub);
	}
}

static void on_link_down(struct hub *hub)
{
	if (!hub->link_up)
		return;
	hub->link_up = false;
	hub->counts.disconnects++;
	hub_log(hub, HUB_WARNING, "event=link_down server=%s", hub->server);
	note_short_link(hub);
	lease_link_down(hub->lease, hub->now_ms);
	hub_bid_link(hub, false);
	hub_batch_link_down(hub);
	hub_group_link_down(hub);
	hub_session_run(hub);
}

static void on_ended(struct hub *hub, const char *why)
{
	hub->counts.expirations++;
	hub_log(hub, HUB_WARNING, "event=session_ended why=%s session=0x%llx",
		why, (unsigned long long)hub->session);
	hub->link_up = false;
	lease_expired(hub->lease, hub->now_ms);
	hub_session_run(hub);
}

static void on_closed(struct hub *hub)
{
	hub->closing = false;
	hub->link_up = false;
	hub->session = 0;
	if (hub->stopping) {
		hub_tell_holders(hub, ZKP_EVENT_BYE);
		hub->drained = true;
	}
	lease_closed(hub->lease, hub->now_ms);
	hub_session_run(hub);
}

void hub_session_event(struct hub *hub, const struct coord_event *ev)
{
	switch (ev->type) {
	case COORD_EV_ANSWER:
		on_answer(hub, ev);
		break;
	case COORD_EV_WATCH:
		hub_bid_watch(hub, ev);
		break;
	case COORD_EV_LINK_DOWN:
		on_link_down(hub);
		break;
	case COORD_EV_ATTACHED:
		on_attached(hub, ev);
		break;
	case COORD_EV_EXPIRED:
		on_ended(hub, "expired");
		break;
	case COORD_EV_AUTH_FAILED:
		on_ended(hub, "auth_failed");
		break;
	case COORD_EV_CLOSED:
		on_closed(hub);
		break;
	}
}

/* What the lease wants */

/* The page first, then the lines, then the grants that wait for it. */
static void publish(struct hub *hub)
{
	struct locktab_event ev = { .type = LOCKTAB_LEASE };

	hub->doors.page(hub->doors.ctx, lease_gen(hub->lease),
			lease_deadline_ms(hub->lease));
	hub_tell_lease(hub);
	ev.lease.grant_until_ms = lease_grant_until_ms(hub->lease);
	ev.lease.too_short = lease_too_short(hub->lease);
	hub_step(hub, &ev);
}

static void suspended(struct hub *hub)
{
	hub_log(hub, HUB_WARNING, "event=suspended valid_ms=%lld",
		(long long)(lease_deadline_ms(hub->lease) - hub->now_ms));
	hub_tell_holders(hub, ZKP_EVENT_SUSPENDED);
}

static void resumed(struct hub *hub)
{
	hub_log(hub, HUB_NOTICE, "event=resumed valid_ms=%lld",
		(long long)(lease_deadline_ms(hub->lease) - hub->now_ms));
	/* We may have been frozen since: then LOST is what follows. */
	if (hub->doors.now_ms(hub->doors.ctx) < lease_deadline_ms(hub->lease))
		hub_tell_holders(hub, ZKP_EVENT_RESUMED);
}

static void lost(struct hub *hub, enum lease_loss loss)
{
	struct locktab_event ev = { .type = LOCKTAB_SESSION_END };

	if (hub->stopping)
		ev.lease.reason = LOCKTAB_LOST_SHUTDOWN;
	else if (loss == LEASE_LOSS_DEADLINE)
		ev.lease.reason = LOCKTAB_LOST_DEADLINE;
	else
		ev.lease.reason = LOCKTAB_LOST_EXPIRED;
	hub->doors.page(hub->doors.ctx, lease_gen(hub->lease), 0);
	hub_bid_forget_all(hub);
	hub_audit_forget_all(hub);
	hub->presence = false;
	hub_step(hub, &ev);
}

static void run_one(struct hub *hub, const struct lease_effect *fx)
{
	switch (fx->type) {
	case LEASE_FX_SYNC:
		submit(hub, HUB_OP_SYNC, COORD_SYNC, hub->presence_path);
		break;
	case LEASE_FX_SET:
		submit(hub, HUB_OP_SET, COORD_SET, hub->presence_path);
		break;
	case LEASE_FX_READ:
		submit(hub, HUB_OP_READ, COORD_GET, hub->presence_path);
		break;
	case LEASE_FX_DROP_LINK:
		hub->coord->ops->drop_link(hub->coord);
		break;
	case LEASE_FX_MOVED:
		publish(hub);
		break;
	case LEASE_FX_SUSPENDED:
		suspended(hub);
		break;
	case LEASE_FX_RESUMED:
		resumed(hub);
		break;
	case LEASE_FX_LOST:
		lost(hub, fx->loss);
		break;
	case LEASE_FX_FAREWELL:
		submit(hub, HUB_OP_FAREWELL, COORD_SET, hub->presence_path);
		break;
	case LEASE_FX_CLOSE:
		hub->closing = true;
		hub->coord->ops->close(hub->coord);
		break;
	case LEASE_FX_CONNECT:
		if (!hub->stopping)
			hub_session_start(hub);
		break;
	case LEASE_FX_SHORT:
		hub_log(hub, HUB_ERR,
			"event=timeout_short asked_ms=%lld given_ms=%lld",
			(long long)hub->settings.session_timeout_ms,
			(long long)lease_timeout_ms(hub->lease));
		break;
	}
}

void hub_session_run(struct hub *hub)
{
	struct lease_effect fx;

	while (lease_next(hub->lease, &fx))
		run_one(hub, &fx);
}

/* Beginning and end */

void hub_session_start(struct hub *hub)
{
	hub->connecting = true;
	hub->coord->ops->connect(hub->coord);
}

/* lease.md R11: an end is announced too.  Called every turn once asked. */
void hub_session_stop(struct hub *hub)
{
	struct locktab_event drain = { .type = LOCKTAB_DRAIN };
	struct locktab_counts counts;

	if (!hub->draining) {
		hub->draining = true;
		hub_log(hub, HUB_NOTICE, "event=draining");
		lease_drain(hub->lease, hub->now_ms);
		hub_session_run(hub);
		hub_step(hub, &drain);
		hub_tell_holders(hub, ZKP_EVENT_DRAINING);
	}
	locktab_counts(hub->tab, &counts);
	if (counts.held || hub->closing || hub->drained ||
	    lease_state(hub->lease) == LEASE_LAPSED)
		return; /* a lapsed session is closed by the lease */
	if (!hub->session && !hub->connecting) {
		hub->drained = true;
		return;
	}
	hub->closing = true;
	hub->coord->ops->close(hub->coord);
}

const char *hub_state_word(const struct hub *hub)
{
	if (hub->stopping)
		return "draining";
	switch (lease_state(hub->lease)) {
	case LEASE_NONE:
	case LEASE_LAPSED:
		return "connecting";
	case LEASE_PROVEN:
		return hub->settings.dev ? "dev" : "connected";
	case LEASE_SUSPENDED:
		return "suspended";
	}
	return "connecting";
}
