"""The files of deploy/: they can be read, what they set are settings, and what they say of themselves is so."""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from perdure import load_settings

from .reading import ROOT

DEPLOY = ROOT / "deploy"
YAML = sorted(DEPLOY.rglob("*.yaml"))
UNITS = sorted(DEPLOY.rglob("*.service"))
FILES = [*YAML, *UNITS, DEPLOY / "Dockerfile"]
_VARIABLE = re.compile(r"\b(PERDURE_[A-Z_]+)(?:: |=|, value: )\"?([^\s\"}]+)")


def _name(path: Path) -> str:
    return path.relative_to(DEPLOY).as_posix()


def variables(path: Path) -> dict[str, str]:
    """What a file sets, with its placeholders filled in."""
    lines = [line for line in path.read_text("utf-8").splitlines() if not line.lstrip().startswith("#")]
    found = _VARIABLE.findall("\n".join(lines))
    return {name: value.replace("${PASSWORD:?}", "secret").replace("%i", "1") for name, value in found}


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_its_variables_are_settings(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    named = variables(path)
    assert named
    for name, value in named.items():
        monkeypatch.setenv(name, value)
    load_settings()  # an unknown key, or a value that is none, raises


def test_a_wrong_variable_is_seen(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "wrong.yaml"
    file.write_text("env:\n  PERDURE_WORKER__HEALTH__ADRESS: :8081\n")
    ((name, value),) = variables(file).items()
    monkeypatch.setenv(name, value)
    with pytest.raises(Exception, match="adress"):
        load_settings()


@pytest.mark.parametrize("path", YAML, ids=_name)
def test_it_is_yaml(path: Path) -> None:
    assert {type(document) for document in yaml.safe_load_all(path.read_text("utf-8"))} == {dict}


@pytest.mark.parametrize("path", FILES, ids=_name)
def test_its_first_line_says_how_far_it_was_tried(path: Path) -> None:
    assert re.match(r"# (Tried: |Not tried: )", path.read_text("utf-8"))


def _objects() -> Iterator[Any]:
    for path in YAML:
        yield from yaml.safe_load_all(path.read_text("utf-8"))


def test_workers_are_given_time_to_drain() -> None:
    by_kind = {found["kind"]: found for found in _objects() if "kind" in found}
    pod = by_kind["Deployment"]["spec"]["template"]["spec"]
    graceful = int(by_kind["ConfigMap"]["data"]["PERDURE_WORKER__GRACEFUL_SHUTDOWN"].removesuffix("s"))
    assert pod["terminationGracePeriodSeconds"] > graceful
    assert by_kind["PodDisruptionBudget"]["spec"]["selector"] == by_kind["Deployment"]["spec"]["selector"]


def test_probes_ask_what_a_worker_answers() -> None:
    (deployment,) = [found for found in _objects() if found.get("kind") == "Deployment"]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]
    paths = {kind: container[kind]["httpGet"]["path"] for kind in container if kind.endswith("Probe")}
    assert paths == {"startupProbe": "/readyz", "readinessProbe": "/readyz", "livenessProbe": "/healthz"}


@pytest.mark.skipif(shutil.which("systemd-analyze") is None, reason="there is no systemd-analyze")
@pytest.mark.parametrize("path", UNITS, ids=_name)
def test_systemd_takes_it(path: Path, tmp_path: Path) -> None:
    """With a program and a user that are there, which it looks for."""
    text = path.read_text("utf-8").replace("/srv/agents/.venv/bin/perdure", "/bin/true").replace("User=perdure\n", "")
    unit = tmp_path / path.name.replace("@", "@1")
    unit.write_text(text, "utf-8")
    done = subprocess.run(["systemd-analyze", "verify", unit], capture_output=True, text=True, check=False)
    if "Failed to" in done.stderr and "initialize" in done.stderr:
        pytest.skip(f"systemd-analyze does not work here: {done.stderr.strip()}")
    assert (done.returncode, done.stderr) == (0, "")
