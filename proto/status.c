/* SPDX-License-Identifier: MIT */
/* status - see status.h.  Tables and look-ups, nothing else. */
#include "proto/status.h"

#include <assert.h>
#include <stddef.h>
#include <string.h>

static const char *const words[] = {
#define X(sym, word, text) [sym] = word,
	ZKP_STATUS_MAP(X)
#undef X
};

static const char *const sentences[] = {
#define X(sym, word, text) [sym] = text,
	ZKP_STATUS_MAP(X)
#undef X
};

const char *zkp_status_word(enum zkp_status status)
{
	assert((size_t)status < ZKP_STATUS_COUNT);
	return words[status];
}

const char *zkp_status_sentence(enum zkp_status status)
{
	assert((size_t)status < ZKP_STATUS_COUNT);
	return sentences[status];
}

bool zkp_status_find(const char *word, enum zkp_status *status_out)
{
	for (size_t i = 0; i < ZKP_STATUS_COUNT; i++) {
		if (strcmp(words[i], word) == 0) {
			*status_out = (enum zkp_status)i;
			return true;
		}
	}
	return false;
}
