/* SPDX-License-Identifier: MIT */
/*
 * page - the lease page as both ends see it: one word that carries the
 * deadline of every hold of this host.
 *
 * The layout only: who makes, maps and publishes it is the daemon's and the
 * library's matter.  The file is ZKP_PAGE_SIZE bytes: the word at offset 0,
 * the magic and the page's id behind it, zeros to the end.  The word is in the
 * host's own byte order, written by a release store and read by an acquire
 * load; so is the id, which never changes.
 */
#ifndef PROTO_PAGE_H
#define PROTO_PAGE_H

#include <stdint.h>

#define ZKP_PAGE_SIZE      4096 /* the smallest page of any machine we run on */
#define ZKP_PAGE_WORD_AT   0
#define ZKP_PAGE_MAGIC_AT  8
#define ZKP_PAGE_MAGIC     "zklease1" /* eight bytes, no NUL; 1 is the layout */
#define ZKP_PAGE_MAGIC_LEN 8
/* Random, never 0; HELLO names it: a page at the right path that is another
 * daemon's (its predecessor's, another mount's) is not believed. */
#define ZKP_PAGE_ID_AT 16

/* 48 bits of milliseconds are 8 900 years of uptime. */
#define ZKP_PAGE_GEN_SHIFT    48
#define ZKP_PAGE_DEADLINE_MAX ((INT64_C(1) << ZKP_PAGE_GEN_SHIFT) - 1)

/* gen names the session; deadline_ms is CLOCK_BOOTTIME, 0 when nothing is to
 * be believed.  A deadline outside of 0 .. ZKP_PAGE_DEADLINE_MAX counts as
 * nothing: never as more than was meant. */
static inline uint64_t zkp_page_word(uint16_t gen, int64_t deadline_ms)
{
	uint64_t deadline = 0;

	if (deadline_ms > 0 && deadline_ms <= ZKP_PAGE_DEADLINE_MAX)
		deadline = (uint64_t)deadline_ms;
	return (uint64_t)gen << ZKP_PAGE_GEN_SHIFT | deadline;
}

static inline uint16_t zkp_page_gen(uint64_t word)
{
	return (uint16_t)(word >> ZKP_PAGE_GEN_SHIFT);
}

static inline int64_t zkp_page_deadline_ms(uint64_t word)
{
	return (int64_t)(word & (uint64_t)ZKP_PAGE_DEADLINE_MAX);
}

#endif
