# SPDX-License-Identifier: MIT
"""history - was every promise about holds kept?

A history is what clients saw (asks, holds, notices, writes to a guarded
register), what stood still or was broken meanwhile, and what an observer saw
in the tree, all with times on one CLOCK_BOOTTIME.  The checks search nothing:
they sort, and are done in O(n log n).  They work on what clients of real
daemons saw as well as on simulated runs; historyfile.py has the file.

A client that writes down a hold notes as its begin the moment after it read
GRANTED and as its end the moment before it sent UNLOCK or closed: that is
the time in which it believed, and it lies inside the true hold.

What is checked, by the letters of the design:

(a) overlaps        no two holds of a name stand side by side and may not
(b) inversions      tokens grow from an ended hold to a later one
(c) wrongly_refused the register refuses nobody who holds
(d) disagreements   a token is the czxid of the node that the grant named
(e) late_notices    nobody runs into the deadline untold
(f) stuck           when all is well, a lock that is wanted is held again
                    within T + tick + 1 s
    left_behind     what stands in the tree when nobody wants anything
(g) answers         each ask has one answer, in its time (P4)
(h) overtaken       on one host who asked first, alone and for as long as it
                    takes, is served first (P6)

Who is a path, as in h1/c3/17: what stops or kills h1 or h1/c3 stops or kills
17.  A daemon is h1/d, and whoever is below h1 hears nothing while it stands.
"""
import bisect
import heapq

RELEASED, LOST, EOF, OPEN = "RELEASED", "LOST", "EOF", "open"
FOREVER = float("inf")
# A daemon that is waked so shortly before a deadline, or a client, may miss
# the notice: it had one turn of its loop on a machine that does other things.
WAKING_MS = 250.0
# A daemon counts in whole milliseconds, from when its turn began.
EARLY_MS = 5.0


class Hold:
    """One grant.  until_ms moves with RESUMED, LEASE and the lease page."""

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
        self.told_ms = None  # when it was told of its end for good
        self.watched = True  # False: nobody read its lines (a frozen client)
        self.node = ""  # the path that GRANTED named
        self.slots = None  # N of a semaphore

    def believed_until_ms(self):
        """Where the hold ends: release, loss or its last deadline."""
        if self.end_ms is None:
            return self.until_ms
        return min(self.end_ms, self.until_ms)

    def believed(self):
        """Not so when it was over before its GRANTED was read."""
        return self.believed_until_ms() > self.begin_ms

    def heard_ms(self):
        """When its client was told that it is in doubt, or to end."""
        told = [at_ms for at_ms in (self.suspended_ms, self.told_ms)
                if at_ms is not None]
        return min(told) if told else None

    def __repr__(self):
        return (f"{self.name} by {self.who} token={self.token} "
                f"[{self.begin_ms:.1f} .. {self.believed_until_ms():.1f}] "
                f"{self.how}")


class Ask:
    """One LOCK, from sending it to its final answer or the end of its
    connection."""

    def __init__(self, name, who, begin_ms):
        self.name = name
        self.who = who
        self.begin_ms = begin_ms
        self.end_ms = None
        self.mode = "x"
        self.slots = None  # N of a semaphore
        self.wait_ms = None  # asked with wait=: TIMEOUT is due then
        self.patient = True  # neither that nor TRYLOCK
        self.several = False  # with other names: it waits for them too
        self.queued_ms = None  # when QUEUED was read
        self.hold = None  # what it was granted
        self.timed_out = False

    def stands(self):
        """In its host's line of those who want the lock alone, for as long
        as it takes, and known to do so."""
        return self.mode == "x" and self.slots is None and self.patient \
            and not self.several and self.queued_ms is not None

    def __repr__(self):
        return f"{self.name} for {self.who} since {self.begin_ms:.1f}"


class Spans:
    """Stretches of time; begin() and end() come in order of time."""

    def __init__(self):
        self.begins = []
        self.ends = []

    def begin(self, at_ms):
        if len(self.ends) == len(self.begins):
            self.begins.append(at_ms)

    def end(self, at_ms):
        if len(self.ends) < len(self.begins):
            self.ends.append(at_ms)

    def open(self):
        return len(self.ends) < len(self.begins)

    def touch(self, from_ms, to_ms):
        """Whether any of them has a part between the two."""
        at = bisect.bisect_right(self.begins, to_ms)
        if not at:
            return False
        end = self.ends[at - 1] if at <= len(self.ends) else FOREVER
        return end >= from_ms

    def within(self, from_ms, to_ms):
        """Their parts between the two."""
        at = max(0, bisect.bisect_right(self.begins, from_ms) - 1)
        while at < len(self.begins) and self.begins[at] < to_ms:
            end = self.ends[at] if at < len(self.ends) else FOREVER
            begin, end = max(self.begins[at], from_ms), min(end, to_ms)
            if begin < end:
                yield begin, end
            at += 1


class History:
    """Write down, then check().  Not for several threads at once."""

    def __init__(self, slots=None):
        self.holds = []
        self.slots = slots or {}  # name -> N of a semaphore
        self.exempt = set()  # names whose node an operator deleted
        self.asks = []
        self.writes = []  # (at_ms, name, who, token, taken)
        self.nodes = {}  # path -> czxid, as an observer saw it
        self.left = []  # paths that stood when nobody wanted anything
        self.odd_answers = []  # to nothing, or a second one
        self.deaf = {}  # who -> Spans of standing still
        self.calm = Spans()  # when everything was whole
        self.finished_ms = None

    def granted(self, name, who, token, begin_ms, until_ms, mode="x"):
        hold = Hold(name, who, token, begin_ms, until_ms, mode)
        self.holds.append(hold)
        return hold

    def granted_reply(self, reply, who, begin_ms):
        """From a GRANTED reply of line.Line."""
        hold = self.granted(reply.args[0], who, reply.token, begin_ms,
                            reply.until_ms, reply.pairs.get("mode", "x"))
        hold.node = reply.pairs.get("node", "")
        return hold

    @staticmethod
    def ended(hold, how, at_ms):
        if hold.end_ms is None or at_ms < hold.end_ms:
            hold.end_ms, hold.how = at_ms, how

    @staticmethod
    def suspended(hold, at_ms):
        hold.suspended_ms = at_ms

    @staticmethod
    def told_for_good(hold, at_ms):
        """DRAINING: whatever comes, the hold is to end."""
        hold.told_ms = hold.told_ms or at_ms

    @staticmethod
    def resumed(hold, until_ms):
        hold.suspended_ms = None
        hold.until_ms = max(hold.until_ms, until_ms)

    @staticmethod
    def extended(hold, until_ms):
        """A LEASE line, or the page, of the hold's own gen."""
        hold.until_ms = max(hold.until_ms, until_ms)

    def asked(self, name, who, at_ms):
        ask = Ask(name, who, at_ms)
        self.asks.append(ask)
        return ask

    def wrote(self, name, who, token, taken, at_ms):
        """What the register said, at the moment after it."""
        self.writes.append((at_ms, name, who, token, taken))

    def stopped(self, who, at_ms):
        self.deaf.setdefault(who, Spans()).begin(at_ms)

    def went_on(self, who, at_ms):
        self.deaf.setdefault(who, Spans()).end(at_ms)

    # The checks.  Each hands back a list of findings; [] is good.

    def check(self, late_ms=0.0):
        """(a), (b), (d) and (e), which any history can be asked for."""
        findings = []
        for name, holds in sorted(_by_name(self.holds).items()):
            if name not in self.exempt:
                findings += overlaps(holds, self.slots.get(name))
            findings += inversions(holds)
        return findings + self.disagreements() + self.late_notices(late_ms)

    def late_notices(self, late_ms=0.0):
        return late_notices(self.holds, late_ms, self.was_deaf,
                            self.finished_ms)

    def was_deaf(self, who, from_ms, to_ms):
        """Whether it could not read, or its daemon not write."""
        parts = who.split("/")
        heads = ["/".join(parts[:i + 1]) for i in range(len(parts))]
        return any(head in self.deaf
                   and self.deaf[head].touch(from_ms, to_ms)
                   for head in heads + [parts[0] + "/d"])

    def disagreements(self):
        """(d): the observer's czxids and the tokens."""
        return [f"token of another node: {hold}, {hold.node} was made by "
                f"0x{self.nodes[hold.node]:x}" for hold in self.holds
                if hold.node in self.nodes
                and hold.token >> 11 != self.nodes[hold.node]]

    def witnessed(self):
        """How many grants the observer saw the node of."""
        return sum(hold.node in self.nodes for hold in self.holds)

    def wrongly_refused(self):
        """(c): a write that was refused although its writer still held."""
        holds = {(hold.name, hold.token): hold for hold in self.holds}
        findings = []
        for at_ms, name, who, token, taken in self.writes:
            hold = holds.get((name, token))
            if not taken and hold and at_ms < hold.believed_until_ms():
                findings.append(f"refused at {at_ms:.1f} although held by "
                                f"{who}: {hold}")
        return findings

    def stuck(self, bound_ms):
        """(f): an ask that waited longer than that, while all was well and
        its lock was nobody's."""
        return stuck(self.asks, self.holds, self.calm, bound_ms,
                     self.finished_ms)

    def answers(self, late_ms=0.0):
        """(g): answers to nothing, second ones, and TIMEOUT at the wrong
        time or never.  An ask without a limit that is not answered is
        stuck(), if its lock is nobody's."""
        return self.odd_answers + unpunctual(self.asks, late_ms, self.was_deaf,
                                             self.finished_ms)

    def overtaken(self):
        """(h), by tokens: the clocks of two readers order nothing."""
        lines = {}
        for ask in self.asks:
            if ask.name not in self.exempt:
                lines.setdefault((_host(ask), ask.name), []).append(ask)
        return [finding for _, asks in sorted(lines.items())
                for finding in overtaken(asks, self.was_deaf,
                                         self.finished_ms)]

    def left_behind(self):
        return [f"left behind: {path}" for path in self.left]


def overlaps(holds, slots=None):
    """Holds of one name that stand side by side and may not."""
    findings = []
    live = {}  # x, s or a number of slots -> heap of (end, number, hold)
    order = sorted(holds, key=lambda hold: hold.begin_ms)
    for number, hold in enumerate(order):
        if not hold.believed():
            continue
        for heap in live.values():
            while heap and heap[0][0] <= hold.begin_ms:
                heapq.heappop(heap)
        kind = _kind(hold, slots)
        beside = live.setdefault(kind, [])
        if kind not in ("x", "s") and len(beside) >= kind:
            findings.append(f"overlap: more than {kind} at {hold}")
        findings += [f"overlap: {heap[0][2]} and {hold}"
                     for other, heap in live.items()
                     if heap and (other != kind or kind == "x")]
        heapq.heappush(beside, (hold.believed_until_ms(), number, hold))
    return findings


def _kind(hold, slots=None):
    """Holds of one kind may stand side by side, but for x: a lock shared, or
    a semaphore of so many slots, never both, nor two numbers."""
    slots = slots if hold.slots is None else hold.slots
    if slots is not None:
        return slots
    return "x" if hold.mode == "x" else "s"


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
    # A semaphore's are unique, no more (R3).
    holds = [hold for hold in holds if hold.believed() and hold.slots is None]
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


def _never_deaf(_who, _from_ms, _to_ms):
    return False


def late_notices(holds, late_ms=0.0, deaf=_never_deaf, finished_ms=None):
    """Holds that ran into their deadline with neither SUSPENDED nor LOST
    written before it, although the daemon ran and somebody read."""
    findings = []
    for hold in holds:
        end_ms = hold.end_ms if hold.end_ms is not None else finished_ms
        reached = end_ms is not None and end_ms > hold.until_ms
        if not hold.watched or not reached \
                or hold.until_ms <= hold.begin_ms:
            continue
        told_ms = hold.heard_ms()
        if told_ms is not None and told_ms <= hold.until_ms + late_ms:
            continue
        if not deaf(hold.who, hold.until_ms - WAKING_MS, hold.until_ms):
            findings.append(f"late notice: {hold}")
    return findings


class Held:
    """When a lock was somebody's."""

    def __init__(self, holds):
        self.begins = []
        self.ends = []
        self._sums = [0.0]  # of all stretches before
        for hold in sorted(holds, key=lambda hold: hold.begin_ms):
            end_ms = max(hold.begin_ms, hold.believed_until_ms())
            if self.ends and hold.begin_ms <= self.ends[-1]:
                self.ends[-1] = max(self.ends[-1], end_ms)
            else:
                self.begins.append(hold.begin_ms)
                self.ends.append(end_ms)
        for begin_ms, end_ms in zip(self.begins, self.ends):
            self._sums.append(self._sums[-1] + end_ms - begin_ms)

    def _until(self, at_ms):
        at = bisect.bisect_right(self.begins, at_ms)
        if not at:
            return 0.0
        return self._sums[at - 1] + \
            min(at_ms, self.ends[at - 1]) - self.begins[at - 1]

    def idle_ms(self, from_ms, to_ms):
        """How long of that time it was nobody's."""
        return to_ms - from_ms - (self._until(to_ms) - self._until(from_ms))

    def gaps(self):
        """Stretches between two holds."""
        return zip(self.ends, self.begins[1:])


def _by_name(things):
    names = {}
    for thing in things:
        names.setdefault(thing.name, []).append(thing)
    return names


def unpunctual(asks, late_ms, deaf=_never_deaf, finished_ms=None):
    """Who said wait= and was told TIMEOUT before, or nothing long after."""
    findings = []
    for ask in asks:
        if ask.wait_ms is None:
            continue
        due_ms = ask.begin_ms + ask.wait_ms
        end_ms = finished_ms if ask.end_ms is None else ask.end_ms
        if end_ms is None or deaf(ask.who, min(due_ms, end_ms), end_ms):
            continue
        if ask.timed_out and ask.end_ms < due_ms - EARLY_MS:
            findings.append(f"answered too early: {ask}")
        elif end_ms > due_ms + late_ms:
            findings.append(f"answered too late: {ask}")
    return findings


def overtaken(asks, deaf=_never_deaf, finished_ms=None):
    """Of one host and lock: who was served although another one had been
    told QUEUED before it even asked, and was served later or never."""
    findings = []
    line = [ask for ask in asks if ask.stands()]
    served = sorted((ask for ask in line if ask.hold),
                    key=lambda ask: ask.hold.token)
    left = [ask for ask in line if ask.end_ms is None and finished_ms
            and not deaf(ask.who, ask.queued_ms, finished_ms)]
    first = min(left, key=lambda ask: ask.queued_ms, default=None)
    for ask in reversed(served):
        if first and first.queued_ms < ask.begin_ms:
            findings.append(f"overtaken: {first} by {ask}")
        if not first or ask.queued_ms < first.queued_ms:
            first = ask
    return findings


def stuck(asks, holds, calm, bound_ms, finished_ms=None):
    findings = []
    held = {name: Held(some) for name, some in _by_name(holds).items()}
    last_ms = FOREVER if finished_ms is None else finished_ms
    for ask in asks:
        if ask.several:
            continue
        until_ms = last_ms if ask.end_ms is None else ask.end_ms
        mine = held.setdefault(ask.name, Held([]))
        for begin_ms, end_ms in calm.within(ask.begin_ms, until_ms):
            waited_ms = mine.idle_ms(begin_ms, end_ms)
            if waited_ms > bound_ms:
                findings.append(f"stuck for {waited_ms:.0f} ms: {ask}")
                break
    return findings


def stalls(asks, holds, within=None):
    """The times that a lock was wanted by somebody and held by nobody, up
    to the next grant of it: (length_ms, begin_ms, name), the longest first.
    within: only what of them lies in those spans."""
    found = []
    wanted = _by_name(asks)
    for name, some in _by_name(holds).items():
        waiting = sorted(wanted.get(name, []), key=lambda ask: ask.begin_ms)
        alive = []  # heap of (begin, number, ask)
        at = 0
        for free_ms, next_ms in Held(some).gaps():
            while at < len(waiting) and waiting[at].begin_ms < next_ms:
                heapq.heappush(alive, (waiting[at].begin_ms, at, waiting[at]))
                at += 1
            while alive and (alive[0][2].end_ms or FOREVER) < next_ms:
                heapq.heappop(alive)
            if alive:
                begin_ms = max(free_ms, alive[0][0])
                pieces = [(begin_ms, next_ms)] if within is None \
                    else within.within(begin_ms, next_ms)
                found += [(end - begin, begin, name) for begin, end in pieces]
    return sorted(found, reverse=True)


def margins(holds):
    """For every hold that was taken away and whose lock was granted to
    another host next: how long before that its holder was told, and how
    long before it the hold ended.  Pairs in milliseconds; None for a holder
    that was told nothing in time."""
    found = []
    for some in _by_name(holds).values():
        some.sort(key=lambda hold: hold.begin_ms)
        begins = [hold.begin_ms for hold in some]
        for at, hold in enumerate(some):
            if not hold.believed() or not _taken_away(hold):
                continue
            after = bisect.bisect_right(begins, hold.begin_ms, at)
            if after < len(some) and _host(some[after]) != _host(hold):
                next_ms = begins[after]
                told_ms = _told_ms(hold)
                found.append((None if told_ms is None else next_ms - told_ms,
                              next_ms - hold.believed_until_ms()))
    return found


def _host(one):
    return one.who.split("/")[0]


def _taken_away(hold):
    return hold.how == LOST or \
        (hold.how in (OPEN, EOF) and hold.believed_until_ms() < FOREVER
         and hold.believed_until_ms() == hold.until_ms)


def _told_ms(hold):
    """When its holder heard of it; None when that was not in time: it stood
    still, or its daemon did."""
    told_ms = hold.heard_ms()
    if told_ms is None and hold.how == LOST:
        told_ms = hold.end_ms
    if told_ms is None or told_ms > hold.believed_until_ms():
        return None
    return told_ms


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
