"""The errors: the drawing at the top of the module, their bases, and what they carry and say."""

from __future__ import annotations

import copy
import pickle
import re
from typing import Any

import pytest

from perdure.contracts import errors
from perdure.contracts.errors import (
    DevServerError,
    FencedError,
    InvalidEventIdError,
    InvalidRunError,
    NoWorkerError,
    PerdureError,
    RunNotFoundError,
    RunStateError,
    StreamEndedError,
    TemporalUnreachableError,
    ThreadBusyError,
    UnavailableError,
    UnknownGraphError,
    nearest,
)


def _classes() -> dict[str, type[PerdureError]]:
    return {
        name: kind for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, PerdureError)
    }


def _drawn() -> dict[str, tuple[str | None, str]]:
    """Each class of the drawing, with the one above it and what is said of it."""
    found: dict[str, tuple[str | None, str]] = {}
    above: list[str] = []
    for line in (errors.__doc__ or "").splitlines():
        match = re.fullmatch(r"((?:[│ ]   )*)(?:[├└]── )?([A-Z]\w+)(.*)", line)
        if match and match[2] in _classes():
            depth = len(match[1]) // 4 + ("──" in line)
            del above[depth:]
            found[match[2]] = (above[-1] if above else None, match[3])
            above.append(match[2])
    return found


def test_the_drawing_shows_every_class_and_no_other() -> None:
    assert list(_drawn()) != []
    assert set(_drawn()) == set(_classes())


@pytest.mark.parametrize("name", _classes())
def test_the_drawing_shows_the_base_of_each_class(name: str) -> None:
    base = _drawn()[name][0]
    assert _classes()[name].__bases__[0].__name__ == (base or "Exception")


@pytest.mark.parametrize("name", _classes())
def test_the_drawing_shows_the_built_in_base(name: str) -> None:
    own = [base.__name__ for base in _classes()[name].__bases__[1:]]
    assert re.findall(r"also an? (\w+)", _drawn()[name][1]) == own


EXAMPLES: list[tuple[PerdureError, dict[str, Any], str]] = [
    (InvalidRunError("wrong", field="input"), {"field": "input"}, "wrong"),
    (
        UnknownGraphError("reserch", ["write", "research"]),
        {"name": "reserch", "known": ("research", "write"), "field": "assistant_id"},
        "unknown graph 'reserch' (did you mean 'research'?); the workers serve: research, write",
    ),
    (UnknownGraphError("x", []), {"known": ()}, "the workers serve: none"),
    (InvalidEventIdError("x"), {}, "last_event_id 'x' is not an event id"),
    (RunNotFoundError("r"), {"run_id": "r"}, "no run 'r'"),
    (RunStateError("r", "it has ended"), {"run_id": "r"}, "run 'r': it has ended"),
    (ThreadBusyError("t", "r"), {"thread_id": "t", "run_id": "r"}, "thread 't' is busy with run 'r'"),
    (TemporalUnreachableError("h:1", "refused"), {"address": "h:1"}, "h:1 (refused)"),
    (NoWorkerError("q", 30.0), {"task_queue": "q"}, "no worker polls the task queue 'q' (waited 30 s)"),
    (FencedError("r", 1, 2), {"run_id": "r", "fence": 1, "current": 2}, "fence 1 < 2"),
    (StreamEndedError("r"), {"run_id": "r"}, "run 'r'"),
    (DevServerError("no"), {}, "no"),
]


@pytest.mark.parametrize(("error", "carries", "says"), EXAMPLES, ids=[type(case[0]).__name__ for case in EXAMPLES])
def test_an_error_carries_what_its_catcher_needs_and_says_what_happened(
    error: PerdureError, carries: dict[str, Any], says: str
) -> None:
    assert {name: getattr(error, name) for name in carries} == carries
    assert says in str(error)


@pytest.mark.parametrize("error", [case[0] for case in EXAMPLES], ids=[type(case[0]).__name__ for case in EXAMPLES])
def test_an_error_may_be_copied_and_pickled(error: PerdureError) -> None:
    for again in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert (type(again), str(again), vars(again)) == (type(error), str(error), vars(error))


def test_errors_of_usage_are_built_in_errors_too() -> None:
    with pytest.raises(ValueError, match="wrong"):
        raise InvalidRunError("wrong")
    with pytest.raises(LookupError):
        raise RunNotFoundError("r")
    with pytest.raises(UnavailableError):
        raise NoWorkerError("q", 1)


@pytest.mark.parametrize(
    ("name", "known", "text"),
    [
        ("adress", ["address", "port"], " (did you mean 'address'?)"),
        ("zzz", ["address"], ""),
        ("x", [], ""),
        ("", ["a"], ""),
    ],
)
def test_the_nearest_name(name: str, known: list[str], text: str) -> None:
    assert nearest(name, known) == text
