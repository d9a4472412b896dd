/* SPDX-License-Identifier: MIT */
/*
 * Names lead to components and back; components that lead to a name are that
 * name's; patterns match as a slow and obvious matcher says; numbers that are
 * taken are written back as they were.
 */
#include <inttypes.h>
#include <stdbool.h>

#include "proto/glob.h"
#include "proto/limits.h"
#include "proto/name.h"
#include "proto/number.h"
#include "tests/fuzz/fuzz.h"

#define GLOB_MAX 128

static void name(const char *bytes, size_t len)
{
	char component[ZKP_COMPONENT_MAX + 1];
	char text[ZKP_NAME_MAX + 1], back[ZKP_NAME_MAX + 1];
	struct zkp_name_fault fault;
	enum zkp_name_kind kind;

	if (!zkp_name_check(bytes, len, &kind, &fault)) {
		MUST(fault.byte >= 1 && fault.byte <= len + 1 && *fault.why);
		return;
	}
	MUST(len >= 1 && len <= ZKP_NAME_MAX);
	memcpy(text, bytes, len);
	text[len] = '\0';
	MUST(strlen(text) == len);
	if (kind == ZKP_NAME_LITERAL) {
		MUST(text[0] == '/');
		MUST(!zkp_name_encode(text, component, sizeof component));
		return;
	}
	MUST(zkp_name_encode(text, component, sizeof component));
	MUST(!strchr(component, '/') && component[0] != '.');
	MUST(zkp_name_decode(component, back, sizeof back));
	MUST(strcmp(back, text) == 0);
}

static void component(const char *text)
{
	char again[ZKP_COMPONENT_MAX + 1];
	char back[ZKP_NAME_MAX + 1];

	if (!zkp_name_decode(text, back, sizeof back))
		return;
	MUST(zkp_name_encode(back, again, sizeof again));
	MUST(strcmp(again, text) == 0);
}

/* reach[j]: the pattern so far matches text[0..j). */
static bool obvious(const char *pattern, const char *text)
{
	bool reach[GLOB_MAX + 1] = { true };
	size_t len = strlen(text);

	for (; *pattern; pattern++) {
		bool next[GLOB_MAX + 1] = { false };

		for (size_t j = 0; j <= len; j++) {
			if (*pattern == '*')
				next[j] = reach[j] || (j > 0 && next[j - 1]);
			else if (j > 0)
				next[j] =
				    reach[j - 1] && (*pattern == '?' ||
						     *pattern == text[j - 1]);
		}
		memcpy(reach, next, sizeof reach);
	}
	return reach[len];
}

/* The first half is the pattern, the second the text. */
static void glob(const char *bytes, size_t len)
{
	char pattern[GLOB_MAX + 1] = "", text[GLOB_MAX + 1] = "";
	size_t half = len / 2 < GLOB_MAX ? len / 2 : GLOB_MAX;

	memcpy(pattern, bytes, half);
	memcpy(text, bytes + len / 2, half);
	MUST(zkp_glob_match(pattern, text) == obvious(pattern, text));
}

static void number(const char *text)
{
	char back[32];
	uint64_t u64;
	int64_t i64;

	if (zkp_u64_read(text, UINT64_MAX, &u64)) {
		(void)snprintf(back, sizeof back, "%" PRIu64, u64);
		MUST(strcmp(back, text) == 0);
	}
	if (zkp_i64_read(text, &i64)) {
		(void)snprintf(back, sizeof back, "%" PRId64, i64);
		MUST(strcmp(back, text) == 0);
	}
	if (zkp_hex_read(text, &u64))
		MUST(strtoull(text, NULL, 16) == u64);
	if (zkp_duration_read(text, &i64))
		MUST(i64 >= 0 && i64 <= ZKP_WAIT_MS_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *exact = fuzz_copy(bytes, len, 0);
	char *text = fuzz_copy(bytes, len, 1);

	text[len] = '\0';
	name(exact, len);
	glob(exact, len);
	component(text);
	number(text);
	free(exact);
	free(text);
	return 0;
}
