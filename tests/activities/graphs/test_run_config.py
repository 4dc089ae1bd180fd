"""The config that a graph is called with: what the spec says, and the ids of the run."""

from __future__ import annotations

from typing import Any

import pytest

from perdure.activities.graphs.run_config import recursion_limit, run_config
from perdure.contracts.types import RunScope, RunSpec

from ..worlds import chain


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


@pytest.mark.parametrize(
    ("of_spec", "of_graph", "expected"), [(None, None, 10007), (None, 7, 7), (5, 7, 5), (5, None, 5)]
)
def test_the_specs_recursion_limit_comes_before_the_graphs(
    of_spec: int | None, of_graph: int | None, expected: int
) -> None:
    graph = chain([], "a")
    if of_graph is not None:
        graph = graph.with_config({"recursion_limit": of_graph})
    given = spec(runnable_config={} if of_spec is None else {"recursion_limit": of_spec})
    assert recursion_limit(given, graph) == expected
