/* SPDX-License-Identifier: MIT */
/*
 * hold - one lock, or several that are had together, from asking to letting
 * go, with every wait open to signals.  The loss of one is the loss of all.
 *
 * The only room of the command line that uses the library's asynchronous
 * calls.
 */
#ifndef CLI_HOLD_H
#define CLI_HOLD_H

#include <poll.h>
#include <stdbool.h>
#include <stdint.h>

#include "client/cli/fault.h"
#include "client/cli/names.h"
#include "client/cli/options.h"
#include "client/cli/signals.h"
#include "client/zklock.h"

/* Words of the daemon's that are kept for messages. */
#define CLI_REASON_BYTES 64

/* What QUEUED said: who was in the way. */
struct cli_waits {
	unsigned pos;
	int64_t held_ms; /* -1: not known */
	char holder[ZKLOCK_HOLDER_MAX + 1];
};

/* What was granted, also after it ended. */
struct cli_grant {
	uint64_t id;
	uint64_t token;
};

struct cli_hold {
	const struct cli_names *names; /* borrowed */
	zklock_client *client;
	/* As names has them. */
	zklock_lock *locks[ZKLOCK_NAMES_MAX];
	struct cli_grant grants[ZKLOCK_NAMES_MAX];
	unsigned asked;   /* how many of locks there are */
	unsigned granted; /* how many of those; names->len: held */
	/* The one that was in the way, asked for or lost; "" when it is all. */
	char about[ZKLOCK_NAME_MAX + 1];
	int64_t begun_ms;
	int64_t granted_ms;
	int64_t released_ms;
	struct cli_waits waits;
	bool ask_again;      /* the daemon went: worth another try */
	bool unreachable;    /* nobody was there, or without ZooKeeper */
	const char *outcome; /* for the report, when it was not granted */
	char reason[CLI_REASON_BYTES]; /* why it was lost, or will be */
	char revoked[ZKLOCK_HOLDER_MAX + ZKLOCK_TEXT_MAX + 64];
};

/* "x" or "s": how it is held. */
const char *cli_hold_mode(const struct cli_hold *hold);

/* Whether all are held, at this moment. */
bool cli_hold_is_held(const struct cli_hold *hold);

/* The name for a sentence about what happened last. */
const char *cli_hold_about(const struct cli_hold *hold);

/* Sign as "zklock run backup" for those who look at the lock: what is "zklock
 * run".  Nothing if somebody has signed already; text is kept. */
void cli_hold_sign(struct cli_args *args, const char *what, const char *names,
		   char text[ZKLOCK_CLIENT_MAX + 1]);

/*
 * Connect and wait for ZooKeeper (--connect-timeout); then for the lock (-n,
 * -w).  A daemon that goes while we wait is looked for again, as long as at
 * the beginning.  A terminating signal cancels.  False with fault; then
 * outcome says which way, and cli_hold_end() is still to be called.
 */
bool cli_hold_connect(struct cli_hold *hold, const struct cli_args *args,
		      const struct cli_signals *signals,
		      struct cli_fault *fault);
bool cli_hold_take(struct cli_hold *hold, const struct cli_args *args,
		   const struct cli_signals *signals, struct cli_fault *fault);

enum cli_news {
	CLI_NEWS_NONE,
	CLI_NEWS_SUSPENDED,
	CLI_NEWS_RESUMED,
	CLI_NEWS_REVOKED, /* somebody wants it back: see hold->revoked */
	CLI_NEWS_LOST,    /* or the connection ended; see hold->reason */
};

/* What the daemon said since; never blocks. */
enum cli_news cli_hold_news(struct cli_hold *hold);

/* The connection; -1 when there is none. */
int cli_hold_fd(const struct cli_hold *hold);

/* What poll(2) shall watch for news; nothing when none will come.  Ask again
 * after each call here. */
struct pollfd cli_hold_pollfd(const struct cli_hold *hold);

/* The first deadline of any, on the clock of cli_clock_ms(); 0 when it is
 * over. */
int64_t cli_hold_until_ms(const struct cli_hold *hold);

/* Which of them no proof moves: where a max_hold ends, or a KICK took it
 * away.  CLI_NEVER_MS when there is none. */
int64_t cli_hold_max_until_ms(const struct cli_hold *hold);

/* A quarter of the session timeout: what an orderly end of the daemon leaves
 * a holder.  CLI_NEVER_MS when there is no lock. */
int64_t cli_hold_grace_ms_max(const struct cli_hold *hold);

/* Let go and wait for the answer, at most two seconds. */
void cli_hold_release(struct cli_hold *hold);

/* Free everything; the connection's end releases what is left. */
void cli_hold_end(struct cli_hold *hold);

#endif
