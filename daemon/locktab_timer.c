/* SPDX-License-Identifier: MIT */
/*
 * locktab's timers: a binary heap of what does not last for ever: waits, holds,
 * lingers.  Each knows its place, so that leaving costs no search.
 */
#include <assert.h>
#include <stdlib.h>

#include "daemon/locktab_i.h"

static void put(struct locktab *tab, size_t at, struct timer *timer)
{
	tab->heap[at] = timer;
	timer->at = at;
}

static bool earlier(const struct timer *a, const struct timer *b)
{
	if (a->due_ms != b->due_ms)
		return a->due_ms < b->due_ms;
	return a->order < b->order;
}

static void sift_up(struct locktab *tab, size_t at)
{
	struct timer *timer = tab->heap[at];

	while (at > 1 && earlier(timer, tab->heap[at / 2])) {
		put(tab, at, tab->heap[at / 2]);
		at /= 2;
	}
	put(tab, at, timer);
}

static void sift_down(struct locktab *tab, size_t at)
{
	struct timer *timer = tab->heap[at];
	size_t child;

	while ((child = 2 * at) <= tab->heap_len) {
		if (child < tab->heap_len &&
		    earlier(tab->heap[child + 1], tab->heap[child]))
			child++;
		if (!earlier(tab->heap[child], timer))
			break;
		put(tab, at, tab->heap[child]);
		at = child;
	}
	put(tab, at, timer);
}

bool timer_room(struct locktab *tab, size_t timers)
{
	size_t cap = tab->heap_cap ? tab->heap_cap : 64;
	struct timer **heap;

	while (cap <= timers) /* heap[0] is not used */
		cap *= 2;
	if (cap == tab->heap_cap)
		return true;
	heap = realloc(tab->heap, cap * sizeof(struct timer *));
	if (!heap)
		return false;
	tab->heap = heap;
	tab->heap_cap = cap;
	return true;
}

void timer_add(struct locktab *tab, struct timer *timer, int64_t due_ms)
{
	assert(timer->at == 0);
	assert(tab->heap_len + 1 < tab->heap_cap); /* timer_room() made sure */
	timer->due_ms = due_ms;
	timer->order = ++tab->timer_last;
	tab->heap_len++;
	put(tab, tab->heap_len, timer);
	sift_up(tab, tab->heap_len);
}

void timer_remove(struct locktab *tab, struct timer *timer)
{
	size_t at = timer->at;
	struct timer *last;

	if (at == 0)
		return;
	last = tab->heap[tab->heap_len--];
	timer->at = 0;
	if (last == timer)
		return;
	put(tab, at, last);
	sift_up(tab, at);
	sift_down(tab, last->at);
}

const struct timer *timer_first(const struct locktab *tab)
{
	return tab->heap_len ? tab->heap[1] : NULL;
}
