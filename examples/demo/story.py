"""What happens in the demo.

A research agent works on a thread, and its worker is killed in the middle of a superstep. Another worker goes on, and
so does the stream. A second run is cancelled with Temporal's own command line.
"""

from __future__ import annotations

import asyncio
import os
import shlex
import sysconfig
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from uuid import uuid4

from temporalio.api.workflowservice.v1 import DescribeNamespaceRequest
from temporalio.client import Client
from temporalio.service import RPCError

import perdure
from examples.demo.evidence import Evidence, gather
from examples.demo.facts import Facts
from examples.demo.place import HEARTBEAT_TIMEOUT, Place
from examples.demo.processes import DemoError, Process, Processes
from examples.demo.screen import Screen
from perdure import RunRecord, RunScope, RunsFacade, RunSpec, StreamEvent
from perdure.runtime.temporal_cli import find_temporal_cli

QUESTION = (
    "What happens to the finished steps of a run when its worker crashes, and to a worker that wakes up too late?"
)
OTHER_QUESTION = "How does a client follow a stream again after it was disconnected?"
TOKEN_DELAY = "0.07"
"""Seconds between two words of the scripted model: slow enough to read along."""

KILL_AFTER_STEPS = 5
KILL_AFTER_TOKENS = 4
"""Of the next superstep, so that the kill cuts it in the middle."""
CANCEL_AFTER_EVENTS = 25

START_LIMIT = 60.0
EVENT_LIMIT = 120.0
LOOK_LIMIT = 30.0
"""Seconds. No wait of the demo is without a limit."""


class Story:
    """The demo, told once."""

    def __init__(self, screen: Screen, processes: Processes, place: Place) -> None:
        self._screen = screen
        self._processes = processes
        self._place = place
        self._workers: list[Process] = []

    async def tell(self) -> tuple[Evidence, Evidence]:
        """The run whose worker is killed, and the one that is cancelled. Raises `DemoError` or a `PerdureError`."""
        client = await self._start_server()
        self._start_worker()
        async with perdure.connect(config=self._place.config) as runs:
            survived = await self._look(runs, client, *await self._kill(runs))
            return survived, await self._look(runs, client, *await self._cancel(runs))

    async def _start_server(self) -> Client:
        self._screen.heading("1 · Temporal's development server and a worker, each a process of its own")
        for note in self._place.notes:
            self._screen.say(f"note      {note}")
        server = self._start("server")
        client = await self._processes.within(START_LIMIT, "the server's answer", _connected(self._place.address))
        self._screen.say(f"server    process {server.pid}, {self._place.address}, UI {self._place.ui}")
        return client

    def _start_worker(self) -> None:
        os.environ.setdefault("RESEARCH_TOKEN_DELAY", TOKEN_DELAY)
        number = len(self._workers) + 1
        self._workers.append(self._start("worker", f"worker-{number}"))
        self._screen.say(f"worker {number}  process {self._workers[-1].pid}, is up in some seconds")

    def _start(self, command: str, name: str | None = None) -> Process:
        program = str(Path(sysconfig.get_path("scripts")) / "perdure")
        log = self._place.home / f"{name or command}.log"
        return self._processes.start(name or command, [program, command, "--config", str(self._place.config)], log=log)

    # The first run.

    async def _kill(self, runs: RunsFacade) -> tuple[RunRecord, Facts]:
        self._screen.heading("2 · a run of the research agent, whose worker is killed")
        record, stream = await self._create(runs, QUESTION)
        facts = Facts()
        async for event in self._processes.watched(stream, limit=EVENT_LIMIT, what="the run's next event"):
            facts.see(event)
            self._screen.show(event)
            if facts.disturbed_at is None:
                if len(facts.done) >= KILL_AFTER_STEPS and facts.tokens >= KILL_AFTER_TOKENS:
                    self._kill_worker(facts)
            elif event.event == "metadata":
                self._tell_resumed(facts)
        if facts.disturbed_at is None:
            raise DemoError(f"the run was over before its worker could be killed ({facts.ending})")
        return record, facts

    def _kill_worker(self, facts: Facts) -> None:
        facts.disturbed_at = datetime.now(UTC)
        worker, done = self._workers[-1], len(facts.done)
        worker.kill()
        self._screen.shout(f"SIGKILL for {worker.name} (process {worker.pid}) in the middle of superstep {done + 1}")
        self._screen.say(f"{done} supersteps are done; the stream stays open, in the same `async for`")
        self._start_worker()
        self._screen.say(f"Temporal gives a silent worker up after {HEARTBEAT_TIMEOUT:g} s (heartbeat_timeout) …")

    def _tell_resumed(self, facts: Facts) -> None:
        self._screen.say(
            f"attempt {facts.attempts[-1]}: superstep {len(facts.done) + 1} begins again; "
            f"its {facts.void} tokens above are void\n",
            "bold green",
        )

    # The second run.

    async def _cancel(self, runs: RunsFacade) -> tuple[RunRecord, Facts]:
        self._screen.heading("3 · a run that is cancelled from Temporal's own command line")
        record, stream = await self._create(runs, OTHER_QUESTION)
        command = await self._signal_command(record.run_id)
        facts, signalling = Facts(), None
        async for event in self._processes.watched(stream, limit=EVENT_LIMIT, what="the run's next event"):
            facts.see(event)
            self._screen.show(event)
            if len(facts.events) == CANCEL_AFTER_EVENTS:
                self._screen.say(f"\n$ {shlex.join(['temporal', *command[1:]])}", "bold yellow")
                facts.disturbed_at = datetime.now(UTC)
                signalling = asyncio.create_task(_call(command))
        if signalling is None:
            raise DemoError(f"the run was over before it could be cancelled ({facts.ending})")
        self._screen.say(await self._processes.within(LOOK_LIMIT, "the end of the temporal command", signalling))
        return record, facts

    async def _signal_command(self, run_id: str) -> list[str]:
        cli = await find_temporal_cli(self._place.home)
        signal = ["workflow", "signal", "--workflow-id", f"run-{run_id}", "--name", "cancel"]
        return [str(cli), *signal, "--input", '{"action": "interrupt"}', "--address", self._place.address]

    # Both.

    async def _create(self, runs: RunsFacade, question: str) -> tuple[RunRecord, AsyncIterator[StreamEvent]]:
        self._screen.say(f"question  {question}")
        spec = RunSpec(
            assistant_id="research",
            scope=RunScope(thread_id=f"demo-{uuid4()}"),
            input={"messages": [("user", question)]},
            stream_modes=("messages", "updates", "checkpoints"),
        )
        creating = runs.create_and_stream(spec)
        record, stream = await self._processes.within(START_LIMIT, "a worker to take the run", creating)
        self._screen.say(f"run       {record.run_id} on thread {record.thread_id}\n")
        return record, stream

    async def _look(self, runs: RunsFacade, client: Client, record: RunRecord, facts: Facts) -> Evidence:
        look = gather(runs, client, record.run_id, facts, checkpoints=self._place.home / "checkpoints.db")
        return await self._processes.within(LOOK_LIMIT, "what is known of the run", look)


async def _connected(address: str) -> Client:
    """A client, as soon as the server answers."""
    while True:
        try:
            client = await Client.connect(address)
            await client.workflow_service.describe_namespace(DescribeNamespaceRequest(namespace=client.namespace))
            return client
        except (RuntimeError, RPCError):  # it is not up yet
            await asyncio.sleep(0.1)


async def _call(command: list[str]) -> str:
    """What the command says. Raises `DemoError` when it fails."""
    process = await asyncio.create_subprocess_exec(
        *command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    text = output.decode(errors="replace").strip()
    if process.returncode != 0:
        raise DemoError(f"{shlex.join(command)} ended with status {process.returncode}: {text}")
    return text
