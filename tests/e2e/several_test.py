#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""LOCK of several names by two hosts on a real ZooKeeper: made in one
transaction, granted together, no circle, nothing left behind."""
import os
import random
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
import proxy  # noqa: E402
from e2ecase import E2eCase  # noqa: E402

NAMES = ["a", "b", "c", "d"]
CLIENTS, ROUNDS = 8, 12


class SeveralTest(E2eCase):

    def setUp(self):
        super().setUp()
        self.link = proxy.Proxy(self.server.address).start()
        self.addCleanup(self.link.stop)
        self.one = self.host("host1", servers=self.link.address)
        self.two = self.host("host2")

    def nodes(self, final):
        return [self.observer.exists(row.split("node=")[1].split()[0])
                for row in final.rows]

    def test_one_transaction(self):
        """All nodes have one czxid, also the first time, when no parent is
        there, and later."""
        first = self.client(self.two)
        for _ in range(2):
            final = first.ok("LOCK c a b", "GRANTED")
            self.assertEqual([row.split()[0] for row in final.rows],
                             ["a", "b", "c"])
            self.assertEqual(
                len({stat.czxid for stat in self.nodes(final)}), 1)
            for name in "abc":
                first.unlock(name)
                self.wait_queue(name, 0)

    def test_no_circle_and_no_overlap(self):
        holders, lock, overlaps = {}, threading.Lock(), []

        def work(number):
            chance = random.Random(number)
            with (self.one, self.two)[number % 2].client() as client:
                for _ in range(ROUNDS):
                    names = chance.sample(NAMES, chance.randint(1, 3))
                    client.ok("LOCK " + " ".join(names), "GRANTED",
                              within_s=90)
                    with lock:
                        overlaps.extend(name for name in names
                                        if name in holders)
                        holders.update(dict.fromkeys(names, number))
                    threading.Event().wait(chance.random() * 0.005)
                    with lock:
                        for name in names:
                            del holders[name]
                    for name in names:
                        client.unlock(name)
            with lock:
                done.append(number)

        done = []
        threads = [threading.Thread(target=work, args=(number,))
                   for number in range(CLIENTS)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(120)
        self.assertEqual(len(done), CLIENTS)
        self.assertEqual(overlaps, [])

    def test_a_lost_answer(self):
        """The multi was applied and not answered: both nodes are found."""
        first = self.client(self.one)
        first.ok("LOCK a b", "GRANTED")
        first.unlock("a")
        first.unlock("b")
        self.wait_queue("a", 0)
        gate = self.link.swallow_create()
        final = first.ok("LOCK a b", "GRANTED", within_s=30)
        gate.wait()
        for name in "ab":
            self.assertEqual(len(self.queue(name)), 1)
        self.assertEqual(len({stat.czxid for stat in self.nodes(final)}), 1)

    def test_a_deleted_bid_is_made_again_with_the_others(self):
        first, second = self.client(self.one), self.client(self.two)
        first.lock("b")
        tag = second.ask("LOCK a b c")
        second.queued(tag)
        self.wait_queue("c", 1)
        was = self.queue("a")
        self.observer.delete(f"{self.parent('c')}/{self.queue('c')[0]}")
        first.unlock("b")
        final = second.granted(tag)
        self.assertEqual(len({stat.czxid for stat in self.nodes(final)}), 1)
        proc.wait_until(lambda: len(self.queue("a")) == 1
                        and self.queue("a") != was or None, 10, "made anew")

    def test_a_host_dies_in_the_queue(self):
        first, second = self.client(self.two), self.client(self.one)
        first.lock("b")
        second.queued(second.ask("LOCK a b c"))
        self.wait_queue("a", 1)
        self.one.kill()
        third = self.client(self.two)
        third.ok("LOCK a c", "GRANTED", within_s=20)
        self.one.start()

    def run_both(self, *words, script="true"):
        """zklock run of two names on the first host."""
        return proc.Process(
            [proc.zklock(), "-S", self.one.socket, "run", *words, "a", "b",
             "--", "sh", "-c", script], log=self.log, start_new_session=True)

    def test_a_command_gets_both_or_neither(self):
        self.log = proc.folder("zkl-several") + "/log"
        other = self.client(self.two)
        other.lock("b")
        self.assertEqual(self.run_both("-n").wait(30), 75)
        with open(self.log, encoding="utf-8") as said:
            self.assertIn('cannot get "b": held by host2', said.read())
        self.wait_queue("a", 0)
        run = self.run_both("-v", "-w", "30")
        self.wait_queue("a", 1)
        other.unlock("b")
        self.assertEqual(run.wait(30), 0)
        for name in "ab":
            self.wait_queue(name, 0)

    def test_the_loss_of_one_ends_the_command(self):
        """Somebody deletes the node of b: the command is stopped before
        anybody has a, which was not lost."""
        self.log = proc.folder("zkl-several") + "/log"
        ended = self.log + ".ended"
        run = self.run_both(script="trap 'date +%s%N >" + ended +
                            "; exit 3' TERM; echo in; while :; do sleep "
                            "0.05; done")
        proc.wait_until(lambda: "in" in run.log_text(), 20, "it runs")
        other = self.client(self.two)
        tag = other.ask("LOCK a")
        other.queued(tag)
        self.observer.delete(f"{self.parent('b')}/{self.queue('b')[0]}")
        other.granted(tag, within_s=20)
        granted_ns = time.time_ns()
        self.assertEqual(run.wait(20), 79)
        with open(ended, encoding="ascii") as when:
            self.assertLess(int(when.read()), granted_ns)
        self.assertIn('"b" was lost (deleted)', run.log_text())


if __name__ == "__main__":
    unittest.main()
