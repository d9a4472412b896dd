/* SPDX-License-Identifier: MIT */
/*
 * listing - rows of the daemon into a table: what list, list -a and who
 * share.  Asks nothing and prints nothing.
 */
#ifndef CLI_LISTING_H
#define CLI_LISTING_H

#include "client/cli/table.h"
#include "client/zklock.h"

struct cli_listing {
	struct cli_table *table;
	uint64_t rows;                  /* taken */
	bool complete;                  /* false: out of memory */
	char next[ZKLOCK_NAME_MAX + 1]; /* where the next page begins; "" */
	char more[24];                  /* rows that were left out; "" */
};

/* A zklock_row_cb; userdata is a struct cli_listing. */
int cli_listing_take(enum zklock_line kind, const char *line, void *userdata);

#endif
