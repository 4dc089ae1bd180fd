"""LangGraph's reserved names stand in `contracts/langgraph_names.py` and nowhere else, and are what LangGraph says."""

from __future__ import annotations

import ast
from collections.abc import Iterator

from langgraph import constants
from langgraph.checkpoint.serde import types

from perdure.contracts import langgraph_names as names

from .source import Module, docstrings, modules, parse

_PLACE = "perdure.contracts.langgraph_names"
NAMES = {value for name, value in vars(names).items() if name.isupper() and isinstance(value, str)}


def spelled_again(module: Module) -> Iterator[str]:
    """Texts in the code that are exactly a reserved name; not docstrings."""
    skipped = docstrings(module)
    for node in module.nodes:
        if isinstance(node, ast.Constant) and node.value in NAMES and id(node) not in skipped:
            yield f"{module.place}:{node.lineno} spells {node.value!r}"


def test_no_module_spells_a_reserved_name_again() -> None:
    found = [again for module in modules().values() if module.name != _PLACE for again in spelled_again(module)]
    assert found == []


def test_a_name_that_is_spelled_again_is_found() -> None:
    module = parse("perdure.activities.sample", '"""`__resume__`"""\nANSWERS = "__resume__"\n')
    assert len([*spelled_again(module)]) == 1


def test_they_are_langgraphs() -> None:
    assert (names.START, names.END) == (constants.START, constants.END)
    of_writes = (types.INTERRUPT, types.RESUME, types.ERROR, types.TASKS)
    assert of_writes == (names.INTERRUPT, names.RESUME, names.ERROR, names.SENDS)
