#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""What zklock run does to its child when the lock is in doubt or gone: with
the daemon frozen, killed and ended, and with a scripted one that says so."""
import json
import os
import signal
import subprocess
import sys
import time
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from clicase import (BUSY_LOOP, LOOP, CliCase, alive,  # noqa: E402
                     quiet_env)
from daemon import Daemon  # noqa: E402
from scripted import Scripted  # noqa: E402

# Later than planned, on a loaded machine.
SLACK_MS = 800
KILL_AFTER_MS = 1000  # a quarter of the test daemons' 4 s

# Says when it was asked to end, and goes on all the same.
STUBBORN = ("trap 'cut -d\" \" -f1 /proc/uptime >\"$D/said\"' TERM; "
            f"echo $$ >\"$D/up\"; {LOOP}")
# Says so and ends well.
OBEDIENT = ("trap 'cut -d\" \" -f1 /proc/uptime >\"$D/said\"; exit 0' TERM; "
            f"echo $$ >\"$D/up\"; {LOOP}")
# Has a stubborn grandchild in a session of its own.
PARENT = ("setsid sh -c 'trap \"\" TERM; echo $$ >\"$D/grand\"; "
          f"{LOOP}' & "
          f"echo $$ >\"$D/up\"; {LOOP}")


class LostCase(CliCase):

    def setUp(self):
        super().setUp()
        self.daemon = Daemon().start()

    def tearDown(self):
        super().tearDown()
        if self.daemon.process.alive():
            self.daemon.kill()

    @classmethod
    def setUpClass(cls):
        pass  # a daemon a test: it does not survive

    @classmethod
    def tearDownClass(cls):
        pass

    def child(self, script, *options):
        wrapper = self.start("run", *options, "a", "--", "sh", "-c", script,
                             env={"D": self.folder})
        self.there("up")
        return wrapper

    def said_ms(self):
        return float(self.there("said")) * 1000

    def gone(self, *names):
        for name in names:
            self.assertFalse(alive(int(self.there(name))), name)


class FrozenTest(LostCase):

    def freeze(self):
        """And the deadline that was the last one."""
        self.daemon.freeze()
        page = self.daemon.page.word()
        return page[1]

    def setUp(self):
        super().setUp()
        self.daemon.page = self.daemon.lease_page()

    def test_a_stubborn_child_is_killed_at_the_deadline(self):
        wrapper = self.child(STUBBORN)
        until_ms = self.freeze()
        self.assertEqual(wrapper.wait(), 79)
        ended_ms = proc.now_ms()
        self.gone("up")
        said_ms = self.said_ms()
        self.assertGreater(said_ms, until_ms - KILL_AFTER_MS - 50)
        self.assertLess(said_ms, until_ms - KILL_AFTER_MS + SLACK_MS)
        self.assertGreater(ended_ms, until_ms - 50)
        self.assertLess(ended_ms, until_ms + SLACK_MS)
        self.assertIn("proven", wrapper.log_text())

    def test_an_obedient_child_ends_before_it(self):
        wrapper = self.child(OBEDIENT)
        until_ms = self.freeze()
        self.assertEqual(wrapper.wait(), 79)
        self.assertLess(proc.now_ms(), until_ms)

    def test_a_shorter_grace(self):
        wrapper = self.child(STUBBORN, "-k", "200ms")
        until_ms = self.freeze()
        self.assertEqual(wrapper.wait(), 79)
        self.assertGreater(self.said_ms(), until_ms - 250)

    def test_kill_only(self):
        wrapper = self.child(STUBBORN, "--on-lost", "kill", "-L", "33")
        self.freeze()
        self.assertEqual(wrapper.wait(), 33)
        self.assertFalse(os.path.exists(self.path("said")))

    def test_a_daughter_of_a_daughter_goes_too(self):
        wrapper = self.child(PARENT)
        self.there("grand")
        self.freeze()
        self.assertEqual(wrapper.wait(), 79)
        self.gone("up", "grand")

    def test_a_thaw_in_time_changes_nothing(self):
        wrapper = self.child(OBEDIENT)
        until_ms = self.freeze()
        # As late as it may be, with a second to spare.
        time.sleep(max(0, until_ms - KILL_AFTER_MS - 1000 - proc.now_ms())
                   / 1000)
        self.daemon.thaw()
        proc.wait_until(lambda: proc.now_ms() > until_ms, 10, "it is behind")
        self.assertGreater(self.daemon.page.word()[1], until_ms)
        self.assertTrue(wrapper.alive(), wrapper.log_text())
        wrapper.signal(signal.SIGTERM)
        self.assertEqual(wrapper.wait(), 0)

    def test_release_does_not_wait_for_ever(self):
        os.mkfifo(self.path("go"))
        wrapper = self.start("run", "a", "--", "sh", "-c",
                             'echo up >"$D/up"; read x <"$D/go"; exit 5',
                             env={"D": self.folder})
        self.there("up")
        self.daemon.freeze()
        with open(self.path("go"), "w", encoding="ascii") as go:
            go.write("now\n")
        begin = time.monotonic()
        self.assertEqual(wrapper.wait(), 5)
        self.assertLess(time.monotonic() - begin, 4)


class GoneTest(LostCase):

    def test_killed_daemon(self):
        wrapper = self.child(OBEDIENT)
        until_ms = self.daemon.lease_page().word()[1]
        self.daemon.kill()
        self.assertEqual(wrapper.wait(), 79)
        # At once: not only when the deadline comes near.
        self.assertLess(self.said_ms(), until_ms - KILL_AFTER_MS)

    def test_killed_daemon_and_a_stubborn_child(self):
        wrapper = self.child(STUBBORN, "-k", "300ms")
        until_ms = self.daemon.lease_page().word()[1]
        before_ms = proc.now_ms()
        self.daemon.kill()
        self.assertEqual(wrapper.wait(), 79)
        self.assertLess(self.said_ms(), until_ms - 300)
        # The wrapper may see it long before kill() has seen it all.
        self.assertGreater(proc.now_ms() - before_ms, 290)
        self.gone("up")

    def test_an_orderly_end(self):
        wrapper = self.child(OBEDIENT)
        self.daemon.stop()
        self.assertEqual(wrapper.wait(), 79)

    def test_ignored(self):
        os.mkfifo(self.path("go"))
        wrapper = self.start("run", "--on-lost", "ignore", "--report",
                             self.path("report"), "a", "--", "sh", "-c",
                             'echo up >"$D/up"; read x <"$D/go"; exit 5',
                             env={"D": self.folder})
        self.there("up")
        self.daemon.kill()
        proc.wait_until(lambda: "lost" in wrapper.log_text(), 10, "said")
        with open(self.path("go"), "w", encoding="ascii") as go:
            go.write("now\n")
        self.assertEqual(wrapper.wait(), 5)
        self.assertEqual(self.report()["outcome"], "lost")

    def test_waiting_when_the_daemon_goes(self):
        self.client().lock("a")
        wrapper = self.start("run", "--connect-timeout", "1s", "a", "--",
                             "true")
        self.queued("a")
        self.daemon.kill()
        self.assertEqual(wrapper.wait(), 69)

    def test_waiting_while_the_daemon_is_restarted(self):
        self.client().lock("a")
        wrapper = self.start("run", "-v", "a", "--", "true")
        self.queued("a")
        self.daemon.kill()
        self.daemon.start()
        self.assertEqual(wrapper.wait(), 0, wrapper.log_text())

    def test_hold(self):
        holder = self.start("hold", "a", stdout=subprocess.PIPE,
                            stdin=subprocess.PIPE)
        self.assertIn(b"HELD a id=@", holder.stdout.readline())
        self.daemon.kill()
        self.assertEqual(holder.wait(), 79)


class ScriptedTest(unittest.TestCase):
    """What the daemon says, and what follows."""

    def setUp(self):
        self.folder = proc.folder("zkl-cli")

    def path(self, name):
        return os.path.join(self.folder, name)

    def child(self, daemon, script, *options):
        wrapper = proc.Process(
            [proc.zklock(), "-S", daemon.socket, "run", "--report",
             self.path("report"), *options, "a", "--", "sh", "-c", script],
            env=quiet_env(D=self.folder), start_new_session=True,
            log=self.path("log"))
        proc.wait_until(lambda: os.path.exists(self.path("up")), 15, "up")
        return wrapper

    def report(self):
        with open(self.path("report"), encoding="utf-8") as text:
            return json.load(text)

    def test_lost_is_term_at_once(self):
        for reason in ("expired", "deleted", "kicked", "shutdown"):
            with self.subTest(reason=reason), \
                    Scripted(valid_ms=30000, timeout_ms=40000) as daemon:
                if os.path.exists(self.path("up")):
                    os.unlink(self.path("up"))
                wrapper = self.child(daemon, OBEDIENT)
                daemon.event(f"LOST a id=@7 token=4711 reason={reason}")
                self.assertEqual(wrapper.wait(), 79)
                # Not when the deadline comes near, in 28 s.
                self.assertLess(proc.now_ms(), daemon.until_ms - 2000)
                self.assertEqual(self.report()["reason"], reason)
                self.assertEqual(self.report()["outcome"], "lost")

    def test_lost_then_killed_after_the_grace(self):
        with Scripted() as daemon:
            wrapper = self.child(daemon, STUBBORN, "-k", "400ms")
            begin = time.monotonic()
            daemon.event("LOST a id=@7 token=4711 reason=expired")
            self.assertEqual(wrapper.wait(), 79)
            self.assertGreater(time.monotonic() - begin, 0.35)
            self.assertEqual(self.report()["child_signal"], "KILL")

    def test_never_later_than_the_last_deadline(self):
        with Scripted(timeout_ms=40000, valid_ms=1500) as daemon:
            wrapper = self.child(daemon, STUBBORN, "-k", "1s")
            while proc.now_ms() < daemon.until_ms - 1200:
                time.sleep(0.01)
            daemon.event("LOST a id=@7 token=4711 reason=expired")
            self.assertEqual(wrapper.wait(), 79)
            self.assertLess(proc.now_ms(), daemon.until_ms + SLACK_MS)

    def test_another_signal_first(self):
        with Scripted() as daemon:
            wrapper = self.child(daemon, STUBBORN.replace("TERM", "INT"),
                                 "--signal", "INT", "-k", "400ms")
            daemon.event("LOST a id=@7 token=4711 reason=expired")
            self.assertEqual(wrapper.wait(), 79)
            self.assertTrue(os.path.exists(self.path("said")))

    def test_somebody_elses_loss_is_not_ours(self):
        with Scripted() as daemon:
            wrapper = self.child(daemon, OBEDIENT)
            daemon.event("LOST b id=@8 token=4712 reason=expired")
            daemon.event("NEWS that nobody knows=1")
            daemon.event("REVOKE a id=@7 by=x reason=news")
            proc.wait_until(lambda: "asked for by x" in
                            wrapper.log_text(), 15, "all was read")
            self.assertTrue(wrapper.alive())
            wrapper.signal(signal.SIGTERM)
            self.assertEqual(wrapper.wait(), 0)

    def test_the_lease_goes_on(self):
        with Scripted(valid_ms=2500) as daemon:
            wrapper = self.child(daemon, OBEDIENT, "-k", "500ms")
            for _ in range(8):
                time.sleep(0.5)
                daemon.event("LEASE gen=1 until_ms="
                             f"{int(proc.now_ms()) + 2500}")
            self.assertTrue(wrapper.alive())
            wrapper.signal(signal.SIGTERM)
            self.assertEqual(wrapper.wait(), 0)

    def test_suspended_stops_and_resumed_goes_on(self):
        with Scripted(valid_ms=30000, timeout_ms=40000) as daemon:
            # A shell that is stopped within its vfork() is not shown as
            # stopped: this one begins nothing.
            wrapper = self.child(daemon, OBEDIENT.replace(LOOP, BUSY_LOOP),
                                 "--on-suspend", "stop")
            with open(self.path("up"), encoding="ascii") as up:
                pid = int(up.read())
            until_ms = daemon.until_ms
            daemon.event(f"SUSPENDED until_ms={until_ms} valid_ms=9")
            proc.wait_until(lambda: self.stands(pid), 10, "stopped")
            daemon.event(f"RESUMED until_ms={until_ms} valid_ms=9")
            proc.wait_until(lambda: not self.stands(pid), 10, "goes on")
            wrapper.signal(signal.SIGTERM)
            self.assertEqual(wrapper.wait(), 0)

    def test_suspended_sends_a_signal(self):
        script = OBEDIENT.replace("TERM", "USR1").replace("exit 0", "exit 6")
        with Scripted(valid_ms=30000, timeout_ms=40000) as daemon:
            wrapper = self.child(daemon, script, "--on-suspend", "USR1")
            daemon.event(f"SUSPENDED until_ms={daemon.until_ms} valid_ms=9")
            self.assertEqual(wrapper.wait(), 6)

    def test_suspended_is_ignored_by_default(self):
        with Scripted(valid_ms=30000, timeout_ms=40000) as daemon:
            wrapper = self.child(daemon, OBEDIENT, "-v")
            daemon.event(f"SUSPENDED until_ms={daemon.until_ms} valid_ms=9")
            proc.wait_until(lambda: "out of reach" in wrapper.log_text(), 10,
                            "said")
            self.assertTrue(wrapper.alive())
            self.assertFalse(os.path.exists(self.path("said")))
            wrapper.signal(signal.SIGTERM)
            self.assertEqual(wrapper.wait(), 0)

    def test_a_hang_up_is_a_loss(self):
        with Scripted() as daemon:
            wrapper = self.child(daemon, OBEDIENT)
            daemon.hang_up()
            self.assertEqual(wrapper.wait(), 79)
            self.assertEqual(self.report()["reason"], "disconnected")

    def test_a_grant_that_is_over_when_it_comes(self):
        with Scripted(valid_ms=-100) as daemon:
            done = proc.run([proc.zklock(), "-S", daemon.socket, "run", "a",
                             "--", "touch", self.path("ran")],
                            env=quiet_env())
            self.assertEqual(done.returncode, 79, done.stderr)
            self.assertFalse(os.path.exists(self.path("ran")))

    def test_no_session_in_time(self):
        for state in ("connecting", "suspended"):
            with self.subTest(state=state), Scripted(state=state) as daemon:
                done = proc.run([proc.zklock(), "-S", daemon.socket, "run",
                                 "--connect-timeout", "500ms", "a", "--",
                                 "true"], env=quiet_env())
                self.assertEqual(done.returncode, 69, done.stderr)
                self.assertIn(state, done.stderr)

    def unlocked(self, daemon, *words):
        return proc.Process(
            [proc.zklock(), "-S", daemon.socket, "run", "--connect-timeout",
             "300ms", "--if-unavailable", "run", *words, "a", "--", "sh",
             "-c", 'echo up >"$D/up"; read x'],
            env=quiet_env(D=self.folder), stdin=subprocess.PIPE,
            log=self.path("log"))

    def test_unlocked_only_when_nobody_is_there(self):
        """It is not the exit code that decides."""
        for words, answer, code in (
                ([], "ERR LIMIT which=locks", 69),
                ([], "ERR ZK zk=-112", 69),
                (["-n", "-E", "69"], "ERR BUSY name=a holder=x", 69),
                (["-E", "69"], "ERR CANCELLED :kicked", 69),
                (["-L", "69"], None, 69)):
            answers = {}
            if answer:
                answers = {verb: lambda *_, a=answer: a
                           for verb in ("LOCK", "TRYLOCK")}
            with self.subTest(words=words, answer=answer), \
                    Scripted(answers=answers, valid_ms=-100) as daemon:
                wrapper = self.unlocked(daemon, *words)
                wrapper.stdin.close()
                self.assertEqual(wrapper.wait(), code, wrapper.log_text())
                self.assertNotIn("WITHOUT", wrapper.log_text())
                self.assertFalse(os.path.exists(self.path("up")))

    def test_cancelled_is_not_unreachable(self):
        """Also when it was looking for a daemon that had gone."""
        with Scripted(answers={"LOCK": "QUEUED a id=@7 pos=1"}) as daemon:
            wrapper = self.unlocked(daemon, "--connect-timeout", "60s", "-v")
            daemon.heard("LOCK")
            os.unlink(daemon.socket)
            daemon.hang_up()
            proc.wait_until(lambda: "again" in wrapper.log_text(), 15, "goes")
            wrapper.signal(signal.SIGTERM)
            self.assertEqual(wrapper.wait(), 143, wrapper.log_text())
            self.assertFalse(os.path.exists(self.path("up")))

    def test_unlocked_takes_nothing_later(self):
        """A wish that was not answered in time ends with its connection."""
        with Scripted(answers={"TRYLOCK": lambda *_: None}) as daemon:
            wrapper = self.unlocked(daemon, "-n")
            proc.wait_until(lambda: os.path.exists(self.path("up")), 15, "up")
            self.assertIn("WITHOUT", wrapper.log_text())
            proc.wait_until(lambda: not daemon.conns, 5, "let go")
            wrapper.stdin.close()
            self.assertEqual(wrapper.wait(), 1)  # of read

    def test_who_does_not_wait_does_not_wait_for_zookeeper(self):
        """Without --connect-timeout, which is 10 s where the wait is."""
        with Scripted(state="connecting") as daemon:
            for words in (["-n"], ["-w", "1500ms"]):
                begin_s = time.monotonic()
                done = proc.run([proc.zklock(), "-S", daemon.socket, "run",
                                 *words, "a", "--", "true"],
                                env=quiet_env())
                self.assertEqual(done.returncode, 69, done.stderr)
                self.assertLess(time.monotonic() - begin_s, 5)

    def test_a_session_just_in_time(self):
        with Scripted(state="connecting") as daemon:
            wrapper = proc.Process([proc.zklock(), "-S", daemon.socket,
                                    "run", "a", "--", "true"],
                                   env=quiet_env())
            daemon.heard("HELLO")
            daemon.state = "connected"
            self.assertEqual(wrapper.wait(), 0)

    def test_errors_and_their_codes(self):
        for answer, code in (
                ("ERR BUSY name=a holder=\"db2 pid=812 deploy.py\" "
                 "held_ms=72000 :busy", 75),
                ("ERR DENIED :not you", 77), ("ERR LIMIT which=locks", 69),
                ("ERR DRAINING :bye", 69), ("ERR ZK zk=-112", 69),
                ("ERR INTERNAL :oops", 70), ("ERR CANCELLED :kicked", 75)):
            with self.subTest(answer=answer), \
                    Scripted(answers={"LOCK": lambda *_, a=answer: a,
                                      "TRYLOCK": lambda *_, a=answer: a}) \
                    as daemon:
                done = proc.run([proc.zklock(), "-S", daemon.socket, "run",
                                 "--connect-timeout", "300ms", "a", "--",
                                 "true"], env=quiet_env())
                self.assertEqual(done.returncode, code, done.stderr)
                self.assertIn('cannot get "a": ', done.stderr)
                if "BUSY" in answer:
                    self.assertEqual(
                        done.stderr, 'zklock: cannot get "a": held by db2, '
                        'pid 812 (deploy.py), for 1m12s. '
                        'Try: zklock who a\n')

    def test_a_wait_ends_in_time_also_without_a_daemon(self):
        """It goes in the middle of the wait: 1 s is looked for it beyond
        that, not all of the wait again."""
        wait_s = 6
        with Scripted(answers={"LOCK": "QUEUED a id=@7 pos=1"}) as daemon:
            wrapper = proc.Process(
                [proc.zklock(), "-S", daemon.socket, "run", "-w",
                 str(wait_s), "a", "--", "true"], env=quiet_env(),
                log=self.path("log"))
            daemon.heard("LOCK")
            begin_s = time.monotonic()
            time.sleep(wait_s / 2)  # the middle of a time is the subject
            os.unlink(daemon.socket)
            daemon.hang_up()
            self.assertEqual(wrapper.wait(20), 69, wrapper.log_text())
            took_s = time.monotonic() - begin_s
            self.assertGreater(took_s, wait_s)
            self.assertLess(took_s, wait_s + 2)

    def test_a_daemon_that_never_answers_the_wait(self):
        with Scripted(answers={"LOCK": lambda *_: None}) as daemon:
            done = proc.run([proc.zklock(), "-S", daemon.socket, "run", "-w",
                             "0.2", "a", "--", "true"], env=quiet_env())
            self.assertEqual(done.returncode, 75, done.stderr)

    @staticmethod
    def stands(pid):
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rsplit(b")", 1)[1].split()[0] == b"T"


if __name__ == "__main__":
    unittest.main()
