/* SPDX-License-Identifier: MIT */
/*
 * main_state - the state folder, and being the only daemon in it.
 */
#ifndef DAEMON_MAIN_STATE_H
#define DAEMON_MAIN_STATE_H

#define MAIN_STATE_LOCK "lock"

/*
 * Make the folder if it is missing and lock it for this process' life.  The
 * descriptor that keeps the lock, or -errno with *step_out saying what was
 * tried; -EWOULDBLOCK: another daemon runs in this folder.
 */
int main_state_open(const char *dir, const char *host, const char **step_out);

#endif
