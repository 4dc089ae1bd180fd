"""A thread's line: how it is carried over, how long it may be, and what a deletion takes out of it."""

from __future__ import annotations

from contextlib import suppress
from functools import cache

import pytest
from temporalio.contrib.pydantic import pydantic_data_converter

from perdure import CancelAction
from perdure.contracts.identifiers import ID_MAX_LENGTH
from perdure.contracts.wire import RunLimits
from perdure.contracts.wire_thread import Submission, ThreadInput, ThreadState
from perdure.workflows import admission

PAYLOAD_LIMIT = 2_000_000
"""Bytes of one payload that Temporal takes."""
USUAL = "01a20d87-9823-7ab0-83dc-e19a1a5d{:04}"
"""A run id of the usual length."""


def submission(run_id: str) -> Submission:
    return Submission(run_id=run_id, assistant_id="graph", limits=RunLimits(run_timeout=5.0), summary="x" * 120)


@cache
def full_line(name: str) -> ThreadState:
    """As many runs as a thread takes, nearly all of them started, cancelled and told so; and many that have ended."""
    state = ThreadState()
    for number in range(1000):
        admission.submit(state, submission(name.format(number)))
        admission.ended(state, state.runs[0])
    with suppress(admission.BusyError):
        while True:
            admission.submit(state, submission(name.format(state.sequence)))
    admission.cancel(state, CancelAction.INTERRUPT)
    for run in state.runs[:-20]:
        run.started = run.admitted = run.cancel_told = True
    return state


def payload(carried: ThreadInput) -> bytes:
    return pydantic_data_converter.payload_converter.to_payloads([carried])[0].data


@pytest.mark.parametrize("name", [USUAL, "{:0200}"], ids=["usual ids", "long ids"])
def test_the_longest_line_is_carried_over(name: str) -> None:
    state = full_line(name)
    assert len(payload(admission.carried("thread", state))) < PAYLOAD_LIMIT
    assert len(name.format(0)) <= ID_MAX_LENGTH


def test_a_line_of_usual_ids_may_have_thousands_of_runs() -> None:
    assert len(full_line(USUAL).runs) > 6000


def test_what_is_carried_over_is_read_as_it_was() -> None:
    state = ThreadState()
    for number in range(3):
        admission.submit(state, submission(f"run-{number}"))
    admission.ended(state, state.runs[0])
    state.runs[0].started = state.runs[0].admitted = True
    read = ThreadInput.model_validate_json(payload(admission.carried("thread", state)))
    assert (read.thread_id, read.state) == ("thread", state)
    assert read.state is not None
    assert read.state.runs[1].submission == submission("run-2"), "what has not been started is needed in full"
    assert admission.begin(read) == state


def test_a_full_line_takes_no_newcomer_and_harms_nobody() -> None:
    state = full_line(USUAL)
    before = state.model_copy(deep=True)
    with pytest.raises(admission.BusyError) as refused:
        admission.submit(state, submission("n" * 36))
    assert refused.value.run_id == state.runs[0].submission.run_id
    assert state == before


def test_a_run_that_was_taken_out_for_a_deletion_and_comes_again_stays() -> None:
    state = ThreadState()
    for run_id in ("begun", "waits"):
        admission.submit(state, submission(run_id))
    admission.delete(state, lambda run: run.submission.run_id == "begun")
    assert (state.never_started, [run.submission.run_id for run in state.runs]) == (["waits"], ["begun"])
    assert admission.submit(state, submission("waits")).sequence == 3
    assert state.never_started == []
    assert [run.cancel for run in state.runs] == [CancelAction.INTERRUPT, None]
