"""The config that a graph is called with: what the spec says, and the ids of the run."""

from __future__ import annotations

from typing import Any

from perdure.activities.graphs.run_config import run_config
from perdure.contracts.types import RunScope, RunSpec


def spec(**fields: Any) -> RunSpec:
    return RunSpec(assistant_id="graph", scope=RunScope(thread_id="thread"), **fields)


def test_the_runs_config_keeps_what_the_spec_says_and_adds_the_ids() -> None:
    given = spec(
        runnable_config={"configurable": {"user": "u"}, "tags": ["t"], "metadata": {"own": 1}}, metadata={"more": 2}
    )
    config = run_config(given, "run", "thread")
    assert config.get("configurable") == {"user": "u", "thread_id": "thread"}
    assert config.get("tags") == ["t"]
    ids = {"perdure_run_id": "run", "thread_id": "thread", "assistant_id": "graph"}
    assert config.get("metadata") == {"own": 1, "more": 2, **ids}
    assert given.runnable_config["configurable"] == {"user": "u"}


def test_a_run_cannot_pass_for_another_in_its_metadata() -> None:
    given = spec(runnable_config={"metadata": {"run_id": "other"}}, metadata={"run_id": "other"})
    metadata = run_config(given, "run", "thread").get("metadata", {})
    assert metadata["perdure_run_id"] == "run"
    assert "run_id" not in metadata  # by which LangGraph takes a nested graph's input for applied
