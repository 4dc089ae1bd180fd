"""The reloader of `perdure dev`: graphs whose files have changed are loaded anew, and the runs in flight go over."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from traceback import extract_tb

from watchfiles import awatch  # pyright: ignore[reportUnknownVariableType]

from ..activities import GraphRegistry, LiveGraphs, LocalModules, load_graphs
from ..contracts.errors import PerdureError
from ..contracts.langgraph_json import LangGraphJson, read_langgraph_json
from ..contracts.serialization.text import message_of

logger = logging.getLogger(__name__)

_SETTLE = 0.1
"""Seconds without a change after which files are taken for written."""
_LOOK = 1000
"""Milliseconds after which files are looked at, too, if the system tells of no change: it does not on every disk."""


@dataclass(frozen=True, slots=True)
class Reload:
    """What became of a change."""

    changed: tuple[str, ...]
    """Files, relative to the folder of `langgraph.json`."""
    graphs: tuple[str, ...] = ()
    """What is served now."""
    runs: tuple[str, ...] = ()
    """Those that go on with the new code at their next superstep boundary."""
    error: str | None = None
    """Why the old code stays."""


_Digests = dict[Path, bytes | None]
"""Of files; `None` for one that is not there."""


@dataclass(frozen=True, slots=True)
class _Served:
    graphs: GraphRegistry
    live: LiveGraphs
    announce: Callable[[], Awaitable[None]]


class Reloader:
    """Made before the graphs are loaded, and told when they are. `tell` is told what became of a change.

    `part`: what of the file is served.
    """

    def __init__(
        self,
        path: Path,
        tell: Callable[[Reload], None],
        part: Callable[[LangGraphJson], LangGraphJson] = lambda project: project,
    ) -> None:
        self._path = path.absolute()
        self._tell = tell
        self._part = part
        self._modules = LocalModules()
        self._environment: frozenset[Path] = frozenset()
        self._seen: _Digests = {}
        self._suspects: frozenset[Path] = frozenset()
        """What else may mend a change that could not be loaded."""

    def loaded(self, config: LangGraphJson) -> None:
        """The graphs of this file have just been loaded: what is changed from now on is a change."""
        self._look_in(config)
        self._seen = _digests(self._files())

    @asynccontextmanager
    async def running(
        self, graphs: GraphRegistry, live: LiveGraphs, announce: Callable[[], Awaitable[None]]
    ) -> AsyncGenerator[None]:
        """Watch, within the block. `announce` is called when other graphs are served."""
        watching = asyncio.create_task(self._watch_safely(_Served(graphs, live, announce)))
        try:
            yield
        finally:
            watching.cancel()
            await asyncio.wait({watching})

    async def _watch_safely(self, served: _Served) -> None:
        try:
            await self.watch(served)
        except Exception:
            logger.exception("changed graphs are not reloaded any more; runs are not touched by this")

    async def watch(self, served: _Served) -> None:
        """Until it is cancelled."""
        await self._look(served)
        while True:
            folders = {file.parent for file in self._files()}
            there = [folder for folder in folders if folder.is_dir()]
            changes = awatch(*there, recursive=False, rust_timeout=_LOOK, yield_on_timeout=True)
            async for _ in changes:
                await self._look(served)
                if {file.parent for file in self._files()} != folders or not all(map(Path.is_dir, there)):
                    break
            await asyncio.sleep(_SETTLE)

    async def _look(self, served: _Served) -> None:
        if not self._changed(_digests(self._files())):
            return
        now = await self._settled()
        changed = self._changed(now)
        self._seen = now
        if not changed:
            return
        try:
            fresh = await self._load()
        except Exception as exc:  # noqa: BLE001 - whatever the user's code does, the old one goes on
            self._suspects = self._modules.tried | _files_of(exc) | {self._path}
            self._tell(Reload(self._names(changed), error=self._short(exc)))
        else:
            self._suspects = frozenset()
            await self._serve(fresh, served, changed)
        # A file that has come in by this change is seen as it is now; one that was known, as it was before.
        self._seen = _digests(self._files()) | {file: now[file] for file in self._files() & now.keys()}

    async def _load(self) -> GraphRegistry:
        config = self._part(read_langgraph_json(self._path))
        self._look_in(config)
        with self._modules.anew():
            return await load_graphs(config)

    def _look_in(self, config: LangGraphJson) -> None:
        self._modules.look_in(config)
        self._environment = frozenset({config.folder / config.env} if isinstance(config.env, str) else ())

    async def _serve(self, fresh: GraphRegistry, served: _Served, changed: list[Path]) -> None:
        graphs = served.graphs
        graphs.replace(fresh)
        runs = served.live.renew()
        self._tell(Reload(self._names(changed), tuple(graphs.names), tuple(runs)))
        try:
            if graphs.memory is not None:
                await graphs.memory.cache.aclear()  # what the old code has found is no result of the new one
            await served.announce()
        except Exception as exc:  # noqa: BLE001 - the new code is served; the next change announces it again
            logger.warning("the graphs are reloaded, but not announced: %s", message_of(exc))

    async def _settled(self) -> _Digests:
        """When nobody writes to them any more."""
        now = _digests(self._files())
        while True:
            await asyncio.sleep(_SETTLE)
            before, now = now, _digests(self._files())
            if before == now:
                return now

    def _files(self) -> frozenset[Path]:
        known = {self._path, *self._environment, *self._modules.files, *self._suspects}
        return frozenset(known | _beside(known) if self._suspects else known)

    def _changed(self, now: _Digests) -> list[Path]:
        return sorted(file for file in now.keys() | self._seen.keys() if now.get(file) != self._seen.get(file))

    def _names(self, files: list[Path]) -> tuple[str, ...]:
        return tuple(self._name(file) for file in files)

    def _name(self, file: Path) -> str:
        folder = self._path.parent.resolve()
        return str(file.relative_to(folder)) if file.is_relative_to(folder) else str(file)

    def _short(self, error: BaseException) -> str:
        """In a line: where in the project's files, and what."""
        cause = _deepest(error)
        if isinstance(cause, SyntaxError) and cause.filename:
            return f"{self._name(Path(cause.filename))}, line {cause.lineno}: {type(cause).__name__}: {cause.msg}"
        own = [frame for frame in extract_tb(cause.__traceback__) if self._modules.is_local(Path(frame.filename))]
        if not own:
            return message_of(error)
        return (
            f"{self._name(Path(own[-1].filename))}, line {own[-1].lineno}: {type(cause).__name__}: {message_of(cause)}"
        )


def _deepest(error: BaseException) -> BaseException:
    """What has raised in the user's code, of an error that tells of it."""
    while isinstance(error, PerdureError) and error.__cause__ is not None:
        error = error.__cause__
    return error


def _files_of(error: BaseException) -> frozenset[Path]:
    cause = _deepest(error)
    named = [cause.filename] if isinstance(cause, SyntaxError) else []
    return frozenset(Path(name) for name in named if name)


def _beside(files: Iterable[Path]) -> frozenset[Path]:
    """What an import misses may be made beside what is there."""
    return frozenset(path for folder in {file.parent for file in files} for path in folder.glob("*.py"))


def _digests(files: Iterable[Path]) -> _Digests:
    return {file: _digest(file) for file in files}


def _digest(file: Path) -> bytes | None:
    try:
        return blake2b(file.read_bytes()).digest()
    except OSError:
        return None
