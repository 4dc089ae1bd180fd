"""A name that crosses Temporal is spelled in `contracts/wire.py` and nowhere else, so that no two sides drift apart."""

from __future__ import annotations

import ast
from collections.abc import Iterator

import pytest

from perdure.contracts import wire

from .source import Module, docstrings, modules, parse

_WIRE = "perdure.contracts.wire"
_PREFIXES = ("SIGNAL_", "UPDATE_", "QUERY_", "ACTIVITY_", "ERROR_", "SEARCH_")
NAMES = {
    value
    for name, value in vars(wire).items()
    if isinstance(value, str) and (name.startswith(_PREFIXES) or name.endswith("_WORKFLOW"))
}

_OTHER_MEANINGS = (
    ("__init__.py", {"RunStatus"}, "the public class"),
    (
        "contracts/",
        {"interrupt", "cancel", "resume", "status"},
        "values of enums and options; a terminal event; LangGraph's Command; a field to sort by",
    ),
    ("store/", {"status"}, "a column"),
    (
        "activities/",
        {"interrupt", "cancel", "status"},
        "a reason for LangGraph's drain; the terminal event and its fields",
    ),
    ("facade/", {"cancel", "status"}, "a value of on_disconnect; a field to find threads by"),
    ("gateway/", {"cancel", "resume", "status"}, "values and fields of LangGraph's API"),
    ("gateway/agents/", {"answer"}, "the field of a form of MCP"),
    ("cli/", {"cancel", "interrupt", "resume", "status"}, "commands, options, and fields of what is printed"),
)
"""Everyday words among the names, and rooms in which they also mean something else. That such a word is never handed
to Temporal there is checked by `spoken_literally`."""

_TAKES_A_NAME = {
    "signal", "query", "update", "defn", "for_keyword", "WithStartWorkflowOperation",
    "start_workflow", "execute_workflow", "start_child_workflow", "execute_child_workflow",
    "start_activity", "execute_activity", "start_local_activity", "execute_local_activity",
    "start_update", "execute_update", "start_update_with_start_workflow", "execute_update_with_start_workflow",
}  # fmt: skip


def literals(module: Module) -> Iterator[ast.Constant]:
    """Texts in the code that are exactly a name of the wire; not docstrings, and not the names of `__all__`."""
    skipped = docstrings(module)
    for node in module.tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "__all__":
            skipped |= {id(part) for part in ast.walk(node)}
    for node in module.nodes:
        if isinstance(node, ast.Constant) and node.value in NAMES and id(node) not in skipped:
            yield node


def spelled_again(module: Module) -> list[str]:
    """Literals that have no other meaning at their place."""
    allowed = {word for place, words, _ in _OTHER_MEANINGS if module.place.startswith(place) for word in words}
    return [f"{module.place}:{node.lineno} {node.value!r}" for node in literals(module) if node.value not in allowed]


def spoken_literally(module: Module) -> list[str]:
    """Calls that hand Temporal a name as a literal, whatever the word."""
    found: list[str] = []
    for call in (node for node in module.nodes if isinstance(node, ast.Call)):
        if ast.unparse(call.func).rpartition(".")[2] in _TAKES_A_NAME:
            names = [*call.args[:1], *(word.value for word in call.keywords if word.arg == "name")]
            texts = [name.value for name in names if isinstance(name, ast.Constant) and isinstance(name.value, str)]
            found += [f"{module.place}:{call.lineno} {text!r}" for text in texts]
    return found


def others() -> list[Module]:
    """All modules but the one where the names stand."""
    return [module for module in modules().values() if module.name != _WIRE]


def test_the_names_are_found() -> None:
    assert {"RunWorkflow", "run_supersteps", "cancel", "submit", "status", "GraphError", "ThreadId"} <= NAMES


def test_no_name_is_spelled_twice() -> None:
    assert [found for module in others() for found in spelled_again(module)] == []


def test_no_call_spells_a_name() -> None:
    assert [found for module in others() for found in spoken_literally(module)] == []


def test_no_name_is_used_for_two_things() -> None:
    constants = [value for name, value in vars(wire).items() if isinstance(value, str) and name.startswith(_PREFIXES)]
    assert len(constants) == len({*constants})


def test_every_exemption_is_needed() -> None:
    for place, words, meaning in _OTHER_MEANINGS:
        used = {node.value for module in others() if module.place.startswith(place) for node in literals(module)}
        assert words <= used, f"{place} ({meaning}) no longer has {words - used}"


def test_ids_of_workflows_are_made_in_one_place() -> None:
    made = [
        f"{module.place}:{node.lineno}"
        for module in others()
        for node in module.nodes
        if isinstance(node, ast.JoinedStr) and _prefix(node) in ("run-", "thread-")
    ]
    assert made == []


def _prefix(text: ast.JoinedStr) -> object:
    first = text.values[0] if text.values else None
    return first.value if isinstance(first, ast.Constant) else None


@pytest.mark.parametrize(
    "text",
    ["name = 'run_supersteps'", "KINDS = {'GraphError': 1}", "def f(n='answer'): ...", "if name == 'cancel': ..."],
)
def test_a_second_spelling_is_seen(text: str) -> None:
    assert len(spelled_again(parse("perdure.workflows.sample", text))) == 1


@pytest.mark.parametrize(
    "text",
    [
        "await handle.signal('cancel', None)",
        "@workflow.signal(name='pause')\ndef pause(self): ...",
        "@activity.defn(name='notify')\nasync def notify(): ...",
        "await workflow.start_activity('notify', 1)",
        "SearchAttributeKey.for_keyword('Odd')",
    ],
)
def test_a_name_that_is_spoken_literally_is_seen(text: str) -> None:
    assert len(spoken_literally(parse("perdure.cli.sample", text))) == 1


def test_docstrings_and_exports_are_no_spelling() -> None:
    text = '"""RunWorkflow"""\n__all__ = ["RunWorkflow", "cancel"]\nX = 1\n"""cancel"""'
    assert spelled_again(parse("perdure.workflows.sample", text)) == []
