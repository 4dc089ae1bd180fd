"""Golden histories: what Temporal kept of each scenario, without a trace of the machine that recorded it."""

from __future__ import annotations

import base64
import binascii
import json
import os
import re
import socket
from collections.abc import Callable
from pathlib import Path
from typing import Any, cast

from temporalio.client import WorkflowHistory

HISTORIES = Path(__file__).parent / "histories"

_RANDOM = re.compile(r"[0-9a-f]{8}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{4}-?[0-9a-f]{12}")
_BLANK = {"identity": "worker", "buildId": "build", "stackTrace": "", "traceback": None}
"""Fields that tell of a machine and that no workflow reads."""


def golden() -> list[str]:
    """The names of the recorded scenarios."""
    return sorted(path.stem for path in HISTORIES.glob("*.json"))


def earlier() -> list[str]:
    """The names of histories of versions that decided otherwise; runs of theirs may still be under way."""
    return sorted(f"earlier/{path.stem}" for path in HISTORIES.glob("earlier/*.json"))


def load(name: str) -> WorkflowHistory:
    """A recorded history."""
    return WorkflowHistory.from_json(name, (HISTORIES / f"{name}.json").read_text("utf-8"))


def write(name: str, history: WorkflowHistory, task_queue: str) -> None:
    """Record a history, an event a line."""
    events = scrubbed(history.to_json_dict(), task_queue)["events"]
    lines = ",\n".join(json.dumps(event, ensure_ascii=False) for event in events)
    (HISTORIES / f"{name}.json").write_text(f'{{"events": [\n{lines}\n]}}\n', "utf-8")


def scrubbed(history: dict[str, Any], task_queue: str) -> dict[str, Any]:
    """The history with blank machine data, and names that are the same in every recording, also in the payloads."""
    names: dict[str, str] = {}

    def text(value: str) -> str:
        value = value.replace(f"{os.getpid()}@{socket.gethostname()}", "worker").replace(task_queue, "golden")
        return _RANDOM.sub(lambda found: names.setdefault(found[0], f"random-{len(names)}"), value)

    return _map(history, text)


def _map(value: Any, text: Callable[[str], str]) -> Any:
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        return {key: _blank(key, item) if key in _BLANK else _field(key, item, text) for key, item in items}
    if isinstance(value, list):
        return [_map(item, text) for item in cast("list[Any]", value)]
    return text(value) if isinstance(value, str) else value


def _blank(key: str, value: Any) -> Any:
    return _BLANK[key] if value else value


def _field(key: str, value: Any, text: Callable[[str], str]) -> Any:
    payload = _decoded(value) if key == "data" else None
    if payload is None:
        return _map(value, text)
    return base64.b64encode(json.dumps(_map(payload, text), ensure_ascii=False).encode()).decode()


def _decoded(value: Any) -> Any:
    """The JSON in a payload; `None` for anything else."""
    try:
        return json.loads(base64.b64decode(value, validate=True))
    except (TypeError, binascii.Error, UnicodeDecodeError, json.JSONDecodeError):
        return None


def payloads(value: Any) -> list[Any]:
    """All payloads of a history, decoded."""
    if isinstance(value, dict):
        items = cast("dict[str, Any]", value).items()
        here = [_decoded(item) for key, item in items if key == "data"]
        return here + [found for _, item in items for found in payloads(item)]
    return [found for item in cast("list[Any]", value) for found in payloads(item)] if isinstance(value, list) else []
