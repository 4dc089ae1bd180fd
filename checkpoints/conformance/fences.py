"""What checkpoints promise of fences and notes."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from langgraph.checkpoint.base import empty_checkpoint

from ...contracts.errors import FencedError
from ..contract import Checkpoints, Guard, KnownRun, RunNote
from .making import AT

NOTE = RunNote(checkpoint_id="c", step=3, command_writes=2, answered={"i": 1})


THREAD: Any = {"configurable": {"thread_id": "thread", "checkpoint_ns": ""}}


async def guarded(checkpoints: Checkpoints, fence: int, run_id: str = "run") -> None:
    await checkpoints.put_writes(Guard(run_id, fence), AT, [("channel", fence)], "task", "")


class FencePromises:
    """Fences and notes: what `take`, `put`, `put_writes`, `note` and `forget` promise, on every back end."""

    async def test_a_taken_fence_lets_its_own_and_larger_ones_pass(self, checkpoints: Checkpoints) -> None:
        await checkpoints.take("run", "thread", fence=5)
        await guarded(checkpoints, 5)
        await guarded(checkpoints, 6)

    async def test_an_older_fence_is_refused_and_says_so(self, checkpoints: Checkpoints) -> None:
        await checkpoints.take("run", "thread", fence=5)
        with pytest.raises(FencedError) as raised:
            await guarded(checkpoints, 4)
        assert (raised.value.run_id, raised.value.fence, raised.value.current) == ("run", 4, 5)

    async def test_what_is_refused_is_not_saved(self, checkpoints: Checkpoints) -> None:
        await checkpoints.take("run", "thread", fence=5)
        passes, refused = empty_checkpoint(), empty_checkpoint()
        await checkpoints.put(Guard("run", 5), THREAD, passes, {}, {})
        with pytest.raises(FencedError):
            await checkpoints.put(Guard("run", 1), THREAD, refused, {}, {})
        at_passes: Any = {"configurable": {**THREAD["configurable"], "checkpoint_id": passes["id"]}}
        with pytest.raises(FencedError):
            await checkpoints.put_writes(Guard("run", 1), at_passes, [("channel", 1)], "task", "")
        (found,) = [found async for found in checkpoints.saver.alist(THREAD)]
        assert (found.checkpoint["id"], found.pending_writes) == (passes["id"], [])

    async def test_a_save_does_not_take_the_fence(self, checkpoints: Checkpoints) -> None:
        await checkpoints.take("run", "thread", fence=5)
        await guarded(checkpoints, 9)
        await guarded(checkpoints, 5)

    async def test_the_runs_with_a_fence_are_listed_until_they_are_forgotten(self, checkpoints: Checkpoints) -> None:
        for number in range(5):
            await checkpoints.take(f"r{number}", f"t{number % 2}", fence=1)
        await checkpoints.forget("r1")
        await checkpoints.delete_thread("t0")
        await checkpoints.take("r7", "t2", fence=1)
        first = await checkpoints.known(limit=1)
        rest = await checkpoints.known(after=first[-1].run_id)
        assert [*first, *rest] == [KnownRun("r3", "t1"), KnownRun("r7", "t2")]

    async def test_a_fence_may_be_taken_again_but_never_a_smaller_one(self, checkpoints: Checkpoints) -> None:
        await checkpoints.take("run", "thread", fence=5)
        await checkpoints.take("run", "thread", fence=5)
        with pytest.raises(FencedError):
            await checkpoints.take("run", "thread", fence=4)
        await guarded(checkpoints, 5)

    async def test_fences_of_other_runs_do_not_matter(self, checkpoints: Checkpoints) -> None:
        await checkpoints.take("one", "thread", fence=5)
        await checkpoints.take("two", "thread", fence=1)
        await guarded(checkpoints, 1, "two")

    async def test_a_run_without_a_fence_may_not_write(self, checkpoints: Checkpoints) -> None:
        with pytest.raises(FencedError):
            await guarded(checkpoints, 2**50)

    async def test_a_forgotten_run_may_not_write_and_has_no_note(self, checkpoints: Checkpoints) -> None:
        await checkpoints.take("run", "thread", fence=5)
        await checkpoints.note("run", NOTE)
        await checkpoints.forget("run")
        await checkpoints.forget("run")
        with pytest.raises(FencedError):
            await guarded(checkpoints, 2**50)
        assert await checkpoints.note("run") is None

    async def test_the_first_note_is_kept(self, checkpoints: Checkpoints) -> None:
        await checkpoints.take("run", "thread", fence=1)
        assert await checkpoints.note("run") is None
        assert await checkpoints.note("run", NOTE) == NOTE
        assert await checkpoints.note("run", RunNote(step=9)) == NOTE
        assert await checkpoints.note("run") == NOTE

    async def test_a_newer_fence_keeps_the_note(self, checkpoints: Checkpoints) -> None:
        await checkpoints.take("run", "thread", fence=1)
        await checkpoints.note("run", NOTE)
        await checkpoints.take("run", "thread", fence=2)
        assert await checkpoints.note("run") == NOTE

    async def test_a_run_that_was_not_taken_has_no_note(self, checkpoints: Checkpoints) -> None:
        assert await checkpoints.note("unknown") is None

    async def test_a_save_that_fails_leaves_the_fence_usable(self, checkpoints: Checkpoints) -> None:
        await checkpoints.take("run", "thread", fence=1)
        with pytest.raises(TypeError):
            await checkpoints.put_writes(Guard("run", 1), AT, [("channel", lambda: None)], "task", "")
        await guarded(checkpoints, 1)
        await checkpoints.take("run", "thread", fence=2)

    async def test_start_and_close_may_be_repeated(self, checkpoints: Checkpoints) -> None:
        await checkpoints.close()
        await checkpoints.close()

    async def test_nothing_of_an_older_attempt_lands_once_a_newer_one_has_the_fence(
        self, checkpoints: Checkpoints
    ) -> None:
        """Also what was under way when it took it: the newer one has read the thread by then."""
        for turns in range(0, 60, 3):
            run_id = f"run {turns}"
            at: Any = {"configurable": {"thread_id": run_id, "checkpoint_ns": ""}}
            await checkpoints.take(run_id, run_id, fence=1)
            saved = empty_checkpoint()
            await checkpoints.put(Guard(run_id, 1), at, saved, {}, {})
            at["configurable"]["checkpoint_id"] = saved["id"]
            saves = [
                asyncio.create_task(checkpoints.put_writes(Guard(run_id, 1), at, [("c", n)], f"task {n}", ""))
                for n in range(8)
            ]
            for _ in range(turns):
                await asyncio.sleep(0)
            await checkpoints.take(run_id, run_id, fence=2)
            seen = await checkpoints.saver.aget_tuple(at)
            results = await asyncio.gather(*saves, return_exceptions=True)
            assert all(result is None or isinstance(result, FencedError) for result in results)
            found = await checkpoints.saver.aget_tuple(at)
            assert seen is not None
            assert found is not None
            assert found.pending_writes == seen.pending_writes
            assert len(found.pending_writes or ()) == results.count(None)
