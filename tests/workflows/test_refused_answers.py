"""An answer that fits nothing is an error that says why; as a signal it harms nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest
from support.graphs import count_to, counting

from perdure import (
    InvalidRunError,
    RunNotFoundError,
    RunScope,
    RunsFacade,
    RunSpec,
    RunStateError,
    RunStatus,
    Settings,
    Worker,
)

from .asked import EMPTY, answered, asked, check, ids
from .graphs import chain, question, step, three_questions

Spec = Callable[..., RunSpec]
Cli = Callable[..., Awaitable[str]]
UNKNOWN = "0123456789abcdef0123456789abcdef"


@pytest.fixture
async def worker(settings: Settings) -> AsyncIterator[Worker]:
    graphs = {
        "counting": counting(),
        "two": chain(first=question("first", []), second=question("second", []), after=step("after", [])),
        "three": three_questions([]),
    }
    async with Worker(graphs=graphs, settings=settings) as worker:
        yield worker


async def test_to_a_run_that_goes(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    record, stream = await runs.create_and_stream(spec("counting", input=count_to(1000, 0.05)))
    await anext(stream)
    queued = await runs.create_background(spec("counting", input=count_to(1)))
    with pytest.raises(RunStateError, match=r"does not wait for an answer \(it is running\)"):
        await runs.resume(record.run_id, "yes")
    with pytest.raises(RunStateError, match=r"does not wait for an answer \(it is pending\)"):
        await runs.resume(queued.run_id, "yes")
    await runs.cancel(record.run_id)
    assert (await runs.join_wait(queued.run_id)).status is RunStatus.SUCCESS


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        (object(), "must have a form in JSON"),
        (b"\xff", "must have a form in JSON"),
        ("x" * 32_000_000, "is 32,000,012 bytes of JSON, and a run takes 32,000,000"),
    ],
    ids=("object", "bytes", "large"),
)
async def test_that_cannot_be_sent(runs: RunsFacade, worker: Worker, spec: Spec, answer: Any, why: str) -> None:
    result = await asked(runs, spec("two", input=EMPTY), "first?")
    with pytest.raises(InvalidRunError, match=why):
        await runs.resume(result.run_id, answer)
    check(await answered(runs, result, "x" * 1_000_000), "second?")


async def test_to_a_run_that_has_ended(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    record, _ = await runs.create_and_wait(spec("counting", input=count_to(1)))
    with pytest.raises(RunStateError, match=r"does not wait for an answer \(it is success\)"):
        await runs.resume(record.run_id, "yes")


async def test_to_a_run_that_there_is_not(runs: RunsFacade, worker: Worker) -> None:
    with pytest.raises(RunNotFoundError, match="no run 'nobody'"):
        await runs.resume("nobody", "yes")


async def test_to_a_run_that_an_operator_has_terminated(runs: RunsFacade, worker: Worker, cli: Cli) -> None:
    alone = RunSpec(assistant_id="two", scope=RunScope(kind="stateless"), input=EMPTY)
    result = await asked(runs, alone, "first?")
    await cli("terminate", "--workflow-id", f"run-{result.run_id}")
    with pytest.raises(RunStateError, match=r"does not wait for an answer \((its workflow has ended|it is error)\)"):
        await runs.resume(result.run_id, "yes")


async def test_twice(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    first = await asked(runs, spec("two", input=EMPTY), "first?")
    answer = {first.interrupts[0].id: 1}
    second = await answered(runs, first, answer)
    check(second, "second?")
    with pytest.raises(RunStateError, match=f"no open question has the id {first.interrupts[0].id}"):
        await runs.resume(first.run_id, answer)
    result = await answered(runs, second, 2)
    assert result.values == {"log": ["first=1", "second=2", "after"]}
    with pytest.raises(RunStateError, match="it is success"):
        await runs.resume(first.run_id, 2)


async def test_by_many_clients_at_the_same_moment(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    result = await asked(runs, spec("two", input=EMPTY), "first?")
    question_id = result.interrupts[0].id
    tries = [runs.resume(result.run_id, {question_id: number}) for number in range(8)]
    outcomes = await asyncio.gather(*tries, return_exceptions=True)
    (winner,) = [number for number, outcome in enumerate(outcomes) if outcome is None]
    assert {type(outcome) for outcome in outcomes if outcome is not None} == {RunStateError}
    result = await answered(runs, await runs.join_wait(result.run_id), "end")
    assert result.values == {"log": [f"first={winner}", "second=end", "after"]}


@pytest.mark.parametrize(
    ("answer", "why"),
    [
        ("yes", "several questions are open; answer as {interrupt_id: value}, with ids of "),
        ({"a": 1}, "several questions are open"),
        ({}, "several questions are open"),
        ({UNKNOWN: 1}, f"no open question has the id {UNKNOWN}; open: "),
    ],
    ids=["a value", "an object", "an empty object", "an unknown id"],
)
async def test_of_several_questions(runs: RunsFacade, worker: Worker, spec: Spec, answer: Any, why: str) -> None:
    result = await asked(runs, spec("three", input=EMPTY), "a?", "b?", "c?")
    with pytest.raises(RunStateError, match=why) as caught:
        await runs.resume(result.run_id, answer)
    assert all(id in str(caught.value) for id in ids(result).values()), "it names those that are open"
    check(await runs.join_wait(result.run_id), "a?", "b?", "c?")


async def test_with_an_unknown_id_beside_a_known_one(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    result = await asked(runs, spec("three", input=EMPTY), "a?", "b?", "c?")
    with pytest.raises(RunStateError, match=f"no open question has the id {UNKNOWN}"):
        await runs.resume(result.run_id, {ids(result)["a?"]: 1, UNKNOWN: 2})
    check(await runs.join_wait(result.run_id), "a?", "b?", "c?")


async def test_of_the_only_question_with_an_unknown_id(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    result = await asked(runs, spec("two", input=EMPTY), "first?")
    with pytest.raises(RunStateError, match=f"no open question has the id {UNKNOWN}"):
        await runs.resume(result.run_id, {UNKNOWN: "yes"})
    check(await answered(runs, result, {"any": "object"}), "second?")


async def test_while_a_cancel_is_under_way(runs: RunsFacade, worker: Worker, spec: Spec) -> None:
    result = await asked(runs, spec("two", input=EMPTY), "first?")
    accepted, refusal = await asyncio.gather(
        runs.cancel(result.run_id), runs.resume(result.run_id, "late"), return_exceptions=True
    )
    assert accepted is True
    end = await _end(runs, result.run_id)
    if refusal is None:  # it came first: then the run went on, and was cancelled at its second question
        assert end == (RunStatus.INTERRUPTED, ["first=late"]) or end == (RunStatus.INTERRUPTED, [])
    else:
        assert isinstance(refusal, RunStateError)
        assert end == (RunStatus.INTERRUPTED, [])


async def test_signals_harm_nothing(runs: RunsFacade, worker: Worker, spec: Spec, cli: Cli) -> None:
    result = await asked(runs, spec("three", input=EMPTY), "a?", "b?", "c?")
    bad = ['"yes"', '{"value": "yes"}', f'{{"value": {{"{UNKNOWN}": 1}}}}', '{"Value": 1}', "[]", "null"]
    await asyncio.gather(*(_signal(cli, result.run_id, payload) for payload in bad))
    good = "".join(f', "{id}": "{question}"' for question, id in ids(result).items())
    await _signal(cli, result.run_id, f'{{"value": {{{good[2:]}}}}}')
    assert await _end(runs, result.run_id) == (RunStatus.SUCCESS, ["a=a?", "b=b?", "c=c?", "work", "end"])


async def _signal(cli: Cli, run_id: str, payload: str) -> None:
    await cli("signal", "--workflow-id", f"run-{run_id}", "--name", "resume", "--input", payload)


async def _end(runs: RunsFacade, run_id: str) -> tuple[RunStatus, list[Any]]:
    async for _ in await runs.join_stream(run_id):
        pass
    result = await runs.join_wait(run_id)
    return result.status, result.values["log"]
