"""An index of the runs that have not ended: a thread may have thousands that have."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Create the index."""
    is_open = sa.text("ended_at IS NULL")
    columns = ["thread_id", "position"]
    op.create_index("ix_runs_open", "runs", columns, sqlite_where=is_open, postgresql_where=is_open)


def downgrade() -> None:
    """Drop the index."""
    op.drop_index("ix_runs_open", "runs")
