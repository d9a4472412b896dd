#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Answers that get lost between three servers (F21, F22), a second process
on our session (F23), an operator's hand in the tree (F24), a node that no
server ever removes (F25)."""
import contextlib
import re
import statistics
import struct
import time
import unittest

from faultcase import NIGHTLY, SLACK_S, FaultCase, history, proc, zkwire

ROUNDS = 12 if NIGHTLY else 3
FLAPS = 40 if NIGHTLY else 8
DELETED = 5  # times, alone and waited for
LOST_S = 0.1
TORN_S = 60  # four links that last no two seconds, on a loaded machine
TORN_EXIT = 76
SET_ACL = 7
# Reading, and changing it back.
READ_ONLY = struct.pack(">ii", 1, 1 | 16) + zkwire._buffer("world") \
    + zkwire._buffer("anyone")
OPEN = struct.pack(">ii", 1, 31) + zkwire._buffer("world") \
    + zkwire._buffer("anyone")


class AnswersTest(FaultCase):

    RANGE = {"session_timeout_ms": 6000}

    @classmethod
    def make_range(cls):
        made = super().make_range()
        made.hosts[0].through_proxies(made.servers)
        made.hosts[2].keys["torn_exit"] = True
        return made

    def setUp(self):
        super().setUp()
        self.h1, self.h2 = self.hosts[:2]
        self.tree = self.range.observer()
        self.tree.make_parents(f"{self.root}/{self.name}")

    def tearDown(self):
        self.tree.close()
        super().tearDown()

    def link(self):
        """The proxy that h1's session goes through now."""
        return self.h1.proxies[self.range.server_of(self.h1).node]

    # F21, F22

    def test_f21_create_applied_answer_lost(self):
        """F21: one node, adopted over whichever server comes next, and the
        next waiter is served."""
        first, second = self.client(self.h1), self.client(self.h2)
        took_s = 0.0
        for _ in range(ROUNDS):
            gate = self.link().swallow_create()
            begin_s = time.monotonic()
            entry = self.hold(first)
            gate.wait()
            took_s = max(took_s, time.monotonic() - begin_s)
            self.assertEqual(len(self.queue()), 1, "a node too many")
            tag = second.enqueue(self.name)
            self.release(first, entry)
            other = self.hold(second, tag=tag)
            self.assertGreater(other.token, entry.token)
            self.release(second, other)
            self.wait_queue(0)
        self.assertLess(took_s, self.range.session_s + SLACK_S)
        self.measured(rounds=ROUNDS, granted_at_most=took_s)

    def test_f21_answer_lost_and_the_server_cut(self):
        """F21: the same, and the server that applied it is gone for us."""
        first, second = self.client(self.h1), self.client(self.h2)
        holder = self.hold(second)
        server = self.range.server_of(self.h1)
        gate = self.link().swallow_create()
        tag = first.ask(f"LOCK {self.name}")
        gate.wait()
        self.island.cut(self.h1.node, server.node)
        self.h1.wait_ready("connected", self.range.session_s + SLACK_S)
        self.assertIsNot(self.range.server_of(self.h1), server)
        self.wait_queue(2)
        self.release(second, holder)
        entry = self.hold(first, tag=tag)
        self.release(first, entry)
        self.wait_queue(0)

    def test_f22_delete_applied_answer_lost(self):
        """F22: idempotent; the waiter is served, nothing is deleted twice."""
        first, second = self.client(self.h1), self.client(self.h2)
        took_s = 0.0
        for _ in range(ROUNDS):
            entry = self.hold(first)
            tag = second.enqueue(self.name)
            self.wait_queue(2)
            gate = self.link().swallow_delete()
            begin_s = time.monotonic()
            self.release(first, entry)
            gate.wait()
            other = self.hold(second, tag=tag)
            took_s = max(took_s, time.monotonic() - begin_s)
            tag = first.ask(f"LOCK {self.name}")
            self.h1.wait_ready()
            self.release(second, other)
            entry = self.hold(first, tag=tag)
            self.release(first, entry)
            self.wait_queue(0)
        self.measured(rounds=ROUNDS, granted_at_most=took_s)

    # F23

    def test_f23_a_second_process_on_our_session(self):
        """F23: attached again and again on another server.  Our session is
        torn from us: holders are told in time, nobody else is granted while
        they may believe, and when it stops everything goes on."""
        holder, waiter = self.client(self.h1), self.client(self.h2)
        entry = self.hold(holder)
        tag_waiter = waiter.enqueue(self.name)
        session = self.h1.session_id()
        links = self.links_torn()
        asked = self.client(self.h1, "asks meanwhile")
        tags = []
        for flap in range(FLAPS):
            server = self.range.servers[flap % 3]
            intruder = self.range.observer(server, session_id=session)
            try:
                with contextlib.suppress(zkwire.ZkError, OSError):
                    intruder.exists(self.root)  # unless it is torn off, too
                tags.append(asked.ask(f"LOCK {self.name}.{flap}"))
                time.sleep(0.2)
            finally:
                intruder.drop()
        for tag in tags:
            asked.granted(tag, 30)
        holder.sync()
        told = [event.word for event in holder.events]
        self.assertNotIn("LOST", told)
        self.assertIn("SUSPENDED", told)
        self.assertIn("event=links_torn", self.h1.log_text())
        self.measured(flaps=FLAPS, suspended=told.count("SUSPENDED"),
                      links_torn=self.links_torn() - links)
        self.release(holder, entry)
        other = self.hold(waiter, tag=tag_waiter)
        self.release(waiter, other)

    def test_f23_who_wants_to_end_then_does(self):
        """F23: torn_exit: the daemon ends in order with 76, which closes the
        session for the intruder, too; started again, it has its own."""
        h3 = self.hosts[2]
        holder = self.client(h3)
        entry = self.hold(holder)
        session = h3.session_id()
        end_s = time.monotonic() + TORN_S
        while h3.process.alive() and time.monotonic() < end_s:
            with contextlib.suppress(zkwire.ZkError, OSError, TimeoutError):
                self.range.observer(session_id=session).drop()
            time.sleep(0.1)
        self.assertEqual(h3.process.wait(20), TORN_EXIT)
        self.history.ended(entry, history.EOF, proc.now_ms())
        self.wait_queue(0)
        self.assertIn("event=links_torn", h3.log_text())
        h3.launch()
        h3.wait_ready()
        self.assertNotEqual(h3.session_id(), session)

    def links_torn(self):
        return int(self.h1.rows("STATS")["disconnects_total"])

    # F24

    def write_s(self):
        """A write's round trip here, in the middle."""
        took_s = []
        for _ in range(DELETED):
            begin_s = time.monotonic()
            self.tree.set(self.root, b"")
            took_s.append(time.monotonic() - begin_s)
        return statistics.median(took_s)

    def test_f24_our_node_deleted(self):
        """F24: LOST reason=deleted within a round trip, alone or waited
        for; the lock can be taken again."""
        holder, waiter = self.client(self.h1), self.client(self.h2)
        took_s = {False: [], True: []}
        self.history.exempt.add(self.name)
        for waited_for in (False, True) * DELETED:
            entry = self.hold(holder)
            tag = waiter.enqueue(self.name) if waited_for else None
            begin_s = time.monotonic()
            self.tree.delete(entry.reply["node"])
            lost = self.lost(holder, entry)
            took_s[waited_for].append(time.monotonic() - begin_s)
            self.assertEqual(lost["reason"], "deleted")
            if waited_for:
                other = self.hold(waiter, tag=tag)
                self.assertGreater(other.token, entry.token)
                self.release(waiter, other)
        alone_s, waited_s = (statistics.median(some)
                             for some in took_s.values())
        write_s = self.write_s()
        self.measured(alone=alone_s, waited_for=waited_s, write=write_s)
        # The delete is such a write, and its event one way more.
        self.assertLess(max(alone_s, waited_s), LOST_S + 2 * write_s)

    def test_f24_the_whole_lock_deleted(self):
        """F24: all bids and their parent: the holder is told, waiters bid
        anew, and tokens go on growing."""
        holder, waiter = self.client(self.h1), self.client(self.h2)
        entry = self.hold(holder)
        tag = waiter.enqueue(self.name)
        self.wait_queue(2)
        parent = f"{self.root}/{self.name}"
        self.history.exempt.add(self.name)

        def gone():
            for node in self.tree.children(parent):
                try:
                    self.tree.delete(f"{parent}/{node}")
                except zkwire.ZkError:
                    pass
            try:
                self.tree.delete(parent)
            except zkwire.ZkError as error:
                return error.code != zkwire.NOT_EMPTY
            return True

        begin_s = time.monotonic()
        proc.wait_until(gone, 5, "the parent deleted", 0)
        lost = self.lost(holder, entry)
        self.assertEqual(lost["reason"], "deleted")
        other = self.hold(waiter, tag=tag)
        took_s = time.monotonic() - begin_s
        self.assertGreater(other.token, entry.token)
        self.measured(granted=took_s)
        reply = waiter.call(f"UNLOCK {self.name}")
        self.history.ended(other, "RELEASED", proc.now_ms())
        self.assertIn(reply.word, ("RELEASED", "ERR"))
        again = self.hold(holder)
        self.assertGreater(again.token, other.token)
        self.release(holder, again)

    def set_acl(self, path, acl):
        self.tree._call(SET_ACL, zkwire._buffer(path) + acl
                        + struct.pack(">i", -1), f"setACL {path}")

    def test_f24_the_acl_changed(self):
        """F24: creating is forbidden: a clear refusal, holders unaffected;
        allowed again, it works again."""
        holder, other = self.client(self.h1), self.client(self.h2)
        entry = self.hold(holder)
        parent = f"{self.root}/{self.name}"
        self.set_acl(parent, READ_ONLY)
        reply = other.call(f"LOCK {self.name}")
        self.assertEqual((reply.word, reply.code), ("ERR", "ZK"))
        self.assertEqual(reply["zk"], "-102")
        self.assertIn("ACL", reply.text)
        self.still_holds(holder, entry)
        self.set_acl(parent, OPEN)
        tag = other.enqueue(self.name)
        self.release(holder, entry)
        second = self.hold(other, tag=tag)
        self.release(other, second)
        self.measured(refused=repr(reply.text))

    # F25

    def test_f25_a_node_that_never_goes(self):
        """F25: an ephemeral node whose session is alive and does nothing:
        who waits is told who it is, and nobody breaks it."""
        stranger = self.range.observer(timeout_ms=6000)
        parent = f"{self.root}/{self.name}"
        path, _ = stranger.create(
            f"{parent}/_c_{'0' * 8}-0000-4000-8000-{'0' * 12}-lock-",
            b"host=stale pid=1", zkwire.EPHEMERAL | zkwire.SEQUENTIAL)
        client = self.client(self.h1)
        tag = client.ask(f"LOCK {self.name}")
        told = client.queued(tag)
        self.assertIn("stale", told["holder"])
        time.sleep(self.range.session_s + 1)
        row = client.ok(f"WHO {self.name}").rows[0]
        self.assertRegex(row, r"pos=1 state=front .*host=stale")
        age_ms = int(re.search(r"age_ms=(\d+)", row).group(1))
        self.assertGreater(age_ms, self.range.session_s * 1000)
        client.quiet()
        self.assertEqual(self.queue()[0], path.rsplit("/", 1)[1])
        stranger.delete(path)
        entry = self.hold(client, tag=tag)
        self.release(client, entry)
        stranger.close()
        self.measured(kept=self.range.session_s + 1, age_ms=age_ms)


if __name__ == "__main__":
    unittest.main()
