"""Secrets wherever users' data can be, and where they are found again."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

import psycopg
from graphs.secrets import planted
from psycopg import sql

from perdure import RunScope, RunsFacade, RunSpec, RunStatus

GRAPH = Path(__file__).parents[1] / "graphs" / "secrets.py"
BY_THE_CLIENT = ("input", "configurable", "config-metadata", "context", "answer", "update")
BY_THE_GRAPH = {*re.findall(r'planted\("([a-z-]+)"\)', GRAPH.read_text())}
PLANTED = {*BY_THE_CLIENT, *BY_THE_GRAPH}


async def say_everything(runs: RunsFacade, thread: str = "") -> None:
    """Two runs of the graph `whole`, one of which fails. `thread`: begins the names of their threads."""
    config = {"configurable": {"token": planted("configurable")}, "metadata": {"note": planted("config-metadata")}}
    for name, fails in ((f"{thread}good", False), (f"{thread}bad", True)):
        spec = RunSpec(
            assistant_id="whole",
            scope=RunScope(thread_id=name),
            input={"messages": [], "given": planted("input"), "fails": fails},
            runnable_config=config,
            context={"key": planted("context")},
            stream_modes=("values", "messages", "custom", "updates", "tasks", "checkpoints", "debug"),
            stream_subgraphs=True,
        )
        record, asked = await runs.create_and_wait(spec)
        assert asked.interrupts[0].value == {"question": planted("question")}, asked
        await runs.resume(record.run_id, planted("answer"))
        result = await runs.join_wait(record.run_id)
        assert result.status is (RunStatus.ERROR if fails else RunStatus.SUCCESS)
        assert result.error is None or planted("error") in result.error.message
        assert result.values["kept"] == planted("state")
        await runs.update_state(name, {"given": planted("update")})
        state = await runs.get_state(name)
        assert state is not None
        assert state.values["given"] == planted("update")
        streamed = [event async for event in await runs.join_stream(record.run_id)]
        assert planted("token") in f"{streamed}"
        assert planted("tool-argument") in f"{await runs.list_events(record.run_id, limit=1000)}"


def found_in(folder: Path) -> dict[str, set[str]]:
    """What can be read in the raw bytes of a folder's files, and in which of them."""
    files = (file for file in folder.rglob("*") if file.is_file())
    return _found((file.name, file.read_bytes()) for file in files)


def found_in_postgres(url: str) -> dict[str, set[str]]:
    """The same of all columns of all tables of a database, as they are on the wire: in files they may be compressed."""
    with psycopg.connect(url) as connection:
        tables = connection.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        return _found((table, _copied(connection, table)) for (table,) in tables)


def _copied(connection: psycopg.Connection, table: str) -> bytes:
    with connection.cursor().copy(sql.SQL("COPY {} TO STDOUT (FORMAT binary)").format(sql.Identifier(table))) as rows:
        return b"".join(bytes(row) for row in rows)


def _found(places: Iterable[tuple[str, bytes]]) -> dict[str, set[str]]:
    found: dict[str, set[str]] = {}
    for name, data in places:
        for what in re.findall(rb"SECRET-([a-z-]+)-SECRET", data):
            found.setdefault(what.decode(), set()).add(name)
    return found
