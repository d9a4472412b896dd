/* SPDX-License-Identifier: MIT */
/*
 * request - a request line into a struct, and back.
 *
 * The daemon parses, the library writes; what is written parses to the same.
 * Judges spelling only: whether a name is allowed, an id exists or a token is
 * stale is decided elsewhere.
 */
#ifndef PROTO_REQUEST_H
#define PROTO_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"
#include "proto/mode.h"
#include "proto/name.h"
#include "proto/out.h"
#include "proto/problem.h"
#include "proto/status.h"
#include "proto/verb.h"

/* The state= of LIST, as filter and as word of its rows. */
enum zkp_row_state {
	ZKP_ROW_ANY, /* filter only: no state= */
	ZKP_ROW_HELD,
	ZKP_ROW_SUSPENDED, /* held, while the session is in doubt */
	ZKP_ROW_WAITING,   /* wanted here, held by nobody here */
	ZKP_ROW_KEPT,      /* released, and kept by its min_hold */
};

/*
 * Strings are NUL-terminated, never NULL ("" when not given) and borrowed:
 * after a parse from the line, for a write from the caller.  They may hold
 * control bytes and bytes that are no UTF-8 (by \xHH), but never a NUL: show
 * them through zkp_out_*() only.
 */
struct zkp_request {
	enum zkp_verb verb;
	enum zkp_name_kind name_kind; /* of name */
	enum zkp_mode mode;           /* LOCK TRYLOCK */
	enum zkp_row_state state;     /* LIST */
	const char *tag;              /* without "#" */
	const char *name; /* LOCK TRYLOCK UNLOCK CANCEL CHECK; "" with id */
	const char *more[ZKP_NAMES_MAX - 1]; /* LOCK TRYLOCK: names behind it */
	size_t more_len;
	const char *target;  /* CANCEL #tag, without "#" */
	const char *note;    /* HELLO LOCK TRYLOCK */
	const char *reason;  /* REVOKE KICK */
	const char *client;  /* HELLO */
	const char *pattern; /* LIST WATCH; "" means all */
	const char *after;   /* LIST scope=cluster; "" from the first on */
	bool cluster;        /* LIST scope=cluster */
	const char *word;    /* PING */
	const struct zkp_verb_row *topic; /* HELP; NULL means all */
	uint64_t id;         /* UNLOCK CANCEL CHECK KICK; 0 when not given */
	uint64_t token;      /* UNLOCK CHECK; 0 when not given */
	int64_t wait_ms;     /* LOCK, ZKP_WAIT_FOREVER by default; TRYLOCK 0 */
	int64_t min_hold_ms; /* LOCK TRYLOCK; 0 when not given */
	int64_t max_hold_ms; /* likewise, and not under min_hold_ms */
	uint32_t slots;      /* LOCK TRYLOCK: of a semaphore; 0: a lock */
	unsigned proto;      /* HELLO; ZKP_PROTO_VERSION when not given */
	bool lease_push;     /* HELLO lease=push */
	bool sync;           /* CHECK sync=1 */
	bool wanted;         /* LOCK TRYLOCK wanted=1 */
};

/* Everything at its default: the verb, and all strings "". */
void zkp_request_init(struct zkp_request *rq, enum zkp_verb verb);

/*
 * One line without its end, as zkp_line_take() hands it out.  line is written
 * in (words are unescaped in place; line[len] is made a NUL), and both outputs
 * borrow from it.  ZKP_OK writes rq_out, everything else writes problem_out.
 */
enum zkp_status zkp_request_parse(char *line, size_t len,
				  struct zkp_request *rq_out,
				  struct zkp_problem *problem_out);

/*
 * Appends the line, with its LF, to out.  Only what the verb can carry and
 * what differs from the default is written.  False, with out as it was, when
 * it does not fit, or the line would be over ZKP_LINE_MAX; the strings must
 * be valid ones (zkp_name_check() and the limits), else it will not parse.
 */
bool zkp_request_write(struct zkp_out *out, const struct zkp_request *rq);

/* "held" and so on ("" for ZKP_ROW_ANY). */
const char *zkp_row_state_word(enum zkp_row_state state);

#endif
