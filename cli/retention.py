"""`perdure gc`: one round of retention."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict

from ..runtime.client import LazyTemporal
from ..runtime.retiring import opened_retention
from .exit_codes import ExitCode
from .logs import configure_core
from .session import Session

_WHAT = {
    "streams": "streams",
    "events": "runs' events",
    "runs": "runs",
    "threads": "threads",
    "fences": "fences of deleted runs",
}


async def gc(session: Session, *, dry_run: bool, orphans: bool) -> ExitCode:
    """Remove what is older than the settings want it, and orphans on demand."""
    settings = session.settings
    temporal = LazyTemporal(settings, before=configure_core)
    async with opened_retention(settings, temporal, dry=dry_run) as retention:
        counts = asdict(await retention.remove_old())
        if orphans:
            more = asdict(await retention.remove_orphans())
            counts = {name: count + more[name] for name, count in counts.items()}
    if not settings.retention.is_set and not orphans:
        session.output.note("nothing is set in `retention`, so everything is kept")
    session.output.result({"dry_run": dry_run, **counts}, _told(counts, dry_run=dry_run))
    return ExitCode.OK


def _told(counts: Mapping[str, int], *, dry_run: bool) -> str:
    parts = [f"{count} {_WHAT[name]}" for name, count in counts.items() if count]
    return f"{'would remove' if dry_run else 'removed'}: {', '.join(parts) or 'nothing'}"
