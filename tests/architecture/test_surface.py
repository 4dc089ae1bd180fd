"""The public surface of each room: `__all__` says exactly what it offers."""

from __future__ import annotations

import ast
import importlib

import pytest

from .source import PACKAGE, ROOMS, modules

_ROOMS = [PACKAGE, *(f"{PACKAGE}.{room}" for room in ROOMS)]


def _order(name: str) -> tuple[int, str]:
    """Constants, classes, the rest; each by the alphabet: what ruff's formatter of `__all__` keeps."""
    kind = 0 if name.isupper() else 1 if name[0].isupper() else 2
    return kind, name


def _imported(room: str) -> set[str]:
    """The names that a room's `__init__.py` takes from its own modules, without those that it only uses itself."""
    module = modules()[room]
    own = [line for line in module.imports if line.ours and not _in_function(module.tree, line.line)]
    return {name for line in own for name in line.names}


def _in_function(tree: ast.Module, line: int) -> bool:
    functions = (node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef))
    return any(node.lineno <= line <= (node.end_lineno or 0) for node in functions)


@pytest.mark.parametrize("room", _ROOMS)
def test_all_names_what_is_there(room: str) -> None:
    module = importlib.import_module(room)
    names: list[str] = getattr(module, "__all__", [])
    assert names == sorted({*names}, key=_order)
    assert [name for name in names if not hasattr(module, name)] == []
    assert not [name for name in names if name.startswith("_")]


@pytest.mark.parametrize("room", _ROOMS)
def test_all_names_everything_that_a_room_offers(room: str) -> None:
    names: list[str] = getattr(importlib.import_module(room), "__all__", [])
    assert _imported(room) <= {*names}


def test_only_contracts_is_used_by_module() -> None:
    # `contracts.types`, `contracts.errors`, … are places of their own; every other room has a front door.
    without = [room for room in _ROOMS if not hasattr(importlib.import_module(room), "__all__")]
    assert without == [f"{PACKAGE}.contracts"]
