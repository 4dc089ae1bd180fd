"""The commands of `perdure` and make that the documents name: each can be typed as it stands."""

from __future__ import annotations

import asyncio
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest

import perdure.cli.session
from perdure import Settings, load_settings
from perdure.cli.app import run_command
from perdure.cli.exit_codes import ExitCode

from .reading import ROOT, Command, codes, commands, rows, section, text

PERDURE = commands("perdure")
MEANINGS = {
    ExitCode.OK: "success",
    ExitCode.FAILED: "failed",
    ExitCode.USAGE: "wrong usage",
    ExitCode.NOT_FOUND: "no such run",
    ExitCode.BUSY: "busy",
    ExitCode.STOPPED: "interrupted or rolled back",
    ExitCode.TIMED_OUT: "timed out",
    ExitCode.AWAITING_INPUT: "awaits input",
    ExitCode.UNAVAILABLE: "is not there",
    ExitCode.INTERNAL: "unforeseen",
    ExitCode.DETACHED: "Ctrl-C",
    ExitCode.BROKEN_PIPE: "broken pipe",
}


@pytest.fixture
def parsed_only(monkeypatch: pytest.MonkeyPatch) -> None:
    """Commands are read to their last word, and not executed."""

    def execute(*_: Any, **__: Any) -> int:
        return 0

    monkeypatch.setattr(perdure.cli.session, "execute", execute)


def _called(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["perdure", *words])
    return run_command()


@pytest.mark.parametrize("command", PERDURE, ids=str)
def test_it_can_be_typed(command: Command, parsed_only: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _called(monkeypatch, *command.words[1:]) == 0


@pytest.mark.parametrize("words", [["rnu"], ["run", "GRAPH", "--treads", "T"], ["show"], ["show", "RUN", "RUN"]])
def test_a_wrong_command_is_seen(words: list[str], parsed_only: None, monkeypatch: pytest.MonkeyPatch) -> None:
    assert _called(monkeypatch, *words) == ExitCode.USAGE


@pytest.mark.parametrize("command", [command for command in PERDURE if command.variables], ids=str)
def test_its_variables_are_settings(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    ours = {name: value for name, value in command.variables.items() if name.startswith("PERDURE_")}
    for name, value in ours.items():
        monkeypatch.setenv(name, value)
    assert [name for name in ours if setting(load_settings(), name) == setting(Settings(), name)] == []


def setting(settings: Settings, variable: str) -> Any:
    found: Any = settings
    for key in variable.removeprefix("PERDURE_").lower().split("__"):
        found = getattr(found, key)
    return found


def test_the_table_has_every_command(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    assert _called(monkeypatch, "--help") == 0
    there = set(re.findall(r"^│ ([a-z][a-z-]+) ", capsys.readouterr().out, re.MULTILINE))
    table = rows(section("README.md", "Command line"))
    assert {code.split()[1] for row in table for code in codes(row[0])} == there


async def test_it_runs_ones_own_graph(house: Settings, at_home: None) -> None:
    (command,) = [one for one in PERDURE if one.words[1:3] == ["run", "agent"]]
    process = await asyncio.create_subprocess_exec(
        Path(sys.executable).with_name("perdure"),
        *command.words[1:],
        "--json",
        stdout=asyncio.subprocess.PIPE,
    )
    out, _ = await process.communicate()
    events = [json.loads(line) for line in out.splitlines()]
    assert process.returncode == 0
    assert [event["event"] for event in events if event["event"] != "messages"] == ["metadata", "updates", "end"]


def test_the_exit_codes() -> None:
    (sentence,) = re.findall(r"^Exit codes: (.*?)\n\n", section("README.md", "Command line"), re.MULTILINE | re.DOTALL)
    parts = re.split(r"`(\d+)` ", " ".join(sentence.split()))[1:]
    said = dict(zip(map(int, parts[::2]), parts[1::2], strict=True))
    assert said.keys() == {*ExitCode}
    assert [code for code in ExitCode if MEANINGS[code] not in said[code]] == []


def test_every_make_target_is_there() -> None:
    makefile = text("Makefile")
    for command in commands("make"):
        assert re.search(rf"^{command.words[1]}:", makefile, re.MULTILINE), str(command)


@pytest.mark.parametrize("command", commands(".venv/bin/python"), ids=str)
def test_a_folder_of_tests_that_is_named_is_there(command: Command) -> None:
    assert command.words[1:3] == ["-m", "pytest"]
    assert (ROOT / command.words[3]).is_dir()
