"""A thread after a rollback is the thread before the run: row by row, whatever the run was, in each back end."""

from __future__ import annotations

from pathlib import Path

import pytest

from perdure.checkpoints.conformance import graphs
from perdure.checkpoints.conformance.graphs import GREETING
from perdure.checkpoints.conformance.making import save
from perdure.checkpoints.conformance.rollbacks import (
    CASES,
    Case,
    a_greeting,
    a_greeting_and_every_answer,
    a_turn,
    an_answer,
    greeted,
)
from perdure.checkpoints.conformance.threads import Durability, at
from perdure.checkpoints.contract import Checkpoints, Guard
from perdure.checkpoints.sqlite.checkpoints import SqliteCheckpoints

from .threads import KEPT_ROWS, LANGGRAPHS, Rows, Threads

UNDER_EVERY_DURABILITY = (
    "new thread, every answer",
    "next turn",
    "turn over half answered questions",
    "one answer, kept subgraphs",
    "answer with an update",
    "fork, kept subgraphs",
    "turn from an older checkpoint",
    "after a failure",
    "two attempts",
    "configs of nodes",
    "functional, every answer",
)


async def taken_back(threads: Threads, case: Case) -> None:
    await threads.run("other", GREETING, "other thread")
    for act in case.before:
        await act(threads)
    rows = threads.rows()
    await case.run(threads)
    assert threads.rows() != rows
    await threads.restore("run")
    assert threads.rows() == rows


@pytest.mark.parametrize("case", CASES.values(), ids=CASES)
async def test_every_row_is_as_before(checkpoints: Checkpoints, path: Path, case: Case) -> None:
    await taken_back(Threads(checkpoints, path, case.build()), case)


@pytest.mark.parametrize("durability", ["async", "exit"])
@pytest.mark.parametrize("case", UNDER_EVERY_DURABILITY)
async def test_every_row_is_as_before_under_every_durability(
    sqlite: SqliteCheckpoints, path: Path, durability: Durability, case: str
) -> None:
    await taken_back(Threads(sqlite, path, CASES[case].build(), durability), CASES[case])


async def test_a_new_thread_ends_without_a_row(sqlite: SqliteCheckpoints, path: Path) -> None:
    threads = Threads(sqlite, path, graphs.asking(), "async")
    await a_greeting_and_every_answer(threads)
    await threads.restore("run")
    assert not any(threads.rows(*LANGGRAPHS, *KEPT_ROWS).values())


async def test_runs_of_a_thread_are_taken_back_one_after_the_other(checkpoints: Checkpoints, path: Path) -> None:
    threads = Threads(checkpoints, path, graphs.asking())
    rows: list[Rows] = []
    for number in range(3):
        rows.append(threads.rows())
        await threads.run(f"run-{number}", await threads.answers("one?", "asked 1?") if number else GREETING)
    for number in reversed(range(3)):
        await threads.restore(f"run-{number}")
        assert threads.rows() == rows.pop()


async def test_a_run_that_was_taken_back_may_be_followed_by_another(checkpoints: Checkpoints, path: Path) -> None:
    threads = Threads(checkpoints, path, graphs.asking())
    await greeted(threads)
    await an_answer(threads)
    await threads.restore("run")
    rows = threads.rows()
    await threads.run("next", await threads.answers())
    await threads.restore("next")
    assert threads.rows() == rows


async def test_what_the_run_did_in_another_thread_stays(checkpoints: Checkpoints, path: Path) -> None:
    threads = Threads(checkpoints, path, graphs.asking())
    await threads.run("run", GREETING, "other thread")
    rows = threads.rows()
    await a_greeting(threads)
    await threads.restore("run")
    assert threads.rows() == rows


async def test_a_checkpoint_of_the_run_is_not_taken_for_one_of_before(checkpoints: Checkpoints, path: Path) -> None:
    threads = Threads(checkpoints, path, graphs.asking())
    await greeted(threads)
    rows = threads.rows()
    await a_turn(threads)
    (head, *_) = await threads.history()
    # As after a crash, when the saver does not know its own.
    await save(checkpoints, Guard("run", fence=1, keep=True), at("thread", head))
    await threads.restore("run")
    assert threads.rows() == rows


async def test_what_is_kept_first_counts(checkpoints: Checkpoints, path: Path) -> None:
    threads = Threads(checkpoints, path, graphs.asking())
    await greeted(threads)
    rows = threads.rows()
    await an_answer(threads)
    (head, *_) = await threads.history()
    await save(checkpoints, Guard("run", fence=1, keep=True), at("thread", head))
    await threads.restore("run")
    assert threads.rows() == rows
