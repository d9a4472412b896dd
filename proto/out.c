/* SPDX-License-Identifier: MIT */
/* out - see out.h.  put() is the only writer, so that nothing can pass the
 * end of the buffer. */
#include "proto/out.h"

#include <assert.h>
#include <string.h>

#include "proto/limits.h"
#include "proto/utf8.h"

void zkp_out_init(struct zkp_out *out, char *buf, size_t size)
{
	out->buf = buf;
	out->size = size;
	zkp_out_reset(out);
}

void zkp_out_reset(struct zkp_out *out)
{
	out->len = 0;
	out->line_start = 0;
	out->overflow = false;
}

static void put(struct zkp_out *out, const char *bytes, size_t len)
{
	if (out->overflow || len == 0)
		return;
	if (len > out->size - out->len) {
		out->overflow = true;
		out->len = out->line_start;
		return;
	}
	memcpy(out->buf + out->len, bytes, len);
	out->len += len;
}

static void put_str(struct zkp_out *out, const char *text)
{
	put(out, text, strlen(text));
}

void zkp_out_begin(struct zkp_out *out, const char *tag, const char *first)
{
	assert(out->len == out->line_start); /* the last line was ended */
	if (tag && *tag) {
		put_str(out, "#");
		put_str(out, tag);
		put_str(out, " ");
	}
	put_str(out, first);
}

static void put_hex(struct zkp_out *out, const char *bytes, size_t len)
{
	static const char digits[] = "0123456789abcdef";

	for (size_t i = 0; i < len; i++) {
		unsigned char byte = (unsigned char)bytes[i];
		char text[4] = { '\\', 'x', digits[byte >> 4],
				 digits[byte & 15] };

		put(out, text, sizeof text);
	}
}

/* The length of the character at bytes[0], and whether it is one that may be
 * shown; a byte that is no UTF-8 counts as one. */
static size_t character(const char *bytes, size_t len, bool *showable_out)
{
	size_t step = zkp_utf8_len(bytes, len);

	*showable_out = step > 0 && zkp_utf8_is_showable(bytes, step);
	return step > 0 ? step : 1;
}

/* Shown as it is wherever it stands.  Nearly every byte that is ever written
 * is one of these, so runs of them are taken whole. */
static bool is_plain(char c)
{
	return c > ' ' && c < 0x7f && c != '"' && c != '\\';
}

static size_t plain_run(const char *bytes, size_t len)
{
	size_t i = 0;

	while (i < len && is_plain(bytes[i]))
		i++;
	return i;
}

static void put_quoted_one(struct zkp_out *out, const char *bytes, size_t len,
			   bool showable)
{
	switch (bytes[0]) {
	case '"':
		put_str(out, "\\\"");
		return;
	case '\\':
		put_str(out, "\\\\");
		return;
	case '\n':
		put_str(out, "\\n");
		return;
	case '\r':
		put_str(out, "\\r");
		return;
	case '\t':
		put_str(out, "\\t");
		return;
	case '\0': /* cannot be carried: it arrives as these four characters */
		put_str(out, "\\\\x00");
		return;
	default:
		break;
	}
	if (showable)
		put(out, bytes, len);
	else
		put_hex(out, bytes, len);
}

static bool is_bare(const char *bytes, size_t len)
{
	bool showable;

	for (size_t i = plain_run(bytes, len); i < len;) {
		if (bytes[i] == ' ' || bytes[i] == '"' || bytes[i] == '\\')
			return false;
		i += character(bytes + i, len - i, &showable);
		if (!showable)
			return false;
	}
	return len > 0;
}

static void put_value(struct zkp_out *out, const char *bytes, size_t len,
		      bool bare)
{
	bool showable;
	size_t step;

	if (bare && is_bare(bytes, len)) {
		put(out, bytes, len);
		return;
	}
	put_str(out, "\"");
	for (size_t i = 0; i < len; i += step) {
		step = plain_run(bytes + i, len - i);
		if (step > 0) {
			put(out, bytes + i, step);
			continue;
		}
		step = character(bytes + i, len - i, &showable);
		put_quoted_one(out, bytes + i, step, showable);
	}
	put_str(out, "\"");
}

/* Would a reader take the bare word for a pair or for the text? */
static bool is_misleading(const char *word)
{
	return word[0] == ':' || strchr(word, '=') != NULL;
}

void zkp_out_word(struct zkp_out *out, const char *word)
{
	if (!word)
		word = "";
	put_str(out, " ");
	put_value(out, word, strlen(word), !is_misleading(word));
}

static void put_key(struct zkp_out *out, const char *key)
{
	put_str(out, " ");
	put_str(out, key);
	put_str(out, "=");
}

void zkp_out_bytes(struct zkp_out *out, const char *key, const void *bytes,
		   size_t len)
{
	put_key(out, key);
	put_value(out, bytes, len, true);
}

void zkp_out_str(struct zkp_out *out, const char *key, const char *value)
{
	if (!value)
		value = "";
	zkp_out_bytes(out, key, value, strlen(value));
}

/* Numbers are plain by nature: nothing to look at, nothing to quote. */

static void put_number(struct zkp_out *out, uint64_t value, unsigned base)
{
	static const char digits[] = "0123456789abcdef";
	char text[20]; /* of UINT64_MAX */
	size_t at = sizeof text;

	do {
		text[--at] = digits[value % base];
		value /= base;
	} while (value > 0);
	put(out, text + at, sizeof text - at);
}

void zkp_out_word_u64(struct zkp_out *out, uint64_t value)
{
	put_str(out, " ");
	put_number(out, value, 10);
}

void zkp_out_word_id(struct zkp_out *out, uint64_t id)
{
	put_str(out, " @");
	put_number(out, id, 10);
}

void zkp_out_u64(struct zkp_out *out, const char *key, uint64_t value)
{
	put_key(out, key);
	put_number(out, value, 10);
}

void zkp_out_i64(struct zkp_out *out, const char *key, int64_t value)
{
	put_key(out, key);
	if (value < 0)
		put_str(out, "-");
	put_number(out, value < 0 ? -(uint64_t)value : (uint64_t)value, 10);
}

void zkp_out_hex(struct zkp_out *out, const char *key, uint64_t value)
{
	put_key(out, key);
	put_str(out, "0x");
	put_number(out, value, 16);
}

void zkp_out_id(struct zkp_out *out, const char *key, uint64_t id)
{
	put_key(out, key);
	put_str(out, "@");
	put_number(out, id, 10);
}

void zkp_out_text(struct zkp_out *out, const char *text)
{
	size_t len = strlen(text);
	bool showable;
	size_t step;

	put_str(out, " :");
	for (size_t i = 0; i < len; i += step) {
		step = plain_run(text + i, len - i);
		if (step > 0) {
			put(out, text + i, step);
			continue;
		}
		step = character(text + i, len - i, &showable);
		if (showable)
			put(out, text + i, step);
		else
			put_hex(out, text + i, step);
	}
}

bool zkp_out_end(struct zkp_out *out)
{
	if (out->len - out->line_start > ZKP_REPLY_LINE_MAX) {
		out->overflow = true; /* no reader has room for it */
		out->len = out->line_start;
	}
	put_str(out, "\n");
	if (!out->overflow)
		out->line_start = out->len;
	return !out->overflow;
}
