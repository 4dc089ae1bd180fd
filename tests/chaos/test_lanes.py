"""The overlap detector sees what is wrong with a thread, and only that."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from perdure import MultitaskStrategy, RunRecord, RunStatus

from .lanes import NODES, Step, wrong_lane

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)


def _steps(run_id: str, nodes: Sequence[str] = NODES) -> list[Step]:
    return [Step(run_id, node, what) for node in nodes for what in ("enters", "leaves")]


def _record(sequence: int, **fields: Any) -> RunRecord:
    started = BEGINNING + timedelta(seconds=10 * sequence)
    known: dict[str, Any] = {
        "run_id": f"r{sequence}", "thread_id": "t", "assistant_id": "lane", "status": RunStatus.SUCCESS,
        "sequence": sequence, "created_at": BEGINNING, "updated_at": BEGINNING,
        "started_at": started, "ended_at": started + timedelta(seconds=9),
    }  # fmt: skip
    return RunRecord(**{**known, **fields})


def _kept(*run_ids: str, nodes: Sequence[str] = NODES) -> dict[str, list[str]]:
    return {"log": [f"{run_id} {node}" for run_id in run_ids for node in nodes]}


def test_two_runs_in_a_row() -> None:
    steps, records = _steps("r1") + _steps("r2"), [_record(2), _record(1)]
    assert [*wrong_lane(steps, records, _kept("r1", "r2"), killed=False)] == []


def test_a_cancelled_run_whose_tool_leaves_late() -> None:
    steps = [*_steps("r1", NODES[:1]), Step("r1", "tool", "enters"), *_steps("r2"), Step("r1", "tool", "leaves")]
    later = _record(2, multitask_strategy=MultitaskStrategy.INTERRUPT)
    values = {"log": ["r1 first", *_kept("r2")["log"]]}
    assert [*wrong_lane(steps, [_record(1, status=RunStatus.INTERRUPTED), later], values, killed=False)] == []


def test_a_node_that_was_repeated_by_another_worker() -> None:
    steps, records = [Step("r1", "first", "enters"), *_steps("r1")], [_record(1)]
    assert [*wrong_lane(steps, records, _kept("r1"), killed=True)] == []
    assert [*wrong_lane(steps, records, _kept("r1"), killed=False)] != []


@pytest.mark.parametrize(
    ("steps", "records", "values", "words"),
    [
        (
            [*_steps("r1", NODES[:2]), *_steps("r2"), *_steps("r1", NODES[2:])],
            [_record(1), _record(2)],
            _kept("r1", "r2"),
            "runs overlap",
        ),
        (_steps("r2") + _steps("r1"), [_record(1), _record(2)], _kept("r1", "r2"), "order of admission"),
        (_steps("r1"), [_record(1, status=RunStatus.INTERRUPTED)], _kept("r1"), "has ended as interrupted"),
        (
            _steps("r1") + _steps("r2"),
            [_record(1), _record(2, started_at=BEGINNING + timedelta(seconds=12))],
            _kept("r1", "r2"),
            "has started before the end",
        ),
        (_steps("r1") * 2, [_record(1)], _kept("r1"), "has executed"),
        (_steps("r1"), [_record(1)], _kept("r1", nodes=NODES[:3]), "its thread kept"),
        (
            _steps("r1") + _steps("r2"),
            [
                _record(1, status=RunStatus.ROLLED_BACK),
                _record(2, multitask_strategy=MultitaskStrategy.ROLLBACK),
            ],
            _kept("r1", "r2"),
            "its thread kept",
        ),
        (_steps("r1") + _steps("r2"), [_record(1), _record(2)], _kept("r2", "r1"), "not in the order of its runs"),
    ],
)
def test_what_is_wrong_is_seen(steps: list[Step], records: list[RunRecord], values: Any, words: str) -> None:
    wrong = [*wrong_lane(steps, records, values, killed=False)]
    assert any(words in text for text in wrong), wrong
