"""What LangGraph notes beside messages, tasks, events and checkpoints, in the API's words."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from .ids import assistant_of, is_assistant_id

_OURS = "perdure_run_id"


def shown_metadata(metadata: Mapping[str, Any]) -> dict[str, Any]:
    """A graph is an assistant here, and a run is known by its id alone."""
    shown = {**metadata}
    if (graph := shown.get("assistant_id")) is not None and not is_assistant_id(str(graph)):
        shown |= {"graph_id": graph, "assistant_id": assistant_of(str(graph))}
    if (run_id := shown.pop(_OURS, None)) is not None:
        shown["run_id"] = run_id
    return shown
