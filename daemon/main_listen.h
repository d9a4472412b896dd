/* SPDX-License-Identifier: MIT */
/* main_listen - the socket that systemd hands over, if it does. */
#ifndef DAEMON_MAIN_LISTEN_H
#define DAEMON_MAIN_LISTEN_H

/* FileDescriptorName= of the unit's socket. */
#define MAIN_LISTEN_NAME "client"

/*
 * 0 with *fd_out a listening Unix stream socket, or -1 when none was handed
 * over.  -EINVAL when something was, and it is not that.  Of several the one
 * named MAIN_LISTEN_NAME is taken, and the others are closed.
 */
int main_listen_take(int *fd_out);

#endif
