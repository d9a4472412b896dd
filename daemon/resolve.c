/* SPDX-License-Identifier: MIT */
/*
 * resolve - see the header.  Each round has an evdns base of its own, so that
 * a change of resolv.conf or the hosts file counts from the next round on.
 */
#include "daemon/resolve.h"

#include <arpa/inet.h>
#include <assert.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* The longest name that DNS knows. */
#define HOST_MAX 255
/* An address with its scope, a colon and a port. */
#define ADDR_MAX (INET6_ADDRSTRLEN + 32)
/* A round that takes longer ends with what it has: the old addresses stay. */
#define ROUND_S 3
/* Rounds begin at most this often. */
#define ROUND_EVERY_MS 5000

struct addr {
	char text[ADDR_MAX]; /* "1.2.3.4:2181", "::1:2181" */
};

/* One look-up.  The library answers each exactly once, perhaps long after the
 * round has ended (server is NULL then): the answer frees it. */
struct ask {
	struct server *server;
	struct ask *next;
};

struct server {
	struct resolve *resolve;
	char host[HOST_MAX + 1];
	char port[6];
	bool numeric;
	struct addr addrs[RESOLVE_ADDRS_MAX];
	unsigned addrs_len;
};

struct resolve {
	struct event_base *base;
	struct evdns_base *dns; /* while a round is under way */
	struct event *ended;    /* the round's end, or its time-out */
	char *nameserver;
	void (*done)(void *ctx);
	void *ctx;
	struct server servers[RESOLVE_SERVERS_MAX];
	unsigned servers_len;
	struct ask *asks; /* look-ups without an answer yet */
	unsigned generation;
	int64_t begun_ms; /* the last round; 0: none */
	char *list;
	unsigned list_len;
};

/* --- the list --- */

/* One entry, cut from the list, into host and port.  false: it is wrong. */
static bool entry_split(const char *entry, size_t len, struct server *server)
{
	const char *host = entry;
	const char *end = entry + len;
	const char *colon = NULL;
	size_t host_len;
	int port = RESOLVE_PORT_DEFAULT;
	int port_len = 0;

	for (const char *at = entry; at < end; at++) {
		if (*at == ':')
			colon = at;
	}
	if (len && *entry == '[') {
		const char *bracket = memchr(entry, ']', len);

		if (!bracket)
			return false;
		host = entry + 1;
		host_len = (size_t)(bracket - host);
		colon = bracket + 1 < end ? bracket + 1 : NULL;
		if (colon && *colon != ':')
			return false;
	} else {
		host_len = colon ? (size_t)(colon - entry) : len;
	}
	if (host_len == 0 || host_len > HOST_MAX)
		return false;
	if (colon) {
		port = 0;
		for (const char *at = colon + 1; at < end; at++, port_len++) {
			if (*at < '0' || *at > '9' || port_len == 5)
				return false;
			port = port * 10 + (*at - '0');
		}
	}
	if (port < 1 || port > UINT16_MAX)
		return false;
	memcpy(server->host, host, host_len);
	server->host[host_len] = '\0';
	(void)snprintf(server->port, sizeof server->port, "%hu",
		       (unsigned short)port);
	return true;
}

static bool host_allowed(const char *host)
{
	const char *const allowed = "abcdefghijklmnopqrstuvwxyz"
				    "ABCDEFGHIJKLMNOPQRSTUVWXYZ"
				    "0123456789-._:%";

	return host[strspn(host, allowed)] == '\0';
}

/* Fills addrs from a result, which may be a numeric host's. */
static void addrs_take(struct server *server, const struct evutil_addrinfo *ai)
{
	struct addr addrs[RESOLVE_ADDRS_MAX];
	unsigned len = 0;
	bool same;

	memset(addrs, 0, sizeof addrs);
	for (; ai && len < RESOLVE_ADDRS_MAX; ai = ai->ai_next) {
		char host[ADDR_MAX - sizeof server->port];

		if (getnameinfo(ai->ai_addr, (socklen_t)ai->ai_addrlen, host,
				sizeof host, NULL, 0, NI_NUMERICHOST) != 0)
			continue;
		(void)snprintf(addrs[len++].text, sizeof addrs[0].text, "%s:%s",
			       host, server->port);
	}
	if (!len)
		return; /* a name that is gone keeps its addresses */
	same = len == server->addrs_len;
	for (unsigned i = 0; same && i < len; i++) {
		bool known = false;

		for (unsigned k = 0; k < len; k++)
			known = known || strcmp(addrs[i].text,
						server->addrs[k].text) == 0;
		same = known;
	}
	if (same)
		return;
	memcpy(server->addrs, addrs, sizeof addrs);
	server->addrs_len = len;
	if (server->resolve)
		server->resolve->generation++;
}

/* A numeric host is its own address: this asks nobody. */
static void numeric_take(struct server *server)
{
	struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
				  .ai_socktype = SOCK_STREAM };
	struct addrinfo *ai = NULL;

	if (getaddrinfo(server->host, server->port, &hints, &ai) != 0)
		return;
	server->numeric = true;
	addrs_take(server, ai);
	freeaddrinfo(ai);
}

/* Reads the list into servers (RESOLVE_SERVERS_MAX of them). */
static bool list_read(const char *list, struct server *servers,
		      unsigned *len_out, unsigned *where_out)
{
	const char *at = list;
	unsigned len = 0;

	for (;;) {
		size_t part = strcspn(at, ",");
		size_t blank = strspn(at, " \t");
		size_t end = part;

		blank = blank < part ? blank : part;
		while (end > blank && strchr(" \t", at[end - 1]))
			end--;
		*where_out = (unsigned)(at - list);
		if (len == RESOLVE_SERVERS_MAX)
			return false;
		if (!entry_split(at + blank, end - blank, &servers[len]) ||
		    !host_allowed(servers[len].host))
			return false;
		numeric_take(&servers[len]);
		/* A colon or a scope belongs to a number only. */
		if (!servers[len].numeric && strpbrk(servers[len].host, ":%"))
			return false;
		len++;
		if (!at[part])
			break;
		at += part + 1;
	}
	*len_out = len;
	return true;
}

bool resolve_check(const char *servers, unsigned *where_out)
{
	struct server *read = calloc(RESOLVE_SERVERS_MAX, sizeof *read);
	unsigned len = 0;
	bool good;

	*where_out = 0;
	good = read && list_read(servers, read, &len, where_out);
	free(read);
	return good;
}

/* --- rounds --- */

static int64_t steady_ms(void)
{
	struct timespec ts = { 0 };

	(void)clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static void ask_forget(struct resolve *resolve, const struct ask *ask)
{
	struct ask **at = &resolve->asks;

	while (*at && *at != ask)
		at = &(*at)->next;
	if (*at)
		*at = ask->next;
}

static void on_answer(int result, struct evutil_addrinfo *ai, void *ctx)
{
	struct ask *ask = ctx;
	struct server *server = ask->server;

	if (server) {
		ask_forget(server->resolve, ask);
		if (result == 0)
			addrs_take(server, ai);
		if (!server->resolve->asks)
			event_active(server->resolve->ended, EV_TIMEOUT, 0);
	}
	if (ai)
		evutil_freeaddrinfo(ai);
	free(ask);
}

static void round_end(struct resolve *resolve)
{
	struct evdns_base *dns = resolve->dns;

	for (struct ask *ask = resolve->asks; ask; ask = ask->next)
		ask->server = NULL;
	resolve->asks = NULL;
	resolve->dns = NULL;
	(void)event_del(resolve->ended);
	if (dns)
		evdns_base_free(dns, 1);
}

static void on_ended(evutil_socket_t fd, short what, void *ctx)
{
	struct resolve *resolve = ctx;

	(void)fd;
	(void)what;
	if (!resolve->dns)
		return;
	round_end(resolve);
	resolve->done(resolve->ctx);
}

static struct evdns_base *dns_open(const struct resolve *resolve)
{
	struct evdns_base *dns =
	    evdns_base_new(resolve->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);

	if (!dns)
		return NULL;
	if (resolve->nameserver)
		(void)evdns_base_nameserver_ip_add(dns, resolve->nameserver);
	else
		(void)evdns_base_resolv_conf_parse(dns, DNS_OPTIONS_ALL,
						   "/etc/resolv.conf");
	(void)evdns_base_load_hosts(dns, NULL);
	/* Well within a round, so that a second server is asked too. */
	(void)evdns_base_set_option(dns, "timeout:", "1");
	(void)evdns_base_set_option(dns, "attempts:", "2");
	return dns;
}

static void server_ask(struct resolve *resolve, struct server *server)
{
	struct evutil_addrinfo hints = { .ai_family = AF_UNSPEC,
					 .ai_socktype = SOCK_STREAM };
	struct ask *ask = calloc(1, sizeof *ask);

	if (!ask)
		return; /* as a name that does not resolve */
	ask->server = server;
	ask->next = resolve->asks;
	resolve->asks = ask;
	/* The answer may come within the call. */
	(void)evdns_getaddrinfo(resolve->dns, server->host, server->port,
				&hints, on_answer, ask);
}

static bool has_names(const struct resolve *resolve)
{
	for (unsigned i = 0; i < resolve->servers_len; i++) {
		if (!resolve->servers[i].numeric)
			return true;
	}
	return false;
}

bool resolve_start(struct resolve *resolve)
{
	struct timeval patience = { .tv_sec = ROUND_S };
	int64_t now_ms = steady_ms();

	if (resolve->dns || !has_names(resolve))
		return false;
	if (resolve->generation && resolve->begun_ms &&
	    now_ms - resolve->begun_ms < ROUND_EVERY_MS)
		return false;
	resolve->dns = dns_open(resolve);
	if (!resolve->dns)
		return false;
	resolve->begun_ms = now_ms;
	(void)event_add(resolve->ended, &patience);
	for (unsigned i = 0; i < resolve->servers_len; i++) {
		if (!resolve->servers[i].numeric)
			server_ask(resolve, &resolve->servers[i]);
	}
	if (!resolve->asks) /* all answered at once, from the hosts file */
		event_active(resolve->ended, EV_TIMEOUT, 0);
	return true;
}

bool resolve_busy(const struct resolve *resolve)
{
	return resolve->dns != NULL;
}

/* --- what comes out --- */

unsigned resolve_list_len(const struct resolve *resolve)
{
	unsigned len = 0;

	for (unsigned i = 0; i < resolve->servers_len; i++)
		len += resolve->servers[i].addrs_len;
	return len && len % 2 == 0 ? len + 1 : len;
}

const char *resolve_list(struct resolve *resolve)
{
	unsigned len = resolve_list_len(resolve);
	const char *extra = NULL;
	size_t at = 0;
	char *list;

	if (!len)
		return NULL;
	list = calloc(len, ADDR_MAX + 1);
	if (!list)
		return NULL;
	for (unsigned i = 0; i < resolve->servers_len; i++) {
		const struct server *server = &resolve->servers[i];

		for (unsigned k = 0; k < server->addrs_len; k++) {
			at += (size_t)snprintf(list + at, ADDR_MAX + 1, "%s%s",
					       at ? "," : "",
					       server->addrs[k].text);
			extra = server->addrs[k].text;
			len--;
		}
	}
	if (len) /* an even list: one address twice */
		(void)snprintf(list + at, ADDR_MAX + 1, ",%s", extra);
	free(resolve->list);
	resolve->list = list;
	return list;
}

unsigned resolve_generation(const struct resolve *resolve)
{
	return resolve->generation;
}

/* --- life --- */

struct resolve *resolve_new(struct event_base *base,
			    const struct resolve_settings *settings)
{
	struct resolve *resolve = calloc(1, sizeof *resolve);
	unsigned where;

	if (!resolve)
		return NULL;
	resolve->base = base;
	resolve->done = settings->done;
	resolve->ctx = settings->ctx;
	if (!list_read(settings->servers, resolve->servers,
		       &resolve->servers_len, &where))
		goto fail;
	for (unsigned i = 0; i < resolve->servers_len; i++) {
		resolve->servers[i].resolve = resolve;
		if (resolve->servers[i].addrs_len)
			resolve->generation = 1;
	}
	if (settings->nameserver) {
		resolve->nameserver = strdup(settings->nameserver);
		if (!resolve->nameserver)
			goto fail;
	}
	resolve->ended = event_new(base, -1, 0, on_ended, resolve);
	if (!resolve->ended)
		goto fail;
	return resolve;

fail:
	resolve_free(resolve);
	return NULL;
}

void resolve_free(struct resolve *resolve)
{
	if (!resolve)
		return;
	if (resolve->ended) {
		round_end(resolve);
		event_free(resolve->ended);
	}
	free(resolve->nameserver);
	free(resolve->list);
	free(resolve);
}
