/* SPDX-License-Identifier: MIT */
/*
 * resolve - a list of servers, turned into numeric addresses.
 *
 * ZooKeeper's C client resolves names itself, by calls that block, again and
 * again; so it is given numbers only, and names are resolved here, in the
 * event loop.  A name that does not resolve keeps the addresses it had.  It
 * connects to nobody but name servers, and decides nothing.
 *
 * One thread.
 */
#ifndef DAEMON_RESOLVE_H
#define DAEMON_RESOLVE_H

#include <stdbool.h>
#include <stdint.h>

struct event_base;
struct resolve; /* private to resolve.c */

/* Servers in a list, and addresses of one name: more are left out. */
#define RESOLVE_SERVERS_MAX 32
#define RESOLVE_ADDRS_MAX   8
/* Where ZooKeeper listens when no port is given. */
#define RESOLVE_PORT_DEFAULT 2181

struct resolve_settings {
	/* "host:port,..."; a host is a name, an IPv4 or an IPv6 address, the
	 * last in brackets or before a port: [::1]:2181, ::1:2181. */
	const char *servers;
	/* "address:port" of the one name server to ask; NULL: as the system's
	 * resolv.conf has it. */
	const char *nameserver;
	/* A round of look-ups has ended, well or not.  From the loop. */
	void (*done)(void *ctx);
	void *ctx;
};

/* Whether a list can be used; if not, where_out is the offset of the part that
 * is wrong.  It resolves nothing. */
bool resolve_check(const char *servers, unsigned *where_out);

/* NULL when the list is wrong or memory is not to be had.  Strings are copied.
 */
struct resolve *resolve_new(struct event_base *base,
			    const struct resolve_settings *settings);
void resolve_free(struct resolve *resolve); /* NULL is fine */

/* Begin a round of look-ups, unless one is under way.  false: there is nothing
 * to look up (all numeric, or a round is under way or ended just now), done()
 * will not be called for this call. */
bool resolve_start(struct resolve *resolve);
/* A round is under way. */
bool resolve_busy(const struct resolve *resolve);

/*
 * The addresses as zookeeper_init() wants them: numeric, IPv6 without
 * brackets, in any order and odd in number (with an even list the library
 * skips every second server).  NULL when none is known.  Lives until the next
 * call of a function that takes a resolve that is not const.
 */
const char *resolve_list(struct resolve *resolve);
/* Entries of that list. */
unsigned resolve_list_len(const struct resolve *resolve);
/* Grows whenever the set of addresses changes; 0 while none is known. */
unsigned resolve_generation(const struct resolve *resolve);

#endif
