#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Sequence numbers near their end (F26): a real server whose log says that
a lock has had two thousand million bids."""
import unittest

import zklog
from faultcase import FaultCase

REFUSED_FROM = 2 ** 31 - 2 ** 20
LEFT = 4  # bids that still fit


class SequenceTest(FaultCase):

    # The hosts take turns, so no bid that lingers is granted again.
    RANGE = {"servers": 1, "hosts": 2, "session_timeout_ms": 6000}

    @classmethod
    def make_range(cls):
        made = super().make_range()
        made.servers[0].flags += ["-Dzookeeper.digest.enabled=false"]
        return made

    def age(self, path):
        """As if the parent of that node had had all those children."""
        server = self.range.servers[0]
        server.stop()
        self.assertEqual(zklog.set_child_version(
            f"{server.folder}/data", path, REFUSED_FROM - LEFT), 1)
        server.start()
        for host in self.hosts:
            host.wait_ready("connected", 60)

    def test_f26_near_the_end(self):
        """F26: up to the last number all is well; then a clear refusal,
        and when the node has been made anew tokens go on growing."""
        one, two = self.client(self.hosts[0]), self.client(self.hosts[1])
        parent = f"{self.root}/{self.name}"
        tree = self.range.observer()
        tree.make_parents(f"{parent}/seed")
        tree.drop()
        self.age(f"{parent}/seed")
        numbers, tokens = [], []
        refused = None
        for turn in range(2 * LEFT):
            client = (one, two)[turn % 2]
            reply = client.call(f"LOCK {self.name}")
            if reply.word == "ERR":
                refused = reply
                break
            numbers.append(int(reply["node"][-10:]))
            tokens.append(reply.token)
            client.unlock(self.name)
        self.assertEqual(numbers[0], REFUSED_FROM - LEFT)
        self.assertLess(numbers[-1], REFUSED_FROM)
        self.assertTrue(refused, f"granted on {numbers}")
        self.assertEqual(refused.code, "ZK")
        self.assertIn("sequence counter", refused.human)
        self.wait_queue(0)
        tree = self.range.observer()
        tree.delete(f"{parent}/seed")
        tree.delete(parent)
        entry = self.hold(one)
        tokens.append(entry.token)
        self.assertEqual(tokens, sorted(set(tokens)))
        self.assertEqual(entry.reply["node"][-10:], "0000000000")
        self.release(one, entry)
        self.measured(numbers=numbers, refused=repr(refused.text))


if __name__ == "__main__":
    unittest.main()
