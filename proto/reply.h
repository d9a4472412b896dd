/* SPDX-License-Identifier: MIT */
/*
 * reply - reply and event lines: what they say, written and read.
 *
 * The first word after the tag decides the class.  Readers pass over keys and
 * events that they do not know.
 */
#ifndef PROTO_REPLY_H
#define PROTO_REPLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"
#include "proto/out.h"
#include "proto/problem.h"
#include "proto/status.h"
#include "proto/verb.h"

/* ------------------------------------------------------------- writing -- */

/*
 * A line is begun, filled by zkp_out_*() and ended by zkp_out_end():
 *
 *	zkp_out_begin(&out, rq.tag, "RELEASED");
 *	zkp_out_word(&out, name);
 *	zkp_out_id(&out, "id", id);
 *	zkp_out_i64(&out, "held_ms", held_ms);
 *	if (!zkp_out_end(&out))
 *		...did not fit; out holds the lines before it...
 *
 * First words: "-" a row, "QUEUED", "*" an event (use zkp_event_begin),
 * anything else is final.
 */

/* "#tag ERR CODE"; go on with pairs, end with zkp_err_end(). */
void zkp_err_begin(struct zkp_out *out, const char *tag,
		   enum zkp_status status);
/* " :text" (NULL: the status' own sentence) and the end. */
bool zkp_err_end(struct zkp_out *out, enum zkp_status status, const char *text);
/* Both at once, for an error that has no pairs. */
bool zkp_err(struct zkp_out *out, const char *tag, enum zkp_status status);

/* The whole ERR line of a request that did not parse. */
bool zkp_err_problem(struct zkp_out *out, const struct zkp_problem *problem);

/* X(symbol, word, what it says, for people) */
#define ZKP_EVENT_MAP(X)                                              \
	X(ZKP_EVENT_SUSPENDED, "SUSPENDED",                           \
	  "in doubt, still yours until then")                         \
	X(ZKP_EVENT_RESUMED, "RESUMED", "proven again in time")       \
	X(ZKP_EVENT_LEASE, "LEASE", "the deadline moved")             \
	X(ZKP_EVENT_LOST, "LOST", "one hold has ended: stop now")     \
	X(ZKP_EVENT_DRAINING, "DRAINING", "the daemon is going away") \
	X(ZKP_EVENT_WANTED, "WANTED", "somebody waits behind you")    \
	X(ZKP_EVENT_REVOKE, "REVOKE", "somebody wants it back")       \
	X(ZKP_EVENT_HELD, "HELD", "watched: granted")                 \
	X(ZKP_EVENT_FREED, "FREED", "watched: the hold has ended")    \
	X(ZKP_EVENT_QUEUE, "QUEUE", "watched: who waits has changed") \
	X(ZKP_EVENT_DROPPED, "DROPPED", "watched: lines left out")    \
	X(ZKP_EVENT_BYE, "BYE", "the connection ends here")

enum zkp_event {
#define X(sym, word, text) sym,
	ZKP_EVENT_MAP(X)
#undef X
};

#define ZKP_EVENT_ONE(sym, word, text) +1
#define ZKP_EVENT_COUNT                (0 ZKP_EVENT_MAP(ZKP_EVENT_ONE))

const char *zkp_event_word(enum zkp_event event);
/* False, and nothing written, for an event that this version does not know:
 * readers pass over those. */
bool zkp_event_find(const char *word, enum zkp_event *event_out);

/* "* WORD"; events are never tagged. */
void zkp_event_begin(struct zkp_out *out, enum zkp_event event);

/* All rows of HELP and its final OK; topic NULL: one row a verb. */
bool zkp_reply_help(struct zkp_out *out, const char *tag,
		    const struct zkp_verb_row *topic);

/* What GRANTED says, for both ends. */
struct zkp_grant {
	const char *name;
	const char *mode; /* "x" */
	uint32_t slots;   /* of a semaphore; 0: a lock */
	const char *node; /* znode path; "" when there is none to name */
	uint64_t id;
	uint64_t token;
	uint64_t gen; /* of the session: believe only a page with this gen */
	int64_t until_ms; /* CLOCK_BOOTTIME */
	int64_t valid_ms; /* the same as a span, for people */
	int64_t waited_ms;
	int64_t max_until_ms; /* over then, whatever the page says; 0: no */
	bool dev;             /* granted by a coordinator of one host */
};

bool zkp_grant_write(struct zkp_out *out, const char *tag,
		     const struct zkp_grant *grant);

/* ------------------------------------------------------------- reading -- */

enum zkp_reply_class {
	ZKP_REPLY_ROW,    /* "-": more of this reply follows */
	ZKP_REPLY_QUEUED, /* the final line comes later */
	ZKP_REPLY_ERR,    /* final, failure */
	ZKP_REPLY_FINAL,  /* final, success: word says what happened */
	ZKP_REPLY_EVENT,  /* "*": never a reply, never tagged */
};

struct zkp_pair {
	const char *key;
	const char *value;
	size_t value_len;
};

/* Strings are NUL-terminated and borrowed from the line. */
struct zkp_reply {
	enum zkp_reply_class class;
	enum zkp_status status; /* ERR: its code, ZKP_INTERNAL when unknown */
	const char *tag;        /* without "#"; "" when there is none */
	/* FINAL: "OK", "GRANTED"...; EVENT: "LOST"...; ERR: the code as it
	 * was written; ROW: "-"; QUEUED: "QUEUED". */
	const char *word;
	const char *args[ZKP_REPLY_ARGS_MAX]; /* words behind that one */
	size_t args_len;
	struct zkp_pair pairs[ZKP_REPLY_ARGS_MAX];
	size_t pairs_len;
	const char
	    *text; /* behind " :"; "" when there is none; not unescaped */
};

/* Like zkp_request_parse(): the line is written in.  ZKP_OK, or ZKP_SYNTAX
 * and nothing written to reply_out. */
enum zkp_status zkp_reply_parse(char *line, size_t len,
				struct zkp_reply *reply_out);

/* The args_len'th word or "" when there are fewer. */
const char *zkp_reply_arg(const struct zkp_reply *reply, size_t index);
/* A pair's value, of the first with that key; NULL when there is none. */
const char *zkp_reply_str(const struct zkp_reply *reply, const char *key);
/* Numbers: false, and nothing written, when absent or not one. */
bool zkp_reply_u64(const struct zkp_reply *reply, const char *key,
		   uint64_t *value_out);
bool zkp_reply_i64(const struct zkp_reply *reply, const char *key,
		   int64_t *value_out);
bool zkp_reply_hex(const struct zkp_reply *reply, const char *key,
		   uint64_t *value_out); /* 0x1f */
bool zkp_reply_id(const struct zkp_reply *reply, const char *key,
		  uint64_t *id_out); /* @7 */

/* False, and nothing written, unless this is a whole GRANTED. */
bool zkp_grant_read(const struct zkp_reply *reply, struct zkp_grant *grant_out);

#endif
