/* SPDX-License-Identifier: MIT */
/* edit - see edit.h. */
#include "client/cli/edit.h"

#ifdef ZKLOCK_HAVE_EDIT

#include <editline/readline.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static struct {
	cli_edit_line line;
	void *closure;
	bool on;
	bool ended;
} edit;

static void take(char *line)
{
	if (line && *line)
		(void)add_history(line);
	if (!line) {
		edit.ended = true;
		(void)putchar('\n');
		rl_callback_handler_remove();
		edit.on = false;
	}
	edit.line(line, edit.closure);
	free(line);
}

bool cli_edit_start(const char *prompt, cli_edit_line line, void *closure)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return false;
	edit.line = line;
	edit.closure = closure;
	edit.on = true;
	using_history();
	rl_callback_handler_install(prompt, take);
	return true;
}

bool cli_edit_read(void)
{
	rl_callback_read_char();
	return !edit.ended;
}

void cli_edit_hide(void)
{
	if (edit.on)
		(void)fputs("\r\033[K", stdout);
}

void cli_edit_show(void)
{
	if (edit.on)
		rl_forced_update_display();
}

void cli_edit_end(void)
{
	if (edit.on)
		rl_callback_handler_remove();
	edit.on = false;
}

#else

bool cli_edit_start(const char *prompt, cli_edit_line line, void *closure)
{
	(void)prompt;
	(void)line;
	(void)closure;
	return false;
}

bool cli_edit_read(void)
{
	return false;
}

void cli_edit_hide(void)
{
}

void cli_edit_show(void)
{
}

void cli_edit_end(void)
{
}

#endif
