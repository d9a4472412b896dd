# SPDX-License-Identifier: MIT
"""timeline - bars and marks along seconds, as an SVG or as lines of text.

    chart = Timeline("title", -1.0, 12.0)
    row = chart.row("holder")
    row.bar(-1.0, 4.2, "held", "holds")
    row.mark(4.2, "told")
    chart.svg()

Colours are by name of what a bar means (STYLES).  Nothing but this file and
a browser is needed.
"""
from xml.sax.saxutils import escape

STYLES = {  # fill, text
    "held": ("#2e8b57", "#ffffff"),
    "doubt": ("#e0a030", "#000000"),
    "wrong": ("#c0392b", "#ffffff"),
    "fault": ("#dddddd", "#333333"),
}
_WIDTH, _LEFT, _RIGHT = 900, 190, 20
_TOP, _ROW, _BAR, _HEAD = 64, 46, 22, 30
_FONT = "font-family='DejaVu Sans,Verdana,sans-serif'"
_LETTER = 6.6  # width of a letter of size 11, about


class Row:
    def __init__(self, label, head):
        self.label = label
        self.head = head  # a line of text above others, no bars
        self.bars = []
        self.marks = []

    def bar(self, begin_s, end_s, style, text=""):
        self.bars.append((begin_s, end_s, style, text))

    def mark(self, at_s, text):
        self.marks.append((at_s, text))


class Timeline:
    def __init__(self, title, begin_s, end_s):
        self.title = title
        self.begin_s = begin_s
        self.end_s = end_s
        self.rows = []
        self.lines = []  # (at_s, text) through all rows

    def row(self, label, head=False):
        self.rows.append(Row(label, head))
        return self.rows[-1]

    def line(self, at_s, text):
        self.lines.append((at_s, text))

    # For people at a terminal.

    def text(self):
        out = [self.title]
        out += [f"  {at_s:+8.3f} s  {text}" for at_s, text in self.lines]
        for row in self.rows:
            if row.head:
                out.append(f"  {row.label}")
                continue
            told = [(begin_s, f"{text or style}, until {end_s:+.3f} s")
                    for begin_s, end_s, style, text in row.bars] + row.marks
            out += [f"  {at_s:+8.3f} s    {row.label}: {text}"
                    for at_s, text in sorted(told)]
        return "\n".join(out)

    # For browsers.

    def _x(self, at_s):
        at_s = min(max(at_s, self.begin_s), self.end_s)
        return _LEFT + (_WIDTH - _LEFT - _RIGHT) * \
            (at_s - self.begin_s) / (self.end_s - self.begin_s)

    def svg(self):
        height = _TOP + 30 + sum(
            _HEAD if row.head else _ROW for row in self.rows)
        out = [
            f"<svg xmlns='http://www.w3.org/2000/svg' width='{_WIDTH}' "
            f"height='{height}' viewBox='0 0 {_WIDTH} {height}' {_FONT} "
            "font-size='11'>",
            f"<rect width='{_WIDTH}' height='{height}' fill='#ffffff'/>",
            f"<text x='12' y='20' font-size='14' font-weight='bold'>"
            f"{escape(self.title)}</text>",
        ]
        out += self._axis(height)
        y = _TOP
        for row in self.rows:
            out += self._row(row, y)
            y += _HEAD if row.head else _ROW
        return "\n".join(out + ["</svg>", ""])

    def _axis(self, height):
        out = []
        for second in range(round(self.begin_s), round(self.end_s) + 1):
            x = self._x(second)
            out.append(f"<line x1='{x:.1f}' y1='{_TOP - 8}' x2='{x:.1f}' "
                       f"y2='{height - 26}' stroke='#eeeeee'/>")
            out.append(f"<text x='{x:.1f}' y='{height - 10}' fill='#555555' "
                       f"text-anchor='middle'>{second} s</text>")
        for at_s, text in self.lines:
            x = self._x(at_s)
            out.append(f"<line x1='{x:.1f}' y1='{_TOP - 12}' x2='{x:.1f}' "
                       f"y2='{height - 26}' stroke='#333333' "
                       "stroke-dasharray='4 3'/>")
            out.append(f"<text x='{x:.1f}' y='{_TOP - 18}' "
                       f"text-anchor='middle'>{escape(text)}</text>")
        return out

    def _row(self, row, y):
        if row.head:
            return [f"<text x='12' y='{y + 20}' font-weight='bold'>"
                    f"{escape(row.label)}</text>"]
        out = [f"<text x='12' y='{y + 20}'>{escape(row.label)}</text>"]
        for begin_s, end_s, style, text in row.bars:
            fill, ink = STYLES[style]
            x, width = self._x(begin_s), self._x(end_s) - self._x(begin_s)
            out.append(f"<rect x='{x:.1f}' y='{y + 4}' width='{width:.1f}' "
                       f"height='{_BAR}' fill='{fill}'/>")
            if text and len(text) * _LETTER < width:
                out.append(f"<text x='{x + width / 2:.1f}' y='{y + 19}' "
                           f"fill='{ink}' text-anchor='middle'>"
                           f"{escape(text)}</text>")
        for at_s, text in row.marks:
            x = self._x(at_s)
            out.append(f"<path d='M{x:.1f} {y + 4} v{_BAR + 4}' "
                       "stroke='#000000' stroke-width='1.5'/>")
            anchor = "end" if at_s > (self.begin_s + 2 * self.end_s) / 3 \
                else "start"
            out.append(f"<text x='{x:.1f}' y='{y + _BAR + 16}' "
                       f"text-anchor='{anchor}' font-size='10'>"
                       f"{escape(text)}</text>")
        return out
