"""A run is created, whichever way its client wants to hear of it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from pydantic import ValidationError

from ..contracts.actor import resolve_user_id
from ..contracts.errors import InvalidRunError, StateUnreadableError
from ..contracts.threads import ThreadRecord
from ..contracts.types import RunSpec
from ..facade.runs import RunsFacade
from .errors import TWICE, invalid, refuse
from .graph_names import Chosen, chosen_assistant
from .ids import repeated_run_id
from .reading import shown
from .run_bodies import RunCreate, RunCreateStateless
from .run_specs import own_configurable, run_spec, thread_metadata


async def planned(runs: RunsFacade, body: RunCreateStateless, thread_id: str | None, key: str | None) -> RunSpec:
    """The spec of a run whose thread is there. Raises 400, 404 and 422, with nothing started.

    `key`: the idempotency key. Of the same key the same run is made, and only once.
    """
    return await planned_run(runs, body, thread_id, repeated_run_id(key, resolve_user_id(), thread_id))


async def planned_run(runs: RunsFacade, body: RunCreateStateless, thread_id: str | None, run_id: str) -> RunSpec:
    """The same for a run whose id is known."""
    check_context(body)
    chosen = await chosen_assistant(runs, body.assistant_id)
    body = await with_context(runs, body, chosen)
    if thread_id is None or not isinstance(body, RunCreate):
        return spec_of(body, chosen, run_id, thread_id)
    thread = await runs.get_thread(thread_id)
    spec = spec_of(body, chosen, run_id, thread_id, None if thread is None else thread.metadata)
    await _check_thread(runs, body, chosen, thread_id, thread)
    await _check_checkpoint(runs, spec, thread_id)
    return spec


def spec_of(
    body: RunCreateStateless,
    chosen: Chosen,
    run_id: str | None,
    thread_id: str | None,
    of_thread: Mapping[str, Any] | None = None,
) -> RunSpec:
    """Raises 422."""
    try:
        return run_spec(body, chosen, run_id, thread_id, of_thread)
    except ValidationError as exc:
        raise invalid(exc) from exc


def check_context(body: RunCreateStateless) -> None:
    """They are two names of the same. Raises 400."""
    if body.context and own_configurable(body):
        raise refuse(400, TWICE)


B = TypeVar("B", bound=RunCreateStateless)


async def with_context(runs: RunsFacade, body: B, chosen: Chosen) -> B:
    """What older clients say in `configurable` is the context, too: as far as the graph's schema of it has it."""
    own = own_configurable(body)
    if body.context or not own:
        return body
    try:
        schema: dict[str, Any] = (await runs.describe_graph(chosen.graph, "schemas"))["context_schema"] or {}
    except StateUnreadableError:  # a run of it will say why
        return body
    known: dict[str, Any] = schema.get("properties", own)
    return body.model_copy(update={"context": {key: own[key] for key in own if key in known} or None})


async def _check_thread(
    runs: RunsFacade, body: RunCreate, chosen: Chosen, thread_id: str, thread: ThreadRecord | None
) -> None:
    resumes = body.command is not None and body.command.resume is not None
    if resumes and (thread is None or thread.assistant_id is None):
        raise refuse(400, "command.resume: nothing has run on this thread that could have asked")
    if thread is not None:
        return
    if body.if_not_exists != "create":
        raise refuse(404, "Thread or assistant not found.")
    await runs.create_thread(thread_id, metadata=thread_metadata(body, chosen), if_exists="do_nothing")


async def _check_checkpoint(runs: RunsFacade, spec: RunSpec, thread_id: str) -> None:
    request = spec.checkpoint_request
    if request is not None and await shown(runs, thread_id, request.checkpoint_id) is None:
        raise InvalidRunError(f"checkpoint_id: thread {thread_id} has no checkpoint {request.checkpoint_id}")
