#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Holds that end before their owner wants it: KICK and max_hold."""
import os
import signal
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from clicase import SOON_S, CliCase  # noqa: E402
from daemon import SESSION_MS  # noqa: E402
from wirecase import WireCase  # noqa: E402

GRACE_MS = SESSION_MS // 4


class KickTest(WireCase):

    public = True

    def test_a_hold_ends_when_its_grace_is_over(self):
        name = self.name()
        owner, waiter = self.client("owner"), self.client("waiter")
        admin = self.client("admin")
        granted = owner.lock(name)
        tag = waiter.enqueue(name)
        done = admin.ok(f'KICK {granted.id} reason="hangs \\"again\\""')
        self.assertEqual((done["name"], done.id), (name, granted.id))
        revoke = owner.event("REVOKE")
        self.assertEqual((revoke.args[0], revoke.id), (name, granted.id))
        self.assertRegex(revoke.text, r'by="host1 pid=\d+ \S+" '
                                      r'reason="hangs \\"again\\"" ')
        grace_ms = revoke.number("grace_ms")
        self.assertTrue(GRACE_MS - 200 <= grace_ms <= GRACE_MS, revoke)
        end_ms = revoke.number("max_until_ms")
        self.assertEqual(owner.ok(f"CHECK {name}")["max_until_ms"],
                         str(end_ms))
        waiter.quiet()
        self.assertEqual(owner.event("LOST")["reason"], "kicked")
        waiter.granted(tag)
        self.assertGreaterEqual(proc.now_ms(), end_ms)
        owner.err(f"UNLOCK {name}", "LOST")
        admin.err(f"KICK {granted.id}", "NOTFOUND")
        log = self.daemon.log_text()
        self.assertIn(f"event=kick lock={name} id={granted.id}", log)
        self.assertIn(f"by_uid={os.getuid()} by_pid={os.getpid()}", log)

    def test_who_lets_go_in_time_has_lost_nothing(self):
        name = self.name()
        owner, waiter = self.client("owner"), self.client("waiter")
        granted = owner.lock(name)
        tag = waiter.enqueue(name)
        self.client("admin").ok(f"KICK {granted.id}")
        owner.event("REVOKE")
        owner.unlock(name)
        waiter.granted(tag)
        owner.quiet()

    def test_a_wait_ends_at_once(self):
        name = self.name()
        owner, waiter = self.client("owner"), self.client("waiter")
        owner.lock(name)
        tag = waiter.enqueue(name)
        row, = self.client().ok(f"LIST {name} state=waiting").rows
        waiting = row.split("id=")[1].split(" ")[0]
        done = self.client("admin").ok(f"KICK {waiting}")
        self.assertEqual(done["grace_ms"], "0")
        self.assertEqual(waiter.reply(tag).code, "CANCELLED")
        owner.unlock(name)

    @unittest.skipIf(os.getuid() != 0, "needs another user")
    def test_only_administrators_may(self):
        name = self.name()
        owner = self.client("owner")
        granted = owner.lock(name)
        script = ("import socket, sys\n"
                  "s = socket.socket(socket.AF_UNIX)\n"
                  "s.connect(sys.argv[1])\n"
                  "s.sendall(b'KICK ' + sys.argv[2].encode() + b'\\n')\n"
                  "print(s.recv(4096).decode())\n")
        done = proc.run(["/usr/bin/python3", "-c", script,
                         self.daemon.socket, granted.id], user=65534)
        self.assertIn("ERR DENIED", done.stdout, done.stderr)
        owner.quiet()
        self.assertEqual(owner.ok(f"CHECK {name}")["held"], "1")
        self.assertNotIn(f"event=kick lock={name}", self.daemon.log_text())


class MaxHoldTest(WireCase):

    def test_it_ends_and_only_then_is_the_next_served(self):
        name = self.name()
        owner, waiter = self.client("owner"), self.client("waiter")
        granted = owner.lock(name, "max_hold=300ms")
        end_ms = granted.number("max_until_ms")
        self.assertLessEqual(granted.number("valid_ms"), 300)
        tag = waiter.enqueue(name)
        self.assertEqual(owner.event("LOST")["reason"], "max_hold")
        waiter.granted(tag)
        self.assertGreaterEqual(proc.now_ms(), end_ms)
        self.assertNotIn("max_until_ms", waiter.ok(f"CHECK {name}").pairs)


class AskTest(WireCase):

    public = True

    def test_a_holder_that_wants_to_know_is_told_once(self):
        name = self.name()
        owner, other = self.client("owner"), self.client("other")
        granted = owner.lock(name, "wanted=1")
        for _ in range(3):
            tag = other.enqueue(name)
            other.ok(f"CANCEL {tag}")
            other.reply(tag)
        wanted = owner.event("WANTED")
        self.assertEqual((wanted.args[0], wanted.id, wanted["waiters"]),
                         (name, granted.id, "1"))
        owner.quiet()

    def test_waiters_may_ask(self):
        name = self.name()
        owner, waiter = self.client("owner"), self.client("waiter")
        granted = owner.lock(name)
        tag = waiter.enqueue(name)
        self.assertEqual(waiter.ok(f"REVOKE {name} reason=x")["asked"], "1")
        waiter.ok(f"REVOKE {name}")
        asked = owner.event("REVOKE")
        self.assertEqual((asked.id, asked["reason"]), (granted.id, "x"))
        self.assertNotIn("max_until_ms", asked.pairs)
        owner.quiet()
        owner.unlock(name)
        waiter.granted(tag)
        waiter.err(f"REVOKE {self.name('-b')}", "NOTFOUND")

    @unittest.skipIf(os.getuid() != 0, "needs another user")
    def test_others_may_not(self):
        name = self.name()
        owner = self.client("owner")
        owner.lock(name)
        script = ("import socket, sys\n"
                  "s = socket.socket(socket.AF_UNIX)\n"
                  "s.connect(sys.argv[1])\n"
                  "s.sendall(b'REVOKE ' + sys.argv[2].encode() + b'\\n')\n"
                  "print(s.recv(4096).decode())\n")
        done = proc.run(["/usr/bin/python3", "-c", script,
                         self.daemon.socket, name], user=65534)
        self.assertIn("ERR DENIED", done.stdout, done.stderr)
        owner.quiet()


class MinHoldTest(WireCase):

    def test_nobody_is_served_before_it_is_over(self):
        name = self.name()
        owner, waiter = self.client("owner"), self.client("waiter")
        granted = owner.lock(name, "min_hold=500ms")
        begun_ms = proc.now_ms()
        tag = waiter.enqueue(name)
        released = owner.unlock(name)
        self.assertTrue(0 < released.number("kept_ms") <= 500, released)
        row, = owner.ok(f"LIST {name} state=kept").rows
        self.assertIn(f"id={granted.id} ", row)
        owner.err(f"UNLOCK {granted.id}", "NOTHELD")
        self.assertEqual(owner.ok(f"CHECK {granted.id} "
                                  f"token={granted.token}")["held"], "0")
        waiter.err(f"LOCK {name}", "HELD")
        owner.err(f"TRYLOCK {name}", "BUSY")
        waiter.granted(tag)
        self.assertGreaterEqual(proc.now_ms() - begun_ms, 450)

    def test_the_end_of_the_connection_does_not_end_it(self):
        name = self.name()
        owner, waiter = self.client("owner"), self.client("waiter")
        owner.lock(name, "min_hold=1h")
        owner.close()
        proc.wait_until(
            lambda: waiter.ok(f"LIST {name} state=kept").rows, SOON_S,
            "it is kept")
        waiter.err(f"LOCK {name} wait=100ms", "TIMEOUT")
        row, = waiter.ok(f"LIST {name} state=kept").rows
        tag = waiter.enqueue(name)
        self.client("admin").ok(f"KICK {row.split('id=')[1].split(' ')[0]}")
        waiter.granted(tag)

    def test_a_job_that_runs_twice(self):
        self.one_err("LOCK a min_hold=2s max_hold=1s", "ARGS")
        self.one_err("LOCK a min_hold=61m", "ARGS")


class CommandTest(CliCase):

    def test_a_short_job_runs_once(self):
        self.zklock("run", "--min-hold", "1h", "once", "--", "true")
        self.zklock("run", "-n", "once", "--", "true", code=75)

    def test_a_stopped_holder_is_over_at_its_longest_time(self):
        """rules.md's test 14: nobody has to believe in what is stopped."""
        holder = self.start("hold", "--max-hold", "1s", "stopped",
                            stdin=-1, stdout=-1)
        client = self.client()
        self.assertIn(b"HELD stopped", holder.stdout.readline())
        os.kill(holder.popen.pid, signal.SIGSTOP)
        begun = time.monotonic()
        self.assertEqual(client.lock("stopped").args[0], "stopped")
        self.assertLess(time.monotonic() - begun, SESSION_MS / 1000)
        os.kill(holder.popen.pid, signal.SIGCONT)
        self.assertEqual(holder.popen.wait(SOON_S), 79)
        self.assertIn("max_hold", holder.log_text())

    def test_the_command_ends_before_the_next_begins(self):
        """Kicked: the child is stopped in the grace."""
        log, ended = self.path("pid"), self.path("ended")
        runner = self.start(
            "run", "kicked", "--", "sh", "-c",
            f"echo $$ > {log}; trap 'date +%s%N > {ended}; exit 3' TERM; "
            "n=0; while [ $((n += 1)) -lt 400 ]; do sleep 0.05; done")
        self.there("pid")
        row = self.client().ok("LIST kicked").rows[0]
        waiter = self.client("waiter")
        tag = waiter.enqueue("kicked")
        done = self.zklock("kick", "--reason", 'no "more"',
                           row.split("id=")[1].split(" ")[0])
        self.assertRegex(done.stdout, r"@\d+ \(kicked\) is over in ")
        waiter.granted(tag)
        granted_ns = time.time_ns()
        self.assertLess(int(self.there("ended")), granted_ns)
        self.assertEqual(runner.popen.wait(SOON_S), 79)
        self.assertIn('is taken away by host1', runner.log_text())
        self.assertIn('no "more"', runner.log_text())
        self.assertIn("(kicked)", runner.log_text())

    def test_asked_for(self):
        """Revoked: the wrapper says so, and nothing else happens."""
        runner = self.start("run", "asked/for", "--", "sh", "-c",
                            f"echo in > {self.path('in')}; exec sleep 60")
        self.there("in")
        done = self.zklock("revoke", "--reason", 'my "turn"', "asked/for")
        self.assertEqual(done.stdout,
                         '1 holder of "asked/for" asked to let go\n')
        proc.wait_until(lambda: 'is asked for by host1' in runner.log_text(),
                        SOON_S, "it is told")
        self.assertIn('my "turn"', runner.log_text())
        self.client().err("TRYLOCK asked/for", "BUSY")
        runner.popen.terminate()
        self.assertEqual(runner.popen.wait(SOON_S), 143)
        done = self.zklock("revoke", "asked/for", code=1)
        self.assertIn("there is no such", done.stderr)

    def test_bad_ids(self):
        for word in ("7", "@", "@x", "@7x", "kicked"):
            self.zklock("kick", word, code=64)
        done = self.zklock("kick", "@999999", code=1)
        self.assertIn("there is no such", done.stderr)


if __name__ == "__main__":
    unittest.main()
