"""The chart for the README, drawn from the results: a group of bars for each row that peers are in."""

from __future__ import annotations

from collections.abc import Iterable
from html import escape

from .figures import OURS, SYSTEMS, Row
from .results import Results
from .table import number

WIDTH = 760
_LEFT, _RIGHT, _TOP, _BAR, _GROUP = 190, 150, 64, 18, 44
_OURS_COLOUR, _PEER_COLOUR, _TEXT_COLOUR = "#2563eb", "#94a3b8", "#1e293b"
_SHOWN = ("first_event_new", "hundred_steps", "throughput", "hundred_history")


def draw(results: Results) -> str:
    """An SVG with a white ground, which reads the same on a dark page. Each group has a scale of its own."""
    rows = [row for row in results.rows if row.key in _SHOWN and len(row.figures) > 1]
    parts: list[str] = []
    y = _TOP
    for row in rows:
        parts += _group(row, y)
        y += _GROUP + _BAR * len(row.figures)
    day = f"{results.measured:%Y-%m-%d}"
    caption = f"Medians of one run on {results.machine['cores']} cores, {day}, by make bench"
    parts = [_text(20, 30, "Perdure beside its peers", size=16, weight=600), _text(20, 48, caption, size=11), *parts]
    return _frame(parts, y)


def _group(row: Row, y: int) -> Iterable[str]:
    more = {"more": "more is better", "less": "less is better", "neither": ""}[row.better]
    yield _text(20, y + 22, f"{row.what}, {row.unit} ({more})", size=13, weight=600)
    largest = max(figure.median for figure in row.figures.values())
    for place, system in enumerate(name for name in SYSTEMS if name in row.figures):
        yield from _bar(system, row, largest, y + 30 + place * _BAR)


def _bar(system: str, row: Row, largest: float, y: int) -> Iterable[str]:
    value = row.figures[system].median
    length = max(1.0, (WIDTH - _LEFT - _RIGHT) * value / largest if largest else 1.0)
    colour = _OURS_COLOUR if system == OURS else _PEER_COLOUR
    ratio = row.ratio(system) if system != OURS else None
    beside = number(value) if ratio is None else f"{number(value)} (ours {ratio:.2f} ×)"
    yield _text(_LEFT - 8, y + 12, system, size=12, anchor="end")
    yield f'<rect x="{_LEFT}" y="{y + 2}" width="{length:.1f}" height="{_BAR - 5}" rx="2" fill="{colour}"/>'
    yield _text(_LEFT + length + 6, y + 12, beside, size=12)


def _text(x: float, y: float, text: str, *, size: int, weight: int = 400, anchor: str = "start") -> str:
    style = f'font-size="{size}" font-weight="{weight}" text-anchor="{anchor}" fill="{_TEXT_COLOUR}"'
    return f'<text x="{x:.1f}" y="{y}" {style}>{escape(text)}</text>'


def _frame(parts: Iterable[str], height: int) -> str:
    size = f'width="{WIDTH}" height="{height}" viewBox="0 0 {WIDTH} {height}"'
    ground = f'<rect width="{WIDTH}" height="{height}" rx="8" fill="#ffffff"/>'
    font = "system-ui, -apple-system, 'Segoe UI', sans-serif"
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {size} font-family="{font}" role="img">'
    return "\n".join([head, "<title>Perdure beside its peers</title>", ground, *parts, "</svg>", ""])
