"""Which assistants a caller finds."""

from __future__ import annotations

from ..contracts.assistants import AssistantRecord
from ..facade.runs import RunsFacade
from .assistant_bodies import AssistantCount
from .assistant_views import of_graph
from .callers import of_the_filter
from .errors import unknown_graph


async def found_assistants(runs: RunsFacade, body: AssistantCount) -> list[AssistantRecord]:
    """Those of graphs, which are everybody's, and those that were made. Raises 404 for a graph that there is not."""
    graphs = await runs.list_graphs(gone=True)
    if body.graph_id is not None and body.graph_id not in graphs:
        raise unknown_graph(body.graph_id, graphs)
    wanted = (body.metadata or {}).items()
    theirs = [of_graph(name) for name in graphs if body.graph_id in (None, name)]
    fitting = [
        one for one in theirs if wanted <= one.metadata.items() and (body.name or "").lower() in one.name.lower()
    ]
    with of_the_filter() as matching:
        made = await runs.assistants.list(
            graph_id=body.graph_id, name=body.name, metadata=body.metadata, matching=matching
        )
    return [*made, *fitting]
