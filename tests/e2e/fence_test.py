#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A daemon that was killed, started again in its folder: its old session ends
as soon as its holders' deadline has passed, and not before."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
import zkwire  # noqa: E402
from e2ecase import E2eCase  # noqa: E402

SESSION_MS = 8000
SOON_MS = 1500  # after the deadline, on a loaded machine
# A session outlives the deadlines that it proves by so much at least; who is
# freed sooner was freed by a fence.
MARGIN_MS = 200


def empty(path):
    """In another file of that name: the old one is mapped."""
    os.unlink(path)
    with open(path, "wb") as out:
        out.write(bytes(4096))


class FenceTest(E2eCase):

    def two(self, **keys):
        return [self.host(name, session_timeout_ms=SESSION_MS, **keys)
                for name in ("host1", "host2")]

    def kept_alive(self, session):
        """From now on that session does not run out: nothing but the fence
        ends it."""
        keeper = zkwire.Client(self.server.address, SESSION_MS, session)
        self.addCleanup(keeper.drop)

    def granted_at_the_deadline(self, one, page, waiter, tag):
        """host1 was killed and is begun anew: what it had is free soon after
        the last deadline, and not before."""
        _, until_ms = page.word()
        one.start()
        tag = tag or waiter.enqueue("a")
        waiter.granted(tag, within_s=20)
        granted_ms = proc.now_ms()
        waiter.unlock("a")
        self.assertGreaterEqual(granted_ms, until_ms)
        self.assertLess(granted_ms, until_ms + SOON_MS)
        proc.wait_until(lambda: "event=predecessor_fenced" in one.log_text(),
                        5, "the fence is over")
        self.assertIn("how=closed", one.log_text())

    def test_not_before_the_deadline_and_soon_after(self):
        one, two = self.two()
        holder, waiter = self.client(one), self.client(two)
        holder.lock("a")
        tag = waiter.enqueue("a")
        self.wait_queue("a", 2)
        page, session = one.lease_page(), one.session_id()
        one.kill()
        self.kept_alive(session)
        self.granted_at_the_deadline(one, page, waiter, tag)

    def test_a_bid_that_lingers_is_freed_too(self):
        """Nobody held it when host1 was killed."""
        one, two = self.two(linger_ms=60000)
        first, waiter = self.client(one), self.client(two)
        first.lock("a")
        first.unlock("a")
        page, session = one.lease_page(), one.session_id()
        one.kill()
        self.kept_alive(session)
        self.assertEqual(len(self.queue("a")), 1)
        self.granted_at_the_deadline(one, page, waiter, None)

    def test_without_a_page_the_session_runs_out(self):
        """Who does not know what holders may believe ends no session."""
        one, two = self.host("host1"), self.host("host2")
        path = os.path.join(one.keys["state_dir"], "lease")
        for lock, harm in (("removed", os.unlink), ("emptied", empty)):
            holder, waiter = self.client(one), self.client(two)
            holder.lock(lock)
            tag = waiter.enqueue(lock)
            self.wait_queue(lock, 2)
            page = one.lease_page()
            one.kill()
            _, until_ms = page.word()
            harm(path)
            one.start()
            waiter.granted(tag, within_s=20)
            self.assertGreater(proc.now_ms(), until_ms + MARGIN_MS)
            self.assertNotIn("predecessor_fenced", one.log_text())
            waiter.unlock(lock)

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
