/* SPDX-License-Identifier: MIT */
/*
 * environ - what a child is told about the lock it runs under, and what we
 * are told about the locks that our own ancestors hold.
 *
 * With several names NAME, ID, TOKEN and NODE are lists with blanks between, in
 * one order.  $ZKLOCK_HELD is a list of names with ":" between; a ":" inside a
 * name is written %3A there (no name has a "%").
 */
#ifndef CLI_ENVIRON_H
#define CLI_ENVIRON_H

#include <stdbool.h>

#include "client/cli/hold.h"

/* Whether an ancestor runs under this name, as $ZKLOCK_HELD has it. */
bool cli_environ_has(const char *name);

/* Whether the id and token of $ZKLOCK_ID, $ZKLOCK_TOKEN are this name's. */
bool cli_environ_grant(const char *name, uint64_t *id_out, uint64_t *token_out);

/* The token that goes with an id of $ZKLOCK_ID. */
bool cli_environ_token(uint64_t id, uint64_t *token_out);

/* Put all ZKLOCK_* into our own environment, for the child; false with fault:
 * no memory. */
bool cli_environ_tell(const struct cli_hold *hold, const struct cli_args *args,
		      struct cli_fault *fault);

#endif
