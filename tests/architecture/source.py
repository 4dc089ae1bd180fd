"""The package's own source, parsed: its modules and what each of them imports."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache, cached_property
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = "perdure"

ROOMS = {
    "contracts": (),
    "blocking": ("contracts",),
    "bridge": ("contracts", "blocking"),
    "store": ("contracts", "blocking"),
    "checkpoints": ("contracts", "blocking"),
    "memory": ("contracts", "blocking"),
    "observers": ("contracts", "store"),
    "activities": ("contracts", "bridge", "store", "checkpoints", "memory", "observers"),
    "workflows": ("contracts", "activities"),
    "facade": ("contracts", "bridge", "store", "workflows"),
    "runtime": (
        "contracts",
        "blocking",
        "bridge",
        "store",
        "checkpoints",
        "memory",
        "observers",
        "activities",
        "workflows",
        "facade",
    ),
    "gateway": ("contracts", "facade"),
    "cli": ("contracts", "facade", "runtime", "gateway"),
    "testing": ("contracts", "activities", "facade", "runtime"),
}
"""The rooms of the house, from the ground up, and what each may import beside itself."""

SUB_ROOMS = ("attempt", "graphs", "run_events", "stream", "driver", "")
"""The parts of `activities`, from the ground up (its own modules are the top). Each imports only those before it."""


@dataclass(frozen=True, slots=True)
class Import:
    """One imported module, absolute. `deferred`: not executed while its module is."""

    module: str
    names: tuple[str, ...]
    line: int
    deferred: bool
    level: int

    @property
    def ours(self) -> bool:
        """Whether it is of this package."""
        return self.module.partition(".")[0] == PACKAGE


@dataclass(frozen=True)
class Module:
    """A module of the package, or another of ours. What is found out of it is found once: there are a thousand."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def place(self) -> str:
        """Its path in the repository, for messages."""
        return self.path.relative_to(ROOT).as_posix()

    @property
    def room(self) -> str:
        """Its room; empty for the root's own `__init__.py`."""
        return room_of(self.name)

    @property
    def package(self) -> str:
        """The package that its relative imports start from."""
        return self.name if self.path.name == "__init__.py" else self.name.rpartition(".")[0]

    @cached_property
    def imports(self) -> list[Import]:
        """Every import statement, wherever it stands."""
        return list(_imports(self.tree, self.package, deferred=False))

    @cached_property
    def nodes(self) -> list[ast.AST]:
        """All of its tree."""
        return list(ast.walk(self.tree))


def room_of(name: str) -> str:
    """The room in a module's absolute name."""
    return name.split(".")[1] if "." in name else ""


def sub_room_of(name: str) -> str:
    """The part of `activities` that a module of it stands in."""
    part = name.split(".")[2:3]
    return part[0] if part and part[0] in SUB_ROOMS else ""


def parse(name: str, text: str, path: Path | None = None) -> Module:
    """A module from its text: a real one, or a sample that a guard is tried with."""
    return Module(name, path or ROOT / f"{name.partition('.')[2].replace('.', '/')}.py", text, ast.parse(text))


@cache
def files() -> list[Path]:
    """All Python of ours, the tests and examples included."""
    folders = (*ROOMS, "tests", "benchmarks", "examples")
    return [ROOT / "__init__.py", *(file for folder in folders for file in sorted((ROOT / folder).rglob("*.py")))]


@cache
def others() -> list[Module]:
    """Every other module of ours: tests, benchmarks and examples."""
    ours = {module.path for module in modules().values()}
    return [parse("tests.sample", file.read_text("utf-8"), file) for file in files() if file not in ours]


@cache
def modules() -> dict[str, Module]:
    """Every module of the package by its absolute name."""
    own = [file for file in files() if file.relative_to(ROOT).parts[0] in (*ROOMS, "__init__.py")]
    found = [parse(_name(file), file.read_text("utf-8"), file) for file in own]
    return {module.name: module for module in found}


def _name(file: Path) -> str:
    parts = file.relative_to(ROOT).with_suffix("").parts
    return ".".join((PACKAGE, *(part for part in parts if part != "__init__")))


def edges(module: Module) -> Iterator[tuple[str, Import]]:
    """The modules of ours that a module imports: `from . import x` means `x` where that is a module."""
    known = modules()
    for found in module.imports:
        if not found.ours:
            continue
        submodules = [f"{found.module}.{name}" for name in found.names if f"{found.module}.{name}" in known]
        for target in submodules:
            yield target, found
        if len(submodules) < max(1, len(found.names)):
            yield found.module, found


def _imports(node: ast.AST, package: str, *, deferred: bool) -> Iterator[Import]:
    for child in _statements(node):
        if isinstance(child, ast.Import):
            for alias in child.names:
                yield Import(alias.name, (), child.lineno, deferred, 0)
        elif isinstance(child, ast.ImportFrom):
            names = tuple(alias.name for alias in child.names)
            yield Import(_absolute(child, package), names, child.lineno, deferred, child.level)
        else:
            yield from _imports(child, package, deferred=deferred or _defers(child))


def _statements(node: ast.AST) -> Iterator[ast.AST]:
    """Those directly in a block of the node; no expression has any."""
    for block in ("body", "orelse", "finalbody", "handlers", "cases"):
        yield from getattr(node, block, ())


def _absolute(statement: ast.ImportFrom, package: str) -> str:
    if not statement.level:
        return statement.module or ""
    parts = package.split(".")
    base = parts[: len(parts) - statement.level + 1]
    return ".".join([*base, *([statement.module] if statement.module else [])])


def _defers(node: ast.AST) -> bool:
    if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
        return True
    return isinstance(node, ast.If) and "TYPE_CHECKING" in ast.unparse(node.test)


def docstrings(module: Module) -> set[int]:
    """The `id` of each constant that is a docstring, or a text behind an attribute: no code reads them."""
    expressions = (node for node in module.nodes if isinstance(node, ast.Expr))
    return {id(node.value) for node in expressions if isinstance(node.value, ast.Constant)}
