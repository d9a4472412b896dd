#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""zklock's other commands against a real daemon: list, status, stats, check,
hold, ping, version, help, doctor, shell and completion."""
import json
import os
import re
import shutil
import socket
import subprocess
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from clicase import CliCase, quiet_env  # noqa: E402
from daemon import Daemon  # noqa: E402

VERSION = "0.1.0"


class ListTest(CliCase):

    def test_columns(self):
        granted = self.client().lock("backup", 'note="nightly dump"')
        waiter = self.client("waiter")
        waiter.enqueue("backup")
        lines = self.zklock("list", "back*").stdout.splitlines()
        self.assertEqual(lines[0].split(), [
            "NAME", "MODE", "STATE", "HOLDER", "PID", "TOKEN", "WAITERS",
            "HELD"])
        cells = lines[1].split()
        self.assertEqual(cells[:3], ["backup", "x", "held"])
        self.assertTrue(cells[3].startswith("host1:"), lines[1])
        self.assertEqual(cells[-4:-1], [str(os.getpid()),
                                        str(granted.token), "1"])
        self.assertIn("waiting", lines[2])

    def test_a_wrapper_signs_with_its_name(self):
        done = self.zklock("run", "signed", "--", *self.argv(
            "list", "--raw", "--noheadings", "-o", "HOLDER", "signed"))
        self.assertEqual(done.stdout, "host1:zklock\\x20run\\x20signed\n")

    def test_json_is_typed(self):
        granted = self.client().lock("json", 'note="a \\"b\\""')
        for words in (["--json", "list", "json"], ["list", "-J", "json"]):
            lock, = json.loads(self.zklock(*words).stdout)["locks"]
            self.assertEqual(lock["name"], "json")
            self.assertEqual(lock["pid"], os.getpid())
            self.assertEqual(lock["token"], granted.token)
            self.assertEqual(lock["token_str"], str(granted.token))
            self.assertEqual(lock["note"], 'a "b"')
            self.assertEqual(f"@{lock['id']}", granted.id)
            self.assertLess(lock["held_s"], 60)

    def test_nothing_is_valid_json_too(self):
        done = self.zklock("--json", "list", "no-such*")
        self.assertEqual(json.loads(done.stdout), {"locks": []})

    def test_choice_of_columns(self):
        self.client().lock("chosen", 'note="two words"')
        done = self.zklock("list", "--raw", "--noheadings", "-o",
                           "note,NAME", "chosen")
        self.assertEqual(done.stdout, "two\\x20words chosen\n")
        done = self.zklock("list", "-o", "+note", "chosen")
        self.assertRegex(done.stdout, r"NAME .* HELD +NOTE\n")
        self.assertIn("two words", done.stdout)
        done = self.zklock("list", "-o", "colour", code=64)
        self.assertIn("colour", done.stderr)

    def test_the_whole_cluster(self):
        self.client().lock("all/a", 'note="why not"')
        self.client().lock("all/b", "mode=s")
        done = self.zklock("list", "-a", "all/*")
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0].split(),
                         ["NAME", "MODE", "BIDS", "HOLDER", "PID", "AGE"])
        self.assertEqual(lines[1].split()[:3], ["all/a", "x", "1"])
        self.assertEqual(lines[2].split()[:3], ["all/b", "s", "1"])
        self.assertIn("host1:", lines[1])
        done = self.zklock("--json", "list", "--all", "all/a")
        lock, = json.loads(done.stdout)["locks"]
        self.assertEqual((lock["host"], lock["note"], lock["pid"]),
                         ("host1", "why not", os.getpid()))
        self.zklock("list", "-a", "no such", code=64)

    def test_who(self):
        self.client().lock("queue", 'note="why not"')
        lines = self.zklock("who", "queue").stdout.splitlines()
        self.assertEqual(lines[0].split(), ["POS", "STATE", "MODE", "WHO",
                                            "HOLDER", "PID", "AGE", "NOTE"])
        cells = lines[1].split()
        self.assertEqual(cells[:4], ["1", "front", "x", "zklockd"])
        self.assertEqual(cells[-2:], ["why", "not"])
        done = self.zklock("who", "--raw", "--noheadings", "-o",
                           "NAME,HOST,UID", "queue")
        self.assertEqual(done.stdout, f"queue host1 {os.getuid()}\n")
        self.assertEqual(json.loads(
            self.zklock("--json", "who", "nobody").stdout), {"queue": []})
        self.zklock("who", "no such", code=64)
        self.zklock("who", code=64)

    def test_a_full_disk_is_an_error(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run(self.argv("status"), stdout=full,
                                  stderr=subprocess.PIPE, env=quiet_env(),
                                  timeout=30, check=False)
        self.assertEqual(done.returncode, 71)
        self.assertIn(b"No space", done.stderr)


class StateTest(CliCase):

    def test_status(self):
        text = self.zklock("status").stdout
        self.assertRegex(text, r"(?m)^state +dev$")
        self.assertRegex(text, r"(?m)^timeout +4\.0s$")
        status = json.loads(self.zklock("--json", "status").stdout)
        self.assertEqual(status["state"], "dev")
        self.assertEqual(status["version"], VERSION)
        self.assertEqual(status["timeout_s"], 4)
        self.assertIsInstance(status["clients"], int)

    def test_stats(self):
        self.client().lock("counted")
        stats = json.loads(self.zklock("stats", "--json").stdout)
        self.assertGreater(stats["requests_total"], 0)
        self.assertRegex(self.zklock("stats").stdout,
                         r"(?m)^requests_total +\d+$")

    def test_ping_and_version(self):
        self.assertRegex(self.zklock("ping").stdout,
                         rf"^zklockd/{VERSION} answers in \d+\.\d+ ms, dev$")
        self.assertEqual(self.zklock("ping", "-q").stdout, "")
        self.assertEqual(json.loads(self.zklock("ping", "-J").stdout)
                         ["state"], "dev")
        wished = (f"zklock {VERSION}\nlibzklock {VERSION}\n"
                  f"zklockd/{VERSION}\n")
        self.assertEqual(self.zklock("version").stdout, wished)
        self.assertEqual(self.zklock("--version").stdout, wished)
        self.assertEqual(json.loads(self.zklock("--json", "version").stdout)
                         ["server"], f"zklockd/{VERSION}")

    def test_without_a_daemon(self):
        path = self.path("none")
        for words, code in ((["list"], 69), (["status"], 69),
                            (["ping"], 69), (["check", "a"], 69),
                            (["shell"], 69), (["doctor"], 2),
                            (["version"], 0), (["help"], 0)):
            with self.subTest(words=words):
                done = proc.run([proc.zklock(), "-S", path, *words],
                                env=quiet_env())
                self.assertEqual(done.returncode, code, done.stderr)
                if code == 69:
                    self.assertIn(path, done.stderr)
                    self.assertEqual(done.stdout, "")

    def test_the_socket_of_the_environment(self):
        done = proc.run([proc.zklock(), "ping"],
                        env=quiet_env(ZKLOCK_SOCKET=self.daemon.socket))
        self.assertEqual(done.returncode, 0, done.stderr)

    def test_doctor(self):
        done = self.zklock("doctor", code=1)  # --dev is worth a look
        self.assertRegex(done.stdout, r"(?m)^ok +socket +" +
                         re.escape(self.daemon.socket))
        self.assertRegex(done.stdout, r"(?m)^look +session .*--dev")
        checks = json.loads(self.zklock("--json", "doctor", code=1).stdout)
        self.assertIn("lease page",
                      [check["check"] for check in checks["checks"]])

    def test_doctor_without_zookeeper(self):
        daemon = Daemon("127.0.0.1:1").start("connecting")
        try:
            done = proc.run([proc.zklock(), "-S", daemon.socket, "doctor"],
                            env=quiet_env())
        finally:
            daemon.stop()
        self.assertEqual(done.returncode, 2, done.stderr)
        self.assertRegex(done.stdout, r"(?m)^broken +session +the daemon is "
                                      r"connecting; ZooKeeper: 127.0.0.1:1 ")

    def test_doctor_without_a_daemon(self):
        done = proc.run([proc.zklock(), "-S", self.path("none"), "doctor"],
                        env=quiet_env())
        self.assertIn("systemctl start zklockd.socket", done.stdout)


class CheckTest(CliCase):

    def test_under_run(self):
        inner = " ".join(self.argv("check", "mine"))
        self.zklock("run", "mine", "--", "sh", "-c", inner)
        self.zklock("run", "mine", "--", "sh", "-c",
                    " ".join(self.argv("check")) + ' "@$ZKLOCK_ID"')

    def test_further_up(self):
        """The name of an outer lock: the list knows whose it is."""
        inner = self.argv("run", "inner", "--", *self.argv("check", "outer"))
        self.zklock("run", "outer", "--", *inner)

    def test_not_ours(self):
        proc_of_another = self.start("hold", "theirs", stdin=subprocess.PIPE,
                                     stdout=subprocess.PIPE)
        proc_of_another.stdout.readline()
        done = self.zklock("check", "theirs", code=1)
        self.assertIn("theirs", done.stderr)
        self.assertEqual(self.zklock("check", "-q", "nobodys",
                                     code=1).stderr, "")
        proc_of_another.stdin.close()
        self.assertEqual(proc_of_another.wait(), 0)

    def test_an_old_token(self):
        granted = self.client().lock("old")
        self.zklock("check", granted.id, "--token", str(granted.token),
                    code=64)  # options go first
        self.zklock("check", "--token", str(granted.token), granted.id)
        self.zklock("check", "--token", str(granted.token - 1), granted.id,
                    code=1)
        self.zklock("check", granted.id, code=64)
        self.zklock("check", "@x", code=64)


class HoldTest(CliCase):

    def hold(self, *words, **kwargs):
        kwargs.setdefault("stdin", subprocess.PIPE)
        holder = self.start("hold", *words, stdout=subprocess.PIPE, **kwargs)
        return holder, holder.stdout.readline().decode()

    def test_until_input_ends(self):
        holder, line = self.hold("a")
        self.assertRegex(line, r"^HELD a id=@\d+ token=\d+ mode=x "
                               r"waited_ms=\d+ node=\S+\n$")
        client = self.client()
        client.err("TRYLOCK a", "BUSY")
        tag = client.enqueue("a")
        holder.stdin.write(b"something\n")
        holder.stdin.flush()
        client.sync()
        self.assertTrue(holder.alive())
        holder.stdin.close()
        client.granted(tag)
        self.assertEqual(holder.wait(), 0)

    def test_until_a_signal(self):
        holder, _ = self.hold("b")
        holder.signal(15)
        self.assertEqual(holder.wait(), 0)
        self.client().lock("b")

    def test_json(self):
        holder, line = self.hold("-J", "c")
        held = json.loads(line)
        self.assertEqual(held["name"], "c")
        self.assertEqual(str(held["token"]), held["token_str"])
        holder.stdin.close()
        self.assertEqual(holder.wait(), 0)

    def test_busy(self):
        self.client().lock("d")
        self.zklock("hold", "-n", "d", code=75)
        self.zklock("hold", "-w", "0.1", "-E", "3", "d", code=3)

    def test_notify_does_not_read_input(self):
        path = self.path("notify")
        with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
            manager.bind(path)
            manager.settimeout(15)
            holder = self.start("hold", "--notify", "e",
                                env={"NOTIFY_SOCKET": path})
            self.assertIn(b"READY=1", manager.recv(1000))
            self.client().err("TRYLOCK e", "BUSY")
            holder.signal(15)
            self.assertIn(b"STOPPING=1", manager.recv(1000))
            self.assertEqual(holder.wait(), 0)


class ShellTest(CliCase):

    def test_piped(self):
        done = self.zklock("shell", stdin=None,
                           input="PING one\nLOCK piped\nnonsense\n")
        lines = done.stdout.splitlines()
        self.assertEqual(lines[0], "OK one")
        self.assertTrue(any(line.startswith("GRANTED piped ")
                            for line in lines), lines)
        self.assertTrue(any(line.startswith("ERR UNKNOWN")
                            for line in lines), lines)


    def test_piped_without_end(self):
        """More answers than anybody keeps: it reads while it writes."""
        done = self.zklock("shell", stdin=None, input="STATUS\n" * 60000)
        self.assertEqual(sum(line.startswith("OK ")
                             for line in done.stdout.splitlines()), 60000)

    def test_what_could_not_be_said(self):
        self.zklock("shell", stdin=None, input="PING\nQUIT\n")
        # A file: a pipe may be empty at the moment, and no more is known.
        with open(self.path("said"), "w+", encoding="ascii") as said:
            said.write("QUIT\n" + "PING\n" * 100000)
            said.seek(0)
            done = self.zklock("shell", stdin=said, code=69)
        self.assertIn("before all was sent", done.stderr)


class ElsewhereTest(CliCase):
    """What shows tables is a program beside the one that takes locks."""

    def test_what_takes_locks_loads_little(self):
        readelf = shutil.which("readelf")
        if not readelf:
            self.skipTest("no readelf")
        text = proc.run([readelf, "-d", proc.zklock()]).stdout
        needed = set(re.findall(r"NEEDED.*\[(.*?)\.so", text))
        if os.environ.get("ZKL_SANITIZED"):
            needed -= {"libasan", "libubsan", "libtsan", "libm",
                       "libgcc_s", "libpthread", "libdl", "librt",
                       "libresolv"}
        self.assertEqual(needed - {"ld-linux-x86-64"}, {"libc", "libjansson"})

    def test_where_it_is_looked_for(self):
        programs, others = self.path("bin"), self.path("libexec/zklock")
        os.makedirs(programs)
        os.makedirs(others)
        shutil.copy(proc.zklock(), programs)
        here = proc.zklock() + "-look"
        argv = [programs + "/zklock", "-S", self.daemon.socket, "list",
                "--noheadings"]
        self.client().lock("it")
        done = proc.run(argv, env=quiet_env())
        self.assertEqual(done.returncode, 71)
        self.assertRegex(done.stderr, "^zklock: cannot run .*zklock-look: ")
        for folder in (others, programs):
            shutil.copy(here, folder)
            done = proc.run(argv, env=quiet_env())
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertRegex(done.stdout, "^it ")
            os.unlink(folder + "/zklock-look")


class HelpTest(CliCase):

    def test_every_command_has_help(self):
        text = self.zklock("help").stdout
        names = re.findall(r"(?m)^  (\w+) ", text.split("Options of")[0])
        self.assertGreater(len(names), 10)
        for name in names:
            with self.subTest(name=name):
                one = self.zklock("help", name).stdout
                self.assertTrue(one.startswith(f"Usage: zklock {name} "))
                self.assertEqual(self.zklock(name, "--help").stdout, one)
        self.zklock("help", "nothing", code=64)

    def test_every_option_is_in_the_manual_and_back(self):
        with open(os.path.join(proc.source_dir(), "client", "zklock.1"),
                  encoding="utf-8") as page:
            manual = page.read()
        told = set(re.findall(r"Fl Fl ([a-z-]+)", manual))
        text = "".join(self.zklock("help", name).stdout for name in (
            "run", "hold", "list", "check", "kick", "wait"))
        flock = proc.run([os.path.join(os.path.dirname(proc.zklock()),
                                       "zkflock"), "--help"]).stdout
        known = set(re.findall(r"--([a-z][a-z-]+)", text + flock))
        known -= {"help"} if "help" not in told else set()
        self.assertEqual(told - known, set(), "in the manual only")
        self.assertEqual(known - told, set(), "in the program only")
        for name in re.findall(r"(?m)^  (\w+) ", self.zklock(
                "help").stdout.split("Options of")[0]):
            self.assertIn(f".It Cm {name}", manual)

    def test_completions_parse_and_know_it_all(self):
        for shell in ("bash", "zsh", "fish"):
            text = self.zklock("completion", shell).stdout
            for word in ("kill-after", "doctor", "on-lost"):
                self.assertIn(word, text)
            path = shutil.which(shell)
            if path:
                done = proc.run([path, "-n", "/dev/stdin"], stdin=None,
                                input=text)
                self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.zklock("completion", "csh", code=64)

    def complete(self, *words):
        script = self.zklock("completion", "bash").stdout + (
            "COMP_WORDS=(%s); COMP_CWORD=%d; _zklock; "
            'printf "%%s\\n" "${COMPREPLY[@]}"' % (
                " ".join(f"'{word}'" for word in words), len(words) - 1))
        folder = os.path.dirname(proc.zklock())
        done = proc.run(["bash", "-c", script], env=quiet_env(
            PATH=f"{folder}:{os.environ['PATH']}",
            ZKLOCK_SOCKET=self.daemon.socket))
        return done.stdout.split()

    def test_completion_in_bash(self):
        self.client().lock("complete/me")
        self.assertIn("doctor", self.complete("zklock", "do"))
        self.assertIn("--kill-after", self.complete("zklock", "run", "--k"))
        self.assertEqual(self.complete("zklock", "run", "-w", "5", "comp"),
                         ["complete/me"])
        self.assertIn("true", self.complete("zklock", "run", "a", "--",
                                            "tru"))
        self.assertIn("true", self.complete("zklock", "run", "a", "b", "--",
                                            "tru"))
        for words in (["hold", "a"], ["run", "a"], ["who"], ["revoke"]):
            self.assertIn("complete/me",
                          self.complete("zklock", *words, "comp"), words)
        self.assertEqual(self.complete("zklock", "completion", "z"),
                         ["zsh"])


if __name__ == "__main__":
    unittest.main()
