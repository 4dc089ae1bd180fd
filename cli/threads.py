"""The command `threads`."""

from __future__ import annotations

from ..contracts.threads import ThreadRecord
from .columns import Column
from .exit_codes import ExitCode
from .records import local
from .session import Session
from .tables import tell_table


async def threads(session: Session, status: str | None, limit: int, before: str | None) -> ExitCode:
    """`perdure threads`."""
    async with session.connect() as runs:
        found = await runs.list_threads(status=status, limit=limit + 1, before=before)
    nothing = "no threads" if status is None else f"no threads that are {status}"
    page, notes = found[:limit], [] if found else [nothing]
    if len(found) > limit:
        notes.append(f"there are more: {session.hint('threads', '--before', page[-1].thread_id)}")
    tell_table(session.output, _COLUMNS, page, _row, notes)
    return ExitCode.OK


_COLUMNS = (Column("THREAD"), Column("STATUS"), Column("GRAPH", 14), Column("CHANGED"))


def _row(thread: ThreadRecord) -> tuple[str, ...]:
    return thread.thread_id, thread.status, thread.assistant_id or "", local(thread.updated_at, short=True)
