"""JSON schemas of graphs as those of tools: short enough to be read by a model."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, cast

_REF = "#/$defs/"
_MESSAGES = ("AIMessage", "HumanMessage", "ToolMessage")
"""A choice among these is LangChain's message, whose schema takes some twenty thousand characters."""
_MESSAGE: Mapping[str, Any] = {
    "type": "object",
    "description": "A message of the conversation.",
    "properties": {
        "role": {"type": "string", "enum": ["user", "assistant", "system", "tool"]},
        "content": {"type": ["string", "array"]},
    },
    "required": ["content"],
}
_PLAIN = ("string", "number", "integer", "boolean")


def input_schema(schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """Of a graph's input; anything, where it could not be made."""
    short = _short(dict(schema or {}))
    return {**_used(short), "type": "object"}


def output_schema(schema: Mapping[str, Any] | None) -> dict[str, Any]:
    """Of the state in which a graph ends: its keys, none of which has to be there, and what is plain of their types.

    A client refuses a result that is not as was said, and nobody checks what a node writes: null may stand anywhere.
    """
    properties = cast("dict[str, Any]", (schema or {}).get("properties", {}))
    return {"type": "object", "properties": {name: _nullable(_short(one)) for name, one in properties.items()}}


def _nullable(schema: Mapping[str, Any]) -> dict[str, Any]:
    told = {name: schema[name] for name in ("title", "description") if name in schema}
    kind = schema.get("type")
    if kind in _PLAIN:
        return {**told, "type": [kind, "null"]}
    if kind in ("array", "object"):
        items = schema.get("items")
        message = {"items": dict(_MESSAGE)} if items == _MESSAGE else {}
        return {**told, "type": [kind, "null"], **message}
    return told


def _short(schema: Any) -> Any:
    if isinstance(schema, list):
        return [_short(one) for one in cast("list[Any]", schema)]
    if not isinstance(schema, dict):
        return schema
    found = cast("dict[str, Any]", schema)
    if any(_is_message(found.get(word)) for word in ("oneOf", "anyOf")):
        return dict(_MESSAGE)
    return {name: _short(one) for name, one in found.items()}


def _is_message(choice: Any) -> bool:
    choices = cast("list[Any]", choice) if isinstance(choice, list) else []
    named = {str(one.get("$ref", "")).removeprefix(_REF) for one in choices if isinstance(one, dict)}  # pyright: ignore
    return named.issuperset(_MESSAGES)


def _used(schema: dict[str, Any]) -> dict[str, Any]:
    """Without definitions that nothing refers to any more."""
    defined = cast("dict[str, Any]", schema.get("$defs", {}))
    rest = {name: one for name, one in schema.items() if name != "$defs"}
    wanted, open_ = set[str](), set(_refs(rest))
    while open_:
        wanted |= open_
        open_ = {ref for name in open_ if name in defined for ref in _refs(defined[name])} - wanted
    kept = {name: one for name, one in defined.items() if name in wanted}
    return {**rest, **({"$defs": kept} if kept else {})}


def _refs(schema: Any) -> Iterator[str]:
    if isinstance(schema, list):
        for one in cast("list[Any]", schema):
            yield from _refs(one)
    elif isinstance(schema, dict):
        for name, one in cast("dict[str, Any]", schema).items():
            if name == "$ref" and isinstance(one, str):
                yield one.removeprefix(_REF)
            yield from _refs(one)
