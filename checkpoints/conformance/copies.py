"""What checkpoints promise of the copy of a thread: it reads and goes on as the thread would, each by itself."""

from __future__ import annotations

from ..contract import Checkpoints
from . import graphs
from .graphs import GREETING, said
from .threads import Threads, at


async def _asking(checkpoints: Checkpoints) -> Threads:
    """Half of its questions are answered, those of its subgraphs among them."""
    threads = Threads(checkpoints, graphs.asking())
    await threads.run("greeting", GREETING)
    await threads.run("half", await threads.answers("one?", "nested 1?"))
    return threads


class CopyPromises:
    """What a copy is."""

    async def test_a_copy_reads_as_its_thread(self, checkpoints: Checkpoints) -> None:
        threads = await _asking(checkpoints)
        await checkpoints.copy_thread("thread", "copy")
        assert await threads.history("copy") == await threads.history()
        assert await threads.questions("copy") == await threads.questions()
        newest, older = await threads.seen()
        expected = [text.replace("'thread_id': 'thread'", "'thread_id': 'copy'") for text in (newest, *older)]
        newest, older = await threads.seen("copy")
        assert [newest, *older] == expected

    async def test_a_copy_and_its_thread_go_on_each_by_itself(self, checkpoints: Checkpoints) -> None:
        threads = await _asking(checkpoints)
        await checkpoints.copy_thread("thread", "copy")
        before = await threads.seen()
        answered = await threads.answered("copy")
        assert await threads.seen() == before
        assert await threads.answered() == answered

    async def test_what_has_checkpoints_is_not_copied_to(self, checkpoints: Checkpoints) -> None:
        threads = await _asking(checkpoints)
        await checkpoints.copy_thread("thread", "copy")
        before = await threads.seen("copy")
        await threads.run("again", said("again"))
        await checkpoints.copy_thread("thread", "copy")
        assert await threads.seen("copy") == before

    async def test_a_copy_outlives_its_thread(self, checkpoints: Checkpoints) -> None:
        threads = await _asking(checkpoints)
        await checkpoints.copy_thread("thread", "copy")
        await checkpoints.delete_thread("thread")
        assert await checkpoints.saver.aget_tuple(at("thread")) is None
        assert await threads.questions("copy")

    async def test_nothing_is_copied_of_nothing(self, checkpoints: Checkpoints) -> None:
        await checkpoints.copy_thread("thread", "copy")
        assert await checkpoints.saver.aget_tuple(at("copy")) is None
