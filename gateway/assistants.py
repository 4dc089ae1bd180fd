"""Assistants: `/assistants`. Each graph has one by itself."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Query, Response
from pydantic import BaseModel

from ..facade.runs import RunsFacade
from .bodies import Body, Paged
from .context import Runs
from .errors import refuse
from .graph_names import graph_of
from .ids import AssistantId, assistant_of
from .replies import Json, moment, page, selected

router = APIRouter(tags=["Assistants"])

_PAGE = 10
_BEGINNING = datetime(2025, 1, 1, tzinfo=UTC)
"""Of what has always been there."""


class Assistant(BaseModel):
    """An assistant."""

    assistant_id: str
    graph_id: str
    name: str
    description: str | None
    config: dict[str, Any]
    context: dict[str, Any]
    metadata: dict[str, Any]
    version: int
    created_at: str
    updated_at: str


class AssistantCount(Body):
    """Which assistants."""

    metadata: dict[str, Any] | None = None
    graph_id: str | None = None
    name: str | None = None


class AssistantSearch(AssistantCount, Paged):
    """Which assistants, and in which order."""

    sort_by: Literal["assistant_id", "graph_id", "name", "created_at", "updated_at"] | None = None
    sort_order: Literal["asc", "desc"] | None = None
    select: list[str] | None = None


def shown_assistant(graph: str) -> dict[str, Any]:
    """The assistant of a graph."""
    return {
        "assistant_id": assistant_of(graph),
        "graph_id": graph,
        "name": graph,
        "description": None,
        "config": {},
        "context": {},
        "metadata": {"created_by": "system"},
        "version": 1,
        "created_at": moment(_BEGINNING),
        "updated_at": moment(_BEGINNING),
    }


async def _found(runs: RunsFacade, body: AssistantCount) -> list[dict[str, Any]]:
    graphs = await runs.list_graphs(gone=True)
    if body.graph_id is not None and body.graph_id not in graphs:
        raise refuse(404, f"Graph {body.graph_id!r} not found")
    found = [shown_assistant(name) for name in graphs if body.graph_id in (None, name)]
    wanted = (body.metadata or {}).items()
    return [
        one for one in found if wanted <= one["metadata"].items() and (body.name or "").lower() in one["name"].lower()
    ]


@router.post("/assistants/search", response_model=list[Assistant])
async def search_assistants(body: AssistantSearch, runs: Runs) -> Response:
    """Find assistants."""
    found, offset = await _found(runs, body), body.offset or 0
    found.sort(key=lambda one: str(one[body.sort_by or "name"]), reverse=body.sort_order == "desc")
    rows = found[offset : offset + (body.limit or _PAGE)]
    return page([selected(row, body.select) for row in rows], total=len(found), offset=offset)


@router.post("/assistants/count", response_model=int)
async def count_assistants(body: AssistantCount, runs: Runs) -> Response:
    """How many assistants there are."""
    return Json(len(await _found(runs, body)))


@router.get("/assistants/{assistant_id}", response_model=Assistant)
async def get_assistant(assistant_id: AssistantId, runs: Runs) -> Response:
    """An assistant."""
    return Json(shown_assistant(await graph_of(runs, assistant_id)))


@router.get("/assistants/{assistant_id}/graph")
async def get_graph(assistant_id: str, runs: Runs, xray: str = "false") -> Response:
    """The nodes and edges of its graph."""
    graph = await graph_of(runs, assistant_id)
    drawn = await runs.describe_graph(graph, "graph", xray=_levels(xray))
    return Json({**drawn, "nodes": [_node(node) for node in drawn["nodes"]]})


def _node(node: dict[str, Any]) -> dict[str, Any]:
    """Where its code is, is nobody's business."""
    data = node.get("data")
    return {**node, "data": {"name": data["name"]}} if isinstance(data, dict) and "name" in data else node


def _levels(given: str) -> bool | int:
    if given.lower() in ("true", "false"):
        return given.lower() == "true"
    if given.isdecimal() and int(given) >= 1:
        return int(given)
    raise refuse(422, "xray: true, false, or how many levels of subgraphs, from 1 on")


@router.get("/assistants/{assistant_id}/schemas")
async def get_schemas(assistant_id: str, runs: Runs) -> Response:
    """The schemas of its graph's input, output, state, config and context; null for one that cannot be made."""
    graph = await graph_of(runs, assistant_id)
    return Json({"graph_id": graph, **await runs.describe_graph(graph, "schemas")})


@router.get("/assistants/{assistant_id}/subgraphs")
async def get_subgraphs(assistant_id: str, runs: Runs, recurse: Annotated[bool, Query()] = False) -> Response:
    """The schemas of the graphs below its graph, by their namespaces."""
    graph = await graph_of(runs, assistant_id)
    return Json(await runs.describe_graph(graph, "subgraphs", recurse=recurse))


@router.get("/assistants/{assistant_id}/subgraphs/{namespace}")
async def get_subgraph(
    assistant_id: str, namespace: str, runs: Runs, recurse: Annotated[bool, Query()] = False
) -> Response:
    """The same of one of them."""
    graph = await graph_of(runs, assistant_id)
    return Json(await runs.describe_graph(graph, "subgraphs", namespace=namespace, recurse=recurse))
