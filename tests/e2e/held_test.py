#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""zklock_is_held() and zklock_valid_ms() when there is nobody left to say a
word: ZooKeeper stands still, and the daemon stands still, is dead, or has
even lost its state folder.  The page's last deadline is all that counts."""
import os
import shutil
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from e2ecase import E2eCase  # noqa: E402

MOVED_MS = 400
LOOKS = 10  # that must be seen before the deadline, and after it


class Look:
    """One line of held_watch: what was said between two moments."""

    def __init__(self, raw):
        self.before_ms, self.held, self.valid_ms, self.after_ms = \
            (int(word) for word in raw.split())

    def __repr__(self):
        return (f"<{self.before_ms}..{self.after_ms} held={self.held} "
                f"valid_ms={self.valid_ms}>")


class HeldTest(E2eCase):

    def believed_until_the_deadline(self, harm):
        one = self.host("host1")
        page = one.lease_page()
        watch = proc.Process(
            [proc.program("held_watch", "ZKL_HELD_WATCH", "tests/e2e"),
             one.socket, "a"], stdout=subprocess.PIPE)
        first = Look(watch.stdout.readline())
        self.assertEqual(first.held, 1)
        # What GRANTED said is not what counts any more.
        proc.wait_until(lambda: page.word()[1] > first.after_ms
                        + first.valid_ms + MOVED_MS, 10, "proven anew")
        self.server.freeze()
        try:
            harm(one)
            harmed_ms = proc.now_ms()
            _, until_ms = page.word()  # nobody writes it any more
            looks = [Look(raw) for raw in watch.stdout.readlines()]
            self.assertEqual(watch.wait(5), 0)
        finally:
            self.server.thaw()
            one.thaw()
        before = [look for look in looks if look.before_ms > harmed_ms
                  and look.after_ms < until_ms]
        after = [look for look in looks if look.before_ms >= until_ms]
        self.assertGreater(len(before), LOOKS)
        self.assertGreater(len(after), LOOKS)
        for look in before:
            self.assertEqual(look.held, 1, look)
            self.assertGreaterEqual(look.valid_ms, until_ms - look.after_ms)
            self.assertLessEqual(look.valid_ms, until_ms - look.before_ms)
        for look in after:
            self.assertEqual((look.held, look.valid_ms), (0, 0), look)
        self.wait_queue("a", 0, 20)

    def test_the_daemon_stands_still(self):
        self.believed_until_the_deadline(lambda one: one.freeze())

    def test_the_daemon_is_killed(self):
        """The connection is gone, too; nobody has looked at it."""
        self.believed_until_the_deadline(lambda one: one.kill())

    def test_the_state_folder_is_gone(self):
        def harm(one):
            one.kill()
            shutil.rmtree(one.keys["state_dir"])
        self.believed_until_the_deadline(harm)


if __name__ == "__main__":
    unittest.main()
