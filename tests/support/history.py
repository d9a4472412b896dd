# SPDX-License-Identifier: MIT
"""history - was every promise about holds kept?

A history is a list of holds and notices with times on CLOCK_BOOTTIME.  The
checker searches nothing: it sorts, and is done in O(n log n).  It works on
what clients of real daemons saw as well as on simulated runs.

A client that writes down a hold notes as its begin the moment after it read
GRANTED and as its end the moment before it sent UNLOCK or closed: that is
the time in which it believed, and it lies inside the true hold.
"""
import heapq

RELEASED, LOST, EOF, OPEN = "RELEASED", "LOST", "EOF", "open"


class Hold:
    """One grant.  until_ms moves with RESUMED and LEASE lines."""

    def __init__(self, name, who, token, begin_ms, until_ms, mode="x"):
        self.name = name
        self.who = who
        self.token = token
        self.begin_ms = begin_ms
        self.until_ms = until_ms
        self.mode = mode
        self.end_ms = None
        self.how = OPEN
        self.suspended_ms = None  # when SUSPENDED was last read, if it holds
        self.watched = True  # False: nobody read its lines (a frozen client)

    def believed_until_ms(self):
        """Where the hold ends: release, loss or its last deadline."""
        if self.end_ms is None:
            return self.until_ms
        return min(self.end_ms, self.until_ms)

    def __repr__(self):
        return (f"{self.name} by {self.who} token={self.token} "
                f"[{self.begin_ms:.1f} .. {self.believed_until_ms():.1f}] "
                f"{self.how}")


class History:
    """Write down, then check().  Not for several threads at once."""

    def __init__(self, slots=None):
        self.holds = []
        self.slots = slots or {}  # name -> N of a semaphore
        self.exempt = set()  # names whose node an operator deleted

    def granted(self, name, who, token, begin_ms, until_ms, mode="x"):
        hold = Hold(name, who, token, begin_ms, until_ms, mode)
        self.holds.append(hold)
        return hold

    def granted_reply(self, reply, who, begin_ms):
        """From a GRANTED reply of line.Line."""
        return self.granted(reply.args[0], who, reply.token, begin_ms,
                            reply.until_ms, reply.pairs.get("mode", "x"))

    @staticmethod
    def ended(hold, how, at_ms):
        if hold.end_ms is None or at_ms < hold.end_ms:
            hold.end_ms, hold.how = at_ms, how

    @staticmethod
    def suspended(hold, at_ms):
        hold.suspended_ms = at_ms

    @staticmethod
    def resumed(hold, until_ms):
        hold.suspended_ms = None
        hold.until_ms = max(hold.until_ms, until_ms)

    @staticmethod
    def extended(hold, until_ms):
        """A LEASE line, or the page, of the hold's own gen."""
        hold.until_ms = max(hold.until_ms, until_ms)

    # The checks.  Each hands back a list of findings; [] is good.

    def check(self, late_ms=0.0):
        by_name = {}
        for hold in self.holds:
            by_name.setdefault(hold.name, []).append(hold)
        findings = []
        for name, holds in sorted(by_name.items()):
            if name not in self.exempt:
                findings += overlaps(holds, self.slots.get(name))
            findings += inversions(holds)
        return findings + late_notices(self.holds, late_ms)


def overlaps(holds, slots=None):
    """Holds of one name that stand side by side and may not."""
    findings = []
    live = []  # heap of (end, number, hold)
    order = sorted(holds, key=lambda hold: hold.begin_ms)
    for number, hold in enumerate(order):
        if hold.believed_until_ms() <= hold.begin_ms:
            continue  # was over before it could be believed
        while live and live[0][0] <= hold.begin_ms:
            heapq.heappop(live)
        if slots is not None:
            if len(live) >= slots:
                findings.append(f"overlap: more than {slots} at {hold}")
        else:
            findings += [f"overlap: {other[2]} and {hold}" for other in live
                         if "x" in (other[2].mode, hold.mode)]
        heapq.heappush(live, (hold.believed_until_ms(), number, hold))
    return findings


def inversions(holds):
    """Tokens that did not grow from an ended hold to a later one, and
    tokens given twice."""
    findings = []
    seen = {}
    for hold in holds:
        if hold.token in seen:
            findings.append(f"token twice: {seen[hold.token]} and {hold}")
        seen[hold.token] = hold
        if not 0 < hold.token < 1 << 63:
            findings.append(f"token out of range: {hold}")
    ends = sorted(holds, key=lambda hold: hold.believed_until_ms())
    most_any = most_exclusive = None
    at = 0
    for hold in sorted(holds, key=lambda hold: hold.begin_ms):
        while at < len(ends) and \
                ends[at].believed_until_ms() < hold.begin_ms:
            most_any = _larger(most_any, ends[at])
            if ends[at].mode == "x":
                most_exclusive = _larger(most_exclusive, ends[at])
            at += 1
        before = most_any if hold.mode == "x" else most_exclusive
        if before and before.token > hold.token:
            findings.append(f"token fell: {before} then {hold}")
    return findings


def _larger(one, other):
    return other if one is None or other.token > one.token else one


def late_notices(holds, late_ms=0.0):
    """Holds that ran into their deadline with neither SUSPENDED nor LOST
    written before it, although the daemon ran and somebody read."""
    findings = []
    for hold in holds:
        reached = hold.end_ms is not None and hold.end_ms > hold.until_ms
        if not hold.watched or not reached:
            continue
        told_ms = hold.suspended_ms
        if told_ms is None or told_ms > hold.until_ms + late_ms:
            findings.append(f"late notice: {hold}")
    return findings


class Register:
    """What a careful store does: it refuses a token smaller than one it
    has seen.  In a correct run nothing is ever refused."""

    def __init__(self):
        self.largest = {}
        self.refused = []

    def write(self, name, token):
        if token < self.largest.get(name, 0):
            self.refused.append((name, token, self.largest[name]))
            return False
        self.largest[name] = token
        return True
