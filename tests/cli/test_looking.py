"""Lists in pages, what happened in a run, changes of a thread, another try, a drawing, a new project."""

from __future__ import annotations

import asyncio
import json
import os
import pty
import signal
from contextlib import suppress
from pathlib import Path

from support.servers import until

from perdure import RunScope, RunsFacade, RunSpec, RunStatus

from .conftest import CommandLine


async def _counted(facade: RunsFacade, thread: str, run_id: str, graph: str = "count") -> None:
    spec = RunSpec(assistant_id=graph, scope=RunScope(thread_id=thread), run_id=run_id, input={})
    await facade.create_and_wait(spec)


async def test_lists_are_in_pages_that_fit_a_terminal(cli: CommandLine, facade: RunsFacade) -> None:
    ids = [f"00000000-0000-4000-8000-00000000000{number}" for number in range(3)]
    for run_id in ids:
        await _counted(facade, "pages", run_id)
    await _counted(facade, "pages", "pages-failed", "fail")
    ended = await cli.all(
        {
            "first": ["runs", "--thread", "pages", "--graph", "count", "--status", "success", "--limit", "2"],
            "second": ["runs", "--thread", "pages", "--graph", "count", "--limit", "2", "--before", ids[1], "--json"],
            "failed": ["runs", "--thread", "pages", "--status", "error", "--since", "1h", "--json"],
            "none": ["runs", "--thread", "pages", "--since", "2100-01-01"],
            "wrong": ["runs", "--status", "sucess"],
            "threads": ["threads", "--limit", "1", "--status", "error", "--json"],
            "events": ["events", "pages-failed", "--json"],
            "one": ["events", "pages-failed", "--type", "run_started"],
        }
    )
    assert {name: one.code for name, one in ended.items()} == {**dict.fromkeys(ended, 0), "wrong": 2}
    assert [line.split()[0] for line in ended["first"].out.splitlines()] == ["RUN", ids[2], ids[1]]
    assert max(map(len, ended["first"].out.splitlines())) <= 80
    assert f"--before {ids[1]}" in ended["first"].err
    assert [run["run_id"] for run in ended["second"].document] == [ids[0]]
    assert [run["run_id"] for run in ended["failed"].document] == ["pages-failed"]
    assert "no runs like that" in ended["none"].err
    assert "did you mean 'success'" in ended["wrong"].err
    assert [thread["thread_id"] for thread in ended["threads"].document] == ["pages"]
    assert [event["event_type"] for event in ended["events"].events] == ["run_started", "node_error", "run_failed"]
    assert len(ended["one"].out.splitlines()) == 1


async def test_a_thread_is_changed_forked_and_tried_again(cli: CommandLine, facade: RunsFacade) -> None:
    await _counted(facade, "changed", "changed-1")
    changed = await cli("update", "changed", '{"done": [7]}', "--as-node", "work", "--json")
    assert (changed.code, changed.document["values"]["done"]) == (0, [0, 7])
    oldest = (await facade.history("changed"))[-1].checkpoint_id
    forked = await cli("fork", "changed", "--checkpoint", oldest, "--wait", "--json")
    assert (forked.code, forked.document["values"]["done"]) == (0, [0])
    await _counted(facade, "again", "again-1", "fail")
    again = await cli("retry", "again-1", "--run-id", "again-2", "--wait", "--json")
    assert (again.code, again.document["run_id"]) == (1, "again-2")
    record = await facade.get_run("again-2")
    assert record is not None
    assert (record.thread_id, record.follow_up_to_run_id, record.status) == ("again", "again-1", RunStatus.ERROR)
    ended = await cli.all(
        {
            "success": ["retry", "changed-1"],
            "unknown": ["retry", "nobody"],
            "thread": ["fork", "nobody", "--checkpoint", "x"],
            "update": ["update", "nobody", "{}"],
            "events": ["events", "nobody"],
        }
    )
    codes = {"success": 2, "unknown": 3, "thread": 3, "update": 3, "events": 3}
    assert {name: one.code for name, one in ended.items()} == codes


async def test_the_steps_of_a_graph_without_model_calls(cli: CommandLine, facade: RunsFacade) -> None:
    await _counted(facade, "steps", "steps-0")
    spec = RunSpec(assistant_id="count", scope=RunScope(thread_id="steps"), run_id="steps-1", input={"steps": 3})
    await facade.create_and_wait(spec)
    shown = await cli("show", "steps-1", "--steps")
    lines = [line.split() for line in shown.out.splitlines() if " · work " in line]
    assert (shown.code, len(lines)) == (0, 2)  # one was made by the run before, and the state adds up
    assert all(line[-1] == "s" and float(line[-2]) < 60 for line in lines)


async def test_a_drawing_marks_where_a_run_is(cli: CommandLine, facade: RunsFacade) -> None:
    await facade.create_and_wait(
        RunSpec(assistant_id="ask", scope=RunScope(thread_id="drawn"), run_id="drawn-1", input={})
    )
    ended = await cli.all(
        {
            "ask": ["graph", "ask", "--run", "drawn-1"],
            "other": ["graph", "count", "--run", "drawn-1"],
            "no": ["graph", "x"],
        }
    )
    assert {name: one.code for name, one in ended.items()} == {"ask": 0, "other": 2, "no": 2}
    assert "class ask_first current" in ended["ask"].out
    assert await facade.cancel("drawn-1")


async def test_a_new_project_runs_and_is_not_overwritten(lonely: CommandLine, tmp_path: Path) -> None:
    made = await lonely("init", str(tmp_path / "new"), "--json")
    files = made.document["files"]
    assert {*files} == {path.name for path in (tmp_path / "new").iterdir()}
    (tmp_path / "new" / "graph.py").write_text("mine")
    again = await lonely("init", str(tmp_path / "new"))
    assert (again.code, (tmp_path / "new" / "graph.py").read_text()) == (2, "mine")
    other = await lonely("init", str(tmp_path / "other"))
    assert other.code == 0
    drawn = await lonely.having(PERDURE_GRAPHS=str(tmp_path / "other" / "langgraph.json"))("graph", "countdown")
    assert (drawn.code, "count -.-> ask" in drawn.out) == (0, True)


async def test_watching_shows_each_change_until_ctrl_c(cli: CommandLine, facade: RunsFacade) -> None:
    watching = await cli.start("runs", "--thread", "watched", "--watch", "--json")
    assert watching.stdout is not None
    async with asyncio.timeout(60):
        assert json.loads(await watching.stdout.readline()) == []
        await _counted(facade, "watched", "watched-1")
        while not (found := json.loads(await watching.stdout.readline())) or found[0]["status"] != "success":
            pass
        watching.send_signal(signal.SIGINT)
        await watching.communicate()
    assert watching.returncode == 130


async def test_a_question_is_answered_at_the_prompt(cli: CommandLine) -> None:
    ours, theirs = pty.openpty()
    run = await cli.start("run", "ask", "--run-id", "prompted", stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = bytearray()
    os.set_blocking(ours, False)

    def says(text: str, times: int = 1) -> bool:
        with suppress(OSError):  # nothing to read now
            shown.extend(os.read(ours, 65536))
        return shown.decode(errors="replace").count(text) >= times

    await until(lambda: says("answer (empty: later)"), 60)
    os.write(ours, b"tea\n")
    await until(lambda: says("answer (empty: later)", 2), 60)
    os.write(ours, b"true\n")
    async with asyncio.timeout(60):
        assert await run.wait() == 0
    os.close(ours)
