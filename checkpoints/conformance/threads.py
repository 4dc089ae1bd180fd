"""Threads on which runs are tried and taken back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.types import Command

from ..contract import Checkpoints, RunNote
from ..saver import FencedSaver
from .making import CompiledGraph, Hooks

Durability = Literal["sync", "async", "exit"]
Build = Callable[[], CompiledGraph]


@dataclass
class Threads:
    """The threads of one back end and one graph, and runs on them, as a slice makes them."""

    checkpoints: Checkpoints
    graph: CompiledGraph
    durability: Durability = "sync"
    hooks: Hooks = field(default_factory=Hooks)
    fences: dict[str, int] = field(default_factory=dict[str, int])

    def on(self, saver: BaseCheckpointSaver[Any]) -> CompiledGraph:
        """The graph with a checkpointer."""
        return self.graph.copy({"checkpointer": saver})

    async def shut_out(self, run_id: str, thread_id: str = "thread") -> int:
        """Take a newer fence: earlier attempts write no more."""
        fence = self.fences[run_id] = self.fences.get(run_id, 0) + 1
        await self.checkpoints.take(run_id, thread_id, fence=fence)
        return fence

    async def begin(self, run_id: str, thread_id: str = "thread") -> FencedSaver:
        """A new attempt: its saver, with the fence taken and the thread's state noted."""
        fence = await self.shut_out(run_id, thread_id)
        saver = FencedSaver(self.checkpoints, run_id, fence=fence, hooks=self.hooks)
        head = await saver.aget_tuple(at(thread_id))
        await self.checkpoints.note(run_id, RunNote(checkpoint_id=head.checkpoint["id"] if head else None))
        return saver

    async def run(
        self, run_id: str, given: Any, thread_id: str = "thread", *, checkpoint_id: str | None = None, **more: Any
    ) -> Any:
        """One attempt of a run, to its end; what it returns, or the exception that the graph raised."""
        saver = await self.begin(run_id, thread_id)
        config: Any = {**at(thread_id, checkpoint_id), "metadata": {"run_id": run_id}}
        try:
            graph: Any = self.on(saver)
            return await graph.ainvoke(given, config, durability=self.durability, **more)
        except ValueError as exc:
            return exc

    async def restore(self, run_id: str, thread_id: str = "thread") -> None:
        fence = self.fences[run_id] = self.fences.get(run_id, 0) + 1
        await self.checkpoints.restore(run_id, thread_id, fence=fence)

    async def questions(self, thread_id: str = "thread", checkpoint_id: str | None = None) -> dict[str, str]:
        """Open interrupts: id to question."""
        state = await self.on(self.checkpoints.saver).aget_state(at(thread_id, checkpoint_id))
        return {found.id: found.value for found in state.interrupts}

    async def answers(self, *to: str, thread_id: str = "thread", at_checkpoint: str | None = None) -> Command[Any]:
        """The command that answers the open questions, or those whose text is in `to`."""
        asked = await self.questions(thread_id, at_checkpoint)
        return Command(resume={id: f"to {text}" for id, text in asked.items() if not to or text in to})

    async def answered(self, thread_id: str = "thread") -> tuple[Any, Any]:
        """The state and what is next, after runs that answer all questions until there are none."""
        number = 0
        while await self.questions(thread_id):
            number += 1
            await self.run(f"answer-{number} of {thread_id}", await self.answers(thread_id=thread_id), thread_id)
        state = await self.on(self.checkpoints.saver).aget_state(at(thread_id))
        return state.values, state.next

    async def history(self, thread_id: str = "thread") -> list[str]:
        """Ids of the root checkpoints, newest first."""
        saver = self.checkpoints.saver
        return [found.checkpoint["id"] async for found in saver.alist(at(thread_id))]

    async def seen(self, thread_id: str = "thread") -> Any:
        """What LangGraph reads of the thread, subgraphs at every depth included."""
        graph = self.on(self.checkpoints.saver)
        newest = await graph.aget_state(at(thread_id), subgraphs=True)
        return repr(newest), [repr(one) async for one in graph.aget_state_history(at(thread_id))]


def at(thread_id: str, checkpoint_id: str | None = None) -> Any:
    place = {"thread_id": thread_id, "checkpoint_ns": ""}
    return {"configurable": {**place, "checkpoint_id": checkpoint_id} if checkpoint_id else place}
