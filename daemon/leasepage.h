/* SPDX-License-Identifier: MIT */
/*
 * leasepage - the one page of memory that carries the deadline to every
 * client of this host.
 *
 * proto/page.h has its layout.  Each daemon makes a file of its own and moves
 * it over the predecessor's: a client that still has the old one mapped sees
 * its deadline run out, and nothing else.  Decides nothing, reads no clock.
 *
 * The file stays when the daemon ends: what it says of the past is for the
 * successor to read.
 */
#ifndef DAEMON_LEASEPAGE_H
#define DAEMON_LEASEPAGE_H

#include <stdint.h>

struct leasepage; /* private to leasepage.c */

/* The file's name in the state directory. */
#define LEASEPAGE_NAME "lease"

/*
 * Make the page in folder dir, readable by all (0444), its word 0.  Whoever
 * calls this must be alone in dir (a lock).  0, or -errno with *step_out
 * saying what was tried, and nothing left behind.
 */
int leasepage_open(const char *dir, struct leasepage **page_out,
		   const char **step_out);
/* Unmaps it; the file and its last word stay.  NULL is fine. */
void leasepage_free(struct leasepage *page);

/* Lent for the page's life. */
const char *leasepage_path(const struct leasepage *page);
/* What tells this page from every other: for HELLO.  Never 0. */
uint64_t leasepage_id(const struct leasepage *page);

/* Publish by one release store. */
void leasepage_set(struct leasepage *page, uint16_t gen, int64_t deadline_ms);

/*
 * The word that the page in dir shows, whoever made it: before
 * leasepage_open() the predecessor's, whose holders may believe until its
 * deadline.  0, -ENOENT when there is none, -EINVAL when it is not a page of
 * ours; else -errno.
 */
int leasepage_read(const char *dir, uint64_t *word_out);

#endif
