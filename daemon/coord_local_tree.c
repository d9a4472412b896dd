/* SPDX-License-Identifier: MIT */
/*
 * coord_local_tree - see the header.  A write is first judged against view 0,
 * then it is a transaction that each view applies in its own time by the same
 * code.  A transaction is kept until the last view has applied it.
 */
#include "daemon/coord_local_tree.h"

#include <assert.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>
#include <sys/queue.h>

#include "daemon/coord_local_nodes.h"
#include "daemon/hash.h"

#include <uthash.h>

/* ZooKeeper's numbers for what can go wrong here. */
enum {
	RC_NO_NODE = -101,
	RC_NO_CHILDREN_FOR_EPHEMERALS = -108,
	RC_NODE_EXISTS = -110,
	RC_NOT_EMPTY = -111,
	RC_SESSION_EXPIRED = -112,
	RC_BAD_ARGUMENTS = -8,
};

/* 2020-01-01, so that the microseconds since leave room in a zxid. */
#define ZXID_WALL_BASE_US INT64_C(1577836800000000)

enum txn_type { TXN_CREATE, TXN_SET, TXN_DELETE, TXN_SESSION, TXN_END };

struct txn {
	enum txn_type type;
	int64_t zxid;
	int64_t session; /* TXN_CREATE: the owner, 0 for none */
	int64_t ctime_ms;
	int32_t creations; /* TXN_CREATE: the parent's counter after it */
	bool container;
	size_t bytes_len;
	char *bytes; /* within the allocation */
	STAILQ_ENTRY(txn) in_log;
	char path[]; /* then the bytes */
};

struct session {
	UT_hash_handle hh;
	int64_t id;
	int64_t timeout_ms;
	int64_t deadline_ms;
	bool keep;
	bool alive;
	int64_t end_zxid; /* when not alive */
};

struct coord_tree {
	struct coord_tree_settings settings;
	int64_t zxid;
	uint64_t shape;
	int64_t session_last;
	int64_t reap_next_ms;
	STAILQ_HEAD(, txn) log;   /* what some view has not applied yet */
	struct session *sessions; /* in the order of their beginnings */
	TAILQ_HEAD(, coord_tree_watcher) watchers;
	struct coord_nodes views[COORD_TREE_VIEWS_MAX];
	/* Paths of what the last write created, and a multi's answers. */
	char *made[COORD_SUBS_MAX];
	struct coord_sub subs[COORD_SUBS_MAX];
};

static void *need(void *memory)
{
	if (!memory)
		abort(); /* a tree with a hole in it is worse than none */
	return memory;
}

int64_t coord_tree_zxid_start(int64_t wall_us)
{
	int64_t floor = INT64_C(1) << 32; /* epoch 1 */

	if (wall_us - ZXID_WALL_BASE_US < floor)
		return floor;
	return wall_us - ZXID_WALL_BASE_US;
}

/* --- one transaction, one view --- */

static void fire(struct coord_tree *tree, unsigned view, enum coord_watch what,
		 const char *path)
{
	struct coord_tree_watcher *watcher;

	TAILQ_FOREACH(watcher, &tree->watchers, in_tree)
	{
		if (watcher->view == view)
			watcher->fired(watcher, what, path);
	}
}

static void apply_create(struct coord_tree *tree, unsigned v,
			 const struct txn *txn)
{
	struct coord_nodes *view = &tree->views[v];
	struct coord_tree_node *parent = coord_nodes_find(
	    view, txn->path, coord_nodes_parent_len(txn->path));
	struct coord_tree_node *node = coord_nodes_add(view, txn->path, parent);

	assert(parent);
	node->container = txn->container;
	node->stat.czxid = txn->zxid;
	node->stat.mzxid = txn->zxid;
	node->stat.pzxid = txn->zxid;
	node->stat.ctime_ms = txn->ctime_ms;
	node->stat.owner = txn->session;
	coord_nodes_bytes_set(node, txn->bytes, txn->bytes_len);
	parent->creations = txn->creations;
	parent->stat.pzxid = txn->zxid;
	parent->stat.children++;
	tree->shape += v == 0;
	fire(tree, v, COORD_W_CHILDREN, parent->path);
}

static void apply_set(struct coord_tree *tree, unsigned v,
		      const struct txn *txn)
{
	struct coord_tree_node *node =
	    coord_nodes_find(&tree->views[v], txn->path, strlen(txn->path));

	assert(node);
	node->stat.mzxid = txn->zxid;
	node->stat.version++;
	coord_nodes_bytes_set(node, txn->bytes, txn->bytes_len);
	fire(tree, v, COORD_W_CHANGED, node->path);
}

static void remove_and_fire(struct coord_tree *tree, unsigned v,
			    struct coord_tree_node *node, int64_t zxid)
{
	struct coord_tree_node *parent = node->parent;
	char *path;

	if (node->ghost)
		return;
	path = need(strdup(node->path)); /* outlives the node */
	coord_nodes_remove(&tree->views[v], node);
	tree->shape += v == 0;
	parent->stat.pzxid = zxid;
	parent->stat.children--;
	fire(tree, v, COORD_W_DELETED, path);
	fire(tree, v, COORD_W_CHILDREN, parent->path);
	free(path);
}

static void apply_end(struct coord_tree *tree, unsigned v,
		      const struct txn *txn)
{
	struct hash_entry *next;

	for (struct hash_entry *e = tree->views[v].by_path.first; e; e = next) {
		struct coord_tree_node *node = (struct coord_tree_node *)e;

		next = e->next;
		if (node->stat.owner == txn->session)
			remove_and_fire(tree, v, node, txn->zxid);
	}
}

static void apply(struct coord_tree *tree, unsigned v, const struct txn *txn)
{
	struct coord_nodes *view = &tree->views[v];

	assert(txn->zxid >= view->zxid); /* a multi's parts share one */
	view->zxid = txn->zxid;
	switch (txn->type) {
	case TXN_CREATE:
		apply_create(tree, v, txn);
		break;
	case TXN_SET:
		apply_set(tree, v, txn);
		break;
	case TXN_DELETE:
		remove_and_fire(
		    tree, v,
		    coord_nodes_find(view, txn->path, strlen(txn->path)),
		    txn->zxid);
		break;
	case TXN_SESSION:
		break;
	case TXN_END:
		apply_end(tree, v, txn);
		break;
	}
}

/* What every view has applied. */
static int64_t oldest_zxid(const struct coord_tree *tree)
{
	int64_t oldest = tree->zxid;

	for (unsigned v = 0; v < tree->settings.views; v++) {
		if (tree->views[v].zxid < oldest)
			oldest = tree->views[v].zxid;
	}
	return oldest;
}

static void log_drop(struct coord_tree *tree)
{
	struct txn *txn = STAILQ_FIRST(&tree->log);

	STAILQ_REMOVE_HEAD(&tree->log, in_log);
	free(txn);
}

static void log_trim(struct coord_tree *tree)
{
	int64_t oldest = oldest_zxid(tree);

	while (!STAILQ_EMPTY(&tree->log) &&
	       STAILQ_FIRST(&tree->log)->zxid <= oldest)
		log_drop(tree);
}

/* A transaction without its number yet. */
static struct txn *txn_new(enum txn_type type, const char *path,
			   const char *bytes, size_t bytes_len)
{
	size_t path_size = strlen(path) + 1;
	struct txn *txn = need(malloc(sizeof *txn + path_size + bytes_len));

	*txn = (struct txn){ .type = type };
	memcpy(txn->path, path, path_size);
	txn->bytes = txn->path + path_size;
	txn->bytes_len = bytes_len;
	if (bytes_len)
		memcpy(txn->bytes, bytes, bytes_len);
	return txn;
}

/* Takes over the transaction; its number has been drawn. */
static void commit_part(struct coord_tree *tree, struct txn *txn)
{
	txn->zxid = tree->zxid;
	STAILQ_INSERT_TAIL(&tree->log, txn, in_log);
	apply(tree, 0, txn);
	log_trim(tree);
}

/* Takes over the transaction. */
static void commit(struct coord_tree *tree, struct txn *txn)
{
	tree->zxid++;
	commit_part(tree, txn);
}

void coord_tree_ghost(struct coord_tree *tree, unsigned view, const char *path)
{
	coord_nodes_find(&tree->views[view], path, strlen(path))->ghost = true;
}

void coord_tree_view_apply(struct coord_tree *tree, unsigned view, int64_t zxid)
{
	int64_t from = tree->views[view].zxid;
	struct txn *txn;

	assert(view < tree->settings.views);
	STAILQ_FOREACH(txn, &tree->log, in_log)
	{
		if (txn->zxid > zxid)
			break;
		if (txn->zxid > from)
			apply(tree, view, txn);
	}
	if (zxid > tree->zxid)
		zxid = tree->zxid;
	if (zxid > tree->views[view].zxid) /* writes that failed */
		tree->views[view].zxid = zxid;
	log_trim(tree);
}

void coord_tree_view_sync(struct coord_tree *tree, unsigned view)
{
	coord_tree_view_apply(tree, view, tree->zxid);
}

void coord_tree_new_epoch(struct coord_tree *tree)
{
	tree->zxid = ((tree->zxid >> 32) + 1) << 32;
	tree->views[0].zxid = tree->zxid;
}

int64_t coord_tree_now_ms(const struct coord_tree *tree)
{
	return tree->settings.now_ms(tree->settings.ctx);
}

int64_t coord_tree_zxid(const struct coord_tree *tree)
{
	return tree->zxid;
}

int64_t coord_tree_view_zxid(const struct coord_tree *tree, unsigned view)
{
	assert(view < tree->settings.views);
	return tree->views[view].zxid;
}

uint64_t coord_tree_shape(const struct coord_tree *tree)
{
	return tree->shape;
}

/* --- sessions --- */

static struct session *session_find(const struct coord_tree *tree, int64_t id)
{
	struct session *session;

	HASH_FIND_ID(hh, tree->sessions, id, session);
	return session;
}

int64_t coord_tree_session_new(struct coord_tree *tree, int64_t timeout_ms)
{
	struct session *session = need(calloc(1, sizeof *session));

	session->id = ++tree->session_last;
	session->timeout_ms = timeout_ms;
	session->alive = true;
	HASH_ADD_ID(hh, tree->sessions, id, session);
	coord_tree_session_touch(tree, session->id);
	commit(tree, txn_new(TXN_SESSION, "", NULL, 0));
	return session->id;
}

void coord_tree_session_touch(struct coord_tree *tree, int64_t id)
{
	struct session *session = session_find(tree, id);

	if (session && session->alive)
		session->deadline_ms =
		    coord_tree_now_ms(tree) + session->timeout_ms;
}

void coord_tree_session_end(struct coord_tree *tree, int64_t id)
{
	struct session *session = session_find(tree, id);
	struct txn *txn;

	if (!session || !session->alive)
		return;
	txn = txn_new(TXN_END, "", NULL, 0);
	txn->session = id;
	session->alive = false;
	session->end_zxid = tree->zxid + 1;
	commit(tree, txn);
}

bool coord_tree_session_alive(const struct coord_tree *tree, int64_t id)
{
	const struct session *session = session_find(tree, id);

	return session && session->alive;
}

bool coord_tree_session_in_view(const struct coord_tree *tree, unsigned view,
				int64_t id)
{
	const struct session *session = session_find(tree, id);

	return session &&
	       (session->alive || session->end_zxid > tree->views[view].zxid);
}

void coord_tree_session_keep(struct coord_tree *tree, int64_t id, bool keep)
{
	struct session *session = session_find(tree, id);

	assert(session);
	session->keep = keep;
	coord_tree_session_touch(tree, id);
}

/* --- writes --- */

static bool path_good(const char *path)
{
	size_t len = strlen(path);

	return path[0] == '/' && len > 1 && len <= COORD_PATH_MAX &&
	       path[len - 1] != '/' && !strstr(path, "//");
}

static bool is_ephemeral(enum coord_kind kind)
{
	return kind == COORD_EPHEMERAL || kind == COORD_EPHEMERAL_SEQUENTIAL;
}

static const char *set_made(struct coord_tree *tree, size_t at, char *path)
{
	free(tree->made[at]);
	tree->made[at] = path;
	return path;
}

static struct coord_tree_node *node_of(struct coord_tree *tree,
				       const char *path)
{
	return coord_nodes_find(&tree->views[0], path, strlen(path));
}

static struct coord_tree_node *parent_of(struct coord_tree *tree,
					 const char *path)
{
	return coord_nodes_find(&tree->views[0], path,
				coord_nodes_parent_len(path));
}

static char *path_to_make(const struct coord_op *op,
			  const struct coord_tree_node *parent)
{
	bool numbered = op->kind == COORD_EPHEMERAL_SEQUENTIAL;

	return coord_nodes_path(op->path, numbered ? parent : NULL);
}

/* What refuses an operation; changes nothing. */
static int judge_create(struct coord_tree *tree, const struct coord_op *op)
{
	struct coord_tree_node *parent = parent_of(tree, op->path);
	bool exists;
	char *path;

	if (!parent)
		return RC_NO_NODE;
	path = path_to_make(op, parent);
	exists = node_of(tree, path) != NULL;
	free(path);
	if (exists)
		return RC_NODE_EXISTS;
	return parent->stat.owner ? RC_NO_CHILDREN_FOR_EPHEMERALS : 0;
}

static int judge(struct coord_tree *tree, const struct coord_op *op)
{
	const struct coord_tree_node *node;

	if (!path_good(op->path) || op->data_len > COORD_DATA_MAX)
		return RC_BAD_ARGUMENTS;
	if (op->verb == COORD_CREATE)
		return judge_create(tree, op);
	node = node_of(tree, op->path);
	if (!node)
		return RC_NO_NODE;
	if (op->verb == COORD_DELETE && !TAILQ_EMPTY(&node->children))
		return RC_NOT_EMPTY;
	return 0;
}

static enum coord_result result_of(int rc)
{
	switch (rc) {
	case 0:
		return COORD_OK;
	case RC_NO_NODE:
		return COORD_NO_NODE;
	case RC_NODE_EXISTS:
		return COORD_NODE_EXISTS;
	case RC_NOT_EMPTY:
		return COORD_NOT_EMPTY;
	}
	return COORD_REFUSED;
}

/* An error is a transaction too: it takes a number. */
static void fail(struct coord_tree *tree)
{
	tree->views[0].zxid = ++tree->zxid;
}

/* The zxid has been drawn, and nothing refuses.  at: which of a multi. */
static void commit_create(struct coord_tree *tree, const struct coord_op *op,
			  int64_t session, size_t at)
{
	struct coord_tree_node *parent = parent_of(tree, op->path);
	const char *path = set_made(tree, at, path_to_make(op, parent));
	struct txn *txn = txn_new(TXN_CREATE, path, op->data, op->data_len);

	assert(session || !is_ephemeral(op->kind));
	txn->session = is_ephemeral(op->kind) ? session : 0;
	txn->container = op->kind == COORD_CONTAINER;
	txn->ctime_ms = coord_tree_now_ms(tree) + tree->settings.wall_offset_ms;
	txn->creations =
	    parent->creations < INT32_MAX ? parent->creations + 1 : INT32_MAX;
	commit_part(tree, txn);
	tree->subs[at].path = path;
	tree->subs[at].stat = coord_tree_stat(node_of(tree, path));
}

static void commit_op(struct coord_tree *tree, const struct coord_op *op,
		      int64_t session, size_t at)
{
	tree->subs[at] = (struct coord_sub){ .path = NULL };
	if (op->verb == COORD_CREATE) {
		commit_create(tree, op, session, at);
		return;
	}
	if (op->verb == COORD_DELETE) {
		commit_part(tree, txn_new(TXN_DELETE, op->path, NULL, 0));
		return;
	}
	if (op->verb == COORD_CHECK) {
		tree->views[0].zxid = tree->zxid;
		return;
	}
	assert(op->verb == COORD_SET); /* a read is no transaction */
	commit_part(tree, txn_new(TXN_SET, op->path, op->data, op->data_len));
	tree->subs[at].stat = coord_tree_stat(node_of(tree, op->path));
}

static struct coord_tree_answer write_multi(struct coord_tree *tree,
					    const struct coord_op *op,
					    int64_t session)
{
	struct coord_tree_answer answer = { .result = COORD_OK };

	assert(op->subs_len && op->subs_len <= COORD_SUBS_MAX);
	for (size_t i = 0; i < op->subs_len && !answer.zk_rc; i++) {
		answer.zk_rc = judge(tree, &op->subs[i]);
		answer.failed = i;
	}
	answer.result = result_of(answer.zk_rc);
	if (answer.zk_rc) {
		fail(tree);
		return answer;
	}
	tree->zxid++;
	for (size_t i = 0; i < op->subs_len; i++) {
		assert(op->subs[i].kind != COORD_CONTAINER);
		commit_op(tree, &op->subs[i], session, i);
	}
	answer.failed = 0;
	answer.subs = tree->subs;
	answer.subs_len = op->subs_len;
	return answer;
}

static struct coord_tree_answer write_one(struct coord_tree *tree,
					  const struct coord_op *op,
					  int64_t session)
{
	struct coord_tree_answer answer = { .zk_rc = judge(tree, op) };

	answer.result = result_of(answer.zk_rc);
	if (answer.zk_rc == RC_BAD_ARGUMENTS)
		return answer;
	if (answer.zk_rc) {
		fail(tree);
		return answer;
	}
	tree->zxid++;
	commit_op(tree, op, session, 0);
	answer.path = tree->subs[0].path;
	answer.stat = tree->subs[0].stat;
	return answer;
}

struct coord_tree_answer coord_tree_write(struct coord_tree *tree,
					  const struct coord_op *op,
					  int64_t session)
{
	if (session && !coord_tree_session_alive(tree, session))
		return (struct coord_tree_answer){ .result = COORD_REFUSED,
						   .zk_rc =
						       RC_SESSION_EXPIRED };
	if (op->verb == COORD_MULTI)
		return write_multi(tree, op, session);
	return write_one(tree, op, session);
}

const struct coord_tree_node *coord_tree_find(struct coord_tree *tree,
					      unsigned view, const char *path)
{
	assert(view < tree->settings.views);
	return coord_nodes_find(&tree->views[view], path, strlen(path));
}

size_t coord_tree_nodes(const struct coord_tree *tree, unsigned view)
{
	return tree->views[view].by_path.len;
}

void coord_tree_counter_set(struct coord_tree *tree, const char *path,
			    int32_t creations)
{
	for (unsigned v = 0; v < tree->settings.views; v++) {
		struct coord_tree_node *node =
		    coord_nodes_find(&tree->views[v], path, strlen(path));

		if (node)
			node->creations = creations;
	}
}

/* --- time --- */

void coord_tree_reap(struct coord_tree *tree)
{
	struct hash_entry *next;

	for (struct hash_entry *e = tree->views[0].by_path.first; e; e = next) {
		const struct coord_tree_node *node = (const void *)e;

		next = e->next;
		if (node->container && TAILQ_EMPTY(&node->children) &&
		    node->creations > 0)
			commit(tree, txn_new(TXN_DELETE, node->path, NULL, 0));
	}
}

static void session_forget(struct coord_tree *tree, struct session *session)
{
	HASH_DELETE(hh, tree->sessions, session);
	free(session);
}

void coord_tree_tick(struct coord_tree *tree)
{
	int64_t now_ms = coord_tree_now_ms(tree);
	struct session *session, *next;

	HASH_ITER(hh, tree->sessions, session, next)
	{
		if (session->alive && !session->keep &&
		    now_ms >= session->deadline_ms)
			coord_tree_session_end(tree, session->id);
		if (!session->alive && session->end_zxid <= oldest_zxid(tree))
			session_forget(tree, session);
	}
	if (tree->settings.reap_every_ms && now_ms >= tree->reap_next_ms) {
		tree->reap_next_ms = now_ms + tree->settings.reap_every_ms;
		coord_tree_reap(tree);
	}
}

/* --- life --- */

struct coord_tree *coord_tree_new(const struct coord_tree_settings *settings)
{
	struct coord_tree *tree = calloc(1, sizeof *tree);

	assert(settings->views >= 1 && settings->views <= COORD_TREE_VIEWS_MAX);
	if (!tree)
		return NULL;
	tree->settings = *settings;
	STAILQ_INIT(&tree->log);
	TAILQ_INIT(&tree->watchers);
	tree->zxid = settings->zxid_start;
	tree->session_last = settings->zxid_start;
	tree->reap_next_ms =
	    settings->now_ms(settings->ctx) + settings->reap_every_ms;
	for (unsigned v = 0; v < settings->views; v++) {
		tree->views[v].zxid = settings->zxid_start;
		tree->views[v].by_path.plain = true;
		(void)coord_nodes_add(&tree->views[v], "/", NULL);
	}
	return tree;
}

void coord_tree_free(struct coord_tree *tree)
{
	if (!tree)
		return;
	assert(TAILQ_EMPTY(&tree->watchers));
	for (unsigned v = 0; v < tree->settings.views; v++)
		coord_nodes_clear(&tree->views[v]);
	while (tree->sessions)
		session_forget(tree, tree->sessions);
	while (!STAILQ_EMPTY(&tree->log))
		log_drop(tree);
	for (size_t i = 0; i < COORD_SUBS_MAX; i++)
		free(tree->made[i]);
	free(tree);
}

void coord_tree_watcher_add(struct coord_tree *tree,
			    struct coord_tree_watcher *watcher)
{
	assert(watcher->view < tree->settings.views);
	TAILQ_INSERT_TAIL(&tree->watchers, watcher, in_tree);
}

void coord_tree_watcher_remove(struct coord_tree *tree,
			       struct coord_tree_watcher *watcher)
{
	TAILQ_REMOVE(&tree->watchers, watcher, in_tree);
}
