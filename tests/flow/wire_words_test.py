#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Bad names and numbers, rows B4 and B5 of the bad-input matrix, and what
the server refuses to guess: unknown keys, missing and needless words."""
import os
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

from wirecase import WireCase  # noqa: E402

NAME_MAX = 255


class B4NamesTest(WireCase):

    BAD = ('""', ".", "..", "/", "//", "/zookeeper", "/zookeeper/quota",
           "%n%s", "../../x", "a/../b", "a/./b", "a//b", "trailing/",
           ".hidden", "@at", "#hash", "-dash", "a b", "a*b", "a?b",
           "ünicode", "a%2Fb", "a\\\\b", "a;b", "a'b", "$HOME", "a|b",
           "a" * (NAME_MAX + 1), "a" * 3000, "/" + "a" * NAME_MAX)

    def test_bad_names_are_refused(self):
        for name in self.BAD:  # each verb has the same judge
            for verb in ("LOCK", "TRYLOCK", "UNLOCK"):
                with self.subTest(verb=verb, name=name[:40]):
                    word = f'"{name}"' if " " in name or "\\" in name \
                        else name
                    code = "ARGS" if name == "@at" and verb == "UNLOCK" \
                        else "NAME"  # there it is an id
                    self.one_err(f"{verb} {word}", code)

    def test_a_bad_name_says_its_byte(self):
        client = self.client()
        reply = client.err("LOCK abc%def", "NAME")
        self.assertEqual(reply["byte"], "4")

    def test_literal_paths_need_a_share(self):
        client = self.client()
        reply = client.call("LOCK /other/locks/a")
        self.assertIn(reply.code, ("NAME", "DENIED"))

    def test_nothing_of_it_reaches_the_tree(self):
        client = self.client()
        for name in ("../../x", "a/../b", "..", "%n%s"):
            client.call(f"LOCK {name}")
        self.assertEqual(client.ok("LIST").args, ["1"])  # the witness

    def test_odd_but_good_names(self):
        client = self.client()
        for name in ("a" * NAME_MAX, "a", "0", "_", "~a", "+x", ":",
                     "a/b/c", "a.b", "a..b", "A-Z", "a@b", "a,b", "a+b~c:d"):
            with self.subTest(name=name[:40]):
                self.assertEqual(client.lock(name).args[0], name)
                client.unlock(name)

    def test_names_differ_by_case(self):
        one, two = self.client(), self.client()
        one.lock(self.name("-a"))
        two.ok(f"TRYLOCK {self.name('-A')}", "GRANTED")

    def test_a_quoted_name_is_the_same_name(self):
        client = self.client()
        client.lock(f'"{self.name()}"')
        client.err(f"LOCK {self.name()}", "HELD")


class B5NumbersTest(WireCase):

    BAD = ("-1", "+1", "0x10", "1e9", "", '" 1"', '"1 "', "1x", "1.2.3",
           ".5", "1.", "ms", str(1 << 63), str((1 << 64) + 1), "9" * 60,
           "1w", "1MS", "inf", "nan", "--1", "١", "00010ms", "01")

    def test_bad_durations(self):
        for value in self.BAD:
            with self.subTest(value=value):
                self.one_err(f"LOCK {self.name()} wait={value}", "ARGS")

    def test_bad_tokens(self):
        client = self.client()
        name = self.name()
        granted = client.lock(name)
        for value in ("-1", "+1", "0x10", "1e9", '""', '" 1"', "1x",
                      str(1 << 63), str((1 << 64) + granted.token), "1.0"):
            with self.subTest(value=value):
                client.err(f"UNLOCK {name} token={value}", "ARGS")
        self.assertEqual(client.ok(f"CHECK {name}")["held"], "1")

    def test_bad_ids(self):
        client = self.client()
        for value in ("@", "@-1", "@x", "@1x", "@0x1", f"@{1 << 63}",
                      f"@{(1 << 64) + 1}", "@+1", "@1.0"):
            with self.subTest(value=value):
                client.err(f"UNLOCK {value}", "ARGS")

    def test_good_durations(self):
        owner = self.client("owner")
        name = self.name()
        owner.lock(name)
        client = self.client()
        for value in ("1ms", "0.02", "0.02s", "1.5ms"):
            with self.subTest(value=value):
                client.err(f"LOCK {name} wait={value}", "TIMEOUT")
        for value in ("0", "0ms", "0s"):
            client.err(f"LOCK {name} wait={value}", "BUSY")
        for value in ("forever", "2m", "1.5h", "1d"):
            with self.subTest(value=value):
                tag = client.enqueue(name, f"wait={value}")
                client.ok(f"CANCEL {tag}")
                self.assertEqual(client.reply(tag).code, "CANCELLED")

    def test_other_bad_values(self):
        for text in ("LOCK a mode=y", "LOCK a mode=", "HELLO x",
                     "HELLO -1", "HELLO 1 lease=pull", "LIST state=odd",
                     "CHECK a sync=2", "CHECK a sync=yes",
                     "HELP NOSUCHVERB"):
            with self.subTest(text=text):
                self.one_err(text, "ARGS")


class ArgumentsTest(WireCase):

    def test_unknown_keys_are_refused(self):
        """A typo must not be silent."""
        for text in ("LOCK a wiat=5s", "PING colour=red", "STATUS x=1",
                     "UNLOCK a wait=1s", "LOCK a node=/x"):
            with self.subTest(text=text):
                self.one_err(text, "ARGS")
        self.client().err("UNLOCK a", "NOTHELD")

    def test_missing_and_needless_words(self):
        for text in ("LOCK", "TRYLOCK", "UNLOCK", "CANCEL", "CHECK",
                     "UNLOCK a b", "PING a b", "QUIT now", "STATUS all"):
            with self.subTest(text=text):
                self.one_err(text, "ARGS")

    def test_a_key_given_twice(self):
        self.one_err("LOCK a wait=1s wait=2s", "ARGS")

    def test_bad_tags(self):
        for text in ("# PING", "#" + "a" * 33 + " PING", "#a!b PING",
                     "#a", "#"):
            with self.subTest(text=text):
                self.converse(text + "\n", "(#a )?ERR SYNTAX .*")

    def test_a_long_note_is_refused(self):
        self.one_err(f"LOCK a note={'n' * 257}", "ARGS")
        client = self.client()
        client.lock(self.name(), "note=" + "n" * 256)

    def test_bad_quotes(self):
        for text in ('PING "open', 'PING "a"b', 'PING a"b', r'PING "\q"',
                     r'PING "\x4"', r'PING "\xzz"', r"PING a\b"):
            with self.subTest(text=text):
                self.one_err(text, "SYNTAX")


if __name__ == "__main__":
    unittest.main()
