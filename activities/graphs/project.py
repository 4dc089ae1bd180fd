"""What a `langgraph.json` asks of the process before its graphs are imported: variables, and folders with modules."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator, Mapping
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from dotenv import dotenv_values

from ...contracts.errors import GraphLoadError
from ...contracts.langgraph_json import LangGraphJson

_TOO_LATE = ("PERDURE_", "TEMPORAL_")
_given: dict[str, str] = {}
"""The variables that files have set: those a later version of a file may change."""


def prepare_process(config: LangGraphJson) -> None:
    """Set the variables of `env`, and make `dependencies` that are folders importable. Raises `GraphLoadError`.

    A variable that the process was started with stays as it is.
    """
    for name, value in variables(config).items():
        if os.environ.get(name) in (None, _given.get(name)):
            os.environ[name] = _given[name] = value
    for folder in local_dependencies(config):
        importable(folder)


def variables(config: LangGraphJson) -> dict[str, str]:
    """What `env` says. Raises `GraphLoadError` when it names a file that cannot be read."""
    if isinstance(config.env, Mapping):
        return {name: _text(value) for name, value in config.env.items() if value is not None}
    if config.env is None:
        return {}
    file = config.folder / config.env
    if not file.is_file():
        raise GraphLoadError(f"{config.path}: env: the file {file} does not exist")
    try:
        return {name: value for name, value in dotenv_values(file).items() if value is not None}
    except (OSError, ValueError) as exc:
        raise GraphLoadError(f"{config.path}: env: {file} cannot be read: {exc}") from exc


def local_dependencies(config: LangGraphJson) -> Iterator[Path]:
    """The folders among `dependencies`."""
    for one in config.dependencies:
        if (folder := (config.folder / one).resolve()).is_dir():
            yield folder


def project_warnings(config: LangGraphJson) -> Iterator[str]:
    """What of the file has no effect, or comes too late, or is missing."""
    if (warning := config.warning) is not None:
        yield warning
    if late := sorted(name for name in variables(config) if name.startswith(_TOO_LATE)):
        yield f"{config.path}: env: {', '.join(late)} come too late here: set them before perdure is started"
    missing = [one for one in config.dependencies if not (config.folder / one).exists() and not _is_installed(one)]
    if missing:
        yield f"{config.path}: dependencies: not installed, which is not done here: {', '.join(missing)}"


def importable(folder: Path) -> None:
    """Let modules be found there, behind all else: a user's `tools.py` must not hide an installed package."""
    if str(folder) not in sys.path:
        sys.path.append(str(folder))


def _is_installed(requirement: str) -> bool:
    name = re.match(r"[\w.-]+", requirement.strip())
    if name is None or requirement.startswith("."):
        return False
    try:
        distribution(name[0])
    except PackageNotFoundError:
        return False
    return True


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
