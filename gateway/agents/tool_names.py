"""The names of assistants as tools, from which one finds back without a look anywhere."""

from __future__ import annotations

import re

from ..graph_names import Chosen
from ..ids import is_assistant_id

_ALLOWED = re.compile(r"[A-Za-z0-9_.-]{1,64}")
_ID = 36
"""Characters of an assistant's id."""
_SHOWN = 64 - _ID - 1
"""Characters of a name before it: some clients take no longer names than 64."""


def tool_name(chosen: Chosen) -> str:
    """A graph's own assistant is called as it; of others the name is followed by the id."""
    if chosen.record is None and _ALLOWED.fullmatch(chosen.graph):
        return chosen.graph
    name = chosen.graph if chosen.record is None else chosen.record.name
    return f"{re.sub(r'[^A-Za-z0-9_.-]', '_', name)[:_SHOWN]}-{chosen.id}"


def assistant_named(tool: str) -> str:
    """The graph, or the assistant's id."""
    return tool[-_ID:] if is_assistant_id(tool[-_ID:]) else tool
