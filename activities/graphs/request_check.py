"""What a run asks for that only its graph and its thread can refuse, before the graph does anything."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from langgraph.checkpoint.base import CheckpointTuple
from langgraph.constants import END, START

from ...contracts.errors import RunStateError, nearest
from ...contracts.types import RunSpec
from ...contracts.wire import SliceInput
from .graph_registry import CompiledGraph


def check_request(
    slice: SliceInput,
    spec: RunSpec,
    graph: CompiledGraph,
    *,
    head: CheckpointTuple | None,
    base: CheckpointTuple | None,
) -> None:
    """`head`: the thread's newest checkpoint; `base`: the one to start from. Raises `RunStateError`."""
    for problem in (*_unknown_nodes(spec, graph), *_nothing_to_start_from(slice.thread_id, spec, head, base)):
        raise RunStateError(slice.run_id, problem)


def _unknown_nodes(spec: RunSpec, graph: CompiledGraph) -> Iterator[str]:
    """LangGraph ignores a name that it does not know, and with it the approval that a human was to give."""
    known = sorted(set(graph.nodes) - {START})
    goto = spec.command.goto if spec.command else ()
    for field, names, more in (
        ("interrupt_before", spec.interrupt_before, ()),
        ("interrupt_after", spec.interrupt_after, ()),
        ("command.goto", goto, (END,)),
    ):
        for name in _listed(names):
            if name not in (*known, *more):
                yield f"{field}: the graph has no node {name!r}{nearest(name, known)}; it has {', '.join(known)}"


def _listed(names: Sequence[str] | str) -> Sequence[str]:
    if isinstance(names, str):
        return () if names == "*" else (names,)
    return names


def _nothing_to_start_from(
    thread: str, spec: RunSpec, head: CheckpointTuple | None, base: CheckpointTuple | None
) -> Iterator[str]:
    wanted = spec.checkpoint_request.checkpoint_id if spec.checkpoint_request else None
    if wanted is not None and base is None:
        yield f"thread {thread!r} has no checkpoint {wanted!r}"
    elif head is None and spec.input is None and spec.command is None:
        yield f"thread {thread!r} has no state to go on from; give the run an input"
    elif base is not head and spec.command is not None and spec.command.resume is not None:
        # LangGraph would take the answer that the question had got then.
        yield (
            "command.resume answers what is open now, not at an older checkpoint; "
            "start there without a command, and answer when the run asks again"
        )
