/* SPDX-License-Identifier: MIT */
/* glob - see glob.h.  Going back to the last "*" only is enough: an earlier
 * one can give nothing that the last cannot. */
#include "proto/glob.h"

bool zkp_glob_match(const char *pattern, const char *text)
{
	const char *star = NULL; /* behind the last "*" */
	const char *retry =
	    NULL; /* where its run ends, one further each time */

	while (*text) {
		if (*pattern == '*') {
			star = ++pattern;
			retry = text;
		} else if (*pattern == '?' || *pattern == *text) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star;
			text = ++retry;
		} else {
			return false;
		}
	}
	while (*pattern == '*')
		pattern++;
	return *pattern == '\0';
}
