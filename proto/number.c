/* SPDX-License-Identifier: MIT */
/* number - see number.h.  Every multiplication is checked before it is done;
 * locale and errno play no part. */
#include "proto/number.h"

#include <string.h>

#include "proto/limits.h"

#define FRACTION_DIGITS_MAX 9

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Digits of [text, end): true only if there are some, without a zero too
 * many, and the value is at most max. */
static bool digits_read(const char *text, const char *end, uint64_t max,
			uint64_t *value_out)
{
	uint64_t value = 0;

	if (text == end || (*text == '0' && end - text > 1))
		return false;
	for (; text < end; text++) {
		uint64_t digit;

		if (!is_digit(*text))
			return false;
		digit = (uint64_t)(*text - '0');
		if (digit > max || value > (max - digit) / 10)
			return false;
		value = value * 10 + digit;
	}
	*value_out = value;
	return true;
}

bool zkp_u64_read(const char *text, uint64_t max, uint64_t *value_out)
{
	return digits_read(text, text + strlen(text), max, value_out);
}

bool zkp_i64_read(const char *text, int64_t *value_out)
{
	uint64_t value;

	if (*text != '-') {
		if (!zkp_u64_read(text, INT64_MAX, &value))
			return false;
		*value_out = (int64_t)value;
		return true;
	}
	if (!zkp_u64_read(text + 1, (uint64_t)INT64_MAX + 1, &value) || !value)
		return false;
	*value_out = -(int64_t)(value - 1) - 1; /* reaches INT64_MIN */
	return true;
}

static int hex_digit(char c)
{
	if (is_digit(c))
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

bool zkp_hex_read(const char *text, uint64_t *value_out)
{
	uint64_t value = 0;
	size_t len = strlen(text);

	if (len < 3 || len > 18 || text[0] != '0' || text[1] != 'x')
		return false;
	for (size_t i = 2; i < len; i++) {
		int digit = hex_digit(text[i]);

		if (digit < 0)
			return false;
		value = value << 4 | (uint64_t)digit;
	}
	*value_out = value;
	return true;
}

/* Milliseconds of a unit; 0 when it is none. */
static uint64_t unit_ms(const char *unit)
{
	static const struct {
		const char *word;
		uint64_t ms;
	} units[] = {
		{ "", 1000 },   { "ms", 1 },      { "s", 1000 },
		{ "m", 60000 }, { "h", 3600000 }, { "d", 86400000 },
	};

	for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
		if (strcmp(units[i].word, unit) == 0)
			return units[i].ms;
	}
	return 0;
}

/* What stands behind the point, in whole units of 10^-digits. */
static bool fraction_read(const char *text, size_t digits, uint64_t *part_out,
			  uint64_t *scale_out)
{
	uint64_t part = 0;
	uint64_t scale = 1;

	if (digits == 0 || digits > FRACTION_DIGITS_MAX)
		return false;
	for (size_t i = 0; i < digits; i++) {
		part = part * 10 + (uint64_t)(text[i] - '0');
		scale *= 10;
	}
	*part_out = part;
	*scale_out = scale;
	return true;
}

bool zkp_duration_read(const char *text, int64_t *ms_out)
{
	size_t whole_len = strspn(text, "0123456789");
	const char *rest = text + whole_len;
	uint64_t whole;
	uint64_t part = 0;
	uint64_t scale = 1;
	uint64_t unit;
	uint64_t ms;

	if (!digits_read(text, rest, (uint64_t)ZKP_WAIT_MS_MAX, &whole))
		return false;
	if (*rest == '.') {
		size_t digits = strspn(rest + 1, "0123456789");

		if (!fraction_read(rest + 1, digits, &part, &scale))
			return false;
		rest += 1 + digits;
	}
	unit = unit_ms(rest);
	if (unit == 0 || whole > (uint64_t)ZKP_WAIT_MS_MAX / unit)
		return false;
	/* at most 10^9 * 86400000, and rounded up */
	ms = whole * unit + (part * unit + scale - 1) / scale;
	if (ms > (uint64_t)ZKP_WAIT_MS_MAX)
		return false;
	*ms_out = (int64_t)ms;
	return true;
}
