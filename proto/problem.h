/* SPDX-License-Identifier: MIT */
/*
 * problem - what is wrong with a request line, precisely.
 *
 * The parser fills it, reply writes it as the one ERR of that line.
 */
#ifndef PROTO_PROBLEM_H
#define PROTO_PROBLEM_H

#include <stddef.h>

#include "proto/limits.h"
#include "proto/status.h"

struct zkp_problem {
	enum zkp_status status; /* SYNTAX UNKNOWN ARGS NAME VERSION */
	size_t column; /* 1 for the first byte of the line, the tag included */
	size_t byte;   /* NAME: the byte of the name, 1 for its first; else 0 */
	const char *tag; /* "" when there is none or it is bad; from the line */
	const char *nearest; /* what was probably meant, or NULL; static */
	char arg[ZKP_KEY_MAX + 1];   /* ARGS: which; UNKNOWN: the word; or "" */
	char text[ZKP_TEXT_MAX + 1]; /* a sentence for people */
};

#endif
