"""Answering, continuing and running out of time, with the exit codes that tell of it."""

from __future__ import annotations

import json
from typing import Any

from perdure import RunScope, RunsFacade, RunSpec, RunStatus, WaitResult

from .conftest import CommandLine

UNKNOWN = "0123456789abcdef0123456789abcdef"


async def _asks(facade: RunsFacade, thread: str, **fields: Any) -> WaitResult:
    """A run that waits for the answer to its first question, "Tea or coffee?"."""
    spec = RunSpec(assistant_id="ask", scope=RunScope(thread_id=thread), input={}, **fields)
    _, result = await facade.create_and_wait(spec)
    assert result.status is RunStatus.AWAITING_INPUT
    return result


async def test_answers_by_their_ids(cli: CommandLine, facade: RunsFacade) -> None:
    result = await _asks(facade, "by-id")
    waiting = await cli("wait", result.run_id, "--json")
    assert waiting.code == 7
    (question,) = waiting.document["interrupts"]
    unknown, answered = [json.dumps({id: "tea"}) for id in (UNKNOWN, question["id"])]
    refused = await cli("resume", result.run_id, unknown, "--json")
    assert (refused.code, refused.failure["type"]) == (2, "RunStateError")
    assert f"no open question has the id {UNKNOWN}; open: {question['id']}" in refused.failure["message"]
    assert (await cli("resume", result.run_id, answered)).code == 0
    second = await facade.join_wait(result.run_id)
    assert [one.value for one in second.interrupts] == ["With milk?"]
    await facade.resume(result.run_id, False)
    assert (await facade.join_wait(result.run_id)).values == {"said": ["tea", False]}


async def test_answers_that_nobody_waits_for(cli: CommandLine, facade: RunsFacade) -> None:
    result = await _asks(facade, "nobody-waits")
    await facade.cancel(result.run_id)
    assert (await facade.join_wait(result.run_id)).status is RunStatus.INTERRUPTED
    endings = await cli.all({name: ["resume", name, "tea"] for name in (result.run_id, "nobody")})
    late, unknown = endings[result.run_id], endings["nobody"]
    assert (late.code, late.out) == (2, "")
    assert "the run does not wait for an answer (it is interrupted)" in late.err
    assert (unknown.code, "no run 'nobody'" in unknown.err) == (3, True)


async def test_a_later_run_answers(cli: CommandLine) -> None:
    first = await cli("run", "ask", "--thread", "later", "--on-interrupt", "finish", "--wait", "--json")
    assert (first.code, [one["value"] for one in first.document["interrupts"]]) == (5, ["Tea or coffee?"])
    command = json.dumps({"resume": "tea"})
    second = await cli("run", "ask", "--thread", "later", "--command", command, "--wait", "--json")
    assert (second.code, [one["value"] for one in second.document["interrupts"]]) == (7, ["With milk?"])


async def test_continuing_a_thread(cli: CommandLine, facade: RunsFacade) -> None:
    given = {"steps": 3, "delay": 0.3}
    spec = RunSpec(assistant_id="count", scope=RunScope(thread_id="continued"), input=given, interrupt_before=("work",))
    record, _ = await facade.create_and_wait(spec)
    await facade.resume(record.run_id, None)
    await facade.join_wait(record.run_id)
    await facade.cancel(record.run_id)
    await facade.join_wait(record.run_id)
    continued = await cli("run", "count", "--thread", "continued", "--continue", "--wait", "--json")
    assert (continued.code, continued.document["values"]["done"]) == (0, [0, 1, 2])
    found = await facade.get_run(continued.document["run_id"])
    assert found is not None
    assert found.steps == 2, "the first step was not repeated"


async def test_continuing_a_thread_without_a_state(cli: CommandLine) -> None:
    ended = await cli("run", "count", "--thread", "empty", "--continue", "--wait")
    assert ended.code == 1
    assert "thread 'empty' has no state to go on from; give the run an input" in ended.err


async def test_a_question_that_nobody_answered_is_6(cli: CommandLine, facade: RunsFacade) -> None:
    result = await _asks(facade, "unanswered", awaiting_timeout=0.1)
    async for _ in await facade.join_stream(result.run_id):
        pass
    endings = await cli.all({name: [name, result.run_id] for name in ("wait", "stream")})
    assert {name: ended.code for name, ended in endings.items()} == {"wait": 6, "stream": 6}
    assert "nobody answered within awaiting_timeout (0.1 s)" in endings["wait"].err
