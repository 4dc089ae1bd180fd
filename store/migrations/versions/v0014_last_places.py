"""A thread knows the places of its runs that were deleted: who counts by them misses nothing of those that follow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("threads", sa.Column("last_place", sa.BigInteger))


def downgrade() -> None:
    """The place of a thread's newest run is given again once that was deleted."""
    op.drop_column("threads", "last_place")
