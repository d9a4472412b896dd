/* SPDX-License-Identifier: MIT */
/* main_flags - see main_flags.h. */
#include "daemon/main_flags.h"

#include <getopt.h>
#include <string.h>

struct flag {
	const char *name;
	const char *arg; /* NULL: takes none */
	const char *key; /* sets this key of the configuration; or NULL */
	const char *help;
	int task;    /* asks for this instead of serving; -1: does not */
	char letter; /* '\0': none */
};

#define FLAG(name_, letter_, arg_, key_, help_)                             \
	{                                                                   \
		.name = name_, .letter = letter_, .arg = arg_, .key = key_, \
		.task = -1, .help = help_                                   \
	}
#define TASK(name_, letter_, task_, help_)                                     \
	{                                                                      \
		.name = name_, .letter = letter_, .task = task_, .help = help_ \
	}

static const struct flag flags_table[] = {
	FLAG("config", 'c', "FILE", NULL,
	     "read this file and conf.d beside it"),
	FLAG("option", 'o', "KEY=VALUE", NULL,
	     "set a key; stronger than files"),
	FLAG("dev", '\0', NULL, NULL, "no ZooKeeper: locks of this host only"),
	FLAG("socket", 's', "PATH", "socket", "the socket for clients"),
	FLAG("state-dir", '\0', "DIR", "state_dir", "lock file, lease page"),
	FLAG("log", '\0', "SINK", "log", "stderr, syslog or journal"),
	FLAG("log-level", 'l', "LEVEL", "log_level",
	     "err, warning, notice, info, debug"),
	TASK("check-config", 'n', MAIN_CHECK_CONFIG,
	     "judge the files, and end"),
	TASK("print-config", '\0', MAIN_PRINT_CONFIG,
	     "show each value and its origin, and end"),
	TASK("dump-tables", '\0', MAIN_DUMP_TABLES,
	     "show the tables that manuals are checked with, and end"),
	TASK("version", 'V', MAIN_SHOW_VERSION, "show the version, and end"),
	TASK("help", 'h', MAIN_SHOW_HELP, "show this, and end"),
};

#define FLAGS (sizeof flags_table / sizeof *flags_table)
/* Above all letters: the value getopt_long() gives for row 0. */
#define FIRST_VALUE 256

static bool complain(const char *what, const char *about)
{
	(void)fprintf(stderr, "zklockd: %s%s (try --help)\n", what, about);
	return false;
}

static bool add_override(struct main_flags *flags,
			 const struct config_override *one)
{
	if (flags->overrides_len == MAIN_OVERRIDES_MAX)
		return complain("too many options: ", one->origin);
	flags->overrides[flags->overrides_len++] = *one;
	return true;
}

static bool take_option(struct main_flags *flags, char *word)
{
	struct config_override one = { .origin = "-o", .key = word };
	char *equals = strchr(word, '=');

	if (!equals)
		return complain("-o wants KEY=VALUE, not ", word);
	*equals = '\0';
	one.value = equals + 1;
	return add_override(flags, &one);
}

static bool take(struct main_flags *flags, const struct flag *flag, char *arg)
{
	struct config_override one = { .key = flag->key, .value = arg };

	if (flag->task >= 0) {
		flags->task = (enum main_task)flag->task;
		return true;
	}
	if (flag->letter == 'o')
		return take_option(flags, arg);
	if (flag->letter == 'c') {
		flags->config = arg;
		return true;
	}
	if (!flag->key) {
		flags->dev = true;
		return true;
	}
	one.origin = flag->name;
	return add_override(flags, &one);
}

/* What getopt_long() wants to know, made from the rows. */
static void make_options(struct option *options, char *letters)
{
	*letters++ = '+'; /* options end at the first word */
	*letters++ = ':';
	for (size_t i = 0; i < FLAGS; i++) {
		options[i] = (struct option){
			.name = flags_table[i].name,
			.has_arg = flags_table[i].arg ? required_argument
						      : no_argument,
			.val = FIRST_VALUE + (int)i,
		};
		if (!flags_table[i].letter)
			continue;
		*letters++ = flags_table[i].letter;
		if (flags_table[i].arg)
			*letters++ = ':';
	}
	*letters = '\0';
}

static const struct flag *find(int value)
{
	if (value >= FIRST_VALUE)
		return &flags_table[value - FIRST_VALUE];
	for (size_t i = 0; i < FLAGS; i++) {
		if (flags_table[i].letter && flags_table[i].letter == value)
			return &flags_table[i];
	}
	return NULL;
}

bool main_flags_read(struct main_flags *flags, int argc, char **argv)
{
	struct option options[FLAGS + 1] = { { NULL, 0, NULL, 0 } };
	char letters[2 * FLAGS + 3];
	const struct flag *flag;
	int value;

	memset(flags, 0, sizeof *flags);
	make_options(options, letters);
	opterr = 0;
	while ((value = getopt_long(argc, argv, letters, options, NULL)) !=
	       -1) {
		flag = find(value);
		if (value == ':')
			return complain("a value is missing behind ",
					argv[optind - 1]);
		if (!flag)
			return complain("there is no option ",
					argv[optind - 1]);
		if (!take(flags, flag, optarg))
			return false;
	}
	if (optind < argc)
		return complain("nothing is done with ", argv[optind]);
	return true;
}

void main_flags_help(FILE *to)
{
	char word[64];

	(void)fputs("usage: zklockd [options]\n"
		    "Serve cluster-wide locks to the processes of this host.\n"
		    "\n",
		    to);
	for (size_t i = 0; i < FLAGS; i++) {
		const struct flag *flag = &flags_table[i];

		(void)snprintf(word, sizeof word, "%s%s%s", flag->name,
			       flag->arg ? "=" : "",
			       flag->arg ? flag->arg : "");
		if (flag->letter)
			(void)fprintf(to, "  -%c, --%-18s %s\n", flag->letter,
				      word, flag->help);
		else
			(void)fprintf(to, "      --%-18s %s\n", word,
				      flag->help);
	}
	(void)fputs("\nzklockd(8) and zklockd.conf(5) say more.\n", to);
}

const char *main_flags_name(size_t index)
{
	return index < FLAGS ? flags_table[index].name : NULL;
}
