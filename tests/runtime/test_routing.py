"""Which graphs a worker loads and serves, by the task queues of the settings."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from perdure import ConfigError, GraphLoadError, Settings
from perdure.activities import load_graphs
from perdure.contracts.langgraph_json import LangGraphJson, read_langgraph_json
from perdure.contracts.settings import load_settings
from perdure.runtime.routing import routing_of

ROUTED = Settings(task_queues={"gpu": ("render", "paint"), "slow": ("crawl",)})
GRAPHS = ("chat", "crawl", "paint", "render")


@pytest.mark.parametrize(
    ("queues", "served", "polled"),
    [
        ([], ["chat"], ["perdure"]),
        (["perdure"], ["chat"], ["perdure"]),
        (["gpu"], ["paint", "render"], ["gpu"]),
        (["slow", "gpu"], ["crawl", "paint", "render"], ["gpu", "slow"]),
        (["gpu", "perdure"], ["chat", "paint", "render"], ["perdure", "gpu"]),
    ],
)
def test_what_is_served(queues: list[str], served: list[str], polled: list[str]) -> None:
    routing = routing_of(ROUTED, queues)
    assert [graph for graph in GRAPHS if routing.serves(graph)] == served
    assert [*routing.polled] == polled


def test_the_settings_name_the_queues_of_a_worker() -> None:
    worker = ROUTED.worker.model_copy(update={"queues": ("slow",)})
    settings = ROUTED.model_copy(update={"worker": worker})
    assert routing_of(settings).polled == ("slow",)
    assert routing_of(settings, ["gpu"]).polled == ("gpu",), "the command line comes first"


@pytest.fixture
def project(tmp_path: Path) -> LangGraphJson:
    """A project of which only the graph of the common queue can be imported here."""
    (tmp_path / "routed_here.py").write_text(
        "from langgraph.graph import MessagesState, StateGraph, START\n"
        "graph = StateGraph(MessagesState).add_node('a', lambda s: s).add_edge(START, 'a').compile()\n"
    )
    (tmp_path / "routed_elsewhere.py").write_text("import no_such_library_for_gpus\n")
    here, elsewhere = "./routed_here.py:graph", "./routed_elsewhere.py:graph"
    file = tmp_path / "langgraph.json"
    file.write_text(json.dumps({"graphs": {"chat": here, "render": elsewhere}}))
    return read_langgraph_json(file)


async def test_graphs_of_other_queues_are_not_loaded(project: LangGraphJson) -> None:
    settings = Settings(task_queues={"gpu": ("render",)})
    assert (await load_graphs(routing_of(settings).part_of(project))).names == ["chat"]
    with pytest.raises(GraphLoadError, match="no_such_library_for_gpus"):
        await load_graphs(routing_of(settings, ["gpu"]).part_of(project))


def test_a_graph_that_is_not_in_the_project_is_refused_where_it_is_to_be_served(project: LangGraphJson) -> None:
    settings = Settings(task_queues={"gpu": ("rendr",)})
    with pytest.raises(ConfigError, match=r"task_queues.gpu: the graph 'rendr' is not in .*did you mean 'render'"):
        routing_of(settings, ["gpu"]).part_of(project)
    assert routing_of(settings).part_of(project).graphs == project.graphs, "another project has it"


@pytest.mark.parametrize(
    ("written", "told"),
    [
        (
            "task_queues: {gpu: [render], cpu: [render]}",
            "the graph 'render' is in 'gpu' and in 'cpu'; it has one queue",
        ),
        ("task_queues: {perdure: [render]}", "task_queues.perdure: this name is the common task queue's"),
        ("task_queues: {perdure-short: [render]}", "task_queues.perdure-short: this name is the common"),
        ("task_queues: {gpu: []}", "task_queues.gpu: .*at least 1 item"),
        ("{task_queues: {gpu: [a]}, worker: {queues: [gqu]}}", "unknown task queue 'gqu' .did you mean 'gpu'"),
        ("worker: {pollers: {minimum: 9}}", "minimum, initial and maximum have to be in this order"),
        ("worker: {pollers: {maximum: 300}}", "pollers.maximum is 300, and there are only 100 slots"),
        ("worker: {max_concurrent_workflow_tasks: 1}", "greater than or equal to 2"),
        ("worker: {versioning: {deployment: perdure}}", "deployment and build_id belong together"),
        ("worker: {health: {address: here}}", "worker.health.address: 'here' is no host:port"),
    ],
)
def test_what_makes_no_sense_is_refused(written: str, told: str, tmp_path: Path) -> None:
    file = tmp_path / "settings.yaml"
    file.write_text(written)
    with pytest.raises(ConfigError, match=told):
        load_settings(file)
