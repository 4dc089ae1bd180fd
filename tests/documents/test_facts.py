"""What the documents say of the code, held against the code: names, settings, numbers, tables, links."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from architecture.source import ROOMS
from pydantic import BaseModel

import perdure
from perdure import InvalidRunError, MultitaskStrategy, RunScope, RunsFacade, RunSpec, RunStatus, Settings
from perdure.contracts.settings import RunSettings, load_settings
from perdure.contracts.settings_section import parse_duration
from perdure.contracts.types import (
    AWAITING_INPUT_EVENT,
    GAP_EVENT,
    HEARTBEAT_EVENT,
    METADATA_EVENT,
    STREAM_MODES,
    TERMINAL_EVENTS,
    WaitResult,
)
from perdure.facade import ExecutionPlanner

from .reading import DOCUMENTS, MAIN, ROOT, TRANSLATIONS, anchors, codes, links, rows, section, text

README = "README.md"
CODES = codes("\n".join(text(document) for document in MAIN))
SPEC = RunSpec(assistant_id="agent", scope=RunScope(thread_id="t"))
REFUSED: dict[str, Any] = {
    "feedback_keys": ("stars",),
    "stream_resumable": False,
}


def first_cells(heading: str) -> list[str]:
    """The codes in the first column of a section's table."""
    return [code for row in rows(section(README, heading)) for code in codes(row[0])]


# Settings.


def keys(model: type[BaseModel], prefix: str = "") -> dict[str, Any]:
    """Every setting by its dotted name, with its default."""
    found: dict[str, Any] = {}
    for name, field in model.model_fields.items():
        if isinstance(field.annotation, type) and issubclass(field.annotation, BaseModel):
            found |= keys(field.annotation, f"{prefix}{name}.")
        else:
            found[f"{prefix}{name}"] = field.get_default()
    return found


SETTINGS = keys(Settings)
SECTIONS = "|".join(sorted({name.partition(".")[0] for name in SETTINGS if "." in name}))


def test_settings_that_are_named_exist() -> None:
    named = {match[0] for code in CODES if (match := re.match(rf"(?:{SECTIONS})\.[a-z_]+(?![\w(])", code))}
    named -= {
        "runs.store",
        "runs.crons",
        "runs.assistants",
        "runs.overview",
    }  # of the facade, which is called so in all examples
    assert "runs.slice_budget" in named
    assert named - {*SETTINGS, *(name.rpartition(".")[0] for name in SETTINGS)} == set()


def test_settings_that_are_shown_with_a_value_can_be_set(tmp_path: Path) -> None:
    shown = [code for code in CODES if re.match(rf"(?:{SECTIONS})\.\w+: ", code)]
    assert shown
    for code in shown:
        room, _, line = code.partition(".")
        (tmp_path / "file.yaml").write_text(f"{room}: {{{line}}}")
        load_settings(tmp_path / "file.yaml")


def test_defaults_that_are_named_are_right() -> None:
    told = re.findall(r"`([a-z]+\.[a-z_]+)`[,(\s]+(\d+ m?s)\b", text(README))
    assert len(told) >= 4
    assert {name: parse_duration(duration) for name, duration in told} == {name: SETTINGS[name] for name, _ in told}
    assert f"<http://{SETTINGS['server.ip']}:{SETTINGS['server.ui_port']}>" in text(README)


def test_variables_that_are_named_are_read() -> None:
    settings = {f"PERDURE_{name.upper().replace('.', '__')}" for name in SETTINGS}
    named = {name for document in DOCUMENTS for name in re.findall(r"\bPERDURE_[A-Z_]+", text(document))}
    sources = "".join(path.read_text("utf-8") for folder in ("contracts", "runtime", "examples", "tests/determinism")
                      for path in (ROOT / folder).rglob("*.py"))  # fmt: skip
    assert [name for name in sorted(named - settings) if f'"{name}"' not in sources] == []


def test_how_much_of_an_input_temporal_sees() -> None:
    (length,) = re.findall(r"first (\d+) characters", text(README))
    plan = ExecutionPlanner(RunSettings()).plan(SPEC.model_copy(update={"input": {"messages": "x" * 999}}))
    assert len(plan.submission.summary.removeprefix("agent · ")) == int(length)


# Words.


def test_public_names_exist() -> None:
    kinds = r"(?:RunsFacade|\w+Error|\w+Record|\w+Result|\w+Spec|\w+Scope|\w+Event|\w+Policy|MultitaskStrategy)"
    named = {match[0] for code in CODES if (match := re.match(rf"{kinds}\b", code))}
    assert {"RunsFacade", "RunRecord", "NoWorkerError"} <= named
    assert named - {*perdure.__all__} == set()


def test_the_facades_methods() -> None:
    there = {name for name, _ in inspect.getmembers(RunsFacade, inspect.isfunction) if not name.startswith("_")}
    calls = first_cells("Ten lines of Python")
    assert {call.partition("(")[0] for call in calls} == there | {"store", "crons", "assistants", "overview"}
    for call in calls:
        if "(" not in call:
            continue
        name, _, arguments = call.rstrip(")").partition("(")
        known = inspect.signature(getattr(RunsFacade, name)).parameters
        assert {part.strip().partition("=")[0] for part in arguments.split(",")} <= known.keys(), call


def test_the_fields_of_a_result() -> None:
    (described,) = [row[1] for row in rows(section(README, "Ten lines of Python")) if "create_and_wait" in row[0]]
    assert {*codes(described)} - {"WaitResult"} <= WaitResult.model_fields.keys()


def test_the_fields_of_a_spec() -> None:
    shown = {match[1]: match[2] for code in CODES if (match := re.fullmatch(r"([a-z_]+)=(.+)", code))}
    assert {"durability", "on_interrupt", "retry", "command"} <= shown.keys()
    assert shown.keys() - RunSpec.model_fields.keys() == {"synchronous", "checkpointer", "stored"}, "not of specs"
    for name, value in shown.items():
        if name in RunSpec.model_fields and "…" not in value:
            scope = RunScope(kind="stateless") if name == "on_completion" else SPEC.scope
            RunSpec.model_validate({**dict(SPEC), "scope": scope, name: ast.literal_eval(value)})


def test_the_statuses() -> None:
    paragraph = next(part for part in section(README, "Stream and status").split("\n\n") if part.startswith("A run is"))
    assert {*codes(paragraph)} == {*RunStatus}


def test_the_events() -> None:
    own = {METADATA_EVENT, AWAITING_INPUT_EVENT, HEARTBEAT_EVENT, GAP_EVENT}
    assert {*first_cells("Stream and status")} == {*STREAM_MODES, *TERMINAL_EVENTS, *own}


async def test_the_data_of_the_events(house: Settings, runs: RunsFacade) -> None:
    said = {codes(row[0])[0]: {*codes(row[1])} for row in rows(section(README, "Stream and status"))}
    spec = RunSpec(assistant_id="approval", scope=RunScope(kind="stateless"), input={"topic": "cheese"})
    record, stream = await runs.create_and_stream(spec)
    events: dict[str, Any] = {}
    async for event in stream:
        events[event.event] = event.data
        if event.event == AWAITING_INPUT_EVENT:
            await runs.resume(record.run_id, True)
    question = events[AWAITING_INPUT_EVENT]["interrupts"][0]
    assert said[METADATA_EVENT] == events[METADATA_EVENT].keys()
    assert said[AWAITING_INPUT_EVENT] == events[AWAITING_INPUT_EVENT].keys() | question.keys()
    assert said["end"] == events["end"].keys()


def test_the_strategies() -> None:
    assert {*MultitaskStrategy} <= {*codes(section(README, "Several runs on one thread"))}


@pytest.mark.parametrize("field", REFUSED)
def test_what_is_refused(field: str) -> None:
    assert field in section(README, "Limits of this version")
    scope = RunScope(thread_id="t")
    spec = RunSpec.model_validate({"assistant_id": "agent", "scope": scope, field: REFUSED[field]})
    with pytest.raises(InvalidRunError, match=field):
        ExecutionPlanner(RunSettings()).plan(spec)


# The repository.


@pytest.mark.parametrize("document", [*DOCUMENTS, *TRANSLATIONS])
def test_links(document: str) -> None:
    broken: list[str] = []
    for link in links(document):
        target = urlsplit(link)
        path = (ROOT / document).parent / target.path if target.path else ROOT / document
        if not target.scheme and not (path.exists() and (not target.fragment or target.fragment in anchors(path))):
            broken.append(link)
    assert broken == []


def test_paths_exist() -> None:
    paths = [code for code in CODES if re.fullmatch(r"(?:[\w.-]+/)+[\w.-]*", code)]
    assert "tests/determinism/scenarios.py" in paths
    assert [path for path in paths if not path.startswith((".venv/", "./")) and not _exists(path)] == []


def _exists(path: str) -> bool:
    return any((folder / path).exists() for folder in (ROOT, ROOT / "tests" / "determinism", ROOT / "activities"))


def test_the_house() -> None:
    table = rows(section("CONTRIBUTING.md", "The house"))
    assert [codes(row[0])[0].rstrip("/") for row in table] == [*ROOMS]
    told = {codes(row[0])[0].rstrip("/"): {*codes(row[2])} for row in table if codes(row[2])}
    assert len(told) > 4
    assert told == {room: {*ROOMS[room]} for room in told}


def test_the_changelog_has_this_version() -> None:
    assert re.search(rf"^## \[{re.escape(perdure.__version__)}\] - ", text("CHANGELOG.md"), re.MULTILINE)
