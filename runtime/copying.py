"""`copy_installation`: all that an installation keeps, in other places, which then are the installation.

Temporal is not touched: its workflows go on with whoever serves the task queue next, so runs that wait for an answer
get it from a worker of the new settings. The cache of nodes stays behind, which is an aid only.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from ..blocking.table_shelf import Shelf, kind_of
from ..bridge.copying import StreamsPlace
from ..checkpoints.copying import checkpoint_shelves
from ..contracts.errors import ConfigError
from ..contracts.keyring import Keyring
from ..contracts.settings import Settings
from ..contracts.types import Frozen
from ..contracts.urls import redacted
from ..memory.copying import NodeStorePlace
from ..store.copying import RecordsPlace, records_at
from .back_ends import settings_bridge, settings_checkpoints
from .copied import Compared, Tell, compare, make_equal
from .keys import open_keyring_aside
from .node_memory import settings_store
from .target import temporal_target

_KINDS = ("sqlite", "postgresql")
_PARTS: dict[str, Callable[[Settings], str]] = {
    "store.url": lambda settings: settings.store_url,
    "checkpointer.url": lambda settings: settings.checkpointer_url,
    "bridge.url": lambda settings: settings.bridge_url,
    "langgraph_store.url": lambda settings: settings.langgraph_store_url,
}


class CopyReport(Frozen):
    """What was copied, and how the two compare."""

    installation: str
    written: int
    """Rows that were written by this call."""
    kept: tuple[str, ...]
    """Settings whose place is the same in both, so that there was nothing to copy."""
    tables: tuple[Compared, ...]
    only_compared: bool = False
    """The target was a complete copy before, and perhaps in use since: nothing was written."""

    @property
    def equal(self) -> bool:
        """Whether all tables are."""
        return all(table.equal for table in self.tables)


@dataclass(frozen=True)
class _Pair:
    """The same part of both."""

    source: Shelf
    target: Shelf


async def copy_installation(source: Settings, target: Settings, tell: Tell) -> CopyReport:
    """Copy all, compare, and give the target the identity of the source if they are equal.

    Nobody may be at work in either. A call that was cut off is continued by the next one. Raises `ConfigError`, with
    nothing written, for places that cannot be copied, and `UnavailableError`.
    """
    keyring = await _same_keys(source, target)
    _check(source, target)
    records, copy = await records_at(source.store_url), await records_at(target.store_url)
    records.check_at_rest()
    copy.check_at_rest()
    identity = records.identity()
    await _make_tables(source)
    await _make_tables(target)
    pairs, streams = _pairs(source, target, records, copy, keyring)
    kept = tuple(name for name, url in _PARTS.items() if url(source) == url(target))
    begun = copy.begin_copy(identity)
    written = 0
    if begun:
        for pair in pairs:
            written += await make_equal(pair.source, pair.target, tell)
        copy.go_on_after(records.numbers())
        if streams:
            streams[1].go_on_after(streams[0].last_number())
    tables = tuple([await compare(pair.source, pair.target) for pair in pairs])
    report = CopyReport(installation=identity, written=written, kept=kept, tables=tables, only_compared=not begun)
    records.check_at_rest()
    if begun and report.equal:
        copy.end_copy(identity)
    return report


async def _same_keys(source: Settings, target: Settings) -> Keyring | None:
    """What is sealed is copied as it is, so the target has to have the keys of the source."""
    ours, theirs = await open_keyring_aside(source.encryption), await open_keyring_aside(target.encryption)
    if (ours is None) != (theirs is None):
        with_keys = "the source" if ours else "the target"
        raise ConfigError(
            f"only {with_keys} has encryption.key_id: values are copied as they are, so both have to have the same "
            "keys. Copy first, and change the keys of the copy then"
        )
    if ours is not None and theirs is not None and (wrong := theirs.lacks(ours)):
        raise ConfigError(
            f"encryption.keys of the target has no key {wrong[0]!r}, or another one of this name: values are copied as "
            "they are, so it has to have all keys of the source"
        )
    return theirs


def _check(source: Settings, target: Settings) -> None:
    for name, url in _PARTS.items():
        for settings in (source, target):
            if url(source) != url(target) and kind_of(url(settings)) not in _KINDS:
                raise ConfigError(
                    f"{name}: {redacted(url(settings))} cannot be copied from or to; {' and '.join(_KINDS)} can"
                )
    if source.store_url == target.store_url:
        raise ConfigError(f"store.url: both settings name {redacted(source.store_url)}, so they are one installation")
    for name in ("namespace", "task_queue"):
        here, there = _temporal(source, name), _temporal(target, name)
        if here != there:
            raise ConfigError(
                f"temporal.{name}: it is {here!r} in the source and {there!r} in the target; runs that wait would "
                "never be found again"
            )


def _temporal(settings: Settings, name: str) -> str:
    return temporal_target(settings).namespace if name == "namespace" else settings.temporal.task_queue


async def _make_tables(settings: Settings) -> None:
    for part in (settings_checkpoints(settings), settings_bridge(settings)):
        try:
            await part.start()
        finally:
            await part.close()
    nodes = settings_store(settings)
    try:
        nodes.open()
    finally:
        nodes.close()


def _pairs(
    source: Settings, target: Settings, records: RecordsPlace, copy: RecordsPlace, keyring: Keyring | None
) -> tuple[list[_Pair], tuple[StreamsPlace, StreamsPlace] | None]:
    """What has the same place in both stays as it is."""
    found = _zipped(records.shelves(), copy.shelves())
    here, there = source.checkpointer_url, target.checkpointer_url
    if here != there:
        found += _zipped(checkpoint_shelves(here, there, keyring), checkpoint_shelves(there, here, keyring))
    streams = None
    if source.bridge_url != target.bridge_url:
        streams = StreamsPlace(source.bridge_url), StreamsPlace(target.bridge_url)
        found += _zipped(streams[0].shelves(streams[1]), streams[1].shelves(streams[0]))
    if source.langgraph_store_url != target.langgraph_store_url:
        nodes, copied = NodeStorePlace(source.langgraph_store_url), NodeStorePlace(target.langgraph_store_url)
        found += _zipped(nodes.shelves(copied), copied.shelves(nodes))
    return found, streams


def _zipped(ours: Sequence[Shelf], theirs: Sequence[Shelf]) -> list[_Pair]:
    return [_Pair(one, other) for one, other in zip(ours, theirs, strict=True)]
