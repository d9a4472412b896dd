/* SPDX-License-Identifier: MIT */
/* caps - see caps.h. */
#include "proto/caps.h"

const char *zkp_cap_word(enum zkp_cap cap)
{
	switch (cap) {
#define X(sym, word, text) \
	case sym:          \
		return word;
		ZKP_CAP_MAP(X)
#undef X
	}
	return "";
}

const char *zkp_caps_all(void)
{
#define X(sym, word, text) "," word
	return &ZKP_CAP_MAP(X)[1];
#undef X
}
