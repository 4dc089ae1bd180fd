"""What a request of another protocol does, in the words of the API, so that it is allowed or not as it is there."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from .access_rules import Match, rule_of
from .callers import current_admission
from .event_values import Asked

Translate = Callable[[Mapping[str, str], Any], Asked | None]
"""From what the path says and the body; `None`: it does nothing that anybody is asked about, or is not understood."""


def asked_for(method: str, path: str, body: Any = None) -> Asked:
    """A request of the API."""
    match = rule_of(method, path)
    assert isinstance(match, Match), path
    return Asked(match, "", body)


def as_allowed(translate: Translate, values: Mapping[str, str], body: Any) -> Asked | None:
    """What the request does: as the handlers of `Auth` have left it, where there are any."""
    admission = current_admission()
    known = None if admission is None else admission.translated
    return translate(values, body) if known is None else known
