"""Threads, and what happened to and inside of their runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables, and a thread for each that has runs."""
    _threads()
    _run_events()
    _lifecycle()
    op.create_table(
        "state_updates",
        sa.Column("update_id", sa.Text().with_variant(sa.Text(collation="C"), "postgresql"), primary_key=True),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("kind", sa.Text, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    )


def downgrade() -> None:
    """Drop the tables, with what they tell of runs and threads."""
    for table in ("state_updates", "deliveries", "lifecycle_events", "run_events", "threads"):
        op.drop_table(table)


_MOMENT = sa.DateTime(timezone=True)
# As the newest run of each thread has left it, and in the order of the first runs.
_FILL = """
    INSERT INTO threads (thread_id, status, metadata, assistant_id, user_id, created_at, updated_at)
    SELECT runs.thread_id,
        CASE WHEN runs.status IN ('pending', 'running') THEN 'running'
             WHEN runs.status IN ('awaiting_input', 'interrupted') THEN runs.status
             WHEN runs.status IN ('error', 'timeout') THEN 'error' ELSE 'idle' END,
        runs.metadata, runs.assistant_id, first.user_id, first.created_at, runs.updated_at
    FROM (SELECT thread_id, min(position) AS begins, max(position) AS newest FROM runs GROUP BY thread_id) AS ends
    JOIN runs ON runs.position = ends.newest JOIN runs AS first ON first.position = ends.begins
    ORDER BY ends.begins
"""


def _threads() -> None:
    op.create_table(
        "threads",
        _position(),
        sa.Column("thread_id", sa.Text, nullable=False, unique=True),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("assistant_id", sa.Text),
        sa.Column("user_id", sa.Text),
        sa.Column("title", sa.Text),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sqlite_autoincrement=True,
    )
    op.execute(_FILL)


def _run_events() -> None:
    op.create_table(
        "run_events",
        _position(),
        sa.Column("thread_id", sa.Text, nullable=False),
        sa.Column("run_id", sa.Text, sa.ForeignKey("runs.run_id", ondelete="CASCADE"), nullable=False),
        sa.Column("seq", sa.BigInteger, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("number", sa.Integer),
        sa.Column("task_id", sa.Text),
        sa.Column("sealed", sa.Text),
        sa.Column("void", sa.Boolean, nullable=False),
        sa.Column("event_type", sa.Text, nullable=False),
        sa.Column("category", sa.Text, nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("content", sa.Text),
        sa.UniqueConstraint("run_id", "fence", "number"),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_run_events_thread", "run_events", ["thread_id", "seq"], unique=True)
    op.create_index("ix_run_events_run", "run_events", ["run_id", "seq"])
    op.create_index("ix_run_events_type", "run_events", ["run_id", "event_type", "seq"])
    op.create_index("ix_run_events_sealed", "run_events", ["run_id", "sealed"])


def _lifecycle() -> None:
    op.create_table(
        "lifecycle_events",
        _run(),
        sa.Column("sequence", sa.Integer, primary_key=True, autoincrement=False),
        sa.Column("event_type", sa.Text, nullable=False),
        sa.Column("occurred_at", _MOMENT, nullable=False),
        sa.Column("payload", sa.Text, nullable=False),
    )
    op.create_table(
        "deliveries",
        _run(),
        sa.Column("observer", sa.Text, primary_key=True),
        sa.Column("delivered", sa.Integer, nullable=False),
        sa.Column("failure", sa.Text),
    )


def _position() -> sa.Column[int]:
    number = sa.BigInteger().with_variant(sa.Integer, "sqlite")
    return sa.Column("position", number, primary_key=True, autoincrement=True)


def _run() -> sa.Column[str]:
    return sa.Column("run_id", sa.Text, sa.ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True)
