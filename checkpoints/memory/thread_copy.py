"""The checkpoints of a thread, once more under the id of another one."""

from __future__ import annotations

from typing import Any, cast

from langgraph.checkpoint.memory import InMemorySaver

_Typed = tuple[str, bytes]


def copy_thread(saver: InMemorySaver, thread_id: str, copy_id: str) -> None:
    """Unless the copy has checkpoints."""
    if saver.storage.get(copy_id):
        return
    for namespace, saved in saver.storage.get(thread_id, {}).items():
        for id, (checkpoint, metadata, parent) in saved.items():
            saver.storage[copy_id][namespace][id] = (checkpoint, _metadata(saver, metadata, copy_id), parent)
    for (of, namespace, id), writes in [*saver.writes.items()]:
        if of == thread_id:
            saver.writes[(copy_id, namespace, id)] = {**writes}
    for (of, *place), blob in [*saver.blobs.items()]:
        if of == thread_id:
            saver.blobs[cast("Any", (copy_id, *place))] = blob


def _metadata(saver: InMemorySaver, metadata: _Typed, copy_id: str) -> _Typed:
    found = saver.serde.loads_typed(metadata)
    return saver.serde.dumps_typed({**found, "thread_id": copy_id}) if "thread_id" in found else metadata
