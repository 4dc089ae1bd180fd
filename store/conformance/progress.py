"""What a store promises of a worker's writes: fenced, never backwards, never beyond the end."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime

import pytest

from ...contracts.errors import FencedError, RunNotFoundError
from ...contracts.types import CancelAction, RunError, RunInterrupt, RunRecord, RunStatus
from ..contract import RunEnding, Store
from .making import Draft

Write = Callable[[Store, int], Awaitable[RunRecord]]


QUESTION = RunInterrupt(id="q", value={"ask": "name?"}, namespace=("node", "inner"))


async def run(store: Store, fence: int) -> RunRecord:
    return await store.mark_running("run", fence=fence, attempt=1)


async def ask(store: Store, fence: int) -> RunRecord:
    return await store.mark_awaiting("run", fence=fence, steps=1, interrupts=[QUESTION], values=b"1")


async def finish(store: Store, fence: int) -> RunRecord:
    return await store.finish("run", RunEnding(RunStatus.SUCCESS, steps=1, values=b"2"), fence=fence)


every_write = pytest.mark.parametrize("write", [run, ask, finish])


every_end = pytest.mark.parametrize("status", [status for status in RunStatus if status.terminal])


class ProgressPromises:
    """What a worker writes: fenced, never backwards, never beyond the end."""

    @every_write
    async def test_an_unknown_run_is_not_found(self, store: Store, write: Write) -> None:
        with pytest.raises(RunNotFoundError, match="run"):
            await write(store, 1)

    @every_write
    async def test_an_older_fence_is_refused_and_changes_nothing(
        self, store: Store, draft: Draft, write: Write
    ) -> None:
        await draft()
        await store.mark_running("run", fence=5, attempt=2)
        before = await store.get("run"), await store.get_result("run")
        with pytest.raises(FencedError) as caught:
            await write(store, 4)
        assert (caught.value.run_id, caught.value.fence, caught.value.current) == ("run", 4, 5)
        assert (await store.get("run"), await store.get_result("run")) == before

    @every_write
    async def test_each_write_takes_its_fence(self, store: Store, draft: Draft, write: Write) -> None:
        await draft()
        await ask(store, 2**62 - 1)
        await write(store, 2**62)
        if write is not finish:
            with pytest.raises(FencedError):
                await run(store, 2**62 - 1)
        assert (await run(store, 2**62)).run_id == "run"

    async def test_the_same_fence_may_write_again(self, store: Store, draft: Draft) -> None:
        await draft()
        assert (await run(store, 3)).status == RunStatus.RUNNING
        assert (await ask(store, 3)).status == RunStatus.AWAITING_INPUT
        assert (await run(store, 3)).status == RunStatus.RUNNING
        assert (await finish(store, 3)).status == RunStatus.SUCCESS

    async def test_running_keeps_its_first_start_and_its_largest_attempt(self, store: Store, draft: Draft) -> None:
        created = await draft()
        first = await store.mark_running("run", fence=1, attempt=3)
        later = await store.mark_running("run", fence=2, attempt=2)
        assert first.started_at is not None
        assert created.created_at <= first.started_at <= datetime.now(UTC)
        assert (later.started_at, later.attempt) == (first.started_at, 3)
        assert later.updated_at > first.updated_at
        assert (await store.mark_running("run", fence=2, attempt=4)).attempt == 4

    async def test_awaiting_keeps_everything_but_what_it_is_about(self, store: Store, draft: Draft) -> None:
        await draft()
        await store.mark_submitted("run", sequence=2)
        running = await store.mark_running("run", fence=1, attempt=2)
        awaiting = await store.mark_awaiting("run", fence=1, steps=4, interrupts=[QUESTION], values=None)
        changed = {"status": RunStatus.AWAITING_INPUT, "steps": 4, "updated_at": awaiting.updated_at}
        assert awaiting == running.model_copy(update=changed)

    async def test_steps_never_go_back(self, store: Store, draft: Draft) -> None:
        await draft()
        await store.mark_awaiting("run", fence=1, steps=9, interrupts=[], values=None)
        assert (await store.mark_awaiting("run", fence=1, steps=4, interrupts=[], values=None)).steps == 9
        assert (await store.finish("run", RunEnding(RunStatus.ERROR, steps=5), fence=1)).steps == 9

    async def test_running_again_closes_the_question(self, store: Store, draft: Draft) -> None:
        await draft()
        await ask(store, 1)
        assert (await store.get_result("run")).interrupts == (QUESTION,)
        await run(store, 1)
        assert (await store.get_result("run")).interrupts == ()

    @every_end
    async def test_finish_writes_the_ending(self, store: Store, draft: Draft, status: RunStatus) -> None:
        await draft()
        running = await run(store, 1)
        error = RunError(type="app.Boom", message="no", traceback="…")
        ending = RunEnding(status, 7, b'{"a":[1]}', error, CancelAction.ROLLBACK, [QUESTION])
        ended = await store.finish("run", ending, fence=1)
        changed = {"status": status, "steps": 7, "error": error, "cancel_action": CancelAction.ROLLBACK}
        times = {"ended_at": ended.updated_at, "updated_at": ended.updated_at}
        assert ended == running.model_copy(update=changed | times)
        assert ended.updated_at > running.updated_at

    @every_end
    @every_write
    @pytest.mark.parametrize("fence", [1, 2, 3])
    async def test_terminal_is_terminal(
        self, store: Store, draft: Draft, status: RunStatus, write: Write, fence: int
    ) -> None:
        await draft()
        ended = await store.finish("run", RunEnding(status, 7, b'"end"', interrupts=[QUESTION]), fence=2)
        before = await store.get("run"), await store.get_result("run")
        assert await write(store, fence) == ended
        assert (await store.get("run"), await store.get_result("run")) == before

    @pytest.mark.parametrize("status", [status for status in RunStatus if not status.terminal])
    async def test_finish_refuses_what_is_no_ending(self, store: Store, draft: Draft, status: RunStatus) -> None:
        await draft()
        with pytest.raises(ValueError, match=status.value):
            await store.finish("run", RunEnding(status, steps=1), fence=1)

    async def test_of_many_concurrent_endings_one_stands(self, store: Store, draft: Draft) -> None:
        await draft()
        ends = [status for status in RunStatus if status.terminal] * 4
        endings = (store.finish("run", RunEnding(s, n, b"%d" % n), fence=n) for n, s in enumerate(ends))
        records = await asyncio.gather(*endings)
        assert [record == records[0] for record in records] == [True] * len(ends)
        assert (await store.get_result("run")).values == records[0].steps

    @pytest.mark.parametrize(("fence", "steps"), [(2, 7), (3, 7), (1, 5)], ids=["own", "newer", "older"])
    async def test_the_steps_of_a_run_that_goes_on(self, store: Store, draft: Draft, fence: int, steps: int) -> None:
        await draft()
        await store.mark_running("run", fence=1, attempt=1)
        await store.note_steps("run", 5, fence=1)
        await store.mark_running("run", fence=2, attempt=2)
        await store.note_steps("run", 7, fence=fence)
        await store.note_steps("run", 3, fence=fence)
        stored = await store.get("run")
        assert stored is not None
        assert stored.record.steps == steps
        await store.finish("run", RunEnding(status=RunStatus.SUCCESS, steps=8), fence=4)
        await store.note_steps("run", 9, fence=5)
        stored = await store.get("run")
        assert stored is not None
        assert stored.record.steps == 8
