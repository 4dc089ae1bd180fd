"""Histories of earlier days replay: a run that is under way survives the deploy of this version."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from temporalio.client import WorkflowHistory
from temporalio.worker import Replayer
from temporalio.workflow import NondeterminismError

import perdure
from perdure import Settings
from perdure.contracts.settings import TemporalSettings

from . import recording
from .scenarios import SCENARIOS
from .stage import serving


@pytest.fixture(scope="module")
async def replayer(temporal: str, tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Replayer]:
    """With the workflows and the data converter of a real worker."""
    settings = Settings(
        home=tmp_path_factory.mktemp("replay"), temporal=TemporalSettings(address=temporal, task_queue="replay")
    )
    async with perdure.connect(settings=settings) as runs, serving(settings, runs) as stage:
        yield stage.registered.replayer()


@pytest.mark.parametrize("name", [*SCENARIOS, *recording.earlier()])
async def test_a_golden_history_replays(name: str, replayer: Replayer) -> None:
    await replayer.replay_workflow(recording.load(name))


@pytest.mark.parametrize(
    ("name", "written", "instead"),
    [
        ("one-step", '"run_supersteps"', '"run_step"'),
        ("after-seconds", "EVENT_TYPE_TIMER_STARTED", "EVENT_TYPE_MARKER_RECORDED"),
        ("thread-with-three-runs", '"name": "RunWorkflow"', '"name": "OtherWorkflow"'),
    ],
)
async def test_a_history_of_other_workflows_does_not(name: str, written: str, instead: str, replayer: Replayer) -> None:
    text = (recording.HISTORIES / f"{name}.json").read_text("utf-8")
    assert written in text
    with pytest.raises(NondeterminismError):
        await replayer.replay_workflow(WorkflowHistory.from_json(name, text.replace(written, instead)))


@pytest.mark.parametrize("name", [*SCENARIOS, *recording.earlier()])
def test_a_golden_history_tells_nothing_of_a_machine(name: str) -> None:
    history = json.loads((recording.HISTORIES / f"{name}.json").read_text("utf-8"))
    text = json.dumps([history, recording.payloads(history)])
    assert re.findall(r"(?:/home/|/root/|/work/|/tmp/|/Users/|\d+@)[^\"]*", text) == []
    assert str(Path.home()) not in text
    assert recording.scrubbed(history, "golden")["events"] == history["events"], "scrubbed is scrubbed"
    assert len(text) < 60_000
