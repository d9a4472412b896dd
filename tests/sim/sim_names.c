/* SPDX-License-Identifier: MIT */
/*
 * sim - the names of locks: as clients say them, as the tree has them.
 */
#include <string.h>

#include "sim.h"

const char *sim_name(int name)
{
	static const char *const names[SIM_NAMES_MAX] = { "a", "b", "c" };

	return names[name];
}

const char *sim_queue(int name)
{
	static const char *const paths[SIM_NAMES_MAX] = { SIM_ROOT "/a",
							  SIM_ROOT "/b",
							  SIM_ROOT "/c" };

	return paths[name];
}

const char *sim_word(const struct sim *sim, int name)
{
	return sim->weather.layout == LAYOUT_OWN ? sim_name(name)
						 : sim_queue(name);
}

int sim_name_number(const char *word)
{
	size_t parent;

	if (*word == '/')
		return sim_path_name(word, &parent);
	for (int i = 0; i < SIM_NAMES_MAX; i++) {
		if (strcmp(word, sim_name(i)) == 0)
			return i;
	}
	return -1;
}

int sim_path_name(const char *path, size_t *parent_len_out)
{
	const size_t root = sizeof SIM_ROOT; /* with the slash behind it */

	if (strncmp(path, SIM_ROOT "/", root) != 0)
		return -1;
	for (int i = 0; i < SIM_NAMES_MAX; i++) {
		size_t len = strlen(sim_name(i));

		if (strncmp(path + root, sim_name(i), len) == 0 &&
		    (path[root + len] == '/' || path[root + len] == '\0')) {
			*parent_len_out = root + len;
			return i;
		}
	}
	return -1;
}
