# SPDX-License-Identifier: MIT
"""e2ecase - a test case with a real ZooKeeper and as many hosts as wanted.

One server a class, one root a test.  When a test ends, its hosts are asked
to end, each must say 0, and no bid may be left in the tree.
"""
import subprocess
import unittest

import proc
import zk
import zkwire
from daemon import Daemon


def czxid_of(token):
    """Of the node that a grant with that token was on."""
    return token >> 43 << 32 | token >> 11 & 0xffffffff


class E2eCase(unittest.TestCase):

    server = None
    _roots = 0

    @classmethod
    def setUpClass(cls):
        cls.server = zk.Server().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def setUp(self):
        E2eCase._roots += 1
        self.root = f"/zkl{E2eCase._roots}"
        self.hosts = []
        self.clients = []
        self._observer = None

    def tearDown(self):
        for client in self.clients:
            client.close()
        for host in self.hosts:
            if host.process and host.process.alive():
                host.stop()
        left = self.bids_left()
        if self._observer:
            self._observer.close()
        self.assertEqual(left, [], "bids left behind")

    @property
    def observer(self):
        """A session of ours that looks at the tree, made when wanted."""
        if self._observer is None:
            self._observer = zkwire.Client(self.server.address)
        return self._observer

    def host(self, name="host1", servers=None, start=True, **keys):
        made = Daemon(servers or self.server.address, host=name,
                      root=self.root, **keys)
        self.hosts.append(made)
        if start:
            made.start()
        return made

    def client(self, host, name="", **kwargs):
        made = host.client(name, **kwargs)
        self.clients.append(made)
        return made

    def parent(self, lock):
        return f"{self.root}/{lock.replace('/', '%2F')}"

    def queue(self, lock):
        return zkwire.queue_of(self.observer, self.parent(lock))

    def wait_queue(self, lock, length, within_s=10):
        return proc.wait_until(
            lambda: len(self.queue(lock)) == length or None, within_s,
            f"{length} bids for {lock}, not {self.queue(lock)}")

    def bids_left(self):
        """Every '-lock-' node under the root whose session still lives in
        a daemon of this test that ended in order."""
        if not self.hosts or not self.server.process.alive():
            return []
        found = []
        ended = [host for host in self.hosts
                 if host.process and host.process.popen.returncode == 0]
        if len(ended) < len(self.hosts):
            return []  # a killed one's bids go with its session
        for lock in self.observer.children(self.root):
            found += [f"{lock}/{node}" for node in zkwire.queue_of(
                self.observer, f"{self.root}/{lock}")]
        return found


class Typist:
    """A client in a process of its own, to be killed: socat and a pipe."""

    def __init__(self, host):
        self.process = proc.Process(
            ["socat", "-", f"UNIX-CONNECT:{host.socket}"],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE)

    def say(self, text):
        self.process.stdin.write(f"{text}\n".encode())
        self.process.stdin.flush()

    def line(self):
        return self.process.stdout.readline().decode().rstrip("\n")

    def kill(self):
        self.process.kill()
