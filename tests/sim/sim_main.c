/* SPDX-License-Identifier: MIT */
/*
 * sim - seeds, replay, the summary.
 */
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "sim.h"

/* A line of progress after this many seeds. */
#define PROGRESS_SEEDS 2000
/* A seed takes milliseconds, also where sanitizers watch. */
#define SEED_S 60
/* One seed of so many is played twice: the same hash? */
#define TWICE 100
/* A script that somebody reads. */
#define SMALL_ACTS 50
/* More than a world ever takes. */
#define HEAP_BYTES (16 << 20)

static const char usage[] =
    "zkl_sim [--from N] [--seeds N]  play many seeds; without --seeds as many\n"
    "                                as ZKL_SIM_SEEDS says, else CI's 20000\n"
    "                                (ZKL_SMALL: 1000, ZKL_NIGHTLY: 1000000)\n"
    "zkl_sim --seed N                play one, and tell what happens\n"
    "zkl_sim --seed N --shrink       leave out what a failure does not need\n"
    "zkl_sim --strict ...            tokens of shared grants must grow as "
    "well:\n"
    "                                nobody can promise that, so it must fail\n"
    "zkl_sim --replay N              play N seeds twice: the same bits?\n"
    "--go-on                         past a seed that fails, to the end\n"
    "--no-shrink                     the first failure of many is not made "
    "small\n"
    "--poison-replay                 whatever is played again has one bit "
    "turned\n"
    "                                half-way: it must not come out the same\n"
    "--history PREFIX                with the first two: what was seen, a "
    "file\n"
    "                                for each seed (historyfile.py reads it)\n";

struct options {
	uint64_t from, seeds, seed, replay;
	bool shrink;
};

static bool go_on;     /* past a seed that fails */
static bool no_shrink; /* leave the first of them as it is */

static struct sim sim; /* half a megabyte: not for the stack */
static volatile uint64_t seed_now;
static const char *history_prefix; /* NULL: none is wanted */
static bool poison;                /* what is played again is stirred */
static int64_t notice_least_us = SIM_NEVER; /* of all runs */

/* An assert in a room is a finding too, and so is a turn that never ends: say
 * which seed it was. */
static void on_abort(int number)
{
	char text[96];
	int len = snprintf(text, sizeof text,
			   "seed %llu: %s; see it with --seed %llu\n",
			   (unsigned long long)seed_now,
			   number == SIGALRM ? "P8: it never ends" : "aborted",
			   (unsigned long long)seed_now);

	(void)!write(STDOUT_FILENO, text, (size_t)len);
	_exit(1);
}

static FILE *history_open(uint64_t seed)
{
	char path[4096];
	FILE *file;

	(void)snprintf(path, sizeof path, "%s%llu", history_prefix,
		       (unsigned long long)seed);
	file = fopen(path, "w");
	if (!file) {
		perror(path);
		exit(1);
	}
	return file;
}

static void play(uint64_t seed, const bool *out, bool trace)
{
	FILE *file = history_prefix ? history_open(seed) : NULL;

	seed_now = seed;
	(void)alarm(SEED_S);
	sim_tell_to(file);
	sim_run(&sim, seed, out, trace);
	sim_tell_to(NULL);
	if (file && fclose(file) != 0)
		exit(1);
	if (sim.notice_least_us < notice_least_us)
		notice_least_us = sim.notice_least_us;
}

static void add(struct sim_counts *to, const struct sim_counts *from)
{
	uint64_t *a = (uint64_t *)(void *)to;
	const uint64_t *b = (const uint64_t *)(const void *)from;

	for (size_t i = 0; i < sizeof *to / sizeof *a; i++)
		a[i] += b[i];
}

/* Of the processor: others may have the rest of it. */
static double real_s(void)
{
	struct timespec now;

	(void)clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
	return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* How early those who held were told. */
static void notices(const struct sim_counts *c)
{
	static const char *const ranges[SIM_NOTICES] = {
		"< 10 ms", "< 100 ms", "< 300 ms", "< 1 s",
		"< 3 s",   "< 6 s",    "< 10 s",   ">= 10 s"
	};

	if (notice_least_us == SIM_NEVER)
		return;
	(void)printf("notice before the earliest possible end of a session: "
		     "%lld ms at least\n",
		     (long long)(notice_least_us / SIM_MS));
	for (int i = 0; i < SIM_NOTICES; i++)
		(void)printf("  %-28s %12llu\n", ranges[i],
			     (unsigned long long)c->notices[i]);
}

/* What happened, how often; nothing that never happened was tested. */
static bool summary(uint64_t seeds, const struct sim_counts *c, double took_s)
{
	const struct {
		const char *word;
		uint64_t times;
		bool must;
	} rows[] = {
		{ "events", c->events, true },
		{ "turns", c->turns, true },
		{ "requests", c->requests, true },
		{ "grants", c->grants, true },
		{ "hand-overs between bids", c->handovers, true },
		{ "local turns", c->local_turns, true },
		{ "shared grants", c->shared, true },
		{ "holds made shared", c->shares, true },
		{ "slots granted", c->slots, true },
		{ "refused at a counter's end", c->worn, true },
		{ "several names granted", c->several, true },
		{ "several names refused", c->severals_refused, true },
		{ "slides", c->slides, true },
		{ "refusals", c->refusals, true },
		{ "losses", c->losses, true },
		{ "suspensions", c->suspensions, true },
		{ "resumes", c->resumes, true },
		{ "links cut", c->cuts, true },
		{ "links stalled", c->stalls, true },
		{ "pauses", c->pauses, true },
		{ "crashes", c->crashes, true },
		{ "orderly ends", c->stops, true },
		{ "ambushes", c->ambushes, true },
		{ "writes applied, unanswered", c->orphans, true },
		{ "sessions expired", c->expiries, true },
		{ "timeouts shortened", c->shorts, true },
		{ "server faults", c->server_faults, true },
		{ "elections", c->elections, true },
		{ "ghosts kept by a server", c->ghosts, true },
		{ "requests throttled", c->throttled, true },
		{ "requests without permission", c->forbidden, true },
		{ "sessions called moved", c->moved, true },
		{ "sessions exchanged", c->exchanges, true },
		{ "strangers", c->strangers, true },
		{ "downgrades", c->downgrades, true },
		{ "bids deleted by hand", c->deletions, true },
		{ "reaps", c->reaps, true },
	};
	double simulated_s = (double)c->simulated_us / 1e6;
	bool all = true;

	(void)printf("%llu seeds, %.0f s simulated in %.1f s of one core: "
		     "%.0f times real time\n",
		     (unsigned long long)seeds, simulated_s, took_s,
		     simulated_s / (took_s > 0 ? took_s : 1));
	for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
		(void)printf("  %-28s %12llu\n", rows[i].word,
			     (unsigned long long)rows[i].times);
		all = all && (rows[i].times || !rows[i].must);
	}
	notices(c);
	return all;
}

static int failed(uint64_t seed)
{
	(void)printf("seed %llu: %s\nsee it with --seed %llu, smaller with "
		     "--shrink\n",
		     (unsigned long long)seed, sim.failure,
		     (unsigned long long)seed);
	return 1;
}

static void say_left(const bool *out)
{
	for (int i = 0; i < sim.acts_len; i++) {
		const struct sim_act *act = &sim.acts[i];

		if (!out[i])
			(void)printf("  [%10.3f] act %d: %s h%d.%d %s %u ms\n",
				     (double)act->at_us / 1000.0, i,
				     sim_act_word(act->type), act->host,
				     act->conn, sim_name(act->name), act->a_ms);
	}
}

/* The first failure of many: what of its script is enough. */
static void small(uint64_t seed)
{
	bool out[SIM_ACTS_MAX];
	int left;

	if (no_shrink)
		return;
	(void)alarm(0); /* it plays the seed some hundred times */
	seed_now = seed;
	left = sim_shrink(&sim, seed, out);
	(void)printf("of seed %llu %d acts are enough%s\n",
		     (unsigned long long)seed, left,
		     left > SMALL_ACTS ? ", as far as shrinking goes:" : ":");
	say_left(out);
	(void)printf("  and then %s\n", sim.failure);
}

/* Does it replay, bit by bit? */
static bool replays(uint64_t seed)
{
	uint64_t hash = sim.hash;

	sim.stir = poison;
	play(seed, NULL, false);
	sim.stir = false;
	if (hash == sim.hash)
		return true;
	(void)printf("seed %llu does not replay\n", (unsigned long long)seed);
	return false;
}

static int run_many(uint64_t from, uint64_t seeds)
{
	struct sim_counts all = { 0 };
	uint64_t failures = 0, first = 0;
	double begin_s = real_s();

	for (uint64_t i = 0; i < seeds; i++) {
		play(from + i, NULL, false);
		add(&all, &sim.counts);
		if (*sim.failure) {
			(void)failed(from + i);
			first = failures++ ? first : from + i;
		}
		if (failures && !go_on)
			break;
		if (i % TWICE == 0 && !replays(from + i))
			return 1;
		if ((i + 1) % PROGRESS_SEEDS == 0)
			(void)printf("%llu of %llu seeds, %.0f s\n",
				     (unsigned long long)(i + 1),
				     (unsigned long long)seeds,
				     real_s() - begin_s);
	}
	if ((!failures || go_on) && !summary(seeds, &all, real_s() - begin_s) &&
	    seeds >= 1000) {
		(void)printf("something never happened\n");
		return 1;
	}
	if (!failures)
		return 0;
	(void)printf("%llu seeds failed\n", (unsigned long long)failures);
	small(first);
	return 1;
}

static int run_replay(uint64_t from, uint64_t seeds)
{
	for (uint64_t seed = from; seed < from + seeds; seed++) {
		play(seed, NULL, false);
		if (*sim.failure)
			return failed(seed);
		if (!replays(seed))
			return 1;
	}
	(void)printf("%llu seeds replay bit by bit\n",
		     (unsigned long long)seeds);
	return 0;
}

static int run_one(uint64_t seed, bool shrink)
{
	bool out[SIM_ACTS_MAX] = { false };

	if (shrink) {
		seed_now = seed;
		(void)printf("%d acts are left\n", sim_shrink(&sim, seed, out));
	}
	play(seed, out, true);
	(void)printf("hash %016llx: %s\n", (unsigned long long)sim.hash,
		     *sim.failure ? sim.failure : "fine");
	return *sim.failure != '\0';
}

/* CI's size; a small one where sanitizers watch; the nightly one. */
static uint64_t usual_seeds(void)
{
	const char *asked = getenv("ZKL_SIM_SEEDS");

	if (asked)
		return strtoull(asked, NULL, 10);
	if (getenv("ZKL_NIGHTLY"))
		return 1000000;
	return getenv("ZKL_SMALL") ? 1000 : 20000;
}

static bool read_options(int argc, char **argv, struct options *out)
{
	static const struct option words[] = {
		{ "from", required_argument, NULL, 'f' },
		{ "seeds", required_argument, NULL, 'n' },
		{ "seed", required_argument, NULL, 's' },
		{ "replay", required_argument, NULL, 'r' },
		{ "shrink", no_argument, NULL, 'k' },
		{ "strict", no_argument, NULL, 't' },
		{ "poison-replay", no_argument, NULL, 'p' },
		{ "go-on", no_argument, NULL, 'g' },
		{ "no-shrink", no_argument, NULL, 'w' },
		{ "history", required_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int flag;

	while ((flag = getopt_long(argc, argv, "", words, NULL)) != -1) {
		uint64_t value = optarg ? strtoull(optarg, NULL, 10) : 0;

		if (flag == 'f')
			out->from = value;
		else if (flag == 'n')
			out->seeds = value;
		else if (flag == 's')
			out->seed = value;
		else if (flag == 'r')
			out->replay = value;
		else if (flag == 'k')
			out->shrink = true;
		else if (flag == 't')
			sim.strict = true;
		else if (flag == 'g')
			go_on = true;
		else if (flag == 'w')
			no_shrink = true;
		else if (flag == 'p')
			poison = true;
		else if (flag == 'h')
			history_prefix = optarg;
		else
			return false;
	}
	return optind == argc;
}

int main(int argc, char **argv)
{
	struct options o = { .from = 1, .seeds = usual_seeds() };

	if (!read_options(argc, argv, &o)) {
		(void)fputs(usage, stderr);
		return 64;
	}
	(void)setvbuf(stdout, NULL, _IOLBF, 0);
	/* Every host's life takes and gives back a few large pieces: the
	 * kernel would have to clear them each time. */
	(void)mallopt(M_MMAP_THRESHOLD, HEAP_BYTES);
	(void)mallopt(M_TRIM_THRESHOLD, HEAP_BYTES);
	(void)mallopt(M_TOP_PAD, HEAP_BYTES);
	(void)signal(SIGABRT, on_abort);
	(void)signal(SIGSEGV, on_abort);
	(void)signal(SIGALRM, on_abort);
	if (o.replay)
		return run_replay(o.from, o.replay);
	if (o.seed)
		return run_one(o.seed, o.shrink);
	return run_many(o.from, o.seeds);
}
