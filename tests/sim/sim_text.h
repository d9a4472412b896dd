/* SPDX-License-Identifier: MIT */
/*
 * sim_text - a short text, put together without printf: what is said and
 * looked up at every event is a tenth of a run otherwise.
 */
#ifndef TESTS_SIM_SIM_TEXT_H
#define TESTS_SIM_SIM_TEXT_H

#include <assert.h>
#include <stdint.h>
#include <string.h>

struct sim_text {
	size_t len;
	char text[256]; /* always ended */
};

static inline void sim_text_add(struct sim_text *to, const char *text)
{
	size_t len = strlen(text);

	assert(to->len + len < sizeof to->text);
	memcpy(to->text + to->len, text, len + 1);
	to->len += len;
}

static inline void sim_text_u64(struct sim_text *to, uint64_t number)
{
	char digits[21];
	char *at = digits + sizeof digits;

	*--at = '\0';
	do {
		*--at = (char)('0' + number % 10);
		number /= 10;
	} while (number);
	sim_text_add(to, at);
}

/* " wait=" and 250: " wait=250ms". */
static inline void sim_text_ms(struct sim_text *to, const char *key, int64_t ms)
{
	sim_text_add(to, key);
	sim_text_u64(to, (uint64_t)ms);
	sim_text_add(to, "ms");
}

#endif
