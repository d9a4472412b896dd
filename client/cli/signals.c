/* SPDX-License-Identifier: MIT */
/* signals - see signals.h. */
#include "client/cli/signals.h"

#include <errno.h>
#include <sys/signalfd.h>
#include <unistd.h>

/* These are about a mistake of ours in this very instruction: they may end
 * us.  STOP and KILL cannot be caught. */
static const int left_alone[] = { SIGSEGV, SIGBUS,  SIGFPE,  SIGILL, SIGTRAP,
				  SIGSYS,  SIGABRT, SIGKILL, SIGSTOP };

/* nohup, and "&" in a script: a blocked signal is kept, ignored or not. */
static bool is_ignored(int number)
{
	struct sigaction action;

	return number != SIGCHLD && sigaction(number, NULL, &action) == 0 &&
	       action.sa_handler == SIG_IGN;
}

int cli_signals_open(struct cli_signals *signals)
{
	sigset_t wanted;

	(void)sigfillset(&wanted);
	for (size_t i = 0; i < sizeof left_alone / sizeof left_alone[0]; i++)
		(void)sigdelset(&wanted, left_alone[i]);
	for (int number = 1; number <= SIGRTMAX; number++) {
		if (is_ignored(number))
			(void)sigdelset(&wanted, number);
	}
	if (sigprocmask(SIG_BLOCK, &wanted, &signals->mask) < 0)
		return -errno;
	/* An ignored CHLD, inherited, would hide the child's exit code. */
	if (signal(SIGCHLD, SIG_DFL) == SIG_ERR)
		return -errno;
	signals->fd = signalfd(-1, &wanted, SFD_CLOEXEC | SFD_NONBLOCK);
	return signals->fd < 0 ? -errno : 0;
}

void cli_signals_close(struct cli_signals *signals)
{
	(void)close(signals->fd);
	(void)sigprocmask(SIG_SETMASK, &signals->mask, NULL);
}

bool cli_signals_next(const struct cli_signals *signals,
		      struct cli_signal *signal_out)
{
	struct signalfd_siginfo one;

	if (read(signals->fd, &one, sizeof one) != (ssize_t)sizeof one)
		return false;
	signal_out->number = (int)one.ssi_signo;
	signal_out->from_tty = one.ssi_code == SI_KERNEL;
	return true;
}

bool cli_signal_ends(int number)
{
	switch (number) {
	case SIGCHLD:
	case SIGCONT:
	case SIGURG:
	case SIGWINCH:
	case SIGTSTP:
	case SIGTTIN:
	case SIGTTOU:
	case SIGPIPE: /* our own writes; they are answered with EPIPE */
		return false;
	default:
		return true;
	}
}
