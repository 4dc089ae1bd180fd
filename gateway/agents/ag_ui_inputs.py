"""The input of a graph, of what a page has sent."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from .ag_ui_translation import GIVEN
from .conversations import MESSAGES, id_of, messages_in

_PLACES = ("ag-ui", "copilotkit")
"""Keys of the state in which graphs that were written for such pages look for what these offer."""


def new_input(body: Mapping[str, Any], keys: Mapping[str, Any] | None, values: Any) -> dict[str, Any] | None:
    """What differs from the values of the thread, as far as the graph takes it; `None`: nothing.

    A page sends back all that it was shown. Given to the graph again, lists would grow by what they have already.
    """
    sent = cast("dict[str, Any]", body["input"])
    there = cast("Mapping[str, Any]", values) if isinstance(values, Mapping) else dict[str, Any]()
    changed = {
        key: one
        for key, one in sent.items()
        if key != MESSAGES and (keys is None or key in keys) and (key not in there or there[key] != one)
    }
    messages = _new_messages(sent, values)
    if messages and (keys is None or MESSAGES in keys):
        changed[MESSAGES] = messages
    return {**changed, **_offered(body, keys or {})} if changed or values is None else None


def _new_messages(sent: Mapping[str, Any], values: Any) -> list[Mapping[str, Any]]:
    known = {id_of(one) for one in messages_in(values)}
    return [one for one in messages_in(sent) if not id_of(one) or id_of(one) not in known]


def _offered(body: Mapping[str, Any], keys: Mapping[str, Any]) -> dict[str, Any]:
    configurable = cast("dict[str, Any]", (body.get("config") or {}).get("configurable") or {})
    given = cast("dict[str, Any]", configurable.get(GIVEN) or {})
    tools, context = given.get("tools", []), given.get("context", [])
    whole = {"ag-ui": {"tools": tools, "context": context}, "copilotkit": {"actions": tools, "context": context}}
    return {place: whole[place] for place in _PLACES if place in keys}
