"""Four processes submit to few threads under all strategies; now and then a worker or one of them is killed."""

from __future__ import annotations

import asyncio

from perdure import MultitaskStrategy, RunsFacade, RunStatus

from ..client import patiently
from ..contract import Trial
from ..lanes import read_lane, wrong_lane
from ..stage import Processes, Stage
from ..submitter import Job, Lane, Submitted, lane_file, read_answers

_PROCESSES = 4
_THREADS = 3
_LIMIT = 120.0


class Overlap:
    name = "overlap"

    async def play(self, stage: Stage, trial: Trial) -> None:
        threads = [f"lane-{trial.name}-{number}" for number in range(_THREADS)]
        jobs = [
            Job(
                name=f"{trial.name}-{number}",
                threads=threads,
                strategies=[*MultitaskStrategy],
                count=2 * trial.size,
                folder=trial.folder,
            )
            for number in range(_PROCESSES)
        ]
        killed = await self._submit(stage, trial, jobs)
        answers = [answer for job in jobs for answer in read_answers(job)]
        trial.runs = sum(answer.outcome == "taken" for answer in answers)
        if len(answers) != sum(job.count for job in jobs):
            trial.violations.append(f"{len(answers)} answers to {sum(job.count for job in jobs)} submissions")
        for thread_id in threads:
            mine = [answer for answer in answers if answer.lane.thread_id == thread_id]
            trial.blame(thread_id, await _judge(stage.runs, thread_id, mine, killed=killed))

    async def _submit(self, stage: Stage, trial: Trial, jobs: list[Job]) -> bool:
        """Whether a worker was killed."""
        moments = trial.moments
        for job in jobs:
            job.file.write_text(job.model_dump_json())
        submitters = Processes(stage, "chaos.submitter", [job.file for job in jobs], trial.folder / "submitters.log")
        await submitters.start()
        try:
            kills = moments.choice((0, 0, 1, 2))
            for _ in range(kills):
                await asyncio.sleep(moments.uniform(1.0, 3.0))
                moments.choice(stage.workers).replace()
            if moments.random() < 0.5:
                await asyncio.sleep(moments.uniform(0.0, 2.0))
                await submitters.kill()
                await submitters.start()
                trial.faults += 1
            if not await submitters.wait(_LIMIT):
                trial.violations.append(f"submitters that have not ended after {_LIMIT:g} s")
        finally:
            await submitters.kill()
        trial.faults += kills + 1  # the crowd itself
        return kills > 0


async def _judge(runs: RunsFacade, thread_id: str, answers: list[Submitted], *, killed: bool) -> list[str]:
    refused = [answer.lane.run_id for answer in answers if answer.outcome == "busy"]
    wrong = [f"{run_id} was refused, but there is a record" for run_id in refused if await runs.get_run(run_id)]
    folder = answers[0].lane.folder
    closing = Lane(run_id=f"{thread_id}-z", thread_id=thread_id, strategy=MultitaskStrategy.ENQUEUE, folder=folder)
    await patiently(lambda: runs.create_background(closing.spec()))
    try:
        async with asyncio.timeout(_LIMIT):
            result = await runs.join_wait(closing.run_id)
    except TimeoutError:
        return [*wrong, f"the thread stands still: {[await runs.get_run(answer.lane.run_id) for answer in answers]}"]
    records = await runs.list_runs(thread_id, limit=1000)
    taken = {answer.lane.run_id for answer in answers if answer.outcome == "taken"} | {closing.run_id}
    if lost := taken ^ {record.run_id for record in records}:
        wrong.append(f"lost, or there without having been taken: {lost}")
    if result.status is not RunStatus.SUCCESS:
        wrong.append(f"the last run has ended as {result.status}")
    steps = read_lane(lane_file(folder, thread_id))
    return [*wrong, *wrong_lane(steps, records, result.values, killed=killed)]
