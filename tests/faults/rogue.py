# SPDX-License-Identifier: MIT
"""rogue - servers that are none: one that resets whoever connects, one that
accepts and is silent for ever, one that talks nonsense; a name server that
is slow, dead or says something else than yesterday.

Made inside the namespace of the thread that makes them.
"""
import random
import socket
import struct
import threading
import time

FORWARD, RESET, SILENT, GARBAGE = "forward", "reset", "silent", "garbage"


class Rogue:
    """with Rogue("10.77.0.1:2181") as r: ... r.mode = rogue.GARBAGE"""

    def __init__(self, target, seed=1):
        host, port = target.rsplit(":", 1)
        self.target = (host, int(port))
        self.mode = FORWARD
        self.accepted = 0
        self._random = random.Random(seed)
        self._socks = set()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._listener.getsockname()[1]
        self._go(self._accept)

    def _go(self, act, *words):
        threading.Thread(target=act, args=words, daemon=True).start()

    def _accept(self):
        while True:
            try:
                sock = self._listener.accept()[0]
            except OSError:
                return
            self.accepted += 1
            self._socks.add(sock)
            self._go(self._serve, sock)

    def _serve(self, sock):
        mode = self.mode
        try:
            if mode == FORWARD:
                self._forward(sock)
            elif mode == RESET:
                self._reset(sock)
            elif mode == GARBAGE:
                sock.sendall(self._random.randbytes(4096))
                while sock.recv(4096):
                    sock.sendall(self._random.randbytes(512))
            else:
                while sock.recv(4096):
                    pass
        except OSError:
            pass
        finally:
            self._socks.discard(sock)
            sock.close()

    def _forward(self, sock):
        with socket.create_connection(self.target, 10) as server:
            server.settimeout(None)
            self._socks.add(server)
            try:
                self._go(self._pump, server, sock)
                self._pump(sock, server)
            finally:
                self._socks.discard(server)

    @staticmethod
    def _pump(frm, to):
        try:
            part = frm.recv(65536)
            while part:
                to.sendall(part)
                part = frm.recv(65536)
        except OSError:
            pass
        for sock in (frm, to):
            try:
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    @staticmethod
    def _reset(sock):
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER,
                        struct.pack("ii", 1, 0))

    def become(self, mode):
        """From now on; connections of before are reset."""
        self.mode = mode
        for sock in list(self._socks):
            try:
                self._reset(sock)
                sock.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def close(self):
        self._listener.close()
        self.become(RESET)


class NameServer:
    """UDP, A records only.  names: name -> address; delay_s before every
    answer; dead: none at all."""

    def __init__(self, names):
        self.names = dict(names)
        self.delay_s = 0.0
        self.dead = False
        self.asked = 0
        self._sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._sock.bind(("127.0.0.1", 0))
        self.address = "127.0.0.1:%d" % self._sock.getsockname()[1]
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self):
        while True:
            try:
                query, frm = self._sock.recvfrom(2048)
            except OSError:
                return
            self.asked += 1
            if not self.dead:
                threading.Thread(target=self._answer, args=(query, frm),
                                 daemon=True).start()

    def _answer(self, query, frm):
        time.sleep(self.delay_s)
        try:
            self._sock.sendto(self._reply(query), frm)
        except OSError:
            pass

    def _reply(self, query):
        at, labels = 12, []
        while query[at]:
            labels.append(query[at + 1:at + 1 + query[at]].decode())
            at += 1 + query[at]
        kind = struct.unpack_from(">H", query, at + 1)[0]
        question = query[12:at + 5]
        found = self.names.get(".".join(labels).lower())
        answer = b""
        if found and kind == 1:
            answer = b"\xc0\x0c" + struct.pack(">HHIH", 1, 1, 1, 4) \
                + socket.inet_aton(found)
        flags = 0x8180 if found else 0x8183
        return query[:2] + struct.pack(">HHHHH", flags, 1, bool(answer),
                                       0, 0) + question + answer

    def close(self):
        self._sock.close()
