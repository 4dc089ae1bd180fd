"""A graph as LangGraph describes it: its drawing and its schemas, for a client that does not have it."""

from __future__ import annotations

import logging
import warnings
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from typing import Any, cast

from langgraph.checkpoint.memory import InMemorySaver
from pydantic import TypeAdapter, create_model

from ...contracts.containment import contained
from ...contracts.serialization.serializer import to_json
from ...contracts.serialization.text import message_of
from ...contracts.wire_thread import StateAnswer, StateQuery
from .back_ends import BackEnds
from .graph_registry import CompiledGraph

logger = logging.getLogger(__name__)

_SCHEMAS: dict[str, Callable[[CompiledGraph], Any]] = {
    "input_schema": lambda graph: graph.get_input_jsonschema(),
    "output_schema": lambda graph: graph.get_output_jsonschema(),
    "state_schema": lambda graph: _state_schema(graph),
    "config_schema": lambda graph: _config_schema(graph),
    "context_schema": lambda graph: graph.get_context_jsonschema(),
}


@dataclass(frozen=True, slots=True)
class GraphViews:
    """Reads graphs. Reading changes nothing, and may be repeated."""

    ends: BackEnds

    async def answer(self, query: StateQuery) -> StateAnswer:
        """Read, and keep what was read for the client. Raises `UnavailableError`."""
        try:
            with contained():
                async with self.ends.graphs.open(query.assistant_id, {}, InMemorySaver()) as graph:
                    found = to_json([await _VIEWS[query.view or ""](graph, query)])
        except Exception as exc:  # noqa: BLE001 - whatever a graph raises is its own, and would be raised again
            return StateAnswer(failure=message_of(exc))
        await self.ends.store.threads.put_answer(query.read_id, found)
        return StateAnswer()


async def _drawing(graph: CompiledGraph, query: StateQuery) -> dict[str, Any]:
    drawn = await graph.aget_graph(xray=query.xray)
    return cast("dict[str, Any]", drawn.to_json())


async def _schemas(graph: CompiledGraph, query: StateQuery) -> dict[str, Any]:
    return schemas_of(graph)


async def _subgraphs(graph: CompiledGraph, query: StateQuery) -> dict[str, Any]:
    found: AsyncIterator[tuple[str, Any]] = cast("Any", graph).aget_subgraphs(
        namespace=query.below, recurse=query.recurse
    )
    return {namespace: schemas_of(below) async for namespace, below in found}


_VIEWS = {"graph": _drawing, "schemas": _schemas, "subgraphs": _subgraphs}


def schemas_of(graph: CompiledGraph) -> dict[str, Any]:
    """As JSON schemas; `None` for one that pydantic cannot make."""
    return {name: _made(name, make, graph) for name, make in _SCHEMAS.items()}


def _made(name: str, make: Callable[[CompiledGraph], Any], graph: CompiledGraph) -> Any:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # LangGraph's config schema is deprecated, and is asked for nevertheless
            return make(graph)
    except Exception as exc:  # noqa: BLE001 - of types that are the user's
        logger.info("a graph has no %s: %s", name, message_of(exc))
        return None


def _config_schema(graph: CompiledGraph) -> Any:
    """Of `configurable`, as LangGraph's server shows it."""
    whole = graph.get_config_jsonschema()  # pyright: ignore[reportDeprecated]
    kinds = cast("dict[str, Any]", whole.pop("$defs", {}))
    place = whole.get("properties", {}).get("configurable", {}).get("$ref", "").rpartition("/")[2]
    configurable = kinds.pop(place, {})
    return {**configurable, "$defs": kinds} if kinds else configurable


def _state_schema(graph: CompiledGraph) -> Any:
    """Of the channels that `values` events show; a type that pydantic does not know is any."""
    shown, channels = graph.stream_channels_asis, cast("dict[str, Any]", graph.channels)
    names = [shown] if isinstance(shown, str) else shown
    fields = {name: (_known(getattr(channels[name], "UpdateType", Any)), None) for name in names}
    return create_model(graph.get_name("State"), **cast("dict[str, Any]", fields)).model_json_schema()


def _known(kind: Any) -> Any:
    try:
        TypeAdapter(kind).json_schema()
    except Exception:  # noqa: BLE001 - of a type that is the user's
        return Any
    return kind
