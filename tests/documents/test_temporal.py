"""The lines for Temporal's own command line, with the real one, each about a run that waits for a human."""

from __future__ import annotations

import json
import re
from collections.abc import Awaitable, Callable, Mapping

import pytest
from support.servers import temporal_command, until

from perdure import RunScope, RunsFacade, RunSpec, RunStatus, Settings, bind_actor
from perdure.contracts.shown_users import ShownUsers
from perdure.contracts.types import new_run_id
from perdure.runtime.target import server_address

from .reading import Command, commands

COMMANDS = [command for command in commands("temporal") if len(command.words) > 3]
"""Not those that the text only mentions."""
Check = Callable[[RunsFacade, str, str], Awaitable[None]]


def ends_as(status: RunStatus) -> Check:
    async def check(runs: RunsFacade, run_id: str, output: str) -> None:
        async for _ in await runs.join_stream(run_id):
            pass
        record = await runs.get_run(run_id)
        assert record is not None
        assert record.status is status

    return check


async def answered(runs: RunsFacade, run_id: str, output: str) -> None:
    await ends_as(RunStatus.SUCCESS)(runs, run_id, output)
    assert (await runs.join_wait(run_id)).values["log"] == [True]


async def terminated(runs: RunsFacade, run_id: str, output: str) -> None:
    await ends_as(RunStatus.ERROR)(runs, run_id, output)
    record = await runs.get_run(run_id)
    assert record is not None
    _, after = await runs.create_and_wait(question(record.thread_id))
    assert after.status is RunStatus.AWAITING_INPUT, "the thread is free"


async def shown(runs: RunsFacade, run_id: str, output: str) -> None:
    view = json.loads(output[output.index("{") :])
    assert (view["run_id"], view["status"]) == (run_id, "awaiting_input")
    assert {"steps", "next", "questions"} <= view.keys()


CHECKS: Mapping[str, Check] = {
    "signal cancel": ends_as(RunStatus.INTERRUPTED),
    "signal interrupt": ends_as(RunStatus.INTERRUPTED),
    "signal resume": answered,
    "query status": shown,
    "cancel": ends_as(RunStatus.INTERRUPTED),
    "terminate": terminated,
}
"""What is true after each command."""


def kind(command: Command) -> str:
    named = [command.words[command.words.index(flag) + 1] for flag in ("--name", "--type") if flag in command.words]
    return " ".join([command.words[2], *named])


def question(thread_id: str) -> RunSpec:
    return RunSpec(assistant_id="approval", scope=RunScope(thread_id=thread_id), input={"topic": "cheese"})


def filled_in(command: Command, run_id: str) -> list[str]:
    assert command.words[:2] == ["temporal", "workflow"]
    words = [re.sub(r"\bRUN\b", run_id, word) for word in command.words[2:]]
    return [re.sub(r"\$\(perdure user (\w+)\)", lambda user: ShownUsers().query(user[1]), word) for word in words]


async def waiting_run(runs: RunsFacade) -> str:
    record, result = await runs.create_and_wait(question(new_run_id()))
    assert result.status is RunStatus.AWAITING_INPUT
    return record.run_id


def test_every_command_has_its_check() -> None:
    assert {kind(command) for command in COMMANDS} == {*CHECKS, "list"}


@pytest.mark.parametrize("command", [one for one in COMMANDS if kind(one) in CHECKS], ids=kind)
async def test_it_does_what_is_said(command: Command, runs: RunsFacade, house: Settings) -> None:
    run_id = await waiting_run(runs)
    output = await temporal_command(server_address(house.server), *filled_in(command, run_id))
    await CHECKS[kind(command)](runs, run_id, output)


@pytest.mark.parametrize("command", [one for one in COMMANDS if kind(one) == "list"], ids=kind)
async def test_a_list_shows_the_run(command: Command, runs: RunsFacade, house: Settings) -> None:
    with bind_actor("ann"):
        run_id = await waiting_run(runs)

    async def listed() -> bool:
        return run_id in await temporal_command(server_address(house.server), *filled_in(command, run_id))

    await until(listed)
