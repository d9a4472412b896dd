/* SPDX-License-Identifier: MIT */
/*
 * sim - chance, the queue of events, clocks that drift, notes and failures.
 */
#include <assert.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "daemon/hash.h"
#include "sim.h"

/* Chance: splitmix64 */

uint64_t sim_mix(uint64_t *chance)
{
	uint64_t z = *chance += 0x9e3779b97f4a7c15U;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9U;
	z = (z ^ z >> 27) * 0x94d049bb133111ebU;
	return z ^ z >> 31;
}

uint64_t sim_random(struct sim *sim, uint64_t below)
{
	return below ? sim_mix(&sim->chance) % below : 0;
}

bool sim_chance(struct sim *sim, unsigned in)
{
	return sim_random(sim, in) == 0;
}

/* What is to come: a binary heap; beside it the acts, which have their order,
 * and the next turn of each host, which is put forward and off all the time */

static bool earlier(const struct sim_event *a, const struct sim_event *b)
{
	if (a->at_us != b->at_us)
		return a->at_us < b->at_us;
	return a->order < b->order;
}

/* The place is free; what is above may be later. */
static void put(struct sim *sim, size_t at, const struct sim_event *event)
{
	while (at > 0 && earlier(event, &sim->heap[(at - 1) / 2])) {
		sim->heap[at] = sim->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	sim->heap[at] = *event;
}

void sim_push(struct sim *sim, int64_t at_us, enum sim_event_type type,
	      struct sim_event event)
{
	size_t at = sim->heap_len++;

	assert(at < SIM_EVENTS_MAX);
	event.at_us = at_us < sim->now_us ? sim->now_us : at_us;
	event.order = ++sim->order;
	event.type = type;
	put(sim, at, &event);
}

/* The first of the acts and of the hosts' turns; at SIM_NEVER: none is left. */
static struct sim_event beside(struct sim *sim)
{
	struct sim_event first = { .at_us = SIM_NEVER, .type = SIM_EV_ACT };

	while (sim->act_next < sim->acts_len && sim->acts[sim->act_next].out)
		sim->act_next++;
	if (sim->act_next < sim->acts_len) {
		first.at_us = sim->acts[sim->act_next].at_us;
		first.who = sim->act_next;
	}
	for (int i = 0; i < sim->weather.hosts; i++) {
		const struct sim_host *host = &sim->hosts[i];

		if (host->turn_us < first.at_us ||
		    (host->turn_us == first.at_us &&
		     host->turn_order < first.order))
			first = (struct sim_event){ .at_us = host->turn_us,
						    .order = host->turn_order,
						    .type = SIM_EV_TURN,
						    .who = i };
	}
	return first;
}

static void heap_pop(struct sim *sim)
{
	const struct sim_event last = sim->heap[--sim->heap_len];
	size_t at = 0, child;

	/* The last one is late: down to a leaf, and seldom up from there. */
	while ((child = 2 * at + 1) < sim->heap_len) {
		child += child + 1 < sim->heap_len &&
			 earlier(&sim->heap[child + 1], &sim->heap[child]);
		sim->heap[at] = sim->heap[child];
		at = child;
	}
	put(sim, at, &last);
}

bool sim_pop(struct sim *sim, struct sim_event *event_out)
{
	*event_out = beside(sim);
	if (sim->heap_len && earlier(&sim->heap[0], event_out)) {
		*event_out = sim->heap[0];
		heap_pop(sim);
		return true;
	}
	if (event_out->at_us == SIM_NEVER)
		return false;
	if (event_out->type == SIM_EV_TURN)
		sim->hosts[event_out->who].turn_us = SIM_NEVER;
	else
		sim->act_next++;
	return true;
}

/* Clocks */

static int64_t host_clock_us(const struct sim_host *host, int64_t now_us)
{
	return host->offset_us + now_us + now_us * host->ppm / 1000000;
}

int64_t sim_host_ms(const struct sim *sim, const struct sim_host *host)
{
	return host_clock_us(host, sim->now_us + host->frozen_us) / SIM_MS;
}

int64_t sim_host_us(const struct sim *sim, const struct sim_host *host,
		    int64_t ms)
{
	int64_t at_us;

	if (ms > INT64_MAX / SIM_MS / 2)
		return SIM_NEVER;
	at_us = ms * SIM_MS - host->offset_us;
	at_us -= at_us * host->ppm / 1000000;
	while (host_clock_us(host, at_us) / SIM_MS < ms)
		at_us += 10;
	return at_us < sim->now_us ? sim->now_us : at_us;
}

/* The net */

int64_t sim_latency(struct sim *sim)
{
	const struct sim_weather *w = &sim->weather;
	int64_t us =
	    w->latency_us + (int64_t)sim_random(sim, (uint64_t)w->jitter_us);

	if (w->spikes && sim_random(sim, 1000) < w->spikes)
		us += (int64_t)sim_random(sim, (uint64_t)w->spike_us);
	return us;
}

int64_t sim_pipe_at(struct sim *sim, struct sim_pipe *pipe)
{
	int64_t at_us = sim->now_us + sim_latency(sim) + pipe->slow_us;

	if (at_us < pipe->stall_us)
		at_us = pipe->stall_us;
	if (at_us < pipe->last_us)
		at_us = pipe->last_us;
	pipe->last_us = at_us;
	return at_us;
}

/* Telling */

void sim_hash(struct sim *sim, const void *bytes, size_t len)
{
	sim->hash = hash_plain(sim->hash, bytes, len);
}

void sim_note(struct sim *sim, const char *format, ...)
{
	va_list args;

	if (!sim->trace)
		return;
	(void)printf("[%10.3f] ", (double)sim->now_us / 1000.0);
	va_start(args, format);
	(void)vprintf(format, args);
	va_end(args);
	(void)putchar('\n');
}

static FILE *history;

void sim_tell_to(FILE *file)
{
	history = file;
}

bool sim_telling(void)
{
	return history != NULL;
}

void sim_tell(const struct sim *sim, const char *format, ...)
{
	va_list args;

	if (!history)
		return;
	if (format[0] != '#')
		(void)fprintf(history, "%.3f ", (double)sim->now_us / 1000.0);
	va_start(args, format);
	(void)vfprintf(history, format, args);
	va_end(args);
	(void)fputc('\n', history);
}

void sim_fail(struct sim *sim, const char *format, ...)
{
	va_list args;

	if (*sim->failure)
		return; /* the first is the one to look at */
	va_start(args, format);
	(void)vsnprintf(sim->failure, sizeof sim->failure, format, args);
	va_end(args);
	sim_note(sim, "FAILED: %s", sim->failure);
}
