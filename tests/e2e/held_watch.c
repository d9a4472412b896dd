/* SPDX-License-Identifier: MIT */
/*
 * held_watch - one hold, asked again and again with nobody left to tell.
 *
 * Usage: held_watch SOCKET NAME
 *
 * Takes the lock, and then never reads from the daemon again: every 20 ms one
 * line with the time before, is_held, valid_ms and the time after, until it
 * has been not held for a while.  held_test.py judges them.
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <time.h>

#include "client/zklock.h"

#define LOOKS_AFTER 25

static void look_on(const zklock_lock *lock)
{
	const struct timespec pause = { .tv_nsec = 20 * 1000 * 1000 };
	int left = LOOKS_AFTER;

	while (left > 0) {
		int64_t before_ms = zklock_now_ms();
		bool held = zklock_is_held(lock);
		int64_t valid_ms = zklock_valid_ms(lock);

		printf("%" PRId64 " %d %" PRId64 " %" PRId64 "\n", before_ms,
		       held, valid_ms, zklock_now_ms());
		left -= !held;
		(void)clock_nanosleep(CLOCK_MONOTONIC, 0, &pause, NULL);
	}
}

int main(int argc, char **argv)
{
	struct zklock_options options = ZKLOCK_OPTIONS_INIT;
	zklock_client *client = NULL;
	zklock_lock *lock = NULL;
	int rc;

	if (argc != 3)
		return 2;
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	options.socket = argv[1];
	rc = zklock_open(&client, &options);
	if (rc == ZKLOCK_OK)
		rc = zklock_acquire(client, argv[2], NULL, &lock);
	if (rc != ZKLOCK_OK) {
		(void)fprintf(stderr, "%s: %s\n", argv[2], zklock_strerror(rc));
		zklock_close(client);
		return 1;
	}
	look_on(lock);
	zklock_close(client);
	return 0;
}
