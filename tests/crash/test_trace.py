"""The trace of a run whose worker was killed: one tree, over all processes."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
from support.forks import program
from support.receiver import Received, receiving
from support.servers import until
from support.story import STORY, story_input
from support.workers import WorkerProcess, environment

from perdure import RunsFacade, RunStatus, Settings
from perdure.contracts.settings import RunSettings

THREAD = "traced"


async def _submit(settings: Settings, effects: Path, variables: dict[str, str]) -> str:
    """By a client of its own, which is traced, too; the run's id."""
    given = json.dumps(story_input(effects, rounds=4, delay=0.2))
    process = await program(
        *("perdure", "run", "story", "--thread", f"{THREAD}-{settings.temporal.task_queue}", "--background", "--json"),
        *("--input", given),
        env=environment(settings, STORY) | variables,
    )
    output, _ = await process.communicate()
    assert process.returncode == 0
    return str(json.loads(output)["run_id"])


def _orphans(spans: list[Any]) -> list[str]:
    known = {span.span_id for span in spans}
    return [span.name for span in spans if span.parent_span_id and span.parent_span_id not in known]


async def test_it_is_one_tree(runs: RunsFacade, settings: Settings, tmp_path: Path) -> None:
    with receiving() as received:
        variables = {
            "OTEL_EXPORTER_OTLP_ENDPOINT": received.endpoint,
            "OTEL_BSP_SCHEDULE_DELAY": "50",
            "OTEL_METRIC_EXPORT_INTERVAL": "500",
        }
        worker = WorkerProcess(settings, STORY, variables)
        try:
            run_id = await _submit(settings, tmp_path / "effects", variables)
            await until(lambda: "fan-2" in _effects(tmp_path))
            worker.replace()
            result = await runs.join_wait(run_id)
            assert result.status is RunStatus.SUCCESS
            await until(lambda: any(span.name == "invoke_agent story" for span in received.spans))
            await until(lambda: {"perdure.runs", "temporal_workflow_completed"} <= received.metrics)
        finally:
            worker.stop()
    _assert_tree(received, run_id)


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """An attempt is one slice: of one that has ended, a kill in the next moment may take the span along."""
    return settings.model_copy(update={"runs": RunSettings(heartbeat_timeout=1.0, slice_budget=60.0)})


def _effects(folder: Path) -> str:
    file = folder / "effects"
    return file.read_text() if file.exists() else ""


def _assert_tree(received: Received, run_id: str) -> None:
    spans = received.spans
    assert len({span.trace_id for span in spans}) == 1
    assert _orphans(spans) == []
    roots = {span.name for span in spans if not span.parent_span_id}
    assert roots == {"create_run story"}
    names = Counter(span.name.partition(" ")[0] for span in spans)
    assert names["invoke_agent"] == 1
    assert {"run_supersteps", "node", "chat"} <= names.keys()
    attempts = {one.value.int_value for span in spans for one in span.attributes if one.key == "temporal.attempt"}
    assert {1, 2} <= attempts, "the attempt that was killed is there, too"
