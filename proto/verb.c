/* SPDX-License-Identifier: MIT */
/* verb - see verb.h.  Tables and look-ups, nothing else. */
#include "proto/verb.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "proto/limits.h"

#define BIT(key)     ZKP_KEY_BIT(ZKP_KEY_##key)
#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const struct zkp_verb_row rows[] = {
	{
	    .verb = ZKP_VERB_HELLO,
	    .word = "HELLO",
	    .args_max = 1,
	    .arg = ZKP_ARG_PROTO,
	    .keys = BIT(CLIENT) | BIT(NOTE) | BIT(LEASE),
	    .usage = "[1] [client=TEXT] [note=TEXT] [lease=push]",
	    .help = "say who you are, hear about the daemon (optional)",
	    .example = "HELLO 1 client=\"deploy.py 2.1\" lease=push",
	},
	{
	    .verb = ZKP_VERB_LOCK,
	    .word = "LOCK",
	    .args_min = 1,
	    .args_max = ZKP_NAMES_MAX,
	    .arg = ZKP_ARG_NAME,
	    .keys = BIT(MODE) | BIT(SLOTS) | BIT(WAIT) | BIT(NOTE) |
		    BIT(MIN_HOLD) | BIT(MAX_HOLD) | BIT(WANTED),
	    .usage = "NAME... [mode=x|s] [slots=N] [wait=DUR|forever] "
		     "[note=TEXT] [min_hold=DUR] [max_hold=DUR] [wanted=1]",
	    .help = "take a lock, waiting for it if need be",
	    .example = "LOCK backup wait=30s note=\"nightly dump\"",
	},
	{
	    .verb = ZKP_VERB_TRYLOCK,
	    .word = "TRYLOCK",
	    .args_min = 1,
	    .args_max = ZKP_NAMES_MAX,
	    .arg = ZKP_ARG_NAME,
	    .keys = BIT(MODE) | BIT(SLOTS) | BIT(NOTE) | BIT(MIN_HOLD) |
		    BIT(MAX_HOLD) | BIT(WANTED),
	    .usage = "NAME... [mode=x|s] [slots=N] [note=TEXT] [min_hold=DUR] "
		     "[max_hold=DUR] [wanted=1]",
	    .help = "take a lock now or hear who has it",
	    .example = "TRYLOCK backup",
	},
	{
	    .verb = ZKP_VERB_WAIT,
	    .word = "WAIT",
	    .args_min = 1,
	    .args_max = 1,
	    .arg = ZKP_ARG_NAME,
	    .keys = BIT(WAIT),
	    .usage = "NAME [wait=DUR|forever]",
	    .help = "wait until a lock is free, without taking it",
	    .example = "WAIT backup wait=5m",
	},
	{
	    .verb = ZKP_VERB_UNLOCK,
	    .word = "UNLOCK",
	    .args_min = 1,
	    .args_max = 1,
	    .arg = ZKP_ARG_NAME_ID,
	    .keys = BIT(TOKEN),
	    .usage = "NAME|@ID [token=N]",
	    .help = "give a lock back",
	    .example = "UNLOCK backup token=17592186046464",
	},
	{
	    .verb = ZKP_VERB_DOWNGRADE,
	    .word = "DOWNGRADE",
	    .args_min = 1,
	    .args_max = 1,
	    .arg = ZKP_ARG_NAME_ID,
	    .keys = BIT(TOKEN),
	    .usage = "NAME|@ID [token=N]",
	    .help = "keep a lock, but let this host's readers in",
	    .example = "DOWNGRADE @7",
	},
	{
	    .verb = ZKP_VERB_CANCEL,
	    .word = "CANCEL",
	    .args_min = 1,
	    .args_max = 1,
	    .arg = ZKP_ARG_TARGET,
	    .usage = "#TAG|@ID|NAME",
	    .help = "stop waiting",
	    .example = "CANCEL #7",
	},
	{
	    .verb = ZKP_VERB_CHECK,
	    .word = "CHECK",
	    .args_min = 1,
	    .args_max = 1,
	    .arg = ZKP_ARG_NAME_ID,
	    .keys = BIT(TOKEN) | BIT(SYNC),
	    .usage = "NAME|@ID [token=N] [sync=1]",
	    .help = "is it still held? sync=1 proves it by a write",
	    .example = "CHECK @7 token=17592186046464",
	},
	{
	    .verb = ZKP_VERB_LIST,
	    .word = "LIST",
	    .args_max = 1,
	    .arg = ZKP_ARG_PATTERN,
	    .keys = BIT(STATE) | BIT(SCOPE) | BIT(AFTER),
	    .usage = "[PATTERN] [state=held|suspended|waiting|kept] "
		     "[scope=local|cluster] [after=NAME]",
	    .help = "the locks that this daemon knows, or the cluster's",
	    .example = "LIST deploy/* state=held",
	},
	{
	    .verb = ZKP_VERB_WHO,
	    .word = "WHO",
	    .args_min = 1,
	    .args_max = 1,
	    .arg = ZKP_ARG_NAME,
	    .usage = "NAME",
	    .help = "the whole queue of a lock, over all hosts",
	    .example = "WHO backup",
	},
	{
	    .verb = ZKP_VERB_STATUS,
	    .word = "STATUS",
	    .usage = "",
	    .help = "the daemon and its session",
	    .example = "STATUS",
	},
	{
	    .verb = ZKP_VERB_STATS,
	    .word = "STATS",
	    .usage = "",
	    .help = "counters since the daemon started",
	    .example = "STATS",
	},
	{
	    .verb = ZKP_VERB_WATCH,
	    .word = "WATCH",
	    .args_max = 1,
	    .arg = ZKP_ARG_PATTERN,
	    .usage = "[PATTERN]",
	    .help = "hear of this host's locks as they come and go",
	    .example = "WATCH deploy/*",
	},
	{
	    .verb = ZKP_VERB_UNWATCH,
	    .word = "UNWATCH",
	    .usage = "",
	    .help = "hear no more of them",
	    .example = "UNWATCH",
	},
	{
	    .verb = ZKP_VERB_REVOKE,
	    .word = "REVOKE",
	    .args_min = 1,
	    .args_max = 1,
	    .arg = ZKP_ARG_NAME,
	    .keys = BIT(REASON),
	    .usage = "NAME [reason=TEXT]",
	    .help =
		"ask whoever holds a lock to give it back (waiters, admins)",
	    .example = "REVOKE backup reason=\"disk is full\"",
	},
	{
	    .verb = ZKP_VERB_KICK,
	    .word = "KICK",
	    .args_min = 1,
	    .args_max = 1,
	    .arg = ZKP_ARG_ID,
	    .keys = BIT(REASON),
	    .usage = "@ID [reason=TEXT]",
	    .help = "end a hold or a wait of somebody (administrators)",
	    .example = "KICK @7 reason=\"hangs since noon\"",
	},
	{
	    .verb = ZKP_VERB_VERSION,
	    .word = "VERSION",
	    .usage = "",
	    .help = "versions of daemon and protocol",
	    .example = "VERSION",
	},
	{
	    .verb = ZKP_VERB_PING,
	    .word = "PING",
	    .args_max = 1,
	    .arg = ZKP_ARG_WORD,
	    .usage = "[WORD]",
	    .help = "give WORD back: everything before it was read",
	    .example = "PING fence1",
	},
	{
	    .verb = ZKP_VERB_HELP,
	    .word = "HELP",
	    .args_max = 1,
	    .arg = ZKP_ARG_VERB,
	    .usage = "[VERB]",
	    .help = "this page, or one verb of it",
	    .example = "HELP LOCK",
	},
	{
	    .verb = ZKP_VERB_QUIT,
	    .word = "QUIT",
	    .usage = "",
	    .help = "release everything and close",
	    .example = "QUIT",
	},
};

static const char *const keys[] = {
#define X(sym, word) [sym] = word,
	ZKP_KEY_MAP(X)
#undef X
};

_Static_assert(COUNT(keys) <= 32, "a set of keys is one 32-bit word");
_Static_assert(COUNT(keys) + 1 <= ZKP_ARGS_MAX,
	       "keys come once, so no good line has more than ZKP_ARGS_MAX");

static char upper(char c)
{
	if (c >= 'a' && c <= 'z')
		return (char)(c - 'a' + 'A');
	return c;
}

static bool same_word(const char *a, const char *b)
{
	while (*a && upper(*a) == upper(*b)) {
		a++;
		b++;
	}
	return upper(*a) == upper(*b);
}

size_t zkp_verb_count(void)
{
	return COUNT(rows);
}

const struct zkp_verb_row *zkp_verb_at(size_t index)
{
	return index < COUNT(rows) ? &rows[index] : NULL;
}

const struct zkp_verb_row *zkp_verb_find(const char *word)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (same_word(rows[i].word, word))
			return &rows[i];
	}
	return NULL;
}

const struct zkp_verb_row *zkp_verb_row(enum zkp_verb verb)
{
	for (size_t i = 0; i < COUNT(rows); i++) {
		if (rows[i].verb == verb)
			return &rows[i];
	}
	return NULL;
}

static size_t smaller(size_t a, size_t b)
{
	return a < b ? a : b;
}

/*
 * How many letters must be put in, taken out, changed or swapped with their
 * neighbour to make b of a, in any case of letters.  Words over ZKP_KEY_MAX
 * are infinitely far from everything.
 */
static size_t distance(const char *a, const char *b)
{
	size_t cost[3][ZKP_KEY_MAX + 1];
	size_t a_len = strlen(a);
	size_t b_len = strlen(b);

	if (a_len > ZKP_KEY_MAX || b_len > ZKP_KEY_MAX)
		return SIZE_MAX;
	for (size_t j = 0; j <= b_len; j++)
		cost[0][j] = j;
	for (size_t i = 1; i <= a_len; i++) {
		size_t *row = cost[i % 3];
		const size_t *above = cost[(i - 1) % 3];
		const size_t *twice = cost[(i + 1) % 3]; /* i - 2 */

		row[0] = i;
		for (size_t j = 1; j <= b_len; j++) {
			bool same = upper(a[i - 1]) == upper(b[j - 1]);

			row[j] = smaller(above[j - 1] + (same ? 0 : 1),
					 smaller(above[j], row[j - 1]) + 1);
			if (i > 1 && j > 1 &&
			    upper(a[i - 1]) == upper(b[j - 2]) &&
			    upper(a[i - 2]) == upper(b[j - 1]))
				row[j] = smaller(row[j], twice[j - 2] + 1);
		}
	}
	return cost[a_len % 3][b_len];
}

/* Short words are near to everything: allow them less. */
static size_t reach(const char *word)
{
	return strlen(word) < 6 ? 1 : 2;
}

const struct zkp_verb_row *zkp_verb_nearest(const char *word)
{
	const struct zkp_verb_row *best = NULL;
	size_t best_far = reach(word) + 1;

	for (size_t i = 0; i < COUNT(rows); i++) {
		size_t far = distance(word, rows[i].word);

		if (far < best_far) {
			best = &rows[i];
			best_far = far;
		}
	}
	return best;
}

const char *zkp_key_word(enum zkp_key key)
{
	assert((size_t)key < COUNT(keys));
	return keys[key];
}

int zkp_key_find(const char *word)
{
	for (size_t i = 0; i < COUNT(keys); i++) {
		if (strcmp(keys[i], word) == 0)
			return (int)i;
	}
	return -1;
}

const char *zkp_key_nearest(const char *word, uint32_t set)
{
	const char *best = NULL;
	size_t best_far = reach(word) + 1;

	for (size_t i = 0; i < COUNT(keys); i++) {
		size_t far;

		if (!(set & ZKP_KEY_BIT(i)))
			continue;
		far = distance(word, keys[i]);
		if (far < best_far) {
			best = keys[i];
			best_far = far;
		}
	}
	return best;
}
