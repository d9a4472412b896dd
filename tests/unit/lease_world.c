/* SPDX-License-Identifier: MIT */
/*
 * The time, the chance and the links of the world: what is to come, and when
 * a packet arrives.
 */
#include "tests/unit/lease_world.h"

#include <assert.h>
#include <string.h>

/* Chance */

static uint64_t world_random(struct world *w)
{
	uint64_t z = w->chance += UINT64_C(0x9e3779b97f4a7c15);

	z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
	z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
	return z ^ z >> 31;
}

/* 0 .. end - 1 */
int64_t world_below(struct world *w, int64_t end)
{
	return end > 0 ? (int64_t)(world_random(w) % (uint64_t)end) : 0;
}

int64_t world_delay(struct world *w, unsigned spikes)
{
	int64_t delay = 100 + world_below(w, 2 * MS);

	if (world_below(w, 1000) < spikes)
		delay += world_below(w, w->weather->spike_ms * MS);
	return delay;
}

/* What is to come */

static bool world_before(const struct world_event *a,
			 const struct world_event *b)
{
	return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void world_post(struct world *w, int64_t at, struct world_event ev)
{
	size_t i = w->heap_len;

	if (at == WORLD_NEVER)
		return;
	if (at < w->now)
		at = w->now; /* a wake that is overdue */
	assert(w->heap_len < WORLD_EVENTS_MAX);
	ev.at = at;
	ev.order = w->order++;
	w->heap_len++;
	while (i > 0 && world_before(&ev, &w->heap[(i - 1) / 2])) {
		w->heap[i] = w->heap[(i - 1) / 2];
		i = (i - 1) / 2;
	}
	w->heap[i] = ev;
}

static struct world_event world_take(struct world *w)
{
	struct world_event first = w->heap[0];
	struct world_event last = w->heap[--w->heap_len];
	size_t i = 0, child;

	while ((child = 2 * i + 1) < w->heap_len) {
		if (child + 1 < w->heap_len &&
		    world_before(&w->heap[child + 1], &w->heap[child]))
			child++;
		if (!world_before(&w->heap[child], &last))
			break;
		w->heap[i] = w->heap[child];
		i = child;
	}
	w->heap[i] = last;
	return first;
}

/* When what is sent now arrives. */
int64_t world_arrival(struct world *w, struct world_pipe *pipe)
{
	int64_t at = w->now + world_delay(w, pipe->spikes) +
		     world_below(w, pipe->late_ms * MS);

	if (w->now >= pipe->cut)
		return WORLD_NEVER;
	if (at >= pipe->stall_from && at < pipe->stall_until)
		at = pipe->stall_until;
	if (at < pipe->last)
		at = pipe->last;
	pipe->last = at;
	return at < pipe->cut ? at : WORLD_NEVER;
}

struct world_pipe world_pipe_new(unsigned spikes)
{
	return (struct world_pipe){ .cut = WORLD_NEVER, .spikes = spikes };
}

int64_t world_clock_ms(const struct world *w)
{
	int64_t ran = w->now + w->now * w->weather->rate_ppm / 1000000;

	return (w->epoch + ran) / MS;
}

/* The world */

static bool world_begin(struct world *w, const struct world_weather *weather,
			uint64_t seed)
{
	const struct lease_settings settings = {
		.timeout_ms = weather->timeout_ms,
		.tick_ms = weather->believed_ms,
		.drift_ppm = weather->drift_ppm,
	};

	memset(w, 0, sizeof *w);
	w->weather = weather;
	w->chance = seed * UINT64_C(0x2545f4914f6cdd1d) + 1;
	w->horizon_ms = weather->timeout_ms;
	w->epoch = world_below(w, 100 * 86400 * SECOND);
	w->lease = lease_new(&settings);
	if (!w->lease)
		return false;
	w->busy = !weather->idle;
	lease_busy(w->lease, w->busy, world_clock_ms(w));
	world_begin_servers(w);
	world_post(w, 1, (struct world_event){ .type = EV_RETRY });
	if (weather->traffic_ms)
		world_post(w, SECOND,
			   (struct world_event){ .type = EV_TRAFFIC });
	if (weather->toggles)
		world_post(w, SECOND,
			   (struct world_event){ .type = EV_TOGGLE });
	return true;
}

static bool world_over(const struct world *w)
{
	if (w->unsafe || w->heap_len == 0 || w->now >= WORLD_END)
		return true;
	/* After the poll nobody can say more than has been said, once the
	 * client has given up. */
	return w->polled && w->lost;
}

/* One life of a lease; false when there was no memory for it. */
bool world_run(struct world *w, const struct world_weather *weather,
	       uint64_t seed)
{
	if (!world_begin(w, weather, seed))
		return false;
	while (!world_over(w)) {
		struct world_event ev = world_take(w);

		w->now = ev.at;
		if (ev.type <= EV_HANG_UP || ev.type == EV_CONNECTED ||
		    ev.type == EV_ANSWER)
			world_client(w, &ev);
		else if (ev.type == EV_VALIDATE || ev.type == EV_FORWARD ||
			 ev.type == EV_PING_LOOP || ev.type >= EV_TOUCHES)
			world_leader(w, &ev);
		else
			world_server(w, &ev);
	}
	lease_free(w->lease);
	w->lease = NULL;
	return true;
}
