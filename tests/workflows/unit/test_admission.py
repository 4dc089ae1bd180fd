"""What a thread decides, without a server."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from perdure import CancelAction, MultitaskStrategy
from perdure.contracts.wire_thread import Admission, Submission, ThreadInput, ThreadRun, ThreadState
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


def begun(state: ThreadState) -> Callable[[ThreadRun], bool]:
    """As the thread's care says it when the first run of the line was started."""
    return lambda run: run is state.runs[0]


def test_a_deletion_waits_for_the_runs_in_line_and_comes_before_later_ones() -> None:
    state = thread("a", "b")
    state.runs[0].started = True
    admission.delete(state, lambda run: True)
    submit(state, "c")
    assert cancels(state) == [CancelAction.INTERRUPT, CancelAction.INTERRUPT, None]
    assert [end_first(state).submission.run_id for _ in "ab"] == ["a", "b"]
    assert admission.deletion_due(state)
    assert admission.first(state) is None, "the thread is removed before a later run executes"
    admission.deleted(state, 2)
    assert admission.first(state) is state.runs[0]


def test_a_run_that_was_never_started_goes_with_its_thread() -> None:
    state = thread("a", "b")
    admission.delete(state, begun(state))
    assert (line(state), state.never_started) == (["a"], ["b"])
    assert submit(state, "b") == Admission(run_id="b", sequence=3, queued=True), "it may be submitted again"


def test_a_deletion_that_is_asked_for_again_meanwhile_is_done_again() -> None:
    state = thread("a")
    end_first(state)
    admission.delete(state, lambda run: True)
    submit(state, "b")
    admission.delete(state, lambda run: True)
    admission.deleted(state, 1)
    assert state.delete_up_to == 2
    end_first(state)
    assert admission.deletion_due(state)


def test_a_thread_that_begins_anew_takes_up_the_runs_that_go_on() -> None:
    state = admission.begin(ThreadInput(thread_id="t", in_flight=["a", "b"], last_sequence=7))
    assert (line(state), [run.started for run in state.runs]) == (["a", "b"], [True, True])
    assert submit(state, "a").known
    assert submit(state, "c") == Admission(run_id="c", sequence=8, queued=True)


def test_a_thread_that_goes_on_keeps_its_state() -> None:
    state = thread("a")
    assert admission.begin(ThreadInput(thread_id="t", state=state, in_flight=["x"])) is state
