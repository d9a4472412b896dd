/* SPDX-License-Identifier: MIT */
/*
 * config - prefixes that are shared with other programs: keeping, judging and
 * showing them.  A later file may say another layout for a prefix.
 */
#include <stdlib.h>
#include <string.h>

#include "daemon/config_i.h"
#include "proto/limits.h"
#include "proto/name.h"

/* The shortest name below a prefix: a slash and a byte. */
#define BELOW_MIN 2

static size_t find(const struct config *config, const char *path)
{
	size_t i = 0;

	while (i < config->shares_len &&
	       strcmp(config->shares[i].path, path) != 0)
		i++;
	return i;
}

static bool refuse(struct config *config, const struct config_origin *origin,
		   const char *path, const char *why)
{
	config_problem(config, "%s:%d: share \"%s\": %s", origin->place,
		       origin->line, path, why);
	return false;
}

/* A new one, with its path; false when memory is not to be had. */
static bool add(struct config *config, size_t at, const char *path)
{
	char *copy = strdup(path);

	if (!copy)
		return false;
	config->shares[at] = (struct layout_share){ .path = copy };
	config->share_origins[at] = (struct config_origin){ NULL, 0 };
	config->shares_len = at + 1;
	return true;
}

/* By the rules of the key that it stands for here; false: why says them. */
static bool read_linger(const char *text, int64_t *ms_out, char *why,
			size_t why_size)
{
	const struct config_row *row = config_row_find("linger_ms");

	*ms_out = 0;
	if (!text)
		return true;
	if (config_value_read(row, text, ms_out)) {
		(void)snprintf(why, why_size,
			       "linger_ms: this wants a number from %lld to "
			       "%lld",
			       (long long)row->least, (long long)row->most);
		return false;
	}
	if (*ms_out == 0)
		*ms_out = LAYOUT_LINGER_OFF;
	return true;
}

bool config_share_set(struct config *config, const struct config_share *text,
		      const struct config_origin *origin)
{
	enum layout_kind kind = LAYOUT_OWN;
	const char *path = text->path;
	size_t at = find(config, path);
	int64_t linger_ms;
	char *place, why[96];

	if (!text->layout)
		return refuse(config, origin, path, "a layout is wanted");
	if (!read_linger(text->linger, &linger_ms, why, sizeof why))
		return refuse(config, origin, path, why);
	if (!layout_kind_find(text->layout, &kind) || kind == LAYOUT_OWN)
		return refuse(config, origin, path,
			      "layout: this wants curator, curator-rw or "
			      "kazoo");
	if (at == CONFIG_SHARES_MAX)
		return refuse(config, origin, path,
			      "there are 64 of them already");
	place = strdup(origin->place);
	if (!place || (at == config->shares_len && !add(config, at, path))) {
		free(place);
		return refuse(config, origin, path, "out of memory");
	}
	config->shares[at].kind = kind;
	config->shares[at].linger_ms = linger_ms;
	free(config->share_origins[at].place);
	config->share_origins[at].place = place;
	config->share_origins[at].line = origin->line;
	return true;
}

_Static_assert(CONFIG_SHARES_MAX == 64, "as the sentence above says");

void config_share_free_all(struct config *config)
{
	for (size_t i = 0; i < config->shares_len; i++) {
		free((char *)(uintptr_t)config->shares[i].path);
		free(config->share_origins[i].place);
	}
	config->shares_len = 0;
}

bool config_share_same(const struct config *a, const struct config *b)
{
	if (a->shares_len != b->shares_len)
		return false;
	for (size_t i = 0; i < a->shares_len; i++) {
		if (strcmp(a->shares[i].path, b->shares[i].path) != 0 ||
		    a->shares[i].kind != b->shares[i].kind ||
		    a->shares[i].linger_ms != b->shares[i].linger_ms)
			return false;
	}
	return true;
}

void config_share_print(const struct config *config, FILE *to)
{
	for (size_t i = 0; i < config->shares_len; i++) {
		const struct layout_share *share = &config->shares[i];

		(void)fprintf(to, "share \"%s\" { layout = %s", share->path,
			      layout_kind_word(share->kind));
		if (share->linger_ms)
			(void)fprintf(to, " linger_ms = %lld",
				      share->linger_ms == LAYOUT_LINGER_OFF
					  ? 0
					  : (long long)share->linger_ms);
		(void)fprintf(to, " }  # %s:%d\n",
			      config->share_origins[i].place,
			      config->share_origins[i].line);
	}
}

const struct layout_share *config_shares(const struct config *config,
					 size_t *len_out)
{
	*len_out = config->shares_len;
	return config->shares;
}

/* Is one of the two the other, or inside it? */
static bool overlap(const char *a, const char *b)
{
	while (*a && *a == *b) {
		a++;
		b++;
	}
	return (!*a && (!*b || *b == '/')) || (!*b && *a == '/');
}

/* What is wrong with one by itself; NULL: nothing. */
static const char *why_not(const struct config *config, const char *path)
{
	struct zkp_name_fault fault;
	enum zkp_name_kind kind;

	if (!config_path_good(path))
		return "a znode path such as \"/app/locks\" is wanted: no "
		       "slash at its end, no empty, . or .. part";
	if (strlen(path) > ZKP_NAME_MAX - BELOW_MIN)
		return "no name below it would be short enough";
	if (!zkp_name_check(path, strlen(path), &kind, &fault))
		return fault.why;
	if (overlap(path, config->values.root))
		return "it and the root must not be inside one another: a "
		       "lock would have two names";
	return NULL;
}

bool config_share_judge(struct config *config)
{
	const struct layout_share *shares = config->shares;
	const char *why;

	for (size_t i = 0; i < config->shares_len; i++) {
		why = why_not(config, shares[i].path);
		for (size_t j = 0; j < i && !why; j++) {
			if (overlap(shares[i].path, shares[j].path))
				why = "it and another share must not be inside "
				      "one another: a lock would lie in a lock";
		}
		if (why)
			return refuse(config, &config->share_origins[i],
				      shares[i].path, why);
	}
	return true;
}
