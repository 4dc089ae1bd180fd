"""From an input of AG-UI to a run: only what its thread does not have is given to the graph."""

from __future__ import annotations

from typing import Any, cast

from ...contracts.threads import ThreadDetails
from ...contracts.types import RunSpec, RunStatus
from ...facade.runs import RunsFacade
from ..errors import refuse
from ..event_values import Asked
from ..graph_names import chosen_assistant
from ..questions import questions
from ..run_bodies import RunCreate
from ..run_creation import planned_run
from .ag_ui_inputs import new_input
from .ag_ui_regeneration import told_again
from .schemas import properties_of

_MODES = ["values", "messages-tuple", "tasks", "custom"]


async def spec_of(runs: RunsFacade, asked: Asked, run_id: str, *, by_id: bool) -> RunSpec:
    """`by_id`: answers are named by their questions. Raises 404, 409 where a question is open, and 422.

    A page that goes away stops its run, as with `useStream`, unless it says otherwise.
    """
    thread_id = asked.match.values["thread_id"]
    body = {"on_disconnect": "cancel", **cast("dict[str, Any]", asked.body)}
    body |= {"stream_mode": _MODES, "stream_subgraphs": True}
    if await runs.get_run(run_id) is None:  # else it is only followed once more
        body = await _to_do(runs, thread_id, body, by_id=by_id)
    return await planned_run(runs, RunCreate.model_validate(body), thread_id, run_id)


async def _to_do(runs: RunsFacade, thread_id: str, body: dict[str, Any], *, by_id: bool) -> dict[str, Any]:
    thread = await runs.get_thread_details(thread_id)
    chosen = await chosen_assistant(runs, str(body["assistant_id"]))
    keys = await properties_of(runs, chosen.graph, "input_schema")
    if thread is not None:
        await _check_not_held(runs, thread)
        body = _answering(thread, body, by_id=by_id)
        if "command" in body:
            return {**body, "input": None}
        if (again := await told_again(runs, thread, body["input"])) is not None:
            return {**body, **again}
    body = {name: one for name, one in body.items() if name != "command"}
    return {**body, "input": new_input(body, keys, None if thread is None else thread.values)}


async def _check_not_held(runs: RunsFacade, thread: ThreadDetails) -> None:
    """A run that came in by another door waits for its answer there: one behind it would never begin."""
    held = await runs.page_runs(thread.thread_id, status=RunStatus.AWAITING_INPUT, limit=1)
    if held.runs:
        raise refuse(409, f"run {held.runs[0].run_id} of this thread waits for an answer, by the way it came in")


def _answering(thread: ThreadDetails, body: dict[str, Any], *, by_id: bool) -> dict[str, Any]:
    """With the answers to what is asked, and no others. 409 without one: nobody has decided to abandon a question."""
    asked = {one.id for one in questions(thread.interrupts)}
    answers = cast("Any", (body.get("command") or {}).get("resume"))
    if by_id and asked:
        known = {id: one for id, one in cast("dict[str, Any]", answers or {}).items() if id in asked}
        answers = known or None
    if asked and answers is None:
        raise refuse(409, f"the thread waits for answers to {', '.join(sorted(asked))}: send entries in resume")
    if asked:
        return {**body, "command": {"resume": answers}}
    return {name: one for name, one in body.items() if name != "command"}
