/* SPDX-License-Identifier: MIT */
/*
 * spare - memory of small things that have just gone, kept for the next ones
 * of their size: a warm lock and its release then ask no allocator.
 *
 * It decides nothing and knows nothing of what it keeps.  With an address
 * sanitizer it keeps nothing, so that the sanitizer sees every use of what is
 * gone.  One thread; one shelf for the whole process.
 */
#ifndef DAEMON_SPARE_H
#define DAEMON_SPARE_H

#include <stddef.h>

/* Things above this are not small. */
#define SPARE_BYTES_MAX 1024
/* Of one size: what one turn of a busy daemon makes and drops. */
#define SPARES_MAX 64
/* Sizes: those of the daemon's own structures, a dozen. */
#define SPARE_SIZES_MAX 12

/* Zeroed.  NULL when memory is not to be had. */
void *spare_take(size_t size);
/* What spare_take() of that size gave; NULL is fine. */
void spare_put(void *thing, size_t size);

#endif
