/* SPDX-License-Identifier: MIT */
/*
 * coord_local_watch - see the header.
 */
#include "daemon/coord_local_watch.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* A path with the digits of a sequence, and the kind before it. */
#define KEY_MAX (COORD_PATH_MAX + 32)

struct coord_local_watch {
	struct hash_entry by_key; /* first: see hash_map.h */
	bool at_server;
	bool at_client;
	char key[]; /* the kind, then the path */
};

static struct coord_local_watch *find(struct coord_local_watches *watches,
				      char kind, const char *path)
{
	size_t len = strlen(path) + 1; /* of the key, without its NUL */
	char key[KEY_MAX];

	assert(len < sizeof key);
	key[0] = kind;
	memcpy(key + 1, path, len);
	return (struct coord_local_watch *)hash_map_find(&watches->all, key,
							 len);
}

static struct coord_local_watch *get(struct coord_local_watches *watches,
				     char kind, const char *path)
{
	size_t len = strlen(path) + 1;
	struct coord_local_watch *watch = find(watches, kind, path);

	if (watch)
		return watch;
	watch = calloc(1, sizeof *watch + len + 1);
	if (!watch)
		abort();
	watch->key[0] = kind;
	memcpy(watch->key + 1, path, len);
	watch->by_key.key = watch->key;
	watch->by_key.key_len = len;
	hash_map_add(&watches->all, &watch->by_key);
	return watch;
}

static void settle(struct coord_local_watches *watches,
		   struct coord_local_watch *watch)
{
	if (watch->at_server || watch->at_client)
		return;
	hash_map_remove(&watches->all, &watch->by_key);
	free(watch);
}

void coord_local_watch_serve(struct coord_local_watches *watches, char kind,
			     const char *path)
{
	get(watches, kind, path)->at_server = true;
}

void coord_local_watch_answered(struct coord_local_watches *watches, char kind,
				const char *path)
{
	get(watches, kind, path)->at_client = true;
}

static bool spend_server(struct coord_local_watches *watches, char kind,
			 const char *path)
{
	struct coord_local_watch *watch = find(watches, kind, path);

	if (!watch || !watch->at_server)
		return false;
	watch->at_server = false;
	settle(watches, watch);
	return true;
}

static bool spend_client(struct coord_local_watches *watches, char kind,
			 const char *path)
{
	struct coord_local_watch *watch = find(watches, kind, path);

	if (!watch || !watch->at_client)
		return false;
	watch->at_client = false;
	settle(watches, watch);
	return true;
}

/* A deletion spends both kinds, and is told once. */
bool coord_local_watch_fired(struct coord_local_watches *watches,
			     enum coord_watch what, const char *path)
{
	bool known = false;

	if (what != COORD_W_CHILDREN)
		known = spend_server(watches, COORD_LOCAL_NODE, path);
	if (what != COORD_W_CHANGED &&
	    spend_server(watches, COORD_LOCAL_CHILDREN, path))
		known = true;
	return known;
}

bool coord_local_watch_heard(struct coord_local_watches *watches,
			     enum coord_watch what, const char *path)
{
	bool known = false;

	if (what != COORD_W_CHILDREN)
		known = spend_client(watches, COORD_LOCAL_NODE, path);
	if (what != COORD_W_CHANGED &&
	    spend_client(watches, COORD_LOCAL_CHILDREN, path))
		known = true;
	return known;
}

void coord_local_watches_unserve(struct coord_local_watches *watches)
{
	struct hash_entry *next;

	for (struct hash_entry *e = watches->all.first; e; e = next) {
		struct coord_local_watch *watch = (struct coord_local_watch *)e;

		next = e->next;
		watch->at_server = false;
		settle(watches, watch);
	}
}

void coord_local_watches_clear(struct coord_local_watches *watches)
{
	struct hash_entry *next;

	for (struct hash_entry *e = watches->all.first; e; e = next) {
		next = e->next;
		free(e);
	}
	hash_map_fini(&watches->all);
}

const struct coord_local_watch *coord_local_watch_next(
    const struct coord_local_watches *watches,
    const struct coord_local_watch *watch)
{
	return (const void *)(watch ? watch->by_key.next : watches->all.first);
}

const char *coord_local_watch_path(const struct coord_local_watch *watch)
{
	return watch->key + 1;
}

char coord_local_watch_kind(const struct coord_local_watch *watch)
{
	return watch->key[0];
}
