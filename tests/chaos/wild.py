"""One run of a random graph, as it is given from process to process."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

from pydantic import BaseModel, ConfigDict

from perdure import RunInterrupt, RunScope, RunSpec
from perdure.contracts.types import StreamMode

NAME = "wild"
MODES: tuple[StreamMode, ...] = ("values", "updates", "messages", "custom", "tasks")
INPUT: dict[str, Any] = {"log": ["the beginning"], "messages": []}
"""For every graph of `graphs/wild.py`, which a client does not load."""


class WildRun(BaseModel):
    """A run, and the files in which it leaves its traces."""

    model_config = ConfigDict(frozen=True)

    seed: str
    run_id: str
    thread_id: str
    folder: Path
    blocks: int = 3
    """The size of its graph."""
    pace: float = 0.1
    """Seconds that a node takes at the most."""
    asks: bool = False
    functions: bool = True
    """Nodes among it that are functions and call a graph."""
    goes_on: bool = False
    """From where its thread stands, without an input."""
    subgraphs: bool = True
    modes: tuple[StreamMode, ...] = MODES

    @property
    def effects(self) -> Path:
        """Where its nodes note their work. One file for all runs of a thread."""
        return self.folder / f"{self.thread_id}.effects"

    @property
    def journal(self) -> Path:
        """Where its client keeps its events."""
        return self.folder / f"{self.run_id}.journal"

    def spec(self, **fields: Any) -> RunSpec:
        """What is submitted. The same each time."""
        spec = RunSpec(
            assistant_id=NAME,
            run_id=self.run_id,
            scope=RunScope(thread_id=self.thread_id),
            input=None if self.goes_on else INPUT,
            runnable_config=self.config(self.effects, self.pace),
            stream_modes=self.modes,
            stream_subgraphs=self.subgraphs,
        )
        return spec.model_copy(update=fields)

    def config(self, effects: Path, pace: float) -> dict[str, Any]:
        """Which graph it is, where it notes its work, how slow it is."""
        graph = {"seed": self.seed, "blocks": self.blocks, "asks": self.asks, "functions": self.functions}
        return {"configurable": {**graph, "effects": str(effects), "pace": pace}}


def random_run(name: str, folder: Path, seed: str) -> WildRun:
    """A run whose graph and settings come from the seed."""
    chance = Random(seed)
    return WildRun(
        seed=seed,
        run_id=f"run-{name}",
        thread_id=f"thread-{name}",
        folder=folder,
        pace=chance.uniform(0.05, 0.25),
        asks=chance.random() < 0.3,
        subgraphs=chance.random() < 0.7,
    )


def answers(asked: Sequence[RunInterrupt]) -> dict[str, Any]:
    """An answer to each question, made of the question."""
    return {question.id: f"yes, {question.value}" for question in asked}
