#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Rotation under faults: two runners of h1 hand one lock on in one write, so
that a bid has had its 1024 turns several times a second and ownership slides
onto the next one; meanwhile h2 asks now and then, and the wire is harmed.
Bids linger and batch as they do by default."""
import os
import signal
import time
import unittest

from faultcase import NIGHTLY, SLACK_S, FaultCase, proc, zkwire

from daemon import TICK_MS
import historyfile

HERE = os.path.dirname(os.path.abspath(__file__))
ROUNDS = 20 if NIGHTLY else 6
SLIDES = 6  # that must be seen before and after a harm
GROWS_S = 30  # on a loaded machine
THINK_MS = 600  # h2's, at most: room for slides in between
DELAY_MS = 5  # of h1's wire, both ways, up to twice that: slides take a while


class RotationTest(FaultCase):

    RANGE = {"session_timeout_ms": 6000, "hosts": 2}

    @classmethod
    def make_range(cls):
        made = super().make_range()
        made.hosts[0].through_proxies(made.servers)
        return made

    def setUp(self):
        super().setUp()
        self.h1, self.h2 = self.hosts
        self.folder = proc.folder("zkl-rotation")
        self.files = []
        self.seed = 0
        self.story = historyfile.Writer(self.file("main"))
        for link in self.h1.proxies.values():
            link.delay(DELAY_MS, DELAY_MS)
        self.addCleanup(self.watch().kill)
        self.tree = self.range.observer(self.range.wait_leader())
        self.addCleanup(self.tree.drop)
        self.story.line("heal")
        self.before = {key: self.count(self.h1, key)
                       for key in ("slides_total", "yields_total")}
        self.runners = self.relay(self.h1, 2, 0)
        self.asker = self.relay(self.h2, 1, THINK_MS)
        self.goes_on()

    def file(self, name):
        self.files.append(f"{self.folder}/{name}.history")
        with open(self.files[-1], "wb"):
            return self.files[-1]

    def python(self, program, *argv):
        return ["/usr/bin/python3", f"{HERE}/{program}", *argv]

    def watch(self):
        """Pages and nodes, seen by nobody's daemon."""
        with self.island.inside():
            return proc.Process(self.python(
                "soak_watch.py", self.file("watch"), self.range.address,
                self.root, *[f"{host.node}={host.keys['state_dir']}/lease"
                             for host in self.hosts], "--", self.name),
                log=f"{self.folder}/watch.log")

    def relay(self, host, count, think_ms):
        self.seed += 1
        return host.spawn(self.python(
            "relay.py", host.socket, f"{host.node}/c", str(count),
            str(think_ms), str(self.seed), self.file(host.node), self.name),
            log=f"{self.folder}/relay.log")

    def count(self, host, key):
        return int(host.rows("STATS")[key])

    def grows(self, host, key, more):
        """How long until that counter has grown so much."""
        begin_s = time.monotonic()
        wanted = self.count(host, key) + more
        proc.wait_until(
            lambda: self.count(host, key) >= wanted
            and self.runners.alive() and self.asker.alive(),
            GROWS_S, f"{host.node}: {more} more of {key}", 0.02)
        return time.monotonic() - begin_s

    def goes_on(self):
        """Ownership slides, and h2 is served; how long slides took."""
        took_s = self.grows(self.h1, "slides_total", SLIDES)
        self.grows(self.h2, "grants_bid_total", 2)
        return took_s

    def moved(self, links, within_s):
        """h1 has lost its link since then, and has one again."""
        proc.wait_until(
            lambda: self.count(self.h1, "disconnects_total") > links
            and self.h1.state() == "connected", within_s, "moved", 0.02)

    def judged(self):
        """Everybody gives back, nothing is left, every promise was kept.
        All holds in order."""
        grown = {key.split("_")[0]: self.count(self.h1, key) - before
                 for key, before in self.before.items()}
        for crowd in (self.runners, self.asker):
            crowd.signal(signal.SIGUSR1)
        for crowd in (self.runners, self.asker):
            self.assertEqual(crowd.wait(30), 0)
        self.wait_queue(0)
        self.story.line("end")
        seen = historyfile.read(self.files)
        verdict = historyfile.Verdict(seen, self.range.session_s * 1000,
                                      TICK_MS)
        self.assertEqual(verdict.findings()[:5], [])
        self.assertGreater(seen.witnessed(), len(seen.holds) // 2)
        self.assertGreater(grown["yields"], 0, "nobody waited behind h1")
        holds = sorted(seen.holds, key=lambda hold: hold.begin_ms)
        self.measured(
            grants=len(holds), bids=len({hold.node for hold in holds}),
            h2_grants=sum(hold.who.startswith("h2") for hold in holds),
            **grown)
        return holds

    def harmed(self, harm):
        """h1's server is harmed: it goes to another one and on."""
        server = self.range.server_of(self.h1)
        links = self.count(self.h1, "disconnects_total")
        self.story.line("fault", what="server")
        harm(server)
        begin_s = time.monotonic()
        self.moved(links, 2 * self.range.session_s / 3 + 1 + SLACK_S)
        self.assertIsNot(self.range.server_of(self.h1), server)
        moved_s = time.monotonic() - begin_s
        self.measured(moved=moved_s, slid_after=self.goes_on())
        self.range.mend()
        self.story.line("heal")
        self.judged()

    def test_f01_slides_over_a_cut(self):
        """F1: h1 is cut from its server."""
        self.harmed(lambda server:
                    self.island.cut(self.h1.node, server.node))

    def test_f06_slides_over_a_killed_server(self):
        """F5, F6: the server of h1 is killed, be it the leader or not."""
        self.harmed(lambda server: server.kill())

    def newest(self):
        """h1's last bid in the queue."""
        parent, session = f"{self.root}/{self.name}", self.h1.session_id()
        self.tree.sync()
        paths = [f"{parent}/{node}" for node in
                 zkwire.queue_of(self.tree, parent)]
        stats = [(self.tree.exists(path), path) for path in paths]
        return [path for stat, path in stats
                if stat and stat.owner == session][-1]

    def test_f21_the_next_bids_create_is_lost(self):
        """F21: the next bid's create is applied and its answer lost; it is
        adopted, and ownership slides onto it, unless h2 has come before
        that."""
        adopted = set()
        for _ in range(ROUNDS):
            links = self.count(self.h1, "disconnects_total")
            link = self.h1.proxies[self.range.server_of(self.h1).node]
            gate = link.swallow_create()
            gate.wait()
            adopted.add(self.newest())
            self.moved(links, self.range.session_s + SLACK_S)
            self.grows(self.h1, "slides_total", 1)
        self.goes_on()
        holds = self.judged()
        slid = [now.node for then, now in zip(holds, holds[1:])
                if now.node in adopted and now.node != then.node
                and then.who.startswith("h1")]
        self.measured(adopted=len(adopted), slid_onto=len(slid))
        self.assertTrue(slid)


if __name__ == "__main__":
    unittest.main()
