"""Rows of text in columns, which fit a terminal of 80."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from .output import printable

_GAP = "  "


@dataclass(frozen=True, slots=True)
class Column:
    """A column: its heading, and how wide it may be, if it is not to be as wide as its longest text."""

    heading: str
    limit: int | None = None
    right: bool = False


def columns(which: Sequence[Column], rows: Sequence[Sequence[str]]) -> Iterator[str]:
    """The heading and the rows; nothing without rows. What is longer than its column may be is cut, with a mark."""
    if not rows:
        return
    cells = [[column.heading for column in which]]
    cells += [[_cut(printable(text), column.limit) for column, text in zip(which, row, strict=True)] for row in rows]
    widths = [max(_width(row[number]) for row in cells) for number in range(len(which))]
    for row in cells:
        padded = (_padded(text, width, column) for text, width, column in zip(row, widths, which, strict=True))
        yield _GAP.join(padded).rstrip()


def _padded(text: str, width: int, column: Column) -> str:
    space = " " * (width - _width(text))
    return space + text if column.right else text + space


def _cut(text: str, limit: int | None) -> str:
    if limit is None or _width(text) <= limit:
        return text
    while _width(text) >= limit:
        text = text[:-1]
    return f"{text}…"


def _width(text: str) -> int:
    """Places on a terminal: East Asian characters take two, marks that join the one before take none."""
    return sum(2 if unicodedata.east_asian_width(one) in "WF" else not unicodedata.combining(one) for one in text)
