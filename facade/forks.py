"""Which checkpoint a run asks to start from."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..contracts.errors import InvalidRunError
from ..contracts.types import CheckpointRequest, RunSpec

_FIELD = "checkpoint_request"
_FORM = "{thread_id, checkpoint_ns, checkpoint_id, checkpoint_map}"


def requested_checkpoint(spec: RunSpec) -> CheckpointRequest | None:
    """The request with the id alone, also where it has LangGraph's long form. Raises `InvalidRunError`."""
    request = spec.checkpoint_request
    if request is None or request == CheckpointRequest():
        return None
    if spec.scope.kind == "stateless":
        raise _wrong(": a stateless run has a new thread, which has no checkpoints")
    named = request.checkpoint_id
    if request.checkpoint is not None:
        found = _root_checkpoint(request.checkpoint, spec.scope.thread_id)
        if named not in (None, found):
            raise _wrong(f": checkpoint_id {named!r} and checkpoint.checkpoint_id {found!r} are two different ones")
        named = found
    if not named:
        raise _wrong(".checkpoint_id is empty")
    return CheckpointRequest(checkpoint_id=named)


def _root_checkpoint(checkpoint: Mapping[str, Any], thread_id: str | None) -> str:
    if unknown := set(checkpoint) - {"thread_id", "checkpoint_ns", "checkpoint_id", "checkpoint_map"}:
        raise _wrong(f".checkpoint has an unknown key {min(unknown)!r}; its form is {_FORM}")
    if checkpoint.get("thread_id") not in (None, thread_id):
        raise _wrong(f": the checkpoint is of thread {checkpoint['thread_id']!r}, and the run of thread {thread_id!r}")
    if checkpoint.get("checkpoint_ns") or set(checkpoint.get("checkpoint_map") or ()) - {""}:
        raise _wrong(
            ": the checkpoint is a subgraph's; a run starts from one of the whole graph, with checkpoint_ns ''"
        )
    found = checkpoint.get("checkpoint_id")
    if not isinstance(found, str) or not found:
        raise _wrong(f".checkpoint needs a checkpoint_id; its form is {_FORM}")
    return found


def _wrong(text: str) -> InvalidRunError:
    return InvalidRunError(f"{_FIELD}{text}", field=_FIELD)
