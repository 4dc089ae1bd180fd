"""What begins with an underscore is its owner's: nobody else imports it, or reaches for it in a module."""

from __future__ import annotations

import ast

import pytest

from .source import PACKAGE, Import, Module, modules, others, parse

_PUBLIC = {"os._exit", "sys._getframe"}
"""Documented by Python in spite of their names."""


def private_imports(module: Module) -> list[str]:
    """Private modules, and private names of other modules, that a module imports."""
    return [
        f"{module.place}:{statement.line} {statement.module} {', '.join(statement.names)}".rstrip()
        for statement in module.imports
        if _is_private(statement)
    ]


def _is_private(statement: Import) -> bool:
    words = (*statement.module.split("."), *statement.names)
    return any(word.startswith("_") and not word.endswith("__") for word in words)


def reached_for(module: Module) -> list[str]:
    """Private attributes of modules that were imported whole."""
    whole = {alias.asname or alias.name for node in module.nodes for alias in _aliases(node)}
    return [
        f"{module.place}:{node.lineno} {ast.unparse(node)}"
        for node in module.nodes
        if isinstance(node, ast.Attribute)
        and node.attr.startswith("_")
        and not node.attr.endswith("__")
        and ast.unparse(node.value) in whole
        and ast.unparse(node) not in _PUBLIC
    ]


def _aliases(node: ast.AST) -> list[ast.alias]:
    if isinstance(node, ast.Import):
        return node.names
    # `from . import story` and the like; names that are classes or functions begin otherwise or have no privates.
    return [alias for alias in node.names if alias.name.islower()] if isinstance(node, ast.ImportFrom) else []


def test_the_package_takes_nothing_private() -> None:
    assert [found for module in modules().values() for found in (*private_imports(module), *reached_for(module))] == []


def test_tests_and_examples_take_nothing_private_of_others() -> None:
    # They may look into modules of ours, which pyright makes them say.
    assert [found for module in others() for found in private_imports(module) if PACKAGE not in found.split()[1]] == []


@pytest.mark.parametrize(
    "text",
    [
        "from langgraph._internal._config import patch_config",
        "import temporalio.worker._workflow_instance",
        "from temporalio.client import _Result",
        "from .admission import _known",
        "from . import _private",
        "def late():\n    import sqlite3._inner",
        "import asyncio\nasyncio._get_running_loop()",
        "import os.path\nos.path._joinrealpath()",
        "from . import admission\nadmission._known(state)",
    ],
)
def test_a_reach_for_private_things_is_seen(text: str) -> None:
    sample = parse("perdure.workflows.sample", text)
    assert len(private_imports(sample) + reached_for(sample)) == 1


def test_dunder_names_are_public() -> None:
    sample = parse("perdure.workflows.sample", "from __future__ import annotations\nfrom .. import __version__")
    assert private_imports(sample) == []
