"""What a user's editor and type checker say of a run's specification. Pyright runs this, with the rest."""

# pyright: reportUnnecessaryTypeIgnoreComment=true

from __future__ import annotations

from typing import Any, assert_type

from perdure import MultitaskStrategy, RetryPolicy, RunCommand, RunRecord, RunScope, RunSpec, RunStatus

SPEC = RunSpec(
    assistant_id="agent",
    scope=RunScope(thread_id="thread"),
    input={"any": "thing"},
    stream_modes=("values", "messages"),
    interrupt_before="*",
    interrupt_after=("node",),
    multitask_strategy=MultitaskStrategy.REJECT,
    durability="async",
    run_timeout=60,
    retry=RetryPolicy(),
)
assert_type(SPEC.assistant_id, str)
assert_type(SPEC.scope, RunScope)
assert_type(SPEC.run_id, str | None)
assert_type(SPEC.command, RunCommand | None)
assert_type(SPEC.metadata, dict[str, Any])
assert_type(SPEC.run_timeout, float | None)

RunSpec(assistant_id="agent")  # pyright: ignore[reportCallIssue]
RunSpec(scope=RunScope())  # pyright: ignore[reportCallIssue]
RunSpec(assistant_id="agent", scope=RunScope(), durability="never")  # pyright: ignore[reportArgumentType]
RunSpec(assistant_id="agent", scope=RunScope(), stream_modes=("value",))  # pyright: ignore[reportArgumentType]
RunSpec(assistant_id="agent", scope=RunScope(), inputs={})  # pyright: ignore[reportCallIssue]


def of_a_record(record: RunRecord) -> None:
    assert_type(record.run_id, str)
    assert_type(record.thread_id, str)
    assert_type(record.status, RunStatus)
    assert_type(record.status.terminal, bool)
