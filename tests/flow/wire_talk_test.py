#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Conversations as the protocol page tells them, typed and pipelined."""
import os
import re
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from rotation import Rotation  # noqa: E402
from wirecase import WireCase  # noqa: E402

GRANT = (r"GRANTED {} id=@\d+ token=\d+ mode=x gen=\d+ until_ms=\d+ "
         r"valid_ms=\d+ waited_ms=\d+( node=\S+)? dev=1")


class TalkTest(WireCase):

    def test_who_is_there(self):
        self.converse("\n", r"OK zklockd \S+ proto=1 state=dev.* :type HELP")
        self.converse("\r\n", r"OK zklockd \S+ proto=1 state=dev.*")

    def test_no_greeting(self):
        client = self.client()
        self.in_step(client)

    def test_verbs_in_any_case(self):
        self.converse("ping a\nPing b\nPING c\n", "OK a", "OK b", "OK c")

    def test_crlf_is_lf(self):
        self.converse("PING a\r\nPING b\n", "OK a", "OK b")

    def test_tags_come_back(self):
        self.converse("#a.B_1-x PING w\n#7 PING\n", "#a.B_1-x OK w", "#7 OK")
        self.converse("#" + "a" * 32 + " PING\n", "#" + "a" * 32 + " OK")

    def test_hello(self):
        client = self.client()
        reply = client.ok('HELLO 1 client="test" note="a note"')
        self.assertEqual(reply["proto"], "1")
        self.assertEqual(reply["state"], "dev")
        self.assertEqual(reply["dev"], "1")
        self.assertEqual(reply["host"], "host1")
        self.assertRegex(reply["server"], r"^zklockd/\d+\.\d+\.\d+$")
        self.assertEqual(sorted(reply["caps"].split(",")), [
            "holds", "revoke", "several", "shared", "slots", "wait",
            "wanted", "watch", "who"])
        self.assertLess(abs(reply.number("now_ms") - proc.now_ms()), 10000)

    def test_hello_of_another_time(self):
        client = self.client()
        reply = client.err("HELLO 2", "VERSION")
        self.assertEqual(reply["max"], "1")
        self.in_step(client)

    def test_a_session_by_hand(self):
        """The target transcript of the protocol page."""
        name = self.name()
        for dribble in (False, True):
            client = self.client()

            def say(text):
                raw = f"{text}\n".encode()
                (client.dribble if dribble else client.send_raw)(raw)

            say(f'LOCK {name} note="nightly dump"')
            granted = client.expect(GRANT.format(name)).group(0)
            token = re.search(r"token=(\d+)", granted).group(1)
            number = re.search(r"id=(@\d+)", granted).group(1)
            say(f"TRYLOCK {name}")
            client.expect(rf"ERR HELD name={name} id={number} :.+")
            say(f"LIST {name}")
            row = client.expect(
                rf"- {name} mode=x state=held id={number} .*").group(0)
            self.assertIn(f"token={token}", row)
            self.assertIn(f"pid={os.getpid()}", row)
            self.assertIn(f"uid={os.getuid()}", row)
            self.assertIn("waiters=0", row)
            client.expect("OK 1")
            say(f"UNLOCK {name}")
            client.expect(rf"RELEASED {name} id={number} held_ms=\d+")

    def test_pipelined_answers_may_overtake(self):
        free, taken = self.name("-a"), self.name("-b")
        owner = self.client("owner")
        owner.lock(taken)
        client = self.client()
        client.send(f"#1 LOCK {free}", f"#2 LOCK {taken}", "#3 PING")
        self.assertEqual(client.reply("#3").text, "#3 OK")
        client.granted("#1")
        queued = client.queued("#2")
        self.assertEqual(queued["pos"], "2")
        self.assertIn(f"pid={os.getpid()}", queued["holder"])
        owner.unlock(taken)
        client.granted("#2")

    def test_local_tickets_are_served_in_order(self):
        name = self.name()
        owner = self.client("owner")
        tokens = [owner.lock(name).token]
        waiters = [self.client(f"w{i}") for i in range(20)]
        tags = [waiter.enqueue(name) for waiter in waiters]
        owner.unlock(name)
        for waiter, tag in zip(waiters, tags):
            tokens.append(waiter.granted(tag).token)
            waiter.unlock(name)
        self.assertEqual(tokens, sorted(set(tokens)))

    def test_turns_run_out_and_tokens_go_on(self):
        """A bid counts 2 048 turns; the thousands of a lock that is never
        free go on without a stop, on larger tokens.  It is replaced at half
        of that, which is not seen in what a cycle takes."""
        begin = time.monotonic()
        rotation = Rotation([self.client("one"), self.client("two")],
                            self.name(), 7)
        self.assertEqual(rotation.tokens, sorted(set(rotation.tokens)))
        self.assertLess(rotation.gap(), 5)
        self.assertLess(time.monotonic() - begin, 30)

    def test_trylock_of_a_held_lock(self):
        name = self.name()
        self.client("owner").lock(name)
        reply = self.client().err(f"TRYLOCK {name}", "BUSY")
        self.assertIn(f"pid={os.getpid()}", reply["holder"])
        self.assertGreaterEqual(reply.number("held_ms"), 0)

    def test_wait_runs_out(self):
        name = self.name()
        self.client("owner").lock(name)
        client = self.client()
        tag = client.enqueue(name, "wait=200ms")
        reply = client.reply(tag)
        self.assertEqual(reply.code, "TIMEOUT")
        client.err(f"UNLOCK {name}", "NOTHELD")
        client.err(f"LOCK {name} wait=0", "BUSY")

    def test_cancel(self):
        name = self.name()
        owner = self.client("owner")
        owner.lock(name)
        client = self.client()
        for how in ("tag", "id", "name"):
            tag = client.ask(f"LOCK {name}")
            number = client.queued(tag).pairs.get("id")
            what = {"tag": tag, "id": number, "name": name}[how]
            client.ok(f"CANCEL {what}")
            self.assertEqual(client.reply(tag).code, "CANCELLED")
        for what, key in (("#nosuch", "tag"), ("@999999", "id"),
                          ("nosuch", "name")):
            refused = client.err(f"CANCEL {what}", "NOTFOUND")
            self.assertIn(refused[key], what)
        owner.unlock(name)
        client.lock(name)

    def test_check(self):
        name = self.name()
        client = self.client()
        reply = client.call(f"CHECK {name}")
        self.assertEqual(reply.pairs.get("held"), "0", reply)
        granted = client.lock(name)
        for what in (name, granted.id):
            check = client.ok(f"CHECK {what}")
            self.assertEqual(check["held"], "1")
            self.assertEqual(check.token, granted.token)
            self.assertGreater(check.until_ms, proc.now_ms())
        other = self.client()
        self.assertEqual(
            other.ok(f"CHECK {granted.id} token={granted.token}")["held"],
            "1")
        client.unlock(name)
        self.assertEqual(
            other.ok(f"CHECK {granted.id} token={granted.token}")["held"],
            "0")

    def test_list_with_a_pattern(self):
        one, two = self.name("/one"), self.name("/two")
        client = self.client()
        client.lock(one)
        client.lock(two)
        reply = client.ok(f"LIST {self.name()}/*")
        self.assertEqual([row.split()[0] for row in reply.rows], [one, two])
        self.assertEqual(reply.args, ["2"])
        self.assertEqual(client.ok(f"LIST {self.name()}/o*").args, ["1"])
        self.assertEqual(client.ok("LIST nothing-like-it").args, ["0"])

    def test_status_stats_version_help(self):
        client = self.client()
        status = client.ok("STATUS")
        self.assertIn("state dev", status.rows)
        self.assertTrue(all(re.match(r"\w+ ", row) for row in status.rows))
        self.assertTrue(client.ok("STATS").rows)
        client.ok("VERSION")
        rows = client.ok("HELP").rows
        for verb in ("HELLO", "LOCK", "TRYLOCK", "UNLOCK", "CANCEL",
                     "CHECK", "LIST", "STATUS", "STATS", "VERSION", "PING",
                     "HELP", "QUIT"):
            self.assertTrue(any(row.startswith(verb) for row in rows), verb)
            self.assertTrue(client.ok(f"HELP {verb}").rows)

    def test_quit_releases_everything(self):
        name = self.name()
        client = self.client()
        client.lock(name)
        client.send("QUIT")
        client.expect("OK bye")
        self.assertEqual(client.expect_closed(), [])
        self.client().ok(f"TRYLOCK {name}", "GRANTED")

    def test_half_close_answers_then_releases(self):
        name = self.name()
        client = self.client()
        client.send_raw(f"LOCK {name}\nPING x\nPING unfinished".encode())
        client.half_close()
        lines = client.expect_closed()
        self.assertIn("OK x", lines)
        self.assertFalse([text for text in lines if "unfinished" in text])
        self.client().ok(f"TRYLOCK {name}", "GRANTED")

    def test_half_close_cancels_waits(self):
        name = self.name()
        owner = self.client("owner")
        owner.lock(name)
        gone = self.client()
        gone.enqueue(name)
        gone.half_close()
        self.assertEqual(gone.expect_closed(), [])
        last = self.client("last")
        tag = last.enqueue(name)
        owner.unlock(name)
        last.granted(tag)

    def test_the_end_of_a_connection_is_the_release(self):
        name = self.name()
        owner = self.client("owner")
        owner.lock(name)
        waiter = self.client()
        tag = waiter.enqueue(name)
        owner.close()
        waiter.granted(tag)

    def test_socat_by_hand(self):
        """As the README shows it: one pipe, no greeting, nothing else."""
        address = f"UNIX-CONNECT:{self.daemon.socket}"
        done = proc.run(["sh", "-c", "echo PING hand | socat -t5 - "
                         + address])
        self.assertEqual((done.stdout, done.returncode), ("OK hand\n", 0))
        name = self.name()
        done = proc.run(["sh", "-c", f"echo LOCK {name} | socat -t5 - "
                         + address])
        self.assertRegex(done.stdout, f"^{GRANT.format(name)}\n$")
        self.client().ok(f"TRYLOCK {name}", "GRANTED")

    def test_escaped_words(self):
        self.converse('PING "a b"\n', r'OK "a b"')
        self.converse('PING "\\x41\\n"\n', r'OK "A\\n"')


if __name__ == "__main__":
    unittest.main()
