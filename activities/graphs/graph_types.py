"""The classes of a graph's own data: what its state may hold and what its code refers to.

A checkpoint names the classes of its values, and only these are built (`contracts.serialization.allowed_types`).
Nobody lists them: they are found from the graph's objects. Its schemas and channels; its nodes, tools, middleware and
subgraphs, with what their functions are annotated with, close over and refer to; the data classes of all their modules.
"""

from __future__ import annotations

import dataclasses
import functools
import inspect
import logging
import sys
import types
from collections import deque
from collections.abc import Iterable, Iterator
from enum import Enum
from pathlib import Path
from typing import Any, NewType, TypeVar, cast, get_args, get_origin, get_type_hints

from langchain_core.runnables import Runnable
from pydantic import BaseModel

from ...contracts.serialization.allowed_types import TypeName

logger = logging.getLogger(__name__)

_MOST_OBJECTS = 50_000
"""Of all that a graph refers to: it is looked at once, while the worker starts."""
_MOST_ITEMS = 1_000
"""Of one collection: a graph may close over its data."""
_LIBRARIES = frozenset(
    {
        *("langgraph", "langchain", "pydantic", "typing_extensions", "temporalio", "perdure", "httpx", "openai"),
        *("anthropic", "google", "boto3", "botocore", "numpy", "pandas", "sqlalchemy", "aiohttp", "requests"),
        *("pytest", "_pytest"),  # an `assert` in a node would lead to all tests there are
    }
)
"""Packages that know nothing of a graph's data: what their functions close over is looked at, and no more."""
_SETTINGS = ("pydantic_settings", "BaseSettings")
"""Models whose making reads the environment. Their package is no dependency of ours."""
_PLAIN = frozenset({str, int, float, bool, bytes, type(None), complex, types.ModuleType})


def graph_types(*roots: object) -> frozenset[TypeName]:
    """The data classes that graphs, or functions that make them, refer to."""
    return _names(tuple(_Search(roots).classes()))


class _Search:
    """Looks at each object once, the near ones first."""

    def __init__(self, roots: Iterable[object]) -> None:
        self._waiting = deque[Any](roots)
        self._seen = dict[int, Any]()
        """With the objects, which keep their ids their own."""
        self._modules = set[str]()

    def classes(self) -> Iterator[type[Any]]:
        """The data classes among what is found."""
        while self._waiting and len(self._seen) < _MOST_OBJECTS:
            one = self._waiting.popleft()
            if type(one) in _PLAIN or id(one) in self._seen:
                continue
            self._seen[id(one)] = one
            if isinstance(one, type) and _is_data(one):
                yield one
            try:
                self._waiting.extend(_behind(one))
                self._waiting.extend(self._of_module(one))
            except Exception:  # an object's own code may raise anything, and a graph must not fail for it
                kind = cast("type[Any]", type(one))
                logger.debug("what a %s of a graph leads to cannot be seen", kind, exc_info=True)
        if self._waiting:
            logger.warning("a graph refers to more than %d objects: not all are searched for types", _MOST_OBJECTS)

    def _of_module(self, one: Any) -> Iterator[type[Any]]:
        """The data classes beside a function or a class of the graph's own code, once for each module."""
        if not isinstance(one, types.FunctionType | type) or one.__module__ in self._modules:
            return
        self._modules.add(one.__module__)
        if not _is_library(one.__module__):
            yield from _data_of(one.__module__)


def _behind(one: Any) -> Iterable[Any]:
    """What an object leads to."""
    if isinstance(one, dict):
        return [*cast("dict[Any, Any]", one).values()][:_MOST_ITEMS] + [*cast("dict[Any, Any]", one)][:_MOST_ITEMS]
    if isinstance(one, list | tuple | set | frozenset | deque):
        return [*cast("Iterable[Any]", one)][:_MOST_ITEMS]
    if isinstance(one, types.FunctionType):
        return _of_function(one)
    if isinstance(one, types.MethodType):
        return one.__func__, one.__self__
    if isinstance(one, functools.partial):
        return cast("Any", one.func), one.args, one.keywords
    if inspect.isclass(one):
        return _of_class(cast("type[Any]", one))
    if parts := _of_annotation(one):
        return parts
    return _of_instance(one)


def _of_function(function: types.FunctionType) -> Iterator[Any]:
    yield from (function.__defaults__ or ())
    yield from (function.__kwdefaults__ or {}).values()
    for cell in function.__closure__ or ():
        try:
            yield cell.cell_contents
        except ValueError:  # it is not set yet
            continue
    yield getattr(function, "__wrapped__", None)
    if not _is_library(function.__module__):
        yield from _hints(function)
        yield from _referred(function.__code__, function.__globals__)


def _referred(code: types.CodeType, names: dict[str, Any]) -> Iterator[Any]:
    """The globals that a function's code names, also in functions within it, and by way of a module."""
    for name in code.co_names:
        found = names.get(name)
        yield found
        if isinstance(found, types.ModuleType) and not _is_library(found.__name__):
            yield from (vars(found)[part] for part in code.co_names if part in vars(found))
    for inner in code.co_consts:
        if isinstance(inner, types.CodeType):
            yield from _referred(inner, names)


def _data_of(module: str) -> Iterator[type[Any]]:
    for found in list(vars(sys.modules[module]).values()) if module in sys.modules else ():
        if isinstance(found, type) and _is_data(found):
            yield found


def _of_class(kind: type[Any]) -> Iterator[Any]:
    if _is_library(kind.__module__) and not _is_data(kind):
        return
    yield from _hints(kind)
    yield from (field.annotation for field in _fields(kind))
    yield from kind.__bases__
    if not _is_library(kind.__module__):
        yield from list(vars(kind).values())


def _fields(kind: type[Any]) -> Iterable[Any]:
    """Of a pydantic model; of a generic one as they are made for its arguments."""
    fields: object = getattr(kind, "model_fields", None) if issubclass(kind, BaseModel) else None
    return cast("dict[str, Any]", fields).values() if isinstance(fields, dict) else ()


def _of_annotation(one: Any) -> tuple[Any, ...]:
    """The parts of a type that is no class: `list[X]`, `X | None`, `Annotated[X, …]`, a `NewType`, a `TypeVar`."""
    if isinstance(one, TypeVar):
        return (one.__bound__, *one.__constraints__)
    if isinstance(one, NewType):
        return (one.__supertype__,)
    if type(one).__name__ == "TypeAliasType":
        return (one.__value__,)
    return (*get_args(one), get_origin(one)) if get_origin(one) is not None else ()


def _of_instance(one: Any) -> Iterator[Any]:
    kind = cast("type[Any]", type(one))
    if kind.__module__.partition(".")[0] in sys.stdlib_module_names and not isinstance(one, Enum):
        return
    if not _is_library(kind.__module__):
        yield kind
    fields: object = getattr(one, "__dict__", None)
    if isinstance(fields, dict):
        yield from list(cast("dict[str, Any]", fields).values())
    for name in _slots(kind):
        yield getattr(one, name, None)


def _slots(kind: type[Any]) -> Iterator[str]:
    for base in kind.__mro__:
        slots: object = vars(base).get("__slots__", ())
        yield from (slots,) if isinstance(slots, str) else cast("Iterable[str]", slots)


def _hints(one: Any) -> list[Any]:
    try:
        return list(get_type_hints(one, include_extras=True).values())
    except Exception:  # noqa: BLE001 - a name that only type checkers know, or whatever an annotation's code raises
        return list(cast("dict[str, Any]", getattr(one, "__annotations__", None) or {}).values())


def _is_data(kind: type[Any]) -> bool:
    """Whether LangGraph's format would store its values by the class's name. (Those of `pydantic.v1`, too.)"""
    try:
        if issubclass(kind, Runnable) or any(_is_settings(base) for base in kind.__mro__):
            return False  # their making does something: it opens a client, say
        models = issubclass(kind, BaseModel | Enum) or _is_v1(kind)
        return models or dataclasses.is_dataclass(kind) or hasattr(kind, "_asdict")
    except Exception:  # noqa: BLE001 - a metaclass may raise anything
        return False


def _is_settings(base: type[Any]) -> bool:
    return (base.__module__.partition(".")[0], base.__name__) == _SETTINGS


def _is_v1(kind: type[Any]) -> bool:
    return any(base.__module__.startswith("pydantic.v1") for base in kind.__mro__)


def _is_library(module: str | None) -> bool:
    top = (module or "").partition(".")[0]
    return top in sys.stdlib_module_names or top in _LIBRARIES or top.startswith(("langchain_", "langgraph_"))


def _names(classes: Iterable[type[Any]]) -> frozenset[TypeName]:
    return frozenset((module, kind.__name__) for kind in classes for module in _modules(kind.__module__))


def _modules(name: str) -> Iterator[str]:
    """A module's name, and those by which a client may import the same file."""
    yield name
    file: object = getattr(sys.modules.get(name), "__file__", None)
    if not isinstance(file, str) or _is_library(name):
        return
    path = Path(file).resolve()
    path = path.parent if path.name == "__init__.py" else path.with_suffix("")
    for folder in {Path(entry).resolve() for entry in sys.path}:
        parts = path.relative_to(folder).parts if path.is_relative_to(folder) else ()
        if parts and all(part.isidentifier() for part in parts):
            yield ".".join(parts)
