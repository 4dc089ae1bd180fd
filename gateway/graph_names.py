"""From what a client calls an assistant to its graph, and to what runs of it begin with."""

from __future__ import annotations

from dataclasses import dataclass

from ..contracts.assistants import AssistantRecord
from ..facade.runs import RunsFacade
from .errors import refuse
from .ids import assistant_of, is_assistant_id


@dataclass(frozen=True, slots=True)
class Chosen:
    """The assistant that a request names."""

    graph: str
    record: AssistantRecord | None = None
    """`None`: the one that the graph has by itself."""

    @property
    def id(self) -> str:
        """The assistant's."""
        return assistant_of(self.graph) if self.record is None else self.record.assistant_id


async def chosen_assistant(runs: RunsFacade, assistant_id: str) -> Chosen:
    """What is no UUID is the name of a graph. An unknown UUID is not found."""
    if not is_assistant_id(assistant_id):
        return Chosen(assistant_id)
    for name in await runs.list_graphs(gone=True):
        if assistant_of(name) == assistant_id.lower():
            return Chosen(name)
    record = await runs.assistants.get(assistant_id.lower())
    if record is None:
        raise refuse(404, f"Assistant with ID {assistant_id} not found")
    return Chosen(record.graph_id, record)


async def graph_of(runs: RunsFacade, assistant_id: str) -> str:
    """The name of its graph."""
    return (await chosen_assistant(runs, assistant_id)).graph
