#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""peer_kazoo - kazoo's Lock under the workloads of tests/bench.

    peer_kazoo.py cycle SERVERS SECONDS       one client, one lock
    peer_kazoo.py crowd SERVERS SECONDS N     N processes, one lock
    peer_kazoo.py many  SERVERS SECONDS N     N threads, N locks, one session
    peer_kazoo.py tasks SERVERS HOLD_S N      N threads, one lock, held once

One line of JSON, as the drivers in C print it.
"""
import json
import logging
import mmap
import os
import struct
import sys
import threading
import time

from kazoo.client import KazooClient
from kazoo.recipe.lock import Lock

logging.disable(logging.CRITICAL)
ROOT = "/bench-kazoo"


def attach(servers):
    client = KazooClient(hosts=servers, timeout=20)
    client.start(60)
    return client


def quantile(times_s, part):
    if not times_s:
        return 0.0
    times = sorted(times_s)
    return times[min(len(times) - 1, int(part * len(times)))] * 1e6


def show(cycles, seconds, times_s, counts=()):
    print(json.dumps({
        "cycles": cycles, "seconds": seconds, "rate": cycles / seconds,
        "p50_us": quantile(times_s, 0.5), "p99_us": quantile(times_s, 0.99),
        "fewest": min(counts, default=0), "most": max(counts, default=0)}))


def cycle(servers, seconds):
    client = attach(servers)
    lock = Lock(client, ROOT + "/cycle")
    times_s = []
    with lock:
        pass
    start = last = time.monotonic()
    while last - start < seconds:
        with lock:
            pass
        now = time.monotonic()
        times_s.append(now - last)
        last = now
    show(len(times_s), last - start, times_s)
    client.stop()


def member(servers, shared, me, end_file):
    """One process of a crowd: counts into its slot, times into a file."""
    client = attach(servers)
    lock = Lock(client, ROOT + "/crowd")
    times_s, grants = [], 0
    struct.pack_into("q", shared, 16 + 8 * me, 1)
    while struct.unpack_from("q", shared, 0)[0] == 0:
        time.sleep(0.002)
    while struct.unpack_from("q", shared, 0)[0] == 1:
        lock.acquire()
        now = time.monotonic_ns()
        released = struct.unpack_from("q", shared, 8)[0]
        if struct.unpack_from("q", shared, 0)[0] == 1:
            grants += 1
            if released:
                times_s.append((now - released) / 1e9)
        struct.pack_into("q", shared, 8, time.monotonic_ns())
        lock.release()
    with open(end_file, "w", encoding="ascii") as out:
        json.dump([grants, times_s], out)
    os._exit(0)


def crowd(servers, seconds, n, folder):
    shared = mmap.mmap(-1, 16 + 8 * n)
    pids = []
    for me in range(n):
        pid = os.fork()
        if pid == 0:
            try:
                member(servers, shared, me, f"{folder}/{me}.json")
            finally:
                os._exit(1)
        pids.append(pid)
    while any(struct.unpack_from("q", shared, 16 + 8 * me)[0] == 0
              for me in range(n)):
        time.sleep(0.05)
    start = time.monotonic()
    struct.pack_into("q", shared, 0, 1)
    time.sleep(seconds)
    took = time.monotonic() - start
    struct.pack_into("q", shared, 0, 2)
    for pid in pids:
        os.waitpid(pid, 0)
    counts, times_s = [], []
    for me in range(n):
        with open(f"{folder}/{me}.json", encoding="ascii") as text:
            grants, some = json.load(text)
        counts.append(grants)
        times_s += some
    show(sum(counts), took, times_s, counts)


def many(servers, seconds, n):
    client = attach(servers)
    times_s, counts = [], []
    end = [time.monotonic() + 3600]

    def work(me):
        lock = Lock(client, f"{ROOT}/many-{me}")
        mine = []
        while time.monotonic() < end[0]:
            begin = time.monotonic()
            lock.acquire()
            mine.append(time.monotonic() - begin)
            lock.release()
        counts.append(sum(1 for _ in mine))
        times_s.extend(mine)

    threading.stack_size(256 * 1024)
    threads = [threading.Thread(target=work, args=(me,)) for me in range(n)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    end[0] = start + seconds
    for thread in threads:
        thread.join()
    show(sum(counts), time.monotonic() - start, times_s)
    client.stop()


def tasks(servers, hold_s, n):
    """The scenario, with a lock that waits instead of polling: from the
    first thread that asks to the last that has released."""
    client = attach(servers)
    client.ensure_path(ROOT + "/tasks")
    slept = []

    def work():
        with Lock(client, ROOT + "/tasks"):
            begin = time.monotonic()
            time.sleep(hold_s)
            slept.append(time.monotonic() - begin)

    threads = [threading.Thread(target=work) for _ in range(n)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    took = time.monotonic() - start
    client.stop()
    print(json.dumps({"overhead_ms": (took - n * hold_s) * 1000,
                      "own_ms": (took - sum(slept)) * 1000,
                      "seconds": took, "cycles": n, "rate": n / took,
                      "p50_us": took / n * 1e6}))


def main():
    what, servers, amount = sys.argv[1:4]
    n = int(sys.argv[4]) if len(sys.argv) > 4 else 1
    if what == "cycle":
        cycle(servers, float(amount))
    elif what == "crowd":
        crowd(servers, float(amount), n, os.environ["BENCH_FOLDER"])
    elif what == "many":
        many(servers, float(amount), n)
    elif what == "tasks":
        tasks(servers, float(amount), n)
    else:
        sys.exit(f"peer_kazoo: unknown workload {what}")


if __name__ == "__main__":
    main()
