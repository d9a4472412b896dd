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
#include <uthash.h>

#include "daemon/coord_zk_i.h"

/* The length that stands before each path in that packet. */
#define PREFIX_LEN 4

/* A path with the digits of a sequence, and the kind before it. */
#define KEY_MAX (COORD_PATH_MAX + 32)

enum { KIND_NODE = 'n', KIND_CHILDREN = 'c' };

struct zk_watch {
	uint32_t asked; /* calls under way */
	bool armed;
	UT_hash_handle hh;
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
	struct zk_watch *watch = NULL;
	char key[KEY_MAX];

	if (len >= sizeof key)
		return NULL;
	key[0] = kind;
	memcpy(key + 1, path, len);
	HASH_FIND(hh, zk->watches.all, key, len, watch);
	return watch;
}

static void forget(struct coord_zk *zk, struct zk_watch *watch)
{
	zk->watches.len--;
	zk->watches.bytes -= (uint32_t)strlen(watch->key + 1) + PREFIX_LEN;
	HASH_DEL(zk->watches.all, watch);
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
	HASH_ADD(hh, zk->watches.all, key[0], len + 1, watch);
	zk->watches.len++;
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
	struct zk_watch *watch;
	struct zk_watch *tmp;

	HASH_ITER(hh, zk->watches.all, watch, tmp)
	forget(zk, watch);
}
