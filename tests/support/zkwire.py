# SPDX-License-Identifier: MIT
"""zkwire - a tiny ZooKeeper client that speaks the wire format itself.

An independent observer for tests: it looks at the tree, makes and deletes
nodes, plays a foreign contender, and ends other sessions.  It never retries
and never reconnects: a test wants to see what happens.
"""
import collections
import queue
import socket
import struct
import threading
import time

CREATE, DELETE, EXISTS, GET, SET, SYNC = 1, 2, 3, 4, 5, 9
PING, CHILDREN2, CREATE2, CONTAINER, CLOSE = 11, 12, 15, 19, -11
EPHEMERAL, SEQUENTIAL = 1, 2
CONNECTION_LOSS = -4
NO_NODE, NODE_EXISTS, NOT_EMPTY = -101, -110, -111

_CALL_S = 20  # no healthy test server takes longer
_WATCH_XID, _PING_XID = -1, -2

Stat = collections.namedtuple(
    "Stat", "czxid mzxid ctime mtime version cversion aversion "
    "owner data_len children_n pzxid")
Event = collections.namedtuple("Event", "type state path")


class ZkError(Exception):
    """A server's refusal; code is ZooKeeper's own number."""

    def __init__(self, code, what):
        super().__init__(f"{what}: ZooKeeper error {code}")
        self.code = code


def password(session_id):
    """A session's password: a constant function of its id, by design of
    the server (java.util.Random seeded with id ^ 0xB3415C00)."""
    mask = (1 << 48) - 1
    seed = ((session_id ^ 0xB3415C00) ^ 0x5DEECE66D) & mask
    out = bytearray()
    for _ in range(4):
        seed = (seed * 0x5DEECE66D + 0xB) & mask
        out += struct.pack("<I", (seed >> 16) & 0xFFFFFFFF)
    return bytes(out)


def _buffer(value):
    if value is None:
        return struct.pack(">i", -1)
    if isinstance(value, str):
        value = value.encode()
    return struct.pack(">i", len(value)) + value


class _Reader:
    def __init__(self, raw):
        self.raw = raw
        self.at = 0

    def take(self, form):
        values = struct.unpack_from(">" + form, self.raw, self.at)
        self.at += struct.calcsize(">" + form)
        return values if len(values) > 1 else values[0]

    def buffer(self):
        size = self.take("i")
        if size < 0:
            return None
        value = self.raw[self.at:self.at + size]
        self.at += size
        return value

    def text(self):
        return (self.buffer() or b"").decode()

    def stat(self):
        return Stat(*self.take("qqqqiiiqiiq"))


_OPEN_ACL = struct.pack(">ii", 1, 31) + _buffer("world") + _buffer("anyone")


class Client:
    """One session.  session_id attaches to a session that exists."""

    def __init__(self, address, timeout_ms=10000, session_id=0):
        host, port = address.split(",")[0].rsplit(":", 1)
        self._sock = socket.create_connection((host, int(port)), _CALL_S)
        self._lock = threading.Lock()
        self._waiting = {}
        self._xid = 0
        self._closing = False
        self.events = queue.Queue()
        secret = password(session_id) if session_id else bytes(16)
        try:
            self._frame(struct.pack(">iqiq", 0, 0, timeout_ms, session_id)
                        + _buffer(secret) + b"\0")
            answer = _Reader(self._read_frame())
            _, self.timeout_ms, self.session_id = answer.take("iiq")
            if not self.session_id:
                raise ZkError(-112, "connect: the session is gone")
        except (OSError, ZkError):
            self._sock.close()
            raise
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        self._beat = threading.Thread(target=self._ping, daemon=True)
        self._stop = threading.Event()
        self._beat.start()

    def _frame(self, body):
        self._sock.sendall(struct.pack(">i", len(body)) + body)

    def _read_exact(self, size):
        parts = bytearray()
        while len(parts) < size:
            part = self._sock.recv(size - len(parts))
            if not part:
                raise ConnectionError("server closed the connection")
            parts += part
        return bytes(parts)

    def _read_frame(self):
        return self._read_exact(struct.unpack(">i", self._read_exact(4))[0])

    def _ping(self):
        while not self._stop.wait(self.timeout_ms / 3000.0):
            with self._lock:
                try:
                    self._frame(struct.pack(">ii", _PING_XID, PING))
                except OSError:
                    return

    def _serve(self):
        self._sock.settimeout(None)
        try:
            while True:
                self._take_in(self._read_frame())
        except (OSError, ConnectionError, struct.error):
            pass
        with self._lock:
            self._closing = True
            waiting, self._waiting = self._waiting, {}
        for box in waiting.values():
            box.put((CONNECTION_LOSS, 0, b""))

    def _take_in(self, raw):
        reader = _Reader(raw)
        xid, zxid, code = reader.take("iqi")
        if xid == _WATCH_XID:
            kind, state = reader.take("ii")
            self.events.put(Event(kind, state, reader.text()))
            return
        with self._lock:
            box = self._waiting.pop(xid, None)
        if box:
            box.put((code, zxid, raw[reader.at:]))

    def _send(self, op, body):
        box = queue.Queue(1)
        with self._lock:
            if self._closing:
                raise ZkError(CONNECTION_LOSS, "closed")
            self._xid += 1
            self._waiting[self._xid] = box
            self._frame(struct.pack(">ii", self._xid, op) + body)
        return box

    def _call(self, op, body, what):
        code, _, rest = self._send(op, body).get(timeout=_CALL_S)
        if code:
            raise ZkError(code, what)
        return _Reader(rest)

    def create(self, path, value=b"", flags=0):
        """The path made, and its Stat."""
        answer = self._call(CREATE2, _buffer(path) + _buffer(value)
                            + _OPEN_ACL + struct.pack(">i", flags),
                            f"create {path}")
        return answer.text(), answer.stat()

    def create_many(self, paths, at_once=500):
        """Plain nodes, many under way at a time."""
        boxes = []
        for at, path in enumerate(paths, 1):
            boxes.append(self._send(CREATE2, _buffer(path) + _buffer(b"")
                                    + _OPEN_ACL + struct.pack(">i", 0)))
            if at % at_once == 0 or at == len(paths):
                for box in boxes:
                    code = box.get(timeout=_CALL_S)[0]
                    if code:
                        raise ZkError(code, "create many")
                boxes = []

    def create_container(self, path):
        answer = self._call(CONTAINER, _buffer(path) + _buffer(b"")
                            + _OPEN_ACL + struct.pack(">i", 4),
                            f"create container {path}")
        return answer.text()

    def make_parents(self, path):
        """Every missing component of path, itself included."""
        at = ""
        for part in path.strip("/").split("/"):
            at += "/" + part
            try:
                self.create(at)
            except ZkError as err:
                if err.code != NODE_EXISTS:
                    raise

    def delete(self, path, version=-1):
        self._call(DELETE, _buffer(path) + struct.pack(">i", version),
                   f"delete {path}")

    def exists(self, path, watch=False):
        """Its Stat, or None."""
        try:
            return self._call(EXISTS, _buffer(path)
                              + struct.pack(">?", watch), path).stat()
        except ZkError as err:
            if err.code == NO_NODE:
                return None
            raise

    def get(self, path, watch=False):
        answer = self._call(GET, _buffer(path) + struct.pack(">?", watch),
                            f"get {path}")
        return answer.buffer(), answer.stat()

    def set(self, path, value, version=-1):
        return self._call(SET, _buffer(path) + _buffer(value)
                          + struct.pack(">i", version),
                          f"set {path}").stat()

    def children(self, path, watch=False):
        """Names below path; [] when path is not there."""
        try:
            answer = self._call(CHILDREN2, _buffer(path)
                                + struct.pack(">?", watch), path)
        except ZkError as err:
            if err.code == NO_NODE:
                return []
            raise
        return [answer.text() for _ in range(answer.take("i"))]

    def sync(self, path="/"):
        self._call(SYNC, _buffer(path), f"sync {path}")

    def wait_event(self, within_s=_CALL_S):
        return self.events.get(timeout=within_s)

    def close(self):
        """End the session in order: its ephemeral nodes go at once."""
        self._stop.set()
        try:
            self._send(CLOSE, b"").get(timeout=_CALL_S)
        except (ZkError, OSError, queue.Empty):
            pass
        self.drop()

    def drop(self):
        """Only the connection goes; the session runs out by itself."""
        self._stop.set()
        with self._lock:
            self._closing = True
        try:
            self._sock.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._sock.close()
        self._thread.join(_CALL_S)
        self._beat.join(_CALL_S)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def sequence(node):
    """The number at the end of a sequential node's name."""
    return int(node[-10:])


def queue_of(client, parent):
    """The '-lock-' children of a lock's parent, in ZooKeeper's order."""
    return sorted((node for node in client.children(parent)
                   if "-lock-" in node), key=sequence)


def owner_of_first(client, parent):
    """The session that stands first in a lock's queue, or 0."""
    nodes = queue_of(client, parent)
    stat = client.exists(f"{parent}/{nodes[0]}") if nodes else None
    return stat.owner if stat else 0


def expire(address, session_id):
    """End another client's session now: attach to it and close it.
    Its client is told EXPIRED when it comes back."""
    Client(address, session_id=session_id).close()


def wait_gone(client, path, within_s):
    """Wait until path is not there; how long that took, in seconds."""
    begin = time.monotonic()
    while client.exists(path, watch=True):
        left = begin + within_s - time.monotonic()
        if left <= 0:
            raise TimeoutError(f"{path} still there after {within_s} s")
        try:
            client.wait_event(left)
        except queue.Empty:
            pass
    return time.monotonic() - begin
