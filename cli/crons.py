"""The commands of `perdure cron`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

from pydantic import ValidationError

from ..contracts.crons import CronRecord, CronSpec
from ..contracts.errors import CronNotFoundError, InvalidRunError
from .columns import Column
from .exit_codes import ExitCode
from .inputs import read_duration
from .records import local
from .session import Session
from .spec import RunFlags, read_spec
from .tables import tell_table

_FLAGS = {
    "schedule": "SCHEDULE",
    "cron_id": "--id",
    "timezone": "--timezone",
    "jitter": "--jitter",
    "catch_up": "--catch-up",
}


@dataclass(frozen=True, slots=True)
class When:
    """The flags of `create` that say when, as they were typed."""

    schedule: str
    cron_id: str | None
    timezone: str
    jitter: str | None
    starts_at: str | None
    ends_at: str | None
    catch_up: str | None
    paused: bool


def read_cron_spec(run: RunFlags, when: When) -> CronSpec:
    """What the flags say. Raises `InvalidRunError`, naming the flag."""
    fields: dict[str, Any] = {
        "schedule": when.schedule,
        "cron_id": when.cron_id,
        "timezone": when.timezone,
        "jitter": None if when.jitter is None else read_duration(when.jitter, "--jitter"),
        "starts_at": None if when.starts_at is None else read_moment(when.starts_at, "--starts-at"),
        "ends_at": None if when.ends_at is None else read_moment(when.ends_at, "--ends-at"),
        "catch_up": None if when.catch_up is None else read_duration(when.catch_up, "--catch-up"),
        "paused": when.paused,
        "run": read_spec(run).model_copy(update={"run_id": None}),
    }
    try:
        return CronSpec.model_validate({name: value for name, value in fields.items() if value is not None})
    except ValidationError as exc:
        raise InvalidRunError("; ".join(_explain(item) for item in exc.errors())) from exc


def read_moment(text: str, flag: str) -> datetime:
    """A date, or a date with a time; without an offset, of the cron's zone. Raises `InvalidRunError`."""
    try:
        return datetime.fromisoformat(text)
    except ValueError as exc:
        raise InvalidRunError(f"{flag}: {text!r} is no date like 2026-01-31 or 2026-01-31T12:00") from exc


async def create(session: Session, spec: CronSpec) -> ExitCode:
    """`perdure cron create`."""
    async with session.connect() as runs:
        _show(session, await runs.crons.create(spec))
    return ExitCode.OK


async def list_crons(session: Session, limit: int, before: str | None) -> ExitCode:
    """`perdure cron list`."""
    async with session.connect() as runs:
        found = await runs.crons.list(limit=limit + 1, before=before)
    page, notes = found[:limit], [] if found else ["no crons"]
    if len(found) > limit:
        notes.append(f"there are more: {session.hint('cron', 'list', '--before', page[-1].cron_id)}")
    tell_table(session.output, _COLUMNS, page, _row, notes)
    return ExitCode.OK


async def set_paused(session: Session, cron_id: str, *, paused: bool) -> ExitCode:
    """`perdure cron pause` and `perdure cron resume`."""
    async with session.connect() as runs:
        _show(session, await (runs.crons.pause if paused else runs.crons.resume)(cron_id))
    return ExitCode.OK


async def trigger(session: Session, cron_id: str) -> ExitCode:
    """`perdure cron trigger`."""
    async with session.connect() as runs:
        await runs.crons.trigger(cron_id)
    return _done(session, {"cron_id": cron_id, "triggered": True}, "it fires now; see `perdure runs`")


async def backfill(session: Session, cron_id: str, start: datetime, end: datetime) -> ExitCode:
    """`perdure cron backfill`."""
    async with session.connect() as runs:
        await runs.crons.backfill(cron_id, start, end)
    return _done(session, {"cron_id": cron_id, "backfilled": True}, "it fires for these times; see `perdure runs`")


async def delete(session: Session, cron_id: str) -> ExitCode:
    """`perdure cron delete`."""
    async with session.connect() as runs:
        if not await runs.crons.delete(cron_id):
            raise CronNotFoundError(cron_id)
    return _done(session, {"cron_id": cron_id, "deleted": True}, f"cron {cron_id} is deleted")


_COLUMNS = (Column("CRON"), Column("SCHEDULE", 24), Column("GRAPH", 14), Column("NEXT"))


def _row(cron: CronRecord) -> tuple[str, ...]:
    return cron.cron_id, cron.schedule, cron.assistant_id, _next(cron)


def _next(cron: CronRecord) -> str:
    if cron.paused:
        return "paused"
    return local(cron.next[0], short=True) if cron.next else "over"


def _show(session: Session, cron: CronRecord) -> None:
    if session.output.as_json:
        session.output.document(cron.model_dump(mode="json"))
        return
    session.output.line(f"cron {cron.cron_id} · {cron.assistant_id} · {cron.schedule} {cron.timezone}")
    session.output.line("paused" if cron.paused else f"next: {', '.join(local(one) for one in cron.next) or 'never'}")


def _done(session: Session, told: dict[str, Any], note: str) -> ExitCode:
    if session.output.as_json:
        session.output.document(told)
    else:
        session.output.note(note)
    return ExitCode.OK


def _explain(item: Any) -> str:
    names = [str(part) for part in item["loc"]]
    flag = _FLAGS.get(names[0], names[0]) if names else ""
    message = str(item["msg"]).removeprefix("Value error, ")
    return f"{flag}: {message}" if flag else message
