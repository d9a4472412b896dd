/* SPDX-License-Identifier: MIT */
/*
 * word - see word.h.  One walk from left to right; what is unescaped is never
 * longer than it was, so it goes where it stood.
 */
#include "proto/word.h"

#include <string.h>

#include "proto/limits.h"
#include "proto/utf8.h"

static bool is_alpha(char c)
{
	return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_alnum(char c)
{
	return is_alpha(c) || (c >= '0' && c <= '9');
}

static enum zkp_word_got bad(struct zkp_word_fault *fault_out, size_t at,
			     const char *why)
{
	fault_out->column = at + 1;
	fault_out->why = why;
	return ZKP_WORD_BAD;
}

bool zkp_words_check(const char *line, size_t len,
		     struct zkp_word_fault *fault_out)
{
	size_t step;

	for (size_t i = 0; i < len; i += step) {
		step = 1;
		if (line[i] >= ' ' && line[i] < 0x7f)
			continue;
		step = zkp_utf8_len(line + i, len - i);
		if (step == 0) {
			(void)bad(fault_out, i, "this byte is not UTF-8");
			return false;
		}
		if (zkp_byte_is_control(line[i])) {
			(void)bad(fault_out, i,
				  "control bytes have no place "
				  "in a line");
			return false;
		}
	}
	return true;
}

size_t zkp_tag_len(const char *line, size_t len)
{
	size_t i = 1;

	if (len == 0 || line[0] != '#')
		return 0;
	while (i < len && (is_alnum(line[i]) || line[i] == '.' ||
			   line[i] == '_' || line[i] == '-'))
		i++;
	if (i - 1 > ZKP_TAG_MAX || (i < len && line[i] != ' '))
		return 0;
	return i - 1;
}

size_t zkp_letters_len(const char *text)
{
	size_t len = 0;

	while (is_alpha(text[len]))
		len++;
	return len;
}

void zkp_words_init(struct zkp_words *words, char *line, size_t len)
{
	words->line = line;
	words->len = len;
	words->at = 0;
	words->more = len > 0;
	line[len] = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

/* What stands behind the backslash at line[at], as one byte, and how long the
 * whole escape is; 0 and the reason when it is none. */
static size_t escape_read(const struct zkp_words *words, size_t at,
			  char *byte_out, const char **why_out)
{
	static const char plain[] = "\"\\nrt";
	static const char means[] = "\"\\\n\r\t";
	const char *line = words->line;
	const char *found;
	int high, low;

	*why_out = "an escape is one of \\\" \\\\ \\n \\r \\t \\xHH";
	if (at + 1 >= words->len)
		return 0;
	found = memchr(plain, line[at + 1], sizeof plain - 1);
	if (found) {
		*byte_out = means[found - plain];
		return 2;
	}
	if (line[at + 1] != 'x' || at + 3 >= words->len)
		return 0;
	high = hex_digit(line[at + 2]);
	low = hex_digit(line[at + 3]);
	if (high < 0 || low < 0)
		return 0;
	if (high == 0 && low == 0) {
		*why_out = "a NUL cannot be carried";
		return 0;
	}
	*byte_out = (char)(unsigned char)(high << 4 | low);
	return 4;
}

/* The word has ended before line[end]: terminate it there and step over the
 * space.  False when something else stands there. */
static bool word_end(struct zkp_words *words, size_t end)
{
	words->at = end;
	words->more = end < words->len;
	if (!words->more)
		return true;
	if (words->line[end] != ' ')
		return false;
	words->line[end] = '\0';
	words->at = end + 1;
	return true;
}

/* The quote opens at line[open]. */
static enum zkp_word_got quoted_read(struct zkp_words *words, size_t open,
				     struct zkp_word *word_out,
				     struct zkp_word_fault *fault_out)
{
	char *line = words->line;
	size_t from = open + 1;
	size_t to = open + 1;

	while (from < words->len && line[from] != '"') {
		const char *why;
		size_t step = 1;
		char byte = line[from];

		if (byte == '\\')
			step = escape_read(words, from, &byte, &why);
		if (step == 0)
			return bad(fault_out, from, why);
		line[to++] = byte;
		from += step;
	}
	if (from >= words->len)
		return bad(fault_out, open, "this quote is never closed");
	if (!word_end(words, from + 1))
		return bad(fault_out, from + 1,
			   "a space follows the closing quote");
	line[to] = '\0';
	word_out->value = line + open + 1;
	word_out->value_len = to - (open + 1);
	word_out->quoted = true;
	return ZKP_WORD_ONE;
}

static enum zkp_word_got bare_read(struct zkp_words *words, size_t begin,
				   struct zkp_word *word_out,
				   struct zkp_word_fault *fault_out)
{
	const char *line = words->line;
	size_t end = begin;

	while (end < words->len && line[end] != ' ') {
		if (line[end] == '"' || line[end] == '\\')
			return bad(fault_out, end,
				   "quotes and backslashes stand only in a "
				   "word that begins with a quote");
		end++;
	}
	(void)word_end(words, end);
	word_out->value = words->line + begin;
	word_out->value_len = end - begin;
	return ZKP_WORD_ONE;
}

/* The length of "key" when "key=" stands at line[begin]; else 0. */
static size_t key_len(const struct zkp_words *words, size_t begin)
{
	const char *line = words->line;
	size_t i = begin;

	if (!is_alpha(line[i]))
		return 0;
	while (i < words->len && (is_alnum(line[i]) || line[i] == '_'))
		i++;
	return i < words->len && line[i] == '=' ? i - begin : 0;
}

enum zkp_word_got zkp_words_next(struct zkp_words *words, bool with_text,
				 struct zkp_word *word_out,
				 struct zkp_word_fault *fault_out)
{
	struct zkp_word word = { 0 };
	enum zkp_word_got got;
	size_t begin = words->at;
	size_t len;

	if (!words->more)
		return ZKP_WORD_END;
	if (begin == words->len)
		return bad(fault_out, begin - 1, "a space ends the line");
	if (words->line[begin] == ' ')
		return bad(fault_out, begin, "exactly one space parts words");

	word.column = begin + 1;
	if (with_text && words->line[begin] == ':') {
		word.value = words->line + begin + 1;
		word.value_len = words->len - (begin + 1);
		words->more = false;
		*word_out = word;
		return ZKP_WORD_TEXT;
	}
	len = key_len(words, begin);
	if (len > ZKP_KEY_MAX)
		return bad(fault_out, begin, "a key has at most 32 characters");
	if (len > 0) {
		words->line[begin + len] = '\0';
		word.key = words->line + begin;
		begin += len + 1;
	}
	word.value_column = begin + 1;
	if (begin < words->len && words->line[begin] == '"')
		got = quoted_read(words, begin, &word, fault_out);
	else
		got = bare_read(words, begin, &word, fault_out);
	if (got == ZKP_WORD_ONE)
		*word_out = word;
	return got;
}
