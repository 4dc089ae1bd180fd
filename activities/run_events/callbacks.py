"""The callbacks of a graph, as events of its run: model calls, tools, messages, custom events, and nodes that fail.

Called inline, so in order, on the event loop or in the thread of a plain function.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, cast
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import AIMessage, BaseMessage, HumanMessage, ToolMessage
from langchain_core.outputs import LLMResult
from langgraph.errors import GraphBubbleUp
from langgraph.types import Command

from ...contracts.events import EventCategory
from .callers import caller_of, is_summarization
from .recorder import Happening
from .responses import message_in, model_in, text_in, tokens_in
from .task_paths import is_node, task_path

Metadata = dict[str, Any] | None


class Add(Protocol):
    """Takes events, from any thread."""

    def __call__(self, *happenings: Happening) -> None: ...


@dataclass(frozen=True, slots=True)
class _Call:
    """A model call or a tool under way."""

    task: str
    about: dict[str, Any]
    summarizes: bool = False

    def tells(self, event_type: str, category: EventCategory, content: Any, **more: Any) -> Happening:
        known = {name: value for name, value in more.items() if value is not None}
        return Happening(event_type, category, content, {**self.about, **known}, self.task)


class EventCallbacks(BaseCallbackHandler):
    """Hears one live graph. A call is known by its run id: what is told twice counts once."""

    run_inline = True
    ignore_retriever = True  # pyright: ignore[reportAssignmentType, reportIncompatibleMethodOverride]

    def __init__(self, add: Add) -> None:
        self._add = add
        self._calls: dict[UUID, _Call] = {}
        self._nodes: dict[UUID, tuple[dict[str, Any], list[str]]] = {}
        """Executions of nodes under way, with their metadata and tags."""
        self._failures: dict[str, int] = {}
        """How often the node of a task has failed, by its path."""
        self._lock = threading.Lock()

    def _begin(self, run_id: UUID, tags: list[str] | None, metadata: Metadata, **about: Any) -> _Call | None:
        """The call; `None` if it is known already."""
        tags, metadata = tags or [], metadata or {}
        call = _Call(
            task_path(metadata),
            {
                "call_id": str(run_id),
                **_place(tags, metadata),
                **({"agent": metadata["lc_agent_name"]} if "lc_agent_name" in metadata else {}),
                **about,
            },
            is_summarization(tags, metadata),
        )
        with self._lock:
            return call if self._calls.setdefault(run_id, call) is call else None

    def _end(self, run_id: UUID) -> _Call | None:
        with self._lock:
            return self._calls.pop(run_id, None)

    # Nodes. Of one that LangGraph executes again (`RetryPolicy`) nothing else tells what has happened.

    def on_chain_start(
        self,
        serialized: dict[str, Any] | None,
        inputs: Any,
        *,
        run_id: UUID,
        tags: list[str] | None = None,
        metadata: Metadata = None,
        **more: Any,
    ) -> None:
        if metadata and is_node(more.get("name"), metadata):
            self._nodes[run_id] = metadata, tags or []

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **more: Any) -> None:
        if (node := self._nodes.pop(run_id, None)) and self._failures:
            self._failures.pop(task_path(node[0]), None)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **more: Any) -> None:
        node = self._nodes.pop(run_id, None)
        if node is None or not isinstance(error, Exception) or isinstance(error, GraphBubbleUp):
            return
        metadata, tags = node
        path = task_path(metadata)
        self._failures[path] = failures = self._failures.get(path, 0) + 1
        about = {**_place(tags, metadata), "failures": failures, "error": type(error).__name__}
        self._add(Happening("node_error", "trace", error, about, path))

    # Model calls.

    def on_chat_model_start(
        self,
        serialized: dict[str, Any] | None,
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        tags: list[str] | None = None,
        metadata: Metadata = None,
        **more: Any,
    ) -> None:
        given = [message for several in messages for message in several]
        if call := self._begin(run_id, tags, metadata, model=_model(metadata, more)):
            self._add(call.tells("llm_request", "trace", {"messages": given}), *_new_human_messages(call, given))

    def on_llm_start(
        self,
        serialized: dict[str, Any] | None,
        prompts: list[str],
        *,
        run_id: UUID,
        tags: list[str] | None = None,
        metadata: Metadata = None,
        **more: Any,
    ) -> None:
        if call := self._begin(run_id, tags, metadata, model=_model(metadata, more)):
            self._add(call.tells("llm_request", "trace", {"prompts": prompts}))

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **more: Any) -> None:
        if call := self._end(run_id):
            said = message_in(response)
            self._add(
                call.tells(
                    "llm_response",
                    "trace",
                    text_in(response) if said is None else said,
                    usage=tokens_in(response),
                    model=model_in(response),
                ),
                *_said(call, text_in(response) if said is None else said),
            )

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **more: Any) -> None:
        if call := self._end(run_id):
            self._add(call.tells("llm_error", "trace", error))

    # Tools.

    def on_tool_start(
        self,
        serialized: dict[str, Any] | None,
        input_str: str,
        *,
        run_id: UUID,
        tags: list[str] | None = None,
        metadata: Metadata = None,
        inputs: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        name = str((serialized or {}).get("name") or more.get("name") or "tool")
        about = {"tool": name, "tool_call_id": more.get("tool_call_id")}
        if call := self._begin(run_id, tags, metadata, **about):
            self._add(call.tells("tool_start", "trace", input_str if inputs is None else inputs))

    def on_tool_end(self, output: Any, *, run_id: UUID, **more: Any) -> None:
        if call := self._end(run_id):
            self._add(call.tells("tool_end", "trace", output), *_results(call, output))

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **more: Any) -> None:
        call = self._end(run_id)
        # A question, or a pause of a graph within: the tool runs again when the run goes on.
        if call and not isinstance(error, GraphBubbleUp):
            self._add(call.tells("tool_error", "trace", error))

    # What else a graph says.

    def on_custom_event(
        self,
        name: str,
        data: Any,
        *,
        run_id: UUID,
        tags: list[str] | None = None,
        metadata: Metadata = None,
        **more: Any,
    ) -> None:
        metadata = metadata or {}
        about = {"name": name, **_place(tags or (), metadata)}
        category = "middleware" if name.startswith("middleware:") else "trace"
        self._add(Happening("custom_event", category, data, about, task_path(metadata)))


def _place(tags: Iterable[str], metadata: Mapping[str, Any]) -> dict[str, Any]:
    """Where in the graph something happens, and by whose hand."""
    return {
        "caller": caller_of(tags, metadata),
        "node": metadata.get("langgraph_node"),
        "step": metadata.get("langgraph_step"),
    }


def _model(metadata: Metadata, more: dict[str, Any]) -> str:
    """The name under which the model is called."""
    asked: dict[str, Any] = more.get("invocation_params") or {}
    name = (metadata or {}).get("ls_model_name") or asked.get("model_name") or asked.get("model")
    return str(name or "unknown")


def _new_human_messages(call: _Call, given: Sequence[BaseMessage]) -> Iterator[Happening]:
    """Those that no model has answered yet, unless the run knows them. A subagent is not spoken to by a human."""
    if call.about["caller"] != "lead_agent":
        return
    answered = max((at for at, message in enumerate(given) if isinstance(message, AIMessage)), default=-1)
    for message in given[answered + 1 :]:
        if isinstance(message, HumanMessage):
            content: Any = cast("Any", message).content
            yield Happening("human_message", "message", content, call.about, call.task, if_new=True)


def _said(call: _Call, said: AIMessage | str) -> Iterator[Happening]:
    content: Any = said if isinstance(said, str) else cast("Any", said).content
    tool_calls = [] if isinstance(said, str) else said.tool_calls
    message_id = None if isinstance(said, str) else said.id
    if content and call.about["caller"] == "middleware":
        kind = "summarization" if call.summarizes else "middleware_message"
        yield call.tells(kind, "middleware", content, message_id=message_id)
    elif content:
        yield call.tells("ai_message", "message", content, message_id=message_id)
    for one in tool_calls:
        asked = {"id": one["id"], "name": one["name"], "args": one["args"]}
        yield call.tells("ai_tool_call", "message", asked, message_id=message_id)


def _results(call: _Call, output: Any) -> Iterator[Happening]:
    if isinstance(output, ToolMessage):
        content: Any = cast("Any", output).content
        yield call.tells("tool_result", "message", content, message_id=output.id, status=output.status)
    elif isinstance(output, Command):
        update: Any = cast("Command[Any]", output).update
        yield from _results(call, cast("dict[str, Any]", update).get("messages") if isinstance(update, dict) else None)
    elif isinstance(output, list | tuple):
        for one in cast("Sequence[Any]", output):
            yield from _results(call, one)
