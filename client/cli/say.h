/* SPDX-License-Identifier: MIT */
/*
 * say - lines for people, on standard error only; data goes to standard
 * output and never through here.
 */
#ifndef CLI_SAY_H
#define CLI_SAY_H

#include <stdbool.h>

#include "client/cli/fault.h"
#include "client/cli/options.h"

/* The name in front of each line; not copied. */
void cli_say_as(const char *program);
const char *cli_say_name(void);

/* "zklock: ..." whatever -q says: an error is not chatter. */
void cli_say_error(const char *format, ...)
    __attribute__((format(printf, 1, 2)));

/* Unless -q. */
void cli_say_warning(const struct cli_args *args, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* Only with -v (and not -q). */
void cli_say_verbose(const struct cli_args *args, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

/* The fault's text (a busy lock is silent under -q), and its exit code. */
int cli_say_fault(const struct cli_args *args, const struct cli_fault *fault);

#endif
