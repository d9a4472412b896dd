#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Beginning and end of a daemon that has a real session: the drain of
SIGTERM, readiness under systemd, two daemons by mistake."""
import os
import signal
import socket
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from daemon import SESSION_MS, Daemon  # noqa: E402
from e2ecase import E2eCase  # noqa: E402


class DrainTest(E2eCase):
    """lease.md R11: an end is announced too."""

    def test_a_holder_lets_go_in_time(self):
        one, two = self.host("host1"), self.host("host2")
        holder, here = self.client(one), self.client(one)
        there = self.client(two)
        granted = holder.lock("a")
        page = one.lease_page()
        tag_here = here.enqueue("a")
        tag_there = there.enqueue("a")
        self.wait_queue("a", 2)
        begin_ms = proc.now_ms()
        one.process.signal(signal.SIGTERM)
        grace_ms = holder.event("DRAINING").number("grace_ms")
        self.assertLessEqual(grace_ms, SESSION_MS / 4)
        self.assertEqual(here.reply(tag_here).code, "DRAINING")
        self.assertLessEqual(page.word()[1],
                             proc.now_ms() + SESSION_MS / 4)
        holder.err("TRYLOCK b", "DRAINING")
        self.assertEqual(holder.ok("CHECK a").token, granted.token)
        holder.unlock("a")
        second = there.granted(tag_there)
        self.assertGreater(second.token, granted.token)
        self.assertEqual(one.process.wait(10), 0)
        self.assertLess(proc.now_ms() - begin_ms, SESSION_MS)
        there.unlock("a")

    def test_a_holder_that_stays_is_lost_first(self):
        """LOST reason=shutdown at the shortened deadline, and only then
        the other host's grant."""
        one, two = self.host("host1"), self.host("host2")
        holder, there = self.client(one), self.client(two)
        granted = holder.lock("a")
        page = one.lease_page()
        tag = there.enqueue("a")
        self.wait_queue("a", 2)
        one.process.signal(signal.SIGTERM)
        holder.event("DRAINING")
        deadline_ms = page.word()[1]
        self.assertLessEqual(deadline_ms, proc.now_ms() + SESSION_MS / 4)
        lost = holder.event("LOST")
        self.assertEqual(lost["reason"], "shutdown")
        self.assertEqual(lost.token, granted.token)
        there.granted(tag)
        self.assertGreaterEqual(proc.now_ms(), deadline_ms)
        self.assertEqual(one.process.wait(10), 0)
        there.unlock("a")

    def test_the_session_is_closed(self):
        one = self.host("host1")
        session = one.session_id()
        self.assertIn(session, self.server.sessions())
        one.stop()
        self.assertNotIn(session, self.server.sessions())

    def test_without_a_server(self):
        """SIGTERM while ZooKeeper is away: it ends all the same."""
        one = self.host("host1")
        holder = self.client(one)
        holder.lock("a")
        self.server.freeze()
        try:
            one.process.signal(signal.SIGTERM)
            holder.event("LOST")
            self.assertEqual(one.process.wait(15), 0)
        finally:
            self.server.thaw()
        self.wait_queue("a", 0, 2 * SESSION_MS / 1000)  # by expiry


class MistakeTest(E2eCase):

    def test_a_second_daemon_refuses(self):
        one = self.host("host1")
        holder = self.client(one)
        holder.lock("a")
        second = Daemon(self.server.address, host="host1", root=self.root,
                        state_dir=one.keys["state_dir"])
        second.launch()
        self.assertGreater(second.process.wait(10), 0)
        self.assertIn(one.keys["state_dir"], second.log_text())
        self.assertEqual(holder.ok("CHECK a")["held"], "1")


class SystemdTest(E2eCase):

    def notify_socket(self):
        folder = proc.folder("zkl-sd")
        notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.addCleanup(notify.close)
        notify.bind(f"{folder}/notify")
        notify.settimeout(20)
        return folder, notify

    def ready(self, notify):
        while "READY=1" not in notify.recv(4096).decode():
            pass

    def test_activated_and_ready_when_connected(self):
        folder, notify = self.notify_socket()
        host = self.host(
            start=False, env={"NOTIFY_SOCKET": f"{folder}/notify"},
            wrapper=["systemd-socket-activate", "-E", "NOTIFY_SOCKET",
                     f"--listen={folder}/listen"])
        host.socket = f"{folder}/listen"
        host.launch()
        proc.wait_until(lambda: os.path.exists(host.socket), 10,
                        "somebody listens")
        early = self.client(host, "queued while it starts")
        early.send("LOCK a")
        self.ready(notify)
        self.assertEqual(host.state(), "connected")
        while "GRANTED" not in early.line():
            pass

    def test_ready_after_five_seconds_without_a_server(self):
        folder, notify = self.notify_socket()
        host = self.host(servers="127.0.0.1:1", start=False,
                         env={"NOTIFY_SOCKET": f"{folder}/notify"})
        begin = time.monotonic()
        host.launch()
        self.ready(notify)
        took_s = time.monotonic() - begin
        self.assertGreater(took_s, 4)
        self.assertLess(took_s, 10)


if __name__ == "__main__":
    unittest.main()
