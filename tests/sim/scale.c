/* SPDX-License-Identifier: MIT */
/*
 * scale - what a grant costs the ensemble, as hosts, waiters and locks grow.
 *
 * Real hubs over one tree in memory, without faults and without latency: what
 * is counted is requests, watches, events and bytes.  One hot lock on few
 * daemons and on many, with 1 and with 20 clients each; 10 000 locks over 200
 * daemons, each host with locks of its own.  Requests, watches or events that
 * grow with hosts or waiters end the program with 1, and so does a hand-over
 * between hosts that costs more than the calls which DESIGN.md accounts for.
 * Bytes of a hot lock are O(hosts), for a listing is as long as the queue: what
 * may not grow is how many there are for each host that waits.
 *
 *	zkl_scale [HOSTS]      300 unless told; nightly: 1000
 */
#include <inttypes.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/coord_local.h"
#include "daemon/hub.h"

#define CLIENTS_MAX 64
#define TIMEOUT_MS  12000
#define HOLD_MS     1
/* Over before the owner asks for its watches; and long enough for all. */
#define SHORT_HOLD_MS 5
#define LONG_HOLD_MS  20
/* What DESIGN.md accounts for, and a little for the ends of a run. */
#define BACK_TO_BACK_MAX 5.05
#define PAUSED_MAX       4.05
#define LONG_MAX         5.05
#define PAUSED_WRITES    2.05
/* More hosts or waiters may cost a grant so much more: the ends of a run. */
#define GROWTH_MAX 1.15
/* And what a look for ghosts may bring with it: four requests when the first of
 * the queue had just ended, which few find (hub_ghost.c). */
#define LOOK_REQUESTS_MAX 0.5
/* Two listings, of 59 bytes a host that waits; and all the rest. */
#define HOST_BYTES_MAX 160.0
#define REST_BYTES_MAX 1200.0
/* What a packet of the protocol costs beside paths and data: lengths, header,
 * a stat (jute: ReplyHeader 16, Stat 68, lengths). */
#define REQUEST_BYTES 16
#define ANSWER_BYTES  88

/* looks: the multis of checks that hub_ghost.c sends */
struct cost {
	uint64_t requests, writes, watches, events, bytes, looks;
};

struct per_grant {
	double requests, writes, watches, events, bytes, looks;
	double looks_a_host, looks_a_host_max; /* of the whole run */
};

struct client {
	uint64_t conn;
	int64_t release_ms; /* INT64_MAX: it holds nothing */
	int64_t again_ms;   /* INT64_MAX: it has asked */
	char lock[32];
};

/* A host, and the coordinator that counts on its way to the real one. */
struct host {
	struct coord counting; /* first: the hub's coordinator */
	struct coord *inner;
	struct hub *hub;
	struct client clients[CLIENTS_MAX];
	int clients_len;
	char name[16];
};

struct run {
	const char *what;
	int hosts, clients,
	    locks; /* locks: 1: the hot one; else of each host */
	int64_t linger_ms;
	uint64_t grants_wanted;
	int64_t hold_ms;  /* 0: HOLD_MS */
	int64_t pause_ms; /* between a release and the next request */
};

static struct {
	struct coord_tree *tree;
	struct host *hosts;
	int hosts_len;
	int64_t now_ms, hold_ms, pause_ms;
	uint64_t random, grants;
	struct cost cost;
} world;

/* The coordinator in between */

static bool is_look(const struct coord_op *op)
{
	return op->verb == COORD_MULTI && op->subs[0].verb == COORD_CHECK;
}

/* Beats are the session's price, not a grant's.  So are looks for ghosts: who
 * waits sends one in a timeout, however many are granted meanwhile. */
static void note_op(const struct coord_op *op)
{
	if (op->urgent)
		return;
	if (is_look(op)) {
		world.cost.looks++;
	} else {
		world.cost.requests++;
		world.cost.writes +=
		    op->verb != COORD_LIST && op->verb != COORD_GET;
	}
	world.cost.watches += op->watch;
	world.cost.bytes += REQUEST_BYTES + strlen(op->path) + op->data_len;
	for (size_t i = 0; i < op->subs_len; i++)
		world.cost.bytes += REQUEST_BYTES + strlen(op->subs[i].path) +
				    op->subs[i].data_len;
}

static void count_connect(struct coord *coord)
{
	struct host *host = (struct host *)coord;

	host->inner->ops->connect(host->inner);
}

static void count_submit(struct coord *coord, const struct coord_op *ops,
			 size_t len)
{
	struct host *host = (struct host *)coord;

	for (size_t i = 0; i < len; i++)
		note_op(&ops[i]);
	host->inner->ops->submit(host->inner, ops, len);
}

static void count_drop(struct coord *coord)
{
	struct host *host = (struct host *)coord;

	host->inner->ops->drop_link(host->inner);
}

static void count_close(struct coord *coord)
{
	struct host *host = (struct host *)coord;

	host->inner->ops->close(host->inner);
}

static bool count_next(struct coord *coord, struct coord_event *event_out)
{
	struct host *host = (struct host *)coord;

	if (!host->inner->ops->next(host->inner, event_out))
		return false;
	if (event_out->type == COORD_EV_WATCH) {
		world.cost.events++;
		world.cost.bytes +=
		    REQUEST_BYTES + strlen(event_out->watch.path);
	} else if (event_out->type == COORD_EV_ANSWER) {
		world.cost.bytes += ANSWER_BYTES + event_out->answer.data_len;
		for (size_t i = 0; i < event_out->answer.children_len; i++)
			world.cost.bytes +=
			    4 + strlen(event_out->answer.children[i]);
	}
	return true;
}

static const struct coord_ops counting_ops = {
	.connect = count_connect,
	.submit = count_submit,
	.drop_link = count_drop,
	.close = count_close,
	.next = count_next,
};

/* Doors */

static int64_t tree_now(void *ctx)
{
	(void)ctx;
	return world.now_ms;
}

static void told(struct client *client, const char *line)
{
	if (strncmp(line, "GRANTED", 7) == 0) {
		world.grants++;
		client->release_ms = world.now_ms + world.hold_ms;
	} else if (strncmp(line, "ERR", 3) == 0) {
		(void)fprintf(stderr, "scale: %s\n", line);
		exit(1);
	}
}

static void door_send(void *ctx, uint64_t conn, const char *bytes, size_t len)
{
	struct host *host = ctx;
	char line[4096];

	while (len > 0) {
		const char *end = memchr(bytes, '\n', len);
		size_t one = (size_t)(end - bytes);

		(void)snprintf(line, sizeof line, "%.*s", (int)one, bytes);
		for (int i = 0; i < host->clients_len; i++)
			if (host->clients[i].conn == conn)
				told(&host->clients[i], line);
		bytes += one + 1;
		len -= one + 1;
	}
}

static bool door_bulk(void *ctx, uint64_t conn, const char *bytes, size_t len)
{
	door_send(ctx, conn, bytes, len);
	return true;
}

static void door_close(void *ctx, uint64_t conn)
{
	(void)ctx;
	(void)conn;
}

static void door_pause(void *ctx, uint64_t conn, bool paused)
{
	(void)ctx;
	(void)conn;
	(void)paused;
}

static void door_page(void *ctx, uint16_t gen, int64_t deadline_ms)
{
	(void)ctx;
	(void)gen;
	(void)deadline_ms;
}

/* xorshift64*: any well-spread numbers will do for uuids. */
static void door_random(void *ctx, void *bytes, size_t len)
{
	uint8_t *at = bytes;

	(void)ctx;
	for (size_t i = 0; i < len; i++) {
		world.random ^= world.random >> 12;
		world.random ^= world.random << 25;
		world.random ^= world.random >> 27;
		at[i] =
		    (uint8_t)((world.random * UINT64_C(2685821657736338717)) >>
			      56);
	}
}

static void door_log(void *ctx, enum hub_level level, const char *line)
{
	(void)ctx;
	if (level <= HUB_WARNING)
		(void)fprintf(stderr, "scale: %s\n", line);
}

/* A world */

static void say(struct host *host, const struct client *client,
		const char *verb)
{
	char line[64];
	int len = snprintf(line, sizeof line, "%s %s", verb, client->lock);

	hub_on_line(host->hub, client->conn, line, (size_t)len);
}

static void host_begin(struct host *host, int number, const struct run *run)
{
	static const struct coord_local_settings local = {
		.timeout_ms = TIMEOUT_MS, .server = "in memory"
	};
	const struct hub_doors doors = { host,       tree_now,  door_send,
					 door_bulk,  door_bulk, door_close,
					 door_pause, door_page, door_random,
					 door_log };
	struct hub_settings settings = { .host = host->name,
					 .root = "/scale",
					 .session_timeout_ms = TIMEOUT_MS,
					 .server_tick_ms = 2000,
					 .turns_ms = 50,
					 .turns_max = 64,
					 .batch_ops_max = 100,
					 .linger_ms = run->linger_ms,
					 .try_grace_ms = 50,
					 .drift_ppm = 1000,
					 .tickets_max = 10000,
					 .tickets_per_conn_max = 100,
					 .unanswered_max = 100,
					 .ephemeral_bytes_max = 768 * 1024 };
	static const struct hub_peer peer = { .pid = 1, .command = "scale" };

	(void)snprintf(host->name, sizeof host->name, "host%d", number);
	host->counting.ops = &counting_ops;
	host->inner = coord_local_new(world.tree, &local);
	host->hub = hub_new(&settings, &doors, &host->counting);
	hub_start(host->hub);
	hub_drain(host->hub);
	host->clients_len = run->clients;
	for (int i = 0; i < run->clients; i++) {
		struct client *client = &host->clients[i];

		client->release_ms = client->again_ms = INT64_MAX;
		client->conn = hub_on_open(host->hub, &peer);
		if (run->locks == 1)
			(void)snprintf(client->lock, sizeof client->lock,
				       "hot");
		else
			(void)snprintf(client->lock, sizeof client->lock,
				       "l%d-%d", number, i % run->locks);
		say(host, client, "LOCK");
	}
}

static void world_begin(const struct run *run)
{
	const struct coord_tree_settings tree = { .zxid_start = 1 << 20,
						  .now_ms = tree_now,
						  .views = 1 };

	memset(&world, 0, sizeof world);
	world.random = 1;
	world.now_ms = 1000000;
	world.pause_ms = run->pause_ms;
	world.hold_ms = run->hold_ms ? run->hold_ms : HOLD_MS;
	world.tree = coord_tree_new(&tree);
	world.hosts_len = run->hosts;
	world.hosts = calloc((size_t)run->hosts, sizeof *world.hosts);
	if (!world.hosts)
		exit(1);
	for (int i = 0; i < run->hosts; i++)
		host_begin(&world.hosts[i], i, run);
}

static void world_end(void)
{
	for (int i = 0; i < world.hosts_len; i++) {
		hub_free(world.hosts[i].hub);
		coord_local_free(world.hosts[i].inner);
	}
	free(world.hosts);
	for (int64_t id = 1; coord_tree_session_alive(world.tree, id); id++)
		coord_tree_session_end(world.tree, id);
	coord_tree_free(world.tree);
}

/* Whoever has held long enough lets go and asks again, at once or later. */
static void clients_turn(struct host *host)
{
	for (int i = 0; i < host->clients_len; i++) {
		struct client *client = &host->clients[i];

		if (client->release_ms <= world.now_ms) {
			client->release_ms = INT64_MAX;
			client->again_ms = world.now_ms + world.pause_ms;
			say(host, client, "UNLOCK");
		}
		if (client->again_ms <= world.now_ms) {
			client->again_ms = INT64_MAX;
			say(host, client, "LOCK");
		}
	}
}

/* What one host causes at another is heard a millisecond later: that is the
 * only latency there is. */
static void world_turn(void)
{
	for (int i = 0; i < world.hosts_len; i++) {
		clients_turn(&world.hosts[i]);
		coord_local_settle(world.hosts[i].inner);
		hub_drain(world.hosts[i].hub);
	}
	world.now_ms++;
}

static void per_grant(const struct run *run, uint64_t grants, int64_t took_ms,
		      struct per_grant *out)
{
	const struct cost *cost = &world.cost;
	const double n = (double)grants;

	out->requests = (double)cost->requests / n;
	out->writes = (double)cost->writes / n;
	out->watches = (double)cost->watches / n;
	out->events = (double)cost->events / n;
	out->bytes = (double)cost->bytes / n;
	out->looks = (double)cost->looks / n;
	out->looks_a_host = (double)cost->looks / run->hosts;
	out->looks_a_host_max = (double)took_ms / TIMEOUT_MS + 1;
}

static void measure(const struct run *run, struct per_grant *out)
{
	uint64_t grants;
	int64_t since_ms;

	world_begin(run);
	while (world.grants < run->grants_wanted / 4)
		world_turn();
	world.cost = (struct cost){ 0 };
	grants = world.grants;
	since_ms = world.now_ms;
	while (world.grants < grants + run->grants_wanted)
		world_turn();
	per_grant(run, world.grants - grants, world.now_ms - since_ms, out);
	printf("%-32s %5d %4d %6d %9.3f %7.3f %8.3f %8.3f %9.0f %7.3f\n",
	       run->what, run->hosts, run->clients, run->locks, out->requests,
	       out->writes, out->watches, out->events, out->bytes, out->looks);
	(void)fflush(stdout);
	world_end();
}

static bool over(const char *what, double got, double most)
{
	if (got <= most)
		return false;
	(void)fprintf(stderr, "scale: %s are %.3f, above %.3f\n", what, got,
		      most);
	return true;
}

static bool grown(const struct per_grant *few, const struct per_grant *many)
{
	const double looked = LOOK_REQUESTS_MAX * many->looks + 0.01;
	bool bad = over("requests of a grant with more hosts or waiters",
			many->requests, few->requests * GROWTH_MAX + looked);

	bad = over("watches of a grant with more hosts or waiters",
		   many->watches, few->watches * GROWTH_MAX + looked) ||
	      bad;
	return over("events of a grant with more hosts or waiters",
		    many->events, few->events * GROWTH_MAX + 0.01) ||
	       bad;
}

/* Bytes are O(hosts) for a hot lock, and for that only: who waits makes each
 * listing longer by a name, and the waiters of a host share its bid. */
static bool heavy(const struct run *run, const struct per_grant *got)
{
	const bool hot = run->locks == 1;
	const double hosts = hot ? run->hosts : 0;
	const double sharing = hot ? run->clients : 1;
	bool bad = over("bytes of a grant", got->bytes,
			(HOST_BYTES_MAX * hosts + REST_BYTES_MAX) / sharing);

	return over("looks for ghosts, of one host", got->looks_a_host,
		    got->looks_a_host_max) ||
	       bad;
}

int main(int argc, char **argv)
{
	const int most = argc > 1 ? atoi(argv[1]) : 300;
	const struct run runs[] = {
		{ "one hot lock, a waiter a host", 10, 1, 1, 200, 1000, 0, 0 },
		{ "", most, 1, 1, 200, (uint64_t)most, 0, 0 },
		{ "one hot lock, 20 waiters a host", 10, 20, 1, 200, 8000, 0,
		  0 },
		{ "", most, 20, 1, 200, (uint64_t)most * 40, 0, 0 },
		{ "locks of their own, cold", 10, 50, 50, 0, 2000, 0, 0 },
		{ "", 200, 50, 50, 0, 20000, 0, 0 },
		{ "locks of their own, warm", 200, 50, 50, 200, 20000, 0, 0 },
		{ "to and fro, with a pause", 2, 1, 1, 200, 1000, SHORT_HOLD_MS,
		  2 },
		{ "the same, longer holds", 2, 1, 1, 200, 1000, LONG_HOLD_MS,
		  2 },
	};
	struct per_grant got[sizeof runs / sizeof runs[0]] = { 0 };
	bool bad = false;

	printf("%-32s %5s %4s %6s %9s %7s %8s %8s %9s %7s\n", "a grant costs",
	       "hosts", "each", "locks", "requests", "writes", "watches",
	       "events", "bytes", "looks");
	for (size_t i = 0; i < sizeof runs / sizeof runs[0]; i++) {
		measure(&runs[i], &got[i]);
		bad = heavy(&runs[i], &got[i]) || bad;
	}
	bad = grown(&got[0], &got[1]) || bad;
	bad = grown(&got[2], &got[3]) || bad;
	bad = grown(&got[4], &got[5]) || bad;
	bad = over("bytes of a grant with more hosts, locks of their own",
		   got[5].bytes, got[4].bytes * GROWTH_MAX) ||
	      bad;
	bad = grown(&got[0], &got[2]) || bad; /* in waiters of a host */
	bad = over("requests of a warm grant", got[6].requests, 0.01) || bad;
	bad =
	    over("requests of ten hosts", got[0].requests, BACK_TO_BACK_MAX) ||
	    bad;
	bad = over("requests of two hosts", got[7].requests, PAUSED_MAX) || bad;
	bad = over("requests of long holds", got[8].requests, LONG_MAX) || bad;
	bad = over("writes of long holds", got[8].writes, PAUSED_WRITES) || bad;
	return over("writes of two hosts", got[7].writes, PAUSED_WRITES) || bad;
}
