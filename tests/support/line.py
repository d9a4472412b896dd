# SPDX-License-Identifier: MIT
"""line - a blocking client of the line protocol, for tests.

It waits for lines, never for time.  Every expectation has a deadline, and a
failed one shows the whole conversation.
"""
import fcntl
import mmap
import os
import re
import select
import socket
import struct
import termios
import time

import proc

PATIENCE_S = 15  # for a line that must come, on a loaded machine
_PAIR = re.compile(r'([A-Za-z][A-Za-z0-9_]*)=("(?:[^"\\]|\\.)*"|\S*)')
_RAW_PAIR = re.compile(rb"([a-z_]+)=(\S+)")


def raw(line):
    """A line in bytes: its first words, the rest in one, and its pairs.  For
    clients that read very many, of which no text in quotes is asked."""
    return line.split(b" ", 3), {key.decode(): value.decode()
                                 for key, value in _RAW_PAIR.findall(line)}


class Reply:
    """One final reply: its rows, its words and its pairs."""

    def __init__(self, text, rows=()):
        self.text = text
        self.rows = list(rows)
        body = re.sub(r"^#\S+ ", "", text)
        head, _, self.human = body.partition(" :")
        words = head.split(" ")
        self.word = words[0]
        self.code = words[1] if self.word == "ERR" else ""
        self.args = [word.strip('"') for word in words[1:]
                     if "=" not in word]
        self.pairs = {key: value.strip('"')
                      for key, value in _PAIR.findall(head)}

    def __getitem__(self, key):
        return self.pairs[key]

    def number(self, key):
        return int(self.pairs[key])

    @property
    def token(self):
        return int(self.pairs["token"])

    @property
    def id(self):
        return self.pairs["id"]

    @property
    def until_ms(self):
        return int(self.pairs["until_ms"])

    def __repr__(self):
        return f"<{self.text}>"


class Closed(ConnectionError):
    """The daemon closed the connection."""


class Line:
    """One connection, so one owner."""

    def __init__(self, path, name="", receive_buffer=0):
        self.name = name
        self.transcript = []
        self.events = []
        self._pending = b""
        self._lines = []
        self._rows = {}
        self._done = {}
        self._tags = 0
        self.eof = False
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if receive_buffer:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF,
                                 receive_buffer)
        self.sock.settimeout(PATIENCE_S)
        try:
            self.sock.connect(path)
        except OSError:
            self.sock.close()
            raise

    # Bytes and lines.

    def send_raw(self, raw):
        self.transcript.append(f"> {raw[:300]!r}")
        self.sock.sendall(raw)

    def send(self, *lines):
        """Whole lines, in one write."""
        self.send_raw("".join(f"{text}\n" for text in lines).encode())

    def dribble(self, raw):
        """The same bytes, one a write."""
        self.transcript.append(f"> {raw[:300]!r} (byte by byte)")
        for i in range(len(raw)):
            self.sock.sendall(raw[i:i + 1])

    def _receive(self, within_s):
        """More bytes into lines; False when nothing came in time."""
        if not select.select([self.sock], [], [], max(0, within_s))[0]:
            return False
        try:
            part = self.sock.recv(65536)
        except ConnectionError:
            part = b""
        if not part:
            self.eof = True
            if self._pending:
                self._lines.append(self._pending.decode("utf-8", "replace"))
                self._pending = b""
            return False
        lines = (self._pending + part).split(b"\n")
        self._pending = lines.pop()
        for raw in lines:
            text = raw.decode("utf-8", "replace")
            self.transcript.append(f"< {text}")
            self._lines.append(text)
        return True

    def unread(self):
        """How many bytes lie in the socket."""
        there = fcntl.ioctl(self.sock, termios.FIONREAD, b"\0" * 4)
        return struct.unpack("=i", there)[0]

    def line(self, within_s=PATIENCE_S):
        """The next line, whatever it is."""
        end = time.monotonic() + within_s
        while not self._lines:
            if self.eof:
                raise Closed(self._story("closed"))
            if not self._receive(end - time.monotonic()) \
                    and not self.eof and time.monotonic() >= end:
                raise TimeoutError(self._story(f"no line in {within_s} s"))
        return self._lines.pop(0)

    def _story(self, what):
        return (f"{self.name or 'client'}: {what}; so far:\n  "
                + "\n  ".join(self.transcript[-40:]))

    def expect(self, pattern, within_s=PATIENCE_S):
        """The next line must match; the match is handed back."""
        text = self.line(within_s)
        found = re.fullmatch(pattern, text)
        if not found:
            raise AssertionError(
                self._story(f"{text!r} does not match {pattern!r}"))
        return found

    def expect_closed(self, within_s=PATIENCE_S):
        """Nothing more but the end; lines that came before are returned."""
        lines = []
        try:
            while True:
                lines.append(self.line(within_s))
        except Closed:
            return lines

    # Requests and replies.

    def tag(self):
        self._tags += 1
        return f"#t{self._tags}"

    def ask(self, request):
        """Send with a fresh tag, and hand the tag back."""
        tag = self.tag()
        self.send(f"{tag} {request}")
        return tag

    def _sort_in(self, text):
        """Route one line: an event, a row, QUEUED, or a final reply."""
        if text.startswith("* "):
            self.events.append(Reply(text[2:]))
            return
        tag, _, rest = text.partition(" ")
        if not tag.startswith("#"):
            tag, rest = "", text
        if rest.startswith("- "):
            self._rows.setdefault(tag, []).append(rest[2:])
        elif rest.split(" ")[0] == "QUEUED":
            self._done.setdefault(tag + " QUEUED", []).append(Reply(text))
        else:
            self._done.setdefault(tag, []).append(
                Reply(text, self._rows.pop(tag, [])))

    def _take(self, key, within_s):
        end = time.monotonic() + within_s
        while not self._done.get(key):
            self._sort_in(self.line(end - time.monotonic()))
        return self._done[key].pop(0)

    def reply(self, tag="", within_s=PATIENCE_S):
        """The final reply with this tag; others are kept for later."""
        return self._take(tag, within_s)

    def has_reply(self, tag):
        """Whether it is among what has been read."""
        return bool(self._done.get(tag))

    def queued(self, tag, within_s=PATIENCE_S):
        """The QUEUED line with this tag."""
        return self._take(tag + " QUEUED", within_s)

    def call(self, request, within_s=PATIENCE_S):
        """Ask and wait for the final reply."""
        return self.reply(self.ask(request), within_s)

    def ok(self, request, word="OK", within_s=PATIENCE_S):
        """As call(), and it must succeed with this word."""
        reply = self.call(request, within_s)
        if reply.word != word:
            raise AssertionError(
                self._story(f"{request!r} wants {word}, got {reply.text!r}"))
        return reply

    def err(self, request, code, within_s=PATIENCE_S):
        """As call(), and it must fail with this code."""
        reply = self.call(request, within_s)
        if reply.word != "ERR" or reply.code != code:
            raise AssertionError(self._story(
                f"{request!r} wants ERR {code}, got {reply.text!r}"))
        return reply

    def lock(self, name, *pairs, within_s=PATIENCE_S):
        """LOCK and wait for GRANTED."""
        return self.ok(" ".join(["LOCK", name, *pairs]), "GRANTED", within_s)

    def unlock(self, what, *pairs):
        return self.ok(" ".join(["UNLOCK", what, *pairs]), "RELEASED")

    def enqueue(self, name, *pairs):
        """LOCK that must wait: its tag, once QUEUED was read."""
        tag = self.ask(" ".join(["LOCK", name, *pairs]))
        self.queued(tag)
        return tag

    def granted(self, tag, within_s=PATIENCE_S):
        reply = self.reply(tag, within_s)
        if reply.word != "GRANTED":
            raise AssertionError(
                self._story(f"{tag} wants GRANTED, got {reply.text!r}"))
        return reply

    def event(self, word, within_s=PATIENCE_S):
        """The next event of this kind; earlier others are dropped."""
        end = time.monotonic() + within_s
        while True:
            while self.events:
                event = self.events.pop(0)
                if event.word == word:
                    return event
            self._sort_in(self.line(end - time.monotonic()))

    def sync(self):
        """A PING fence: all earlier answers are read afterwards."""
        self.ok("PING fence")

    def quiet(self):
        """After a fence, no event and no untaken reply is there."""
        self.sync()
        left = [reply for done in self._done.values() for reply in done]
        if self.events or left:
            raise AssertionError(
                self._story(f"not quiet: {self.events} {left}"))

    # Ends.

    def half_close(self):
        self.sock.shutdown(socket.SHUT_WR)

    def close(self):
        self.sock.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


class LeasePage:
    """The host's lease page, mapped read-only as the library does."""

    def __init__(self, path, offset=0):
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC)
        try:
            self._map = mmap.mmap(fd, 4096, prot=mmap.PROT_READ)
        finally:
            os.close(fd)
        self.offset = offset

    def word(self):
        """gen and deadline_ms."""
        value = struct.unpack_from("=Q", self._map, self.offset)[0]
        return value >> 48, value & ((1 << 48) - 1)

    def id(self):
        """What HELLO calls lease_id."""
        return struct.unpack_from("=Q", self._map, 16)[0]

    def believes(self, gen):
        """Whether a hold of that gen may still be believed now."""
        page_gen, until_ms = self.word()
        return page_gen == gen and proc.now_ms() < until_ms
