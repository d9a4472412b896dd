/* SPDX-License-Identifier: MIT */
/*
 * verb - the table of verbs and of the keys that each may carry.
 *
 * One row a verb: the parser, HELP, the docs check and the fuzz seeds read
 * it.  It knows spellings, not meanings.
 */
#ifndef PROTO_VERB_H
#define PROTO_VERB_H

#include <stddef.h>
#include <stdint.h>

enum zkp_verb {
	ZKP_VERB_EMPTY, /* an empty line: who is there? */
	ZKP_VERB_HELLO,
	ZKP_VERB_LOCK,
	ZKP_VERB_TRYLOCK,
	ZKP_VERB_WAIT,
	ZKP_VERB_UNLOCK,
	ZKP_VERB_DOWNGRADE,
	ZKP_VERB_CANCEL,
	ZKP_VERB_CHECK,
	ZKP_VERB_LIST,
	ZKP_VERB_WHO,
	ZKP_VERB_STATUS,
	ZKP_VERB_STATS,
	ZKP_VERB_WATCH,
	ZKP_VERB_UNWATCH,
	ZKP_VERB_REVOKE,
	ZKP_VERB_KICK,
	ZKP_VERB_VERSION,
	ZKP_VERB_PING,
	ZKP_VERB_HELP,
	ZKP_VERB_QUIT,
};

/* X(symbol, word) - the keys of requests. */
#define ZKP_KEY_MAP(X)                  \
	X(ZKP_KEY_CLIENT, "client")     \
	X(ZKP_KEY_NOTE, "note")         \
	X(ZKP_KEY_LEASE, "lease")       \
	X(ZKP_KEY_MODE, "mode")         \
	X(ZKP_KEY_SLOTS, "slots")       \
	X(ZKP_KEY_WAIT, "wait")         \
	X(ZKP_KEY_TOKEN, "token")       \
	X(ZKP_KEY_SYNC, "sync")         \
	X(ZKP_KEY_STATE, "state")       \
	X(ZKP_KEY_SCOPE, "scope")       \
	X(ZKP_KEY_AFTER, "after")       \
	X(ZKP_KEY_MAX_HOLD, "max_hold") \
	X(ZKP_KEY_MIN_HOLD, "min_hold") \
	X(ZKP_KEY_WANTED, "wanted")     \
	X(ZKP_KEY_REASON, "reason")

enum zkp_key {
#define X(sym, word) sym,
	ZKP_KEY_MAP(X)
#undef X
};

#define ZKP_KEY_ONE(sym, word) +1
#define ZKP_KEY_COUNT          (0 ZKP_KEY_MAP(ZKP_KEY_ONE))
/* A set of keys, one bit each. */
#define ZKP_KEY_BIT(key) (UINT32_C(1) << (unsigned)(key))

/* What the one word behind a verb may be. */
enum zkp_arg {
	ZKP_ARG_NONE,
	ZKP_ARG_PROTO, /* HELLO 1 */
	ZKP_ARG_NAME,
	ZKP_ARG_NAME_ID, /* name|@id */
	ZKP_ARG_ID,
	ZKP_ARG_TARGET, /* #tag|@id|name */
	ZKP_ARG_PATTERN,
	ZKP_ARG_WORD,
	ZKP_ARG_VERB,
};

struct zkp_verb_row {
	enum zkp_verb verb;
	const char *word;
	unsigned args_min; /* words behind the verb, not counting pairs */
	unsigned args_max;
	enum zkp_arg arg;
	uint32_t keys;       /* ZKP_KEY_BIT of each that is allowed */
	const char *usage;   /* what stands behind the verb; "" for nothing */
	const char *help;    /* one line */
	const char *example; /* a whole line */
};

/* Rows 0 .. zkp_verb_count() - 1, in the order HELP shows them; the empty
 * line is not among them.  NULL past the end. */
size_t zkp_verb_count(void);
const struct zkp_verb_row *zkp_verb_at(size_t index);
/* In any case of letters; NULL when there is none. */
const struct zkp_verb_row *zkp_verb_find(const char *word);
/* The row of a verb; NULL for ZKP_VERB_EMPTY. */
const struct zkp_verb_row *zkp_verb_row(enum zkp_verb verb);
/* The verb that was probably meant; NULL when nothing is near. */
const struct zkp_verb_row *zkp_verb_nearest(const char *word);

const char *zkp_key_word(enum zkp_key key);
/* The key spelled like this (keys are lower case); -1 when there is none. */
int zkp_key_find(const char *word);
/* The word among those in the set that was probably meant, or NULL. */
const char *zkp_key_nearest(const char *word, uint32_t set);

#endif
