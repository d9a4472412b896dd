/* SPDX-License-Identifier: MIT */
/*
 * coord_local_tree - a tree of nodes in memory with ZooKeeper's meaning.
 *
 * It stands for a whole ensemble: one order of transactions (the zxids), and
 * up to COORD_TREE_VIEWS_MAX views of it.  View 0 is the leader's and always
 * up to date; the others apply the same transactions later, when told to, as
 * a lagging follower does.  Every write takes a zxid, also one that fails.
 *
 * It knows sessions only as owners with a timeout; connections, answers and
 * their order belong to coord_local.  It opens nothing and reads no clock but
 * the one that it is given, so that the simulator can run it.
 *
 * One thread.  Memory that is not to be had ends the process.
 */
#ifndef DAEMON_COORD_LOCAL_TREE_H
#define DAEMON_COORD_LOCAL_TREE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/coord.h"

/* Servers of the largest ensemble that anybody simulates. */
#define COORD_TREE_VIEWS_MAX 7

struct coord_tree;      /* private to coord_local_tree.c */
struct coord_tree_node; /* likewise */

struct coord_tree_settings {
	/* The zxid before the first one.  Tokens are made of zxids, so a tree
	 * that follows another (a restart) must begin above the other's last:
	 * see coord_tree_zxid_start(). */
	int64_t zxid_start;
	int64_t (*now_ms)(void *ctx); /* any steady clock */
	void *ctx;
	int64_t wall_offset_ms; /* added to now_ms: ctime of nodes */
	int64_t reap_every_ms;  /* empty containers go at this interval; 0: only
				 * when coord_tree_reap() is called */
	unsigned views;         /* 1: the leader's only */
};

/* A zxid that grows over restarts for as long as the wall clock does: one
 * restart may follow another by a microsecond.  Epochs fit in 20 bits until
 * the year 2162. */
int64_t coord_tree_zxid_start(int64_t wall_us);

/* NULL when memory is not to be had. */
struct coord_tree *coord_tree_new(const struct coord_tree_settings *settings);
/* Sessions and watchers must be gone. */
void coord_tree_free(struct coord_tree *tree); /* NULL is fine */

/* The tree's clock. */
int64_t coord_tree_now_ms(const struct coord_tree *tree);
/* The zxid of the last transaction; that a view has applied. */
int64_t coord_tree_zxid(const struct coord_tree *tree);
int64_t coord_tree_view_zxid(const struct coord_tree *tree, unsigned view);
/* How many nodes the leader has created and deleted, both together. */
uint64_t coord_tree_shape(const struct coord_tree *tree);
/* Let a view apply all transactions up to a zxid; watchers on it hear. */
void coord_tree_view_apply(struct coord_tree *tree, unsigned view,
			   int64_t zxid);
/* This view keeps that node, which is there: it will miss the node's end. */
void coord_tree_ghost(struct coord_tree *tree, unsigned view, const char *path);
void coord_tree_view_sync(struct coord_tree *tree, unsigned view);
/* A new leader: the epoch grows by one, the counter begins at 0. */
void coord_tree_new_epoch(struct coord_tree *tree);

/* A session, never 0.  It ends by coord_tree_session_end(), or in
 * coord_tree_tick() when it has not been touched for its timeout. */
int64_t coord_tree_session_new(struct coord_tree *tree, int64_t timeout_ms);
void coord_tree_session_touch(struct coord_tree *tree, int64_t id);
void coord_tree_session_end(struct coord_tree *tree, int64_t id);
bool coord_tree_session_alive(const struct coord_tree *tree, int64_t id);
/* Whether a view has heard of the end yet. */
bool coord_tree_session_in_view(const struct coord_tree *tree, unsigned view,
				int64_t id);
/* A session that never runs out by itself (--dev), or does so again. */
void coord_tree_session_keep(struct coord_tree *tree, int64_t id, bool keep);

/* What a transaction has come to. */
struct coord_tree_answer {
	enum coord_result result;
	int zk_rc;              /* ZooKeeper's number for it */
	struct coord_stat stat; /* CREATE, SET */
	/* What follows lives until the next write. */
	const char *path;             /* CREATE: as made */
	const struct coord_sub *subs; /* MULTI: COORD_OK */
	size_t subs_len;
	size_t failed; /* MULTI: which one refused */
};

/* CREATE, SET, DELETE or MULTI, committed at once at the leader, for a session
 * (0: nobody's; ephemerals need one).  Foreign clients' nodes are made so too.
 */
struct coord_tree_answer coord_tree_write(struct coord_tree *tree,
					  const struct coord_op *op,
					  int64_t session);

/* Read a view.  NULL when there is no such node. */
const struct coord_tree_node *coord_tree_find(struct coord_tree *tree,
					      unsigned view, const char *path);
struct coord_stat coord_tree_stat(const struct coord_tree_node *node);
const char *coord_tree_data(const struct coord_tree_node *node,
			    size_t *len_out);
/* First and next child, in the order of creation; names without the path. */
const struct coord_tree_node *coord_tree_child_first(
    const struct coord_tree_node *parent);
const struct coord_tree_node *coord_tree_child_next(
    const struct coord_tree_node *child);
const char *coord_tree_name(const struct coord_tree_node *node);
/* Nodes of a view, the root included. */
size_t coord_tree_nodes(const struct coord_tree *tree, unsigned view);

/* The parent's counter of creations, for tests of the wrap (it sticks at
 * 2^31 - 1, as ZooKeeper's does).  In every view; no transaction. */
void coord_tree_counter_set(struct coord_tree *tree, const char *path,
			    int32_t creations);

/* Delete the containers that have had children and have none. */
void coord_tree_reap(struct coord_tree *tree);
/* End the sessions that are overdue, reap when the interval has passed. */
void coord_tree_tick(struct coord_tree *tree);

/*
 * Somebody who hears of every change in one view, while it is applied there.
 * fired() must not write to the tree.  Fields are the watcher's to fill in,
 * but in_tree.
 */
struct coord_tree_watcher {
	unsigned view;
	void (*fired)(struct coord_tree_watcher *watcher, enum coord_watch what,
		      const char *path);
	TAILQ_ENTRY(coord_tree_watcher) in_tree;
};

void coord_tree_watcher_add(struct coord_tree *tree,
			    struct coord_tree_watcher *watcher);
void coord_tree_watcher_remove(struct coord_tree *tree,
			       struct coord_tree_watcher *watcher);

#endif
