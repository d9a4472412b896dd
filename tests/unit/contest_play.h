/* SPDX-License-Identifier: MIT */
/*
 * contest told as transcripts: what the coordinator answered, what the bid
 * said next and found out.
 *
 * A play is a line each; short names stand for the children of the lock:
 * "us" is our node (number 5, or our_seq), "m3" a mutex node of Curator with
 *number 3, "w3" its writer, "r3" its reader, "z3" another zklockd's, "q3" that
 *one's reader, "y3" a third zklockd's, "t7" a twin with our uuid.
 *
 *	create ok | nonode | maybe | notsent | refused
 *	claim N: the create, with its parent, who then has N children
 *	list us m3 ... | list nonode | list maybe
 *	sync ok | maybe;  verify ours | theirs;  pred ok | nonode | maybe
 *	first ok;  delete ok | maybe;  own ok | nonode | revoked | anew
 *	parent ok | exists;  revoke: the one in front is to be asked
 *	fired deleted|changed NAME;  fired children;  link down|up;  leave
 *
 * An answer goes to the newest operation of its question.
 */
#ifndef TESTS_UNIT_CONTEST_PLAY_H
#define TESTS_UNIT_CONTEST_PLAY_H

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/contest.h"

#define TRACE_MAX 16384
#define PARENT    "/zklock/foo"
#define SESSION   77
#define CZXID     ((INT64_C(1) << 32) + 5)

static struct contest *contest;
static char trace[TRACE_MAX];
static size_t trace_len;
static uint32_t visits[CONTEST_Q_TWIN + 1]; /* newest of each question */
static enum zkp_mode mode;                  /* of our bid */
static int our_seq = 5;
static const struct layout_uuid uuid = { UINT64_C(0x7a6b6c6400000001), 9 };

/* The child's name that a short one stands for. */
static const char *child(const char *word)
{
	static char names[8][LAYOUT_NAME_MAX + 16];
	static unsigned at;
	struct layout_uuid other =
	    layout_uuid_make(*word == 'y' ? UINT64_C(7) << 32 : 99, 1);
	char *name = names[at++ % 8];
	char prefix[LAYOUT_NAME_MAX];
	int seq = word[1] ? atoi(word + 1) : 0;

	if (strcmp(word, "us") == 0)
		seq = our_seq;
	if (strcmp(word, "us") == 0 || *word == 't')
		layout_bid_prefix(LAYOUT_OWN, mode, &uuid, prefix,
				  sizeof prefix);
	else if (*word == 'z' || *word == 'q' || *word == 'y')
		layout_bid_prefix(LAYOUT_OWN,
				  *word == 'q' ? ZKP_MODE_S : ZKP_MODE_X,
				  &other, prefix, sizeof prefix);
	else
		(void)snprintf(prefix, sizeof prefix,
			       "_c_11111111-2222-3333-4444-555555555555-%s",
			       *word == 'w'   ? "__WRIT__"
			       : *word == 'r' ? "__READ__"
					      : "lock-");
	(void)snprintf(name, sizeof names[0], "%s%010d", prefix, seq);
	return name;
}

static const char *path_of(const char *word)
{
	static char path[512];

	(void)snprintf(path, sizeof path, PARENT "/%s", child(word));
	return path;
}

static const char *question_word(enum contest_question question)
{
	static const char *const words[] = {
		"create", "list", "parent", "sync",   "verify", "first", "pred",
		"behind", "own",  "words",  "revoke", "delete", "twin"
	};

	return words[question];
}

static void say(const char *text)
{
	trace_len += (size_t)snprintf(trace + trace_len, TRACE_MAX - trace_len,
				      "%s", text);
	ck_assert_uint_lt(trace_len, TRACE_MAX);
}

static void say_effect(const struct contest_effect *fx)
{
	char text[512] = "";

	switch (fx->type) {
	case CONTEST_FX_OP:
		(void)snprintf(text, sizeof text, " %s%s",
			       question_word(fx->question),
			       fx->op.watch ? "!" : "");
		visits[fx->question] = fx->visit;
		if (fx->question == CONTEST_Q_REVOKE) /* whose number */
			(void)snprintf(text + strlen(text),
				       sizeof text - strlen(text), "@%c",
				       fx->op.path[strlen(fx->op.path) - 1]);
		break;
	case CONTEST_FX_ROOT:
		(void)snprintf(text, sizeof text, " ROOT");
		break;
	case CONTEST_FX_QUEUED:
		(void)snprintf(text, sizeof text, " QUEUED(%u%s%s%s%s)",
			       fx->below, fx->kin ? " kin" : "",
			       fx->after ? " next" : "", *fx->holder ? " " : "",
			       fx->holder);
		ck_assert_uint_eq(fx->base, (uint64_t)CZXID << 11);
		break;
	case CONTEST_FX_OWNED:
		(void)snprintf(text, sizeof text, " OWNED(%s%s)",
			       !fx->behind_known ? "unknown"
			       : fx->behind      ? "behind"
						 : "alone",
			       fx->after_own ? " after" : "");
		ck_assert_uint_eq(fx->base, (uint64_t)CZXID << 11);
		break;
	case CONTEST_FX_BEHIND:
		(void)snprintf(text, sizeof text, " BEHIND(%d)", fx->behind);
		break;
	case CONTEST_FX_REVOKED:
		(void)snprintf(text, sizeof text, " REVOKED");
		break;
	case CONTEST_FX_VANISHED:
		(void)snprintf(text, sizeof text, " VANISHED");
		break;
	case CONTEST_FX_FAILED:
		(void)snprintf(text, sizeof text, " FAILED");
		break;
	case CONTEST_FX_GONE:
		(void)snprintf(text, sizeof text, " GONE");
		break;
	}
	say(text);
}

static void say_effects(const char *line, const struct contest_effects *fx)
{
	say(line);
	say(" ->");
	for (size_t i = 0; i < fx->len; i++)
		say_effect(&fx->fx[i]);
	say("\n");
}

static enum coord_result result_of(const char *word)
{
	if (strcmp(word, "nonode") == 0)
		return COORD_NO_NODE;
	if (strcmp(word, "maybe") == 0)
		return COORD_MAYBE;
	if (strcmp(word, "notsent") == 0)
		return COORD_NOT_SENT;
	if (strcmp(word, "refused") == 0)
		return COORD_REFUSED;
	if (strcmp(word, "exists") == 0)
		return COORD_NODE_EXISTS;
	return COORD_OK;
}

static enum contest_question question_of(const char *word)
{
	for (int q = CONTEST_Q_CREATE; q <= CONTEST_Q_TWIN; q++) {
		if (strcmp(question_word((enum contest_question)q), word) == 0)
			return (enum contest_question)q;
	}
	ck_abort_msg("no question %s", word);
	return CONTEST_Q_CREATE;
}

static void fill_answer(struct coord_event *ev, const char **word,
			size_t words_len, const char **names)
{
	const char *data = "host=db2 pid=812 uid=0 cmd=deploy.py";

	ev->type = COORD_EV_ANSWER;
	ev->answer.result = result_of(words_len > 1 ? word[1] : "ok");
	ev->answer.path = path_of("us");
	ev->answer.stat.czxid =
	    words_len > 1 && strcmp(word[1], "anew") == 0 ? CZXID + 9 : CZXID;
	ev->answer.stat.owner = words_len > 1 && strcmp(word[1], "theirs") == 0
				    ? SESSION + 1
				    : SESSION;
	if (words_len > 1 && strcmp(word[1], "revoked") == 0)
		data = "__REVOKE__";
	ev->answer.data = data;
	ev->answer.data_len = strlen(data);
	for (size_t i = 1; i < words_len; i++)
		names[i - 1] = child(word[i]);
	ev->answer.children = names;
	ev->answer.children_len = words_len - 1;
}

static void play_line(const char *line)
{
	char copy[256], *rest = NULL;
	const char *word[8] = { NULL };
	const char *names[8];
	struct coord_event coord = { 0 };
	struct contest_event ev = { .coord = &coord };
	struct contest_effects fx;
	size_t n = 0;

	(void)snprintf(copy, sizeof copy, "%s", line);
	for (char *w = strtok_r(copy, " ", &rest); w && n < 7;
	     w = strtok_r(NULL, " ", &rest))
		word[n++] = w;
	if (strcmp(word[0], "revoke") == 0 && !word[1]) {
		ev.type = CONTEST_EV_REVOKE;
	} else if (strcmp(word[0], "leave") == 0) {
		ev.type = CONTEST_EV_LEAVE;
	} else if (strcmp(word[0], "look") == 0) {
		ev.type = CONTEST_EV_LOOK;
	} else if (strcmp(word[0], "again") == 0) {
		ev.type = CONTEST_EV_AGAIN;
	} else if (strcmp(word[0], "link") == 0) {
		ev.type = strcmp(word[1], "up") == 0 ? CONTEST_EV_LINK_UP
						     : CONTEST_EV_LINK_DOWN;
	} else if (strcmp(word[0], "fired") == 0) {
		ev.type = CONTEST_EV_WATCH;
		coord.type = COORD_EV_WATCH;
		coord.watch.path = word[2] ? path_of(word[2]) : PARENT;
		coord.watch.what = *word[1] == 'd' ? COORD_W_DELETED
				   : word[2]       ? COORD_W_CHANGED
						   : COORD_W_CHILDREN;
	} else {
		ev.type = CONTEST_EV_ANSWER;
		ev.claimed = strcmp(word[0], "claim") == 0;
		if (ev.claimed) {
			ev.children = atoi(word[1]);
			word[0] = "create";
			n = 1;
		}
		ev.question = question_of(word[0]);
		ev.visit = visits[ev.question];
		fill_answer(&coord, word, n, names);
	}
	contest_step(contest, &ev, &fx);
	say_effects(line, &fx);
}

static void play(const char *script)
{
	char *copy = strdup(script), *rest = NULL;

	for (char *line = strtok_r(copy, "\n", &rest); line;
	     line = strtok_r(NULL, "\n", &rest))
		play_line(line);
	free(copy);
}

static bool is_own(void *ctx, const struct layout_uuid *other)
{
	(void)ctx;
	(void)other;
	return false;
}

static bool is_own_yes(void *ctx, const struct layout_uuid *other)
{
	(void)ctx;
	return layout_uuid_is_of(other, 99);
}

static int64_t floor_zxid;

static void begin(bool link_up, bool kin_is_own)
{
	struct contest_setup setup = { .parent = PARENT,
				       .words = "host=db1",
				       .layout = LAYOUT_OWN,
				       .mode = mode,
				       .uuid = uuid,
				       .session = SESSION,
				       .floor_zxid = floor_zxid,
				       .is_own =
					   kin_is_own ? is_own_yes : is_own };
	struct contest_effects fx;

	contest_free(contest);
	contest = contest_new(&setup, link_up, &fx);
	trace_len = 0;
	say_effects("begin", &fx);
}

static void setup(void)
{
	mode = ZKP_MODE_X;
	floor_zxid = 0;
	begin(true, false);
}

static void teardown(void)
{
	contest_free(contest);
	contest = NULL;
}

#define TRANSCRIPT(script, want)                 \
	do {                                     \
		play(script);                    \
		ck_assert_str_eq(trace, (want)); \
	} while (0)

#endif
