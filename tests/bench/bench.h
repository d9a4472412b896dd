/* SPDX-License-Identifier: MIT */
/*
 * bench - drivers for what tests/bench measures.
 *
 * One program, one workload a run, one line of JSON at the end.  It starts
 * no server and compares nothing: bench.py does.  Every driver measures its
 * workload in the same way, with the same clock and the same histogram, so
 * that what differs is what stands behind the socket.
 *
 * An error ends the program with a sentence: a driver has nobody to spare.
 */
#ifndef TESTS_BENCH_BENCH_H
#define TESTS_BENCH_BENCH_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define BENCH_NS_S  INT64_C(1000000000)
#define BENCH_NS_MS INT64_C(1000000)

/* Latencies: 32 steps to the doubling, from 1 ns to 18 minutes: a figure is
 * right to 2 %. */
#define BENCH_STEPS   32
#define BENCH_BUCKETS (40 * BENCH_STEPS)

struct bench_times {
	uint64_t bucket[BENCH_BUCKETS];
	uint64_t len;
};

/* What a workload came to. */
struct bench_figures {
	uint64_t cycles;
	int64_t ns; /* how long it took */
	struct bench_times times;
	uint64_t fewest, most; /* cycles of one client; 0: not counted */
};

/* Shared by the processes of a crowd; lives in a shared mapping. */
struct bench_crowd {
	atomic_int ready;
	atomic_bool go, stop;
	_Atomic int64_t released_ns; /* when the last holder let go */
	uint64_t grants[1024];       /* of each process */
	struct bench_times gaps[];   /* of each process */
};

/* One cycle of a client of a crowd. */
struct bench_member {
	void *(*open)(const char *where, int me);
	void (*acquire)(void *self);
	void (*release)(void *self);
};

int64_t bench_now_ns(void);
_Noreturn void bench_die(const char *what);
void bench_note(struct bench_times *times, int64_t ns);
void bench_merge(struct bench_times *into, const struct bench_times *from);
double bench_quantile_us(const struct bench_times *times, double part);
void bench_print(const struct bench_figures *figures);
int bench_unix(const char *path);          /* connected, blocking */
void bench_write(int fd, const char *raw); /* all of it */
/* Reads until a line begins with word; what else comes is passed over. */
struct bench_reader {
	int fd;
	size_t at, len;
	char buf[16384];
};
const char *bench_line(struct bench_reader *reader);
void bench_expect(struct bench_reader *reader, const char *word);

/* Forks n processes that acquire and release until the time is over. */
void bench_crowd_run(const struct bench_member *member, const char *where,
		     int n, int64_t ns);
/* One client, one lock. */
void bench_cycle_run(const struct bench_member *member, const char *where,
		     int64_t ns);

/* Workloads; argv begins behind the workload's name. */
void bench_lines(const char *what, int argc, char **argv); /* bench_lines.c */
void bench_redis(const char *what, int argc, char **argv); /* bench_peers.c */
void bench_flock(const char *what, int argc, char **argv); /* bench_peers.c */
void bench_floor(int argc, char **argv);                   /* bench_floor.c */
void bench_raw(const char *what, int argc, char **argv);   /* bench_raw.c */
void bench_pingpong(int argc, char **argv);                /* bench_spawn.c */
void bench_spawn(int argc, char **argv);                   /* bench_spawn.c */

#endif
