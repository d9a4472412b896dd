/* SPDX-License-Identifier: MIT */
/*
 * sim - seeds, replay, the summary.
 *
 *	zkl_sim [--from N] [--seeds N] [--steps N]   many seeds; ZKL_SMALL=1 or
 *	                                             ZKL_NIGHTLY=1 size them
 *	zkl_sim --seed N [--steps N]                 one, with its trace
 *	zkl_sim --replay N                           N seeds twice: same hash?
 */
#include <getopt.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sim.h"

/* A line of progress after this many seeds. */
#define PROGRESS_SEEDS 2000

static volatile uint64_t seed_now;

/* An assert in a room is a finding too: say which seed it was. */
static void on_abort(int number)
{
	char text[96];
	int len = snprintf(
	    text, sizeof text, "seed %llu: aborted; replay with --seed %llu\n",
	    (unsigned long long)seed_now, (unsigned long long)seed_now);

	(void)number;
	(void)!write(STDOUT_FILENO, text, (size_t)len);
	_exit(1);
}

static void add(struct sim_counts *to, const struct sim_counts *from)
{
	uint64_t *a = (uint64_t *)(void *)to;
	const uint64_t *b = (const uint64_t *)(const void *)from;

	for (size_t i = 0; i < sizeof *to / sizeof *a; i++)
		a[i] += b[i];
}

static void summary(uint64_t seeds, const struct sim_counts *c, double real_s)
{
	(void)printf(
	    "%llu seeds, %llu steps: %llu requests, %llu grants, %llu "
	    "losses, %llu resumed; %llu cuts, %llu pauses, %llu crashes, "
	    "%llu strangers, %llu deletions; %.0f times real time\n",
	    (unsigned long long)seeds, (unsigned long long)c->steps,
	    (unsigned long long)c->requests, (unsigned long long)c->grants,
	    (unsigned long long)c->losses, (unsigned long long)c->resumes,
	    (unsigned long long)c->cuts, (unsigned long long)c->pauses,
	    (unsigned long long)c->crashes, (unsigned long long)c->strangers,
	    (unsigned long long)c->deletions,
	    (double)c->simulated_ms / 1000.0 / (real_s > 0 ? real_s : 1));
}

static double real_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

static int run_many(uint64_t from, uint64_t seeds, unsigned steps)
{
	static struct sim sim;
	struct sim_counts all = { 0 };
	double begin_s = real_s();

	for (uint64_t i = 0; i < seeds; i++) {
		seed_now = from + i;
		sim_run(&sim, from + i, steps, false);
		add(&all, &sim.counts);
		if (*sim.failure) {
			(void)printf("seed %llu: %s\nreplay with --seed %llu "
				     "--steps %u\n",
				     (unsigned long long)seed_now, sim.failure,
				     (unsigned long long)seed_now, steps);
			return 1;
		}
		if ((i + 1) % PROGRESS_SEEDS == 0)
			(void)printf("%llu of %llu seeds, %.0f s\n",
				     (unsigned long long)(i + 1),
				     (unsigned long long)seeds,
				     real_s() - begin_s);
	}
	summary(seeds, &all, real_s() - begin_s);
	/* Nothing that never happened was tested. */
	if (!all.grants || !all.losses || !all.resumes || !all.cuts ||
	    !all.crashes || !all.strangers) {
		(void)printf("too few seeds: something never happened\n");
		return seeds >= 100;
	}
	return 0;
}

static int run_replay(uint64_t seeds, unsigned steps)
{
	static struct sim sim;

	for (uint64_t seed = 1; seed <= seeds; seed++) {
		uint64_t hash;

		seed_now = seed;
		sim_run(&sim, seed, steps, false);
		hash = sim.hash;
		sim_run(&sim, seed, steps, false);
		if (hash != sim.hash) {
			(void)printf("seed %llu does not replay\n",
				     (unsigned long long)seed);
			return 1;
		}
	}
	(void)printf("%llu seeds replay bit by bit\n",
		     (unsigned long long)seeds);
	return 0;
}

/* CI's size; a hundredth where sanitizers watch; the nightly one. */
static uint64_t usual_seeds(void)
{
	if (getenv("ZKL_NIGHTLY"))
		return 1000000;
	return getenv("ZKL_SMALL") ? 1000 : 20000;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "from", required_argument, NULL, 'f' },
		{ "seeds", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },
		{ "steps", required_argument, NULL, 't' },
		{ "replay", required_argument, NULL, 'r' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t from = 1, seeds = usual_seeds(), seed = 0, replay = 0;
	unsigned steps = 300;
	static struct sim sim;
	int flag;

	while ((flag = getopt_long(argc, argv, "", options, NULL)) != -1) {
		uint64_t value = optarg ? strtoull(optarg, NULL, 10) : 0;

		if (flag == 'f')
			from = value;
		else if (flag == 'n')
			seeds = value;
		else if (flag == 's')
			seed = value;
		else if (flag == 't')
			steps = (unsigned)value;
		else if (flag == 'r')
			replay = value;
		else
			return 64;
	}
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	(void)signal(SIGABRT, on_abort);
	if (replay)
		return run_replay(replay, steps);
	if (!seed)
		return run_many(from, seeds, steps);
	seed_now = seed;
	sim_run(&sim, seed, steps, true);
	(void)printf("hash %016llx %s\n", (unsigned long long)sim.hash,
		     *sim.failure ? sim.failure : "fine");
	return *sim.failure != '\0';
}
