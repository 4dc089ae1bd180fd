"""LangChain's stream events of one live graph: the stream mode `events`.

In the form of `astream_events(version="v2")`, which cannot be had beside `astream`. Like tokens they are what a graph
says while it runs: of an attempt that was cut off they come again, behind the announcement of the next one.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from langchain_core.callbacks import BaseCallbackHandler
from langchain_core.messages import BaseMessage
from langchain_core.outputs import ChatGenerationChunk, GenerationChunk, LLMResult
from langgraph.constants import TAG_HIDDEN

from ..run_events.responses import message_in, text_in
from ..run_events.task_paths import is_node

Publish = Callable[[Mapping[str, Any]], None]


@dataclass(frozen=True, slots=True)
class _Call:
    """A chain, model, tool or retriever under way."""

    kind: str
    name: str
    tags: list[str]
    metadata: dict[str, Any]
    parents: list[str]
    input: Any

    @property
    def is_node(self) -> bool:
        return self.kind == "chain" and is_node(self.name, self.metadata)


class GraphEvents(BaseCallbackHandler):
    """Hears one live graph, on its event loop and in the threads of plain functions."""

    run_inline = True  # in the order of the stream

    def __init__(self, publish: Publish) -> None:
        self._publish = publish
        self._loop = asyncio.get_running_loop()
        self._thread = threading.get_ident()
        self._calls: dict[UUID, _Call] = {}

    def _tell(self, run_id: UUID, call: _Call, moment: str, data: Mapping[str, Any]) -> None:
        event = {
            "event": f"on_{call.kind}_{moment}",
            "data": data,
            "name": call.name,
            "tags": call.tags,
            "run_id": str(run_id),
            "metadata": call.metadata,
            "parent_ids": call.parents,
        }
        if threading.get_ident() == self._thread:
            self._publish(event)
        else:
            self._loop.call_soon_threadsafe(self._publish, event)

    def _begin(
        self,
        kind: str,
        given: Any,
        serialized: dict[str, Any] | None,
        run_id: UUID,
        parent_run_id: UUID | None,
        tags: list[str] | None,
        metadata: dict[str, Any] | None,
        name: Any,
    ) -> None:
        if TAG_HIDDEN in (tags or ()) or run_id in self._calls:
            return
        above = self._calls.get(parent_run_id) if parent_run_id else None
        parents = [] if parent_run_id is None else [*(above.parents if above else ()), str(parent_run_id)]
        called = str(name or (serialized or {}).get("name") or kind)
        call = _Call(kind, called, tags or [], metadata or {}, parents, given)
        self._calls[run_id] = call
        self._tell(run_id, call, "start", {"input": given})

    def _end(self, run_id: UUID, output: Any, moment: str = "end") -> None:
        if (call := self._calls.pop(run_id, None)) is None:
            return
        if call.is_node:  # it gives out all at once
            self._tell(run_id, call, "stream", {"chunk": output})
        self._tell(run_id, call, moment, {"output": output, "input": call.input})

    def on_chain_start(
        self,
        serialized: dict[str, Any] | None,
        inputs: Any,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        self._begin("chain", inputs, serialized, run_id, parent_run_id, tags, metadata, more.get("name"))

    def on_chain_end(self, outputs: Any, *, run_id: UUID, **more: Any) -> None:
        self._end(run_id, outputs)

    def on_chain_error(self, error: BaseException, *, run_id: UUID, **more: Any) -> None:
        self._calls.pop(run_id, None)  # LangChain tells of it by what fails around it

    def on_chat_model_start(
        self,
        serialized: dict[str, Any] | None,
        messages: list[list[BaseMessage]],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        given = {"messages": messages}
        self._begin("chat_model", given, serialized, run_id, parent_run_id, tags, metadata, more.get("name"))

    def on_llm_start(
        self,
        serialized: dict[str, Any] | None,
        prompts: list[str],
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        given = {"prompts": prompts}
        self._begin("llm", given, serialized, run_id, parent_run_id, tags, metadata, more.get("name"))

    def on_llm_new_token(
        self, token: Any, *, chunk: GenerationChunk | ChatGenerationChunk | None = None, run_id: UUID, **more: Any
    ) -> None:
        if (call := self._calls.get(run_id)) is not None:
            said = chunk.message if isinstance(chunk, ChatGenerationChunk) else chunk or token
            self._tell(run_id, call, "stream", {"chunk": said})

    def on_llm_end(self, response: LLMResult, *, run_id: UUID, **more: Any) -> None:
        said = message_in(response)
        self._end(run_id, text_in(response) if said is None else said)

    def on_llm_error(self, error: BaseException, *, run_id: UUID, **more: Any) -> None:
        self._calls.pop(run_id, None)

    def on_tool_start(
        self,
        serialized: dict[str, Any] | None,
        input_str: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        inputs: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        given = input_str if inputs is None else inputs
        self._begin("tool", given, serialized, run_id, parent_run_id, tags, metadata, more.get("name"))

    def on_tool_end(self, output: Any, *, run_id: UUID, **more: Any) -> None:
        self._end(run_id, output)

    def on_tool_error(self, error: BaseException, *, run_id: UUID, **more: Any) -> None:
        if (call := self._calls.pop(run_id, None)) is not None:
            self._tell(run_id, call, "error", {"error": repr(error), "input": call.input})

    def on_retriever_start(
        self,
        serialized: dict[str, Any] | None,
        query: str,
        *,
        run_id: UUID,
        parent_run_id: UUID | None = None,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        given = {"query": query}
        self._begin("retriever", given, serialized, run_id, parent_run_id, tags, metadata, more.get("name"))

    def on_retriever_end(self, documents: Any, *, run_id: UUID, **more: Any) -> None:
        self._end(run_id, documents)

    def on_retriever_error(self, error: BaseException, *, run_id: UUID, **more: Any) -> None:
        self._calls.pop(run_id, None)

    def on_custom_event(
        self,
        name: str,
        data: Any,
        *,
        run_id: UUID,
        tags: list[str] | None = None,
        metadata: dict[str, Any] | None = None,
        **more: Any,
    ) -> None:
        call = _Call("custom", name, tags or [], metadata or {}, [], None)
        self._tell(run_id, call, "event", data)
