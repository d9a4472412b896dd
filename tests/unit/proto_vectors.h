/* SPDX-License-Identifier: MIT */
/*
 * proto_vectors - reads proto/vectors/ and shows what came of a vector in
 * the words of its outcome lines.  For the unit tests of proto/ and for the
 * program that makes fuzz seeds.  Knows nothing about what is right.
 */
#ifndef TESTS_UNIT_PROTO_VECTORS_H
#define TESTS_UNIT_PROTO_VECTORS_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/reply.h"
#include "proto/request.h"

#define VECTOR_INPUT_MAX   16384
#define VECTOR_OUTCOME_MAX 8192

struct vector {
	char input[VECTOR_INPUT_MAX]; /* not NUL-terminated */
	size_t len;
	char outcome[VECTOR_OUTCOME_MAX]; /* its lines, each with its LF */
	unsigned line;                    /* where it stands in the file */
};

struct vectors {
	FILE *file;
	char text[VECTOR_OUTCOME_MAX]; /* the line in hand */
	bool pending; /* text was read, but belongs to the next vector */
	unsigned line;
};

static inline bool vectors_open(struct vectors *all, const char *name)
{
	char path[512];

	memset(all, 0, sizeof *all);
	(void)snprintf(path, sizeof path, "%s/proto/vectors/%s.txt",
		       ZKL_SOURCE_DIR, name);
	all->file = fopen(path, "re");
	return all->file != NULL;
}

static inline void vectors_close(struct vectors *all)
{
	(void)fclose(all->file);
}

/* A broken file of vectors is a broken test: say where and stop. */
static inline void vectors_die(const struct vectors *all, const char *why)
{
	(void)fprintf(stderr, "vectors, line %u: %s: %s\n", all->line, why,
		      all->text);
	abort();
}

static inline size_t vector_append(struct vectors *all, struct vector *v,
				   int byte, size_t count)
{
	if (count > sizeof v->input - v->len)
		vectors_die(all, "input too long");
	memset(v->input + v->len, byte, count);
	v->len += count;
	return v->len;
}

/* text with its escapes undone, into v->input. */
static inline void vector_unescape(struct vectors *all, struct vector *v,
				   const char *text)
{
	unsigned byte;
	unsigned count;
	int used;
	char c;

	while (*text) {
		if (*text != '%') {
			vector_append(all, v, *text++, 1);
		} else if (sscanf(text, "%%{%u*%c}%n", &count, &c, &used) ==
			   2) {
			vector_append(all, v, c, count);
			text += used;
		} else if (sscanf(text, "%%%2x%n", &byte, &used) == 1 &&
			   used == 3) {
			vector_append(all, v, (int)byte, 1);
			text += used;
		} else {
			vectors_die(all, "bad escape");
		}
	}
}

static inline bool vectors_line(struct vectors *all)
{
	if (all->pending) {
		all->pending = false;
		return true;
	}
	if (!fgets(all->text, sizeof all->text, all->file))
		return false;
	all->line++;
	if (!strchr(all->text, '\n'))
		vectors_die(all, "line too long, or no end of line");
	all->text[strcspn(all->text, "\n")] = '\0';
	return true;
}

static inline bool vectors_is_comment(const struct vectors *all)
{
	return all->text[0] == '\0' || strncmp(all->text, "# ", 2) == 0;
}

static inline bool vectors_next(struct vectors *all, struct vector *v)
{
	do {
		if (!vectors_line(all))
			return false;
	} while (vectors_is_comment(all));

	memset(v, 0, sizeof *v);
	v->line = all->line;
	if (strncmp(all->text, "> ", 2) == 0) {
		v->len = strlen(all->text + 2);
		memcpy(v->input, all->text + 2, v->len);
	} else if (strncmp(all->text, "x ", 2) == 0) {
		vector_unescape(all, v, all->text + 2);
	} else {
		vectors_die(all, "an input line begins with \"> \" or \"x \"");
	}
	while (vectors_line(all)) {
		size_t used = strlen(v->outcome);

		if (vectors_is_comment(all))
			continue;
		if (!strchr("=!~", all->text[0])) {
			all->pending = true;
			break;
		}
		(void)snprintf(v->outcome + used, sizeof v->outcome - used,
			       "%s\n", all->text);
	}
	return true;
}

/* ------------------------------------------------------- what came of it */

static inline void show_text(struct zkp_out *out, const char *key,
			     const char *text)
{
	if (*text)
		zkp_out_str(out, key, text);
}

/* "= LOCK name=a wait_ms=-1", NUL-terminated, with its LF. */
static inline void request_show(const struct zkp_request *rq, char *buf,
				size_t size)
{
	const struct zkp_verb_row *row = zkp_verb_row(rq->verb);
	struct zkp_out out;

	zkp_out_init(&out, buf, size - 1);
	zkp_out_begin(&out, NULL, "=");
	zkp_out_word(&out, row ? row->word : "EMPTY");
	show_text(&out, "tag", rq->tag);
	show_text(&out, "name", rq->name);
	for (size_t i = 0; i < rq->more_len; i++)
		show_text(&out, "more", rq->more[i]);
	if (rq->name_kind == ZKP_NAME_LITERAL)
		zkp_out_str(&out, "kind", "literal");
	if (rq->id)
		zkp_out_id(&out, "id", rq->id);
	show_text(&out, "target", rq->target);
	if (rq->mode != ZKP_MODE_X)
		zkp_out_str(&out, "mode", zkp_mode_word(rq->mode));
	if (rq->slots)
		zkp_out_u64(&out, "slots", rq->slots);
	if (rq->verb == ZKP_VERB_LOCK || rq->wait_ms != 0)
		zkp_out_i64(&out, "wait_ms", rq->wait_ms);
	show_text(&out, "note", rq->note);
	show_text(&out, "client", rq->client);
	show_text(&out, "reason", rq->reason);
	if (rq->wanted)
		zkp_out_str(&out, "wanted", "1");
	if (rq->min_hold_ms)
		zkp_out_i64(&out, "min_hold_ms", rq->min_hold_ms);
	if (rq->max_hold_ms)
		zkp_out_i64(&out, "max_hold_ms", rq->max_hold_ms);
	if (rq->proto != ZKP_PROTO_VERSION)
		zkp_out_u64(&out, "proto", rq->proto);
	if (rq->lease_push)
		zkp_out_str(&out, "lease", "push");
	if (rq->token)
		zkp_out_u64(&out, "token", rq->token);
	if (rq->sync)
		zkp_out_str(&out, "sync", "1");
	show_text(&out, "pattern", rq->pattern);
	show_text(&out, "state", zkp_row_state_word(rq->state));
	if (rq->cluster)
		zkp_out_u64(&out, "cluster", 1);
	show_text(&out, "after", rq->after);
	show_text(&out, "word", rq->word);
	if (rq->topic)
		zkp_out_str(&out, "topic", rq->topic->word);
	if (!zkp_out_end(&out))
		abort();
	buf[out.len] = '\0';
}

/* "! SYNTAX column=5 tag=7", NUL-terminated, with its LF. */
static inline void problem_show(const struct zkp_problem *problem, char *buf,
				size_t size)
{
	struct zkp_out out;

	zkp_out_init(&out, buf, size - 1);
	zkp_out_begin(&out, NULL, "!");
	zkp_out_word(&out, zkp_status_word(problem->status));
	zkp_out_u64(&out, "column", problem->column);
	show_text(&out, "tag", problem->tag);
	show_text(&out, "arg", problem->arg);
	if (problem->byte)
		zkp_out_u64(&out, "byte", problem->byte);
	if (problem->nearest)
		zkp_out_str(&out, "nearest", problem->nearest);
	if (!zkp_out_end(&out))
		abort();
	buf[out.len] = '\0';
}

/* Parses line[0..len) in place (line[len] must be writable) and shows it. */
static inline void request_outcome(char *line, size_t len, char *buf,
				   size_t size)
{
	struct zkp_problem problem;
	struct zkp_request rq;

	if (zkp_request_parse(line, len, &rq, &problem) == ZKP_OK)
		request_show(&rq, buf, size);
	else
		problem_show(&problem, buf, size);
}

static inline const char *class_word(enum zkp_reply_class class)
{
	switch (class) {
	case ZKP_REPLY_ROW:
		return "row";
	case ZKP_REPLY_QUEUED:
		return "queued";
	case ZKP_REPLY_ERR:
		return "err";
	case ZKP_REPLY_FINAL:
		return "final";
	case ZKP_REPLY_EVENT:
		return "event";
	}
	return "?";
}

/* "= final tag=7 word=OK | 2 key=value :text" */
static inline void reply_show(const struct zkp_reply *reply, char *buf,
			      size_t size)
{
	struct zkp_out out;

	zkp_out_init(&out, buf, size - 1);
	zkp_out_begin(&out, NULL, "=");
	zkp_out_word(&out, class_word(reply->class));
	show_text(&out, "tag", reply->tag);
	zkp_out_str(&out, "word", reply->word);
	if (reply->class == ZKP_REPLY_ERR)
		zkp_out_str(&out, "status", zkp_status_word(reply->status));
	zkp_out_word(&out, "|");
	for (size_t i = 0; i < reply->args_len; i++)
		zkp_out_word(&out, reply->args[i]);
	for (size_t i = 0; i < reply->pairs_len; i++)
		zkp_out_bytes(&out, reply->pairs[i].key, reply->pairs[i].value,
			      reply->pairs[i].value_len);
	if (*reply->text)
		zkp_out_text(&out, reply->text);
	if (!zkp_out_end(&out))
		abort();
	buf[out.len] = '\0';
}

static inline void reply_outcome(char *line, size_t len, char *buf, size_t size)
{
	struct zkp_reply reply;

	if (zkp_reply_parse(line, len, &reply) == ZKP_OK)
		reply_show(&reply, buf, size);
	else
		(void)snprintf(buf, size, "! SYNTAX\n");
}

#endif
