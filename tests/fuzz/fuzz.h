/* SPDX-License-Identifier: MIT */
/*
 * fuzz - what the targets share.  A target gets bytes, makes a parser eat
 * them, and aborts when something that must hold does not.
 */
#ifndef TESTS_FUZZ_FUZZ_H
#define TESTS_FUZZ_FUZZ_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Called by libFuzzer, or by replay.c. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len);

/* In every build, and with the expression in the report. */
#define MUST(claim)                                                    \
	do {                                                           \
		if (!(claim)) {                                        \
			(void)fprintf(stderr, "%s:%d: %s\n", __FILE__, \
				      __LINE__, #claim);               \
			abort();                                       \
		}                                                      \
	} while (0)

/* The bytes in memory of their own with "spare" more behind them, so that
 * the sanitizer sees a step too far; free() it. */
static inline char *fuzz_copy(const void *bytes, size_t len, size_t spare)
{
	char *copy = malloc(len + spare + 1);

	MUST(copy != NULL);
	if (spare == 0 && len > 0) { /* nothing at all behind */
		free(copy);
		copy = malloc(len);
		MUST(copy != NULL);
	}
	if (len > 0)
		memcpy(copy, bytes, len);
	return copy;
}

#endif
