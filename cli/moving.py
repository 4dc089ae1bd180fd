"""The commands `migrate` and `copy`: the tables of another version, and an installation in another place."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from ..contracts.settings import load_settings
from .exit_codes import ExitCode
from .session import Session

if TYPE_CHECKING:
    from ..runtime.copying import CopyReport
    from ..runtime.migration import Migration


async def migrate(session: Session, *, to: str | None, check: bool, force: bool) -> ExitCode:
    """`perdure migrate`: with `--check` 1 when something is to be done."""
    from ..runtime.migration import migrate_store

    found = await migrate_store(session.settings, to, check=check, force=force)
    document = {"from": found.current, "to": found.target, "steps": found.steps, "lost": found.losses}
    session.output.result({**document, "done": not check}, _told(found, check=check))
    return ExitCode.FAILED if check and found.steps else ExitCode.OK


def _told(found: Migration, *, check: bool) -> str:
    if not found.steps:
        return f"the store has revision {found.target}: nothing to do"
    way = f"{found.current or 'no tables'} → {found.target}"
    done = f"{'would migrate' if check else 'migrated'} the store {way} ({', '.join(found.steps)})"
    lost = f"\n{'lost on the way' if not check else 'what would be lost'}: {'; '.join(found.losses)}"
    return done + (lost if found.losses else "")


async def copy(session: Session, to: Path) -> ExitCode:
    """`perdure copy`: 1 when the two are not equal in the end."""
    from ..runtime.copying import copy_installation

    target = load_settings(to)
    session.output.note("copying; Ctrl-C is safe, and the same command goes on then")
    report = await copy_installation(session.settings, target, _Progress(session))
    session.output.result({**report.model_dump(), "equal": report.equal}, _compared(report))
    if not report.equal:
        session.output.note(_advice(report))
        return ExitCode.FAILED
    session.output.note(f"start workers and clients with {to} now, and none with the settings of before")
    return ExitCode.OK


class _Progress:
    """Says where the copy is, once for each table and some thousand rows."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._last = ("", 0)

    def __call__(self, table: str, rows: int) -> None:
        name, told = self._last
        if table != name or rows - told >= 10_000:
            self._session.output.note(f"  {table}: {rows} rows …")
            self._last = (table, rows)


def _compared(report: CopyReport) -> str:
    lines = [f"installation {report.installation}: {report.written} rows written"]
    if report.only_compared:
        lines = [f"installation {report.installation}: the target is a complete copy already, so it was only compared"]
    lines += [f"{name}: the same place in both, nothing to copy" for name in report.kept]
    width = max(len(table.name) for table in report.tables)
    for table in report.tables:
        word = "equal" if table.equal else f"NOT EQUAL: {table.missing} missing, {table.different} different"
        lines.append(f"  {table.name:<{width}}  {table.source:>8} → {table.target:>8}  {word}")
    return "\n".join(lines)


def _advice(report: CopyReport) -> str:
    if report.only_compared:
        return "they have gone on since, each for itself: nothing was changed; to copy again, name an empty place"
    return "somebody was at work meanwhile: stop that, and call the same command again, which mends what differs"
