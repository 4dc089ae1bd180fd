"""What `perdure doctor` finds."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from unittest.mock import Mock

import pytest

from perdure.contracts.settings import Settings
from perdure.runtime import check, doctor
from perdure.runtime.check import Check
from perdure.runtime.doctor import examine

from .conftest import CommandLine, write_graphs


async def _examined(folder: Path, **settings: object) -> dict[str, Check]:
    write_graphs(folder)
    file = folder / "settings.yaml"
    file.write_text(json.dumps({"temporal": {"address": "127.0.0.1:1"}} | settings))  # JSON is YAML
    return {one.name: one async for one in examine(file)}


async def test_with_all_there_nothing_fails(cli: CommandLine) -> None:
    ended = await cli("doctor", "--json")
    checks = {one["name"]: one for one in ended.document["checks"]}
    assert ended.code == 0, ended.out
    assert (ended.document["ok"], ended.err) == (True, "")
    assert list(checks) == [
        *("settings", "home", "disk", "graphs", "temporal cli", "bridge", "store", "checkpointer"),
        *("temporal", "search attributes", "permissions", "limits", "retention", "workers"),
    ]
    assert "count" in checks["workers"]["detail"]


async def test_without_a_server_it_is_69_and_says_what_to_do(lonely: CommandLine) -> None:
    ended = await lonely.having(PERDURE_TEMPORAL__ADDRESS="127.0.0.1:1")("doctor")
    assert ended.code == 69
    assert "fail  temporal" in ended.out
    assert "→ start that server, or correct temporal.address" in ended.out


async def test_wrong_settings_are_the_only_finding(tmp_path: Path) -> None:
    (found,) = (await _examined(tmp_path, tempral={})).values()
    assert (found.name, found.level) == ("settings", "fail")
    assert "did you mean 'temporal'?" in found.detail


async def test_a_graph_that_cannot_be_loaded_fails(tmp_path: Path) -> None:
    write_graphs(tmp_path)
    (tmp_path / "other.json").write_text('{"graphs": {"x": "./nowhere.py:graph"}}')
    found = await _examined(tmp_path, graphs="other.json")
    assert found["graphs"].level == "fail"
    assert "nowhere.py" in found["graphs"].detail


async def test_a_graph_that_prints_does_not_spoil_stdout(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "loud.py").write_text("print('LOUD')\nfrom langgraph.graph import MessagesState, StateGraph\n")
    (tmp_path / "loud.json").write_text('{"graphs": {"loud": "./loud.py:graph"}}')
    await _examined(tmp_path, graphs="loud.json")
    said = capsys.readouterr()
    assert (said.out, "LOUD" in said.err) == ("", True)


async def test_a_home_that_is_a_file_fails(tmp_path: Path) -> None:
    (tmp_path / "taken").touch()
    found = await _examined(tmp_path, home="taken")
    assert found["home"].level == "fail"


async def test_a_home_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    found = await doctor.check_home(Settings(home=tmp_path / "a" / "b"))
    assert found.level == "ok"
    assert not (tmp_path / "a").exists()


async def test_a_file_that_is_no_database_fails(tmp_path: Path) -> None:
    for name in ("bridge.db", "store.db", "checkpoints.db"):
        (tmp_path / name).write_text("these are no databases" * 100)
    found = await _examined(tmp_path, home=".")
    assert [found[name].level for name in ("bridge", "store", "checkpointer")] == ["fail"] * 3
    assert found["home"].level == "ok"


async def test_memory_is_a_warning(tmp_path: Path) -> None:
    found = await _examined(tmp_path, bridge={"url": "memory://"})
    assert found["bridge"].level == "warn"


@pytest.mark.parametrize(("free", "level"), [(50_000_000, "fail"), (500_000_000, "warn"), (5_000_000_000, "ok")])
async def test_little_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, level: str) -> None:
    monkeypatch.setattr("shutil.disk_usage", Mock(return_value=Mock(free=free)))
    assert (await doctor.check_disk(Settings(home=tmp_path))).level == level


async def test_a_check_that_hangs_has_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(_: object) -> Check:
        await asyncio.sleep(60)
        raise AssertionError

    monkeypatch.setattr(check, "LIMIT", 0.01)
    monkeypatch.setitem(doctor._LOCAL, "disk", hang)  # pyright: ignore[reportPrivateUsage]
    assert "no answer within" in (await _examined(tmp_path))["disk"].detail
