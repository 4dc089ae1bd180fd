"""The trouble of a run: how often its attempts have failed since it last got on."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from sqlalchemy import BigInteger, Connection, bindparam, select, update

from ..contracts.types import RunTrouble
from .contract import Setback
from .rows import OF_RUN
from .schema import runs
from .sealing import SealedJson

NONE: Mapping[str, object] = {"trouble": None, "trouble_at": None}
"""The columns of a run that gets on."""

_NOW = select(runs.c.trouble, runs.c.trouble_at).where(OF_RUN).with_for_update()
_OPEN = update(runs).where(OF_RUN, runs.c.fence <= bindparam("own_fence", type_=BigInteger), runs.c.ended_at.is_(None))
_NOTE = _OPEN.values(trouble=bindparam("trouble"), trouble_at=bindparam("trouble_at")).returning(runs.c.trouble)
_TROUBLED = update(runs).where(
    OF_RUN, runs.c.fence <= bindparam("own_fence", type_=BigInteger), runs.c.trouble.is_not(None)
)
_CLEAR = _TROUBLED.values(trouble=None, trouble_at=None)
_NOTE_WAITING = (
    update(runs)
    .where(OF_RUN, runs.c.ended_at.is_(None), runs.c.trouble.is_(None))
    .values(trouble=bindparam("new_trouble", type_=SealedJson))
)
_BEGIN = _TROUBLED.values(trouble=bindparam("new_trouble", type_=SealedJson))


def after(connection: Connection, run_id: str, setback: Setback | None) -> Mapping[str, object]:
    """The columns of a run that begins again after a setback, or without one."""
    row = None if setback is None else connection.execute(_NOW, {"of_run": run_id}).mappings().one_or_none()
    if setback is None or row is None:
        return NONE
    before = None if row["trouble"] is None else RunTrouble.model_validate(row["trouble"])
    if setback.position is not None and setback.position != row["trouble_at"]:
        before = None  # it has got on in between
    at = row["trouble_at"] if setback.position is None else setback.position
    return {"trouble": _grown(before, setback).model_dump(mode="json"), "trouble_at": at}


def told(setback: Setback | None, worker: str | None) -> Mapping[str, object]:
    """Of an attempt that begins: by whom, and after what."""
    after = None if setback is None else setback.failure.model_dump(exclude={"traceback"})
    return {name: value for name, value in (("worker", worker), ("after", after)) if value is not None}


def note(connection: Connection, run_id: str, setback: Setback, fence: int) -> RunTrouble | None:
    """The trouble of a run whose work was tried in vain; `None` where that is not this fence's, or too late."""
    troubled = after(connection, run_id, setback)
    row = connection.execute(_NOTE, {"of_run": run_id, "own_fence": fence, **troubled}).mappings().one_or_none()
    return None if row is None else RunTrouble.model_validate(row["trouble"])


def clear(connection: Connection, run_id: str, fence: int) -> None:
    """The run has got on."""
    connection.execute(_CLEAR, {"of_run": run_id, "own_fence": fence})


def note_waiting(connection: Connection, run_id: str, found: RunTrouble) -> None:
    """Of a run that nobody executes. Trouble that it has already is older, and stays."""
    connection.execute(_NOTE_WAITING, {"of_run": run_id, "new_trouble": found.model_dump(mode="json")})


def begin_turn(connection: Connection, run_id: str, fence: int) -> None:
    """The run does not wait any more."""
    row = connection.execute(_NOW, {"of_run": run_id}).mappings().one_or_none()
    if row is not None and row["trouble"] is not None:
        executes = {**row["trouble"], "waiting": False}
        connection.execute(_BEGIN, {"of_run": run_id, "own_fence": fence, "new_trouble": executes})


def _grown(before: RunTrouble | None, setback: Setback) -> RunTrouble:
    count, lost = (0, 0) if before is None else (before.count, before.lost)
    # Who waited for its turn did not execute, and is not to blame.
    lost += setback.lost and not (before is not None and before.waiting)
    return RunTrouble(
        type=setback.failure.type,
        message=setback.failure.message,
        # Attempts that failed before they got as far as this are in Temporal's count only.
        count=count + 1 if before is None else max(count + 1, setback.times),
        lost=lost,
        waiting=setback.waits_from is not None and lost >= setback.waits_from,
        since=datetime.now(UTC) if before is None else before.since,
    )
