/* SPDX-License-Identifier: MIT */
/*
 * token - fencing tokens: what a number says that a resource may compare.
 *
 *	token = epoch << 43 | counter << 11 | turn
 *
 * epoch and counter are the two halves of the czxid of the bid's node, turn
 * counts the grants of that bid.  A positive 63-bit integer (SQL BIGINT).
 * Pure arithmetic: knows neither bids nor locks.
 */
#ifndef DAEMON_TOKEN_H
#define DAEMON_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#define TOKEN_TURN_BITS    11
#define TOKEN_TURN_MAX     ((1U << TOKEN_TURN_BITS) - 1)
#define TOKEN_COUNTER_BITS 32
/* Epochs from here on do not fit 63 bits: a million elections. */
#define TOKEN_EPOCH_END (INT64_C(1) << 20)

/* The token of turn 0 of a bid; the token of turn t is that plus t.  False,
 * and nothing written, when the czxid is none or its epoch does not fit. */
bool token_base(int64_t czxid, uint64_t *base_out);

#endif
