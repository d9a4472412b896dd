/* SPDX-License-Identifier: MIT */
/*
 * coord_local_nodes - see the header.  The readers that coord_local_tree.h
 * promises for a node are here too: they need nothing of the tree.
 */
#include "daemon/coord_local_nodes.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/coord_local_tree.h"

/* Digits that ZooKeeper appends to a sequential node's name. */
#define SUFFIX_LEN 10

static void *need(void *memory)
{
	if (!memory)
		abort(); /* a tree with a hole in it is worse than none */
	return memory;
}

struct coord_tree_node *coord_nodes_find(struct coord_nodes *nodes,
					 const char *path, size_t len)
{
	struct coord_tree_node *node = nodes->last;

	if (node && node->by_path.key_len == len &&
	    memcmp(node->path, path, len) == 0)
		return node;
	node =
	    (struct coord_tree_node *)hash_map_find(&nodes->by_path, path, len);
	if (node)
		nodes->last = node;
	return node;
}

size_t coord_nodes_parent_len(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash || slash == path)
		return 1;
	return (size_t)(slash - path);
}

char *coord_nodes_path(const char *path,
		       const struct coord_tree_node *counter_of)
{
	size_t len = strlen(path);
	char *made = need(malloc(len + SUFFIX_LEN + 1));
	int32_t number; /* 0 .. INT32_MAX */

	memcpy(made, path, len + 1);
	if (!counter_of)
		return made;
	number = counter_of->creations;
	made[len + SUFFIX_LEN] = '\0';
	for (size_t i = SUFFIX_LEN; i-- > 0; number /= 10)
		made[len + i] = (char)('0' + number % 10);
	return made;
}

struct coord_tree_node *coord_nodes_add(struct coord_nodes *nodes,
					const char *path,
					struct coord_tree_node *parent)
{
	struct coord_tree_node *node = need(malloc(sizeof *node));

	*node = (struct coord_tree_node){ .parent = parent };
	node->path = need(strdup(path));
	node->name = strrchr(node->path, '/') + 1;
	if (parent)
		TAILQ_INSERT_TAIL(&parent->children, node, in_parent);
	TAILQ_INIT(&node->children);
	node->by_path.key = node->path;
	node->by_path.key_len = strlen(path);
	hash_map_add(&nodes->by_path, &node->by_path);
	return node;
}

void coord_nodes_bytes_set(struct coord_tree_node *node, const char *bytes,
			   size_t len)
{
	free(node->bytes);
	node->bytes = NULL;
	node->bytes_len = len;
	if (!len)
		return;
	node->bytes = need(malloc(len));
	memcpy(node->bytes, bytes, len);
}

void coord_nodes_remove(struct coord_nodes *nodes, struct coord_tree_node *node)
{
	struct coord_tree_node *child;

	while ((child = TAILQ_FIRST(&node->children))) /* ghosts */
		coord_nodes_remove(nodes, child);
	if (node->parent)
		TAILQ_REMOVE(&node->parent->children, node, in_parent);
	hash_map_remove(&nodes->by_path, &node->by_path);
	if (nodes->last == node)
		nodes->last = NULL;
	free(node->bytes);
	free(node->path);
	free(node);
}

void coord_nodes_clear(struct coord_nodes *nodes)
{
	while (nodes->by_path.first) {
		struct coord_tree_node *node =
		    (struct coord_tree_node *)nodes->by_path.first;

		node->parent = NULL;
		coord_nodes_remove(nodes, node);
	}
	hash_map_fini(&nodes->by_path);
}

struct coord_stat coord_tree_stat(const struct coord_tree_node *node)
{
	struct coord_stat stat = node->stat;

	/* ZooKeeper counts creations, and tells changes: wrapping as there. */
	stat.cversion =
	    (int32_t)(2U * (uint32_t)node->creations - (uint32_t)stat.children);
	return stat;
}

const char *coord_tree_data(const struct coord_tree_node *node, size_t *len_out)
{
	*len_out = node->bytes_len;
	return node->bytes;
}

const struct coord_tree_node *coord_tree_child_first(
    const struct coord_tree_node *parent)
{
	return TAILQ_FIRST(&parent->children);
}

const struct coord_tree_node *coord_tree_child_next(
    const struct coord_tree_node *child)
{
	return TAILQ_NEXT(child, in_parent);
}

const char *coord_tree_name(const struct coord_tree_node *node)
{
	return node->name;
}
