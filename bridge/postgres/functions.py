"""What happens on the server: one call for each write, so that it happens wholly or not at all.

A call has arrived as a whole before it takes a lock. So a process that is frozen, or dies, holds none.
"""

from __future__ import annotations

from ..stream import LEAP

_HISTORY = """
CREATE FUNCTION perdure_stream_history() RETURNS text LANGUAGE plpgsql AS $$
BEGIN
    RETURN (SELECT system_identifier FROM pg_control_system())
        || '/' || left(pg_walfile_name(pg_current_wal_insert_lsn()), 8);
EXCEPTION WHEN OTHERS THEN
    RETURN '';
END $$
"""
"""Which database this is, and its timeline: another one after a failover or a restore from a backup, after which the
newest writes may be missing. The same after a restart, which loses nothing that was committed. A service that shows
neither shows no failovers."""

_CREATE = f"""
CREATE FUNCTION perdure_stream_create(run text, again boolean) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    here text := perdure_stream_history();
    after bigint := CASE WHEN again THEN {LEAP} ELSE 0 END;
BEGIN
    INSERT INTO perdure_streams (run_id, first_id, floor, history) VALUES (run, after + 1, after, here)
    ON CONFLICT (run_id) DO NOTHING;
    IF again AND NOT FOUND THEN
        UPDATE perdure_streams SET floor = greatest(floor, last_id + {LEAP}), history = here
        WHERE run_id = run AND history <> here;
    END IF;
END $$
"""

_APPEND = """
CREATE FUNCTION perdure_stream_append(number bigint, after bigint, names bytea[], keys bytea[], datas bytea[])
RETURNS bigint LANGUAGE plpgsql AS $$
DECLARE
    fresh integer[];
BEGIN
    WITH named AS (
        SELECT place, names[place] AS name, keys[place] AS key,
            row_number() OVER (PARTITION BY keys[place] ORDER BY place) AS nth
        FROM generate_subscripts(names, 1) AS place
    ), noted AS (
        INSERT INTO perdure_stream_keys (stream, key) SELECT number, key FROM named WHERE key IS NOT NULL AND nth = 1
        ON CONFLICT DO NOTHING RETURNING key
    )
    SELECT array_agg(place ORDER BY place) INTO fresh FROM named
    WHERE name <> '' AND (key IS NULL OR (nth = 1 AND key IN (SELECT noted.key FROM noted)));
    INSERT INTO perdure_stream_events (stream, id, event, data)
    SELECT number, after + nth, names[place], datas[place] FROM unnest(fresh) WITH ORDINALITY AS one (place, nth);
    RETURN CASE WHEN fresh IS NULL THEN NULL ELSE after + cardinality(fresh) END;
END $$
"""
"""Appends what is no event of a known key. The id of the last event; NULL: there was none to append."""

_PUBLISH = f"""
CREATE FUNCTION perdure_stream_publish(
    run text, writer text, number bigint, fenced bigint, told bigint, terminal boolean,
    names bytea[], keys bytea[], datas bytea[], here text
) RETURNS text LANGUAGE plpgsql AS $$
DECLARE
    head perdure_streams;
    mine bigint;
BEGIN
    SELECT * INTO head FROM perdure_streams WHERE run_id = run FOR NO KEY UPDATE;
    IF NOT FOUND THEN RETURN 'unknown'; END IF;
    IF fenced < head.fence THEN RETURN 'fenced ' || head.fence; END IF;
    IF fenced > head.fence THEN head.done := '{{}}'; END IF;
    mine := coalesce((head.done ->> writer)::bigint, 0);
    IF number = mine THEN RETURN 'ok ' || head.last_id; END IF;
    IF number < mine THEN RETURN 'late'; END IF;  -- of a connection that was given up: nobody hears the answer
    IF head.ended AND NOT terminal THEN RETURN 'ended'; END IF;
    IF told IS NOT NULL THEN
        head.floor := greatest(head.floor, told);
    ELSIF head.history <> here AND head.last_id > 0 THEN
        head.floor := greatest(head.floor, head.last_id + {LEAP});
    END IF;
    IF NOT head.ended AND cardinality(names) > 0 THEN
        head.last_id := coalesce(
            perdure_stream_append(head.stream, greatest(head.last_id, head.floor), names, keys, datas), head.last_id
        );
    END IF;
    IF terminal THEN DELETE FROM perdure_stream_keys WHERE stream = head.stream; END IF;
    UPDATE perdure_streams SET last_id = head.last_id, floor = head.floor, ended = head.ended OR terminal,
        fence = fenced, history = here, done = head.done || jsonb_build_object(writer, number),
        attended_until = CASE WHEN terminal THEN NULL ELSE attended_until END
    WHERE stream = head.stream;
    RETURN 'ok ' || head.last_id;
END $$
"""

_PUBLISH_ALL = """
CREATE PROCEDURE perdure_stream_publish_all(
    writer text, runs text[], numbers bigint[], fences bigint[], tolds bigint[], terminals boolean[], counts integer[],
    names bytea[], keys bytea[], datas bytea[], channels text[], INOUT answers text[]
) LANGUAGE plpgsql AS $$
DECLARE
    here text := perdure_stream_history();
    past integer := 0;
    upto integer;
BEGIN
    -- Or a server that crashes would lose ids that somebody was told, and nothing would show it.
    IF current_setting('synchronous_commit') = 'off' THEN PERFORM set_config('synchronous_commit', 'on', true); END IF;
    answers := '{}';
    FOR i IN 1 .. cardinality(runs) LOOP
        upto := past + counts[i];
        answers := answers || perdure_stream_publish(
            runs[i], writer, numbers[i], fences[i], tolds[i], terminals[i],
            names[past + 1 : upto], keys[past + 1 : upto], datas[past + 1 : upto], here
        );
        past := upto;
    END LOOP;
    COMMIT;
    -- A transaction that tells something holds a lock of all databases while it commits: one that waits for no disk.
    PERFORM set_config('synchronous_commit', 'off', true);
    PERFORM pg_notify(channel, '') FROM unnest(channels) AS channel;
END $$
"""

_TRIM = """
CREATE FUNCTION perdure_stream_trim(run text, before bigint) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    head perdure_streams;
BEGIN
    UPDATE perdure_streams
    SET first_id = greatest(first_id, least(before, last_id + CASE WHEN ended THEN 0 ELSE 1 END))
    WHERE run_id = run RETURNING * INTO head;
    DELETE FROM perdure_stream_events WHERE stream = head.stream AND id < head.first_id;
END $$
"""

_CLEAN_UP = """
CREATE FUNCTION perdure_stream_clean_up(run text, channel text) RETURNS void LANGUAGE plpgsql AS $$
DECLARE
    number bigint;
BEGIN
    DELETE FROM perdure_streams WHERE run_id = run RETURNING stream INTO number;
    DELETE FROM perdure_stream_events WHERE stream = number;
    DELETE FROM perdure_stream_keys WHERE stream = number;
    PERFORM pg_notify(channel, '');
END $$
"""

FUNCTIONS = (_HISTORY, _CREATE, _APPEND, _PUBLISH, _PUBLISH_ALL, _TRIM, _CLEAN_UP)
