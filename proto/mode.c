/* SPDX-License-Identifier: MIT */
/* mode - see mode.h. */
#include "proto/mode.h"

const char *zkp_mode_word(enum zkp_mode mode)
{
	switch (mode) {
	case ZKP_MODE_X:
		return "x";
	case ZKP_MODE_S:
		return "s";
	}
	return "";
}
