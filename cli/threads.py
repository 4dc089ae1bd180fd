"""The command `threads`."""

from __future__ import annotations

from ..contracts.threads import ThreadRecord
from .columns import Column, columns
from .exit_codes import ExitCode
from .records import local
from .session import Session


async def threads(session: Session, status: str | None, limit: int, before: str | None) -> ExitCode:
    """`perdure threads`."""
    async with session.connect() as runs:
        found = await runs.list_threads(status=status, limit=limit + 1, before=before)
    page, more = found[:limit], len(found) > limit
    if session.output.as_json:
        session.output.document([one.model_dump(mode="json") for one in page])
        return ExitCode.OK
    for line in columns(_COLUMNS, [_row(one) for one in page]):
        session.output.line(line)
    if not page:
        session.output.note("no threads" if status is None else f"no threads that are {status}")
    if more:
        session.output.note(f"there are more: {session.hint('threads', '--before', page[-1].thread_id)}")
    return ExitCode.OK


_COLUMNS = (Column("THREAD"), Column("STATUS"), Column("GRAPH", 14), Column("CHANGED"))


def _row(thread: ThreadRecord) -> tuple[str, ...]:
    return thread.thread_id, thread.status, thread.assistant_id or "", local(thread.updated_at, short=True)
