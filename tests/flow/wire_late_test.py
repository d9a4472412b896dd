#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""T6: a grant that waits behind a full socket, for a client that does not
read, while its lock is lost.  The line is not taken back; whoever reads it
must not believe it."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from daemon import Daemon  # noqa: E402
from line import Reply  # noqa: E402


class LateTest(unittest.TestCase):

    def setUp(self):
        self.daemon = Daemon().start()
        self.page = self.daemon.lease_page()
        self.slow = self.daemon.client("slow", receive_buffer=4096)
        self.other = self.daemon.client("other")

    def tearDown(self):
        self.slow.close()
        self.other.close()
        self.daemon.stop()

    def granted_unread(self):
        """The slow one is granted, behind what its socket has no room for;
        its tag, and how many bytes lie in front of it at least."""
        self.slow.ok("HELLO 1 lease=push")
        self.other.lock("a")
        tag = self.slow.enqueue("a")
        self.slow.send(*["HELP"] * 100)
        proc.wait_until(self.slow.unread, 10, "help")
        for _ in range(10):
            self.other.sync()  # a turn or more each
        self.other.unlock("a")
        proc.wait_until(
            lambda: any("state=held" in row
                        for row in self.other.ok("LIST a").rows),
            10, "granted")
        return tag, self.slow.unread()

    def lose(self):
        """The daemon stands still until its deadline has passed."""
        gen = self.page.word()[0]
        self.daemon.freeze()
        until_ms = self.page.word()[1]
        proc.wait_until(lambda: proc.now_ms() > until_ms, 15, "D")
        self.daemon.thaw()
        proc.wait_until(lambda: self.page.word()[0] != gen, 10, "next gen")

    def test_nothing_that_is_read_late_may_be_believed(self):
        tag, unread = self.granted_unread()
        self.lose()
        said = ""
        grant = until_ms = None
        while True:
            text = self.slow.line()
            now_ms = proc.now_ms()
            line = Reply(text.removeprefix("* "))
            if text.startswith(f"{tag} GRANTED "):
                self.assertGreater(len(said), unread, "it was in the socket")
                grant, until_ms = line, line.until_ms
            elif grant and (text.startswith("* RESUMED ") or
                            text.startswith(f"* LEASE gen={grant['gen']} ")):
                until_ms = max(until_ms, line.until_ms)
            elif text.startswith("* LOST "):
                break
            if grant:
                self.assertLess(until_ms, now_ms, text)
            said += text + "\n"
        self.assertEqual(line.token, grant.token)
        self.assertEqual(self.slow.ok("CHECK a")["held"], "0")


if __name__ == "__main__":
    unittest.main()
