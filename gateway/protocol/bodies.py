"""What clients ask for: which events, from where on. Raises 400 for what is none of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import orjson
from fastapi import Request

from ..errors import refuse
from ..json_values import is_list, list_of, number_in, object_of
from .entries import Wanted, is_channel
from .said import run_of

_CHANNELS = "values, updates, checkpoints, messages, tools, custom, lifecycle, input, tasks, or any `custom:<name>`"
INVALID_JSON = "Invalid JSON body"


class Unfit(Exception):
    """What is wrong with it."""


@dataclass(frozen=True, slots=True)
class Since:
    """From where on: the beginning, after a place in the line, or after an event."""

    seq: int = 0
    event_id: str | None = None


async def json_of(request: Request) -> Any:
    """The body of a request."""
    try:
        return orjson.loads(await request.body())
    except orjson.JSONDecodeError as exc:
        raise refuse(400, INVALID_JSON) from exc


def wanted_of(body: Any) -> Wanted:
    """A filter on events. Raises `Unfit`."""
    given = object_of(body)
    channels = given.get("channels")
    if not list_of(channels):
        raise Unfit("channels is required and must be a non-empty array")
    if unknown := [one for one in list_of(channels) if not (isinstance(one, str) and is_channel(one))]:
        named = ", ".join(map(str, unknown[:5]))
        raise Unfit(f"channels contains unsupported entries: {named}. Allowed: {_CHANNELS}.")
    return Wanted(frozenset(list_of(channels)), _namespaces(given.get("namespaces")), _depth(given))


def _namespaces(given: Any) -> tuple[tuple[str, ...], ...]:
    if given is None:
        return ()
    if not is_list(given) or not all(is_namespace(one) for one in list_of(given)):
        raise Unfit("namespaces: a list of lists of names")
    return tuple(map(tuple, list_of(given)))


def is_namespace(given: Any) -> bool:
    """Whether it is one, as JSON has it."""
    return is_list(given) and all(isinstance(part, str) for part in list_of(given))


def _depth(given: Mapping[str, Any]) -> int | None:
    return None if given.get("depth") is None else _number("depth", given["depth"])


def _number(name: str, value: Any) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise Unfit(f"{name}: a whole number, 0 or more")
    return value


def since_of(body: Mapping[str, Any], last_event_id: str | None = None) -> Since:
    """Where a client wants to go on. `last_event_id`: the header, which has one or the other. Raises `Unfit`."""
    if body.get("since") is not None:
        return Since(_number("since", body["since"]))
    if body.get("since_event_id") is not None:
        return _after(body["since_event_id"], "since_event_id")
    if last_event_id in (None, "", "-", "-1"):
        return Since()
    assert last_event_id is not None
    if (seq := number_in(last_event_id)) is not None:
        return Since(seq)
    return _after(last_event_id, "Last-Event-ID")


def _after(event_id: Any, name: str) -> Since:
    if not isinstance(event_id, str) or run_of(event_id) is None:
        raise Unfit(f"{name}: {event_id!r} is no id of an event of a thread")
    return Since(event_id=event_id)
