/* SPDX-License-Identifier: MIT */
/* duration - see duration.h. */
#include "client/cli/duration.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#define SECOND_MS INT64_C(1000)
#define MINUTE_MS (60 * SECOND_MS)
#define HOUR_MS   (60 * MINUTE_MS)
#define DAY_MS    (24 * HOUR_MS)

/* Past this many digits of a fraction nothing reaches a millisecond of ours. */
#define FRACTION_DIGITS 9
#define FRACTION_SCALE  INT64_C(1000000000)

static const struct unit {
	const char *word;
	int64_t unit_ms;
} units[] = {
	{ "", SECOND_MS },  { "ms", 1 },      { "s", SECOND_MS },
	{ "m", MINUTE_MS }, { "h", HOUR_MS }, { "d", DAY_MS },
};

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static int64_t unit_of(const char *word)
{
	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (strcmp(word, units[i].word) == 0)
			return units[i].unit_ms;
	}
	return 0;
}

/* Billionths of what stands after the point; a lost remainder rounds up. */
static const char *fraction_read(const char *p, int64_t *billionths_out)
{
	int64_t part = 0;
	int64_t scale = FRACTION_SCALE;
	int digits = 0;
	bool rest = false;

	for (; is_digit(*p); p++, digits++) {
		if (digits < FRACTION_DIGITS) {
			scale /= 10;
			part += (*p - '0') * scale;
		} else if (*p != '0') {
			rest = true;
		}
	}
	*billionths_out = part + (rest ? 1 : 0);
	return p;
}

bool cli_duration_parse(const char *text, int64_t *ms_out)
{
	const char *p = text;
	int64_t whole = 0;
	int64_t part = 0;
	int64_t unit_ms;
	int64_t total_ms;
	bool digits = is_digit(*p);

	for (; is_digit(*p); p++) {
		if (whole > CLI_DURATION_MS_MAX)
			return false;
		whole = whole * 10 + (*p - '0');
	}
	if (*p == '.') {
		digits = digits || is_digit(p[1]);
		if (!is_digit(p[1]))
			return false;
		p = fraction_read(p + 1, &part);
	}
	unit_ms = unit_of(p);
	if (!digits || unit_ms == 0 || whole > CLI_DURATION_MS_MAX / unit_ms)
		return false;
	/* part and unit_ms are below 1e9 and 1e8: no overflow. */
	total_ms = whole * unit_ms +
		   (part * unit_ms + FRACTION_SCALE - 1) / FRACTION_SCALE;
	if (total_ms > CLI_DURATION_MS_MAX)
		return false;
	*ms_out = total_ms;
	return true;
}

static void two_units(char *text, int64_t big, const char *words, int64_t small)
{
	(void)snprintf(text, CLI_DURATION_TEXT, "%" PRId64 "%c%02" PRId64 "%c",
		       big, words[0], small, words[1]);
}

void cli_duration_text(int64_t wait_ms, char text[CLI_DURATION_TEXT])
{
	int64_t ms = wait_ms < 0 ? 0 : wait_ms;

	if (ms > CLI_DURATION_MS_MAX)
		ms = CLI_DURATION_MS_MAX;
	if (ms < SECOND_MS)
		(void)snprintf(text, CLI_DURATION_TEXT, "%" PRId64 "ms", ms);
	else if (ms < MINUTE_MS)
		(void)snprintf(text, CLI_DURATION_TEXT,
			       "%" PRId64 ".%" PRId64 "s", ms / SECOND_MS,
			       ms % SECOND_MS / 100);
	else if (ms < HOUR_MS)
		two_units(text, ms / MINUTE_MS, "ms",
			  ms % MINUTE_MS / SECOND_MS);
	else if (ms < DAY_MS)
		two_units(text, ms / HOUR_MS, "hm", ms % HOUR_MS / MINUTE_MS);
	else
		two_units(text, ms / DAY_MS, "dh", ms % DAY_MS / HOUR_MS);
}
