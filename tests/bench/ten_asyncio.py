#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""ten_asyncio - the scenario, with the lock of client/examples/ten_tasks.py.

    ten_asyncio.py locks SOCKET HOLD_S N    N tasks, one lock, held once each
    ten_asyncio.py sleeps HOLD_S N          the same sleeps, and no lock

From the first task that asks to the last that has released: the same span as
of peer_kazoo.py tasks.  The interpreter, and the sessions with ZooKeeper, are
there before; the connection that each lock() makes is inside.  Of what it
took beyond N holds (overhead_ms) the sleeps themselves end late by a part, and
own_ms is the rest.
"""
import asyncio
import json
import os
import sys
import time

sys.path.insert(0, os.path.join(
    os.path.dirname(os.path.abspath(__file__)), "..", "..", "client",
    "examples"))

from ten_tasks import lock  # noqa: E402


async def sleep(hold_s, slept):
    begin = time.monotonic()
    await asyncio.sleep(hold_s)
    slept.append(time.monotonic() - begin)


async def locks(socket, hold_s, n, slept):
    async def work():
        async with lock("tasks", socket) as held:
            await sleep(hold_s, slept)
            if not held.is_held():
                sys.exit("the lock was lost")

    begin = time.monotonic()
    await asyncio.gather(*(work() for _ in range(n)))
    return time.monotonic() - begin


async def sleeps(hold_s, n, slept):
    begin = time.monotonic()
    for _ in range(n):
        await sleep(hold_s, slept)
    return time.monotonic() - begin


def main():
    what, *words = sys.argv[1:]
    hold_s, n, slept = float(words[-2]), int(words[-1]), []
    took = asyncio.run(locks(words[0], hold_s, n, slept) if what == "locks"
                       else sleeps(hold_s, n, slept))
    print(json.dumps({"overhead_ms": (took - n * hold_s) * 1000,
                      "own_ms": (took - sum(slept)) * 1000,
                      "seconds": took, "cycles": n, "rate": n / took,
                      "p50_us": took / n * 1e6}))


if __name__ == "__main__":
    main()
