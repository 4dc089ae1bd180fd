"""The modules that graphs bring in from their project's own folders: their files, and how to import them anew."""

from __future__ import annotations

import importlib
import linecache
import sys
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from importlib.util import cache_from_source
from pathlib import Path
from types import ModuleType

from ...contracts.langgraph_json import LangGraphJson
from .project import local_dependencies

_INSTALLED = {"site-packages", "dist-packages"}


class LocalModules:
    """Made before the graphs are loaded for the first time: what is there before them is not theirs."""

    def __init__(self) -> None:
        self._before = frozenset(sys.modules)
        self._roots: frozenset[Path] = frozenset()
        self.tried: frozenset[Path] = frozenset()
        """The files that the last import anew has come to, also one that failed."""

    def look_in(self, config: LangGraphJson) -> None:
        """The folders of the project are those that this file names, and its own."""
        files = (location.rpartition(":")[0] for _, location in config.locations())
        graphs = {(config.folder / file).resolve().parent for file in files if file.endswith(".py")}
        self._roots = frozenset({config.folder, *graphs, *local_dependencies(config)})

    @property
    def files(self) -> frozenset[Path]:
        """Of all of them that are loaded now, whether they are there or not."""
        return frozenset(path for module in self._loaded().values() for path in _places(module))

    def is_local(self, path: Path) -> bool:
        """Whether a file belongs to the project, and is not installed in it."""
        return not _INSTALLED & {*path.parts} and any(path.is_relative_to(root) for root in self._roots)

    @contextmanager
    def anew(self) -> Generator[None]:
        """What is imported within is read from its file again. After an error all is as it was."""
        old = self._loaded()
        for name, module in old.items():
            _forget_bytecode(module)
            del sys.modules[name]
        importlib.invalidate_caches()
        linecache.clearcache()
        try:
            yield
        except BaseException:
            self.tried = self.files
            for name in self._loaded():
                del sys.modules[name]
            sys.modules.update(old)
            raise
        self.tried = self.files

    def _loaded(self) -> dict[str, ModuleType]:
        return {name: module for name, module in [*sys.modules.items()] if self._is_theirs(name, module)}

    def _is_theirs(self, name: str, module: ModuleType | None) -> bool:
        if module is None or name in self._before or name.partition(".")[0] == "perdure":
            return False
        return any(map(self.is_local, _places(module)))


def _places(module: ModuleType) -> Iterator[Path]:
    """Its file; of a package without one, its folders."""
    if file := getattr(module, "__file__", None):
        yield Path(file)
    else:
        yield from map(Path, getattr(module, "__path__", ()))


def _forget_bytecode(module: ModuleType) -> None:
    """Python takes a file for unchanged that has the same size, and was written within the same second."""
    for path in _places(module):
        if path.suffix == ".py":
            Path(cache_from_source(str(path))).unlink(missing_ok=True)
