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

/* uthash asks for 32 bits. */
#define HASH_FUNCTION(key, len, out) \
	((out) = (unsigned)hash_bytes((key), (size_t)(len)))

/* A table goes with its last entry and comes with the next. */
#define uthash_malloc(size)      spare_take(size)
#define uthash_free(thing, size) spare_put((thing), (size))

#endif
