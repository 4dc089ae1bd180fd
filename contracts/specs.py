"""How the spec of a run becomes a row of the store.

Its free values (input, command, config, context) keep their Python types on the way to the worker, messages,
dataclasses and sets among them: they travel in LangGraph's own checkpoint format, since its checkpointer is what
will hold them next. Tuples become lists there. Who gives them to a graph reads them inside of `refusing_types`.
"""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from functools import cache
from typing import TYPE_CHECKING, cast

from .errors import InvalidRunError
from .serialization.serializer import from_json
from .types import RunSpec

if TYPE_CHECKING:
    from .serialization.serde import Serializer

_PAYLOAD_FIELDS = ("input", "command", "runnable_config", "context")


@cache
def _serde() -> Serializer:
    # Here, because it loads LangChain: who only lists runs does not pay for that.
    from .serialization.serde import Serializer

    return Serializer(refuses=False)


def dump_spec(spec: RunSpec) -> tuple[str, str, bytes]:
    """A spec as its plain fields (JSON), and its free values (format name, bytes).

    Raises `InvalidRunError`, naming the field, for a value that cannot be stored.
    """
    payload: dict[str, tuple[str, bytes]] = {}
    for name in _PAYLOAD_FIELDS:
        value = getattr(spec, name)
        if name == "command" and value is not None:
            value = {field: getattr(value, field) for field in ("resume", "update", "goto")}
        with _storable(name, value):
            payload[name] = _serde().dumps_typed(value)
    with _storable("metadata"):  # the only other field of free values
        fields = spec.model_dump_json(exclude=set(_PAYLOAD_FIELDS))
    kind, data = _serde().dumps_typed(payload)
    return fields, kind, data


@contextmanager
def _storable(field: str, value: object = None) -> Generator[None]:
    try:
        yield
    except (TypeError, ValueError, RecursionError) as exc:
        raise InvalidRunError(f"{field} cannot be stored: {exc}{_where(field, value)}", field=field) from exc


def _where(field: str, value: object) -> str:
    from .serialization.serde import unstorable

    found = unstorable(value, _serde().dumps_typed)
    return f" (at {field}{found[0]})" if found and found[0] else ""


def load_spec(fields: str, kind: str, data: bytes) -> RunSpec:
    """The inverse of `dump_spec`. Raises `TypeNotAllowedError` inside of `refusing_types`."""
    payload = cast("dict[str, tuple[str, bytes]]", _serde().loads_typed((kind, data)))
    values = {name: _serde().loads_typed((part[0], part[1])) for name, part in payload.items()}
    return RunSpec.model_validate({**from_json(fields), **values})


def dump_value(value: object, field: str) -> tuple[str, bytes]:
    """A free value by itself. Raises `InvalidRunError`, naming the field, for one that cannot be stored."""
    with _storable(field, value):
        return _serde().dumps_typed(value)


def load_value(kind: str, data: bytes) -> object:
    """The inverse of `dump_value`."""
    return cast("object", _serde().loads_typed((kind, data)))
