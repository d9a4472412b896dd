#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""DEADLOCK: who would wait for itself is told so, and by which locks."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from wirecase import WireCase  # noqa: E402


class DeadlockTest(WireCase):

    def test_two_that_cross(self):
        one, two = self.client("one"), self.client("two")
        a, b = self.name("-a"), self.name("-b")
        one.lock(a)
        two.lock(b)
        tag = one.enqueue(b)
        refused = two.err(f"LOCK {a} wait=10s", "DEADLOCK")
        self.assertEqual(refused["cycle"], f"{a} {b}")
        self.assertRegex(refused["holder"], r"host1 pid=\d+")
        self.assertEqual(two.ok(f"CHECK {b}")["held"], "1")
        two.unlock(b)
        one.granted(tag)
        two.enqueue(a)

    def test_a_crowd_that_waits_costs_little(self):
        """A connection that waits for a thousand locks of one other."""
        holder, crowd = self.client("holder"), self.client("crowd")
        names = [f"{self.name()}/{i}" for i in range(1000)]
        holder.send(*[f"#{i} LOCK {name}" for i, name in enumerate(names)])
        for i in range(len(names)):
            holder.granted(f"#{i}")
        crowd.lock(self.name("-mine"))

        def ask():
            crowd.send(*[f"#{i} LOCK {name}"
                         for i, name in enumerate(names)])
            for i in range(len(names)):
                crowd.queued(f"#{i}")

        self.watched(ask, 100)
        holder.err(f"LOCK {self.name('-mine')}", "DEADLOCK")


if __name__ == "__main__":
    unittest.main()
