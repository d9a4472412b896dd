/* SPDX-License-Identifier: MIT */
/*
 * cmd_completion - completion scripts made from the tables, so that they
 * cannot lag behind the options.
 *
 * Names of locks come from the daemon, with a limit of 200 ms.
 */
#include <string.h>

#include "client/cli/command.h"
#include "client/cli/exits.h"
#include "client/cli/say.h"

#define NAMES                                                    \
	"timeout 0.2 zklock list -a --raw --noheadings -o NAME " \
	"2>/dev/null"

/* What to do with one option of one command. */
typedef void (*each_option)(const struct cli_command *command,
			    const struct cli_option *option);

static void options_of(const struct cli_command *command, each_option each)
{
	for (size_t i = 0; i < CLI_TABLES_MAX && command->tables[i]; i++) {
		for (const struct cli_option *o = command->tables[i]; o->name;
		     o++)
			each(command, o);
	}
	for (const struct cli_option *o = cli_options_global; o->name; o++)
		each(command, o);
}

/* How many names may stand there: 0, 1, or 2 for any number. */
static int takes_names(const struct cli_command *command)
{
	if (strncmp(command->operands, "NAME...", 7) == 0)
		return 2;
	return strncmp(command->operands, "NAME", 4) == 0 ||
	       strcmp(command->operands, "[PATTERN]") == 0;
}

static bool takes_child(const struct cli_command *command)
{
	return strstr(command->operands, "CMD [ARG...]") != NULL;
}

/* What else may stand after it: words, or nothing. */
static const char *words_of(const struct cli_command *command)
{
	if (strcmp(command->name, "completion") == 0)
		return "bash zsh fish";
	if (strcmp(command->name, "help") == 0)
		return "$commands";
	return "";
}

static void command_names(const char *separator)
{
	const char *before = "";

	for (const struct cli_command *c = cli_commands; c->name; c++) {
		(void)printf("%s%s", before, c->name);
		before = separator;
		if (c->alias)
			(void)printf("%s%s", before, c->alias);
	}
}

static void bash_option(const struct cli_command *command,
			const struct cli_option *option)
{
	(void)command;
	if (option->letter)
		(void)printf("-%c ", option->letter);
	(void)printf("--%s ", option->name);
}

static void bash_valued(const struct cli_command *command,
			const struct cli_option *option)
{
	(void)command;
	if (!option->value)
		return;
	if (option->letter)
		(void)printf("-%c|", option->letter);
	(void)printf("--%s|", option->name);
}

static void bash_commands(void)
{
	for (const struct cli_command *c = cli_commands; c->name; c++) {
		(void)printf("\t%s%s%s)\n\t\toptions='", c->name,
			     c->alias ? "|" : "", c->alias ? c->alias : "");
		options_of(c, bash_option);
		(void)printf("'\n\t\tvalued='");
		options_of(c, bash_valued);
		(void)printf("'\n\t\twords=\"%s\" names=%d child=%d ;;\n",
			     words_of(c), takes_names(c), takes_child(c));
	}
}

static const char bash_head[] =
    "# zklock completion for bash\n"
    "_zklock_about() {\n"
    "\toptions='' valued='' words='' names=0 child=0\n"
    "\tcase $1 in\n";

static const char bash_tail[] =
    "\tesac\n"
    "}\n"
    "_zklock() {\n"
    "\tlocal cur=${COMP_WORDS[COMP_CWORD]} commands command='' i j word\n"
    "\tlocal options valued words names child operands=0 skip=0\n"
    "\tCOMPREPLY=()\n"
    "\tcommands='%s'\n"
    "\t_zklock_about ''\n"
    "\tvalued='-S|--socket|'\n"
    "\tfor ((i = 1; i < COMP_CWORD; i++)); do\n"
    "\t\tword=${COMP_WORDS[i]}\n"
    "\t\tif ((skip)); then skip=0; continue; fi\n"
    "\t\tif [[ $word == -* && $word != -- ]]; then\n"
    "\t\t\t[[ \"|$valued\" == *\"|$word|\"* ]] && skip=1\n"
    "\t\telif [[ -z $command ]]; then\n"
    "\t\t\tcommand=$word\n"
    "\t\t\t_zklock_about \"$command\"\n"
    "\t\telif ((child && operands)); then\n"
    "\t\t\tfor ((j = i; j < COMP_CWORD; j++)); do\n"
    "\t\t\t\t[[ ${COMP_WORDS[j]} == -- ]] || continue\n"
    "\t\t\t\t((i = j + 1))\n"
    "\t\t\t\tbreak\n"
    "\t\t\tdone\n"
    "\t\t\tif ((i < COMP_CWORD)) && declare -F _command_offset \\\n"
    "\t\t\t\t>/dev/null; then\n"
    "\t\t\t\t_command_offset \"$i\"\n"
    "\t\t\telse\n"
    "\t\t\t\tCOMPREPLY=($(compgen -c -- \"$cur\"))\n"
    "\t\t\tfi\n"
    "\t\t\treturn\n"
    "\t\telif [[ $word != -- ]]; then\n"
    "\t\t\toperands=1\n"
    "\t\tfi\n"
    "\tdone\n"
    "\t((skip)) && { COMPREPLY=($(compgen -f -- \"$cur\")); return; }\n"
    "\tif [[ -z $command ]]; then\n"
    "\t\twords=\"$commands -S --socket --json -q -v --no-color\"\n"
    "\telif [[ $cur == -* ]] && ((!operands)); then\n"
    "\t\twords=$options\n"
    "\telif ((names && (!operands || names > 1 && !child))); then\n"
    "\t\twords=$(" NAMES ")\n"
    "\telif ((child)); then\n"
    "\t\twords=$(" NAMES ")\n"
    "\t\tCOMPREPLY=($(compgen -c -W \"$words\" -- \"$cur\"))\n"
    "\t\treturn\n"
    "\tfi\n"
    "\tCOMPREPLY=($(compgen -W \"$words\" -- \"$cur\"))\n"
    "}\n"
    "complete -F _zklock zklock\n";

static void bash(void)
{
	const char *hole = strstr(bash_tail, "%s");

	(void)fputs(bash_head, stdout);
	bash_commands();
	(void)fwrite(bash_tail, 1, (size_t)(hole - bash_tail), stdout);
	command_names(" ");
	(void)fputs(hole + 2, stdout);
}

/* Inside of single quotes. */
static void zsh_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '\'')
			(void)fputs("'\\''", stdout);
		else
			(void)putchar(*text);
	}
}

static void zsh_option(const struct cli_command *command,
		       const struct cli_option *option)
{
	const char *value = option->value ? ":value" : "";

	(void)command;
	if (option->letter) {
		(void)printf("\t\t\t'-%c%s[", option->letter,
			     option->value ? "+" : "");
		zsh_text(option->help);
		(void)printf("]%s'\n", value);
	}
	(void)printf("\t\t\t'--%s%s[", option->name, option->value ? "=" : "");
	zsh_text(option->help);
	(void)printf("]%s'\n", value);
}

static void zsh_operands(const struct cli_command *command)
{
	const char *words = words_of(command);

	if (strcmp(words, "$commands") == 0)
		(void)printf("\t\t\t'1:command:_zklock_commands'\n");
	else if (*words)
		(void)printf("\t\t\t'1:shell:(%s)'\n", words);
	else if (takes_names(command) > 1 && !takes_child(command))
		(void)printf("\t\t\t'*:name:_zklock_names'\n");
	else if (takes_names(command))
		(void)printf("\t\t\t'1:name:_zklock_names'\n");
	if (takes_child(command))
		(void)printf("\t\t\t'*::command:_normal'\n");
}

static void zsh(void)
{
	(void)printf("#compdef zklock\n"
		     "_zklock_names() {\n"
		     "\tlocal -a names\n"
		     "\tnames=(${(f)\"$(" NAMES ")\"})\n"
		     "\tcompadd -a names\n"
		     "}\n"
		     "_zklock_commands() {\n"
		     "\tcompadd ");
	command_names(" ");
	(void)printf("\n}\n"
		     "_zklock() {\n"
		     "\tlocal state\n"
		     "\tlocal -a options\n"
		     "\tlocal -i at=${words[(i)--]}\n"
		     "\tif ((at < CURRENT)); then\n"
		     "\t\tshift $at words\n"
		     "\t\t((CURRENT -= at))\n"
		     "\t\t_normal\n"
		     "\t\treturn\n"
		     "\tfi\n"
		     "\t_arguments -S -A '-*' '(-S --socket)'{-S+,--socket=}"
		     "'[socket]:path:_files' --json -q -v --no-color \\\n"
		     "\t\t'1:command:_zklock_commands' '*::arg:->rest'\n"
		     "\t[[ $state == rest ]] || return\n"
		     "\tcase ${words[1]} in\n");
	for (const struct cli_command *c = cli_commands; c->name; c++) {
		(void)printf("\t%s%s%s)\n\t\toptions=(\n", c->name,
			     c->alias ? "|" : "", c->alias ? c->alias : "");
		options_of(c, zsh_option);
		zsh_operands(c);
		(void)printf("\t\t) ;;\n");
	}
	(void)printf("\tesac\n"
		     "\t_arguments -S -A '-*' $options\n"
		     "}\n"
		     "[[ $funcstack[1] == _zklock ]] && _zklock \"$@\" || "
		     "compdef _zklock zklock\n");
}

static void fish_text(const char *text)
{
	for (; *text; text++) {
		if (*text == '\'' || *text == '\\')
			(void)putchar('\\');
		(void)putchar(*text);
	}
}

static void fish_option(const struct cli_command *command,
			const struct cli_option *option)
{
	(void)printf("complete -c zklock -n '__fish_seen_subcommand_from "
		     "%s%s%s' -l %s",
		     command->name, command->alias ? " " : "",
		     command->alias ? command->alias : "", option->name);
	if (option->letter)
		(void)printf(" -s %c", option->letter);
	if (option->value)
		(void)printf(" -r");
	(void)printf(" -d '");
	fish_text(option->help);
	(void)printf("'\n");
}

static void fish_command(const struct cli_command *command)
{
	const char *words = words_of(command);

	(void)printf("complete -c zklock -f -n __fish_use_subcommand -a %s "
		     "-d '",
		     command->name);
	fish_text(command->summary);
	(void)printf("'\n");
	options_of(command, fish_option);
	if (takes_child(command))
		(void)printf("complete -c zklock -n "
			     "'__fish_seen_subcommand_from %s %s; and "
			     "contains -- -- (commandline -opc)' -a "
			     "'(__zklock_child)'\n",
			     command->name, command->alias);
	if (takes_names(command))
		words = "(__zklock_names)";
	else if (strcmp(words, "$commands") == 0)
		words = "$__zklock_commands";
	if (*words)
		(void)printf("complete -c zklock -f -n "
			     "'__fish_seen_subcommand_from %s%s%s' -a '%s'\n",
			     command->name, command->alias ? " " : "",
			     command->alias ? command->alias : "", words);
}

static void fish(void)
{
	(void)printf("# zklock completion for fish\n"
		     "function __zklock_names\n\t" NAMES "\nend\n"
		     "function __zklock_child\n"
		     "\tset -l words (commandline -opc) (commandline -ct)\n"
		     "\tset -l at (contains -i -- -- $words); or return\n"
		     "\tset -l rest $words[(math $at + 1)..-1]\n"
		     "\tcomplete -C \"$rest\"\n"
		     "end\n"
		     "set -g __zklock_commands ");
	command_names(" ");
	(void)printf("\ncomplete -c zklock -s S -l socket -r -d socket\n");
	for (const struct cli_command *c = cli_commands; c->name; c++)
		fish_command(c);
}

int cmd_completion(struct cli_args *args, int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*print)(void);
	} shells[] = { { "bash", bash }, { "zsh", zsh }, { "fish", fish } };

	(void)args;
	(void)argc;
	for (size_t i = 0; i < sizeof shells / sizeof shells[0]; i++) {
		if (strcmp(argv[0], shells[i].name) == 0) {
			shells[i].print();
			return CLI_EXIT_OK;
		}
	}
	cli_say_error("there is no completion for \"%s\": bash, zsh or fish",
		      argv[0]);
	return CLI_EXIT_USAGE;
}
