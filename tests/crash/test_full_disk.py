"""The disk of one of the files is full for a while. (A small file system in memory: it takes root to mount one.)"""

from __future__ import annotations

import subprocess
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from perdure import RunsFacade, Settings
from perdure.contracts.settings import BridgeSettings, CheckpointerSettings, LocationSettings, StoreSettings

from .trouble import GATES, run_through

pytestmark = pytest.mark.files

SIZE = 4_000_000
"""Bytes."""
SECTIONS: dict[str, tuple[str, type[LocationSettings]]] = {
    "bridge": ("bridge", BridgeSettings),
    "store": ("store", StoreSettings),
    "checkpoints": ("checkpointer", CheckpointerSettings),
}


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of `SIZE`."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", f"size={SIZE}", "tmpfs", place], capture_output=True, check=False
    )
    if mounted.returncode:
        pytest.skip(f"no file system can be mounted here: {mounted.stderr.decode()}")
    yield place
    subprocess.run(["umount", "--lazy", place], check=True)


@pytest.fixture(params=[*SECTIONS])
def file(request: pytest.FixtureRequest) -> str:
    """The file that lies on the small disk."""
    return request.param


@pytest.fixture
def settings(settings: Settings, disk: Path, file: str) -> Settings:
    section, kind = SECTIONS[file]
    return settings.model_copy(update={section: kind(url=f"sqlite:///{disk}/{file}.db")})


@contextmanager
def full(disk: Path) -> Generator[None]:
    """Nothing more can be written there while the block runs."""
    filler = disk / "filler"
    with pytest.raises(OSError, match="No space left"):
        filler.write_bytes(bytes(SIZE))
    yield
    filler.unlink()


async def test_the_run_waits_and_says_so(runs: RunsFacade, settings: Settings, disk: Path, file: str) -> None:
    await run_through(runs, settings, full(disk), gate=GATES[file], says="full")
