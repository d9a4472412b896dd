/* SPDX-License-Identifier: MIT */
/*
 * limits - the bounds that both ends of the socket may count on.
 *
 * Only what the contract itself promises stands here.  What an operator may
 * set (connections, tickets, output) is a row of the daemon's configuration.
 * PROTOCOL.md shows every number of this page.
 */
#ifndef PROTO_LIMITS_H
#define PROTO_LIMITS_H

#include <stdint.h>

/* The integer that HELLO speaks.  Additions keep it, a break raises it. */
#define ZKP_PROTO_VERSION 1

/* Bytes of a request line without its CR and LF: one page holds the longest
 * name, note and client, every byte escaped, and still has room. */
#define ZKP_LINE_MAX 4096
/* What a reader's buffer must hold beyond the line itself: CR and LF. */
#define ZKP_LINE_END_MAX 2

/* Bytes of a reply or event line without its LF: a row may show a node path
 * and three strings of people, each byte of them escaped to four. */
#define ZKP_REPLY_LINE_MAX 8192

/* Bytes of a lock name: the longest file name of common file systems, so that
 * a name that works as a file works as a lock. */
#define ZKP_NAME_MAX 255
/* A name as one znode component: each "/" becomes three bytes. */
#define ZKP_COMPONENT_MAX (3 * ZKP_NAME_MAX)

/* Bytes of note=, after its escapes are undone: a sentence, not a document;
 * it is kept in memory for each ticket and written into the bid's node. */
#define ZKP_NOTE_MAX 256
/* Bytes of client=: the name of a program. */
#define ZKP_CLIENT_MAX 128
/* Bytes of the word that PING gives back. */
#define ZKP_PING_MAX 256
/* Names of one LOCK: each is a node of one transaction. */
#define ZKP_NAMES_MAX 16
/* Slots of a semaphore.  Whoever waits for one lists all leases: 4096 of them
 * are a fifth of the largest answer that ZooKeeper gives. */
#define ZKP_SLOTS_MAX 4096

/* Characters of a tag after its "#": an uuid without dashes fits. */
#define ZKP_TAG_MAX 32
/* Letters of a verb, and of any longer first word that is none. */
#define ZKP_VERB_MAX 16
/* Characters of a key. */
#define ZKP_KEY_MAX 32
/* Words and pairs behind the verb. */
#define ZKP_ARGS_MAX 32
/* Words, and likewise pairs, that a reader of replies has room for: more than
 * any reply has today, so that old readers survive new keys. */
#define ZKP_REPLY_ARGS_MAX 64

/* Bytes of a problem told to a person. */
#define ZKP_TEXT_MAX 160

/* Longest wait= in milliseconds, ten years: added to any clock it stays far
 * inside 64 bits, and who wants longer means forever. */
#define ZKP_WAIT_MS_MAX INT64_C(315360000000)
/* Longest min_hold=: who let go of a lock cannot be asked to give it up any
 * more, and clocks of hosts that run the same jobs differ by less. */
#define ZKP_MIN_HOLD_MS_MAX INT64_C(3600000)
/* Neither end ever gives this as a real wait. */
#define ZKP_WAIT_FOREVER INT64_C(-1)

/* Tokens and ids are positive and fit a signed 64-bit column (SQL BIGINT). */
#define ZKP_TOKEN_MAX INT64_MAX
#define ZKP_ID_MAX    INT64_MAX

_Static_assert(4 * (ZKP_NOTE_MAX + ZKP_CLIENT_MAX) + ZKP_NAME_MAX <
		   ZKP_LINE_MAX,
	       "a request with every string at its longest fits a line");

#endif
