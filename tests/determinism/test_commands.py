"""The fingerprint of the workflows: what they command in typical runs, as lines in `commands.txt`.

A change of a workflow's decisions is a change of that file, to be reviewed: histories that are under way while a new
version is deployed replay against the new code. Such a change needs `workflow.patched`, or the old histories fail in
`test_replay.py`. Replaying alone is not enough: it does not compare signals by name, nor anything by payload.
To record anew: `PERDURE_RECORD=1 pytest tests/determinism`.
"""

from __future__ import annotations

import pytest

from . import commands, recording
from .scenarios import SCENARIOS
from .stage import Stage, complete


@pytest.mark.parametrize("name", SCENARIOS)
async def test_the_workflows_command_the_same_now(name: str, stage: Stage, recording_wanted: bool) -> None:
    history = await complete(await SCENARIOS[name](stage))
    found = commands.commands(history.events)
    if recording_wanted:
        recording.write(name, history, stage.name)
        commands.write({**commands.read(), name: found})
    assert found == commands.read().get(name)
    # In whatever order this machine has had it, which a golden history holds only one of.
    await stage.registered.replayer().replay_workflow(history)


@pytest.mark.parametrize("name", SCENARIOS)
def test_the_golden_histories_show_these_commands(name: str) -> None:
    assert commands.commands(recording.load(name).events) == commands.read().get(name)


def test_every_scenario_is_recorded_and_nothing_else_is() -> None:
    assert recording.golden() == sorted(commands.read()) == sorted(SCENARIOS)


@pytest.mark.parametrize("name", ["question-answered-by-signal", "question-answered-by-update"])
def test_a_run_that_was_answered_shows_as_running(name: str) -> None:
    shown = [line.partition("RunStatus=")[2] for line in commands.read()[name] if line.startswith("Upsert")]
    assert shown == ["running", "awaiting_input", "running", "success"]
