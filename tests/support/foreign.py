"""Classes that no graph refers to."""

from __future__ import annotations

from dataclasses import dataclass

BUILT: list[object] = []


@dataclass
class Unknown:
    """Says when it is made."""

    number: int

    def __post_init__(self) -> None:
        BUILT.append(self.number)


@dataclass
class Named:
    """For the setting."""

    number: int


def call(argument: object) -> object:
    """What nobody may have called."""
    BUILT.append(argument)
    return argument
