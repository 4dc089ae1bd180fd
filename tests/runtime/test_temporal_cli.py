from __future__ import annotations

import shutil
import sys
import sysconfig
from pathlib import Path

import pytest

from perdure.contracts.errors import DevServerError
from perdure.runtime import temporal_cli
from perdure.runtime.temporal_cli import find_temporal_cli


def program(path: Path, text: str = "#!/bin/sh\n") -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(0o755)
    return path


@pytest.fixture
def nothing_installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def scripts_folder(_name: str) -> str:
        return str(tmp_path / "environment" / "bin")

    monkeypatch.setattr(sys, "prefix", str(tmp_path / "environment"))
    monkeypatch.setattr(sysconfig, "get_path", scripts_folder)
    monkeypatch.setenv("PATH", str(tmp_path / "path"))
    # No test downloads anything: nobody listens at this proxy.
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:1")


async def test_finds_the_command_of_this_environment(tmp_path: Path) -> None:
    assert await find_temporal_cli(tmp_path) == Path(sys.prefix) / "bin" / "temporal"


@pytest.mark.usefixtures("nothing_installed")
async def test_the_variable_comes_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    program(tmp_path / "path" / "temporal")
    named = program(tmp_path / "own" / "my-temporal")
    monkeypatch.setenv("PERDURE_TEMPORAL_CLI", str(named))
    assert await find_temporal_cli(tmp_path) == named


@pytest.mark.usefixtures("nothing_installed")
async def test_the_environment_comes_before_the_path(tmp_path: Path) -> None:
    program(tmp_path / "path" / "temporal")
    own = program(tmp_path / "environment" / "bin" / "temporal")
    assert await find_temporal_cli(tmp_path) == own


@pytest.mark.usefixtures("nothing_installed")
async def test_the_path_comes_before_a_download(tmp_path: Path) -> None:
    program(tmp_path / "temporal-cli" / "temporal")
    on_path = program(tmp_path / "path" / "temporal")
    assert await find_temporal_cli(tmp_path) == on_path


@pytest.mark.parametrize("value", ["/nonexistent/temporal", "no-such-program"])
async def test_a_wrong_variable_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, value: str) -> None:
    monkeypatch.setenv("PERDURE_TEMPORAL_CLI", value)
    with pytest.raises(DevServerError, match=f"PERDURE_TEMPORAL_CLI is '{value}'"):
        await find_temporal_cli(tmp_path)


@pytest.mark.usefixtures("nothing_installed")
async def test_finding_nothing_names_every_place(tmp_path: Path) -> None:
    with pytest.raises(DevServerError) as caught:
        await find_temporal_cli(tmp_path)
    text = str(caught.value)
    assert 'pip install "perdure[dev-server]"' in text
    assert "PERDURE_TEMPORAL_CLI is not set" in text
    assert f"not in {tmp_path}/environment/bin" in text
    assert "not on the PATH" in text
    assert "failed to download" in text
    assert list((tmp_path / "temporal-cli").iterdir()) == []


@pytest.mark.usefixtures("nothing_installed")
async def test_a_download_that_hangs_is_given_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(temporal_cli, "_DOWNLOAD", "import time; time.sleep(60)")
    with pytest.raises(DevServerError, match=r"not done after 0\.2 s"):
        await find_temporal_cli(tmp_path, download_limit=0.2)


@pytest.mark.usefixtures("nothing_installed")
async def test_a_download_is_kept_for_the_next_time(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = program(tmp_path / "source")
    monkeypatch.setattr(
        temporal_cli, "_DOWNLOAD", f"import shutil, sys; shutil.copy2({str(source)!r}, sys.argv[1] + '/temporal-sdk')"
    )
    found = await find_temporal_cli(tmp_path)
    monkeypatch.setattr(temporal_cli, "_DOWNLOAD", "raise SystemExit('downloaded again')")
    assert await find_temporal_cli(tmp_path) == found
    assert shutil.which(found)
