"""What handlers of `Auth` are shown of a request, and what they have changed of it."""

from __future__ import annotations

import uuid
from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from typing import Any, cast
from urllib.parse import parse_qs, urlencode

from ..contracts.types import CancelAction
from .access_rules import Match
from .errors import refuse
from .ids import assistant_of, is_assistant_id, new_id
from .json_values import object_of

_IDS = ("thread_id", "run_id", "assistant_id", "cron_id")
_OF_RUN: Mapping[str, Any] = {"multitask_strategy": "enqueue", "if_not_exists": "reject", "after_seconds": 0}
"""Fields of a run that are shown by themselves, and what they are by default; the rest is its `kwargs`."""
_PAGE: Mapping[str, Any] = {"limit": 10, "offset": 0}
_BY_DEFAULT: Mapping[tuple[str, str], Mapping[str, Any]] = {
    ("threads", "create"): {"if_exists": "raise"},
    ("threads", "search"): {"values": {}, "status": None, **_PAGE},
    ("assistants", "search"): {"graph_id": None, **_PAGE},
    ("store", "put"): {"index": None, "ttl": None},
    ("store", "search"): {"filter": None, "query": None, "refresh_ttl": None, **_PAGE},
    ("store", "list_namespaces"): {"suffix": None, "max_depth": None, "limit": 100, "offset": 0},
}
"""What handlers find although the client has not said it, as with LangGraph's server."""
_NAMESPACES = {"search": "namespace_prefix", "list_namespaces": "prefix"}
"""How the body calls what the value calls `namespace`, where it does not call it so."""


@dataclass(frozen=True, slots=True)
class Asked:
    """A request whose body was read."""

    match: Match
    query: str
    body: Any = None

    @property
    def action(self) -> str:
        """What it does."""
        return self.match.rule.action


def prepared(asked: Asked) -> Asked:
    """A new thread's id is made here, so that handlers are told the one that it gets."""
    rule, body = asked.match.rule, cast("dict[str, Any] | None", asked.body)
    if (rule.resource, rule.action) != ("threads", "create") or not isinstance(body, dict) or body.get("thread_id"):
        return asked
    return Asked(asked.match, asked.query, {**body, "thread_id": new_id()})


def values_of(asked: Asked) -> list[dict[str, Any]]:
    """One for each thing that is done. Handlers may change them."""
    return [_value(asked, body) for body in _bodies(asked)]


def _bodies(asked: Asked) -> list[Any]:
    """Of a batch there are several; a command has it in its envelope."""
    if _is_command(asked):
        return [cast("dict[str, Any]", asked.body).get("params")]
    is_batch = asked.action == "create_run" and isinstance(asked.body, list)
    return cast("list[Any]", asked.body) if is_batch else [asked.body]


def _is_command(asked: Asked) -> bool:
    return isinstance(asked.body, dict) and asked.match.rule.path.endswith("/commands")


def _value(asked: Asked, body: object) -> dict[str, Any]:
    fields = deepcopy(object_of(body))
    if not isinstance(fields.get("metadata"), dict | None):
        raise refuse(422, "metadata: an object")
    ids = {name: _id_of(name, value) for name, value in asked.match.values.items() if name in _IDS}
    if asked.match.rule.resource == "store":
        return _of_store(asked, fields)
    if asked.action == "create_run":
        return _of_run(fields, ids)
    if asked.action in ("read", "delete") and "thread_id" in ids:
        return ids
    if asked.match.rule.path.endswith("/cancel"):
        fields["action"] = _query(asked).get("action", [CancelAction.INTERRUPT.value])[0]
    if asked.action in ("create", "search", "update"):
        fields["metadata"] = fields.get("metadata") or {}
    said = {name: value for name, value in fields.items() if value is not None}
    fields = {**fields, **_BY_DEFAULT.get((asked.match.rule.resource or "", asked.action), {}), **said}
    return {**fields, **{name: _id(fields[name]) for name in _IDS if isinstance(fields.get(name), str)}, **ids}


def _of_run(fields: dict[str, Any], ids: Mapping[str, Any]) -> dict[str, Any]:
    assistant = fields.pop("assistant_id", None)
    metadata: dict[str, Any] = fields.pop("metadata", None) or {}
    given = {name: default if (one := fields.pop(name, None)) is None else one for name, default in _OF_RUN.items()}
    return {
        "thread_id": ids.get("thread_id"),
        "assistant_id": _assistant(assistant),
        "run_id": None,
        "status": "pending",
        "prevent_insert_if_inflight": given["multitask_strategy"] == "reject",
        **given,
        "metadata": metadata,
        "kwargs": fields,
    }


def _of_store(asked: Asked, fields: dict[str, Any]) -> dict[str, Any]:
    if asked.action == "get":
        query = _query(asked)
        labels = [label for given in query.get("namespace", []) for label in given.split(".")]
        return {"namespace": tuple(labels), "key": query.get("key", [None])[0], "refresh_ttl": None}
    namespace = fields.pop(_NAMESPACES.get(asked.action, "namespace"), None)
    fields = {**_BY_DEFAULT.get(("store", asked.action), {}), **fields}
    if asked.action == "list_namespaces" and namespace is None:
        return {**fields, "namespace": None}
    return {**fields, "namespace": tuple(cast("list[Any]", namespace)) if isinstance(namespace, list) else ()}


def changed(asked: Asked, values: Sequence[Mapping[str, Any]]) -> Asked:
    """The request as the handlers have left it. Of what is read or removed there is nothing to be changed."""
    if asked.match.rule.resource != "store" and asked.action in ("read", "delete"):
        return asked
    if asked.match.rule.resource == "store" and asked.action == "get":
        return Asked(asked.match, urlencode(_item_query(asked, values[0]), doseq=True), None)
    bodies = [_body(asked, body, value) for body, value in zip(_bodies(asked), values, strict=True)]
    if _is_command(asked):
        return Asked(asked.match, asked.query, {**cast("dict[str, Any]", asked.body), "params": bodies[0]})
    return Asked(asked.match, asked.query, bodies if isinstance(asked.body, list) else bodies[0])


def _body(asked: Asked, body: object, value: Mapping[str, Any]) -> object:
    before = _value(asked, body)
    new = {name: one for name, one in value.items() if name not in _IDS and (name not in before or before[name] != one)}
    fields = object_of(body)
    if not new or not isinstance(body, dict | None):
        return body
    if asked.match.rule.resource == "store":
        return _named(asked, fields, new)
    kwargs = cast("dict[str, Any] | None", new.pop("kwargs", None))
    if kwargs is None:
        return {**fields, **new}
    left_out: dict[str, Any] = {name: None for name in before["kwargs"] if name not in kwargs}
    return {**fields, **left_out, **kwargs, **new}


def _named(asked: Asked, fields: Mapping[str, Any], new: Mapping[str, Any]) -> dict[str, Any]:
    name = _NAMESPACES.get(asked.action, "namespace")
    return {**fields, **{name if key == "namespace" else key: one for key, one in new.items()}}


def _item_query(asked: Asked, value: Mapping[str, Any]) -> dict[str, Any]:
    namespace = tuple(value["namespace"])
    if any(not isinstance(label, str) or not label or "." in label for label in namespace):
        raise refuse(422, "namespace: a label is empty or has a period in it")
    return {**_query(asked), "namespace": list(namespace), "key": value["key"] or []}


def _query(asked: Asked) -> dict[str, list[str]]:
    return parse_qs(asked.query)


def _id(text: Any) -> Any:
    """As LangGraph shows it; a stateless run's thread has an id that is none of its."""
    try:
        return uuid.UUID(text)
    except (ValueError, TypeError, AttributeError):
        return text


def _id_of(name: str, text: str) -> Any:
    return _assistant(text) if name == "assistant_id" else _id(text)


def _assistant(name: Any) -> Any:
    if not isinstance(name, str):
        return None
    return _id(name if is_assistant_id(name) else assistant_of(name))
