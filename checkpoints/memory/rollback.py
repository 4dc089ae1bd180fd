"""Marks and copies of `rollback` beside LangGraph's saver in memory. No call waits, so each is one step."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass

from langgraph.checkpoint.memory import InMemorySaver

from ..contract import RunNote
from ..rollback import check_restorable

Address = tuple[str, str, str]
"""Thread, namespace and id of a checkpoint."""


@dataclass(frozen=True, slots=True)
class Mark:
    """How a checkpoint stood before the run."""

    existed: bool
    writes: Mapping[tuple[str, int], tuple[str, str, tuple[str, bytes], str]]


Marks = dict[str, dict[Address, Mark]]
"""By run."""


def keep(saver: InMemorySaver, marks: Marks, run_id: str, address: Address) -> None:
    """Mark a checkpoint and copy its writes, unless that was done before or the run has saved the checkpoint."""
    if not _is_of(saver, address, run_id):
        mark = Mark(_exists(saver, address), dict(saver.writes.get(address, {})))
        marks.setdefault(run_id, {}).setdefault(address, mark)


def restore(
    saver: InMemorySaver, marks: Marks, run_id: str, thread_id: str, note: RunNote | None, *, dropped: bool
) -> None:
    """Put the thread back. Raises `RollbackError`, with nothing changed."""
    marked = {address: mark for address, mark in marks.get(run_id, {}).items() if address[0] == thread_id}
    there = _addresses(saver, thread_id)
    saved = {address for address, mark in marked.items() if not mark.existed}
    saved.update(address for address in there if _is_of(saver, address, run_id))
    if not (marked or saved or dropped):
        return
    newest = max((id for _, namespace, id in there - saved if not namespace), default=None)
    followers = [other for other, theirs in marks.items() if other != run_id and not saved.isdisjoint(theirs)]
    check_restorable(run_id, thread_id, note, newest=newest, follower=min(followers, default=None))
    _remove(saver, saved)
    for address, mark in marked.items():
        saver.writes.pop(address, None)
        if mark.writes:
            saver.writes[address] = dict(mark.writes)
    marks.pop(run_id, None)


def delete_thread(saver: InMemorySaver, marks: Marks, thread_id: str) -> None:
    """Delete the thread and the marks in it."""
    saver.delete_thread(thread_id)
    for of_run in marks.values():
        for address in [address for address in of_run if address[0] == thread_id]:
            del of_run[address]


def _exists(saver: InMemorySaver, address: Address) -> bool:
    return address in _addresses(saver, address[0])


def _addresses(saver: InMemorySaver, thread_id: str) -> set[Address]:
    spaces = saver.storage.get(thread_id, {})
    return {(thread_id, namespace, id) for namespace, saved in spaces.items() for id in saved}


def keep_only(saver: InMemorySaver, thread_id: str, kept: Collection[tuple[str, str]]) -> None:
    """Remove all checkpoints of the thread but these: by namespace and id."""
    _remove(saver, {address for address in _addresses(saver, thread_id) if address[1:] not in kept})


def _is_of(saver: InMemorySaver, address: Address, run_id: str) -> bool:
    thread_id, namespace, checkpoint_id = address
    found = saver.storage.get(thread_id, {}).get(namespace, {}).get(checkpoint_id)
    return found is not None and saver.serde.loads_typed(found[1]).get("run_id") == run_id


def _remove(saver: InMemorySaver, addresses: Collection[Address]) -> None:
    """Checkpoints, their writes, and the channel values that no other checkpoint has."""
    values = {key for address in addresses for key in _values(saver, address)}
    for address in addresses:
        thread_id, namespace, checkpoint_id = address
        saver.writes.pop(address, None)
        saver.storage.get(thread_id, {}).get(namespace, {}).pop(checkpoint_id, None)
    for thread_id in {thread_id for thread_id, _, _ in addresses}:
        values -= {key for address in _addresses(saver, thread_id) for key in _values(saver, address)}
    for key in values:
        saver.blobs.pop(key, None)


def _values(saver: InMemorySaver, address: Address) -> Iterator[tuple[str, str, str, str | int | float]]:
    """The keys of the channel values of a checkpoint."""
    thread_id, namespace, checkpoint_id = address
    found = saver.storage.get(thread_id, {}).get(namespace, {}).get(checkpoint_id)
    if found is not None:
        for channel, version in saver.serde.loads_typed(found[0])["channel_versions"].items():
            yield thread_id, namespace, channel, version
