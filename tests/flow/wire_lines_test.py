#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Bad lines, rows B1, B2, B3 and B18 of the bad-input matrix: one ERR for
each, the stream in step, nobody else disturbed."""
import os
import re
import sys
import unittest

sys.path.insert(0, os.path.join(os.path.dirname(__file__), "..", "support"))

import proc  # noqa: E402
from wirecase import IN_STEP, WireCase  # noqa: E402

LINE_MAX = 4096
ENDLESS = (1 << 30) if os.environ.get("ZKL_NIGHTLY") else (64 << 20)


class B1LongLineTest(WireCase):

    def padded(self, size):
        """A LIST line of exactly that size, its pattern one long word."""
        head = b"LIST "
        return head + b"a" * (size - len(head))

    def test_the_longest_line_is_read(self):
        raw = self.padded(LINE_MAX) + b"\n"
        for end in (b"\n", b"\r\n"):
            client = self.client()
            client.send_raw(raw[:-1] + end)
            self.assertNotIn("TOOLONG", client.line())
            self.in_step(client)

    def test_one_byte_more_is_too_long(self):
        self.one_err(self.padded(LINE_MAX + 1), "TOOLONG")
        self.one_err(b"#t " + self.padded(LINE_MAX + 1), "TOOLONG")

    def test_it_is_said_before_the_line_ends(self):
        client = self.client()
        client.send_raw(self.padded(LINE_MAX + 2))
        client.expect(f"ERR TOOLONG.* {LINE_MAX} bytes.*")
        client.send_raw(b"a" * 65536 + b"\n")
        self.in_step(client)

    def test_sixty_four_kilobytes(self):
        self.one_err(self.padded(65536), "TOOLONG")

    def test_two_long_lines_are_two_errors(self):
        line = self.padded(3 * LINE_MAX) + b"\n"
        self.converse(line + b"PING between\n" + line,
                      "ERR TOOLONG.*", "OK between", "ERR TOOLONG.*")

    def test_an_endless_line_costs_no_memory(self):
        client = self.client()
        client.send_raw(b"LIST ")
        before_kb = self.daemon.process.rss_kb()

        def pour():
            piece = b"a" * (1 << 20)
            for _ in range(ENDLESS >> 20):
                client.sock.sendall(piece)

        self.watched(pour, 50)
        client.expect("ERR TOOLONG.*")
        grown_kb = self.daemon.process.rss_kb() - before_kb
        self.assertLess(grown_kb, proc.RSS_SLACK_KB)
        client.send_raw(b"\n")
        self.in_step(client)

    def test_too_many_arguments(self):
        self.one_err("LOCK a" + " x=1" * 33, "ARGS")


class B2BlankTest(WireCase):

    def test_blank_lines_are_questions(self):
        self.converse("\n\n\r\n", *["OK zklockd .*"] * 3)

    def test_many_blank_lines(self):
        client = self.client()
        client.send_raw(b"\n" * 1000)
        for _ in range(1000):
            client.expect("OK zklockd .*")
        self.in_step(client)

    def test_a_lone_cr_ends_nothing(self):
        self.one_err(b"PING a\rPING b", "SYNTAX")
        self.one_err(b"\r\r", "SYNTAX")

    def test_nul_never_cuts_a_line_short(self):
        self.one_err(b"PING a\0", "SYNTAX")
        self.one_err(b"\0", "SYNTAX")
        self.one_err(b"LOCK a\0b", "SYNTAX")
        self.one_err(b"\0PING a", "SYNTAX")
        client = self.client()
        client.err(f"UNLOCK {self.name()}", "NOTHELD")

    def test_blanks_at_odd_places(self):
        """Words are parted by one space each; a tab is a control byte."""
        for raw in ("\tPING", "PING\ta", " PING", "  ", "PING  a",
                    "PING a "):
            with self.subTest(raw=raw):
                self.one_err(raw, "SYNTAX")
        self.converse("#1  PING\n", "#1 ERR SYNTAX .*")


class B3BytesTest(WireCase):

    EVIL = (b"\x1b[31mred\x1b[0m", b"\x7f", b"\x80", b"\xff\xfe",
            b"\xc0\xaf", b"\xe2\x80\xae", b"\xed\xa0\x80",
            b"\xf8\x88\x80\x80\x80", b"\xc3", b"a\x08b")

    def say(self, raw):
        """All lines of the answer to one raw line, as bytes."""
        client = self.client()
        client.send_raw(raw + b"\nPING " + IN_STEP.encode() + b"\n")
        lines = []
        while not lines or lines[-1] != f"OK {IN_STEP}":
            lines.append(client.line())
        return lines[:-1]

    def test_no_odd_byte_is_a_name(self):
        for evil in self.EVIL:
            for raw in (b"LOCK a" + evil, b"LOCK " + evil,
                        b'LOCK "' + evil + b'"'):
                with self.subTest(raw=raw):
                    lines = self.say(raw)
                    self.assertEqual(len(lines), 1, lines)
                    self.assertRegex(lines[0], "^ERR (SYNTAX|NAME) ")

    def test_escapes_do_not_smuggle_a_name(self):
        for raw in (b'LOCK "a\\x1bb"', b'LOCK "a\\x00b"', b'LOCK "a\\nb"',
                    b'LOCK "a b"', b'LOCK "a\\xff"', b'LOCK "a%"'):
            with self.subTest(raw=raw):
                lines = self.say(raw)
                self.assertEqual(len(lines), 1, lines)
                self.assertRegex(lines[0], "^ERR (SYNTAX|NAME|ARGS)")

    def test_nothing_odd_is_echoed(self):
        """Replies and the log hold no control byte and no direction
        override, whatever was sent."""
        asks = []
        for evil in self.EVIL:
            asks += [b"PING " + evil, evil, b"LOCK a key=" + evil,
                     evil + b" LOCK a", b"#" + evil + b" PING"]
        for number in (0x1b, 0x7f, 0x80, 0xff, 0x0a, 0x0d):
            asks.append(b'PING "\\x%02x"' % number)
        for raw in asks:
            with self.subTest(raw=raw):
                for text in self.say(raw):
                    self.assertNotRegex(
                        text, "[\x00-\x1f\x7f\x80-\x9f\u202e\ufffd]")
        log = self.daemon.log_text()
        self.assertNotRegex(log, "[\x00-\x09\x0b-\x1f\x7f\u202e\ufffd]")

    def test_a_note_with_escapes_is_shown_escaped(self):
        client = self.client()
        name = self.name()
        client.lock(name, r'note="\x1b[2Jbad"')
        row = client.ok(f"LIST {name}").rows[0]
        self.assertNotIn("\x1b", row)

    def test_utf8_in_a_note_passes(self):
        client = self.client()
        name = self.name()
        client.lock(name, 'note="Übung ✓"')
        client.unlock(name)


class B18OtherProtocolsTest(WireCase):

    def answers(self, raw, lines_n):
        for dribble in (False, True):
            client = self.client()
            (client.dribble if dribble else client.send_raw)(raw)
            for _ in range(lines_n):
                client.expect("ERR (SYNTAX|UNKNOWN) .*")
            self.in_step(client)

    def test_http(self):
        self.answers(b"GET /index HTTP/1.1\r\nHost: localhost\r\n"
                     b"User-Agent: x\r\n", 3)

    def test_http_ends_with_a_blank_line(self):
        self.converse(b"GET / HTTP/1.0\r\n\r\n",
                      "ERR UNKNOWN .*", "OK zklockd .*")

    def test_tls_hello(self):
        hello = (b"\x16\x03\x01\x00\x2f\x01\x00\x00\x2b\x03\x03"
                 + bytes(range(32)).replace(b"\n", b"\x0b")
                 + b"\x00\x00\x02\x13\x01\x01\x00\n")
        self.answers(hello, 1)

    def test_ssh_banner(self):
        self.answers(b"SSH-2.0-OpenSSH_9.2p1 Debian-2\r\n", 1)

    def test_telnet_negotiation_is_not_stripped(self):
        self.answers(b"\xff\xfb\x1f\xff\xfd\x03PING\r\n", 1)

    def test_an_unknown_verb_names_the_nearest(self):
        client = self.client()
        client.send("LOKC backup")
        text = client.expect("ERR UNKNOWN.*").group(0)
        self.assertRegex(text, r"\bLOCK\b")

    def test_syntax_errors_say_their_column(self):
        client = self.client()
        client.send('PING "open')
        found = re.search(r"column=(\d+)",
                          client.expect("ERR SYNTAX.*").group(0))
        self.assertEqual(found.group(1), "6")

    def test_an_error_line_carries_its_tag(self):
        self.converse("#q NONSENSE a\n", "#q ERR UNKNOWN.*")
        self.converse("#q LOCK\n", "#q ERR ARGS.*")
        self.converse("#q LOCK a colour=red\n", "#q ERR ARGS.*")


if __name__ == "__main__":
    unittest.main()
