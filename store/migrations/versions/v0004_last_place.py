"""An index for the last place in a thread's line, which each submission asks for."""

from __future__ import annotations

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index."""
    op.create_index("ix_runs_sequence", "runs", ["thread_id", "sequence"])


def downgrade() -> None:
    """Drop the index."""
    op.drop_index("ix_runs_sequence", "runs")
