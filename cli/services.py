"""The commands that serve: `dev`, `worker`, `serve` and `server`."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Coroutine, Sequence
from dataclasses import asdict
from functools import partial
from typing import Any, NoReturn

from ..runtime import Worker
from ..runtime.dev_server import DevServer, exec_server
from ..runtime.doctor import declared_graphs
from ..runtime.garbage import settle
from ..runtime.reloader import Reload
from ..runtime.routing import routing_of
from ..runtime.target import temporal_target
from . import api
from .exit_codes import ExitCode
from .logs import as_json
from .session import Session
from .stopping import stopped_by_signals


async def worker(session: Session, queues: Sequence[str]) -> ExitCode:
    """`perdure worker`; `queues`: the task queues that it is to serve, as far as it is told so."""
    _log_as_wanted(session)
    with stopped_by_signals(session.output) as stopping:
        worker = Worker(settings=session.settings, queues=queues)
        _tell_worker(session, temporal_target(session.settings).address, queues)
        stopping.then(worker.stop)
        await worker.run(once_loaded=settle)
    _tell(session, "stopped", "worker stopped; its runs go on in other workers, or when one starts")
    return ExitCode.OK


async def serve(session: Session, host: str | None, port: int | None) -> ExitCode:
    """`perdure serve`."""
    _log_as_wanted(session)
    with stopped_by_signals(session.output) as stopping:
        async with session.connect() as runs, api.listening(session, runs, host, port) as gateway:
            stopping.then(gateway.stop)
            await gateway.wait()
    _tell(session, "stopped", "gateway stopped; clients that follow runs go on at another one")
    return ExitCode.OK


async def dev(session: Session, api_port: int | None) -> ExitCode:
    """`perdure dev`."""
    _log_as_wanted(session)
    server = DevServer(session.settings)
    with stopped_by_signals(session.output, server) as stopping:
        async with server:
            for note in server.notes:
                session.output.note(note)
            _tell_server(session, server)
            queues = [session.settings.temporal.task_queue, *session.settings.task_queues]
            names = _tell_worker(session, server.address, queues)
            session.output.note(f"try       {session.hint('run', names[0])}")
            _warn_of_elsewhere(session, server.address)
            tell = partial(_tell_reload, session)
            client = await server.connect()
            worker = Worker(settings=session.settings, client=client, on_reload=tell, queues=queues)
            stopping.then(worker.stop)
            async with api.beside(session, client, api_port):
                await _serve(worker, server.wait())
    _tell(session, "stopped", "stopped: worker and server")
    return ExitCode.OK


async def server(session: Session) -> NoReturn:
    """`perdure server`: from here on this process is Temporal's."""
    _tell_server(session, DevServer(session.settings))
    if session.output.as_json:
        os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # what Temporal prints is no JSON
    await exec_server(session.settings)


def _log_as_wanted(session: Session) -> None:
    if session.settings.logs.format == "json":
        as_json()


async def _serve(worker: Worker, server_ended: Coroutine[Any, Any, None]) -> None:
    """Serve until the worker is stopped. A server that ends by itself ends the worker, too, and is the error."""
    serving = asyncio.create_task(worker.run(once_loaded=settle))
    watching = asyncio.create_task(server_ended)
    try:
        await asyncio.wait({serving, watching}, return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            serving.cancel()
            await asyncio.wait({serving})
            watching.result()
        serving.result()
    finally:
        watching.cancel()
        if not serving.done():
            worker.stop()
            await asyncio.wait({serving})


def _tell_server(session: Session, server: DevServer) -> None:
    home = session.settings.home
    ui = [f"UI        {server.ui_url}"] if server.ui_url else []
    lines = [f"Temporal  {server.address}", *ui, f"files     {home}"]
    _tell(session, "server", "\n".join(lines), address=server.address, ui=server.ui_url, home=str(home))


def _tell_worker(session: Session, address: str, queues: Sequence[str]) -> list[str]:
    """Say what the worker is going to serve; the names of its graphs, in the order of their file."""
    settings = session.settings
    routing = routing_of(settings, queues)
    names = [*routing.of(declared_graphs(settings.graphs))]
    text = f"worker    {', '.join(names)} (task queue {', '.join(map(repr, routing.polled))} of {address})"
    _tell(session, "worker", text, graphs=names, task_queue=", ".join(routing.polled), address=address)
    return names


def _tell_reload(session: Session, reload: Reload) -> None:
    changed = ", ".join(reload.changed)
    if reload.error is not None:
        text = f"not reloaded: {reload.error}; the old code goes on ({changed} changed)"
    else:
        runs = f"; in flight, on with the new code: {', '.join(reload.runs)}" if reload.runs else ""
        text = f"reloaded: {changed} ({', '.join(reload.graphs)}){runs}"
    details = asdict(reload) if reload.error is None else {"changed": reload.changed, "error": reload.error}
    _tell(session, "reloaded" if reload.error is None else "not_reloaded", text, **details)


def _warn_of_elsewhere(session: Session, address: str) -> None:
    clients = temporal_target(session.settings).address
    if clients != address:
        session.output.note(f"warning: the settings (or TEMPORAL_ADDRESS) send other commands to {clients}, not here")


def _tell(session: Session, event: str, text: str, **details: Any) -> None:
    session.output.result({"event": event, **details}, text)
