"""Secrets on servers: with keys, no row of Postgres and no byte of its files, or of Redis', shows one."""

from __future__ import annotations

from pathlib import Path

import pytest
import redis
from graphs.secrets import whole
from support.keys import encrypted
from support.postgres import started_postgres
from support.redis_servers import any_server
from support.secrets import PLANTED, found_in, found_in_postgres, say_everything

import perdure
from perdure import Settings, Worker
from perdure.contracts.settings import BridgeSettings, CheckpointerSettings, NodeStoreSettings, StoreSettings

TABLES = {"checkpoint_blobs", "checkpoint_writes", "perdure_stream_events", "run_events", "run_specs", "runs", "store"}
"""Some of those that hold users' data."""
STREAMED = {
    "input",
    "configurable",
    "question",
    "token",
    "custom",
    "tool-argument",
    "state",
    "title",
    "answer",
    "error",
}


async def _said(settings: Settings, *, keys: bool) -> None:
    settings = encrypted(settings) if keys else settings
    async with Worker(graphs={"whole": whole}, settings=settings), perdure.connect(settings=settings) as runs:
        await say_everything(runs, f"{settings.temporal.task_queue}-")


@pytest.mark.parametrize("keys", [False, True], ids=["without keys", "with keys"])
async def test_in_postgres(settings: Settings, keys: bool) -> None:
    with started_postgres() as server:  # of its own: another test's would be in its log of writes
        url = server.url(server.create_database())
        places = {
            "store": StoreSettings(url=url),
            "checkpointer": CheckpointerSettings(url=url),
            "bridge": BridgeSettings(url=url),
            "langgraph_store": NodeStoreSettings(url=url),
        }
        await _said(settings.model_copy(update=places), keys=keys)
        rows = found_in_postgres(url)
        server.stop()  # which writes all to its files
        files = found_in(server.folder)
    if keys:
        assert (rows, files) == ({}, {})
    else:
        assert PLANTED - {*rows} == set()
        assert {table for some in rows.values() for table in some} >= TABLES
        assert {"input", "answer", "error"} <= {*files}  # long values are compressed there


@pytest.mark.parametrize("keys", [False, True], ids=["without keys", "with keys"])
async def test_in_redis(settings: Settings, tmp_path: Path, keys: bool) -> None:
    with any_server(tmp_path / "redis") as server:
        await _said(settings.model_copy(update={"bridge": BridgeSettings(url=server.url)}), keys=keys)
        with redis.Redis.from_url(server.url) as client:
            client.config_set("rdbcompression", "no")
            client.save()
        found = found_in(tmp_path / "redis")
    if keys:
        assert found == {}
    else:
        assert STREAMED - {*found} == set()
        assert {file.rpartition(".")[2] for some in found.values() for file in some} >= {"aof", "rdb"}
