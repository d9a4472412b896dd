/* SPDX-License-Identifier: MIT */
/*
 * connect - reaching the daemon, and asking it one thing.
 *
 * What goes wrong becomes a fault with its exit code; nothing is printed.
 */
#ifndef CLI_CONNECT_H
#define CLI_CONNECT_H

#include <stdbool.h>
#include <stdint.h>

#include "client/cli/fault.h"
#include "client/cli/options.h"
#include "client/zklock.h"

/* How long an answer may take that needs no waiting.  For UNLOCK too: the
 * command has ended, and our own end would release as well. */
#define CLI_REPLY_MS 2000

/* -S, $ZKLOCK_SOCKET or the default. */
const char *cli_connect_path(const struct cli_args *args);

/* A client, at most within_ms from now; the error of zklock_open(). */
int cli_connect_try(const struct cli_args *args, int64_t within_ms,
		    zklock_client **client_out);

/* The same for a command that needs it at once; NULL with fault. */
zklock_client *cli_connect(const struct cli_args *args,
			   struct cli_fault *fault);

/* Why zklock_open() failed (errno still says), and what to try; false. */
bool cli_connect_unreachable(const struct cli_args *args, int error,
			     struct cli_fault *fault);

/* A plain connected socket, for those who speak the protocol themselves; -1
 * with fault. */
int cli_connect_raw(const struct cli_args *args, struct cli_fault *fault);

/* Whether the daemon says that the grant is held; what it is for people.
 * False with fault: 79, or what kept us from asking. */
bool cli_connect_check(const struct cli_args *args, const char *what,
		       uint64_t id, uint64_t token, struct cli_fault *fault);

/* The exit code that an error of the library means. */
int cli_connect_exit(int error);

/* The last error of a client as a fault; what was tried comes first. */
bool cli_connect_fault(zklock_client *client, int error, const char *tried,
		       struct cli_fault *fault);

#endif
