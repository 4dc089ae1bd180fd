"""Real processes, but forked from one that has imported everything: a fresh one takes seconds for that."""

from __future__ import annotations

import multiprocessing

forking = multiprocessing.get_context("forkserver")
forking.set_forkserver_preload(
    ["perdure.store.sql", "alembic.command", "pytest", "perdure.cli.app", "perdure.runtime.worker", "aiosqlite"]
)
