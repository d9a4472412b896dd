#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""coord_zk over real servers: operations, lost answers, watches, sessions."""
import os
import re
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
import proxy  # noqa: E402
import zk  # noqa: E402
import zkwire  # noqa: E402
from coorddrive import Drive  # noqa: E402

T_MS = 4000  # twice the least that a server with a tick of 500 ms takes well


class OneServer(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.server = zk.Server().start()
        cls.counter = 0

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def setUp(self):
        type(self).counter += 1
        self.lock = f"/lock-{self.id().rsplit('.', 1)[1]}-{self.counter}"

    def eye(self):
        return zkwire.Client(self.server.address)


class OperationsTest(OneServer):

    def test_words_and_stats(self):
        with Drive(self.server.address, T_MS) as d:
            self.assertEqual(d.begin()["fresh"], "1")
            made, bid, listed = d.do(
                ("container", self.lock),
                ("sequential", self.lock + "/a-lock-", "hello"),
                ("list", self.lock))
            self.assertEqual(made.path, self.lock)
            self.assertEqual(bid.path, self.lock + "/a-lock-0000000000")
            self.assertEqual(bid.owner, d.session)
            self.assertGreater(bid.czxid, made.czxid)
            self.assertEqual(listed.children, ["a-lock-0000000000"])
            self.assertEqual(listed.czxid, made.czxid)
            got, was_set, gone, again = d.do(
                ("get", bid.path), ("set", bid.path, "other"),
                ("delete", bid.path), ("delete", bid.path))
            self.assertEqual(got.data, "hello")
            self.assertEqual(got.czxid, bid.czxid)
            self.assertGreater(was_set.mzxid, bid.czxid)
            self.assertEqual((gone.result, again.result), ("ok", "nonode"))

    def test_errors(self):
        with Drive(self.server.address, T_MS) as d:
            d.begin()
            answers = d.do(
                ("persistent", self.lock), ("container", self.lock),
                ("ephemeral", self.lock + "/a"), ("delete", self.lock),
                ("persistent", self.lock + "/a/b"), ("get", self.lock + "/x"),
                ("list", self.lock + "/x"), ("sync", "/"))
            self.assertEqual(
                [(a.result, a.rc) for a in answers],
                [("ok", 0), ("exists", -110), ("ok", 0), ("notempty", -111),
                 ("refused", -108), ("nonode", -101), ("nonode", -101),
                 ("ok", 0)])
            self.assertEqual(d.do(("ephemeral", "no-slash"))[0].rc, -8)

    def test_unattached_is_not_sent(self):
        with Drive(self.server.address, T_MS) as d:
            self.assertEqual(d.do(("persistent", self.lock))[0].result,
                             "notsent")
            d.begin()
            d.close()
            self.assertEqual(d.do(("persistent", self.lock))[0].result,
                             "notsent")
        with self.eye() as eye:
            self.assertIsNone(eye.exists(self.lock))

    def test_data_is_cut_at_its_bound(self):
        with self.eye() as eye, Drive(self.server.address, T_MS) as d:
            eye.create(self.lock, b"x" * 5000)
            d.begin()
            self.assertEqual(d.do(("get", self.lock))[0].data, "x" * 1024)

    def test_cap_keeps_order_and_heartbeats_pass(self):
        with Drive(self.server.address, T_MS, "in_flight=8") as d:
            d.begin()
            d.do(("persistent", self.lock))
            ops = [("sequential", self.lock + "/n-") for _ in range(300)]
            ids = d.submit(*ops)
            beat = d.submit(("sync", "u", "/"))[0]
            answers = d.answers(301)
            order = [a.id for a in answers]
            self.assertLess(order.index(beat), 40)
            order.remove(beat)
            self.assertEqual(order, ids)
            self.assertEqual([a.path[-10:] for a in answers if a.path],
                             [f"{i:010d}" for i in range(300)])
            self.assertEqual(d.counts()["in_flight"], 0)

    def test_urgent_leaves_first(self):
        with Drive(self.server.address, T_MS) as d:
            d.begin()
            ids = d.submit(("get", "/"), ("sync", "u", "/"), ("list", "/"),
                           ("get", "u", "/"))
            self.assertEqual([a.id for a in d.answers(4)],
                             [ids[1], ids[3], ids[0], ids[2]])

    def test_socket_does_not_reach_children(self):
        with Drive(self.server.address, T_MS) as d:
            d.begin()
            folder = f"/proc/{d.process.pid}/fd"
            sockets = 0
            for fd in os.listdir(folder):
                if not os.readlink(f"{folder}/{fd}").startswith("socket:"):
                    continue
                with open(f"/proc/{d.process.pid}/fdinfo/{fd}",
                          encoding="ascii") as text:
                    flags = re.search(r"flags:\t(\d+)", text.read())
                self.assertTrue(int(flags.group(1), 8) & os.O_CLOEXEC)
                sockets += 1
            self.assertGreaterEqual(sockets, 1)


class LostAnswerTest(OneServer):

    def test_create_applied_and_answer_lost(self):
        """T1, F21."""
        with proxy.Proxy(self.server.address) as net, self.eye() as eye, \
                Drive(net.address, T_MS) as d:
            d.begin()
            d.do(("persistent", self.lock))
            net.swallow_create()
            d.submit(("sequential", self.lock + "/u-lock-"), ("get", "/"))
            d.until("DOWN")
            self.assertEqual([a.result for a in d.answers(2)],
                             ["maybe", "maybe"])
            again = d.attached()
            self.assertEqual(again["fresh"], "0")
            listed = d.do(("sync", "/"), ("list", self.lock))[1]
            self.assertEqual(listed.children, ["u-lock-0000000000"])
            self.assertEqual(
                eye.exists(self.lock + "/u-lock-0000000000").owner, d.session)

    def test_create_lost(self):
        with proxy.Proxy(self.server.address) as net, \
                Drive(net.address, T_MS) as d:
            d.begin()
            d.do(("persistent", self.lock))
            net.lose_create()
            d.submit(("sequential", self.lock + "/u-lock-"))
            d.until("DOWN")
            self.assertEqual(d.answers(1)[0].result, "maybe")
            d.attached()
            self.assertEqual(d.do(("list", self.lock))[0].children, [])

    def test_resets_under_load(self):
        """Every operation is answered exactly once, none is made twice."""
        with proxy.Proxy(self.server.address, seed=7) as net, \
                self.eye() as eye, \
                Drive(net.address, T_MS, "in_flight=64") as d:
            d.begin()
            d.do(("persistent", self.lock))
            ids = {}
            results = {}
            for round_ in range(12):
                count = 200
                for i, number in enumerate(d.submit(
                        *[("ephemeral", f"{self.lock}/r{round_}-{i}")
                          for i in range(count)])):
                    ids[number] = f"r{round_}-{i}"
                time.sleep(0.02 * (round_ % 4))
                net.reset()
                for answer in d.answers(count):
                    results[answer.id] = answer.result
                d.attached()
            there = set(eye.children(self.lock))
            words = set(results.values())
            self.assertLessEqual(words, {"ok", "maybe", "notsent"})
            self.assertIn("maybe", words)
            self.assertIn("notsent", words)
            for number, name in ids.items():
                if results[number] == "ok":
                    self.assertIn(name, there)
                if results[number] == "notsent":
                    self.assertNotIn(name, there)

    def test_nothing_is_sent_after_its_maybe(self):
        """A call that a dead connection kept back must not surface on the
        next one: once attached, a listing is the last word."""
        with proxy.Proxy(self.server.address) as net, self.eye() as eye, \
                Drive(net.address, T_MS) as d:
            d.begin()
            d.do(("persistent", self.lock))
            for round_ in range(8):
                net.stall(proxy.UP)
                ops = [("ephemeral", f"{self.lock}/s{round_}-{i}", "x" * 1000)
                       for i in range(1000)]
                d.submit(*ops)
                net.reset()
                d.submit(*[("ephemeral", f"{self.lock}/t{round_}-{i}")
                           for i in range(50)])
                net.flow_again()
                d.answers(1050)
                d.attached()
                listed = d.do(("sync", "/"), ("list", self.lock))[1]
                time.sleep(0.1)
                self.assertEqual(sorted(eye.children(self.lock)),
                                 sorted(listed.children))

    def test_silent_server_is_left_in_time(self):
        with proxy.Proxy(self.server.address) as net, \
                Drive(net.address, T_MS) as d:
            d.begin()
            d.do(("get", "/"))
            net.stall(proxy.DOWN)
            begin = time.monotonic()
            d.submit(("set", "/", "x"))
            d.until("DOWN")
            took_s = time.monotonic() - begin
            self.assertEqual(d.answers(1)[0].result, "maybe")
            self.assertLess(took_s, T_MS * 2 / 3000 + 0.5)
            net.heal()
            net.reset()
            d.attached()

    def test_dropped_link_comes_back(self):
        with Drive(self.server.address, T_MS) as d:
            d.begin()
            begin = time.monotonic()
            d.say("drop")
            d.until("DOWN", 1)
            d.attached(5)
            self.assertLess(time.monotonic() - begin, 1.5)

    def test_time_of_connecting_is_before_the_handshake(self):
        """lease.md's s_connect: an answer that travels for 300 ms does not
        make the session younger."""
        with proxy.Proxy(self.server.address) as net, \
                Drive(net.address, T_MS) as d:
            net.delay(300, ways=(proxy.DOWN,))
            self.assertGreaterEqual(int(d.begin()["age_ms"]), 300)
            net.delay(0)
            net.reset()
            d.until("DOWN")
            net.delay(200, ways=(proxy.DOWN,))
            self.assertGreaterEqual(int(d.attached()["age_ms"]), 200)


class WatchTest(OneServer):

    def test_fires_once_before_what_shows_it(self):
        with Drive(self.server.address, T_MS) as d:
            d.begin()
            d.do(("persistent", self.lock), ("list", "w", self.lock))
            d.submit(("ephemeral", self.lock + "/a"), ("list", self.lock))
            self.assertEqual(d.until("WATCH")[1:], ["children", self.lock])
            self.assertEqual(d.answers(2)[1].children, ["a"])
            d.do(("ephemeral", self.lock + "/b"), ("sync", "/"))
            self.assertEqual([w for w in d.heard if w[0] == "WATCH"], [])

    def test_missed_changes_fire_after_a_reconnect(self):
        with proxy.Proxy(self.server.address) as net, self.eye() as eye, \
                Drive(net.address, T_MS) as d:
            d.begin()
            eye.create(self.lock)
            eye.create(self.lock + "/a")
            d.do(("get", "w", self.lock + "/a"))
            net.cut()
            d.until("DOWN")
            eye.delete(self.lock + "/a")
            net.heal()
            d.attached()
            self.assertEqual(d.until("WATCH")[1:],
                             ["deleted", self.lock + "/a"])

    def test_the_links_own_events_are_no_watches(self):
        """T8: the library tells what becomes of the link to everybody who
        watches a node; that says nothing of the node."""
        with proxy.Proxy(self.server.address) as net, \
                Drive(net.address, T_MS) as d:
            d.begin()
            node = self.lock + "/a"
            d.do(("persistent", self.lock), ("persistent", node),
                 ("get", "w", node), ("list", "w", self.lock),
                 ("get", "w", self.lock))
            armed = d.counts()["watches"]
            for _ in range(3):
                net.reset()
                d.until("DOWN")
                d.attached()
                d.do(("sync", "/"), ("get", node))
            self.assertEqual([w for w in d.heard if w[0] == "WATCH"], [])
            self.assertEqual(d.counts()["watches"], armed)
            zkwire.expire(self.server.address, d.session)
            d.until("EXPIRED")
            d.begin()
            d.do(("set", node, "x"), ("get", node))
            self.assertEqual([w for w in d.heard if w[0] == "WATCH"], [])

    def test_cap_on_bytes(self):
        """F27: each path counts with the four bytes before it."""
        with Drive(self.server.address, T_MS, "watch_bytes=1000") as d:
            d.begin()
            d.do(("persistent", self.lock))
            name = self.lock + "/" + "n" * (95 - len(self.lock))
            for i in range(10):
                d.do(("persistent", f"{name}{i}"[:96]))
            paths = [f"{name[:94]}{i:02d}" for i in range(11)]
            for path in paths:
                d.do(("ephemeral", path))
            results = [d.do(("get", "w", path))[0] for path in paths]
            self.assertEqual([a.result for a in results],
                             ["ok"] * 10 + ["refused"])
            self.assertEqual(results[-1].rc, 2)
            self.assertEqual(d.counts()["watch_bytes"], 1000)
            self.assertEqual(d.do(("get", "w", paths[0]))[0].result, "ok")
            d.do(("set", paths[0], "x"))
            self.assertEqual(d.do(("get", "w", paths[10]))[0].result, "ok")
            for path in paths:
                d.do(("delete", path))
            self.assertEqual(d.counts()["watch_bytes"], 0)
            self.assertEqual(d.do(("get", "w", paths[0]))[0].result, "nonode")
            self.assertEqual(d.counts()["watches"], 0)

    def test_at_the_cap_a_reconnect_is_quick(self):
        """F28, T3: 768 KiB of watches, then a cut."""
        with proxy.Proxy(self.server.address) as net, \
                Drive(net.address, T_MS) as d:
            d.begin()
            d.do(("persistent", self.lock))
            stem = self.lock + "/" + "w" * (180 - len(self.lock))
            made = []
            for at in range(0, 5000, 500):
                paths = [f"{stem}{i:05d}" for i in range(at, at + 500)]
                d.do(*[("persistent", path) for path in paths])
                made += [(path, a.result) for path, a in zip(paths, d.do(
                    *[("get", "w", path) for path in paths]))]
            armed = [path for path, result in made if result == "ok"]
            counts = d.counts()
            self.assertGreater(len(armed), 4000)
            self.assertLess(len(armed), 5000)  # the cap was met
            self.assertLessEqual(counts["watch_bytes"], 768 * 1024)
            self.assertGreater(counts["watch_bytes"], 767 * 1024)
            begin = time.monotonic()
            net.reset()
            d.until("DOWN")
            d.attached()
            d.do(("set", armed[0], "x"))
            self.assertLess(time.monotonic() - begin, 2)
            self.assertEqual([w for w in d.heard if w[0] == "WATCH"],
                             [["WATCH", "changed", armed[0]]])


class SessionTest(OneServer):

    def test_expiry_is_told_and_a_fresh_one_begins(self):
        with self.eye() as eye, Drive(self.server.address, T_MS) as d:
            d.begin()
            first = d.session
            d.do(("ephemeral", self.lock))
            zkwire.expire(self.server.address, first)
            d.until("DOWN")
            d.until("EXPIRED")
            self.assertIsNone(eye.exists(self.lock))
            self.assertEqual(d.begin()["fresh"], "1")
            self.assertNotEqual(d.session, first)
            self.assertEqual(d.do(("ephemeral", self.lock))[0].result, "ok")

    def test_expiry_with_calls_under_way(self):
        with proxy.Proxy(self.server.address) as net, \
                Drive(net.address, T_MS) as d:
            d.begin()
            net.stall(proxy.DOWN)
            d.submit(*[("get", "/")] * 50)
            zkwire.expire(self.server.address, d.session)
            net.heal()
            net.reset()
            d.until("EXPIRED")
            self.assertEqual(d.open, set())

    def test_frozen_past_the_timeout(self):
        with Drive(self.server.address, 2000) as d:
            d.begin()
            d.process.freeze()
            time.sleep(4)
            d.process.thaw()
            d.until("EXPIRED")
            d.begin()

    def test_server_back_with_its_data(self):
        """kill -9 and restart: the session goes on."""
        with zk.Server() as server, Drive(server.address, 10000) as d:
            d.begin()
            d.do(("ephemeral", "/mine"))
            server.kill()
            d.until("DOWN")
            time.sleep(0.5)
            server.start()
            self.assertEqual(d.attached()["fresh"], "0")
            self.assertEqual(d.do(("get", "/mine"))[0].owner, d.session)

    def test_close_frees_nodes_at_once(self):
        with self.eye() as eye, Drive(self.server.address, T_MS) as d:
            d.begin()
            d.do(("ephemeral", self.lock))
            begin = time.monotonic()
            d.submit(("persistent", self.lock + "-last"))
            d.close()
            self.assertLess(time.monotonic() - begin, 0.5)
            self.assertIsNone(eye.exists(self.lock))
            self.assertIsNotNone(eye.exists(self.lock + "-last"))
            self.assertLess(d.counts()["longest_ms"], 200)

    def test_close_waits_for_nobody(self):
        """A server that answers nothing holds us for T/6 and no loop turn."""
        with proxy.Proxy(self.server.address) as net, \
                Drive(net.address, T_MS) as d:
            d.begin()
            d.do(("get", "/"))
            d.counts()
            net.stall()
            begin = time.monotonic()
            d.close()
            self.assertLess(time.monotonic() - begin, T_MS / 6000 + 0.5)
            self.assertLess(d.counts()["longest_ms"], 100)

    def test_close_unattached(self):
        with proxy.Proxy(self.server.address) as net, \
                Drive(net.address, T_MS) as d:
            net.cut()
            d.connect()
            d.close()
            net.heal()
            self.assertEqual(d.begin()["fresh"], "1")
            net.cut()
            d.until("DOWN")
            d.close()
            self.assertEqual(d.counts()["links"], 1)

    def test_only_the_holder_of_the_secret(self):
        with self.eye() as eye, \
                Drive(self.server.address, T_MS, "auth=zkl:secret",
                      "creator=1") as d, \
                Drive(self.server.address, T_MS) as stranger:
            d.begin()
            d.do(("persistent", self.lock), ("ephemeral", self.lock + "/a"))
            stranger.begin()
            self.assertEqual(
                [(a.result, a.rc) for a in stranger.do(
                    ("delete", self.lock + "/a"), ("get", self.lock))],
                [("refused", -102), ("refused", -102)])
            with self.assertRaises(zkwire.ZkError):
                eye.get(self.lock)
            d.say("drop")  # the secret is sent again
            d.until("DOWN")
            d.attached()
            self.assertEqual(d.do(("delete", self.lock + "/a"))[0].result,
                             "ok")

    def test_session_id_taken_by_another(self):
        """F23: whoever attaches with our id moves the session; it comes
        back to us with the next reconnect."""
        with Drive(self.server.address, T_MS) as d:
            d.begin()
            thief = zkwire.Client(self.server.address, session_id=d.session)
            d.until("DOWN")
            self.assertEqual(d.attached()["fresh"], "0")
            thief.drop()


class EnsembleTest(unittest.TestCase):

    def test_rolling_restart_keeps_the_session(self):
        """F6."""
        with zk.Ensemble() as servers, \
                Drive(servers.address, 10000) as d:
            d.begin()
            d.do(("ephemeral", "/mine"))
            for server in servers.servers:
                server.kill()
                time.sleep(1)
                server.start()
                proc.wait_until(servers.leader, 30, "a leader")
                proc.wait_until(lambda: self.owner(d) == d.session, 10,
                                "our node is seen, and ours")
            self.assertNotIn(["EXPIRED"], d.heard)
            self.assertGreaterEqual(d.counts()["links"], 2)

    @staticmethod
    def owner(d):
        """The owner that a listing of now shows; 0 without a link."""
        return d.do(("sync", "/"), ("get", "/mine"))[1].owner


if __name__ == "__main__":
    unittest.main()
