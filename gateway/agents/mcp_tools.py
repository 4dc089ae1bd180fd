"""Assistants as tools."""

from __future__ import annotations

import asyncio
from typing import Any

from mcp.types import ListToolsResult, PaginatedRequestParams, Tool

from ...contracts.assistants import AssistantRecord
from ...facade.runs import RunsFacade
from ..assistant_bodies import AssistantCount
from ..assistant_search import found_assistants
from ..graph_names import Chosen
from ..ids import assistant_of
from .schemas import schemas_of
from .tool_names import tool_name
from .tool_schemas import input_schema, output_schema


async def listed(runs: RunsFacade, params: PaginatedRequestParams | None) -> ListToolsResult:
    """All of them: there is one page."""
    found = await found_assistants(runs, AssistantCount())
    graphs = sorted({one.graph_id for one in found})
    described = await asyncio.gather(*(schemas_of(runs, graph) for graph in graphs))
    known = dict(zip(graphs, described, strict=True))
    tools = [_tool(one.description, one.name, _chosen(one), known[one.graph_id]) for one in found]
    return ListToolsResult(tools=sorted(tools, key=lambda tool: tool.name))


def _chosen(one: AssistantRecord) -> Chosen:
    return Chosen(one.graph_id, None if one.assistant_id == assistant_of(one.graph_id) else one)


def _tool(description: str | None, title: str, chosen: Chosen, schemas: dict[str, Any]) -> Tool:
    return Tool(
        name=tool_name(chosen),
        title=title,
        description=description or f"Runs the graph {chosen.graph}, and gives the state in which it ends.",
        input_schema=input_schema(schemas.get("input_schema")),
        output_schema=output_schema(schemas.get("output_schema")),
    )
