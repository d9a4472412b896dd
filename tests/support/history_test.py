#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""The history checker finds what it is for, and nothing else."""
import unittest

from history import LOST, RELEASED, History, Register


def hold(history, begin, end, token, name="a", mode="x", until=1000.0):
    made = history.granted(name, f"c{token}", token, begin, until, mode)
    history.ended(made, RELEASED, end)
    return made


class HistoryTest(unittest.TestCase):

    def setUp(self):
        self.history = History()

    def finds(self, *words):
        findings = self.history.check()
        self.assertEqual(len(findings), len(words), findings)
        for word, finding in zip(words, findings):
            self.assertIn(word, finding)

    def test_a_good_history_passes(self):
        hold(self.history, 0, 10, 1)
        hold(self.history, 10, 20, 2)
        hold(self.history, 5, 25, 3, name="b")
        hold(self.history, 20, 30, 9)
        self.finds()

    def test_an_overlap_is_found(self):
        hold(self.history, 0, 10, 1)
        hold(self.history, 9, 20, 2)
        self.finds("overlap")

    def test_an_overlap_with_a_long_hold_far_back_is_found(self):
        hold(self.history, 0, 500, 1)
        hold(self.history, 400, 401, 2)
        self.finds("overlap")

    def test_a_hold_ends_at_its_deadline(self):
        late = hold(self.history, 0, 200, 1, until=100.0)
        self.history.suspended(late, 90)
        hold(self.history, 101, 110, 2)
        self.finds()

    def test_an_extended_hold_ends_at_its_last_deadline(self):
        first = hold(self.history, 0, 200, 1, until=100.0)
        self.history.extended(first, 300.0)
        hold(self.history, 101, 110, 2)
        self.finds("overlap")

    def test_an_open_hold_is_believed_to_its_deadline(self):
        self.history.granted("a", "c1", 1, 0, 100.0)
        hold(self.history, 50, 60, 2)
        self.finds("overlap")

    def test_the_first_end_counts(self):
        first = hold(self.history, 0, 200, 1)
        self.history.ended(first, LOST, 50)
        hold(self.history, 60, 70, 2)
        self.finds()

    def test_shared_may_stand_beside_shared_only(self):
        hold(self.history, 0, 10, 1, mode="s")
        hold(self.history, 5, 15, 2, mode="s")
        self.finds()
        hold(self.history, 12, 20, 3, mode="x")
        self.finds("overlap")

    def test_a_semaphore_has_its_slots(self):
        self.history.slots["a"] = 2
        hold(self.history, 0, 10, 1, mode="s")
        hold(self.history, 1, 10, 2, mode="s")
        self.finds()
        hold(self.history, 2, 10, 3, mode="s")
        self.finds("more than 2")

    def test_a_semaphores_number_is_in_its_grants(self):
        first = hold(self.history, 0, 10, 2)
        second = hold(self.history, 1, 10, 1)
        first.slots = second.slots = 2  # and no order of tokens
        self.finds()
        third = hold(self.history, 2, 10, 3)
        third.slots = 2
        self.finds("more than 2")
        third.slots = 3  # another number beside it
        self.finds("overlap")
        third.slots = None  # a lock of that name
        self.finds("overlap")

    def test_a_semaphores_tokens_are_unique(self):
        for begin in (0, 20):
            hold(self.history, begin, begin + 10, 5).slots = 2
        self.finds("token twice")

    def test_a_falling_token_is_found(self):
        hold(self.history, 0, 10, 5)
        hold(self.history, 20, 30, 4)
        self.finds("token fell")

    def test_a_token_falls_over_many_holds(self):
        hold(self.history, 0, 1, 7)
        hold(self.history, 2, 3, 8)
        hold(self.history, 4, 5, 9)
        hold(self.history, 6, 7, 6)
        self.finds("token fell")

    def test_a_token_given_twice_is_found(self):
        hold(self.history, 0, 10, 5)
        hold(self.history, 20, 30, 5)
        self.finds("token twice")

    def test_shared_tokens_beside_each_other_need_no_order(self):
        hold(self.history, 0, 10, 2, mode="s")
        hold(self.history, 20, 30, 1, mode="s")
        self.finds()
        hold(self.history, 40, 50, 1 << 63, mode="x")
        self.finds("out of range")

    def test_a_late_notice_is_found(self):
        late = hold(self.history, 0, 200, 1, until=100.0)
        self.finds("late notice")
        self.history.suspended(late, 150)
        self.finds("late notice")
        self.history.suspended(late, 99)
        self.finds()

    def test_a_resumed_hold_must_be_told_again(self):
        late = hold(self.history, 0, 200, 1, until=100.0)
        self.history.suspended(late, 99)
        self.history.resumed(late, 150)
        self.finds("late notice")

    def test_nobody_is_told_who_does_not_read(self):
        late = hold(self.history, 0, 200, 1, until=100.0)
        late.watched = False
        self.finds()

    def test_an_operators_delete_excuses_overlap_but_no_token(self):
        hold(self.history, 0, 10, 2)
        hold(self.history, 5, 20, 3)
        hold(self.history, 30, 40, 1)
        self.history.exempt.add("a")
        self.finds("token fell")

    def ask(self, begin, queued, token, who="h1/c", end=None):
        """token: of its grant; 0: none."""
        ask = self.history.asked("a", f"{who}{begin}", begin)
        ask.queued_ms, ask.end_ms = queued, end
        if token:
            ask.hold = hold(self.history, token, token + 0.5, token)
            ask.end_ms = token
        return ask

    def overtakes(self, *words):
        findings = self.history.overtaken()
        self.assertEqual(len(findings), len(words), findings)
        for word, finding in zip(words, findings):
            self.assertIn(word, finding)

    def test_who_was_queued_before_is_served_before(self):
        self.ask(1, 2, 10)
        self.ask(3, 4, 11)
        self.overtakes()
        self.ask(5, 6, 9)
        self.overtakes("overtaken")

    def test_who_was_not_queued_yet_may_be_overtaken(self):
        self.ask(1, 6, 10)  # read QUEUED after the other one had asked
        self.ask(5, 7, 9)
        self.overtakes()

    def test_another_host_overtakes_nobody(self):
        self.ask(1, 2, 10)
        self.ask(5, 6, 9, who="h2/c")
        self.overtakes()

    def test_only_who_waits_alone_and_for_good_stands_in_line(self):
        for key, value in (("mode", "s"), ("slots", 2), ("patient", False),
                           ("several", True)):
            self.history = History()
            self.ask(5, 6, 9)
            setattr(self.ask(1, 2, 10), key, value)
            self.overtakes()

    def test_who_is_never_served_is_overtaken(self):
        self.history.finished_ms = 90.0
        left = self.ask(1, 2, 0)
        self.ask(5, 6, 9)
        self.overtakes("overtaken")
        left.end_ms = 20.0  # refused, called off, or gone
        self.overtakes()

    def test_an_operator_excuses_it(self):
        self.ask(1, 2, 10)
        self.ask(5, 6, 9)
        self.history.exempt.add("a")
        self.overtakes()

    def test_a_limit_is_kept(self):
        ask = self.ask(100, 101, 0, end=300)
        ask.wait_ms, ask.timed_out = 200.0, True
        self.assertEqual(self.history.answers(50.0), [])
        ask.end_ms = 294
        self.assertIn("too early", self.history.answers(50.0)[0])
        ask.end_ms = 351
        self.assertIn("too late", self.history.answers(50.0)[0])
        self.history.stopped("h1/d", 250)
        self.assertEqual(self.history.answers(50.0), [])

    def test_a_limit_that_nobody_keeps_is_found(self):
        self.ask(100, 101, 0).wait_ms = 200.0
        self.assertEqual(self.history.answers(50.0), [])
        self.history.finished_ms = 351.0
        self.assertIn("too late", self.history.answers(50.0)[0])

    def test_the_register_refuses_a_smaller_token(self):
        register = Register()
        self.assertTrue(register.write("a", 5))
        self.assertTrue(register.write("a", 5))
        self.assertTrue(register.write("b", 1))
        self.assertFalse(register.write("a", 4))
        self.assertEqual(register.refused, [("a", 4, 5)])


if __name__ == "__main__":
    unittest.main()
