"""Which open question an answer is meant for."""

from __future__ import annotations

from typing import Any

import pytest

from perdure.contracts.answers import answers_by_id

A, B, OLD = "a" * 32, "b" * 32, "0" * 32


@pytest.mark.parametrize(
    ("answer", "asked", "found"),
    [
        ("yes", [A], {A: "yes"}),
        (None, [A], {A: None}),
        ({}, [A], {A: {}}),
        ({"ok": True}, [A], {A: {"ok": True}}),
        ({"ok": True, OLD: 1}, [A], {A: {"ok": True, OLD: 1}}),
        ({A: 1}, [A], {A: 1}),
        ({A: 1}, [A, B], {A: 1}),
        ({B: 2, A: 1}, [A, B], {B: 2, A: 1}),
    ],
)
def test_it_is_found(answer: Any, asked: list[str], found: dict[str, Any]) -> None:
    assert answers_by_id(answer, asked) == found


@pytest.mark.parametrize(
    ("answer", "asked", "why"),
    [
        ({OLD: 1}, [A], f"no open question has the id {OLD}; open: {A}"),
        ({A: 1, OLD: 2}, [A, B], f"no open question has the id {OLD}; open: {A}, {B}"),
        ({OLD: 1}, [], f"no open question has the id {OLD}; open: none"),
        ("yes", [A, B], f"several questions are open; .* ids of {A}, {B}"),
        ({"ok": True}, [A, B], "several questions are open"),
        ("yes", [], "no question is open"),
    ],
)
def test_it_fits_nothing(answer: Any, asked: list[str], why: str) -> None:
    with pytest.raises(ValueError, match=why):
        answers_by_id(answer, asked)
