/* SPDX-License-Identifier: MIT */
/*
 * fault - why a step failed, said by those who do not print.
 *
 * Parsers and doors fill one in; the command prints it and ends with its code.
 */
#ifndef CLI_FAULT_H
#define CLI_FAULT_H

#include <stdbool.h>

/* Holds a name, a holder, a note and a sentence; what is longer is cut. */
#define CLI_FAULT_TEXT 1024

struct cli_fault {
	int exit;      /* enum cli_exit, or what -E says; 0 = no fault */
	bool expected; /* somebody else has the lock: silent with -q */
	char text[CLI_FAULT_TEXT];
};

/* Always false, so that a parser can "return cli_fault_set(...)". */
bool cli_fault_set(struct cli_fault *fault, int exit, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
