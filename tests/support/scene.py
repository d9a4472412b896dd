#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""scene - what tests/try.sh shows: a private ZooKeeper, two hosts, ten tasks
at one lock, a hand-over from host to host, a killed holder, and the proof.

Usage: scene.py --state FILE [--keep | --stop]
"""
import argparse
import os
import re
import select
import signal
import subprocess
import sys
import threading
import time

import history
import proc
import zk
import zkwire
from daemon import Daemon
from e2ecase import Typist

ROOT = "/try"
HAND_OVERS = 20
HOLD_MS = 1000
TASKS = 10
TASKS_LATEST_S = 60
GONE_S = 5  # a linger is a fifth of a second


def say(text=""):
    print(text, flush=True)


class Scene:
    """Servers, hosts, and everything that was seen of grants."""

    def __init__(self):
        self.began_ms = proc.now_ms()
        self.history = history.History()
        self.server = zk.Server()
        self.hosts = []
        self.observer = None
        self.figures = []

    def at(self):
        return f"{(proc.now_ms() - self.began_ms) / 1000:7.3f} s"

    def tell(self, text):
        say(f"  {self.at()}  {text}")

    def start(self):
        say("A private ZooKeeper and two hosts")
        self.server.start()
        self.tell(f"ZooKeeper serves at {self.server.address}")
        for name in ("host1", "host2"):
            host = Daemon(self.server.address, host=name, root=ROOT)
            self.hosts.append(host.start())
            self.tell(f"zklockd of {name}: {host.socket}, session "
                      f"{host.session_id():#x}")
        self.observer = zkwire.Client(self.server.address)

    def stop(self):
        if self.observer:
            self.observer.close()
        for host in self.hosts:
            host.stop()
        self.server.stop()

    # The ten tasks.

    def ten_tasks(self, host, program, what):
        """Run one of the two examples live, and take its word for when
        each task held the lock: 'task=3 token=... granted_ms=...'."""
        say()
        say(f"{what} on {host.keys['host']}: {TASKS} tasks, one lock, "
            f"{HOLD_MS / 1000:g} s each")
        name = what.split(" ")[0].replace(".", "_")
        task = proc.Process(
            program + ["-S", host.socket, "-l", name, "-m", str(HOLD_MS),
                       "-n", str(TASKS)], stdout=subprocess.PIPE)
        lines = []
        total_ms = 0
        for raw in task.stdout:
            text = raw.decode().rstrip()
            self.tell(text)
            words = {key: int(value)
                     for key, value in re.findall(r"(\w+)=(\d+)", text)}
            total_ms = words.get("total_ms", total_ms)
            if "granted_ms" in words:
                lines.append((proc.now_ms(), words))
        code = task.wait(TASKS_LATEST_S)
        if code != 0 or len(lines) != TASKS:
            raise SystemExit(f"{what}: exit code {code}, "
                             f"{len(lines)} grants")
        self.note(name, lines)
        self.figures.append(
            f"{what}: {total_ms - TASKS * HOLD_MS} ms over the "
            f"{TASKS * HOLD_MS / 1000:g} s of holding: first grant and "
            f"{TASKS - 1} hand-overs")

    def note(self, name, lines):
        """Its times are counted from its own start, which no line can be
        read before."""
        start_ms = min(read_ms - words["released_ms"]
                       for read_ms, words in lines)
        for _, words in lines:
            hold = self.history.granted(
                name, f"task {words['task']}", words["token"],
                start_ms + words["granted_ms"], float("inf"))
            self.history.ended(hold, history.RELEASED,
                               start_ms + words["released_ms"])

    # Hand-overs between the hosts.

    def hand_over(self):
        say()
        say(f"Hand-over between hosts: {HAND_OVERS} times to and fro")
        name = "shared"
        clients = [host.client() for host in self.hosts]
        hold = self.grant(clients[0].lock(name), "host1")
        took_ms = []
        for turn in range(1, HAND_OVERS + 1):
            taker, giver = clients[turn % 2], clients[1 - turn % 2]
            tag = taker.enqueue(name)
            proc.wait_until(
                lambda: len(zkwire.queue_of(
                    self.observer, f"{ROOT}/{name}")) == 2, 10, "two bids")
            self.history.ended(hold, history.RELEASED, proc.now_ms())
            begin = time.monotonic()
            giver.unlock(name)
            reply = taker.granted(tag)
            took_ms.append((time.monotonic() - begin) * 1000)
            hold = self.grant(reply, f"host{turn % 2 + 1}")
            if turn <= 4:
                self.tell(f"host{turn % 2 + 1} has it {took_ms[-1]:.1f} ms "
                          f"after UNLOCK, token {reply.token}")
            elif turn == 5:
                self.tell(f"and {HAND_OVERS - 4} times more")
        self.history.ended(hold, history.RELEASED, proc.now_ms())
        clients[HAND_OVERS % 2].unlock(name)
        took_ms.sort()
        self.figures.append(
            f"hand-over between hosts: {took_ms[len(took_ms) // 2]:.1f} ms "
            f"in the middle, {took_ms[-1]:.1f} ms at most")
        for client in clients:
            client.close()

    def grant(self, reply, who):
        return self.history.granted_reply(reply, who, proc.now_ms())

    # A killed holder.

    def kill(self):
        say()
        say("A holder on host1 is killed with kill -9; host2 waits")
        name = "killed"
        holder = Typist(self.hosts[0])
        holder.say(f"LOCK {name}")
        text = holder.line()
        words = dict(re.findall(r"(\w+)=(\S+)", text))
        hold = self.history.granted(name, "the killed one",
                                    int(words["token"]), proc.now_ms(),
                                    int(words["until_ms"]))
        self.tell(f"pid {holder.process.pid} holds it, token "
                  f"{words['token']}")
        with self.hosts[1].client() as waiter:
            tag = waiter.enqueue(name)
            proc.wait_until(
                lambda: len(zkwire.queue_of(
                    self.observer, f"{ROOT}/{name}")) == 2, 10, "two bids")
            self.history.ended(hold, history.EOF, proc.now_ms())
            begin = time.monotonic()
            holder.process.signal(signal.SIGKILL)
            reply = waiter.granted(tag)
            took_ms = (time.monotonic() - begin) * 1000
            hold = self.grant(reply, "host2")
            self.tell(f"host2 has it {took_ms:.1f} ms after the kill, "
                      f"token {reply.token}")
            self.history.ended(hold, history.RELEASED, proc.now_ms())
            waiter.unlock(name)
        holder.kill()
        self.figures.append(f"a killed holder's lock is with the next host "
                            f"after {took_ms:.1f} ms")

    # The proof.

    def prove(self):
        say()
        say("Proof")
        by_name = {}
        for hold in sorted(self.history.holds,
                           key=lambda hold: hold.begin_ms):
            by_name.setdefault(hold.name, []).append(hold)
        for name, holds in by_name.items():
            gaps = [later.begin_ms - sooner.believed_until_ms()
                    for sooner, later in zip(holds, holds[1:])]
            grow = all(later.token > sooner.token
                       for sooner, later in zip(holds, holds[1:]))
            say(f"  {name}: {len(holds)} holds, smallest gap between two "
                f"{min(gaps):.2f} ms, tokens {'grow' if grow else 'FALL'}")
        left = self.left(by_name)
        for figure in self.figures:
            say(f"  {figure}")
        findings = self.history.check()
        for finding in findings:
            say(f"  WRONG: {finding}")
        say(f"  {len(self.history.holds)} grants, "
            f"{sum('overlap' in text for text in findings)} overlaps, "
            f"{sum('token' in text for text in findings)} token "
            f"inversions, {len(left)} nodes left behind")
        return not findings and not left

    def left(self, names):
        """Bids still in the tree once their linger has passed."""
        def nodes():
            return [node for name in names for node in
                    zkwire.queue_of(self.observer, f"{ROOT}/{name}")]
        try:
            proc.wait_until(lambda: not nodes(), GONE_S, "bids are gone")
        except TimeoutError:
            pass
        return nodes()

    def hints(self, state):
        zklock = proc.zklock()
        first, second = self.hosts
        say()
        say("It goes on running.  Two hosts to type at:")
        say(f"  {zklock} -S {first.socket} run backup -- sleep 20 &")
        say(f"  {zklock} -S {second.socket} run -v backup -- echo mine")
        say(f"  {zklock} -S {first.socket} list")
        say(f"  {zklock} -S {first.socket} status")
        say("or by hand: a line, an answer:")
        say(f"  socat - UNIX-CONNECT:{first.socket}")
        say(f"  LOCK backup      CHECK backup      UNLOCK backup      HELP")
        say(f"ZooKeeper serves at {self.server.address}, process "
            f"{self.server.process.pid}; the locks are nodes below {ROOT}")
        for host in self.hosts:
            say(f"  zklockd of {host.keys['host']}: process "
                f"{host.process.pid}, log {host.log}")
        say(f"To end it:  sh tests/try.sh --stop    (process {os.getpid()},"
            f" noted in {state})")


def play(scene):
    scene.start()
    scene.ten_tasks(scene.hosts[0], [proc.ten_tasks()], "ten_tasks (C)")
    scene.ten_tasks(scene.hosts[1], proc.ten_tasks_py(),
                    "ten_tasks.py (asyncio)")
    scene.hand_over()
    scene.kill()
    return scene.prove()


def keep(state):
    """The scene in a process of its own that stays; we leave when the
    proof is printed."""
    reader, writer = os.pipe()
    if os.fork():
        os.close(writer)
        try:
            told = os.read(reader, 1)
        except KeyboardInterrupt:
            os._exit(130)  # the play ends with us
        sys.stdout.flush()
        os._exit(0 if told == b"1" else 1)
    os.close(reader)
    os.setsid()
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    with open(state, "w", encoding="ascii") as out:
        out.write(f"{os.getpid()} {start_time(os.getpid())}\n")
    played = threading.Event()
    threading.Thread(target=end_with, args=(writer, played),
                     daemon=True).start()
    scene = Scene()
    good = play(scene)
    scene.hints(state)
    null = os.open(os.devnull, os.O_RDWR)
    played.set()
    os.write(writer, b"1" if good else b"0")
    for number in (0, 1, 2):
        os.dup2(null, number)
    os.close(writer)
    while True:
        signal.pause()


def end_with(writer, played):
    """Whoever watches the play may leave (^C): then it is over."""
    poll = select.poll()
    poll.register(writer, 0)
    poll.poll()  # nothing else is asked for: the other end is closed
    if not played.is_set():
        os.kill(os.getpid(), signal.SIGTERM)


def start_time(pid):
    """Tells a process from a later one with the same id; '' when gone."""
    try:
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rsplit(b")", 1)[1].split()[19].decode()
    except OSError:
        return ""


def stop(state):
    try:
        with open(state, encoding="ascii") as back:
            pid, born = back.read().split()
    except (OSError, ValueError):
        born = ""
    if not born or start_time(pid) != born:
        say("nothing is running")
        return
    os.kill(int(pid), signal.SIGTERM)
    proc.wait_until(lambda: start_time(pid) != born, 30, "it ended")
    os.unlink(state)
    say("ended")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--state", required=True)
    parser.add_argument("--keep", action="store_true")
    parser.add_argument("--stop", action="store_true")
    asked = parser.parse_args()
    if asked.stop:
        return stop(asked.state)
    if asked.keep:
        stop(asked.state)
        return keep(asked.state)
    scene = Scene()
    try:
        good = play(scene)
        scene.stop()
    except KeyboardInterrupt:
        return 130
    say()
    say("good: every promise shown was kept" if good else "NOT good")
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
