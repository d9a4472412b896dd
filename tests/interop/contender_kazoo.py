#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""contender_kazoo - kazoo's locks as contenders, a session each.

Usage: contender_kazoo.py KINDS SERVERS PATH FOLDER HOLD_MS SLOTS

KINDS is one word for each contender, with commas between: lock, lock+ (with
extra_lock_patterns=["-lock-"]), write, semaphore.  It says "ready", begins at
a line on its input, ends at the end of it, and says one line of JSON.
"""
import json
import os
import sys
import threading
import time

from kazoo.client import KazooClient
from kazoo.recipe.lock import Lock, Semaphore, WriteLock

sys.path.insert(0, os.path.dirname(__file__))

from register import Register  # noqa: E402

PATIENCE_S = 60


def make(kind, client, path, slots):
    """The lock, and how its holders stand in the register."""
    who = f"kazoo {kind} pid={os.getpid()}"
    if kind == "lock":
        return Lock(client, path, who), "x"
    if kind == "lock+":
        return Lock(client, path, who, extra_lock_patterns=["-lock-"]), "x"
    if kind == "write":
        return WriteLock(client, path, who), "x"
    if kind == "semaphore":
        return Semaphore(client, path, who, max_leases=slots), "n"
    raise SystemExit(f"what is {kind}?")


class Contender(threading.Thread):

    def __init__(self, me, kind, asked):
        super().__init__(daemon=True)
        self.register = Register(asked.folder, asked.slots)
        self.hold_s = asked.hold_s
        self.client = KazooClient(asked.servers, timeout=10)
        self.client.start(PATIENCE_S)
        self.lock, self.letter = make(kind, self.client, asked.path,
                                      asked.slots)
        self.who = f"kazoo{me}"
        self.grants = 0
        self.errors = []

    def cycle(self):
        if not self.lock.acquire(timeout=PATIENCE_S):
            raise TimeoutError("no grant")
        inside = self.register.enter(self.letter, self.who)
        time.sleep(self.hold_s)
        self.register.leave(inside)
        self.lock.release()
        self.grants += 1

    def run(self):
        try:
            while not over.is_set():
                self.cycle()
        except Exception as err:  # pylint: disable=broad-except
            self.errors.append(f"{self.who}: {err!r}")
        self.client.stop()
        self.client.close()


class Asked:
    def __init__(self, argv):
        (self.kinds, self.servers, self.path, self.folder, hold_ms,
         slots) = argv
        self.hold_s = int(hold_ms) / 1000
        self.slots = int(slots)


over = threading.Event()


def main():
    asked = Asked(sys.argv[1:])
    contenders = [Contender(me, kind, asked)
                  for me, kind in enumerate(asked.kinds.split(","))]
    print("ready", flush=True)
    sys.stdin.readline()
    for contender in contenders:
        contender.start()
    sys.stdin.read()
    over.set()
    for contender in contenders:
        contender.join(PATIENCE_S)
    print(json.dumps({
        "grants": sum(one.grants for one in contenders),
        "overlaps": sum((one.register.overlaps for one in contenders), []),
        "errors": sum((one.errors for one in contenders), []),
    }), flush=True)


if __name__ == "__main__":
    main()
