/* SPDX-License-Identifier: MIT */
/*
 * spare - see the header.  A kept thing's first bytes link it to the next.
 */
#include "daemon/spare.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#ifdef __SANITIZE_ADDRESS__
#define SPARE_KEEPS false
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define SPARE_KEEPS false
#endif
#endif
#ifndef SPARE_KEEPS
#define SPARE_KEEPS true
#endif

struct shelf {
	size_t size; /* 0: not in use yet */
	unsigned len;
	void *first;
};

static struct shelf shelves[SPARE_SIZES_MAX];

/* NULL: too large, or of one size too many. */
static struct shelf *shelf_of(size_t size)
{
	if (!SPARE_KEEPS || size > SPARE_BYTES_MAX || size < sizeof(void *))
		return NULL;
	for (size_t i = 0; i < SPARE_SIZES_MAX; i++) {
		if (shelves[i].size == 0)
			shelves[i].size = size;
		if (shelves[i].size == size)
			return &shelves[i];
	}
	return NULL;
}

void *spare_take(size_t size)
{
	struct shelf *shelf = shelf_of(size);
	void *thing;

	if (!shelf || !shelf->first)
		return calloc(1, size);
	thing = shelf->first;
	memcpy(&shelf->first, thing, sizeof shelf->first);
	shelf->len--;
	return memset(thing, 0, size);
}

void spare_put(void *thing, size_t size)
{
	struct shelf *shelf = thing ? shelf_of(size) : NULL;

	if (!shelf || shelf->len == SPARES_MAX) {
		free(thing);
		return;
	}
	memcpy(thing, &shelf->first, sizeof shelf->first);
	shelf->first = thing;
	shelf->len++;
}
