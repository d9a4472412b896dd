#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""soak - many clients on few locks, random faults overlapping, and one
verdict: was every promise kept?

    soak.py --minutes N --seed S

Three real servers, three daemons, fifty clients a daemon.  Storms of faults
and calms take turns; what everybody saw is written down and judged at the
end (tests/support/history.py).  Exit code 0: all kept; 1: something broken,
and the history is kept in a file that is named.  Wants root.
"""
import argparse
import os
import queue
import random
import shutil
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import historyfile  # noqa: E402
import proc  # noqa: E402
import range as fault_range  # noqa: E402
import weather  # noqa: E402
import zkwire  # noqa: E402

HERE = os.path.dirname(os.path.abspath(__file__))
LOCKS = ["hot1", "hot2", "hot3", "hot4",
         "slow1", "slow2", "slow3", "slow4", "slow5", "slow6"]
PROCESSES = 2  # of clients, on each host
CLIENTS = 25  # in each of them
STORM_S = (12.0, 30.0)
LAST_ANSWERS_S = 60
ELECT_S = 120  # after a storm, on a loaded machine
CALL_S = 3.0  # a server that elects is asked again
FIRST_S = 3  # until everybody has got going
ROOT = "/zklock"


class Folk:
    """One process of clients; every life of it has its own name."""

    def __init__(self, soak, host, number):
        self.soak = soak
        self.host = host
        self.number = number
        self.lives = 0
        self.process = None
        self.who = ""
        self.launch()

    def launch(self):
        self.lives += 1
        self.who = f"{self.host.node}/c{self.number}.{self.lives}"
        path = self.soak.file(self.who.replace("/", "-"))
        self.process = self.host.spawn(
            ["/usr/bin/python3", f"{HERE}/soak_clients.py", self.host.socket,
             self.who, str(CLIENTS), f"{self.soak.seed} {self.who}", path,
             f"{self.soak.folder}/register", *LOCKS],
            log=f"{self.soak.folder}/clients.log")


class Soak:

    def __init__(self, minutes, seed):
        self.seed = seed
        self.minutes = minutes
        self.range = fault_range.Range()
        for server in self.range.servers:
            server.flags += ["-Dorg.slf4j.simpleLogger.showDateTime=true"]
        self.folder = proc.folder("zkl-soak")
        self.files = []
        self.random = random.Random(f"storms {seed}")
        self.history = historyfile.Writer(self.file("main"))
        self.deaths = []
        self.folks = []
        self.weather = None
        self.session_ms = self.range.keys["session_timeout_ms"]
        self.tick_ms = self.range.keys["server_tick_ms"]

    def file(self, name):
        """One more file of the history; who is to write it may die first."""
        self.files.append(f"{self.folder}/{name}.history")
        with open(self.files[-1], "wb"):
            return self.files[-1]

    @property
    def calm_s(self):
        """Long enough for the checker to call somebody stuck."""
        return (self.session_ms + self.tick_ms + 1000
                + historyfile.SLACK_MS) / 1000 + 1

    # The run.

    def run(self):
        with self.range:
            self._watch()
            self.folks += [Folk(self, host, number + 1)
                           for host in self.range.hosts
                           for number in range(PROCESSES)]
            self.weather = weather.Weather(self.range, self.folks,
                                           self.history, self.seed)
            end_s = time.monotonic() + 60 * self.minutes
            self._heal()
            self._rest(FIRST_S)
            while time.monotonic() < end_s:
                self._storm(min(end_s, time.monotonic()
                                + self.random.uniform(*STORM_S)))
                self._heal()
                self._rest(self.calm_s)
            self._finish()
        self.history.line("end")

    def _watch(self):
        with self.range.island.inside():
            proc.Process(
                ["/usr/bin/python3", f"{HERE}/soak_watch.py",
                 self.file("watch"), self.range.address, ROOT,
                 *[f"{host.node}={host.keys['state_dir']}/lease"
                   for host in self.range.hosts], "--", *LOCKS],
                log=f"{self.folder}/watch.log")

    def _storm(self, end_s):
        self.weather.storm()
        while time.monotonic() < end_s:
            due_s = self.weather.turn()
            self._count_deaths()
            time.sleep(max(0.0, min(0.2, due_s - time.monotonic())))

    def _heal(self):
        self.weather.calm_down()
        self.range.island.heal()
        for server in self.range.servers:
            server.wait_ready()
        proc.wait_until(self._commits, ELECT_S,
                        "the ensemble commits a write", 0.05)
        self.history.line("heal")

    def _commits(self):
        """Whether a session that is nobody's can write: after a storm the
        servers elect, and that time is theirs."""
        try:
            eyes = self.range.observer(self.random.choice(
                self.range.servers))
            try:
                eyes.set("/", b"")
                return True
            finally:
                eyes.close()
        except (OSError, zkwire.ZkError, queue.Empty):
            return False

    def _rest(self, for_s):
        end_s = time.monotonic() + for_s
        while time.monotonic() < end_s:
            self._count_deaths()
            time.sleep(0.2)

    def _count_deaths(self):
        """Nobody dies but by our hand."""
        for host in self.range.hosts:
            if not host.process.alive() \
                    and not self.weather.ended_by_us(host):
                self.deaths.append(
                    f"died: {host.node}'s daemon, with "
                    f"{host.process.popen.returncode}")
                host.launch()

    def _finish(self):
        """Everybody is answered, everything is given back."""
        for folk in self.folks:
            folk.process.signal(10)
        try:
            proc.wait_until(
                lambda: not any(folk.process.alive() for folk in self.folks),
                LAST_ANSWERS_S, "every client answered", 0.1)
        except TimeoutError:
            self.deaths.append("not at an end: " + ", ".join(
                folk.who for folk in self.folks if folk.process.alive()))
        for folk in self.folks:
            self.history.line("kill", folk.who)
            code = folk.process.kill()
            if code not in (0, -9):
                self.deaths.append(f"died: clients {folk.who}, with {code}")
        self._look_for_left_overs()

    def _look_for_left_overs(self):
        """Bids linger, and a dead daemon's session runs out; then nothing
        of ours is in the tree, and no daemon knows of a ticket."""
        eyes = self.range.observer(self.range.wait_leader())
        left = []

        def nothing():
            try:
                return look()
            except (OSError, zkwire.ZkError, queue.Empty):
                return False

        def look():
            left[:] = [f"{ROOT}/{lock}/{node}" for lock in LOCKS
                       for node in zkwire.queue_of(eyes, f"{ROOT}/{lock}")]
            for host in self.range.hosts:
                with host.client() as client:
                    left.extend(f"{host.node}:LIST:{row.split()[0]}"
                                for row in client.ok("LIST").rows)
            return not left

        try:
            proc.wait_until(nothing, self.calm_s, "nothing left", 0.1)
        except TimeoutError:
            for path in left:
                self.history.line("left", "watch", path=path)

    # The verdict.

    def judge(self):
        verdict = historyfile.Verdict(historyfile.read(self.files),
                                      self.session_ms, self.tick_ms)
        verdict.tell()
        self.deaths += self.weather.deaths
        for death in self.deaths:
            print(f"  {death}")
        faults = sum(self.weather.counts.values())
        print("faults: " + " ".join(
            f"{kind}={count}" for kind, count
            in sorted(self.weather.counts.items())))
        print(f"soak: minutes={self.minutes:g} seed={self.seed} "
              f"clients={len(self.folks) * CLIENTS} faults={faults} "
              f"ghosts={self._ghosts()} died={len(self.deaths)} "
              f"{verdict.line()}", flush=True)
        idle = []
        if verdict.seen.witnessed() * 4 < len(verdict.holds):
            idle.append("the observer saw the nodes of too few grants")
        if not verdict.seen.writes or not faults:
            idle.append("nothing was written, or nothing was broken")
        for what in idle:
            print(f"  {what}: this proves little")
        return not (verdict.findings() or self.deaths or idle)

    def _ghosts(self):
        """How often a daemon left a server that showed it one."""
        count = 0
        for host in self.range.hosts:
            with open(host.log, encoding="utf-8", errors="replace") as log:
                count += log.read().count("event=ghost ")
        return count

    def keep(self, folder):
        """The history as one file, and what the daemons said."""
        os.makedirs(folder, exist_ok=True)
        path = f"{folder}/soak-{self.seed}.history"
        with open(path, "w", encoding="utf-8") as out:
            for at_ms, event, who, keys in historyfile.lines_of(self.files):
                out.write(f"{at_ms:.3f} {event} {who}" + "".join(
                    f" {key}={value}" for key, value in keys.items()) + "\n")
        for host in self.range.hosts:
            shutil.copy(host.log, f"{folder}/soak-{self.seed}-{host.node}.log")
        for server in self.range.servers:
            shutil.copy(server.process.log,
                        f"{folder}/soak-{self.seed}-{server.node}.log")
        for name in ("clients.log", "watch.log"):
            shutil.copy(f"{self.folder}/{name}",
                        f"{folder}/soak-{self.seed}-{name}")
        return path


def main():
    zkwire._CALL_S = CALL_S
    words = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    words.add_argument("--minutes", type=float, default=5.0)
    words.add_argument("--seed", type=int, default=1)
    words.add_argument("--keep", metavar="FOLDER",
                       help="keep the history there, also of a good run")
    asked = words.parse_args()
    soak = Soak(asked.minutes, asked.seed)
    good = False
    try:
        soak.run()
        good = soak.judge()
    finally:
        if asked.keep or not good:
            folder = asked.keep or os.path.join(proc.build_dir(), "soak")
            print(f"history: {soak.keep(folder)}", flush=True)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
