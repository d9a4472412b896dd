/* SPDX-License-Identifier: MIT */
/* environ - see environ.h. */
#include "client/cli/environ.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/cli/connect.h"
#include "client/cli/exits.h"

/* A name, each byte of it escaped to three. */
#define WORD_BYTES (3 * 255 + 1)
/* A list is as deep as locks are nested; what does not fit is not nested. */
#define LIST_BYTES 65536

static void word_of(const char *name, char word[WORD_BYTES])
{
	size_t used = 0;

	for (; *name && used + 4 < WORD_BYTES; name++) {
		if (*name == ':') {
			memcpy(word + used, "%3A", 3);
			used += 3;
		} else {
			word[used++] = *name;
		}
	}
	word[used] = '\0';
}

bool cli_environ_has(const char *name)
{
	const char *list = getenv("ZKLOCK_HELD");
	char word[WORD_BYTES];
	size_t len;

	word_of(name, word);
	len = strlen(word);
	while (list && *list) {
		size_t chars = strcspn(list, ":");

		if (chars == len && memcmp(list, word, len) == 0)
			return true;
		list += chars;
		list += *list == ':';
	}
	return false;
}

/* The index'th of a list with blanks between; false: there is none. */
static bool number_at(const char *list, unsigned index, uint64_t *number_out)
{
	char *end = NULL;
	unsigned long long number;

	for (; list && *list && index > 0; index--) {
		list += strcspn(list, " ");
		list += *list == ' ';
	}
	if (!list || *list < '0' || *list > '9')
		return false;
	errno = 0;
	number = strtoull(list, &end, 10);
	if (errno != 0 || (*end != '\0' && *end != ' ') || number == 0)
		return false;
	*number_out = number;
	return true;
}

bool cli_environ_grant(const char *name, uint64_t *id_out, uint64_t *token_out)
{
	const char *told = getenv("ZKLOCK_NAME");
	size_t len = strlen(name);
	uint64_t id;
	uint64_t token;

	for (unsigned i = 0; told && *told; i++) {
		size_t chars = strcspn(told, " ");

		if (chars == len && memcmp(told, name, len) == 0 &&
		    number_at(getenv("ZKLOCK_ID"), i, &id) &&
		    number_at(getenv("ZKLOCK_TOKEN"), i, &token)) {
			*id_out = id;
			*token_out = token;
			return true;
		}
		told += chars;
		told += *told == ' ';
	}
	return false;
}

bool cli_environ_token(uint64_t id, uint64_t *token_out)
{
	uint64_t one;

	for (unsigned i = 0; number_at(getenv("ZKLOCK_ID"), i, &one); i++) {
		if (one == id)
			return number_at(getenv("ZKLOCK_TOKEN"), i, token_out);
	}
	return false;
}

static bool put(const char *key, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static bool put(const char *key, const char *format, ...)
{
	char value[LIST_BYTES];
	va_list args;

	va_start(args, format);
	(void)vsnprintf(value, sizeof value, format, args);
	va_end(args);
	return setenv(key, value, 1) == 0;
}

static bool put_held(const char *name)
{
	const char *before = getenv("ZKLOCK_HELD");
	char word[WORD_BYTES];

	word_of(name, word);
	if (!before || !*before)
		return put("ZKLOCK_HELD", "%s", word);
	if (strlen(before) + strlen(word) + 2 > LIST_BYTES)
		return true; /* rather an old list than a cut one */
	return put("ZKLOCK_HELD", "%s:%s", before, word);
}

enum listed {
	LISTED_ID,
	LISTED_TOKEN,
	LISTED_NODE,
};

/* One word for each of the locks, with blanks between (no name has one). */
static bool put_each(const char *key, const struct cli_hold *hold,
		     enum listed which)
{
	char value[LIST_BYTES] = "";
	size_t used = 0;

	for (unsigned i = 0; i < hold->names->len; i++) {
		const char *before = i > 0 ? " " : "";
		char *at = value + used;
		size_t left = sizeof value - used;

		switch (which) {
		case LISTED_ID:
			(void)snprintf(at, left, "%s%" PRIu64, before,
				       hold->grants[i].id);
			break;
		case LISTED_TOKEN:
			(void)snprintf(at, left, "%s%" PRIu64, before,
				       hold->grants[i].token);
			break;
		case LISTED_NODE:
			(void)snprintf(at, left, "%s%s", before,
				       zklock_node(hold->locks[i]));
			break;
		}
		used += strlen(at);
	}
	return setenv(key, value, 1) == 0;
}

static bool put_grant(const struct cli_hold *hold)
{
	struct zklock_info info = ZKLOCK_INFO_INIT;

	if (zklock_info(hold->client, &info) != ZKLOCK_OK)
		return false;
	return put("ZKLOCK_NAME", "%s", hold->names->text) &&
	       put("ZKLOCK_MODE", "%s", cli_hold_mode(hold)) &&
	       put_each("ZKLOCK_ID", hold, LISTED_ID) &&
	       put_each("ZKLOCK_TOKEN", hold, LISTED_TOKEN) &&
	       put_each("ZKLOCK_NODE", hold, LISTED_NODE) &&
	       put("ZKLOCK_SESSION", "0x%" PRIx64, info.session) &&
	       put("ZKLOCK_HOST", "%s", info.host) &&
	       put("ZKLOCK_WAITED", "%.3f",
		   (double)zklock_waited_ms(hold->locks[0]) / 1000.0);
}

static bool put_all_held(const struct cli_names *names)
{
	for (unsigned i = 0; i < names->len; i++) {
		if (!put_held(names->words[i]))
			return false;
	}
	return true;
}

/* A child that changes its folder must still find it. */
static bool put_socket(const char *path)
{
	char *whole = *path == '/' ? NULL : realpath(path, NULL);
	bool done = put("ZKLOCK_SOCKET", "%s", whole ? whole : path);

	free(whole);
	return done;
}

bool cli_environ_tell(const struct cli_hold *hold, const struct cli_args *args,
		      struct cli_fault *fault)
{
	bool told = put_grant(hold) && put_all_held(hold->names) &&
		    put_socket(cli_connect_path(args));

	if (told && args->close)
		told = unsetenv("ZKLOCK_FD") == 0;
	else if (told)
		told = put("ZKLOCK_FD", "%d", cli_hold_fd(hold));
	if (told)
		return true;
	return cli_fault_set(fault, CLI_EXIT_OSERR, "the environment: %s",
			     strerror(errno));
}
