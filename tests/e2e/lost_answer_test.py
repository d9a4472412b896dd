#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Answers that got lost on the way (T1): a create that was applied and
never answered, a client that is gone before the answer, a delete."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
import proxy  # noqa: E402
from e2ecase import E2eCase, czxid_of  # noqa: E402


class LostAnswerTest(E2eCase):

    def setUp(self):
        super().setUp()
        self.link = proxy.Proxy(self.server.address).start()
        self.addCleanup(self.link.stop)
        self.one = self.host("host1", servers=self.link.address)
        self.two = self.host("host2")
        # The first create of a name only says that the parent is missing.
        for lock in ("a", "a0", "a1", "a2", "a3", "a4", "a5"):
            self.observer.make_parents(self.parent(lock))

    def test_an_applied_create_is_adopted(self):
        """One node, one grant, whose token is the node's own; and the next
        waiter is served."""
        gate = self.link.swallow_create()
        first, second = self.client(self.one), self.client(self.two)
        granted = first.lock("a")
        gate.wait()
        nodes = self.queue("a")
        self.assertEqual(len(nodes), 1, "an orphan stands in the queue")
        stat = self.observer.exists(granted["node"])
        self.assertEqual(stat.owner, self.one.session_id())
        self.assertEqual(czxid_of(granted.token), stat.czxid)
        tag = second.enqueue("a")
        self.wait_queue("a", 2)
        first.unlock("a")
        self.assertGreater(second.granted(tag).token, granted.token)
        second.unlock("a")
        self.wait_queue("a", 0)

    def test_while_somebody_else_holds(self):
        first, second = self.client(self.two), self.client(self.one)
        first.lock("a")
        gate = self.link.swallow_create()
        tag = second.ask("LOCK a")
        gate.wait()
        self.one.wait_ready()
        self.wait_queue("a", 2)
        first.unlock("a")
        second.granted(tag)
        self.wait_queue("a", 1)
        second.unlock("a")

    def test_an_end_that_our_server_does_not_tell(self):
        """As of a server that keeps a node which nobody has any more: the
        waiter asks the leader, and goes to another server."""
        first, second = self.client(self.two), self.client(self.one)
        first.lock("a")
        tag = second.enqueue("a")
        self.wait_queue("a", 2)
        gate = self.link.lose_event()
        first.unlock("a")
        gate.wait()
        second.granted(tag)
        self.assertEqual(self.one.rows("STATS")["ghosts_total"], "1")
        self.assertIn("event=ghost path=" + self.parent("a"),
                      self.one.log_text())
        second.unlock("a")

    def test_a_create_that_never_arrived(self):
        gate = self.link.lose_create()
        first = self.client(self.one)
        first.lock("a")
        gate.wait()
        self.assertEqual(len(self.queue("a")), 1)
        first.unlock("a")

    def test_lost_again_and_again(self):
        first = self.client(self.one)
        for _ in range(5):
            gate = self.link.swallow_create()
            first.lock("a")
            gate.wait()
            self.assertEqual(len(self.queue("a")), 1)
            first.unlock("a")
            self.wait_queue("a", 0)

    def vanish(self, gone):
        """A create is held in flight, its ticket goes, the answer comes:
        no node may stay."""
        gate = self.link.hold_create()
        first = self.client(self.one)
        tag = first.ask("LOCK a")
        gate.wait()
        proc.wait_until(lambda: self.queue("a"), 5, "applied")
        gone(first, tag)
        gate.open()
        self.wait_queue("a", 0)
        second = self.client(self.two)
        second.lock("a")
        second.unlock("a")

    def test_the_client_dies_meanwhile(self):
        self.vanish(lambda client, tag: client.close())

    def test_the_client_half_closes_meanwhile(self):
        self.vanish(lambda client, tag: client.half_close())

    def test_the_wait_is_cancelled_meanwhile(self):
        def cancel(client, tag):
            client.ok(f"CANCEL {tag}")
            self.assertEqual(client.reply(tag).code, "CANCELLED")
        self.vanish(cancel)

    def test_the_wait_runs_out_meanwhile(self):
        gate = self.link.hold_create()
        first = self.client(self.one)
        tag = first.ask("LOCK a wait=300ms")
        gate.wait()
        self.assertEqual(first.reply(tag).code, "TIMEOUT")
        gate.open()
        self.wait_queue("a", 0)

    def test_the_client_dies_and_the_answer_is_lost(self):
        """Both at once: the node is found and deleted."""
        gate = self.link.hold_create()
        first = self.client(self.one)
        first.ask("LOCK a")
        gate.wait()
        first.close()
        self.link.reset()
        gate.open()
        self.one.wait_ready()
        self.wait_queue("a", 0)

    def test_a_delete_whose_answer_was_lost(self):
        first, second = self.client(self.one), self.client(self.two)
        first.lock("a")
        tag = second.enqueue("a")
        self.wait_queue("a", 2)
        gate = self.link.swallow_delete()
        first.unlock("a")
        gate.wait()
        second.granted(tag)
        second.unlock("a")
        first.lock("a")
        first.unlock("a")

    def test_a_cut_in_the_middle_of_a_crowd(self):
        """Thirty askers, the link reset five times: everybody is served
        once, nothing is left."""
        clients = [self.client(self.one, f"c{i}") for i in range(30)]
        tags = [client.ask(f"LOCK a{i % 6}")
                for i, client in enumerate(clients)]
        for _ in range(5):
            self.link.reset()
            self.one.wait_ready()
        for client, tag in zip(clients, tags):
            reply = client.granted(tag)
            client.unlock(reply.args[0])
        for i in range(6):
            self.wait_queue(f"a{i}", 0)


if __name__ == "__main__":
    unittest.main()
