#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Waiting without taking, asking and being asked, and holds that end before
their owner wants it, over two hosts and a real ZooKeeper."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from e2ecase import E2eCase  # noqa: E402

# As a contender of Curator's InterProcessMutex names itself.
STRANGER = "_c_11111111-2222-3333-4444-555555555555-lock-"
EPHEMERAL_SEQUENTIAL = 3


class VerbsTest(E2eCase):

    def two(self, **keys):
        return (self.client(self.host("host1", **keys), "first"),
                self.client(self.host("host2", **keys), "second"))

    def test_wait_against_a_linger_elsewhere(self):
        """rules.md's test 13: what only lingers is free, and gone."""
        first, second = self.two(linger_ms=60000)
        first.lock("a")
        first.unlock("a")
        self.wait_queue("a", 1)
        second.ok("WAIT a wait=5s", "FREE")
        self.wait_queue("a", 0)

    def test_wait_against_a_hold_elsewhere(self):
        first, second = self.two()
        first.lock("a")
        reply = second.err("WAIT a wait=200ms", "TIMEOUT")
        self.assertIn("host1", reply["holder"])
        self.wait_queue("a", 1)
        tag = second.ask("WAIT a")
        second.queued(tag)
        first.unlock("a")
        self.assertEqual(second.reply(tag).word, "FREE")
        self.wait_queue("a", 0)
        first.ok("TRYLOCK a", "GRANTED")

    def test_max_hold_frees_it_for_another_host(self):
        first, second = self.two()
        end_ms = first.lock("a", "max_hold=500ms").number("max_until_ms")
        second.lock("a", within_s=20)
        self.assertGreaterEqual(proc.now_ms(), end_ms)
        self.assertEqual(first.event("LOST")["reason"], "max_hold")

    def test_min_hold_keeps_it_from_another_host(self):
        first, second = self.two()
        first.lock("a", "min_hold=700ms")
        begun_ms = proc.now_ms()
        first.unlock("a")
        second.err("TRYLOCK a", "BUSY")
        second.lock("a", within_s=20)
        self.assertGreaterEqual(proc.now_ms() - begun_ms, 600)

    def test_the_message_of_a_revoker_reaches_the_holder(self):
        """Curator's Revoker: the data of the holder's node is set."""
        first, second = self.two()
        granted = first.lock("a", "wanted=1")
        tag = second.enqueue("a")
        self.assertEqual(first.event("WANTED").id, granted.id)
        node = f"{self.parent('a')}/{self.queue('a')[0]}"
        before = self.observer.get(node)[0]
        self.observer.set(node, b"__REVOKE__")
        asked = first.event("REVOKE")
        self.assertEqual((asked.id, asked["by"]),
                         (granted.id, "another program"))
        proc.wait_until(lambda: self.observer.get(node)[0] == before, 10,
                        "our words stand in the node again")
        first.unlock("a")
        second.granted(tag)

    def test_one_host_asks_the_other(self):
        first, second = self.two()
        granted = first.lock("a")
        tag = second.enqueue("a")
        self.assertEqual(second.ok("REVOKE a")["asked"], "1")
        self.assertEqual(first.event("REVOKE").id, granted.id)
        first.unlock("a")
        second.granted(tag)

    def test_a_stranger_is_asked_as_its_revoker_would(self):
        first = self.client(self.host("host1"), "first")
        self.observer.make_parents(self.parent("a"))
        node, _ = self.observer.create(
            f"{self.parent('a')}/{STRANGER}", b"its own words",
            EPHEMERAL_SEQUENTIAL)
        tag = first.enqueue("a")
        first.ok("REVOKE a")
        proc.wait_until(lambda: self.observer.get(node)[0] == b"__REVOKE__",
                        10, "the message is in its node")
        self.observer.delete(node)
        first.granted(tag)


if __name__ == "__main__":
    unittest.main()
