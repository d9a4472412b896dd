/* SPDX-License-Identifier: MIT */
/*
 * clock - the time, as every deadline of this program means it.
 *
 * The only reader of CLOCK_BOOTTIME: it runs on while the host sleeps, and
 * all processes of the host share it.  Decides nothing, sleeps never.
 */
#ifndef DAEMON_CLOCK_H
#define DAEMON_CLOCK_H

#include <stdint.h>

/* CLOCK_BOOTTIME in milliseconds. */
int64_t clock_now_ms(void);
/* The same, with the shape of a door; ctx is not looked at. */
int64_t clock_door_ms(void *ctx);
/* The wall clock in microseconds since 1970, for people and for numbers that
 * must grow over restarts.  It may jump: no deadline is made of it. */
int64_t clock_wall_us(void);

/* A descriptor that becomes readable at a time of CLOCK_BOOTTIME, also when
 * the host slept over it.  -errno on failure. */
int clock_alarm_open(void);
/* When; INT64_MAX: never; what has passed: at once.  -errno on failure. */
int clock_alarm_set(int fd, int64_t at_ms);
/* It has gone off and was seen: not readable any more. */
void clock_alarm_seen(int fd);

#endif
