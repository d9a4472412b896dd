#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""zklock on a terminal: ^C, ^Z and hang-up as with any other command."""
import os
import pty
import select
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from clicase import LOOP, alive, quiet_env  # noqa: E402
from scripted import Scripted  # noqa: E402

SOON_S = 15


class Terminal:
    """One program as the leader of a session on a terminal of its own."""

    def __init__(self, argv, **env):
        self.seen = ""
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            os.execve(argv[0], argv, quiet_env(**env))
        self.status = None

    def type(self, text):
        os.write(self.master, text.encode())

    def expect(self, text, within_s=SOON_S):
        """Read up to this text; what stood before it."""
        end = time.monotonic() + within_s
        while text not in self.seen:
            left = end - time.monotonic()
            if left <= 0 or not select.select([self.master], [], [],
                                              left)[0]:
                raise TimeoutError(f"no {text!r} in {self.seen!r}")
            try:
                self.seen += os.read(self.master, 4096).decode()
            except OSError as err:  # the other side is closed
                raise TimeoutError(f"{text!r}: {self.seen!r}") from err
        before, self.seen = self.seen.split(text, 1)
        return before

    def wait(self, within_s=SOON_S):
        proc.wait_until(self._reaped, within_s, f"{self.pid} ends")
        return os.waitstatus_to_exitcode(self.status)

    def _reaped(self):
        pid, status = os.waitpid(self.pid, os.WNOHANG)
        if pid:
            self.status = status
        return pid

    def close(self):
        if self.status is None:
            try:
                os.kill(self.pid, signal.SIGKILL)
                os.waitpid(self.pid, 0)
            except (ProcessLookupError, ChildProcessError):
                pass
        os.close(self.master)


class TtyTest(unittest.TestCase):

    def setUp(self):
        self.daemon = Scripted(valid_ms=60000, timeout_ms=60000)
        self.terminal = None

    def tearDown(self):
        if self.terminal:
            self.terminal.close()
        self.daemon.close()

    def start(self, *words, **env):
        self.terminal = Terminal([proc.zklock(), "-S", self.daemon.socket,
                                  *words], **env)
        return self.terminal

    def test_the_child_may_read_the_terminal(self):
        terminal = self.start("run", "a", "--", "sh", "-c",
                              "echo ready; read x; echo got-$x")
        terminal.expect("ready")
        terminal.type("word\n")
        terminal.expect("got-word")
        self.assertEqual(terminal.wait(), 0)

    def test_ctrl_c_is_the_childs(self):
        terminal = self.start("run", "a", "--", "sh", "-c",
                              "n=0; trap 'n=$((n + 1))' INT; echo ready; "
                              "while [ $n = 0 ]; do sleep 0.02; done; "
                              "sleep 0.3; echo times-$n; exit 7")
        terminal.expect("ready")
        terminal.type("\x03")
        terminal.expect("times-1")  # once, not once more from the wrapper
        self.assertEqual(terminal.wait(), 7)

    def test_ctrl_c_ends_a_plain_child(self):
        terminal = self.start("run", "a", "--", "sh", "-c",
                              "echo ready; exec sleep 60")
        terminal.expect("ready")
        terminal.type("\x03")
        self.assertEqual(terminal.wait(), 128 + signal.SIGINT)

    def test_ctrl_c_cancels_the_wait(self):
        self.daemon.answers["LOCK"] = \
            lambda *_: 'QUEUED a id=@7 pos=2 holder="db2 pid=812 deploy.py"'
        terminal = self.start("run", "-v", "a", "--", "true")
        terminal.expect("waiting for a, held by db2:812 deploy.py")
        terminal.type("\x03")
        self.assertEqual(terminal.wait(), 128 + signal.SIGINT)

    def test_a_group_of_its_own_gets_it_passed_on(self):
        terminal = self.start("run", "--group", "a", "--", "sh", "-c",
                              f"trap 'exit 7' INT; echo ready; {LOOP}")
        terminal.expect("ready")
        terminal.type("\x03")
        self.assertEqual(terminal.wait(), 7)

    def test_ctrl_z_stops_both_and_fg_goes_on(self):
        for group in ("--foreground", "--group"):
            with self.subTest(group=group):
                self.stop_and_go(group)

    def stop_and_go(self, group):
        program = f"{proc.zklock()} -S {self.daemon.socket}"
        script = (f"set -m; {program} run {group} a -- sh -c "
                  # No loop of short commands: a shell that is just
                  # starting one (vfork) waits instead of being stopped.
                  "'sleep 60 & trap \"kill $!; exit 7\" USR1; "
                  "echo pid-$$-; wait'; "
                  'echo "stopped-$?"; read go; fg >/dev/null; '
                  'echo "ended-$?"')
        self.terminal = Terminal(["/bin/bash", "-c", script])
        terminal = self.terminal
        terminal.expect("pid-")
        pid = int(terminal.expect("-"))
        terminal.type("\x1a")
        terminal.expect("stopped-1")
        proc.wait_until(lambda: self.stands(pid), 10, "the child stands")
        terminal.type("go\n")
        proc.wait_until(lambda: not self.stands(pid), 10, "it goes on")
        os.kill(pid, signal.SIGUSR1)
        terminal.expect("ended-7")
        self.assertEqual(terminal.wait(), 0)
        terminal.close()
        self.terminal = None

    def test_a_hold_in_the_background_leaves_the_terminal_alone(self):
        self.terminal = Terminal(
            ["/bin/bash", "-c", "set -m; sh -c 'echo pid-$$-; exec "
             f"{proc.zklock()} -S {self.daemon.socket} hold a' & wait"])
        self.terminal.expect("pid-")
        pid = int(self.terminal.expect("-"))
        self.terminal.expect("HELD a")
        proc.wait_until(lambda: self.sleeps(pid), 10, "asleep")
        before = self.switches(pid)
        self.terminal.type("word\n")  # which nobody reads
        proc.wait_until(lambda: self.switches(pid) != before, 10, "woken")
        proc.wait_until(lambda: self.sleeps(pid), 10, "asleep again")
        self.assertFalse(any(line.startswith("UNLOCK") or " UNLOCK" in line
                             for line in self.daemon.lines))
        os.kill(pid, signal.SIGTERM)
        self.daemon.heard("UNLOCK")

    @staticmethod
    def switches(pid):
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            return [line for line in status if line.startswith("voluntary")]

    @staticmethod
    def sleeps(pid):
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rsplit(b")", 1)[1].split()[0] == b"S"

    def test_the_shell_shows_what_comes_and_ends_with_ctrl_d(self):
        # libedit never frees the names of functions that are added to it.
        terminal = self.start("shell", ASAN_OPTIONS="detect_leaks=0")
        terminal.type("HELLO 1\n")
        terminal.expect("OK proto=1")
        self.daemon.event("DRAINING grace_ms=1")
        terminal.expect("* DRAINING grace_ms=1")
        terminal.type("PING\n")
        terminal.expect("OK")
        terminal.type("\x04")
        self.assertEqual(terminal.wait(), 0)

    def test_an_empty_list_says_where_else_to_look(self):
        self.daemon.answers["LIST"] = lambda *_: "OK 0"
        terminal = self.start("list", "app*")
        terminal.expect("no locks like app* on this host")
        terminal.expect("zklock list -a app*")
        self.assertEqual(terminal.wait(), 0)

    def test_a_hang_up_ends_it(self):
        terminal = self.start("run", "a", "--", "sh", "-c",
                              "echo ready; exec sleep 60")
        terminal.expect("ready")
        child = [int(entry) for entry in os.listdir("/proc")
                 if entry.isdigit() and self.parent(entry) == terminal.pid]
        os.close(terminal.master)
        terminal.master = os.open("/dev/null", os.O_RDONLY)
        self.assertEqual(terminal.wait(), 128 + signal.SIGHUP)
        self.assertFalse(any(alive(pid) for pid in child))

    @staticmethod
    def parent(pid):
        try:
            with open(f"/proc/{pid}/stat", "rb") as stat:
                return int(stat.read().rsplit(b")", 1)[1].split()[1])
        except (FileNotFoundError, ProcessLookupError):
            return 0

    @staticmethod
    def stands(pid):
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rsplit(b")", 1)[1].split()[0] == b"T"


if __name__ == "__main__":
    unittest.main()
