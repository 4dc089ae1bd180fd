"""The one call of a run's graph, from its input (or from where it is picked up) to its end."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterable
from contextlib import aclosing
from dataclasses import dataclass
from typing import Any, cast

from langchain_core.runnables import RunnableConfig
from langgraph.errors import GraphDrained
from langgraph.runtime import RunControl

from ...checkpoints.saver import FencedSaver
from ...contracts.types import EVENTS_MODE, RunSpec
from ..attempt.failures import SliceFailed
from ..graphs.graph_registry import CompiledGraph, GraphRegistry
from ..stream.deduplicator import INTERNAL_MODES
from ..stream.outgoing import Namespace
from .gate import Gate
from .pause_policy import PausePolicy
from .resume_point import ResumePoint
from .resumed import PickedUp
from .telling import Telling

_UNSAVED_BUG = "_put_checkpoint_fut"
"""What LangGraph misses under durability `sync` in a subgraph compiled with `checkpointer=False`."""


@dataclass(frozen=True, slots=True)
class GraphCall:
    """Runs once."""

    graph: CompiledGraph
    graphs: GraphRegistry
    spec: RunSpec
    saver: FencedSaver
    telling: Telling

    async def run(
        self, start: ResumePoint, config: RunnableConfig, control: RunControl, policy: PausePolicy, gate: Gate
    ) -> bool:
        """Whether the graph stopped before its end because it was asked to. Raises what it raises."""
        durability = self._durability
        self.telling.begin(durability, is_held=gate.held.is_set)
        if durability == "sync":  # else nothing waits for a save
            self.saver.stand = gate.stand
        self.saver.authors = self.telling.authors.of
        self.saver.picked_up = PickedUp(self.saver, start.spent)
        chunks = cast("Any", self.graph).astream(
            start.input,
            self._complete(config, start),
            context=self.spec.context,
            stream_mode=self._modes,
            subgraphs=True,
            durability=durability,
            control=control,
            interrupt_before=_nodes(self.spec.interrupt_before),
            interrupt_after=_nodes(self.spec.interrupt_after),
        )
        try:
            async with aclosing(chunks):  # else one that is cut off lives on until the garbage collector finds it
                await self._follow(chunks, policy, gate)
        except GraphDrained:
            return True
        except AttributeError as exc:
            if exc.name != _UNSAVED_BUG:
                raise
            self.graphs.note_unsaved_subgraph(self.spec.assistant_id)
            raise SliceFailed("a subgraph keeps no checkpoints; the graph goes on with durability async") from exc
        return False

    async def _follow(self, chunks: AsyncIterator[tuple[Namespace, str, Any]], policy: PausePolicy, gate: Gate) -> None:
        async for ns, mode, chunk in chunks:
            self.telling.feed(ns, mode, chunk)
            if mode == "tasks" and "result" in chunk:
                policy.on_result(ns, chunk)
            elif mode == "checkpoints":
                policy.on_checkpoint(ns, chunk)
                if not ns:
                    await gate.stand(())
            await self.telling.room()

    @property
    def _modes(self) -> list[str]:
        """LangGraph's. Only where `messages` are wanted do models say each token, which `events` have, too."""
        wanted = {*self.spec.stream_modes, *INTERNAL_MODES}
        return sorted(wanted if EVENTS_MODE not in wanted else wanted - {EVENTS_MODE} | {"messages"})

    @property
    def _durability(self) -> Any:
        if self.spec.durability is not None:
            return self.spec.durability
        # LangGraph fails under `sync` in a subgraph that keeps no checkpoints. Not each can be seen beforehand.
        return "async" if self.graphs.has_unsaved_subgraph(self.spec.assistant_id, self.graph) else "sync"

    def _complete(self, config: RunnableConfig, start: ResumePoint) -> RunnableConfig:
        config["callbacks"] = [*cast("Iterable[Any]", config.get("callbacks") or ()), *self.telling.callbacks]
        if start.checkpoint_id:
            config["configurable"] = {**config.get("configurable", {}), "checkpoint_id": start.checkpoint_id}
        return config


def _nodes(nodes: tuple[str, ...] | str) -> Any:
    return nodes if isinstance(nodes, str) else list(nodes)
