/* SPDX-License-Identifier: MIT */
/*
 * hash_map - see the header.
 */
#include "daemon/hash_map.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/hash.h"

/* Buckets of a table that has anything at all. */
#define BUCKETS_MIN 16

static uint64_t hash_of(const struct hash_map *map, const void *key,
			size_t key_len)
{
	return map->plain ? hash_plain(0, key, key_len)
			  : hash_bytes(key, key_len);
}

static struct hash_entry **bucket_of(const struct hash_map *map, uint64_t hash)
{
	return &map->buckets[hash & (map->buckets_len - 1)];
}

static void grow(struct hash_map *map)
{
	size_t len = map->buckets_len ? map->buckets_len * 2 : BUCKETS_MIN;
	struct hash_entry **buckets = calloc(len, sizeof(void *));

	if (!buckets && !map->buckets_len)
		abort();
	if (!buckets)
		return; /* longer chains */
	free(map->buckets);
	map->buckets = buckets;
	map->buckets_len = len;
	for (struct hash_entry *e = map->first; e; e = e->next) {
		struct hash_entry **bucket = bucket_of(map, e->hash);

		e->chain = *bucket;
		*bucket = e;
	}
}

struct hash_entry *hash_map_find(const struct hash_map *map, const void *key,
				 size_t key_len)
{
	struct hash_entry *e;
	uint64_t hash;

	if (map->len == 0)
		return NULL;
	hash = hash_of(map, key, key_len);
	e = *bucket_of(map, hash);
	while (e && (e->hash != hash || e->key_len != key_len ||
		     memcmp(e->key, key, key_len) != 0))
		e = e->chain;
	return e;
}

void hash_map_add(struct hash_map *map, struct hash_entry *entry)
{
	struct hash_entry **bucket;

	if (map->len >= map->buckets_len)
		grow(map);
	entry->hash = hash_of(map, entry->key, entry->key_len);
	bucket = bucket_of(map, entry->hash);
	entry->chain = *bucket;
	*bucket = entry;
	entry->prev = map->last;
	entry->next = NULL;
	if (map->last)
		map->last->next = entry;
	else
		map->first = entry;
	map->last = entry;
	map->len++;
}

void hash_map_remove(struct hash_map *map, struct hash_entry *entry)
{
	struct hash_entry **at = bucket_of(map, entry->hash);

	while (*at != entry) {
		assert(*at); /* it must be in the table */
		at = &(*at)->chain;
	}
	*at = entry->chain;
	if (entry->prev)
		entry->prev->next = entry->next;
	else
		map->first = entry->next;
	if (entry->next)
		entry->next->prev = entry->prev;
	else
		map->last = entry->prev;
	map->len--;
}

void hash_map_fini(struct hash_map *map)
{
	free(map->buckets);
	*map = (struct hash_map){ .plain = map->plain };
}
