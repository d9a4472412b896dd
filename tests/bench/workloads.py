# SPDX-License-Identifier: MIT
"""workloads - what is measured, and which ratios are made of it.

A group is a list of (name, workload) and a list of goals.  A round runs every
workload of a group once, in turn; a goal is made of the figures of one round.
So what the machine does beside us falls on both sides of a ratio.
"""
import json
import time

import proc
import zkwire
from stand import cpu_ns


class Goal:
    """must and summit: the figure to be reached; sense: '>=' or '<='."""

    def __init__(self, number, what, ratio, sense, must, summit):
        self.number, self.what, self.ratio = number, what, ratio
        self.sense, self.must, self.summit = sense, must, summit

    def verdict(self, value):
        def reached(wanted):
            if wanted is None:
                return False
            return value >= wanted if self.sense == ">=" else value <= wanted
        if reached(self.summit):
            return "summit"
        return "must" if reached(self.must) else "missed"


def over(above, below, key="rate"):
    """The ratio of one figure of two workloads of a round."""
    return lambda figures: figures[above][key] / figures[below][key]


# warm: one client, one lock, no ZooKeeper trip

def _warm_cycle(stand, seconds):
    daemon = stand.daemon()
    before = cpu_ns(daemon.process)
    figures = stand.c("lines-cycle", daemon.socket, seconds,
                      pin=[daemon.process])
    figures["cpu_us"] = (cpu_ns(daemon.process) - before) / 1e3 \
        / figures["cycles"]
    return figures


def _floor_cycle(stand, seconds):
    floor = stand.floor()
    before = cpu_ns(floor)
    figures = stand.c("lines-cycle", floor.socket, seconds, pin=[floor])
    figures["cpu_us"] = (cpu_ns(floor) - before) / 1e3 / figures["cycles"]
    return figures


WARM = [
    ("zklockd", _warm_cycle),
    ("zklockd, paired", lambda stand, s: stand.c(
        "lines-pair", stand.daemon().socket, s,
        pin=[stand.daemon().process])),
    ("in memory", _floor_cycle),
    ("ping-pong", lambda stand, s: stand.c(
        "pingpong", s, pin=[stand.floor()])),
    ("Redis", lambda stand, s: stand.c(
        "redis-cycle", stand.redis().socket, s, pin=[stand.redis()])),
    ("flock", lambda stand, s: stand.c(
        "flock-cycle", stand.folder + "/file", s)),
    ("kazoo", lambda stand, s: stand.kazoo("cycle", s)),
    ("Curator", lambda stand, s: stand.curator("cycle", s)),
    ("etcd", lambda stand, s: stand.etcd_mutex("cycle", s)),
]

WARM_GOALS = [
    Goal("G1", "warm cycles, over kazoo", over("zklockd", "kazoo"),
         ">=", 10, 20),
    Goal("G1", "warm cycles, over etcd", over("zklockd", "etcd"),
         ">=", None, 12),
    Goal("G1", "warm cycles, over Redis", over("zklockd", "Redis"),
         ">=", None, 0.9),
    Goal("G1", "warm cycles, over Curator", over("zklockd", "Curator"),
         ">=", None, None),
    Goal("G1", "warm cycles, over flock", over("zklockd", "flock"),
         ">=", None, None),
    Goal("G1b", "UNLOCK+LOCK in one write, over kazoo",
         over("zklockd, paired", "kazoo"), ">=", 25, 45),
    Goal("G1c", "warm cycles over blocking ping-pongs, one core",
         over("zklockd", "ping-pong"), ">=", 0.30, 0.42),
    Goal("G9", "daemon CPU a warm cycle, over the in-memory server's",
         over("zklockd", "in memory", "cpu_us"), "<=", 2, 1.3),
]


# crowd: a hundred processes, one lock

CROWD_N = 100


def _crowd(stand, seconds):
    daemon = stand.daemon()
    before = stand.transactions()
    figures = stand.c("lines-crowd", daemon.socket, seconds, CROWD_N)
    figures["writes"] = stand.transactions() - before
    return figures


CROWD = [
    ("zklockd", _crowd),
    ("in memory", lambda stand, s: stand.c(
        "lines-crowd", stand.floor().socket, s, CROWD_N)),
    ("Redis", lambda stand, s: stand.c(
        "redis-crowd", stand.redis().socket, s, CROWD_N)),
    ("flock", lambda stand, s: stand.c(
        "flock-crowd", stand.folder + "/file", s, CROWD_N)),
    ("kazoo", lambda stand, s: stand.kazoo("crowd", s, CROWD_N)),
    ("Curator", lambda stand, s: stand.curator("crowd", s, CROWD_N)),
    ("etcd", lambda stand, s: stand.etcd_mutex("crowd", s, CROWD_N)),
]

CROWD_GOALS = [
    Goal("G2", "hand-over rate, 100 processes, over kazoo",
         over("zklockd", "kazoo"), ">=", 15, 30),
    Goal("G2", "gap p50, over kazoo's", over("zklockd", "kazoo", "p50_us"),
         "<=", 1 / 20, 1 / 35),
    Goal("G2", "hand-over rate, over Curator", over("zklockd", "Curator"),
         ">=", None, None),
    Goal("G2", "hand-over rate, over etcd", over("zklockd", "etcd"),
         ">=", None, None),
    Goal("G2", "hand-over rate, over Redis", over("zklockd", "Redis"),
         ">=", None, None),
    Goal("G2", "hand-over rate, over the in-memory server",
         over("zklockd", "in memory"), ">=", None, None),
    Goal("G2b", "most grants over fewest, of one process",
         lambda figures: figures["zklockd"]["most"]
         / max(1, figures["zklockd"]["fewest"]), "<=", 1.5, 1.05),
    Goal("G2b", "ZooKeeper writes a hand-over",
         lambda figures: figures["zklockd"]["writes"]
         / figures["zklockd"]["cycles"], "<=", 0.01, 0.001),
]


# over: from one daemon to another

# Short: over before the owner asks for its watches; long: it has them.
SHORT_HOLD_MS, LONG_HOLD_MS = 2, 20


def _over(stand, seconds, hold_ms=SHORT_HOLD_MS):
    one, two = stand.daemon("over-1"), stand.daemon("over-2")
    quiet = _quiet(stand)
    writes, requests = stand.transactions(), stand.requests()
    begin = time.monotonic()
    figures = stand.c("lines-over", one.socket, seconds, two.socket, hold_ms)
    took = time.monotonic() - begin
    for key, now, rate in (("writes", stand.transactions() - writes, quiet[0]),
                           ("requests", stand.requests() - requests,
                            quiet[1])):
        figures[key] = max(0.0, now - rate * took) / figures["cycles"]
    return figures


def _quiet(stand):
    """Writes and requests a second while both daemons hold, to be taken
    off: beats are no part of a hand-over."""
    def measure():
        ends = [stand.daemon(name).client() for name in ("over-1", "over-2")]
        for i, client in enumerate(ends):
            client.lock(f"quiet{i}")
        begin = time.monotonic()
        writes, requests = stand.transactions(), stand.requests()
        time.sleep(4)
        took = time.monotonic() - begin
        rates = ((stand.transactions() - writes) / took,
                 (stand.requests() - requests) / took)
        for client in ends:
            client.close()
        return rates
    return stand.get("quiet", measure)


OVER = [
    ("zklockd", _over),
    ("zklockd, held 20 ms", lambda stand, s: _over(stand, s, LONG_HOLD_MS)),
    ("raw", lambda stand, s: stand.c("raw-over", stand.servers(), s)),
]

OVER_GOALS = [
    Goal("G3", "hand-over between daemons, p50, over delete+event+listing",
         over("zklockd", "raw", "p50_us"), "<=", 1.5, 0.75),
    Goal("G3b", "requests of a contended cycle between daemons",
         lambda figures: figures["zklockd"]["requests"], "<=", 5, 4),
    Goal("G3b", "transactions of that cycle",
         lambda figures: figures["zklockd"]["writes"], "<=", 2.05, 2.01),
    Goal("G3b", "requests of such a cycle, held for 20 ms",
         lambda figures: figures["zklockd, held 20 ms"]["requests"],
         "<=", 5, 4),
]


# cold: one client, each cycle a bid

def _kazoo_cycle(stand, seconds):
    return stand.kazoo("cycle", seconds)


COLD = [
    ("zklockd, no linger", lambda stand, s: stand.c(
        "lines-cycle", stand.daemon("cold", linger_ms=0).socket, s)),
    ("raw pairs", lambda stand, s: stand.c(
        "raw-pairs", stand.servers(), s, 1)),
    ("kazoo", _kazoo_cycle),
]

COLD_GOALS = [
    Goal("G4", "cold cycles over raw create+delete pairs",
         over("zklockd, no linger", "raw pairs"), ">=", 0.8, 0.95),
    Goal("G4", "cold cycles over kazoo", over("zklockd, no linger", "kazoo"),
         ">=", None, 3),
]


# many: a thousand clients, a thousand locks

MANY_N = 1000

MANY = [
    ("zklockd, no linger", lambda stand, s: stand.c(
        "lines-many", stand.daemon("cold", linger_ms=0).socket, s, MANY_N)),
    ("zklockd, unbatched", lambda stand, s: stand.c(
        "lines-many", stand.daemon("unbatched", linger_ms=0,
                                   batch_ops_max=0).socket, s, MANY_N)),
    ("zklockd", lambda stand, s: stand.c(
        "lines-many", stand.daemon().socket, s, MANY_N)),
    ("raw pairs", lambda stand, s: stand.c(
        "raw-pairs", stand.servers(), s, MANY_N)),
    ("in memory", lambda stand, s: stand.c(
        "lines-many", stand.floor().socket, s, MANY_N)),
    ("Redis", lambda stand, s: stand.c(
        "redis-many", stand.redis().socket, s, MANY_N)),
    ("kazoo", lambda stand, s: stand.kazoo("many", s, MANY_N)),
    ("Curator", lambda stand, s: stand.curator("many", s, MANY_N)),
    ("etcd", lambda stand, s: stand.etcd_mutex("many", s, MANY_N)),
]

MANY_GOALS = [
    Goal("G5", "1000 cold locks, over raw pairs in flight",
         over("zklockd, no linger", "raw pairs"), ">=", 2, 4),
    Goal("G5", "1000 cold locks, over kazoo",
         over("zklockd, no linger", "kazoo"), ">=", None, 20),
    Goal("G5", "1000 cold locks, over Curator",
         over("zklockd, no linger", "Curator"), ">=", None, 6),
    Goal("G5", "1000 cold locks, over etcd",
         over("zklockd, no linger", "etcd"), ">=", None, 4),
    Goal("G5", "1000 cold locks, over the unbatched",
         over("zklockd, no linger", "zklockd, unbatched"), ">=", None, None),
    Goal("G5", "their p50, over the unbatched ones'",
         over("zklockd, no linger", "zklockd, unbatched", "p50_us"),
         "<=", None, 0.1),
    Goal("G5b", "1000 warm locks, over kazoo", over("zklockd", "kazoo"),
         ">=", 25, 45),
    Goal("G5b", "1000 warm locks, over Redis", over("zklockd", "Redis"),
         ">=", None, 0.9),
]


# spawn: a process that takes a lock and ends

SPAWN_N = 300


def _spawn(stand, _, *argv):
    return stand.c("spawn", SPAWN_N, *argv)


SPAWN = [
    ("/bin/true", lambda stand, s: _spawn(stand, s, "/bin/true")),
    ("lock and end", lambda stand, s: _spawn(
        stand, s, proc.program("zkl_once", "ZKL_ONCE", "tests/bench"),
        stand.daemon().socket)),
    ("flock f true", lambda stand, s: _spawn(
        stand, s, "/usr/bin/flock", stand.folder + "/file", "/bin/true")),
    ("zklock run", lambda stand, s: _spawn(
        stand, s, proc.zklock(), "-S", stand.daemon().socket, "run", "spawn",
        "--", "/bin/true")),
]

SPAWN_GOALS = [
    Goal("G6", "spawn, connect, LOCK, UNLOCK, end, over /bin/true",
         over("lock and end", "/bin/true", "p50_us"), "<=", 1.5, 1.15),
    Goal("G6", "zklock run over flock(1)",
         over("zklock run", "flock f true", "p50_us"), "<=", None, 1.2),
]


# idle: ten thousand clients

IDLE_N = 10000


def _idle(stand, _):
    """Of a daemon that never had a client: what an earlier crowd has left
    behind would take in the next one for nothing."""
    with stand.host("idle") as daemon:
        before = daemon.process.rss_kb()
        crowd = stand.start("lines-idle", daemon.socket, 0, IDLE_N)
        line = crowd.stdout.readline()
        if not line.startswith(b"{"):
            raise RuntimeError("the idle clients did not get in")
        grown = daemon.process.rss_kb() - before
        crowd.stdin.close()
        crowd.wait(60)
    return {"bytes": grown * 1024 / IDLE_N, "all_mb": (grown + before) / 1024,
            "rate": 0}


IDLE = [("zklockd", _idle)]

IDLE_GOALS = [
    Goal("G7", "bytes an idle client, 10 000 of them",
         lambda figures: figures["zklockd"]["bytes"], "<=", 4096, 1536),
    Goal("G7", "MB in all",
         lambda figures: figures["zklockd"]["all_mb"], "<=", None, 20),
]


# tasks: ten of them, a second each

TASKS_N = 10


def _writes_of(stand, path):
    """Writes for a lock so far, once nothing lingers there: the node counts
    those of its children and its own."""
    with zkwire.Client(stand.servers()) as tree:
        proc.wait_until(lambda: not tree.children(path), 20, "nobody lingers")
        stat = tree.exists(path)
    return stat.cversion + stat.version if stat else 0


def _tasks(stand, _):
    daemon = stand.daemon()
    path = daemon.keys["root"] + "/tasks"
    with daemon.client() as client:  # as for kazoo, the parent is there
        client.lock("tasks")
        client.unlock("tasks")
    before = _writes_of(stand, path)
    figures = stand.asyncio("locks", daemon.socket, 1, TASKS_N)
    figures["writes"] = _writes_of(stand, path) - before
    return figures


TASKS = [
    ("zklockd", _tasks),
    ("the sleeps alone", lambda stand, s: stand.asyncio(
        "sleeps", 1, TASKS_N)),
    ("kazoo", lambda stand, s: stand.kazoo("tasks", 1, TASKS_N)),
]

TASKS_GOALS = [
    Goal("G8", "overhead of ten tasks of a second, over kazoo's",
         over("zklockd", "kazoo", "overhead_ms"), "<=", 0.7, 1 / 3),
    Goal("G8", "ten asyncio sleeps and no lock, over that overhead",
         over("the sleeps alone", "zklockd", "overhead_ms"),
         "<=", None, None),
    Goal("G8", "overhead over kazoo's, without how late the sleeps end",
         over("zklockd", "kazoo", "own_ms"), "<=", None, None),
    Goal("G8", "ZooKeeper writes in all, without beats",
         lambda figures: figures["zklockd"]["writes"], "<=", None, 4),
]


# remote: a waiter elsewhere while a hundred hammer

def _remote(stand, seconds):
    here, there = stand.daemon("over-1"), stand.daemon("over-2")
    hammer = stand.start("lines-crowd", here.socket, seconds + 2, CROWD_N)
    time.sleep(1)
    figures = stand.c("lines-wait", there.socket, seconds)
    figures["local_gap_us"] = json.loads(hammer.stdout.read())["p50_us"]
    hammer.wait(30)
    return figures


REMOTE = [("zklockd", _over), ("a waiter elsewhere", _remote)]

# A host yields after so many turns or so long, whatever comes first.
TURNS_MAX, TURNS_MS = 64, 50


def _wait_over_bound(part, hand_overs):
    """The wait, over the yield and so many hand-overs between hosts."""
    def ratio(figures):
        remote = figures["a waiter elsewhere"]
        yield_us = min(TURNS_MS * 1000, TURNS_MAX * remote["local_gap_us"])
        return remote[part] / (yield_us
                               + hand_overs * figures["zklockd"]["p50_us"])
    return ratio


REMOTE_GOALS = [
    Goal("G10", "remote wait p50, over the yield and 3 hand-overs",
         _wait_over_bound("p50_us", 3), "<=", 1, None),
    Goal("G10", "remote wait p99, over the yield and 1.5 hand-overs",
         _wait_over_bound("p99_us", 1.5), "<=", None, 1),
]

GROUPS = {
    "warm": (WARM, WARM_GOALS),
    "crowd": (CROWD, CROWD_GOALS),
    "over": (OVER, OVER_GOALS),
    "cold": (COLD, COLD_GOALS),
    "many": (MANY, MANY_GOALS),
    "spawn": (SPAWN, SPAWN_GOALS),
    "idle": (IDLE, IDLE_GOALS),
    "tasks": (TASKS, TASKS_GOALS),
    "remote": (REMOTE, REMOTE_GOALS),
}
