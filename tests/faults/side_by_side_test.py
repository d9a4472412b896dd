#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Side by side: kazoo's Lock and zklockd, through one and the same cut.

A host and the follower that it is attached to are cut off from the leader and
everybody else.  On the cut side one lock is held through kazoo and one
through zklockd; on the healthy side a second contender waits for each.  The
follower goes on answering reads, so kazoo's holder sees its claim in the tree
long after the other was granted; zklockd's holder is told before.

Run by hand it draws the picture too:

    sudo /usr/bin/python3 tests/faults/side_by_side_test.py \\
        --picture tests/faults/side_by_side.svg

Ticks, syncLimit and kazoo are as they come; the session is four ticks for
both.  A session runs out on a boundary of the leader's ticks, so how long the
follower outlives it is chance: between nothing and a tick.  The cut is made
shortly before a boundary, where the window is wide; on a machine that is too
busy for that the scene is played again.  zklockd has to be in time in all of
them.
"""
import math
import re
import sys
import threading
import time
import unittest

import faultcase
import proc
from range import Range
from timeline import Timeline

TICK_MS = 2000  # ZooKeeper's own default, and syncLimit is 5 of them
SESSION_MS = 8000
LOCK = "report"
KAZOO_PATH = "/kazoo/report"
CUT_AT = 0.85  # of the leader's tick
PLAYS = 3
BEFORE_S = 2.0  # everybody holds and waits for so long before the cut
GRANT_S = 40


class Kazoo:
    """One sbs_kazoo.py on a host."""

    def __init__(self, host, servers):
        self.log = f"{host.folder}/kazoo.log"
        self.process = host.spawn(
            ["/usr/bin/python3", f"{proc.source_dir()}/tests/faults/"
             "sbs_kazoo.py", ",".join(one.address for one in servers),
             str(SESSION_MS / 1000), KAZOO_PATH], log=self.log)

    def said(self, what):
        """When, every time, in milliseconds."""
        with open(self.log, encoding="utf-8") as lines:
            told = [line.split(" ", 1) for line in lines.read().split("\n")
                    if line[:1].isdigit() and " " in line]
        return [float(at) for at, rest in told if rest == what]

    def version(self):
        with open(self.log, encoding="utf-8") as lines:
            return re.search(r" version (\S+)", lines.read()).group(1)

    def first(self, what, after_ms=0.0):
        return next((at for at in self.said(what) if at > after_ms), None)

    def wait(self, what, within_s=GRANT_S, after_ms=0.0):
        """When it first said so, after that time."""
        return proc.wait_until(lambda: self.first(what, after_ms),
                               within_s, f"kazoo says {what}", 0.02)


class Told:
    """Events of a connection with the time at which each was read."""

    def __init__(self, client):
        self._client = client
        self.at_ms = {}
        self.until_ms = None
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self):
        for word in ("SUSPENDED", "LOST"):
            event = self._client.event(word, GRANT_S)
            self.at_ms[word] = proc.now_ms()
            if word == "SUSPENDED":
                self.until_ms = event.until_ms

    def join(self):
        self._thread.join(GRANT_S)


def before_a_boundary():
    """Until shortly before a tick of every server's clock (which is the
    machine's CLOCK_MONOTONIC) ends."""
    tick_s = TICK_MS / 1000
    time.sleep((CUT_AT - time.monotonic() / tick_s) % 1.0 * tick_s)


class Scene:
    """h1 and a follower on one side, h2 and the others on the other."""

    def __init__(self, the_range):
        self.range = the_range
        self.far, self.near = the_range.hosts
        self.follower = the_range.followers()[0]
        self.others = [the_range.leader()]  # is cut off first
        self.others += [server for server in the_range.servers
                        if server not in (self.follower, *self.others)]
        the_range.place(self.far, self.follower)

    def play(self):
        kazoo = Kazoo(self.far, [self.follower])
        kazoo.wait("granted")
        self.version = kazoo.version()
        other_kazoo = Kazoo(self.near, self.others)
        other_kazoo.wait("state CONNECTED")
        holder = self.far.client("holder")
        granted = holder.lock(LOCK)
        waiter = self.near.client("waiter")
        tag = waiter.enqueue(LOCK)
        told = Told(holder)
        time.sleep(BEFORE_S)
        before_a_boundary()
        self.cut_ms = proc.now_ms()
        for one in (self.follower, self.far):
            for other in self.others:
                self.range.island.cut(one.node, other.node)
        self.second = waiter.granted(tag, GRANT_S)
        self.second_ms = proc.now_ms()
        self.first_token = granted.token
        told.join()
        self.told = told
        holder.close()
        waiter.close()
        self.kazoo_second_ms = other_kazoo.wait("granted")
        self.kazoo_told_ms = kazoo.wait("state SUSPENDED",
                                        after_ms=self.cut_ms)
        self.reads_ms = [at for at in kazoo.said("read")
                         if at > self.kazoo_second_ms]

    def at_s(self, at_ms):
        return (at_ms - self.cut_ms) / 1000

    def chart(self):
        """What happened, in seconds since the cut."""
        at_s = self.at_s
        end_s = math.ceil(max(at_s(self.second_ms),
                              at_s(self.kazoo_told_ms)) + 1)
        chart = Timeline("A host and its ZooKeeper server are cut off from "
                         "the others", -1.0, end_s)
        chart.line(0.0, "the cut")
        last_s = at_s(self.kazoo_told_ms)
        second_s = at_s(self.kazoo_second_ms)
        chart.row(f"kazoo {self.version}, Lock", head=True)
        row = chart.row("holder, cut off")
        row.bar(-1.0, min(second_s, last_s), "held", "believes it holds")
        if second_s < last_s:
            row.bar(second_s, last_s, "wrong", "both hold")
        row.mark(last_s, f"told at {last_s:.1f} s, {len(self.reads_ms)} good "
                         "reads after the other's grant")
        chart.row("waiter, healthy side").bar(second_s, end_s, "held",
                                              "granted")
        self._chart_ours(chart, end_s)
        return chart

    def _chart_ours(self, chart, end_s):
        at_s = self.at_s
        told_s = at_s(self.told.at_ms["SUSPENDED"])
        lost_s = at_s(self.told.at_ms["LOST"])
        second_s = at_s(self.second_ms)
        chart.row("zklockd", head=True)
        row = chart.row("holder, cut off")
        row.bar(-1.0, told_s, "held", "holds")
        row.bar(told_s, lost_s, "doubt", "still exclusive")
        row.mark(told_s, f"SUSPENDED at {told_s:.1f} s")
        row.mark(lost_s, f"LOST at {lost_s:.1f} s, {second_s - lost_s:.1f} s "
                         "before the other's grant")
        chart.row("waiter, healthy side").bar(second_s, end_s, "held",
                                              "granted")


def make_range():
    return Range(hosts=2, tick_ms=TICK_MS, session_timeout_ms=SESSION_MS)


class SideBySideTest(unittest.TestCase):

    @classmethod
    def setUpClass(cls):
        cls.scenes = played()

    def test_kazoo_reads_on_after_the_other_was_granted(self):
        scene = self.scenes[-1]
        self.assertGreater(len(scene.reads_ms), 0)
        self.assertGreater(scene.kazoo_told_ms, scene.kazoo_second_ms)

    def test_zklockds_holder_is_told_before(self):
        for scene in self.scenes:
            told = scene.told
            self.assertLess(told.at_ms["SUSPENDED"], told.until_ms)
            self.assertLess(told.at_ms["SUSPENDED"], told.at_ms["LOST"])
            self.assertLess(told.at_ms["LOST"], scene.second_ms)
            self.assertLess(told.until_ms, scene.second_ms)
            self.assertGreater(scene.second.token, scene.first_token)
            print(f"    measured: SUSPENDED "
                  f"{scene.second_ms - told.at_ms['SUSPENDED']:.0f} ms, "
                  f"LOST {scene.second_ms - told.at_ms['LOST']:.0f} ms "
                  "before the other's grant", file=sys.stderr)


def played():
    """Scenes; the last of them is one in which the follower outlived the
    session, unless that never came."""
    scenes = []
    while len(scenes) < PLAYS and not (scenes and scenes[-1].reads_ms):
        with make_range() as the_range:
            the_range.wait_leader()
            scenes.append(Scene(the_range))
            scenes[-1].play()
        print(scenes[-1].chart().text(), file=sys.stderr)
    return scenes


def draw(path):
    with open(path, "w", encoding="utf-8") as out:
        out.write(played()[-1].chart().svg())


if __name__ == "__main__":
    assert faultcase  # it knows where tests/support is
    if "--picture" in sys.argv[1:-1]:
        draw(sys.argv[sys.argv.index("--picture") + 1])
    else:
        unittest.main()
