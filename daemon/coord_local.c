/* SPDX-License-Identifier: MIT */
/*
 * coord_local - see the header.  A request goes from `requests` (under way to
 * the server, or there and not served) to `served`, while its answer lies in
 * `packets` (under way back) until it is delivered to `mailbox`.  All four are
 * queues, so order is kept by construction.
 */
#include "daemon/coord_local.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "daemon/coord_copy.h"
#include "daemon/coord_local_watch.h"
#include "daemon/coord_mail.h"

/* ZooKeeper's code for a call that was under way when the link broke, and for
 * one that was made without a link. */
#define RC_CONNECTION_LOSS (-4)
#define RC_INVALID_STATE   (-9)

#define RC_NO_NODE (-101)

enum phase {
	PHASE_IDLE,   /* no session open */
	PHASE_WANTED, /* connect() was called, no session yet */
	PHASE_ATTACHED,
	PHASE_DOWN, /* a session without a link */
};

TAILQ_HEAD(requests, request);

struct request {
	struct coord_op op; /* its strings are in the same allocation */
	int64_t zxid;       /* the server's last one when it answered */
	TAILQ_ENTRY(request) in_queue;
};

struct coord_local {
	struct coord coord;                /* first: the two pointers are one */
	struct coord_tree_watcher watcher; /* its view is ours */
	struct coord_tree *tree;
	struct coord_local_settings settings;
	enum phase phase;
	bool stalled;
	bool alone;
	int64_t session;
	int64_t zxid_seen;
	struct requests requests;
	struct requests served;
	/* A write waits for our view to apply it; its answer is in `held`. */
	int64_t zxid_awaited; /* 0: none */
	struct coord_mailbox held;
	struct coord_mailbox packets;
	struct coord_mailbox mailbox;
	struct coord_local_watches watches;
	const char **names; /* for LIST, grown as needed */
	size_t names_max;
};

static struct coord_local *self(struct coord *coord)
{
	return (struct coord_local *)coord;
}

static const struct coord_local *self_const(const struct coord *coord)
{
	return (const struct coord_local *)coord;
}

static void *need(void *memory)
{
	if (!memory)
		abort(); /* an answer must not be lost */
	return memory;
}

/* --- watches --- */

static char watch_kind(const struct coord_op *op)
{
	return op->verb == COORD_LIST ? COORD_LOCAL_CHILDREN : COORD_LOCAL_NODE;
}

static void packet_watch(struct coord_local *local, enum coord_watch what,
			 const char *path)
{
	struct coord_event event = { .type = COORD_EV_WATCH };

	event.watch.what = what;
	event.watch.path = path;
	coord_mailbox_post(&local->packets, &event);
}

static void on_fired(struct coord_tree_watcher *watcher, enum coord_watch what,
		     const char *path)
{
	struct coord_local *local =
	    (struct coord_local *)((char *)watcher -
				   offsetof(struct coord_local, watcher));

	if (coord_local_watch_fired(&local->watches, what, path))
		packet_watch(local, what, path);
}

/* A new server is sent the watches, with what the client saw last; those that
 * were missed fire at once. */
static void watches_reset(struct coord_local *local)
{
	const struct coord_local_watch *watch = NULL;

	while ((watch = coord_local_watch_next(&local->watches, watch))) {
		const char *path = coord_local_watch_path(watch);
		char kind = coord_local_watch_kind(watch);
		const struct coord_tree_node *node =
		    coord_tree_find(local->tree, local->watcher.view, path);
		struct coord_stat stat = { 0 };

		if (!node) {
			packet_watch(local, COORD_W_DELETED, path);
			continue;
		}
		stat = coord_tree_stat(node);
		if (kind == COORD_LOCAL_NODE && stat.mzxid > local->zxid_seen)
			packet_watch(local, COORD_W_CHANGED, path);
		else if (kind == COORD_LOCAL_CHILDREN &&
			 stat.pzxid > local->zxid_seen)
			packet_watch(local, COORD_W_CHILDREN, path);
		else
			coord_local_watch_serve(&local->watches, kind, path);
	}
}

/* --- requests --- */

static struct request *request_new(const struct coord_op *op)
{
	struct request *request =
	    need(malloc(sizeof *request + coord_op_room(op)));

	request->zxid = 0;
	coord_op_copy(&request->op, op, request + 1);
	return request;
}

static void requests_free(struct requests *queue)
{
	struct request *request;

	while ((request = TAILQ_FIRST(queue))) {
		TAILQ_REMOVE(queue, request, in_queue);
		free(request);
	}
}

static void post_maybes(struct coord_local *local, struct requests *queue)
{
	struct request *request;

	TAILQ_FOREACH(request, queue, in_queue)
	coord_mailbox_post_result(&local->mailbox, request->op.id, COORD_MAYBE,
				  RC_CONNECTION_LOSS);
}

/* The client's side of the end of a connection. */
static void lose_all(struct coord_local *local)
{
	post_maybes(local, &local->served);
	post_maybes(local, &local->requests);
	requests_free(&local->served);
	coord_mailbox_clear(&local->packets);
	coord_mailbox_clear(&local->held);
	local->zxid_awaited = 0;
	coord_tree_watcher_remove(local->tree, &local->watcher);
	coord_local_watches_unserve(&local->watches);
}

static void link_down(struct coord_local *local)
{
	if (local->phase != PHASE_ATTACHED)
		return;
	local->phase = PHASE_DOWN;
	coord_mailbox_post_type(&local->mailbox, COORD_EV_LINK_DOWN);
	lose_all(local);
}

/* The session is over for this client. */
static void forget(struct coord_local *local)
{
	local->phase = PHASE_IDLE;
	local->session = 0;
	local->zxid_seen = 0;
	requests_free(&local->requests);
	coord_local_watches_clear(&local->watches);
}

/* --- the server's side --- */

static void names_grow(struct coord_local *local, size_t len)
{
	if (len <= local->names_max)
		return;
	local->names = need(realloc(local->names, len * sizeof *local->names));
	local->names_max = len;
}

static void serve_list(struct coord_local *local,
		       const struct coord_tree_node *node,
		       struct coord_event *answer)
{
	size_t len = 0;

	names_grow(local, (size_t)coord_tree_stat(node).children);
	for (const struct coord_tree_node *child = coord_tree_child_first(node);
	     child; child = coord_tree_child_next(child))
		local->names[len++] = coord_tree_name(child);
	answer->answer.children = local->names;
	answer->answer.children_len = len;
}

static void serve_read(struct coord_local *local, const struct coord_op *op,
		       struct coord_event *answer)
{
	const struct coord_tree_node *node =
	    coord_tree_find(local->tree, local->watcher.view, op->path);

	if (!node) {
		answer->answer.result = COORD_NO_NODE;
		answer->answer.zk_rc = RC_NO_NODE;
		return;
	}
	answer->answer.stat = coord_tree_stat(node);
	if (op->verb == COORD_LIST)
		serve_list(local, node, answer);
	else
		answer->answer.data =
		    coord_tree_data(node, &answer->answer.data_len);
	if (op->watch)
		coord_local_watch_serve(&local->watches, watch_kind(op),
					op->path);
}

static void serve_write(struct coord_local *local, const struct coord_op *op,
			struct coord_event *answer)
{
	struct coord_tree_answer done =
	    coord_tree_write(local->tree, op, local->session);

	answer->answer.result = done.result;
	answer->answer.zk_rc = done.zk_rc;
	answer->answer.stat = done.stat;
	answer->answer.path = done.path;
	answer->answer.subs = done.subs;
	answer->answer.subs_len = done.subs_len;
	answer->answer.failed = done.failed;
}

static void answer_send(struct coord_local *local,
			const struct coord_event *answer)
{
	TAILQ_LAST(&local->served, requests)->zxid =
	    coord_tree_view_zxid(local->tree, local->watcher.view);
	coord_mailbox_post(&local->packets, answer);
}

/* The server's view has applied the write that was waited for. */
static bool awaited_send(struct coord_local *local)
{
	struct coord_event answer;

	if (coord_tree_view_zxid(local->tree, local->watcher.view) <
	    local->zxid_awaited)
		return false;
	local->zxid_awaited = 0;
	if (coord_mailbox_next(&local->held, &answer))
		answer_send(local, &answer);
	coord_mailbox_release(&local->held);
	return true;
}

static void serve_attached(struct coord_local *local, struct request *request)
{
	const struct coord_op *op = &request->op;
	struct coord_event answer = { .type = COORD_EV_ANSWER };
	unsigned view = local->watcher.view;

	answer.answer.id = op->id;
	TAILQ_INSERT_TAIL(&local->served, request, in_queue);
	if (view == 0)
		coord_tree_session_touch(local->tree, local->session);
	if (op->verb == COORD_LIST || op->verb == COORD_GET) {
		serve_read(local, op, &answer);
		answer_send(local, &answer);
		return;
	}
	if (op->verb != COORD_SYNC)
		serve_write(local, op, &answer);
	local->zxid_awaited = local->alone
				  ? coord_tree_view_zxid(local->tree, view)
				  : coord_tree_zxid(local->tree);
	coord_mailbox_post(&local->held, &answer);
	(void)awaited_send(local);
}

static bool is_write(enum coord_verb verb)
{
	return verb != COORD_LIST && verb != COORD_GET && verb != COORD_SYNC;
}

/* What had reached the server before the link broke. */
static void serve_orphan(struct coord_local *local, struct request *request)
{
	if (is_write(request->op.verb))
		(void)coord_tree_write(local->tree, &request->op,
				       local->session);
	free(request);
}

/* Whether the server that we are attached to still serves the session: a
 * write asks the leader, anything else the view. */
static bool is_served(const struct coord_local *local, enum coord_verb verb)
{
	if (!is_write(verb))
		return coord_tree_session_in_view(
		    local->tree, local->watcher.view, local->session);
	return coord_tree_session_alive(local->tree, local->session);
}

bool coord_local_serve(struct coord *coord)
{
	struct coord_local *local = self(coord);
	struct request *request = TAILQ_FIRST(&local->requests);

	if (local->phase == PHASE_ATTACHED && local->zxid_awaited)
		return awaited_send(local);
	if (!request)
		return false;
	if (local->phase == PHASE_ATTACHED &&
	    !is_served(local, request->op.verb)) {
		link_down(local);
		return true;
	}
	TAILQ_REMOVE(&local->requests, request, in_queue);
	if (local->phase == PHASE_ATTACHED)
		serve_attached(local, request);
	else
		serve_orphan(local, request);
	return true;
}

static void deliver_answer(struct coord_local *local,
			   const struct coord_event *answer)
{
	struct request *request = TAILQ_FIRST(&local->served);

	assert(request && request->op.id == answer->answer.id);
	if (request->zxid > local->zxid_seen)
		local->zxid_seen = request->zxid;
	if (request->op.watch && answer->answer.result == COORD_OK)
		coord_local_watch_answered(&local->watches,
					   watch_kind(&request->op),
					   request->op.path);
	TAILQ_REMOVE(&local->served, request, in_queue);
	free(request);
	coord_mailbox_post(&local->mailbox, answer);
}

bool coord_local_deliver(struct coord *coord)
{
	struct coord_local *local = self(coord);
	struct coord_event event;

	if (!coord_mailbox_next(&local->packets, &event))
		return false;
	if (event.type == COORD_EV_ANSWER)
		deliver_answer(local, &event);
	else if (coord_local_watch_heard(&local->watches, event.watch.what,
					 event.watch.path))
		coord_mailbox_post(&local->mailbox, &event);
	coord_mailbox_release(&local->packets);
	return true;
}

void coord_local_settle(struct coord *coord)
{
	struct coord_local *local = self(coord);
	bool moved = true;

	while (moved) {
		if (local->phase == PHASE_ATTACHED && local->zxid_awaited)
			coord_tree_view_apply(local->tree, local->watcher.view,
					      local->zxid_awaited);
		moved = coord_local_serve(coord);
		while (coord_local_deliver(coord))
			moved = true;
	}
}

/* --- links and sessions --- */

static void post_attached(struct coord_local *local, bool fresh,
			  int64_t connect_ms)
{
	struct coord_event event = { .type = COORD_EV_ATTACHED };

	event.attached.session = local->session;
	event.attached.timeout_ms = local->settings.timeout_ms;
	event.attached.connect_ms = connect_ms;
	event.attached.fresh = fresh;
	event.attached.server = local->settings.server;
	coord_mailbox_post(&local->mailbox, &event);
}

/* What the server at hand says of the session. */
static bool is_known(const struct coord_local *local, unsigned view)
{
	return local->alone
		   ? coord_tree_session_in_view(local->tree, view,
						local->session)
		   : coord_tree_session_alive(local->tree, local->session);
}

void coord_local_attach(struct coord *coord, unsigned view, int64_t connect_ms)
{
	struct coord_local *local = self(coord);
	bool fresh = local->phase == PHASE_WANTED;

	assert(coord_local_wants_link(coord));
	requests_free(&local->requests);
	assert(!local->alone || !fresh);
	if (!fresh && !is_known(local, view)) {
		forget(local);
		coord_mailbox_post_type(&local->mailbox, COORD_EV_EXPIRED);
		return;
	}
	if (fresh) {
		local->session = coord_tree_session_new(
		    local->tree, local->settings.timeout_ms);
		local->zxid_seen = coord_tree_zxid(local->tree);
		coord_tree_session_keep(local->tree, local->session,
					!local->settings.stepped);
	}
	coord_tree_session_touch(local->tree, local->session);
	if (!local->alone &&
	    coord_tree_view_zxid(local->tree, view) < local->zxid_seen)
		coord_tree_view_apply(local->tree, view, local->zxid_seen);
	local->watcher.view = view;
	local->phase = PHASE_ATTACHED;
	coord_tree_watcher_add(local->tree, &local->watcher);
	post_attached(local, fresh, connect_ms);
	watches_reset(local);
}

/* The tree has a clock, and --dev's link comes up by itself. */
static void attach_prompt(struct coord_local *local)
{
	coord_local_attach(&local->coord, 0, coord_tree_now_ms(local->tree));
	coord_local_settle(&local->coord);
}

static void op_connect(struct coord *coord)
{
	struct coord_local *local = self(coord);

	assert(local->phase == PHASE_IDLE);
	local->phase = PHASE_WANTED;
	if (!local->settings.stepped)
		attach_prompt(local);
}

static void enqueue(struct coord_local *local, const struct coord_op *op)
{
	struct request *request;

	assert(op->id != 0);
	if (local->phase != PHASE_ATTACHED) {
		coord_mailbox_post_result(&local->mailbox, op->id,
					  COORD_NOT_SENT, RC_INVALID_STATE);
		return;
	}
	request = request_new(op);
	TAILQ_INSERT_TAIL(&local->requests, request, in_queue);
}

static void op_submit(struct coord *coord, const struct coord_op *ops,
		      size_t len)
{
	struct coord_local *local = self(coord);

	coord_mailbox_release(&local->mailbox);
	for (size_t i = 0; i < len; i++) {
		if (ops[i].urgent)
			enqueue(local, &ops[i]);
	}
	for (size_t i = 0; i < len; i++) {
		if (!ops[i].urgent)
			enqueue(local, &ops[i]);
	}
	if (local->settings.stepped)
		return;
	coord_tree_tick(local->tree);
	coord_local_settle(coord);
}

static void op_drop_link(struct coord *coord)
{
	struct coord_local *local = self(coord);

	if (local->phase != PHASE_ATTACHED)
		return;
	link_down(local);
	if (!local->settings.stepped)
		attach_prompt(local);
}

/* Attached, the server serves what came before, then ends the session.  An
 * unseen cut or a lost link leaves the session to run out. */
static void op_close(struct coord *coord)
{
	struct coord_local *local = self(coord);
	bool reaches = local->phase == PHASE_ATTACHED && !local->stalled;
	int64_t session = local->session;

	if (local->phase == PHASE_ATTACHED) {
		lose_all(local);
		local->phase = PHASE_DOWN;
	}
	while (reaches && coord_local_serve(coord))
		;
	if (reaches)
		coord_tree_session_end(local->tree, session);
	forget(local);
	coord_mailbox_post_type(&local->mailbox, COORD_EV_CLOSED);
}

static bool op_next(struct coord *coord, struct coord_event *event_out)
{
	return coord_mailbox_next(&self(coord)->mailbox, event_out);
}

bool coord_local_wants_link(const struct coord *coord)
{
	const struct coord_local *local = self_const(coord);

	return local->phase == PHASE_WANTED || local->phase == PHASE_DOWN;
}

bool coord_local_attached(const struct coord *coord)
{
	return self_const(coord)->phase == PHASE_ATTACHED;
}

int64_t coord_local_zxid_seen(const struct coord *coord)
{
	return self_const(coord)->zxid_seen;
}

void coord_local_alone(struct coord *coord, bool alone)
{
	self(coord)->alone = alone;
}

void coord_local_timeout_set(struct coord *coord, int64_t timeout_ms)
{
	self(coord)->settings.timeout_ms = timeout_ms;
}

void coord_local_cut(struct coord *coord)
{
	link_down(self(coord));
}

void coord_local_stall(struct coord *coord, bool stalled)
{
	self(coord)->stalled = stalled;
}

void coord_local_auth_fail(struct coord *coord)
{
	struct coord_local *local = self(coord);

	if (local->phase == PHASE_IDLE)
		return;
	link_down(local);
	forget(local);
	coord_mailbox_post_type(&local->mailbox, COORD_EV_AUTH_FAILED);
}

int64_t coord_local_session(const struct coord *coord)
{
	return self_const(coord)->session;
}

size_t coord_local_requests(const struct coord *coord)
{
	const struct request *request;
	size_t len = 0;

	TAILQ_FOREACH(request, &self_const(coord)->requests, in_queue)
	len++;
	return len;
}

size_t coord_local_packets(const struct coord *coord)
{
	return self_const(coord)->packets.len;
}

/* --- life --- */

static const struct coord_ops local_ops = {
	.connect = op_connect,
	.submit = op_submit,
	.drop_link = op_drop_link,
	.close = op_close,
	.next = op_next,
};

struct coord *coord_local_new(struct coord_tree *tree,
			      const struct coord_local_settings *settings)
{
	struct coord_local *local = calloc(1, sizeof *local);

	if (!local)
		return NULL;
	local->coord.ops = &local_ops;
	local->tree = tree;
	local->settings = *settings;
	local->watcher.fired = on_fired;
	local->watches.all.plain = true;
	TAILQ_INIT(&local->requests);
	TAILQ_INIT(&local->served);
	if (coord_mailbox_init(&local->mailbox) &&
	    coord_mailbox_init(&local->packets) &&
	    coord_mailbox_init(&local->held))
		return &local->coord;
	coord_local_free(&local->coord);
	return NULL;
}

void coord_local_free(struct coord *coord)
{
	struct coord_local *local = coord ? self(coord) : NULL;

	if (!local)
		return;
	if (local->phase == PHASE_ATTACHED)
		coord_tree_watcher_remove(local->tree, &local->watcher);
	coord_local_watches_clear(&local->watches);
	requests_free(&local->requests);
	requests_free(&local->served);
	coord_mailbox_fini(&local->held);
	coord_mailbox_fini(&local->packets);
	coord_mailbox_fini(&local->mailbox);
	free(local->names);
	free(local);
}
