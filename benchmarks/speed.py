"""The numbers of the READMEs about speed."""

from __future__ import annotations

from collections.abc import Mapping

from .figures import BARE, DEV, FLOOR, OURS, PLUGIN
from .results import Results
from .scale import number

DOCUMENTS = ("README.md", "README_zh.md")
_NAMES: Mapping[str, str] = {OURS: "ours", BARE: "bare", FLOOR: "floor", PLUGIN: "plugin", DEV: "dev"}


def numbers(results: Results) -> dict[str, str]:
    """By the names of their markers: a row's key, whose figure it is, and `p99` where it is not the median."""
    found = {
        f"{row.key}_{_NAMES[system]}{end}": number(value)
        for row in results.rows
        for system, figure in row.figures.items()
        for end, value in (("", figure.median), ("_p99", figure.p99))
    }
    return {**found, "measured": f"{results.measured:%Y-%m-%d}", "cores": str(results.machine["cores"])}
