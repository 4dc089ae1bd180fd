"""Why runs stand still, each in one sentence."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from types import MappingProxyType
from typing import Any, cast

from ..contracts.stories import OutlinedEvent, Outlook, Standstill
from ..contracts.types import RunInterrupt, RunRecord, RunStatus, RunTrouble
from ..store.contract import Store
from .waiting import NO_WORKER

_TEXT = 160
"""Characters of a question, or of an error, in a sentence."""
_ENDS = ("llm_response", "llm_error", "tool_end", "tool_error")
_TURNS = dict.fromkeys([*range(0x202A, 0x202F), *range(0x2066, 0x206A)])
"""Characters that turn round what follows them where it is shown: our words in the sentence, too."""


class Standstills:
    """Of runs whose records were read just now."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def of(
        self, records: Sequence[RunRecord], unanswerable: Mapping[str, str] = MappingProxyType({})
    ) -> dict[str, Standstill]:
        """By run id; of those that have succeeded there is nothing to be said.

        `unanswerable`: what is lacking, by run id, for an answer to be gone on with.
        """
        outlook = await self._outlook(records)
        found = {record.run_id: await self._of(record, outlook, unanswerable.get(record.run_id)) for record in records}
        return {run_id: one for run_id, one in found.items() if one is not None}

    async def _outlook(self, records: Sequence[RunRecord]) -> Outlook:
        asking = [one.run_id for one in records if may_ask(one)]
        waiting = {one.thread_id for one in records if one.status is RunStatus.PENDING}
        working = [one.run_id for one in records if one.status is RunStatus.RUNNING and one.trouble is None]
        if not (asking or waiting or working):
            return Outlook()
        return await self._store.stories.outlook(asking=asking, waiting=sorted(waiting), working=working)

    async def _of(self, record: RunRecord, outlook: Outlook, lacking: str | None) -> Standstill | None:
        asked = outlook.questions.get(record.run_id, ())
        if record.status.terminal:
            return _ended(record, asked, lacking, is_last=record.run_id not in outlook.followed)
        if record.status is RunStatus.AWAITING_INPUT:
            return _asks(record, asked, lacking)
        if record.trouble is not None:
            return _troubled(record.trouble, record)
        if record.status is RunStatus.PENDING:
            return await self._pending(record, outlook.lines.get(record.thread_id, ()))
        return _at_work(record, outlook.calls.get(record.run_id, ()))

    async def _pending(self, record: RunRecord, line: Sequence[str]) -> Standstill:
        ahead = line[: line.index(record.run_id)] if record.run_id in line else ()
        if ahead:
            text = f"Queued behind run {ahead[-1]} of its thread"
            return Standstill(reason="queued", text=text, since=record.created_at, behind=ahead[-1])
        later = record.created_at + timedelta(seconds=(await self._store.get_spec(record.run_id)).after_seconds)
        if later > datetime.now(UTC):
            return Standstill(reason="delayed", text=f"Is to start at {later:%Y-%m-%d %H:%M:%S} UTC, not before")
        return Standstill(reason="pending", text="A worker is about to take it", since=record.created_at)


def stopped_at_question(record: RunRecord) -> bool:
    """Whether it ended with what it asks left open, for another run to answer."""
    return record.status is RunStatus.INTERRUPTED and record.cancel_action is None


def may_ask(record: RunRecord) -> bool:
    """Whether it awaits an answer, or has ended at its question."""
    return record.status is RunStatus.AWAITING_INPUT or stopped_at_question(record)


def is_breakpoint(question: RunInterrupt) -> bool:
    """Whether it stands there because it was told to, and asks nothing."""
    return isinstance(question.value, Mapping) and [*cast("Mapping[str, Any]", question.value)] == ["breakpoint"]


def _ended(
    record: RunRecord, asked: Sequence[RunInterrupt], lacking: str | None, *, is_last: bool
) -> Standstill | None:
    if record.status is RunStatus.SUCCESS:
        return None
    if record.status is RunStatus.INTERRUPTED and asked and is_last:
        return _asks(record, asked, lacking)
    if record.status is RunStatus.INTERRUPTED and asked:
        text = "Ended at a question; its thread has gone on with another run"
        return Standstill(reason="ended", text=text, since=record.ended_at)
    return Standstill(reason="ended", text=_ending(record), since=record.ended_at)


def _ending(record: RunRecord) -> str:
    if record.status is RunStatus.ROLLED_BACK:
        return "Rolled back: its thread is as it was before it"
    if record.error is not None:
        said = f"{record.error.type}: {_short(record.error.message)}"
        return f"Ran out of time: {said}" if record.status is RunStatus.TIMEOUT else f"Failed with {said}"
    if record.cancel_action is not None:
        return "Cancelled; what it had done is kept"
    return "Stopped between two steps; what it had done is kept"


def _asks(record: RunRecord, asked: Sequence[RunInterrupt], lacking: str | None) -> Standstill:
    since = record.ended_at or record.updated_at
    but = f"; {_short(lacking, 400)}" if lacking else ""
    if asked and all(map(is_breakpoint, asked)):
        return Standstill(reason="breakpoint", text=f"Stands at a breakpoint{_where(asked[0])}{but}", since=since)
    others = f" (and {len(asked) - 1} more)" if len(asked) > 1 else ""
    text = f"Awaits an answer: {_said(asked[0])}{others}" if asked else "Awaits an answer"
    return Standstill(reason="question", text=f"{text}{but}", since=since)


def _where(question: RunInterrupt) -> str:
    at = question.value["breakpoint"]
    return f" ({_short(at if isinstance(at, str) else json.dumps(at, default=str))})" if at else ""


def _said(question: RunInterrupt) -> str:
    asked: Any = question.value
    if isinstance(asked, Mapping):
        fields = cast("Mapping[str, Any]", asked)
        if names := _actions(fields):
            return f"may it call {', '.join(map(_short, names))}?"
        if isinstance(fields.get("question"), str):
            return f"“{_short(str(fields['question']))}”"
    return f"“{_short(asked if isinstance(asked, str) else json.dumps(asked, ensure_ascii=False, default=str))}”"


def _actions(asked: Mapping[str, Any]) -> list[str]:
    """The tools of LangChain's `HITLRequest`."""
    found: Any = asked.get("action_requests")
    listed = cast("list[Any]", found) if isinstance(found, list) else []
    return [str(cast("dict[str, Any]", one).get("name")) for one in listed if isinstance(one, dict)]


def _troubled(trouble: RunTrouble, record: RunRecord) -> Standstill:
    if trouble.type == NO_WORKER or not trouble.count:
        return Standstill(reason="no_worker", text=_sentence(_short(trouble.message, 400)), since=trouble.since)
    last = f"{trouble.type}: {_short(trouble.message)}"
    if trouble.waiting:
        text = f"Lost its worker {trouble.lost} times, so it waits until no other such run executes"
        return Standstill(reason="turn", text=text, since=trouble.since)
    if trouble.count == 1:
        text = (
            f"Attempt {record.attempt} failed at step {record.steps + 1}, and it is tried again; it failed with {last}"
        )
        return Standstill(reason="failing", text=text, since=trouble.since)
    times = (
        f"{trouble.count} attempt{'s' * (trouble.count > 1)} at step {record.steps + 1} failed, and it is tried again"
    )
    return Standstill(reason="failing", text=f"{times}; the last one with {last}", since=trouble.since)


def _at_work(record: RunRecord, newest: Sequence[OutlinedEvent]) -> Standstill:
    """By its newest calls, and the failures of nodes that may be executed again."""
    failed = next((one for one in newest if one.event_type == "node_error"), None)
    newest = [one for one in newest if one.event_type != "node_error"]
    at_work = _calling(record, newest)
    if failed is None:
        return at_work
    times = failed.metadata.get("failures")
    often = "once" if times == 1 else f"{times} times, the last time"
    said = f"{_node(failed)} has failed {often} with {failed.metadata.get('error')}, and may be tried again"
    return at_work.model_copy(update={"reason": "failing", "text": f"{at_work.text}: {said}"})


def _node(event: OutlinedEvent) -> str:
    return _short(" › ".join(event.path) or str(event.metadata.get("node")))


def _calling(record: RunRecord, newest: Sequence[OutlinedEvent]) -> Standstill:
    ended = {one.metadata.get("call_id") for one in newest if one.event_type in _ENDS}
    open_ones = [one for one in newest if one.event_type not in _ENDS and one.metadata.get("call_id") not in ended]
    if not open_ones:
        since = newest[0].created_at if newest else None
        return Standstill(reason="step", text=f"Step {record.steps + 1} is under way", since=since)
    held = open_ones[-1]
    others = f" (and {len(open_ones) - 1} more)" if len(open_ones) > 1 else ""
    node = _node(held)
    if held.event_type == "tool_start":
        text = f"The tool {_short(str(held.metadata.get('tool')))} of {node} is at work{others}"
    else:
        text = f"{node} awaits the model {_short(str(held.metadata.get('model')))}{others}"
    return Standstill(reason="step", text=text, since=held.created_at)


def _short(text: str, most: int = _TEXT) -> str:
    line = " ".join(text.translate(_TURNS).split())
    return line if len(line) <= most else f"{line[: most - 1]}…"


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]
