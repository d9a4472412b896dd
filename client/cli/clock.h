/* SPDX-License-Identifier: MIT */
/*
 * clock - the command line's only clock: CLOCK_BOOTTIME, which every deadline
 * is counted on and which runs on while the machine sleeps.
 */
#ifndef CLI_CLOCK_H
#define CLI_CLOCK_H

#include <stdint.h>

int64_t cli_clock_ms(void);

/* A timerfd on that clock, close-on-exec, not armed; -errno. */
int cli_timer_open(void);

/* Readable from at_ms on; CLI_NEVER_MS disarms.  Forgets earlier firings. */
void cli_timer_set(int timer_fd, int64_t at_ms);

#endif
