#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Each promise that a history file breaks is flagged, and no other."""
import io
import os
import tempfile
import unittest

import historyfile

SESSION_MS, TICK_MS = 4000, 500
GOOD = """
# two hosts, one lock
0 heal -
1 page h1 page=7 gen=1 until=4000
5 ask h1/c1/1 lock=a mode=x
6 ask h2/c1/1 lock=a mode=x
10 grant h1/c1/1 lock=a token=20480 gen=1 page=7 until=4000 node=/z/a/n1
11 node w lock=a path=/z/a/n1 czxid=0xa
12 write h1/c1/1 lock=a token=20480 taken=1
900 page h1 page=7 gen=1 until=5000
2000 release h1/c1/1 lock=a
2010 grant h2/c1/1 lock=a token=22528 gen=1 until=6000 node=/z/a/n2
2011 node w lock=a path=/z/a/n2 czxid=0xb
2020 write h2/c1/1 lock=a token=22528 taken=1
2100 release h2/c1/1 lock=a
3000 end -
"""


class HistoryFileTest(unittest.TestCase):

    def verdict(self, *texts):
        paths = []
        with tempfile.TemporaryDirectory() as folder:
            for number, text in enumerate(texts):
                paths.append(os.path.join(folder, str(number)))
                with open(paths[-1], "w", encoding="ascii") as out:
                    out.write(text)
            return historyfile.Verdict(historyfile.read(paths), SESSION_MS,
                                       TICK_MS, slack_ms=0.0)

    def finds(self, verdict, *words):
        findings = verdict.findings()
        self.assertEqual(len(findings), len(words), findings)
        for word, finding in zip(words, findings):
            self.assertIn(word, finding)

    def flagged(self, text, *words):
        self.finds(self.verdict(text), *words)

    def test_a_good_history_passes(self):
        verdict = self.verdict(GOOD)
        self.finds(verdict)
        self.assertEqual(len(verdict.holds), 2)
        self.assertEqual(verdict.seen.witnessed(), 2)
        self.assertIn("grants=2 overlaps=0", verdict.line())

    def test_files_are_sorted_together_by_time(self):
        lines = GOOD.strip().split("\n")
        self.finds(self.verdict("\n".join(lines[::2]),
                                "\n".join(lines[1::2])))

    def test_an_unknown_event_is_no_history(self):
        with self.assertRaises(ValueError):
            self.verdict("1 grnat h1/c1/1 lock=a")

    # (a)

    def test_a_grant_beside_a_hold_is_flagged(self):
        self.flagged(GOOD.replace("2000 release", "2015 release"), "overlap")

    def test_the_page_keeps_a_hold_alive(self):
        """The holder never ends it; the other's grant is before the page's
        last deadline, though past GRANTED's."""
        self.flagged("1 page h1 page=7 gen=1 until=4000\n"
                     "10 grant h1/c/1 lock=a token=1 gen=1 page=7 "
                     "until=4000\n"
                     "900 page h1 page=7 gen=1 until=5000\n"
                     "4500 grant h2/c/1 lock=a token=2 gen=1 until=9000\n",
                     "overlap")

    def test_another_pages_deadline_is_not_its_own(self):
        self.flagged("10 grant h1/c/1 lock=a token=1 gen=1 page=7 "
                     "until=4000\n"
                     "900 page h1 page=8 gen=1 until=5000\n"
                     "901 page h1 page=7 gen=2 until=5000\n"
                     "902 page h2 page=7 gen=1 until=5000\n"
                     "4500 grant h2/c/1 lock=a token=2 gen=1 until=9000\n")

    def test_a_page_that_is_set_to_nothing_ends_the_hold(self):
        self.flagged("10 grant h1/c/1 lock=a token=1 gen=1 page=7 "
                     "until=4000\n"
                     "900 page h1 page=7 gen=1 until=0\n"
                     "901 grant h2/c/1 lock=a token=2 gen=1 until=9000\n")

    def test_what_was_taken_back_before_it_was_read_is_no_hold(self):
        """A client that stood still reads GRANTED when the page says that
        its daemon is to end, has ended, or has another session."""
        for page in ("gen=1 until=800", "gen=1 until=0", "gen=2 until=9000"):
            self.flagged("1 page h1 page=7 gen=1 until=4000\n"
                         f"900 page h1 page=7 {page}\n"
                         "901 grant h2/c/1 lock=a token=2 gen=1 until=9000\n"
                         "902 grant h1/c/1 lock=a token=1 gen=1 page=7 "
                         "until=4000\n"
                         "903 lost h1/c/1 lock=a token=1 reason=shutdown\n"
                         "950 release h2/c/1 lock=a\n")

    def test_a_page_that_is_seen_late_takes_nothing_back(self):
        self.flagged("900 page h1 page=7 gen=1 until=4000\n"
                     "901 grant h1/c/1 lock=a token=1 gen=1 page=7 "
                     "until=4100\n"
                     "4050 grant h2/c/1 lock=a token=2 gen=1 until=9000\n",
                     "overlap")
        self.flagged("900 page h1 page=7 gen=1 until=4000\n"
                     "901 grant h1/c/1 lock=a token=1 gen=2 page=7 "
                     "until=4100\n"
                     "4050 grant h2/c/1 lock=a token=2 gen=1 until=9000\n",
                     "overlap")

    def test_a_dead_process_holds_nothing(self):
        self.flagged("10 grant h1/c/1 lock=a token=1 gen=1 until=4000\n"
                     "900 kill h1/c\n"
                     "901 grant h2/c/1 lock=a token=2 gen=1 until=9000\n")

    # (b)

    def test_a_falling_token_is_flagged(self):
        self.flagged("10 grant h1/c/1 lock=a token=3 gen=1 until=4000\n"
                     "20 release h1/c/1 lock=a\n"
                     "30 grant h2/c/1 lock=a token=2 gen=1 until=9000\n",
                     "token fell")

    # (c)

    def test_a_holder_that_is_refused_is_flagged(self):
        self.flagged(GOOD.replace("taken=1", "taken=0", 1), "refused")

    def test_a_late_writer_may_be_refused(self):
        """Its hold is over: that is what the token is for."""
        verdict = self.verdict(
            GOOD + "2500 write h1/c1/1 lock=a token=20480 taken=0\n")
        self.finds(verdict)
        self.assertIn("late_writes_refused=1", verdict.line())

    # (d)

    def test_a_token_of_another_node_is_flagged(self):
        self.flagged(GOOD.replace("czxid=0xb", "czxid=0xc"),
                     "token of another node")

    # (e)

    LATE = ("10 grant h1/c1/1 lock=a token=1 gen=1 until=4000\n"
            "4100 lost h1/c1/1 lock=a token=1 reason=deadline\n"
            "9000 end -\n")

    def test_a_hold_that_ran_out_untold_is_flagged(self):
        self.flagged(self.LATE, "late notice")
        self.flagged(self.LATE + "4050 suspended h1/c1/1 until=4000\n",
                     "late notice")
        self.flagged(self.LATE + "3050 suspended h1/c1/1 until=4000\n"
                     "3060 resumed h1/c1/1 until=4000\n", "late notice")

    def test_a_hold_that_ran_out_told_is_good(self):
        self.flagged(self.LATE + "3050 suspended h1/c1/1 until=4000\n")

    def test_draining_is_a_notice_that_stays(self):
        self.flagged(self.LATE + "3000 draining h1/c1/1\n"
                     "3050 suspended h1/c1/1 until=4000\n"
                     "3060 resumed h1/c1/1 until=4000\n")

    def test_an_open_hold_ran_out_by_the_end(self):
        self.flagged("10 grant h1/c1/1 lock=a token=1 gen=1 until=4000\n"
                     "9000 end -\n", "late notice")

    def test_who_stands_still_cannot_be_told(self):
        for who in ("h1", "h1/d", "h1/c1"):
            self.flagged(f"{self.LATE}3000 stop {who}\n4090 go {who}\n")
        for who in ("h2/d", "h1/c2"):
            self.flagged(f"{self.LATE}3000 stop {who}\n4090 go {who}\n",
                         "late notice")

    def test_who_went_on_in_time_must_be_told(self):
        self.flagged(self.LATE + "1000 stop h1/d\n3000 go h1/d\n",
                     "late notice")

    # (f)

    STUCK = ("0 heal -\n"
             "10 ask h1/c1/1 lock=a mode=x\n"
             "{} grant h1/c1/1 lock=a token=1 gen=1 until=99000\n"
             "{} release h1/c1/1 lock=a\n")

    def test_a_waiter_for_nobodys_lock_is_flagged(self):
        self.flagged(self.STUCK.format(6000, 6001), "stuck")
        self.flagged(self.STUCK.format(5000, 5001))

    def test_waiting_for_a_holder_is_not_stuck(self):
        self.flagged(self.STUCK.format(20000, 20001)
                     + "5 grant h2/c1/1 lock=a token=0 gen=1 until=99000\n"
                     "18000 release h2/c1/1 lock=a\n", "out of range")

    def test_only_calm_time_counts(self):
        self.flagged(self.STUCK.format(9000, 9001)
                     + "500 fault - what=cut\n4000 heal -\n")
        self.flagged(self.STUCK.format(9900, 9901)
                     + "500 fault - what=cut\n4000 heal -\n", "stuck")

    def test_a_waiter_that_is_never_served_is_flagged(self):
        self.flagged("0 heal -\n10 ask h1/c1/1 lock=a mode=x\n"
                     "9000 end -\n", "stuck")
        self.flagged("0 heal -\n10 ask h1/c1/1 lock=a mode=x\n"
                     "4000 eof h1/c1/1\n9000 end -\n")

    # (g)

    ASKED = ("10 ask h1/c1/1 lock=a mode=x tag=1\n"
             "11 queued h1/c1/1 lock=a tag=1\n"
             "20 grant h1/c1/1 lock=a token=2048 gen=1 until=4000 tag=1\n"
             "30 release h1/c1/1 lock=a\n")

    def test_one_answer_is_good(self):
        self.flagged(self.ASKED)
        self.flagged(self.ASKED
                     + "31 ask h1/c1/1 lock=a mode=x tag=2 wait=100\n"
                     "131 answer h1/c1/1 lock=a code=TIMEOUT tag=2\n")

    def test_a_second_answer_is_flagged(self):
        self.flagged(self.ASKED
                     + "40 answer h1/c1/1 lock=a code=BUSY tag=1\n",
                     "not asked")
        self.flagged(self.ASKED
                     + "40 grant h1/c1/1 lock=a token=4096 gen=1 until=4000 "
                     "tag=1\n50 release h1/c1/1 lock=a\n", "not asked")

    def test_an_answer_to_nothing_is_flagged(self):
        self.flagged(self.ASKED
                     + "40 answer h1/c1/1 lock=a code=BUSY tag=7\n",
                     "not asked")
        self.flagged(self.ASKED
                     + "31 ask h1/c1/1 lock=a mode=x tag=2\n"
                     "32 eof h1/c1/1\n"
                     "33 answer h1/c1/1 lock=a code=BUSY tag=2\n",
                     "not asked")

    def test_two_asks_for_one_lock_are_told_apart(self):
        self.flagged("10 ask h1/c1/1 lock=a mode=x tag=1\n"
                     "11 ask h1/c1/1 lock=a mode=x tag=2\n"
                     "12 answer h1/c1/1 lock=a code=HELD tag=2\n"
                     "20 grant h1/c1/1 lock=a token=2048 gen=1 until=4000 "
                     "tag=1\n30 release h1/c1/1 lock=a\n")

    def test_a_limit_that_is_passed_is_flagged(self):
        timed = ("10 ask h1/c1/1 lock=a mode=x tag=1 wait=100\n"
                 "{} answer h1/c1/1 lock=a code=TIMEOUT tag=1\n")
        self.flagged(timed.format(110))
        self.flagged(timed.format(104), "too early")
        self.flagged(timed.format(111), "too late")  # slack_ms=0
        self.flagged("10 ask h1/c1/1 lock=a mode=x tag=1 wait=100\n"
                     "400 end -\n", "too late")

    # (h)

    def test_who_asked_first_is_served_first(self):
        first = "10 ask h1/c1/{} lock=a mode=x{}\n11 queued h1/c1/{} lock=a\n"
        grants = ("30 grant h1/c1/2 lock=a token=2048 gen=1 until=4000\n"
                  "40 release h1/c1/2 lock=a\n"
                  "41 grant h1/c1/1 lock=a token=4096 gen=1 until=4000\n"
                  "50 release h1/c1/1 lock=a\n")
        second = "20 ask h1/c1/2 lock=a mode=x\n21 queued h1/c1/2 lock=a\n"
        self.flagged(first.format(1, "", 1) + second + grants, "overtaken")
        for bound in (" try=1", " wait=31", " several=1", " slots=2"):
            self.flagged(first.format(1, bound, 1) + second + grants)

    # Semaphores

    def test_a_semaphore_has_as_many_holders_as_it_has_slots(self):
        grant = ("{} grant h{}/c/1 lock=a token={} gen=1 until=4000 "
                 "slots={}\n")
        two = grant.format(10, 1, 9, 2) + grant.format(11, 2, 8, 2)
        done = "".join(f"60 release h{host}/c/1 lock=a\n"
                       for host in (1, 2, 3))
        self.flagged(two + done)
        self.flagged(two + grant.format(12, 3, 7, 2) + done, "more than 2")
        self.flagged(two + grant.format(12, 3, 7, 3) + done, "overlap")

    def test_who_waits_for_several_names_waits_for_all_of_them(self):
        self.flagged("0 heal -\n10 ask h1/c1/1 lock=a mode=x tag=1 "
                     "several=1\n9000 end -\n")

    # What is left

    def test_a_node_that_is_left_is_flagged(self):
        self.flagged(GOOD + "3000 left w path=/z/a/n1\n", "left behind")

    def test_margins_are_told(self):
        verdict = self.verdict(
            "10 grant h1/c1/1 lock=a token=1 gen=1 until=4000\n"
            "3000 suspended h1/c1/1 until=4000\n"
            "4001 lost h1/c1/1 lock=a token=1 reason=deadline\n"
            "4600 grant h2/c1/1 lock=a token=2 gen=1 until=9000\n"
            "4700 release h2/c1/1 lock=a\n")
        told = io.StringIO()
        verdict.tell(told)
        self.assertIn("least 1600.0 ms", told.getvalue())
        self.assertIn("least 600.0 ms", told.getvalue())

    def test_the_longest_stall_is_told(self):
        verdict = self.verdict(
            "10 grant h1/c1/1 lock=a token=1 gen=1 until=9000\n"
            "20 ask h2/c1/1 lock=a mode=x\n"
            "100 release h1/c1/1 lock=a\n"
            "1600 grant h2/c1/1 lock=a token=2 gen=1 until=9000\n"
            "1700 release h2/c1/1 lock=a\n"
            "5000 ask h2/c1/1 lock=a mode=x\n"
            "5010 grant h2/c1/1 lock=a token=3 gen=1 until=9000\n"
            "5020 release h2/c1/1 lock=a\n")
        self.assertIn("longest_stall_s=1.5", verdict.line())

    def test_what_is_written_is_read(self):
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "one")
            writer = historyfile.Writer(path)
            writer.line("grant", "h1/c1/1", lock="a", token=1, gen=1,
                        until=historyfile.proc.now_ms() + 1000)
            writer.line("release", "h1/c1/1", lock="a")
            seen = historyfile.read([path])
        self.assertEqual([hold.how for hold in seen.holds], ["RELEASED"])


if __name__ == "__main__":
    unittest.main()
