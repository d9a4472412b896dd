#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Tests that the rules of bids ask for on a real server, by their number,
pitfalls of other projects (T1 ...) that no other file here has, and a client
whom nobody is left to tell."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
import proxy  # noqa: E402
import zkwire  # noqa: E402
from e2ecase import E2eCase  # noqa: E402
from rotation import Rotation  # noqa: E402

UUID = "0f3b2c1d-0000-4000-8000-00000000c5c5"
EPHEMERAL = 1
BOTH = 3  # ephemeral and sequential


class DowngradeTest(E2eCase):
    """A writer in Curator 5.5's manner: it makes a reader that copies its
    number, then deletes itself."""

    def setUp(self):
        super().setUp()
        self.observer.make_parents(self.parent("a"))
        self.curator = zkwire.Client(self.server.address)
        self.addCleanup(self.curator.close)

    def writer(self):
        path, _ = self.curator.create(
            f"{self.parent('a')}/_c_{UUID}-__WRIT__", b"10.0.0.1", BOTH)
        return path

    def wait_nodes(self, count):
        """Bids of all kinds; the queue of mutexes has none of Curator's."""
        proc.wait_until(
            lambda: len(self.observer.children(self.parent("a"))) == count,
            10, f"{count} nodes")

    def downgrade(self, path):
        reader = path.replace("__WRIT__", "__READ__")
        self.curator.create(reader, b"10.0.0.1", EPHEMERAL)
        self.curator.delete(path)
        return reader

    def test_rules_01_c1_before_us(self):
        """Its write node goes while its read node stands: nobody of ours is
        granted before that has gone, too."""
        client = self.client(self.host())
        path = self.writer()
        tag = client.enqueue("a")
        self.wait_nodes(2)
        reader = self.downgrade(path)
        client.err("TRYLOCK a", "HELD")
        client.quiet()
        self.observer.delete(reader)
        client.granted(tag)
        client.unlock("a")

    def test_lease_10_a_downgrade_behind_us(self):
        """Behind a holder of ours it stays behind: the hold goes on, and
        whoever waits behind the reader waits for it."""
        host = self.host(linger_ms=0)
        holder, waiter = self.client(host, "one"), self.client(
            self.host("host2"), "two")
        granted = holder.lock("a")
        path = self.writer()
        tag = waiter.enqueue("a")
        self.wait_nodes(3)
        reader = self.downgrade(path)
        self.assertEqual(int(holder.ok("CHECK a")["held"]), 1)
        waiter.quiet()
        holder.unlock("a")
        self.wait_nodes(2)
        waiter.quiet()
        self.observer.delete(reader)
        self.assertGreater(waiter.granted(tag).token, granted.token)
        waiter.unlock("a")


class TokenTest(E2eCase):

    def test_rules_08_over_a_parent_made_anew(self):
        """Numbers begin at 0 again when a lock's node is made anew; tokens
        go on."""
        client = self.client(self.host(linger_ms=0))
        tokens = []
        for _ in range(4):
            granted = client.lock("a")
            tokens.append(granted.token)
            self.assertTrue(granted["node"].endswith("-0000000000"))
            client.unlock("a")
            self.wait_queue("a", 0)
            self.observer.delete(self.parent("a"))
        self.assertEqual(tokens, sorted(set(tokens)))


class OutageTest(E2eCase):

    def test_t01_a_try_whose_create_is_lost(self):
        """TRYLOCK in an outage: answered, granted or not, and nothing is
        left behind that stands in anybody's way."""
        link = proxy.Proxy(self.server.address).start()
        self.addCleanup(link.stop)
        one, two = self.host("host1", servers=link.address), self.host("host2")
        self.observer.make_parents(self.parent("a"))
        gate = link.swallow_create()
        first, second = self.client(one), self.client(two)
        reply = first.reply(first.ask("TRYLOCK a"))
        gate.wait()
        one.wait_ready()
        if reply.word == "GRANTED":
            first.unlock("a")
        else:
            self.assertIn(reply.code, ("SUSPENDED", "UNAVAILABLE", "BUSY"))
        self.wait_queue("a", 0)
        second.lock("a")
        second.unlock("a")


class RotationTest(E2eCase):

    def test_rules_05_no_hand_over_waits_for_zookeeper(self):
        """A server that is some hundred hand-overs away: the next bid is
        there before it is needed, and the change is not seen in what a
        hand-over takes."""
        with proxy.Proxy(self.server.address) as net:
            host = self.host(servers=net.address)
            pair = [self.client(host, "one"), self.client(host, "two")]
            net.delay(5)
            # Slow enough that half of the turns outlast a busy server.
            rotation = Rotation(pair, "a", 5, pause_s=0.0002)
            net.delay(0)
            host.stop()
        self.assertEqual(rotation.tokens, sorted(set(rotation.tokens)))
        self.assertLess(rotation.gap(), 10)


# Says when it was asked to end, and goes on all the same.
STUBBORN = ("trap 'cut -d\" \" -f1 /proc/uptime >\"$D/said\"' TERM; "
            "echo $$ >\"$D/new\"; mv \"$D/new\" \"$D/up\"; "
            "while :; do sleep 0.02; done")
KILL_AFTER_MS = 1000  # a quarter of the test daemons' 4 s
SLACK_MS = 1500       # later than planned, on a loaded machine


class NobodyLeftTest(E2eCase):

    def test_check_sync_needs_a_commit(self):
        """With sync=1 the past is proven by a write: without a server there
        is no such answer, though the lease still stands."""
        one = self.host("host1")
        client = self.client(one)
        token = client.lock("a").token
        reply = client.ok("CHECK a sync=1")
        self.assertEqual((reply["held"], reply.token), ("1", token))
        self.server.freeze()
        try:
            tag = client.ask("CHECK a sync=1")
            self.assertEqual(client.ok("CHECK a")["held"], "1")
            self.assertEqual(client.reply(tag).code, "SUSPENDED")
        finally:
            self.server.thaw()
        client.close()
        self.wait_queue("a", 0, 20)

    def test_client_daemon_and_server_frozen(self):
        """Neither a daemon nor a ZooKeeper to say a word: TERM at the
        deadline less the grace, KILL at the deadline, 79."""
        one = self.host("host1")
        page = one.lease_page()
        folder = proc.folder("zkl-nobody")
        wrapper = proc.Process(
            [proc.zklock(), "-S", one.socket, "run", "a", "--", "sh", "-c",
             STUBBORN], env=dict(os.environ, D=folder))
        proc.wait_until(lambda: os.path.exists(f"{folder}/up"), 10, "up")
        self.server.freeze()
        try:
            one.freeze()
            until_ms = page.word()[1]
            self.assertEqual(wrapper.wait(15), 79)
            ended_ms = proc.now_ms()
        finally:
            self.server.thaw()
            one.thaw()
        self.wait_queue("a", 0, 20)
        with open(f"{folder}/up", encoding="ascii") as up:
            self.assertFalse(os.path.exists(f"/proc/{up.read().strip()}"))
        with open(f"{folder}/said", encoding="ascii") as said:
            said_ms = float(said.read()) * 1000
        self.assertGreater(said_ms, until_ms - KILL_AFTER_MS - 50)
        self.assertLess(said_ms, until_ms)
        self.assertGreater(ended_ms, until_ms - 50)
        self.assertLess(ended_ms, until_ms + SLACK_MS)


if __name__ == "__main__":
    unittest.main()
