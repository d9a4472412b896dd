#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Floods and laziness, rows B6 to B9 of the bad-input matrix: slow writers,
lines by the hundred thousand, readers that never read, connects by the
thousand; and P8's shares of what is bounded.  The witness must not notice."""
import os
import resource
import socket
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from line import Closed  # noqa: E402
from wirecase import WireCase  # noqa: E402

CEILING_MS = 100  # of the witness' p99, for a slow machine


def unlimit_files():
    most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))


class B6SlowWriterTest(WireCase):

    TALK = "#a PING one\nPING \"two words\"\r\n\n#b NONSENSE\nPING three\n"
    ANSWERS = ("#a OK one", 'OK "two words"', "OK zklockd .*",
               "#b ERR UNKNOWN.*", "OK three")

    def test_byte_by_byte(self):
        self.converse(self.TALK, *self.ANSWERS)

    def test_split_at_every_offset(self):
        raw = self.TALK.encode()
        client = self.client()
        for at in range(1, len(raw)):
            client.send_raw(raw[:at])
            client.send_raw(raw[at:])
            for pattern in self.ANSWERS:
                client.expect(pattern)
        self.in_step(client)

    def test_slow_writers_cost_nothing(self):
        """Two hundred half-written lines lie there while others work."""
        slow = [self.client(f"slow{i}") for i in range(200)]
        for client in slow:
            client.send_raw(b"#s PING ha")
        before_s = self.daemon.process.cpu_s()
        self.watched(lambda: time.sleep(0.5), CEILING_MS)
        self.assertLess(self.daemon.process.cpu_s() - before_s, 1.0)
        for client in slow:
            client.send_raw(b"lf\n")
            client.expect("#s OK half")


class B7PipelineTest(WireCase):

    LINES = 100000

    def test_a_hundred_thousand_lines_never_read(self):
        """The daemon stops reading, or closes; its memory stays."""
        client = self.client(receive_buffer=4096)
        before_kb = self.daemon.process.rss_kb()
        client.sock.settimeout(2)
        raw = b"PING abcdefgh\n" * self.LINES

        def pour():
            try:
                client.sock.sendall(raw)
            except OSError:
                pass  # it closed, or it stopped reading: both are fine

        self.watched(pour, CEILING_MS)
        self.assertLess(self.daemon.process.rss_kb() - before_kb,
                        proc.RSS_SLACK_KB)

    def test_a_hundred_thousand_lines_are_all_answered(self):
        client = self.client()
        answered = 0

        def pour():
            nonlocal answered
            for _ in range(self.LINES // 1000):
                client.send_raw(b"PING x\n" * 1000)
                for _ in range(1000):
                    client.expect("OK x")
                    answered += 1

        self.watched(pour, CEILING_MS)
        self.assertEqual(answered, self.LINES)

    def test_one_write_read_at_leisure(self):
        """Backpressure loses nothing: a writer in a thread, a slow start
        of the reader, every answer in its order."""
        client = self.client()
        lines = 20000
        raw = b"".join(b"PING %d\n" % i for i in range(lines))
        writer = proc.threading_write(client.sock, raw)
        time.sleep(0.3)
        for i in range(lines):
            client.expect(f"OK {i}")
        writer.join(10)

    def test_ten_floods_at_once(self):
        clients = [self.client(f"flood{i}") for i in range(10)]

        def pour():
            for _ in range(20):
                for client in clients:
                    client.send_raw(b"PING y\n" * 500)
                for client in clients:
                    for _ in range(500):
                        client.expect("OK y")

        self.watched(pour, CEILING_MS)


class B8SlowReaderTest(WireCase):

    def test_a_holder_that_never_reads_costs_nobody(self):
        """It is read no further once its output is full; memory stays,
        the hold stays, and its end is noticed all the same."""
        name = self.name()
        holder = self.client("holder", receive_buffer=4096)
        granted = holder.lock(name)
        waiter = self.client("waiter")
        tag = waiter.enqueue(name)
        before_kb = self.daemon.process.rss_kb()
        holder.sock.settimeout(1)
        sent = 0
        try:
            while sent < 64 << 20:
                sent += holder.sock.send(b"HELP\nSTATS\n" * 1000)
        except TimeoutError:
            pass
        self.assertLess(sent, 64 << 20, "it read on for ever")
        self.assertLess(self.daemon.process.rss_kb() - before_kb,
                        proc.RSS_SLACK_KB)
        check = waiter.ok(f"CHECK {granted.id} token={granted.token}")
        self.assertEqual(check["held"], "1")
        holder.close()
        waiter.granted(tag, 2)

    def test_long_listings_wait_for_the_reader(self):
        """A listing larger than the output cap arrives whole."""
        holder = self.client("holder")
        names = 1000
        holder.send(*[f"#{i} LOCK {self.name()}/{'n' * 150}/{i}"
                      for i in range(names)])
        for i in range(names):
            holder.granted(f"#{i}")
        reader = self.client("reader", receive_buffer=4096)
        tag = reader.ask(f"LIST {self.name()}/*")
        time.sleep(0.2)
        reply = reader.reply(tag, 30)
        self.assertEqual(reply.args, [str(names)])
        self.assertEqual(len(reply.rows), names)


class B9ConnectFloodTest(WireCase):

    keys = {"clients_max": 300, "clients_per_uid_max": 300}

    def test_connect_and_close(self):
        def pour():
            for _ in range(10000):
                with socket.socket(socket.AF_UNIX) as sock:
                    try:
                        sock.connect(self.daemon.socket)
                    except BlockingIOError:
                        pass

        fds = self.daemon.process.fds()
        self.watched(pour, CEILING_MS)
        proc.wait_until(lambda: self.daemon.process.fds() <= fds + 2, 10,
                        "all descriptors are back")

    def test_more_than_allowed(self):
        """Silent ones give way, oldest first, or the new one is told; the
        ones that hold something stay."""
        unlimit_files()
        holder = self.client("holder")
        token = holder.lock(self.name()).token
        silent = [self.client(f"silent{i}") for i in range(500)]
        last = self.client("last")
        last.send("PING last")
        try:
            text = last.line()
        except Closed:
            text = "closed"
        self.assertRegex(text, "^(OK last|ERR LIMIT which=connections.*)$")
        self.assertEqual(holder.ok(f"CHECK {self.name()}").token, token)
        self.assertLessEqual(self.daemon.process.fds(), 330)
        for client in silent:
            client.close()
        proc.wait_until(lambda: self.daemon.state() == "dev", 10,
                        "it takes new ones again")


class B9PerUidTest(WireCase):

    keys = {"clients_per_uid_max": 20}
    public = True

    @unittest.skipUnless(os.getuid() == 0, "needs root to be another uid")
    def test_one_uid_cannot_take_all(self):
        """Root is exempt, so another uid connects in a child of ours."""
        script = (
            "import socket, sys\n"
            "told = 0\n"
            "socks = []\n"
            "for _ in range(40):\n"
            "    s = socket.socket(socket.AF_UNIX); s.settimeout(5)\n"
            "    s.connect(sys.argv[1]); socks.append(s)\n"
            "    try:\n"
            "        s.sendall(b'PING x\\n')\n"
            "    except OSError:\n"
            "        pass\n"
            "served = 0\n"
            "for s in socks:\n"
            "    try:\n"
            "        got = s.recv(4096)\n"
            "    except OSError:\n"
            "        got = b''\n"
            "    served += got.startswith(b'OK x')\n"
            "    told += got.startswith(b'ERR LIMIT')\n"
            "print(served, told)\n")
        done = proc.run(["/usr/bin/python3", "-c", script,
                         self.daemon.socket], user=65534)
        self.assertEqual(done.returncode, 0, done.stderr)
        served, told = map(int, done.stdout.split())
        self.assertLessEqual(served, 20)
        self.assertGreaterEqual(served, 1)
        self.assertLessEqual(served + told, 40)
        self.in_step(self.client("root"))


# Takes all it can get of locks and of WATCH, says how much that was, and keeps
# it until its input ends.
GREEDY = r"""
import socket, sys
socks = []
def ask(line):
    if ask.len % 20 == 0:
        s = socket.socket(socket.AF_UNIX); s.settimeout(10)
        s.connect(sys.argv[1]); socks.append(s)
    ask.len += 1
    socks[-1].sendall(line.encode() + b"\n")
    got = b""
    while not got.endswith(b"\n"):
        got += socks[-1].recv(4096)
    return got.decode()
ask.len = 0
locks = 0
for n in range(200):
    got = ask(f"LOCK {sys.argv[2]}{n}")
    if not got.startswith("GRANTED"):
        break
    locks += 1
watchers = 0
for n in range(70):
    ask.len = 0
    if not ask("WATCH nothing").startswith("OK"):
        break
    watchers += 1
print(locks, watchers, got.strip(), flush=True)
sys.stdin.read()
"""


class P8ShareTest(WireCase):
    """One user asks for everything: the next one finds a share."""

    keys = {"tickets_max": 40}
    public = True

    def greedy(self, user, stem):
        child = subprocess.Popen(
            ["/usr/bin/python3", "-c", GREEDY, self.daemon.socket, stem],
            user=user, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            text=True)
        self.addCleanup(child.stdout.close)
        self.addCleanup(child.wait, 30)
        self.addCleanup(child.stdin.close)
        locks, watchers, said = child.stdout.readline().split(" ", 2)
        return int(locks), int(watchers), said

    @unittest.skipUnless(os.getuid() == 0, "needs root to be other users")
    def test_a_user_has_three_quarters(self):
        locks, watchers, said = self.greedy(65534, "a")
        self.assertEqual((locks, watchers), (30, 48))
        self.assertIn("which=locks", said)
        self.assertIn("all of its share (uid_share)", said)
        # Another one has what is left, and root is told of the whole limit.
        locks, watchers, said = self.greedy(65533, "b")
        self.assertIn(locks, (9, 10))  # the witness may have one
        self.assertEqual(watchers, 16)
        self.assertNotIn("this user", said)
        root = self.client("root")
        root.err("LOCK c", "LIMIT")
        self.assertEqual(self.daemon.rows("STATUS")["uid_share"], "75")


if __name__ == "__main__":
    unittest.main()
