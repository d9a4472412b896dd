#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""ten_tasks - one process, ten tasks that want the same lock at once.

A connection is an owner: each lock() has one of its own, and its end gives
the lock back whatever happens.  One line for each grant, as ten_tasks.c.
"""
import argparse
import asyncio
import contextlib
import os
import re
import sys
import time


# As the library has it.
SOCKET = os.environ.get("ZKLOCK_SOCKET", "/run/zklockd.sock")


def now_ms():
    """The clock of every deadline: it goes on while the machine sleeps."""
    return time.clock_gettime_ns(time.CLOCK_BOOTTIME) // 1_000_000


@contextlib.asynccontextmanager
async def lock(name, socket=SOCKET):
    """async with lock("name") as held: ...held.token, held.is_held()..."""
    reader, writer = await asyncio.open_unix_connection(socket)
    held = Hold(reader, writer)
    try:
        # Both at once: to ask for a lock nobody needs HELLO's answer.
        await asyncio.gather(
            held.ask("HELLO 1 client=ten_tasks.py lease=push"),
            held.ask(f"LOCK {name}"))
        yield held
        await held.ask(f"UNLOCK {name} token={held.token}")
    finally:
        held.reading.cancel()
        writer.close()


class Hold:
    """One connection, and what it holds."""

    def __init__(self, reader, writer):
        self.token = self.until_ms = 0
        self.writer, self.asked = writer, {}
        self.reading = asyncio.create_task(self._read(reader))

    def is_held(self):
        """Ask before each step that must not happen twice."""
        return now_ms() < self.until_ms

    async def ask(self, request):
        """The answer, or an exception for ERR and for the daemon's end."""
        if self.reading.done():
            raise ConnectionError("zklockd has gone")
        tag = f"#{request.split()[0]}"
        self.asked[tag] = asyncio.get_running_loop().create_future()
        self.writer.write(f"{tag} {request}\n".encode())
        answer = await self.asked[tag]
        if answer.startswith("ERR "):
            raise RuntimeError(answer)

    async def _read(self, reader):
        async for line in reader:
            tag, word, *rest = line.decode().split()
            pairs = dict(re.findall(r"(\w+)=(\S+)", " ".join(rest)))
            if word == "GRANTED":
                self.token, self.gen = int(pairs["token"]), pairs["gen"]
            if word == "GRANTED" or (word == "LEASE" and self.token and
                                     pairs["gen"] == self.gen):
                self.until_ms = int(pairs["until_ms"])
            elif word == "LOST":
                self.until_ms = 0
            if tag in self.asked and word not in ("-", "QUEUED"):
                self._answer(tag, line.decode()[len(tag) + 1:])
        self.until_ms = 0  # the end of the connection is the end of the hold
        for tag in list(self.asked):
            self._answer(tag, "ERR DISCONNECTED :zklockd has gone")

    def _answer(self, tag, text):
        answer = self.asked.pop(tag)
        if not answer.done():  # else its task was cancelled
            answer.set_result(text)


async def turn(number, args, start_ms):
    async with lock(args.l, args.S) as held:
        granted_ms = now_ms() - start_ms
        await asyncio.sleep(args.m / 1000)
        if not held.is_held():
            sys.exit("the lock was lost")
        print(f"task={number} token={held.token} granted_ms={granted_ms} "
              f"released_ms={now_ms() - start_ms}", flush=True)


async def main(args):
    start_ms = now_ms()
    await asyncio.gather(*(turn(n, args, start_ms) for n in range(args.n)))
    print(f"tasks={args.n} total_ms={now_ms() - start_ms}")


if __name__ == "__main__":
    p = argparse.ArgumentParser()
    p.add_argument("-S", default=SOCKET, help="socket")
    p.add_argument("-l", default="ten_tasks", help="lock")
    p.add_argument("-m", type=int, default=1000, help="hold, in ms")
    p.add_argument("-n", type=int, default=10, help="tasks")
    asyncio.run(main(p.parse_args()))
