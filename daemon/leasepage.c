/* SPDX-License-Identifier: MIT */
/* leasepage - see leasepage.h. */
#include "daemon/leasepage.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

#include "proto/page.h"

/* Everybody maps it, nobody but its maker's descriptor may write. */
#define PAGE_MODE 0444

struct leasepage {
	unsigned char *map;
	uint64_t id;
	char path[PATH_MAX];
};

_Static_assert(sizeof(_Atomic uint64_t) == sizeof(uint64_t),
	       "the word is one aligned 64-bit access");
_Static_assert(ZKP_PAGE_WORD_AT % sizeof(uint64_t) == 0, "aligned");

static _Atomic uint64_t *word_of(void *map)
{
	return (_Atomic uint64_t *)((unsigned char *)map + ZKP_PAGE_WORD_AT);
}

/* "dir/name" with room to spare, or -ENAMETOOLONG. */
static int join(char *to, size_t size, const char *dir, const char *name)
{
	int n = snprintf(to, size, "%s/%s", dir, name);

	return n > 0 && (size_t)n < size ? 0 : -ENAMETOOLONG;
}

/* The magic and the id go in before anybody can see the file, the word later.
 */
static int fill(int fd, struct leasepage *page, const char **step_out)
{
	unsigned char *map;
	int rc;

	*step_out = "random";
	if (getrandom(&page->id, sizeof page->id, 0) != sizeof page->id)
		return -EIO;
	page->id |= 1; /* never 0 */

	*step_out = "fchmod"; /* whatever the umask took away */
	if (fchmod(fd, PAGE_MODE) < 0)
		return -errno;

	*step_out = "allocate"; /* or a full file system kills us later */
	rc = posix_fallocate(fd, 0, ZKP_PAGE_SIZE);
	if (rc != 0)
		return -rc;

	*step_out = "map";
	map = mmap(NULL, ZKP_PAGE_SIZE, PROT_READ | PROT_WRITE, MAP_SHARED, fd,
		   0);
	if (map == MAP_FAILED)
		return -errno;
	page->map = map;
	memcpy(map + ZKP_PAGE_MAGIC_AT, ZKP_PAGE_MAGIC, ZKP_PAGE_MAGIC_LEN);
	memcpy(map + ZKP_PAGE_ID_AT, &page->id, sizeof page->id);
	return 0;
}

int leasepage_open(const char *dir, struct leasepage **page_out,
		   const char **step_out)
{
	struct leasepage *page = calloc(1, sizeof *page);
	char temp[PATH_MAX];
	int fd = -1;
	int rc;

	*step_out = "memory";
	if (!page)
		return -ENOMEM;

	*step_out = "path";
	rc = join(temp, sizeof temp, dir, LEASEPAGE_NAME "~");
	if (rc == 0)
		rc = join(page->path, sizeof page->path, dir, LEASEPAGE_NAME);
	if (rc < 0)
		goto fail;

	*step_out = "create"; /* what lies there is from a start that broke */
	(void)unlink(temp);
	fd = open(temp, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW,
		  PAGE_MODE);
	if (fd < 0) {
		rc = -errno;
		goto fail;
	}
	rc = fill(fd, page, step_out);
	if (rc < 0)
		goto fail;

	*step_out = "rename";
	if (rename(temp, page->path) < 0) {
		rc = -errno;
		goto fail;
	}
	(void)close(fd);
	*page_out = page;
	return 0;

fail:
	if (fd >= 0) {
		(void)unlink(temp);
		(void)close(fd);
	}
	leasepage_free(page);
	return rc;
}

void leasepage_free(struct leasepage *page)
{
	if (!page)
		return;
	if (page->map)
		(void)munmap(page->map, ZKP_PAGE_SIZE);
	free(page);
}

const char *leasepage_path(const struct leasepage *page)
{
	return page->path;
}

uint64_t leasepage_id(const struct leasepage *page)
{
	return page->id;
}

void leasepage_set(struct leasepage *page, uint16_t gen, int64_t deadline_ms)
{
	atomic_store_explicit(word_of(page->map),
			      zkp_page_word(gen, deadline_ms),
			      memory_order_release);
}

int leasepage_read(const char *dir, uint64_t *word_out)
{
	unsigned char bytes[ZKP_PAGE_MAGIC_AT + ZKP_PAGE_MAGIC_LEN];
	char path[PATH_MAX];
	ssize_t n;
	int fd, rc;

	rc = join(path, sizeof path, dir, LEASEPAGE_NAME);
	if (rc < 0)
		return rc;
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	if (fd < 0)
		return -errno;
	n = read(fd, bytes, sizeof bytes);
	rc = n < 0 ? -errno : 0;
	(void)close(fd);
	if (rc < 0)
		return rc;
	if ((size_t)n != sizeof bytes ||
	    memcmp(bytes + ZKP_PAGE_MAGIC_AT, ZKP_PAGE_MAGIC,
		   ZKP_PAGE_MAGIC_LEN) != 0)
		return -EINVAL;
	memcpy(word_out, bytes + ZKP_PAGE_WORD_AT, sizeof *word_out);
	return 0;
}
