/* SPDX-License-Identifier: MIT */
#include "daemon/fence.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/log.h"

#define PATH_BYTES 512
/* "0x", 16 digits, a space, 32 digits, LF. */
#define TEXT_BYTES 64

enum fence_state {
	FENCE_WAITING, /* its holders may still believe */
	FENCE_TAKING,  /* connecting with its id */
	FENCE_CLOSING,
	FENCE_OVER,
};

struct fence {
	enum fence_state state;
	struct coord *coord;
	int64_t session;
	int64_t after_ms;
	int64_t give_up_ms; /* it has run out by itself by then */
};

/* The file */

static void path_of(const char *dir, const char *suffix, char path[PATH_BYTES])
{
	(void)snprintf(path, PATH_BYTES, "%s/" FENCE_FILE "%s", dir, suffix);
}

bool fence_load(const char *dir, struct coord_zk_id *id_out)
{
	char path[PATH_BYTES], text[TEXT_BYTES + 1];
	struct coord_zk_id id;
	ssize_t len;
	int fd, at = 0;

	path_of(dir, "", path);
	fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	if (fd < 0)
		return false;
	len = read(fd, text, TEXT_BYTES);
	(void)close(fd);
	if (len <= 0)
		return false;
	text[len] = '\0';
	if (sscanf(text, "%" SCNx64 " %n", (uint64_t *)&id.session, &at) != 1)
		return false;
	for (size_t i = 0; i < sizeof id.secret; i++) {
		unsigned byte;

		if (sscanf(text + at + 2 * i, "%2x", &byte) != 1)
			return false;
		id.secret[i] = (unsigned char)byte;
	}
	*id_out = id;
	return id.session != 0;
}

int fence_save(const char *dir, const struct coord_zk_id *id)
{
	char path[PATH_BYTES], fresh[PATH_BYTES], text[TEXT_BYTES];
	int len, fd = -1, ret;

	len = snprintf(text, sizeof text, "0x%016" PRIx64 " ",
		       (uint64_t)id->session);
	for (size_t i = 0; i < sizeof id->secret; i++)
		len += snprintf(text + len, sizeof text - (size_t)len, "%02x",
				id->secret[i]);
	text[len++] = '\n';
	path_of(dir, "", path);
	path_of(dir, ".new", fresh);
	fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW,
		  0600);
	if (fd < 0 || write(fd, text, (size_t)len) != len ||
	    rename(fresh, path) < 0) {
		ret = errno ? -errno : -EIO;
		if (fd >= 0)
			(void)close(fd);
		return ret;
	}
	(void)close(fd);
	return 0;
}

void fence_forget(const char *dir)
{
	char path[PATH_BYTES];

	path_of(dir, "", path);
	(void)unlink(path);
}

/* Ending it */

struct fence *fence_new(struct event_base *base,
			const struct coord_zk_settings *settings,
			const struct coord_zk_id *id, int64_t after_ms)
{
	struct coord_zk_settings own = *settings;
	struct fence *fence = calloc(1, sizeof *fence);

	if (!fence)
		return NULL;
	own.resume = id;
	fence->coord = coord_zk_new(base, &own);
	if (!fence->coord) {
		free(fence);
		return NULL;
	}
	fence->session = id->session;
	fence->after_ms = after_ms;
	fence->give_up_ms = after_ms + settings->session_timeout_ms;
	return fence;
}

void fence_free(struct fence *fence)
{
	if (!fence)
		return;
	coord_zk_free(fence->coord);
	free(fence);
}

static void over(struct fence *fence, const char *how)
{
	if (fence->state == FENCE_OVER)
		return;
	fence->state = FENCE_OVER;
	log_event(LOG_LEVEL_NOTICE,
		  "event=predecessor_fenced session=0x%" PRIx64 " how=%s",
		  (uint64_t)fence->session, how);
}

static void on_event(struct fence *fence, const struct coord_event *ev)
{
	switch (ev->type) {
	case COORD_EV_ATTACHED:
		/* Fresh: the ensemble did not know it, and gave another. */
		fence->state = FENCE_CLOSING;
		fence->coord->ops->close(fence->coord);
		break;
	case COORD_EV_EXPIRED:
	case COORD_EV_AUTH_FAILED:
		over(fence, "gone");
		break;
	case COORD_EV_CLOSED:
		over(fence, "closed");
		break;
	case COORD_EV_ANSWER:
	case COORD_EV_WATCH:
	case COORD_EV_LINK_DOWN:
		break;
	}
}

bool fence_turn(struct fence *fence, int64_t now_ms)
{
	struct coord_event ev;

	if (fence->state == FENCE_WAITING && now_ms >= fence->after_ms) {
		fence->state = FENCE_TAKING;
		fence->coord->ops->connect(fence->coord);
	}
	while (fence->coord->ops->next(fence->coord, &ev))
		on_event(fence, &ev);
	if (now_ms >= fence->give_up_ms)
		over(fence, "ran_out");
	return fence->state != FENCE_OVER;
}

int64_t fence_wake_ms(const struct fence *fence)
{
	return fence->state == FENCE_WAITING ? fence->after_ms
					     : fence->give_up_ms;
}
