"""What checkpoints promise of a thread whose history goes: it reads, asks and goes on as it would have."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ...contracts.errors import FencedError
from ..contract import Checkpoints, Guard
from ..pruning import needed
from . import graphs
from .graphs import GREETING, said
from .making import CompiledGraph
from .threads import Threads, at

_OWNER = "prune"


async def _prune(checkpoints: Checkpoints) -> None:
    await checkpoints.take(_OWNER, "thread", fence=2)
    await checkpoints.prune_thread(Guard(_OWNER, 2), "thread", await needed(checkpoints, "thread"))
    await checkpoints.forget(_OWNER)


class PrunePromises:
    """What is left."""

    @pytest.mark.parametrize(("build", "keeps_changes"), [(graphs.chat, True), (graphs.keeping, False)])
    async def test_a_pruned_thread_reads_as_before(
        self, checkpoints: Checkpoints, build: Callable[[], CompiledGraph], *, keeps_changes: bool
    ) -> None:
        threads = Threads(checkpoints, build())
        for number in range(3):
            await threads.run(f"{number}", GREETING if number == 0 else said(f"{number}"))
        await checkpoints.copy_thread("thread", "other")
        (newest, _), before = await threads.seen(), await threads.history()
        other = await threads.seen("other")
        await _prune(checkpoints)
        assert (await threads.seen())[0] == newest
        left = await threads.history()
        assert left == before[: len(left)]
        assert keeps_changes or len(left) < len(before)
        assert await threads.seen("other") == other
        await _prune(checkpoints)
        assert await threads.history() == left

    async def test_a_pruned_thread_goes_on_as_before(self, checkpoints: Checkpoints) -> None:
        threads = Threads(checkpoints, graphs.asking())
        await threads.run("greeting", GREETING)
        await threads.run("half", await threads.answers("one?", "nested 1?"))
        await checkpoints.copy_thread("thread", "whole")
        await _prune(checkpoints)
        assert await threads.questions() == await threads.questions("whole")
        assert await threads.answered() == await threads.answered("whole")

    async def test_a_run_after_it_can_be_rolled_back(self, checkpoints: Checkpoints) -> None:
        threads = Threads(checkpoints, graphs.chat())
        await threads.run("one", GREETING)
        await checkpoints.settle("one")
        await _prune(checkpoints)
        before = await threads.seen()
        await threads.run("two", said("two"))
        await threads.restore("two")
        assert await threads.seen() == before

    async def test_who_is_late_removes_nothing(self, checkpoints: Checkpoints) -> None:
        threads = Threads(checkpoints, graphs.chat())
        await threads.run("one", GREETING)
        before = await threads.history()
        await checkpoints.take(_OWNER, "thread", fence=3)
        with pytest.raises(FencedError):
            await checkpoints.prune_thread(Guard(_OWNER, 2), "thread", [])
        await checkpoints.forget(_OWNER)
        with pytest.raises(FencedError):
            await checkpoints.prune_thread(Guard(_OWNER, 9), "thread", [])
        assert await threads.history() == before

    async def test_nothing_is_pruned_of_nothing(self, checkpoints: Checkpoints) -> None:
        await _prune(checkpoints)
        assert await checkpoints.saver.aget_tuple(at("thread")) is None
