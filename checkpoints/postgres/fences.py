"""Fences in Postgres: a save checks its own in its transaction, and a new one waits for the saves that are under way.

A save holds the run's lock together with other saves, and a new fence holds it alone. Two statements each, the lock and
then the fence: one that did both would read the fence of before it had waited.

A save is one transaction without a round trip, which Postgres ends without its client, but for one moment: a process
that is frozen while it sends. Who takes the fence then ends its connection, for that save is to be refused anyway.
"""

from __future__ import annotations

from ..contract import GONE

REFUSED = "PD001"
"""The SQLSTATE of a save with an old fence. The message is the newer one."""

_KEY = "hashtextextended(run, 2)"
_FROZEN = "2 seconds"
"""Since when a client that holds the lock has said nothing."""

FUNCTIONS = (
    f"""
    CREATE OR REPLACE FUNCTION perdure_check(run text, mine bigint) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE current bigint;
    BEGIN
        PERFORM pg_advisory_xact_lock_shared({_KEY});
        SELECT fence INTO current FROM perdure_runs WHERE run_id = run;
        IF current IS NULL OR mine < current THEN
            RAISE EXCEPTION '%', coalesce(current, {GONE}) USING ERRCODE = '{REFUSED}';
        END IF;
    END $$
    """,
    f"""
    CREATE OR REPLACE FUNCTION perdure_lock(run text) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE
        key bigint := {_KEY};
        until timestamptz := clock_timestamp() + interval '30 seconds';
    BEGIN
        WHILE NOT pg_try_advisory_xact_lock(key) LOOP
            IF clock_timestamp() > until THEN
                RAISE EXCEPTION 'run % is held by others for too long', run USING ERRCODE = 'lock_not_available';
            END IF;
            PERFORM pg_sleep(0.01);
            PERFORM pg_stat_clear_snapshot();
            PERFORM pg_terminate_backend(a.pid) FROM pg_locks AS l JOIN pg_stat_activity AS a USING (pid)
            WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 1 AND a.datname = current_database()
                AND l.classid::bigint = (key >> 32) & 4294967295 AND l.objid::bigint = key & 4294967295
                AND a.wait_event = 'ClientRead' AND a.query_start < clock_timestamp() - interval '{_FROZEN}';
        END LOOP;
    END $$
    """,
    f"""
    CREATE OR REPLACE FUNCTION perdure_take(run text, thread text, mine bigint) RETURNS void LANGUAGE plpgsql AS $$
    DECLARE current bigint;
    BEGIN
        PERFORM perdure_lock(run);
        INSERT INTO perdure_runs AS known (run_id, thread_id, fence) VALUES (run, thread, mine)
        ON CONFLICT (run_id) DO UPDATE SET fence = excluded.fence WHERE known.fence <= excluded.fence;
        IF NOT FOUND THEN
            SELECT fence INTO current FROM perdure_runs WHERE run_id = run;
            RAISE EXCEPTION '%', current USING ERRCODE = '{REFUSED}';
        END IF;
    END $$
    """,
)

CHECK = "SELECT perdure_check(%(run)s::text, %(fence)s::bigint)"
TAKE = "SELECT perdure_take(%(run)s::text, %(thread)s::text, %(fence)s::bigint)"
LOCK = "SELECT perdure_lock(%(run)s::text)"
LOCK_THREAD = """
    SELECT perdure_lock(run_id)
    FROM (SELECT run_id FROM perdure_runs WHERE thread_id = %(thread)s ORDER BY run_id OFFSET 0) AS runs
"""
