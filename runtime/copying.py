"""`copy_installation`: all that an installation keeps, in other places, which then are the installation.

Temporal is not touched: its workflows go on with whoever serves the task queue next, so runs that wait for an answer
get it from a worker of the new settings. The cache of nodes stays behind, which is an aid only.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping, Sequence
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial

from sqlalchemy import Engine
from sqlalchemy.exc import DBAPIError

from ..blocking.table_shelf import COPIED, Shelf, engine_at, kind_of
from ..bridge.copying import REDIS, StreamsPlace, streams_at
from ..checkpoints.copying import checkpoint_shelves
from ..contracts.errors import ConfigError, UnavailableError
from ..contracts.keyring import Keyring
from ..contracts.settings import Settings
from ..contracts.types import Frozen
from ..contracts.urls import redacted
from ..memory.copying import item_shelves
from ..store.copying import Copy, RecordsPlace, Standing, records_at
from .back_ends import settings_bridge, settings_checkpoints
from .copied import Compared, Tell, compare, make_equal
from .keys import open_keyring_aside
from .node_memory import settings_store
from .target import temporal_target

_STORE, _CHECKPOINTS, _STREAMS, _ITEMS = "store.url", "checkpointer.url", "bridge.url", "langgraph_store.url"
_PARTS: dict[str, Callable[[Settings], str]] = {
    _STORE: lambda settings: settings.store_url,
    _CHECKPOINTS: lambda settings: settings.checkpointer_url,
    _STREAMS: lambda settings: settings.bridge_url,
    _ITEMS: lambda settings: settings.langgraph_store_url,
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
class _Pairs:
    """The same tables of both, source and target."""

    shelves: Sequence[tuple[Shelf, Shelf]]
    streams: tuple[StreamsPlace, StreamsPlace] | None


async def copy_installation(source: Settings, target: Settings, tell: Tell) -> CopyReport:
    """Copy all, compare, and give the target the identity of the source if they are equal.

    Nobody may be at work in either. A call that was cut off is continued by the next one. Raises `ConfigError`, with
    nothing written, for places that cannot be copied, and `UnavailableError`.
    """
    keyring = await _same_keys(source, target)
    _check(source, target)
    async with AsyncExitStack() as stack:
        here, there = _engines(stack, source), _engines(stack, target)
        records = await records_at(source.store_url, here[_STORE])
        copy = await records_at(target.store_url, there[_STORE])
        records.check_at_rest()
        copy.check_at_rest()
        wanted = Copy(records.identity(), tuple(redacted(url(target)) for url in _PARTS.values()))
        standing = copy.standing(wanted)
        await _make_tables(source)
        await _make_tables(target)
        kept = tuple(name for name, url in _PARTS.items() if url(source) == url(target))
        form = partial(checkpoint_shelves, keyring=keyring, by_content=standing is Standing.WHOLE)
        streams = None if _STREAMS in kept else await _streams(stack, (source, here), (target, there))
        pairs = _pairs(here, there, records, copy, form, streams, kept)
        try:
            if standing is Standing.EMPTY:
                await _check_empty(pairs)
                copy.begin_copy(wanted)
            written = None if standing is Standing.WHOLE else await _fill(pairs, records, copy, tell)
            return await _compared(pairs, records, copy, wanted, kept, written)
        except DBAPIError as exc:
            raise UnavailableError(f"the copy was cut off, and the same command goes on with it: {exc.orig}") from exc


async def _check_empty(pairs: _Pairs) -> None:
    """What lies there, and not in the source, would be removed."""
    for _, target in pairs.shelves:
        if await asyncio.to_thread(target.page, None):
            raise ConfigError(f"the target has {target.name} already, of something else: name an empty place")


async def _fill(pairs: _Pairs, records: RecordsPlace, copy: RecordsPlace, tell: Tell) -> int:
    written = 0
    for source, target in pairs.shelves:
        written += await make_equal(source, target, tell)
    copy.go_on_after(records.numbers())
    if pairs.streams is not None:
        here, there = pairs.streams
        await asyncio.to_thread(lambda: there.go_on_after(here.last_number()))
    return written


async def _compared(
    pairs: _Pairs, records: RecordsPlace, copy: RecordsPlace, wanted: Copy, kept: tuple[str, ...], written: int | None
) -> CopyReport:
    """`written`: `None` where the copy was complete before."""
    tables = tuple([await compare(source, target) for source, target in pairs.shelves])
    only_compared = written is None
    report = CopyReport(
        installation=wanted.identity, written=written or 0, kept=kept, tables=tables, only_compared=only_compared
    )
    records.check_at_rest()  # who has come meanwhile has perhaps not written yet
    if not only_compared and report.equal:
        copy.end_copy(wanted)
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
            copied = (*COPIED, *(REDIS if name == _STREAMS else ()))
            if url(source) != url(target) and kind_of(url(settings)) not in copied:
                raise ConfigError(
                    f"{name}: {redacted(url(settings))} cannot be copied from or to; {' and '.join(copied)} can"
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


def _engines(stack: AsyncExitStack, settings: Settings) -> dict[str, Engine]:
    """Of all parts that are in a database."""
    urls = {name: url(settings) for name, url in _PARTS.items()}
    return {name: stack.enter_context(engine_at(name, url)) for name, url in urls.items() if kind_of(url) in COPIED}


async def _streams(
    stack: AsyncExitStack, *places: tuple[Settings, Mapping[str, Engine]]
) -> tuple[StreamsPlace, StreamsPlace]:
    here, there = [streams_at(settings.bridge_url, engines.get(_STREAMS)) for settings, engines in places]
    return await stack.enter_async_context(here), await stack.enter_async_context(there)


def _pairs(
    here: Mapping[str, Engine],
    there: Mapping[str, Engine],
    records: RecordsPlace,
    copy: RecordsPlace,
    checkpoints: Callable[[Engine, Engine], Sequence[Shelf]],
    streams: tuple[StreamsPlace, StreamsPlace] | None,
    kept: Sequence[str],
) -> _Pairs:
    """What has the same place in both stays as it is."""
    found = _zipped(records.shelves(), copy.shelves())
    if _CHECKPOINTS not in kept:
        one, other = here[_CHECKPOINTS], there[_CHECKPOINTS]
        found += _zipped(checkpoints(one, other), checkpoints(other, one))
    if streams is not None:
        one, other = streams
        found += _zipped(one.shelves(other), other.shelves(one))
    if _ITEMS not in kept:
        one, other = here[_ITEMS], there[_ITEMS]
        found += _zipped(item_shelves(one, other), item_shelves(other, one))
    return _Pairs(found, streams)


def _zipped(ours: Sequence[Shelf], theirs: Sequence[Shelf]) -> list[tuple[Shelf, Shelf]]:
    return [*zip(ours, theirs, strict=True)]
