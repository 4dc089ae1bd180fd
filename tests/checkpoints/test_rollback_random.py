"""Random runs on random graphs, some of them cut off, each put back or kept: the thread is always as before."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, cast

import pytest
from langgraph.errors import EmptyInputError, GraphRecursionError, InvalidUpdateError
from langgraph.graph import START, StateGraph
from langgraph.types import Command, Send, interrupt
from support.sampling import some

from perdure.checkpoints.conformance.graphs import State, line, said
from perdure.checkpoints.conformance.making import CompiledGraph, Hooks
from perdure.checkpoints.contract import Checkpoints

from .threads import Threads

KINDS = ("says", "says", "asks", "asks twice", "fails", "sends", "subgraph", "kept subgraph", "calls")
RUNS = 6

Layers = list[list[tuple[str, str]]]
"""Names and kinds of the nodes that run beside each other, one layer after the other."""


def random_layers(dice: random.Random) -> Layers:
    return [[(f"n{depth}{place}", dice.choice(KINDS)) for place in range(dice.randint(1, 3))] for depth in range(3)]


def node(name: str, kind: str) -> Any:
    """A node of a kind."""
    if kind in ("subgraph", "kept subgraph"):
        inner = line("a", "b", asks="b").compile(checkpointer=kind != "subgraph" or None)
        outer = line("c")
        outer.add_node("inner", inner)
        outer.add_edge("c", "inner")
        return outer.compile()
    called = line("a", "b", asks="a").compile()

    async def acts(state: State) -> Any:
        match kind:
            case "asks" | "asks twice":
                answers = [interrupt(f"{name} {number}") for number in range(1 + (kind == "asks twice"))]
                return said(f"{name} {answers}")
            case "fails" if state.get("last") == "fail":
                raise ValueError(name)
            case "sends":
                goto = [Send("worker", {"last": word}) for word in "xy"]
                return cast("Any", Command(update=said(name), goto=goto))
            case "calls":
                return said((await called.ainvoke({"log": []}))["last"])
            case _:
                return said(name)

    return acts


def random_graph(layers: Layers) -> CompiledGraph:
    builder = StateGraph(State)
    builder.add_node("worker", node("worker", "says"))
    before: list[str] = [START]
    for layer in layers:
        for name, kind in layer:
            builder.add_node(name, node(name, kind))
            builder.add_edge(before if len(before) > 1 else before[0], name)
        before = [name for name, _ in layer]
    return builder.compile()


class Scissors(Hooks):
    """Cancels a run when it is about to save something."""

    task: asyncio.Task[Any] | None = None
    left: int = -1

    def _snip(self) -> None:
        self.left -= 1
        if self.left == 0 and self.task is not None:
            self.task.cancel()

    async def before_writes(
        self, task_id: str, task_path: str, writes: Sequence[tuple[str, Any]], *, namespace: str
    ) -> None:
        self._snip()

    async def before_checkpoint(self, checkpoint_id: str, *, namespace: str) -> None:
        self._snip()


@dataclass
class Gambler:
    """Runs one thing or another on a thread."""

    threads: Threads
    layers: Layers
    dice: random.Random
    scissors: Scissors = field(default_factory=Scissors)

    async def run(self, run_id: str) -> None:
        """A run of one or two attempts, perhaps cut."""
        self.threads.hooks = self.scissors
        self.threads.durability = self.dice.choice(["sync", "sync", "async", "exit"])
        given, checkpoint_id = await self.given()
        for _ in range(self.dice.randint(1, 2)):
            self.scissors.left = self.dice.choice([-1, self.dice.randint(1, 12)])
            running = asyncio.create_task(self.threads.run(run_id, given, checkpoint_id=checkpoint_id))
            self.scissors.task = running
            (ended,) = await asyncio.gather(running, return_exceptions=True)
            self.scissors.task = None
            # Not every draw makes sense to LangGraph.
            refused = (asyncio.CancelledError, RuntimeError, EmptyInputError, InvalidUpdateError, GraphRecursionError)
            assert not isinstance(ended, BaseException) or isinstance(ended, (ValueError, *refused)), repr(ended)
            if self.dice.random() < 0.5:
                given = None
        # As the end of a run does: LangGraph goes on with saves that it had begun when it was cancelled.
        await self.threads.shut_out(run_id)

    async def given(self) -> tuple[Any, str | None]:
        history = await self.threads.history()
        asked = await self.threads.questions()
        names = [name for layer in self.layers for name, _ in layer]
        draws: list[tuple[Any, str | None]] = [(said(self.dice.choice(["word", "fail"])), None), (None, None)]
        if asked:
            some = self.dice.sample(sorted(asked), self.dice.randint(1, len(asked)))
            draws += [(Command(resume=dict.fromkeys(some, "answer")), None)] * 3
        if history:
            update: Command[Any] = Command(update=said("updated"), goto=self.dice.choice(names))
            older = self.dice.choice(history)
            draws += [(update, None), (None, older), (said("forked"), older)]
        return self.dice.choice(draws)


@pytest.mark.parametrize("seed", some(range(6)))
async def test_whatever_a_run_was_the_thread_is_as_before(checkpoints: Checkpoints, path: Path, seed: int) -> None:
    dice = random.Random(seed)
    layers = random_layers(dice)
    threads = Threads(checkpoints, path, random_graph(layers))
    gambler = Gambler(threads, layers, dice)
    await threads.run("greeting", said("word"))
    changed = 0
    for number in range(RUNS):
        run_id = f"run-{number}"
        rows = threads.rows()
        await gambler.run(run_id)
        changed += threads.rows() != rows
        if dice.random() < 0.5:
            await threads.restore(run_id)
            assert threads.rows() == rows, f"{run_id} on {layers}"
        await checkpoints.settle(run_id)
    assert changed
