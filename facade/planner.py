"""From a `RunSpec` to a plan: everything that can be refused is refused here, before anything is written."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Any, cast

from ..contracts.actor import resolve_user_id
from ..contracts.errors import InvalidRunError, nearest
from ..contracts.identifiers import ID_MAX_LENGTH
from ..contracts.settings import RunSettings, WebhookSettings
from ..contracts.shown_users import ShowUser
from ..contracts.telemetry import tracing
from ..contracts.threads import STATELESS
from ..contracts.types import RunRecord, RunSpec, new_run_id
from ..contracts.webhooks import literal_address, parse_webhook, refusal
from ..contracts.wire import RunInput, RunLimits
from ..contracts.wire_thread import Submission, run_input
from .forks import requested_checkpoint

_RESERVED = {
    "thread_id": "scope.thread_id",
    "checkpoint_id": "checkpoint_request",
    "checkpoint_ns": "checkpoint_request",
}
_SUMMARY_LENGTH = 100
_PREVIEW_DEPTH = 10
"""Characters of the input that Temporal's UI shows, in one line of its list; levels in which they are looked for."""

_NOT_YET: dict[str, Callable[[RunSpec], bool]] = {
    "feedback_keys": lambda spec: bool(spec.feedback_keys),
    "stream_resumable=False": lambda spec: not spec.stream_resumable,
}
"""Fields that this version does not honour. They are refused, never dropped in silence."""


@dataclass(frozen=True, slots=True)
class RunPlan:
    """A run, ready to be submitted."""

    spec: RunSpec
    record: RunRecord
    submission: Submission

    @property
    def run_id(self) -> str:
        """The run's id, made if the spec has none."""
        return self.record.run_id

    @property
    def alone(self) -> bool:
        """A stateless run has its thread to itself, so nothing has to admit it."""
        return self.spec.scope.kind == "stateless"

    def shown_as(self, show_user: ShowUser) -> RunPlan:
        """The same, with its user as Temporal is to show it."""
        user_id = self.submission.user_id
        if (shown := show_user(user_id)) == user_id:
            return self
        return replace(self, submission=self.submission.model_copy(update={"shown_user": shown or ""}))

    def as_input(self, *, sequence: int = 1, tells_thread: bool = False) -> RunInput:
        """The input of the workflow of a run that its client starts, because its thread is its own, or idle."""
        given = self.record.thread_id, self.submission
        return run_input(*given, sequence=sequence, admitted=True, tells_thread=tells_thread)


def stateless_thread(run_id: str) -> str:
    """The thread that a stateless run has to itself."""
    return f"{STATELESS}{run_id}"


class ExecutionPlanner:
    """Plans runs with the defaults of the settings."""

    def __init__(
        self,
        settings: RunSettings,
        webhooks: WebhookSettings | None = None,
        *,
        queue_of: Callable[[str], str | None] = lambda _: None,
        most_queued: int | None = None,
    ) -> None:
        """`queue_of`: the task queue of a graph, if it is not the common one. `most_queued`: runs in line."""
        self._most_queued = most_queued
        self._settings = settings
        self._webhooks = webhooks or WebhookSettings()
        self._queue_of = queue_of

    def plan(self, spec: RunSpec, *, installation: str | None = None) -> RunPlan:
        """`installation`: of the stores that get the run. Raises `InvalidRunError`, naming the field."""
        _check(spec)
        if spec.webhook is not None:
            _check_webhook(spec.webhook, self._webhooks)
        run_id = spec.run_id or new_run_id()
        spec = spec.model_copy(update={"run_id": run_id, "checkpoint_request": requested_checkpoint(spec)})
        now, user_id = datetime.now(UTC), resolve_user_id()
        record = RunRecord(
            run_id=run_id,
            thread_id=spec.scope.thread_id or stateless_thread(run_id),
            assistant_id=spec.assistant_id,
            temporary=spec.scope.temporary or spec.scope.kind == "stateless",
            multitask_strategy=spec.multitask_strategy,
            metadata=spec.metadata,
            thread_metadata=spec.thread_metadata,
            follow_up_to_run_id=spec.follow_up_to_run_id,
            user_id=user_id,
            created_at=now,
            updated_at=now,
        )
        return RunPlan(spec, record, self._submission(spec, run_id, installation))

    def _submission(self, spec: RunSpec, run_id: str, installation: str | None) -> Submission:
        return Submission(
            installation=installation,
            run_id=run_id,
            assistant_id=spec.assistant_id,
            strategy=spec.multitask_strategy,
            limits=self._limits(spec),
            summary=" · ".join(filter(None, (spec.assistant_id, self._preview(spec)))),
            user_id=resolve_user_id(),
            trace=tracing.traceparent(),
            task_queue=self._queue_of(spec.assistant_id),
            most_queued=self._most_queued,
        )

    def _limits(self, spec: RunSpec) -> RunLimits:
        settings = self._settings
        return RunLimits(
            slice_budget=settings.slice_budget,
            heartbeat_timeout=settings.heartbeat_timeout,
            step_timeout=spec.step_timeout or settings.step_timeout,
            run_timeout=spec.run_timeout or settings.run_timeout,
            awaiting_timeout=spec.awaiting_timeout or settings.awaiting_timeout,
            after_seconds=spec.after_seconds,
            on_interrupt=spec.on_interrupt,
            retry=spec.retry,
            preview=settings.preview,
            max_takeovers=settings.max_takeovers,
        )

    def _preview(self, spec: RunSpec) -> str:
        if not self._settings.preview:
            return ""
        text = next(_texts(spec.input), "").encode("utf-8", "replace").decode("utf-8")
        words = " ".join(text.split())
        return words if len(words) <= _SUMMARY_LENGTH else f"{words[: _SUMMARY_LENGTH - 1]}…"


def _check(spec: RunSpec) -> None:
    for field, used in _NOT_YET.items():
        if used(spec):
            raise InvalidRunError(f"{field} is not possible in this version of Perdure; leave it out", field=field)
    if spec.scope.kind == "stateless" and len(STATELESS + (spec.run_id or "")) > ID_MAX_LENGTH:
        limit = ID_MAX_LENGTH - len(STATELESS)
        raise InvalidRunError(f"the run_id of a stateless run may have {limit} characters at most", field="run_id")
    for key in spec.runnable_config:
        if key not in _CONFIG_FORMS:
            allowed = f"{nearest(key, _CONFIG_FORMS)}; allowed: {', '.join(_CONFIG_FORMS)}"
            raise InvalidRunError(f"runnable_config has an unknown key {key!r}{allowed}", field="runnable_config")
    for key, (fits, form) in _CONFIG_FORMS.items():
        if key in spec.runnable_config and not fits(spec.runnable_config[key]):
            raise InvalidRunError(f"runnable_config.{key} must be {form}", field="runnable_config")
    for key in spec.runnable_config.get("configurable", {}):
        if instead := _RESERVED.get(key):
            raise InvalidRunError(f"runnable_config.configurable.{key} is ours; use {instead}", field="runnable_config")
        if str(key).startswith("__pregel_"):
            raise InvalidRunError(f"runnable_config.configurable.{key} is LangGraph's own", field="runnable_config")


def _check_webhook(url: str, settings: WebhookSettings) -> None:
    """What can be told from the URL alone. Where its name leads is looked at when it is called."""
    try:
        host = parse_webhook(url).host
    except ValueError as exc:
        raise InvalidRunError(f"webhook {url!r} cannot be used: {exc}", field="webhook") from exc
    address = literal_address(host)
    if address is not None and (refused := refusal(address, settings.allowed_networks)):
        raise InvalidRunError(f"webhook {url!r} is not called: {refused}", field="webhook")


def _is_object(value: Any) -> bool:
    return isinstance(value, Mapping)


def _is_count(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool) and value >= 1


def _is_texts(value: Any) -> bool:
    return isinstance(value, list | tuple) and all(isinstance(item, str) for item in cast("Sequence[Any]", value))


_CONFIG_FORMS: dict[str, tuple[Callable[[Any], bool], str]] = {
    "configurable": (_is_object, "an object"),
    "metadata": (_is_object, "an object"),
    "tags": (_is_texts, "a list of texts"),
    "recursion_limit": (_is_count, "a whole number from 1 on"),
    "max_concurrency": (_is_count, "a whole number from 1 on"),
    "run_name": (lambda value: isinstance(value, str), "a text"),
}


def _texts(value: Any, depth: int = 0) -> Iterator[str]:
    """The texts in an input, the newest message first."""
    if depth > _PREVIEW_DEPTH:
        return
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        items = cast("Mapping[str, Any]", value)
        for key in ("messages", "content", "text"):
            yield from _texts(items.get(key), depth + 1)
        yield from (text for text in items.values() if isinstance(text, str))
    elif isinstance(value, Sequence) and not isinstance(value, bytes):
        for item in reversed(cast("Sequence[Any]", value)):
            yield from _texts(item, depth + 1)
    elif (content := getattr(value, "content", None)) is not None:
        yield from _texts(content, depth + 1)
