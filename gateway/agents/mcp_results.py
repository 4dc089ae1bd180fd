"""How a run ended, or what it asks, as the result of a call."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from jsonschema import Draft202012Validator
from mcp.types import (
    CallToolResult,
    ElicitRequest,
    ElicitRequestFormParams,
    ElicitResult,
    InputRequiredResult,
    TextContent,
)

from ...contracts.types import RunInterrupt, RunStatus, WaitResult
from ..failures import failure
from ..questions import questions
from ..replies import encode
from .answers import read_answer
from .question_texts import question_text
from .tool_schemas import output_schema

_ANSWER = "answer"
"""The field of the form."""


def failed(why: str) -> CallToolResult:
    """What a model reads of it."""
    return CallToolResult(content=[TextContent(type="text", text=why)], is_error=True)


def result_of(result: WaitResult, schemas: Mapping[str, Any]) -> CallToolResult:
    """The values as JSON, once as text and once as they are; or why there are none."""
    if result.status in (RunStatus.ERROR, RunStatus.TIMEOUT):
        error = failure(result.error) or {"error": "TimeoutError", "message": "the run took too long"}
        return failed(f"{error['error']}: {error['message']}")
    if asked := questions(result.interrupts):
        return failed(_unanswered(asked))
    if result.status is not RunStatus.SUCCESS:
        return failed("the run was cancelled")
    return _told(_object(result.values), output_schema(schemas.get("output_schema")))


def _object(values: Any) -> dict[str, Any]:
    if isinstance(values, dict):
        return cast("dict[str, Any]", values)
    return {} if values is None else {"result": values}


def _told(values: dict[str, Any], schema: Mapping[str, Any]) -> CallToolResult:
    text = encode(values).decode()
    wrong = next(iter(Draft202012Validator(schema).iter_errors(values)), None)  # pyright: ignore[reportUnknownMemberType]
    if wrong is not None:
        return failed(f"the graph has ended with what is not as its schema says ({wrong.message}): {text}")
    return CallToolResult(content=[TextContent(type="text", text=text)], structured_content=values)


def _unanswered(asked: list[RunInterrupt]) -> str:
    told = "; ".join(question_text(one) for one in asked)
    return f"the agent has a question, which this client cannot be asked (it has no elicitation): {told}"


def question_of(result: WaitResult) -> InputRequiredResult:
    """A form for each question; the run waits until the client calls again."""
    return InputRequiredResult(
        input_requests={one.id: _form(one) for one in questions(result.interrupts)}, request_state=result.run_id
    )


def _form(asked: RunInterrupt) -> ElicitRequest:
    schema = {"type": "object", "properties": {_ANSWER: {"type": "string"}}, "required": [_ANSWER]}
    return ElicitRequest(
        params=ElicitRequestFormParams(message=question_text(asked), requested_schema=cast("Any", schema))
    )


def answers_in(responses: Mapping[str, Any]) -> dict[str, Any] | None:
    """By the ids of the questions. `None`: somebody has declined to answer one."""
    found: dict[str, Any] = {}
    for id, response in responses.items():
        if not isinstance(response, ElicitResult) or response.action != "accept":
            return None
        found[id] = read_answer((response.content or {}).get(_ANSWER))
    return found
