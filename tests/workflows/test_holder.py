"""To whom a run's workflow gives its next slice: to the worker that holds the graph, and to anybody if it is gone."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager, nullcontext
from datetime import timedelta
from typing import Any

import pytest
from temporalio import activity
from temporalio.client import Client, WorkflowFailureError, WorkflowHandle
from temporalio.contrib.pydantic import pydantic_data_converter
from temporalio.exceptions import ApplicationError
from temporalio.worker import UnsandboxedWorkflowRunner, Worker

from perdure.contracts.types import RunError, RunStatus
from perdure.contracts.wire import (
    ACTIVITY_FINISH_RUN,
    ACTIVITY_REQUEST_STOP,
    ACTIVITY_RUN_SUPERSTEPS,
    ERROR_GRAPH,
    ERROR_WORKER_SHUTDOWN,
    RUN_WORKFLOW,
    SIGNAL_CANCEL,
    RunInput,
    RunLimits,
    RunOutcome,
    SliceInput,
    SliceResult,
)
from perdure.contracts.wire_ending import FinishInput, GraphFailure, StopInput
from perdure.contracts.wire_steering import SIGNAL_LET_GO
from perdure.workflows import RunWorkflow, slices

Answer = Callable[[SliceInput], Awaitable[SliceResult]]


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The holder has less time to take its slice."""
    monkeypatch.setattr(slices, "_TO_HOLDER", timedelta(seconds=1))


class House:
    """Two task queues, the common one and a holder's, and what was asked on each."""

    def __init__(self, client: Client) -> None:
        self._client = client
        self.queue = f"test-{uuid.uuid4()}"
        self.own = f"{self.queue}-own"
        self.asked: list[tuple[str, SliceInput]] = []
        self.finished: list[FinishInput] = []

    @asynccontextmanager
    async def open(self, common: Answer, holder: Answer | None) -> AsyncGenerator[None]:
        """`holder`: `None` where nobody polls its queue."""

        @activity.defn(name=ACTIVITY_RUN_SUPERSTEPS)
        async def run_supersteps(slice: SliceInput) -> SliceResult:
            where = activity.info().task_queue.removeprefix(self.queue) or "common"
            self.asked.append((where, slice))
            answers = common if where == "common" else holder
            assert answers is not None
            return await answers(slice)

        @activity.defn(name=ACTIVITY_FINISH_RUN)
        async def finish_run(finish: FinishInput) -> RunOutcome:
            self.finished.append(finish)
            return RunOutcome(run_id=finish.run_id, status=finish.status)

        @activity.defn(name=ACTIVITY_REQUEST_STOP)
        async def request_stop(stop: StopInput) -> None:
            return None

        activities: list[Any] = [run_supersteps, finish_run, request_stop]
        workers = [
            Worker(
                self._client, task_queue=self.queue, workflows=[RunWorkflow], activities=activities,
                workflow_runner=UnsandboxedWorkflowRunner(),
            )
        ]  # fmt: skip
        if holder is not None:
            workers.append(Worker(self._client, task_queue=self.own, activities=[run_supersteps]))
        tasks = [asyncio.create_task(worker.run()) for worker in workers]
        try:
            yield
        finally:
            await asyncio.gather(*(worker.shutdown() for worker in workers))
            await asyncio.gather(*tasks)

    async def start(self) -> WorkflowHandle[Any, RunOutcome]:
        run = RunInput(
            run_id="r", thread_id="t", assistant_id="a", admitted=True, limits=RunLimits(heartbeat_timeout=1.0)
        )
        return await self._client.start_workflow(
            RUN_WORKFLOW, run, id=self.queue, task_queue=self.queue, result_type=RunOutcome
        )

    @property
    def story(self) -> list[tuple[str, bool, int, bool, bool]]:
        """Where each slice was asked for, whether it names the holder, takeovers, lost, release."""
        return [
            (where, slice.holder is not None, slice.takeovers, slice.lost, slice.release) for where, slice in self.asked
        ]


@pytest.fixture
async def house(temporal: str) -> House:
    return House(await Client.connect(temporal, data_converter=pydantic_data_converter))


def common(house: House) -> Answer:
    """Of a worker that holds nothing, and takes over what nobody holds."""

    async def answer(slice: SliceInput) -> SliceResult:
        if slice.slice == 0:
            return SliceResult(outcome="more", steps=1, next=["b"], holder=house.own)
        return SliceResult(outcome="elsewhere" if slice.holder else "done", steps=2)

    return answer


async def done(slice: SliceInput) -> SliceResult:
    return SliceResult(outcome="done", steps=2)


async def shuts_down(slice: SliceInput) -> SliceResult:
    raise ApplicationError("shuts down", type=ERROR_WORKER_SHUTDOWN)


async def is_lost(slice: SliceInput) -> SliceResult:
    await asyncio.sleep(30)  # without a heartbeat
    raise AssertionError


async def raises(slice: SliceInput) -> SliceResult:
    failure = GraphFailure(error=RunError(type="ValueError", message="no"), classes=["ValueError"])
    raise ApplicationError("no", failure, type=ERROR_GRAPH, non_retryable=True)


BEGUN, SENT_ON = ("common", False, 0, False, False), ("common", True, 0, False, False)
ASKED = ("-own", True, 0, False, False)


@pytest.mark.parametrize(
    ("holder", "then", "status"),
    [
        (done, [ASKED], RunStatus.SUCCESS),
        (None, [("common", False, 1, False, False)], RunStatus.SUCCESS),
        (shuts_down, [ASKED, ("common", False, 1, False, False)], RunStatus.SUCCESS),
        (is_lost, [ASKED, ("common", False, 1, True, False)], RunStatus.SUCCESS),
        (raises, [ASKED], RunStatus.ERROR),
    ],
    ids=["it answers", "it is gone", "it shuts down", "it is lost over it", "the graph raises"],
)
async def test_a_slice_goes_to_the_holder(
    house: House, holder: Answer | None, then: list[Any], status: RunStatus
) -> None:
    async with house.open(common(house), holder):
        handle = await house.start()
        with nullcontext() if status is RunStatus.SUCCESS else pytest.raises(WorkflowFailureError):
            await handle.result()
    assert [finish.status for finish in house.finished] == [status]
    assert house.story == [BEGUN, SENT_ON, *then]


@pytest.mark.parametrize(("at", "then"), [(0, []), (1, [SENT_ON])], ids=["in its last slice", "in the next one"])
async def test_nobody_waits_for_a_holder_that_has_let_go(house: House, at: int, then: list[Any]) -> None:
    """It says so when it shuts down, and may have told of its last slice before or after that."""
    entered, go = asyncio.Event(), asyncio.Event()

    async def waits(slice: SliceInput) -> SliceResult:
        if slice.slice == at:
            entered.set()
            await go.wait()
        return await common(house)(slice)

    async with house.open(waits, None):
        handle = await house.start()
        await entered.wait()
        await handle.signal(SIGNAL_LET_GO, "another worker's")
        await handle.signal(SIGNAL_LET_GO, house.own)
        go.set()
        assert (await handle.result()).status == RunStatus.SUCCESS
    assert house.story == [BEGUN, *then, ("common", False, 0, False, False)]


async def test_a_graph_that_is_held_is_let_go_before_its_run_ends(house: House) -> None:
    """A cancel comes when no slice is under way."""
    entered, go = asyncio.Event(), asyncio.Event()

    async def waits(slice: SliceInput) -> SliceResult:
        if slice.slice > 0:
            entered.set()
            await go.wait()
        return await common(house)(slice)

    async def releases(slice: SliceInput) -> SliceResult:
        assert slice.release
        assert not house.finished
        return SliceResult(outcome="stopped")

    async with house.open(waits, releases):
        handle = await house.start()
        await entered.wait()
        await handle.signal(SIGNAL_CANCEL, {"action": "interrupt"})
        # What is cancelled before it has executed anything says `elsewhere` as well.
        go.set()
        assert (await handle.result()).status == RunStatus.INTERRUPTED
    assert house.story == [BEGUN, SENT_ON, ("-own", True, 0, False, True)]
