# SPDX-License-Identifier: MIT
"""relay - runners of one daemon that hand one lock on, in one process.

Each takes the lock, gives it back and asks for it again; THINK_MS 0: both in
one write, as fast as it goes, so that a bid's turns are used up many times a
second.  Else it rests for up to THINK_MS in between.  Now and then a runner
keeps the lock for a while, so that faults find somebody holding.  All that
it sees goes into one history file.  It judges nothing.

    relay.py SOCKET PREFIX RUNNERS THINK_MS SEED HISTORY LOCK

After SIGUSR1 nobody asks anew, and it ends by itself when all is answered
and given back.
"""
import heapq
import os
import random
import selectors
import signal
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import historyfile  # noqa: E402
import proc  # noqa: E402
from line import raw  # noqa: E402

_KEEPS_ONE_IN = 2000
_KEEP_MS = 100.0
_AGAIN_MS = 20.0  # after an error


class Runner:

    def __init__(self, relay, number):
        self.relay = relay
        self.who = f"{relay.prefix}/{number}"
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.connect(relay.socket)
        self.page = "-"
        self.token = 0  # not 0: held
        self.asking = False
        self._pending = b""
        self.sock.sendall(b"#hello HELLO 1\n")

    def say(self, event, **keys):
        self.relay.history.line(event, self.who, **keys)

    def busy(self):
        return self.asking or self.token

    # What it does.

    def ask(self, before=""):
        if self.relay.ending:
            self.sock.sendall(before.encode())
            return
        self.asking = True
        self.say("ask", lock=self.relay.lock, mode="x")
        self.sock.sendall(f"{before}#l LOCK {self.relay.lock}\n".encode())

    def rest(self):
        self.relay.after(self.relay.random.random()
                         * (self.relay.think_ms or _AGAIN_MS), self.ask)

    def hand_on(self, token):
        if token != self.token:
            return  # it was lost meanwhile
        self.say("release", lock=self.relay.lock)
        self.token = 0
        unlock = f"#u UNLOCK {self.relay.lock}\n"
        if self.relay.think_ms:
            self.sock.sendall(unlock.encode())
            self.rest()
        else:
            self.ask(unlock)

    # What it is told.

    def readable(self):
        part = self.sock.recv(65536)
        if not part:
            sys.exit(f"{self.who}: the daemon closed the connection")
        lines = (self._pending + part).split(b"\n")
        self._pending = lines.pop()
        for line in lines:
            self._line(line)

    def _line(self, line):
        words, keys = raw(line)
        if words[0] == b"*":
            self._event(words[1], keys)
        elif words[0] == b"#hello":
            self.page = os.stat(keys["lease"]).st_ino
            self.ask()
        elif words[1] == b"GRANTED":
            self._granted(keys)
        elif words[0] == b"#l" and words[1] == b"ERR":
            self.asking = False
            self.say("answer", lock=self.relay.lock, code=words[2].decode())
            self.rest()

    def _granted(self, keys):
        self.asking = False
        self.token = int(keys["token"])
        self.say("grant", lock=self.relay.lock, token=self.token,
                 mode=keys["mode"], gen=keys["gen"], until=keys["until_ms"],
                 page=self.page, node=keys["node"])
        chance = self.relay.random
        if self.relay.ending or chance.randrange(_KEEPS_ONE_IN):
            self.hand_on(self.token)
        else:
            self.relay.after(chance.random() * _KEEP_MS, self.hand_on,
                             self.token)

    def _event(self, word, keys):
        if word == b"SUSPENDED" and self.token:
            self.say("suspended", until=keys["until_ms"])
        elif word == b"RESUMED" and self.token:
            self.say("resumed", until=keys["until_ms"])
        elif word == b"LOST" and int(keys["token"]) == self.token:
            self.say("lost", lock=self.relay.lock, token=self.token,
                     reason=keys["reason"])
            self.token = 0
            self.ask()


class Relay:
    """The loop: sockets and timers."""

    def __init__(self, argv):
        self.socket, self.prefix, count, think_ms, seed, path, self.lock = argv
        self.think_ms = int(think_ms)
        self.random = random.Random(seed)
        self.history = historyfile.Writer(path)
        self.ending = False
        self._timers = []
        self._number = 0
        signal.signal(signal.SIGUSR1, self._end)
        self.selector = selectors.DefaultSelector()
        self.runners = [Runner(self, i + 1) for i in range(int(count))]
        for runner in self.runners:
            self.selector.register(runner.sock, selectors.EVENT_READ, runner)

    def _end(self, _number, _frame):
        self.ending = True

    def after(self, delay_ms, act, *args):
        self._number += 1
        heapq.heappush(self._timers,
                       (proc.now_ms() + delay_ms, self._number, act, args))

    def run(self):
        while not self.ending or any(one.busy() for one in self.runners):
            wait_s = 0.2
            if self._timers:
                wait_s = min(wait_s, max(
                    0.0, (self._timers[0][0] - proc.now_ms()) / 1000))
            for key, _ in self.selector.select(wait_s):
                key.data.readable()
            while self._timers and self._timers[0][0] <= proc.now_ms():
                _, _, act, args = heapq.heappop(self._timers)
                act(*args)


if __name__ == "__main__":
    Relay(sys.argv[1:]).run()
