# SPDX-License-Identifier: MIT
"""A dot plot as SVG: a row for each case, a dot for each rival, log scale."""
import math
from xml.sax.saxutils import escape

WIDTH, LEFT, RIGHT, TOP, ROW = 860, 190, 190, 56, 30
COLOURS = ['#1b6ca8', '#c0392b', '#27803b', '#8e44ad', '#d68910', '#16a085',
           '#7f8c8d', '#6e2c00', '#e84393', '#2c3e50', '#00a8ff', '#9acd32',
           '#b8860b', '#5f27cd', '#d2527f', '#3d5a80']


def text(x, y, content, anchor='start', size=12):
    return (f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" '
            f'font-size="{size}">{escape(content)}</text>')


def line(x1, y1, x2, y2, colour, width=1):
    return (f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" '
            f'stroke="{colour}" stroke-width="{width}"/>')


def scale(rows):
    """Where a ratio lies; and the marks, 1-2-5 in each decade."""
    values = [v for _, dots in rows for q in dots.values() for v in q] + [1]
    low, high = min(values) / 1.2, max(values) * 1.2
    marks = [m * 10 ** e for e in range(-5, 4) for m in (1, 2, 5)
             if low <= m * 10 ** e <= high]

    def place(value):
        part = math.log(value / low) / math.log(high / low)
        return LEFT + part * (WIDTH - LEFT - RIGHT)

    return place, marks


def dots(title, rows, everybody):
    """rows: (name, {rival: (lower quartile, median, upper quartile)})."""
    rivals = sorted({rival for _, row in rows for rival in row})
    colour = {r: COLOURS[i % len(COLOURS)] for i, r in enumerate(everybody)}
    height = TOP + max(ROW * len(rows) + 50, 18 * len(rivals) + 20)
    bottom = TOP + ROW * len(rows)
    place, marks = scale(rows)
    out = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" '
           f'height="{height}" font-family="sans-serif">',
           f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
           text(LEFT, 24, title, size=15),
           text(LEFT, 42, 'right of 1: faster than libbbq; dot: median, '
                'line: quartiles', size=11)]
    for mark in marks:
        x = place(mark)
        out += [line(x, TOP, x, bottom, '#222' if mark == 1 else '#ddd'),
                text(x, bottom + 16, f'{mark:g}', 'middle', 11)]
    for number, (name, row) in enumerate(rows):
        y = TOP + ROW * (number + 0.5)
        out.append(text(LEFT - 10, y + 4, name, 'end'))
        for place_in_row, rival in enumerate(sorted(row)):
            low, middle, high = map(place, row[rival])
            at = y + (place_in_row / max(len(row) - 1, 1) - 0.5) * ROW * 0.7
            out += [line(low, at, high, at, colour[rival]),
                    f'<circle cx="{middle:.1f}" cy="{at:.1f}" r="3.5" '
                    f'fill="{colour[rival]}"/>']
    for number, rival in enumerate(rivals):
        y = TOP + 8 + 18 * number
        x = WIDTH - RIGHT + 24
        out += [f'<circle cx="{x}" cy="{y}" r="4" fill="{colour[rival]}"/>',
                text(x + 12, y + 4, rival)]
    return '\n'.join(out + ['</svg>']) + '\n'
