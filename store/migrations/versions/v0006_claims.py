"""Threads that are claimed, with their owner, by the draft of their first run."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Whose first run is a draft still. The owners of the others stand in their records.
_CLAIM = """
    INSERT INTO threads (thread_id, status, metadata, user_id, created_at, updated_at, begun)
    SELECT runs.thread_id, 'idle', '{}', runs.user_id, runs.created_at, runs.created_at, false
    FROM (SELECT thread_id, min(position) AS first FROM runs GROUP BY thread_id) AS begins
    JOIN runs ON runs.position = begins.first
    WHERE NOT EXISTS (SELECT 1 FROM threads WHERE threads.thread_id = runs.thread_id)
    ORDER BY begins.first
"""


def upgrade() -> None:
    """Add the column, and the claims of the drafts that there are."""
    op.add_column("threads", sa.Column("begun", sa.Boolean, nullable=False, server_default=sa.true()))
    op.execute(_CLAIM)


def downgrade() -> None:
    """Drop the column, and the claims, which the version before would show as threads."""
    op.execute("DELETE FROM threads WHERE NOT begun")
    op.drop_column("threads", "begun")
