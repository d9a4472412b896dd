/* SPDX-License-Identifier: MIT */
/*
 * status - every way a request can end: a symbol for C, a word for the wire,
 * a sentence for people.
 *
 * One row says all three; PROTOCOL.md has the same rows, and a test holds the
 * two together.  Words are for ever: a row is added, never renamed.
 */
#ifndef PROTO_STATUS_H
#define PROTO_STATUS_H

#include <stdbool.h>

/* X(symbol, wire word, one line for people) */
#define ZKP_STATUS_MAP(X)                                                      \
	X(ZKP_OK, "OK", "done")                                                \
	X(ZKP_SYNTAX, "SYNTAX", "the line does not follow the grammar")        \
	X(ZKP_UNKNOWN, "UNKNOWN", "there is no such verb")                     \
	X(ZKP_ARGS, "ARGS", "an argument is missing or bad")                   \
	X(ZKP_NAME, "NAME", "this cannot be the name of a lock")               \
	X(ZKP_TOOLONG, "TOOLONG", "the line is too long and was skipped")      \
	X(ZKP_BUSY, "BUSY", "somebody else has the lock")                      \
	X(ZKP_TIMEOUT, "TIMEOUT", "the wait ran out before the lock was free") \
	X(ZKP_CANCELLED, "CANCELLED", "the wait was called off")               \
	X(ZKP_HELD, "HELD", "this connection has or wants this lock already")  \
	X(ZKP_NOTHELD, "NOTHELD", "this connection does not hold that")        \
	X(ZKP_NOTFOUND, "NOTFOUND", "there is no such lock, id or tag")        \
	X(ZKP_LIMIT, "LIMIT", "a limit refused the request")                   \
	X(ZKP_DENIED, "DENIED", "you are not allowed to do this")              \
	X(ZKP_UNAVAILABLE, "UNAVAILABLE", "there is no ZooKeeper session")     \
	X(ZKP_SUSPENDED, "SUSPENDED", "the session is in doubt: no grants")    \
	X(ZKP_LOST, "LOST", "the hold has ended: others may have the lock")    \
	X(ZKP_DRAINING, "DRAINING", "the daemon is going away")                \
	X(ZKP_VERSION, "VERSION", "this protocol version is not spoken here")  \
	X(ZKP_KIND, "KIND", "the name is used in another way")                 \
	X(ZKP_DEADLOCK, "DEADLOCK", "each would wait for the other for ever")  \
	X(ZKP_ZK, "ZK", "ZooKeeper refused")                                   \
	X(ZKP_INTERNAL, "INTERNAL", "this is a bug in zklockd: please report")

enum zkp_status {
#define X(sym, word, text) sym,
	ZKP_STATUS_MAP(X)
#undef X
};

/* How many there are: a status is 0 .. ZKP_STATUS_COUNT - 1. */
#define ZKP_STATUS_ONE(sym, word, text) +1
#define ZKP_STATUS_COUNT                (0 ZKP_STATUS_MAP(ZKP_STATUS_ONE))

/* Static texts; a status outside of the table is our own mistake (assert). */
const char *zkp_status_word(enum zkp_status status);
const char *zkp_status_sentence(enum zkp_status status);
/* The status of an exact wire word; false (nothing written) when unknown. */
bool zkp_status_find(const char *word, enum zkp_status *status_out);

#endif
