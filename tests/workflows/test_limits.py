"""What is beyond a limit is refused, by name, and leaves nothing; what is within goes on."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import pytest
from langgraph.graph import START, StateGraph
from support.graphs import count_to
from typing_extensions import TypedDict

import perdure
from perdure import RunRecord, RunsFacade, RunSpec, RunStatus, Settings, Worker
from perdure.contracts.limit_errors import LimitError
from perdure.contracts.settings import LimitSettings

Spec = Callable[..., RunSpec]
LONG = count_to(1000, 0.05)


@asynccontextmanager
async def limited(settings: Settings, **limits: int) -> AsyncGenerator[RunsFacade]:
    own = settings.model_copy(update={"limits": LimitSettings(**limits)})
    async with perdure.connect(settings=own) as runs:
        yield runs


def created(outcomes: list[RunRecord | BaseException]) -> list[str]:
    return [one.run_id for one in outcomes if isinstance(one, RunRecord)]


def refused(outcomes: list[RunRecord | BaseException]) -> list[BaseException]:
    return [one for one in outcomes if isinstance(one, BaseException)]


@pytest.mark.parametrize(
    ("limit", "user", "text"),
    [
        ({"queued_runs_per_thread": 2}, None, "2 runs wait in line, and limits.queued_runs_per_thread is 2"),
        ({"queued_runs_per_thread": 0}, None, "0 runs wait in line, and limits.queued_runs_per_thread is 0"),
        ({"runs_per_user": 3}, "ada", "user 'ada' has 3 runs that have not ended, and limits.runs_per_user is 3"),
    ],
)
async def test_of_many_at_once_no_more_than_the_limit_come_through(
    worker: Worker, settings: Settings, spec: Spec, limit: dict[str, int], user: str | None, text: str
) -> None:
    (allowed,) = limit.values()
    allowed += "queued_runs_per_thread" in limit  # and the one that executes
    async with AsyncExitStack() as stack, limited(settings, **limit) as one, limited(settings, **limit) as two:
        if user is not None:
            stack.enter_context(perdure.bind_actor(user))
        calls = [runs.create_background(spec("counting", input=LONG)) for runs in (one, two) for _ in range(4)]
        outcomes = await asyncio.gather(*calls, return_exceptions=True)
        runs = created(outcomes)
        assert len(runs) == allowed
        errors = refused(outcomes)
        assert all(isinstance(error, LimitError) for error in errors)
        assert text in str(errors[0])
        thread_id = spec("counting").scope.thread_id
        assert {record.run_id for record in await one.list_runs(thread_id)} == {*runs}  # nothing is left of the others
        # What was admitted is the same run still, and what has ended counts no more.
        known = await one.create_background(spec("counting", input=LONG, run_id=runs[0]))
        assert known.run_id == runs[0]
        for run_id in runs:
            await one.cancel(run_id)
        await asyncio.gather(*(one.join_wait(run_id) for run_id in runs))
        _, result = await one.create_and_wait(spec("counting", input=count_to(1)))
        assert result.status is RunStatus.SUCCESS


async def test_another_user_and_an_interrupting_run_are_let_in(worker: Worker, settings: Settings, spec: Spec) -> None:
    async with limited(settings, queued_runs_per_thread=0, runs_per_user=1) as runs:
        with perdure.bind_actor("ada"):
            await runs.create_background(spec("counting", "ada", input=LONG))
            with pytest.raises(LimitError, match="runs_per_user"):
                await runs.create_background(spec("counting", "ada-2", input=LONG))
        with perdure.bind_actor("bob"):
            await runs.create_and_wait(spec("counting", "bob", input=count_to(1)))
        first = await runs.create_background(spec("counting", "nobody", input=LONG))
        over = spec("counting", "nobody", input=count_to(1), multitask_strategy="interrupt")
        _, result = await runs.create_and_wait(over)
        assert result.status is RunStatus.SUCCESS
        assert (await runs.join_wait(first.run_id)).status is RunStatus.INTERRUPTED


async def test_a_large_input_is_refused_before_anything_is_written(
    worker: Worker, settings: Settings, spec: Spec
) -> None:
    async with limited(settings, input_size=2000) as runs:
        with pytest.raises(LimitError, match=r"has 3\d\d\d bytes, and limits.input_size is 2000") as raised:
            await runs.create_background(spec("counting", input={"log": ["x" * 3000]}, run_id="large"))
        assert raised.value.field == "input"
        assert await runs.get_run("large") is None
        _, result = await runs.create_and_wait(spec("counting", input=count_to(1)))
        assert result.status is RunStatus.SUCCESS


class Texts(TypedDict, total=False):
    small: str
    large: str


def growing(size: int) -> Any:
    def modest(state: Texts) -> Texts:
        return {"small": "x"}

    def greedy(state: Texts) -> Texts:
        return {"large": "x" * size}

    graph = StateGraph(Texts)
    graph.add_node("modest", modest)
    graph.add_node("greedy", greedy)
    graph.add_edge(START, "modest")
    graph.add_edge("modest", "greedy")
    return graph.compile()


@pytest.mark.parametrize(("size", "status"), [(1000, RunStatus.SUCCESS), (6000, RunStatus.ERROR)])
async def test_a_run_whose_state_grows_beyond_the_limit_ends_as_error(
    runs: RunsFacade, settings: Settings, spec: Spec, size: int, status: RunStatus
) -> None:
    own = settings.model_copy(update={"limits": LimitSettings(state_size=5000)})
    async with Worker(graphs={"growing": growing(size)}, settings=own):
        record, result = await runs.create_and_wait(spec("growing", input={"small": "a"}))
        assert result.status is status
        if status is RunStatus.ERROR:
            assert result.error is not None
            assert result.error.type.endswith("StateTooLargeError")
            assert "(most of it is 'large'), and limits.state_size is 5000" in result.error.message
            assert record.run_id in result.error.message
            state = await runs.get_state(record.thread_id, stored=True)
            assert state is not None
            assert "large" not in state.values
