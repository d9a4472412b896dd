#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""coord_zk in a bad network: servers that refuse, say nothing, speak another
language or are half a list; name servers that are slow, wrong or gone."""
import os
import socket
import struct
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
import proxy  # noqa: E402
import zk  # noqa: E402
from coorddrive import Drive  # noqa: E402

T_MS = 4000
SANITIZED = bool(os.environ.get("ZKL_SANITIZED"))
CPU = 0.1 if SANITIZED else 0.05  # share of a core; F31: 0.01 over minutes
# What the library does with an absurd length is what we test.
os.environ["ASAN_OPTIONS"] = ":".join(
    [os.environ.get("ASAN_OPTIONS", ""), "allocator_may_return_null=1",
     "verbosity=0"])
STALL_MS = 250  # of a turn on a loaded machine; who waits for a name: 800


class Peer:
    """A TCP server that is none: answer(connection) does as it likes."""

    def __init__(self, answer):
        self.answer = answer
        self.accepted = 0
        self.connections = []
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=128)
        self.address = "127.0.0.1:%d" % self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            self.accepted += 1
            self.connections.append(connection)
            try:
                self.answer(connection)
            except OSError:
                pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.listener.shutdown(socket.SHUT_RDWR)
        self.listener.close()
        self.thread.join(5)
        for connection in self.connections:
            connection.close()


class Names:
    """A name server: one A record for any name, or nothing at all."""

    def __init__(self, address="127.0.0.1"):
        self.address_given = address
        self.silent = False
        self.delay_s = 0
        self.asked = 0
        self.sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.sock.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self.sock.getsockname()[1]
        self.thread = threading.Thread(target=self._serve, daemon=True)
        self.thread.start()

    def _serve(self):
        while True:
            try:
                query, peer = self.sock.recvfrom(512)
            except OSError:
                return
            if not query:
                return
            self.asked += 1
            if self.silent:
                continue
            threading.Timer(self.delay_s, self._reply, (query, peer)).start()

    def _reply(self, query, peer):
        end = query.index(b"\0", 12) + 5
        question = query[12:end]
        is_a = question[-4:-2] == b"\0\1"
        head = query[:2] + struct.pack(">HHHHH", 0x8180, 1, is_a, 0, 0)
        record = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 1, 4) \
            + socket.inet_aton(self.address_given)
        try:
            self.sock.sendto(head + question + (record if is_a else b""), peer)
        except OSError:
            pass

    def __enter__(self):
        return self

    def __exit__(self, *_):
        try:
            self.sock.sendto(b"", self.sock.getsockname())
        finally:
            self.thread.join(5)
            self.sock.close()


def refused():
    """An address where nobody listens."""
    return f"127.0.0.1:{proc.free_port()}"


class NobodyTest(unittest.TestCase):
    """F31: attempts back off, and cost next to nothing."""

    def attempts(self, servers, seconds):
        with Drive(servers, T_MS) as d:
            d.connect()
            before = d.process.cpu_s()
            time.sleep(seconds)
            cpu_s = d.process.cpu_s() - before
            counts = d.counts()
            self.assertEqual(counts["links"], 0)
            d.say("close")
            d.until("CLOSED")
        return counts["attempts"], cpu_s / seconds

    def test_all_refuse(self):
        tried, cpu = self.attempts(",".join(refused() for _ in range(3)), 6)
        # Six rounds of at most three in the first seconds, then slower.
        self.assertGreaterEqual(tried, 6)
        self.assertLessEqual(tried, 45)
        self.assertLess(cpu, CPU)

    def test_one_refuses(self):
        tried, cpu = self.attempts(refused(), 4)
        self.assertGreaterEqual(tried, 3)
        self.assertLessEqual(tried, 20)
        self.assertLess(cpu, CPU)

    def test_accepts_and_says_nothing(self):
        with Peer(lambda connection: None) as peer:
            tried, cpu = self.attempts(peer.address, 6)
        self.assertGreaterEqual(tried, 2)
        self.assertLessEqual(tried, 9)
        self.assertLess(cpu, CPU)

    def test_accepts_and_resets(self):
        def reset(connection):
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                                  struct.pack("ii", 1, 0))
            connection.close()

        with Peer(reset) as peer:
            tried, cpu = self.attempts(peer.address, 5)
            self.assertLess(peer.accepted, 30)
        self.assertGreaterEqual(tried, 3)
        self.assertLess(cpu, CPU)

    def test_speaks_http(self):
        def http(connection):
            connection.sendall(b"HTTP/1.1 400 Bad Request\r\n"
                               b"Content-Length: 0\r\n"
                               b"Connection: close\r\n\r\n" * 20)

        with Peer(http) as peer:
            _, cpu = self.attempts(peer.address, 5)
            self.assertLess(peer.accepted, 30)
        self.assertLess(cpu, CPU)

    def test_speaks_of_negative_lengths(self):
        """A well-formed hello, then a length that nobody can allocate: the
        library would read the same bytes for ever."""
        def hello(connection):
            connection.recv(64)
            connection.sendall(struct.pack(">iiiq", 37, 0, T_MS, 0x1234)
                               + struct.pack(">i", 16) + bytes(16) + b"\0"
                               + struct.pack(">i", -2) + b"x" * 100)

        with Peer(hello) as peer, Drive(peer.address, T_MS) as d:
            d.begin()
            before = d.process.cpu_s()
            time.sleep(4)
            self.assertLess((d.process.cpu_s() - before) / 4, CPU)
            self.assertLess(peer.accepted, 60)
            d.say("close")
            d.until("CLOSED")

    def test_hello_with_an_absurd_timeout(self):
        def hello(connection):
            connection.recv(64)
            connection.sendall(struct.pack(">iiiq", 37, 0, 0x7fffffff, 7)
                               + struct.pack(">i", 16) + bytes(16) + b"\0")

        with Peer(hello) as peer:
            _, cpu = self.attempts(peer.address, 3)
            self.assertLess(peer.accepted, 30)
        self.assertLess(cpu, CPU)


class SomeTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.server = zk.Server().start()

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_one_of_two_lives(self):
        """ZOOKEEPER-2466: an even list never finds it again."""
        for _ in range(3):
            with proxy.Proxy(self.server.address) as net, \
                    Drive(f"{net.address},{refused()}", T_MS) as d:
                d.begin()
                for _ in range(3):
                    net.reset()
                    d.until("DOWN")
                    self.assertEqual(d.attached(3)["fresh"], "0")

    def test_one_of_four_lives(self):
        dead = [refused() for _ in range(3)]
        with Drive(",".join([*dead, self.server.address]), T_MS) as d:
            d.connect()
            d.attached(5)

    def test_silent_ones_do_not_cost_the_session(self):
        """Two of three accept and say nothing: F31's tarpit."""
        with Peer(lambda c: None) as a, Peer(lambda c: None) as b, \
                proxy.Proxy(self.server.address) as net, \
                Drive(f"{a.address},{net.address},{b.address}", 8000) as d:
            d.connect()
            d.attached(20)
            for _ in range(2):
                net.reset()
                d.until("DOWN")
                self.assertEqual(d.attached(8)["fresh"], "0")
            self.assertNotIn(["EXPIRED"], d.heard)

    def test_half_open_connection_is_left(self):
        """F2: the server's side is gone and nothing says so."""
        with proxy.Proxy(self.server.address) as net, \
                Drive(net.address, T_MS) as d:
            d.begin()
            d.do(("get", "/"))
            net.half_open()
            begin = time.monotonic()
            d.submit(("get", "/"))
            d.until("DOWN")
            self.assertLess(time.monotonic() - begin, T_MS * 2 / 3000 + 0.5)
            d.attached()

    def test_byte_by_byte(self):
        with proxy.Proxy(self.server.address) as net, \
                Drive(net.address, T_MS) as d:
            net.dribble()
            d.begin()
            answers = d.do(*[("get", "/")] * 20)
            self.assertEqual({a.result for a in answers}, {"ok"})

    def test_back_after_a_long_outage(self):
        """F7: the back-off does not outlive the outage by much."""
        with proxy.Proxy(self.server.address) as net, \
                Drive(net.address, T_MS) as d:
            d.begin()
            net.cut()
            d.until("DOWN")
            time.sleep(12)
            net.heal()
            begin = time.monotonic()
            d.until("EXPIRED", 12)
            d.begin()
            # The longest back-off is 5 s; the rest is a loaded machine's.
            self.assertLess(time.monotonic() - begin, 12)

    def test_short_outage_keeps_the_session(self):
        with proxy.Proxy(self.server.address) as net, \
                Drive(net.address, 6000) as d:
            d.begin()
            net.cut()
            d.until("DOWN")
            time.sleep(2)
            net.heal()
            begin = time.monotonic()
            self.assertEqual(d.attached(5)["fresh"], "0")
            self.assertLess(time.monotonic() - begin, 1.2)


class NamesTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.server = zk.Server().start()
        cls.port = cls.server.port

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_hosts_file(self):
        with Drive(f"localhost:{self.port}", T_MS) as d:
            d.begin()

    def test_numbers_ask_nobody(self):
        with Names() as names, Drive(self.server.address, T_MS,
                                     f"nameserver={names.address}") as d:
            d.begin()
            self.assertEqual(names.asked, 0)

    def test_name_is_resolved(self):
        with Names() as names, Drive(f"zk.example:{self.port}", T_MS,
                                     f"nameserver={names.address}") as d:
            self.assertEqual(d.begin()["server"], self.server.address)
            self.assertGreater(names.asked, 0)

    def test_slow_name_server_holds_nobody(self):
        with Names() as names, Drive(f"zk.example:{self.port}", T_MS,
                                     f"nameserver={names.address}") as d:
            names.delay_s = 0.8
            d.connect()
            d.attached(4)
            self.assertLess(d.counts()["longest_ms"], STALL_MS)

    def test_name_server_down_from_the_start(self):
        """F29: nothing stalls, and it works once names work."""
        with Names() as names, Drive(f"zk.example:{self.port}", T_MS,
                                     f"nameserver={names.address}") as d:
            names.silent = True
            d.connect()
            time.sleep(5)
            counts = d.counts()
            self.assertLess(counts["longest_ms"], STALL_MS)
            names.silent = False
            d.attached(12)

    def test_name_server_down_later(self):
        """The old addresses are kept."""
        with Names() as names, proxy.Proxy(self.server.address) as net, \
                Drive(f"zk.example:{net.port}", T_MS,
                      f"nameserver={names.address}") as d:
            d.begin()
            names.silent = True
            d.close()
            begin = time.monotonic()
            d.begin()
            net.reset()
            d.until("DOWN")
            self.assertEqual(d.attached(3)["fresh"], "0")
            self.assertLess(time.monotonic() - begin, 3)
            self.assertLess(d.counts()["longest_ms"], STALL_MS)

    def test_name_moves(self):
        """The name gets another address while nobody serves us: the session
        goes on there."""
        with Names("127.0.0.2") as names, \
                Drive(f"zk.example:{self.port},127.0.0.3:{self.port}", 9000,
                      f"nameserver={names.address}") as d:
            d.connect()
            time.sleep(1)
            names.address_given = "127.0.0.1"
            d.attached(15)

    def test_name_of_a_server_and_no_other(self):
        """Half the names do not resolve: the other half will do."""
        with Names() as names, \
                Drive(f"gone.example:{self.port},{self.server.address}", T_MS,
                      f"nameserver={names.address}") as d:
            names.silent = True
            d.connect()
            d.attached(6)


class WrongListTest(unittest.TestCase):

    def test_refused_at_once(self):
        for servers in ("", ",", "a:0", "a:65536", "a:x", "[::1", "a b:1",
                        "127.0.0.1:2181,", "a:1/chroot", "x" * 256):
            with self.subTest(servers=servers[:20]):
                d = Drive(servers, T_MS)
                self.assertIsNone(d.next())
                self.assertEqual(d.process.wait(), 2)


if __name__ == "__main__":
    unittest.main()
