/* SPDX-License-Identifier: MIT */
/*
 * coord_mail - the mailbox between a coordinator and the loop.
 *
 * Whatever happens at a coordinator is copied into a mail and waits here until
 * the loop pulls it: completions never act.  The box decides nothing, and
 * knows neither ZooKeeper nor the tree in memory.
 *
 * Memory: a mail is one allocation.  When that is not to be had, one of the
 * box's spare mails is used: an answer then carries its path but no children
 * (it becomes COORD_REFUSED with COORD_RC_NO_MEMORY) and no sub-answers (it
 * becomes COORD_MAYBE: it was applied, and nobody knows how).  With the spares
 * used up as well the process stops: an answer must not be lost, and ZooKeeper
 * frees the locks of a daemon that has died.
 *
 * One thread.
 */
#ifndef DAEMON_COORD_MAIL_H
#define DAEMON_COORD_MAIL_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/coord.h"

/* Spares: enough for what one loop turn of a starved daemon may bring. */
#define COORD_MAIL_SPARES 64

struct coord_mail; /* private to coord_mail.c */

/* All members are private; embed it, coord_mailbox_init() first. */
struct coord_mailbox {
	struct coord_mail *first;
	struct coord_mail *last;
	struct coord_mail *shown; /* lent by coord_mailbox_next() */
	struct coord_mail *spares;
	char *spare_block; /* where all of them stand */
	size_t len;
};

/* false when memory is not to be had; then there is nothing to undo. */
bool coord_mailbox_init(struct coord_mailbox *box);
void coord_mailbox_fini(struct coord_mailbox *box);

/* Copy an event, with everything that it points to, to the end of the box. */
void coord_mailbox_post(struct coord_mailbox *box,
			const struct coord_event *event);
/* An answer with nothing but its result. */
void coord_mailbox_post_result(struct coord_mailbox *box, uint64_t id,
			       enum coord_result result, int zk_rc);
/* An event without fields. */
void coord_mailbox_post_type(struct coord_mailbox *box,
			     enum coord_event_type type);

/* The oldest event; it is gone from the box, and what it points to lives until
 * the next call of this or coord_mailbox_release(). */
bool coord_mailbox_next(struct coord_mailbox *box,
			struct coord_event *event_out);
/* Free what coord_mailbox_next() lent. */
void coord_mailbox_release(struct coord_mailbox *box);
/* Read the oldest event without taking it. */
bool coord_mailbox_peek(const struct coord_mailbox *box,
			struct coord_event *event_out);
/* Drop all that waits. */
void coord_mailbox_clear(struct coord_mailbox *box);

#endif
