/* SPDX-License-Identifier: MIT */
/*
 * lease_page - the page that carries the host's deadline, mapped read-only.
 *
 * Maps and unmaps; which deadline counts for which lock is locks' matter.
 */
#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "client/library.h"
#include "proto/page.h"

_Static_assert(
    ATOMIC_LLONG_LOCK_FREE == 2,
    "getters are for signal handlers and read another process' page");

static void *alive_new(void)
{
	void *page = mmap(NULL, ZKP_PAGE_SIZE, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return NULL;
	/* An old kernel keeps it: then only calls find out about a fork. */
	(void)madvise(page, ZKP_PAGE_SIZE, MADV_WIPEONFORK);
	return page;
}

struct zkl_view *zkl_view_new(void)
{
	struct zkl_view *view = calloc(1, sizeof *view);

	if (!view)
		return NULL;
	view->alive_page = alive_new();
	if (!view->alive_page) {
		free(view);
		return NULL;
	}
	view->alive = view->alive_page;
	atomic_store(view->alive, 1);
	view->refs = 1;
	return view;
}

struct zkl_view *zkl_view_ref(struct zkl_view *view)
{
	view->refs++;
	return view;
}

static void unmap(void *page)
{
	if (page)
		(void)munmap(page, ZKP_PAGE_SIZE);
}

void zkl_view_unref(struct zkl_view *view)
{
	if (!view)
		return;
	assert(view->refs > 0);
	if (--view->refs)
		return;
	unmap(view->word_page);
	unmap(view->alive_page);
	free(view);
}

static bool says(const void *page, uint64_t id)
{
	const char *bytes = page;

	return memcmp(bytes + ZKP_PAGE_MAGIC_AT, ZKP_PAGE_MAGIC,
		      ZKP_PAGE_MAGIC_LEN) == 0 &&
	       memcmp(bytes + ZKP_PAGE_ID_AT, &id, sizeof id) == 0;
}

/* A whole page that says what it is, and whose. */
static void *map_page(int fd, uint64_t id)
{
	struct stat st;
	void *page;

	if (fstat(fd, &st) < 0 || !S_ISREG(st.st_mode) ||
	    st.st_size < ZKP_PAGE_SIZE)
		return NULL;
	page = mmap(NULL, ZKP_PAGE_SIZE, PROT_READ, MAP_SHARED, fd, 0);
	if (page == MAP_FAILED)
		return NULL;
	if (!says(page, id)) {
		unmap(page);
		return NULL;
	}
	return page;
}

bool zkl_view_map(struct zkl_view *view, const char *path, uint64_t id)
{
	void *page;
	int fd;

	assert(!view->word);
	if (*path != '/' || !id)
		return false;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return false;
	page = map_page(fd, id);
	(void)close(fd);
	if (!page)
		return false;
	view->word_page = page;
	view->word = page;
	return true;
}

bool zkl_view_alive(const struct zkl_view *view)
{
	return atomic_load_explicit(view->alive, memory_order_relaxed) == 1;
}
