#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Which clock it is.  On a machine that never slept CLOCK_BOOTTIME and
CLOCK_MONOTONIC say the same, and nobody would see the wrong one.  Here they
are a day apart: all of this test, its daemon and its clients run in a time
namespace of their own."""
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from clicase import CliCase, alive  # noqa: E402
from daemon import SESSION_MS, Daemon  # noqa: E402

APART_S = 100000
INSIDE = "ZKL_CLOCKS_APART"  # set for the program that runs in there
SLACK_MS = 1000  # later than planned, on a loaded machine
_UNSHARE = ["unshare", "--time", "--boottime", str(APART_S), "--fork",
            "--kill-child=TERM"]
# Who is not root is allowed to in a user namespace of its own, mostly.
WAYS = (_UNSHARE, _UNSHARE + ["--user", "--map-current-user"])

STUBBORN = ("trap 'cut -d\" \" -f1 /proc/uptime >\"$D/said\"' TERM; "
            "echo $$ >\"$D/up\"; while :; do sleep 0.02; done")


def apart_s():
    return (time.clock_gettime(time.CLOCK_BOOTTIME)
            - time.clock_gettime(time.CLOCK_MONOTONIC))


def go_inside():
    """Become this test in a time namespace; the kernel's words when it
    will not have that."""
    refused = []
    for way in WAYS:
        tried = proc.run(way + ["true"])
        if tried.returncode == 0:
            os.execvpe(way[0], way + [sys.executable, *sys.argv],
                       dict(os.environ, **{INSIDE: "1"}))
        refused.append(tried.stderr.strip())
    return "; ".join(refused)


def setUpModule():
    if apart_s() > APART_S / 2:
        return
    if INSIDE in os.environ:
        raise AssertionError("a time namespace, and the clocks are one")
    raise unittest.SkipTest("no time namespace here: " + go_inside())


class ClockTest(CliCase):

    @classmethod
    def setUpClass(cls):
        pass  # a daemon a test: some are stopped

    @classmethod
    def tearDownClass(cls):
        pass

    def setUp(self):
        super().setUp()
        self.daemon = Daemon().start()

    def tearDown(self):
        super().tearDown()
        self.daemon.kill()

    def is_ahead(self, until_ms, before_ms):
        """A deadline that was given out since before_ms, and holds."""
        self.assertGreater(until_ms, before_ms)
        self.assertLessEqual(until_ms, proc.now_ms() + SESSION_MS)

    def test_what_the_daemon_says(self):
        client = self.client()
        before_ms = int(proc.now_ms())
        hello = client.ok("HELLO 1")
        self.assertGreaterEqual(hello.number("now_ms"), before_ms)
        self.assertLessEqual(hello.number("now_ms"), proc.now_ms())
        granted = client.lock("a", "max_hold=2s")
        self.is_ahead(granted.until_ms, before_ms)
        self.is_ahead(granted.number("max_until_ms"), before_ms)
        self.is_ahead(client.ok("CHECK a").until_ms, before_ms)
        self.is_ahead(self.daemon.lease_page().word()[1], before_ms)

    def test_the_daemons_own_timer(self):
        """The lease moves on, and a wait ends, with nobody saying a word."""
        page = self.daemon.lease_page()
        holder, waiter = self.client("holder"), self.client("waiter")
        holder.lock("a")
        tag = waiter.ask("LOCK a wait=300ms")
        self.assertEqual(waiter.reply(tag, 10).code, "TIMEOUT")
        first_ms = page.word()[1]
        proc.wait_until(lambda: page.word()[1] > first_ms, 10, "a beat")

    def last_deadline(self):
        """The daemon stands still: until when its holders believe."""
        page = self.daemon.lease_page()
        self.daemon.freeze()
        return page.word()[1]

    def ends_at(self, process, until_ms, code):
        self.assertEqual(process.wait(15), code)
        ended_ms = proc.now_ms()
        self.assertGreater(ended_ms, until_ms - 50)
        self.assertLess(ended_ms, until_ms + SLACK_MS)

    def test_run_ends_its_child_at_the_deadline(self):
        wrapper = self.start("run", "a", "--", "sh", "-c", STUBBORN,
                             env={"D": self.folder})
        self.there("up")
        until_ms = self.last_deadline()
        self.ends_at(wrapper, until_ms, 79)
        self.assertLess(float(self.there("said")) * 1000, until_ms)
        self.assertFalse(alive(int(self.there("up"))))

    def test_the_library_does_not_believe_longer(self):
        log = self.path("tasks")
        tasks = proc.Process(
            [proc.ten_tasks(), "-S", self.daemon.socket, "-l", "a", "-n", "1",
             "-m", "60000"], log=log)
        client = self.client()
        proc.wait_until(lambda: client.ok("LIST a").rows, 15, "it holds")
        until_ms = self.last_deadline()
        self.ends_at(tasks, until_ms, 1)
        self.assertIn("lost: ", tasks.log_text())


if __name__ == "__main__":
    unittest.main()
