# SPDX-License-Identifier: MIT
"""timedline - a client that knows when each line came.

A test reads one client after the other; what it reads late must not look as
if it had come late, or a grant that came too early would look in time.  A
thread reads and writes down the moment; the test takes the lines as ever.
"""
import queue
import select
import socket
import threading

import line
import proc


class Stamped(str):
    """A line, and when it was read: at_ms, on CLOCK_BOOTTIME."""

    at_ms = 0.0


class TimedLine(line.Line):
    """Replies' text and events have at_ms."""

    def __init__(self, path, name=""):
        super().__init__(path, name)
        self._parts = queue.Queue()
        self._closing = False
        threading.Thread(target=self._pump, daemon=True).start()

    def _pump(self):
        part = b"-"
        while part:
            try:
                while not select.select([self.sock], [], [], 1)[0]:
                    if self._closing:
                        return
                part = self.sock.recv(65536, socket.MSG_DONTWAIT)
            except (OSError, ValueError):
                part = b""
            self._parts.put((proc.now_ms(), part))

    def _receive(self, within_s):
        if self.eof:
            return False
        try:
            at_ms, part = self._parts.get(timeout=max(0.001, within_s))
        except queue.Empty:
            return False
        if not part:
            self.eof = True
        pieces = (self._pending + part).split(b"\n")
        self._pending = pieces.pop()
        for raw in pieces:
            text = Stamped(raw.decode("utf-8", "replace"))
            text.at_ms = at_ms
            self.transcript.append(f"< {text}")
            self._lines.append(text)
        return not self.eof

    def _sort_in(self, text):
        before = len(self.events)
        super()._sort_in(text)
        for event in self.events[before:]:
            event.at_ms = text.at_ms

    def close(self):
        self._closing = True
        super().close()
