"""The format of what is stored with its Python types: LangGraph's, building only classes that are allowed."""

from __future__ import annotations

import dataclasses
import json
import logging
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextvars import ContextVar
from typing import Any, cast

from langgraph.checkpoint.serde.event_hooks import SerdeEvent, register_serde_event_listener
from langgraph.checkpoint.serde.jsonplus import JsonPlusSerializer

from ..errors import TypeNotAllowedError
from ..keyring import Keyring, opened_bytes, sealed_bytes
from .allowed_types import ALLOWED, AllowedTypes, refuses_types
from .serializer import qualified_name

logger = logging.getLogger(__name__)

_MOST_TOLD = 1_000
"""Classes that are warned of, each once: what is stored may name ever new ones."""
_DEPTH = 50
"""Levels of a value that are looked into."""
_SEALED = "+sealed"
"""Ends the type of what is sealed."""
_BLOCKED = {"msgpack_blocked", "msgpack_method_blocked"}

_found: ContextVar[list[str] | None] = ContextVar("perdure_blocked_types", default=None)
_told: set[str] = set()


class Serializer(JsonPlusSerializer):
    """Of a class that is not allowed nothing is built: its plain data takes its place, or reading raises.

    `refuses`: always raise, not only inside of `refusing_types`. Pickles are never read, nor written. `keyring`: seals
    what is stored. The type says so, as that of LangGraph's `EncryptedSerializer` does.
    """

    def __init__(
        self, *, refuses: bool = True, allowed: AllowedTypes = ALLOWED, keyring: Keyring | None = None
    ) -> None:
        super().__init__(pickle_fallback=False, allowed_msgpack_modules=[])
        self.keyring = keyring
        self._refuses = refuses
        self._allowed = allowed
        self._known = 0
        self._reader = JsonPlusSerializer(pickle_fallback=False, allowed_msgpack_modules=[])

    def with_msgpack_allowlist(self, extra_allowlist: Iterable[tuple[str, ...] | type]) -> Serializer:
        """LangGraph's own derivation, in its strict mode."""
        keys = ((one.__module__, one.__name__) if isinstance(one, type) else one for one in extra_allowlist)
        self._allowed.add((key[0], key[1]) for key in keys)
        return self

    def dumps_typed(self, obj: Any) -> tuple[str, bytes]:
        """Raises what LangGraph's does, for a value that cannot be stored."""
        kind, data = super().dumps_typed(obj)
        return (kind, data) if self.keyring is None else (kind + _SEALED, sealed_bytes(self.keyring, data))

    def loads_typed(self, data: tuple[str, bytes]) -> Any:
        """Raises `TypeNotAllowedError`, `UnavailableError` for what cannot be opened, or `NotImplementedError` for a
        format that is not read.
        """
        if data[0].endswith(_SEALED):
            data = data[0].removesuffix(_SEALED), opened_bytes(self.keyring, data[1])
        found: list[str] = []
        token = _found.set(found)
        try:
            # Older LangGraphs wrote JSON. Its constructors would be looked up by name, so they stay what they are.
            value = _from_json(data[1]) if data[0] == "json" else self._of_now().loads_typed(data)
        finally:
            _found.reset(token)
        if found:
            self._not_allowed(found)
        return value

    def _of_now(self) -> JsonPlusSerializer:
        if self._known != len(self._allowed):
            names = self._allowed.names
            self._reader = JsonPlusSerializer(pickle_fallback=False, allowed_msgpack_modules=names)
            self._known = len(names)
        return self._reader

    def _not_allowed(self, found: list[str]) -> None:
        if self._refuses or refuses_types():
            raise TypeNotAllowedError(found)
        for name in {*found} - _told:
            if len(_told) < _MOST_TOLD:
                _told.add(name)
                logger.warning("%s is not allowed (checkpointer.allowed_types): what is stored of it is shown", name)


def keyring_of(serde: object) -> Keyring | None:
    """The keys of a saver's serializer, if it has any."""
    return serde.keyring if isinstance(serde, Serializer) else None


def _note(event: SerdeEvent) -> None:
    """LangGraph tells of each class that it does not build, in the middle of reading."""
    found = _found.get()
    if found is not None and event["kind"] in _BLOCKED:
        found.append(".".join(filter(None, (event["module"], event["name"], event.get("method")))))


register_serde_event_listener(_note)


def _from_json(data: bytes) -> Any:
    return json.loads(data, object_hook=_plain)


def _plain(value: dict[str, Any]) -> dict[str, Any]:
    found = _found.get()
    if found is not None and value.get("lc") in (1, 2) and isinstance(value.get("id"), list):
        found.append(".".join(map(str, value["id"])))
    return value


def unstorable(value: object, dump: Callable[[Any], object], *, depth: int = _DEPTH) -> tuple[str, str] | None:
    """Where in a value something is that cannot be stored, like `['a'][3].lock`, and its type; `None` without any."""
    if _can(dump, value):
        return None
    for place, part in _parts(value) if depth else ():
        if found := unstorable(part, dump, depth=depth - 1):
            return place + found[0], found[1]
    return "", qualified_name(type(value))


def _can(dump: Callable[[Any], object], value: object) -> bool:
    try:
        dump(value)
    except Exception:  # noqa: BLE001 - the value's own code may raise anything
        return False
    return True


def _parts(value: Any) -> Iterator[tuple[str, Any]]:
    if isinstance(value, Mapping):
        yield from ((f"[{key!r}]", one) for key, one in cast("Mapping[Any, Any]", value).items())
    elif isinstance(value, Collection) and not isinstance(value, str | bytes):
        yield from ((f"[{place}]", one) for place, one in enumerate(cast("Collection[Any]", value)))
    elif dataclasses.is_dataclass(value):
        yield from ((f".{field.name}", getattr(value, field.name, None)) for field in dataclasses.fields(value))
    else:
        slots = cast("str | Iterable[str]", getattr(cast("object", type(value)), "__slots__", ()))
        for name in (*getattr(value, "__dict__", ()), *([slots] if isinstance(slots, str) else slots)):
            yield f".{name}", getattr(value, name, None)
