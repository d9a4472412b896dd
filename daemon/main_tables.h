/* SPDX-License-Identifier: MIT */
/* main_tables - what the program knows, a row a line, for the check that
 * manuals tell of all of it. */
#ifndef DAEMON_MAIN_TABLES_H
#define DAEMON_MAIN_TABLES_H

#include <stdio.h>

/* "kind word": key, flag, verb, verbkey, status, event. */
void main_tables_dump(FILE *to);

#endif
