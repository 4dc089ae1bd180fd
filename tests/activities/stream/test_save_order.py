"""Which event waits for which save, and which save for which report: the rules by themselves."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest

from perdure.activities.stream import publisher as publisher_module
from perdure.activities.stream.outgoing import Outgoing
from perdure.activities.stream.publisher import Publisher, UnheardError
from perdure.bridge.memory.bridge import MemoryBridge


@pytest.fixture
async def bridge() -> AsyncIterator[MemoryBridge]:
    bridge = MemoryBridge()
    await bridge.start()
    await bridge.create("run")
    yield bridge
    await bridge.close()


@pytest.fixture
async def publisher(bridge: MemoryBridge) -> AsyncIterator[Publisher]:
    async with Publisher(bridge, "run", fence=1, on_loaded=lambda _: None) as publisher:
        yield publisher


async def test_the_saves_of_two_graphs_do_not_wait_for_each_other(bridge: MemoryBridge, publisher: Publisher) -> None:
    async def save_writes() -> None:
        await publisher.before_writes("task", "", [("log", ["root"])], namespace="")
        publisher.after_writes("task", saved=True)

    async def save_checkpoint() -> None:
        await publisher.before_checkpoint("checkpoint", namespace="inner:1")
        publisher.after_checkpoint("checkpoint", saved=True)

    writing = asyncio.create_task(save_writes())
    await asyncio.sleep(0)
    publisher.put(Outgoing("checkpoints|inner:1", {}, "c", checkpoint="checkpoint"))
    saving = asyncio.create_task(save_checkpoint())
    publisher.report("task")
    publisher.put(Outgoing("updates", {"root": {}}, "u", task="task"))
    _, waiting = await asyncio.wait({writing, saving}, timeout=0.5)
    for task in waiting:
        task.cancel()
    assert not waiting
    await publisher.flush()
    assert await bridge.last_event_id("run") == 2


async def test_what_reports_a_checkpoint_waits_for_a_save_that_begins_late(
    bridge: MemoryBridge, publisher: Publisher
) -> None:
    """With durability `async` the saves of a graph wait for each other, while its steps go on."""
    await publisher.before_checkpoint("first", namespace="")
    publisher.put(Outgoing("values", {"n": 2}, "v", checkpoint="second"))
    await asyncio.sleep(0.15)
    assert await bridge.last_event_id("run") == 0
    publisher.after_checkpoint("first", saved=True)
    await publisher.before_checkpoint("second", namespace="")
    publisher.after_checkpoint("second", saved=True)
    await publisher.flush()
    assert await bridge.last_event_id("run") == 1


async def test_a_checkpoint_that_was_reported_is_saved_although_the_next_superstep_is_cut(
    bridge: MemoryBridge, publisher: Publisher
) -> None:
    """With durability `async` the next superstep is under way by then."""
    publisher.put(Outgoing("values", {"n": 1}, "v", checkpoint="checkpoint"))
    unheard = asyncio.create_task(publisher.before_writes("task", "", [("log", ["next"])], namespace=""))
    await asyncio.sleep(0)
    publisher.stop_listening()
    await asyncio.wait({unheard})
    assert unheard.exception() is not None
    publisher.after_writes("task", saved=False)
    await publisher.before_checkpoint("checkpoint", namespace="")
    assert await bridge.last_event_id("run") == 0
    publisher.after_checkpoint("checkpoint", saved=True)
    await publisher.flush()
    assert await bridge.last_event_id("run") == 1


async def test_the_checkpoint_of_a_superstep_that_was_not_heard_is_not_saved(publisher: Publisher) -> None:
    publisher.stop_listening()
    with pytest.raises(UnheardError):
        await publisher.before_writes("task", "", [("log", ["said"])], namespace="inner:1")
    publisher.after_writes("task", saved=False)
    with pytest.raises(UnheardError):
        await publisher.before_checkpoint("checkpoint", namespace="inner:1")
    await publisher.before_checkpoint("another", namespace="other:1")


async def test_a_checkpoint_waits_as_long_as_the_writes_of_its_tasks_take(
    bridge: MemoryBridge, publisher: Publisher
) -> None:
    await publisher.before_writes("task", "__start__", [("log", ["said"])], namespace="")
    saving = asyncio.create_task(publisher.before_checkpoint("checkpoint", namespace=""))
    publisher.put(Outgoing("updates", {"node": {}}, "u", task="task"))
    await asyncio.sleep(0.3)
    assert not saving.done()
    publisher.after_writes("task", saved=True)
    await saving
    assert await bridge.last_event_id("run") == 1


async def test_the_answers_of_a_task_that_are_saved_late_are_not_taken_for_its_result(
    bridge: MemoryBridge, publisher: Publisher
) -> None:
    await publisher.before_writes("task", "", [("__resume__", ["yes"])], namespace="")
    saving = asyncio.create_task(publisher.before_writes("task", "", [("log", ["done"])], namespace=""))
    await asyncio.sleep(0)
    publisher.report("task")
    publisher.put(Outgoing("updates", {"node": {}}, "u", task="task"))
    await saving
    publisher.after_writes("task", saved=True)  # the answers
    await asyncio.sleep(0.05)
    assert await bridge.last_event_id("run") == 0
    publisher.after_writes("task", saved=True)
    await publisher.flush()
    assert await bridge.last_event_id("run") == 1


async def test_a_report_that_is_a_turn_ahead_of_its_save_waits_for_it(
    bridge: MemoryBridge, publisher: Publisher
) -> None:
    """Of two tasks that end at the same moment, one can report before LangGraph's save of it has begun."""
    await publisher.before_checkpoint("first", namespace="")
    publisher.after_checkpoint("first", saved=True)
    publisher.report("task")
    publisher.put(Outgoing("updates", {"node": {}}, "u", task="task"))
    saving = asyncio.create_task(publisher.before_writes("task", "", [("log", ["done"])], namespace=""))
    await saving
    await asyncio.sleep(0.15)
    assert await bridge.last_event_id("run") == 0
    publisher.after_writes("task", saved=True)
    await publisher.flush()
    assert await bridge.last_event_id("run") == 1


async def test_a_report_does_not_wait_for_a_save_that_is_held_up(bridge: MemoryBridge, publisher: Publisher) -> None:
    await publisher.before_checkpoint("first", namespace="")
    publisher.after_checkpoint("first", saved=True)
    publisher.report("task")
    publisher.put(Outgoing("updates", {"node": {}}, "u", task="task"))
    async with asyncio.timeout(2):
        await publisher.flush()
    assert await bridge.last_event_id("run") == 1


async def test_what_a_held_graph_has_not_said_is_not_saved(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A hit of LangGraph's cache is saved when its superstep begins, whose report is behind the hold."""
    monkeypatch.setattr(publisher_module, "_REPORT_TIMEOUT", 0.01)
    publisher.is_held = lambda: True
    saving = asyncio.create_task(publisher.before_writes("task", "", [("log", ["hit"])], namespace=""))
    await asyncio.sleep(0.05)  # a save that does not wait would have begun within this time
    assert not saving.done()
    publisher.stop_listening()
    with pytest.raises(UnheardError):
        await saving


async def test_a_graph_that_goes_on_saves_what_is_reported_by_nobody(
    publisher: Publisher, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(publisher_module, "_REPORT_TIMEOUT", 0.01)
    held = [True]
    publisher.is_held = lambda: held[0]
    saving = asyncio.create_task(publisher.before_writes("task", "", [("log", ["hit"])], namespace=""))
    await asyncio.sleep(0.05)
    held[0] = False
    publisher.go_on()
    await asyncio.wait_for(saving, 5)
