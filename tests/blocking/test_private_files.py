"""What Perdure keeps is its owner's alone, whatever the umask is and whoever made the folder."""

from __future__ import annotations

import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest
from support.graphs import counting
from support.servers import local_settings, started

from perdure import RunScope, RunSpec, Settings, Worker, connect
from perdure.blocking.private_files import private_database, private_folder, restrict_home


@pytest.fixture
def open_umask() -> Iterator[None]:
    before = os.umask(0)
    yield
    os.umask(before)


def readable_by_others(home: Path) -> list[str]:
    found = [home, *home.rglob("*")]
    return sorted(str(path.relative_to(home)) for path in found if stat.S_IMODE(path.lstat().st_mode) & 0o077)


async def used(home: Path) -> set[str]:
    """The files that a server, a worker and a client have made in `home`."""
    settings = local_settings(home, db_filename="temporal.db")
    async with (
        started(settings),
        Worker(graphs={"counting": counting()}, settings=settings),
        connect(settings=settings) as runs,
    ):
        spec = RunSpec(assistant_id="counting", scope=RunScope(thread_id="t"), input={})
        await runs.create_and_wait(spec)
        await runs.get_state("t", stored=True)
        assert readable_by_others(home) == []
    return {*os.listdir(home)}


@pytest.mark.usefixtures("needs_server")
async def test_all_of_home_is_its_owners_alone(tmp_path: Path, open_umask: None) -> None:
    files = await used(tmp_path / "new" / ".perdure")
    databases = {"bridge.db", "store.db", "checkpoints.db", "temporal.db"}
    assert {*databases, "temporal.log", "temporal.db.lock"} <= files


@pytest.mark.usefixtures("needs_server")
async def test_so_are_the_files_of_before(tmp_path: Path, open_umask: None) -> None:
    home = tmp_path / ".perdure"
    await used(home)
    for path in (home, *home.rglob("*")):
        path.chmod(0o777 if path.is_dir() else 0o666)
    old = home / "temporal.log.1"
    old.touch(0o666)
    await used(home)
    assert readable_by_others(home) == []


def test_a_folder_that_is_not_ours_keeps_its_mode(tmp_path: Path, open_umask: None) -> None:
    project = tmp_path / "project"
    project.mkdir(0o755)
    (project / "code.py").touch(0o644)
    private_database(project / "store.db")
    restrict_home(project)
    assert readable_by_others(tmp_path / "project") == [".", "code.py"]


def test_a_folder_above_that_is_new_is_private_too(tmp_path: Path, open_umask: None) -> None:
    private_folder(tmp_path / "a" / "b")
    assert readable_by_others(tmp_path / "a") == []


def test_a_program_in_home_can_still_be_run(tmp_path: Path) -> None:
    program = tmp_path / ".perdure" / "temporal"
    private_folder(program.parent)
    program.touch(0o755)
    restrict_home(program.parent)
    assert stat.S_IMODE(program.stat().st_mode) == 0o700


def test_a_link_is_not_followed(tmp_path: Path) -> None:
    other = tmp_path / "others"
    other.touch(0o644)
    home = tmp_path / ".perdure"
    private_folder(home)
    (home / "link").symlink_to(other)
    restrict_home(home)
    assert stat.S_IMODE(other.stat().st_mode) == 0o644


async def test_the_settings_are_used_with_a_home_of_another_name(tmp_path: Path, open_umask: None) -> None:
    home = tmp_path / "elsewhere"
    home.mkdir(0o755)
    async with connect(settings=Settings(home=home)):
        assert readable_by_others(home) == ["."]
