/* SPDX-License-Identifier: MIT */
#include "daemon/hash.h"

#include <string.h>

static uint64_t key0 = 0x0706050403020100U, key1 = 0x0f0e0d0c0b0a0908U;

struct sip {
	uint64_t v0, v1, v2, v3;
};

static uint64_t rotl(uint64_t x, unsigned by)
{
	return x << by | x >> (64 - by);
}

/* A name or a number is hashed several times in each request. */
static inline __attribute__((always_inline)) void sip_round(struct sip *s)
{
	s->v0 += s->v1;
	s->v1 = rotl(s->v1, 13) ^ s->v0;
	s->v0 = rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = rotl(s->v1, 17) ^ s->v2;
	s->v2 = rotl(s->v2, 32);
}

/* Little-endian, up to eight bytes. */
static uint64_t load(const uint8_t *at, size_t len)
{
	uint64_t word = 0;

	for (size_t i = 0; i < len; i++)
		word |= (uint64_t)at[i] << (8 * i);
	return word;
}

/* Eight at once: compilers make one instruction of it. */
static uint64_t load_whole(const uint8_t *at)
{
	return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 |
	       (uint64_t)at[3] << 24 | (uint64_t)at[4] << 32 |
	       (uint64_t)at[5] << 40 | (uint64_t)at[6] << 48 |
	       (uint64_t)at[7] << 56;
}

void hash_seed(const uint8_t key[16])
{
	key0 = load(key, 8);
	key1 = load(key + 8, 8);
}

uint64_t hash_bytes(const void *bytes, size_t len)
{
	struct sip s = { key0 ^ 0x736f6d6570736575U, key1 ^ 0x646f72616e646f6dU,
			 key0 ^ 0x6c7967656e657261U,
			 key1 ^ 0x7465646279746573U };
	const uint8_t *at = bytes;
	size_t whole = len / 8;
	uint64_t word;

	for (size_t i = 0; i < whole; i++, at += 8) {
		word = load_whole(at);
		s.v3 ^= word;
		sip_round(&s);
		s.v0 ^= word;
	}
	word = (uint64_t)len << 56 | load(at, len % 8);
	s.v3 ^= word;
	sip_round(&s);
	s.v0 ^= word;
	s.v2 ^= 0xff;
	sip_round(&s);
	sip_round(&s);
	sip_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

uint64_t hash_plain(uint64_t before, const void *bytes, size_t len)
{
	const uint8_t *at = bytes;
	uint64_t hash = before;

	for (; len >= 8; at += 8, len -= 8) {
		hash = (hash ^ load_whole(at)) * 0x9e3779b97f4a7c15U;
		hash ^= hash >> 32;
	}
	hash =
	    (hash ^ load(at, len) ^ (uint64_t)len << 56) * 0x9e3779b97f4a7c15U;
	return hash ^ hash >> 32;
}
