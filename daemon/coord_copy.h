/* SPDX-License-Identifier: MIT */
/*
 * coord_copy - an operation of one's own: the strings and sub-operations that
 * a coord_op borrows, copied into one piece of memory.  It allocates nothing
 * and decides nothing.
 */
#ifndef DAEMON_COORD_COPY_H
#define DAEMON_COORD_COPY_H

#include <stddef.h>

#include "daemon/coord.h"

/* Bytes that coord_op_copy() needs behind the operation itself. */
size_t coord_op_room(const struct coord_op *op);
/* room is aligned for a pointer and lives as long as the copy. */
void coord_op_copy(struct coord_op *copy_out, const struct coord_op *op,
		   void *room);

#endif
