"""Where the stories of `scenarios.py` are played: a worker in this process, and everything a story needs."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from typing import Any

from langgraph.graph import START, StateGraph
from support.graphs import Shelf, asking, counting, failing
from support.servers import until
from temporalio.client import Client, WorkflowExecutionStatus, WorkflowHandle, WorkflowHistory
from temporalio.plugin import SimplePlugin
from temporalio.worker import Replayer, WorkerConfig

from perdure import ObserverBinding, RunLifecycleEvent, RunScope, RunsFacade, RunSpec, Settings, Worker
from perdure.contracts.wire import notify_workflow_id, run_workflow_id, thread_workflow_id
from perdure.runtime.connection import connect_temporal

from .commands import kind

SLOTS = 2
"""Activities at a time."""


class Gate:
    """A graph whose first node stays in it until the gate is opened; cancelled, until it is closed."""

    def __init__(self) -> None:
        self.entered = asyncio.Event()
        self.open = asyncio.Event()
        self.inside = 0
        self.closed = asyncio.Event()
        self.closed.set()

    def graph(self) -> StateGraph[Shelf]:
        async def wait(state: Shelf) -> dict[str, Any]:
            self.entered.set()
            self.inside += 1
            try:
                await self.open.wait()
            finally:
                await self.closed.wait()
            return {"log": ["through"]}

        graph = StateGraph(Shelf)
        graph.add_node("wait", wait)
        graph.add_node("after", lambda state: {"log": ["after"]})
        graph.add_edge(START, "wait")
        graph.add_edge("wait", "after")
        return graph


class Listener:
    """A required observer. When it is told to, it does not take the end of a run at first, and then waits at a gate."""

    def __init__(self) -> None:
        self.refuses = False
        self.entered = asyncio.Event()
        self.gate = asyncio.Event()

    async def on_event(self, event: RunLifecycleEvent) -> None:
        if not self.refuses or event.event_type != "run_completed":
            return
        if not self.entered.is_set():
            self.entered.set()
            raise ValueError("not now")
        await self.gate.wait()


class Stage:
    """A facade, a client, and graphs that do what a story wants."""

    def __init__(self, settings: Settings, runs: RunsFacade, client: Client, registered: Registered) -> None:
        self.runs = runs
        self.registered = registered
        self.gate = Gate()
        self.listener = Listener()
        self.client = client
        self.name = settings.temporal.task_queue

    def spec(self, graph: str, name: str = "first", **fields: Any) -> RunSpec:
        """A run of a graph on the thread of this story, with a name for its id."""
        scope = fields.pop("scope", RunScope(thread_id=self.name))
        return RunSpec(assistant_id=graph, scope=scope, run_id=f"{name}-{self.name}", **fields)

    def run(self, name: str = "first") -> WorkflowHandle[Any, Any]:
        """The workflow of a run."""
        return self.client.get_workflow_handle(run_workflow_id(f"{name}-{self.name}"))

    def notifying(self, name: str = "first") -> WorkflowHandle[Any, Any]:
        """The workflow that tells observers of a run."""
        return self.client.get_workflow_handle(notify_workflow_id(f"{name}-{self.name}"))

    @property
    def thread(self) -> WorkflowHandle[Any, Any]:
        """The workflow of the thread, in its newest execution."""
        return self.client.get_workflow_handle(thread_workflow_id(self.name))

    async def seen(self, workflow: WorkflowHandle[Any, Any], event: str, times: int = 1) -> None:
        """Wait until the workflow's history has the event so many times."""

        async def there() -> bool:
            history = await workflow.fetch_history()
            return Counter(kind(one) for one in history.events)[event] >= times

        await until(there)


class Registered(SimplePlugin):
    """Sees what the worker registers, so that a replay has the same workflows, runner and data converter."""

    def __init__(self) -> None:
        super().__init__("registered")
        self._worker: WorkerConfig = {}

    def configure_worker(self, config: WorkerConfig) -> WorkerConfig:
        if config.get("workflows"):  # not one for activities only
            self._worker = config
        return super().configure_worker(config)

    def replayer(self) -> Replayer:
        """Replays histories as the worker would."""
        client = self._worker.get("client")
        runner = self._worker.get("workflow_runner")
        assert client is not None
        assert runner is not None
        return Replayer(
            workflows=self._worker.get("workflows", ()), workflow_runner=runner, data_converter=client.data_converter
        )


@asynccontextmanager
async def serving(settings: Settings, runs: RunsFacade) -> AsyncGenerator[Stage]:
    """A stage whose worker serves the graphs of the stories."""
    registered = Registered()
    config = (await connect_temporal(settings)).config()
    config["plugins"] = [registered]
    stage = Stage(settings, runs, Client(**config), registered)
    graphs = {
        "counting": counting(),
        "routed": counting(),
        "gated": stage.gate.graph(),
        "asking": asking("name?"),
        "failing": failing(ValueError("no luck")),
        "failing-twice": failing(ValueError("no luck"), times=2),
    }
    listener = ObserverBinding(stage.listener, required=True, name="listener")
    async with Worker(graphs=graphs, settings=settings, client=stage.client, observers=[listener]):
        yield stage


async def complete(workflow: WorkflowHandle[Any, Any]) -> WorkflowHistory:
    """The history of a workflow that has ended, or of a thread with no decision under way."""

    async def settled() -> bool:
        last = kind((await workflow.fetch_history()).events[-1])
        closed = (await workflow.describe()).status is not WorkflowExecutionStatus.RUNNING
        return (
            closed
            if not workflow.id.startswith("thread-")
            else last not in ("WorkflowTaskScheduled", "WorkflowTaskStarted")
        )

    await until(settled)
    return await workflow.fetch_history()
