"""`POST /threads/{thread_id}/commands`: what is to be done with a thread."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from typing import Any, cast

from fastapi import APIRouter, HTTPException, Request, Response

from ...contracts.errors import PerdureError
from ...facade.runs import RunsFacade
from ..context import IdempotencyKey, InContext
from ..errors import detail_of, refuse, status_of
from ..ids import ThreadId
from ..json_values import is_list, is_object, list_of, object_of
from ..replies import Json
from ..run_bodies import RunCreate
from ..run_creation import planned
from .bodies import Unfit, is_namespace, json_of
from .events import InFeeds
from .feed import Feeds
from .open_questions import newest_run, open_questions, waiting_run
from .run_starts import answer_of, start_of, wants_tools
from .strangers import is_anothers
from .tree import tree_of

router = APIRouter(tags=["Thread protocol"])

Params = Mapping[str, Any]


class Refused(Exception):
    """A command is answered by an error."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code


@router.post("/threads/{thread_id}/commands")
async def command(
    thread_id: ThreadId, context: InContext, feeds: InFeeds, request: Request, key: IdempotencyKey = None
) -> Response:
    """`run.start`, `input.respond`, `agent.getTree`: an envelope with `id`, `method` and `params`."""
    body = await json_of(request)
    if (broken := broken_envelope(body)) is not None:
        return Json(broken, status_code=400)
    if await is_anothers(context.runs, thread_id):
        raise refuse(404, f"Thread with ID {thread_id} not found")
    return Json(await answered(Thread(context.runs, feeds, thread_id, key), body))


def broken_envelope(body: Any) -> dict[str, Any] | None:
    """What is said to one that is none."""
    given = object_of(body)
    id, method = given.get("id"), given.get("method")
    if isinstance(id, int) and not isinstance(id, bool) and isinstance(method, str):
        return None
    return failure_of(id, "invalid_argument", "Protocol commands must include an integer id and string method.")


def failure_of(id: Any, code: str, message: str) -> dict[str, Any]:
    """An answer that says that nothing was done."""
    return {"type": "error", "id": id, "error": code, "message": message}


def success_of(id: Any, result: Mapping[str, Any], seq: int = 0) -> dict[str, Any]:
    """An answer. `seq`: of the last event that its connection has had."""
    return {"type": "success", "id": id, "result": result, "meta": {"applied_through_seq": seq}}


class Thread:
    """That commands are for."""

    def __init__(self, runs: RunsFacade, feeds: Feeds, thread_id: str, key: str | None) -> None:
        """`key`: the idempotency key of its request."""
        self.runs = runs
        self.feeds = feeds
        self.id = thread_id
        self.key = key


async def answered(thread: Thread, body: Mapping[str, Any]) -> dict[str, Any]:
    """What a command is answered. `body`: an envelope."""
    params = object_of(body.get("params"))
    try:
        handle = _COMMANDS.get(body["method"])
        if handle is None:
            raise Refused("unknown_command", f"Unknown protocol command: {body['method']}")
        return success_of(body["id"], await handle(thread, params))
    except Unfit as exc:
        return failure_of(body["id"], "invalid_argument", str(exc))
    except Refused as exc:
        return failure_of(body["id"], exc.code, str(exc))
    except HTTPException as exc:
        return failure_of(body["id"], "unknown_error", f"{exc.status_code}: {exc.detail}")
    except PerdureError as exc:
        return failure_of(body["id"], "unknown_error", f"{status_of(exc)}: {detail_of(exc)}")


async def _start(thread: Thread, params: Params) -> dict[str, Any]:
    asker = await newest_run(thread.runs, thread.id)
    run = start_of(params, await open_questions(thread.runs, thread.id))
    answers = None if run.command is None else run.command.resume
    if not is_object(answers):
        return {"run_id": await _created(thread, run, tools=wants_tools(params))}
    if (waiting := await waiting_run(thread.runs, thread.id)) is not None:
        await _answer(thread, waiting, cast("Params", answers), params)
        return {"run_id": waiting}
    return {"run_id": await _created(thread, run, tools=wants_tools(params), asker=asker)}


async def _respond(thread: Thread, params: Params) -> dict[str, Any]:
    answers = _answers(params)
    asker = await newest_run(thread.runs, thread.id)
    details = await thread.runs.get_thread_details(thread.id)
    asked = {one.id for one in await open_questions(thread.runs, thread.id)}
    if unknown := [id for id in answers if id not in asked]:
        raise Refused("no_such_interrupt", f"Unknown or already-consumed interrupt: {unknown[0]}")
    if details is None or details.assistant_id is None:
        raise Refused("no_such_run", "No interrupted run is bound to this thread.")
    if (waiting := await waiting_run(thread.runs, thread.id)) is not None:
        await _answer(thread, waiting, answers, params)
    else:
        assistant = str(details.metadata.get("assistant_id") or details.assistant_id)
        await _created(thread, answer_of(params, assistant, answers), tools=True, asker=asker)
    return {}


def _answers(params: Params) -> dict[str, Any]:
    """By the ids of their questions."""
    given = params.get("responses")
    if not is_list(given):
        return dict([_entry(params)])
    if not given:
        raise Unfit("input.respond requires at least one response.")
    return dict(map(_entry, list_of(given)))


def _entry(given: Any) -> tuple[str, Any]:
    entry = object_of(given)
    if not isinstance(id := entry.get("interrupt_id"), str):
        raise Unfit("input.respond requires an interrupt_id.")
    if not is_namespace(entry.get("namespace", [])):
        raise Unfit("input.respond requires namespace to be a list of strings.")
    return id, entry.get("response")


async def _answer(thread: Thread, run_id: str, answers: Params, params: Params) -> None:
    """A run that a program holds open goes on."""
    for name in ("update", "goto", "config", "metadata"):
        if params.get(name) is not None:
            raise Unfit(f"{name}: run {run_id} waits for its answer, and goes on as it was begun")
    await thread.runs.resume(run_id, {**answers})
    thread.feeds.stir(thread.id)


async def _created(thread: Thread, run: RunCreate, *, tools: bool, asker: str | None = None) -> str:
    """`asker`: the run whose questions it answers; of two answers at the same time there is one run."""
    answers = None if asker is None or run.command is None else cast("Params", run.command.resume)
    key = thread.key if answers is None else "\n".join(("input.respond", str(asker), *sorted(answers)))
    spec = await planned(thread.runs, run, thread.id, key)
    if tools:
        spec = spec.model_copy(update={"stream_modes": (*spec.stream_modes, "tools")})
    record = await thread.runs.create_background(spec)
    if answers is not None and (await thread.runs.get_spec(record.run_id)).command != spec.command:
        raise Refused("no_such_interrupt", f"It was answered otherwise meanwhile: {', '.join(answers)}")
    thread.feeds.stir(thread.id)
    return record.run_id


async def _tree(thread: Thread, params: Params) -> dict[str, Any]:
    found = await tree_of(thread.runs, thread.id, params.get("run_id"))
    if found is None:
        raise Refused("no_such_run", "No run is bound to this thread.")
    return {"tree": found}


async def _only_on_sockets(thread: Thread, params: Params) -> dict[str, Any]:
    why = "subscriptions are those of a WebSocket; over HTTP each POST …/stream/events is one"
    raise Refused("not_supported", why)


_COMMANDS: Mapping[str, Callable[[Thread, Params], Awaitable[dict[str, Any]]]] = {
    "run.start": _start,
    "input.respond": _respond,
    "agent.getTree": _tree,
    "subscription.subscribe": _only_on_sockets,
    "subscription.unsubscribe": _only_on_sockets,
    "subscription.reconnect": _only_on_sockets,
}
