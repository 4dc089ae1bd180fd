"""The command `graph`."""

from __future__ import annotations

from ..contracts.errors import InvalidRunError
from .exit_codes import ExitCode
from .follow import existing
from .session import Session


async def graph(session: Session, name: str, run_id: str | None, *, ascii: bool) -> ExitCode:
    """`perdure graph`."""
    from ..runtime.drawing import draw

    current = () if run_id is None else await _current(session, name, run_id)
    drawn = await draw(session.settings.graphs, name, current=current, ascii=ascii)
    session.output.result({"graph": name, "current": [*current], "drawing": drawn}, drawn.rstrip("\n"))
    return ExitCode.OK


async def _current(session: Session, name: str, run_id: str) -> tuple[str, ...]:
    """The nodes at which a run is; none when it has ended."""
    async with session.connect() as runs:
        record = await existing(runs, run_id)
        if record.assistant_id != name:
            raise InvalidRunError(f"run {run_id!r} is one of the graph {record.assistant_id!r}, not of {name!r}")
        if record.status.terminal:
            return ()
        state = await runs.get_state(record.thread_id, stored=True)
    return () if state is None else state.next
