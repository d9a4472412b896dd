/* SPDX-License-Identifier: MIT */
/* edit - see edit.h. */
#include "client/cli/edit.h"

#ifdef ZKLOCK_HAVE_EDIT

#include <histedit.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Lines to go back to with the arrow keys. */
#define HISTORY_LINES 500

static struct {
	EditLine *line;
	History *past;
	const char *prompt;
	cli_edit_line take;
	void *closure;
	bool ended;
} edit;

static char *prompt_of(EditLine *line)
{
	static char text[32];

	(void)line;
	(void)snprintf(text, sizeof text, "%s", edit.prompt);
	return text;
}

/* ^D at an empty line; libedit does not tell that from a mere key. */
static unsigned char end_of_input(EditLine *line, int key)
{
	const LineInfo *now = el_line(line);

	(void)key;
	if (now->lastchar != now->buffer)
		return CC_ERROR;
	edit.ended = true;
	return CC_EOF;
}

static void remember(const char *text)
{
	HistEvent event;

	if (edit.past && *text && *text != '\n')
		(void)history(edit.past, &event, H_ENTER, text);
}

static void set_up(void)
{
	HistEvent event;

	(void)el_set(edit.line, EL_PROMPT, prompt_of);
	(void)el_set(edit.line, EL_EDITOR, "emacs");
	(void)el_set(edit.line, EL_ADDFN, "end-of-input", "end of input",
		     end_of_input);
	(void)el_set(edit.line, EL_BIND, "^D", "end-of-input", NULL);
	edit.past = history_init();
	if (edit.past) {
		(void)history(edit.past, &event, H_SETSIZE, HISTORY_LINES);
		(void)el_set(edit.line, EL_HIST, history, edit.past);
	}
	/* One key a call, so that the daemon can speak in between. */
	(void)el_set(edit.line, EL_UNBUFFERED, 1);
}

bool cli_edit_start(const char *prompt, cli_edit_line take, void *closure)
{
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return false;
	edit.line = el_init("zklock", stdin, stdout, stderr);
	if (!edit.line)
		return false;
	edit.prompt = prompt;
	edit.take = take;
	edit.closure = closure;
	set_up();
	return true;
}

bool cli_edit_read(void)
{
	int chars = 0;
	const char *typed = el_gets(edit.line, &chars);
	char *text;

	if (edit.ended || chars < 0) {
		cli_edit_end();
		(void)putchar('\n');
		edit.take(NULL, edit.closure);
		return false;
	}
	if (!typed || chars < 1 || typed[chars - 1] != '\n')
		return true;
	text = strndup(typed, (size_t)chars - 1);
	remember(typed);
	/* Off and on again: the line begins anew. */
	(void)el_set(edit.line, EL_UNBUFFERED, 0);
	if (text)
		edit.take(text, edit.closure);
	free(text);
	(void)el_set(edit.line, EL_UNBUFFERED, 1);
	return true;
}

void cli_edit_hide(void)
{
	if (edit.line)
		(void)fputs("\r\033[K", stdout);
}

void cli_edit_show(void)
{
	if (edit.line)
		(void)el_set(edit.line, EL_REFRESH);
}

void cli_edit_end(void)
{
	if (!edit.line)
		return;
	(void)el_set(edit.line, EL_UNBUFFERED, 0);
	el_end(edit.line);
	edit.line = NULL;
	if (edit.past)
		history_end(edit.past);
	edit.past = NULL;
}

#else

bool cli_edit_start(const char *prompt, cli_edit_line take, void *closure)
{
	(void)prompt;
	(void)take;
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
