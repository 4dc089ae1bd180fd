"""What the Temporal UI tells of a run."""

from __future__ import annotations

from typing import Any

import pytest

from perdure import RunStatus
from perdure.contracts.wire import Question, RunInput, RunProgress
from perdure.workflows.ui_text import current_details, slice_summary

RUN = RunInput(run_id="r1", thread_id="t1", assistant_id="agent")
PLACE = "thread `t1` · run `r1` · graph `agent`"


@pytest.mark.parametrize(
    ("state", "summary"),
    [
        (RunProgress(), "1 · start"),
        (RunProgress(steps=6, next=["tools"]), "7 · tools"),
        (RunProgress(steps=2, next=["left", "right"]), "3 · left, right"),
    ],
)
def test_the_summary_of_a_slice(state: RunProgress, summary: str) -> None:
    assert slice_summary(state) == summary


def test_a_summary_is_short_however_many_nodes_are_next() -> None:
    summary = slice_summary(RunProgress(next=[f"node-{number}" for number in range(1000)]))
    assert summary.startswith("1 · node-0, node-1, ")
    assert len(summary) == 200, "Temporal takes 400 bytes"


@pytest.mark.parametrize(
    ("fields", "lines"),
    [
        ({}, ["**pending** · 0 supersteps"]),
        ({"status": RunStatus.RUNNING, "steps": 3, "next": ["a", "b"]}, ["**running** · 3 supersteps", "next: a, b"]),
        (
            {"status": RunStatus.AWAITING_INPUT, "questions": [Question(id="q1", text="*Go* on?")], "next": ["ask"]},
            [
                "**awaiting_input** · 0 supersteps",
                'waits for an answer: signal `resume` with `{"value": …}`',
                r"`q1` \*Go\* on?",
            ],
        ),
        (
            {"status": RunStatus.AWAITING_INPUT, "questions": [Question(id="q1", text="Go?"), Question(id="q2")]},
            [
                "**awaiting_input** · 0 supersteps",
                'waits for an answer: signal `resume` with `{"value": {"<id>": …}}`',
                "`q1` Go?",
                "`q2`",
            ],
        ),
        (
            {"status": RunStatus.AWAITING_INPUT, "breakpoint": "checkpoint", "next": ["ask"]},
            [
                "**awaiting_input** · 0 supersteps",
                'waits at a breakpoint (next: ask): signal `resume` with `{"value": null}`',
            ],
        ),
        (
            {"status": RunStatus.RUNNING, "takeovers": 2},
            ["**running** · 0 supersteps", "takeovers: 2"],
        ),
        ({"status": RunStatus.INTERRUPTED, "steps": 3, "next": ["a"]}, ["**interrupted** · 3 supersteps"]),
    ],
    ids=["pending", "running", "asking", "asking twice", "at a breakpoint", "taken over", "ended"],
)
def test_the_details_of_a_run(fields: dict[str, Any], lines: list[str]) -> None:
    assert current_details(RUN, RunProgress(**fields)).split("\n\n") == [*lines, PLACE]
