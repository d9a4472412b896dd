/* SPDX-License-Identifier: MIT */
/*
 * out - lines built into a buffer of the caller's, quoted where needed.
 *
 * Whatever the strings hold, what comes out is one line of safe UTF-8:
 * control bytes, bytes that are no UTF-8 and characters that would play with
 * a terminal are written \xHH.  When the buffer is full the line in hand is
 * taken back whole and nothing more is added (sticky); what is in the buffer
 * is whole lines at any time between zkp_out_end() and the next begin.
 */
#ifndef PROTO_OUT_H
#define PROTO_OUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct zkp_out {
	char *buf; /* borrowed; not NUL-terminated */
	size_t size;
	size_t len; /* bytes to send */
	size_t line_start;
	bool overflow; /* a line did not fit; cleared by zkp_out_reset() */
};

void zkp_out_init(struct zkp_out *out, char *buf, size_t size);
/* Empty again. */
void zkp_out_reset(struct zkp_out *out);

/* The first words of a line: "#tag first", or "first" when tag is NULL or
 * "".  Both are written as they are: they come from a parser or from us. */
void zkp_out_begin(struct zkp_out *out, const char *tag, const char *first);

/* A space and one more word or pair.  Keys are written as they are.  NULL
 * strings count as "". */
void zkp_out_word(struct zkp_out *out, const char *word);
void zkp_out_word_u64(struct zkp_out *out, uint64_t value);
void zkp_out_word_id(struct zkp_out *out, uint64_t id); /* @7 */
void zkp_out_str(struct zkp_out *out, const char *key, const char *value);
void zkp_out_bytes(struct zkp_out *out, const char *key, const void *bytes,
		   size_t len);
void zkp_out_u64(struct zkp_out *out, const char *key, uint64_t value);
void zkp_out_i64(struct zkp_out *out, const char *key, int64_t value);
void zkp_out_hex(struct zkp_out *out, const char *key, uint64_t value); /* 0x */
void zkp_out_id(struct zkp_out *out, const char *key, uint64_t id);     /* @7 */

/* " :text": must be the last of its line.  For people, never unescaped. */
void zkp_out_text(struct zkp_out *out, const char *text);

/* LF.  False when this or an earlier line did not fit. */
bool zkp_out_end(struct zkp_out *out);

#endif
