/* SPDX-License-Identifier: MIT */
/*
 * replay - stands in for libFuzzer where there is none: feeds a target every
 * file of the folders (or the files) that it is given.  Searches nothing.
 */
#include <dirent.h>
#include <stdbool.h>

#include "tests/fuzz/fuzz.h"

#define INPUT_BYTES_MAX (1024 * 1024)

static size_t replayed;

static void replay_file(const char *path)
{
	static uint8_t bytes[INPUT_BYTES_MAX];
	FILE *file = fopen(path, "rbe");
	size_t len;

	if (!file) {
		perror(path);
		exit(EXIT_FAILURE);
	}
	len = fread(bytes, 1, sizeof bytes, file);
	(void)fclose(file);
	(void)LLVMFuzzerTestOneInput(bytes, len);
	replayed++;
}

/* False when path is no folder. */
static bool replay_folder(const char *path)
{
	DIR *folder = opendir(path);
	const struct dirent *entry;

	if (!folder)
		return false;
	while ((entry = readdir(folder)) != NULL) {
		char name[4096];

		if (entry->d_name[0] == '.')
			continue;
		(void)snprintf(name, sizeof name, "%s/%s", path, entry->d_name);
		replay_file(name);
	}
	(void)closedir(folder);
	return true;
}

int main(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (!replay_folder(argv[i]))
			replay_file(argv[i]);
	}
	(void)printf("%zu inputs replayed\n", replayed);
	return replayed > 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}
