"""Checkpoints that are not needed any more, row by row. Values of channels are shared by checkpoints."""

from __future__ import annotations

NEWEST = """
    SELECT checkpoint_ns, max(checkpoint_id COLLATE "C") AS checkpoint_id
    FROM checkpoints WHERE thread_id = %(thread)s GROUP BY checkpoint_ns
"""
_KEPT = "(SELECT place ->> 0, place ->> 1 FROM jsonb_array_elements(%(kept)s::jsonb) AS place)"
PRUNE = (
    *(
        f"DELETE FROM {table} WHERE thread_id = %(thread)s AND (checkpoint_ns, checkpoint_id) NOT IN {_KEPT}"
        for table in ("checkpoint_writes", "checkpoints")
    ),
    """
    DELETE FROM checkpoint_blobs AS blobs WHERE blobs.thread_id = %(thread)s AND NOT EXISTS (
        SELECT FROM checkpoints WHERE checkpoints.thread_id = blobs.thread_id
            AND checkpoints.checkpoint_ns = blobs.checkpoint_ns
            AND checkpoints.checkpoint -> 'channel_versions' ->> blobs.channel = blobs.version
    )
    """,
)
"""All but those of `kept`: a list of pairs of namespace and id, in JSON."""
