"""The installation that the faults hit: a Temporal server, workers and clients, each a process of its own."""

from __future__ import annotations

import asyncio
import os
import signal
from collections.abc import AsyncGenerator, Mapping, Sequence
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path

from support.back_ends import POSTGRES_AND_REDIS, SQLITE, on_postgres
from support.forks import Forked
from support.postgres import PostgresServer, started_postgres
from support.redis_servers import RedisServer, any_server
from support.servers import local_settings, until
from support.workers import WorkerProcess, environment

import perdure
from perdure import RunsFacade, Settings, TemporalUnreachableError
from perdure.contracts.settings import RunSettings, WorkerSettings
from perdure.runtime.dev_server import DevServer
from perdure.runtime.pollers import workers_polling

from .client import JOB
from .wild import NAME, WildRun

BackEndServers = tuple[PostgresServer | None, RedisServer | None]
GRAPHS = {NAME: "wild.py:make", "lane": "lane.py:graph"}


class Stage:
    """Made by `stage`. What a fault has broken it repairs itself, or `heal` does."""

    def __init__(
        self,
        settings: Settings,
        runs: RunsFacade,
        workers: int,
        back_ends: BackEndServers,
    ) -> None:
        self.settings = settings
        self.postgres, self.redis = back_ends
        self.runs = runs
        self.server = DevServer(settings)
        self._count = workers
        self.workers: list[WorkerProcess] = []

    async def start(self) -> None:
        await self.server.start()
        self.workers = [WorkerProcess(self.settings, GRAPHS) for _ in range(self._count)]
        client = await self.server.connect()
        await until(lambda: workers_polling(client, self.settings.temporal.task_queue))

    async def stop(self) -> None:
        for worker in self.workers:
            worker.kill()
        await self.server.stop(limit=0)

    async def kill_server(self) -> None:
        """`kill -9`. `start_server` goes on with the same database."""
        with suppress(ProcessLookupError):
            if self.server.pid is not None:
                os.kill(self.server.pid, signal.SIGKILL)
        await self.server.stop(limit=0)

    async def start_server(self) -> None:
        self.server = DevServer(self.settings)
        await self.server.start()

    async def heal(self) -> list[str]:
        """Start again what has ended. Nobody ended it on purpose, which is what it tells."""
        found: list[str] = []
        try:
            await self.server.connect()
        except TemporalUnreachableError as exc:
            found.append(f"the server has gone: {exc}")
            await self.kill_server()
            await self.start_server()
        for worker in (worker for worker in self.workers if worker.ended):
            found.append(f"a worker has ended by itself (see {worker.log})")
            worker.start()
        return found


@asynccontextmanager
async def stage(
    folder: Path, *, workers: int = 3, heartbeat_timeout: float = 2.0, back_ends: str = SQLITE
) -> AsyncGenerator[Stage]:
    """An installation in a folder, running until the block ends. `heartbeat_timeout`: seconds."""
    settings = local_settings(folder / "home").model_copy(
        update={
            "runs": RunSettings(heartbeat_timeout=heartbeat_timeout),
            "worker": WorkerSettings(graceful_shutdown=10.0, sticky_timeout=1.0),
        }
    )
    async with AsyncExitStack() as stack:
        postgres, redis = servers = await asyncio.to_thread(_servers, stack, back_ends, folder)
        if postgres is not None:
            settings = on_postgres(settings, postgres.url(), redis and redis.url)
        runs = await stack.enter_async_context(perdure.connect(settings=settings))
        opened = Stage(settings, runs, workers, servers)
        stack.push_async_callback(opened.stop)
        await opened.start()
        yield opened


def _servers(stack: AsyncExitStack, back_ends: str, folder: Path) -> BackEndServers:
    """Of this installation alone, for they are killed."""
    postgres = None if back_ends == SQLITE else stack.enter_context(started_postgres())
    redis = stack.enter_context(any_server(folder / "redis")) if back_ends == POSTGRES_AND_REDIS else None
    return postgres, redis


class Processes:
    """Python programs with a job each, over the installation. They may be killed and started again."""

    def __init__(
        self, stage: Stage, module: str, jobs: Sequence[Path], log: Path, variables: Mapping[str, str] | None = None
    ) -> None:
        self._module = module
        self._jobs = jobs
        self._environment = {**environment(stage.settings, GRAPHS), **(variables or {})}
        self._processes: list[Forked] = []
        self.log = log

    async def start(self) -> None:
        with self.log.open("ab") as log:
            for job in self._jobs:
                self._processes.append(
                    Forked(["-m", self._module, job], env=self._environment, output=log.fileno(), errors=log.fileno())
                )

    async def kill(self) -> None:
        """`kill -9`, all at once. `start` goes on."""
        processes, self._processes = self._processes, []
        for process in processes:
            process.kill()
        for process in processes:
            process.wait()

    async def wait(self, timeout: float) -> bool:
        """Whether all have ended by themselves within so many seconds."""
        with suppress(AssertionError):
            await until(lambda: all(process.returncode is not None for process in self._processes), timeout)
            return True
        return False


class Clients(Processes):
    """Clients, each with its share of the runs."""

    def __init__(self, stage: Stage, runs: Sequence[WildRun], *, slice_budget: float, processes: int = 2) -> None:
        self.runs = runs
        jobs = [_job(runs[number::processes], number) for number in range(processes)]
        budget = {"PERDURE_RUNS__SLICE_BUDGET": str(slice_budget)}
        super().__init__(stage, "chaos.client", jobs, runs[0].folder / "clients.log", budget)

    def size(self) -> int:
        """Bytes in the journals: a clock that goes with what the runs do."""
        return sum(run.journal.stat().st_size for run in self.runs if run.journal.exists())


def _job(runs: Sequence[WildRun], number: int) -> Path:
    file = runs[0].folder / f"{number}.job"
    file.write_bytes(JOB.dump_json(list(runs)))
    return file
