"""Why a run does not get on, and where it stood when it did not."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the columns."""
    op.add_column("runs", sa.Column("trouble", sa.Text))
    op.add_column("runs", sa.Column("trouble_at", sa.Text))


def downgrade() -> None:
    """Drop the columns."""
    op.drop_column("runs", "trouble_at")
    op.drop_column("runs", "trouble")
