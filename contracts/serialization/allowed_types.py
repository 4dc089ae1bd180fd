"""The classes that may be built from what is read back: a checkpoint, a spec or a cached value only names them.

Who can write to a store could else have any callable of the process called. So a class is built only if it is one of
LangChain's and LangGraph's own for data, if a graph that is served here refers to it (`activities.graphs.graph_types`),
or if the settings name it. The list is the process's: whoever runs code in it needs no store to do so.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from enum import Enum
from importlib import import_module
from typing import Any, cast

from ..errors import ConfigError

TypeName = tuple[str, str]
"""Module and class, as LangGraph's format names them."""

_ALWAYS = {
    "langchain_core.agents": ("AgentAction", "AgentActionMessageLog", "AgentFinish", "AgentStep"),
    "langchain_core.outputs.chat_generation": ("ChatGeneration", "ChatGenerationChunk"),
    "langchain_core.outputs.chat_result": ("ChatResult",),
    "langchain_core.outputs.generation": ("Generation", "GenerationChunk"),
    "langchain_core.outputs.llm_result": ("LLMResult",),
    "langchain_core.outputs.run_info": ("RunInfo",),
    "langchain_core.prompt_values": ("ChatPromptValue", "ChatPromptValueConcrete", "StringPromptValue"),
    "langgraph.store.base": ("SearchItem",),
    "langgraph.types": ("StateUpdate",),
    "pydantic.types": ("SecretBytes", "SecretStr"),
}
"""Beside those that LangGraph allows: messages, documents, `Send`, `Command`, `Interrupt`, dates and the like."""
_LOOKED_AT = 2_000
"""Parts of a value. A look at all of a large one would cost more than the save."""
_PLAIN = frozenset({str, int, float, bool, bytes, type(None)})
_COLLECTIONS = (list, tuple, set, frozenset, deque)


class AllowedTypes:
    """Grows only."""

    def __init__(self) -> None:
        self._names = {(module, name) for module, names in _ALWAYS.items() for name in names}

    @property
    def names(self) -> frozenset[TypeName]:
        """All of them, now."""
        return frozenset(self._names)

    def __len__(self) -> int:
        return len(self._names)

    def __contains__(self, name: TypeName) -> bool:
        return name in self._names

    def add(self, names: Iterable[TypeName]) -> None:
        """These, too."""
        self._names.update(names)

    def add_settings(self, named: Iterable[str]) -> None:
        """Those of the setting `checkpointer.allowed_types`. Raises `ConfigError` for what is no class."""
        self.add([_imported(one) for one in named])


ALLOWED = AllowedTypes()


def _imported(text: str) -> TypeName:
    module, _, name = text.rpartition(".")
    try:
        found: object = getattr(import_module(module), name, None) if module else None
    except Exception as exc:
        raise ConfigError(f"checkpointer.allowed_types: {text!r}: {module} cannot be imported: {exc}") from exc
    if not isinstance(found, type):
        raise ConfigError(
            f"checkpointer.allowed_types: {text!r} is no class; write module.Class, as in `from module import Class`"
        )
    return found.__module__, found.__name__


_refuses: ContextVar[bool] = ContextVar("perdure_refuses_types", default=False)
_shows: ContextVar[bool] = ContextVar("perdure_shows_types", default=False)


@contextmanager
def refusing_types() -> Generator[None]:
    """What is read in here goes on in a run: a class that is not allowed raises `TypeNotAllowedError`.

    Elsewhere what is read is only shown, and of such a class its plain data is.
    """
    token = _refuses.set(True)
    try:
        yield
    finally:
        _refuses.reset(token)


@contextmanager
def showing_types() -> Generator[None]:
    """What is read in here is only looked at, also where a run's own saver reads it."""
    token = _shows.set(True)
    try:
        yield
    finally:
        _shows.reset(token)


def refuses_types() -> bool:
    """Whether this is inside of `refusing_types`, and not of `showing_types`."""
    return _refuses.get() and not _shows.get()


def named_types(value: object) -> Iterator[TypeName]:
    """The classes that a value would be stored with, as far as a short look shows."""
    waiting = deque[Any]([value])
    for _ in range(_LOOKED_AT):
        if not waiting:
            return
        one = waiting.popleft()
        kind = cast("type[Any]", type(one))
        if kind in _PLAIN:
            continue
        if _is_named(kind):
            yield kind.__module__, kind.__name__
        waiting.extend(_parts(one))


def _is_named(kind: type[Any]) -> bool:
    by_method = any(hasattr(kind, method) for method in ("model_dump", "get_secret_value", "_asdict"))
    return by_method or issubclass(kind, Enum) or dataclasses.is_dataclass(kind)


def _parts(value: Any) -> Iterable[Any]:
    if isinstance(value, dict):
        return list(cast("dict[Any, Any]", value).values())[:_LOOKED_AT]
    if isinstance(value, _COLLECTIONS):
        return list(cast("Iterable[Any]", value))[:_LOOKED_AT]
    if dataclasses.is_dataclass(value):
        return [getattr(value, field.name, None) for field in dataclasses.fields(value)]
    return ()
