"""Runs, their specs and values, and the graphs that workers announce.

Revision ID: 0001
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the tables."""
    moment = sa.DateTime(timezone=True)
    op.create_table(
        "runs",
        sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True),
        sa.Column("run_id", sa.Text, nullable=False, unique=True),
        sa.Column("thread_id", sa.Text, nullable=False),
        sa.Column("assistant_id", sa.Text, nullable=False),
        sa.Column("status", sa.Text, nullable=False),
        sa.Column("temporary", sa.Boolean, nullable=False),
        sa.Column("multitask_strategy", sa.Text, nullable=False),
        sa.Column("metadata", sa.Text, nullable=False),
        sa.Column("follow_up_to_run_id", sa.Text),
        sa.Column("created_at", moment, nullable=False),
        sa.Column("updated_at", moment, nullable=False),
        sa.Column("started_at", moment),
        sa.Column("ended_at", moment),
        sa.Column("error", sa.Text),
        sa.Column("sequence", sa.BigInteger),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("steps", sa.Integer, nullable=False),
        sa.Column("cancel_action", sa.Text),
        sa.Column("user_id", sa.Text),
        sa.Column("title", sa.Text),
        sa.Column("usage", sa.Text),
        sa.Column("submitted", sa.Boolean, nullable=False),
        sa.Column("fence", sa.BigInteger, nullable=False),
        sa.Column("interrupts", sa.Text),
        sqlite_autoincrement=True,
    )
    op.create_index("ix_runs_thread", "runs", ["thread_id", "position"])
    op.create_table(
        "run_specs",
        _of_run(),
        sa.Column("fields", sa.Text, nullable=False),
        sa.Column("payload_kind", sa.Text, nullable=False),
        sa.Column("payload", sa.LargeBinary, nullable=False),
    )
    op.create_table("run_values", _of_run(), sa.Column("data", sa.LargeBinary, nullable=False))
    op.create_table(
        "graphs",
        sa.Column("task_queue", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
    )


def downgrade() -> None:
    """Drop the tables, with all records."""
    for table in ("graphs", "run_values", "run_specs", "runs"):
        op.drop_table(table)


def _of_run() -> sa.Column[str]:
    return sa.Column("run_id", sa.Text, sa.ForeignKey("runs.run_id", ondelete="CASCADE"), primary_key=True)
