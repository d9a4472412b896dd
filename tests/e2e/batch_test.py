#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Many locks at once on a real server: they leave together, and what fails or
gets lost on the way costs nobody a lock, a node or an order."""
import os
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proxy  # noqa: E402
import zk  # noqa: E402
from e2ecase import E2eCase, czxid_of  # noqa: E402

MANY = 120


class BatchTest(E2eCase):

    def names(self, count=MANY):
        return [f"many/{i}" for i in range(count)]

    def stats(self, host):
        return {key: int(value) for key, value in host.rows("STATS").items()}

    def transactions(self):
        text = zk.word(self.server.port, "srvr")
        return int(text.split("Zxid: ")[1].split()[0], 16)

    def ask_all(self, verb, clients, names):
        """A request for each name, spread over the clients: nobody is read
        from who leaves dozens of answers unread."""
        pairs = []
        for i, name in enumerate(names):
            client = clients[i % len(clients)]
            pairs.append((client, client.ask(f"{verb} {name}")))
        return pairs

    def lock_all(self, clients, names):
        return [client.granted(tag)
                for client, tag in self.ask_all("LOCK", clients, names)]

    def unlock_all(self, clients, names):
        for client, tag in self.ask_all("UNLOCK", clients, names):
            self.assertEqual(client.reply(tag).word, "RELEASED")

    def crowd(self, host):
        return [self.client(host) for _ in range(10)]

    def gone(self, names):
        for name in names:
            self.wait_queue(name, 0)

    def test_together(self):
        """A grant needs no read, and its token is the node's."""
        host = self.host(linger_ms=0)
        crowd = self.crowd(host)
        names = self.names()
        self.lock_all(crowd, names)  # the parents are made
        self.unlock_all(crowd, names)
        self.gone(names)
        stats, writes = self.stats(host), self.transactions()
        granted = self.lock_all(crowd, names)
        writes = self.transactions() - writes
        batched = self.stats(host)["transactions_batched_total"] \
            - stats["transactions_batched_total"]
        self.assertGreater(batched, 0)
        self.assertLess(writes, MANY / 2, "hardly any left together")
        for reply in granted:
            stat = self.observer.exists(reply["node"])
            self.assertEqual(stat.czxid, czxid_of(reply.token))
            self.assertEqual(stat.owner, host.session_id())
        self.unlock_all(crowd, names)
        self.gone(names)

    def test_turned_off(self):
        host = self.host(linger_ms=0, batch_ops_max=0)
        crowd = self.crowd(host)
        names = self.names(20)
        self.lock_all(crowd, names)
        self.unlock_all(crowd, names)
        self.gone(names)
        self.assertEqual(self.stats(host)["transactions_batched_total"], 0)

    def test_parents_gone_in_between(self):
        """NoNode fails a multi: all of its locks are taken all the same."""
        host = self.host(linger_ms=0)
        crowd = self.crowd(host)
        names = self.names()
        for _ in range(3):
            self.lock_all(crowd, names)
            self.unlock_all(crowd, names)
            self.gone(names)
            for name in names[::7]:
                if self.observer.exists(self.parent(name)):
                    self.observer.delete(self.parent(name))
        self.lock_all(crowd, names)
        for name in names:
            self.assertEqual(len(self.queue(name)), 1)
        self.unlock_all(crowd, names)
        self.gone(names)

    def test_links_break_with_multis_outstanding(self):
        """R11: applied or not, one node each, and no order is lost."""
        net = proxy.Proxy(self.server.address, seed=5).start()
        self.addCleanup(net.stop)
        host = self.host(linger_ms=0, servers=net.address)
        crowd = self.crowd(host)
        names = self.names()
        last = dict.fromkeys(names, 0)
        for round_ in range(8):
            if round_ % 4 == 1:
                net.stall(proxy.DOWN)
            elif round_ % 4 == 2:
                net.stall(proxy.UP)
            asked = self.ask_all("LOCK", crowd, names)
            if round_ % 4:
                time.sleep(0.01 * round_)
                net.reset()
                net.flow_again()
            for name, (client, tag) in zip(names, asked):
                token = client.granted(tag).token
                self.assertGreater(token, last[name])
                last[name] = token
            for name in names[::10]:
                self.assertLessEqual(len(self.queue(name)), 2)
            self.unlock_all(crowd, names)
        self.gone(names)

    def test_two_hosts_at_once(self):
        """R15: a claim beside another host's waits its turn."""
        names = self.names(20)
        one, two = (self.client(self.host(name, linger_ms=0))
                    for name in ("host1", "host2"))
        ends = (one, two)
        tags = {end: [end.ask(f"LOCK {name}") for name in names]
                for end in ends}
        # Each in turn: what one is told of a lock is soon read.
        for i, name in enumerate(names):
            node = self.wait_two(name)[0]
            first = one if self.is_of(f"{self.parent(name)}/{node}", one) \
                else two
            second = two if first is one else one
            held = first.granted(tags[first][i])
            first.unlock(name)
            self.assertGreater(second.granted(tags[second][i]).token,
                               held.token)
            second.unlock(name)
        self.gone(names)

    def wait_two(self, name):
        self.wait_queue(name, 2)
        return self.queue(name)

    def is_of(self, node, client):
        host = self.hosts[0 if client is self.clients[0] else 1]
        return self.observer.exists(node).owner == host.session_id()


if __name__ == "__main__":
    unittest.main()
