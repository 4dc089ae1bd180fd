"""From a run's events to those of the API.

Ids are those of the run's events: dense, ascending, and the same over all processes. Where one event becomes several,
the last has its id, and the others `<id>-0`, `<id>-1`, …, so that each can be gone on from.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, cast

from ..contracts.errors import InvalidEventIdError
from ..contracts.langgraph_names import INTERRUPT
from ..contracts.types import GAP_EVENT, METADATA_EVENT, StreamEvent
from .accumulated import Accumulated
from .json_values import number_in
from .metadata import shown_metadata

METADATA = METADATA_EVENT
"""Asked for beside the stream modes."""
_PLACE = ("thread_id", "checkpoint_ns", "checkpoint_id", "checkpoint_map")
_INTERNAL = "__"
"""Begins LangGraph's own keys in a config."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A server-sent event."""

    event: str
    data: Any
    id: str | None = None


@dataclass(frozen=True, slots=True)
class Position:
    """How far a client has come: up to the event, or up to one of the frames that it became."""

    event: int = 0
    frame: int | None = None
    """`None`: all of them."""

    @property
    def after(self) -> int:
        """The event after which the stream is read again."""
        return self.event if self.frame is None else self.event - 1


def position_of(last_event_id: str | None) -> Position:
    """Of the header that clients send on a reconnect; -1 is the beginning. Raises `InvalidEventIdError`."""
    if last_event_id in (None, "", "-1", "-"):
        return Position()
    event, dash, frame = str(last_event_id).partition("-")
    at, part = number_in(event), number_in(frame)
    if at is None or (dash and part is None):
        raise InvalidEventIdError(last_event_id)
    return Position(at, part)


class Frames:
    """Of one reader of one run. `modes`: those that it wants, `metadata` among them or not."""

    def __init__(self, modes: Collection[str], since: Position = Position()) -> None:
        self.modes = frozenset(modes)
        self._since = since
        self._accumulated = Accumulated() if "messages" in self.modes else None

    @property
    def after(self) -> int:
        """The event after which the run's stream has to be read. Messages add up from their beginning."""
        return 0 if self._accumulated else self._since.after

    def is_whole(self, event: StreamEvent) -> bool:
        """Whether it has all frames of this event, and the same as any other reader in these modes."""
        return self._accumulated is None and int(event.id) > self._since.event and event.event != GAP_EVENT

    def of(self, event: StreamEvent) -> Iterator[Frame]:
        """The frames that this reader has not had."""
        found, number = [*self._of(event)], int(event.id)
        for place, (name, data) in enumerate(found):
            is_last = place == len(found) - 1
            if number > self._since.event or (
                number == self._since.event and self._since.frame is not None and (is_last or place > self._since.frame)
            ):
                yield Frame(name, data, event.id if is_last else f"{event.id}-{place}")

    def _of(self, event: StreamEvent) -> Iterator[tuple[str, Any]]:
        mode, _, namespace = event.event.partition("|")
        match mode:
            case "messages":
                message, metadata = event.data[0], shown_metadata(event.data[1])
                if "messages-tuple" in self.modes:
                    yield event.event, [message, metadata]
                if self._accumulated is not None:
                    yield from self._accumulated.add(message, metadata)
            case "error":  # also where nobody has asked for it
                yield "error", _failed(event.data)
            case "metadata" if not namespace and METADATA in self.modes:
                yield event.event, {"run_id": event.data["run_id"], "attempt": event.data["attempt"]}
            case "values" | "updates" if mode in self.modes:
                yield event.event, _with_schema(event.data)
            case "checkpoints" if mode in self.modes:
                yield event.event, without_internals(event.data)
            case "debug" if mode in self.modes:
                yield event.event, _debug(event.data)
            case "tasks" | "events" if mode in self.modes:
                yield event.event, _with_metadata(event.data)
            case "custom" if mode in self.modes:
                yield event.event, event.data
            case _ if event.event == GAP_EVENT:
                yield event.event, event.data
            case _:
                return


def _failed(data: Mapping[str, Any]) -> dict[str, Any]:
    error = data.get("error") or {"type": str(data.get("status") or "error"), "message": ""}
    return {"error": str(error["type"]).rpartition(".")[2], "message": error["message"]}


def _with_schema(data: Any) -> Any:
    """A question says of which form its answer has to be; ours may have any."""
    found = cast("dict[str, Any]", data)
    if not isinstance(data, dict) or INTERRUPT not in found:
        return found
    asked = [{"value": one["value"], "id": one["id"], "response_schema": None} for one in found[INTERRUPT]]
    return {**found, INTERRUPT: asked}


def _debug(data: Any) -> Any:
    found = cast("dict[str, Any]", data)
    if found["type"] != "checkpoint":
        return {**found, "payload": _with_metadata(found["payload"])}
    payload = without_internals(found["payload"])
    places = {"checkpoint": _place(payload["config"]), "parent_checkpoint": _place(payload.get("parent_config"))}
    return {**found, "payload": {**payload, **places}}


def _place(config: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if not config:
        return None
    return {name: value for name, value in config["configurable"].items() if name in _PLACE}


def _with_metadata(data: Mapping[str, Any]) -> Mapping[str, Any]:
    return {**data, "metadata": shown_metadata(data["metadata"])} if "metadata" in data else data


def without_internals(checkpoint: Mapping[str, Any]) -> dict[str, Any]:
    """A checkpoint whose configs have LangGraph's own keys no more."""
    configs = {name: _plain(checkpoint[name]) for name in ("config", "parent_config") if checkpoint.get(name)}
    return {**checkpoint, **configs}


def _plain(config: Mapping[str, Any]) -> dict[str, Any]:
    configurable = {
        key: value for key, value in config.get("configurable", {}).items() if not key.startswith(_INTERNAL)
    }
    return {**config, "configurable": configurable}
