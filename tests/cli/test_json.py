"""`--json`: one document, or one line for each event, and nothing else on stdout."""

from __future__ import annotations

import json
from pathlib import Path

from perdure import RunRecord, RunScope, RunsFacade, RunSpec, RunStatus, StreamEvent, WaitResult

from .conftest import NAMES, CommandLine


async def test_a_stream_is_one_event_a_line_and_success_is_0(cli: CommandLine) -> None:
    ended = await cli("run", "count", "--input", '{"steps": 3}', "--stream-mode", "values", "--json")
    events = [StreamEvent.model_validate(event) for event in ended.events]
    assert (ended.code, ended.err) == (0, "")
    assert [event.id for event in events] == [str(number + 1) for number in range(len(events))]
    assert [event.event for event in events] == ["metadata", *["values"] * 4, "end"]
    assert events[-2].data["done"] == [0, 1, 2]


async def test_a_background_run_is_its_record(cli: CommandLine) -> None:
    ended = await cli(
        *("run", "count", "--background", "--json", "--run-id", "background", "--thread", "bg"),
        *("--metadata", "customer=007", "--metadata", "note=a=b"),
    )
    record = RunRecord.model_validate(ended.document)
    assert (ended.code, ended.err) == (0, "")
    assert (record.run_id, record.thread_id) == ("background", "bg")
    assert record.metadata == {"customer": "007", "note": "a=b"}


async def test_what_is_known_of_a_run_that_failed(cli: CommandLine, facade: RunsFacade) -> None:
    spec = RunSpec(assistant_id="fail", scope=RunScope(thread_id="known"))
    record, _ = await facade.create_and_wait(spec.model_copy(update={"input": {}}))
    run_id = record.run_id
    ended = await cli.all(
        {
            "wait": ["wait", run_id, "--json"],
            "show": ["show", run_id, "--json"],
            "runs": ["runs", "--thread", "known", "--json"],
            "cancel": ["cancel", run_id, "--json"],
        }
    )
    # 1: the exit code of a run that failed.
    result = WaitResult.model_validate(ended["wait"].document)
    assert (ended["wait"].code, result.status) == (1, RunStatus.ERROR)
    assert result.error is not None
    assert result.error.message == "out of cheese"
    assert RunRecord.model_validate(ended["show"].document) == await facade.get_run(run_id)
    assert [RunRecord.model_validate(listed).run_id for listed in ended["runs"].document] == [run_id]
    # Nothing is left to stop, and that is what was wanted.
    assert ended["cancel"].document == {"run_id": run_id, "accepted": False, "status": "error"}
    assert ended["cancel"].code == 0


async def test_a_worker_says_what_it_serves(cli: CommandLine) -> None:
    first = json.loads((cli.folder / "worker.out").read_text().splitlines()[0])
    assert first == {
        "event": "worker",
        "graphs": [*NAMES],
        "task_queue": cli.environment["PERDURE_TEMPORAL__TASK_QUEUE"],
        "address": cli.environment["PERDURE_TEMPORAL__ADDRESS"],
    }


async def test_graphs_are_what_the_file_says_and_what_is_served(cli: CommandLine) -> None:
    ended = await cli("graphs", "--json")
    assert set(ended.document["declared"]) == set(ended.document["served"]) == set(NAMES)


async def test_why_a_graph_is_not_served(lonely: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "lost.json").write_text('{"graphs": {"lost": "./nowhere.py:graph"}}')
    apart = lonely.having(PERDURE_HOME=str(tmp_path), PERDURE_GRAPHS=str(tmp_path / "lost.json"))
    ended = await apart("graphs", "--json")
    assert ended.document["served"] == []
    reason = ended.document["reasons"]["lost"]
    assert "no worker has announced it" in reason
    assert "nowhere.py does not exist" in reason


async def test_wrong_usage_is_one_line_too(lonely: CommandLine) -> None:
    ended = await lonely("show", "--json")
    assert (ended.code, ended.out, ended.failure["type"]) == (2, "", "MissingParameter")
