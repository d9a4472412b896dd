#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""zklock run against a real daemon: exit codes, waiting, what the child is
told, signals, the report."""
import json
import os
import signal
import subprocess
import sys
import time
import unittest
from random import Random

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from clicase import LOOP, CliCase, alive, quiet_env  # noqa: E402

TRIALS = 10000 if os.environ.get("ZKL_NIGHTLY") else 200


class ExitCodeTest(CliCase):

    def test_the_childs_own_code_is_exact(self):
        for code in (0, 1, 2, 64, 75, 79, 126, 255):
            with self.subTest(code=code):
                self.zklock("run", "a", "--", "sh", "-c", f"exit {code}",
                            code=code)

    def test_a_childs_signal(self):
        for number in (1, 6, 9, 15):
            with self.subTest(number=number):
                self.zklock("run", "a", "--", "sh", "-c",
                            f"kill -{number} $$", code=128 + number)

    def test_a_command_that_cannot_run(self):
        text = self.path("text")
        with open(text, "w", encoding="ascii") as out:
            out.write("no program\n")
        self.assertIn("not found", self.zklock(
            "run", "a", "--", "/no/such/program", code=127).stderr)
        self.assertIn("not found", self.zklock(
            "run", "a", "--", "no-such-program-anywhere", code=127).stderr)
        self.zklock("run", "a", "--", text, code=126)
        self.zklock("run", "a", "--", self.folder, code=126)
        self.zklock("run", "-n", "a", "--", "true")  # and it was let go

    def test_usage(self):
        for words, what in (
                (["run"], "something is missing"),
                (["run", "a"], "which command"),
                (["run", "a", "--"], "which command"),
                (["run", "-Z", "a", "true"], "-Z"),
                (["run", "-w", "soon", "a", "true"], "soon"),
                (["run", "-w"], "needs a value"),
                (["run", "-E", "300", "a", "true"], "300"),
                (["run", "a", "-n", "--", "true"], "before the NAME"),
                (["run", "-c", "true", "a", "true"], "-c"),
                (["run", "-F", "-o", "a", "true"], "--close"),
                (["run", "-k", "1h", "a", "true"], "quarter"),
                (["run", "-k", "1s", "--max-hold", "1s", "a", "true"],
                 "--max-hold"),
                (["run", "a%b", "true"], "a%b"),
                (["run", "", "true"], "name"),
                (["run", "--report", "/no/such/dir/x", "a", "true"],
                 "/no/such/dir/x"),
                (["frobnicate"], "frobnicate"),
                ([], "command")):
            with self.subTest(words=words):
                done = self.zklock(*words, code=64)
                self.assertIn(what, done.stderr)
                self.assertEqual(done.stdout, "")

    def test_a_short_max_hold(self):
        """Half of it is the command's, the other half its grace."""
        path = self.path("said")
        begin_ms = proc.now_ms()
        done = self.zklock(
            "run", "--max-hold", "1500ms", "a", "--", "sh", "-c",
            f"trap 'cut -d\" \" -f1 /proc/uptime >{path}; exit' TERM; "
            "for i in $(seq 500); do sleep 0.02; done", code=79)
        self.assertGreater(float(self.there("said")) * 1000,
                           begin_ms + 750 - 15)
        self.assertIn("--max-hold", done.stderr)
        self.zklock("run", "--max-hold", "30s", "a", "--", "true")
        self.zklock("run", "--max-hold", "1s", "-k", "900ms", "a", "--",
                    "true")

    def test_no_daemon(self):
        begin = time.monotonic()
        done = proc.run([proc.zklock(), "-S", self.path("none"), "run",
                         "--connect-timeout", "300ms", "a", "--", "true"])
        self.assertEqual(done.returncode, 69, done.stderr)
        self.assertIn(self.path("none"), done.stderr)
        self.assertGreater(time.monotonic() - begin, 0.25)

    def test_no_daemon_but_run_all_the_same(self):
        done = proc.run([proc.zklock(), "-S", self.path("none"), "run",
                         "--connect-timeout", "10ms", "--if-unavailable",
                         "run", "a", "--", "sh", "-c", "exit 3"])
        self.assertEqual(done.returncode, 3, done.stderr)
        self.assertIn("WITHOUT", done.stderr)


class WaitTest(CliCase):

    def setUp(self):
        super().setUp()
        self.holder = self.client("holder")
        self.granted = self.holder.lock("busy")

    def test_busy_at_once(self):
        for words, code in ((["-n"], 75), (["-w", "0"], 75),
                            (["-n", "-E", "0"], 0), (["-nE9"], 9)):
            with self.subTest(words=words):
                done = self.zklock("run", *words, "busy", "--", "touch",
                                   self.path("ran"), code=code)
                self.assertRegex(
                    done.stderr,
                    rf'zklock: cannot get "busy": held by \S+, pid '
                    rf"{os.getpid()} .*Try: zklock who busy")
                self.assertFalse(os.path.exists(self.path("ran")))

    def test_quiet_is_quiet_when_busy(self):
        self.assertEqual(self.zklock("run", "-nq", "busy", "--", "true",
                                     code=75).stderr, "")

    def test_slots(self):
        """Two of two slots are taken: the third waits its time."""
        for name in ("one", "two"):
            self.client(name).lock("pool", "slots=2")
        self.zklock("run", "--slots", "2", "-w", "0.2", "pool", "--", "true",
                    code=75)
        self.zklock("run", "--slots", "3", "pool", "--", "true", code=64)
        self.zklock("run", "--slots", "0", "pool", "--", "true", code=64)
        self.zklock("run", "--slots", "1", "other", "--", "true")

    def test_the_wait_ends(self):
        for word in ("-w", "--wait", "--timeout"):
            with self.subTest(word=word):
                begin = time.monotonic()
                done = self.zklock("run", word, "0.3", "busy", "--", "true",
                                   code=75)
                took = time.monotonic() - begin
                self.assertGreater(took, 0.28)
                self.assertIn("held by", done.stderr)

    def test_it_gets_its_turn(self):
        waiter = self.start("run", "-v", "busy", "--", "sh", "-c",
                            f"echo $ZKLOCK_WAITED >{self.path('waited')}; "
                            "exit 4")
        self.queued("busy")
        time.sleep(0.01)  # it is told in milliseconds, and must not be 0
        self.holder.unlock("busy")
        self.assertEqual(waiter.wait(), 4)
        self.assertGreater(float(self.there("waited")), 0)
        self.assertRegex(waiter.log_text(),
                         r"waiting for busy, held by \S+ .*you are #2")

    def test_a_signal_cancels_the_wait(self):
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP,
                       signal.SIGQUIT, signal.SIGUSR1):
            with self.subTest(number=number):
                waiter = self.start("run", "busy", "--", "true")
                self.queued("busy")
                waiter.signal(number)
                self.assertEqual(waiter.wait(), 128 + number)
                self.queued("busy", 0)

    def test_harmless_signals_do_not(self):
        waiter = self.start("run", "busy", "--", "true")
        self.queued("busy")
        waiter.signal(signal.SIGWINCH)
        waiter.signal(signal.SIGCONT)
        waiter.signal(signal.SIGURG)
        self.holder.unlock("busy")
        self.assertEqual(waiter.wait(), 0)

    def test_what_was_ignored_is_ignored(self):
        """nohup, or "&" in a script: neither a wait nor a hold ends."""
        ignored = (signal.SIGHUP, signal.SIGINT, signal.SIGQUIT)
        waiter = proc.Process(
            ["sh", "-c", "trap '' HUP INT QUIT; exec \"$@\"", "sh",
             *self.argv("hold", "busy")],
            env=quiet_env(), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            start_new_session=True)
        self.queued("busy")
        for number in ignored:
            self.assertFalse(self._blocks(waiter.pid, number))
            waiter.signal(number)
        self.holder.unlock("busy")
        self.assertIn(b"HELD busy", waiter.stdout.readline())
        for number in ignored:
            waiter.signal(number)
        self.client().err("TRYLOCK busy", "BUSY")
        waiter.signal(signal.SIGTERM)
        self.assertEqual(waiter.wait(), 0)

    def test_a_signal_while_connecting(self):
        waiter = proc.Process(
            [proc.zklock(), "-S", self.path("none"), "run",
             "--connect-timeout", "60s", "a", "--", "true"],
            stderr=subprocess.DEVNULL)
        proc.wait_until(lambda: self._blocks(waiter.pid, signal.SIGTERM), 10,
                        "it tries")
        waiter.signal(signal.SIGTERM)
        self.assertEqual(waiter.wait(), 128 + signal.SIGTERM)

    @staticmethod
    def _blocks(pid, number):
        with open(f"/proc/{pid}/status", encoding="ascii") as status:
            for text in status:
                if text.startswith("SigBlk:"):
                    return int(text.split()[1], 16) >> number - 1 & 1
        return False


class ChildTest(CliCase):

    def environment(self, *options, env=None):
        done = self.zklock("run", *options, "a/b:c", "--", "env", env=env)
        return dict(line.split("=", 1) for line in done.stdout.splitlines()
                    if line.startswith("ZKLOCK_"))

    def test_what_it_is_told(self):
        told = self.environment()
        hello = self.client().ok("HELLO 1")
        self.assertEqual(told["ZKLOCK_NAME"], "a/b:c")
        self.assertEqual(told["ZKLOCK_MODE"], "x")
        self.assertEqual(told["ZKLOCK_HELD"], "a/b%3Ac")
        self.assertEqual(told["ZKLOCK_SOCKET"], self.daemon.socket)
        self.assertEqual(told["ZKLOCK_HOST"], "host1")
        self.assertEqual(int(told["ZKLOCK_SESSION"], 16),
                         int(hello["session"], 16))
        self.assertGreater(int(told["ZKLOCK_TOKEN"]), 0)
        self.assertGreater(int(told["ZKLOCK_ID"]), 0)
        self.assertGreaterEqual(float(told["ZKLOCK_WAITED"]), 0)
        self.assertIn("a%2Fb", told["ZKLOCK_NODE"])
        self.assertGreater(int(told["ZKLOCK_FD"]), 2)

    def test_nested_names_add_up(self):
        told = self.environment(env={"ZKLOCK_HELD": "x:y"})
        self.assertEqual(told["ZKLOCK_HELD"], "x:y:a/b%3Ac")

    def test_the_connection_is_inherited(self):
        script = 'readlink "/proc/self/fd/$ZKLOCK_FD"'
        done = self.zklock("run", "a", "--", "sh", "-c", script)
        self.assertIn("socket:", done.stdout)
        told = self.environment("-o")
        self.assertNotIn("ZKLOCK_FD", told)

    def test_close_means_no_descriptor(self):
        done = self.zklock("run", "-o", "a", "--", "sh", "-c",
                           "ls -l /proc/$$/fd")
        self.assertNotIn("socket:", done.stdout)

    def test_its_options_are_its_own(self):
        done = self.zklock("run", "a", "--", "echo", "-n", "-v", "--json")
        self.assertEqual(done.stdout, "-v --json")
        done = self.zklock("run", "a", "--", "echo", "--", "x")
        self.assertEqual(done.stdout, "-- x\n")

    def test_a_shell_command(self):
        for words in (["-c", "exit $((40 + 2))", "a"],
                      ["a", "-c", "exit $((40 + 2))"]):
            self.zklock("run", *words, code=42)

    def test_it_starts_with_our_mask_and_manners(self):
        done = self.zklock("run", "a", "--", "grep", "-E",
                           "Sig(Blk|Ign)", "/proc/self/status")
        plain = proc.run(["grep", "-E", "Sig(Blk|Ign)",
                          "/proc/self/status"])
        self.assertEqual(done.stdout, plain.stdout)

    def test_no_fork(self):
        wrapper = self.start("run", "-F", "a", "--", "sh", "-c",
                             f"echo $$ >{self.path('pid')}; exec sleep 60")
        self.assertEqual(int(self.there("pid")), wrapper.pid)
        self.client().err("TRYLOCK a", "BUSY")
        wrapper.kill()
        self.client().lock("a")

    def test_a_group_of_its_own_without_a_terminal(self):
        for words, own in (([], True), (["--group"], True),
                           (["--foreground"], False)):
            with self.subTest(words=words):
                done = self.zklock("run", *words, "a", "--", "sh", "-c",
                                   "ps -o pgid= -p $$ -p $PPID")
                groups = done.stdout.split()
                self.assertEqual(len(set(groups)), 2 if own else 1)

    def test_a_held_name_of_a_parent(self):
        again = [*self.argv("run", "-w", "5", "a"), "--", "true"]
        done = self.zklock("run", "a", "--", *again, code=64)
        self.assertIn("ZKLOCK_HELD", done.stderr)
        again[4:4] = ["--nested", "join"]
        self.zklock("run", "a", "--", *again)

    def test_join_of_a_lock_that_is_gone(self):
        done = self.zklock("run", "--nested", "join", "a", "--", "true",
                           code=79,
                           env={"ZKLOCK_HELD": "a", "ZKLOCK_NAME": "a",
                                "ZKLOCK_ID": "999999",
                                "ZKLOCK_TOKEN": "5"})
        self.assertIn("a is not held any more", done.stderr)

    def test_a_background_child_does_not_keep_the_lock(self):
        done = subprocess.run(
            self.argv("run", "a", "--", "sh", "-c",
                      f"sleep 60 & echo $! >{self.path('pid')}"),
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, timeout=30, check=False)
        pid = int(self.there("pid"))
        try:
            self.assertEqual(done.returncode, 0)
            self.assertTrue(alive(pid))
            self.client().ok("TRYLOCK a", "GRANTED")
        finally:
            os.kill(pid, signal.SIGKILL)

    def test_wait_all_waits_for_it(self):
        wrapper = self.start("run", "--wait-all", "a", "--", "sh", "-c",
                             f"sleep 60 & echo $! >{self.path('pid')}")
        pid = int(self.there("pid"))
        self.client().err("TRYLOCK a", "BUSY")
        self.assertTrue(wrapper.alive())
        os.kill(pid, signal.SIGKILL)
        self.assertEqual(wrapper.wait(), 0)
        self.client().lock("a")


class SignalTest(CliCase):

    def child(self, script, *options):
        return self.start("run", *options, "a", "--", "sh", "-c",
                          f"{script}; echo $$ >{self.path('up')}; {LOOP}")

    def test_signals_are_passed_on(self):
        for name in ("HUP", "INT", "QUIT", "TERM", "USR1", "USR2"):
            with self.subTest(name=name):
                up = self.path("up")
                if os.path.exists(up):
                    os.unlink(up)
                wrapper = self.child(f"trap 'exit 9' {name}")
                self.there("up")
                wrapper.signal(getattr(signal, "SIG" + name))
                self.assertEqual(wrapper.wait(), 9)

    def test_a_child_that_dies_of_it(self):
        wrapper = self.child(":")
        self.there("up")
        wrapper.signal(signal.SIGTERM)
        self.assertEqual(wrapper.wait(), 128 + signal.SIGTERM)

    def test_a_stop_stops_both(self):
        """^Z as a shell without job control would send it."""
        wrapper = self.start("run", "a", "--", "sh", "-c",
                             "sleep 60 & trap 'kill $!; exit 9' TERM; "
                             f"echo $$ >{self.path('up')}; wait")
        pid = int(self.there("up"))
        wrapper.signal(signal.SIGTSTP)
        for one in (wrapper.pid, pid):
            proc.wait_until(lambda one=one: self.stands(one), 10,
                            f"{one} stands")
        wrapper.signal(signal.SIGCONT)
        for one in (wrapper.pid, pid):
            proc.wait_until(lambda one=one: not self.stands(one), 10,
                            f"{one} runs")
        wrapper.signal(signal.SIGTERM)
        self.assertEqual(wrapper.wait(), 9)

    @staticmethod
    def stands(pid):
        with open(f"/proc/{pid}/stat", "rb") as stat:
            return stat.read().rsplit(b")", 1)[1].split()[0] == b"T"

    def test_a_killed_wrapper_takes_the_child_along(self):
        wrapper = self.child(":")
        pid = int(self.there("up"))
        wrapper.kill()
        proc.wait_until(lambda: not alive(pid), 10, "the child is gone")
        self.client().lock("a")

    def test_a_killed_wrapper_never_frees_under_a_living_child(self):
        """The child will not end for TERM: then it keeps the lock."""
        wrapper = self.child("trap '' TERM")
        pid = int(self.there("up"))
        try:
            wrapper.kill()
            client = self.client()
            tag = client.enqueue("a")
            client.sync()
            self.assertTrue(alive(pid))
            with self.assertRaises(TimeoutError):
                client.granted(tag, 0.3)
        finally:
            os.kill(pid, signal.SIGKILL)
        client.granted(tag)
        self.assertFalse(alive(pid))


class KilledWrapperTest(CliCase):
    """kill -9 of the wrapper at any moment: whoever is granted the lock then
    finds no child of it alive, not even one that has not begun yet."""

    def test_at_any_moment(self):
        client = self.client()
        random = Random(20)
        start_s = self.start_s()
        ran = 0
        for trial in range(TRIALS):
            mark = self.path(f"up{trial}")
            wrapper = self.wrapper(mark)
            time.sleep(random.uniform(0, 2 * start_s))
            wrapper.kill()
            client.lock("k")
            left = self.marked(mark)
            for pid in left:
                os.kill(pid, signal.SIGKILL)
            self.assertEqual(left, [], f"trial {trial}")
            client.unlock("k")
            ran += os.path.exists(mark)
        self.assertGreater(ran, 0, "too early in all trials")
        self.assertLess(ran, TRIALS, "too late in all trials")

    def wrapper(self, mark):
        return proc.Process(
            self.argv("run", "k", "--", "sh", "-c",
                      'echo up >"$MARK"; exec sleep 60'),
            env=quiet_env(MARK=mark), start_new_session=True)

    def start_s(self):
        """From the wrapper's beginning to the child's, today."""
        begin = time.monotonic()
        wrapper = self.wrapper(self.path("up"))
        self.there("up")
        took_s = time.monotonic() - begin
        wrapper.kill()
        return took_s

    @staticmethod
    def marked(mark):
        """Who has it in the environment, before and after exec, and may
        still do something."""
        found = []
        for pid in filter(str.isdigit, os.listdir("/proc")):
            try:
                with open(f"/proc/{pid}/environ", "rb") as environ:
                    has = f"MARK={mark}".encode() in \
                        environ.read().split(b"\0")
            except OSError:
                continue
            if has and alive(int(pid)):
                found.append(int(pid))
        return found


class ReportTest(CliCase):

    def run_reported(self, *words, code):
        path = self.path("report")
        self.zklock("run", "--report", path, *words, code=code)
        with open(path, encoding="utf-8") as text:
            report = json.loads(text.read())
        self.assertEqual(report["exit_code"], code)
        return report

    def test_done(self):
        report = self.run_reported("a", "--", "sh", "-c",
                                   "sleep 0.1; exit 75", code=75)
        self.assertEqual(report["outcome"], "done")
        self.assertEqual(report["child_code"], 75)
        self.assertEqual(str(report["token"]), report["token_str"])
        self.assertGreaterEqual(report["held_s"], 0.1)
        self.assertGreaterEqual(report["waited_s"], 0)

    def test_not_had(self):
        self.client().lock("a")
        report = self.run_reported("-n", "a", "--", "true", code=75)
        self.assertEqual(report["outcome"], "busy")
        self.assertNotIn("child_code", report)
        report = self.run_reported("-w", "0.1", "a", "--", "true", code=75)
        self.assertEqual(report["outcome"], "timeout")
        self.assertGreaterEqual(report["waited_s"], 0.1)

    def test_the_other_ends(self):
        report = self.run_reported("a", "--", "/no/such", code=127)
        self.assertEqual(report["outcome"], "not_started")
        report = self.run_reported("a", "--", "sh", "-c", "kill -9 $$",
                                   code=137)
        self.assertEqual(report["child_signal"], "KILL")
        report = self.run_reported("--max-run", "0.2", "a", "--", "sleep",
                                   "60", code=128 + signal.SIGTERM)
        self.assertEqual(report["outcome"], "max_run")

    def test_to_a_descriptor(self):
        reading, writing = os.pipe()
        try:
            self.zklock("run", "--report-fd", str(writing), "a", "--",
                        "true", pass_fds=[writing])
            os.close(writing)
            writing = -1
            self.assertEqual(json.loads(os.read(reading, 4096))["outcome"],
                             "done")
        finally:
            os.close(reading)
            if writing >= 0:
                os.close(writing)


if __name__ == "__main__":
    unittest.main()
