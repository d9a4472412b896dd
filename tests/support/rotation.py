# SPDX-License-Identifier: MIT
"""rotation - a lock that is never free goes from bid to bid; what that costs
those who hand it over."""
import statistics
import time


class Rotation:
    """Two clients hand one lock to and fro, until its bid has been replaced
    so many times: each grant's token, and how long its cycle took, without
    the pause before it."""

    BID_BITS = 11  # a token's turn; above it is the bid

    def __init__(self, pair, name, times, pause_s=0):
        self.tokens = [pair[0].lock(name).token]
        self.took_s = [0]
        self.slides = []  # the first grants on a new bid
        while len(self.slides) < times or \
                len(self.tokens) < self.slides[-1] + 2:
            time.sleep(pause_s)
            self._cycle(pair[len(self.tokens) % 2],
                        pair[1 - len(self.tokens) % 2], name)

    def _cycle(self, taker, giver, name):
        begin = time.monotonic()
        tag = taker.enqueue(name)
        giver.unlock(name)
        token = taker.granted(tag).token
        self.took_s.append(time.monotonic() - begin)
        if token >> self.BID_BITS != self.tokens[-1] >> self.BID_BITS:
            self.slides.append(len(self.tokens))
        self.tokens.append(token)

    def gap(self):
        """How many ordinary cycles the worst one at a change of bids takes.
        The median of all changes, for a busy machine has hiccups."""
        worst = [max(self.took_s[at - 1:at + 2]) for at in self.slides]
        return statistics.median(worst) / statistics.median(self.took_s)
