/* SPDX-License-Identifier: MIT */
/* reply - what the library reads; see reply.h.  reply_write.c writes it. */
#include "proto/reply.h"

#include <string.h>

#include "proto/number.h"
#include "proto/word.h"

/* The next word, if it is a plain one. */
static bool bare_next(struct zkp_words *words, struct zkp_word *word_out)
{
	struct zkp_word_fault fault;

	return zkp_words_next(words, false, word_out, &fault) == ZKP_WORD_ONE &&
	       !word_out->key && !word_out->quoted;
}

/* Only these decide what a line is: a later version's are letters too. */
static bool is_letters(const char *word)
{
	return word[zkp_letters_len(word)] == '\0';
}

/* "-", "*", "QUEUED", "ERR CODE" or a final word. */
static bool read_class(struct zkp_words *words, struct zkp_reply *reply)
{
	struct zkp_word word;

	if (!bare_next(words, &word))
		return false;
	reply->word = word.value;
	if (strcmp(word.value, "-") == 0) {
		reply->class = ZKP_REPLY_ROW;
		return true;
	}
	if (strcmp(word.value, "QUEUED") == 0) {
		reply->class = ZKP_REPLY_QUEUED;
		return true;
	}
	if (strcmp(word.value, "*") != 0 && strcmp(word.value, "ERR") != 0) {
		reply->class = ZKP_REPLY_FINAL;
		return is_letters(word.value);
	}
	reply->class = word.value[0] == '*' ? ZKP_REPLY_EVENT : ZKP_REPLY_ERR;
	if (!bare_next(words, &word) || !is_letters(word.value))
		return false;
	reply->word = word.value;
	if (reply->class == ZKP_REPLY_EVENT)
		return *reply->tag == '\0';
	if (!zkp_status_find(reply->word, &reply->status) ||
	    reply->status == ZKP_OK)
		reply->status = ZKP_INTERNAL;
	return true;
}

static bool add_word(struct zkp_reply *reply, const struct zkp_word *word)
{
	if (!word->key) {
		if (reply->args_len == ZKP_REPLY_ARGS_MAX)
			return false;
		reply->args[reply->args_len++] = word->value;
		return true;
	}
	if (reply->pairs_len == ZKP_REPLY_ARGS_MAX)
		return false;
	reply->pairs[reply->pairs_len++] = (struct zkp_pair){
		.key = word->key,
		.value = word->value,
		.value_len = word->value_len,
	};
	return true;
}

static bool read_rest(struct zkp_words *words, struct zkp_reply *reply)
{
	struct zkp_word_fault fault;
	struct zkp_word word;

	for (;;) {
		switch (zkp_words_next(words, true, &word, &fault)) {
		case ZKP_WORD_END:
			return true;
		case ZKP_WORD_BAD:
			return false;
		case ZKP_WORD_TEXT:
			reply->text = word.value;
			break;
		case ZKP_WORD_ONE:
			if (!add_word(reply, &word))
				return false;
			break;
		}
	}
}

/* Steps over "#tag " if it is there. */
static bool read_tag(struct zkp_words *words, struct zkp_reply *reply)
{
	struct zkp_word word;

	if (words->line[0] != '#')
		return true;
	if (zkp_tag_len(words->line, words->len) == 0)
		return false;
	if (!bare_next(words, &word))
		return false;
	reply->tag = word.value + 1;
	return true;
}

enum zkp_status zkp_reply_parse(char *line, size_t len,
				struct zkp_reply *reply_out)
{
	struct zkp_word_fault fault;
	struct zkp_words words;
	struct zkp_reply reply;

	reply.status = ZKP_OK;
	reply.tag = "";
	reply.text = "";
	reply.args_len = 0;
	reply.pairs_len = 0;
	if (!zkp_words_check(line, len, &fault))
		return ZKP_SYNTAX;
	zkp_words_init(&words, line, len);
	if (!read_tag(&words, &reply) || !read_class(&words, &reply) ||
	    !read_rest(&words, &reply))
		return ZKP_SYNTAX;
	*reply_out = reply;
	return ZKP_OK;
}

const char *zkp_reply_arg(const struct zkp_reply *reply, size_t index)
{
	return index < reply->args_len ? reply->args[index] : "";
}

const char *zkp_reply_str(const struct zkp_reply *reply, const char *key)
{
	for (size_t i = 0; i < reply->pairs_len; i++) {
		if (strcmp(reply->pairs[i].key, key) == 0)
			return reply->pairs[i].value;
	}
	return NULL;
}

bool zkp_reply_u64(const struct zkp_reply *reply, const char *key,
		   uint64_t *value_out)
{
	const char *value = zkp_reply_str(reply, key);

	return value && zkp_u64_read(value, UINT64_MAX, value_out);
}

bool zkp_reply_i64(const struct zkp_reply *reply, const char *key,
		   int64_t *value_out)
{
	const char *value = zkp_reply_str(reply, key);

	return value && zkp_i64_read(value, value_out);
}

bool zkp_reply_hex(const struct zkp_reply *reply, const char *key,
		   uint64_t *value_out)
{
	const char *value = zkp_reply_str(reply, key);

	return value && zkp_hex_read(value, value_out);
}

bool zkp_reply_id(const struct zkp_reply *reply, const char *key,
		  uint64_t *id_out)
{
	const char *value = zkp_reply_str(reply, key);
	uint64_t id;

	if (!value || value[0] != '@' ||
	    !zkp_u64_read(value + 1, ZKP_ID_MAX, &id) || id == 0)
		return false;
	*id_out = id;
	return true;
}

bool zkp_grant_read(const struct zkp_reply *reply, struct zkp_grant *grant_out)
{
	struct zkp_grant grant = { .name = zkp_reply_arg(reply, 0) };
	uint64_t dev = 0, slots = 0;

	if (reply->class != ZKP_REPLY_FINAL ||
	    strcmp(reply->word, "GRANTED") != 0 || !*grant.name ||
	    !zkp_reply_id(reply, "id", &grant.id) ||
	    !zkp_reply_u64(reply, "token", &grant.token) ||
	    !zkp_reply_u64(reply, "gen", &grant.gen) ||
	    !zkp_reply_i64(reply, "until_ms", &grant.until_ms) ||
	    !zkp_reply_i64(reply, "valid_ms", &grant.valid_ms) ||
	    !zkp_reply_i64(reply, "waited_ms", &grant.waited_ms))
		return false;
	(void)zkp_reply_i64(reply, "max_until_ms", &grant.max_until_ms);
	if (zkp_reply_u64(reply, "slots", &slots) && slots <= ZKP_SLOTS_MAX)
		grant.slots = (uint32_t)slots;
	grant.mode = zkp_reply_str(reply, "mode");
	grant.node = zkp_reply_str(reply, "node");
	if (!grant.mode)
		grant.mode = "x";
	if (!grant.node)
		grant.node = "";
	grant.dev = zkp_reply_u64(reply, "dev", &dev) && dev == 1;
	*grant_out = grant;
	return true;
}
