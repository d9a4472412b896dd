#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A daemon that was killed, started again in its folder: its old session ends
as soon as its holders' deadline has passed, and not before."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from e2ecase import E2eCase  # noqa: E402


class FenceTest(E2eCase):

    def kill_and_restart(self, **keys):
        """A holder on host1, a waiter on host2, host1 killed and begun anew.
        What the holder may believe, and when the waiter was granted."""
        one = self.host("host1", session_timeout_ms=8000, **keys)
        two = self.host("host2", session_timeout_ms=8000)
        holder, waiter = self.client(one), self.client(two)
        holder.lock("a")
        tag = waiter.enqueue("a")
        self.wait_queue("a", 2)
        page = one.lease_page()
        one.kill()
        _, until_ms = page.word()
        one.start()
        waiter.granted(tag, within_s=20)
        granted_ms = proc.now_ms()
        waiter.unlock("a")
        return one, until_ms, granted_ms

    def test_not_before_the_deadline_and_soon_after(self):
        one, until_ms, granted_ms = self.kill_and_restart()
        self.assertGreaterEqual(granted_ms, until_ms)
        self.assertIn("event=predecessor_fenced", one.log_text())
        self.assertIn("how=closed", one.log_text())

    def test_an_orderly_end_leaves_nothing_to_fence(self):
        one = self.host("host1")
        path = os.path.join(one.keys["state_dir"], "session")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o600)
        one.stop()
        self.assertFalse(os.path.exists(path))
        one.start()
        self.assertNotIn("predecessor_fenced", one.log_text())

    def test_a_session_file_of_nonsense_is_no_session(self):
        one = self.host("host1")
        one.kill()
        path = os.path.join(one.keys["state_dir"], "session")
        with open(path, "wb") as out:
            out.write(b"\xff\x00nonsense\n" * 9)
        one.start()
        self.assertEqual(one.state(), "connected")


if __name__ == "__main__":
    unittest.main()
