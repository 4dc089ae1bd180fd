"""When a thread is not put back: a lost fence, newer state of somebody else, no note. Then nothing changes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from langgraph.types import Command

from perdure.checkpoints.conformance import graphs
from perdure.checkpoints.conformance.graphs import GREETING, said
from perdure.checkpoints.conformance.making import Hooks, save
from perdure.checkpoints.conformance.threads import at
from perdure.checkpoints.contract import Checkpoints, Guard, RunNote
from perdure.checkpoints.saver import FencedSaver
from perdure.contracts.errors import FencedError, RollbackError

from .threads import Threads

OF_RUN: Any = {**at("thread"), "metadata": {"run_id": "run"}}


@pytest.fixture
def threads(checkpoints: Checkpoints, path: Path) -> Threads:
    return Threads(checkpoints, path, graphs.asking())


@pytest.fixture
async def answered(threads: Threads) -> Threads:
    """A thread with open questions, of which the run `run` has answered one."""
    await threads.run("greeting", GREETING)
    await threads.run("run", await threads.answers("one?"))
    return threads


async def refused(threads: Threads, why: str, run_id: str = "run") -> None:
    rows = threads.rows()
    with pytest.raises(RollbackError, match=why) as raised:
        await threads.restore(run_id)
    assert raised.value.run_id == run_id
    assert "'thread'" in str(raised.value)
    assert threads.rows() == rows


async def test_a_run_that_has_written_nothing_needs_no_note(threads: Threads) -> None:
    await threads.run("greeting", GREETING)
    rows = threads.rows()
    await threads.checkpoints.restore("run", "thread", fence=5)
    assert threads.rows() == rows


async def test_a_run_that_has_written_nothing_loses_its_fence_all_the_same(threads: Threads) -> None:
    await threads.checkpoints.restore("run", "thread", fence=5)
    with pytest.raises(FencedError):
        await threads.checkpoints.take("run", "thread", fence=4)


async def test_a_run_that_has_written_nothing_leaves_newer_state_alone(threads: Threads) -> None:
    await threads.begin("run")
    await threads.run("greeting", GREETING)
    rows = threads.rows()
    await threads.restore("run")
    assert threads.rows() == rows


async def test_a_second_time_changes_nothing(answered: Threads) -> None:
    await answered.restore("run")
    rows = answered.rows()
    await answered.restore("run")
    assert answered.rows() == rows


async def test_a_second_time_leaves_the_next_run_alone(answered: Threads) -> None:
    await answered.restore("run")
    await answered.run("next", await answered.answers())
    rows = answered.rows()
    await answered.restore("run")
    assert answered.rows() == rows


async def test_an_older_fence_is_refused(answered: Threads) -> None:
    await answered.begin("run")
    rows = answered.rows()
    with pytest.raises(FencedError):
        await answered.checkpoints.restore("run", "thread", fence=1)
    assert answered.rows() == rows


async def test_an_attempt_that_was_left_behind_writes_nothing_afterwards(answered: Threads) -> None:
    straggler = answered.on(await answered.begin("run"))
    await answered.restore("run")
    rows, command = answered.rows(), await answered.answers()
    with pytest.raises(FencedError):
        await straggler.ainvoke(command, OF_RUN)
    assert answered.rows() == rows


async def test_a_later_run_is_not_landed_on(answered: Threads) -> None:
    await answered.run("next", said("next"))
    await refused(answered, "newer state")


async def test_a_later_run_that_has_only_answered_is_not_landed_on(threads: Threads) -> None:
    await threads.run("run", GREETING)
    await threads.run("next", await threads.answers("nested 1?"))
    await refused(threads, "'next' has gone on")


async def test_an_update_by_hand_is_not_landed_on(answered: Threads) -> None:
    graph = answered.on(answered.checkpoints.saver)
    await graph.aupdate_state(at("thread"), said("by hand"), as_node="start")
    await refused(answered, "newer state")


async def test_an_update_by_hand_in_the_middle_of_the_run_is_not_left_without_its_ground(answered: Threads) -> None:
    graph = answered.on(answered.checkpoints.saver)
    await graph.aupdate_state(at("thread"), said("by hand"), as_node="start")
    await answered.run("run", said("on"))
    await refused(answered, "newer state")


async def test_a_fork_of_another_run_is_not_landed_on(answered: Threads) -> None:
    (*_, oldest) = await answered.history()
    await answered.run("next", said("forked"), checkpoint_id=oldest)
    await refused(answered, "newer state")


async def test_a_thread_without_the_state_of_before_stays_as_it_is(threads: Threads) -> None:
    await threads.run("greeting", GREETING)
    graph = threads.on(await threads.begin("run"))
    await threads.checkpoints.saver.adelete_thread("thread")
    await graph.ainvoke(said("in"), OF_RUN)
    await refused(threads, "is gone")


async def test_a_run_without_a_note_is_refused(threads: Threads) -> None:
    await threads.checkpoints.take("run", "thread", fence=1)
    saver = FencedSaver(threads.checkpoints, "run", fence=1, hooks=Hooks())
    await threads.on(saver).ainvoke(said("in"), OF_RUN)
    await refused(threads, "not noted")


async def test_a_run_without_a_note_that_has_saved_no_checkpoint_is_refused(threads: Threads) -> None:
    await threads.run("greeting", GREETING)
    await threads.checkpoints.take("run", "thread", fence=1)
    saver = FencedSaver(threads.checkpoints, "run", fence=1, hooks=Hooks())
    head = await saver.aget_tuple(at("thread"))
    assert head is not None
    await saver.aput_writes(head.config, [("log", ["word"])], "task")
    await refused(threads, "not noted")


async def test_a_settled_run_is_refused(threads: Threads) -> None:
    await threads.run("run", GREETING)
    await threads.checkpoints.settle("run")
    await refused(threads, "has ended")


async def test_a_settled_run_that_has_saved_no_checkpoint_is_refused(answered: Threads) -> None:
    for _ in range(2):
        await answered.checkpoints.settle("run")
        await refused(answered, "has ended")


async def test_a_run_that_was_put_back_and_settled_may_be_put_back_again(answered: Threads) -> None:
    await answered.restore("run")
    rows = answered.rows()
    await answered.checkpoints.settle("run")
    await answered.restore("run")
    assert answered.rows() == rows


async def test_settling_a_run_keeps_what_others_need(answered: Threads) -> None:
    rows = answered.rows()
    await answered.run("next", await answered.answers("asked 1?"))
    await answered.checkpoints.settle("run")
    await answered.checkpoints.settle("run")
    await answered.restore("next")
    assert answered.rows() == rows


async def test_a_settled_run_keeps_its_fence(answered: Threads) -> None:
    await answered.checkpoints.settle("run")
    with pytest.raises(FencedError):
        await answered.checkpoints.take("run", "thread", fence=0)
    await save(answered.checkpoints, Guard("run", fence=1))


async def test_a_settled_run_has_no_note_any_more(answered: Threads) -> None:
    assert await answered.checkpoints.note("run") is not None
    await answered.checkpoints.settle("run")
    assert await answered.checkpoints.note("run", RunNote()) is None


async def test_settling_an_unknown_run_changes_nothing(answered: Threads) -> None:
    rows = answered.rows()
    await answered.checkpoints.settle("unknown")
    assert answered.rows() == rows


async def test_a_refusal_does_not_take_the_fence(answered: Threads) -> None:
    await answered.run("next", said("next"))
    with pytest.raises(RollbackError):
        await answered.checkpoints.restore("run", "thread", fence=9)
    await save(answered.checkpoints, Guard("run", fence=1))


async def test_a_deleted_thread_has_nothing_left_and_others_have_all(answered: Threads) -> None:
    await answered.checkpoints.delete_thread("thread")
    assert not any(answered.rows().values())
    await answered.run("other", GREETING, "other thread")
    await answered.run("again", GREETING)
    rows = answered.rows()
    await answered.checkpoints.delete_thread("third thread")
    assert answered.rows() == rows
    await answered.checkpoints.delete_thread("thread")
    await answered.checkpoints.delete_thread("thread")
    assert {row[0] for found in answered.rows().values() for row in found} == {"other thread"}


async def test_runs_of_a_deleted_thread_write_no_more_whatever_their_fence(answered: Threads) -> None:
    saver = await answered.begin("run")
    newer = FencedSaver(answered.checkpoints, "run", fence=2**50, hooks=Hooks())
    await answered.checkpoints.delete_thread("thread")
    for straggler in (saver, newer):
        with pytest.raises(FencedError):
            await answered.on(straggler).ainvoke(GREETING, OF_RUN, durability="sync")
    assert not any(answered.rows().values())
    assert await answered.checkpoints.note("run") is None


async def test_a_thread_that_was_deleted_and_made_again_is_not_put_back(answered: Threads) -> None:
    await answered.checkpoints.delete_thread("thread")
    await answered.run("next", GREETING)
    rows = answered.rows()
    await answered.restore("run")
    assert answered.rows() == rows


async def test_a_forgotten_run_is_refused(threads: Threads) -> None:
    await threads.run("run", GREETING)
    await threads.checkpoints.forget("run")
    await refused(threads, "not noted")


async def test_the_first_note_counts(threads: Threads) -> None:
    await threads.run("greeting", GREETING)
    rows = threads.rows()
    await threads.run("run", await threads.answers("one?"))
    await threads.checkpoints.note("run", RunNote(checkpoint_id="another"))
    await threads.run("run", Command(resume=dict.fromkeys(await threads.questions(), "later")))
    await threads.restore("run")
    assert threads.rows() == rows
