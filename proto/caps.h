/* SPDX-License-Identifier: MIT */
/*
 * caps - what a daemon can beyond LOCK and UNLOCK of one name, as words of
 * HELLO: a client that meets an older daemon finds out before it asks.
 *
 * Words are only added; what is not said is not there.
 */
#ifndef PROTO_CAPS_H
#define PROTO_CAPS_H

#include <stddef.h>

/* X(symbol, word, what can be asked for) */
#define ZKP_CAP_MAP(X)                                    \
	X(ZKP_CAP_SHARED, "shared", "mode=s, DOWNGRADE")  \
	X(ZKP_CAP_SLOTS, "slots", "slots=N")              \
	X(ZKP_CAP_SEVERAL, "several", "LOCK a b c")       \
	X(ZKP_CAP_HOLDS, "holds", "min_hold=, max_hold=") \
	X(ZKP_CAP_WAIT, "wait", "WAIT")                   \
	X(ZKP_CAP_WANTED, "wanted", "wanted=1")           \
	X(ZKP_CAP_REVOKE, "revoke", "REVOKE, KICK")       \
	X(ZKP_CAP_WHO, "who", "WHO, LIST scope=cluster")  \
	X(ZKP_CAP_WATCH, "watch", "WATCH, UNWATCH")

enum zkp_cap {
#define X(sym, word, text) sym,
	ZKP_CAP_MAP(X)
#undef X
};

#define ZKP_CAP_ONE(sym, word, text) +1
#define ZKP_CAP_COUNT                (0 ZKP_CAP_MAP(ZKP_CAP_ONE))

const char *zkp_cap_word(enum zkp_cap cap);

/* All words with commas between: the value of caps=. */
const char *zkp_caps_all(void);

#endif
