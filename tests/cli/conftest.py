"""The command line as its users have it: the installed script in a process of its own, a real server and worker."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from support.forks import program
from support.servers import until
from temporalio.client import Client

import perdure
from perdure import RunsFacade, Settings
from perdure.contracts.settings import TemporalSettings
from perdure.runtime.pollers import workers_polling

SCRIPT = Path(sys.executable).with_name("perdure")
LIMIT = 60.0
NAMES = ("count", "fail", "hang", "ask", "talk", "collector")


@dataclass(frozen=True)
class Ended:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def document(self) -> Any:
        """The one JSON document on stdout."""
        return json.loads(self.out)

    @property
    def events(self) -> list[dict[str, Any]]:
        """The JSON lines on stdout."""
        return [json.loads(line) for line in self.out.splitlines()]

    @property
    def failure(self) -> dict[str, str]:
        """The error on stderr, which must be its only line."""
        return json.loads(self.err)["error"]


class CommandLine:
    """`perdure` with the environment of one home. At most two at a time: so many cores there are."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        self.environment = dict(environment)
        self.folder = folder
        self._started: list[asyncio.subprocess.Process] = []
        self._slots = asyncio.Semaphore(2)

    def having(self, **variables: str) -> CommandLine:
        """The same with other environment variables."""
        other = CommandLine(self.environment | variables, self.folder)
        other._started = self._started
        return other

    async def start(self, *arguments: str, **options: Any) -> asyncio.subprocess.Process:
        """The installed script, in a fresh interpreter."""
        pipes: dict[str, Any] = dict.fromkeys(("stdin", "stdout", "stderr"), asyncio.subprocess.PIPE)
        process = await asyncio.create_subprocess_exec(
            SCRIPT,
            *arguments,
            env=self.environment,
            cwd=self.folder,
            # A test run in the background of a shell ignores Ctrl-C, and so would its children.
            preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
            **(pipes | options),
        )
        self._started.append(process)
        return process

    async def stop(self) -> None:
        """End what a test that failed has left, which ends its own processes then."""
        for process in self._started:
            if process.returncode is None:
                process.terminate()
                await process.communicate()

    async def __call__(self, *arguments: str, stdin: bytes = b"") -> Ended:
        """What is about a command's words and its exit code needs no fresh interpreter, which costs a second."""
        async with self._slots:
            process = await program("perdure", *arguments, env=self.environment, cwd=self.folder, stdin=stdin)
            async with asyncio.timeout(LIMIT):
                out, err = await process.communicate()
                return Ended(await process.wait(), out.decode(), err.decode())

    async def all(self, commands: Mapping[str, Sequence[str]]) -> dict[str, Ended]:
        """Each of the commands, by name."""
        return dict(zip(commands, await asyncio.gather(*(self(*words) for words in commands.values())), strict=True))


def write_graphs(folder: Path) -> Path:
    """A langgraph.json with the test's graphs."""
    file = folder / "langgraph.json"
    graphs = {name: f"{Path(__file__).with_name('graphs.py')}:{name}" for name in NAMES}
    file.write_text(json.dumps({"graphs": graphs}))
    return file


def environment(home: Path, **variables: str) -> dict[str, str]:
    """Of a process whose files are all in `home`."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("PERDURE_", "TEMPORAL_"))}
    ours = {"PERDURE_HOME": str(home), "PERDURE_GRAPHS": str(write_graphs(home)), "PYTHONUNBUFFERED": "1"}
    return kept | ours | {"TEMPORAL_CONFIG_FILE": os.devnull} | variables


@pytest.fixture(scope="session")
async def lonely(temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[CommandLine]:
    """The command line with a server, and no worker."""
    home = tmp_path_factory.mktemp("cli")
    command = CommandLine(
        environment(home, PERDURE_TEMPORAL__ADDRESS=temporal, PERDURE_TEMPORAL__TASK_QUEUE=f"cli-{home.name}"), home
    )
    yield command
    await command.stop()


@pytest.fixture(scope="session")
async def cli(lonely: CommandLine, temporal: str) -> AsyncIterator[CommandLine]:
    """The command line with a server and a worker, which is `perdure worker` itself."""
    out, err = lonely.folder / "worker.out", lonely.folder / "worker.err"
    with out.open("wb") as stdout, err.open("wb") as stderr:
        worker = await lonely.start("worker", "--json", stdout=stdout, stderr=stderr)
    await until(lambda: "serving" in err.read_text() or worker.returncode is not None, LIMIT)
    assert worker.returncode is None, err.read_text()
    client = await Client.connect(temporal)
    await until(lambda: workers_polling(client, lonely.environment["PERDURE_TEMPORAL__TASK_QUEUE"]))
    yield lonely
    worker.terminate()
    assert await worker.wait() == 0, err.read_text()


@pytest.fixture
async def facade(cli: CommandLine, temporal: str) -> AsyncIterator[RunsFacade]:
    """What Python sees of the same runs: quicker than another process."""
    queue = cli.environment["PERDURE_TEMPORAL__TASK_QUEUE"]
    settings = Settings(home=cli.folder, temporal=TemporalSettings(address=temporal, task_queue=queue))
    async with perdure.connect(settings=settings) as runs:
        yield runs
