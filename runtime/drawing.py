"""A graph as a drawing, by LangGraph's own means."""

from __future__ import annotations

import re
from collections.abc import Collection
from pathlib import Path

from langgraph.checkpoint.memory import InMemorySaver

from ..activities.graphs.graph_registry import load_graphs
from ..contracts.errors import ConfigError

_CURRENT = "\tclassDef current fill:#ffb347,stroke:#333,stroke-width:3px\n"


async def draw(graphs: Path, name: str, *, current: Collection[str] = (), ascii: bool = False) -> str:
    """The graph of a `langgraph.json` as Mermaid text, or for a terminal; the nodes in `current` are marked.

    Its modules are imported. Raises `GraphLoadError`, `UnknownGraphError`, or `ConfigError` without grandalf.
    """
    async with (await load_graphs(graphs)).open(name, {}, InMemorySaver()) as graph:
        drawable = await graph.aget_graph()
        if not ascii:
            return drawable.draw_mermaid() + _marks(sorted({*current} & {*drawable.nodes}))
        try:
            drawn = drawable.draw_ascii()
        except ImportError as exc:
            raise ConfigError("a drawing for the terminal needs grandalf: pip install grandalf") from exc
        return f"{drawn}\n\nnow at: {', '.join(sorted(current))}\n" if current else f"{drawn}\n"


def _marks(nodes: Collection[str]) -> str:
    return _CURRENT + f"\tclass {','.join(map(_id, nodes))} current\n" if nodes else ""


def _id(node: str) -> str:
    """As LangChain writes a node's name in Mermaid: what is no letter, digit, `_` or `-` by its code."""
    return re.sub(r"[^a-zA-Z0-9_-]", lambda found: "\\" + format(ord(found[0]), "x"), node)
