/* SPDX-License-Identifier: MIT */
/* clock - see clock.h. */
#include "client/cli/clock.h"

#include <assert.h>
#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>

#include "client/cli/ladder.h"

int64_t cli_clock_ms(void)
{
	struct timespec now;
	int failed = clock_gettime(CLOCK_BOOTTIME, &now);

	assert(failed == 0);
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int cli_timer_open(void)
{
	int fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK);

	return fd < 0 ? -errno : fd;
}

void cli_timer_set(int timer_fd, int64_t at_ms)
{
	struct itimerspec when = { 0 };
	int failed;

	if (at_ms != CLI_NEVER_MS) {
		if (at_ms < 1) /* 0 would disarm */
			at_ms = 1;
		when.it_value.tv_sec = (time_t)(at_ms / 1000);
		when.it_value.tv_nsec = (long)(at_ms % 1000) * 1000000;
	}
	failed = timerfd_settime(timer_fd, TFD_TIMER_ABSTIME, &when, NULL);
	assert(failed == 0);
}
