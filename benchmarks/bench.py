"""`make bench`: what a run costs, beside bare LangGraph on the same kind of saver, in one run on this machine.

The server, a worker and this client are processes of their own, as in use. Figures depend on the machine and on
what else it does: compare the ratios.
"""

from __future__ import annotations

import asyncio
import socket
import statistics
import sys
import tempfile
import time
import uuid
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from graphs import graph
from langgraph.checkpoint.sqlite.aio import AsyncSqliteSaver
from rich.console import Console
from rich.table import Table

import perdure
from perdure import RunScope, RunsFacade, RunSpec, Settings
from perdure.contracts.settings import ServerSettings
from perdure.runtime.dev_server import DevServer
from perdure.runtime.temporal_cli import find_temporal_cli

HERE = Path(__file__).parent
Row = tuple[str, list[float]]


def main() -> None:
    rounds = 10 if "--quick" in sys.argv else 40
    with tempfile.TemporaryDirectory() as folder:
        rows = asyncio.run(measure(Path(folder), rounds))
    table = Table("what", "median ms", "p99 ms", "n")
    for name, seconds in rows:
        ordered = sorted(seconds)
        p99 = ordered[min(len(ordered) - 1, round(len(ordered) * 0.99))]
        table.add_row(name, f"{statistics.median(seconds) * 1000:.1f}", f"{p99 * 1000:.1f}", str(len(seconds)))
    console = Console()
    console.print(table)
    bare, ours = (statistics.median(dict(rows)[name]) for name in ("100 fast supersteps, bare", "100 fast supersteps"))
    console.print(f"100 fast supersteps take {ours / bare:.2f} times what bare LangGraph takes.")


async def measure(home: Path, rounds: int) -> list[Row]:
    settings = Settings(home=home, graphs=HERE / "langgraph.json", server=ServerSettings(port=free_port(), ui=False))
    async with DevServer(settings), worker(settings), perdure.connect(settings=settings) as runs:
        await a_run(runs, 1)  # the first one waits for the worker to start
        used = str(uuid.uuid4())
        rows = [
            ("submission acknowledged", await repeated(rounds, lambda: acknowledged(runs))),
            ("first event, new thread", await repeated(rounds, lambda: first_event(runs))),
            ("first event, thread in use", await repeated(rounds, lambda: first_event(runs, used))),
            ("a run of one superstep", await repeated(rounds, lambda: a_run(runs, 1))),
            ("100 fast supersteps", await repeated(rounds // 4, lambda: a_run(runs, 100))),
            ("cancel by signal, to the terminal event", await repeated(rounds, lambda: cancel(runs, settings))),
        ]
    async with AsyncSqliteSaver.from_conn_string(str(home / "bare.db")) as saver:
        bare = graph.compile(checkpointer=saver)
        rows.append(("100 fast supersteps, bare", await repeated(rounds // 4, lambda: bare_run(bare))))
    return rows


async def repeated(rounds: int, measured: Callable[[], Awaitable[float]]) -> list[float]:
    await measured()  # warm
    return [await measured() for _ in range(rounds)]


def spec(steps: int, thread_id: str | None = None, delay: float = 0.0) -> RunSpec:
    scope = RunScope(thread_id=thread_id or str(uuid.uuid4()))
    return RunSpec(assistant_id="count", scope=scope, input={"total": 0, "steps": steps, "delay": delay})


async def acknowledged(runs: RunsFacade) -> float:
    began = time.perf_counter()
    record = await runs.create_background(spec(1))
    took = time.perf_counter() - began
    await runs.join_wait(record.run_id)
    return took


async def first_event(runs: RunsFacade, thread_id: str | None = None) -> float:
    began = time.perf_counter()
    _, stream = await runs.create_and_stream(spec(1, thread_id))
    await anext(stream)
    took = time.perf_counter() - began
    async for _ in stream:
        pass
    return took


async def a_run(runs: RunsFacade, steps: int) -> float:
    began = time.perf_counter()
    _, stream = await runs.create_and_stream(spec(steps))
    async for _ in stream:
        pass
    return time.perf_counter() - began


async def cancel(runs: RunsFacade, settings: Settings) -> float:
    """From the return of `temporal workflow signal` to the terminal event."""
    record, stream = await runs.create_and_stream(spec(100_000, delay=0.05))
    async for event in stream:
        if event.event == "values" and event.data["total"]:
            break
    cli = await find_temporal_cli(settings.home)
    arguments = ("workflow", "signal", "--workflow-id", f"run-{record.run_id}", "--name", "cancel")
    address = ("--address", f"127.0.0.1:{settings.server.port}")
    payload = ("--input", '{"action": "interrupt"}')
    process = await asyncio.create_subprocess_exec(
        cli, *arguments, *payload, *address, stdout=asyncio.subprocess.DEVNULL
    )
    ended = asyncio.create_task(_drain(stream))
    await process.wait()
    signalled = time.perf_counter()
    return max(0.0, await ended - signalled)


async def _drain(stream: AsyncIterator[Any]) -> float:
    async for _ in stream:
        pass
    return time.perf_counter()


async def bare_run(compiled: Any) -> float:
    began = time.perf_counter()
    config = {"configurable": {"thread_id": str(uuid.uuid4())}, "recursion_limit": 1000}
    async for _ in compiled.astream({"total": 0, "steps": 100, "delay": 0.0}, config, stream_mode="values"):
        pass
    return time.perf_counter() - began


@asynccontextmanager
async def worker(settings: Settings) -> AsyncGenerator[None]:
    config = settings.home / "bench.yaml"
    config.write_text(settings.model_dump_json())
    command = [Path(sys.executable).with_name("perdure"), "worker", "--config", config]
    with (settings.home / "worker.log").open("wb") as log:
        process = await asyncio.create_subprocess_exec(*command, stdout=log, stderr=log)
    try:
        yield
    finally:
        process.terminate()
        await process.wait()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


if __name__ == "__main__":
    main()
