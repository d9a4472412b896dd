/* SPDX-License-Identifier: MIT */
/* utf8 - see utf8.h.  The table of well-formed sequences is Unicode's 3-7. */
#include "proto/utf8.h"

#include <stdint.h>

static bool is_tail(unsigned char c)
{
	return c >= 0x80 && c <= 0xbf;
}

/* The second byte is where overlong forms, surrogates and what lies past
 * U+10FFFF show. */
static bool second_fits(unsigned char first, unsigned char second)
{
	switch (first) {
	case 0xe0:
		return second >= 0xa0 && second <= 0xbf;
	case 0xed:
		return second >= 0x80 && second <= 0x9f;
	case 0xf0:
		return second >= 0x90 && second <= 0xbf;
	case 0xf4:
		return second >= 0x80 && second <= 0x8f;
	default:
		return is_tail(second);
	}
}

size_t zkp_utf8_len(const char *bytes, size_t len)
{
	const unsigned char *b = (const unsigned char *)bytes;
	size_t need;

	if (len == 0)
		return 0;
	if (b[0] < 0x80)
		return 1;
	if (b[0] >= 0xc2 && b[0] <= 0xdf)
		need = 2;
	else if (b[0] >= 0xe0 && b[0] <= 0xef)
		need = 3;
	else if (b[0] >= 0xf0 && b[0] <= 0xf4)
		need = 4;
	else
		return 0;
	if (len < need || !second_fits(b[0], b[1]))
		return 0;
	for (size_t i = 2; i < need; i++) {
		if (!is_tail(b[i]))
			return 0;
	}
	return need;
}

bool zkp_byte_is_control(char c)
{
	unsigned char b = (unsigned char)c;

	return b < 0x20 || b == 0x7f;
}

static uint32_t decode(const char *bytes, size_t len)
{
	static const unsigned char lead_mask[] = { 0, 0x7f, 0x1f, 0x0f, 0x07 };
	uint32_t point = (unsigned char)bytes[0] & lead_mask[len];

	for (size_t i = 1; i < len; i++)
		point = point << 6 | ((unsigned char)bytes[i] & 0x3f);
	return point;
}

bool zkp_utf8_is_showable(const char *bytes, size_t len)
{
	static const struct {
		uint32_t first, last;
	} hidden[] = {
		{ 0x00, 0x1f },     { 0x7f, 0x9f },     /* C0, DEL, C1 */
		{ 0x61c, 0x61c },   { 0x200e, 0x200f }, /* direction marks */
		{ 0x2028, 0x2029 }, /* line and paragraph separators */
		{ 0x202a, 0x202e }, { 0x2066, 0x2069 }, /* embed, isolate */
	};
	uint32_t point = decode(bytes, len);

	for (size_t i = 0; i < sizeof hidden / sizeof hidden[0]; i++) {
		if (point >= hidden[i].first && point <= hidden[i].last)
			return false;
	}
	return true;
}
