"""What is made of the results: the chart and the numbers of docs/scale.md."""

from __future__ import annotations

import xml.etree.ElementTree as ET
from datetime import UTC, datetime

import pytest

from benchmarks import chart, results, scale, speed
from benchmarks.figures import BARE, DEV, OURS, Figure, Goal, Row
from benchmarks.results import Results

from .conftest import ROOT

_SCALE = ROOT / "docs/scale.md"
_CHART = ROOT / "docs/bench.svg"


def _row(ours: float, **peers: float) -> Row:
    figures = {OURS: ours, **{{"bare": BARE, "dev": DEV}[name]: value for name, value in peers.items()}}
    return Row("throughput", "runs", "runs/s", {name: Figure.of([one]) for name, one in figures.items()}, better="more")


def test_a_marker_without_a_number_is_an_error() -> None:
    with pytest.raises(KeyError, match="runs"):
        scale.fill("<!--=runs-->1<!--/-->", {})


def test_the_kept_documents_are_those_of_the_kept_results() -> None:
    found = results.read(results.KEPT)
    text = _SCALE.read_text("utf-8")
    assert scale.fill(text, scale.numbers(found)) == text
    assert _CHART.read_text("utf-8") == chart.draw(found)


@pytest.mark.parametrize("name", speed.DOCUMENTS)
def test_what_the_readmes_say_of_speed_is_what_was_measured(name: str) -> None:
    text = (ROOT / name).read_text("utf-8")
    assert "<!--=throughput_ours-->" in text
    assert scale.fill(text, speed.numbers(results.read(results.KEPT))) == text


def test_the_chart_has_a_bar_for_each_system_that_was_measured() -> None:
    row = _row(10, bare=20, dev=5)
    found = Results(datetime.now(UTC), 1.0, False, 0.0, {"cores": 2}, {}, [], [row])
    drawn = ET.fromstring(chart.draw(found))
    texts = ["".join(part.itertext()) for part in drawn.iter("{http://www.w3.org/2000/svg}text")]
    assert [name for name in (OURS, BARE, DEV) if name not in texts] == []
    widths = [float(part.attrib["width"]) for part in drawn.iter("{http://www.w3.org/2000/svg}rect")][1:]
    assert [width / widths[1] for width in widths] == pytest.approx([0.5, 1, 0.25], rel=0.01)


def test_a_peer_that_is_better_is_named_as_a_loss() -> None:
    assert results.losses([_row(10, dev=20)]) == [f"runs: 0.50 × {DEV}"]
    assert results.losses([_row(10, dev=5)]) == []


def test_a_limit_is_no_peer() -> None:
    assert results.losses([_row(10, bare=20)]) == []


@pytest.mark.parametrize(("measured", "met"), [(1.0, True), (2.0, True), (2.1, False), (None, None)])
def test_a_goal_is_met_up_to_its_limit(measured: float | None, met: bool | None) -> None:
    assert Goal("≤ 2", measured, 2).met is met
