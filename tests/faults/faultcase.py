# SPDX-License-Identifier: MIT
"""faultcase - a test case on a range: one range a class, one lock name a
test, a history of every hold that was seen, and everything mended after.

A test says what was measured with self.measured(); the figures are printed
with the test's name, so that a log is also a table.
"""
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import history  # noqa: E402
import proc  # noqa: E402
import zkwire  # noqa: E402
from range import Range  # noqa: E402
from timedline import TimedLine  # noqa: E402

NIGHTLY = bool(os.environ.get("ZKL_NIGHTLY"))
# What a loaded two-core machine may add to any bound: three JVMs collect
# garbage, and two such tests run side by side.
SLACK_S = 3.0


class FaultCase(unittest.TestCase):

    RANGE = {}  # keys of Range
    range = None
    _names = 0

    @classmethod
    def make_range(cls):
        return Range(**cls.RANGE)

    @classmethod
    def setUpClass(cls):
        cls.range = cls.make_range()
        try:
            cls.range.start()
        except BaseException:
            cls.range.close()
            raise

    @classmethod
    def tearDownClass(cls):
        cls.range.close()

    def setUp(self):
        FaultCase._names += 1
        self.name = f"lock{FaultCase._names}"
        self.hosts = self.range.hosts
        self.island = self.range.island
        self.history = history.History()
        self.clients = []
        self.began_s = time.monotonic()

    def tearDown(self):
        for client in self.clients:
            client.close()
        self.range.mend()
        self.assertEqual(self.history.check(), [])

    def measured(self, **figures):
        """Printed as 'F01 cut: suspended=812 ms'; numbers are seconds."""
        told = " ".join(
            f"{key}={value:.3f}s" if isinstance(value, float)
            else f"{key}={value}" for key, value in figures.items())
        print(f"    measured: {self._testMethodName}: {told}",
              file=sys.stderr, flush=True)

    # Clients and holds.

    def client(self, host, name=""):
        made = TimedLine(host.socket, name or host.node)
        made.page = host.lease_page()
        self.clients.append(made)
        return made

    def hold(self, client, *pairs, lock=None, tag=None, within_s=30):
        """LOCK (or a LOCK that waits, by its tag) until GRANTED; the reply
        and its entry in the history."""
        name = lock or self.name
        if tag is None:
            tag = client.ask(" ".join(["LOCK", name, *pairs]))
        reply = client.granted(tag, within_s)
        entry = self.history.granted_reply(
            reply, f"{client.name}{tag}", reply.text.at_ms)
        entry.reply = reply
        return entry

    def extend(self, client, entry):
        """What the lease page says of its hold now."""
        gen, until_ms = client.page.word()
        if gen == entry.reply.number("gen"):
            self.history.extended(entry, until_ms)

    def release(self, client, entry):
        self.extend(client, entry)
        self.history.ended(entry, history.RELEASED, proc.now_ms())
        client.unlock(entry.name, f"token={entry.token}")

    def suspended(self, client, entry, within_s=30):
        """The next SUSPENDED: it must be read before the deadline that it
        names; how long after now it came, in seconds."""
        begin_s = time.monotonic()
        event = client.event("SUSPENDED", within_s)
        read_ms = event.at_ms
        self.history.extended(entry, event.until_ms)
        self.history.suspended(entry, read_ms)
        self.assertLess(read_ms, event.until_ms, "told too late")
        return event, time.monotonic() - begin_s

    def resumed(self, client, entry, within_s=30):
        event = client.event("RESUMED", within_s)
        self.history.resumed(entry, event.until_ms)
        return event

    def lost(self, client, entry, within_s=30):
        """The next LOST; it must be of this hold."""
        event = client.event("LOST", within_s)
        self.assertEqual(event.token, entry.token)
        self.history.ended(entry, history.LOST, event.at_ms)
        return event

    def still_holds(self, client, entry):
        reply = client.ok(f"CHECK {entry.name}")
        self.assertEqual(reply["held"], "1")
        self.assertEqual(reply.token, entry.token)

    # The tree.

    def queue(self, lock=None, server=None):
        """The bids for the lock, as a server has them now."""
        observer = self.range.observer(server)
        try:
            observer.sync()
            return zkwire.queue_of(
                observer, f"{self.root}/{lock or self.name}")
        finally:
            observer.close()

    @property
    def root(self):
        return self.range.keys.get("root", "/zklock")

    def wait_queue(self, length, lock=None, within_s=20, server=None):
        proc.wait_until(
            lambda: len(self.queue(lock, server)) == length, within_s,
            f"{length} bids for {lock or self.name}", 0.05)
