"""The flags that every command has, collected."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import typer


@dataclass(frozen=True, slots=True)
class CommonFlags:
    """What every command takes."""

    json: bool
    config: Path | None
    debug: bool


def common_flags(context: typer.Context, *, json: bool, config: Path | None) -> CommonFlags:
    """Those of the command, and the global one."""
    return CommonFlags(json=json, config=config, debug=bool(context.obj))
