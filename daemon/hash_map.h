/* SPDX-License-Identifier: MIT */
/*
 * hash_map - a table of things by a key of bytes, in the order of arrival.
 *
 * Intrusive: the entry stands first in the thing, so that a pointer to one is
 * a pointer to the other, and the table owns nothing but its buckets.  Walking
 * it is the same in every run, whatever the hash's key.
 */
#ifndef DAEMON_HASH_MAP_H
#define DAEMON_HASH_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct hash_entry {
	const void *key; /* the thing's; it must not move or change */
	size_t key_len;
	uint64_t hash;
	struct hash_entry *chain; /* in its bucket */
	struct hash_entry *prev;  /* in the order of arrival */
	struct hash_entry *next;
};

/* All zero is an empty table. */
struct hash_map {
	/* Hashed without a key: nobody chooses what is in it to do us harm, as
	 * in the tree of --dev and of tests.  Set while it is empty. */
	bool plain;
	struct hash_entry **buckets;
	size_t buckets_len; /* a power of two, or 0 */
	size_t len;
	struct hash_entry *first;
	struct hash_entry *last;
};

/* NULL when there is none. */
struct hash_entry *hash_map_find(const struct hash_map *map, const void *key,
				 size_t key_len);
/* entry's key and key_len are set; the key must be new.  Memory that is not to
 * be had for the first buckets ends the process; later the table is slower. */
void hash_map_add(struct hash_map *map, struct hash_entry *entry);
/* The entry must be in the table. */
void hash_map_remove(struct hash_map *map, struct hash_entry *entry);
/* Frees the buckets; the entries must be gone, or nobody's any more. */
void hash_map_fini(struct hash_map *map);

#endif
