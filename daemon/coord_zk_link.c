/* SPDX-License-Identifier: MIT */
/*
 * coord_zk_link - the library's handle inside the loop: its socket and timers,
 * which server is tried when, and the handle's replacement.
 *
 * The library never says that a socket is new or gone: zk_link_look() compares
 * its state before and after every call.  It is asked what it waits for
 * (zookeeper_interest) after every turn, but never before its own delay or
 * ours has passed, for each such call may be one more attempt to connect.
 */
#include <assert.h>
#include <errno.h>
#include <event2/event.h>
#include <event2/util.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include "daemon/coord_zk_i.h"

/* Delays between rounds over all servers, when none takes us. */
#define BACKOFF_MIN_MS 50
#define BACKOFF_MAX_MS 5000
/* A link that lived shorter than this was no success. */
#define LINK_WORTH_MS 1000
/* Reads in a row that moved nothing: the library is stuck.  (On a length that
 * it cannot allocate it reads no more, for ever.) */
#define FRUITLESS_MAX 64
/* The beginning of what every server says first: its length (older ones leave
 * out a byte), protocol 0, timeout, session, and the length of the secret. */
#define HELLO_BYTES      24
#define HELLO_LEN        37
#define HELLO_LEN_OLD    36
#define HELLO_SECRET_LEN 16
/* For the library's log: lines of one handle in a window; the rest is dropped.
 */
#define LOG_LINES_MAX 8
#define LOG_WINDOW_MS 10000

/* --- the library's log --- */

/* The library's callback knows no context. */
static struct coord_zk *log_owner;
static int64_t log_window_ms;
static unsigned log_lines;

static char clean_char(char c)
{
	if (c < ' ' || c > '~' || c == '"')
		return '?';
	return c;
}

/* "time:pid:ZOO_WARN@function@line: text" becomes the text. */
static void on_log(const char *message)
{
	const char *text = strstr(message, ": ");
	bool error = strstr(message, "ZOO_ERROR") != NULL;
	char clean[256];
	size_t len = 0;
	int64_t now_ms;

	if (!log_owner)
		return;
	now_ms = zk_now_ms(log_owner);
	if (now_ms - log_window_ms > LOG_WINDOW_MS) {
		log_window_ms = now_ms;
		log_lines = 0;
	}
	if (log_lines++ >= LOG_LINES_MAX)
		return;
	for (text = text ? text + 2 : message; *text; text++) {
		if (len + 1 == sizeof clean)
			break;
		clean[len++] = clean_char(*text);
	}
	clean[len] = '\0';
	zk_log(log_owner, error ? COORD_ZK_WARNING : COORD_ZK_NOTICE,
	       "event=zk_library text=\"%s\"", clean);
}

/* --- attempts --- */

/* Half of it is certain, half is chance, so that hosts do not march. */
static int64_t jitter(int64_t delay_ms)
{
	uint32_t chance = 0;

	evutil_secure_rng_get_bytes(&chance, sizeof chance);
	return delay_ms / 2 + (int64_t)(chance % (uint32_t)(delay_ms / 2 + 1));
}

static int64_t min_ms(int64_t a, int64_t b)
{
	return a < b ? a : b;
}

/* While the session may yet be saved we do not sleep through its rest. */
static int64_t backoff_max_ms(const struct coord_zk *zk, int64_t now_ms)
{
	const struct zk_link *link = &zk->link;

	if (link->has_id && now_ms - link->down_ms < link->timeout_ms)
		return min_ms(BACKOFF_MAX_MS, link->timeout_ms / 12);
	return BACKOFF_MAX_MS;
}

void zk_link_penalty(struct coord_zk *zk)
{
	struct zk_link *link = &zk->link;
	int64_t now_ms = zk_now_ms(zk);
	int64_t delay_ms = link->backoff_ms * 2;

	if (delay_ms < BACKOFF_MIN_MS)
		delay_ms = BACKOFF_MIN_MS;
	delay_ms = min_ms(delay_ms, backoff_max_ms(zk, now_ms));
	link->backoff_ms = delay_ms;
	link->retry_ms = now_ms + jitter(delay_ms);
	link->attempts = 0;
	/* A slow ensemble is given longer, up to what the library gives. */
	link->patience_ms =
	    min_ms(link->patience_ms * 2, link->timeout_ms * 2 / 3);
	(void)resolve_start(zk->resolve);
}

static void attempt_failed(struct coord_zk *zk)
{
	zk->counts.attempts++;
	if (++zk->link.attempts >= zk->link.addrs_len)
		zk_link_penalty(zk);
}

/* Two servers that accept and say nothing must not cost the session. */
void zk_link_patience_reset(struct zk_link *link)
{
	link->patience_ms = link->timeout_ms / 6;
}

static void attempts_reset(struct zk_link *link)
{
	link->attempts = 0;
	link->backoff_ms = 0;
	zk_link_patience_reset(link);
}

/* --- the socket --- */

static void fd_unwatch(struct zk_link *link)
{
	if (link->wanted)
		(void)event_del(link->fd_event);
	link->wanted = 0;
	link->fd = -1;
}

static void socket_new(struct zk_link *link, int64_t before_ms)
{
	link->associated = false;
	link->dropped = false;
	link->socket_ms = before_ms;
	link->fruitless = 0;
}

/* A link that lived for a while was no mistake; any other was an attempt. */
static void link_judge(struct coord_zk *zk, bool was_up)
{
	struct zk_link *link = &zk->link;

	if (was_up && zk_now_ms(zk) - link->attached_ms >= LINK_WORTH_MS)
		attempts_reset(link);
	else
		attempt_failed(zk);
}

static void socket_lost(struct coord_zk *zk, int state)
{
	struct zk_link *link = &zk->link;
	bool was_up = link->up;

	fd_unwatch(link);
	/* A failed send closes the socket and keeps the calls; everything else
	 * clears them away. */
	link->scrub = state == ZOO_NOTCONNECTED_STATE;
	zk_on_down(zk);
	link_judge(zk, was_up);
}

static bool is_alive(int state)
{
	return state == ZOO_CONNECTING_STATE ||
	       state == ZOO_ASSOCIATING_STATE || state == ZOO_CONNECTED_STATE ||
	       state == ZOO_READONLY_STATE;
}

void zk_link_look(struct coord_zk *zk, int64_t before_ms)
{
	struct zk_link *link = &zk->link;
	int state = zoo_state(link->zh);
	bool alive = is_alive(state);

	if (alive && !link->alive)
		socket_new(link, before_ms);
	if (state == ZOO_ASSOCIATING_STATE && !link->associated) {
		link->associated = true;
		link->connect_ms = before_ms;
	}
	if (!alive && link->alive) {
		link->alive = false;
		socket_lost(zk, state);
	}
	link->alive = alive;
}

void zk_link_drop(struct coord_zk *zk)
{
	struct zk_link *link = &zk->link;

	if (!link->alive || link->fd < 0)
		return;
	(void)shutdown(link->fd, SHUT_RDWR);
	if (!link->dropped)
		link->socket_ms = zk_now_ms(zk);
	link->dropped = true;
}

/* With its socket shut down a handle closes without asking anybody. */
void zk_link_doom(struct coord_zk *zk)
{
	zk_link_drop(zk);
	zk_on_down(zk);
	zk->link.doomed = true;
}

void zk_link_distrust(struct coord_zk *zk)
{
	bool was_up = zk->link.up;

	zk_link_doom(zk);
	link_judge(zk, was_up);
}

static void on_fd(evutil_socket_t fd, short what, void *ctx)
{
	int events = 0;

	(void)fd;
	if (what & EV_READ)
		events |= ZOOKEEPER_READ;
	if (what & EV_WRITE)
		events |= ZOOKEEPER_WRITE;
	zk_link_turn(ctx, events);
}

static void on_timer(evutil_socket_t fd, short what, void *ctx)
{
	struct coord_zk *zk = ctx;

	(void)fd;
	(void)what;
	zk->link.timer_ms = 0;
	zk_link_turn(zk, 0);
}

static void fd_watch(struct coord_zk *zk, int fd, int interest)
{
	struct zk_link *link = &zk->link;
	short wanted = EV_PERSIST;
	int hello = HELLO_BYTES; /* until says_hello() has looked */

	if (interest & ZOOKEEPER_READ)
		wanted |= EV_READ;
	if (interest & ZOOKEEPER_WRITE)
		wanted |= EV_WRITE;
	if (fd == link->fd && wanted == link->wanted)
		return;
	if (fd != link->fd) { /* the library forgets it */
		(void)fcntl(fd, F_SETFD, FD_CLOEXEC);
		(void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &hello,
				 sizeof hello);
	}
	fd_unwatch(link);
	link->fd = fd;
	(void)event_assign(link->fd_event, zk->base, fd, wanted, on_fd, zk);
	if (event_add(link->fd_event, NULL) == 0)
		link->wanted = wanted;
}

/* A timer that is early does no harm: it is asked again what is due. */
static void timer_arm(struct coord_zk *zk, int64_t due_ms)
{
	struct zk_link *link = &zk->link;
	int64_t now_ms = zk_now_ms(zk);
	int64_t wait_ms = due_ms > now_ms ? due_ms - now_ms : 0;
	struct timeval wait = { .tv_sec = wait_ms / 1000,
				.tv_usec = wait_ms % 1000 * 1000 };

	if (due_ms == INT64_MAX || (link->timer_ms && link->timer_ms <= due_ms))
		return;
	link->timer_ms = due_ms;
	(void)event_add(link->timer, &wait);
}

/* --- the handle --- */

/* A call on a dead connection stays in the library, which would send it on the
 * next one, long after it was answered COORD_MAYBE, and would then take other
 * answers for its own.  So the next socket is broken before it has carried
 * anything: that clears them away. */
static void scrub(struct coord_zk *zk)
{
	struct zk_link *link = &zk->link;
	int64_t before_ms = zk_now_ms(zk);

	(void)shutdown(link->fd, SHUT_RDWR);
	zk->in_library = true;
	(void)zookeeper_process(link->zh, ZOOKEEPER_READ | ZOOKEEPER_WRITE);
	zk->in_library = false;
	zk_link_look(zk, before_ms);
}

static void handle_open(struct coord_zk *zk)
{
	struct zk_link *link = &zk->link;
	const char *list = resolve_list(zk->resolve);
	const char *auth = zk->settings.auth;

	/* The first time we wait for the names; later the old ones will do. */
	if (resolve_busy(zk->resolve) && !link->generation)
		return;
	if (!list) {
		zk_log(zk, COORD_ZK_WARNING, "event=zk_no_address");
		zk_link_penalty(zk);
		return;
	}
	log_owner = zk;
	link->down_ms = zk_now_ms(zk);
	link->zh = zookeeper_init2(
	    list, zk_on_library_event, (int)zk->settings.session_timeout_ms,
	    link->has_id ? &link->id : NULL, zk, ZOO_NO_LOG_CLIENTENV, on_log);
	if (!link->zh) {
		zk_log(zk, COORD_ZK_ERR,
		       "event=zk_init_failed servers=%s error=\"%s\"", list,
		       strerror(errno));
		zk_link_penalty(zk);
		return;
	}
	link->generation = resolve_generation(zk->resolve);
	link->addrs_len = resolve_list_len(zk->resolve);
	link->alive = false;
	link->scrub = false;
	/* Or it resolves its list again, by blocking calls, at every turn. */
	(void)zoo_set_servers_resolution_delay(link->zh, -1);
	if (auth)
		(void)zoo_add_auth(link->zh, "digest", auth, (int)strlen(auth),
				   NULL, NULL);
}

void zk_link_bury(struct coord_zk *zk)
{
	struct zk_link *link = &zk->link;
	zhandle_t *zh = link->zh;

	assert(!zk->in_library);
	link->doomed = false;
	if (!zh)
		return;
	fd_unwatch(link);
	link->zh = NULL; /* what it still says is nobody's */
	link->alive = false;
	link->scrub = false;
	zk_watch_clear(zk);
	zk->in_library = true;
	(void)zookeeper_close(zh);
	zk->in_library = false;
	zk_multi_free_all(zk);
}

/* --- a turn --- */

/* The library has read all that there was, or it is stuck: what waits in the
 * socket only grows, turn after turn, and nothing comes of it. */
static void check_stuck(struct coord_zk *zk, size_t mails)
{
	struct zk_link *link = &zk->link;
	int unread = 0;

	if (zk->mailbox.len == mails && link->alive && link->fd >= 0)
		(void)ioctl(link->fd, FIONREAD, &unread);
	if (unread > 0 && unread >= link->unread)
		link->fruitless++;
	else
		link->fruitless = 0;
	link->unread = unread;
	if (link->fruitless < FRUITLESS_MAX)
		return;
	link->fruitless = 0;
	zk_log(zk, COORD_ZK_WARNING, "event=zk_stuck unread=%d", unread);
	zk_link_distrust(zk); /* it would not notice a shutdown */
}

static uint32_t word_at(const unsigned char *bytes)
{
	return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 |
	       (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Whatever says anything else first is no ZooKeeper.  The library would take
 * the bytes for another session's id, and ours for expired. */
static bool says_hello(int fd)
{
	unsigned char head[HELLO_BYTES];
	int any = 1;

	(void)setsockopt(fd, SOL_SOCKET, SO_RCVLOWAT, &any, sizeof any);
	if (recv(fd, head, sizeof head, MSG_PEEK | MSG_DONTWAIT) <
	    (ssize_t)sizeof head)
		return true; /* its end: for the library to see */
	return (word_at(head) == HELLO_LEN_OLD || word_at(head) == HELLO_LEN) &&
	       word_at(head + 4) == 0 &&
	       word_at(head + HELLO_BYTES - 4) == HELLO_SECRET_LEN;
}

static void give(struct coord_zk *zk, int events)
{
	int64_t before_ms = zk_now_ms(zk);
	size_t mails = zk->mailbox.len;

	if (!zk->link.zh || !zk->link.alive || !events)
		return;
	if ((events & ZOOKEEPER_READ) && zk->link.fd >= 0 &&
	    zoo_state(zk->link.zh) == ZOO_ASSOCIATING_STATE &&
	    !says_hello(zk->link.fd)) {
		zk_log(zk, COORD_ZK_WARNING, "event=zk_not_zookeeper");
		zk_link_distrust(zk);
		return;
	}
	zk->in_library = true;
	(void)zookeeper_process(zk->link.zh, events);
	zk->in_library = false;
	zk_link_look(zk, before_ms);
	check_stuck(zk, mails);
}

/* What is overdue loses its socket. */
static void keep_deadlines(struct coord_zk *zk)
{
	struct zk_link *link = &zk->link;
	int64_t now_ms = zk_now_ms(zk);

	if (!link->alive)
		return;
	if (zk->phase == ZK_CLOSING &&
	    now_ms >= zk->ops.probe_ms + link->timeout_ms / 6) {
		zk_link_doom(zk);
	} else if (link->up && now_ms >= zk_ops_due_ms(zk)) {
		zk->counts.overdue++;
		zk_log(zk, COORD_ZK_WARNING, "event=zk_answer_overdue");
		zk_link_drop(zk);
		zk_on_down(zk);
	} else if (!link->up && now_ms >= link->socket_ms + link->patience_ms) {
		if (link->dropped) /* and the library has not seen it yet */
			zk_link_distrust(zk);
		else
			zk_link_drop(zk);
	}
}

static int64_t deadlines_next_ms(const struct coord_zk *zk)
{
	const struct zk_link *link = &zk->link;

	if (!link->alive)
		return INT64_MAX;
	if (zk->phase == ZK_CLOSING)
		return zk->ops.probe_ms + link->timeout_ms / 6;
	if (!link->up)
		return link->socket_ms + link->patience_ms;
	return zk_ops_due_ms(zk);
}

/* Ask the library what it waits for.  Returns when to ask again. */
static int64_t ask_interest(struct coord_zk *zk)
{
	struct zk_link *link = &zk->link;
	struct timeval wait = { 0 };
	int64_t before_ms = zk_now_ms(zk);
	bool was_alive = link->alive;
	int64_t wait_ms;
	int interest = 0;
	int fd = -1;
	int rc;

	if (!link->alive && before_ms < link->retry_ms)
		return link->retry_ms;
	zk->in_library = true;
	rc = zookeeper_interest(link->zh, &fd, &interest, &wait);
	zk->in_library = false;
	zk_link_look(zk, before_ms);
	wait_ms = (int64_t)wait.tv_sec * 1000 + wait.tv_usec / 1000 + 1;
	if (link->alive && rc == ZOK) {
		fd_watch(zk, fd, interest);
		if (link->scrub)
			scrub(zk);
		return before_ms + wait_ms;
	}
	if (rc != ZOK && !was_alive)
		attempt_failed(zk);
	else if (rc == ZOK && link->retry_ms < before_ms + wait_ms)
		link->retry_ms = before_ms + wait_ms; /* its own delay */
	return link->retry_ms > before_ms ? link->retry_ms : before_ms + 1;
}

/* Names have moved while nobody serves us: a new handle for the session, for
 * the library's own way of changing servers has killed processes. */
static void follow_names(struct coord_zk *zk)
{
	struct zk_link *link = &zk->link;

	if (link->zh && !link->up && !link->doomed && zk->phase == ZK_OPEN &&
	    link->generation != resolve_generation(zk->resolve)) {
		zk_log(zk, COORD_ZK_NOTICE, "event=zk_servers_changed");
		zk_link_bury(zk);
	}
}

void zk_link_turn(struct coord_zk *zk, int events)
{
	struct zk_link *link = &zk->link;
	int64_t due_ms = INT64_MAX;

	assert(!zk->in_library);
	give(zk, events);
	if (link->zh && !link->doomed) {
		zk_ops_flush(zk);
		keep_deadlines(zk);
	}
	if (link->doomed || (zk->phase == ZK_CLOSING && !link->alive)) {
		zk_link_bury(zk);
		zk_on_buried(zk);
	}
	follow_names(zk);
	if (zk->phase == ZK_OPEN && !link->zh &&
	    zk_now_ms(zk) >= link->retry_ms)
		handle_open(zk);
	if (link->zh)
		due_ms = ask_interest(zk);
	else if (zk->phase == ZK_OPEN && link->retry_ms > zk_now_ms(zk))
		due_ms = link->retry_ms;
	timer_arm(zk, min_ms(due_ms, deadlines_next_ms(zk)));
}

/* --- life --- */

bool zk_link_init(struct coord_zk *zk)
{
	struct zk_link *link = &zk->link;

	zoo_set_debug_level(ZOO_LOG_LEVEL_WARN); /* DEBUG reads freed memory */
	link->fd = -1;
	link->timeout_ms = zk->settings.session_timeout_ms;
	attempts_reset(link);
	link->timer = event_new(zk->base, -1, 0, on_timer, zk);
	link->fd_event = event_new(zk->base, -1, 0, on_fd, zk);
	return link->timer && link->fd_event;
}

void zk_link_fini(struct coord_zk *zk)
{
	struct zk_link *link = &zk->link;

	zk_link_bury(zk);
	if (link->timer)
		event_free(link->timer);
	if (link->fd_event)
		event_free(link->fd_event);
	if (log_owner == zk)
		log_owner = NULL;
}
