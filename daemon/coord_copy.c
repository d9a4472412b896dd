/* SPDX-License-Identifier: MIT */
/*
 * coord_copy - see the header.  Sub-operations stand first: they ask for
 * alignment.
 */
#include "daemon/coord_copy.h"

#include <string.h>

static size_t strings_room(const struct coord_op *op)
{
	return strlen(op->path) + 1 + op->data_len;
}

size_t coord_op_room(const struct coord_op *op)
{
	size_t room = strings_room(op);

	for (size_t i = 0; i < op->subs_len; i++)
		room += sizeof *op->subs + strings_room(&op->subs[i]);
	return room;
}

/* Copies the strings to `at` and returns where the next ones go. */
static char *put_strings(struct coord_op *copy, const struct coord_op *op,
			 char *at)
{
	size_t path_size = strlen(op->path) + 1;

	*copy = *op;
	copy->path = memcpy(at, op->path, path_size);
	at += path_size;
	if (!op->data)
		return at;
	copy->data = memcpy(at, op->data, op->data_len);
	return at + op->data_len;
}

void coord_op_copy(struct coord_op *copy_out, const struct coord_op *op,
		   void *room)
{
	struct coord_op *subs = room;
	char *at = (char *)(subs + op->subs_len);

	at = put_strings(copy_out, op, at);
	if (!op->subs_len)
		return;
	for (size_t i = 0; i < op->subs_len; i++)
		at = put_strings(&subs[i], &op->subs[i], at);
	copy_out->subs = subs;
}
