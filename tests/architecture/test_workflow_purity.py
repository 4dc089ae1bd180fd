"""Workflows decide and nothing else: a replay must come to the same commands, so their code has no clock, no random
number, no I/O, and no order that Python does not promise. Temporal's sandbox sees some of it, at run time; our workers
do without it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from typing import get_args, get_origin

import pytest

from perdure.contracts import wire

from .source import Module, modules, parse

_MODULES = {
    "__future__", "asyncio", "collections.abc", "datetime", "typing", "pydantic",
    "temporalio", "temporalio.common", "temporalio.exceptions",
}  # fmt: skip
"""What a module of `workflows/` may import from outside."""
_NAMES = {"datetime": {"timedelta"}, "asyncio": {"CancelledError", "Task", "create_task", "shield", "sleep"}}
"""Of these only this much. Temporal's event loop makes asyncio's tasks and sleeps its own; threads, processes and
`asyncio.wait`, which goes through a set, it does not."""
_CALLS = {"open", "print", "input", "hash", "id", "exec", "eval", "compile", "globals", "vars", "__import__"}
"""Built-ins that reach outside or answer differently in another process."""
_ORDERLESS = {"set", "frozenset", "Set", "AbstractSet", "MutableSet"}
_REVEALS = {"list", "tuple", "iter", "enumerate", "zip", "map", "filter", "reversed", "fromkeys", "join", "extend"}
"""Calls whose result shows the order of what they are given. (`sorted`, `any`, `len`, `set` … do not.)"""
_SETTLES = {"sorted", "any", "all", "len", "set", "frozenset", "min", "max"}


def impurities(module: Module) -> list[str]:
    """Whatever may differ when the module's code runs again."""
    found = [*_wrong_imports(module), *_wrong_calls(module.tree), *_wrong_order(module.tree)]
    return [f"{module.place}:{line} {what}" for line, what in found]


def _wrong_imports(module: Module) -> Iterator[tuple[int, str]]:
    for statement in module.imports:
        if statement.ours:
            continue
        if statement.module not in _MODULES:
            yield statement.line, statement.module
        allowed = _NAMES.get(statement.module)
        if allowed is not None and not {*statement.names} <= allowed:
            yield statement.line, f"{statement.module}: {', '.join(sorted({*statement.names} - allowed))}"


def _wrong_calls(tree: ast.Module) -> Iterator[tuple[int, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in _CALLS:
            yield node.lineno, f"{node.func.id}()"
        elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
            allowed = _NAMES.get(node.value.id)
            if allowed is not None and node.attr not in allowed:
                yield node.lineno, ast.unparse(node)


def _wrong_order(tree: ast.Module) -> Iterator[tuple[int, str]]:
    sets = _set_names(tree)
    settled = {id(call.args[0]) for call in _calls(tree, _SETTLES) if call.args}
    for node in ast.walk(tree):
        for shown in _shown(node, settled):
            if _is_set(shown, sets):
                yield shown.lineno, f"the order of {ast.unparse(shown)}"


def _shown(node: ast.AST, settled: set[int]) -> list[ast.expr]:
    """The expressions whose order a node reveals."""
    if isinstance(node, ast.For | ast.AsyncFor):
        return [node.iter]
    if isinstance(node, ast.ListComp | ast.GeneratorExp | ast.DictComp):
        return [] if id(node) in settled else [part.iter for part in node.generators]
    if isinstance(node, ast.Starred):
        return [node.value]
    if (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "pop"
        and not node.args
    ):
        return [node.func.value]
    return list(node.args) if isinstance(node, ast.Call) and _name(node.func) in _REVEALS else []


def _set_names(tree: ast.Module) -> set[str]:
    """Variables, attributes and parameters that are annotated as sets or made as ones."""
    found: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.AnnAssign) and _says_set(node.annotation):
            found.add(ast.unparse(node.target).rpartition(".")[2])
        elif isinstance(node, ast.arg) and node.annotation is not None and _says_set(node.annotation):
            found.add(node.arg)
        elif isinstance(node, ast.Assign) and _is_set(node.value, found):
            found |= {ast.unparse(target).rpartition(".")[2] for target in node.targets}
        elif isinstance(node, ast.NamedExpr) and _is_set(node.value, found):
            found.add(node.target.id)
        elif isinstance(node, ast.FunctionDef) and node.returns is not None and _says_set(node.returns):
            found.add(node.name)
    return found


def _says_set(annotation: ast.expr) -> bool:
    outer = annotation.value if isinstance(annotation, ast.Subscript) else annotation
    if isinstance(annotation, ast.BinOp):
        return _says_set(annotation.left) or _says_set(annotation.right)
    return _name(outer) in _ORDERLESS


def _is_set(node: ast.expr, sets: set[str]) -> bool:
    if isinstance(node, ast.BinOp):
        return _is_set(node.left, sets) or _is_set(node.right, sets)
    if isinstance(node, ast.Call):
        return _name(node.func) in _ORDERLESS | sets
    return isinstance(node, ast.Set | ast.SetComp) or _name(node) in sets


def _calls(tree: ast.AST, names: set[str]) -> list[ast.Call]:
    return [node for node in ast.walk(tree) if isinstance(node, ast.Call) and _name(node.func) in names]


def _name(node: ast.expr) -> str:
    """The last word of a name or an attribute."""
    return node.attr if isinstance(node, ast.Attribute) else node.id if isinstance(node, ast.Name) else ""


def test_workflows_are_pure() -> None:
    ours = [module for module in modules().values() if module.room == "workflows"]
    assert ours
    assert [found for module in ours for found in impurities(module)] == []


def test_no_model_of_the_wire_holds_a_set() -> None:
    models = [value for value in vars(wire).values() if isinstance(value, type) and issubclass(value, wire.Wire)]
    assert len(models) > 10
    sets = [
        f"{model.__name__}.{name}"
        for model in models
        for name, field in model.model_fields.items()
        if {field.annotation, get_origin(field.annotation), *get_args(field.annotation)} & {set, frozenset}
    ]
    assert sets == []


@pytest.mark.parametrize(
    "text",
    [
        "import time",
        "import random",
        "from uuid import uuid4",
        "import os",
        "from datetime import datetime",
        "import datetime\ndatetime.datetime.now()",
        "from asyncio import to_thread",
        "import asyncio\nasyncio.wait([])",
        "import asyncio\nasyncio.get_running_loop().run_in_executor(None, f)",
        "from ..bridge.open import open_bridge\nopen('x')",
        "print(1)",
        "hash('x')",
        "for one in {1, 2}: ...",
        "for one in set(names): ...",
        "[one for one in {two for two in names}]",
        "class A:\n    seen: set[str]\n    def f(self):\n        for one in self.seen: ...",
        "def f(names: frozenset[str]): return list(names)",
        "def f(names: set[str] | None): return [*names]",
        "names = {1, 2}\ntext = ', '.join(names)",
        "names = set(a) - set(b)\nx = {one: 1 for one in names}",
        "names = {1, 2}\nnames.pop()",
        "names: set[int] = set()\nfirst = next(iter(names))",
        "def f() -> set[int]: ...\nfor one in f(): ...",
    ],
)
def test_an_impurity_is_seen(text: str) -> None:
    assert len(impurities(parse("perdure.workflows.sample", text))) >= 1


@pytest.mark.parametrize(
    "text",
    [
        "import asyncio\nasyncio.create_task(f())\nasyncio.sleep(1)",
        "from datetime import timedelta",
        "seen = {1, 2}\nif 1 in seen or seen.isdisjoint(names): ...",
        "seen: set[str] = set()\nseen.add('x')\nfor one in sorted(seen): ...",
        "seen = {1}\nif any(one > 1 for one in seen): ...",
        "names = {1: 2}\nfor one in names: ...\nnames.pop(1)",
    ],
)
def test_what_is_pure_passes(text: str) -> None:
    assert impurities(parse("perdure.workflows.sample", text)) == []
