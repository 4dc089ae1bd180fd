"""Assistants: `/assistants`. Each graph has one by itself, and clients make more."""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Query, Response

from .assistant_bodies import AssistantCount, AssistantSearch
from .assistant_search import found_assistants
from .assistant_views import Assistant, record_of, shown_assistant
from .context import Runs
from .errors import refuse
from .graph_names import chosen_assistant, graph_of
from .ids import AssistantId
from .json_values import number_in
from .replies import Json, page, selected

router = APIRouter(tags=["Assistants"])

_PAGE = 10


@router.post("/assistants/search", response_model=list[Assistant])
async def search_assistants(body: AssistantSearch, runs: Runs) -> Response:
    """Find assistants."""
    found, offset = await found_assistants(runs, body), body.offset or 0
    found.sort(key=lambda one: _place(getattr(one, body.sort_by or "created_at")), reverse=body.sort_order != "asc")
    rows = found[offset : offset + (body.limit or _PAGE)]
    return page([selected(shown_assistant(row), body.select) for row in rows], total=len(found), offset=offset)


def _place(value: str | datetime) -> str | datetime:
    return value.lower() if isinstance(value, str) else value


@router.post("/assistants/count", response_model=int)
async def count_assistants(body: AssistantCount, runs: Runs) -> Response:
    """How many assistants there are."""
    return Json(len(await found_assistants(runs, body)))


@router.get("/assistants/{assistant_id}", response_model=Assistant)
async def get_assistant(assistant_id: AssistantId, runs: Runs) -> Response:
    """An assistant."""
    return Json(shown_assistant(record_of(await chosen_assistant(runs, assistant_id))))


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
    if levels := number_in(given):
        return levels
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
