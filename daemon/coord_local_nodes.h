/* SPDX-License-Identifier: MIT */
/*
 * coord_local_nodes - the nodes of one view of coord_local_tree.
 *
 * A table of nodes by path, each in its parent's list.  It judges nothing:
 * what may be created or deleted is the tree's business.
 *
 * One thread.  Memory that is not to be had ends the process.
 */
#ifndef DAEMON_COORD_LOCAL_NODES_H
#define DAEMON_COORD_LOCAL_NODES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/queue.h>

#include "daemon/coord.h"
#include "daemon/hash_map.h"

TAILQ_HEAD(coord_tree_children, coord_tree_node);

struct coord_tree_node {
	struct hash_entry by_path; /* first: see hash_map.h */
	char *path;
	const char *name; /* within path */
	char *bytes;
	size_t bytes_len;
	struct coord_tree_node *parent;
	struct coord_tree_children children; /* as they were made */
	TAILQ_ENTRY(coord_tree_node) in_parent;
	bool container;
	bool ghost;             /* its end will be missed here */
	int32_t creations;      /* children ever made: the sequence counter */
	struct coord_stat stat; /* its cversion is told from creations */
};

struct coord_nodes {
	struct hash_map by_path; /* in the order of creation */
	int64_t zxid;            /* applied up to here */
	/* What was found last: a write and its judge ask for one parent. */
	struct coord_tree_node *last;
};

/* path need not end at len.  NULL when there is no such node. */
struct coord_tree_node *coord_nodes_find(struct coord_nodes *nodes,
					 const char *path, size_t len);
/* The length of the parent's path within a path; that of "/" is 1. */
size_t coord_nodes_parent_len(const char *path);
/* The path of a node to be made, to be freed; the digits of the parent's
 * counter are appended when one is given. */
char *coord_nodes_path(const char *path,
		       const struct coord_tree_node *counter_of);
/* The node must be new.  parent is NULL for the root only. */
struct coord_tree_node *coord_nodes_add(struct coord_nodes *nodes,
					const char *path,
					struct coord_tree_node *parent);
void coord_nodes_bytes_set(struct coord_tree_node *node, const char *bytes,
			   size_t len);
/* The node must have no children.  It is freed. */
void coord_nodes_remove(struct coord_nodes *nodes,
			struct coord_tree_node *node);
void coord_nodes_clear(struct coord_nodes *nodes);

#endif
