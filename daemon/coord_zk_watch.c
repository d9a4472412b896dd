/* SPDX-License-Identifier: MIT */
/*
 * coord_zk_watch - which watches are armed, and how many bytes their paths
 * take when the library sends them all again in one packet after a reconnect.
 * Past jute.maxbuffer the server drops that connection, again and again; so
 * there is a cap, and what would pass it is refused.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/coord_zk_i.h"

/* The length that stands before each path in that packet. */
#define PREFIX_LEN 4

/* A path with the digits of a sequence, and the kind before it. */
#define KEY_MAX (COORD_PATH_MAX + 32)

enum { KIND_NODE = 'n', KIND_CHILDREN = 'c' };

struct zk_watch {
	struct hash_entry by_key; /* first: see hash_map.h */
	uint32_t asked;           /* calls under way */
	bool armed;
	char key[]; /* the kind, then the path */
};

static char kind_of(enum coord_verb verb)
{
	return verb == COORD_LIST ? KIND_CHILDREN : KIND_NODE;
}

static struct zk_watch *find(const struct coord_zk *zk, char kind,
			     const char *path)
{
	size_t len = strlen(path) + 1; /* of the key, without its NUL */
	char key[KEY_MAX];

	if (len >= sizeof key)
		return NULL;
	key[0] = kind;
	memcpy(key + 1, path, len);
	return (struct zk_watch *)hash_map_find(&zk->watches.all, key, len);
}

static void forget(struct coord_zk *zk, struct zk_watch *watch)
{
	zk->watches.bytes -= (uint32_t)strlen(watch->key + 1) + PREFIX_LEN;
	hash_map_remove(&zk->watches.all, &watch->by_key);
	free(watch);
}

bool zk_watch_ask(struct coord_zk *zk, enum coord_verb verb, const char *path)
{
	struct zk_watch *watch = find(zk, kind_of(verb), path);
	size_t len = strlen(path);
	size_t bytes = len + PREFIX_LEN;

	if (watch) {
		watch->asked++;
		return true;
	}
	if (len + 1 >= KEY_MAX ||
	    zk->watches.bytes + bytes > zk->settings.watch_bytes_max)
		return false;
	watch = calloc(1, sizeof *watch + len + 2);
	if (!watch)
		return false;
	watch->asked = 1;
	watch->key[0] = kind_of(verb);
	memcpy(watch->key + 1, path, len + 1);
	watch->by_key.key = watch->key;
	watch->by_key.key_len = len + 1;
	hash_map_add(&zk->watches.all, &watch->by_key);
	zk->watches.bytes += (uint32_t)bytes;
	return true;
}

void zk_watch_answered(struct coord_zk *zk, enum coord_verb verb,
		       const char *path, bool well)
{
	struct zk_watch *watch = find(zk, kind_of(verb), path);

	if (!watch)
		return;
	assert(watch->asked > 0);
	watch->asked--;
	watch->armed = watch->armed || well;
	if (!watch->asked && !watch->armed)
		forget(zk, watch);
}

static void spend(struct coord_zk *zk, char kind, const char *path)
{
	struct zk_watch *watch = find(zk, kind, path);

	if (!watch)
		return;
	watch->armed = false;
	if (!watch->asked)
		forget(zk, watch);
}

void zk_watch_fired(struct coord_zk *zk, enum coord_watch what,
		    const char *path)
{
	if (what != COORD_W_CHILDREN)
		spend(zk, KIND_NODE, path);
	if (what != COORD_W_CHANGED)
		spend(zk, KIND_CHILDREN, path);
}

void zk_watch_clear(struct coord_zk *zk)
{
	while (zk->watches.all.first)
		forget(zk, (struct zk_watch *)zk->watches.all.first);
	hash_map_fini(&zk->watches.all);
}
