"""The house: imports go only downwards, in no circle, and the rooms are those that the package lists."""

from __future__ import annotations

import ast
import tomllib
from collections.abc import Iterable
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

from .source import PACKAGE, ROOMS, ROOT, SUB_ROOMS, Module, edges, modules, parse, room_of, sub_room_of

_TESTS = ("tests", "support", "benchmarks", "examples")

# The root's own `__init__.py` is what a user's program imports: above the runtime, below the command line.
_ALLOWED = {
    **{room: {room, *below} for room, below in ROOMS.items()},
    "": {"contracts", "bridge", "store", "observers", "facade", "runtime"},
}
_ALLOWED["cli"].add("")


def upward(found: Iterable[Module]) -> list[str]:
    """Imports that the table does not allow."""
    return [
        f"{module.place}:{statement.line} imports {target}"
        for module in found
        for target, statement in edges(module)
        if room_of(target) not in _ALLOWED[module.room]
    ]


def circle(found: Iterable[Module]) -> list[str]:
    """Modules that import one another in a circle. To import one executes the packages in which it stands, too.

    Where there is none, each module can be the first that is imported: nothing that is executed before it needs it.
    """
    graph: dict[str, set[str]] = {}
    for module in found:
        targets = {target for target, _ in edges(module)}
        packages = {package for target in targets for package in _packages(target)}
        graph[module.name] = (targets | packages - {*_packages(module.name)}) - {module.name}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as exc:
        return list(exc.args[1])
    return []


def _packages(name: str) -> list[str]:
    parts = name.split(".")
    return [".".join(parts[:end]) for end in range(1, len(parts))]


def test_imports_go_only_downwards() -> None:
    assert upward(modules().values()) == []


def upward_in_activities(found: Iterable[Module]) -> list[str]:
    """Imports from a part of `activities` that stands above."""
    return [
        f"{module.place}:{statement.line} imports {target}"
        for module in found
        for target, statement in edges(module)
        if module.room == room_of(target) == "activities"
        and SUB_ROOMS.index(sub_room_of(target)) > SUB_ROOMS.index(sub_room_of(module.name))
    ]


def test_the_parts_of_activities_import_only_downwards() -> None:
    assert upward_in_activities(modules().values()) == []
    wrong = parse("perdure.activities.stream.sample", "from ..driver.gate import Gate")
    assert len(upward_in_activities([wrong])) == 1


def test_no_module_imports_itself_in_a_circle() -> None:
    # Also with the imports that are deferred or only for types, so the structure has no circle either.
    assert circle(modules().values()) == []


@pytest.mark.parametrize(
    "text",
    [
        "from ..facade.runs import RunsFacade",
        "from .. import facade",
        "import perdure.facade.runs",
        "def late():\n    from ..facade import runs",
        "if TYPE_CHECKING:\n    from ..facade.runs import RunsFacade",
        "from ..store import Store",
        "from .. import RunsFacade",
    ],
)
def test_an_upward_import_is_seen_however_it_is_written(text: str) -> None:
    assert len(upward([parse("perdure.bridge.sample", text)])) == 1


@pytest.mark.parametrize(
    ("modules", "expected"),
    [
        (
            {
                "bridge.stream": "from . import open as opened",
                "bridge.open": "def f():\n    from .stream import Stream",
            },
            2,
        ),
        ({"bridge": "from .open import open_bridge", "bridge.open": "from . import StreamBridge"}, 2),
        (
            {
                "bridge": "from .open import open_bridge",
                "bridge.open": "from .stream import Stream",
                "bridge.stream": "",
            },
            0,
        ),
        # What stands in a package executes it before.
        (
            {
                "bridge.redis": "from ..open import a",
                "bridge.redis.calls": "",
                "bridge.open": "from .redis.calls import b",
            },
            2,
        ),
        (
            {
                "bridge.redis": "from .calls import a",
                "bridge.redis.calls": "",
                "bridge.open": "from .redis.calls import b",
            },
            0,
        ),
    ],
)
def test_a_circle_is_seen(modules: dict[str, str], expected: int) -> None:
    packages = {name for name in modules if any(other.startswith(f"{name}.") for other in modules)}
    paths = {name: ROOT / name.replace(".", "/") / "__init__.py" for name in packages}
    found = circle([parse(f"perdure.{name}", text, paths.get(name)) for name, text in modules.items()])
    assert len({*found}) == expected, found


def test_we_import_ourselves_relatively() -> None:
    absolute = [
        f"{module.place}:{statement.line}"
        for module in modules().values()
        for statement in module.imports
        if statement.ours and not statement.level
    ]
    assert absolute == [], "an absolute import finds another installation of perdure, if there is one"


def test_nothing_imports_tests_benchmarks_or_examples() -> None:
    wrong = [
        f"{module.place}:{statement.line} imports {statement.module}"
        for module in modules().values()
        for statement in module.imports
        if {*statement.module.split(".")} & {*_TESTS}
    ]
    assert wrong == []


def test_imports_by_name_are_few() -> None:
    # Where a module is imported by a text, none of these guards can see it.
    dynamic = {
        module.place
        for module in modules().values()
        for node in module.nodes
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__"))
    }
    assert dynamic == {
        "__init__.py",  # the lazy half of `__all__`, which test_surface.py tries name by name
        "facade/__init__.py",  # likewise
        "runtime/__init__.py",  # likewise
        "activities/graphs/graph_registry.py",  # the user's graphs
        "contracts/serialization/allowed_types.py",  # the user's classes, which the settings name
    }


def test_each_room_of_the_table_exists_and_no_other() -> None:
    folders = {file.parent.name for file in ROOT.glob("*/__init__.py")} - {*_TESTS}
    assert folders == {*ROOMS}


def _folders_with_code() -> set[str]:
    rooms = (file for room in ROOMS for file in (ROOT / room).rglob("*.py"))
    return {".".join((PACKAGE, *file.parent.relative_to(ROOT).parts)) for file in [ROOT / "__init__.py", *rooms]}


def test_the_package_list_names_every_folder() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    listed = pyproject["tool"]["setuptools"]["packages"]
    assert listed == sorted(listed)
    assert {*listed} == _folders_with_code()
    for name in listed:
        assert (ROOT / Path(*name.split(".")[1:]) / "__init__.py").is_file(), f"{name} has no __init__.py"


def test_a_new_file_in_any_room_is_linked() -> None:
    pyproject = tomllib.loads((ROOT / "pyproject.toml").read_text())
    globs = [key["file"] for key in pyproject["tool"]["uv"]["cache-keys"]]
    assert f"{{{','.join(sorted(ROOMS))}}}/**/*.py" in globs
