"""What a run has published, beside what bare LangGraph streams for the same graph."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, cast

from langgraph.checkpoint.memory import InMemorySaver
from langgraph.types import Command
from support.bare import identity_of
from support.comparison import IDS_AND_TIMES, OF_NODES, Seen, essence, in_text

from perdure.activities.graphs.graph_registry import CompiledGraph, GraphSource
from perdure.activities.graphs.run_config import run_config
from perdure.contracts.serialization.serializer import from_json, to_json
from perdure.contracts.types import EVENTS_MODE, STREAM_MODES, RunInterrupt, RunSpec, StreamEvent

from .driving import Run, load

LANGGRAPH_MODES = tuple(mode for mode in STREAM_MODES if mode != EVENTS_MODE)
"""What LangGraph streams itself: `events` are LangChain's."""


def seen(event: str, data: Any) -> Seen:
    return in_text(event, essence(event, data), IDS_AND_TIMES)


def published(events: Iterable[StreamEvent]) -> list[Seen]:
    return [seen(event.event, event.data) for event in events if event.event != "metadata"]


async def bare(
    graph: GraphSource, run: Run, answer: Callable[[tuple[RunInterrupt, ...]], Any] | None = None
) -> tuple[list[Seen], Any]:
    """What bare LangGraph streams for the run's spec, and its final state."""
    config = run_config(run.spec, run.run_id, run.thread_id)
    registry = await load(graph)
    async with registry.open("graph", config, InMemorySaver()) as compiled:
        found = await _bare(compiled, run.spec, config, run.spec.stream_modes, answer)
        return found, from_json(to_json((await compiled.aget_state(config)).values))


class _OnDisk(InMemorySaver):
    """Others have their turn while it saves, as with every saver that writes somewhere."""

    async def aput(self, config: Any, checkpoint: Any, metadata: Any, new_versions: Any) -> Any:
        await asyncio.sleep(0.005)
        return await super().aput(config, checkpoint, metadata, new_versions)


async def bare_until(error: type[Exception], graph: CompiledGraph, run: Run) -> list[Seen]:
    """What bare LangGraph streams before it raises."""
    found: list[Seen] = []
    config, modes = run_config(run.spec, run.run_id, run.thread_id), [*run.spec.stream_modes]
    graph, options = graph.copy({"checkpointer": _OnDisk()}), {"stream_mode": modes, "durability": "sync"}
    try:
        async for ns, mode, chunk in _chunks(graph, run.spec.input, config, options, subgraphs=True):
            found.append(seen("|".join((mode, *ns)), from_json(to_json(chunk))))
    except error:
        return found
    raise AssertionError(f"the graph has not raised a {error.__name__}")


async def _bare(graph: CompiledGraph, spec: RunSpec, config: Any, modes: Sequence[str], answer: Any) -> list[Seen]:
    found: list[Seen] = []
    given, known = spec.input, _Known()
    while True:
        options: dict[str, Any] = {
            "stream_mode": list({*modes, "checkpoints"} if answer else modes),
            "durability": spec.durability or "sync",
            "interrupt_before": spec.interrupt_before or None,
            "interrupt_after": spec.interrupt_after or None,
        }
        chunks = _chunks(graph, given, config, options, subgraphs=spec.stream_subgraphs)
        raw = [("|".join((mode, *ns)), from_json(to_json(chunk))) async for ns, mode, chunk in chunks]
        found += [seen(*one) for one in (known.new(raw) if answer else raw) if one[0].partition("|")[0] in modes]
        state = await graph.aget_state(config, subgraphs=True)
        if not state.next or answer is None:
            return found
        asked = tuple(RunInterrupt(id=i.id, value=i.value) for i in state.interrupts)
        given = Command(resume=_by_id(answer(asked), asked)) if asked else None


class _Known:
    """Of one bare run in several calls: a call after an answer reports again where the graph stands."""

    def __init__(self) -> None:
        self._ids: set[str] = set()

    def new(self, raw: list[tuple[str, Any]]) -> list[tuple[str, Any]]:
        found: list[tuple[str, Any] | None] = []
        values: dict[str, int] = {}
        for name, data in raw:
            mode, _, ns = name.partition("|")
            identity = identity_of(mode, data)
            again = identity is not None and f"{ns} {identity}" in self._ids
            self._ids.update({f"{ns} {identity}"} if identity else ())
            cached = mode == "updates" and "__metadata__" in data
            if mode == "values" and "__interrupt__" not in (data or ()):
                values[ns] = len(found)
            if mode == "checkpoints" and (at := values.pop(ns, None)) is not None and again:
                found[at] = None
            found.append(None if again or cached else (name, data))
        return [one for one in found if one is not None]


def _by_id(value: Any, asked: tuple[RunInterrupt, ...]) -> dict[str, Any]:
    if isinstance(value, dict) and set(cast("dict[str, Any]", value)) <= {one.id for one in asked}:
        return cast("dict[str, Any]", value)
    return {asked[0].id: value}


async def _chunks(
    graph: CompiledGraph, given: Any, config: Any, options: dict[str, Any], *, subgraphs: bool
) -> AsyncIterator[tuple[tuple[str, ...], str, Any]]:
    async for chunk in cast("Any", graph).astream(given, config, subgraphs=subgraphs, **options):
        yield chunk if subgraphs else ((), *chunk)


def canonical(events: Iterable[Seen]) -> dict[str, list[list[Seen]]]:
    """The events of each namespace between its states; in between, parallel tasks report in any order."""
    found: dict[str, list[list[Seen]]] = {}
    for name, data in events:
        mode, _, ns = name.partition("|")
        if mode in OF_NODES:
            continue
        spans = found.setdefault(ns, [[]])
        if mode in ("values", "checkpoints") or (mode == "debug" and '"type": "checkpoint"' in data):
            spans += [[(name, data)], []]
        else:
            spans[-1].append((name, data))
    return {ns: [sorted(span) for span in spans if span] for ns, spans in found.items()}


def differences(got: Sequence[Seen], expected: Sequence[Seen], *, cut: bool = False) -> list[str]:
    """What is too much and what is missing; tokens may come again after a cut."""
    found: list[str] = []
    extra, missing = Counter(got) - Counter(expected), Counter(expected) - Counter(got)
    for one in extra:
        if not (cut and one[0].partition("|")[0] in OF_NODES and one in set(expected)):
            found.append(f"too many ({extra[one]}): {one}")
    found += [f"missing ({missing[one]}): {one}" for one in missing]
    if not found and canonical(got) != canonical(expected):
        found.append("out of order")
    return found
