"""What a thread decides, without a server."""

from __future__ import annotations

import pytest

from perdure import CancelAction, MultitaskStrategy
from perdure.contracts.wire import Admission, Submission, ThreadRun, ThreadState
from perdure.workflows import admission

ENQUEUE, REJECT, INTERRUPT, ROLLBACK = (
    MultitaskStrategy.ENQUEUE, MultitaskStrategy.REJECT, MultitaskStrategy.INTERRUPT, MultitaskStrategy.ROLLBACK,
)  # fmt: skip


def submit(state: ThreadState, run_id: str, strategy: MultitaskStrategy = ENQUEUE) -> Admission:
    return admission.submit(state, Submission(run_id=run_id, assistant_id="graph", strategy=strategy))


def thread(*run_ids: str) -> ThreadState:
    state = ThreadState()
    for run_id in run_ids:
        submit(state, run_id)
    return state


def line(state: ThreadState) -> list[str]:
    return [run.submission.run_id for run in state.runs]


def cancels(state: ThreadState) -> list[CancelAction | None]:
    return [run.cancel for run in state.runs]


def end_first(state: ThreadState) -> ThreadRun:
    run = admission.first(state)
    assert run is not None
    admission.ended(state, run)
    return run


@pytest.mark.parametrize("strategy", MultitaskStrategy)
def test_a_free_thread_takes_any_run(strategy: MultitaskStrategy) -> None:
    state = ThreadState()
    assert submit(state, "a", strategy) == Admission(run_id="a", sequence=1)
    assert (line(state), cancels(state)) == (["a"], [None])


def test_enqueue_waits_behind_all_others() -> None:
    state = thread("a", "b")
    assert submit(state, "c") == Admission(run_id="c", sequence=3, queued=True)
    assert (line(state), cancels(state)) == (["a", "b", "c"], [None, None, None])


@pytest.mark.parametrize(
    ("strategy", "action"), [(INTERRUPT, CancelAction.INTERRUPT), (ROLLBACK, CancelAction.ROLLBACK)]
)
def test_interrupt_and_rollback_cancel_everyone_in_flight(strategy: MultitaskStrategy, action: CancelAction) -> None:
    state = thread("a", "b")
    assert submit(state, "c", strategy) == Admission(run_id="c", sequence=3, queued=True)
    assert (line(state), cancels(state)) == (["a", "b", "c"], [action, action, None])
    assert admission.first(state) is state.runs[0], "the old run ends before the new one begins"


def test_reject_names_the_run_that_executes_and_changes_nothing() -> None:
    state = thread("a", "b")
    before = state.model_copy(deep=True)
    with pytest.raises(admission.BusyError) as caught:
        submit(state, "c", REJECT)
    assert caught.value.run_id == "a"
    assert state == before


def test_reject_is_taken_once_the_thread_is_free() -> None:
    state = thread("a")
    end_first(state)
    assert submit(state, "b", REJECT) == Admission(run_id="b", sequence=2)


def test_the_first_cancel_action_wins() -> None:
    state = thread("a")
    submit(state, "b", INTERRUPT)
    submit(state, "c", ROLLBACK)
    assert cancels(state) == [CancelAction.INTERRUPT, CancelAction.ROLLBACK, None]


@pytest.mark.parametrize("strategy", MultitaskStrategy)
def test_a_run_in_line_is_not_taken_twice(strategy: MultitaskStrategy) -> None:
    state = thread("a", "b")
    before = state.model_copy(deep=True)
    assert submit(state, "a", strategy) == Admission(run_id="a", sequence=1, queued=False, known=True)
    assert submit(state, "b", strategy) == Admission(run_id="b", sequence=2, queued=True, known=True)
    assert state == before


def test_a_run_that_has_ended_is_known() -> None:
    state = thread("a", "b")
    end_first(state)
    before = state.model_copy(deep=True)
    assert submit(state, "a", REJECT) == Admission(run_id="a", sequence=1, known=True)
    assert state == before


def test_runs_execute_in_the_order_of_their_sequence() -> None:
    state = thread("a", "b", "c")
    assert [end_first(state).sequence for _ in range(3)] == [1, 2, 3]
    assert admission.first(state) is None
    assert submit(state, "d") == Admission(run_id="d", sequence=4)


def test_a_queued_run_may_end_before_its_turn() -> None:
    state = thread("a", "b", "c")
    admission.ended(state, state.runs[1])
    assert line(state) == ["a", "c"]
    assert submit(state, "c").queued
    end_first(state)
    assert not submit(state, "c").queued


def test_only_so_many_ended_runs_are_remembered() -> None:
    state = ThreadState()
    for number in range(1200):
        submit(state, f"run-{number}")
        end_first(state)
    assert list(state.recent) == [f"run-{number}" for number in range(200, 1200)], "the oldest are forgotten first"


def test_the_state_survives_continue_as_new() -> None:
    state = thread("a", "b", "c")
    submit(state, "d", INTERRUPT)
    end_first(state)
    carried = ThreadState.model_validate_json(state.model_dump_json())
    assert carried == state
    assert submit(carried, "a").known
    assert submit(carried, "e").sequence == 5
