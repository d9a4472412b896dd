/* SPDX-License-Identifier: MIT */
/*
 * hash - a keyed hash for tables whose keys come from users.
 *
 * SipHash-1-3 (Aumasson and Bernstein, "SipHash: a fast short-input PRF").
 * Lock names are user input: with a key nobody can choose names that fall
 * into one bucket.  Include this before uthash.h.
 */
#ifndef DAEMON_HASH_H
#define DAEMON_HASH_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/spare.h"

/* Sets the key of the whole process; before any table is filled. */
void hash_seed(const uint8_t key[16]);
uint64_t hash_bytes(const void *bytes, size_t len);
/* Without a key and three times as fast: for keys that nobody chooses to do us
 * harm, as in the tree of --dev and of tests, and for digests.  It goes on from
 * what it returned before. */
uint64_t hash_plain(uint64_t before, const void *bytes, size_t len);

/* uthash asks for 32 bits. */
#define HASH_FUNCTION(key, len, out) \
	((out) = (unsigned)hash_bytes((key), (size_t)(len)))

/*
 * Our own numbers need no key: they are counted up, nobody chooses them.  A
 * table is filled by HASH_ADD_ID() and asked by HASH_FIND_ID(), or neither.
 */
static inline unsigned hash_id(uint64_t id)
{
	return (unsigned)(id * UINT64_C(0x9e3779b97f4a7c15) >> 32);
}

#define HASH_ADD_ID(hh, head, field, add)                           \
	HASH_ADD_BYHASHVALUE(hh, head, field, sizeof((add)->field), \
			     hash_id((uint64_t)(add)->field), add)
#define HASH_FIND_ID(hh, head, id, out)                    \
	HASH_FIND_BYHASHVALUE(hh, head, &(id), sizeof(id), \
			      hash_id((uint64_t)(id)), out)

/* A table goes with its last entry and comes with the next. */
#define uthash_malloc(size)      spare_take(size)
#define uthash_free(thing, size) spare_put((thing), (size))

#endif
