"""The file of the settings: `temporal-dev.yaml`, or the one that is named."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import yaml

from .errors import ConfigError

CONFIG_FILE = "temporal-dev.yaml"


def config_path(config: str | Path | None) -> Path | None:
    """The file that is named, or stands in the working folder. Raises `ConfigError` for one that is not there."""
    named = config or os.environ.get("PERDURE_CONFIG")
    if not named:
        return Path(CONFIG_FILE) if Path(CONFIG_FILE).is_file() else None
    if not Path(named).is_file():
        raise ConfigError(f"the configuration file {str(named)!r} does not exist (--config or PERDURE_CONFIG names it)")
    return Path(named)


def read_yaml(path: Path) -> dict[str, Any]:
    """Its keys and values. Raises `ConfigError`."""
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError as exc:
        raise ConfigError(f"{path} is not YAML: {exc}") from exc
    return yaml_values(text, str(path))


class _Loader(yaml.SafeLoader):
    """Of a key that is there twice, YAML takes the last one without a word."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        refuse_doubled([str(key.value) for key, _ in node.value if isinstance(key, yaml.ScalarNode)])
        return super().construct_mapping(node, deep)


def refuse_doubled(keys: Sequence[str]) -> None:
    """Raises `ValueError`."""
    if doubled := [key for key in keys if keys.count(key) > 1]:
        raise ValueError(f"the key {doubled[0]!r} is there twice")


def yaml_values(text: str, path: str) -> dict[str, Any]:
    """The keys and values of a text; `path`: where it is from. Raises `ConfigError`, without a line of the text."""
    try:
        values = yaml.load(text, _Loader)
    except yaml.MarkedYAMLError as exc:
        line = "" if exc.problem_mark is None else f" (line {exc.problem_mark.line + 1})"
        raise ConfigError(f"{path} is not YAML: {exc.problem or exc.context}{line}") from None
    except (yaml.YAMLError, ValueError) as exc:
        raise ConfigError(f"{path} is not YAML: {exc}") from None
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold keys and values, not a {type(values).__name__}")
    if wrong := [key for key in cast("dict[Any, Any]", values) if not isinstance(key, str)]:
        raise ConfigError(f"{path}: the key {wrong[0]!r} is no text; put it in quotes if it is meant")
    return cast("dict[str, Any]", values)
