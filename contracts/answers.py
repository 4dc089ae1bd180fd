"""Which open question an answer is meant for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from typing import Any, cast

_INTERRUPT_ID = re.compile("[0-9a-f]{32}")
"""LangGraph's interrupt ids. It takes an object with only such keys for answers by their ids, too."""

_LISTED = 10
"""Ids that an error names."""


def names_questions(answer: Any) -> bool:
    """Whether an answer says by ids which questions it is for."""
    return isinstance(answer, Mapping) and all(
        _INTERRUPT_ID.fullmatch(str(key)) for key in cast("Mapping[str, Any]", answer)
    )


def answers_by_id(answer: Any, asked: Sequence[str]) -> dict[str, Any]:
    """Interrupt id to value: of an object with ids as its keys, else of the only open question.

    Some of several open questions are enough. Raises `ValueError` for an answer that fits none of them.
    """
    if isinstance(answer, Mapping) and answer:
        named = cast("Mapping[str, Any]", answer)
        unknown = [str(key) for key in named if key not in asked]
        if not unknown:
            return dict(named)
        # An answer that comes late must not be taken for the value of another question.
        if names_questions(named):
            raise ValueError(f"no open question has the id {unknown[0]}; open: {_listed(asked) or 'none'}")
    if len(asked) == 1:
        return {asked[0]: answer}
    raise ValueError(
        f"several questions are open; answer as {{interrupt_id: value}}, with ids of {_listed(asked)}"
        if asked
        else "no question is open"
    )


def _listed(ids: Sequence[str]) -> str:
    more = len(ids) - _LISTED
    return ", ".join(ids[:_LISTED]) + (f" and {more} more" if more > 0 else "")


def json_size(answer: Any) -> int:
    """Bytes of an answer that came as JSON."""
    return len(json.dumps(answer, ensure_ascii=False).encode("utf-8", "replace"))
