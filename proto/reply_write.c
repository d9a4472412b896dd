/* SPDX-License-Identifier: MIT */
/* reply - what the daemon writes; see reply.h.  reply.c reads it. */
#include "proto/reply.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char *const events[] = {
#define X(sym, word, text) [sym] = word,
	ZKP_EVENT_MAP(X)
#undef X
};

const char *zkp_event_word(enum zkp_event event)
{
	assert((size_t)event < ZKP_EVENT_COUNT);
	return events[event];
}

bool zkp_event_find(const char *word, enum zkp_event *event_out)
{
	for (size_t i = 0; i < ZKP_EVENT_COUNT; i++) {
		if (strcmp(events[i], word) == 0) {
			*event_out = (enum zkp_event)i;
			return true;
		}
	}
	return false;
}

void zkp_event_begin(struct zkp_out *out, enum zkp_event event)
{
	zkp_out_begin(out, NULL, "*");
	zkp_out_word(out, zkp_event_word(event));
}

void zkp_err_begin(struct zkp_out *out, const char *tag, enum zkp_status status)
{
	assert(status != ZKP_OK);
	zkp_out_begin(out, tag, "ERR");
	zkp_out_word(out, zkp_status_word(status));
}

bool zkp_err_end(struct zkp_out *out, enum zkp_status status, const char *text)
{
	zkp_out_text(out, text ? text : zkp_status_sentence(status));
	return zkp_out_end(out);
}

bool zkp_err(struct zkp_out *out, const char *tag, enum zkp_status status)
{
	zkp_err_begin(out, tag, status);
	return zkp_err_end(out, status, NULL);
}

bool zkp_err_problem(struct zkp_out *out, const struct zkp_problem *problem)
{
	char text[ZKP_TEXT_MAX + sizeof "; did you mean ?" + ZKP_KEY_MAX];

	zkp_err_begin(out, problem->tag, problem->status);
	if (problem->status == ZKP_VERSION)
		zkp_out_u64(out, "max", ZKP_PROTO_VERSION);
	if (problem->status == ZKP_UNKNOWN)
		zkp_out_str(out, "verb", problem->arg);
	else if (*problem->arg)
		zkp_out_str(out, "arg", problem->arg);
	if (problem->byte)
		zkp_out_u64(out, "byte", problem->byte);
	zkp_out_u64(out, "column", problem->column);
	if (problem->nearest)
		zkp_out_str(out, "nearest", problem->nearest);
	(void)snprintf(text, sizeof text, "%s%s%s%s", problem->text,
		       problem->nearest ? "; did you mean " : "",
		       problem->nearest ? problem->nearest : "",
		       problem->nearest ? "?" : "");
	return zkp_err_end(out, problem->status, text);
}

static void help_row(struct zkp_out *out, const char *tag,
		     const struct zkp_verb_row *row)
{
	char text[ZKP_TEXT_MAX];

	zkp_out_begin(out, tag, "-");
	zkp_out_word(out, row->word);
	(void)snprintf(text, sizeof text, "%s%s-- %s", row->usage,
		       *row->usage ? " " : "", row->help);
	zkp_out_text(out, text);
	(void)zkp_out_end(out);
}

static void help_example(struct zkp_out *out, const char *tag,
			 const struct zkp_verb_row *row)
{
	zkp_out_begin(out, tag, "-");
	zkp_out_word(out, "example");
	zkp_out_text(out, row->example);
	(void)zkp_out_end(out);
}

bool zkp_reply_help(struct zkp_out *out, const char *tag,
		    const struct zkp_verb_row *topic)
{
	for (size_t i = 0; i < zkp_verb_count(); i++) {
		const struct zkp_verb_row *row = zkp_verb_at(i);

		if (topic && row != topic)
			continue;
		help_row(out, tag, row);
		if (topic)
			help_example(out, tag, row);
	}
	zkp_out_begin(out, tag, "OK");
	return zkp_out_end(out);
}

bool zkp_grant_write(struct zkp_out *out, const char *tag,
		     const struct zkp_grant *grant)
{
	zkp_out_begin(out, tag, "GRANTED");
	zkp_out_word(out, grant->name);
	zkp_out_id(out, "id", grant->id);
	zkp_out_u64(out, "token", grant->token);
	zkp_out_str(out, "mode", grant->mode);
	if (grant->slots)
		zkp_out_u64(out, "slots", grant->slots);
	zkp_out_u64(out, "gen", grant->gen);
	zkp_out_i64(out, "until_ms", grant->until_ms);
	zkp_out_i64(out, "valid_ms", grant->valid_ms);
	zkp_out_i64(out, "waited_ms", grant->waited_ms);
	if (grant->max_until_ms)
		zkp_out_i64(out, "max_until_ms", grant->max_until_ms);
	if (*grant->node)
		zkp_out_str(out, "node", grant->node);
	if (grant->dev)
		zkp_out_u64(out, "dev", 1);
	return zkp_out_end(out);
}
