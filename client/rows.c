/* SPDX-License-Identifier: MIT */
/*
 * rows - words and pairs of a line, for whoever got one from a callback.
 *
 * Pure.
 */
#include <string.h>

#include "client/library.h"
#include "proto/word.h"

/* What is looked for: the index'th word, or a key. */
struct sought {
	const char *key; /* NULL: a word */
	unsigned index;
	char *buf;
	size_t size;
};

static int hand_out(const struct sought *sought, const struct zkp_word *word)
{
	if (word->value_len >= sought->size)
		return ZKLOCK_E_LIMIT;
	memcpy(sought->buf, word->value, word->value_len);
	sought->buf[word->value_len] = '\0';
	return (int)word->value_len;
}

static bool is_it(const struct sought *sought, const struct zkp_word *word,
		  unsigned *words)
{
	if (word->key)
		return sought->key && strcmp(word->key, sought->key) == 0;
	return !sought->key && (*words)++ == sought->index;
}

static int seek(const char *line, const struct sought *sought)
{
	char copy[ZKP_REPLY_LINE_MAX + 1];
	size_t len = line ? strlen(line) : 0;
	struct zkp_word_fault fault;
	struct zkp_words words;
	struct zkp_word word;
	unsigned words_n = 0;
	enum zkp_word_got got;

	if (!line || !sought->buf)
		return ZKLOCK_E_INVAL;
	if (len >= sizeof copy || !zkp_words_check(line, len, &fault))
		return ZKLOCK_E_PROTOCOL;
	memcpy(copy, line, len + 1);
	zkp_words_init(&words, copy, len);
	while ((got = zkp_words_next(&words, true, &word, &fault)) ==
	       ZKP_WORD_ONE) {
		if (is_it(sought, &word, &words_n))
			return hand_out(sought, &word);
	}
	return got == ZKP_WORD_BAD ? ZKLOCK_E_PROTOCOL : ZKLOCK_E_NOTFOUND;
}

int zklock_row_word(const char *line, unsigned index, char *buf, size_t size)
{
	const struct sought sought = { NULL, index, buf, size };

	return seek(line, &sought);
}

int zklock_row_value(const char *line, const char *key, char *buf, size_t size)
{
	const struct sought sought = { key, 0, buf, size };

	if (!key)
		return ZKLOCK_E_INVAL;
	return seek(line, &sought);
}
