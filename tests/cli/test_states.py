"""`perdure state` and `perdure history`: the state of a thread, by its graph or as it is stored."""

from __future__ import annotations

from perdure import RunScope, RunsFacade, RunSpec, RunStatus

from .conftest import CommandLine


async def _at_a_question(facade: RunsFacade, thread: str) -> None:
    spec = RunSpec(assistant_id="ask", scope=RunScope(thread_id=thread), input={}, on_interrupt="finish")
    _, result = await facade.create_and_wait(spec)
    assert result.status is RunStatus.INTERRUPTED


async def test_a_thread_at_a_question(cli: CommandLine, facade: RunsFacade) -> None:
    await _at_a_question(facade, "state-asks")
    ended = await cli.all(
        {
            "state": ["state", "state-asks"],
            "json": ["state", "state-asks", "--json"],
            "stored": ["state", "state-asks", "--stored"],
            "history": ["history", "state-asks"],
            "page": ["history", "state-asks", "--limit", "1", "--json"],
        }
    )
    assert {name: one.code for name, one in ended.items()} == dict.fromkeys(ended, 0)
    said = ended["state"].out
    assert [word for word in ("ask_first: asks", "Tea or coffee?", "next", "of loop", "{}") if word not in said] == []
    state = ended["json"].document
    assert (state["source"], state["next"], state["interrupts"][0]["value"]) == (
        "graph",
        ["ask_first"],
        "Tea or coffee?",
    )
    assert "without the graph" in ended["stored"].out
    assert "without the graph" not in said
    assert [line.split()[1:4] for line in ended["history"].out.splitlines()[1:]] == [
        ["0", "loop", "ask_first"],
        ["-1", "input", "__start__"],
    ]
    (newest,) = ended["page"].document
    assert newest["checkpoint_id"] == state["checkpoint_id"]
    older = await cli("history", "state-asks", "--before", newest["checkpoint_id"], "--json")
    assert [one["next"] for one in older.document] == [["__start__"]]
    at = await cli("state", "state-asks", "--checkpoint", older.document[0]["checkpoint_id"], "--json")
    assert at.document["next"] == ["__start__"]


async def test_a_failed_task_shows_its_error(cli: CommandLine, facade: RunsFacade) -> None:
    await facade.create_and_wait(RunSpec(assistant_id="fail", scope=RunScope(thread_id="state-fails"), input={}))
    ended = await cli("state", "state-fails")
    assert (ended.code, "fall: ValueError('out of cheese')" in ended.out) == (0, True)


async def test_what_is_not_there_is_3(cli: CommandLine, facade: RunsFacade) -> None:
    await _at_a_question(facade, "state-there")
    unknown = "1f0cbd2e-0000-6000-8000-000000000000"
    ended = await cli.all({"thread": ["state", "nobody"], "point": ["state", "state-there", "--checkpoint", unknown]})
    assert {name: one.code for name, one in ended.items()} == {"thread": 3, "point": 3}
    assert "no thread 'nobody'" in ended["thread"].err
    assert f"has no state at checkpoint {unknown!r}" in ended["point"].err


async def test_without_a_worker_the_error_names_the_stored_form(cli: CommandLine, facade: RunsFacade) -> None:
    await _at_a_question(facade, "state-alone")
    nobody = cli.having(PERDURE_TEMPORAL__TASK_QUEUE="nobody", PERDURE_TEMPORAL__SUBMIT_TIMEOUT="0.5s")
    refused, stored = await nobody("state", "state-alone"), await nobody("state", "state-alone", "--stored", "--json")
    assert refused.code == 69
    assert "no worker polls" in refused.err
    assert "--stored" in refused.err
    assert (stored.code, stored.document["source"]) == (0, "stored")
