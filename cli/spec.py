"""From the flags of `perdure run` to a `RunSpec`."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum
from typing import Any

from pydantic import ValidationError

from ..contracts.errors import InvalidRunError, nearest
from ..contracts.identifiers import ID_MAX_LENGTH
from ..contracts.types import STREAM_MODES, MultitaskStrategy, RunSpec, StreamMode, new_run_id
from .inputs import read_duration, read_json, read_object, read_pairs


class Then(Enum):
    """What `perdure run` does once the run is submitted."""

    STREAM = "--stream"
    WAIT = "--wait"
    RETURN = "--background"


@dataclass(frozen=True, slots=True, kw_only=True)
class RunFlags:
    """The flags, as they were typed."""

    graph: str
    thread: str | None
    stateless: bool
    input: str | None
    command: str | None
    go_on: bool
    run_id: str | None
    strategy: str | None
    stream_modes: list[str]
    subgraphs: bool
    context: str | None
    runnable_config: str | None
    metadata: list[str]
    after: str | None
    timeout: str | None
    on_interrupt: str | None
    interrupt_before: list[str]
    interrupt_after: list[str]


_FLAGS = {
    "assistant_id": "GRAPH",
    "thread_id": "--thread",
    "run_id": "--run-id",
    "stream_modes": "--stream-mode",
    "multitask_strategy": "--strategy",
    "after_seconds": "--after",
    "run_timeout": "--timeout",
    "on_interrupt": "--on-interrupt",
    "command": "--command",
}
"""Fields of a spec, by the flag that sets them."""
_CHOICES: dict[str, tuple[str, ...]] = {
    "stream_modes": STREAM_MODES,
    "multitask_strategy": tuple(MultitaskStrategy),
    "on_interrupt": ("await", "finish"),
}
DEFAULT_MODES: tuple[StreamMode, ...] = ("messages", "updates")
"""What a human wants to see: tokens and steps. They are stored, so `perdure stream` shows the same later."""


def read_spec(flags: RunFlags) -> RunSpec:
    """Read the values that the flags point at. Raises `InvalidRunError`, naming the flag."""
    _check(flags)
    fields: dict[str, Any] = {
        "assistant_id": flags.graph,
        "scope": _scope(flags),
        "run_id": new_run_id() if flags.run_id is None else flags.run_id,
        "input": _input(flags),
        "command": _given(flags.command, read_object, "--command"),
        "context": _given(flags.context, read_json, "--context"),
        "runnable_config": _given(flags.runnable_config, read_object, "--runnable-config"),
        "metadata": read_pairs(flags.metadata, "--metadata"),
        "stream_modes": flags.stream_modes or DEFAULT_MODES,
        "stream_subgraphs": flags.subgraphs,
        "multitask_strategy": flags.strategy,
        "interrupt_before": _nodes(flags.interrupt_before),
        "interrupt_after": _nodes(flags.interrupt_after),
        "after_seconds": _given(flags.after, read_duration, "--after"),
        "run_timeout": _given(flags.timeout, read_duration, "--timeout"),
        "on_interrupt": flags.on_interrupt,
    }
    try:
        return RunSpec.model_validate({name: value for name, value in fields.items() if value is not None})
    except ValidationError as exc:
        raise InvalidRunError("; ".join(_explain(item) for item in exc.errors())) from exc


def read_then(*, stream: bool, wait: bool, background: bool) -> Then:
    """One of the three flags. Raises `InvalidRunError`."""
    flags = {Then.STREAM: stream, Then.WAIT: wait, Then.RETURN: background}
    given = [then for then, used in flags.items() if used]
    if len(given) > 1:
        raise InvalidRunError(f"{' and '.join(then.value for then in given)} exclude each other")
    return given[0] if given else Then.STREAM


def _check(flags: RunFlags) -> None:
    starts = {"--input": flags.input is not None, "--command": flags.command is not None, "--continue": flags.go_on}
    if len(given := [name for name, used in starts.items() if used]) > 1:
        raise InvalidRunError(f"{' and '.join(given)} exclude each other: a run starts from one of them")
    if flags.stateless and flags.thread is not None:
        raise InvalidRunError("--stateless and --thread exclude each other: a stateless run has a thread of its own")
    if flags.go_on and flags.thread is None:
        raise InvalidRunError("--continue needs --thread: it goes on from the thread's newest checkpoint")


def _scope(flags: RunFlags) -> dict[str, Any]:
    if flags.stateless:
        return {"kind": "stateless"}
    return {"thread_id": str(uuid.uuid4()) if flags.thread is None else flags.thread}


def _input(flags: RunFlags) -> Any:
    if flags.input is not None:
        return read_json(flags.input, "--input")
    return None if flags.go_on or flags.command is not None else {}


def _given(argument: str | None, read: Callable[[str, str], Any], flag: str) -> Any:
    return None if argument is None else read(argument, flag)


def _nodes(nodes: list[str]) -> list[str] | str:
    return "*" if "*" in nodes else nodes


def _explain(item: Any) -> str:
    """One of pydantic's complaints in the words of the command line."""
    names = [str(part) for part in item["loc"]]
    name = next((name for name in names if name in _FLAGS), None)
    flag = _FLAGS[name] if name else ".".join(names)
    if name in _CHOICES and item["type"] in ("literal_error", "enum"):
        allowed = _CHOICES[name]
        similar = nearest(str(item["input"]), allowed)
        return f"{flag}: unknown value {item['input']!r}{similar}; allowed: {', '.join(allowed)}"
    if name in ("thread_id", "run_id"):
        return (
            f"{flag}: {str(item['input'])[:80]!r} is no id: it must have 1 to {ID_MAX_LENGTH} characters on one line, "
            "no slash, and no space at either end"
        )
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"{flag}: {message}" if flag else message
