#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The way to the servers: names that do not resolve, or resolve late, or to
something else (F29); servers that reset, are silent or talk nonsense (F31).
"""
import time
import unittest

import rogue
from faultcase import NIGHTLY, SLACK_S, FaultCase, proc

LOOK_S = 30.0 if NIGHTLY else 6.0
PHASE_S = 20.0 if NIGHTLY else 4.0
STALL_MS = 1000  # a resolver that blocks takes five seconds


class NamesTest(FaultCase):

    RANGE = {"session_timeout_ms": 6000, "hosts": 2}

    @classmethod
    def make_range(cls):
        made = super().make_range()
        cls.names = {f"{server.node}.test": server.ip
                     for server in made.servers}
        host = made.hosts[0]
        with made.island.inside(host.node):
            cls.dns = rogue.NameServer(cls.names)
        host.keys["servers"] = ",".join(
            f"{name}:2181" for name in cls.names)
        host.keys["nameserver"] = cls.dns.address
        return made

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        cls.dns.close()

    def tearDown(self):
        self.dns.dead, self.dns.delay_s = False, 0.0
        self.dns.names = dict(self.names)
        super().tearDown()

    def longest_stall_ms(self, client, for_s):
        """The worst round trip of a PING, one every 5 ms."""
        worst = 0.0
        end_s = time.monotonic() + for_s
        while time.monotonic() < end_s:
            begin_s = time.monotonic()
            client.sync()
            worst = max(worst, time.monotonic() - begin_s)
            time.sleep(0.005)
        return worst * 1000

    def without_names(self, what):
        """Servers are lost and found again by the addresses of before, and
        the loop does not wait for a name."""
        h1 = self.hosts[0]
        holder = self.client(h1)
        entry = self.hold(holder)
        server = self.range.server_of(h1)
        self.island.cut(h1.node, server.node, "prohibit")
        worst_ms = self.longest_stall_ms(holder, LOOK_S)
        self.still_holds(holder, entry)
        self.assertEqual(h1.state(), "connected")
        self.assertIsNot(self.range.server_of(h1), server)
        self.assertLess(worst_ms, STALL_MS)
        self.measured(names=what, longest_stall_ms=f"{worst_ms:.1f}")
        self.release(holder, entry)

    def test_f29_name_server_dead(self):
        """F29: old addresses are kept; no stall."""
        self.dns.dead = True
        self.without_names("dead")

    def test_f29_name_server_slow(self):
        """F29: 30 s for an answer; the same."""
        self.dns.delay_s = 30.0
        self.without_names("slow")

    def test_f29_names_changed(self):
        """F29: the names lead nowhere at the start, and are put right: it
        connects by itself."""
        h1 = self.hosts[0]
        h1.stop()
        self.dns.names = {name: "10.77.0.99" for name in self.names}
        h1.launch()
        h1.wait_ready("connecting")
        time.sleep(1)
        client = self.client(h1)
        tag = client.ask(f"LOCK {self.name}")
        client.queued(tag)
        self.dns.names = dict(self.names)
        begin_s = time.monotonic()
        entry = self.hold(client, tag=tag, within_s=60)
        took_s = time.monotonic() - begin_s
        self.assertLess(took_s, 30)
        self.measured(granted=took_s)
        self.release(client, entry)


class RogueTest(FaultCase):

    RANGE = {"session_timeout_ms": 6000, "hosts": 2}

    @classmethod
    def make_range(cls):
        made = super().make_range()
        host = made.hosts[0]
        with made.island.inside(host.node):
            cls.rogues = [rogue.Rogue(server.address, i)
                          for i, server in enumerate(made.servers)]
        host.keys["servers"] = ",".join(one.address for one in cls.rogues)
        return made

    @classmethod
    def tearDownClass(cls):
        super().tearDownClass()
        for one in cls.rogues:
            one.close()

    def tearDown(self):
        for one in self.rogues:
            one.become(rogue.FORWARD)
        super().tearDown()

    def become(self, modes):
        for one, mode in zip(self.rogues, modes):
            one.become(mode)

    def nobody_serves(self, what, *modes):
        """Told in time, LOST at D, hardly any CPU, attempts apart; served
        again when somebody is there."""
        h1 = self.hosts[0]
        holder = self.client(h1)
        entry = self.hold(holder)
        self.become(modes)
        self.suspended(holder, entry)
        lost = self.lost(holder, entry)
        self.assertEqual(lost["reason"], "deadline")
        spent_s, begin_s = h1.process.cpu_s(), time.monotonic()
        tries = sum(one.accepted for one in self.rogues)
        time.sleep(PHASE_S)
        over_s = time.monotonic() - begin_s
        cpu = (h1.process.cpu_s() - spent_s) / over_s
        tries = (sum(one.accepted for one in self.rogues) - tries) / over_s
        self.become([rogue.FORWARD] * 3)
        begin_s = time.monotonic()
        again = self.hold(holder, within_s=60)
        back_s = time.monotonic() - begin_s
        self.measured(servers=what, cpu=f"{cpu * 100:.2f}%",
                      tries_a_second=f"{tries:.1f}", back=back_s)
        self.assertLess(cpu, 0.05)
        self.assertLess(tries, 60)
        self.assertLess(back_s, 5 + self.range.session_s + SLACK_S)
        self.assertGreater(again.token, entry.token)
        self.release(holder, again)

    def test_f31_reset_by_all(self):
        """F31: every connection is reset: backing off, no spin."""
        self.nobody_serves("reset", *[rogue.RESET] * 3)

    def test_f31_tarpits(self):
        """F31: all accept and are silent."""
        self.nobody_serves("silent", *[rogue.SILENT] * 3)

    def test_f31_garbage(self):
        """F31: all talk, and it is not ZooKeeper."""
        self.nobody_serves("garbage", *[rogue.GARBAGE] * 3)
        self.assertIn("event=zk_not_zookeeper", self.hosts[0].log_text())

    def test_f31_one_of_each(self):
        """F31: a reset, nonsense and a proper server: it finds the one, in
        time, and no nonsense is taken for the end of its session."""
        h1 = self.hosts[0]
        holder = self.client(h1)
        entry = self.hold(holder)
        self.become([rogue.RESET, rogue.GARBAGE, rogue.FORWARD])
        self.suspended(holder, entry)
        self.resumed(holder, entry)
        self.assertEqual(h1.server(), self.rogues[2].address)
        self.release(holder, entry)

    def test_f31_refused_by_all(self):
        """F31: nobody listens at all: the cable is in, the ports are shut.
        """
        h1 = self.hosts[0]
        for server in self.range.servers:
            self.island.cut(h1.node, server.node, "prohibit")
        self.nobody_serves_refused(h1)

    def nobody_serves_refused(self, host):
        holder = self.client(host)
        proc.wait_until(lambda: host.state() != "connected", 20, "noticed")
        spent_s, begin_s = host.process.cpu_s(), time.monotonic()
        time.sleep(PHASE_S)
        cpu = (host.process.cpu_s() - spent_s) / (
            time.monotonic() - begin_s)
        self.island.heal()
        begin_s = time.monotonic()
        entry = self.hold(holder, within_s=60)
        self.measured(servers="refused", cpu=f"{cpu * 100:.2f}%",
                      back=time.monotonic() - begin_s)
        self.assertLess(cpu, 0.05)
        self.release(holder, entry)


if __name__ == "__main__":
    unittest.main()
