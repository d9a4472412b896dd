/* SPDX-License-Identifier: MIT */
/*
 * layout - znode names: what we write below a lock's node, and how the names
 * of others are read.
 *
 * Written: as the layout of the name's prefix says, layout_bid_prefix().
 * Read, wherever it stands: whatever Curator, kazoo, Go and the recipes write
 * (their sources are named in daemon/DESIGN.md),
 *
 *	(__lock__|__rlock__|lock-|__READ__|__WRIT__|x-[0-9a-f-]+-)(-?\d{10})$
 *
 * A child of another name is no contender.  The words in a node's data are
 * written and read here too.  Pure.
 */
#ifndef DAEMON_LAYOUT_H
#define DAEMON_LAYOUT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/mode.h"

/* A bid's name without its digits, and NUL. */
#define LAYOUT_NAME_MAX 64
/* The data line of a node: host, pid, uid, command, note, all escaped. */
#define LAYOUT_WORDS_MAX 1024
/* "host pid=812 command", or what can be said of a stranger. */
#define LAYOUT_HOLDER_MAX 256

/* From here on a lock's counter is nearly used up: at 2^31 - 1 it sticks and
 * numbers repeat.  A lock's node that is made anew begins at 0 again. */
#define LAYOUT_SEQ_REFUSE ((INT64_C(1) << 31) - (INT64_C(1) << 20))

/*
 * X(symbol, word of the configuration, what it writes)
 *
 * OWN: names below our root, where nobody else takes part.  The others stand
 * under share prefixes, each as its implementation has it.
 */
#define LAYOUT_KIND_MAP(X)                                        \
	X(LAYOUT_OWN, "own", "-lock- alone, -__READ__ together")  \
	X(LAYOUT_CURATOR, "curator", "-lock-: InterProcessMutex") \
	X(LAYOUT_CURATOR_RW, "curator-rw",                        \
	  "-__WRIT__ and -__READ__: InterProcessReadWriteLock")   \
	X(LAYOUT_KAZOO, "kazoo", "__lock__ and __rlock__: kazoo's locks")

enum layout_kind {
#define X(sym, word, text) sym,
	LAYOUT_KIND_MAP(X)
#undef X
};

/* 128 bits in the shape of an uuid: a mark, which daemon, which bid. */
struct layout_uuid {
	uint64_t high, low;
};

/* What the name of a child says. */
struct layout_child {
	int64_t seq;             /* may be negative: a counter that wrapped */
	bool reader;             /* a shared wish: __READ__, __rlock__ */
	bool writer;             /* a __WRIT__ of a read-write lock */
	bool kin;                /* made by a zklockd */
	struct layout_uuid uuid; /* zero when the name carries none */
	const char *who;         /* zklockd, curator, kazoo...: static text */
	const char *name;        /* as given: ties are broken by it */
};

#define LAYOUT_LINGER_OFF (-1)

/* A prefix of literal names: the locks directly below it are shared with
 * others, in their layout. */
struct layout_share {
	const char *path; /* "/app/locks": absolute, no slash at its end */
	enum layout_kind kind;
	int64_t linger_ms; /* 0: as everywhere; LAYOUT_LINGER_OFF */
};

/* Strings are borrowed; never NULL. */
struct layout_words {
	const char *host;
	int64_t pid;
	uint32_t uid;
	const char *command;
	const char *note;
};

const char *layout_kind_word(enum layout_kind kind);
/* False, and nothing written, for a word that is none. */
bool layout_kind_find(const char *word, enum layout_kind *kind_out);
/* Has it a name for who wants to share?  One that others respect: not the
 * mutex of Curator. */
bool layout_kind_shares(enum layout_kind kind);
/* Are a lock's node and those above it made to stay, never as containers? */
bool layout_kind_keeps_parents(enum layout_kind kind);

/*
 * The share that a literal name lies under; NULL: none.  One part below the
 * prefix and no deeper: so no lock ever lies inside another, where Curator and
 * Go would stumble over it.
 */
const struct layout_share *layout_share_find(const struct layout_share *shares,
					     size_t len, const char *name);

/* The uuid of one bid of one daemon.  instance: 64 random bits of a daemon's
 * life, of which 16 give way to the mark; bid: the bid's number. */
struct layout_uuid layout_uuid_make(uint64_t instance, uint64_t bid);
bool layout_uuid_equal(const struct layout_uuid *a,
		       const struct layout_uuid *b);
/* Were both made in the life of one daemon? */
bool layout_uuid_akin(const struct layout_uuid *a, const struct layout_uuid *b);
/* Was it made by layout_uuid_make() of that instance? */
bool layout_uuid_is_of(const struct layout_uuid *uuid, uint64_t instance);
/* The number of the bid in an uuid of ours: its lowest 48 bits. */
uint64_t layout_uuid_bid(const struct layout_uuid *uuid);

/* The path of a child.  False, and buf empty, when it does not fit. */
bool layout_path(const char *parent, const char *name, char *buf, size_t size);

/* The name of a bid's node without its digits, by the layout and by how the
 * bid stands in the queue: `_c_<uuid>-lock-`, `_c_<uuid>-__READ__`.  buf holds
 * LAYOUT_NAME_MAX bytes. */
void layout_bid_prefix(enum layout_kind kind, enum zkp_mode mode,
		       const struct layout_uuid *uuid, char *buf, size_t size);
size_t layout_bid_prefix_len(enum layout_kind kind, enum zkp_mode mode);

/* False, and nothing written, when the child is no contender. */
bool layout_child_parse(const char *name, struct layout_child *child_out);

/*
 * A semaphore's node has two children, as Curator's InterProcessSemaphoreV2
 * makes them: whoever comes takes the mutex below the one, and puts a lease
 * `_c_<uuid>-lease-` below the other while it has that.
 */
#define LAYOUT_SLOTS_ENTRY  "locks"
#define LAYOUT_SLOTS_LEASES "leases"
/* Is this child of a lock's node one of the two? */
bool layout_is_slots(const char *name);
/* What the node of a semaphore of ours says; buf: LAYOUT_NAME_MAX bytes. */
void layout_slots_write(unsigned slots, char *buf, size_t size);
void layout_lease_prefix(const struct layout_uuid *uuid, char *buf,
			 size_t size);
/* False when it has no number at its end: nobody knows where it stands. */
bool layout_lease_parse(const char *name, struct layout_child *child_out);
/* Does a stand before b?  By number, then by name. */
bool layout_child_before(const struct layout_child *a,
			 const struct layout_child *b);

/* The data of a bid's node: one readable line.  buf: LAYOUT_WORDS_MAX. */
void layout_words_write(const struct layout_words *words, char *buf,
			size_t size);
/* And back: strings point into the line, which is written in; line[len] is
 * made a NUL.  False, and nothing of use written, for other lines. */
bool layout_words_read(char *line, size_t len, struct layout_words *words_out);
/*
 * Who stands there, for people: from our own words, else what kind of
 * stranger it is and the printable beginning of its data.  data may hold
 * anything.  buf: LAYOUT_HOLDER_MAX.
 */
void layout_holder(const struct layout_child *child, const char *data,
		   size_t data_len, char *buf, size_t size);

#endif
