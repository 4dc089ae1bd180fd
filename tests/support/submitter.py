"""A client in a process of its own: submits runs, and may cancel them. `python -m support.submitter JOB`.

It says in lines of JSON what it was told. It may be killed at any moment and started again with the same job.
"""

from __future__ import annotations

import asyncio
import json
import random
import signal
import sys
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path

from pydantic import BaseModel

import perdure
from perdure import CancelAction, RunsFacade, RunSpec, Settings, ThreadBusyError, UnavailableError

from .forks import Program, program
from .workers import environment


class Job(BaseModel):
    """What a submitter does, in this order."""

    specs: list[RunSpec]
    cancels: float = 0.0
    """How often, between 0 and 1, it cancels one of its runs after it has submitted one."""
    seed: str = ""


class Told(BaseModel):
    """One thing that a submitter was told."""

    run_id: str
    sequence: int | None = None
    busy: bool = False
    """The run was refused."""
    action: CancelAction | None = None
    """The run was cancelled, and the answer to that was `accepted`."""
    accepted: bool | None = None


def say(told: Told) -> None:
    print(told.model_dump_json(), flush=True)  # noqa: T201


async def submit(runs: RunsFacade, spec: RunSpec) -> Told:
    """Submit a run; again, with the same id, while something is away."""
    assert spec.run_id is not None
    while True:
        try:
            record = await runs.create_background(spec)
        except UnavailableError:
            await asyncio.sleep(0.05)
        except ThreadBusyError:
            return Told(run_id=spec.run_id, busy=True)
        else:
            return Told(run_id=spec.run_id, sequence=record.sequence)


async def work(job: Job) -> None:
    chance, taken = random.Random(job.seed), list[str]()
    async with perdure.connect() as runs:
        for spec in job.specs:
            told = await submit(runs, spec)
            say(told)
            taken += [] if told.busy else [told.run_id]
            if taken and chance.random() < job.cancels:
                action, run_id = chance.choice(list(CancelAction)), chance.choice(taken[-3:])
                accepted = await runs.cancel(run_id, action=action)
                say(Told(run_id=run_id, action=action, accepted=accepted))


class Submitter:
    """A process that does a job."""

    def __init__(self, process: Program) -> None:
        self._process = process

    async def told(self) -> list[Told]:
        """What it was told, once it is done. Raises when it failed."""
        output, _ = await self._process.communicate()
        assert self._process.returncode == 0, f"exit code {self._process.returncode}"
        return [Told.model_validate(json.loads(line)) for line in output.splitlines() if line.startswith(b"{")]

    async def next(self) -> Told | None:
        """The next thing that it is told; `None` when it has ended."""
        while line := await self._process.stdout.readline():
            if line.startswith(b"{"):
                return Told.model_validate(json.loads(line))
        return None

    @property
    def ended(self) -> bool:
        """Whether it has exited."""
        return self._process.returncode is not None

    async def kill(self) -> None:
        """`kill -9`."""
        if self._process.returncode is None:
            self._process.send_signal(signal.SIGKILL)
        await self._process.wait()


@asynccontextmanager
async def submitting(settings: Settings, job: Job, file: Path) -> AsyncGenerator[Submitter]:
    """A submitter at work."""
    await asyncio.to_thread(file.write_text, job.model_dump_json())
    submitter = Submitter(await program("-m", "support.submitter", file, env=environment(settings, {}), errors=2))
    try:
        yield submitter
    finally:
        await submitter.kill()


if __name__ == "__main__":
    asyncio.run(work(Job.model_validate_json(Path(sys.argv[1]).read_text())))
