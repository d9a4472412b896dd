/* SPDX-License-Identifier: MIT */
/*
 * Any line is a reply or none.  A reply that is written afresh and parsed
 * again is the same reply, and what its getters give fits the grammar.
 */
#include "tests/fuzz/fuzz.h"
#include "tests/unit/proto_vectors.h"

#define OUTCOME_MAX (ZKP_REPLY_LINE_MAX + 64)
/* Each byte may come out as four, and the whole must fit a line. */
#define INPUT_MAX 1500

static void rewrite(const struct zkp_reply *reply, struct zkp_out *out)
{
	switch (reply->class) {
	case ZKP_REPLY_EVENT:
		zkp_out_begin(out, NULL, "*");
		zkp_out_word(out, reply->word);
		break;
	case ZKP_REPLY_ERR:
		zkp_out_begin(out, reply->tag, "ERR");
		zkp_out_word(out, reply->word);
		break;
	case ZKP_REPLY_ROW:
	case ZKP_REPLY_QUEUED:
	case ZKP_REPLY_FINAL:
		zkp_out_begin(out, reply->tag, reply->word);
		break;
	}
	for (size_t i = 0; i < reply->args_len; i++)
		zkp_out_word(out, reply->args[i]);
	for (size_t i = 0; i < reply->pairs_len; i++)
		zkp_out_bytes(out, reply->pairs[i].key, reply->pairs[i].value,
			      reply->pairs[i].value_len);
	if (*reply->text)
		zkp_out_text(out, reply->text);
	MUST(zkp_out_end(out));
}

static void ask(const struct zkp_reply *reply)
{
	struct zkp_grant grant;
	enum zkp_event event;
	uint64_t u64;
	int64_t i64;

	for (size_t i = 0; i < reply->pairs_len; i++) {
		const char *key = reply->pairs[i].key;

		MUST(strlen(key) >= 1 && strlen(key) <= ZKP_KEY_MAX);
		MUST(strlen(reply->pairs[i].value) ==
		     reply->pairs[i].value_len);
		MUST(zkp_reply_str(reply, key) != NULL);
		(void)zkp_reply_u64(reply, key, &u64);
		(void)zkp_reply_i64(reply, key, &i64);
		(void)zkp_reply_hex(reply, key, &u64);
		if (zkp_reply_id(reply, key, &u64))
			MUST(u64 >= 1 && u64 <= ZKP_ID_MAX);
	}
	if (zkp_grant_read(reply, &grant))
		MUST(grant.id >= 1 && *grant.name && grant.mode && grant.node);
	(void)zkp_event_find(reply->word, &event);
}

/* Written afresh and read once more. */
static void settle(const struct zkp_reply *reply, char *outcome, size_t size)
{
	static char wire[ZKP_REPLY_LINE_MAX + 1];
	struct zkp_reply back;
	struct zkp_out out;
	char *line;

	zkp_out_init(&out, wire, sizeof wire);
	rewrite(reply, &out);
	line = fuzz_copy(wire, out.len - 1, 1);
	MUST(zkp_reply_parse(line, out.len - 1, &back) == ZKP_OK);
	reply_show(&back, outcome, size);
	free(line);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	static char first[OUTCOME_MAX], second[OUTCOME_MAX];
	struct zkp_reply reply;
	char *line;

	if (len > INPUT_MAX)
		len = INPUT_MAX;
	line = fuzz_copy(bytes, len, 1);
	if (zkp_reply_parse(line, len, &reply) == ZKP_OK) {
		ask(&reply);
		reply_show(&reply, first, sizeof first);
		settle(&reply, second, sizeof second);
		MUST(strcmp(first, second) == 0);
	}
	free(line);
	return 0;
}
