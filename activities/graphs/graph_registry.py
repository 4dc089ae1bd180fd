"""The graphs that a worker serves: from `langgraph.json`, or given by a program.

`langgraph.json` follows LangGraph's own convention: `"graphs": {"name": "./file.py:attribute"}`, where the
attribute is a compiled graph, a `StateGraph`, or a factory of either: a function, plain or async, or an async
context manager, that takes nothing or the run's config. A graph is never changed: each run works on a copy of its
outer shell that has the run's own checkpointer.
"""

from __future__ import annotations

import asyncio
import importlib.util
import inspect
import re
import sys
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from hashlib import blake2b
from pathlib import Path
from types import ModuleType
from typing import Any, cast

from langchain_core.runnables import RunnableBinding, RunnableConfig
from langgraph.checkpoint.base import BaseCheckpointSaver
from langgraph.graph import StateGraph
from langgraph.pregel import Pregel

from ...checkpoints.shallow import is_shallow
from ...contracts.containment import ContainedExit, contained
from ...contracts.errors import GraphLoadError, UnknownGraphError, nearest
from ...contracts.langgraph_json import LangGraphJson, read_langgraph_json
from ...contracts.serialization.allowed_types import ALLOWED
from ...contracts.serialization.text import message_of, text_of
from ...memory import NodeMemory
from .graph_types import graph_types
from .project import importable, prepare_process

CompiledGraph = Pregel[Any, Any, Any, Any]
GraphSource = Any
"""A compiled graph, a `StateGraph`, or a factory of either."""


@dataclass(frozen=True, slots=True)
class _Entry:
    source: GraphSource
    where: str
    compiled: CompiledGraph | None
    """`None` for a factory that wants the config of each run."""


def nodes_of(graph: CompiledGraph) -> tuple[str, ...]:
    """A graph's own nodes, in the order of the alphabet."""
    return tuple(sorted(node for node in graph.nodes if not node.startswith("__")))


class GraphRegistry:
    """Named graphs, loaded once."""

    def __init__(self, entries: Mapping[str, _Entry]) -> None:
        self._entries = dict(entries)
        self._unsaved: dict[str, bool] = {}
        self.memory: NodeMemory | None = None
        """For graphs that were compiled without a store or a cache."""

    def replace(self, by: GraphRegistry) -> None:
        """Serve these graphs from now on. What is open stays as it is."""
        self._entries, self._unsaved = by._entries, {}

    @property
    def names(self) -> list[str]:
        """The names, sorted."""
        return sorted(self._entries)

    @asynccontextmanager
    async def open(
        self, name: str, config: RunnableConfig, saver: BaseCheckpointSaver[Any]
    ) -> AsyncGenerator[CompiledGraph]:
        """The graph for one run, with its checkpointer. Raises `UnknownGraphError` or `GraphLoadError`."""
        entry = self._entries.get(name)
        if entry is None:
            raise UnknownGraphError(name, self._entries)
        if entry.compiled is not None:
            yield self._of_run(entry.compiled, saver)
            return
        async with _built(entry.source, config, entry.where) as graph:
            ALLOWED.add(graph_types(graph))
            yield self._of_run(graph, saver)

    def _of_run(self, graph: CompiledGraph, saver: BaseCheckpointSaver[Any]) -> CompiledGraph:
        given: dict[str, Any] = {"checkpointer": saver}
        if self.memory is not None:
            given["store"] = self.memory.store if graph.store is None else graph.store
            given["cache"] = self.memory.cache if graph.cache is None else graph.cache
        return graph.copy(given)

    def compiled(self) -> Iterator[tuple[str, CompiledGraph | None]]:
        """Name and graph, in order; `None` for one that is made for each run."""
        for name in self.names:
            yield name, self._entries[name].compiled

    def has_unsaved_subgraph(self, name: str, graph: CompiledGraph) -> bool:
        """Whether a subgraph keeps no checkpoints (compiled with `checkpointer=False`), as far as can be seen.

        One that a function calls cannot be seen.
        """
        if name not in self._unsaved:
            self._unsaved[name] = any(subgraph.checkpointer is False for subgraph in subgraphs(graph))
        return self._unsaved[name]

    def note_unsaved_subgraph(self, name: str) -> None:
        """The graph has turned out to have one that could not be seen."""
        self._unsaved[name] = True


def subgraphs(graph: CompiledGraph) -> Iterator[CompiledGraph]:
    """The graphs that are nodes or parts of nodes, at any depth. (LangGraph's own list leaves out the unsaved ones.)"""
    parts: list[Any] = [node.bound for node in graph.nodes.values()]
    for part in parts:  # which grows
        if isinstance(part, Pregel):
            yield cast("CompiledGraph", part)
            yield from subgraphs(cast("CompiledGraph", part))
        elif isinstance(part, RunnableBinding):
            parts.append(cast("Any", part).bound)
        else:
            parts.extend(getattr(part, "steps", ()))  # of a sequence


async def load_graphs(source: Path | LangGraphJson | Mapping[str, GraphSource]) -> GraphRegistry:
    """Load every graph of a `langgraph.json`, read or not, or of a mapping from names to graphs.

    Raises `GraphLoadError` for the first that cannot be loaded, with the file, the attribute and the cause.
    """
    source = read_langgraph_json(source) if isinstance(source, Path) else source
    found = _from_file(source) if isinstance(source, LangGraphJson) else _from_mapping(source)
    entries = {name: await _entry(graph, where) for name, (graph, where) in found.items()}
    # A factory's graph may not be there yet when what it has stored is read.
    ALLOWED.add(graph_types(*((entry.compiled or entry.source) for entry in entries.values())))
    return GraphRegistry(entries)


def _from_file(config: LangGraphJson) -> dict[str, tuple[GraphSource, str]]:
    path, locations = config.path, [*config.locations()]
    prepare_process(config)
    return {name: (import_attribute(name, spec, path), f"{path}: {name} = {spec}") for name, spec in locations}


def _from_mapping(graphs: Mapping[str, GraphSource]) -> dict[str, tuple[GraphSource, str]]:
    return {name: (graph, f"graphs[{name!r}]") for name, graph in graphs.items()}


async def _entry(source: GraphSource, where: str) -> _Entry:
    if isinstance(source, Pregel | StateGraph):
        return _Entry(source, where, _compiled(source, where))
    if not callable(source):
        raise GraphLoadError(f"{where}: a {type(source).__name__} is neither a graph nor a function that makes one")
    if _wants_config(source, where) or _is_context_manager(source):
        return _Entry(source, where, None)
    async with _built(source, {}, where) as graph:
        return _Entry(source, where, graph)


@asynccontextmanager
async def _built(source: Callable[..., Any], config: RunnableConfig, where: str) -> AsyncGenerator[CompiledGraph]:
    arguments = (config,) if _wants_config(source, where) else ()
    async with AsyncExitStack() as stack:
        try:
            with contained():
                made = source(*arguments)
                if inspect.isawaitable(made):
                    made = await made
                if isinstance(made, AbstractAsyncContextManager):
                    made = await stack.enter_async_context(cast("AbstractAsyncContextManager[Any]", made))
        except asyncio.CancelledError:
            raise
        except BaseException as exc:  # a factory may do anything, sys.exit included
            raise GraphLoadError(f"{where}: the factory failed: {_told(exc)}") from exc
        yield _compiled(made, where)


def _told(error: BaseException) -> str:
    return text_of(error) if isinstance(error, ContainedExit) else f"{type(error).__name__}: {text_of(error)}"


def _compiled(graph: Any, where: str) -> CompiledGraph:
    if isinstance(graph, StateGraph):
        try:
            graph = cast("Any", graph).compile()
        except Exception as exc:
            raise GraphLoadError(f"{where}: the graph does not compile: {message_of(exc)}") from exc
    if not isinstance(graph, Pregel):
        raise GraphLoadError(f"{where}: made a {type(graph).__name__}, not a compiled graph or a StateGraph")
    _check_savers(cast("CompiledGraph", graph), where)
    return cast("CompiledGraph", graph)


def _check_savers(graph: CompiledGraph, where: str) -> None:
    """Of graphs within the graph: its own gives way to the run's."""
    for nested in subgraphs(graph):
        saver = cast("object", nested.checkpointer)
        if is_shallow(saver):
            raise GraphLoadError(
                f"{where}: {nested.get_name()} was compiled with a {type(saver).__name__}, which keeps "
                "only the newest checkpoint of a thread: give it a saver that keeps all of them, or none"
            )


def _is_context_manager(source: Callable[..., Any]) -> bool:
    return inspect.isasyncgenfunction(inspect.unwrap(source))


def _wants_config(source: Callable[..., Any], where: str) -> bool:
    parameters = [
        parameter
        for parameter in inspect.signature(source).parameters.values()
        if parameter.default is parameter.empty and parameter.kind in (0, 1)
    ]
    if len(parameters) > 1:
        raise GraphLoadError(f"{where}: a factory takes nothing or the run's config, not {len(parameters)} arguments")
    return bool(parameters) or "config" in inspect.signature(source).parameters


def import_attribute(name: str, spec: str, config: Path) -> Any:
    """What `file.py:attribute` or `module:attribute` names. `name`: for errors. Raises `GraphLoadError`."""
    location, _, attribute = spec.rpartition(":")
    where = f"{config}: {name} = {spec}"
    try:
        importer = _import_file if location.endswith(".py") else _import_name
        module = importer(location, config.parent.resolve())
    except GraphLoadError as exc:
        raise GraphLoadError(f"{where}: {exc}") from exc
    except BaseException as exc:  # a module may do anything, sys.exit included
        if isinstance(exc, KeyboardInterrupt):
            raise
        raise GraphLoadError(f"{where}: importing it failed: {_told(exc)}") from exc
    if not hasattr(module, attribute):
        raise GraphLoadError(f"{where}: no attribute {attribute!r} in it{nearest(attribute, vars(module))}")
    return getattr(module, attribute)


def _import_file(location: str, root: Path) -> ModuleType:
    path = (root / location).resolve()
    if not path.is_file():
        raise GraphLoadError(f"the file {path} does not exist")
    importable(root)
    importable(path.parent)  # what stands beside the file can be imported, as when it is run
    name = _module_name(location, path)
    if name in sys.modules:  # several graphs of one file
        return sys.modules[name]
    spec = importlib.util.spec_from_file_location(name, path)
    if spec is None or spec.loader is None:
        raise GraphLoadError(f"{path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[name] = module
    try:
        spec.loader.exec_module(module)
    except BaseException:
        sys.modules.pop(name, None)
        raise
    return module


def _module_name(location: str, path: Path) -> str:
    """A name that is the same on every machine: a checkpoint refers to a class by its module's name.

    Taken by another file, it is told from it by how this one is written in its `langgraph.json`; a file that is
    written likewise is of another project in the same process.
    """
    name = "perdure_graph_" + re.sub(r"\W+", "_", location.removesuffix(".py").removeprefix("./"))
    by_location, by_path = (f"{name}_{_digest(text)}" for text in (location, str(path)))
    taken = {one for one in (name, by_location) if one in sys.modules and sys.modules[one].__file__ != str(path)}
    return next(one for one in (name, by_location, by_path) if one not in taken)


def _digest(text: str) -> str:
    return blake2b(text.encode(), digest_size=4).hexdigest()


def _import_name(name: str, root: Path) -> ModuleType:
    importable(root)
    return importlib.import_module(name)
