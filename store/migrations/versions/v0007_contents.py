"""The large contents of run events, each kept once, and leases. Rows of before keep the contents that they have."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Add the tables, and where a row says which contents are its own."""
    op.create_table(
        "run_contents",
        sa.Column("run", sa.BigInteger().with_variant(sa.Integer, "sqlite"), nullable=False),
        sa.Column("number", sa.Integer, nullable=False),
        sa.Column("digest", sa.LargeBinary, nullable=False),
        sa.Column("data", sa.LargeBinary, nullable=False),
        sa.PrimaryKeyConstraint("run", "number"),
        sa.UniqueConstraint("run", "digest"),
        sa.ForeignKeyConstraint(["run"], ["runs.position"], ondelete="CASCADE"),
    )
    op.add_column("run_events", sa.Column("chunks", sa.Text))
    op.add_column("run_events", sa.Column("digest", sa.LargeBinary))
    op.create_table(
        "leases",
        sa.Column("name", sa.Text, primary_key=True),
        sa.Column("holder", sa.Text, nullable=False),
        sa.Column("until", sa.DateTime(timezone=True), nullable=False),
    )


def downgrade() -> None:
    """Drop the tables; contents of events that lie there go."""
    op.drop_table("leases")
    op.drop_column("run_events", "digest")
    op.drop_column("run_events", "chunks")
    op.drop_table("run_contents")
