#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Shared and alone over two hosts and a real ZooKeeper: who holds beside
whom, in which order, and how many nodes that takes."""
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from e2ecase import E2eCase  # noqa: E402

TURNS_S = 0.3  # more than turns_ms


class ModeTest(E2eCase):

    def queue(self, lock):
        """Readers' nodes too."""
        return self.observer.children(self.parent(lock))

    def setUp(self):
        super().setUp()
        self.one = self.host("host1", linger_ms=0)
        self.two = self.host("host2", linger_ms=0)

    def test_readers_of_both_hosts_hold_together(self):
        first, second = self.client(self.one), self.client(self.two)
        left = first.lock("a", "mode=s")
        right = second.lock("a", "mode=s")
        self.assertNotEqual(left["node"], right["node"])
        self.assertNotEqual(left.token, right.token)
        first.quiet()  # nobody lost anything by it
        self.client(self.one).err("TRYLOCK a", "BUSY")

    def test_a_writer_between_readers_keeps_its_place(self):
        """In order of arrival, whichever host they are at, but for who
        joins its host's bid while that one's time lasts (R7)."""
        first, second = self.client(self.one), self.client(self.two)
        writer, late = self.client(self.two), self.client(self.one)
        first.lock("a", "mode=s")
        second.lock("a", "mode=s")
        tag = writer.enqueue("a")
        self.wait_queue("a", 3)
        time.sleep(TURNS_S)
        late_tag = late.enqueue("a", "mode=s")
        self.wait_queue("a", 4)
        first.unlock("a")
        writer.quiet()
        second.unlock("a")
        alone = writer.granted(tag)
        late.quiet()
        writer.unlock("a")
        self.assertGreater(late.granted(late_tag).token, alone.token)

    def test_a_crowd_of_both_kinds_takes_few_nodes(self):
        """R9: two bids a host at most, however they come; all are served,
        and nobody stands beside a writer."""
        clients = []
        for number in range(24):
            host = (self.one, self.two)[number % 2]
            mode = "x" if number % 3 == 0 else "s"
            client = self.client(host)
            clients.append((client, client.ask(f"LOCK a mode={mode}"), mode))
        held = {"s": 0, "x": 0}
        waiting = list(clients)
        most = 0
        while waiting:
            most = max(most, len(self.queue("a")))
            granted = [one for one in waiting if self.has(*one[:2])]
            for client, _, mode in granted:
                held[mode] += 1
                self.assertTrue(held["x"] == 0 or sum(held.values()) == 1,
                                f"beside a writer: {held}")
            for client, _, mode in granted:
                client.unlock("a")
                held[mode] -= 1
            waiting = [one for one in waiting if one not in granted]
        self.assertLessEqual(most, 4)

    def has(self, client, tag):
        client.sync()
        return client.has_reply(tag) and client.granted(tag)

    def test_a_downgrade_is_for_this_host(self):
        """R5: the node stays what it is for others, the token too."""
        first, near, far = (self.client(self.one), self.client(self.one),
                            self.client(self.two))
        held = first.lock("a")
        near_tag = near.enqueue("a", "mode=s")
        far_tag = far.enqueue("a", "mode=s")
        self.wait_queue("a", 3)
        self.assertEqual(first.ok("DOWNGRADE a").token, held.token)
        near.granted(near_tag)
        far.quiet()
        self.assertIn("UNLOCK", first.err("LOCK a", "HELD").text)
        first.unlock("a")
        far.quiet()  # near still has it
        near.unlock("a")
        self.assertGreater(far.granted(far_tag).token, held.token)

    def test_a_host_of_readers_dies(self):
        first, writer = self.client(self.one), self.client(self.two)
        first.lock("a", "mode=s")
        tag = writer.enqueue("a")
        self.wait_queue("a", 2)
        self.one.kill()
        writer.granted(tag, within_s=20)


class TryTest(E2eCase):

    def test_try_and_who_against_a_linger_elsewhere(self):
        """Rules, 13: WHO leaves it alone, TRYLOCK ends it and has it."""
        first = self.client(self.host("host1", linger_ms=60000))
        second = self.client(self.host("host2", linger_ms=60000))
        old = first.lock("a")
        first.unlock("a")
        row, = second.ok("WHO a").rows
        self.assertIn("host1", row)
        self.assertEqual(len(self.queue("a")), 1)
        self.assertGreater(second.ok("TRYLOCK a", "GRANTED").token, old.token)


if __name__ == "__main__":
    unittest.main()
