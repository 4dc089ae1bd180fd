"""What the documents show is there: each Python example is read, and every name that it takes from perdure tried."""

from __future__ import annotations

import ast
import importlib
import inspect
import re
import textwrap
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any, cast

import pytest
from pydantic import BaseModel

import perdure
from perdure import RunsFacade

from .source import PACKAGE, ROOT, modules

_BLOCK = re.compile(r"^ *```python[^\n]*\n(?P<code>.*?)^ *```", re.MULTILINE | re.DOTALL)
_CONNECT = (f"{PACKAGE}.connect(", "connect(")


def documents() -> list[Path]:
    """Everything with examples for users."""
    found = [ROOT / "README.md", ROOT / "CHANGELOG.md", *ROOT.glob("docs/**/*.md"), *ROOT.glob("examples/**/*.md")]
    return [path for path in found if path.is_file()]


def blocks(text: str) -> list[str]:
    """The Python code blocks of a document."""
    return [textwrap.dedent(match["code"]) for match in _BLOCK.finditer(text)]


def wrong_names(code: str) -> list[str]:
    """What an example uses of perdure, and perdure does not have."""
    try:
        tree = ast.parse(code)
    except SyntaxError as exc:
        return [f"not Python: {exc}"]
    known = _bound(tree)
    found = [name for node in ast.walk(tree) for name in _wrong_imports(node)]
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id in known:
            if not _has(known[node.value.id], node.attr):
                found.append(ast.unparse(node))
        elif isinstance(node, ast.Call):
            found += _wrong_arguments(node, known)
    return found


def _has(owner: Any, name: str) -> bool:
    return hasattr(owner, name) or name in getattr(owner, "model_fields", {})


def _bound(tree: ast.Module) -> dict[str, Any]:
    """The names of an example that stand for something of ours; `connect() as runs` makes `runs` a facade."""
    known: dict[str, Any] = {PACKAGE: perdure}
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == PACKAGE:
            module = _module(node.module or "")
            known |= {alias.asname or alias.name: getattr(module, alias.name, None) for alias in node.names}
        elif isinstance(node, ast.withitem) and ast.unparse(node.context_expr).startswith(_CONNECT):
            known |= {node.optional_vars.id: RunsFacade} if isinstance(node.optional_vars, ast.Name) else {}
    return {name: value for name, value in known.items() if value is not None}


def _module(name: str) -> ModuleType | None:
    try:
        return importlib.import_module(name)
    except ImportError:
        return None


def _wrong_imports(node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            if alias.name.partition(".")[0] == PACKAGE and _module(alias.name) is None:
                yield f"import {alias.name}"
    elif isinstance(node, ast.ImportFrom) and (node.module or "").partition(".")[0] == PACKAGE:
        module = _module(node.module or "")
        for alias in node.names:
            if not hasattr(module, alias.name) and _module(f"{node.module}.{alias.name}") is None:
                yield f"from {node.module} import {alias.name}"


def _wrong_arguments(call: ast.Call, known: dict[str, Any]) -> list[str]:
    """Keywords that a class or function of ours, or a method of the facade, does not take."""
    parts = ast.unparse(call.func).split(".")
    target: Any = known.get(parts[0])
    for part in parts[1:]:
        target = getattr(target, part, None)
    if not callable(target) or (parts[0] not in known):
        return []
    allowed = _keywords(target)
    return [f"{'.'.join(parts)}({word.arg}=…)" for word in call.keywords if word.arg and word.arg not in allowed]


def _keywords(target: Any) -> set[str]:
    if isinstance(target, type) and issubclass(target, BaseModel):
        return {*target.model_fields}
    parameters = inspect.signature(cast("Any", target)).parameters.values()
    return {parameter.name for parameter in parameters}


def test_what_the_documents_show_is_there() -> None:
    sources = {path.relative_to(ROOT).as_posix(): path.read_text(encoding="utf-8") for path in documents()}
    sources |= {module.place: inspect.cleandoc(ast.get_docstring(module.tree) or "") for module in modules().values()}
    wrong = {
        place: found for place, text in sources.items() if (found := [w for b in blocks(text) for w in wrong_names(b)])
    }
    assert wrong == {}


def test_the_package_itself_shows_an_example() -> None:
    assert blocks(perdure.__doc__ or "")


@pytest.mark.parametrize(
    ("code", "wrong"),
    [
        ("from perdure import RunSpec, Runner", ["from perdure import Runner"]),
        ("import perdure.facade.runner", ["import perdure.facade.runner"]),
        ("import perdure\nperdure.conect()", ["perdure.conect"]),
        ("from perdure import RunSpec\nRunSpec(assistant_id='a', treads=1)", ["RunSpec(treads=…)"]),
        ("from perdure import RunStatus\nRunStatus.DONE", ["RunStatus.DONE"]),
        ("async with perdure.connect() as runs:\n    await runs.stop('x')", ["runs.stop"]),
        ("async with perdure.connect() as runs:\n    await runs.cancel('x', how='y')", ["runs.cancel(how=…)"]),
        ("async with perdure.connect(home='x') as runs: ...", ["perdure.connect(home=…)"]),
        ("run the thing", ["not Python: invalid syntax (<unknown>, line 1)"]),
    ],
)
def test_a_wrong_example_is_seen(code: str, wrong: list[str]) -> None:
    assert wrong_names(code) == wrong


def test_a_right_example_is_right() -> None:
    assert (
        wrong_names(
            """
import perdure
from perdure import RunScope, RunSpec, RunStatus
from perdure.bridge import MemoryBridge

spec = RunSpec(assistant_id="agent", scope=RunScope(thread_id="t"), input={"messages": []})
async with perdure.connect(config="temporal-dev.yaml") as runs:
    record, stream = await runs.create_and_stream(spec)
    async for event in await runs.join_stream(record.run_id, last_event_id="3"):
        print(event)
    assert (await runs.join_wait(record.run_id)).status is RunStatus.SUCCESS
"""
        )
        == []
    )


def test_blocks_are_found_in_lists_too() -> None:
    text = "# Title\n```python\none = 1\n```\n- item\n\n  ```python\n  if one:\n      two = 2\n  ```\n```sh\nls\n```\n"
    assert blocks(text) == ["one = 1\n", "if one:\n    two = 2\n"]
