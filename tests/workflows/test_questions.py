"""Human in the loop: a run that asks stays open, and goes on with the answer."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

import pytest
from support.graphs import asking, count_to

from perdure import RunsFacade, RunSpec, RunStateError, RunStatus, Settings, WaitResult, Worker

Spec = Callable[..., RunSpec]
Cli = Callable[..., Awaitable[str]]


async def _asked(runs: RunsFacade, spec: RunSpec, question: str) -> tuple[str, WaitResult]:
    record, result = await runs.create_and_wait(spec)
    assert result.status is RunStatus.AWAITING_INPUT
    assert [interrupt.value for interrupt in result.interrupts] == [question]
    return record.run_id, result


async def _next(runs: RunsFacade, run_id: str, question: str | None) -> WaitResult:
    """How the run stands once it asks `question`, or has ended."""
    async for event in await runs.join_stream(run_id):
        if event.event == "awaiting_input" and [one["value"] for one in event.data["interrupts"]] == [question]:
            break
    else:
        assert question is None
    return await runs.join_wait(run_id)


async def test_two_questions_of_one_node(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    run_id, result = await _asked(runs, spec("asking", input={"log": []}), "name?")
    assert result.values == {"log": []}
    await runs.resume(run_id, "Ann")
    result = await _next(runs, run_id, "age?")
    await runs.resume(run_id, {result.interrupts[0].id: 7})
    result = await _next(runs, run_id, None)
    assert (result.status, result.values) == (RunStatus.SUCCESS, {"log": ["Ann", 7, "after"]})


async def test_by_a_plain_json_signal(runs: RunsFacade, worker: Worker, spec: Spec, cli: Cli) -> None:
    run_id, _ = await _asked(runs, spec("asking", input={"log": []}), "name?")
    await cli("signal", "--workflow-id", f"run-{run_id}", "--name", "resume", "--input", '{"value": "Ann"}')
    await _next(runs, run_id, "age?")
    await runs.cancel(run_id)
    assert (await _next(runs, run_id, None)).status is RunStatus.INTERRUPTED


async def test_it_survives_a_restart_of_the_worker(runs: RunsFacade, settings: Settings, spec: Spec) -> None:
    graphs = {"asking": asking("name?")}
    async with Worker(graphs=graphs, settings=settings):
        run_id, _ = await _asked(runs, spec("asking", input={"log": []}), "name?")
    async with Worker(graphs=graphs, settings=settings):
        await runs.resume(run_id, "Ann")
        result = await _next(runs, run_id, None)
    assert result.values == {"log": ["Ann", "after"]}


async def test_a_resume_that_fits_nothing_is_refused(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    run_id, _ = await _asked(runs, spec("asking", input={"log": []}), "name?")
    await runs.cancel(run_id)
    assert (await _next(runs, run_id, None)).status is RunStatus.INTERRUPTED
    with pytest.raises(RunStateError, match=r"does not wait for an answer .it is interrupted"):
        await runs.resume(run_id, "late")


async def test_finish_leaves_the_question_to_a_later_run(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    _, result = await runs.create_and_wait(spec("asking", input={"log": []}, on_interrupt="finish"))
    assert result.status is RunStatus.INTERRUPTED
    assert [interrupt.value for interrupt in result.interrupts] == ["name?"]
    record, result = await runs.create_and_wait(spec("asking", command={"resume": "Ann"}))
    assert [interrupt.value for interrupt in result.interrupts] == ["age?"]
    await runs.resume(record.run_id, 7)
    assert (await _next(runs, record.run_id, None)).values == {"log": ["Ann", 7, "after"]}


async def test_after_an_answer_the_question_is_gone(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    record, result = await runs.create_and_wait(spec("asking", input={"log": []}))
    asked: list[str] = []
    while result.status is RunStatus.AWAITING_INPUT:
        asked.append(result.interrupts[0].value)
        await runs.resume(record.run_id, f"to {asked[-1]}")
        result = await runs.join_wait(record.run_id)
    assert (asked, result.values["log"]) == (["name?", "age?"], ["to name?", "to age?", "after"])


async def test_nobody_answers_in_time(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    run_id, _ = await _asked(runs, spec("asking", input={"log": []}, awaiting_timeout=0.2), "name?")
    result = await _next(runs, run_id, None)
    assert result.status is RunStatus.TIMEOUT
    assert result.error is not None
    assert "nobody answered within awaiting_timeout (0.2 s)" in result.error.message


async def test_breakpoints(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    record, result = await runs.create_and_wait(spec("counting", input=count_to(2), interrupt_before="work"))
    for done in ([], [0]):
        assert result.status is RunStatus.AWAITING_INPUT
        assert result.interrupts[0].value == {"breakpoint": ["work"]}
        assert result.values["log"] == done
        seen = result.interrupts[0].id
        await runs.resume(record.run_id, None)
        async for event in await runs.join_stream(record.run_id):
            if event.event == "awaiting_input" and event.data["interrupts"][0]["id"] > seen:
                break
        result = await runs.join_wait(record.run_id)
    assert (result.status, result.values["log"]) == (RunStatus.SUCCESS, [0, 1])
