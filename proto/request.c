/* SPDX-License-Identifier: MIT */
/*
 * request - the parser; see request.h.  request_write.c is the way back.
 *
 * The verb's row says which words and keys may come; each is then read by one
 * small function that either sets its field or says what is wrong.
 */
#include "proto/request.h"

#include <stdio.h>
#include <string.h>

#include "proto/number.h"
#include "proto/word.h"

/* Limits as they stand in sentences. */
#define TEXT_OF(macro) #macro
#define TEXT(macro)    TEXT_OF(macro)

#define VERB_RULE "a verb has at most " TEXT(ZKP_VERB_MAX) " letters"
#define TAG_RULE \
	"a tag is # and 1 to " TEXT(ZKP_TAG_MAX) " of A-Z a-z 0-9 . _ -"

struct parse {
	struct zkp_words words;
	struct zkp_request rq;
	struct zkp_problem problem;
	const struct zkp_verb_row *row;
	unsigned args; /* words behind the verb so far */
	uint32_t seen; /* keys so far */
};

void zkp_request_init(struct zkp_request *rq, enum zkp_verb verb)
{
	*rq = (struct zkp_request){
		.verb = verb,
		.tag = "",
		.name = "",
		.target = "",
		.note = "",
		.reason = "",
		.client = "",
		.pattern = "",
		.after = "",
		.word = "",
		.proto = ZKP_PROTO_VERSION,
	};
	if (verb == ZKP_VERB_LOCK || verb == ZKP_VERB_WAIT)
		rq->wait_ms = ZKP_WAIT_FOREVER;
}

/* Always false, so that a reader can return it. */
static bool fail(struct parse *p, enum zkp_status status, size_t column,
		 const char *why)
{
	p->problem.status = status;
	p->problem.column = column;
	(void)snprintf(p->problem.text, sizeof p->problem.text, "%s", why);
	return false;
}

/* The name of the one word that the row takes, for messages. */
static const char *arg_word(enum zkp_arg arg)
{
	switch (arg) {
	case ZKP_ARG_PROTO:
		return "proto";
	case ZKP_ARG_NAME:
	case ZKP_ARG_NAME_ID:
		return "name";
	case ZKP_ARG_TARGET:
		return "target";
	case ZKP_ARG_PATTERN:
		return "pattern";
	case ZKP_ARG_ID:
		return "id";
	case ZKP_ARG_VERB:
		return "verb";
	case ZKP_ARG_NONE:
	case ZKP_ARG_WORD:
		break;
	}
	return "word";
}

/* Names the argument that is missing or bad; cut to what a problem shows. */
static void blame(struct parse *p, const char *arg)
{
	(void)snprintf(p->problem.arg, sizeof p->problem.arg, "%s", arg);
}

static bool fail_arg(struct parse *p, const struct zkp_word *word,
		     const char *arg, const char *why)
{
	blame(p, arg);
	return fail(p, ZKP_ARGS, word->value_column, why);
}

/* Too many words, or too few: the verb's usage says how many. */
static bool fail_usage(struct parse *p, size_t column, const char *why)
{
	blame(p, arg_word(p->row->arg));
	(void)fail(p, ZKP_ARGS, column, "");
	(void)snprintf(p->problem.text, sizeof p->problem.text, "%s: %s%s%s",
		       why, p->row->word, *p->row->usage ? " " : "",
		       p->row->usage);
	return false;
}

/* ---------------------------------------------------- words behind a verb */

static bool read_name(struct parse *p, const struct zkp_word *word)
{
	struct zkp_name_fault fault;

	if (!zkp_name_check(word->value, word->value_len, &p->rq.name_kind,
			    &fault)) {
		blame(p, "name");
		p->problem.byte = fault.byte;
		return fail(p, ZKP_NAME, word->value_column, fault.why);
	}
	if (p->args == 1)
		p->rq.name = word->value;
	else
		p->rq.more[p->rq.more_len++] = word->value;
	return true;
}

static bool read_id(struct parse *p, const struct zkp_word *word)
{
	if (word->value[0] != '@' ||
	    !zkp_u64_read(word->value + 1, ZKP_ID_MAX, &p->rq.id) || !p->rq.id)
		return fail_arg(p, word, "id",
				"an id is @ and a number from 1 on");
	return true;
}

static bool read_name_id(struct parse *p, const struct zkp_word *word)
{
	if (word->value[0] != '@')
		return read_name(p, word);
	return read_id(p, word);
}

static bool read_target(struct parse *p, const struct zkp_word *word)
{
	if (word->value[0] != '#')
		return read_name_id(p, word);
	if (zkp_tag_len(word->value, word->value_len) == 0)
		return fail_arg(p, word, "tag", TAG_RULE);
	p->rq.target = word->value + 1;
	return true;
}

static bool read_proto(struct parse *p, const struct zkp_word *word)
{
	uint64_t proto;

	if (!zkp_u64_read(word->value, UINT32_MAX, &proto))
		return fail_arg(p, word, "proto",
				"the protocol version is a number");
	if (proto != ZKP_PROTO_VERSION)
		return fail(
		    p, ZKP_VERSION, word->value_column,
		    "only version " TEXT(ZKP_PROTO_VERSION) " is spoken here");
	p->rq.proto = (unsigned)proto;
	return true;
}

static bool read_pattern(struct parse *p, const struct zkp_word *word)
{
	if (word->value_len == 0 || word->value_len > ZKP_NAME_MAX)
		return fail_arg(
		    p, word, "pattern",
		    "a pattern has 1 to " TEXT(ZKP_NAME_MAX) " bytes");
	for (size_t i = 0; i < word->value_len; i++) {
		char c = word->value[i];

		if (c != '*' && c != '?' && !zkp_name_byte(c))
			return fail_arg(p, word, "pattern",
					"a pattern is made of * ? and the "
					"bytes of names");
	}
	p->rq.pattern = word->value;
	return true;
}

static bool read_ping(struct parse *p, const struct zkp_word *word)
{
	if (word->value_len > ZKP_PING_MAX)
		return fail_arg(
		    p, word, "word",
		    "the word has at most " TEXT(ZKP_PING_MAX) " bytes");
	p->rq.word = word->value;
	return true;
}

/* Whoever writes the line adds the nearest one. */
static const char *no_such_verb(const struct zkp_verb_row *near)
{
	return near ? "there is no such verb"
		    : "there is no such verb: try HELP";
}

static bool read_topic(struct parse *p, const struct zkp_word *word)
{
	const struct zkp_verb_row *near;

	p->rq.topic = zkp_verb_find(word->value);
	if (p->rq.topic)
		return true;
	near = zkp_verb_nearest(word->value);
	if (near)
		p->problem.nearest = near->word;
	return fail_arg(p, word, "verb", no_such_verb(near));
}

static bool read_arg(struct parse *p, const struct zkp_word *word)
{
	if (p->seen)
		return fail_arg(p, word, arg_word(p->row->arg),
				"words come before the key=value pairs");
	if (p->args == p->row->args_max)
		return fail_usage(p, word->column, "too many words");
	p->args++;
	switch (p->row->arg) {
	case ZKP_ARG_PROTO:
		return read_proto(p, word);
	case ZKP_ARG_NAME:
		return read_name(p, word);
	case ZKP_ARG_NAME_ID:
		return read_name_id(p, word);
	case ZKP_ARG_ID:
		return read_id(p, word);
	case ZKP_ARG_TARGET:
		return read_target(p, word);
	case ZKP_ARG_PATTERN:
		return read_pattern(p, word);
	case ZKP_ARG_WORD:
		return read_ping(p, word);
	case ZKP_ARG_VERB:
		return read_topic(p, word);
	case ZKP_ARG_NONE: /* args_max is 0 */
		break;
	}
	return false;
}

/* -------------------------------------------------------------------- keys */

static bool read_note(struct parse *p, const struct zkp_word *word)
{
	if (word->value_len > ZKP_NOTE_MAX)
		return fail_arg(
		    p, word, word->key,
		    "a note has at most " TEXT(ZKP_NOTE_MAX) " bytes");
	p->rq.note = word->value;
	return true;
}

static bool read_reason(struct parse *p, const struct zkp_word *word)
{
	if (word->value_len > ZKP_NOTE_MAX)
		return fail_arg(
		    p, word, word->key,
		    "a reason has at most " TEXT(ZKP_NOTE_MAX) " bytes");
	p->rq.reason = word->value;
	return true;
}

static bool read_client(struct parse *p, const struct zkp_word *word)
{
	if (word->value_len > ZKP_CLIENT_MAX)
		return fail_arg(
		    p, word, word->key,
		    "a client has at most " TEXT(ZKP_CLIENT_MAX) " bytes");
	p->rq.client = word->value;
	return true;
}

static bool read_lease(struct parse *p, const struct zkp_word *word)
{
	if (strcmp(word->value, "push") != 0)
		return fail_arg(p, word, word->key,
				"lease=push is all there is");
	p->rq.lease_push = true;
	return true;
}

static bool read_mode(struct parse *p, const struct zkp_word *word)
{
	if (strcmp(word->value, "x") != 0 && strcmp(word->value, "s") != 0)
		return fail_arg(p, word, word->key,
				"a mode is x (alone) or s (shared)");
	p->rq.mode = word->value[0] == 's' ? ZKP_MODE_S : ZKP_MODE_X;
	if (p->rq.mode == ZKP_MODE_S && p->rq.slots)
		return fail_arg(p, word, word->key,
				"a semaphore's slots are not shared");
	return true;
}

static bool read_slots(struct parse *p, const struct zkp_word *word)
{
	uint64_t slots;

	if (!zkp_u64_read(word->value, ZKP_SLOTS_MAX, &slots) || !slots)
		return fail_arg(p, word, word->key,
				"slots are a number from 1 to 4096");
	if (p->rq.mode == ZKP_MODE_S)
		return fail_arg(p, word, word->key,
				"a semaphore's slots are not shared");
	p->rq.slots = (uint32_t)slots;
	return true;
}

static bool read_wait(struct parse *p, const struct zkp_word *word)
{
	if (strcmp(word->value, "forever") == 0) {
		p->rq.wait_ms = ZKP_WAIT_FOREVER;
		return true;
	}
	if (!zkp_duration_read(word->value, &p->rq.wait_ms))
		return fail_arg(p, word, word->key,
				"a wait is \"forever\" or a number with ms, s, "
				"m, h or d behind it, at most 3650d");
	return true;
}

static bool read_min_hold(struct parse *p, const struct zkp_word *word)
{
	if (!zkp_duration_read(word->value, &p->rq.min_hold_ms) ||
	    p->rq.min_hold_ms > ZKP_MIN_HOLD_MS_MAX)
		return fail_arg(p, word, word->key,
				"a shortest hold is a number with ms, s, m or "
				"h behind it, at most 1h");
	return true;
}

static bool read_max_hold(struct parse *p, const struct zkp_word *word)
{
	if (!zkp_duration_read(word->value, &p->rq.max_hold_ms) ||
	    p->rq.max_hold_ms == 0)
		return fail_arg(p, word, word->key,
				"a longest hold is a number over 0 with ms, s, "
				"m, h or d behind it, at most 3650d");
	return true;
}

static bool read_token(struct parse *p, const struct zkp_word *word)
{
	if (!zkp_u64_read(word->value, ZKP_TOKEN_MAX, &p->rq.token) ||
	    !p->rq.token)
		return fail_arg(p, word, word->key,
				"a token is a number from 1 to 2^63-1");
	return true;
}

static bool read_sync(struct parse *p, const struct zkp_word *word)
{
	if (strcmp(word->value, "0") != 0 && strcmp(word->value, "1") != 0)
		return fail_arg(p, word, word->key, "sync is 0 or 1");
	p->rq.sync = word->value[0] == '1';
	return true;
}

static bool read_wanted(struct parse *p, const struct zkp_word *word)
{
	if (strcmp(word->value, "0") != 0 && strcmp(word->value, "1") != 0)
		return fail_arg(p, word, word->key, "wanted is 0 or 1");
	p->rq.wanted = word->value[0] == '1';
	return true;
}

static bool read_state(struct parse *p, const struct zkp_word *word)
{
	for (enum zkp_row_state state = ZKP_ROW_HELD; state <= ZKP_ROW_KEPT;
	     state++) {
		if (strcmp(word->value, zkp_row_state_word(state)) == 0) {
			p->rq.state = state;
			return true;
		}
	}
	return fail_arg(p, word, word->key,
			"a state is held, suspended, waiting or kept");
}

static bool read_scope(struct parse *p, const struct zkp_word *word)
{
	p->rq.cluster = strcmp(word->value, "cluster") == 0;
	if (!p->rq.cluster && strcmp(word->value, "local") != 0)
		return fail_arg(p, word, word->key,
				"a scope is local or cluster");
	return true;
}

static bool read_after(struct parse *p, const struct zkp_word *word)
{
	struct zkp_name_fault fault;

	if (!zkp_name_check(word->value, word->value_len, NULL, &fault))
		return fail_arg(p, word, word->key, fault.why);
	p->rq.after = word->value;
	return true;
}

static bool read_key(struct parse *p, enum zkp_key key,
		     const struct zkp_word *word)
{
	switch (key) {
	case ZKP_KEY_CLIENT:
		return read_client(p, word);
	case ZKP_KEY_NOTE:
		return read_note(p, word);
	case ZKP_KEY_LEASE:
		return read_lease(p, word);
	case ZKP_KEY_MODE:
		return read_mode(p, word);
	case ZKP_KEY_SLOTS:
		return read_slots(p, word);
	case ZKP_KEY_WAIT:
		return read_wait(p, word);
	case ZKP_KEY_TOKEN:
		return read_token(p, word);
	case ZKP_KEY_SYNC:
		return read_sync(p, word);
	case ZKP_KEY_STATE:
		return read_state(p, word);
	case ZKP_KEY_SCOPE:
		return read_scope(p, word);
	case ZKP_KEY_AFTER:
		return read_after(p, word);
	case ZKP_KEY_MAX_HOLD:
		return read_max_hold(p, word);
	case ZKP_KEY_MIN_HOLD:
		return read_min_hold(p, word);
	case ZKP_KEY_WANTED:
		return read_wanted(p, word);
	case ZKP_KEY_REASON:
		return read_reason(p, word);
	}
	return false;
}

static bool read_pair(struct parse *p, const struct zkp_word *word)
{
	int key = zkp_key_find(word->key);

	blame(p, word->key);
	if (key < 0 || !(p->row->keys & ZKP_KEY_BIT(key))) {
		p->problem.nearest = zkp_key_nearest(word->key, p->row->keys);
		(void)fail(p, ZKP_ARGS, word->column, "");
		(void)snprintf(p->problem.text, sizeof p->problem.text,
			       "%s takes no %s=", p->row->word, word->key);
		return false;
	}
	if (p->seen & ZKP_KEY_BIT(key))
		return fail(p, ZKP_ARGS, word->column,
			    "this key is there twice");
	p->seen |= ZKP_KEY_BIT(key);
	return read_key(p, (enum zkp_key)key, word);
}

/* -------------------------------------------------------------------- line */

static bool fail_word(struct parse *p, const struct zkp_word_fault *fault)
{
	return fail(p, ZKP_SYNTAX, fault->column, fault->why);
}

/* The first word, or the one behind the tag. */
static bool read_verb(struct parse *p, const struct zkp_word *word)
{
	const struct zkp_verb_row *near;
	size_t letters;

	if (word->key || word->quoted)
		return fail(p, ZKP_SYNTAX, word->column, "a verb comes first");
	letters = zkp_letters_len(word->value);
	if (letters < word->value_len)
		return fail(p, ZKP_SYNTAX, word->column + letters,
			    "a verb is made of letters");
	if (letters > ZKP_VERB_MAX)
		return fail(p, ZKP_SYNTAX, word->column + ZKP_VERB_MAX,
			    VERB_RULE);
	p->row = zkp_verb_find(word->value);
	if (p->row) {
		zkp_request_init(&p->rq, p->row->verb);
		p->rq.tag = p->problem.tag;
		return true;
	}
	near = zkp_verb_nearest(word->value);
	if (near)
		p->problem.nearest = near->word;
	blame(p, word->value);
	return fail(p, ZKP_UNKNOWN, word->column, no_such_verb(near));
}

/* Tag and verb. */
static bool read_head(struct parse *p)
{
	struct zkp_word_fault fault;
	struct zkp_word word;
	enum zkp_word_got got = zkp_words_next(&p->words, false, &word, &fault);

	if (got == ZKP_WORD_ONE && word.column == 1 && !word.quoted &&
	    !word.key && word.value[0] == '#') {
		if (zkp_tag_len(word.value, word.value_len) == 0)
			return fail(p, ZKP_SYNTAX, 1, TAG_RULE);
		p->problem.tag = word.value + 1;
		got = zkp_words_next(&p->words, false, &word, &fault);
		if (got == ZKP_WORD_END)
			return fail(p, ZKP_SYNTAX, p->words.len + 1,
				    "a verb follows the tag");
	}
	if (got == ZKP_WORD_BAD)
		return fail_word(p, &fault);
	return read_verb(p, &word);
}

/* What no word alone can say. */
static bool read_together(struct parse *p)
{
	if (p->rq.max_hold_ms && p->rq.max_hold_ms < p->rq.min_hold_ms) {
		blame(p, zkp_key_word(ZKP_KEY_MAX_HOLD));
		return fail(p, ZKP_ARGS, p->words.len + 1,
			    "max_hold is shorter than min_hold");
	}
	if (p->rq.cluster && p->rq.state != ZKP_ROW_ANY) {
		blame(p, zkp_key_word(ZKP_KEY_STATE));
		return fail(p, ZKP_ARGS, p->words.len + 1,
			    "a state is of this host: not with scope=cluster");
	}
	if (*p->rq.after && !p->rq.cluster) {
		blame(p, zkp_key_word(ZKP_KEY_AFTER));
		return fail(p, ZKP_ARGS, p->words.len + 1,
			    "after= goes with scope=cluster");
	}
	if (p->rq.more_len && (p->rq.slots || p->rq.mode == ZKP_MODE_S)) {
		blame(p,
		      zkp_key_word(p->rq.slots ? ZKP_KEY_SLOTS : ZKP_KEY_MODE));
		return fail(p, ZKP_ARGS, p->words.len + 1,
			    "several names are had exclusively");
	}
	return true;
}

static bool read_args(struct parse *p)
{
	struct zkp_word_fault fault;
	struct zkp_word word;
	enum zkp_word_got got;

	while ((got = zkp_words_next(&p->words, false, &word, &fault)) ==
	       ZKP_WORD_ONE) {
		if (!(word.key ? read_pair(p, &word) : read_arg(p, &word)))
			return false;
	}
	if (got == ZKP_WORD_BAD)
		return fail_word(p, &fault);
	if (p->args < p->row->args_min)
		return fail_usage(p, p->words.len + 1, "something is missing");
	return read_together(p);
}

static bool read_line(struct parse *p, char *line, size_t len)
{
	size_t tag_len = zkp_tag_len(line, len);
	struct zkp_word_fault fault;

	if (!zkp_words_check(line, len, &fault)) {
		if (tag_len > 0) {
			line[1 + tag_len] = '\0';
			p->problem.tag = line + 1;
		}
		return fail_word(p, &fault);
	}
	zkp_words_init(&p->words, line, len);
	return read_head(p) && read_args(p);
}

enum zkp_status zkp_request_parse(char *line, size_t len,
				  struct zkp_request *rq_out,
				  struct zkp_problem *problem_out)
{
	struct parse p = { .problem = { .tag = "" } };

	if (len == 0) {
		zkp_request_init(rq_out, ZKP_VERB_EMPTY);
		return ZKP_OK;
	}
	if (!read_line(&p, line, len)) {
		*problem_out = p.problem;
		return p.problem.status;
	}
	*rq_out = p.rq;
	return ZKP_OK;
}
