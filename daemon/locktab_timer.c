/* SPDX-License-Identifier: MIT */
/*
 * locktab's timers: a binary heap of the tickets that do not wait, or hold,
 * for ever.
 * Each ticket knows its place, so that leaving costs no search.
 */
#include <assert.h>
#include <stdlib.h>

#include "daemon/locktab_i.h"

static void put(struct locktab *tab, size_t at, struct ticket *t)
{
	tab->heap[at] = t;
	t->timer = at;
}

int64_t timer_due_ms(const struct ticket *t)
{
	return t->pub.state == TICKET_WAITING ? t->pub.wait_until_ms
					      : t->pub.until_ms;
}

static bool earlier(const struct ticket *a, const struct ticket *b)
{
	if (timer_due_ms(a) != timer_due_ms(b))
		return timer_due_ms(a) < timer_due_ms(b);
	return a->pub.id < b->pub.id; /* ties in arrival order */
}

static void sift_up(struct locktab *tab, size_t at)
{
	struct ticket *t = tab->heap[at];

	while (at > 1 && earlier(t, tab->heap[at / 2])) {
		put(tab, at, tab->heap[at / 2]);
		at /= 2;
	}
	put(tab, at, t);
}

static void sift_down(struct locktab *tab, size_t at)
{
	struct ticket *t = tab->heap[at];
	size_t child;

	while ((child = 2 * at) <= tab->heap_len) {
		if (child < tab->heap_len &&
		    earlier(tab->heap[child + 1], tab->heap[child]))
			child++;
		if (!earlier(tab->heap[child], t))
			break;
		put(tab, at, tab->heap[child]);
		at = child;
	}
	put(tab, at, t);
}

bool timer_room(struct locktab *tab, size_t timers)
{
	size_t cap = tab->heap_cap ? tab->heap_cap : 64;
	struct ticket **heap;

	while (cap <= timers) /* heap[0] is not used */
		cap *= 2;
	if (cap == tab->heap_cap)
		return true;
	heap = realloc(tab->heap, cap * sizeof(struct ticket *));
	if (!heap)
		return false;
	tab->heap = heap;
	tab->heap_cap = cap;
	return true;
}

bool timer_add(struct locktab *tab, struct ticket *t)
{
	assert(t->timer == 0);
	if (!timer_room(tab, tab->heap_len + 1))
		return false;
	tab->heap_len++;
	put(tab, tab->heap_len, t);
	sift_up(tab, tab->heap_len);
	return true;
}

void timer_remove(struct locktab *tab, struct ticket *t)
{
	size_t at = t->timer;
	struct ticket *last;

	if (at == 0)
		return;
	last = tab->heap[tab->heap_len--];
	t->timer = 0;
	if (last == t)
		return;
	put(tab, at, last);
	sift_up(tab, at);
	sift_down(tab, last->timer);
}

struct ticket *timer_first(const struct locktab *tab)
{
	return tab->heap_len ? tab->heap[1] : NULL;
}
