"""The checkpoints of a thread, once more under the id of another one."""

from __future__ import annotations

LOCK = "SELECT pg_advisory_xact_lock(hashtextextended(%(copy)s, 4))"
"""Two that copy at once: the second one finds what the first has written."""

# One statement sees one moment of the thread, whoever writes to it meanwhile.
COPY = """
    WITH source AS (
        SELECT %(thread)s AS id WHERE NOT EXISTS (SELECT FROM checkpoints WHERE thread_id = %(copy)s)
    ), blobs AS (
        INSERT INTO checkpoint_blobs (thread_id, checkpoint_ns, channel, version, type, blob)
        SELECT %(copy)s, checkpoint_ns, channel, version, type, blob
        FROM checkpoint_blobs WHERE thread_id = (SELECT id FROM source)
    ), writes AS (
        INSERT INTO checkpoint_writes
            (thread_id, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob)
        SELECT %(copy)s, checkpoint_ns, checkpoint_id, task_id, task_path, idx, channel, type, blob
        FROM checkpoint_writes WHERE thread_id = (SELECT id FROM source)
    )
    INSERT INTO checkpoints
        (thread_id, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint, metadata)
    SELECT %(copy)s, checkpoint_ns, checkpoint_id, parent_checkpoint_id, type, checkpoint,
        jsonb_set(metadata, '{thread_id}', to_jsonb(%(copy)s::text), false)
    FROM checkpoints WHERE thread_id = (SELECT id FROM source)
"""
