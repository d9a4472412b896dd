/* SPDX-License-Identifier: MIT */
/*
 * seeds - writes the fuzz targets' first inputs into a folder for each: the
 * vectors, and for requests the examples of the table of verbs.
 *
 *	fuzz_seeds FOLDER
 */
#include <errno.h>
#include <sys/stat.h>

#include "tests/unit/proto_vectors.h"

static const char *root;
static unsigned written;

static void die(const char *path)
{
	perror(path);
	exit(EXIT_FAILURE);
}

static void folder(const char *name)
{
	char path[4096];

	(void)snprintf(path, sizeof path, "%s%s", root, name);
	if (mkdir(path, 0777) < 0 && errno != EEXIST)
		die(path);
}

static void seed(const char *target, const char *bytes, size_t len)
{
	char path[4096];
	FILE *file;

	(void)snprintf(path, sizeof path, "%s/%s/seed-%04u", root, target,
		       written++);
	file = fopen(path, "wbe");
	if (!file || fwrite(bytes, 1, len, file) != len || fclose(file) != 0)
		die(path);
}

static void seed_vectors(const char *target, const char *vectors)
{
	static struct vector v;
	struct vectors all;

	if (!vectors_open(&all, vectors))
		die(vectors);
	while (vectors_next(&all, &v))
		seed(target, v.input, v.len);
	vectors_close(&all);
}

int main(int argc, char **argv)
{
	static const char *const targets[] = { "request", "reply", "line",
					       "name" };

	if (argc != 2) {
		(void)fprintf(stderr, "usage: fuzz_seeds FOLDER\n");
		return 64;
	}
	root = argv[1];
	folder("");
	for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
		char name[64];

		(void)snprintf(name, sizeof name, "/%s", targets[i]);
		folder(name);
		(void)snprintf(name, sizeof name, "/corpus-%s", targets[i]);
		folder(name);
	}
	for (size_t i = 0; i < zkp_verb_count(); i++) {
		const char *example = zkp_verb_at(i)->example;

		seed("request", example, strlen(example));
	}
	seed_vectors("request", "requests");
	seed_vectors("reply", "replies");
	seed_vectors("line", "lines");
	seed_vectors("name", "names");
	seed_vectors("name", "durations");
	(void)printf("%u seeds\n", written);
	return EXIT_SUCCESS;
}
