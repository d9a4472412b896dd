/* SPDX-License-Identifier: MIT */
/*
 * notify - one datagram to the service manager, if there is one.
 *
 * The protocol of sd_notify(3), so that the command line needs no library for
 * it.
 */
#ifndef CLI_NOTIFY_H
#define CLI_NOTIFY_H

/* Lines such as "READY=1" to $NOTIFY_SOCKET; nothing without it. */
void cli_notify(const char *lines);

#endif
