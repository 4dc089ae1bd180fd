"""The file of the settings: `temporal-dev.yaml`, or the one that is named."""

from __future__ import annotations

import os
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
        values = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as exc:
        raise ConfigError(f"{path} is not YAML: {exc}") from exc
    if values is None:
        return {}
    if not isinstance(values, dict):
        raise ConfigError(f"{path} must hold keys and values, not a {type(values).__name__}")
    if wrong := [key for key in cast("dict[Any, Any]", values) if not isinstance(key, str)]:
        raise ConfigError(f"{path}: the key {wrong[0]!r} is no text; put it in quotes if it is meant")
    return cast("dict[str, Any]", values)
