"""From an assistant's id to its graph."""

from __future__ import annotations

from ..facade.runs import RunsFacade
from .errors import refuse
from .ids import assistant_of, is_assistant_id


async def graph_of(runs: RunsFacade, assistant_id: str) -> str:
    """The name of the graph; what is no UUID is one. An unknown UUID is not found."""
    if not is_assistant_id(assistant_id):
        return assistant_id
    for name in await runs.list_graphs(gone=True):
        if assistant_of(name) == assistant_id.lower():
            return name
    raise refuse(404, f"Assistant with ID {assistant_id} not found")
