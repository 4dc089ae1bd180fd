"""`python -m benchmarks --quick` measures every row, says which peers are not there, and leaves no file of ours."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from benchmarks import results, scale
from benchmarks.figures import OURS
from benchmarks.peers.installed import missing

from .conftest import ROOT, Quick, kept

_SCALE = ROOT / "docs/scale.md"
pytestmark = [pytest.mark.timeout(300), pytest.mark.whole]
"""Half a minute on a quiet machine; whichever test comes first waits for it."""

# The worker's memory is known on Linux only.
_KEYS = {
    "first_event_new", "first_event_used", "one_step", "hundred_steps", "hundred_history", "slow_step",
    "slow_history", "throughput", "one_step_history", "agent_run", "cancel", "bridge_rate", "bridge_delay", "tokens",
    "live_readers", "replays", "growth_steps", "growth_runs", "run_bytes", "resume", "start_help", "start_worker",
    "recovery", "api_first_event", "api_thread", "api_state", "api_runs", "api_search", "api_tokens", "api_protocol",
}  # fmt: skip


def test_every_row_is_measured(quick: Quick) -> None:
    rows = results.read(quick.json).rows
    assert {row.key for row in rows} - {"waiting_memory"} == _KEYS
    assert [row.key for row in rows if row.figures[OURS].n < 1] == []
    # The few runs that wait here may find their memory in what the worker has already.
    assert [row.key for row in rows if row.figures[OURS].median <= 0 and row.key != "waiting_memory"] == []


def test_nothing_is_lost(quick: Quick) -> None:
    promises = ("all delivered", "all complete and equal")
    met = [goal.met for row in results.read(quick.json).rows for goal in row.goals if goal.text in promises]
    assert met == [True, True, True, True, True]


def test_a_peer_that_is_not_there_is_named(quick: Quick) -> None:
    assert results.read(quick.json).not_installed == missing()
    assert [peer for peer in missing() if f"{peer}: not installed" not in quick.output] == []


def test_a_quick_run_changes_no_kept_file(quick: Quick) -> None:
    assert kept() == quick.before


def test_the_results_do_not_say_whose_machine_it_was(quick: Quick) -> None:
    text = quick.json.read_text("utf-8")
    assert [private for private in (socket.gethostname(), str(ROOT), "/home/", "/tmp/") if private in text] == []


def test_every_number_of_the_document_is_calculated(quick: Quick) -> None:
    numbers = scale.numbers(results.read(quick.json))
    text = scale.fill(scale.fill(_SCALE.read_text("utf-8"), dict.fromkeys(numbers, "wrong")), numbers)
    assert "<!--=" in text
    assert "wrong" not in text


def test_every_calculated_number_is_in_the_document(quick: Quick) -> None:
    text = _SCALE.read_text("utf-8")
    assert [name for name in scale.numbers(results.read(quick.json)) if f"<!--={name}-->" not in text] == []


def test_results_survive_being_written(quick: Quick, tmp_path: Path) -> None:
    found = results.read(quick.json)
    results.write(found, tmp_path / "again.json")
    assert results.read(tmp_path / "again.json") == found
