#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Multis over real servers: what they answer, how they fail, what is left of
them when the link or the session goes."""
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proxy  # noqa: E402
import zk  # noqa: E402
import zkwire  # noqa: E402
from coorddrive import Drive  # noqa: E402

T_MS = 4000


class MultiTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.server = zk.Server().start()
        cls.counter = 0

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def setUp(self):
        type(self).counter += 1
        self.lock = f"/multi-{self.counter}"

    def eye(self):
        return zkwire.Client(self.server.address)

    def claim(self, lock=None):
        lock = lock or self.lock
        return (f"sequential:{lock}/u-lock-:words", f"set:{lock}")

    def claims(self, drive, count, size):
        """count multis of size locks each, in one submission."""
        return drive.submit(*[
            ("multi", *(word for i in range(size)
                        for word in self.claim(f"{self.lock}-{i}")))
            for _ in range(count)])

    def parents(self, drive, size):
        drive.do(*[("container", f"{self.lock}-{i}") for i in range(size)])

    def claims_again(self, drive):
        """The parent may have been reaped, for its children went meanwhile."""
        self.parents(drive, 1)
        again, = drive.do(("multi", *self.claim(self.lock + "-0")))
        self.assertEqual(again.result, "ok")

    def test_children_tell_who_is_alone(self):
        """R15: {create, set} alone, {set, create}, {delete, create, set}, a
        foreign child."""
        with self.eye() as eye, Drive(self.server.address, T_MS) as d:
            d.begin()
            d.do(("container", self.lock))
            alone, = d.do(("multi", *self.claim()))
            bid, parent = alone.subs
            self.assertEqual(bid.path, self.lock + "/u-lock-0000000000")
            self.assertEqual(parent.children_n, 1)
            stat = eye.exists(bid.path)
            self.assertEqual((stat.czxid, stat.owner),
                             (parent.mzxid, d.session))
            self.assertEqual(eye.get(bid.path)[0], b"words")

            second, = d.do(("multi", *self.claim()))
            self.assertEqual(second.subs[1].children_n, 2)
            # The same with the first one gone in the same transaction.
            third, = d.do(("multi", f"delete:{bid.path}",
                           f"delete:{second.subs[0].path}", *self.claim()))
            self.assertEqual(third.subs[3].children_n, 1)
            # A set in front says nothing of the node: R15's order matters.
            wrong, = d.do(("multi", f"delete:{third.subs[2].path}",
                           f"set:{self.lock}",
                           f"sequential:{self.lock}/u-lock-"))
            self.assertEqual(wrong.subs[1].children_n, 0)
            eye.create(self.lock + "/stranger-lock-0000000099")
            d.do(("delete", wrong.subs[2].path))
            foreign, = d.do(("multi", *self.claim()))
            self.assertEqual(foreign.subs[1].children_n, 2)

    def test_missing_parent_fails_all(self):
        with self.eye() as eye, Drive(self.server.address, T_MS) as d:
            d.begin()
            d.do(("container", self.lock))
            lost, after = d.do(
                ("multi", *self.claim(), *self.claim(self.lock + "-none")),
                ("get", "/"))
            self.assertEqual((lost.result, lost.rc, lost.failed, lost.subs),
                             ("nonode", -101, 2, []))
            self.assertEqual(after.result, "ok")
            self.assertEqual(eye.children(self.lock), [])

    def test_checks_tell_which_node_is_missing(self):
        """Nothing is changed; a check alone is no call."""
        with Drive(self.server.address, T_MS) as d:
            d.begin()
            d.do(("persistent", self.lock), ("ephemeral", self.lock + "/a"))
            here, one = d.do(
                ("multi", f"check:{self.lock}", f"check:{self.lock}/a"),
                ("multi", f"check:{self.lock}/a", f"check:{self.lock}/b",
                 f"check:{self.lock}/c"))
            self.assertEqual((here.result, len(here.subs)), ("ok", 2))
            self.assertEqual((one.result, one.failed), ("nonode", 1))
            alone, = d.do(("check", self.lock))
            self.assertEqual((alone.result, alone.rc), ("refused", -8))
            made, = d.do(("get", self.lock))
            self.assertEqual(made.mzxid, made.czxid)

    def test_error_in_the_middle_fails_all(self):
        with self.eye() as eye, Drive(self.server.address, T_MS) as d:
            d.begin()
            d.do(("persistent", self.lock), ("ephemeral", self.lock + "/a"),
                 ("ephemeral", self.lock + "/b"))
            lost, = d.do(("multi", f"delete:{self.lock}/a",
                          f"delete:{self.lock}/gone",
                          f"delete:{self.lock}/b"))
            self.assertEqual((lost.result, lost.failed), ("nonode", 1))
            self.assertEqual(sorted(eye.children(self.lock)), ["a", "b"])
            empty, = d.do(("multi",))
            self.assertEqual((empty.result, empty.rc), ("refused", -8))
            container, = d.do(("multi", f"container:{self.lock}-c"))
            self.assertEqual(container.result, "refused")
            self.assertEqual(d.do(("get", "/"))[0].result, "ok")

    def test_disconnect_with_multis_outstanding(self):
        """Each is answered once; a lost one is applied whole or not at all."""
        size = 10
        with proxy.Proxy(self.server.address, seed=11) as net, \
                self.eye() as eye, Drive(net.address, T_MS) as d:
            d.begin()
            self.parents(d, size)
            seen = set()
            sure = 0
            for round_ in range(12):
                if round_ % 3 == 0:
                    net.stall(proxy.DOWN)  # applied, answers lost
                elif round_ % 3 == 1:
                    net.stall(proxy.UP)
                self.claims(d, 4, size)
                time.sleep(0.02 * (round_ % 4))
                net.reset()
                net.flow_again()
                answers = d.answers(4)
                seen |= {answer.result for answer in answers}
                sure += sum(answer.result == "ok" for answer in answers)
                d.attached()
            self.assertIn("maybe", seen)
            self.assertLessEqual(seen, {"ok", "maybe", "notsent"})
            counts = {len(eye.children(f"{self.lock}-{i}"))
                      for i in range(size)}
            self.assertEqual(len(counts), 1, "one was applied in part")
            self.assertGreaterEqual(counts.pop(), sure)

    def test_expired_handle_aborts_nobody(self):
        """Multis of two and more on a handle that cannot recover."""
        with proxy.Proxy(self.server.address) as net, \
                Drive(net.address, T_MS) as d:
            d.begin()
            self.parents(d, 4)
            net.stall(proxy.DOWN)
            self.claims(d, 4, 4)
            zkwire.expire(self.server.address, d.session)
            net.heal()
            net.reset()
            # Handed over at every moment until the end is known.
            deadline = time.monotonic() + 10
            while ["EXPIRED"] not in d.heard:
                self.assertLess(time.monotonic(), deadline)
                self.claims(d, 1, 4)
                d.answers(1)
            d.begin()
            self.claims_again(d)

    def test_frozen_with_multis_outstanding(self):
        with Drive(self.server.address, 2000) as d:
            d.begin()
            self.parents(d, 4)
            self.claims(d, 4, 4)
            d.process.freeze()
            time.sleep(4)
            d.process.thaw()
            d.until("EXPIRED")
            d.begin()
            self.claims_again(d)

    def test_server_killed_with_multis_outstanding(self):
        with zk.Server() as server, Drive(server.address, 10000) as d:
            d.begin()
            self.parents(d, 4)
            self.claims(d, 4, 4)
            server.kill()
            d.until("DOWN")
            server.start()
            d.attached()
            self.claims_again(d)

    def test_closed_with_multis_outstanding(self):
        """The library has pointers: they outlive the row, and no more."""
        with proxy.Proxy(self.server.address) as net, \
                Drive(net.address, T_MS) as d:
            d.begin()
            self.parents(d, 4)
            net.stall(proxy.DOWN)
            self.claims(d, 4, 4)
            d.close()
            net.heal()
            net.reset()
            d.begin()
            self.claims_again(d)


if __name__ == "__main__":
    unittest.main()
