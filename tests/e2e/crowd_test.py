#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""A thousand clients of two hosts over a hundred locks: no overlap, tokens
grow, every host serves in arrival order, everybody is served."""
import asyncio
import os
import random
import re
import resource
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import history  # noqa: E402
import proc  # noqa: E402
from e2ecase import E2eCase  # noqa: E402

CLIENTS, LOCKS, ROUNDS = 1000, 100, 3
SEED = 20
LATEST_S = 240


class Crowd:
    """All clients in one loop; what they saw goes into one history."""

    def __init__(self, seed):
        self.random = random.Random(seed)
        self.history = history.History()
        self.register = history.Register()
        self.order = {}  # (host, lock) -> ids in the order of their grants
        self.done = 0

    async def client(self, number, host):
        reader, writer = await asyncio.open_unix_connection(host.socket)
        who = f"c{number}"
        for _ in range(ROUNDS):
            await self.cycle(reader, writer, who, host)
        writer.close()
        await writer.wait_closed()
        self.done += 1

    async def cycle(self, reader, writer, who, host):
        name = f"crowd/{self.random.randrange(LOCKS)}"
        writer.write(f"LOCK {name}\n".encode())
        line = (await reader.readline()).decode()
        if line.startswith("QUEUED"):
            line = (await reader.readline()).decode()
        begin_ms = proc.now_ms()
        if not line.startswith(f"GRANTED {name} "):
            raise AssertionError(f"{who}: {line}")
        words = dict(re.findall(r"(\w+)=(\S+)", line))
        hold = self.history.granted(name, who, int(words["token"]),
                                    begin_ms, int(words["until_ms"]))
        self.register.write(name, hold.token)
        self.order.setdefault((host.socket, name), []).append(
            int(words["id"].lstrip("@")))
        await asyncio.sleep(self.random.random() * 0.004)
        self.history.ended(hold, history.RELEASED, proc.now_ms())
        writer.write(f"UNLOCK {name}\n".encode())
        line = (await reader.readline()).decode()
        if not line.startswith(f"RELEASED {name} "):
            raise AssertionError(f"{who}: {line}")

    async def run(self, hosts):
        await asyncio.wait_for(
            asyncio.gather(*[self.client(i, hosts[i % len(hosts)])
                             for i in range(CLIENTS)]), LATEST_S)


class CrowdTest(E2eCase):

    def test_a_thousand_clients_over_a_hundred_locks(self):
        most = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
        hosts = [self.host("host1"), self.host("host2")]
        crowd = Crowd(SEED)
        asyncio.run(crowd.run(hosts))
        self.assertEqual(crowd.done, CLIENTS)
        self.assertEqual(len(crowd.history.holds), CLIENTS * ROUNDS)
        self.assertEqual(crowd.history.check(), [])
        self.assertEqual(crowd.register.refused, [])
        for (host, name), ids in crowd.order.items():
            self.assertEqual(ids, sorted(ids), f"order at {host} {name}")


if __name__ == "__main__":
    unittest.main()
