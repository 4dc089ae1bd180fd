"""What one run says, before it has its place among all that its thread says."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

Namespace = tuple[str, ...]
"""Of a graph: empty for the root."""


@dataclass(frozen=True, slots=True)
class Said:
    """An event of the protocol."""

    id: str
    """Stable for ever, and of nothing else: `<run>:<number>`, or LangGraph's for what no node has said."""
    method: str
    namespace: Namespace
    moment: int
    """Milliseconds since 1970."""
    data: Any
    node: str | None = None
    undone: bool = False
    """The run was rolled back: it keeps its place, and is not told again."""

    @property
    def channel(self) -> str:
        """What a subscription calls it."""
        if self.method == "input.requested":
            return "input"
        if self.method == "custom" and (name := self.data.get("name")) is not None:
            return f"custom:{name}"
        return self.method

    @property
    def is_root_lifecycle(self) -> bool:
        """The run begins, or has come to rest."""
        return self.method == "lifecycle" and not self.namespace


def lifecycle_id(run_id: str, namespace: Sequence[str], state: str) -> str:
    """Clients take the run's id from it."""
    return f"synth:{run_id}:lc|{'|'.join(namespace)}|{state}"


def question_id(run_id: str, namespace: Sequence[str], interrupt_id: str) -> str:
    """Of a question's event."""
    return f"synth:{run_id}:input|{'|'.join(namespace)}|{interrupt_id}"


def run_of(event_id: str) -> str | None:
    """The run whose event it is; `None`: it is no id of ours."""
    head, colon, rest = event_id.partition(":")
    if head == "synth":
        head, colon, rest = rest.partition(":")
    return head if head and colon and rest else None
