"""Modules stay one idea long, functions one thought, and neither is a drawer for odds and ends."""

from __future__ import annotations

import ast

from .source import ROOT, Module, docstrings, files, modules, others, parse

_MODULE_LINES = 320
_TEST_LINES = 500
"""A test file is a list of cases, read one by one."""
_FUNCTION_LINES = 60
_DRAWERS = {"utils", "util", "helpers", "helper", "common", "misc"}

Function = ast.FunctionDef | ast.AsyncFunctionDef


def long_functions(module: Module) -> list[str]:
    """Functions with too long a body. Functions within are measured by themselves: commands are registered that way."""
    long = [node for node in module.nodes if isinstance(node, Function) and len(_lines(node)) > _FUNCTION_LINES]
    texts = docstrings(module) if long else set[int]()
    sizes = {node: _own_lines(node, texts) for node in long}
    return [f"{node.name} ({size} lines)" for node, size in sizes.items() if size > _FUNCTION_LINES]


def _own_lines(function: Function, texts: set[int]) -> int:
    body = [node for node in function.body if not (isinstance(node, ast.Expr) and id(node.value) in texts)]
    inner = [node for node in ast.walk(function) if isinstance(node, Function) and node is not function]
    lines = {line for node in body for line in _lines(node)}
    return len(lines - {line for node in inner for line in _lines(node)})


def _lines(node: ast.stmt) -> range:
    return range(node.lineno, (node.end_lineno or node.lineno) + 1)


def test_no_module_is_too_long() -> None:
    lengths = {path.relative_to(ROOT).as_posix(): len(path.read_text("utf-8").splitlines()) for path in files()}
    limits = {place: _TEST_LINES if place.startswith("tests/") else _MODULE_LINES for place in lengths}
    assert {place: lines for place, lines in lengths.items() if lines > limits[place]} == {}


def test_no_function_is_too_long() -> None:
    found = {module.place: long_functions(module) for module in (*modules().values(), *others())}
    assert {place: names for place, names in found.items() if names} == {}


def sample(text: str) -> Module:
    return parse("tests.sample", text)


def test_a_long_function_is_seen() -> None:
    body = "\n".join(f"    step({number})" for number in range(_FUNCTION_LINES))
    docstring = '    """Three\n\n    lines."""'
    assert long_functions(sample(f"def good():\n{docstring}\n{body}")) == []
    assert long_functions(sample(f"async def long():\n{docstring}\n{body}\n    end()")) == ["long (61 lines)"]
    inner = f"def outer():\n    def one():\n{body.replace('    ', '        ')}\n    return one"
    assert long_functions(sample(inner)) == []


def test_no_module_is_a_drawer() -> None:
    assert [path.name for path in files() if {path.stem, path.parent.name} & _DRAWERS] == []


def test_every_module_says_what_it_is() -> None:
    assert [module.place for module in modules().values() if not ast.get_docstring(module.tree)] == []
