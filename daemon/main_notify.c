/* SPDX-License-Identifier: MIT */
/* main_notify - see main_notify.h. */
#include "daemon/main_notify.h"

#include <stdio.h>
#include <string.h>
#include <systemd/sd-daemon.h>
#include <time.h>

/* Twice in the time that systemd waits. */
#define PINGS_PER_WATCHDOG 2

void main_notify_init(struct main_notify *notify, int64_t now_ms)
{
	uint64_t watchdog_us = 0;

	memset(notify, 0, sizeof *notify);
	notify->start_ms = now_ms;
	notify->status_next_ms = now_ms;
	if (sd_watchdog_enabled(0, &watchdog_us) > 0) {
		notify->watchdog_ms =
		    (int64_t)(watchdog_us / 1000 / PINGS_PER_WATCHDOG);
		if (notify->watchdog_ms < 1)
			notify->watchdog_ms = 1;
		notify->watchdog_next_ms = now_ms;
	}
}

static void put_status(char *to, size_t size, const struct hub_state *state)
{
	(void)snprintf(to, size, "%s%s%s, %llu held, %llu waiting", state->word,
		       *state->server ? " to " : "", state->server,
		       (unsigned long long)state->held,
		       (unsigned long long)state->waiting);
}

static void tell_status(struct main_notify *notify,
			const struct hub_state *state, int64_t now_ms)
{
	char status[sizeof notify->status];

	if (now_ms < notify->status_next_ms)
		return;
	notify->status_next_ms = now_ms + MAIN_STATUS_MS;
	put_status(status, sizeof status, state);
	if (strcmp(status, notify->status) == 0)
		return;
	memcpy(notify->status, status, sizeof status);
	(void)sd_notifyf(0, "STATUS=%s", status);
}

void main_notify_turn(struct main_notify *notify, const struct hub_state *state,
		      int64_t now_ms)
{
	if (!notify->ready && (state->attached_once ||
			       now_ms - notify->start_ms >= MAIN_READY_MS)) {
		notify->ready = true;
		(void)sd_notify(0, "READY=1");
	}
	if (notify->watchdog_ms && now_ms >= notify->watchdog_next_ms) {
		notify->watchdog_next_ms = now_ms + notify->watchdog_ms;
		(void)sd_notify(0, "WATCHDOG=1");
	}
	tell_status(notify, state, now_ms);
}

int64_t main_notify_wake_ms(const struct main_notify *notify)
{
	int64_t wake_ms = INT64_MAX;

	if (!notify->ready)
		wake_ms = notify->start_ms + MAIN_READY_MS;
	if (notify->watchdog_ms && notify->watchdog_next_ms < wake_ms)
		wake_ms = notify->watchdog_next_ms;
	return wake_ms;
}

void main_notify_reloading(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	(void)sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%lld",
			 (long long)now.tv_sec * 1000000 + now.tv_nsec / 1000);
}

void main_notify_reloaded(void)
{
	(void)sd_notify(0, "READY=1");
}

void main_notify_stopping(struct main_notify *notify)
{
	if (notify->stopping)
		return;
	notify->stopping = true;
	(void)sd_notify(0, "STOPPING=1");
}
