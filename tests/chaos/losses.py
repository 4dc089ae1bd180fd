"""What must hold of a run whose stream has lost some of its events."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from support.comparison import differences

from perdure import RunsFacade, RunStatus, StreamEvent
from perdure.bridge.conformance.losses import seen
from perdure.contracts.types import GAP_EVENT, TERMINAL_EVENTS

from .client import patiently
from .journal import Received, read_journal
from .reference import Reference, reference
from .verdict import doubled_in_one_attempt, finished_tasks, of_graph
from .wild import WildRun
from .work import incomplete, read_work, repeated


async def judge_losses(runs: RunsFacade, run: WildRun, *, lost: bool = True) -> list[str]:
    """Every hole is announced, no id is given twice, nothing is doubled; work, state and end are as without losses.

    `lost`: whether events may be. Else only ids are left out, as a new attempt on a Redis that was restarted does it.
    """
    received, record = read_journal(run.journal), await runs.get_run(run.run_id)
    live = [one.event for one in received]
    if not live or live[-1].event not in TERMINAL_EVENTS or record is None:
        return [f"no end: {len(live)} events, the last of them {live[-1:]!s:.300}; record {record}"]
    stored = [event async for event in await runs.join_stream(run.run_id)]
    result, right = await patiently(lambda: runs.join_wait(run.run_id)), await reference(run)
    found = [*_wrong_ids(live), *_wrong_ids(stored), *_given_twice(live, stored)]
    if {record.status, result.status, live[-1].data["status"]} != {RunStatus.SUCCESS}:
        found.append(f"it has ended as {record.status}, {result.status}, {live[-1].data}: {record.error}")
    if result.values != right.values:
        found.append(f"final state {result.values!s:.300} instead of {right.values!s:.300}")
    shown = [one for one in received if one.event.event != GAP_EVENT]
    cut = record.attempt > 1
    # Who has read what is lost afterwards, its key included, may be told it again by another attempt, under a new id.
    kept = [Received(0.0, one) for one in stored if one.event != GAP_EVENT] if lost else shown
    found += [f"unknown: {' '.join(one)[:300]}" for one in set(of_graph(shown)) - set(right.events)]
    wrong = differences(of_graph(kept), right.events, cut=cut)
    found += [one for one in wrong if not (lost and one.startswith(("missing", "out of order")))]
    found += [f"doubled within an attempt: {' '.join(one)[:200]}" for one in doubled_in_one_attempt(shown, right)]
    return found + _wrong_work(run, right, finished_tasks(shown), cut=cut)


def _wrong_work(run: WildRun, right: Reference, finished: dict[str, float], *, cut: bool) -> list[str]:
    lines = read_work(run.effects)
    return repeated(lines, finished) + incomplete(lines, right.work, cut=cut)


def _wrong_ids(events: Sequence[StreamEvent]) -> Iterator[str]:
    try:
        seen(events)
    except AssertionError as exc:
        yield f"a hole that was not announced: {[one.id for one in events]} ({exc})"
    ends = [one.id for one in events if one.event in TERMINAL_EVENTS]
    if len(ends) != 1:
        yield f"it ends {len(ends)} times: {ends}"


def _given_twice(live: Sequence[StreamEvent], stored: Sequence[StreamEvent]) -> Iterator[str]:
    known = {one.id: one for one in live if one.event != GAP_EVENT}
    for one in stored:
        if one.event != GAP_EVENT and known.get(one.id, one) != one:
            yield f"the id {one.id} was given twice: to {known[one.id]!s:.200} and {one!s:.200}"
