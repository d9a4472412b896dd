#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The tools the other tests trust: servers, the wire client, the proxy."""
import os
import queue
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
import proxy  # noqa: E402
import zk  # noqa: E402
import zkwire  # noqa: E402

BOTH = zkwire.EPHEMERAL | zkwire.SEQUENTIAL


class ServerTest(unittest.TestCase):

    def test_data_survives_a_kill(self):
        with zk.Server() as server:
            with zkwire.Client(server.address) as client:
                client.create("/kept", b"value")
            server.kill()
            self.assertEqual(server.mode(), "")
            server.start()
            with zkwire.Client(server.address) as client:
                self.assertEqual(client.get("/kept")[0], b"value")
            server.stop()
            server.wipe()
            server.start()
            with zkwire.Client(server.address) as client:
                self.assertIsNone(client.exists("/kept"))

    def test_frozen_and_thawed(self):
        with zk.Server() as server:
            server.freeze()
            self.assertEqual(zk.word(server.port, "ruok", 0.3), "")
            server.thaw()
            self.assertEqual(server.mode(), "standalone")

    def test_three_elect_again(self):
        with zk.Ensemble() as servers:
            first = servers.leader()
            self.assertEqual(len(servers.followers()), 2)
            first.kill()
            second = proc.wait_until(servers.leader, 30, "a new leader")
            self.assertIsNot(first, second)
            first.start()
            self.assertEqual(first.mode(), "follower")


class WireTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.server = zk.Server().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def setUp(self):
        self.client = zkwire.Client(self.server.address)
        self.root = "/" + self.id().rsplit(".", 1)[-1]
        self.client.make_parents(self.root)

    def tearDown(self):
        self.client.close()

    def test_nodes(self):
        path, stat = self.client.create(f"{self.root}/a", b"one")
        self.assertEqual(stat, self.client.exists(path))
        self.assertEqual(stat.owner, 0)
        self.assertEqual(self.client.set(path, b"two").version, 1)
        self.assertEqual(self.client.get(path)[0], b"two")
        self.assertEqual(self.client.children(self.root), ["a"])
        self.client.delete(path)
        self.assertIsNone(self.client.exists(path))
        with self.assertRaises(zkwire.ZkError) as caught:
            self.client.delete(path)
        self.assertEqual(caught.exception.code, zkwire.NO_NODE)

    def test_a_queue_and_its_owner(self):
        for name in ("b", "a"):
            self.client.create(f"{self.root}/_c_{name}-lock-", b"", BOTH)
        nodes = zkwire.queue_of(self.client, self.root)
        self.assertEqual([node[3] for node in nodes], ["b", "a"])
        self.assertEqual(zkwire.owner_of_first(self.client, self.root),
                         self.client.session_id)

    def test_the_password_of_any_session_is_known(self):
        other = zkwire.Client(self.server.address)
        path, _ = other.create(f"{self.root}/e", b"", zkwire.EPHEMERAL)
        zkwire.expire(self.server.address, other.session_id)
        self.assertLess(zkwire.wait_gone(self.client, path, 5), 2)
        other.drop()
        with self.assertRaises(zkwire.ZkError):
            zkwire.Client(self.server.address, session_id=other.session_id)

    def test_a_dropped_session_runs_out_by_itself(self):
        other = zkwire.Client(self.server.address, timeout_ms=2000)
        path, _ = other.create(f"{self.root}/e", b"", zkwire.EPHEMERAL)
        other.drop()
        self.assertGreater(zkwire.wait_gone(self.client, path, 20), 1)

    def test_watches(self):
        self.client.exists(f"{self.root}/w", watch=True)
        self.client.create(f"{self.root}/w")
        self.assertEqual(self.client.wait_event().path, f"{self.root}/w")
        with self.assertRaises(queue.Empty):
            self.client.wait_event(0.1)


class ProxyTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.server = zk.Server().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def setUp(self):
        self.proxy = proxy.Proxy(self.server.address).start()
        self.observer = zkwire.Client(self.server.address)
        self.client = zkwire.Client(self.proxy.address)
        self.root = "/" + self.id().rsplit(".", 1)[-1]
        self.observer.make_parents(self.root)

    def tearDown(self):
        self.client.drop()
        self.proxy.stop()
        self.observer.close()

    def bids(self):
        return zkwire.queue_of(self.observer, self.root)

    def bid(self):
        return self.client.create(f"{self.root}/_c_x-lock-", b"", BOTH)

    def in_thread(self):
        got = queue.Queue()

        def attempt():
            try:
                got.put(self.bid()[0])
            except zkwire.ZkError as err:
                got.put(err.code)

        threading.Thread(target=attempt, daemon=True).start()
        return got

    def test_a_swallowed_answer_was_applied(self):
        gate = self.proxy.swallow_create()
        with self.assertRaises(zkwire.ZkError) as caught:
            self.bid()
        self.assertEqual(caught.exception.code, zkwire.CONNECTION_LOSS)
        gate.wait()
        self.assertEqual(len(self.bids()), 1)

    def test_a_lost_request_was_not(self):
        self.proxy.lose_create()
        with self.assertRaises(zkwire.ZkError):
            self.bid()
        self.assertEqual(self.bids(), [])

    def test_other_creates_pass_by(self):
        self.proxy.swallow_create()
        self.client.create(f"{self.root}/other")
        with self.assertRaises(zkwire.ZkError):
            self.bid()

    def test_a_held_answer_comes_when_opened(self):
        gate = self.proxy.hold_create()
        got = self.in_thread()
        gate.wait()
        proc.wait_until(self.bids, 5, "applied")
        self.assertTrue(got.empty())
        gate.open()
        self.assertTrue(got.get(timeout=5).startswith(self.root))

    def test_a_held_request_is_not_applied(self):
        gate = self.proxy.hold_create(where=proxy.UP)
        got = self.in_thread()
        gate.wait()
        self.assertEqual(self.bids(), [])
        gate.open()
        self.assertTrue(got.get(timeout=5).startswith(self.root))

    def test_delay(self):
        self.proxy.delay(100)
        begin = time.monotonic()
        self.client.exists("/")
        self.assertGreater(time.monotonic() - begin, 0.2)

    def test_a_one_way_stall(self):
        self.proxy.stall(proxy.DOWN)
        got = self.in_thread()
        proc.wait_until(self.bids, 5, "it arrived")
        self.assertTrue(got.empty())
        self.proxy.flow_again()
        got.get(timeout=5)

    def test_half_open(self):
        self.proxy.half_open()
        got = self.in_thread()
        with self.assertRaises(queue.Empty):
            got.get(timeout=0.3)
        self.proxy.reset()
        self.assertEqual(got.get(timeout=5), zkwire.CONNECTION_LOSS)

    def test_cut_and_heal(self):
        self.proxy.cut()
        with self.assertRaises((OSError, ConnectionError)):
            zkwire.Client(self.proxy.address)
        self.proxy.heal()
        zkwire.Client(self.proxy.address).close()

    def test_dribble(self):
        self.proxy.dribble()
        self.bid()
        self.assertEqual(len(self.bids()), 1)


if __name__ == "__main__":
    unittest.main()
