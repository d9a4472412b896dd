/* SPDX-License-Identifier: MIT */
/*
 * fuzz - what the targets share.  A target gets bytes, makes a parser eat
 * them, and aborts when something that must hold does not.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Called by libFuzzer, or by replay.c. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* In every build, and with the claim in the report. */
#define MUST(claim) must((claim), #claim, __FILE__, __LINE__)

static inline void must(bool holds, const char *claim, const char *file,
			int line)
{
	if (holds)
		return;
	(void)fprintf(stderr, "%s:%d: %s\n", file, line, claim);
	abort();
}

/* The bytes in memory of their own with "spare" more behind them, so that
 * the sanitizer sees a step too far; free() it. */
static inline char *fuzz_copy(const void *bytes, size_t len, size_t spare)
{
	char *copy = malloc(len + spare > 0 ? len + spare : 1);

	MUST(copy != NULL);
	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

#endif
