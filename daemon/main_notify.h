/* SPDX-License-Identifier: MIT */
/*
 * main_notify - what systemd is told: ready, one line of status, alive,
 * reloading, stopping.  Without systemd it does nothing.
 */
#ifndef DAEMON_MAIN_NOTIFY_H
#define DAEMON_MAIN_NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

#include "daemon/hub.h"

/* READY=1 is said when the first connect has finished, or after this long:
 * clients may connect and queue all the same. */
#define MAIN_READY_MS 5000
/* STATUS= at most so often. */
#define MAIN_STATUS_MS 1000

struct main_notify {
	int64_t start_ms;
	int64_t watchdog_ms;      /* 0: none is wanted */
	int64_t watchdog_next_ms; /* when it is due */
	int64_t status_next_ms;   /* not before */
	bool ready;
	bool stopping;
	char status[256]; /* as last told */
};

void main_notify_init(struct main_notify *notify, int64_t now_ms);
/* Once a loop turn, at its end: the loop has gone round. */
void main_notify_turn(struct main_notify *notify, const struct hub_state *state,
		      int64_t now_ms);
/* When a turn is due even if nothing happens. */
int64_t main_notify_wake_ms(const struct main_notify *notify);
/* Around a reload. */
void main_notify_reloading(void);
void main_notify_reloaded(void);
void main_notify_stopping(struct main_notify *notify);

#endif
