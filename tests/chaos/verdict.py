"""What must hold of a run, whatever has happened to it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

from support.comparison import Seen, differences, emitted, is_whole, seen

from perdure import CancelAction, RunRecord, RunsFacade, RunStatus, WaitResult
from perdure.contracts.types import AWAITING_INPUT_EVENT, METADATA_EVENT, TERMINAL_EVENTS

from .client import patiently
from .journal import Received, read_journal
from .reference import Reference, reference
from .wild import WildRun
from .work import Line, incomplete, read_work, repeated

_OURS = (METADATA_EVENT, AWAITING_INPUT_EVENT, *TERMINAL_EVENTS)
"""Events that are no event of the graph."""
_NOTHING_YET = '{"log": [], "messages": []}'
"""The state of a graph that has not taken its input."""


@dataclass(frozen=True, slots=True)
class End:
    """How a run has to end."""

    status: RunStatus = RunStatus.SUCCESS
    event: str = "end"
    action: CancelAction | None = None


async def judge(runs: RunsFacade, run: WildRun) -> list[str]:
    """What is wrong with a run that had to succeed; empty when nothing is."""
    found = await judge_end(runs, run, End())
    return found if _no_end(read_journal(run.journal)) else found + await judge_story(runs, [run])


async def judge_end(runs: RunsFacade, run: WildRun, end: End) -> list[str]:
    """Whether its stream is whole, and stream, record and `wait` say the same of its end."""
    received, record = read_journal(run.journal), await runs.get_run(run.run_id)
    if _no_end(received) or record is None:
        return [f"no end: {len(received)} events, the last of them {received[-1:]!s:.300}; record {record}"]
    stored = [event async for event in await runs.join_stream(run.run_id)]
    result = await patiently(lambda: runs.join_wait(run.run_id))
    found = [] if stored == [one.event for one in received] else ["the stored stream is not what was received live"]
    return found + wrong_end(received, record, result, end)


async def judge_story(runs: RunsFacade, chain: Sequence[WildRun]) -> list[str]:
    """What is wrong with the graph's events, its work and its final state.

    `chain`: the run, and those that went on after it was stopped.
    """
    values = (await patiently(lambda: runs.join_wait(chain[-1].run_id))).values
    journals = [read_journal(run.journal) for run in chain]
    return wrong_story(journals, read_work(chain[0].effects), values, await reference(chain[0]))


def wrong_end(received: Sequence[Received], record: RunRecord, result: WaitResult, end: End = End()) -> list[str]:
    """What is wrong with the form of a stream and with what is told of a run's end."""
    form = [*_form(received)]
    if _no_end(received):
        return form
    return [*form, *_agreement(received, record, result, end), *_attempts(received, record)]


def wrong_story(
    journals: Sequence[Sequence[Received]], lines: Sequence[Line], values: Any, right: Reference
) -> list[str]:
    """What is wrong with the events of one run, or of several that went on from each other, and with their work."""
    received = [one for journal in journals for one in journal]
    again = len(journals) > 1
    cut = again or len(attempts_of(received)) > 1
    if again:
        found = [*_continued(of_graph(received), right, _beside_questions(journals[1:], right))]
    else:
        found = differences(of_graph(received), right.events, cut=cut)
    for journal in journals:
        doubled = doubled_in_one_attempt(journal, right)
        # A run that goes on has not seen the tokens of the one before, and reports their messages as a whole.
        found += [
            f"doubled within an attempt: {' '.join(one)[:200]}" for one in doubled if not (again and is_whole(one))
        ]
    if values != right.values:
        found.append(f"final state {values!s:.300} instead of {right.values!s:.300}")
    return found + repeated(lines, finished_tasks(received)) + incomplete(lines, right.work, cut=cut)


def finished_tasks(received: Sequence[Received]) -> dict[str, float]:
    """When the result of a task had come to a reader."""
    found: dict[str, float] = {}
    for one in received:
        if one.event.event.startswith("tasks") and "result" in one.event.data:
            data = one.event.data
            if not data["error"] and not data["interrupts"]:
                found.setdefault(data["id"], one.at)
    return found


def of_graph(received: Sequence[Received]) -> list[Seen]:
    """The events of the graph itself, ready to be compared."""
    return [seen(one.event.event, one.event.data) for one in received if one.event.event not in _OURS]


def attempts_of(received: Sequence[Received]) -> list[int]:
    """The numbers of the attempts that the stream announces."""
    return [one.event.data["attempt"] for one in received if one.event.event == METADATA_EVENT]


def _no_end(received: Sequence[Received]) -> bool:
    return not received or received[-1].event.event not in TERMINAL_EVENTS


def _form(received: Sequence[Received]) -> Iterator[str]:
    ids = [one.event.id for one in received]
    if ids != [str(number + 1) for number in range(len(ids))]:
        yield f"ids are not dense: {[pair for pair in pairwise(map(int, ids)) if pair[1] != pair[0] + 1]}"
    ends = [one.event.event for one in received if one.event.event in TERMINAL_EVENTS]
    if len(ends) != 1 or _no_end(received):
        yield f"terminal events: {ends}, the last one is {received[-1].event.event}"


def _agreement(received: Sequence[Received], record: RunRecord, result: WaitResult, end: End) -> Iterator[str]:
    last = received[-1].event
    told = {"stream": last.data["status"], "record": record.status, "wait": result.status}
    if set(told.values()) != {end.status} or last.event != end.event:
        yield f"it should have ended as {end.status}: {told}, {last.event}, {record.error}"
    if (last.data["steps"], last.data["attempt"]) != (record.steps, record.attempt):
        yield f"steps and attempt: stream {last.data}; record {record.steps}, {record.attempt}"
    if not record.cancel_action == last.data["cancel_action"] == end.action:
        yield f"cancelled by {end.action}: stream {last.data['cancel_action']}, record {record.cancel_action}"


def _attempts(received: Sequence[Received], record: RunRecord) -> Iterator[str]:
    announced = attempts_of(received)
    # An attempt may be lost between its record and its announcement, but not the last one of a run that went on.
    lost = announced[-1:] != [record.attempt] and record.cancel_action is None
    if announced != sorted(set(announced)) or lost:
        yield f"attempts announced: {announced}; recorded: {record.attempt}"


def _beside_questions(journals: Sequence[Sequence[Received]], reference: Reference) -> set[Seen]:
    """The states that runs which went on have reported beside a question.

    A cut may fall between the answers of several that are delivered together; an uninterrupted graph is never there.
    Nothing may be in such a state that is not in the final one.
    """
    final = Counter[str](reference.values["log"])
    return {
        seen(one.event.event, one.event.data)
        for journal in journals
        for one, after in pairwise(journal)
        if after.event.event == AWAITING_INPUT_EVENT
        and one.event.event == "values"
        and Counter(one.event.data["log"]) <= final
    }


def _continued(got: Sequence[Seen], reference: Reference, beside_questions: set[Seen]) -> Iterator[str]:
    """A run that goes on reports where its thread stands once more; what is new comes once, and all of it comes."""
    events, expected = [one for one in got if not is_whole(one)], Counter(reference.events)
    yield from (f"missing: {' '.join(one)[:300]}" for one in expected - Counter(events) if not is_whole(one))
    # Nor had a subgraph anything to report that was stopped before it had begun.
    unknown = (one for one in set(events) - set(expected) - beside_questions if one[1] != _NOTHING_YET)
    yield from (f"unknown: {' '.join(one)[:300]}" for one in unknown)


def doubled_in_one_attempt(received: Sequence[Received], reference: Reference) -> Iterator[Seen]:
    """Tokens come again only after the announcement of another attempt."""
    expected, attempts = emitted(reference.events), [list[Received]()]
    for one in received:
        if one.event.event == METADATA_EVENT:
            attempts.append([])
        attempts[-1].append(one)
    for attempt in attempts:
        yield from emitted(of_graph(attempt)) - expected
