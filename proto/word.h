/* SPDX-License-Identifier: MIT */
/*
 * word - one line into words and key=value pairs, escapes undone in place.
 *
 * The grammar that requests and replies share.  Knows neither verbs nor keys.
 */
#ifndef PROTO_WORD_H
#define PROTO_WORD_H

#include <stdbool.h>
#include <stddef.h>

struct zkp_word {
	char *key;        /* NULL for a word; NUL-terminated */
	char *value;      /* the word, or the pair's value; NUL-terminated */
	size_t value_len; /* never holds a NUL inside */
	size_t column;    /* of the first byte, 1 for the line's first */
	size_t value_column;
	bool quoted;
};

/* Walks one line; private to word.c. */
struct zkp_words {
	char *line;
	size_t len;
	size_t at;
	bool more; /* a word must begin at "at" */
};

enum zkp_word_got {
	ZKP_WORD_END,
	ZKP_WORD_ONE,
	ZKP_WORD_TEXT, /* ":text" up to the end: value */
	ZKP_WORD_BAD,
};

/* Where and why a line is no line. */
struct zkp_word_fault {
	size_t column;
	const char *why; /* static text */
};

/* Control bytes or bad UTF-8 anywhere: false, and fault_out says the first. */
bool zkp_words_check(const char *line, size_t len,
		     struct zkp_word_fault *fault_out);

/* The length of a valid tag behind the "#" at line[0]; 0 when there is none,
 * or it is not one. */
size_t zkp_tag_len(const char *line, size_t len);

/* How many ASCII letters a text begins with. */
size_t zkp_letters_len(const char *text);

/* A line that zkp_words_check() has passed; line[len] must be writable and is
 * made a NUL.  Words are terminated and unescaped in place while walking. */
void zkp_words_init(struct zkp_words *words, char *line, size_t len);

/*
 * The next word or pair.  with_text: a bare word that begins with ":" is the
 * text for people, raw up to the line's end (replies have it, requests do
 * not).  After ZKP_WORD_END or ZKP_WORD_BAD do not call again.
 */
enum zkp_word_got zkp_words_next(struct zkp_words *words, bool with_text,
				 struct zkp_word *word_out,
				 struct zkp_word_fault *fault_out);

#endif
