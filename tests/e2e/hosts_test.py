#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Two hosts on one ZooKeeper: order, tokens, hand-over, strangers in the
queue, names in DNS."""
import os
import sys
import threading
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import line  # noqa: E402
import proc  # noqa: E402
import zkwire  # noqa: E402
from daemon import SESSION_MS  # noqa: E402
from e2ecase import E2eCase  # noqa: E402

BOTH = zkwire.EPHEMERAL | zkwire.SEQUENTIAL
UUID = "00000000-0000-4000-8000-000000000001"


class OrderTest(E2eCase):

    def test_two_hosts_in_order(self):
        """Alternating askers are served as ZooKeeper queued them, and
        every token is larger than the one before."""
        one, two = self.host("host1"), self.host("host2")
        first = self.client(one, "first")
        tokens = [first.lock("a").token]
        waiters = [self.client(two, "w2")]
        tags = [waiters[0].enqueue("a")]
        self.wait_queue("a", 2)
        first.unlock("a")
        tokens.append(waiters[0].granted(tags[0]).token)
        third = self.client(one, "w3")
        tag = third.enqueue("a")
        self.wait_queue("a", 2)
        waiters[0].unlock("a")
        tokens.append(third.granted(tag).token)
        self.assertEqual(tokens, sorted(set(tokens)))
        third.unlock("a")

    def test_a_hundred_hand_overs(self):
        """Back and forth between the hosts; the middle one takes
        milliseconds, not a heartbeat."""
        hosts = [self.host("host1"), self.host("host2")]
        clients = [self.client(host) for host in hosts]
        tokens = [clients[0].lock("a").token]
        took_ms = []
        for turn in range(1, 101):
            taker, giver = clients[turn % 2], clients[1 - turn % 2]
            tag = taker.enqueue("a")
            self.wait_queue("a", 2)
            begin = time.monotonic()
            giver.unlock("a")
            tokens.append(taker.granted(tag).token)
            took_ms.append((time.monotonic() - begin) * 1000)
        self.assertEqual(tokens, sorted(set(tokens)))
        self.assertLess(sorted(took_ms)[50], 100)

    def test_one_bid_serves_a_hosts_tickets(self):
        one = self.host("host1")
        clients = [self.client(one, f"c{i}") for i in range(50)]
        clients[0].lock("a")
        tags = [client.enqueue("a") for client in clients[1:]]
        self.assertEqual(len(self.queue("a")), 1)
        for i, tag in enumerate(tags):
            clients[i].unlock("a")
            clients[i + 1].granted(tag)
        clients[-1].unlock("a")

    def test_a_busy_host_yields(self):
        """R6: a row of local askers, 20 ms each, does not keep a remote
        one out for longer than its budget of 50 ms."""
        one, two = self.host("host1"), self.host("host2")
        local = [self.client(one, f"c{i}") for i in range(40)]
        local[0].lock("a")
        tags = [client.enqueue("a") for client in local[1:]]
        remote = self.client(two, "remote")
        tag = remote.enqueue("a")
        self.wait_queue("a", 2)
        served = []

        def serve():
            for client, own in zip(local[1:], tags):
                client.granted(own)
                time.sleep(0.02)
                served.append(client)
                client.unlock("a")

        server = threading.Thread(target=serve, daemon=True)
        local[0].unlock("a")
        server.start()
        remote.granted(tag)
        self.assertLess(len(served), 10)
        remote.unlock("a")
        server.join(30)
        self.assertEqual(len(served), 39)

    def test_trylock_sees_the_other_host(self):
        one, two = self.host("host1"), self.host("host2")
        first, second = self.client(one), self.client(two)
        first.lock("a")
        reply = second.err("TRYLOCK a", "BUSY")
        self.assertIn("host1", reply["holder"])
        self.wait_queue("a", 1)
        first.unlock("a")
        self.wait_queue("a", 0)
        second.ok("TRYLOCK a", "GRANTED")

    def test_a_wait_that_runs_out_leaves_no_bid(self):
        one, two = self.host("host1"), self.host("host2")
        first, second = self.client(one), self.client(two)
        first.lock("a")
        second.err("LOCK a wait=200ms", "TIMEOUT")
        self.wait_queue("a", 1)
        tag = second.enqueue("a")
        second.ok(f"CANCEL {tag}")
        self.assertEqual(second.reply(tag).code, "CANCELLED")
        self.wait_queue("a", 1)

    def test_a_slash_makes_no_subtree(self):
        client = self.client(self.host())
        client.lock("deploy/web")
        self.assertIn("deploy%2Fweb", self.observer.children(self.root))

    def test_what_a_bid_says_of_itself(self):
        client = self.client(self.host())
        granted = client.lock("a", 'note="nightly dump"')
        node = self.queue("a")[0]
        self.assertRegex(node, r"^_c_[0-9a-f-]{36}-lock-\d{10}$")
        self.assertEqual(granted["node"], f"{self.parent('a')}/{node}")
        value, stat = self.observer.get(granted["node"])
        self.assertIn("host=host1", value.decode())
        self.assertIn(f"pid={os.getpid()}", value.decode())
        self.assertIn("nightly dump", value.decode())
        self.assertEqual(stat.czxid >> 32, granted.token >> 43)
        self.assertEqual(stat.czxid & 0xFFFFFFFF,
                         granted.token >> 11 & 0xFFFFFFFF)

    def test_one_session_a_host(self):
        before = set(self.server.sessions())
        host = self.host()
        clients = [self.client(host, f"c{i}") for i in range(50)]
        for i, client in enumerate(clients):
            client.lock(f"l{i}")
        self.assertEqual(len(set(self.server.sessions()) - before), 1)


class LeaseTest(E2eCase):

    def test_the_deadline_keeps_moving(self):
        """For two session timeouts a hold is believed at every moment, by
        the page and by LEASE lines, and CHECK says so."""
        host = self.host()
        client = self.client(host)
        hello = client.ok("HELLO 1 lease=push")
        page = line.LeasePage(hello["lease"])
        self.assertEqual(page.id(), int(hello["lease_id"], 16))
        granted = client.lock("a")
        gen = granted.number("gen")
        end = time.monotonic() + 2 * SESSION_MS / 1000
        while time.monotonic() < end:
            self.assertTrue(page.believes(gen))
            time.sleep(0.005)
        client.sync()
        moved = [event.until_ms for event in client.events
                 if event.word == "LEASE"]
        self.assertEqual({event["gen"] for event in client.events},
                         {str(gen)})
        self.assertGreater(len(moved), 4)
        self.assertEqual(moved, sorted(moved))
        self.assertGreater(moved[0], granted.until_ms)
        for words in ("CHECK a", "CHECK a sync=1"):
            self.assertGreater(client.ok(words).until_ms,
                               granted.until_ms + SESSION_MS)
        client.unlock("a")

    def test_a_first_lock_after_a_quiet_time(self):
        """Idle for two timeouts; then a grant at once, well believed."""
        host = self.host()
        client = self.client(host)
        time.sleep(2 * SESSION_MS / 1000)
        begin = time.monotonic()
        granted = client.lock("a")
        self.assertLess(time.monotonic() - begin, 0.5)
        self.assertGreater(granted.number("valid_ms"), SESSION_MS / 3)
        client.unlock("a")

    def test_nobody_hears_leases_who_did_not_ask(self):
        client = self.client(self.host())
        client.lock("a")
        time.sleep(SESSION_MS / 4000)
        client.quiet()
        client.unlock("a")


class StrangerTest(E2eCase):
    """Contenders that are not ours, in Curator's manner."""

    def stranger(self, lock="a"):
        self.observer.make_parents(self.parent(lock))
        path, _ = self.observer.create(
            f"{self.parent(lock)}/_c_{UUID}-lock-", b"10.0.0.1", BOTH)
        return path

    def test_a_stranger_before_us_is_waited_for(self):
        host = self.host()
        path = self.stranger()
        client = self.client(host)
        tag = client.enqueue("a")
        self.client(host, "other").err("TRYLOCK a", "BUSY")
        self.wait_queue("a", 2)
        client.sync()
        self.assertEqual(self.queue("a")[0], path.rsplit("/", 1)[1])
        self.observer.delete(path)
        client.granted(tag)
        client.unlock("a")

    def test_a_stranger_behind_us_gets_its_turn(self):
        host = self.host(linger_ms=0)
        client = self.client(host)
        client.lock("a")
        path = self.stranger()
        client.unlock("a")
        tag = client.enqueue("a")
        self.wait_queue("a", 2)
        self.assertEqual(self.queue("a")[0], path.rsplit("/", 1)[1])
        self.observer.delete(path)
        client.granted(tag)
        client.unlock("a")

    def test_a_stranger_in_the_middle(self):
        """Its leaving grants nobody; the holder's leaving then does."""
        one, two = self.host("host1"), self.host("host2")
        first, last = self.client(one, "first"), self.client(two, "last")
        first.lock("a")
        path = self.stranger()
        tag = last.enqueue("a")
        self.wait_queue("a", 3)
        self.observer.delete(path)
        self.wait_queue("a", 2)
        last.sync()
        last.err("UNLOCK a", "NOTHELD")
        first.unlock("a")
        last.granted(tag)
        last.unlock("a")

    def test_a_strangers_session_dies(self):
        host = self.host()
        other = zkwire.Client(self.server.address)
        self.observer.make_parents(self.parent("a"))
        other.create(f"{self.parent('a')}/_c_{UUID}-lock-", b"", BOTH)
        client = self.client(host)
        tag = client.enqueue("a")
        self.wait_queue("a", 2)
        zkwire.expire(self.server.address, other.session_id)
        other.drop()
        client.granted(tag)
        client.unlock("a")

    def test_our_own_node_deleted_is_said(self):
        """An operator deletes the holder's node: LOST, at once."""
        client = self.client(self.host())
        granted = client.lock("a")
        self.observer.delete(granted["node"])
        lost = client.event("LOST", 2)
        self.assertEqual(lost["reason"], "deleted")
        self.assertEqual(lost.token, granted.token)
        client.err("UNLOCK a", "LOST")
        self.assertGreater(client.lock("a").token, granted.token)
        client.unlock("a")

    def test_a_waiters_node_deleted_waits_on(self):
        """The waiting host does not look at its own node: granted by its
        predecessor's end it is told LOST by the listing that follows, or
        it has found out before and bid anew.  Either way it goes on."""
        one, two = self.host("host1"), self.host("host2")
        first, second = self.client(one), self.client(two)
        first.lock("a")
        tag = second.enqueue("a")
        self.wait_queue("a", 2)
        self.observer.delete(f"{self.parent('a')}/{self.queue('a')[1]}")
        first.unlock("a")
        token = second.granted(tag).token
        reply = second.call("UNLOCK a")
        if reply.word == "ERR":
            self.assertEqual((reply.code, reply["reason"]),
                             ("LOST", "deleted"))
        self.assertGreater(second.lock("a").token, token)
        second.unlock("a")


class NameTest(E2eCase):

    def test_servers_by_name(self):
        host = self.host(servers=f"localhost:{self.server.port}")
        self.client(host).lock("a")

    def test_an_unknown_name_stalls_nothing(self):
        """One name resolves, one never will."""
        host = self.host(servers=f"no-such-host.invalid:2181,"
                                 f"localhost:{self.server.port}")
        client = self.client(host)
        begin = time.monotonic()
        client.lock("a")
        self.assertLess(time.monotonic() - begin, 5)

    def test_a_dead_address_among_live_ones(self):
        """An even list too: the live one is found."""
        host = self.host(servers=f"127.0.0.1:1,{self.server.address}")
        self.client(host).lock("a")

    def test_no_server_at_all(self):
        host = self.host(servers="127.0.0.1:1", start=False)
        host.start("connecting")
        client = self.client(host)
        client.err("TRYLOCK a", "UNAVAILABLE")
        tag = client.enqueue("a", "wait=300ms")
        reply = client.reply(tag)
        self.assertEqual(reply.code, "TIMEOUT")
        self.assertEqual(reply["state"], "connecting")
        self.assertIn("ZooKeeper did not answer", reply.text)
        spent_s = host.process.cpu_s()
        time.sleep(1)
        self.assertLess(host.process.cpu_s() - spent_s, 0.2)

    def test_a_timeout_the_server_will_not_give(self):
        """Negotiated down below four ticks: nothing is granted on it."""
        self.assertGreaterEqual(SESSION_MS, 4 * self.server.tick_ms)
        host = self.host(server_tick_ms=5000, session_timeout_ms=20000,
                         start=False)
        host.launch()
        proc.wait_until(host.state, 10, "it answers")
        self.client(host).err("TRYLOCK a", "UNAVAILABLE")


if __name__ == "__main__":
    unittest.main()
