"""The examples of docs/observers.md, executed, and what it says of the events held against the code."""

from __future__ import annotations

import asyncio
import re
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from perdure import RunInterrupt, RunLifecycleEvent, RunRecord, RunsFacade, RunStatus
from perdure.contracts.lifecycle import LIFECYCLE_TYPES
from perdure.contracts.settings import load_settings
from perdure.contracts.settings_section import parse_duration
from perdure.contracts.webhooks import signature
from perdure.observers.webhook import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER
from perdure.store.lifecycle import changes

from .reading import blocks, codes, rows, section, text

DOCUMENT = "docs/observers.md"
PROGRAM, CHECK = blocks(DOCUMENT, "python")
(PRINTED,) = blocks(DOCUMENT, "text")
EVENTS = section(DOCUMENT, "The events")
PARTS = {*RunInterrupt.model_fields}


async def test_the_observer_hears_what_is_said(elsewhere: None, capsys: pytest.CaptureFixture[str]) -> None:
    await asyncio.to_thread(exec, compile(PROGRAM, DOCUMENT, "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out == PRINTED


def test_the_receiver_knows_what_is_genuine() -> None:
    names: dict[str, Any] = {}
    exec(compile(CHECK, DOCUMENT, "exec"), names)
    secret, other = "whsec_" + "A" * 32, "whsec_" + "B" * 32
    for moment, is_fresh in ((int(time.time()), True), (1, False)):
        now = str(moment)
        headers = {
            ID_HEADER: "run:3",
            TIMESTAMP_HEADER: now,
            SIGNATURE_HEADER: signature([secret], "run:3", now, b"{}"),
        }
        assert names["is_genuine"](secret, headers, b"{}") == is_fresh
        assert not names["is_genuine"](secret, headers, b"[]")
        assert not names["is_genuine"](other, headers, b"{}")


def test_the_events() -> None:
    assert {codes(row[0])[0] for row in rows(EVENTS)} == {*LIFECYCLE_TYPES}
    assert {*RunLifecycleEvent.model_fields} <= {*codes(EVENTS)}


def test_what_the_events_carry() -> None:
    now = datetime.now(UTC)
    new = RunRecord(run_id="r", thread_id="t", assistant_id="a", created_at=now, updated_at=now)
    running = new.model_copy(update={"status": RunStatus.RUNNING, "started_at": now, "attempt": 1})
    asking = running.model_copy(update={"status": RunStatus.AWAITING_INPUT})
    steps = [(new, running), (running, asking), (asking, running)]
    steps += [(running, new.model_copy(update={"status": status})) for status in RunStatus if status.terminal]
    attempt = {"worker": "process 1 on host", "after": {"type": "E", "message": "m"}}
    told_of = (changes(*step, human_message="why?", attempt=attempt) for step in steps)
    carried = {kind: {*payload} for told in told_of for kind, payload in told}
    (end,) = re.findall(r"^An end carries (.*?)\.", EVENTS, re.MULTILINE | re.DOTALL)
    for kind, _, payload in rows(EVENTS):
        told = {*codes(end)} - {"type", "message"} if payload == "as below" else {*codes(payload)} - PARTS
        assert carried.get(codes(kind)[0], {"status"}) == told, kind


def test_the_headers() -> None:
    told = [codes(row[0])[0] for row in rows(section(DOCUMENT, "Webhooks"))]
    assert told == [ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER]


def test_the_settings(tmp_path: Path) -> None:
    webhooks = load_settings().webhooks
    named = re.findall(r"`webhooks\.(\w+)`", text(DOCUMENT))
    assert {*named} == {"retry_for", "secret", "previous_secret", "allowed_networks"}
    assert [parse_duration(told) for told in re.findall(r"`webhooks\.retry_for` \((.*?)\)", text(DOCUMENT))] == [
        webhooks.retry_for
    ]


def test_what_is_awaited_exists() -> None:
    for name in re.findall(r"await runs\.(\w+)\(", text(DOCUMENT)):
        assert hasattr(RunsFacade, name)
