"""The house: imports go only downwards, in no circle, and the rooms are those that the package lists."""

from __future__ import annotations

import ast
import subprocess
import sys
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
    """Modules that import one another in a circle. To import from another room executes its `__init__.py` too."""
    graph: dict[str, set[str]] = {}
    for module in found:
        targets = {target for target, _ in edges(module)}
        rooms = {f"{PACKAGE}.{room_of(target)}" for target in targets if room_of(target) not in ("", module.room)}
        graph[module.name] = (targets | rooms) - {module.name}
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as exc:
        return list(exc.args[1])
    return []


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


def test_a_circle_is_seen() -> None:
    one = parse("perdure.bridge.stream", "from . import open as opened")
    two = parse("perdure.bridge.open", "def late():\n    from .stream import Stream")
    assert set(circle([one, two])) == {"perdure.bridge.stream", "perdure.bridge.open"}


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
        for node in ast.walk(module.tree)
        if isinstance(node, ast.Call) and ast.unparse(node.func).endswith(("import_module", "__import__"))
    }
    assert dynamic == {
        "__init__.py",  # the lazy half of `__all__`, which test_surface.py tries name by name
        "facade/__init__.py",  # likewise
        "runtime/__init__.py",  # likewise
        "activities/graphs/graph_registry.py",  # the user's graphs
        "contracts/serialization/allowed_types.py",  # the user's classes, which the settings name
    }


_FIRST = """
import gc, importlib, os, sys

gc.disable()  # each fork would copy all that it looks through
package, rooms, names, free = eval(sys.argv[1])

def fork(name):
    if not (pid := os.fork()):
        walk(name)
        sys.stderr.flush()
        os._exit(0)
    if os.waitpid(pid, 0)[1]:
        print("not importable first:", name, file=sys.stderr)
        os._exit(1)

def walk(name):
    importlib.import_module(name)
    inside = [other for other in names if other.rpartition(".")[0] == name]
    for child in inside:
        # What its package has imported already is imported by the same statements, whoever asks for it first.
        if child not in free and child not in sys.modules or any(other.startswith(child + ".") for other in names):
            fork(child)

for name in names:  # once, for what is not ours and stays loaded
    importlib.import_module(name)
for loaded in [name for name in sys.modules if name.partition(".")[0] == package]:
    del sys.modules[loaded]
importlib.import_module(package)
for room in rooms:
    fork(room)
    for name in names:
        if name.startswith(room):
            importlib.import_module(name)
"""
"""From the ground up. The rooms below, which never import this one, are loaded; of its own, only its packages."""


def _first(
    names: list[str], package: str, rooms: list[str], folder: Path, free: Iterable[str] = ()
) -> subprocess.CompletedProcess[str]:
    given = (package, [f"{package}.{room}" for room in rooms], names, {*free})
    command = [sys.executable, "-c", _FIRST, repr(given)]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=110, check=False)


def _imported(module: Module) -> set[str]:
    """What is imported with it."""
    return {target for target, statement in edges(module) if not statement.deferred}


def test_every_module_can_be_the_first_that_is_imported() -> None:
    # The rest of the proof: each is imported with nothing of its room loaded but the packages that it stands in.
    outside = "perdure.store.migrations.env"  # runs inside Alembic only
    # One that imports nothing of its room finds the same, whoever was imported before.
    free = [name for name, module in modules().items() if module.room not in map(room_of, _imported(module))]
    done = _first([name for name in modules() if name != outside], PACKAGE, [*ROOMS], ROOT.parent, free)
    assert done.returncode == 0, done.stderr


def test_one_that_cannot_be_the_first_is_seen(tmp_path: Path) -> None:
    room = tmp_path / "sample" / "room"
    room.mkdir(parents=True)
    for name, text in {"../__init__": "", "__init__": "", "a": "from .b import X\nY = 1", "b": "X = 1"}.items():
        (room / f"{name}.py").write_text(text)
    names = ["sample", "sample.room", "sample.room.b", "sample.room.a"]
    assert _first(names, "sample", ["room"], tmp_path).returncode == 0
    (room / "b.py").write_text("from . import a\nX = 1")  # a circle that works from both ends
    (room / "a.py").write_text("Y = 1\nfrom . import b")
    assert _first(names, "sample", ["room"], tmp_path).returncode == 0
    (room / "b.py").write_text("X = 1\nfrom .a import Y")
    (room / "a.py").write_text("from .b import X\nY = 1")
    done = _first(names, "sample", ["room"], tmp_path)
    assert "not importable first: sample.room.a" in done.stderr
    assert done.returncode == 1


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
