/* SPDX-License-Identifier: MIT */
/* clock - see clock.h. */
#include "daemon/clock.h"

#include <assert.h>
#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

int64_t clock_now_ms(void)
{
	struct timespec now;
	int rc = clock_gettime(CLOCK_BOOTTIME, &now);

	assert(rc == 0); /* Linux has it since 2.6.39 */
	return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

int64_t clock_door_ms(void *ctx)
{
	(void)ctx;
	return clock_now_ms();
}

int64_t clock_wall_us(void)
{
	struct timespec now;
	int rc = clock_gettime(CLOCK_REALTIME, &now);

	assert(rc == 0);
	return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

int clock_alarm_open(void)
{
	int fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

int clock_alarm_set(int fd, int64_t at_ms)
{
	struct itimerspec when = { .it_value = { 0, 0 } };

	if (at_ms != INT64_MAX) {
		/* All zero would mean never. */
		if (at_ms < 1)
			at_ms = 1;
		when.it_value.tv_sec = (time_t)(at_ms / 1000);
		when.it_value.tv_nsec = (long)(at_ms % 1000) * 1000000;
	}
	if (timerfd_settime(fd, TFD_TIMER_ABSTIME, &when, NULL) < 0)
		return -errno;
	return 0;
}

void clock_alarm_seen(int fd)
{
	uint64_t times;
	ssize_t n = read(fd, &times, sizeof times);

	(void)n; /* EAGAIN: it was set anew in between */
}
