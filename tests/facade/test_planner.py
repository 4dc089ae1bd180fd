"""From a spec to a plan: everything that can be refused is refused here, by its name."""

from __future__ import annotations

from ipaddress import ip_network
from typing import Any

import pytest
from langchain_core.messages import AIMessage, HumanMessage

from perdure.contracts.errors import InvalidRunError
from perdure.contracts.settings import RunSettings, WebhookSettings
from perdure.contracts.types import CancelAction, CheckpointRequest, MultitaskStrategy, RetryPolicy, RunScope, RunSpec
from perdure.facade.choices import chosen
from perdure.facade.planner import ExecutionPlanner, RunPlan


def planned(settings: RunSettings | None = None, **fields: Any) -> RunPlan:
    given = {"assistant_id": "graph", "scope": RunScope(thread_id="thread"), **fields}
    return ExecutionPlanner(settings or RunSettings()).plan(RunSpec.model_validate(given))


REFUSED: list[tuple[dict[str, Any], str, str]] = [
    ({"webhook": "example.org/hook"}, "webhook", "webhook 'example.org/hook' cannot be used: it must begin with"),
    ({"webhook": "http://169.254.169.254/latest"}, "webhook", "169.254.169.254 is not a public address"),
    ({"webhook": "http://localhost:8000"}, "webhook", "127.0.0.1 is not a public address (webhooks.allowed_networks"),
    ({"feedback_keys": ("k",)}, "feedback_keys", "feedback_keys"),
    ({"scope": RunScope(kind="stateless"), "run_id": "x" * 191}, "run_id", "may have 190 characters"),
    ({"stream_resumable": False}, "stream_resumable", "stream_resumable=False"),
    ({"checkpoint_request": CheckpointRequest(checkpoint={"a": 1})}, "checkpoint_request", "request.checkpoint"),
    ({"runnable_config": {"recursion_limt": 5}}, "runnable_config", "(did you mean 'recursion_limit'?)"),
    ({"runnable_config": {"callbacks": []}}, "runnable_config", "allowed: configurable, metadata"),
    ({"runnable_config": {"configurable": 5}}, "runnable_config", "configurable must be an object"),
    ({"runnable_config": {"configurable": {"thread_id": "x"}}}, "runnable_config", "use scope.thread_id"),
    ({"runnable_config": {"configurable": {"checkpoint_id": "x"}}}, "runnable_config", "use checkpoint_request"),
    ({"runnable_config": {"configurable": {"checkpoint_ns": "x"}}}, "runnable_config", "use checkpoint_request"),
    ({"runnable_config": {"recursion_limit": 0}}, "runnable_config", "must be a whole number from 1 on"),
    ({"runnable_config": {"recursion_limit": "5"}}, "runnable_config", "recursion_limit must be a whole number"),
    ({"runnable_config": {"recursion_limit": 2.5}}, "runnable_config", "recursion_limit must be a whole number"),
]  # fmt: skip


@pytest.mark.parametrize(("fields", "field", "text"), REFUSED, ids=[case[2] for case in REFUSED])
def test_a_field_that_cannot_be_honoured_is_refused_by_its_name(fields: dict[str, Any], field: str, text: str) -> None:
    with pytest.raises(InvalidRunError) as raised:
        planned(**fields)
    assert text in str(raised.value)
    assert (raised.value.field or "").startswith(field)


def test_a_webhook_of_a_network_that_the_settings_allow() -> None:
    spec = RunSpec(assistant_id="graph", scope=RunScope(thread_id="t"), webhook="http://127.0.0.1:8000")
    allowing = WebhookSettings(allowed_networks=(ip_network("127.0.0.0/8"),))
    assert ExecutionPlanner(RunSettings(), allowing).plan(spec).spec.webhook == spec.webhook


def test_where_the_name_of_a_webhook_leads_is_not_looked_up() -> None:
    assert planned(webhook="https://hooks.invalid/1").spec.webhook == "https://hooks.invalid/1"


ODD_CONFIGS: dict[str, Any] = {
    "a limit that is true": {"recursion_limit": True},
    "tags that are a text": {"tags": "abc"},
    "metadata that is a list": {"metadata": [1]},
    "a concurrency of zero": {"max_concurrency": 0},
    "a concurrency that is a text": {"max_concurrency": "2"},
    "a name that is a number": {"run_name": 5},
    "LangGraph's own keys": {"configurable": {"__pregel_resuming": True}},
}


@pytest.mark.parametrize("name", ODD_CONFIGS)
def test_a_config_that_langgraph_could_not_use_is_refused(name: str) -> None:
    with pytest.raises(InvalidRunError):
        planned(runnable_config=ODD_CONFIGS[name])


def test_every_field_of_a_spec_is_planned_refused_or_read_by_the_worker() -> None:
    of_the_record = {
        "run_id",
        "scope",
        "assistant_id",
        "metadata",
        "multitask_strategy",
        "follow_up_to_run_id",
        "thread_metadata",
    }
    of_the_limits = {
        "run_timeout", "step_timeout", "awaiting_timeout", "retry", "after_seconds", "on_interrupt",
    }  # fmt: skip
    of_the_worker = {
        "input", "command", "runnable_config", "context", "stream_modes", "stream_subgraphs", "interrupt_before",
        "interrupt_after", "checkpoint_request", "durability", "on_completion",
    }  # fmt: skip
    of_the_facade = {"on_disconnect", "annotations"}
    refused = {"webhook", "feedback_keys", "stream_resumable"}
    assert of_the_record | of_the_limits | of_the_worker | of_the_facade | refused == set(RunSpec.model_fields)


def test_what_is_allowed_in_the_config() -> None:
    config = {
        "configurable": {"user": "u"}, "tags": ["t"], "metadata": {"m": 1}, "recursion_limit": 5,
        "run_name": "n", "max_concurrency": 2,
    }  # fmt: skip
    assert planned(runnable_config=config).spec.runnable_config == config


def test_a_plan_has_an_id_and_keeps_a_given_one() -> None:
    first, second = planned(), planned()
    assert first.run_id != second.run_id
    assert first.spec.run_id == first.record.run_id == first.submission.run_id == first.run_id
    assert planned(run_id="mine").run_id == "mine"


def test_planning_does_not_change_the_spec() -> None:
    spec = RunSpec(assistant_id="graph", scope=RunScope(thread_id="thread"))
    ExecutionPlanner(RunSettings()).plan(spec)
    assert spec.run_id is None


def test_the_record_is_a_pending_one() -> None:
    record = planned(metadata={"a": 1}, follow_up_to_run_id="before", multitask_strategy="reject").record
    assert (record.status.value, record.thread_id, record.assistant_id) == ("pending", "thread", "graph")
    assert (record.metadata, record.follow_up_to_run_id) == ({"a": 1}, "before")
    assert record.multitask_strategy is MultitaskStrategy.REJECT
    assert record.created_at == record.updated_at
    assert record.created_at.utcoffset() is not None
    assert (record.temporary, record.started_at, record.sequence, record.attempt) == (False, None, None, 0)


def test_a_stateless_run_has_a_thread_of_its_own_and_needs_no_admission() -> None:
    plan = planned(scope=RunScope(kind="stateless"), run_id="mine")
    assert plan.alone
    assert (plan.record.thread_id, plan.record.temporary) == ("stateless-mine", True)
    given = plan.as_input()
    assert (given.run_id, given.thread_id, given.assistant_id, given.admitted) == (
        "mine",
        "stateless-mine",
        "graph",
        True,
    )
    assert given.limits == plan.submission.limits


def test_a_stateful_run_is_admitted_by_its_thread() -> None:
    assert not planned().alone
    assert planned(scope=RunScope(thread_id="t", temporary=True)).record.temporary


def test_the_thread_of_a_stateless_run_is_a_valid_one() -> None:
    plan = planned(scope=RunScope(kind="stateless"), run_id="x" * 190)
    RunScope(thread_id=plan.record.thread_id)


def test_the_limits_are_those_of_the_settings() -> None:
    settings = RunSettings(
        slice_budget=1.0, heartbeat_timeout=2.0, step_timeout=3.0, run_timeout=4.0, awaiting_timeout=5.0
    )
    limits = planned(settings).submission.limits
    assert (limits.slice_budget, limits.heartbeat_timeout) == (1.0, 2.0)
    assert (limits.step_timeout, limits.run_timeout, limits.awaiting_timeout) == (3.0, 4.0, 5.0)


def test_the_limits_of_the_spec_come_before_those_of_the_settings() -> None:
    settings = RunSettings(step_timeout=3.0, run_timeout=4.0, awaiting_timeout=5.0)
    retry = RetryPolicy(max_attempts=4)
    limits = planned(
        settings, step_timeout=0.5, run_timeout=0.6, awaiting_timeout=0.7, after_seconds=8, on_interrupt="finish",
        retry=retry,
    ).submission.limits  # fmt: skip
    assert (limits.step_timeout, limits.run_timeout, limits.awaiting_timeout) == (0.5, 0.6, 0.7)
    assert (limits.after_seconds, limits.on_interrupt, limits.retry) == (8, "finish", retry)


def test_without_a_limit_there_is_none() -> None:
    limits = planned().submission.limits
    assert (limits.step_timeout, limits.run_timeout, limits.awaiting_timeout) == (None, None, None)


@pytest.mark.parametrize("name", ["step_timeout", "run_timeout", "awaiting_timeout"])
def test_a_timeout_of_zero_in_the_settings_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match=name):
        RunSettings.model_validate({name: 0})


PREVIEWS: list[Any] = [
    (None, "graph"),
    ("hello", "graph · hello"),
    ("  many\n\n words\t here ", "graph · many words here"),
    ({"question": "why?"}, "graph · why?"),
    ({"messages": [{"role": "user", "content": "first"}, {"role": "user", "content": "second"}]}, "graph · second"),
    ({"messages": [HumanMessage("hi"), AIMessage("there")]}, "graph · there"),
    pytest.param(
        {"messages": [HumanMessage([{"type": "text", "text": "part"}])]},
        "graph · part",
    ),
    ({"messages": ("user", "tuple")}, "graph · tuple"),
    ({"messages": [("user", "pair")]}, "graph · pair"),
    ({"messages": "just text"}, "graph · just text"),
    ({"messages": [], "topic": "bees"}, "graph · bees"),
    ({"n": 5}, "graph"),
    ([], "graph"),
    (b"bytes", "graph"),
    (5, "graph"),
    ("x" * 100, "graph · " + "x" * 100),
    ("x" * 101, "graph · " + "x" * 99 + "…"),
]


@pytest.mark.parametrize(("given", "summary"), PREVIEWS)
def test_the_summary_shows_the_first_words_of_the_input(given: Any, summary: str) -> None:
    assert planned(input=given).submission.summary == summary


def test_the_preview_can_be_switched_off() -> None:
    assert planned(RunSettings(preview=False), input="secret").submission.summary == "graph"


def test_an_input_that_contains_itself_is_no_error_of_ours() -> None:
    value: dict[str, Any] = {"topic": "bees"}
    value["messages"] = [value]
    assert planned(input=value).submission.summary.startswith("graph")


@pytest.mark.parametrize("action", CancelAction)
def test_an_action_by_name(action: CancelAction) -> None:
    assert chosen(CancelAction, action, "cancel action") is action
    assert chosen(CancelAction, action.value, "cancel action") is action


@pytest.mark.parametrize(
    ("action", "text"),
    [
        ("interupt", "unknown cancel action 'interupt' (did you mean 'interrupt'?); allowed: interrupt, rollback"),
        ("", "unknown cancel action ''"),
    ],
)
def test_a_wrong_action(action: str, text: str) -> None:
    with pytest.raises(InvalidRunError) as raised:
        chosen(CancelAction, action, "cancel action")
    assert text in str(raised.value)
