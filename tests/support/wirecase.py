# SPDX-License-Identifier: MIT
"""wirecase - a test case that talks lines with a daemon in --dev mode.

One daemon a class.  A witness holds a lock of its own through every test:
whatever the others send, its hold and its answers must not suffer.
"""
import threading
import time
import unittest

import proc
from daemon import Daemon
from line import Line

IN_STEP = "fence-5f1c"  # a word no test says by chance


class Witness:
    """Locks and unlocks in a thread of its own, and writes down how long
    each answer took."""

    def __init__(self, path):
        self.line = Line(path, "witness")
        self.took_ms = []
        self.error = None
        self._stop = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    def _run(self):
        try:
            while not self._stop.is_set():
                begin = time.monotonic()
                self.line.lock("witness/busy")
                self.line.unlock("witness/busy")
                self.took_ms.append((time.monotonic() - begin) * 1000)
                self._stop.wait(0.002)
        except Exception as err:  # pylint: disable=broad-except
            self.error = err

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._thread.join(30)
        self.line.close()

    def percentile_ms(self, share):
        took = sorted(self.took_ms)
        return took[min(len(took) - 1, int(len(took) * share))]


class WireCase(unittest.TestCase):
    """self.daemon, self.client(), self.converse()."""

    keys = {}
    public = False  # the socket stands where every user may go
    daemon = None

    @classmethod
    def setUpClass(cls):
        keys = dict(cls.keys)
        if cls.public:
            keys["socket"] = proc.public_folder() + "/sock"
        cls.daemon = Daemon(**keys).start()
        cls.witness = cls.daemon.client("witness")
        cls.witness_token = cls.witness.lock("witness/hold").token

    @classmethod
    def tearDownClass(cls):
        cls.witness.close()
        cls.daemon.stop()

    def setUp(self):
        self.clients = []

    def tearDown(self):
        for client in self.clients:
            client.close()
        check = self.witness.ok("CHECK witness/hold")
        self.assertEqual(check["held"], "1", check)
        self.assertEqual(check.token, self.witness_token)
        self.witness.quiet()

    def client(self, name="", **kwargs):
        client = self.daemon.client(name, **kwargs)
        self.clients.append(client)
        return client

    def name(self, suffix=""):
        """A lock name of this test alone."""
        return self.id().rsplit(".", 1)[-1] + suffix

    def in_step(self, client):
        """The next line is the answer to what we say now."""
        client.send(f"PING {IN_STEP}")
        client.expect(f"OK {IN_STEP}")

    def converse(self, raw, *patterns):
        """Send raw and read exactly these lines, and be in step after it;
        once in one write, once a byte at a time, on fresh connections."""
        if isinstance(raw, str):
            raw = raw.encode()
        for send in (Line.send_raw, Line.dribble):
            with self.daemon.client() as client:
                send(client, raw)
                for pattern in patterns:
                    client.expect(pattern)
                self.in_step(client)

    def one_err(self, raw, code, more=".*"):
        """One untagged line that is one ERR with this code."""
        self.converse(raw + (b"\n" if isinstance(raw, bytes) else "\n"),
                      f"ERR {code}( .*)?{more}")

    def watched(self, act, ceiling_ms):
        """Do it while a witness works; the witness' answers stay under
        twice what they took before, or under the ceiling of a slow
        machine."""
        with Witness(self.daemon.socket) as calm:
            time.sleep(0.3)
        with Witness(self.daemon.socket) as watch:
            act()
            time.sleep(0.05)
        self.assertIsNone(watch.error)
        self.assertIsNone(calm.error)
        worst_ms = watch.percentile_ms(0.99)
        allowed_ms = max(2 * calm.percentile_ms(0.99), ceiling_ms)
        self.assertLessEqual(
            worst_ms, allowed_ms,
            f"p99 of {len(watch.took_ms)} cycles; calm "
            f"{calm.percentile_ms(0.99):.2f}")
