#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Semaphores of two hosts on a real ZooKeeper: never more than N, everybody
is served, nothing is left, whatever answer gets lost and whoever dies."""
import os
import random
import sys
import threading
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
import proxy  # noqa: E402
import zkwire  # noqa: E402
from e2ecase import E2eCase  # noqa: E402

SLOTS, CLIENTS, ROUNDS = 3, 12, 6


class SlotsTest(E2eCase):

    def setUp(self):
        super().setUp()
        self.link = proxy.Proxy(self.server.address).start()
        self.addCleanup(self.link.stop)
        self.one = self.host("host1", servers=self.link.address)
        self.two = self.host("host2")

    def nodes(self, name):
        """(names in the mutex, leases) of a semaphore."""
        return tuple(self.children(f"{self.parent(name)}/{part}")
                     for part in ("locks", "leases"))

    def children(self, path):
        try:
            return self.observer.children(path)
        except zkwire.ZkError:
            return []  # a container that has been reaped

    def wait_nodes(self, name, entries, leases):
        proc.wait_until(
            lambda: [len(part) for part in self.nodes(name)]
            == [entries, leases], 10,
            f"{entries} entries, {leases} leases: {self.nodes(name)}")

    def bids_left(self):
        for name in self.observer.children(self.root):
            self.wait_nodes(name, 0, 0)
        return super().bids_left()

    def test_never_more_than_n(self):
        inside, most, lock = [], [], threading.Lock()

        def work(number):
            chance = random.Random(number)
            with (self.one, self.two)[number % 2].client() as client:
                for _ in range(ROUNDS):
                    client.lock("pool", f"slots={SLOTS}", within_s=60)
                    with lock:
                        inside.append(number)
                        most.append(len(inside))
                    threading.Event().wait(chance.random() * 0.02)
                    with lock:
                        inside.remove(number)
                    client.unlock("pool")

        threads = [threading.Thread(target=work, args=(number,))
                   for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        self.assertEqual(len(most), CLIENTS * ROUNDS)
        self.assertEqual(max(most), SLOTS)
        self.wait_nodes("pool", 0, 0)

    def test_a_host_that_dies_with_a_slot(self):
        first, second = self.client(self.one), self.client(self.two)
        first.lock("pool", "slots=1")
        tag = second.enqueue("pool", "slots=1")
        self.one.kill()
        second.granted(tag, 15)
        self.one.start()

    def test_a_lost_answer_leaves_one_lease(self):
        first, second = self.client(self.one), self.client(self.two)
        first.lock("pool", "slots=2")  # parents are there from now on
        first.unlock("pool")
        for needle in (b"-lock-", b"-lease-"):
            with self.subTest(needle=needle):
                gate = self.link.swallow_create(needle)
                first.lock("pool", "slots=2", within_s=30)
                gate.wait()
                self.wait_nodes("pool", 0, 1)
                second.lock("pool", "slots=2")
                second.unlock("pool")
                first.unlock("pool")
                self.wait_nodes("pool", 0, 0)

    def test_a_deleted_lease_is_told(self):
        first = self.client(self.two)
        node = first.lock("pool", "slots=2")["node"]
        proc.wait_until(lambda: self.observer.exists(node), 5, "its lease")
        first.sync()
        proc.wait_until(lambda: self.nodes("pool")[0] == [], 5, "no entry")
        self.observer.delete(node)
        self.assertEqual(first.event("LOST")["reason"], "deleted")
        first.lock("pool", "slots=2")

    def test_kinds_and_numbers_over_hosts(self):
        first, second = self.client(self.one), self.client(self.two)
        first.lock("pool", "slots=2")
        second.err("LOCK pool slots=3", "KIND")
        second.err("LOCK pool", "KIND")
        second.lock("plain")
        first.err("LOCK plain slots=2", "KIND")
        self.wait_nodes("pool", 0, 1)

    def test_a_refused_lock_does_not_erase_the_number(self):
        """Among others it leaves in a transaction that writes to the node."""
        first, second = self.client(self.one), self.client(self.two)
        self.hold_many(second)  # their parents are there from now on
        first.lock("pool", "slots=2")
        for _ in range(3):
            self.hold_many(second, "LOCK pool")
        second.err("LOCK pool slots=3", "KIND")

    def hold_many(self, client, *more):
        """Locks asked for in one write, with more that is refused."""
        names = [f"m{i}" for i in range(12)]
        tags = [client.tag() for _ in names]
        refused = [client.tag() for _ in more]
        lines = [f"{tag} LOCK {one}" for tag, one in zip(tags, names)]
        lines[6:6] = [f"{tag} {one}" for tag, one in zip(refused, more)]
        client.send(*lines)
        for tag in tags:
            client.granted(tag)
        for tag in refused:
            self.assertEqual(client.reply(tag).code, "KIND")
        for one in names:
            client.unlock(one)
        proc.wait_until(lambda: not any(self.queue(one) for one in names), 10,
                        "they have lingered")


if __name__ == "__main__":
    unittest.main()
