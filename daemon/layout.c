/* SPDX-License-Identifier: MIT */
#include "daemon/layout.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/number.h"
#include "proto/out.h"
#include "proto/word.h"

#define SEQ_DIGITS 10
#define UUID_CHARS 36
#define UUID_HEX   32
#define CURATOR    "_c_"

/* "zkld" in the first 32 bits of an uuid: made by one of us.  A random uuid
 * has it once in four billion, and then costs TRYLOCK a few milliseconds. */
#define MARK UINT64_C(0x7a6b6c64)

/* Uuids */

struct layout_uuid layout_uuid_make(uint64_t instance, uint64_t bid)
{
	return (struct layout_uuid){
		.high = MARK << 32 | instance >> 32,
		.low = (instance & UINT64_C(0xffff0000)) << 32 |
		       (bid & UINT64_C(0xffffffffffff)),
	};
}

bool layout_uuid_equal(const struct layout_uuid *a, const struct layout_uuid *b)
{
	return a->high == b->high && a->low == b->low;
}

bool layout_uuid_akin(const struct layout_uuid *a, const struct layout_uuid *b)
{
	return a->high == b->high && a->low >> 48 == b->low >> 48;
}

bool layout_uuid_is_of(const struct layout_uuid *uuid, uint64_t instance)
{
	struct layout_uuid ours = layout_uuid_make(instance, 0);

	return layout_uuid_akin(uuid, &ours);
}

uint64_t layout_uuid_bid(const struct layout_uuid *uuid)
{
	return uuid->low & UINT64_C(0xffffffffffff);
}

/* One more digit; both loops over a listing end here. */
static inline bool hex_value(char c, uint64_t *value)
{
	unsigned digit = (unsigned)c - '0';

	if (digit > 9) {
		digit = (unsigned)c - 'a' + 10;
		if (digit < 10 || digit > 15)
			return false;
	}
	*value = *value << 4 | digit;
	return true;
}

/* 32 hex digits, dashes between them allowed: both spellings in use. */
static bool uuid_parse(const char *text, size_t len, struct layout_uuid *out)
{
	struct layout_uuid uuid = { 0, 0 };
	size_t digits = 0;

	for (size_t i = 0; i < len; i++) {
		if (text[i] == '-')
			continue;
		if (digits == UUID_HEX ||
		    !hex_value(text[i],
			       digits < UUID_HEX / 2 ? &uuid.high : &uuid.low))
			return false;
		digits++;
	}
	if (digits != UUID_HEX)
		return false;
	*out = uuid;
	return true;
}

/* Names */

static const char *const kind_words[] = {
#define X(sym, word, text) [sym] = word,
	LAYOUT_KIND_MAP(X)
#undef X
};

#define KINDS (sizeof kind_words / sizeof *kind_words)

const char *layout_kind_word(enum layout_kind kind)
{
	return kind_words[kind];
}

bool layout_kind_find(const char *word, enum layout_kind *kind_out)
{
	for (size_t i = 0; i < KINDS; i++) {
		if (strcmp(kind_words[i], word) == 0) {
			*kind_out = (enum layout_kind)i;
			return true;
		}
	}
	return false;
}

bool layout_kind_shares(enum layout_kind kind)
{
	/* Curator's mutex looks at the order of all children and takes a
	 * __READ__ for one behind it. */
	return kind != LAYOUT_CURATOR;
}

bool layout_kind_keeps_parents(enum layout_kind kind)
{
	return kind == LAYOUT_KAZOO;
}

const struct layout_share *layout_share_find(const struct layout_share *shares,
					     size_t len, const char *name)
{
	const char *slash = strrchr(name, '/');
	size_t above = slash ? (size_t)(slash - name) : 0;

	for (size_t i = 0; i < len && above > 0; i++) {
		if (strlen(shares[i].path) == above &&
		    memcmp(shares[i].path, name, above) == 0)
			return &shares[i];
	}
	return NULL;
}

/* What stands around the uuid. */
struct spelling {
	const char *before;
	const char *after;
	bool dashes; /* in the uuid */
};

static struct spelling spelling_of(enum layout_kind kind, enum zkp_mode mode)
{
	bool shared = mode == ZKP_MODE_S;
	struct spelling it = { CURATOR, "-lock-", true };

	switch (kind) {
	case LAYOUT_OWN:
		it.after = shared ? "-__READ__" : "-lock-";
		break;
	case LAYOUT_CURATOR:
		break;
	case LAYOUT_CURATOR_RW:
		it.after = shared ? "-__READ__" : "-__WRIT__";
		break;
	case LAYOUT_KAZOO:
		it.before = "";
		it.after = shared ? "__rlock__" : "__lock__";
		it.dashes = false;
		break;
	}
	return it;
}

/* Behind which digits a dash stands. */
static bool dash_follows(int digits)
{
	return digits == 8 || digits == 12 || digits == 16 || digits == 20;
}

static void uuid_write(const struct layout_uuid *uuid, bool dashes,
		       char buf[UUID_CHARS + 1])
{
	static const char hex[] = "0123456789abcdef";
	char *at = buf;

	for (int i = 0; i < UUID_HEX; i++) {
		uint64_t half = i < UUID_HEX / 2 ? uuid->high : uuid->low;

		*at++ = hex[half >> (60 - 4 * (i % (UUID_HEX / 2))) & 15];
		if (dashes && dash_follows(i + 1))
			*at++ = '-';
	}
	*at = '\0';
}

/* Both are written at every bid: no printf. */
bool layout_path(const char *parent, const char *name, char *buf, size_t size)
{
	size_t parent_len = strlen(parent);
	size_t name_size = strlen(name) + 1;

	if (parent_len + 1 + name_size > size) {
		buf[0] = '\0';
		return false;
	}
	memcpy(buf, parent, parent_len);
	buf[parent_len] = '/';
	memcpy(buf + parent_len + 1, name, name_size);
	return true;
}

void layout_bid_prefix(enum layout_kind kind, enum zkp_mode mode,
		       const struct layout_uuid *uuid, char *buf, size_t size)
{
	struct spelling it = spelling_of(kind, mode);
	char text[UUID_CHARS + 1];

	assert(layout_bid_prefix_len(kind, mode) < size);
	uuid_write(uuid, it.dashes, text);
	(void)stpcpy(stpcpy(stpcpy(buf, it.before), text), it.after);
}

size_t layout_bid_prefix_len(enum layout_kind kind, enum zkp_mode mode)
{
	struct spelling it = spelling_of(kind, mode);

	return strlen(it.before) + (it.dashes ? UUID_CHARS : UUID_HEX) +
	       strlen(it.after);
}

/* Ends text[0..len) with the word? */
static bool ends_with(const char *text, size_t len, const char *word)
{
	size_t word_len = strlen(word);

	return len >= word_len &&
	       memcmp(text + len - word_len, word, word_len) == 0;
}

/* Where the digits begin: "-?" and ten of them at the end. */
static bool split_seq(const char *name, size_t *stem_out, int64_t *seq_out)
{
	size_t len = strlen(name);
	size_t stem;

	if (len < SEQ_DIGITS)
		return false;
	stem = len - SEQ_DIGITS;
	for (size_t i = stem; i < len; i++) {
		if (name[i] < '0' || name[i] > '9')
			return false;
	}
	*seq_out = strtoll(name + stem, NULL, 10);
	/* "lock--2147483648": the minus is the number's own. */
	if (stem >= 2 && name[stem - 1] == '-' &&
	    (name[stem - 2] == '-' || name[stem - 2] == '_')) {
		*seq_out = -*seq_out;
		stem--;
	}
	*stem_out = stem;
	return true;
}

/* The recipes' "x-<session>-": hexadecimal in C, decimal in Java. */
static bool is_recipe(const char *name, size_t stem)
{
	size_t at = stem;

	while (at > 0 && name[at - 1] != '\0' &&
	       strchr("0123456789abcdef-", name[at - 1]))
		at--;
	/* x, then a dash, something, a dash. */
	return at > 0 && name[at - 1] == 'x' && stem - at >= 3 &&
	       name[at] == '-' && name[stem - 1] == '-';
}

/* An uuid at the beginning, in one of the two spellings.  Kin is who has our
 * mark in the spelling that goes with what stands behind. */
static void read_uuid(struct layout_child *child, const char *name, size_t stem)
{
	bool protected_name = stem > strlen(CURATOR) &&
			      memcmp(name, CURATOR, strlen(CURATOR)) == 0;
	bool marked;

	if (protected_name) {
		name += strlen(CURATOR);
		stem -= strlen(CURATOR);
	}
	if (stem > UUID_CHARS && uuid_parse(name, UUID_CHARS, &child->uuid)) {
		marked = child->uuid.high >> 32 == MARK;
		child->kin = marked && name[UUID_CHARS] == '-';
	} else if (stem > UUID_HEX &&
		   uuid_parse(name, UUID_HEX, &child->uuid)) {
		marked = child->uuid.high >> 32 == MARK;
		child->kin = marked && !protected_name && name[UUID_HEX] == '_';
	}
}

static const char *who_of(const struct layout_child *child, const char *name)
{
	if (child->kin)
		return "zklockd";
	if (strncmp(name, CURATOR, strlen(CURATOR)) != 0)
		return "other";
	return name[strlen(CURATOR) + 8] == '-' ? "curator" : "go";
}

bool layout_child_parse(const char *name, struct layout_child *child_out)
{
	struct layout_child child = { .name = name };
	size_t stem;

	if (!split_seq(name, &stem, &child.seq))
		return false;
	if (ends_with(name, stem, "__lock__") ||
	    ends_with(name, stem, "__rlock__")) {
		child.reader = name[stem - 7] == 'r';
		read_uuid(&child, name, stem);
		child.who = child.kin ? "zklockd" : "kazoo";
		*child_out = child;
		return true;
	}
	child.reader = ends_with(name, stem, "__READ__");
	child.writer = ends_with(name, stem, "__WRIT__");
	if (child.reader || child.writer || ends_with(name, stem, "lock-")) {
		read_uuid(&child, name, stem);
		child.who = who_of(&child, name);
	} else if (is_recipe(name, stem)) {
		child.who = "recipe";
	} else {
		return false;
	}
	*child_out = child;
	return true;
}

/* Semaphores */

bool layout_is_slots(const char *name)
{
	return strcmp(name, LAYOUT_SLOTS_ENTRY) == 0 ||
	       strcmp(name, LAYOUT_SLOTS_LEASES) == 0;
}

void layout_slots_write(unsigned slots, char *buf, size_t size)
{
	(void)snprintf(buf, size, "slots=%u", slots);
}

void layout_lease_prefix(const struct layout_uuid *uuid, char *buf, size_t size)
{
	char text[UUID_CHARS + 1];

	uuid_write(uuid, true, text);
	(void)snprintf(buf, size, CURATOR "%s-lease-", text);
}

bool layout_lease_parse(const char *name, struct layout_child *child_out)
{
	struct layout_child child = { .name = name };
	size_t stem;

	if (!split_seq(name, &stem, &child.seq))
		return false;
	read_uuid(&child, name, stem);
	child.who = who_of(&child, name);
	*child_out = child;
	return true;
}

bool layout_child_before(const struct layout_child *a,
			 const struct layout_child *b)
{
	if (a->seq != b->seq)
		return a->seq < b->seq;
	return strcmp(a->name, b->name) < 0;
}

/* Words */

/* False: it does not fit. */
static bool words_write(const struct layout_words *words, const char *note,
			char *buf, size_t size)
{
	struct zkp_out out;
	char host[LAYOUT_HOLDER_MAX];

	(void)snprintf(host, sizeof host, "host=%s", words->host);
	zkp_out_init(&out, buf, size - 1);
	zkp_out_begin(&out, NULL, host);
	zkp_out_i64(&out, "pid", words->pid);
	zkp_out_u64(&out, "uid", words->uid);
	zkp_out_str(&out, "cmd", words->command);
	if (*note)
		zkp_out_str(&out, "note", note);
	(void)zkp_out_end(&out);
	buf[out.len ? out.len - 1 : 0] = '\0'; /* without its LF */
	return out.len > 0;
}

/* Who it is comes before what it says of itself. */
void layout_words_write(const struct layout_words *words, char *buf,
			size_t size)
{
	if (!words_write(words, words->note, buf, size))
		(void)words_write(words, "", buf, size);
}

/* One pair of the line; false: a number that is none. */
static bool take_word(const struct zkp_word *word, struct layout_words *words)
{
	uint64_t uid;

	if (strcmp(word->key, "host") == 0)
		words->host = word->value;
	else if (strcmp(word->key, "pid") == 0)
		return zkp_i64_read(word->value, &words->pid);
	else if (strcmp(word->key, "cmd") == 0)
		words->command = word->value;
	else if (strcmp(word->key, "note") == 0)
		words->note = word->value;
	else if (strcmp(word->key, "uid") == 0) {
		if (!zkp_u64_read(word->value, UINT32_MAX, &uid))
			return false;
		words->uid = (uint32_t)uid;
	}
	return true;
}

bool layout_words_read(char *line, size_t len, struct layout_words *words_out)
{
	struct layout_words found = { .host = "", .command = "", .note = "" };
	struct zkp_word_fault fault;
	struct zkp_words words;
	struct zkp_word word;

	if (!zkp_words_check(line, len, &fault))
		return false;
	zkp_words_init(&words, line, len);
	while (zkp_words_next(&words, false, &word, &fault) == ZKP_WORD_ONE) {
		if (word.key && !take_word(&word, &found))
			return false;
	}
	if (!*found.host)
		return false;
	*words_out = found;
	return true;
}

/* Our own words: host, pid and command out of the line. */
static bool holder_from_words(char *line, size_t len, char *buf, size_t size)
{
	struct layout_words words;

	if (!layout_words_read(line, len, &words))
		return false;
	(void)snprintf(buf, size, "%s pid=%" PRId64 "%s%s", words.host,
		       words.pid, *words.command ? " " : "", words.command);
	return true;
}

void layout_holder(const struct layout_child *child, const char *data,
		   size_t data_len, char *buf, size_t size)
{
	char line[LAYOUT_WORDS_MAX];
	size_t len = data_len < sizeof line - 1 ? data_len : sizeof line - 1;
	size_t at;

	memcpy(line, data ? data : "", data ? len : 0);
	line[data ? len : 0] = '\0';
	if (data && child->kin && holder_from_words(line, len, buf, size))
		return;
	(void)snprintf(buf, size, "%s ", child->who ? child->who : "other");
	at = strlen(buf);
	for (size_t i = 0; data && i < len && at + 1 < size; i++)
		buf[at++] = data[i] >= ' ' && data[i] <= '~' ? data[i] : '?';
	if (buf[at - 1] == ' ')
		at--;
	buf[at] = '\0';
}
