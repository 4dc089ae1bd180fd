"""Threads are found by their metadata, their user and their last change without looking at all of them.

What keeps the labels is in the database itself, so that a process of an older version, which is replaced while others
go on, keeps them, too.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

_LABELS = """
    INSERT INTO thread_labels (key, value, position)
    SELECT DISTINCT each.key,
        CASE each.type WHEN 'text' THEN substr(each.value, 1, 100) ELSE coalesce(each.value, '') END,
        thread.position
    FROM {threads} AS thread, json_each(thread.metadata) AS each
    WHERE length(thread.metadata) <= 4096 AND each.type NOT IN ('object', 'array')
    UNION ALL SELECT '', '', thread.position FROM {threads} AS thread WHERE length(thread.metadata) > 4096
"""
"""A thread with more than that has one label, that of those which have to be looked at."""
_ITS = "(SELECT NEW.position AS position, NEW.metadata AS metadata)"
_READABLE = r"regexp_replace(metadata, '((?<!\\)(?:\\\\)*)\\u0000', '\1\\ufffd', 'g')::jsonb"


def upgrade() -> None:
    op.create_index("ix_threads_user", "threads", ["user_id", "position"])
    op.create_index("ix_threads_updated", "threads", ["updated_at", "position"])
    if op.get_bind().dialect.name == "postgresql":
        op.execute(f"CREATE INDEX ix_threads_metadata ON threads USING gin (({_READABLE}) jsonb_path_ops)")
    else:
        _label()


def _label() -> None:
    op.create_table(
        "thread_labels",
        sa.Column("key", sa.Text, nullable=False),
        sa.Column("value", sa.LargeBinary, nullable=False),
        sa.Column("position", sa.Integer, sa.ForeignKey("threads.position", ondelete="CASCADE"), nullable=False),
        sa.PrimaryKeyConstraint("key", "value", "position"),
        sqlite_with_rowid=False,
    )
    op.create_index("ix_thread_labels_position", "thread_labels", ["position"])
    op.execute(_LABELS.format(threads="threads"))
    kept = _LABELS.format(threads=_ITS)
    op.execute(f"CREATE TRIGGER thread_labels_begin AFTER INSERT ON threads BEGIN {kept}; END")
    op.execute(
        "CREATE TRIGGER thread_labels_follow AFTER UPDATE OF metadata ON threads "
        "WHEN NEW.metadata IS NOT OLD.metadata BEGIN "
        f"DELETE FROM thread_labels WHERE position = NEW.position; {kept}; END"
    )


def downgrade() -> None:
    """Threads are found as before, only slower."""
    if op.get_bind().dialect.name == "postgresql":
        op.drop_index("ix_threads_metadata", "threads")
    else:
        op.execute("DROP TRIGGER thread_labels_begin")
        op.execute("DROP TRIGGER thread_labels_follow")
        op.drop_table("thread_labels")
    op.drop_index("ix_threads_updated", "threads")
    op.drop_index("ix_threads_user", "threads")
