/* SPDX-License-Identifier: MIT */
/*
 * main_run - see main_run.h.
 *
 * A turn: callbacks note what happened; the hub acts once; replies go out;
 * the dead are buried; systemd is told; sleep.  Nothing else happens
 * anywhere.
 */
#include "daemon/main_run.h"

#include <errno.h>
#include <event2/event.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <unistd.h>

#include "daemon/access.h"
#include "daemon/clock.h"
#include "daemon/coord_local.h"
#include "daemon/fence.h"
#include "daemon/hash.h"
#include "daemon/hub.h"
#include "daemon/leasepage.h"
#include "daemon/listener.h"
#include "daemon/main_listen.h"
#include "daemon/main_notify.h"
#include "daemon/main_settings.h"
#include "daemon/main_state.h"
#include "proto/page.h"

/* Descriptors besides clients: sockets to servers and to the log, events,
 * the spare one, files for a moment. */
#define FDS_BESIDES 64
/* How often empty parents go from the tree of --dev. */
#define DEV_REAP_MS 1000

#define SIGNALS 3

struct daemon {
	const struct main_run *run;
	struct event_base *base;
	struct event *signals[SIGNALS];
	struct event *alarm_ev;
	int alarm_fd;
	int64_t alarm_ms; /* what it is set to */
	bool hurry;       /* something is due: do not sleep */
	int state_fd;
	struct access access;
	struct leasepage *page;
	struct conns *conns;
	struct listener *listener;
	struct coord_tree *tree; /* --dev */
	struct coord *coord;
	struct fence *fence;    /* a dead predecessor's session; NULL: none */
	int64_t predecessor_ms; /* its last deadline; 0: none, or unknown */
	int64_t saved_session;  /* what FENCE_FILE holds */
	struct hub *hub;
	struct main_notify notify;
	bool stopping;
	bool cut_short;
};

/* Doors of the hub */

static void door_send(void *ctx, uint64_t conn, const char *bytes, size_t len)
{
	conns_send(((struct daemon *)ctx)->conns, conn, bytes, len);
}

static bool door_bulk(void *ctx, uint64_t conn, const char *bytes, size_t len)
{
	return conns_bulk(((struct daemon *)ctx)->conns, conn, bytes, len);
}

static bool door_offer(void *ctx, uint64_t conn, const char *bytes, size_t len)
{
	return conns_offer(((struct daemon *)ctx)->conns, conn, bytes, len);
}

static void door_close(void *ctx, uint64_t conn)
{
	conns_close(((struct daemon *)ctx)->conns, conn);
}

static void door_pause(void *ctx, uint64_t conn, bool paused)
{
	conns_pause(((struct daemon *)ctx)->conns, conn, paused);
}

static void door_page(void *ctx, uint16_t gen, int64_t deadline_ms)
{
	leasepage_set(((struct daemon *)ctx)->page, gen, deadline_ms);
}

static void door_random(void *ctx, void *bytes, size_t len)
{
	(void)ctx;
	/* Two bids with one uuid would be one: rather end. */
	if (getrandom(bytes, len, 0) != (ssize_t)len)
		abort();
}

static void door_log(void *ctx, enum hub_level level, const char *line)
{
	static const enum log_level levels[] = {
		[HUB_ERR] = LOG_LEVEL_ERR,
		[HUB_WARNING] = LOG_LEVEL_WARNING,
		[HUB_NOTICE] = LOG_LEVEL_NOTICE,
		[HUB_INFO] = LOG_LEVEL_INFO,
		[HUB_DEBUG] = LOG_LEVEL_DEBUG,
	};

	(void)ctx;
	log_event(levels[level], "%s", line);
}

static void zk_log(void *ctx, enum coord_zk_level level, const char *line)
{
	static const enum log_level levels[] = {
		[COORD_ZK_ERR] = LOG_LEVEL_ERR,
		[COORD_ZK_WARNING] = LOG_LEVEL_WARNING,
		[COORD_ZK_NOTICE] = LOG_LEVEL_NOTICE,
	};

	(void)ctx;
	log_event(levels[level], "%s", line);
}

/* Signals */

static void reload_told(void *ctx, const char *key, bool taken)
{
	(void)ctx;
	if (taken)
		log_event(LOG_LEVEL_NOTICE, "event=reload key=%s", key);
	else
		log_event(LOG_LEVEL_WARNING,
			  "event=reload_needs_restart key=%s", key);
}

/* As many descriptors as clients may come. */
static void raise_fds(rlim_t want)
{
	struct rlimit limit;

	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= want)
		return;
	limit.rlim_cur = want;
	if (limit.rlim_max < want)
		limit.rlim_max = want;
	if (setrlimit(RLIMIT_NOFILE, &limit) == 0)
		return;
	(void)getrlimit(RLIMIT_NOFILE, &limit);
	limit.rlim_cur = limit.rlim_max;
	(void)setrlimit(RLIMIT_NOFILE, &limit);
}

/* Where there are fewer that is said, and fewer clients may come: they must
 * not have what the way to a server needs. */
static struct conns_settings conns_settings(const struct config_values *values)
{
	const rlim_t besides = CONN_ADMIN_RESERVE + FDS_BESIDES;
	struct conns_settings conns = main_settings_conns(values);
	rlim_t want = conns.clients_max + besides;
	struct rlimit limit;

	raise_fds(want);
	if (getrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur >= want)
		return conns;
	log_event(LOG_LEVEL_WARNING,
		  "event=descriptors_short have=%llu want=%llu",
		  (unsigned long long)limit.rlim_cur, (unsigned long long)want);
	conns.clients_max = limit.rlim_cur > besides + 1
				? (uint32_t)(limit.rlim_cur - besides)
				: 1;
	return conns;
}

/* A file that is not good changes nothing. */
static void reload(struct daemon *d)
{
	const struct config_values *values = config_values(d->run->config);
	char problem[CONFIG_PROBLEM_MAX];
	struct conns_settings conns;
	struct config *fresh = NULL;
	struct hub_settings hub;

	main_notify_reloading();
	if (!config_load(d->run->source, &fresh, problem)) {
		log_event(LOG_LEVEL_ERR,
			  "event=reload_refused error=\"%s\" :the old "
			  "configuration stays",
			  problem);
	} else {
		config_merge(d->run->config, fresh, reload_told, NULL);
		config_free(fresh);
		hub = main_settings_hub(values);
		hub_reload(d->hub, &hub);
		if (!d->tree)
			coord_zk_watch_bytes_set(d->coord,
						 hub.ephemeral_bytes_max);
		conns = conns_settings(values);
		conns_reload(d->conns, &conns);
		log_level_set((enum log_level)values->log_level);
		log_event(LOG_LEVEL_NOTICE, "event=reloaded");
	}
	main_notify_reloaded();
}

static void on_signal(evutil_socket_t number, short what, void *arg)
{
	struct daemon *d = arg;

	(void)what;
	if (number == SIGHUP) {
		reload(d);
		return;
	}
	log_event(LOG_LEVEL_NOTICE, "event=signal number=%d times=%d",
		  (int)number, d->stopping ? 2 : 1);
	if (d->stopping)
		d->cut_short = true;
	d->stopping = true;
	main_notify_stopping(&d->notify);
	hub_stop(d->hub);
}

static bool open_signals(struct daemon *d)
{
	static const int heard[SIGNALS] = { SIGTERM, SIGINT, SIGHUP };
	/* Their default is to end the process, and nobody means that. */
	static const int ignored[] = { SIGALRM, SIGUSR1, SIGUSR2,
				       SIGPOLL, SIGPROF, SIGVTALRM };

	for (size_t i = 0; i < sizeof ignored / sizeof *ignored; i++)
		(void)signal(ignored[i], SIG_IGN);
	for (size_t i = 0; i < SIGNALS; i++) {
		d->signals[i] = evsignal_new(d->base, heard[i], on_signal, d);
		if (!d->signals[i] || event_add(d->signals[i], NULL) < 0)
			return false;
	}
	return true;
}

/* Sessions, for a successor to end should we die */

static void keep_session(struct daemon *d)
{
	const char *dir = config_values(d->run->config)->state_dir;
	struct coord_zk_id id;
	int rc;

	if (d->tree || !coord_zk_session(d->coord, &id) ||
	    id.session == d->saved_session)
		return;
	rc = fence_save(dir, &id);
	if (rc < 0)
		log_event(LOG_LEVEL_WARNING,
			  "event=session_not_saved state_dir=%s error=\"%s\"",
			  dir, strerror(-rc));
	d->saved_session = id.session; /* one try a session */
	explicit_bzero(&id, sizeof id);
}

static void turn_fence(struct daemon *d, int64_t now_ms)
{
	if (!d->fence || fence_turn(d->fence, now_ms))
		return;
	fence_free(d->fence);
	d->fence = NULL;
}

/* A page that promises more than a session can last is of another boot. */
static void open_fence(struct daemon *d, const struct coord_zk_settings *zk)
{
	const struct config_values *values = config_values(d->run->config);
	int64_t now_ms = clock_now_ms();
	struct coord_zk_id id;

	if (d->predecessor_ms == 0 ||
	    d->predecessor_ms > now_ms + values->session_timeout_ms ||
	    !fence_load(values->state_dir, &id))
		return;
	d->fence = fence_new(d->base, zk, &id, d->predecessor_ms);
	explicit_bzero(&id, sizeof id);
}

/* The turn */

static void on_alarm(evutil_socket_t fd, short what, void *arg)
{
	struct daemon *d = arg;

	(void)what;
	clock_alarm_seen(fd);
	d->alarm_ms = INT64_MAX;
}

static int64_t earlier(int64_t a_ms, int64_t b_ms)
{
	return a_ms < b_ms ? a_ms : b_ms;
}

/* An alarm that is set too early costs one idle turn; setting it anew each
 * turn would cost more. */
static void arm(struct daemon *d, int64_t now_ms)
{
	int64_t wake_ms = earlier(
	    hub_wake_ms(d->hub),
	    earlier(conns_wake_ms(d->conns), main_notify_wake_ms(&d->notify)));

	if (d->fence)
		wake_ms = earlier(wake_ms, fence_wake_ms(d->fence));
	d->hurry = wake_ms <= now_ms || conns_pending(d->conns);
	if (d->hurry || wake_ms >= d->alarm_ms)
		return;
	if (clock_alarm_set(d->alarm_fd, wake_ms) == 0)
		d->alarm_ms = wake_ms;
	else
		d->hurry = true; /* rather busy than late */
}

static void turn(struct daemon *d, struct hub_state *state_out)
{
	int64_t now_ms;

	(void)event_base_loop(d->base,
			      EVLOOP_ONCE | (d->hurry ? EVLOOP_NONBLOCK : 0));
	conns_turn(d->conns);
	if (d->tree)
		coord_tree_tick(d->tree);
	hub_drain(d->hub);
	conns_hold(d->conns, hub_pending(d->hub));
	now_ms = clock_now_ms();
	conns_flush(d->conns, now_ms);
	turn_fence(d, now_ms);
	keep_session(d);
	hub_state(d->hub, state_out);
	if (state_out->torn && !d->stopping) {
		d->stopping = true;
		main_notify_stopping(&d->notify);
	}
	main_notify_turn(&d->notify, state_out, now_ms);
	arm(d, now_ms);
}

static enum main_exit serve(struct daemon *d)
{
	struct hub_state state = { 0 };

	hub_start(d->hub);
	d->hurry = true; /* what hub_start() caused */
	while (!state.done && !d->cut_short)
		turn(d, &state);
	if (state.done && !d->tree)
		fence_forget(config_values(d->run->config)->state_dir);
	log_event(LOG_LEVEL_NOTICE, "event=stopped in_order=%d", state.done);
	if (d->cut_short)
		return EXIT_CUT_SHORT;
	return state.torn ? EXIT_TORN : EXIT_FINE;
}

/* Beginning */

static enum main_exit open_state(struct daemon *d)
{
	const struct config_values *values = config_values(d->run->config);
	const char *step;
	uint64_t word;
	int rc;

	rc = main_state_open(values->state_dir, values->host, &step);
	d->state_fd = rc;
	if (rc == -EWOULDBLOCK) {
		log_event(LOG_LEVEL_ERR,
			  "event=already_running state_dir=%s :another "
			  "zklockd runs there",
			  values->state_dir);
		return EXIT_RUNNING;
	}
	if (rc >= 0 && leasepage_read(values->state_dir, &word) == 0)
		d->predecessor_ms = zkp_page_deadline_ms(word);
	if (rc >= 0)
		rc = leasepage_open(values->state_dir, &d->page, &step);
	if (rc >= 0)
		return EXIT_FINE;
	log_event(LOG_LEVEL_ERR,
		  "event=state_failed step=%s state_dir=%s error=\"%s\"", step,
		  values->state_dir, strerror(-rc));
	return EXIT_NO_STATE;
}

static enum main_exit open_base(struct daemon *d)
{
	struct event_config *config = event_config_new();
	uint8_t key[16];

	door_random(NULL, key, sizeof key);
	hash_seed(key);
	if (!config)
		return EXIT_INTERNAL;
	/* A paused connection must notice its end. */
	(void)event_config_require_features(config, EV_FEATURE_EARLY_CLOSE);
	d->base = event_base_new_with_config(config);
	event_config_free(config);
	if (!d->base || !open_signals(d))
		return EXIT_INTERNAL;
	d->alarm_fd = clock_alarm_open();
	if (d->alarm_fd < 0)
		return EXIT_INTERNAL;
	d->alarm_ev =
	    event_new(d->base, d->alarm_fd, EV_READ | EV_PERSIST, on_alarm, d);
	if (!d->alarm_ev || event_add(d->alarm_ev, NULL) < 0)
		return EXIT_INTERNAL;
	return EXIT_FINE;
}

static bool open_dev(struct daemon *d)
{
	const struct config_values *values = config_values(d->run->config);
	const int64_t wall_us = clock_wall_us();
	const struct coord_tree_settings tree = {
		.zxid_start = coord_tree_zxid_start(wall_us),
		.now_ms = clock_door_ms,
		.wall_offset_ms = wall_us / 1000 - clock_now_ms(),
		.reap_every_ms = DEV_REAP_MS,
		.views = 1,
	};
	const struct coord_local_settings local = {
		.timeout_ms = values->session_timeout_ms,
		.server = "memory",
	};

	d->tree = coord_tree_new(&tree);
	if (d->tree)
		d->coord = coord_local_new(d->tree, &local);
	return d->coord;
}

static enum main_exit open_coord(struct daemon *d)
{
	const struct config_values *values = config_values(d->run->config);
	struct coord_zk_settings zk = main_settings_zk(values);
	char auth[MAIN_AUTH_MAX] = "";

	if (d->run->dev)
		return open_dev(d) ? EXIT_FINE : EXIT_INTERNAL;
	if (*values->auth_file) {
		if (!main_settings_auth(values->auth_file, auth))
			return EXIT_BAD_CONFIG;
		zk.auth = auth;
	}
	zk.now_ms = clock_door_ms;
	zk.log = zk_log;
	d->coord = coord_zk_new(d->base, &zk);
	open_fence(d, &zk);
	explicit_bzero(auth, sizeof auth);
	return d->coord ? EXIT_FINE : EXIT_INTERNAL;
}

static enum main_exit open_hub(struct daemon *d)
{
	const struct config_values *values = config_values(d->run->config);
	const struct hub_doors doors = {
		.ctx = d,
		.now_ms = clock_door_ms,
		.send = door_send,
		.bulk = door_bulk,
		.offer = door_offer,
		.close = door_close,
		.pause = door_pause,
		.page = door_page,
		.random = door_random,
		.log = door_log,
	};
	struct hub_settings hub = main_settings_hub(values);
	struct conns_settings conns = conns_settings(values);

	hub.lease_page = leasepage_path(d->page);
	hub.lease_page_id = leasepage_id(d->page);
	hub.shares = config_shares(d->run->config, &hub.shares_len);
	hub.dev = d->run->dev;
	d->conns = conns_new(d->base, &conns);
	if (!d->conns)
		return EXIT_INTERNAL;
	d->hub = hub_new(&hub, &doors, d->coord);
	if (!d->hub)
		return EXIT_INTERNAL;
	conns_attach(d->conns, &(struct conn_events){
				   .hub = d->hub,
				   .open = hub_on_open,
				   .line = hub_on_line,
				   .overlong = hub_on_overlong,
				   .eof = hub_on_eof,
			       });
	return EXIT_FINE;
}

static enum main_exit open_listener(struct daemon *d)
{
	const struct config_values *values = config_values(d->run->config);
	struct listener_settings settings = {
		.path = values->socket,
		.mode = (mode_t)values->socket_mode,
	};

	access_init(&d->access, NULL);
	if (main_listen_take(&settings.fd) < 0)
		return EXIT_NO_SOCKET;
	if (listener_open(d->base, &settings, &d->access, d->conns,
			  &d->listener) < 0)
		return EXIT_NO_SOCKET;
	log_event(LOG_LEVEL_NOTICE,
		  "event=started version=" ZKLOCKD_VERSION
		  " host=%s socket=%s state_dir=%s dev=%d",
		  values->host,
		  settings.fd < 0 ? values->socket : "handed_over",
		  values->state_dir, d->run->dev);
	return EXIT_FINE;
}

/* Each needs those before it; the socket comes last: who connects finds
 * everything else in place. */
static enum main_exit open_all(struct daemon *d)
{
	enum main_exit (*const steps[])(struct daemon *) = {
		open_state, open_base, open_coord, open_hub, open_listener,
	};
	enum main_exit code = EXIT_FINE;

	for (size_t i = 0; i < sizeof steps / sizeof *steps; i++) {
		code = steps[i](d);
		if (code != EXIT_FINE)
			break;
	}
	if (code == EXIT_INTERNAL)
		log_event(LOG_LEVEL_ERR, "event=start_failed error=\"%s\"",
			  strerror(errno));
	return code;
}

/* Half-built things are fine. */
static void close_all(struct daemon *d)
{
	fence_free(d->fence);
	listener_free(d->listener);
	conns_free(d->conns);
	hub_free(d->hub);
	if (d->tree) {
		coord_local_free(d->coord);
		coord_tree_free(d->tree);
	} else {
		coord_zk_free(d->coord);
	}
	leasepage_free(d->page);
	for (size_t i = 0; i < SIGNALS; i++) {
		if (d->signals[i])
			event_free(d->signals[i]);
	}
	if (d->alarm_ev)
		event_free(d->alarm_ev);
	if (d->alarm_fd >= 0)
		(void)close(d->alarm_fd);
	if (d->base)
		event_base_free(d->base);
	if (d->state_fd >= 0)
		(void)close(d->state_fd); /* and with it the lock */
}

enum main_exit main_run(const struct main_run *run)
{
	struct daemon d = { .run = run,
			    .alarm_fd = -1,
			    .alarm_ms = INT64_MAX,
			    .state_fd = -1 };
	enum main_exit code;

	code = open_all(&d);
	if (code == EXIT_FINE) {
		main_notify_init(&d.notify, clock_now_ms());
		code = serve(&d);
	}
	close_all(&d);
	return code;
}
