/* SPDX-License-Identifier: MIT */
/*
 * proto_guard - bytes that end where the address space ends: reading or
 * writing one too far is a crash, also without a sanitizer.
 */
#ifndef TESTS_UNIT_PROTO_GUARD_H
#define TESTS_UNIT_PROTO_GUARD_H

#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define GUARD_PAGES 8

/* For loops of many thousand rounds: ck_assert() writes to the runner each
 * time, which takes longer than what it looks at. */
#define SWIFT(claim) swift((claim), #claim, __LINE__)

static inline void swift(bool holds, const char *claim, int line)
{
	if (!holds)
		ck_abort_msg("line %d: %s", line, claim);
}

struct guard {
	char *pages; /* GUARD_PAGES of them, and one that nobody may touch */
	size_t size; /* of those that may be touched */
};

static inline void guard_open(struct guard *guard)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	guard->size = GUARD_PAGES * page;
	guard->pages = mmap(NULL, guard->size + page, PROT_READ | PROT_WRITE,
			    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (guard->pages == MAP_FAILED ||
	    mprotect(guard->pages + guard->size, page, PROT_NONE) < 0)
		abort();
}

static inline void guard_close(struct guard *guard)
{
	size_t page = (size_t)sysconf(_SC_PAGESIZE);

	(void)munmap(guard->pages, guard->size + page);
}

/* The last size bytes before the abyss, filled with what was never there. */
static inline char *guard_room(const struct guard *guard, size_t size)
{
	if (size > guard->size)
		abort();
	return memset(guard->pages + guard->size - size, '\xa5', size);
}

/* A line as a parser wants it: its bytes, then one byte that may be written,
 * then nothing. */
static inline char *guard_line(const struct guard *guard, const char *bytes,
			       size_t len)
{
	char *line = guard_room(guard, len + 1);

	memcpy(line, bytes, len);
	return line;
}

#endif
