"""Every error of Temporal's client that the facade may see, and what it becomes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from temporalio.client import WorkflowUpdateFailedError, WorkflowUpdateRPCTimeoutOrCancelledError
from temporalio.exceptions import ApplicationError, CancelledError, TerminatedError, WorkflowAlreadyStartedError
from temporalio.service import RPCError, RPCStatusCode

from perdure.contracts.errors import (
    InvalidRunError,
    NoWorkerError,
    PerdureError,
    RunNotFoundError,
    RunStateError,
    TemporalUnreachableError,
    ThreadBusyError,
    UnavailableError,
)
from perdure.contracts.settings import TemporalSettings
from perdure.contracts.wire import ERROR_NOT_AWAITING, ERROR_THREAD_BUSY, run_workflow_id
from perdure.facade.retry import NotReadyError
from perdure.facade.translation import AlreadySubmittedError, translated

SETTINGS = TemporalSettings(address="host:1", task_queue="queue", submit_timeout=5)


def becomes(error: BaseException) -> BaseException:
    with pytest.raises(BaseException) as raised, translated(SETTINGS, run_id="run", thread_id="thread"):  # noqa: PT011
        raise error
    return raised.value


def refused(cause: BaseException) -> WorkflowUpdateFailedError:
    return WorkflowUpdateFailedError(cause)


def rpc(status: RPCStatusCode) -> RPCError:
    return RPCError("what the server says", status, b"")


CASES: list[tuple[BaseException, type[Exception], str]] = [
    (refused(ApplicationError("busy", "other", type=ERROR_THREAD_BUSY)), ThreadBusyError, "busy with run 'other'"),
    (refused(ApplicationError("busy", type=ERROR_THREAD_BUSY)), ThreadBusyError, "thread 'thread'"),
    (refused(ApplicationError("it has ended", type=ERROR_NOT_AWAITING)), RunStateError, "run 'run': it has ended"),
    (refused(ApplicationError("odd", type="Odd")), UnavailableError, "odd"),
    (refused(CancelledError("cancelled")), UnavailableError, "run 'run'"),
    (refused(TerminatedError("terminated")), UnavailableError, "run 'run'"),
    (WorkflowUpdateRPCTimeoutOrCancelledError(), NoWorkerError, "no worker polls the task queue 'queue' (waited 5 s)"),
    (WorkflowAlreadyStartedError(run_workflow_id("run"), "RunWorkflow"), AlreadySubmittedError, "run"),
]
RPC: dict[RPCStatusCode, tuple[type[Exception], str]] = {
    RPCStatusCode.NOT_FOUND: (RunNotFoundError, "no run 'run'"),
    RPCStatusCode.DEADLINE_EXCEEDED: (NoWorkerError, "'queue'"),
    RPCStatusCode.CANCELLED: (NoWorkerError, "'queue'"),
    RPCStatusCode.FAILED_PRECONDITION: (NotReadyError, "what the server says; try again"),
    RPCStatusCode.UNAVAILABLE: (TemporalUnreachableError, "host:1 (what the server says)"),
    RPCStatusCode.INVALID_ARGUMENT: (InvalidRunError, "what the server says"),
}


@pytest.mark.parametrize(("error", "kind", "text"), CASES, ids=[repr(case[0])[:40] for case in CASES])
async def test_an_error_of_a_call_becomes_ours(error: BaseException, kind: type[Exception], text: str) -> None:
    found = becomes(error)
    assert type(found) is kind
    assert text in str(found)
    assert found.__cause__ is error


@pytest.mark.parametrize("status", [status for status in RPCStatusCode if status is not RPCStatusCode.OK])
def test_every_status_of_the_server_becomes_ours(status: RPCStatusCode) -> None:
    kind, text = RPC.get(status, (UnavailableError, "what the server says"))
    error = rpc(status)
    found = becomes(error)
    assert type(found) is kind
    assert text in str(found)
    assert found.__cause__ is error


async def test_a_call_that_its_caller_cancelled_is_cancelled() -> None:
    async def call() -> None:
        with translated(SETTINGS, run_id="run"):
            try:
                await asyncio.Event().wait()
            except asyncio.CancelledError:
                raise WorkflowUpdateRPCTimeoutOrCancelledError from None

    calling = asyncio.create_task(call())
    await asyncio.sleep(0)
    calling.cancel()
    await asyncio.wait({calling})
    assert calling.cancelled()


def test_a_busy_thread_names_thread_and_run() -> None:
    found: Any = becomes(refused(ApplicationError("busy", "other", type=ERROR_THREAD_BUSY)))
    assert (found.thread_id, found.run_id) == ("thread", "other")


@pytest.mark.parametrize(
    "error", [ValueError("ours"), RunNotFoundError("run"), KeyboardInterrupt(), asyncio.CancelledError()]
)
def test_all_else_goes_through(error: BaseException) -> None:
    assert becomes(error) is error


def test_a_call_that_works_is_left_alone() -> None:
    with translated(SETTINGS, run_id="run"):
        pass


def test_only_one_of_the_results_is_not_for_users() -> None:
    assert not issubclass(AlreadySubmittedError, PerdureError)
    assert all(issubclass(kind, PerdureError) for _, kind, _ in CASES if kind is not AlreadySubmittedError)
    assert all(issubclass(kind, PerdureError) for kind, _ in RPC.values())


def test_without_an_address_the_text_is_still_one() -> None:
    with pytest.raises(TemporalUnreachableError, match="cannot be used at"), translated(TemporalSettings(), run_id="r"):
        raise rpc(RPCStatusCode.UNAVAILABLE)
