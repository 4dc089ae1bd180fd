"""The requests of A2A about tasks, which are runs."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from typing import Any, NoReturn, cast

from a2a.server.context import ServerCallContext
from a2a.server.events.event_queue import Event
from a2a.server.request_handlers.request_handler import RequestHandler
from a2a.types import (
    AgentCard,
    CancelTaskRequest,
    DeleteTaskPushNotificationConfigRequest,
    GetExtendedAgentCardRequest,
    GetTaskPushNotificationConfigRequest,
    GetTaskRequest,
    ListTaskPushNotificationConfigsRequest,
    ListTaskPushNotificationConfigsResponse,
    ListTasksRequest,
    ListTasksResponse,
    Message,
    SendMessageRequest,
    SubscribeToTaskRequest,
    Task,
    TaskPushNotificationConfig,
)
from a2a.utils.errors import (
    ExtendedAgentCardNotConfiguredError,
    InvalidParamsError,
    PushNotificationNotSupportedError,
    TaskNotCancelableError,
    TaskNotFoundError,
    UnsupportedOperationError,
)
from google.protobuf.json_format import MessageToDict

from ...contracts.types import RunRecord, RunStatus
from ..context import Context
from ..event_values import Asked
from ..graph_names import Chosen
from ..run_bodies import RunCreate
from ..run_creation import planned_run
from ..run_views import is_gone
from ..translation import as_allowed
from .a2a_errors import translating, translating_stream
from .a2a_lists import page_of
from .a2a_stream import told
from .a2a_tasks import task_of
from .a2a_translation import run_of, task_ids, translated
from .schemas import properties_of

_MODES = ["values", "messages-tuple"]


class Tasks(RequestHandler):
    """Those of one assistant, for who calls."""

    def __init__(self, context: Context, assistant_id: str, chosen: Chosen) -> None:
        self._context = context
        self._runs = context.runs
        self._assistant_id = assistant_id
        self._chosen = chosen

    @translating
    async def on_message_send(self, params: SendMessageRequest, context: ServerCallContext) -> Task | Message:
        run = await self._sent(params.message)
        if not params.configuration.return_immediately:
            await self._runs.join_wait(run.run_id)
        return await task_of(self._runs, await self._run(run.run_id), _length(params.configuration))

    @translating_stream
    async def on_message_send_stream(
        self, params: SendMessageRequest, context: ServerCallContext
    ) -> AsyncGenerator[Event]:
        run = await self._sent(params.message)
        async for event in told(self._runs, run, _length(params.configuration)):
            yield event

    @translating_stream
    async def on_subscribe_to_task(
        self, params: SubscribeToTaskRequest, context: ServerCallContext
    ) -> AsyncGenerator[Event]:
        run = await self._existing(params.id)
        if run.status.terminal:
            raise UnsupportedOperationError(f"task {params.id} has ended: there is nothing to follow")
        async for event in told(self._runs, run, 0):
            yield event

    @translating
    async def on_get_task(self, params: GetTaskRequest, context: ServerCallContext) -> Task | None:
        return await task_of(self._runs, await self._existing(params.id), _length(params))

    @translating
    async def on_cancel_task(self, params: CancelTaskRequest, context: ServerCallContext) -> Task | None:
        run = await self._existing(params.id)
        if not await self._runs.cancel(run.run_id):
            raise TaskNotCancelableError(f"task {params.id} has ended")
        await self._runs.join_wait(run.run_id)
        return await task_of(self._runs, await self._run(run.run_id), 0)

    @translating
    async def on_list_tasks(self, params: ListTasksRequest, context: ServerCallContext) -> ListTasksResponse:
        return await page_of(self._runs, self._chosen.graph, params)

    async def _sent(self, message: Message) -> RunRecord:
        """The run that a message begins, or answers, as it stands then."""
        given = MessageToDict(message)
        asked = as_allowed(translated, {"assistant_id": self._assistant_id}, _request(given))
        assert asked is not None
        body = cast("dict[str, Any]", asked.body)
        if message.task_id:
            return await self._answered(message, body["command"]["resume"])
        return await self._begun(given, asked, body)

    async def _begun(self, given: Mapping[str, Any], asked: Asked, body: Mapping[str, Any]) -> RunRecord:
        await self._check_input(body.get("input"))
        thread_id = asked.match.values["thread_id"]
        create = RunCreate.model_validate({**body, "stream_mode": _MODES})
        spec = await planned_run(self._runs, create, thread_id, run_of(given, thread_id))
        return await self._runs.create_background(spec.model_copy(update={"on_interrupt": "await"}))

    async def _check_input(self, given: Any) -> None:
        keys = await properties_of(self._runs, self._chosen.graph, "input_schema")
        if keys is not None and "messages" not in keys and "messages" in (given or {}):
            raise InvalidParamsError(f"this agent has no conversation: send a part with data ({', '.join(keys)})")

    async def _answered(self, message: Message, answer: Any) -> RunRecord:
        run = await self._existing(message.task_id)
        if message.context_id not in ("", run.thread_id):
            raise InvalidParamsError(f"task {message.task_id} is of the context {run.thread_id}")
        if run.status is not RunStatus.AWAITING_INPUT:
            raise UnsupportedOperationError(f"task {message.task_id} does not wait for a message (it is {run.status})")
        await self._runs.resume(run.run_id, answer)
        # As it stands then, whatever has become of it meanwhile: a stream tells of it from here on.
        return run.model_copy(update={"status": RunStatus.RUNNING})

    async def _existing(self, task_id: str) -> RunRecord:
        ids = task_ids(task_id)
        run = None if ids is None else await self._runs.get_run(ids[1])
        if run is None or ids is None or run.thread_id != ids[0] or is_gone(run):
            raise TaskNotFoundError(f"task {task_id} not found")
        if run.assistant_id != self._chosen.graph:
            raise TaskNotFoundError(f"task {task_id} is not of this agent")
        return run

    async def _run(self, run_id: str) -> RunRecord:
        found = await self._runs.get_run(run_id)
        if found is None:
            raise TaskNotFoundError
        return found

    # What there is not.

    async def on_create_task_push_notification_config(
        self, params: TaskPushNotificationConfig, context: ServerCallContext
    ) -> TaskPushNotificationConfig:
        _no_push()

    async def on_get_task_push_notification_config(
        self, params: GetTaskPushNotificationConfigRequest, context: ServerCallContext
    ) -> TaskPushNotificationConfig:
        _no_push()

    async def on_list_task_push_notification_configs(
        self, params: ListTaskPushNotificationConfigsRequest, context: ServerCallContext
    ) -> ListTaskPushNotificationConfigsResponse:
        _no_push()

    async def on_delete_task_push_notification_config(
        self, params: DeleteTaskPushNotificationConfigRequest, context: ServerCallContext
    ) -> None:
        _no_push()

    async def on_get_extended_agent_card(
        self, params: GetExtendedAgentCardRequest, context: ServerCallContext
    ) -> AgentCard:
        raise ExtendedAgentCardNotConfiguredError


def _no_push() -> NoReturn:
    raise PushNotificationNotSupportedError("follow a task by a stream, or let a webhook of the run be called")


def _request(message: Mapping[str, Any]) -> dict[str, Any]:
    return {"method": "SendMessage", "params": {"message": message}}


def _length(params: Any) -> int | None:
    """Messages of the history that are wanted; `None`: all."""
    return params.history_length if params.HasField("history_length") else None
