# SPDX-License-Identifier: MIT
"""scripted - a daemon that says exactly what a test wants, when it wants it.

It grants every LOCK and answers what a client needs to get that far; events
and silences are the test's.  One thread, any number of connections.
"""
import os
import re
import selectors
import socket
import threading

import proc

HOST = "host9"
SESSION = "0x1a2b"


class Scripted:
    """until_ms of a grant is now + valid_ms; timeout_ms is the session's."""

    def __init__(self, timeout_ms=8000, valid_ms=4000, state="connected",
                 answers=None):
        self.folder = proc.folder("zkl-scripted")
        self.socket = os.path.join(self.folder, "sock")
        self.timeout_ms = timeout_ms
        self.valid_ms = valid_ms
        self.state = state
        self.answers = answers or {}
        self.until_ms = 0
        self.lines = []
        self.changed = threading.Condition()
        self.conns = []
        self._listener = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self._listener.bind(self.socket)
        self._listener.listen(16)
        self._wake_in, self._wake_out = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self._listener, selectors.EVENT_READ)
            selector.register(self._wake_in, selectors.EVENT_READ)
            pending = {}
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self._wake_in:
                        return
                    if key.fileobj is self._listener:
                        conn = self._listener.accept()[0]
                        selector.register(conn, selectors.EVENT_READ)
                        pending[conn] = b""
                        self.conns.append(conn)
                        continue
                    conn = key.fileobj
                    try:
                        part = conn.recv(65536)
                    except OSError:
                        part = b""
                    if not part:
                        selector.unregister(conn)
                        conn.close()
                        self.conns.remove(conn)
                        continue
                    *lines, pending[conn] = \
                        (pending[conn] + part).split(b"\n")
                    for line in lines:
                        self._answer(conn, line.decode())

    def _answer(self, conn, line):
        tag, verb, rest = re.fullmatch(r"(?:(#\S+) )?(\S*) ?(.*)",
                                       line).groups()
        tag = tag + " " if tag else ""
        answer = self.answers.get(verb.upper(), self._usual)
        if callable(answer):
            answer = answer(verb.upper(), rest)
        if answer is not None:
            self._say(conn, "".join(f"{tag}{text}\n"
                                    for text in answer.split("\n")))
        with self.changed:
            self.lines.append(line)
            self.changed.notify_all()

    @staticmethod
    def _say(conn, text):
        try:
            conn.sendall(text.encode())
        except OSError:
            pass  # it has gone

    def _usual(self, verb, rest):
        if verb == "HELLO":
            return (f"OK proto=1 server=zklockd/0.1.0 host={HOST} id=1 "
                    f"state={self.state} session={SESSION} "
                    f"timeout_ms={self.timeout_ms} "
                    f"now_ms={int(proc.now_ms())}")
        if verb in ("LOCK", "TRYLOCK"):
            self.until_ms = int(proc.now_ms()) + self.valid_ms
            return (f"GRANTED {rest.split(' ')[0]} id=@7 token=4711 mode=x "
                    f"gen=1 until_ms={self.until_ms} "
                    f"valid_ms={self.valid_ms} waited_ms=3 node=/zklock/n")
        if verb == "UNLOCK":
            return "RELEASED a id=@7 held_ms=5"
        return "OK"

    def event(self, text):
        """To everybody who is connected."""
        for conn in list(self.conns):
            self._say(conn, f"* {text}\n")

    def heard(self, pattern, within_s=15):
        """Wait for a line from a client."""
        def found():
            return any(re.search(pattern, line) for line in self.lines)

        with self.changed:
            if not self.changed.wait_for(found, within_s):
                raise TimeoutError(f"no {pattern!r} in {self.lines}")

    def hang_up(self):
        for conn in list(self.conns):
            conn.shutdown(socket.SHUT_RDWR)

    def close(self):
        self._wake_out.send(b"x")
        self._thread.join(10)
        for sock in (*self.conns, self._listener, self._wake_in,
                     self._wake_out):
            sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
