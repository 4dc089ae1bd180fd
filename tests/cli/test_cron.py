"""`perdure cron`: what it prints, and what it refuses before anything is written."""

from __future__ import annotations

import json

import pytest
from support.servers import until

from .conftest import CommandLine


async def test_a_cron_from_its_creation_to_its_end(cli: CommandLine) -> None:
    words = ("0 9 * * mon-fri", "count", "--id", "daily", "--timezone", "Europe/Berlin", "--input", '{"steps": 1}')
    made = (await cli("cron", "create", *words, "--paused", "--json")).document
    assert (made["cron_id"], made["paused"], made["thread_id"], made["next"] != []) == ("daily", True, None, True)
    shown = await cli("cron", "list")
    assert [line.split()[0] for line in shown.out.splitlines()] == ["CRON", "daily"]
    assert "paused" in shown.out
    assert (await cli("cron", "backfill", "daily", "--from", "2026-03-02", "--to", "2026-03-02T09:00")).code == 0

    async def ran() -> bool:
        found = await cli("show", "daily@2026-03-02T08:00:00Z", "--json")
        return found.code == 0 and json.loads(found.out.splitlines()[0])["status"] == "success"

    await until(ran)
    assert (await cli("cron", "resume", "daily", "--json")).document["paused"] is False
    assert (await cli("cron", "pause", "daily", "--json")).document["paused"] is True
    assert (await cli("cron", "trigger", "daily")).code == 0
    assert (await cli("cron", "delete", "daily", "--json")).document == {"cron_id": "daily", "deleted": True}
    assert (await cli("cron", "list", "--json")).document == []
    ended = await cli("cron", "delete", "daily", "--json")
    assert (ended.code, ended.failure["type"]) == (3, "CronNotFoundError")


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("61 * * * *", "count"), "SCHEDULE: minute: '61' is not one of 0 to 59"),
        (("@daily", "count", "--timezone", "Mars/Base"), "--timezone: 'Mars/Base' is no time zone"),
        (("@daily", "count", "--starts-at", "tomorrow"), "--starts-at: 'tomorrow' is no date"),
        (("@daily", "count", "--input", "{"), "--input"),
        (("@daily", "count", "--id", "a/b"), "--id"),
    ],
)
async def test_what_is_no_cron_is_wrong_usage(lonely: CommandLine, words: tuple[str, ...], complaint: str) -> None:
    ended = await lonely("cron", "create", *words, "--json")
    assert ended.code == 2
    assert complaint in ended.failure["message"]
