# SPDX-License-Identifier: MIT
"""arena - a real ZooKeeper, two daemons and strangers at the same node.

A side is a host with its clients, or a program with its contenders.  Each
contender takes the lock, enters the register, stays for HOLD_MS, leaves and
gives the lock back, again and again until the time is over.
"""
import json
import os
import subprocess
import threading
import time
import unittest

import proc
import zk
import zkwire
from daemon import Daemon
from register import Register

HERE = os.path.dirname(os.path.realpath(__file__))
NIGHTLY = bool(os.environ.get("ZKL_NIGHTLY"))
HOLD_MS = 20
RUN_S = 60 if NIGHTLY else 12
READY_S = 60
PATIENCE_S = 60
LEFT_S = 10  # a linger is a fifth of a second
# Every side's part of all grants, by the promise.
LEAST_PART = 0.1
# Holds are 20 ms and a hand-over takes one or two; a loaded machine takes
# five times that.
GRANTS_PER_S = 8

_JARS = "/usr/share/java/"
CURATOR = ":".join(_JARS + jar + ".jar" for jar in (
    "curator-recipes", "curator-framework", "curator-client", "zookeeper",
    "zookeeper-jute", "guava", "slf4j-api", "slf4j-nop", "netty-all",
    "netty-handler", "netty-common", "netty-buffer", "netty-transport"))
_JAVA = ("-Xms16m -Xmx128m -Xss512k -XX:+UseSerialGC "
         "-XX:TieredStopAtLevel=1 -XX:-UsePerfData").split()


def compile_contender():
    """The folder of its classes."""
    folder = proc.folder("zkl-java")
    subprocess.run(["javac", "-nowarn", "-d", folder, "-cp", CURATOR,
                    f"{HERE}/Contender.java"], check=True)
    return folder


class Host:
    """The clients of one daemon: 'x', 's' or 'slots=N' words each."""

    def __init__(self, daemon, name, folder, kinds, slots=0):
        self.daemon = daemon
        self.name = name
        self.side = daemon.keys["host"]
        self.register = Register(folder, slots)
        self.over = threading.Event()
        self.grants = 0
        self.errors = []
        self.tokens = []  # of exclusive grants: (when, token)
        self._threads = [
            threading.Thread(target=self._run, args=(me, kind), daemon=True)
            for me, kind in enumerate(kinds)]

    def start(self):
        for thread in self._threads:
            thread.start()

    def _run(self, me, kind):
        try:
            with self.daemon.client(f"{self.side}-{me}") as client:
                while not self.over.is_set():
                    self._cycle(client, me, kind)
        except Exception as err:  # pylint: disable=broad-except
            self.errors.append(f"{self.side}-{me}: {err}")

    def _cycle(self, client, me, kind):
        pair = kind if "=" in kind else f"mode={kind}"
        letter = {"x": "x", "s": "r"}.get(kind, "n")
        granted = client.lock(self.name, pair, within_s=PATIENCE_S)
        inside = self.register.enter(letter, f"{self.side}-{me}")
        if letter == "x":
            self.tokens.append((time.monotonic(), granted.token))
        time.sleep(HOLD_MS / 1000)
        self.register.leave(inside)
        client.unlock(self.name)
        self.grants += 1  # one thread at a time adds: the others sleep

    def finish(self):
        self.over.set()
        for thread in self._threads:
            thread.join(PATIENCE_S)
            if thread.is_alive():
                self.errors.append(f"{self.side}: a client hangs")
        return {"grants": self.grants, "errors": self.errors,
                "overlaps": self.register.overlaps}


class Program:
    """Contenders of somebody else, in a process of their own."""

    def __init__(self, side, argv):
        self.side = side
        self.process = proc.Process(argv, stdin=subprocess.PIPE,
                                    stdout=subprocess.PIPE)

    def ready(self):
        if self.process.stdout.readline() != b"ready\n":
            raise AssertionError(f"{self.side} does not get ready")

    def start(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def finish(self):
        self.process.stdin.close()
        text = self.process.stdout.read().decode()
        self.process.wait(PATIENCE_S)
        return json.loads(text.splitlines()[-1])


class Arena(unittest.TestCase):
    """One server and two daemons a class."""

    shares = {}
    keys = {}

    @classmethod
    def setUpClass(cls):
        cls.server = zk.Server().start()
        cls.hosts = [Daemon(cls.server.address, host=name, root="/zkl",
                            shares=cls.shares, **cls.keys).start()
                     for name in ("host1", "host2")]
        cls.observer = zkwire.Client(cls.server.address)

    @classmethod
    def tearDownClass(cls):
        cls.observer.close()
        for host in cls.hosts:
            host.stop()
        cls.server.stop()

    # Sides.

    def kazoo(self, path, folder, kinds, slots=0):
        return Program("kazoo", [
            "/usr/bin/python3", f"{HERE}/contender_kazoo.py", kinds,
            self.server.address, path, folder, str(HOLD_MS), str(slots)])

    def curator(self, path, folder, kinds, slots=0, hold_ms=HOLD_MS):
        if not hasattr(Arena, "classes"):
            Arena.classes = compile_contender()
        return Program("curator", [
            "java", *_JAVA, "-cp", f"{Arena.classes}:{CURATOR}",
            "Contender", kinds, self.server.address, path, folder,
            str(hold_ms), str(slots)])

    # The contest.

    def contest(self, path, kinds, strangers, slots=0):
        """kinds: of each host's clients.  strangers: (make, kinds) each.
        What everybody did, by side, and judged."""
        folder = proc.folder("zkl-inside")
        sides = [Host(host, path, folder, kinds, slots)
                 for host in self.hosts]
        for make, words in strangers:
            sides.append(make(path, folder, words, slots))
            sides[-1].ready()
        for side in sides:
            side.start()
        time.sleep(RUN_S)
        done = {side.side: side.finish() for side in sides}
        print(f"\n  {path}: " + ", ".join(
            f"{name} {one['grants']}" for name, one in done.items())
            + f" grants in {RUN_S} s", flush=True)
        self.judge(path, done)
        self.judge_tokens(sides)
        self.nothing_left(path)
        return done

    def judge(self, path, done):
        total = sum(one["grants"] for one in done.values())
        for name, one in done.items():
            self.assertEqual(one["errors"], [], name)
            self.assertEqual(one["overlaps"], [], f"{name} was not alone")
            self.assertGreaterEqual(
                one["grants"], LEAST_PART * total,
                f"{name} at {path}: {done}")
        self.assertGreater(total, GRANTS_PER_S * RUN_S)
        for host in self.hosts:
            self.assertEqual(host.rows("STATS")["lost_total"], "0")

    def judge_tokens(self, sides):
        taken = sorted(sum((side.tokens for side in sides
                            if isinstance(side, Host)), []))
        for (_, sooner), (_, later) in zip(taken, taken[1:]):
            self.assertGreater(later, sooner, "tokens grow")

    def bids(self, path):
        """What stands at a lock's node, or at both of a semaphore's."""
        found = self.observer.children(path)
        for part in ("locks", "leases"):
            if part in found:
                found.remove(part)
                found += self.observer.children(f"{path}/{part}")
        return found

    def nothing_left(self, path):
        proc.wait_until(lambda: not self.bids(path), LEFT_S,
                        f"{path} is empty, not {self.bids(path)}")
        above, name = path.rsplit("/", 1)
        mine = [one for one in self.observer.children(above)
                if one.startswith(name)]
        self.assertIn(mine, ([], [name]), "nothing beside it either")
