"""The Python of the documents, executed as it is written."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from perdure import RunsFacade, RunStatus

from .reading import blocks

PROGRAMS = {
    graph: next(program for program in blocks("README.md", "python") if f'"{graph}"' in program)
    for graph in ("research", "approval", "echo", "guide")
}


def _executed(program: str, document: str) -> dict[str, Any]:
    names: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(program, document, "exec"), names)
    return names


async def _run(program: str) -> None:
    # A program has an event loop of its own.
    await asyncio.to_thread(_executed, program, "README.md")


def test_every_program_is_tried() -> None:
    assert sorted(PROGRAMS.values()) == sorted(blocks("README.md", "python"))


async def test_ten_lines(runs: RunsFacade, at_home: None, capsys: pytest.CaptureFixture[str]) -> None:
    await _run(PROGRAMS["research"])
    printed = [line.split(" ", 2) for line in capsys.readouterr().out.splitlines()]
    assert [event for _, event, _ in printed] == ["metadata", "updates", "end"]
    assert "You asked: What is a fencing token?" in printed[1][2]
    record = (await runs.list_runs("t-1"))[0]
    assert record.status is RunStatus.SUCCESS


async def test_a_human_in_the_loop(runs: RunsFacade, at_home: None, capsys: pytest.CaptureFixture[str]) -> None:
    await _run(PROGRAMS["approval"])
    assert "Publish this?" in capsys.readouterr().out
    record = (await runs.list_runs("t-2"))[0]
    result = await runs.join_wait(record.run_id)
    assert (result.status, result.values["log"]) == (RunStatus.SUCCESS, [True])


async def test_a_worker_with_graphs_of_its_program(elsewhere: None, capsys: pytest.CaptureFixture[str]) -> None:
    await _run(PROGRAMS["echo"])
    assert capsys.readouterr().out == "success You said: Hello\n"


@pytest.mark.usefixtures("needs_server")
async def test_a_test_of_ones_own_graph() -> None:
    await _executed(PROGRAMS["guide"], "README.md")["test_the_guide"]()


# Collected from here: a bridge that is made as CONTRIBUTING says has the whole conformance suite.
(_suite,) = blocks("CONTRIBUTING.md", "python")
TestMyBridge = _executed(_suite, "CONTRIBUTING.md")["TestMyBridge"]
