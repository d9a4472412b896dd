# SPDX-License-Identifier: MIT
"""soak_clients - many lean clients of one daemon in one process.

Each takes a lock, writes to the guarded register, holds it for a while,
writes again and gives it back, for ever; some try, some lose patience, some
hang up in the middle.  All that it sees goes into one history file, line by
line, so that a killed process has told everything.  It judges nothing.

Some are careless on purpose: they write without a look at the deadline, so
after a pause the register must refuse them.

    soak_clients.py SOCKET PREFIX COUNT SEED HISTORY REGISTER LOCK...

PREFIX is the path of this process in the history (h1/c3).  After SIGUSR1
nobody asks anew, and nobody holds for long; it ends by itself when all is
answered and given back.
A lock whose name begins with "slow" is held for seconds, so that every fault
finds somebody holding; every sixth client wants only those, and the others
never, or all would wait there.
"""
import fcntl
import heapq
import mmap
import os
import random
import selectors
import signal
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import historyfile  # noqa: E402
import proc  # noqa: E402
from line import raw  # noqa: E402

SLOT_BYTES = 64  # a lock's place in the register
_SLOTS = 64
_THINK_S = 0.5  # between two wishes, at most
_HOLD_S = 0.03
_SLOW_HOLD_S = 15.0
_PATIENCE_S = 8.0
_SLOW_EVERY = 6
_RECONNECT_S = 0.05
_TRIES = 200  # at the register: somebody stopped may have it in hand


class Register:
    """The guarded resource: one file for all processes of a soak.  Of each
    lock it keeps the largest token, and refuses a smaller one."""

    def __init__(self, path, locks):
        self._fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        os.truncate(self._fd, SLOT_BYTES * _SLOTS)
        self._map = mmap.mmap(self._fd, SLOT_BYTES * _SLOTS)
        self._slots = {name: SLOT_BYTES * number
                       for number, name in enumerate(sorted(locks))}
        if len(self._slots) > _SLOTS:
            raise ValueError(f"more than {_SLOTS} locks")

    def write(self, name, token):
        """Taken or not; None when it was not to be reached."""
        at = self._slots[name]
        for _ in range(_TRIES):
            try:
                fcntl.lockf(self._fd, fcntl.LOCK_EX | fcntl.LOCK_NB,
                            SLOT_BYTES, at)
                break
            except OSError:
                time.sleep(0.0001)
        else:
            return None
        try:
            largest = struct.unpack_from("=q", self._map, at)[0]
            if token < largest:
                return False
            struct.pack_into("=q", self._map, at, token)
            return True
        finally:
            fcntl.lockf(self._fd, fcntl.LOCK_UN, SLOT_BYTES, at)


class Client:
    """One connection after the other; at most one wish at a time."""

    def __init__(self, crowd, number):
        self.crowd = crowd
        self.who = f"{crowd.prefix}/{number}"
        self.random = random.Random(f"{crowd.seed} {number}")
        self.locks = [name for name in crowd.locks if name.startswith("slow")
                      == (number % _SLOW_EVERY == 0)]
        self.sock = None
        self.page = "-"
        self.lock = None  # asked for or held
        self.token = 0  # not 0: held
        self.tag = 0
        self.asking = False
        self._pending = b""
        self._step = 0  # of this wish: timers of older ones do nothing
        crowd.after(self.random.random() * _THINK_S, self._connect)

    def say(self, event, **keys):
        self.crowd.history.line(event, self.who, **keys)

    def _later(self, delay_s, act):
        step = self._step

        def still():
            if step == self._step:
                act()
        self.crowd.after(delay_s, still)

    def _send(self, text):
        try:
            self.sock.sendall(text.encode())
        except OSError:
            self._hang_up()

    # Life of a connection.

    def _connect(self):
        if self.crowd.ending:
            return
        sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            sock.settimeout(0)
            sock.connect(self.crowd.socket)
        except OSError:
            sock.close()
            self.crowd.after(_RECONNECT_S, self._connect)
            return
        self.sock = sock
        self.crowd.selector.register(sock, selectors.EVENT_READ, self)
        self._send("#hello HELLO 1\n")

    def _hang_up(self):
        """Also what the daemon's end looks like from here."""
        if not self.sock:
            return
        self.say("eof")
        self.crowd.selector.unregister(self.sock)
        self.sock.close()
        self.sock = None
        self._pending = b""
        self._idle()
        self.crowd.after(_RECONNECT_S, self._connect)

    def _idle(self):
        self.lock, self.token, self.asking = None, 0, False
        self._step += 1

    def readable(self):
        try:
            part = self.sock.recv(65536)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        if not part:
            self._hang_up()
            return
        lines = (self._pending + part).split(b"\n")
        self._pending = lines.pop()
        for line in lines:
            if self.sock:
                self._line(line)

    def _line(self, line):
        words, keys = raw(line)
        if words[0] == b"*":
            self._event(words[1], keys)
        elif words[0] == b"#hello":
            self._hello(keys)
        elif words[0] == b"#%d" % self.tag:
            self._answer(words, keys)

    def _hello(self, keys):
        try:
            self.page = os.stat(keys["lease"]).st_ino
        except (KeyError, OSError):
            self.page = "-"
        self._think()

    # A wish.

    def _think(self):
        self._later(self.random.random() * _THINK_S, self._wish)

    def _wish(self):
        if self.crowd.ending:
            self._hang_up()
            return
        self.lock = self.random.choice(self.locks)
        self.asking = True
        self.tag += 1
        kind = self.random.random()
        verb, pairs, bounds = "LOCK", "", {}
        if kind < 0.05:
            verb, bounds = "TRYLOCK", {"try": 1}
        elif kind < 0.10:
            pairs, bounds = " wait=300ms", {"wait": 300}
        elif kind < 0.13:  # loses patience, and says so or hangs up
            self._later(self.random.random() * _PATIENCE_S,
                        self._give_up)
        self.say("ask", lock=self.lock, mode="x", tag=self.tag, **bounds)
        self._send(f"#{self.tag} {verb} {self.lock}{pairs}\n")

    def _give_up(self):
        if self.asking and self.random.random() < 0.5:
            self._send(f"#c CANCEL {self.lock}\n")
        elif self.asking:
            self._hang_up()

    def _answer(self, words, keys):
        word = words[1]
        if word == b"GRANTED":
            self._granted(keys)
        elif word == b"QUEUED":
            self.say("queued", lock=self.lock, tag=self.tag)
        elif word == b"RELEASED":
            self._idle()
            self._think()
        elif word == b"ERR":
            if self.asking:
                self.say("answer", lock=self.lock, code=words[2].decode(),
                         tag=self.tag)
            self._idle()
            self._think()

    def _granted(self, keys):
        self.asking = False
        self.token = int(keys["token"])
        self.say("grant", lock=self.lock, token=self.token,
                 mode=keys["mode"], gen=keys["gen"], until=keys["until_ms"],
                 page=self.page, node=keys["node"], tag=self.tag)
        self._write()
        slow = self.lock.startswith("slow") and not self.crowd.ending
        self._step += 1
        self._later(self.random.random()
                    * (_SLOW_HOLD_S if slow else _HOLD_S), self._finish)

    def _write(self):
        taken = self.crowd.register.write(self.lock, self.token)
        if taken is not None:
            self.say("write", lock=self.lock, token=self.token,
                     taken=int(taken))

    def _finish(self):
        self._write()
        if self.random.random() < 0.02:
            self._hang_up()  # forgets to unlock
            return
        self.say("release", lock=self.lock)
        self.token = 0
        self.tag += 1
        self._send(f"#{self.tag} UNLOCK {self.lock}\n")

    def _event(self, word, keys):
        if word == b"SUSPENDED" and self.token:
            self.say("suspended", until=keys["until_ms"])
        elif word == b"DRAINING" and self.token:
            self.say("draining")
        elif word == b"RESUMED" and self.token:
            self.say("resumed", until=keys["until_ms"])
        elif word == b"LOST" and self.token \
                and int(keys["token"]) == self.token:
            self.say("lost", lock=self.lock, token=self.token,
                     reason=keys["reason"])
            self._idle()
            self._think()


class Crowd:
    """The loop: sockets and timers."""

    def __init__(self, argv):
        self.socket, self.prefix, count, self.seed, path, register = argv[:6]
        self.locks = argv[6:]
        self.history = historyfile.Writer(path)
        self.register = Register(register, self.locks)
        self.selector = selectors.DefaultSelector()
        self.ending = False
        self._timers = []
        self._number = 0
        signal.signal(signal.SIGUSR1, self._end)
        self.clients = [Client(self, i + 1) for i in range(int(count))]

    def _end(self, _number, _frame):
        self.ending = True

    def after(self, delay_s, act):
        self._number += 1
        heapq.heappush(self._timers,
                       (proc.now_ms() + delay_s * 1000, self._number, act))

    def _busy(self):
        return any(client.sock for client in self.clients)

    def run(self):
        while self._busy() or not self.ending:
            wait_s = 0.2
            if self._timers:
                wait_s = min(wait_s, max(
                    0.0, (self._timers[0][0] - proc.now_ms()) / 1000))
            ready = self.selector.select(wait_s)
            # Timers first: who slept through its deadline acts as it meant
            # to, before it reads what has become of it.
            while self._timers and self._timers[0][0] <= proc.now_ms():
                heapq.heappop(self._timers)[2]()
            for key, _ in ready:
                if key.data.sock:
                    key.data.readable()


if __name__ == "__main__":
    Crowd(sys.argv[1:]).run()
