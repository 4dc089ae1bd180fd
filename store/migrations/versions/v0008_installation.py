"""Who the installation is, which workers serve which graphs, and in which Temporal each run was submitted."""

from __future__ import annotations

import uuid

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """What workers announced for a whole task queue goes: each now announces for itself, when it starts."""
    op.drop_table("graphs")
    installation = op.create_table("installation", sa.Column("id", sa.Text, primary_key=True))
    op.execute(installation.insert().values(id=uuid.uuid4().hex))
    op.create_table(
        "workers",
        sa.Column("worker_id", sa.Text, primary_key=True),
        sa.Column("task_queue", sa.Text, nullable=False),
        sa.Column("name", sa.Text, nullable=False),
        sa.Column("graphs", sa.Text, nullable=False),
        sa.Column("started_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("seen_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("ended_at", sa.DateTime(timezone=True)),
    )
    op.create_table(
        "temporals",
        sa.Column("namespace_id", sa.Text, primary_key=True),
        sa.Column("place", sa.Text, nullable=False),
        sa.Column("gone", sa.Boolean, nullable=False),
    )
    op.add_column("runs", sa.Column("temporal", sa.Text))


def downgrade() -> None:
    """The identity of the installation goes, and in which Temporal each run was submitted."""
    op.drop_column("runs", "temporal")
    for table in ("temporals", "workers", "installation"):
        op.drop_table(table)
    op.create_table(
        "graphs",
        sa.Column("task_queue", sa.Text, primary_key=True),
        sa.Column("name", sa.Text, primary_key=True),
    )
