# SPDX-License-Identifier: MIT
"""picture - goals as bars, on a scale of their own: 1 is the must (or, where
there is none, the summit), to the right is better, doublings are equal steps.
"""
import html
import math

WIDTH, LABEL, ROW, TOP = 860, 430, 22, 46
DOUBLINGS = 4  # to either side
COLOURS = {"summit": "#2a7d4f", "must": "#4c78a8", "missed": "#c44e52"}


def _score(row, wanted):
    """How far beyond a wanted figure, in doublings; more is better."""
    value = max(row["median"], 1e-9)
    ratio = value / wanted if row["sense"] == ">=" else wanted / value
    return max(-DOUBLINGS, min(DOUBLINGS, math.log2(max(ratio, 1e-9))))


def _x(score):
    return LABEL + (score + DOUBLINGS) * (WIDTH - LABEL - 20) \
        / (2 * DOUBLINGS)


def _bar(row, y):
    base = row["must"] if row["must"] is not None else row["summit"]
    score, zero = _score(row, base), _x(0)
    left, right = min(zero, _x(score)), max(zero, _x(score))
    label = html.escape(f"{row['goal']}  {row['what']}")
    yield (f'<text x="{LABEL - 8}" y="{y + 14}" text-anchor="end">{label}'
           '</text>')
    yield (f'<rect x="{left:.1f}" y="{y + 3}" width="{right - left:.1f}" '
           f'height="{ROW - 8}" fill="{COLOURS[row["verdict"]]}"/>')
    yield (f'<text x="{right + 4:.1f}" y="{y + 14}">{row["median"]:.3g}'
           '</text>')
    if row["must"] is not None and row["summit"] is not None:
        at = _x(math.log2(row["summit"] / base) if row["sense"] == ">="
                else math.log2(base / row["summit"]))
        yield (f'<line x1="{at:.1f}" x2="{at:.1f}" y1="{y}" '
               f'y2="{y + ROW - 2}" stroke="#000" stroke-dasharray="2,2"/>')


def bars(rows):
    rows = [row for row in rows if row["verdict"]]
    height = TOP + ROW * len(rows) + 12
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
        f'height="{height}" font-family="sans-serif" font-size="11">',
        f'<rect width="{WIDTH}" height="{height}" fill="#fff"/>',
        '<text x="10" y="18" font-size="13">zklockd against its goals: the '
        'line is the must, dashes the summit, to the right is better</text>',
        f'<line x1="{_x(0):.1f}" x2="{_x(0):.1f}" y1="{TOP - 8}" '
        f'y2="{height - 8}" stroke="#000"/>']
    for doubling in range(-DOUBLINGS, DOUBLINGS + 1, 2):
        parts.append(f'<text x="{_x(doubling):.1f}" y="{TOP - 12}" '
                     f'text-anchor="middle">×{2.0 ** doubling:g}</text>')
    for i, row in enumerate(rows):
        parts += _bar(row, TOP + i * ROW)
    return "\n".join(parts + ["</svg>"]) + "\n"
