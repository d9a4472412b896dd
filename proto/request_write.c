/* SPDX-License-Identifier: MIT */
/* request - the writer; see request.h.  request.c is the parser. */
#include "proto/request.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>

const char *zkp_row_state_word(enum zkp_row_state state)
{
	switch (state) {
	case ZKP_ROW_ANY:
		break;
	case ZKP_ROW_HELD:
		return "held";
	case ZKP_ROW_SUSPENDED:
		return "suspended";
	case ZKP_ROW_WAITING:
		return "waiting";
	case ZKP_ROW_KEPT:
		return "kept";
	}
	return "";
}

static void write_name_id(struct zkp_out *out, const struct zkp_request *rq)
{
	if (rq->id)
		zkp_out_word_id(out, rq->id);
	else
		zkp_out_word(out, rq->name);
}

static void write_target(struct zkp_out *out, const struct zkp_request *rq)
{
	char target[1 + ZKP_TAG_MAX + 1];

	if (!*rq->target) {
		write_name_id(out, rq);
		return;
	}
	(void)snprintf(target, sizeof target, "#%s", rq->target);
	zkp_out_word(out, target);
}

static void write_arg(struct zkp_out *out, const struct zkp_request *rq,
		      enum zkp_arg arg)
{
	switch (arg) {
	case ZKP_ARG_NONE:
		break;
	case ZKP_ARG_PROTO:
		zkp_out_word_u64(out, rq->proto);
		break;
	case ZKP_ARG_NAME:
		zkp_out_word(out, rq->name);
		for (size_t i = 0; i < rq->more_len; i++)
			zkp_out_word(out, rq->more[i]);
		break;
	case ZKP_ARG_NAME_ID:
		write_name_id(out, rq);
		break;
	case ZKP_ARG_ID:
		zkp_out_word_id(out, rq->id);
		break;
	case ZKP_ARG_TARGET:
		write_target(out, rq);
		break;
	case ZKP_ARG_PATTERN:
		if (*rq->pattern)
			zkp_out_word(out, rq->pattern);
		break;
	case ZKP_ARG_WORD:
		if (*rq->word)
			zkp_out_word(out, rq->word);
		break;
	case ZKP_ARG_VERB:
		if (rq->topic)
			zkp_out_word(out, rq->topic->word);
		break;
	}
}

static void write_text(struct zkp_out *out, enum zkp_key key, const char *text)
{
	if (*text)
		zkp_out_str(out, zkp_key_word(key), text);
}

static void write_ms(struct zkp_out *out, enum zkp_key key, int64_t span_ms)
{
	char text[32];

	(void)snprintf(text, sizeof text, "%" PRId64 "ms", span_ms);
	zkp_out_str(out, zkp_key_word(key), text);
}

/* One whose default is 0. */
static void write_span(struct zkp_out *out, enum zkp_key key, int64_t span_ms)
{
	if (span_ms)
		write_ms(out, key, span_ms);
}

static void write_wait(struct zkp_out *out, const struct zkp_request *rq)
{
	if (rq->wait_ms != ZKP_WAIT_FOREVER)
		write_ms(out, ZKP_KEY_WAIT, rq->wait_ms);
}

static void write_key(struct zkp_out *out, const struct zkp_request *rq,
		      enum zkp_key key)
{
	switch (key) {
	case ZKP_KEY_CLIENT:
		write_text(out, key, rq->client);
		break;
	case ZKP_KEY_NOTE:
		write_text(out, key, rq->note);
		break;
	case ZKP_KEY_LEASE:
		if (rq->lease_push)
			zkp_out_str(out, zkp_key_word(key), "push");
		break;
	case ZKP_KEY_MODE:
		if (rq->mode != ZKP_MODE_X)
			zkp_out_str(out, zkp_key_word(key),
				    zkp_mode_word(rq->mode));
		break;
	case ZKP_KEY_WAIT:
		write_wait(out, rq);
		break;
	case ZKP_KEY_SLOTS:
		if (rq->slots)
			zkp_out_u64(out, zkp_key_word(key), rq->slots);
		break;
	case ZKP_KEY_TOKEN:
		if (rq->token)
			zkp_out_u64(out, zkp_key_word(key), rq->token);
		break;
	case ZKP_KEY_SYNC:
		if (rq->sync)
			zkp_out_str(out, zkp_key_word(key), "1");
		break;
	case ZKP_KEY_STATE:
		write_text(out, key, zkp_row_state_word(rq->state));
		break;
	case ZKP_KEY_MAX_HOLD:
		write_span(out, key, rq->max_hold_ms);
		break;
	case ZKP_KEY_MIN_HOLD:
		write_span(out, key, rq->min_hold_ms);
		break;
	case ZKP_KEY_WANTED:
		if (rq->wanted)
			zkp_out_str(out, zkp_key_word(key), "1");
		break;
	case ZKP_KEY_REASON:
		write_text(out, key, rq->reason);
		break;
	case ZKP_KEY_SCOPE: /* local is the default */
		if (rq->cluster)
			zkp_out_str(out, zkp_key_word(key), "cluster");
		break;
	case ZKP_KEY_AFTER:
		write_text(out, key, rq->after);
		break;
	}
}

bool zkp_request_write(struct zkp_out *out, const struct zkp_request *rq)
{
	const struct zkp_verb_row *row = zkp_verb_row(rq->verb);
	const struct zkp_out before = *out;
	size_t end_len = 1; /* the LF */

	assert(row || !*rq->tag); /* an empty line has no tag */
	zkp_out_begin(out, rq->tag, row ? row->word : "");
	if (row) {
		write_arg(out, rq, row->arg);
		for (size_t i = 0; i < ZKP_KEY_COUNT; i++) {
			if (row->keys & ZKP_KEY_BIT(i))
				write_key(out, rq, (enum zkp_key)i);
		}
	}
	if (zkp_out_end(out) && out->len - before.len <= ZKP_LINE_MAX + end_len)
		return true;
	*out = before;
	return false;
}
