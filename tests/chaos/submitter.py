"""Submits runs of `graphs/lane.py` to few threads, under strategies that chance chooses. It may be killed and repeated.

`python -m chaos.submitter JOB`: in a process of its own.
"""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from pathlib import Path
from random import Random
from typing import Literal

from pydantic import BaseModel, ConfigDict

import perdure
from perdure import MultitaskStrategy, RunScope, RunsFacade, RunSpec, ThreadBusyError

from .client import patiently

NAME = "lane"


class Lane(BaseModel):
    """A run on one of the threads."""

    model_config = ConfigDict(frozen=True)

    run_id: str
    thread_id: str
    strategy: MultitaskStrategy
    folder: Path
    pace: float = 0.03
    """Seconds that a node takes."""

    def spec(self) -> RunSpec:
        """What is submitted. The same each time."""
        return RunSpec(
            assistant_id=NAME,
            run_id=self.run_id,
            scope=RunScope(thread_id=self.thread_id),
            input={"log": []},
            runnable_config={"configurable": {"lane": str(lane_file(self.folder, self.thread_id)), "pace": self.pace}},
            multitask_strategy=self.strategy,
            stream_modes=("updates",),
        )


class Submitted(BaseModel):
    """What became of a submission."""

    lane: Lane
    outcome: Literal["taken", "busy"]


class Job(BaseModel):
    """What one process submits."""

    name: str
    threads: list[str]
    strategies: list[MultitaskStrategy]
    count: int
    folder: Path

    @property
    def file(self) -> Path:
        return self.folder / f"{self.name}.job"

    @property
    def answers(self) -> Path:
        """A line for each answer; of a repeated submission the last one counts."""
        return self.folder / f"{self.name}.answers"

    def lanes(self) -> Iterator[tuple[float, Lane]]:
        """The runs, and how many seconds to wait before each. The same each time."""
        chance = Random(self.name)
        for number in range(self.count):
            thread_id, strategy = chance.choice(self.threads), chance.choice(self.strategies)
            lane = Lane(run_id=f"{self.name}-{number}", thread_id=thread_id, strategy=strategy, folder=self.folder)
            yield chance.choice((0.0, chance.uniform(0, 0.3))), lane


def lane_file(folder: Path, thread_id: str) -> Path:
    """Where the runs of a thread note that they execute."""
    return folder / f"{thread_id}.lane"


def read_answers(job: Job) -> list[Submitted]:
    """The last answer to each submission."""
    text = job.answers.read_text() if job.answers.exists() else ""
    answers = [Submitted.model_validate_json(line) for line in text.splitlines() if line.endswith("}")]
    return list({answer.lane.run_id: answer for answer in answers}.values())


async def submit(runs: RunsFacade, job: Job) -> None:
    """All of them, in their order."""
    with job.answers.open("a") as answers:
        for pause, lane in job.lanes():
            await asyncio.sleep(pause)
            try:
                await patiently(lambda lane=lane: runs.create_background(lane.spec()))
                answer = Submitted(lane=lane, outcome="taken")
            except ThreadBusyError:
                answer = Submitted(lane=lane, outcome="busy")
            answers.write(f"\n{answer.model_dump_json()}\n")
            answers.flush()


async def main(job: str) -> None:
    async with perdure.connect() as runs:
        await submit(runs, Job.model_validate_json(job))


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]).read_text()))
