/* SPDX-License-Identifier: MIT */
/*
 * edit - a line editor with history on a terminal, when libedit was there at
 * build time; else, and without a terminal, cli_edit_start() says no.
 */
#ifndef CLI_EDIT_H
#define CLI_EDIT_H

#include <stdbool.h>

/* A whole line, or NULL at the end of input; borrowed for the call. */
typedef void (*cli_edit_line)(const char *line, void *closure);

bool cli_edit_start(const char *prompt, cli_edit_line take, void *closure);

/* Standard input is readable.  False after the end of input. */
bool cli_edit_read(void);

/* Take the prompt away before printing, and bring it back. */
void cli_edit_hide(void);
void cli_edit_show(void);

void cli_edit_end(void);

#endif
