"""Graphs from `langgraph.json`, in all its forms, and what is said of those that cannot be loaded."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, cast

import pytest
from langchain_core.runnables import RunnableConfig
from langgraph.checkpoint.memory import InMemorySaver
from langgraph.graph import START, StateGraph

from perdure.activities.graphs.graph_registry import GraphRegistry, load_graphs
from perdure.contracts.errors import GraphLoadError, UnknownGraphError

from ..worlds import State, chain, noted

GRAPH = """
from typing import TypedDict
from langgraph.graph import START, StateGraph

class State(TypedDict, total=False):
    value: str

def node(state):
    return {"value": "NAME"}

builder = StateGraph(State)
builder.add_node("node", node)
builder.add_edge(START, "node")
compiled = builder.compile()
"""
FORMS = """
from contextlib import asynccontextmanager
seen = []
entered = []
def plain(): return compiled
def builder_of(): return builder
async def later(): return compiled
def with_config(config): seen.append(config); return compiled
async def later_with_config(config): seen.append(config); return builder
def with_default(config=None): seen.append(config); return compiled
@asynccontextmanager
async def managed():
    entered.append("in")
    try:
        yield compiled
    finally:
        entered.append("out")
@asynccontextmanager
async def managed_with_config(config):
    seen.append(config)
    yield compiled
"""


@pytest.fixture(autouse=True)
def imports_of_its_own() -> Iterator[None]:
    """What a test imports is forgotten after it."""
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in set(sys.modules) - modules:
        del sys.modules[name]


def listed(folder: Path, graphs: dict[str, Any], **files: str) -> Path:
    """A `langgraph.json` beside Python files (`a__b` is `a/b.py`)."""
    for name, text in files.items():
        file = folder / (name.replace("__", "/") + ".py")
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    config = folder / "langgraph.json"
    config.write_text(json.dumps({"graphs": graphs}))
    return config


async def value(registry: GraphRegistry, name: str, **config: Any) -> str:
    async with registry.open(name, cast("RunnableConfig", config), InMemorySaver()) as graph:
        return (await graph.ainvoke({}, {"configurable": {"thread_id": "t"}}))["value"]


@pytest.mark.parametrize(
    "form",
    ["compiled", "builder", "plain", "builder_of", "later", "with_config", "later_with_config", "with_default",
     "managed", "managed_with_config"],
)  # fmt: skip
async def test_every_form_of_a_graph(tmp_path: Path, form: str) -> None:
    registry = await load_graphs(listed(tmp_path, {"graph": f"./my.py:{form}"}, my=GRAPH + FORMS))
    assert await value(registry, "graph") == "NAME"


@pytest.mark.parametrize("form", ["with_config", "later_with_config", "with_default", "managed_with_config"])
async def test_a_factory_gets_the_config_of_each_run(tmp_path: Path, form: str) -> None:
    registry = await load_graphs(listed(tmp_path, {"graph": f"./my.py:{form}"}, my=GRAPH + FORMS))
    for user in ("a", "b"):
        await value(registry, "graph", configurable={"user": user})
    seen = [config for config in sys.modules["perdure_graph_my"].seen if config]
    assert [config["configurable"] for config in seen] == [{"user": "a"}, {"user": "b"}]


async def test_a_context_manager_is_entered_for_each_run_and_left(tmp_path: Path) -> None:
    registry = await load_graphs(listed(tmp_path, {"graph": "./my.py:managed"}, my=GRAPH + FORMS))
    module = sys.modules["perdure_graph_my"]
    assert module.entered == []
    async with registry.open("graph", {}, InMemorySaver()):
        assert module.entered == ["in"]
    assert module.entered == ["in", "out"]


async def test_a_context_manager_is_left_when_the_run_fails(tmp_path: Path) -> None:
    registry = await load_graphs(listed(tmp_path, {"graph": "./my.py:managed"}, my=GRAPH + FORMS))
    with pytest.raises(ZeroDivisionError):
        async with registry.open("graph", {}, InMemorySaver()):
            raise ZeroDivisionError
    assert sys.modules["perdure_graph_my"].entered == ["in", "out"]


async def test_several_graphs_of_one_file_import_it_once(tmp_path: Path) -> None:
    counting = GRAPH + "import builtins\nbuiltins.imports = getattr(builtins, 'imports', 0) + 1\n"
    registry = await load_graphs(listed(tmp_path, {"one": "./my.py:compiled", "two": "./my.py:builder"}, my=counting))
    assert registry.names == ["one", "two"]
    assert sys.modules["builtins"].__dict__.pop("imports") == 1


async def test_two_files_of_the_same_name_are_two_modules(tmp_path: Path) -> None:
    registry = await load_graphs(
        listed(
            tmp_path,
            {"a": "./a/graph.py:compiled", "b": "./b/graph.py:compiled"},
            a__graph=GRAPH.replace("NAME", "from a"),
            b__graph=GRAPH.replace("NAME", "from b"),
        )
    )
    assert (await value(registry, "a"), await value(registry, "b")) == ("from a", "from b")


async def test_the_same_file_name_in_two_projects_is_two_modules(tmp_path: Path) -> None:
    for project in ("one", "two"):
        (tmp_path / project).mkdir()
        config = listed(
            tmp_path / project, {"graph": "./graph.py:compiled"}, graph=GRAPH.replace("NAME", f"of {project}")
        )
        assert await value(await load_graphs(config), "graph") == f"of {project}"


async def test_a_modules_name_is_the_same_on_every_machine(tmp_path: Path) -> None:
    names: list[set[str]] = []
    for machine in ("one", "two"):
        (tmp_path / machine).mkdir()
        graphs = {"nested": "./a/b.py:compiled", "flat": "./a_b.py:compiled"}
        await load_graphs(listed(tmp_path / machine, graphs, a__b=GRAPH, a_b=GRAPH))
        names.append({name for name in sys.modules if name.startswith("perdure_graph_a_b")})
        for name in names[-1]:
            del sys.modules[name]
    assert names[0] == names[1]


async def test_a_graph_imports_what_stands_beside_it(tmp_path: Path) -> None:
    text = "from sibling_words import word\nfrom pack_words.more import other\n" + GRAPH.replace(
        '"NAME"', "word + other"
    )
    config = listed(
        tmp_path,
        {"graph": "./deep/my.py:compiled"},
        deep__my=text,
        deep__sibling_words="word = 'side'",
        pack_words____init__="",
        pack_words__more="other = 'ways'",
    )
    assert await value(await load_graphs(config), "graph") == "sideways"


async def test_a_sibling_does_not_hide_an_installed_package(tmp_path: Path) -> None:
    text = "import colorsys\n" + GRAPH.replace('"NAME"', "colorsys.__name__ + str(hasattr(colorsys, 'rgb_to_hsv'))")
    config = listed(tmp_path, {"graph": "./my.py:compiled"}, my=text, colorsys="")
    sys.modules.pop("colorsys", None)
    assert await value(await load_graphs(config), "graph") == "colorsysTrue"


async def test_a_module_may_be_named_by_its_dots(tmp_path: Path) -> None:
    config = listed(tmp_path, {"graph": "dotted_pack.my:compiled"}, dotted_pack____init__="", dotted_pack__my=GRAPH)
    assert await value(await load_graphs(config), "graph") == "NAME"


async def test_the_long_form_of_langgraph(tmp_path: Path) -> None:
    config = listed(tmp_path, {"graph": {"path": "./my.py:compiled", "description": "mine"}}, my=GRAPH)
    assert (await load_graphs(config)).names == ["graph"]


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("{", "cannot be read as JSON"),
        ("[]", 'has no "graphs"'),
        ("{}", 'has no "graphs"'),
        ('{"graphs": {}}', 'has no "graphs"'),
        ('{"graphs": []}', 'has no "graphs"'),
        ('{"graphs": {"mine": 5}}', "graph 'mine' must read ./file.py:attribute, not 5"),
        ('{"graphs": {"mine": "./my.py"}}', "graph 'mine' must read ./file.py:attribute, not './my.py'"),
        ('{"graphs": {"mine": {"description": "x"}}}', "graph 'mine' must read ./file.py:attribute, not None"),
    ],
)
async def test_a_wrong_langgraph_json(tmp_path: Path, content: str, text: str) -> None:
    config = tmp_path / "langgraph.json"
    config.write_text(content)
    with pytest.raises(GraphLoadError, match=r"langgraph\.json") as raised:
        await load_graphs(config)
    assert text in str(raised.value)


async def test_no_langgraph_json(tmp_path: Path) -> None:
    with pytest.raises(GraphLoadError, match="does not exist; it names your graphs"):
        await load_graphs(tmp_path / "langgraph.json")


async def test_a_langgraph_json_that_is_a_folder(tmp_path: Path) -> None:
    with pytest.raises(GraphLoadError, match="cannot be read"):
        await load_graphs(tmp_path)


@pytest.mark.parametrize(
    ("attribute", "code", "text"),
    [
        ("compilde", GRAPH, "no attribute 'compilde' in it (did you mean 'compiled'?)"),
        ("compiled", "import sys; sys.exit(3)", "importing it failed: SystemExit: 3"),
        ("compiled", "import no_such_package", "importing it failed: ModuleNotFoundError: No module named"),
        ("compiled", "compiled = (", "importing it failed: SyntaxError"),
        ("compiled", "1 / 0", "importing it failed: ZeroDivisionError: division by zero"),
        ("value", "value = 5", "a int is neither a graph nor a function that makes one"),
        ("make", "def make(): return 5", "made a int, not a compiled graph or a StateGraph"),
        ("make", "def make(): raise ValueError('why')", "the factory failed: ValueError: why"),
        ("make", "async def make(): raise ValueError('why')", "the factory failed: ValueError: why"),
        ("make", "def make(a, b): return None", "a factory takes nothing or the run's config, not 2 arguments"),
        (
            "builder",
            "from langgraph.graph import StateGraph\nbuilder = StateGraph(dict)\nbuilder.add_edge('a', 'b')",
            "the graph does not compile",
        ),
        (
            "outer",
            "from langgraph.checkpoint.memory import InMemorySaver\nfrom langgraph.graph import StateGraph\n"
            "class ShallowSaver(InMemorySaver): pass\n"
            "inner = StateGraph(dict).add_node('a', print).add_edge('__start__', 'a').compile(ShallowSaver())\n"
            "outer = StateGraph(dict).add_node('b', inner).add_edge('__start__', 'b').compile()",
            "was compiled with a ShallowSaver, which keeps only the newest checkpoint",
        ),
    ],
)
async def test_a_graph_that_cannot_be_loaded(tmp_path: Path, attribute: str, code: str, text: str) -> None:
    config = listed(tmp_path, {"mine": f"./my.py:{attribute}"}, my=code)
    with pytest.raises(GraphLoadError) as raised:
        await load_graphs(config)
    assert f"{config}: mine = ./my.py:{attribute}: " in str(raised.value)
    assert text in str(raised.value)


async def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    config = listed(tmp_path, {"mine": "./my.py:compiled"})
    with pytest.raises(GraphLoadError, match=r"mine = ./my.py:compiled: the file .*my\.py does not exist"):
        await load_graphs(config)


@pytest.mark.parametrize(
    ("code", "text"),
    [
        ("def make(config): raise ValueError('why')", "the factory failed: ValueError: why"),
        ("def make(config): return 5", "made a int, not a compiled graph or a StateGraph"),
    ],
)
async def test_a_factory_that_fails_in_a_run(tmp_path: Path, code: str, text: str) -> None:
    registry = await load_graphs(listed(tmp_path, {"mine": "./my.py:make"}, my=code))
    with pytest.raises(GraphLoadError, match=text):
        async with registry.open("mine", {}, InMemorySaver()):
            pass


async def test_a_context_manager_that_fails_at_its_beginning(tmp_path: Path) -> None:
    code = (
        "from contextlib import asynccontextmanager\n"
        "@asynccontextmanager\nasync def make():\n    raise ValueError('why')\n    yield"
    )
    registry = await load_graphs(listed(tmp_path, {"mine": "./my.py:make"}, my=code))
    with pytest.raises(GraphLoadError, match="why"):
        async with registry.open("mine", {}, InMemorySaver()):
            pass


async def test_an_import_that_failed_is_tried_again(tmp_path: Path) -> None:
    config = listed(tmp_path, {"mine": "./my.py:compiled"}, my="1 / 0")
    with pytest.raises(GraphLoadError):
        await load_graphs(config)
    (tmp_path / "my.py").write_text(GRAPH + "# longer, so that no cached bytecode fits\n")
    assert (await load_graphs(config)).names == ["mine"]


async def test_ctrl_c_is_not_an_error_of_a_graph(tmp_path: Path) -> None:
    config = listed(tmp_path, {"mine": "./my.py:compiled"}, my="raise KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        await load_graphs(config)


async def test_an_unknown_name_is_answered_with_the_nearest(tmp_path: Path) -> None:
    registry = await load_graphs({"research": chain([], "a"), "other": chain([], "a")})
    with pytest.raises(UnknownGraphError, match=r"did you mean 'research'\?\); the workers serve: other, research"):
        async with registry.open("reserch", {}, InMemorySaver()):
            pass


async def test_a_graph_is_never_changed() -> None:
    own = InMemorySaver()
    graph: Any = chain([], "a", "b", checkpointer=own, interrupt_before=["b"]).with_config({"recursion_limit": 7})
    before = dict(cast("dict[str, Any]", vars(graph)))
    registry = await load_graphs({"graph": graph})
    saver = InMemorySaver()
    async with registry.open("graph", {}, saver) as copy:
        assert copy is not graph
        assert copy.checkpointer is saver
        assert copy.interrupt_before_nodes == ["b"]
        assert (copy.config or {}).get("recursion_limit") == 7
        await copy.ainvoke({"log": []}, {"configurable": {"thread_id": "t"}})
    assert vars(graph) == before
    assert graph.checkpointer is own
    assert own.storage == {}


async def test_two_runs_do_not_share_a_checkpointer() -> None:
    registry = await load_graphs({"graph": chain([], "a")})
    one, two = InMemorySaver(), InMemorySaver()
    async with registry.open("graph", {}, one) as first, registry.open("graph", {}, two) as second:
        await first.ainvoke({"log": []}, {"configurable": {"thread_id": "t"}})
        assert (first.checkpointer, second.checkpointer) == (one, two)
        assert (await second.aget_state({"configurable": {"thread_id": "t"}})).values == {}


async def test_a_builder_is_compiled_once() -> None:
    builder = StateGraph(State)
    builder.add_node("a", noted([], "a"))
    builder.add_edge(START, "a")
    registry = await load_graphs({"graph": builder})
    async with registry.open("graph", {}, InMemorySaver()) as one, registry.open("graph", {}, InMemorySaver()) as two:
        assert one.nodes["a"] is two.nodes["a"]
