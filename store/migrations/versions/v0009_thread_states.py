"""How each thread was left, and what a run says of its thread apart from itself."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Threads of before have no state here until something happens to them."""
    op.create_table(
        "thread_states",
        sa.Column("thread_id", sa.Text, sa.ForeignKey("threads.thread_id", ondelete="CASCADE"), primary_key=True),
        sa.Column("state_updated_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("interrupts", sa.Text),
        sa.Column("values", sa.Text),
    )
    op.add_column("runs", sa.Column("thread_metadata", sa.Text))


def downgrade() -> None:
    """Drop the table and the column."""
    op.drop_column("runs", "thread_metadata")
    op.drop_table("thread_states")
