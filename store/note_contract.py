"""What a worker notes of a run on its way: how far it is, and what fails again and again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

from ..contracts.types import RunError, RunTrouble


@dataclass(frozen=True, slots=True)
class Setback:
    """How the attempt before the one that begins has failed."""

    failure: RunError
    lost: bool
    """It has lost its worker."""
    position: str | None = None
    """How far the run has come: another text is progress. `None`: that cannot be told now."""
    times: int = 1
    """Attempts that have failed in a row, as far as Temporal counts them."""
    waits_from: int | None = None
    """The number of lost workers from which on the run waits for its turn; `None`: never."""


class RunNoteStore(Protocol):
    """An absent run, one that has ended and one that has seen a larger fence is ignored.

    Each raises `UnavailableError`.
    """

    async def begin_turn(self, run_id: str, *, fence: int) -> None:
        """The run does not wait for its turn any more."""
        ...

    async def note_steps(self, run_id: str, steps: int, *, fence: int) -> None:
        """How far it has come, if that is further."""
        ...

    async def note_trouble(self, run_id: str, setback: Setback, *, fence: int) -> RunTrouble | None:
        """Work for it was tried in vain: its `trouble` grows, and is given back, unless that was ignored."""
        ...

    async def note_waiting(self, run_id: str, found: RunTrouble) -> None:
        """Why the run does not get on, from a worker that does not execute it. Trouble that it has already stays."""
        ...

    async def clear_trouble(self, run_id: str, *, fence: int) -> None:
        """The run has got on."""
        ...
