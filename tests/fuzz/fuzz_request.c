/* SPDX-License-Identifier: MIT */
/*
 * Any line is a request or one readable ERR.  A request that is written and
 * parsed again is the same request; the ERR carries the column and the tag.
 */
#include "proto/utf8.h"
#include "tests/fuzz/fuzz.h"
#include "tests/unit/proto_vectors.h"

#define OUTCOME_MAX 8192

static void must_be_safe(const char *bytes, size_t len)
{
	size_t step;

	for (size_t i = 0; i < len; i += step) {
		step = zkp_utf8_len(bytes + i, len - i);
		MUST(step > 0);
		MUST(zkp_utf8_is_showable(bytes + i, step));
	}
}

static void good(const struct zkp_request *rq)
{
	char first[OUTCOME_MAX], second[OUTCOME_MAX];
	char wire[ZKP_LINE_MAX + 1];
	struct zkp_problem problem;
	struct zkp_request back;
	struct zkp_out out;
	char *line;

	MUST(strlen(rq->name) <= ZKP_NAME_MAX);
	MUST(strlen(rq->note) <= ZKP_NOTE_MAX);
	MUST(strlen(rq->client) <= ZKP_CLIENT_MAX);
	MUST(strlen(rq->word) <= ZKP_PING_MAX);
	MUST(strlen(rq->tag) <= ZKP_TAG_MAX);
	MUST(rq->wait_ms >= ZKP_WAIT_FOREVER && rq->wait_ms <= ZKP_WAIT_MS_MAX);
	request_show(rq, first, sizeof first);
	zkp_out_init(&out, wire, sizeof wire);
	MUST(zkp_request_write(&out, rq));
	must_be_safe(wire, out.len - 1);
	line = fuzz_copy(wire, out.len - 1, 1);
	MUST(zkp_request_parse(line, out.len - 1, &back, &problem) == ZKP_OK);
	request_show(&back, second, sizeof second);
	MUST(strcmp(first, second) == 0);
	free(line);
}

static void bad(const struct zkp_problem *problem, size_t len)
{
	char wire[ZKP_REPLY_LINE_MAX + 1];
	struct zkp_reply reply;
	struct zkp_out out;
	uint64_t column;

	MUST(problem->column >= 1 && problem->column <= len + 1);
	MUST(*problem->text);
	zkp_out_init(&out, wire, sizeof wire);
	MUST(zkp_err_problem(&out, problem));
	must_be_safe(wire, out.len - 1);
	MUST(zkp_reply_parse(wire, out.len - 1, &reply) == ZKP_OK);
	MUST(reply.class == ZKP_REPLY_ERR && reply.status == problem->status);
	MUST(strcmp(reply.tag, problem->tag) == 0);
	MUST(zkp_reply_u64(&reply, "column", &column));
	MUST(column == problem->column);
}

int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t len)
{
	char *line = fuzz_copy(bytes, len, 1);
	struct zkp_problem problem;
	struct zkp_request rq;

	if (zkp_request_parse(line, len, &rq, &problem) == ZKP_OK)
		good(&rq);
	else
		bad(&problem, len);
	free(line);
	return 0;
}
